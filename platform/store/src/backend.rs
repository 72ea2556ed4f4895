//! What a back end must do. Callers never see it; embedded, Redis and model pass one conformance suite.

use std::sync::Arc;

use tokio::sync::watch;
use tonic::async_trait;

use crate::commit::{Commit, CommitId, Outcome};
use crate::fault::Error;
use crate::key::{Key, Partition};
use crate::record::{
    Ends, Entry, GroupOp, IndexEntry, IndexQuery, Lease, LeaseAnswer, LeaseOp, MarkRecord, Offset, Position, Record,
    Stored, Trim, Trimmed,
};
use retail_runtime::Timestamp;

/// Entries that are counted in one go.
const COUNTED: usize = 1_024;

/// What to load in one go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Documents.
    pub keys: Vec<Key>,
    /// Stored results.
    pub results: Vec<CommitId>,
    /// Inbox marks.
    pub marks: Vec<String>,
    /// The partition's lease.
    pub lease: bool,
}

/// What was loaded, in the order of the wish, of one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Documents.
    pub records: Vec<Option<Record>>,
    /// Stored results.
    pub results: Vec<Option<Stored>>,
    /// Inbox marks.
    pub marks: Vec<Option<MarkRecord>>,
    /// The partition's lease as it stands, when asked for and somebody holds it.
    pub lease: Option<Lease>,
}

/// One domain's data in some engine. Everything it changes goes through [`Backend::commit`] or one of the small
/// operations; each is atomic in its partition and durable when it answers. Reads see every acknowledged write.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// Checks everything first, then writes everything.
    async fn commit(&self, partition: Partition, commit: Commit) -> Outcome;

    /// Loads documents, results, marks and the lease.
    async fn load(&self, partition: Partition, wanted: Wanted) -> Result<Loaded, Error>;

    /// Documents whose key begins with `prefix`, in key order, after `after`.
    async fn scan(
        &self,
        partition: Partition,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Record)>, Error>;

    /// Index entries by sort key, then document key.
    async fn index(&self, partition: Partition, query: &IndexQuery) -> Result<Vec<IndexEntry>, Error>;

    /// How many entries an index has. A back end that knows without reading them says so itself.
    async fn count(&self, partition: Partition, index: &str) -> Result<u64, Error> {
        let (name, prefix) = (index.to_owned(), Vec::new());
        let mut query = IndexQuery { name, prefix, after: None, limit: COUNTED };
        let mut all = 0_u64;
        loop {
            let some = self.index(partition, &query).await?;
            all = all.saturating_add(u64::try_from(some.len()).unwrap_or(u64::MAX));
            match some.last() {
                Some(last) if some.len() >= COUNTED => query.after = Some((last.sort.clone(), last.key.clone())),
                Some(_) | None => return Ok(all),
            }
        }
    }

    /// Due entries of a kind of document up to and including `until`, by time, then key.
    async fn due(
        &self,
        partition: Partition,
        kind: &str,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Timestamp, Key)>, Error>;

    /// Events after a place. [`Error::OutOfRange`] when the place does not fit.
    async fn feed(&self, partition: Partition, after: &Position, limit: usize) -> Result<Vec<Entry>, Error>;

    /// Both ends of the feed.
    async fn ends(&self, partition: Partition) -> Result<Ends, Error>;

    /// Takes, renews or releases the worker lease.
    async fn lease(&self, partition: Partition, op: LeaseOp) -> Result<LeaseAnswer, Error>;

    /// How far a group is; `None` when it was never declared.
    async fn offset(&self, partition: Partition, group: &str) -> Result<Option<Offset>, Error>;

    /// Changes a group's offset.
    async fn group(&self, partition: Partition, group: &str, op: GroupOp, now: Timestamp) -> Result<Offset, Error>;

    /// Removes events that everybody has behind.
    async fn trim(&self, partition: Partition, trim: Trim) -> Result<Trimmed, Error>;

    /// Removes results older than [`crate::RESULTS_KEPT`], at most `limit`; answers how many.
    async fn sweep(&self, partition: Partition, now: Timestamp, limit: usize) -> Result<usize, Error>;

    /// Hints at commits with events or due entries.
    fn hints(&self) -> &Hints;
}

/// Hints that a partition has new events or due entries. They may be lost: pollers keep a timer.
#[derive(Debug, Clone)]
pub struct Hints {
    partitions: Arc<Vec<watch::Sender<u64>>>,
    any: Arc<watch::Sender<u64>>,
}

impl Hints {
    /// Hints nobody follows yet.
    #[must_use]
    pub fn new() -> Self {
        let partitions = Partition::all().map(|_| watch::Sender::new(0)).collect();
        Self { partitions: Arc::new(partitions), any: Arc::new(watch::Sender::new(0)) }
    }

    /// Tells the followers of a partition.
    pub fn tell(&self, partition: Partition) {
        if let Some(sender) = self.partitions.get(usize::from(partition.number())) {
            sender.send_modify(|count| *count = count.wrapping_add(1));
        }
        self.any.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Follows one partition.
    #[must_use]
    pub fn partition(&self, partition: Partition) -> News {
        let one = self.partitions.get(usize::from(partition.number()));
        News(one.map_or_else(|| self.any.subscribe(), watch::Sender::subscribe))
    }

    /// Follows all partitions.
    #[must_use]
    pub fn any(&self) -> Changes {
        Changes { any: self.any.subscribe(), seen: self.counts(), hints: self.clone() }
    }

    fn counts(&self) -> Vec<u64> {
        self.partitions.iter().map(|sender| *sender.borrow()).collect()
    }
}

/// Follows hints.
#[derive(Debug, Clone)]
pub struct News(watch::Receiver<u64>);

impl News {
    /// Waits until there was a hint since the last wait; hints in between are one.
    pub async fn wait(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Follows hints of all partitions, and knows which had one: whoever looks after many need not look at all of them
/// whenever something happens in one.
#[derive(Debug, Clone)]
pub struct Changes {
    hints: Hints,
    any: watch::Receiver<u64>,
    /// Hints of each partition at the last wait.
    seen: Vec<u64>,
}

impl Changes {
    /// Waits until there was a hint since the last wait; answers where.
    pub async fn wait(&mut self) -> Vec<Partition> {
        if self.any.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        let counts = self.hints.counts();
        let changed = Partition::all().zip(counts.iter().zip(&self.seen));
        let changed = changed.filter(|(_, (now, seen))| now != seen).map(|(partition, _)| partition).collect();
        self.seen = counts;
        changed
    }
}

impl Default for Hints {
    fn default() -> Self {
        Self::new()
    }
}

impl Commit {
    /// Does anybody who waits for events or due entries want to know?
    pub(crate) fn is_news(&self) -> bool {
        !self.events.is_empty() || self.due.iter().any(|(_, at)| at.is_some())
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn whoever_follows_all_partitions_hears_once_of_each_that_changed() {
        let hints = Hints::new();
        let at = |number| Partition::new(number).unwrap();
        let mut changes = hints.any();
        [3, 1, 3].map(at).into_iter().for_each(|partition| hints.tell(partition));
        assert_eq!(changes.wait().now_or_never(), Some(vec![at(1), at(3)]));
        assert_eq!(changes.wait().now_or_never(), None);
        hints.tell(at(1));
        assert_eq!(changes.wait().now_or_never(), Some(vec![at(1)]));
    }
}
