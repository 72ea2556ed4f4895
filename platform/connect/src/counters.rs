//! What a client did, for metrics and tests.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the client was made, and the state of its budget.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Requests whose first byte may have left.
    pub sent: u64,
    /// Whole answers.
    pub answered: u64,
    /// Calls that were kept back.
    pub not_sent: u64,
    /// Writes without a whole answer.
    pub unknown: u64,
    /// Answers that said: not executed, slow down.
    pub throttled: u64,
    /// Attempts after the first.
    pub repeated: u64,
    /// Tokens fetched anew after a refusal.
    pub refused_tokens: u64,
    /// Operations whose breaker is open now.
    pub breakers_open: u64,
    /// Calls in flight under a concurrency budget now.
    pub in_flight: u64,
    /// Size of the concurrency budget now.
    pub limit: u64,
    /// Calls waiting for budget now.
    pub waiting: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) sent: AtomicU64,
    pub(crate) answered: AtomicU64,
    pub(crate) not_sent: AtomicU64,
    pub(crate) unknown: AtomicU64,
    pub(crate) throttled: AtomicU64,
    pub(crate) repeated: AtomicU64,
    pub(crate) refused_tokens: AtomicU64,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Snapshot {
            sent: read(&self.sent),
            answered: read(&self.answered),
            not_sent: read(&self.not_sent),
            unknown: read(&self.unknown),
            throttled: read(&self.throttled),
            repeated: read(&self.repeated),
            refused_tokens: read(&self.refused_tokens),
            ..Snapshot::default()
        }
    }
}
