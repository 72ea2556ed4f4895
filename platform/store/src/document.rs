//! Documents: prost messages that live under a key.

use crate::key::{Key, Partition, Version};

/// A kind of document.
pub trait Document: prost::Message + Default + 'static {
    /// Kind in the key, for example `order`; unique in the domain, no slash.
    const KIND: &'static str;
    /// Highest schema this release understands. A document above it is readable but never written.
    const SCHEMA: u32 = 1;
    /// Schema this release writes. New fields are understood in one release and written from the next on.
    const WRITES: u32 = Self::SCHEMA;

    /// The part of the id that decides the partition. Documents that must change together route alike.
    #[must_use]
    fn routing(id: &str) -> &str {
        id
    }

    /// Its key.
    #[must_use]
    fn key(id: &str) -> Key {
        Key::new(Self::KIND, id)
    }

    /// Its partition.
    #[must_use]
    fn partition(id: &str) -> Partition {
        Partition::of(Self::routing(id))
    }
}

/// A document as it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<D> {
    /// The document.
    pub doc: D,
    /// How often it was changed.
    pub version: Version,
    /// Events it has emitted: the version of its last event.
    pub events: u64,
    /// Schema it was written with.
    pub schema: u32,
}
