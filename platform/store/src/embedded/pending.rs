//! What a group of works will write: seen by the later ones of the group before it is on disk.

use std::collections::{BTreeMap, HashMap};

use fjall::{Keyspace, Slice};

use super::{Spaces, broken};
use crate::fault::Error;
use crate::record::Ends;

/// Which keyspace of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Space {
    State,
    Feed,
}

impl Space {
    fn of(self, spaces: &Spaces) -> &Keyspace {
        match self {
            Self::State => &spaces.state,
            Self::Feed => &spaces.feed,
        }
    }
}

type Values = HashMap<Vec<u8>, Option<Slice>>;

/// One group of works on its way to the disk.
#[derive(Default)]
pub(super) struct Pending {
    spaces: BTreeMap<u64, (Keyspace, Values)>,
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.spaces.is_empty()
    }

    /// Everything to write, keyspace by keyspace.
    pub(super) fn drain(self) -> impl Iterator<Item = (Keyspace, Vec<u8>, Option<Slice>)> {
        self.spaces
            .into_values()
            .flat_map(|(space, values)| values.into_iter().map(move |(key, value)| (space.clone(), key, value)))
    }

    /// Adds what one work wants to write.
    pub(super) fn adopt(&mut self, draft: Staged<'_>) {
        let spaces = draft.spaces;
        for (space, key, value) in draft.writes {
            let keyspace = space.of(spaces);
            let (_, values) = self.spaces.entry(keyspace.id()).or_insert_with(|| (keyspace.clone(), Values::default()));
            values.insert(key, value);
        }
    }

    fn get(&self, keyspace: &Keyspace, key: &[u8]) -> Option<&Option<Slice>> {
        self.spaces.get(&keyspace.id()).and_then(|(_, values)| values.get(key))
    }
}

/// What one work reads and wants to write: nothing of it counts before all of it is right.
pub(super) struct Staged<'a> {
    pub(super) spaces: &'a Spaces,
    writes: Vec<(Space, Vec<u8>, Option<Slice>)>,
    /// Where the feed will end, when that changes.
    pub(super) ends: Option<Ends>,
}

impl<'a> Staged<'a> {
    pub(super) fn new(spaces: &'a Spaces) -> Self {
        Self { spaces, writes: Vec::new(), ends: None }
    }

    /// Does the group write this key of the state?
    pub(super) fn is_pending(&self, pending: &Pending, key: &[u8]) -> bool {
        pending.get(&self.spaces.state, key).is_some()
    }

    /// Reads a value as the group will leave it. Writes of this work itself are not seen: it checks first.
    pub(super) fn get(&self, pending: &Pending, space: Space, key: &[u8]) -> Result<Option<Slice>, Error> {
        let keyspace = space.of(self.spaces);
        match pending.get(keyspace, key) {
            Some(value) => Ok(value.clone()),
            None => keyspace.get(key).map_err(|error| broken("read", &error)),
        }
    }

    pub(super) fn put(&mut self, space: Space, key: Vec<u8>, value: Vec<u8>) {
        self.writes.push((space, key, Some(value.into())));
    }

    pub(super) fn remove(&mut self, space: Space, key: Vec<u8>) {
        self.writes.push((space, key, None));
    }
}
