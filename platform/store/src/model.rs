//! The model back end: in memory, deterministic, and able to go wrong as a real one can. It is written apart from the
//! embedded one, so that the two can be compared.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use retail_runtime::Timestamp;
use tonic::async_trait;

use crate::backend::{Backend, Hints, Loaded, Wanted};
use crate::commit::{Commit, Outcome, Strength};
use crate::fault::Error;
use crate::key::{Key, Partition};
use crate::record::{
    Ends, Entry, GroupOp, IndexEntry, IndexQuery, LeaseAnswer, LeaseOp, Offset, Position, Record, Trim, Trimmed,
};
use crate::redis::Durability;

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

/// Replicas that hear nothing.
struct Stalled {
    /// What they have.
    have: BTreeMap<Partition, Contents>,
    /// Does a strong change wait for them in vain? Otherwise it is acknowledged without them.
    waits: bool,
}

/// The model back end. Clones share the data.
#[derive(Clone, Default)]
pub struct Model {
    data: Arc<Mutex<BTreeMap<Partition, Contents>>>,
    stalled: Arc<Mutex<Option<Stalled>>>,
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

    /// From now on the replicas hear nothing, until they [`Model::catch_up`] or one of them takes over. In R4 and R5 a
    /// strong change is applied and *unknown* meanwhile, and nobody is told that something was done before; in R3 it is
    /// acknowledged all the same. The other classes have no replicas.
    pub fn stall(&self, class: Durability) {
        let have = self.data().clone();
        *self.stalled() = class.replicated().then_some(Stalled { have, waits: class.waits() });
    }

    /// The replicas have everything again.
    pub fn catch_up(&self) {
        *self.stalled() = None;
    }

    /// A replica takes over: what the replicas did not have is lost.
    pub fn fail_over(&self) {
        if let Some(stalled) = self.stalled().take() {
            *self.data() = stalled.have;
        }
    }

    fn stalled(&self) -> MutexGuard<'_, Option<Stalled>> {
        self.stalled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does whoever waits for replicas wait in vain?
    fn in_vain(&self) -> bool {
        self.stalled().as_ref().is_some_and(|stalled| stalled.waits)
    }

    /// A small change that is done, and may not be said to be done while no replica has it.
    fn told<T>(&self, answer: T) -> Result<T, Error> {
        if self.in_vain() { Err(Error::Unknown) } else { Ok(answer) }
    }

    /// What somebody relies on who hears it, unless it is nothing new: it must be where it survives.
    fn heard<T>(&self, nothing: bool, answer: T) -> Result<T, Error> {
        if nothing || !self.in_vain() {
            return Ok(answer);
        }
        Err(Error::Unavailable("no replica had it in time".to_owned()))
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
        let (news, strength) = (commit.is_news(), commit.strength);
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
        let committed = matches!(outcome, Outcome::Committed { .. });
        if committed && strength == Strength::Strong && self.in_vain() { Outcome::Unknown } else { outcome }
    }

    async fn load(&self, partition: Partition, wanted: Wanted) -> Result<Loaded, Error> {
        let loaded = self.with(partition, |contents| contents.load(&wanted));
        let answers = loaded.results.iter().any(Option::is_some) || loaded.marks.iter().any(Option::is_some);
        self.heard(!answers, loaded)
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
        let entries = self.with(partition, |contents| contents.feed(after, limit)).ok_or(out_of_range)?;
        // Whoever follows acts on what it hears: a failover must not take that back.
        self.heard(entries.is_empty(), entries)
    }

    async fn ends(&self, partition: Partition) -> Result<Ends, Error> {
        Ok(self.with(partition, |contents| contents.ends()))
    }

    async fn lease(&self, partition: Partition, op: LeaseOp) -> Result<LeaseAnswer, Error> {
        let answer = self.with(partition, |contents| contents.lease(op));
        self.told(answer)
    }

    async fn offset(&self, partition: Partition, group: &str) -> Result<Option<Offset>, Error> {
        Ok(self.with(partition, |contents| contents.offset(group)))
    }

    async fn group(&self, partition: Partition, group: &str, op: GroupOp, now: Timestamp) -> Result<Offset, Error> {
        let offset = self.with(partition, |contents| contents.group(partition, group, op, now))?;
        match op {
            GroupOp::Declare | GroupOp::Reset(_) => self.told(offset),
            GroupOp::Touch | GroupOp::Acknowledge(_) => Ok(offset),
        }
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
