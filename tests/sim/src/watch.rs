//! What everybody of a run shares: the trace, what was found to be wrong, and what was counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::trace::Trace;

/// An invariant that did not hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Its name, as the guarantees have it.
    pub invariant: &'static str,
    /// What was seen.
    pub detail: String,
}

/// The eyes of a run. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    trace: Trace,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    violations: Vec<Violation>,
    counted: BTreeMap<&'static str, u64>,
    built: bool,
    calm: bool,
}

impl Watch {
    /// The trace.
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Notes that an invariant does not hold.
    pub fn violated(&self, invariant: &'static str, detail: String) {
        self.trace.line("LAW", &format!("{invariant} violated: {detail}"));
        let violation = Violation { invariant, detail };
        let mut seen = self.seen();
        if !seen.violations.contains(&violation) {
            seen.violations.push(violation);
        }
    }

    /// What was found to be wrong so far.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.seen().violations.clone()
    }

    /// Counts one more of these.
    pub fn count(&self, what: &'static str) {
        let mut seen = self.seen();
        let counted = seen.counted.entry(what).or_default();
        *counted = counted.saturating_add(1);
    }

    /// Everything that was counted.
    #[must_use]
    pub fn counted(&self) -> BTreeMap<&'static str, u64> {
        self.seen().counted.clone()
    }

    /// The world is built: from now on anything may go wrong.
    pub(crate) fn built(&self) {
        self.seen().built = true;
    }

    /// May anything go wrong yet?
    pub(crate) fn is_built(&self) -> bool {
        self.seen().built
    }

    /// From now on nothing goes wrong any more.
    pub(crate) fn calm_down(&self) {
        self.seen().calm = true;
    }

    /// Does nothing go wrong any more?
    pub(crate) fn is_calm(&self) -> bool {
        self.seen().calm
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
