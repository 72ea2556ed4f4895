//! The runtime over a network in memory and paused time: nothing here waits for a real clock.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails here and now")]

mod drain;
mod faults;
mod grpc;
mod http;
mod memory;
mod peers;

use retail_runtime::{Clock, Net, Rng, Runtime, Timestamp, telemetry};

/// A runtime of its own, its time standing still, its network in memory.
fn runtime() -> Runtime {
    telemetry::for_tests();
    let (clock, _time) = Clock::manual(Timestamp::UNIX_EPOCH);
    Runtime::new("test", clock, Rng::seeded(7), Net::new(memory::network()))
}
