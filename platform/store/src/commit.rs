//! A commit: everything that changes in one partition, all or nothing.

use std::collections::BTreeSet;

use bytes::Bytes;
use retail_runtime::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::key::{Key, Version};
use crate::record::{Marked, Stored};

/// Longest key, consumer, group or index name, in bytes.
pub const MAX_KEY: usize = 1_024;
/// Largest document, event or result, in bytes.
pub const MAX_BODY: usize = 8 * 1_024 * 1_024;

/// Names a commit for ever: sending it again changes nothing and answers the stored result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(pub [u8; 32]);

impl CommitId {
    /// The id of a commit from what names it, for example principal, method and idempotency key.
    #[must_use]
    pub fn of(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part.len().to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(hash.finalize().into())
    }
}

/// A commit id, the digest of the request behind it, and the answer to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyed {
    /// Name of the commit.
    pub id: CommitId,
    /// Digest of the request: the same id with another digest is refused.
    pub digest: [u8; 32],
    /// What a repeat is answered.
    pub result: Bytes,
}

/// A document to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Which document.
    pub key: Key,
    /// The version it must have now; [`Version::ABSENT`] when it must not exist.
    pub expected: Version,
    /// The version it gets; above `expected`.
    pub version: Version,
    /// Events it has emitted so far, those of this commit included.
    pub events: u64,
    /// Schema of the body; a stored document of a higher schema is never overwritten.
    pub schema: u32,
    /// The document; `None` deletes it.
    pub body: Option<Bytes>,
}

/// An event for the partition's feed, with the attributes of CloudEvents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Unique in the world.
    pub id: Uuid,
    /// Type, for example `retail.orders.v1.OrderBooked`.
    pub kind: String,
    /// The aggregate it is about.
    pub subject: Key,
    /// Version of the aggregate's public state: gapless per subject from 1.
    pub version: u64,
    /// When it happened.
    pub time: Timestamp,
    /// Trace context of the cause; empty when nobody traced.
    pub traceparent: String,
    /// The payload.
    pub body: Bytes,
}

/// An inbox mark: this event of that source is handled by this commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Consumer and source aggregate, for example `orders.stock/inventory:stock/berlin/SKU-1`.
    pub consumer: String,
    /// Version of the event.
    pub version: u64,
    /// Id of the event.
    pub event: Uuid,
    /// `None`: the mark must stand at the version before. `Some(n)`: everything after `n` up to this event is vouched
    /// for (refetched), so the mark may stand anywhere from `n` on.
    pub after: Option<u64>,
}

/// An index entry to set or to remove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Name of the index; no NUL.
    pub name: String,
    /// Sort key, ordered as bytes.
    pub sort: Vec<u8>,
    /// The document it points to; second part of the order.
    pub key: Key,
    /// What a list shows without reading the document.
    pub value: Bytes,
    /// False removes the entry.
    pub present: bool,
}

/// A worker lease as carried by a commit: it must be the partition's lease when the commit is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fence {
    /// Grows with every change of the holder.
    pub epoch: u64,
    /// Drawn by the holder; a lossy failover can hand out an epoch twice.
    pub nonce: [u8; 16],
}

/// What an acknowledged commit survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Strength {
    /// What the store's durability class says.
    #[default]
    Strong,
    /// The same, except that no replica needs to have it: a failover may lose it in any class. Only for what is made
    /// anew from elsewhere: such a commit holds documents and index entries and nothing else.
    Relaxed,
}

/// Everything that changes in one partition, all or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// What it survives once it is acknowledged.
    pub strength: Strength,
    /// When; results are swept by this time.
    pub at: Timestamp,
    /// Caller-keyed parts of this commit with their results.
    pub keyed: Vec<Keyed>,
    /// Documents that were read and must not have changed.
    pub checks: Vec<(Key, Version)>,
    /// Documents to write, each key at most once.
    pub writes: Vec<Write>,
    /// Events, in the order they get their sequence.
    pub events: Vec<NewEvent>,
    /// Inbox marks, checked and set in order.
    pub marks: Vec<Mark>,
    /// Due entries: one per document; `None` removes it.
    pub due: Vec<(Key, Option<Timestamp>)>,
    /// Index entries.
    pub index: Vec<Index>,
    /// Leases that must hold.
    pub fences: Vec<Fence>,
}

impl Commit {
    /// A strong commit that changes nothing yet.
    #[must_use]
    pub fn new(at: Timestamp) -> Self {
        Self {
            strength: Strength::Strong,
            at,
            keyed: Vec::new(),
            checks: Vec::new(),
            writes: Vec::new(),
            events: Vec::new(),
            marks: Vec::new(),
            due: Vec::new(),
            index: Vec::new(),
            fences: Vec::new(),
        }
    }

    /// Is there anything to write?
    #[must_use]
    pub fn changes_nothing(&self) -> bool {
        self.keyed.is_empty()
            && self.writes.is_empty()
            && self.events.is_empty()
            && self.marks.is_empty()
            && self.due.is_empty()
            && self.index.is_empty()
    }
}

impl Commit {
    /// What every back end checks before anything else.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn well_formed(&self) -> Result<(), String> {
        let bound = !self.keyed.is_empty() || !self.fences.is_empty();
        if self.strength == Strength::Relaxed
            && (bound || !self.events.is_empty() || !self.marks.is_empty() || !self.due.is_empty())
        {
            return Err("a relaxed commit has a result, lease, event, mark or due entry; make it strong".to_owned());
        }
        let mut written = BTreeSet::new();
        for write in &self.writes {
            if !written.insert(&write.key) {
                return Err(format!("two writes of {}", write.key));
            }
            if write.version <= write.expected {
                return Err(format!("{} would go from version {} to {}", write.key, write.expected, write.version));
            }
        }
        let mut ids = BTreeSet::new();
        if !self.keyed.iter().all(|keyed| ids.insert(keyed.id)) {
            return Err("one commit id twice".to_owned());
        }
        let bodies = self.writes.iter().filter_map(|write| write.body.as_ref());
        let bodies = bodies.chain(self.events.iter().map(|event| &event.body));
        let bodies = bodies.chain(self.keyed.iter().map(|keyed| &keyed.result));
        let mut bodies = bodies.chain(self.index.iter().map(|index| &index.value));
        if bodies.any(|body| body.len() > MAX_BODY) {
            return Err(format!("a document, event, result or index value has more than {MAX_BODY} bytes"));
        }
        let names = self.writes.iter().map(|write| write.key.as_str().len());
        let names = names.chain(self.events.iter().map(|event| event.kind.len().max(event.subject.as_str().len())));
        let names = names.chain(self.marks.iter().map(|mark| mark.consumer.len()));
        let names = names.chain(self.due.iter().map(|(key, _)| key.as_str().len()));
        let mut names =
            names.chain(self.index.iter().map(|at| at.name.len().max(at.sort.len()).max(at.key.as_str().len())));
        if names.any(|length| length > MAX_KEY) {
            return Err(format!("a key or name has more than {MAX_KEY} bytes"));
        }
        if self.index.iter().any(|index| index.name.contains('\0')) {
            return Err("an index name has a NUL".to_owned());
        }
        Ok(())
    }
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Applied, as durably as the store's class says. The first event has this sequence, the others follow.
    Committed {
        /// Sequence of the first event; the next free one when there is none.
        first_sequence: u64,
    },
    /// Nothing was applied: these commit ids were applied before.
    Already(Vec<(CommitId, Stored)>),
    /// Nothing was applied: a document has another version.
    Conflict,
    /// Nothing was applied.
    Refused(Refused),
    /// Nothing was applied: the store takes no writes now.
    Unavailable,
    /// Nobody knows: resolve by sending the same commit id again.
    Unknown,
}

/// Why a commit was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// This lease is not the partition's any more.
    Fence(Fence),
    /// An event is handled already, out of turn, or forked.
    Mark {
        /// Whose mark.
        consumer: String,
        /// What is wrong with it.
        marked: Marked,
    },
    /// The commit id was used for another request.
    Digest(CommitId),
    /// The stored document has a schema above the one to write.
    Schema(Key),
    /// The commit itself makes no sense: two writes of one key, a version that does not grow, something too large.
    Malformed(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commit_ids_of_shifted_parts_differ() {
        assert_ne!(CommitId::of(&["ab", "c"]), CommitId::of(&["a", "bc"]));
        assert_eq!(CommitId::of(&["ab", "c"]), CommitId::of(&["ab", "c"]));
    }
}
