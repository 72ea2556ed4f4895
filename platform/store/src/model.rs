//! The model back end: in memory, deterministic, and able to go wrong as a real one can. It is written apart from the
//! embedded one, so that the two can be compared.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use retail_runtime::Timestamp;
use tonic::async_trait;

use crate::backend::{Backend, Hints, Loaded, Wanted};
use crate::commit::{Commit, Outcome};
use crate::fault::Error;
use crate::key::{Key, Partition};
use crate::record::{
    Ends, Entry, GroupOp, IndexEntry, IndexQuery, LeaseAnswer, LeaseOp, Offset, Position, Record, Trim, Trimmed,
};

mod partition;

use partition::Contents;

/// What becomes of a commit, when a test says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// As always.
    Lucky,
    /// Nothing is applied, and the caller is told so.
    Unavailable,
    /// Nothing is applied, and the caller is told of a conflict.
    Conflict,
    /// It is applied, but the answer is lost.
    AnswerLost,
    /// It is lost on the way, and so is the answer.
    RequestLost,
    /// It is acknowledged and then lost, as by a failover to a replica that lagged.
    Forgotten,
}

/// A store at one moment, to return to: what a lossy failover or a restored backup does.
#[derive(Debug, Clone)]
pub struct Moment(BTreeMap<Partition, Contents>);

type Hook = Box<dyn FnMut(Partition, &Commit) -> Fate + Send>;

/// The model back end. Clones share the data.
#[derive(Clone, Default)]
pub struct Model {
    data: Arc<Mutex<BTreeMap<Partition, Contents>>>,
    fate: Arc<Mutex<Option<Hook>>>,
    hints: Hints,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").finish_non_exhaustive()
    }
}

impl Model {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks this function about every commit from now on.
    pub fn fate(&self, hook: impl FnMut(Partition, &Commit) -> Fate + Send + 'static) {
        *self.fate.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(hook));
    }

    /// Everything as it is now.
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment(self.data().clone())
    }

    /// Goes back to a moment: what was acknowledged since is lost.
    pub fn return_to(&self, moment: Moment) {
        *self.data() = moment.0;
    }

    /// One partition as it is now.
    #[must_use]
    pub fn part(&self, partition: Partition) -> Moment {
        Moment(BTreeMap::from([(partition, self.with(partition, |contents| contents.clone()))]))
    }

    /// Puts back what a moment has; other partitions stay as they are.
    pub fn restore(&self, moment: Moment) {
        self.data().extend(moment.0);
    }

    fn data(&self) -> MutexGuard<'_, BTreeMap<Partition, Contents>> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, partition: Partition, work: impl FnOnce(&mut Contents) -> T) -> T {
        work(self.data().entry(partition).or_default())
    }
}

#[async_trait]
impl Backend for Model {
    async fn commit(&self, partition: Partition, commit: Commit) -> Outcome {
        let fate = match self.fate.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(hook) => hook(partition, &commit),
            None => Fate::Lucky,
        };
        let news = commit.is_news();
        let outcome = match fate {
            Fate::Lucky => self.with(partition, |contents| contents.commit(commit)),
            Fate::AnswerLost => {
                let applied = self.with(partition, |contents| contents.commit(commit));
                tracing::debug!(?applied, "the answer of this commit is lost");
                Outcome::Unknown
            }
            Fate::RequestLost => Outcome::Unknown,
            Fate::Unavailable => Outcome::Unavailable,
            Fate::Conflict => Outcome::Conflict,
            Fate::Forgotten => self.with(partition, |contents| contents.clone().commit(commit)),
        };
        if news {
            self.hints.tell(partition);
        }
        outcome
    }

    async fn load(&self, partition: Partition, wanted: Wanted) -> Result<Loaded, Error> {
        Ok(self.with(partition, |contents| contents.load(&wanted)))
    }

    async fn scan(
        &self,
        partition: Partition,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Record)>, Error> {
        Ok(self.with(partition, |contents| contents.scan(prefix, after, limit)))
    }

    async fn index(&self, partition: Partition, query: &IndexQuery) -> Result<Vec<IndexEntry>, Error> {
        Ok(self.with(partition, |contents| contents.index(query)))
    }

    async fn due(
        &self,
        partition: Partition,
        kind: &str,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Timestamp, Key)>, Error> {
        Ok(self.with(partition, |contents| contents.due(kind, until, limit)))
    }

    async fn feed(&self, partition: Partition, after: &Position, limit: usize) -> Result<Vec<Entry>, Error> {
        let out_of_range = Error::OutOfRange { partition, sequence: after.sequence };
        self.with(partition, |contents| contents.feed(after, limit)).ok_or(out_of_range)
    }

    async fn ends(&self, partition: Partition) -> Result<Ends, Error> {
        Ok(self.with(partition, |contents| contents.ends()))
    }

    async fn lease(&self, partition: Partition, op: LeaseOp) -> Result<LeaseAnswer, Error> {
        Ok(self.with(partition, |contents| contents.lease(op)))
    }

    async fn offset(&self, partition: Partition, group: &str) -> Result<Option<Offset>, Error> {
        Ok(self.with(partition, |contents| contents.offset(group)))
    }

    async fn group(&self, partition: Partition, group: &str, op: GroupOp, now: Timestamp) -> Result<Offset, Error> {
        self.with(partition, |contents| contents.group(partition, group, op, now))
    }

    async fn trim(&self, partition: Partition, trim: Trim) -> Result<Trimmed, Error> {
        Ok(self.with(partition, |contents| contents.trim(&trim)))
    }

    async fn sweep(&self, partition: Partition, now: Timestamp, limit: usize) -> Result<usize, Error> {
        Ok(self.with(partition, |contents| contents.sweep(now, limit)))
    }

    fn hints(&self) -> &Hints {
        &self.hints
    }
}
