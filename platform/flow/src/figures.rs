//! How the partitions that this replica holds stand, for the figures: how far groups are behind, what is under way, waits
//! or is parked and for how long. Every replica tells of its own; together they tell all.

use std::time::Duration;

use futures::future::BoxFuture;
use futures::{StreamExt as _, TryStreamExt as _};
use retail_runtime::metrics::{self, Family, Sampler, Value};
use retail_runtime::{Runtime, Timestamp};
use retail_store::{Document as _, Error, IndexQuery, Lag, Partition, Store};

use crate::leases::Leases;
use crate::letters::DeadLetters;
use crate::transactions::{State, list, since};

/// Partitions that are looked at side by side.
const SIDE_BY_SIDE: usize = 8;
/// Shorter than whoever reads the figures waits: a store that does not answer is a figure too.
const PATIENCE: Duration = Duration::from_secs(3);
/// Parked transactions of one partition that are looked at. Beyond so many the counts say less than there are.
const PARKED: usize = 1_000;

const ANSWERS: Family = Family {
    name: "retail_store_answers",
    help: "1 when the store answered what the figures of the domain are made of, else 0",
    labels: &["domain"],
};
const HELD: Family =
    Family { name: "retail_leases_held", help: "Partitions that this replica drives", labels: &["domain"] };
const TRANSACTIONS: Family = Family {
    name: "retail_transactions",
    help: "Business transactions that are not over, by state, in the partitions that this replica drives",
    labels: &["domain", "state"],
};
const OLDEST: Family = Family {
    name: "retail_transactions_oldest_seconds",
    help: "For how long the business transaction that has been in this state longest has been in it",
    labels: &["domain", "state"],
};
const LETTERS: Family = Family {
    name: "retail_dead_letters",
    help: "Aggregates of other domains whose events could not be taken in and wait for a person",
    labels: &["domain"],
};
const ENTRIES: Family = Family {
    name: "retail_feed_lag_entries",
    help: "Events that a group has not acknowledged",
    labels: &["domain", "group", "partition"],
};
const AGE: Family = Family {
    name: "retail_feed_lag_seconds",
    help: "For how long the oldest event that a group has not acknowledged has been there",
    labels: &["domain", "group", "partition"],
};
const EXPIRED: Family = Family {
    name: "retail_feed_groups_expired",
    help: "Partitions in which a group was silent for too long and must resync",
    labels: &["domain", "group"],
};

/// The figures of one domain.
pub(crate) struct Figures {
    runtime: Runtime,
    store: Store,
    leases: Leases,
}

/// One state, over some partitions.
#[derive(Debug, Default, Clone, Copy)]
struct Stand {
    count: u64,
    oldest: Option<Timestamp>,
}

impl Stand {
    fn and(self, other: Self) -> Self {
        Self {
            count: self.count.saturating_add(other.count),
            oldest: [self.oldest, other.oldest].into_iter().flatten().min(),
        }
    }
}

/// One partition, or several.
#[derive(Debug, Default)]
struct Part {
    running: Stand,
    waiting: Stand,
    parked: Stand,
    letters: u64,
    lags: Vec<Lag>,
}

impl Part {
    fn and(mut self, other: Self) -> Self {
        self.running = self.running.and(other.running);
        self.waiting = self.waiting.and(other.waiting);
        self.parked = self.parked.and(other.parked);
        self.letters = self.letters.saturating_add(other.letters);
        self.lags.extend(other.lags);
        self
    }
}

impl Figures {
    pub(crate) fn new(runtime: &Runtime, store: &Store, leases: &Leases) -> Self {
        Self { runtime: runtime.clone(), store: store.clone(), leases: leases.clone() }
    }

    async fn look(&self) -> Vec<metrics::Reading> {
        let held = self.leases.held();
        let domain = || vec![self.store.domain().to_owned()];
        let count = |many: usize| Value::Count(u64::try_from(many).unwrap_or(u64::MAX));
        let mut readings = vec![metrics::Reading { family: HELD, labels: domain(), value: count(held.len()) }];
        let parts = futures::stream::iter(held).map(|partition| self.part(partition)).buffer_unordered(SIDE_BY_SIDE);
        let all = parts.try_fold(Part::default(), |all, part| std::future::ready(Ok(all.and(part))));
        let all = match self.runtime.clock().timeout(PATIENCE, all).await {
            Ok(Ok(all)) => Some(all),
            Ok(Err(error)) => {
                tracing::warn!(%error, domain = self.store.domain(), "figures without the store's");
                None
            }
            Err(_) => None,
        };
        readings.push(metrics::Reading { family: ANSWERS, labels: domain(), value: count(usize::from(all.is_some())) });
        if let Some(all) = all {
            self.tell(all, &mut readings);
        }
        readings
    }

    fn tell(&self, all: Part, readings: &mut Vec<metrics::Reading>) {
        let (domain, now) = (self.store.domain(), self.runtime.clock().now());
        let mut say = |family, labels: &[&str], value| {
            let of = labels.iter().map(|label| (*label).to_owned());
            let labels = std::iter::once(domain.to_owned()).chain(of).collect();
            readings.push(metrics::Reading { family, labels, value });
        };
        let age = |at: Option<Timestamp>| {
            let age = at.map(|at| Duration::try_from(now.duration_since(at)).unwrap_or_default());
            Value::Age(age.unwrap_or_default())
        };
        for (state, stand) in [("running", all.running), ("waiting", all.waiting), ("parked", all.parked)] {
            say(TRANSACTIONS, &[state], Value::Count(stand.count));
            say(OLDEST, &[state], age(stand.oldest));
        }
        say(LETTERS, &[], Value::Count(all.letters));
        for group in self.store.groups() {
            let expired = all.lags.iter().filter(|lag| lag.expired && lag.group == *group).count();
            say(EXPIRED, &[group], Value::Count(u64::try_from(expired).unwrap_or(u64::MAX)));
        }
        for lag in all.lags {
            let partition = lag.partition.number().to_string();
            say(ENTRIES, &[&lag.group, &partition], Value::Count(lag.entries));
            say(AGE, &[&lag.group, &partition], age(lag.oldest));
        }
    }

    async fn part(&self, partition: Partition) -> Result<Part, Error> {
        let (running, waiting) =
            futures::try_join!(self.stand(partition, State::Running), self.stand(partition, State::Waiting))?;
        let mut part = Part { running, waiting, ..Part::default() };
        let parked = self.store.index(partition, &first(State::Parked, PARKED)).await?;
        let letters = parked.iter().filter(|entry| entry.key.kind() == DeadLetters::KIND).count();
        part.letters = u64::try_from(letters).unwrap_or(u64::MAX);
        let count = u64::try_from(parked.len()).unwrap_or(u64::MAX);
        part.parked = Stand { count, oldest: parked.first().and_then(|entry| since(&entry.sort)) };
        for group in self.store.groups() {
            part.lags.extend(self.store.lag_in(partition, group).await?);
        }
        Ok(part)
    }

    async fn stand(&self, partition: Partition, state: State) -> Result<Stand, Error> {
        let count = self.store.count(partition, &list(state.number())).await?;
        let first = if count == 0 { Vec::new() } else { self.store.index(partition, &first(state, 1)).await? };
        Ok(Stand { count, oldest: first.first().and_then(|entry| since(&entry.sort)) })
    }
}

/// Those that have been in a state longest.
fn first(state: State, limit: usize) -> IndexQuery {
    IndexQuery { name: list(state.number()), prefix: Vec::new(), after: None, limit }
}

impl Sampler for Figures {
    fn sample(&self) -> BoxFuture<'_, Vec<metrics::Reading>> {
        Box::pin(self.look())
    }
}
