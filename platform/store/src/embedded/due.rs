//! Where the due entries of a partition begin.
//!
//! Due entries come and go at the front of their set, and the engine keeps what was removed until it compacts: a scan
//! from the front would step over all of it every time. The floor is the first time that can still be there.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use retail_runtime::Timestamp;

use crate::key::Partition;

/// Floors of all partitions and kinds of a domain.
#[derive(Default)]
pub(super) struct Floors {
    of: Mutex<HashMap<(Partition, String), Floor>>,
}

#[derive(Default, Clone, Copy)]
struct Floor {
    at: Option<Timestamp>,
    writes: u64,
}

/// A floor as read before a scan.
pub(super) struct Seen {
    pub(super) floor: Option<Timestamp>,
    writes: u64,
}

impl Floors {
    /// Reads the floor. Do so before taking the snapshot to scan.
    pub(super) fn seen(&self, partition: Partition, kind: &str) -> Seen {
        let floor = self.lock().get(&(partition, kind.to_owned())).copied().unwrap_or_default();
        Seen { floor: floor.at, writes: floor.writes }
    }

    /// Raises the floor to the first entry that a scan found, unless something was written since.
    pub(super) fn found(&self, partition: Partition, kind: &str, seen: &Seen, first: Timestamp) {
        let mut floors = self.lock();
        let floor = floors.entry((partition, kind.to_owned())).or_default();
        if floor.writes == seen.writes {
            floor.at = Some(first);
        }
    }

    /// Takes note of an entry. Call it after the entry can be seen, before its writer is answered.
    pub(super) fn written(&self, partition: Partition, kind: &str, at: Timestamp) {
        let mut floors = self.lock();
        let floor = floors.entry((partition, kind.to_owned())).or_default();
        floor.writes = floor.writes.wrapping_add(1);
        floor.at = floor.at.map(|floor| floor.min(at));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(Partition, String), Floor>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    #[test]
    fn a_scan_raises_the_floor_and_an_earlier_entry_lowers_it() {
        let (floors, partition) = (Floors::default(), Partition::new(1).unwrap());
        let seen = floors.seen(partition, "order");
        floors.found(partition, "order", &seen, at(10));
        assert_eq!(floors.seen(partition, "order").floor, Some(at(10)));
        floors.written(partition, "order", at(20));
        assert_eq!(floors.seen(partition, "order").floor, Some(at(10)));
        floors.written(partition, "order", at(5));
        assert_eq!(floors.seen(partition, "order").floor, Some(at(5)));
        assert_eq!(floors.seen(partition, "poll").floor, None);
    }

    #[test]
    fn a_scan_overtaken_by_a_write_raises_nothing() {
        let (floors, partition) = (Floors::default(), Partition::new(1).unwrap());
        let seen = floors.seen(partition, "order");
        floors.written(partition, "order", at(5));
        floors.found(partition, "order", &seen, at(10));
        assert_eq!(floors.seen(partition, "order").floor, None);
    }
}
