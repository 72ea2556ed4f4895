//! One domain's store as the simulated world has it: the model back end behind a wire that delays, loses answers and
//! requests, and may fail over to a replica that has not seen what nobody acknowledged. It outlives its service.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use retail_runtime::{Rng, Timestamp};
use retail_store::{
    Backend, Commit, Ends, Entry, Error, GroupOp, Hints, IndexEntry, IndexQuery, Key, LeaseAnswer, LeaseOp, Loaded,
    Model, Moment, Offset, Outcome, Partition, Position, Record, Refused, Trim, Trimmed, Wanted,
};
use tonic::async_trait;
use uuid::Uuid;

use crate::laws;
use crate::settle::READING;
use crate::watch::Watch;

/// How bad the wire to a store is, in a thousand commits.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weather {
    /// Takes its time before and after.
    pub(crate) slow: u32,
    /// Applied, and nobody hears of it.
    pub(crate) answer_lost: u32,
    /// Never arrives, and nobody hears of that.
    pub(crate) request_lost: u32,
    /// Refused at the door.
    pub(crate) unavailable: u32,
}

/// The store of one domain.
#[derive(Clone)]
pub(crate) struct Shelf {
    domain: &'static str,
    /// Whose handle this is.
    host: &'static str,
    model: Model,
    rng: Rng,
    watch: Watch,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    weather: Weather,
    /// Changes of each partition so far.
    changes: BTreeMap<Partition, u64>,
    /// Commits that are applied and not acknowledged: what the partition was before, and its changes with the commit.
    unheard: BTreeMap<Partition, (Moment, u64)>,
    /// Hosts that stand still until then, and do not notice: nothing they ask for arrives before.
    frozen: BTreeMap<&'static str, Duration>,
    /// Kinds of documents that were ever due.
    kinds: BTreeSet<String>,
    /// Who was last given each partition's lease.
    holders: BTreeMap<Partition, &'static str>,
    poison: Poison,
    /// Commits so far, but for those that never rest.
    worked: u64,
}

/// An event that makes its handler fail, as a defect would.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Poison {
    #[default]
    None,
    /// The next one that is taken in.
    Next,
    /// This one, until its cause is gone.
    Event(Uuid),
}

impl Shelf {
    pub(crate) fn new(domain: &'static str, rng: Rng, watch: &Watch) -> Self {
        Self { domain, host: domain, model: Model::new(), rng, watch: watch.clone(), state: Arc::default() }
    }

    /// The same store in the hands of this host.
    pub(crate) fn seen_by(&self, host: &'static str) -> Self {
        Self { host, ..self.clone() }
    }

    /// A host stands still until then.
    pub(crate) fn freeze(&self, host: &'static str, until: Duration) {
        self.state().frozen.insert(host, until);
    }

    /// Does anybody stand still?
    pub(crate) fn is_frozen(&self, now: Duration) -> bool {
        self.state().frozen.values().any(|until| *until > now)
    }

    /// The next event that is taken in will be poison; false when one is already.
    pub(crate) fn poison(&self) -> bool {
        let mut state = self.state();
        let healthy = state.poison == Poison::None;
        if healthy {
            state.poison = Poison::Next;
        }
        healthy
    }

    /// What was poison is so no more; false when nothing was.
    pub(crate) fn cure(&self) -> bool {
        matches!(std::mem::take(&mut self.state().poison), Poison::Event(_))
    }

    /// Does this commit take poison in?
    fn is_poisoned(&self, commit: &Commit) -> bool {
        let mut state = self.state();
        if let (Poison::Next, Some(mark)) = (state.poison, commit.marks.first()) {
            state.poison = Poison::Event(mark.event);
        }
        commit.marks.iter().any(|mark| state.poison == Poison::Event(mark.event))
    }

    /// Commits so far, but for readings and the roster of replicas, which never rest.
    pub(crate) fn worked(&self) -> u64 {
        self.state().worked
    }

    async fn thawed(&self) {
        loop {
            let until = self.state().frozen.get(self.host).copied().unwrap_or_default();
            let wait = until.saturating_sub(turmoil::sim_elapsed().unwrap_or_default());
            if wait.is_zero() {
                return;
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// The data underneath.
    pub(crate) fn model(&self) -> &Model {
        &self.model
    }

    pub(crate) fn set_weather(&self, weather: Weather) {
        self.state().weather = weather;
    }

    /// The primary is lost. Its replica has everything that was acknowledged, and nothing else; answers how many commits
    /// are gone.
    pub(crate) fn fail_over(&self) -> usize {
        let mut state = self.state();
        let mut lost = 0_usize;
        for (partition, (before, change)) in std::mem::take(&mut state.unheard) {
            // Something that was acknowledged since stands on it: then the replica had it.
            if state.changes.get(&partition) == Some(&change) {
                self.model.restore(before);
                lost = lost.saturating_add(1);
            }
        }
        lost
    }

    /// Everything that is due by then.
    pub(crate) fn due_keys(&self, until: Timestamp) -> Vec<Key> {
        let kinds = self.state().kinds.clone();
        let due = |kind: &String| {
            let of = |partition| self.model.due(partition, kind, until, usize::MAX).now_or_never().and_then(Result::ok);
            Partition::all().filter_map(of).flatten().map(|(_, key)| key).collect::<Vec<_>>()
        };
        kinds.iter().flat_map(due).collect()
    }

    /// Every document of a kind, given as its prefix.
    pub(crate) fn documents(&self, prefix: &str) -> Vec<(Key, Record)> {
        let of = |partition| self.model.scan(partition, prefix, None, usize::MAX).now_or_never().and_then(Result::ok);
        Partition::all().filter_map(of).flatten().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self, partition: Partition) -> u64 {
        let mut state = self.state();
        let changes = state.changes.entry(partition).or_default();
        *changes = changes.saturating_add(1);
        *changes
    }

    /// What somebody relies on who hears it is told once the replica has it, and all that was before.
    fn survives(&self, partition: Partition) {
        self.changed(partition);
    }

    async fn wire(&self, weather: Weather) {
        if self.rng.chance(weather.slow) {
            tokio::time::sleep(self.rng.jitter(Duration::from_millis(40))).await;
        }
    }

    fn strikes(&self, per_mille: u32) -> bool {
        per_mille > 0 && self.rng.chance(per_mille)
    }

    fn told(&self, partition: Partition, commit: &Commit, outcome: &str) {
        let keys: Vec<String> = commit.writes.iter().map(|write| format!("{}@{}", write.key, write.version)).collect();
        let text = format!("commit {partition} {} events {} {outcome}", keys.join(" "), commit.events.len());
        self.watch.trace().line(&format!("[{}]", self.host), &text);
    }
}

#[async_trait]
impl Backend for Shelf {
    async fn commit(&self, partition: Partition, commit: Commit) -> Outcome {
        let weather = self.state().weather;
        self.wire(weather).await;
        self.thawed().await;
        if self.strikes(weather.unavailable) {
            self.told(partition, &commit, "REFUSED AT THE DOOR");
            return Outcome::Unavailable;
        }
        if self.strikes(weather.request_lost) {
            self.told(partition, &commit, "REQUEST LOST");
            return Outcome::Unknown;
        }
        if self.is_poisoned(&commit) {
            self.told(partition, &commit, "POISON");
            return Outcome::Refused(Refused::Malformed("this event is poison".to_owned()));
        }
        let keys = commit.writes.iter().map(|write| write.key.clone()).collect();
        let marks = commit.marks.iter().map(|mark| mark.consumer.clone()).collect();
        let before = self.model.part(partition);
        let known = self.model.load(partition, Wanted { keys, marks, ..Wanted::default() }).now_or_never();
        let known = known.and_then(Result::ok).unwrap_or_default();
        let outcome = self.model.commit(partition, commit.clone()).await;
        let Outcome::Committed { .. } = &outcome else {
            self.told(partition, &commit, &format!("{outcome:?}"));
            return outcome;
        };
        self.state().kinds.extend(commit.due.iter().map(|(key, _)| key.kind().to_owned()));
        let change = self.changed(partition);
        self.state().unheard.insert(partition, (before, change));
        self.watch.count("commits");
        self.told(partition, &commit, "done");
        let holder = self.state().holders.get(&partition).copied();
        let of = laws::Of { domain: self.domain, host: self.host, holder };
        laws::of_a_commit(of, &commit, &known.records, &self.watch);
        for (mark, before) in commit.marks.iter().zip(&known.marks) {
            laws::in_order(&self.model, mark, before.map_or(0, |before| before.version), &self.watch);
        }
        if !never_rests(&commit) {
            let mut state = self.state();
            state.worked = state.worked.saturating_add(1);
        }
        self.wire(weather).await;
        let heard = self.state().unheard.remove(&partition).is_some_and(|(_, of)| of == change);
        if !heard || self.strikes(weather.answer_lost) {
            self.told(partition, &commit, "ANSWER LOST");
            return Outcome::Unknown;
        }
        outcome
    }

    async fn load(&self, partition: Partition, wanted: Wanted) -> Result<Loaded, Error> {
        self.thawed().await;
        let loaded = self.model.load(partition, wanted).await?;
        if loaded.results.iter().any(Option::is_some) || loaded.marks.iter().any(Option::is_some) {
            self.survives(partition);
        }
        Ok(loaded)
    }

    async fn scan(
        &self,
        partition: Partition,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Vec<(Key, Record)>, Error> {
        self.model.scan(partition, prefix, after, limit).await
    }

    async fn index(&self, partition: Partition, query: &IndexQuery) -> Result<Vec<IndexEntry>, Error> {
        self.model.index(partition, query).await
    }

    async fn due(
        &self,
        partition: Partition,
        kind: &str,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Timestamp, Key)>, Error> {
        self.thawed().await;
        self.model.due(partition, kind, until, limit).await
    }

    async fn feed(&self, partition: Partition, after: &Position, limit: usize) -> Result<Vec<Entry>, Error> {
        let entries = self.model.feed(partition, after, limit).await?;
        if !entries.is_empty() {
            self.survives(partition);
        }
        Ok(entries)
    }

    async fn ends(&self, partition: Partition) -> Result<Ends, Error> {
        self.model.ends(partition).await
    }

    async fn lease(&self, partition: Partition, op: LeaseOp) -> Result<LeaseAnswer, Error> {
        self.thawed().await;
        self.changed(partition);
        let answer = self.model.lease(partition, op).await;
        if let Ok(LeaseAnswer::Held(_)) = &answer {
            self.state().holders.insert(partition, self.host);
        }
        answer
    }

    async fn offset(&self, partition: Partition, group: &str) -> Result<Option<Offset>, Error> {
        self.model.offset(partition, group).await
    }

    async fn group(&self, partition: Partition, group: &str, op: GroupOp, now: Timestamp) -> Result<Offset, Error> {
        self.changed(partition);
        self.model.group(partition, group, op, now).await
    }

    async fn trim(&self, partition: Partition, trim: Trim) -> Result<Trimmed, Error> {
        self.changed(partition);
        self.model.trim(partition, trim).await
    }

    async fn sweep(&self, partition: Partition, now: Timestamp, limit: usize) -> Result<usize, Error> {
        self.changed(partition);
        self.model.sweep(partition, now, limit).await
    }

    fn hints(&self) -> &Hints {
        self.model.hints()
    }
}

/// Readings go on for ever, and so does the roster of replicas.
fn never_rests(commit: &Commit) -> bool {
    let idle =
        |key: &Key| key.kind() == "roster" || key.as_str().starts_with(READING) || key.id().contains("|reading/");
    !commit.writes.is_empty() && commit.writes.iter().all(|write| idle(&write.key))
}
