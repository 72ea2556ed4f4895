//! Stops calling an operation that keeps failing, and tries one call after a rest.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Calls within the window before the breaker judges.
const ENOUGH: u32 = 20;
/// Width of the window, in slots of one second.
const WINDOW: u64 = 10;
/// Rest before a probe.
const REST: Duration = Duration::from_secs(5);

/// One breaker per operation: opens at half of at least 20 calls failing within 10 s, probes once after 5 s.
#[derive(Debug, Default)]
pub struct Breaker {
    operations: Mutex<BTreeMap<&'static str, State>>,
}

#[derive(Debug, Default)]
struct State {
    slots: BTreeMap<u64, (u32, u32)>,
    opened_at: Option<Duration>,
    probing: bool,
}

/// Leave to try; tell how it went. Dropped untold, it counts neither way.
#[derive(Debug)]
pub struct Ticket<'a> {
    breaker: &'a Breaker,
    operation: &'static str,
    probe: bool,
    told: bool,
}

impl Breaker {
    /// Leave to call, or how long the rest still lasts.
    pub fn enter(&self, operation: &'static str, now: Duration) -> Result<Ticket<'_>, Duration> {
        let mut operations = self.lock();
        let state = operations.entry(operation).or_default();
        let probe = match state.opened_at {
            None => false,
            Some(at) => {
                let rested = now.saturating_sub(at);
                if rested < REST {
                    return Err(REST.saturating_sub(rested));
                }
                if state.probing {
                    return Err(Duration::from_secs(1));
                }
                state.probing = true;
                true
            }
        };
        Ok(Ticket { breaker: self, operation, probe, told: false })
    }

    /// Operations that are not called now.
    #[must_use]
    pub fn open(&self) -> Vec<&'static str> {
        self.lock().iter().filter(|(_, state)| state.opened_at.is_some()).map(|(name, _)| *name).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, State>> {
        self.operations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, ticket: &Ticket<'_>, failed: bool, now: Duration) {
        let mut operations = self.lock();
        let Some(state) = operations.get_mut(ticket.operation) else { return };
        if ticket.probe {
            state.probing = false;
            state.slots.clear();
            state.opened_at = failed.then_some(now);
            return;
        }
        if state.opened_at.is_some() {
            return; // a straggler from before the opening
        }
        let second = now.as_secs();
        state.slots.retain(|slot, _| slot.saturating_add(WINDOW) > second);
        let (calls, failures) = state.slots.entry(second).or_default();
        *calls = calls.saturating_add(1);
        *failures = failures.saturating_add(u32::from(failed));
        let calls = state.slots.values().fold(0_u32, |sum, (calls, _)| sum.saturating_add(*calls));
        let failures = state.slots.values().fold(0_u32, |sum, (_, failures)| sum.saturating_add(*failures));
        if calls >= ENOUGH && failures.saturating_mul(2) >= calls {
            state.opened_at = Some(now);
        }
    }
}

impl Ticket<'_> {
    /// The vendor answered.
    pub fn answered(mut self, now: Duration) {
        self.told = true;
        self.breaker.tell(&self, false, now);
    }

    /// The vendor did not answer, or was unwell.
    pub fn failed(mut self, now: Duration) {
        self.told = true;
        self.breaker.tell(&self, true, now);
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if self.probe
            && !self.told
            && let Some(state) = self.breaker.lock().get_mut(self.operation)
        {
            state.probing = false; // the next caller probes
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(100);

    fn run(breaker: &Breaker, good: u32, bad: u32) {
        for _ in 0..good {
            breaker.enter("op", START).unwrap().answered(START);
        }
        for _ in 0..bad {
            breaker.enter("op", START).unwrap().failed(START);
        }
    }

    #[test]
    fn half_of_twenty_failures_open_it_and_nineteen_calls_do_not() {
        let breaker = Breaker::default();
        run(&breaker, 9, 10);
        assert!(breaker.open().is_empty());
        run(&breaker, 0, 1);
        assert_eq!(breaker.open(), ["op"]);
        assert_eq!(breaker.enter("op", START).unwrap_err(), REST);
        assert!(breaker.enter("other", START).is_ok());
    }

    #[test]
    fn failures_older_than_the_window_are_forgotten() {
        let breaker = Breaker::default();
        run(&breaker, 0, 19);
        let later = START + Duration::from_secs(10);
        breaker.enter("op", later).unwrap().failed(later);
        assert!(breaker.open().is_empty());
    }

    #[test]
    fn one_probe_at_a_time_closes_or_opens_it_again() {
        let breaker = Breaker::default();
        run(&breaker, 0, 20);
        let later = START + REST;
        let probe = breaker.enter("op", later).unwrap();
        assert!(breaker.enter("op", later).is_err());
        probe.failed(later);
        assert!(breaker.enter("op", later).is_err());
        let later = later + REST;
        drop(breaker.enter("op", later).unwrap());
        breaker.enter("op", later).unwrap().answered(later);
        assert!(breaker.open().is_empty());
    }
}
