//! A concurrency budget with three lanes that finds the vendor's true limit by itself.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::call::Lane;

/// More callers than this waiting in one lane: the next is sent away at once.
const LONGEST_QUEUE: usize = 1_024;
/// Halving answers the same burst only once.
const ONE_BURST: Duration = Duration::from_secs(1);

/// At most so many calls at once. Orders go first, and the other lanes may never take the half that is theirs.
/// The limit halves when the vendor says "too many" and grows by one after sixteen full rounds without it.
#[derive(Debug, Clone)]
pub struct Lanes(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    ceiling: usize,
    limit: usize,
    in_flight: usize,
    below_critical: usize,
    quiet: usize,
    halved_at: Option<Duration>,
    waiting: [VecDeque<oneshot::Sender<Slot>>; 3],
}

/// A place among the calls in flight, given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    lanes: Lanes,
    lane: Lane,
}

/// The queue of this lane is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

impl Lanes {
    /// Starts at `limit` calls at once and never exceeds `ceiling`; both at least one.
    #[must_use]
    pub fn new(limit: usize, ceiling: usize) -> Self {
        let limit = limit.max(1);
        Self(Arc::new(Mutex::new(State {
            ceiling: ceiling.max(limit),
            limit,
            in_flight: 0,
            below_critical: 0,
            quiet: 0,
            halved_at: None,
            waiting: [VecDeque::new(), VecDeque::new(), VecDeque::new()],
        })))
    }

    /// Waits for a place. A caller that stops waiting loses nothing for others.
    pub(crate) async fn enter(&self, lane: Lane) -> Result<Slot, Full> {
        let waiter = {
            let mut state = self.lock();
            if state.nobody_before(lane) && state.fits(lane) {
                state.admit(lane);
                return Ok(Slot { lanes: self.clone(), lane });
            }
            let (sender, waiter) = oneshot::channel();
            let queue = state.queue(lane);
            queue.retain(|sender| !sender.is_closed());
            if queue.len() >= LONGEST_QUEUE {
                return Err(Full);
            }
            queue.push_back(sender);
            waiter
        };
        waiter.await.map_err(|_| Full)
    }

    /// The vendor said "too many at once".
    pub(crate) fn too_many(&self, now: Duration) {
        let mut state = self.lock();
        let fresh = state.halved_at.is_none_or(|at| now.saturating_sub(at) >= ONE_BURST);
        if fresh {
            state.limit = (state.limit / 2).max(1);
            state.halved_at = Some(now);
        }
        state.quiet = 0;
    }

    /// A call was served.
    pub(crate) fn served(&self) {
        let granted = {
            let mut state = self.lock();
            state.quiet = state.quiet.saturating_add(1);
            if state.quiet >= state.limit.saturating_mul(16) && state.limit < state.ceiling {
                state.limit = state.limit.saturating_add(1);
                state.quiet = 0;
            }
            state.next(self)
        };
        deliver(granted);
    }

    /// Calls in flight, limit, callers waiting.
    #[must_use]
    pub fn reading(&self) -> (usize, usize, usize) {
        let state = self.lock();
        let waiting = state.waiting.iter().flatten().filter(|sender| !sender.is_closed()).count();
        (state.in_flight, state.limit, waiting)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn queue(&mut self, lane: Lane) -> &mut VecDeque<oneshot::Sender<Slot>> {
        let [critical, normal, sheddable] = &mut self.waiting;
        match lane {
            Lane::Critical => critical,
            Lane::Normal => normal,
            Lane::Sheddable => sheddable,
        }
    }

    fn nobody_before(&mut self, lane: Lane) -> bool {
        [Lane::Critical, Lane::Normal, Lane::Sheddable]
            .into_iter()
            .filter(|other| *other <= lane)
            .all(|other| self.queue(other).iter().all(oneshot::Sender::is_closed))
    }

    fn fits(&self, lane: Lane) -> bool {
        let share = self.limit.div_ceil(2);
        self.in_flight < self.limit
            && match lane {
                Lane::Critical => true,
                Lane::Normal | Lane::Sheddable => self.below_critical < share,
            }
    }

    fn admit(&mut self, lane: Lane) {
        self.in_flight = self.in_flight.saturating_add(1);
        self.below_critical = self.below_critical.saturating_add(usize::from(lane != Lane::Critical));
    }

    /// Admits whoever may go now. The slots are delivered after the lock is released: a slot that finds its waiter
    /// gone is dropped and locks again.
    fn next(&mut self, lanes: &Lanes) -> Vec<(oneshot::Sender<Slot>, Slot)> {
        let mut granted = Vec::new();
        for lane in [Lane::Critical, Lane::Normal, Lane::Sheddable] {
            while self.fits(lane) {
                let Some(sender) = self.queue(lane).pop_front() else { break };
                if !sender.is_closed() {
                    self.admit(lane);
                    granted.push((sender, Slot { lanes: lanes.clone(), lane }));
                }
            }
        }
        granted
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let granted = {
            let mut state = self.lanes.lock();
            state.in_flight = state.in_flight.saturating_sub(1);
            state.below_critical = state.below_critical.saturating_sub(usize::from(self.lane != Lane::Critical));
            state.next(&self.lanes)
        };
        deliver(granted);
    }
}

fn deliver(granted: Vec<(oneshot::Sender<Slot>, Slot)>) {
    for (sender, slot) in granted {
        drop(sender.send(slot)); // a waiter that left in between gives the slot back by dropping it
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn enter_now(lanes: &Lanes, lane: Lane) -> Option<Slot> {
        lanes.enter(lane).now_or_never().map(Result::unwrap)
    }

    #[test]
    fn sweeps_never_take_the_half_that_belongs_to_orders() {
        let lanes = Lanes::new(4, 4);
        let _sweeps = [enter_now(&lanes, Lane::Sheddable).unwrap(), enter_now(&lanes, Lane::Normal).unwrap()];
        assert!(enter_now(&lanes, Lane::Sheddable).is_none());
        assert!(enter_now(&lanes, Lane::Critical).is_some());
    }

    #[test]
    fn an_order_overtakes_waiting_sweeps() {
        let lanes = Lanes::new(1, 1);
        let slot = enter_now(&lanes, Lane::Sheddable).unwrap();
        let mut sweep = Box::pin(lanes.enter(Lane::Sheddable));
        let mut order = Box::pin(lanes.enter(Lane::Critical));
        assert!((&mut sweep).now_or_never().is_none());
        assert!((&mut order).now_or_never().is_none());
        drop(slot);
        assert!((&mut sweep).now_or_never().is_none());
        assert!((&mut order).now_or_never().is_some());
    }

    #[test]
    fn a_caller_that_stops_waiting_loses_no_place() {
        let lanes = Lanes::new(1, 1);
        let slot = enter_now(&lanes, Lane::Critical).unwrap();
        let mut gone = Box::pin(lanes.enter(Lane::Critical));
        assert!((&mut gone).now_or_never().is_none());
        drop(slot); // the place is on its way to a waiter that never looks
        drop(gone);
        assert!(enter_now(&lanes, Lane::Critical).is_some());
        assert_eq!(lanes.reading(), (0, 1, 0));
    }

    #[test]
    fn the_limit_halves_once_per_burst_and_grows_slowly() {
        let lanes = Lanes::new(8, 8);
        lanes.too_many(Duration::from_millis(10));
        lanes.too_many(Duration::from_millis(20));
        assert_eq!(lanes.reading().1, 4);
        lanes.too_many(Duration::from_millis(1_500));
        assert_eq!(lanes.reading().1, 2);
        for _ in 0..31 {
            lanes.served();
        }
        assert_eq!(lanes.reading().1, 2);
        lanes.served();
        assert_eq!(lanes.reading().1, 3);
    }
}
