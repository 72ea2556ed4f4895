//! Names inside a store: partitions, keys, versions.

use std::fmt;
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

/// Partitions of every domain, unless the process has [settled](Partition::settle) for fewer. Written into the store at
/// birth and checked whenever it is opened.
const PARTITIONS: u16 = 64;

/// How many this process has.
static SETTLED: OnceLock<u16> = OnceLock::new();

/// The unit of atomicity and of order: one commit changes one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(u16);

impl Partition {
    /// The partition that a routing text falls into; the same for ever.
    #[must_use]
    pub fn of(routing: &str) -> Self {
        let digest = Sha256::digest(routing.as_bytes());
        let number = digest.iter().take(8).fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
        Self(u16::try_from(number % u64::from(Self::count())).unwrap_or(0))
    }

    /// How many partitions every domain has.
    #[must_use]
    pub fn count() -> u16 {
        *SETTLED.get_or_init(|| PARTITIONS)
    }

    /// Settles for so many partitions, at most as many as usual, in this process; false when it is too late or none are
    /// left. For simulated worlds: where partitions are few, rivals meet in them, and idle ones cost no time. Nothing
    /// that talks to another process or opens a store of one may do so.
    pub fn settle(count: u16) -> bool {
        (1..=PARTITIONS).contains(&count) && SETTLED.set(count).is_ok()
    }

    /// The partition of a number below [`Partition::count`].
    #[must_use]
    pub fn new(number: u16) -> Option<Self> {
        (number < Self::count()).then_some(Self(number))
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }

    /// All partitions in order.
    pub fn all() -> impl Iterator<Item = Self> + Clone {
        (0..Self::count()).map(Self)
    }

    /// The tag all its keys share, for example `{eu:orders:p07}`.
    #[must_use]
    pub fn tag(self, region: &str, domain: &str) -> String {
        format!("{{{region}:{domain}:{self}}}")
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{:02}", self.0)
    }
}

/// Names a document: `kind/id`. The kind has no slash, the id may have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// The key of a kind and an id.
    #[must_use]
    pub fn new(kind: &str, id: &str) -> Self {
        Self(format!("{kind}/{id}"))
    }

    /// Reads a key back from its text; `None` when kind or id is missing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, id) = text.split_once('/')?;
        (!kind.is_empty() && !id.is_empty()).then(|| Self(text.to_owned()))
    }

    /// What it is, for example `order`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.0.split_once('/').map_or("", |(kind, _)| kind)
    }

    /// Which one it is.
    #[must_use]
    pub fn id(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, id)| id)
    }

    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How often a document was changed; 0 is a document that does not exist. A deleted id that is used again starts anew,
/// so never give a used id to something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version(pub u64);

impl Version {
    /// The version of a document that does not exist.
    pub const ABSENT: Self = Self(0);

    /// The version after one more change.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routing_never_changes() {
        insta::assert_snapshot!(Partition::of("0190b6a2-order"), @"p15");
        insta::assert_snapshot!(Partition::of("store-17"), @"p51");
        insta::assert_snapshot!(Partition::of("x").tag("eu", "orders"), @"{eu:orders:p04}");
    }

    #[test]
    fn ids_spread_evenly_over_the_partitions() {
        let mut counts = vec![0_u32; usize::from(PARTITIONS)];
        for n in 0..64_000 {
            counts[usize::from(Partition::of(&format!("order-{n}")).number())] += 1;
        }
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_key_tells_its_kind_and_its_id() {
        let key = Key::new("stock", "berlin/SKU-1");
        assert_eq!((key.kind(), key.id()), ("stock", "berlin/SKU-1"));
        assert_eq!(Key::parse(key.as_str()), Some(key));
        assert_eq!(Key::parse("nothing"), None);
        assert_eq!(Key::parse("/x"), None);
    }
}
