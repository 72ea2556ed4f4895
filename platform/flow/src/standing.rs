//! How fresh a followed feed is: what a projection may claim of what it shows.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use retail_runtime::{Clock, Timestamp};

use crate::roster::Replicas;

/// Every partition.
const ALL: u64 = u64::MAX;

/// Where the following of one feed stands, by all replicas together. Clones share it.
#[derive(Clone)]
pub struct Standing {
    own: Own,
    feed: Arc<str>,
    replicas: Option<Replicas>,
}

/// Where this replica stands with its part of a feed. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Own {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    connected: bool,
    pending: usize,
    /// The owner has said that nothing is left to send, and nothing came since.
    complete: bool,
    /// When the last event that was taken in had happened.
    taken: Option<Timestamp>,
    /// Up to when all was known when the connection broke.
    until: Option<Timestamp>,
    /// A bit for each partition that the owner sends to this replica.
    partitions: u64,
    /// What was last claimed of the whole feed. It stays true while a part of it is nobody's.
    claimed: Option<Timestamp>,
}

/// What is known of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Everything that happened up to here is taken in; `None` before the owner was ever heard.
    pub as_of: Option<Timestamp>,
    /// Is the owner connected? When not, nothing newer can be known.
    pub connected: bool,
}

impl Standing {
    /// Of a feed that the replicas of this service follow together.
    pub(crate) fn new(clock: &Clock, feed: &str, replicas: Option<Replicas>) -> Self {
        let own = Own { clock: clock.clone(), state: Arc::default() };
        if let Some(replicas) = &replicas {
            replicas.follow(feed, own.clone());
        }
        Self { own, feed: feed.into(), replicas }
    }

    /// What is known now.
    #[must_use]
    pub fn known(&self) -> Known {
        let (own, partitions) = self.own.part();
        let mut parts = vec![(own.as_of, partitions)];
        if partitions != ALL {
            parts.extend(self.replicas.iter().flat_map(|replicas| replicas.followed(&self.feed)));
        }
        let told = together(&parts);
        let mut state = self.own.lock();
        if told.is_some() {
            state.claimed = told;
        }
        Known { as_of: state.claimed, connected: own.connected }
    }

    pub(crate) fn own(&self) -> &Own {
        &self.own
    }
}

impl Own {
    /// What is known of the part that is followed here, and which partitions that are.
    pub(crate) fn part(&self) -> (Known, u64) {
        let state = self.lock();
        (known(&state, self.clock.now()), state.partitions)
    }

    /// The owner sends these partitions here from now on.
    pub(crate) fn assigned(&self, partitions: impl Iterator<Item = u32>) {
        let mut state = self.lock();
        let held = partitions.fold(0, |all, partition| all | 1_u64.checked_shl(partition).unwrap_or(0));
        if held & !state.partitions != 0 {
            // Of what is new here nothing is known yet.
            state.complete = false;
            state.taken = None;
            state.until = None;
        }
        state.partitions = held;
    }

    /// The owner has said something; so many events wait to be taken in, and there are more unless it is complete.
    pub(crate) fn heard(&self, pending: usize, complete: bool) {
        let mut state = self.lock();
        state.connected = true;
        state.complete = complete;
        state.pending = pending;
    }

    /// An event that had happened then is taken in; so many wait still.
    pub(crate) fn taken(&self, at: Timestamp, pending: usize) {
        let mut state = self.lock();
        state.taken = state.taken.max(Some(at));
        state.pending = pending;
    }

    /// The connection is lost.
    pub(crate) fn lost(&self) {
        let now = self.clock.now();
        let mut state = self.lock();
        state.until = known(&state, now).as_of;
        state.connected = false;
        state.complete = false;
        state.pending = 0;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Up to when everything is taken in, when each replica has followed its part so far: the partition that is furthest
/// behind counts. `None` when a partition is nobody's.
fn together(parts: &[(Option<Timestamp>, u64)]) -> Option<Timestamp> {
    let best = |partition: u32| {
        let of = parts.iter().filter(|(_, held)| held.checked_shr(partition).unwrap_or(0) & 1 == 1);
        of.map(|(as_of, _)| *as_of).max().flatten()
    };
    (0..u64::BITS).map(best).min().flatten()
}

fn known(state: &State, now: Timestamp) -> Known {
    if !state.connected {
        return Known { as_of: state.until, connected: false };
    }
    let all_read = state.complete && state.pending == 0;
    Known { as_of: if all_read { Some(now) } else { state.taken.max(state.until) }, connected: true }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    #[test]
    fn a_feed_at_rest_is_known_up_to_now() {
        let state = State { connected: true, complete: true, taken: Some(at(-5_000)), ..State::default() };
        assert_eq!(known(&state, at(60)), Known { as_of: Some(at(60)), connected: true });
    }

    #[test]
    fn while_old_events_are_read_the_feed_is_as_old_as_they_are() {
        let state = State { connected: true, complete: true, taken: Some(at(-5_000)), pending: 3, ..State::default() };
        assert_eq!(known(&state, at(60)).as_of, Some(at(-5_000)));
    }

    #[test]
    fn between_two_messages_of_old_events_nobody_claims_to_know_all() {
        let state = State { connected: true, taken: Some(at(-5_000)), ..State::default() };
        assert_eq!(known(&state, at(0)).as_of, Some(at(-5_000)));
    }

    #[test]
    fn a_lost_connection_keeps_the_moment_up_to_which_all_was_known() {
        let (clock, time) = Clock::manual(at(0));
        let standing = Standing::new(&clock, "orders", None);
        assert_eq!(standing.known(), Known { as_of: None, connected: false });
        standing.own().assigned(0..64);
        standing.own().heard(0, true);
        time.advance(Duration::from_secs(30));
        standing.own().lost();
        time.advance(Duration::from_secs(600));
        assert_eq!(standing.known(), Known { as_of: Some(at(30)), connected: false });
    }

    #[test]
    fn what_another_replica_follows_counts_as_far_as_that_one_is() {
        let (low, high) = (0xffff_ffff_u64, 0xffff_ffff_0000_0000_u64);
        assert_eq!(together(&[(Some(at(60)), ALL)]), Some(at(60)));
        assert_eq!(together(&[(Some(at(60)), low), (Some(at(40)), high)]), Some(at(40)));
        assert_eq!(together(&[(Some(at(60)), low)]), None, "half of the feed is nobody's");
        assert_eq!(together(&[(Some(at(60)), low), (None, high)]), None, "and here nobody has heard of it");
        assert_eq!(together(&[(Some(at(60)), ALL), (Some(at(40)), high)]), Some(at(60)), "taken over and read since");
    }

    #[test]
    fn a_part_that_is_taken_over_is_not_known_before_it_is_read() {
        let (clock, _time) = Clock::manual(at(0));
        let standing = Standing::new(&clock, "orders", None);
        standing.own().assigned(0..32);
        standing.own().heard(0, true);
        assert_eq!(standing.known().as_of, None, "the other half is nobody's here");
        standing.own().assigned(0..64);
        standing.own().heard(0, false);
        assert_eq!(standing.known().as_of, None);
        standing.own().heard(0, true);
        assert_eq!(standing.known().as_of, Some(at(0)));
    }
}
