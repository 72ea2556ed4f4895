//! Checks a commit against what is stored and what its group will store, then stages its writes.

use std::collections::BTreeMap;

use fjall::Slice;

use super::known::Fact;
use super::layout;
use super::pending::{Pending, Space, Staged};
use crate::commit::{Commit, CommitId, Outcome, Refused};
use crate::fault::Error;
use crate::key::{Key, Partition, Version};
use crate::record::{Ends, MarkRecord, Position, Record, Stored};

/// Applies commits of one partition onto a group.
pub(super) struct Applier<'a, 'b> {
    pub(super) partition: Partition,
    pub(super) pending: &'a Pending,
    pub(super) staged: Staged<'b>,
}

impl Applier<'_, '_> {
    /// All or nothing: whatever is refused leaves nothing staged that counts.
    pub(super) fn commit(&mut self, commit: Commit) -> Result<Outcome, Error> {
        if let Some(refusal) = self.refusal(&commit)? {
            return Ok(refusal);
        }
        let mut ends = self.ends()?;
        let due = self.due_changes(&commit)?;
        let partition = self.partition;
        let first_sequence = ends.end.sequence.saturating_add(1);
        for write in commit.writes {
            let place = layout::document(partition, &write.key);
            match write.body {
                Some(body) => {
                    let record = Record { version: write.version, events: write.events, schema: write.schema, body };
                    self.put(place, layout::write_record(record));
                }
                None => self.remove(place),
            }
        }
        for keyed in commit.keyed {
            let stored = Stored { digest: keyed.digest, at: commit.at, result: keyed.result };
            self.put(layout::state(partition, layout::RESULT, &keyed.id.0), layout::write_result(stored));
            self.put(layout::result_age(partition, commit.at, keyed.id), Vec::new());
        }
        for mark in commit.marks {
            let place = layout::state(partition, layout::MARK, mark.consumer.as_bytes());
            self.put(place, layout::write_mark(mark.record()));
        }
        for (key, (old, new)) in due {
            if old == new {
                continue;
            }
            let place = layout::state(partition, layout::DUE_OF, key.as_str().as_bytes());
            if let Some(old) = old {
                self.remove(layout::due(partition, old, &key));
            }
            match new {
                Some(new) => {
                    self.put(place, layout::time(new).to_vec());
                    self.put(layout::due(partition, new, &key), Vec::new());
                }
                None => self.remove(place),
            }
        }
        for entry in commit.index {
            let place = layout::index(partition, &entry.name, &entry.sort, &entry.key);
            if entry.present {
                self.put(place, entry.value.to_vec());
            } else {
                self.remove(place);
            }
        }
        if !commit.events.is_empty() {
            for event in commit.events {
                let sequence = ends.end.sequence.saturating_add(1);
                ends.end = Position { sequence, event: Some(event.id) };
                self.staged.put(Space::Feed, layout::feed(partition, sequence), layout::write_event(event));
            }
            self.put_ends(ends);
        }
        Ok(Outcome::Committed { first_sequence })
    }

    fn refusal(&self, commit: &Commit) -> Result<Option<Outcome>, Error> {
        if let Err(why) = commit.well_formed() {
            return Ok(Some(Outcome::Refused(Refused::Malformed(why))));
        }
        let mut already = Vec::new();
        for keyed in &commit.keyed {
            let Some(stored) = self.result(keyed.id)? else { continue };
            if stored.digest != keyed.digest {
                return Ok(Some(Outcome::Refused(Refused::Digest(keyed.id))));
            }
            already.push((keyed.id, stored));
        }
        if !already.is_empty() {
            return Ok(Some(Outcome::Already(already)));
        }
        if let Some(fence) = self.broken_fence(commit)? {
            return Ok(Some(Outcome::Refused(Refused::Fence(fence))));
        }
        if let Some(refused) = self.bad_mark(commit)? {
            return Ok(Some(Outcome::Refused(refused)));
        }
        for (key, expected) in &commit.checks {
            if self.document(key)?.map_or(Version::ABSENT, |(version, _)| version) != *expected {
                return Ok(Some(Outcome::Conflict));
            }
        }
        let mut newer = None;
        for write in &commit.writes {
            let stored = self.document(&write.key)?;
            if stored.map_or(Version::ABSENT, |(version, _)| version) != write.expected {
                return Ok(Some(Outcome::Conflict));
            }
            if newer.is_none() && stored.is_some_and(|(_, schema)| schema > write.schema) {
                newer = Some(Outcome::Refused(Refused::Schema(write.key.clone())));
            }
        }
        Ok(newer)
    }

    fn broken_fence(&self, commit: &Commit) -> Result<Option<crate::commit::Fence>, Error> {
        if commit.fences.is_empty() {
            return Ok(None);
        }
        let lease = self.get(&layout::place(self.partition, layout::LEASE))?;
        let lease = lease.map(|bytes| layout::read_lease(&bytes)).transpose()?.and_then(|(_, lease)| lease);
        let held = lease.map(|lease| lease.fence);
        Ok(commit.fences.iter().copied().find(|fence| held != Some(*fence)))
    }

    fn bad_mark(&self, commit: &Commit) -> Result<Option<Refused>, Error> {
        let mut marks: BTreeMap<&str, MarkRecord> = BTreeMap::new();
        for mark in &commit.marks {
            let stands = match marks.get(mark.consumer.as_str()) {
                Some(stands) => Some(*stands),
                None => {
                    let place = layout::state(self.partition, layout::MARK, mark.consumer.as_bytes());
                    self.get(&place)?.map(|bytes| layout::read_mark(&bytes)).transpose()?
                }
            };
            if let Err(marked) = mark.judge(stands) {
                return Ok(Some(Refused::Mark { consumer: mark.consumer.clone(), marked }));
            }
            marks.insert(&mark.consumer, mark.record());
        }
        Ok(None)
    }

    /// Old and new due time of every document whose due time the commit sets; the last setting counts.
    fn due_changes(&self, commit: &Commit) -> Result<DueChanges, Error> {
        let mut changes = DueChanges::new();
        for (key, at) in &commit.due {
            let old = match changes.get(key) {
                Some((old, _)) => *old,
                None => {
                    let place = layout::state(self.partition, layout::DUE_OF, key.as_str().as_bytes());
                    self.get(&place)?.map(|bytes| layout::read_due_of(&bytes)).transpose()?
                }
            };
            changes.insert(key.clone(), (old, *at));
        }
        Ok(changes)
    }

    /// Version and schema of a document.
    fn document(&self, key: &Key) -> Result<Option<(Version, u32)>, Error> {
        let place = layout::document(self.partition, key);
        match self.known(&place) {
            Some(Fact::Document(version, schema)) => Ok(Some((version, schema))),
            Some(Fact::Absent) => Ok(None),
            None => self.get(&place)?.map(|bytes| layout::read_head(&bytes)).transpose(),
        }
    }

    fn result(&self, id: CommitId) -> Result<Option<Stored>, Error> {
        let place = layout::state(self.partition, layout::RESULT, &id.0);
        match self.known(&place) {
            Some(Fact::Absent) => Ok(None),
            Some(Fact::Document(..)) | None => self.get(&place)?.map(|bytes| layout::read_result(&bytes)).transpose(),
        }
    }

    /// What is known without reading it, of what this group does not write.
    fn known(&self, place: &[u8]) -> Option<Fact> {
        if self.staged.is_pending(self.pending, place) {
            None
        } else {
            self.staged.spaces.known.fact(self.partition, place)
        }
    }

    pub(super) fn ends(&self) -> Result<Ends, Error> {
        let place = layout::place(self.partition, layout::ENDS);
        if let Some(ends) = self.staged.spaces.known.ends(self.partition)
            && !self.staged.is_pending(self.pending, &place)
        {
            return Ok(ends);
        }
        let ends = self.get(&place)?;
        Ok(ends.map(|bytes| layout::read_ends(&bytes)).transpose()?.unwrap_or_default())
    }

    pub(super) fn put_ends(&mut self, ends: Ends) {
        self.put(layout::place(self.partition, layout::ENDS), layout::write_ends(ends));
        self.staged.ends = Some(ends);
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Slice>, Error> {
        self.staged.get(self.pending, Space::State, key)
    }

    pub(super) fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.staged.put(Space::State, key, value);
    }

    pub(super) fn remove(&mut self, key: Vec<u8>) {
        self.staged.remove(Space::State, key);
    }
}

type Due = Option<retail_runtime::Timestamp>;
type DueChanges = BTreeMap<Key, (Due, Due)>;
