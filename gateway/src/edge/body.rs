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
            throw_away(clock, body, declared).await;
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

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll};

    use http_body::{Body, Frame, SizeHint};

    use super::*;

    /// A body of so many bytes, one in each frame, that says how long it is or does not.
    struct Sent {
        left: usize,
        declared: bool,
        read: Arc<AtomicUsize>,
    }

    impl Body for Sent {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            if self.left == 0 {
                return Poll::Ready(None);
            }
            self.left -= 1;
            self.read.fetch_add(1, Ordering::Relaxed);
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"x")))))
        }

        fn size_hint(&self) -> SizeHint {
            if self.declared { SizeHint::with_exact(u64::try_from(self.left).unwrap()) } else { SizeHint::default() }
        }
    }

    /// What became of a body of `bytes` with a limit of ten, and how much of it was read.
    async fn sent(bytes: usize, declared: bool) -> (Option<usize>, usize) {
        let read = Arc::new(AtomicUsize::new(0));
        let body = Sent { left: bytes, declared, read: Arc::clone(&read) };
        let whole = super::read(&Clock::system(), body, 10, Duration::from_secs(1)).await;
        (whole.ok().map(|whole| whole.len()), read.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn a_body_within_its_limit_is_read_whole() {
        assert_eq!(sent(10, true).await, (Some(10), 10));
        assert_eq!(sent(10, false).await, (Some(10), 10));
    }

    #[tokio::test]
    async fn what_is_too_large_is_read_to_its_end_and_refused() {
        assert_eq!(sent(50, true).await, (None, 50));
        assert_eq!(sent(50, false).await, (None, 50));
    }

    #[tokio::test]
    async fn what_is_far_too_large_is_not_read_to_its_end() {
        assert_eq!(sent(51, true).await, (None, 0), "not at all when it says so");
        assert_eq!(sent(1_000, false).await, (None, 51));
    }
}
