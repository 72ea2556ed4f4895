//! What became of the commits of a domain, as figures.

use std::time::Duration;

use retail_runtime::metrics::{Counts, Durations, Family, Metrics};

use crate::commit::{Outcome, Refused};

const COMMITS: Family = Family {
    name: "retail_store_commits_total",
    help: "Commits sent to the store, by what became of them",
    labels: &["domain", "outcome"],
};
const SECONDS: Family = Family {
    name: "retail_store_commit_seconds",
    help: "How long a commit took until its outcome was known",
    labels: &["domain"],
};
/// Every outcome, so that each is known as 0 before it happens.
const OUTCOMES: [&str; 6] = ["committed", "conflict", "done_before", "refused", "unavailable", "unknown"];

/// The figures of one domain.
pub(crate) struct Tally {
    domain: String,
    commits: Counts,
    seconds: Durations,
}

impl Tally {
    pub(crate) fn new(metrics: &Metrics, domain: &str) -> Self {
        let (commits, seconds) = (metrics.counts(&COMMITS), metrics.durations(&SECONDS));
        for outcome in OUTCOMES {
            commits.add_many(&[domain, outcome], 0);
        }
        Self { domain: domain.to_owned(), commits, seconds }
    }

    /// A commit took so long, and this became of it.
    pub(crate) fn count(&self, outcome: &Outcome, took: Duration) {
        self.seconds.took(&[&self.domain], took);
        self.commits.add(&[&self.domain, word(outcome)]);
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Committed { .. } => "committed",
        Outcome::Conflict => "conflict",
        Outcome::Already(_) => "done_before",
        Outcome::Refused(
            Refused::Digest(_) | Refused::Fence(_) | Refused::Schema(_) | Refused::Mark { .. } | Refused::Malformed(_),
        ) => "refused",
        Outcome::Unavailable => "unavailable",
        Outcome::Unknown => "unknown",
    }
}
