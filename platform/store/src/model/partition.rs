//! One partition of the model: plain ordered maps.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Unbounded};

use bytes::Bytes;
use retail_runtime::Timestamp;

use crate::backend::{Loaded, Wanted};
use crate::commit::{Commit, CommitId, Fence, NewEvent, Outcome, Refused};
use crate::fault::Error;
use crate::key::{Key, Partition, Version};
use crate::record::{
    Ends, Entry, GroupOp, IndexEntry, IndexQuery, Lease, LeaseAnswer, LeaseOp, MarkRecord, Offset, Position,
    RESULTS_KEPT, Record, SILENCE, Stored, Trim, Trimmed, after, before,
};

#[derive(Debug, Clone, Default)]
pub(super) struct Contents {
    documents: BTreeMap<Key, Record>,
    results: BTreeMap<CommitId, Stored>,
    marks: BTreeMap<String, MarkRecord>,
    due: BTreeMap<Key, Timestamp>,
    index: BTreeMap<(String, Vec<u8>, Key), Bytes>,
    feed: BTreeMap<u64, NewEvent>,
    ends: Ends,
    epoch: u64,
    lease: Option<Lease>,
    groups: BTreeMap<String, Offset>,
}

impl Contents {
    pub(super) fn commit(&mut self, commit: Commit) -> Outcome {
        if let Some(outcome) = self.refusal(&commit) {
            return outcome;
        }
        for write in commit.writes {
            match write.body {
                Some(body) => {
                    let record = Record { version: write.version, events: write.events, schema: write.schema, body };
                    self.documents.insert(write.key, record);
                }
                None => {
                    self.documents.remove(&write.key);
                }
            }
        }
        for keyed in commit.keyed {
            self.results.insert(keyed.id, Stored { digest: keyed.digest, at: commit.at, result: keyed.result });
        }
        for mark in commit.marks {
            self.marks.insert(mark.consumer.clone(), mark.record());
        }
        for (key, at) in commit.due {
            match at {
                Some(at) => self.due.insert(key, at),
                None => self.due.remove(&key),
            };
        }
        for entry in commit.index {
            let place = (entry.name, entry.sort, entry.key);
            if entry.present {
                self.index.insert(place, entry.value);
            } else {
                self.index.remove(&place);
            }
        }
        let first_sequence = self.ends.end.sequence.saturating_add(1);
        for event in commit.events {
            let sequence = self.ends.end.sequence.saturating_add(1);
            self.ends.end = Position { sequence, event: Some(event.id) };
            self.feed.insert(sequence, event);
        }
        Outcome::Committed { first_sequence }
    }

    /// Why the commit is not applied, in the order the callers need to know.
    fn refusal(&self, commit: &Commit) -> Option<Outcome> {
        if let Err(why) = commit.well_formed() {
            return Some(Outcome::Refused(Refused::Malformed(why)));
        }
        let mut already = Vec::new();
        for keyed in &commit.keyed {
            match self.results.get(&keyed.id) {
                Some(stored) if stored.digest != keyed.digest => {
                    return Some(Outcome::Refused(Refused::Digest(keyed.id)));
                }
                Some(stored) => already.push((keyed.id, stored.clone())),
                None => {}
            }
        }
        if !already.is_empty() {
            return Some(Outcome::Already(already));
        }
        let held = self.lease.map(|lease| lease.fence);
        if let Some(fence) = commit.fences.iter().find(|fence| held != Some(**fence)) {
            return Some(Outcome::Refused(Refused::Fence(*fence)));
        }
        let mut marks = BTreeMap::new();
        for mark in &commit.marks {
            let stands = marks.get(&mark.consumer).or_else(|| self.marks.get(&mark.consumer)).copied();
            if let Err(marked) = mark.judge(stands) {
                return Some(Outcome::Refused(Refused::Mark { consumer: mark.consumer.clone(), marked }));
            }
            marks.insert(mark.consumer.clone(), mark.record());
        }
        let version = |key: &Key| self.documents.get(key).map_or(Version::ABSENT, |record| record.version);
        if commit.checks.iter().any(|(key, expected)| version(key) != *expected)
            || commit.writes.iter().any(|write| version(&write.key) != write.expected)
        {
            return Some(Outcome::Conflict);
        }
        let newer = |key: &Key, schema: u32| self.documents.get(key).is_some_and(|record| record.schema > schema);
        let newer = commit.writes.iter().find(|write| newer(&write.key, write.schema));
        newer.map(|write| Outcome::Refused(Refused::Schema(write.key.clone())))
    }

    pub(super) fn load(&self, wanted: &Wanted) -> Loaded {
        Loaded {
            records: wanted.keys.iter().map(|key| self.documents.get(key).cloned()).collect(),
            results: wanted.results.iter().map(|id| self.results.get(id).cloned()).collect(),
            marks: wanted.marks.iter().map(|consumer| self.marks.get(consumer).copied()).collect(),
            lease: self.lease.filter(|_| wanted.lease),
        }
    }

    pub(super) fn scan(&self, prefix: &str, after: Option<&Key>, limit: usize) -> Vec<(Key, Record)> {
        let from = after.map_or(Unbounded, Excluded);
        self.documents
            .range::<Key, _>((from, Unbounded))
            .filter(|(key, _)| key.as_str().starts_with(prefix))
            .take(limit)
            .map(|(key, record)| (key.clone(), record.clone()))
            .collect()
    }

    pub(super) fn index(&self, query: &IndexQuery) -> Vec<IndexEntry> {
        let wanted = |(name, sort, key): &(String, Vec<u8>, Key)| {
            let place = (sort, key);
            *name == query.name
                && sort.starts_with(&query.prefix)
                && query.after.as_ref().is_none_or(|(sort, key)| place > (sort, key))
        };
        self.index
            .iter()
            .filter(|(place, _)| wanted(place))
            .take(query.limit)
            .map(|((_, sort, key), value)| IndexEntry { sort: sort.clone(), key: key.clone(), value: value.clone() })
            .collect()
    }

    pub(super) fn due(&self, kind: &str, until: Timestamp, limit: usize) -> Vec<(Timestamp, Key)> {
        let due = self.due.iter().filter(|(key, at)| key.kind() == kind && **at <= until);
        let sorted = due.map(|(key, at)| (*at, key.clone())).collect::<BTreeSet<_>>();
        sorted.into_iter().take(limit).collect()
    }

    pub(super) fn feed(&self, after: &Position, limit: usize) -> Option<Vec<Entry>> {
        self.fits(after).then(|| {
            self.feed
                .range((Excluded(after.sequence), Unbounded))
                .take(limit)
                .map(|(sequence, event)| Entry { sequence: *sequence, event: event.clone() })
                .collect()
        })
    }

    pub(super) fn ends(&self) -> Ends {
        self.ends
    }

    fn fits(&self, place: &Position) -> bool {
        *place == self.ends.begin || self.feed.get(&place.sequence).is_some_and(|event| Some(event.id) == place.event)
    }

    pub(super) fn lease(&mut self, op: LeaseOp) -> LeaseAnswer {
        let (fence, until) = match op {
            LeaseOp::Take { nonce, ttl, now } => match self.lease {
                Some(lease) if lease.fence.nonce == nonce => (lease.fence, after(now, ttl)),
                Some(lease) if lease.until > now => return LeaseAnswer::Taken { until: lease.until },
                Some(_) | None => {
                    self.epoch = self.epoch.saturating_add(1);
                    (Fence { epoch: self.epoch, nonce }, after(now, ttl))
                }
            },
            LeaseOp::Renew { fence, ttl, now } => match self.lease {
                Some(lease) if lease.fence == fence => (fence, after(now, ttl)),
                Some(_) | None => return LeaseAnswer::Gone,
            },
            LeaseOp::Release { fence } => {
                self.lease = self.lease.filter(|lease| lease.fence != fence);
                return LeaseAnswer::Gone;
            }
        };
        let lease = Lease { fence, until };
        self.lease = Some(lease);
        LeaseAnswer::Held(lease)
    }

    pub(super) fn offset(&self, group: &str) -> Option<Offset> {
        self.groups.get(group).cloned()
    }

    pub(super) fn group(
        &mut self,
        partition: Partition,
        group: &str,
        op: GroupOp,
        now: Timestamp,
    ) -> Result<Offset, Error> {
        let known = self.groups.get(group).cloned();
        let offset = match (op, known) {
            (GroupOp::Declare, Some(known)) => known,
            (GroupOp::Declare, None) => Offset { position: self.ends.begin, seen: now, expired: false },
            (_, None) => return Err(Error::NoSuchGroup(group.to_owned())),
            (GroupOp::Touch, Some(known)) => Offset { seen: now, ..known },
            (GroupOp::Acknowledge(place), Some(known)) => {
                let back = place.sequence < known.position.sequence;
                if known.expired || !(back || place == known.position || self.fits(&place)) {
                    return Err(Error::OutOfRange { partition, sequence: place.sequence });
                }
                Offset { position: if back { known.position } else { place }, seen: now, expired: false }
            }
            (GroupOp::Reset(place), Some(_)) => {
                if !self.fits(&place) {
                    return Err(Error::OutOfRange { partition, sequence: place.sequence });
                }
                Offset { position: place, seen: now, expired: false }
            }
        };
        self.groups.insert(group.to_owned(), offset.clone());
        Ok(offset)
    }

    pub(super) fn trim(&mut self, trim: &Trim) -> Trimmed {
        let mut trimmed = Trimmed::default();
        let mut upto = self.ends.end.sequence;
        for group in &trim.groups {
            let Some(offset) = self.groups.get_mut(group) else {
                // Declared, but not known here yet: everything may still be wanted.
                upto = 0;
                continue;
            };
            let behind = offset.position.sequence < self.ends.end.sequence;
            if behind && !offset.expired && offset.seen < before(trim.now, SILENCE) {
                offset.expired = true;
                trimmed.expired.push(group.clone());
            }
            if !offset.expired {
                upto = upto.min(offset.position.sequence);
            }
        }
        let young = before(trim.now, trim.keep);
        while trimmed.removed < trim.limit {
            let Some((sequence, event)) = self.feed.first_key_value().map(|(at, event)| (*at, event)) else { break };
            if sequence > upto || event.time > young {
                break;
            }
            self.ends.begin = Position { sequence, event: Some(event.id) };
            self.feed.remove(&sequence);
            trimmed.removed += 1;
        }
        trimmed
    }

    pub(super) fn sweep(&mut self, now: Timestamp, limit: usize) -> usize {
        let old = before(now, RESULTS_KEPT);
        let expired = self.results.iter().filter(|(_, stored)| stored.at <= old);
        let mut expired = expired.map(|(id, stored)| (stored.at, *id)).collect::<Vec<_>>();
        expired.sort_unstable();
        expired.truncate(limit);
        for (_, id) in &expired {
            self.results.remove(id);
        }
        expired.len()
    }
}
