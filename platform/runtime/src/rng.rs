//! Chance: seeded, so that a run can be repeated. Not for secrets.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A source of chance. Clones share it.
#[derive(Clone, Debug)]
pub struct Rng(Arc<Mutex<fastrand::Rng>>);

impl Rng {
    /// Seeded by the operating system.
    #[must_use]
    pub fn system() -> Self {
        Self::seeded(getrandom::u64().unwrap_or_else(|_| fastrand::u64(..)))
    }

    /// Seeded by a number: the same seed, the same run.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(fastrand::Rng::with_seed(seed))))
    }

    /// Any number.
    #[must_use]
    pub fn u64(&self) -> u64 {
        self.lock().u64(..)
    }

    /// A number below `bound`; 0 for a bound of 0.
    #[must_use]
    pub fn below(&self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.lock().u64(..bound) }
    }

    /// True with this many in a thousand.
    #[must_use]
    pub fn chance(&self, per_mille: u32) -> bool {
        self.below(1000) < u64::from(per_mille)
    }

    /// Fills with chance.
    pub fn fill(&self, bytes: &mut [u8]) {
        self.lock().fill(bytes);
    }

    /// Full jitter: a duration from nothing to `most`.
    #[must_use]
    pub fn jitter(&self, most: Duration) -> Duration {
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.below(nanos.saturating_add(1)))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, fastrand::Rng> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
