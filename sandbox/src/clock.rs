//! The twins' time: the runtime's, moved forwards on demand, so that a back office can do a week's work now.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use retail_runtime::{Clock, Timestamp};

/// The twins' clock.
#[derive(Clone)]
pub(crate) struct TwinClock {
    clock: Clock,
    ahead_ms: Arc<AtomicU64>,
}

impl TwinClock {
    pub(crate) fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), ahead_ms: Arc::default() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let ahead = Duration::from_millis(self.ahead_ms.load(Ordering::Relaxed));
        self.clock.now().checked_add(ahead).unwrap_or(Timestamp::MAX)
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.ahead_ms.fetch_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}
