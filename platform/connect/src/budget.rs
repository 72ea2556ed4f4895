//! Waiting for a vendor's budget, whatever its kind.

use std::time::Duration;

use retail_runtime::Clock;

use crate::bucket::{Bucket, Taken};
use crate::call::{Call, Lane};
use crate::fault::{CallFault, Held};
use crate::lanes::{Lanes, Slot};
use crate::policy::Standing;

/// What a vendor limits.
#[derive(Debug)]
pub enum Budget {
    /// Points per time, corrected by what the vendor says.
    Rate(Bucket),
    /// Calls at once, adapting to refusals.
    Concurrency(Lanes),
}

/// Leave to call; hold it until the answer is whole.
#[derive(Debug)]
pub struct Permit {
    _slot: Option<Slot>,
}

impl Budget {
    /// Waits at most `patience` for leave to call.
    pub(crate) async fn acquire(&self, clock: &Clock, call: &Call, patience: Duration) -> Result<Permit, CallFault> {
        match self {
            Self::Concurrency(lanes) => match clock.timeout(patience, lanes.enter(call.lane)).await {
                Ok(Ok(slot)) => Ok(Permit { _slot: Some(slot) }),
                Ok(Err(_)) => Err(held(call, "too many calls wait already")),
                Err(_) => Err(held(call, "no place among the calls in flight came free in time")),
            },
            Self::Rate(bucket) => wait_for_points(bucket, clock, call, patience).await,
        }
    }

    /// The vendor said "not executed, slow down".
    pub(crate) fn throttled(&self, now: Duration, wait: Option<Duration>) {
        match self {
            Self::Concurrency(lanes) => lanes.too_many(now),
            Self::Rate(bucket) => bucket.pause(now.saturating_add(wait.unwrap_or(Duration::from_secs(1)))),
        }
    }

    /// A call was served; `standing` is what the vendor says of the budget.
    pub(crate) fn served(&self, now: Duration, standing: Option<Standing>) {
        match (self, standing) {
            (Self::Concurrency(lanes), _) => lanes.served(),
            (Self::Rate(bucket), Some(standing)) => bucket.correct(now, standing),
            (Self::Rate(_), None) => {}
        }
    }

    /// Calls in flight, limit, callers waiting; zeros for a rate.
    pub(crate) fn reading(&self) -> (usize, usize, usize) {
        match self {
            Self::Concurrency(lanes) => lanes.reading(),
            Self::Rate(_) => (0, 0, 0),
        }
    }
}

async fn wait_for_points(bucket: &Bucket, clock: &Clock, call: &Call, patience: Duration) -> Result<Permit, CallFault> {
    let until = clock.monotonic().saturating_add(patience);
    loop {
        let now = clock.monotonic();
        match bucket.take(now, call.cost, call.lane) {
            Taken::Now => return Ok(Permit { _slot: None }),
            Taken::Never => return Err(held(call, "it costs more than the vendor's whole budget")),
            Taken::After(wait) if now.saturating_add(wait) > until => {
                let why = "the vendor's rate budget is spent".to_owned();
                let (operation, held) = (call.operation, Held::Budget);
                return Err(CallFault::NotSent { operation, held, why, retry_after: Some(wait) });
            }
            Taken::After(wait) => clock.sleep(wait.max(shortest_sleep(call.lane))).await,
        }
    }
}

/// Waiters of lower lanes look less often, so that a waiting order finds the points first.
fn shortest_sleep(lane: Lane) -> Duration {
    match lane {
        Lane::Critical => Duration::from_millis(1),
        Lane::Normal => Duration::from_millis(10),
        Lane::Sheddable => Duration::from_millis(50),
    }
}

fn held(call: &Call, why: &str) -> CallFault {
    CallFault::not_sent(call.operation, Held::Budget, why)
}
