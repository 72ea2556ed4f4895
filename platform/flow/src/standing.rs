//! How fresh a followed feed is: what a projection may claim of what it shows.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use retail_runtime::{Clock, Timestamp};

/// Where the following of one feed stands. Clones share it.
#[derive(Debug, Clone)]
pub struct Standing {
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
    pub(crate) fn new(clock: &Clock) -> Self {
        Self { clock: clock.clone(), state: Arc::default() }
    }

    /// What is known now.
    #[must_use]
    pub fn known(&self) -> Known {
        known(&self.lock(), self.clock.now())
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

fn known(state: &State, now: Timestamp) -> Known {
    if !state.connected {
        return Known { as_of: state.until, connected: false };
    }
    let all_read = state.complete && state.pending == 0;
    Known { as_of: if all_read { Some(now) } else { state.taken.max(state.until) }, connected: true }
}

#[cfg(test)]
mod tests {
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
        let standing = Standing::new(&clock);
        assert_eq!(standing.known(), Known { as_of: None, connected: false });
        standing.heard(0, true);
        time.advance(Duration::from_secs(30));
        standing.lost();
        time.advance(Duration::from_secs(600));
        assert_eq!(standing.known(), Known { as_of: Some(at(30)), connected: false });
    }
}
