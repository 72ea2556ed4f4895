//! Simulated time as the platform's clock; every host's wall clock is off by something of its own.

use std::sync::Arc;
use std::time::Duration;

use retail_runtime::{Clock, TimeSource, Timestamp};

/// When every run begins, in seconds since 1970: 2024-03-02T09:00:00Z.
pub(crate) const BEGINNING: i64 = 1_709_370_000;

/// A clock that is this many milliseconds ahead of the world.
pub(crate) fn clock(ahead: i64) -> Clock {
    Clock::new(Arc::new(Simulated { ahead }))
}

/// What time it is in the world after so much of a run.
pub(crate) fn at(elapsed: Duration, ahead: i64) -> Timestamp {
    let millis = i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX);
    let millis = BEGINNING.saturating_mul(1_000).saturating_add(millis).saturating_add(ahead);
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
}

struct Simulated {
    ahead: i64,
}

impl TimeSource for Simulated {
    fn now(&self) -> Timestamp {
        at(self.monotonic(), self.ahead)
    }

    fn monotonic(&self) -> Duration {
        turmoil::sim_elapsed().unwrap_or_default()
    }
}
