//! Bodies, read whole within their limits.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use retail_runtime::Clock;

use crate::fault::Error;

/// How much beyond the limit is read and thrown away, in times of the limit. Whoever is still sending when the connection
/// closes hears that it broke, and not why.
const THROWN_AWAY: usize = 4;
/// How long that may take.
const LINGER: Duration = Duration::from_secs(2);

/// Reads a body. A declared length above the limit is refused before a byte is kept, one far above it before a byte is
/// read.
pub(super) async fn read<B>(clock: &Clock, mut body: B, limit: usize, idle: Duration) -> Result<Bytes, Error>
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let most = limit.saturating_mul(THROWN_AWAY);
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if declared > limit {
        if declared <= limit.saturating_add(most) {
            throw_away(clock, body, most).await;
        }
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
            throw_away(clock, body, most).await;
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

/// Reads the rest of a body that is refused, as far as it is worth it.
async fn throw_away<B>(clock: &Clock, mut body: B, most: usize)
where
    B: http_body::Body<Data = Bytes> + Unpin,
{
    let mut left = most;
    let reading = async {
        while left > 0 {
            let Some(Ok(frame)) = body.frame().await else { return };
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
        }
    };
    // Whether it ended or took too long, the refusal is what there is to say.
    clock.timeout(LINGER, reading).await.ok();
}
