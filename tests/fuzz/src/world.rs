//! What a target lives in: a time that jumps to the next thing that waits, a clock that begins at the same moment every
//! time, chance of one seed, and a network that the target brings along.

use std::sync::Arc;

use retail_runtime::{Clock, Net, Network, Rng, Runtime, TimeSource, Timestamp};

/// When every run begins.
pub(crate) const BEGIN: i64 = 1_800_000_000;

struct Time(tokio::time::Instant);

impl TimeSource for Time {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(BEGIN).unwrap().checked_add(self.0.elapsed()).unwrap()
    }

    fn monotonic(&self) -> std::time::Duration {
        self.0.elapsed()
    }
}

/// A world whose time jumps: pauses and deadlines cost nothing.
pub(crate) fn tokio() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

/// The platform's surroundings; made inside of [`tokio`]'s world.
pub(crate) fn runtime(network: Arc<dyn Network>) -> Runtime {
    let clock = Clock::new(Arc::new(Time(tokio::time::Instant::now())));
    Runtime::new("fuzz", clock, Rng::seeded(1), Net::new(network))
}
