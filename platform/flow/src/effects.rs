//! Effects as figures: how many were sent, and what became of them.

use retail_runtime::metrics::{Counts, Family, Metrics};

const SENT: Family = Family {
    name: "retail_effects_sent_total",
    help: "Effects sent to connectors, every attempt",
    labels: &["domain", "kind"],
};
const OUTCOMES: Family = Family {
    name: "retail_effects_total",
    help: "Attempts and read-backs of effects, by what they brought",
    labels: &["domain", "kind", "outcome"],
};

/// The figures of one domain's effects.
pub(crate) struct Effects {
    domain: String,
    sent: Counts,
    outcomes: Counts,
}

impl Effects {
    pub(crate) fn new(metrics: &Metrics, domain: &str) -> Self {
        Self { domain: domain.to_owned(), sent: metrics.counts(&SENT), outcomes: metrics.counts(&OUTCOMES) }
    }

    /// An effect of a kind of document is sent.
    pub(crate) fn sent(&self, kind: &str) {
        self.sent.add(&[&self.domain, kind]);
    }

    /// This became of it.
    pub(crate) fn ended(&self, kind: &str, outcome: &str) {
        self.outcomes.add(&[&self.domain, kind, outcome]);
    }
}
