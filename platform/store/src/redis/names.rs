//! What things are called in Redis. Everything of a partition carries its hash tag, so that it lies in one slot.

use std::sync::Arc;

use retail_runtime::Timestamp;

use crate::commit::CommitId;
use crate::embedded::layout;
use crate::key::{Key, Partition};

/// The names of one partition.
#[derive(Debug, Clone)]
pub(super) struct Names {
    tag: Arc<str>,
}

/// How the domain was made; no partition's.
pub(super) fn birth(domain: &str) -> String {
    format!("weft:{domain}:birth")
}

impl Names {
    pub(super) fn of(partition: Partition, region: &str, domain: &str) -> Self {
        Self { tag: partition.tag(region, domain).into() }
    }

    /// What the hash tag holds: the slot is worked out over this.
    pub(super) fn tag(&self) -> &str {
        &self.tag
    }

    fn name(&self, kind: u8, rest: impl AsRef<[u8]>) -> Vec<u8> {
        [self.tag.as_bytes(), &[kind, b':'], rest.as_ref()].concat()
    }

    /// A document: string.
    pub(super) fn document(&self, key: &Key) -> Vec<u8> {
        self.name(b'd', key.as_str())
    }

    /// The names of all documents: sorted set by name.
    pub(super) fn documents(&self) -> Vec<u8> {
        self.name(b'n', "")
    }

    /// A stored result: string.
    pub(super) fn result(&self, id: CommitId) -> Vec<u8> {
        self.name(b'r', id.0)
    }

    /// All results by age: sorted set.
    pub(super) fn ages(&self) -> Vec<u8> {
        self.name(b'a', "")
    }

    /// An inbox mark: string.
    pub(super) fn mark(&self, consumer: &str) -> Vec<u8> {
        self.name(b'm', consumer)
    }

    /// What is due of a kind of document, by time, then key: sorted set.
    pub(super) fn due(&self, kind: &str) -> Vec<u8> {
        self.name(b't', kind)
    }

    /// The due time of a document: string.
    pub(super) fn due_of(&self, key: &Key) -> Vec<u8> {
        self.name(b'k', key.as_str())
    }

    /// An index: sorted set.
    pub(super) fn index(&self, name: &str) -> Vec<u8> {
        self.name(b'i', name)
    }

    /// What an index shows: hash.
    pub(super) fn index_values(&self, name: &str) -> Vec<u8> {
        self.name(b'v', name)
    }

    /// The worker lease: string.
    pub(super) fn lease(&self) -> Vec<u8> {
        self.name(b'l', "")
    }

    /// A group's offset: string.
    pub(super) fn group(&self, group: &str) -> Vec<u8> {
        self.name(b'g', group)
    }

    /// Both ends of the feed: string.
    pub(super) fn ends(&self) -> Vec<u8> {
        self.name(b'e', "")
    }

    /// The feed: stream.
    pub(super) fn feed(&self) -> Vec<u8> {
        self.name(b'f', "")
    }

    /// The last commit of a writer and its answer: string, gone after an hour without one.
    pub(super) fn writer(&self, writer: &str) -> Vec<u8> {
        self.name(b'w', writer)
    }

    /// Hints: sharded channel.
    pub(super) fn hints(&self) -> Vec<u8> {
        self.name(b'h', "")
    }
}

/// A member of the set of ages.
pub(super) fn age(at: Timestamp, id: CommitId) -> Vec<u8> {
    let mut member = layout::time(at).to_vec();
    member.extend_from_slice(&id.0);
    member
}

/// A member of an index.
pub(super) fn index_member(sort: &[u8], key: &Key) -> Vec<u8> {
    let mut member = layout::escaped(sort);
    member.extend_from_slice(&[0, 0]);
    member.extend_from_slice(key.as_str().as_bytes());
    member
}
