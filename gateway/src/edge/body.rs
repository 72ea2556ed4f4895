//! Bodies, read whole within their limits.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use retail_runtime::Clock;

use crate::fault::Error;

/// Reads a body. A declared length above the limit is refused before a byte is read.
pub(super) async fn read<B>(clock: &Clock, mut body: B, limit: usize, idle: Duration) -> Result<Bytes, Error>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let too_large = |bytes: u64| usize::try_from(bytes).map_or(true, |bytes| bytes > limit);
    if too_large(body.size_hint().lower()) {
        return Err(Error::BodyTooLarge { limit });
    }
    let mut whole = BytesMut::new();
    let mut first: Option<Bytes> = None;
    loop {
        let frame = clock.timeout(idle, body.frame()).await;
        let frame = frame.map_err(|_| Error::BodyStalled { seconds: idle.as_secs() })?;
        let Some(frame) = frame else { break };
        let Ok(data) = frame.map_err(|_| Error::BodyBroken)?.into_data() else { continue };
        let so_far = whole.len() + first.as_ref().map_or(0, Bytes::len) + data.len();
        if so_far > limit {
            return Err(Error::BodyTooLarge { limit });
        }
        // Most bodies come in one piece, which need not be copied.
        if first.is_none() && whole.is_empty() {
            first = Some(data);
            continue;
        }
        if let Some(first) = first.take() {
            whole.extend_from_slice(&first);
        }
        whole.extend_from_slice(&data);
    }
    Ok(first.unwrap_or_else(|| whole.freeze()))
}
