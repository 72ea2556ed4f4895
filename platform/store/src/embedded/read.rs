//! Reads, each from one snapshot.

use fjall::{Iter, Keyspace, Readable as _, Snapshot};
use retail_runtime::Timestamp;

use super::known::{Fact, Read};
use super::{Spaces, broken, layout};
use crate::backend::{Loaded, Wanted};
use crate::fault::Error;
use crate::key::{Key, Partition};
use crate::record::{Ends, Entry, IndexEntry, IndexQuery, Position, Record};

/// Reads one partition of one domain at one moment.
pub(super) struct Reader<'a> {
    pub(super) spaces: &'a Spaces,
    pub(super) snapshot: Snapshot,
    pub(super) partition: Partition,
}

impl Reader<'_> {
    /// What is wanted, and what the writer needs to know of it.
    pub(super) fn load(&self, wanted: &Wanted) -> Result<(Loaded, Read), Error> {
        let partition = self.partition;
        let (mut loaded, mut facts) = (Loaded::default(), Vec::with_capacity(wanted.keys.len() + wanted.results.len()));
        for key in &wanted.keys {
            let place = layout::document(partition, key);
            let record = self.get(&place)?.map(|bytes| layout::read_record(&bytes)).transpose()?;
            facts.push((place, record.as_ref().map_or(Fact::Absent, |at| Fact::Document(at.version, at.schema))));
            loaded.records.push(record);
        }
        for id in &wanted.results {
            let place = layout::state(partition, layout::RESULT, &id.0);
            let result = self.get(&place)?.map(|bytes| layout::read_result(&bytes)).transpose()?;
            // Who finds a result does not commit.
            if result.is_none() {
                facts.push((place, Fact::Absent));
            }
            loaded.results.push(result);
        }
        for consumer in &wanted.marks {
            let found = self.get(&layout::state(partition, layout::MARK, consumer.as_bytes()))?;
            loaded.marks.push(found.map(|bytes| layout::read_mark(&bytes)).transpose()?);
        }
        if wanted.lease {
            let found = self.get(&layout::place(partition, layout::LEASE))?;
            loaded.lease = found.map(|bytes| layout::read_lease(&bytes)).transpose()?.and_then(|(_, lease)| lease);
        }
        Ok((loaded, facts))
    }

    pub(super) fn scan(&self, prefix: &str, after: Option<&Key>, limit: usize) -> Result<Vec<(Key, Record)>, Error> {
        let place = layout::place(self.partition, layout::DOCUMENT);
        let begin = layout::state(self.partition, layout::DOCUMENT, prefix.as_bytes());
        let from = after.map_or_else(|| begin.clone(), |key| next(layout::document(self.partition, key)));
        self.range(&self.spaces.state, from.max(begin.clone()), layout::behind(&begin))
            .take(limit)
            .map(|found| {
                let (key, value) = found.into_inner().map_err(|error| broken("read", &error))?;
                Ok((layout::read_key(rest(&key, &place))?, layout::read_record(&value)?))
            })
            .collect()
    }

    pub(super) fn index(&self, query: &IndexQuery) -> Result<Vec<IndexEntry>, Error> {
        let place = layout::index_of_name(self.partition, &query.name);
        let mut begin = place.clone();
        begin.extend_from_slice(&layout::escaped(&query.prefix));
        let after = query.after.as_ref();
        let from = after.map(|(sort, key)| next(layout::index(self.partition, &query.name, sort, key)));
        self.range(&self.spaces.state, from.unwrap_or_default().max(begin.clone()), layout::behind(&begin))
            .take(query.limit)
            .map(|found| {
                let (key, value) = found.into_inner().map_err(|error| broken("read", &error))?;
                let (sort, key) = layout::read_index(rest(&key, &place))?;
                Ok(IndexEntry { sort, key, value: value.to_vec().into() })
            })
            .collect()
    }

    pub(super) fn due(
        &self,
        kind: &str,
        from: Option<Timestamp>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Timestamp, Key)>, Error> {
        let place = layout::due_of_kind(self.partition, kind);
        let at = |time: Timestamp| [place.as_slice(), &layout::time(time)].concat();
        let begin = from.map_or_else(|| place.clone(), at);
        let end = layout::behind(&at(until));
        self.range(&self.spaces.state, begin, end)
            .take(limit)
            .map(|found| layout::read_due(rest(&found.key().map_err(|error| broken("read", &error))?, &place)))
            .collect()
    }

    /// The events after a place; `None` when the place does not fit.
    pub(super) fn feed(&self, after: &Position, limit: usize) -> Result<Option<Vec<Entry>>, Error> {
        let ends = self.ends()?;
        if !(*after == ends.begin || *after == ends.end || self.is_at(after, &ends)?) {
            return Ok(None);
        }
        let from = layout::feed(self.partition, after.sequence.saturating_add(1));
        let end = layout::behind(&self.partition.number().to_be_bytes());
        let entries = self.range(&self.spaces.feed, from, end).take(limit).map(|found| {
            let (key, value) = found.into_inner().map_err(|error| broken("read", &error))?;
            layout::read_event(&key, &value)
        });
        entries.collect::<Result<Vec<_>, _>>().map(Some)
    }

    pub(super) fn ends(&self) -> Result<Ends, Error> {
        let ends = self.get(&layout::place(self.partition, layout::ENDS))?;
        Ok(ends.map(|bytes| layout::read_ends(&bytes)).transpose()?.unwrap_or_default())
    }

    fn is_at(&self, place: &Position, ends: &Ends) -> Result<bool, Error> {
        if place.sequence <= ends.begin.sequence || place.sequence > ends.end.sequence {
            return Ok(false);
        }
        let key = layout::feed(self.partition, place.sequence);
        let found = self.snapshot.get(&self.spaces.feed, &key).map_err(|error| broken("read", &error))?;
        Ok(found.map(|bytes| layout::read_event(&key, &bytes)).transpose()?.is_some_and(|at| at.position() == *place))
    }

    fn get(&self, key: &[u8]) -> Result<Option<fjall::Slice>, Error> {
        self.snapshot.get(&self.spaces.state, key).map_err(|error| broken("read", &error))
    }

    fn range(&self, space: &Keyspace, from: Vec<u8>, end: Vec<u8>) -> Iter {
        // A range that ends before it begins would panic; an empty one does not.
        let from = from.min(end.clone());
        self.snapshot.range(space, from..end)
    }
}

fn next(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}

fn rest<'a>(key: &'a [u8], place: &[u8]) -> &'a [u8] {
    key.strip_prefix(place).unwrap_or_default()
}
