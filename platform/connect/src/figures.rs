//! Calls of one vendor as figures: by operation, and by what became of each attempt.

use std::time::Duration;

use retail_runtime::Runtime;
use retail_runtime::metrics::{Counts, Durations, Family};

const CALLS: Family = Family {
    name: "retail_vendor_calls_total",
    help: "Attempts to call a vendor, by operation and by what became of them",
    labels: &["connector", "operation", "outcome"],
};
const SECONDS: Family = Family {
    name: "retail_vendor_call_seconds",
    help: "How long a vendor took to answer, from the first byte sent to the last received",
    labels: &["connector", "operation"],
};

/// The figures of one client.
pub(crate) struct Figures {
    connector: String,
    calls: Counts,
    seconds: Durations,
}

impl Figures {
    pub(crate) fn new(runtime: &Runtime) -> Self {
        let metrics = runtime.metrics();
        let (calls, seconds) = (metrics.counts(&CALLS), metrics.durations(&SECONDS));
        Self { connector: runtime.name().to_owned(), calls, seconds }
    }

    /// This became of an attempt.
    pub(crate) fn ended(&self, operation: &str, outcome: &str) {
        self.calls.add(&[&self.connector, operation, outcome]);
    }

    /// The vendor answered after so long.
    pub(crate) fn answered(&self, operation: &str, after: Duration) {
        self.seconds.took(&[&self.connector, operation], after);
    }
}
