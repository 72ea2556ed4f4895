//! Whether a process may be given work: it may while every condition is met and it has not been asked to stop.

use std::sync::Arc;

use tokio::sync::watch;

/// How many conditions are not met.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readiness(Arc<watch::Sender<usize>>);

impl Readiness {
    /// A condition, met to begin with.
    pub(crate) fn condition(&self) -> Condition {
        Condition { met: true, all: self.clone() }
    }

    /// Follows how many are not met.
    pub(crate) fn unmet(&self) -> watch::Receiver<usize> {
        self.0.subscribe()
    }
}

/// Something that a process cannot work without, as long as it is held.
#[derive(Debug)]
pub struct Condition {
    met: bool,
    all: Readiness,
}

impl Condition {
    /// Says how it is now; true when that is news.
    pub fn set(&mut self, met: bool) -> bool {
        if self.met == met {
            return false;
        }
        self.met = met;
        self.all.0.send_modify(|unmet| *unmet = if met { unmet.saturating_sub(1) } else { unmet.saturating_add(1) });
        true
    }
}

impl Drop for Condition {
    fn drop(&mut self) {
        self.set(true);
    }
}
