//! What is read back from a partition, and the small operations beside commits: leases, groups, trimming.

use std::time::Duration;

use bytes::Bytes;
use retail_runtime::Timestamp;
use uuid::Uuid;

use crate::commit::{Fence, Mark, NewEvent};
use crate::key::{Key, Version};

/// Results are kept this long, then swept.
pub const RESULTS_KEPT: Duration = Duration::from_secs(8 * 24 * 3600);
/// A group that holds the feed back and is silent this long is expired.
pub const SILENCE: Duration = Duration::from_secs(7 * 24 * 3600);

/// A stored document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// How often it was changed.
    pub version: Version,
    /// Events it has emitted.
    pub events: u64,
    /// Schema of the body.
    pub schema: u32,
    /// The document.
    pub body: Bytes,
}

/// A stored result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Digest of the request that brought it.
    pub digest: [u8; 32],
    /// When.
    pub at: Timestamp,
    /// The answer.
    pub result: Bytes,
}

/// Where an inbox mark stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkRecord {
    /// Last version handled.
    pub version: u64,
    /// Id of that event.
    pub event: Uuid,
}

/// Why an event is not to be handled now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marked {
    /// It is handled: acknowledge it and go on.
    Done,
    /// Events before it are missing: wait for them or refetch the source.
    Gap {
        /// Last version handled.
        have: u64,
    },
    /// Another event has this version: the source lost history. Alarm, park, reconcile.
    Fork {
        /// The event handled under this version.
        have: Uuid,
    },
}

impl Mark {
    /// Judges the mark against where it stands.
    ///
    /// # Errors
    /// Why the event is not to be handled now.
    pub fn judge(&self, stands: Option<MarkRecord>) -> Result<(), Marked> {
        let (have, event) = stands.map_or((0, None), |mark| (mark.version, Some(mark.event)));
        if have == self.version && event.is_some_and(|event| event != self.event) {
            return Err(Marked::Fork { have: event.unwrap_or_default() });
        }
        if have >= self.version {
            return Err(Marked::Done);
        }
        let needed = self.after.unwrap_or(self.version.saturating_sub(1));
        if have < needed { Err(Marked::Gap { have }) } else { Ok(()) }
    }

    /// What stands after it.
    #[must_use]
    pub fn record(&self) -> MarkRecord {
        MarkRecord { version: self.version, event: self.event }
    }
}

/// An event in the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The partition's own gapless sequence, from 1.
    pub sequence: u64,
    /// The event.
    pub event: NewEvent,
}

impl Entry {
    /// The place right after this event.
    #[must_use]
    pub fn position(&self) -> Position {
        Position { sequence: self.sequence, event: Some(self.event.id) }
    }
}

/// A place in a partition's feed: everything up to here is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Sequence of the last event behind; 0 is the beginning.
    pub sequence: u64,
    /// Id of that event; `None` at the beginning.
    pub event: Option<Uuid>,
}

impl Position {
    /// Before the first event ever.
    pub const BEGIN: Self = Self { sequence: 0, event: None };
}

/// Both ends of a partition's feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ends {
    /// The oldest place from which reading still works.
    pub begin: Position,
    /// The place after the newest event.
    pub end: Position,
}

/// How far a group has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offset {
    /// Everything up to here is acknowledged.
    pub position: Position,
    /// When the group last showed life.
    pub seen: Timestamp,
    /// True: it was silent too long and must resync ([`GroupOp::Reset`]).
    pub expired: bool,
}

/// What to do with a group's offset in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupOp {
    /// Makes the group known; it starts at the oldest event there is. Known groups are left as they are.
    Declare,
    /// Shows life.
    Touch,
    /// Everything up to here is handled. Going back is ignored; a place that does not fit is out of range.
    Acknowledge(Position),
    /// Puts the group at a place after a resync, forwards or backwards, and revives it.
    Reset(Position),
}

/// The worker lease of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// What its holder's commits carry.
    pub fence: Fence,
    /// When others may take it. The holder stops earlier, by its own monotonic clock.
    pub until: Timestamp,
}

/// What to do with the lease of a partition. Time comes from the caller's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseOp {
    /// Takes it when it is free or has run out; the epoch grows. Taking one's own again renews it.
    Take {
        /// Drawn by the taker.
        nonce: [u8; 16],
        /// For how long.
        ttl: Duration,
        /// The taker's time.
        now: Timestamp,
    },
    /// Extends it while nobody else took it, even when it has run out.
    Renew {
        /// The lease.
        fence: Fence,
        /// For how long.
        ttl: Duration,
        /// The holder's time.
        now: Timestamp,
    },
    /// Gives it back.
    Release {
        /// The lease.
        fence: Fence,
    },
}

/// What became of a lease operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseAnswer {
    /// It is the caller's.
    Held(Lease),
    /// It is another's until then.
    Taken {
        /// When it may be tried again.
        until: Timestamp,
    },
    /// It is the caller's no more (released, or lost to another).
    Gone,
}

/// An index entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexEntry {
    /// Sort key.
    pub sort: Vec<u8>,
    /// The document.
    pub key: Key,
    /// What a list shows.
    pub value: Bytes,
}

/// Which entries of an index, in the order of sort key and document key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexQuery {
    /// Name of the index.
    pub name: String,
    /// Only sort keys that begin with this; empty for all.
    pub prefix: Vec<u8>,
    /// Only entries after this one: the page token.
    pub after: Option<(Vec<u8>, Key)>,
    /// At most this many.
    pub limit: usize,
}

/// How far to trim a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trim {
    /// Declared groups: nothing that one of them has not acknowledged is removed.
    pub groups: Vec<String>,
    /// Now: groups silent for [`SILENCE`] are expired.
    pub now: Timestamp,
    /// Events younger than this stay, for those who follow without a group.
    pub keep: Duration,
    /// At most this many events in one go.
    pub limit: usize,
}

/// What trimming did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trimmed {
    /// Events removed.
    pub removed: usize,
    /// Groups expired: alarm.
    pub expired: Vec<String>,
}

/// `at - span`, at the beginning of time when there is none.
pub(crate) fn before(at: Timestamp, span: Duration) -> Timestamp {
    at.checked_sub(span).unwrap_or(Timestamp::MIN)
}

/// `at + span`, at the end of time when there is none.
pub(crate) fn after(at: Timestamp, span: Duration) -> Timestamp {
    at.checked_add(span).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(version: u64, event: u128, after: Option<u64>) -> Mark {
        Mark { consumer: "c".into(), version, event: Uuid::from_u128(event), after }
    }

    fn stands(version: u64, event: u128) -> Option<MarkRecord> {
        Some(MarkRecord { version, event: Uuid::from_u128(event) })
    }

    #[test]
    fn the_next_version_is_taken() {
        assert_eq!(mark(1, 1, None).judge(None), Ok(()));
        assert_eq!(mark(3, 3, None).judge(stands(2, 2)), Ok(()));
    }

    #[test]
    fn the_same_event_and_lower_versions_are_done() {
        assert_eq!(mark(2, 2, None).judge(stands(2, 2)), Err(Marked::Done));
        assert_eq!(mark(1, 9, None).judge(stands(2, 2)), Err(Marked::Done));
    }

    #[test]
    fn the_same_version_of_another_event_is_a_fork() {
        assert_eq!(mark(2, 7, None).judge(stands(2, 2)), Err(Marked::Fork { have: Uuid::from_u128(2) }));
    }

    #[test]
    fn a_gap_is_refused_unless_vouched_for() {
        assert_eq!(mark(4, 4, None).judge(stands(2, 2)), Err(Marked::Gap { have: 2 }));
        assert_eq!(mark(4, 4, Some(2)).judge(stands(2, 2)), Ok(()));
        assert_eq!(mark(4, 4, Some(3)).judge(stands(2, 2)), Err(Marked::Gap { have: 2 }));
        assert_eq!(mark(4, 4, Some(0)).judge(None), Ok(()));
    }
}
