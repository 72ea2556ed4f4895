//! What is known to be stored without reading it: what callers have just read, and where the feeds end.
//!
//! A caller reads a document, decides and commits; the writer must find the document as the caller did. It reads only
//! what was changed meanwhile: what was read since the last write to a partition is there still, for nobody else writes.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::key::{Partition, Version};
use crate::record::Ends;

/// Most facts of a partition; beyond it they are dropped and read again.
const MOST: usize = 512;

/// What lies under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fact {
    /// Nothing.
    Absent,
    /// A document of this version and schema.
    Document(Version, u32),
}

/// What was read, by key.
pub(super) type Read = Vec<(Vec<u8>, Fact)>;

/// What is known of all partitions of a domain.
pub(super) struct Known {
    partitions: Vec<Mutex<Facts>>,
}

#[derive(Default)]
struct Facts {
    /// Writes so far.
    writes: u64,
    /// By key.
    read: HashMap<Vec<u8>, Fact>,
    ends: Option<Ends>,
}

/// How many writes a partition had before something was read there.
#[derive(Clone, Copy)]
pub(super) struct Seen(u64);

impl Default for Known {
    fn default() -> Self {
        Self { partitions: Partition::all().map(|_| Mutex::default()).collect() }
    }
}

impl Known {
    /// Say so before taking the snapshot to read from.
    pub(super) fn seen(&self, partition: Partition) -> Seen {
        Seen(self.of(partition).map_or(0, |facts| facts.writes))
    }

    /// Takes in what was read, unless something was written since.
    pub(super) fn learn(&self, partition: Partition, seen: Seen, read: Read) {
        let Some(mut facts) = self.of(partition) else { return };
        if facts.writes != seen.0 || read.len() > MOST {
            return;
        }
        if facts.read.len().saturating_add(read.len()) > MOST {
            facts.read.clear();
        }
        facts.read.extend(read);
    }

    /// What lies under a key; `None`: read it.
    pub(super) fn fact(&self, partition: Partition, key: &[u8]) -> Option<Fact> {
        self.of(partition)?.read.get(key).copied()
    }

    /// Where the feed ends; `None`: read it.
    pub(super) fn ends(&self, partition: Partition) -> Option<Ends> {
        self.of(partition)?.ends
    }

    /// Takes note of a write, and of where the feed ends when that has changed. Call it once the write can be seen, before
    /// the writer checks anything else.
    pub(super) fn written(&self, partition: Partition, ends: Option<Ends>) {
        let Some(mut facts) = self.of(partition) else { return };
        facts.writes = facts.writes.wrapping_add(1);
        facts.read.clear();
        facts.ends = ends.or(facts.ends);
    }

    fn of(&self, partition: Partition) -> Option<MutexGuard<'_, Facts>> {
        let facts = self.partitions.get(usize::from(partition.number()))?;
        Some(facts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> Vec<u8> {
        number.to_be_bytes().to_vec()
    }

    #[test]
    fn what_was_read_is_known_until_something_is_written_to_its_partition() {
        let (known, [here, there]) = (Known::default(), [1, 2].map(|number| Partition::new(number).unwrap()));
        for partition in [here, there] {
            let fact = Fact::Document(Version(3), 1);
            known.learn(partition, known.seen(partition), vec![(key(1), fact), (key(2), Fact::Absent)]);
        }
        assert_eq!(known.fact(here, &key(1)), Some(Fact::Document(Version(3), 1)));
        known.written(here, None);
        assert_eq!(known.fact(here, &key(1)), None);
        assert_eq!(known.fact(there, &key(2)), Some(Fact::Absent));
    }

    #[test]
    fn a_read_overtaken_by_a_write_is_not_known() {
        let (known, partition) = (Known::default(), Partition::new(1).unwrap());
        let seen = known.seen(partition);
        known.written(partition, None);
        known.learn(partition, seen, vec![(key(1), Fact::Absent)]);
        assert_eq!(known.fact(partition, &key(1)), None);
    }

    #[test]
    fn the_end_of_a_feed_stays_known_over_writes_without_events() {
        let (known, partition) = (Known::default(), Partition::new(1).unwrap());
        known.written(partition, Some(Ends::default()));
        known.written(partition, None);
        assert_eq!(known.ends(partition), Some(Ends::default()));
    }

    #[test]
    fn it_never_knows_more_than_it_may() {
        let (known, partition) = (Known::default(), Partition::new(1).unwrap());
        for number in 0..=MOST {
            known.learn(partition, known.seen(partition), vec![(key(number), Fact::Absent)]);
        }
        let all = (0..=MOST).filter(|number| known.fact(partition, &key(*number)).is_some()).count();
        assert_eq!(all, 1);
    }
}
