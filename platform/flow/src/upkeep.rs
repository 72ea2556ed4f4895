//! Upkeep of a domain's store, by whoever holds a partition: events that every group has behind and stored results that
//! nobody will ask for again are removed, a little at a time; a group that has been silent for too long holds up nothing
//! any more, which is an alarm.

use std::time::Duration;

use retail_runtime::Runtime;
use retail_runtime::metrics::{Counts, Family};
use retail_store::{Error, Partition, Store};

use crate::leases::Leases;

/// How long it takes to go through all that is held. The first time begins after as long: a group whose owner was away
/// could not show itself, and does so now.
const ROUND: Duration = Duration::from_secs(600);
/// How often it is looked whether anything is held.
const LOOK: Duration = Duration::from_secs(30);
/// Most events and results that are removed in one go.
const SOME: usize = 1_000;
/// Between two goes at the same partition: others work on the store as well.
const PAUSE: Duration = Duration::from_millis(250);

const TRIMMED: Family = Family {
    name: "retail_feed_trimmed_total",
    help: "Events removed from the feed after every group had acknowledged them",
    labels: &["domain"],
};
const SWEPT: Family = Family {
    name: "retail_store_results_swept_total",
    help: "Stored results removed because nobody repeats a request after so long",
    labels: &["domain"],
};
const EXPIRED: Family = Family {
    name: "retail_feed_groups_expired_total",
    help: "Partitions in which a group was silent for too long: it must resync; alarm",
    labels: &["domain", "group"],
};

/// The upkeep of one replica.
pub(crate) struct Upkeep {
    runtime: Runtime,
    store: Store,
    leases: Leases,
    trimmed: Counts,
    swept: Counts,
    expired: Counts,
}

impl Upkeep {
    pub(crate) fn new(runtime: &Runtime, store: &Store, leases: &Leases) -> Self {
        let metrics = runtime.metrics();
        let (trimmed, swept, expired) = (metrics.counts(&TRIMMED), metrics.counts(&SWEPT), metrics.counts(&EXPIRED));
        trimmed.add_many(&[store.domain()], 0);
        swept.add_many(&[store.domain()], 0);
        for group in store.groups() {
            expired.add_many(&[store.domain(), group], 0);
        }
        Self { runtime: runtime.clone(), store: store.clone(), leases: leases.clone(), trimmed, swept, expired }
    }

    /// Goes round until the runtime stops.
    pub(crate) async fn run(self) {
        self.rest(ROUND).await;
        while !self.runtime.stopping().is_cancelled() {
            let held = self.leases.held();
            let Some(rest) = ROUND.checked_div(u32::try_from(held.len()).unwrap_or(u32::MAX)) else {
                self.rest(LOOK).await;
                continue;
            };
            for partition in held {
                if self.runtime.stopping().is_cancelled() {
                    return;
                }
                if let Err(error) = self.keep(partition).await {
                    tracing::warn!(%error, %partition, domain = self.store.domain(), "no upkeep; it is tried again");
                }
                self.rest(rest).await;
            }
        }
    }

    async fn keep(&self, partition: Partition) -> Result<(), Error> {
        let domain = self.store.domain();
        loop {
            // Given away or stopping: whoever takes it goes on.
            let Some(at_work) = self.leases.begin(partition) else { return Ok(()) };
            let trimmed = self.store.trim(partition, self.store.groups(), self.store.keep(), SOME).await?;
            for group in &trimmed.expired {
                tracing::error!(
                    domain,
                    group,
                    %partition,
                    "ALARM: the group was silent for 7 days; nothing is kept for it any more, and it must resync"
                );
                self.expired.add(&[domain, group]);
            }
            let swept = self.store.sweep(partition, SOME).await?;
            drop(at_work);
            self.trimmed.add_many(&[domain], u64::try_from(trimmed.removed).unwrap_or(0));
            self.swept.add_many(&[domain], u64::try_from(swept).unwrap_or(0));
            if trimmed.removed < SOME && swept < SOME {
                return Ok(());
            }
            self.rest(PAUSE).await;
        }
    }

    /// About as long, so that replicas and domains do not go in step; shorter when the runtime stops.
    async fn rest(&self, span: Duration) {
        let half = span / 2;
        let span = half.saturating_add(self.runtime.rng().jitter(span));
        let _stopped = self.runtime.clock().timeout(span, self.runtime.stopping().cancelled_owned()).await;
    }
}
