//! Settling a group of updates of one partition: load once, run the rules in sequence, commit one write, answer each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use retail_runtime::{Clock, Ids, Rng};

use crate::backend::{Backend, Loaded, Wanted};
use crate::commit::{Commit, CommitId, Keyed, NewEvent, Outcome, Refused, Strength, Write};
use crate::draft::{Changes, Slot, View};
use crate::fault::Error;
use crate::key::{Key, Partition, Version};
use crate::record::{Lease, Stored};
use crate::tally::Tally;
use crate::update::{Caller, Job, Ran, Verdict};

/// Tries before a group gives up on conflicts.
const TRIES: u32 = 10;
/// Loads a single rule may cause by asking for further documents.
const ROUNDS: u32 = 64;
/// A commit stops taking rules beyond this many bytes.
const ENOUGH: usize = 4 * 1_024 * 1_024;
/// First and longest wait after a conflict, before jitter.
const WAIT: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));

/// Settles groups of one partition.
pub(crate) struct Settler<'a> {
    pub(crate) backend: &'a dyn Backend,
    pub(crate) partition: Partition,
    pub(crate) clock: &'a Clock,
    pub(crate) rng: &'a Rng,
    pub(crate) ids: &'a Ids,
    pub(crate) tally: &'a Tally,
}

/// The commit that grows while rules run.
struct Group {
    view: Arc<View>,
    commit: Commit,
    read: BTreeSet<Key>,
    events: Vec<crate::draft::Emitted>,
    results: BTreeMap<CommitId, Option<Stored>>,
    lease: Option<Lease>,
    bytes: usize,
    /// True once a rule of the group wants its change to be strong.
    strong: bool,
}

type Jobs = Vec<Box<dyn Job>>;

impl Settler<'_> {
    /// Works until every job has its answer; answers how many commits were applied.
    pub(crate) async fn settle(&self, mut jobs: Jobs) -> u64 {
        let (mut applied, mut tries, mut together) = (0, 0, usize::MAX);
        jobs.retain(|job| !job.abandoned());
        while !jobs.is_empty() {
            let mut group = match self.load(wanted(&jobs)).await {
                Ok(group) => group,
                Err(error) => {
                    fail(jobs, &error);
                    return applied;
                }
            };
            let (done, rest) = self.run(&mut group, jobs, together).await;
            jobs = rest;
            if done.is_empty() {
                continue;
            }
            let commit = group.seal(self.clock, self.ids);
            let nothing = commit.changes_nothing();
            let outcome = if nothing {
                Outcome::Committed { first_sequence: 0 }
            } else {
                let sent = self.clock.monotonic();
                let outcome = self.backend.commit(self.partition, commit).await;
                self.tally.count(&outcome, self.clock.monotonic().saturating_sub(sent));
                outcome
            };
            match outcome {
                Outcome::Committed { .. } => {
                    applied += u64::from(!nothing);
                    tries = 0;
                    for (job, version) in done {
                        job.answer(Verdict::Done { version });
                    }
                }
                Outcome::Refused(Refused::Malformed(why)) => {
                    // One caller's doing: those who were together are tried one by one.
                    let mut again = done.into_iter().map(|(job, _)| job).collect::<Jobs>();
                    if again.len() == 1 {
                        tracing::error!(partition = %self.partition, why, "commit is malformed");
                        fail(again, &Error::Malformed(why));
                    } else {
                        again.append(&mut jobs);
                        jobs = again;
                        together = 1;
                    }
                }
                // The next load sees what these refusals saw, and tells the caller concerned.
                Outcome::Conflict
                | Outcome::Already(_)
                | Outcome::Refused(
                    Refused::Fence(_) | Refused::Mark { .. } | Refused::Digest(_) | Refused::Schema(_),
                ) => {
                    tries += 1;
                    let mut again = done.into_iter().map(|(job, _)| job).collect::<Jobs>();
                    if tries >= TRIES {
                        fail(again, &Error::Conflict(self.partition));
                        tries = 0;
                    } else {
                        again.append(&mut jobs);
                        jobs = again;
                        self.pause(tries).await;
                    }
                }
                Outcome::Unavailable => {
                    fail(done.into_iter().map(|(job, _)| job).collect(), &unavailable());
                    fail(std::mem::take(&mut jobs), &unavailable());
                }
                Outcome::Unknown => fail(done.into_iter().map(|(job, _)| job).collect(), &Error::Unknown),
            }
        }
        applied
    }

    async fn load(&self, wanted: Wanted) -> Result<Group, Error> {
        let loaded = self.backend.load(self.partition, wanted.clone()).await?;
        let results = wanted.results.iter().copied().zip(loaded.results.clone()).collect();
        let mut group = Group {
            view: Arc::default(),
            commit: Commit::new(self.clock.now()),
            read: BTreeSet::new(),
            events: Vec::new(),
            results,
            lease: loaded.lease,
            bytes: 0,
            strong: false,
        };
        group.take_in(wanted, loaded);
        Ok(group)
    }

    /// Runs the rules in sequence. Answers those that are settled without a commit; returns those that wait for the
    /// commit, and those that did not fit into it.
    async fn run(&self, group: &mut Group, jobs: Jobs, together: usize) -> (Vec<(Box<dyn Job>, Version)>, Jobs) {
        let (mut done, mut rest) = (Vec::with_capacity(jobs.len()), Jobs::new());
        for mut job in jobs {
            if group.bytes > ENOUGH || done.len() >= together {
                rest.push(job);
                continue;
            }
            // Two callers with one commit id in one group: the second is answered from the store, next time round.
            if let Caller::Keyed { id, .. } = job.caller()
                && group.commit.keyed.iter().any(|keyed| keyed.id == id)
            {
                rest.push(job);
                continue;
            }
            if let Some(verdict) = group.known(job.as_ref(), self.partition) {
                job.answer(verdict);
                continue;
            }
            match self.run_one(group, job.as_mut()).await {
                Ok(version) => done.push((job, version)),
                Err(verdict) => job.answer(verdict),
            }
        }
        (done, rest)
    }

    async fn run_one(&self, group: &mut Group, job: &mut dyn Job) -> Result<Version, Verdict> {
        for _ in 0..ROUNDS {
            match job.run(self.partition, &group.view) {
                Ran::Missing(wanted) => {
                    let loaded = self.backend.load(self.partition, wanted.clone()).await.map_err(Verdict::Fault)?;
                    group.take_in(wanted, loaded);
                }
                Ran::Refused => return Err(Verdict::Refused),
                Ran::Fault(error) => return Err(Verdict::Fault(error)),
                Ran::Changed(changes, result) => {
                    group.judge_marks(&changes).map_err(Verdict::Fault)?;
                    judge_strength(&changes, job.caller()).map_err(Verdict::Fault)?;
                    group.adopt(changes, job.caller(), result);
                    return Ok(group.view.slots.get(job.key()).map_or(Version::ABSENT, |slot| slot.version));
                }
            }
        }
        Err(Verdict::Fault(Error::Malformed(format!("rule for {} asks for ever more documents", job.key()))))
    }

    async fn pause(&self, tries: u32) {
        let ceiling = WAIT.0.saturating_mul(2_u32.saturating_pow(tries)).min(WAIT.1);
        self.clock.sleep(self.rng.jitter(ceiling)).await;
    }
}

/// What a group of jobs needs before the first rule runs.
fn wanted(jobs: &Jobs) -> Wanted {
    let mut wanted = Wanted::default();
    let mut keys = BTreeSet::new();
    for job in jobs {
        if keys.insert(job.key().clone()) {
            wanted.keys.push(job.key().clone());
        }
        match job.caller() {
            Caller::Keyed { id, .. } => wanted.results.push(id),
            Caller::Step(_) => wanted.lease = true,
            Caller::Plain => {}
        }
    }
    wanted
}

impl Group {
    /// Adds what was loaded to the view, without touching what rules have changed.
    fn take_in(&mut self, wanted: Wanted, loaded: Loaded) {
        let Some(view) = Arc::get_mut(&mut self.view) else { return };
        for (key, record) in wanted.keys.into_iter().zip(loaded.records) {
            view.slots.entry(key).or_insert_with(|| Slot::loaded(record));
        }
        for (consumer, mark) in wanted.marks.into_iter().zip(loaded.marks) {
            view.marks.entry(consumer).or_insert(mark);
        }
    }

    /// The answer of a caller that needs no run of its rule.
    fn known(&self, job: &dyn Job, partition: Partition) -> Option<Verdict> {
        match job.caller() {
            Caller::Keyed { id, digest } => {
                let stored = self.results.get(&id)?.as_ref()?;
                if stored.digest != digest {
                    return Some(Verdict::Fault(Error::KeyReused));
                }
                let version = self.view.slots.get(job.key()).map_or(Version::ABSENT, |slot| slot.version);
                Some(Verdict::Repeated { version, result: stored.result.clone() })
            }
            Caller::Step(fence) => {
                let holds = self.lease.is_some_and(|lease| lease.fence == fence);
                (!holds).then_some(Verdict::Fault(Error::Fenced(partition)))
            }
            Caller::Plain => None,
        }
    }

    fn judge_marks(&self, changes: &Changes) -> Result<(), Error> {
        let mut stands = BTreeMap::new();
        for mark in &changes.marks {
            let at = stands.get(&mark.consumer).copied().or_else(|| self.view.marks.get(&mark.consumer).copied());
            mark.judge(at.flatten()).map_err(Error::Marked)?;
            stands.insert(mark.consumer.clone(), Some(mark.record()));
        }
        Ok(())
    }

    fn adopt(&mut self, changes: Changes, caller: Caller, result: Bytes) {
        self.strong |= !changes.relaxed;
        self.bytes = self.bytes.saturating_add(changes.bytes()).saturating_add(result.len());
        if let Some(view) = Arc::get_mut(&mut self.view) {
            for mark in &changes.marks {
                view.marks.insert(mark.consumer.clone(), Some(mark.record()));
            }
            view.slots.extend(changes.slots);
        }
        self.read.extend(changes.read);
        self.events.extend(changes.events);
        self.commit.marks.extend(changes.marks);
        self.commit.due.extend(changes.due);
        self.commit.index.extend(changes.index);
        match caller {
            Caller::Keyed { id, digest } => self.commit.keyed.push(Keyed { id, digest, result }),
            Caller::Step(fence) if !self.commit.fences.contains(&fence) => self.commit.fences.push(fence),
            Caller::Step(_) | Caller::Plain => {}
        }
    }

    /// The commit: what was changed is written from the version it was loaded at, what was read is checked.
    fn seal(mut self, clock: &Clock, ids: &Ids) -> Commit {
        for (key, slot) in &self.view.slots {
            let Slot { loaded, version, events, schema, body } = slot.clone();
            if version != loaded {
                self.commit.writes.push(Write { key: key.clone(), expected: loaded, version, events, schema, body });
            } else if self.read.contains(key) {
                self.commit.checks.push((key.clone(), loaded));
            }
        }
        self.commit.strength = if self.strong { Strength::Strong } else { Strength::Relaxed };
        let time = clock.now();
        self.commit.events = self
            .events
            .into_iter()
            .map(|event| NewEvent {
                id: ids.next(),
                kind: event.kind,
                subject: event.subject,
                version: event.version,
                time,
                traceparent: event.traceparent,
                body: event.body,
            })
            .collect();
        self.commit
    }
}

/// What others are told, what a repeat is answered by and what a clock wakes must not be lost alone.
fn judge_strength(changes: &Changes, caller: Caller) -> Result<(), Error> {
    let alone = changes.events.is_empty() && changes.marks.is_empty() && changes.due.is_empty();
    if changes.relaxed && !(alone && caller == Caller::Plain) {
        let why = "a relaxed change has an event, mark, due time, key or lease; make it strong";
        return Err(Error::Malformed(why.to_owned()));
    }
    Ok(())
}

fn fail(jobs: Jobs, error: &Error) {
    for job in jobs {
        job.answer(Verdict::Fault(error.clone()));
    }
}

fn unavailable() -> Error {
    Error::Unavailable("it takes no writes; look at its log and its disk".to_owned())
}
