//! A rate budget: points that come back with time.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::call::Lane;
use crate::policy::Standing;

const MILLI: u64 = 1_000;

/// Points of a vendor's rate limit, kept in thousandths. The vendor's own word corrects the level.
#[derive(Debug)]
pub struct Bucket {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    capacity: u64,
    per_second: u64,
    level: u64,
    at: Duration,
    paused_until: Duration,
}

/// What became of asking for points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    Now,
    /// Ask again then.
    After(Duration),
    /// Never: it costs more than the budget holds.
    Never,
}

impl Bucket {
    /// A full bucket of `capacity` points that regains `per_second` points each second (at least one).
    #[must_use]
    pub fn new(capacity: u32, per_second: u32) -> Self {
        let capacity = u64::from(capacity).saturating_mul(MILLI);
        let state = State {
            capacity,
            per_second: u64::from(per_second.max(1)),
            level: capacity,
            at: Duration::ZERO,
            paused_until: Duration::ZERO,
        };
        Self { state: Mutex::new(state) }
    }

    /// Takes points at `now`. Lanes below critical leave half of the bucket for critical calls.
    pub(crate) fn take(&self, now: Duration, cost: u32, lane: Lane) -> Taken {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.refill(now);
        let cost = u64::from(cost).saturating_mul(MILLI);
        if cost > state.capacity {
            return Taken::Never;
        }
        if now < state.paused_until {
            return Taken::After(state.paused_until.saturating_sub(now));
        }
        let kept = match lane {
            Lane::Critical => 0,
            Lane::Normal | Lane::Sheddable => (state.capacity / 2).min(state.capacity.saturating_sub(cost)),
        };
        let needed = cost.saturating_add(kept);
        if state.level >= needed {
            state.level = state.level.saturating_sub(cost);
            return Taken::Now;
        }
        let missing = needed.saturating_sub(state.level);
        Taken::After(Duration::from_millis(missing.div_ceil(state.per_second)))
    }

    /// Believes the vendor about the level.
    pub(crate) fn correct(&self, now: Duration, standing: Standing) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.refill(now);
        state.capacity = u64::from(standing.capacity).saturating_mul(MILLI);
        state.per_second = u64::from(standing.per_second.max(1));
        // Calls in flight are not yet in the vendor's number: never believe a higher one.
        state.level = state.level.min(u64::from(standing.available).saturating_mul(MILLI)).min(state.capacity);
    }

    /// Nothing leaves until `until`.
    pub(crate) fn pause(&self, until: Duration) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.paused_until = state.paused_until.max(until);
    }
}

impl State {
    fn refill(&mut self, now: Duration) {
        let elapsed = u64::try_from(now.saturating_sub(self.at).as_millis()).unwrap_or(u64::MAX);
        // One point a second is one thousandth a millisecond.
        self.level = self.level.saturating_add(elapsed.saturating_mul(self.per_second)).min(self.capacity);
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lanes_below_critical_leave_half_of_the_points() {
        let bucket = Bucket::new(10, 1);
        for _ in 0..5 {
            assert_eq!(bucket.take(Duration::ZERO, 1, Lane::Sheddable), Taken::Now);
        }
        assert_eq!(bucket.take(Duration::ZERO, 1, Lane::Sheddable), Taken::After(Duration::from_secs(1)));
        for _ in 0..5 {
            assert_eq!(bucket.take(Duration::ZERO, 1, Lane::Critical), Taken::Now);
        }
        assert_eq!(bucket.take(Duration::ZERO, 1, Lane::Critical), Taken::After(Duration::from_secs(1)));
    }

    #[test]
    fn a_call_dearer_than_the_bucket_never_leaves() {
        assert_eq!(Bucket::new(10, 1).take(Duration::ZERO, 11, Lane::Critical), Taken::Never);
    }

    #[test]
    fn the_vendors_lower_number_is_believed_and_a_higher_one_is_not() {
        let bucket = Bucket::new(1_000, 50);
        bucket.correct(Duration::ZERO, Standing { capacity: 2_000, available: 100, per_second: 100 });
        assert_eq!(bucket.take(Duration::ZERO, 100, Lane::Critical), Taken::Now);
        bucket.correct(Duration::ZERO, Standing { capacity: 2_000, available: 2_000, per_second: 100 });
        assert_eq!(bucket.take(Duration::ZERO, 50, Lane::Critical), Taken::After(Duration::from_millis(500)));
    }

    #[test]
    fn a_pause_holds_every_lane() {
        let bucket = Bucket::new(10, 1);
        bucket.pause(Duration::from_secs(2));
        assert_eq!(bucket.take(Duration::ZERO, 1, Lane::Critical), Taken::After(Duration::from_secs(2)));
        assert_eq!(bucket.take(Duration::from_secs(2), 1, Lane::Critical), Taken::Now);
    }

    proptest! {
        #[test]
        fn never_more_than_capacity_plus_rate_times_time_is_admitted(
            steps in proptest::collection::vec((0_u64..500, 1_u32..5), 1..200)
        ) {
            let bucket = Bucket::new(20, 7);
            let (mut now, mut admitted) = (Duration::ZERO, 0_u64);
            for (pause, cost) in steps {
                now += Duration::from_millis(pause);
                if bucket.take(now, cost, Lane::Critical) == Taken::Now {
                    admitted += u64::from(cost);
                }
                let allowed = 20 * 1_000 + 7 * u64::try_from(now.as_millis()).unwrap();
                prop_assert!(admitted * 1_000 <= allowed);
            }
        }
    }
}
