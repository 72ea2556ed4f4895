//! What can go wrong, one variant per decision a caller can take.

use std::path::PathBuf;
use std::time::Duration;

use retail_runtime::fault::{Class, Fault};

use crate::key::{Key, Partition};
use crate::record::Marked;

/// Why the store did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The commit may have been applied. Repeat it with the same commit id; never report it as a failure.
    #[error("outcome of the commit is unknown; repeat it with the same idempotency key")]
    Unknown,
    /// Nothing was changed; the store takes no requests now.
    #[error("store is unavailable: {0}")]
    Unavailable(String),
    /// Nothing was changed; too many updates wait.
    #[error("too many updates wait for partition {0}")]
    Overloaded(Partition),
    /// Nothing was changed; others changed the same documents at every try.
    #[error("partition {0} was changed by others at every try")]
    Conflict(Partition),
    /// The idempotency key was used for another request.
    #[error("idempotency key was used for another request; choose a new key for a new request")]
    KeyReused,
    /// The worker lease is another's now: stop working on this partition.
    #[error("lease of partition {0} was lost")]
    Fenced(Partition),
    /// The event is handled already, out of turn, or forked.
    #[error("event is not to be handled now: {0:?}")]
    Marked(Marked),
    /// A newer release wrote this document; a replica of that release must change it.
    #[error("{key} has schema {schema}, written by a newer release than this one")]
    Newer {
        /// Which document.
        key: Key,
        /// Its schema.
        schema: u32,
    },
    /// The place in the feed does not exist (trimmed, never was, or of another history): resync.
    #[error("place {sequence} in the feed of partition {partition} is out of range; resync")]
    OutOfRange {
        /// Which feed.
        partition: Partition,
        /// The place asked for.
        sequence: u64,
    },
    /// No such group is declared.
    #[error("no group {0} is declared")]
    NoSuchGroup(String),
    /// Stored bytes make no sense.
    #[error("{what} cannot be read: {why}")]
    Corrupt {
        /// Which.
        what: String,
        /// Why.
        why: String,
    },
    /// The commit breaks a limit or contradicts itself: a bug of the caller.
    #[error("commit is malformed: {0}")]
    Malformed(String),
    /// A rule touched a document of another partition: a bug of the caller.
    #[error("{key} is not in partition {partition}")]
    Misrouted {
        /// Which document.
        key: Key,
        /// Where the commit is.
        partition: Partition,
    },
    /// A rule panicked: a bug of the caller. Nothing was changed.
    #[error("rule for {0} panicked")]
    RulePanicked(Key),
    /// Another process holds the directory.
    #[error("data directory {} is in use by another process; stop that process or configure another directory", .0.display())]
    Locked(PathBuf),
    /// A server does not keep what the durability class promises, or the configuration contradicts itself.
    #[error("store is not fit: {0}")]
    Unfit(String),
    /// The store was made with other settings.
    #[error("store was made with {what} {stored}, but {configured} is configured; use the store it belongs to")]
    Birth {
        /// Which setting.
        what: &'static str,
        /// What the store says.
        stored: String,
        /// What the configuration says.
        configured: String,
    },
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::Unknown => Class::Unknown,
            Self::Unavailable(_) | Self::Newer { .. } => Class::Unavailable,
            Self::Overloaded(_) => Class::Throttled,
            Self::Conflict(_) | Self::Fenced(_) => Class::Conflict,
            Self::KeyReused
            | Self::Marked(_)
            | Self::OutOfRange { .. }
            | Self::Birth { .. }
            | Self::Locked(_)
            | Self::Unfit(_) => Class::Precondition,
            Self::NoSuchGroup(_) => Class::NotFound,
            Self::Corrupt { .. } | Self::Malformed(_) | Self::Misrouted { .. } | Self::RulePanicked(_) => {
                Class::Internal
            }
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Unknown => "OUTCOME_UNKNOWN",
            Self::Unavailable(_) => "STORE_UNAVAILABLE",
            Self::Overloaded(_) => "STORE_OVERLOADED",
            Self::Conflict(_) => "STORE_CONFLICT",
            Self::KeyReused => "IDEMPOTENCY_KEY_REUSED",
            Self::Fenced(_) => "LEASE_LOST",
            Self::Marked(Marked::Done) => "EVENT_ALREADY_HANDLED",
            Self::Marked(Marked::Gap { .. }) => "EVENT_OUT_OF_TURN",
            Self::Marked(Marked::Fork { .. }) => "EVENT_FORKED",
            Self::Newer { .. } => "DOCUMENT_NEWER_THAN_SERVICE",
            Self::OutOfRange { .. } => "FEED_OUT_OF_RANGE",
            Self::NoSuchGroup(_) => "NO_SUCH_GROUP",
            Self::Corrupt { .. } => "STORE_CORRUPT",
            Self::Malformed(_) => "COMMIT_MALFORMED",
            Self::Misrouted { .. } => "DOCUMENT_MISROUTED",
            Self::RulePanicked(_) => "RULE_PANICKED",
            Self::Locked(_) => "STORE_LOCKED",
            Self::Unfit(_) => "STORE_UNFIT",
            Self::Birth { .. } => "STORE_OF_ANOTHER_CONFIGURATION",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Overloaded(partition) | Self::Conflict(partition) | Self::Fenced(partition) => {
                vec![("partition", partition.to_string())]
            }
            Self::OutOfRange { partition, sequence } => {
                vec![("partition", partition.to_string()), ("sequence", sequence.to_string())]
            }
            Self::Newer { key, schema } => vec![("document", key.to_string()), ("schema", schema.to_string())],
            Self::NoSuchGroup(group) => vec![("group", group.clone())],
            Self::Birth { what, stored, configured } => {
                vec![("setting", (*what).to_owned()), ("stored", stored.clone()), ("configured", configured.clone())]
            }
            Self::Misrouted { key, partition } => {
                vec![("document", key.to_string()), ("partition", partition.to_string())]
            }
            Self::RulePanicked(key) => vec![("document", key.to_string())],
            Self::Unknown
            | Self::Unavailable(_)
            | Self::KeyReused
            | Self::Marked(_)
            | Self::Corrupt { .. }
            | Self::Malformed(_)
            | Self::Locked(_)
            | Self::Unfit(_) => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unknown | Self::Overloaded(_) | Self::Conflict(_) => Some(Duration::from_millis(100)),
            Self::Unavailable(_) | Self::Newer { .. } => Some(Duration::from_secs(1)),
            Self::KeyReused
            | Self::Fenced(_)
            | Self::Marked(_)
            | Self::OutOfRange { .. }
            | Self::NoSuchGroup(_)
            | Self::Corrupt { .. }
            | Self::Malformed(_)
            | Self::Misrouted { .. }
            | Self::RulePanicked(_)
            | Self::Locked(_)
            | Self::Unfit(_)
            | Self::Birth { .. } => None,
        }
    }
}

/// Why an update did not happen: the rule said no, or the store did.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpdateError<E> {
    /// The rule refused; nothing was changed.
    #[error("rule refused")]
    Rule(#[source] E),
    /// The store.
    #[error(transparent)]
    Store(Error),
}

impl<E> UpdateError<E> {
    /// Turns both into one error.
    pub fn into_one<T>(self, rule: impl FnOnce(E) -> T, store: impl FnOnce(Error) -> T) -> T {
        match self {
            Self::Rule(error) => rule(error),
            Self::Store(error) => store(error),
        }
    }
}
