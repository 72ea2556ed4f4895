//! What a rule sees and changes: its document, others of the same partition, and what goes with them.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use retail_runtime::{Timestamp, sabotage};

use crate::backend::Wanted;
use crate::commit::{Index, MAX_KEY, Mark};
use crate::config::Journal;
use crate::document::Document;
use crate::fault::Error;
use crate::key::{Key, Partition, Version};
use crate::record::{MarkRecord, Record};

/// A document as loaded and as changed by the rules before this one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slot {
    pub(crate) loaded: Version,
    pub(crate) version: Version,
    pub(crate) events: u64,
    pub(crate) schema: u32,
    pub(crate) body: Option<Bytes>,
}

impl Slot {
    pub(crate) fn loaded(record: Option<Record>) -> Self {
        record.map_or_else(Self::default, |record| Self {
            loaded: record.version,
            version: record.version,
            events: record.events,
            schema: record.schema,
            body: Some(record.body),
        })
    }
}

/// What a group of rules has loaded so far.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub(crate) slots: BTreeMap<Key, Slot>,
    pub(crate) marks: BTreeMap<String, Option<MarkRecord>>,
}

/// An event before it has an id and a time.
#[derive(Debug, Clone)]
pub(crate) struct Emitted {
    pub(crate) kind: String,
    pub(crate) subject: Key,
    pub(crate) version: u64,
    pub(crate) traceparent: String,
    pub(crate) body: Bytes,
}

/// What one rule changed.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) slots: BTreeMap<Key, Slot>,
    pub(crate) events: Vec<Emitted>,
    pub(crate) marks: Vec<Mark>,
    pub(crate) due: Vec<(Key, Option<Timestamp>)>,
    pub(crate) index: Vec<Index>,
    pub(crate) read: BTreeSet<Key>,
    pub(crate) relaxed: bool,
}

impl Changes {
    pub(crate) fn bytes(&self) -> usize {
        let bodies = self.slots.values().filter_map(|slot| slot.body.as_ref()).map(Bytes::len).sum::<usize>();
        bodies + self.events.iter().map(|event| event.body.len()).sum::<usize>()
    }
}

/// A document in the hands of a rule. Change [`Draft::doc`] as you like: it is written when the rule succeeds and the
/// document differs from what was stored. An untouched default of a document that did not exist is not written.
#[derive(Debug)]
pub struct Draft<D> {
    /// The document; the default when it did not exist.
    pub doc: D,
    /// Did it exist?
    pub existed: bool,
    original: OnceCell<Option<D>>,
    key: Key,
    partition: Partition,
    view: Arc<View>,
    changes: Changes,
    deleted: bool,
    emitted: bool,
    traceparent: String,
    journal: Option<Journal>,
    missing: Wanted,
    fault: Option<Error>,
}

/// How a rule's run ended, beside what the rule itself said.
pub(crate) enum Drawn {
    Changes(Changes),
    Missing(Wanted),
    Fault(Error),
}

impl<D: Document> Draft<D> {
    pub(crate) fn open(key: &Key, partition: Partition, view: &Arc<View>, traceparent: &str) -> Result<Self, Error> {
        let slot = view.slots.get(key).cloned().unwrap_or_default();
        writable::<D>(key, &slot)?;
        let doc = slot.body.as_ref().map_or_else(|| Ok(D::default()), |body| decode::<D>(key, body))?;
        Ok(Self {
            doc,
            existed: slot.body.is_some(),
            original: OnceCell::new(),
            key: key.clone(),
            partition,
            view: Arc::clone(view),
            changes: Changes::default(),
            deleted: false,
            emitted: false,
            traceparent: traceparent.to_owned(),
            journal: None,
            missing: Wanted::default(),
            fault: None,
        })
    }

    pub(crate) fn journaled(self, journal: Option<Journal>) -> Self {
        Self { journal, ..self }
    }

    /// How much of its way is kept in this store; `None` when nothing is.
    #[must_use]
    pub fn journal(&self) -> Option<Journal> {
        self.journal
    }

    /// The document before this rule; `None` when it did not exist.
    #[must_use]
    pub fn original(&self) -> Option<&D> {
        let body = || self.view.slots.get(&self.key)?.body.as_ref();
        self.original.get_or_init(|| body().and_then(|body| D::decode(body.clone()).ok())).as_ref()
    }

    /// Does the document differ from what was stored?
    #[must_use]
    pub fn is_changed(&self) -> bool {
        let stored = self.view.slots.get(&self.key).and_then(|slot| slot.body.as_deref());
        stored.unwrap_or_default() != self.doc.encode_to_vec().as_slice()
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.key.id()
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Its partition.
    #[must_use]
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// Its version before this rule.
    #[must_use]
    pub fn version(&self) -> Version {
        self.view.slots.get(&self.key).map_or(Version::ABSENT, |slot| slot.version)
    }

    /// The version that its next event carries.
    #[must_use]
    pub fn event_version(&self) -> u64 {
        self.slot(&self.key).events.saturating_add(1)
    }

    /// The document as it was stored before this rule, and the schema it was written with; `None` when it did not exist.
    #[must_use]
    pub fn stored(&self) -> Option<(Bytes, u32)> {
        let slot = self.view.slots.get(&self.key)?;
        Some((slot.body.clone()?, slot.schema))
    }

    /// The version it will have after this rule, as far as that has run.
    #[must_use]
    pub fn next_version(&self) -> Version {
        if self.emitted || self.is_changed() { self.version().next() } else { self.version() }
    }

    /// The events of this document that this rule has emitted so far: type and payload.
    pub fn emissions(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        let own = self.changes.events.iter().filter(|event| event.subject == self.key);
        own.map(|event| (event.kind.as_str(), &event.body))
    }

    /// When this rule has made this document due: `None` when it has not said, `Some(None)` when it is due no longer.
    #[must_use]
    pub fn due_said(&self) -> Option<Option<Timestamp>> {
        let own = self.changes.due.iter().rev().find(|(key, _)| *key == self.key);
        own.map(|(_, at)| *at)
    }

    /// Emits an event of this document and answers the version it carries. The document is written even when nothing
    /// else in it changed.
    pub fn emit(&mut self, kind: impl Into<String>, body: impl Into<Bytes>) -> u64 {
        self.emitted = true;
        self.push_event(self.key.clone(), kind.into(), body.into())
    }

    /// Events emitted from here on name this trace context as their cause instead of the caller's.
    pub fn caused_by(&mut self, traceparent: &str) {
        traceparent.clone_into(&mut self.traceparent);
    }

    /// Makes this document due at a time, or no longer due. A document has one due time.
    pub fn due(&mut self, at: Option<Timestamp>) {
        self.changes.due.push((self.key.clone(), at));
    }

    /// Sets an index entry that points to this document.
    pub fn index(&mut self, name: &str, sort: impl Into<Vec<u8>>, value: impl Into<Bytes>) {
        self.push_index(name, sort.into(), self.key.clone(), Some(value.into()));
    }

    /// Removes an index entry that points to this document.
    pub fn unindex(&mut self, name: &str, sort: impl Into<Vec<u8>>) {
        self.push_index(name, sort.into(), self.key.clone(), None);
    }

    /// Marks an event as handled by this change. When it is handled already, out of turn or forked, nothing of this
    /// rule is written and the caller gets [`Error::Marked`].
    pub fn mark(&mut self, mark: Mark) {
        if sabotage::is_off("inbox") {
            return;
        }
        if !self.view.marks.contains_key(&mark.consumer) {
            self.missing.marks.push(mark.consumer.clone());
        }
        self.changes.marks.push(mark);
    }

    /// This change may be lost by a failover in any durability class, because it is made anew from elsewhere when it is
    /// missing: a cache. With an event, an inbox mark, a due time, a key or a lease the change is refused as malformed.
    pub fn relaxed(&mut self) {
        self.changes.relaxed = true;
    }

    /// Deletes this document when the rule succeeds.
    pub fn delete(&mut self) {
        self.deleted = true;
    }

    /// Reads another document of this partition, with what this rule has put.
    pub fn get<O: Document>(&mut self, id: &str) -> Option<O> {
        let key = self.reach::<O>(id)?;
        self.read::<O>(key)
    }

    fn read<O: Document>(&mut self, key: Key) -> Option<O> {
        self.changes.read.insert(key.clone());
        let body = self.slot(&key).body?;
        match decode::<O>(&key, &body) {
            Ok(doc) => Some(doc),
            Err(error) => {
                self.fault.get_or_insert(error);
                None
            }
        }
    }

    /// Writes another document of this partition.
    pub fn put<O: Document>(&mut self, id: &str, doc: &O) {
        let Some(key) = self.reach::<O>(id) else { return };
        self.write::<O>(key, |slot| {
            slot.schema = slot.schema.max(O::WRITES);
            slot.body = Some(Bytes::from(doc.encode_to_vec()));
        });
    }

    /// Another document of this partition as it was stored before this rule: its bytes and its version.
    pub fn stored_of<O: Document>(&mut self, id: &str) -> (Option<Bytes>, Version) {
        let Some(key) = self.reach::<O>(id) else { return (None, Version::ABSENT) };
        let slot = self.view.slots.get(&key).cloned().unwrap_or_default();
        (slot.body, slot.version)
    }

    /// Writes another document of this partition that nobody has written before, without reading it first: for ids that
    /// are given once, under the version of a document that this rule writes as well. Were it there, the commit would
    /// conflict for ever.
    pub fn append<O: Document>(&mut self, id: &str, doc: &O) {
        let Some(key) = self.routed::<O>(id) else { return };
        let body = Some(Bytes::from(doc.encode_to_vec()));
        let slot = Slot { version: Version::ABSENT.next(), schema: O::WRITES, body, ..Slot::default() };
        self.changes.slots.insert(key, slot);
    }

    /// Deletes another document of this partition.
    pub fn remove<O: Document>(&mut self, id: &str) {
        if let Some(key) = self.reach::<O>(id) {
            self.write::<O>(key, |slot| slot.body = None);
        }
    }

    /// Emits an event of another document of this partition and answers the version it carries. Put the document
    /// before: an event of a document that does not exist is refused.
    pub fn emit_on<O: Document>(&mut self, id: &str, kind: impl Into<String>, body: impl Into<Bytes>) -> u64 {
        let Some(key) = self.reach::<O>(id) else { return 0 };
        if self.slot(&key).body.is_none() {
            self.fault.get_or_insert(Error::Malformed(format!("event of {key}, which does not exist")));
        }
        self.write::<O>(key.clone(), |_| {});
        self.push_event(key, kind.into(), body.into())
    }

    /// Reads the document of another kind with the same id, beside this one in its partition (whatever its own routing
    /// says); the default when it does not exist. Outside a rule: [`crate::Store::read_sibling`].
    pub fn sibling<O: Document>(&mut self) -> O {
        let key = O::key(self.key.id());
        self.ask(&key);
        self.read::<O>(key).unwrap_or_default()
    }

    /// Writes the document of another kind with the same id beside this one, when it differs from what is there.
    pub fn set_sibling<O: Document>(&mut self, doc: &O) {
        let key = O::key(self.key.id());
        self.ask(&key);
        let body = doc.encode_to_vec();
        if self.slot(&key).body.as_deref().unwrap_or_default() != body.as_slice() {
            self.write::<O>(key, |slot| {
                slot.schema = slot.schema.max(O::WRITES);
                slot.body = Some(Bytes::from(body));
            });
        }
    }

    /// Makes another document of this partition due at a time, or no longer due.
    pub fn due_on<O: Document>(&mut self, id: &str, at: Option<Timestamp>) {
        if let Some(key) = self.routed::<O>(id) {
            self.changes.due.push((key, at));
        }
    }

    /// Sets (`Some`) or removes (`None`) an index entry that points to another document of this partition.
    pub fn index_on<O: Document>(&mut self, id: &str, name: &str, sort: impl Into<Vec<u8>>, value: Option<Bytes>) {
        if let Some(key) = self.routed::<O>(id) {
            self.push_index(name, sort.into(), key, value);
        }
    }

    /// Ends the run: what is missing, what is wrong, or what has changed.
    pub(crate) fn close(mut self) -> Drawn {
        if !self.missing.keys.is_empty() || !self.missing.marks.is_empty() {
            return Drawn::Missing(self.missing);
        }
        if let Some(fault) = self.fault {
            return Drawn::Fault(fault);
        }
        let stored = self.view.slots.get(&self.key).cloned().unwrap_or_default();
        let body = (!self.deleted).then(|| Bytes::from(self.doc.encode_to_vec()));
        let untouched = match (&stored.body, &body) {
            (Some(old), Some(new)) => old == new,
            (None, Some(new)) => new.is_empty(),
            (None, None) => true,
            (Some(_), None) => false,
        };
        if untouched && !self.emitted {
            self.changes.read.insert(self.key.clone());
        } else {
            let schema = stored.schema.max(D::WRITES);
            let events = self.changes.slots.get(&self.key).map_or(stored.events, |slot| slot.events);
            let slot = Slot { version: stored.version.next(), events, schema, body, loaded: stored.loaded };
            self.changes.slots.insert(self.key, slot);
        }
        Drawn::Changes(self.changes)
    }

    fn slot(&self, key: &Key) -> Slot {
        self.changes.slots.get(key).or_else(|| self.view.slots.get(key)).cloned().unwrap_or_default()
    }

    fn routed<O: Document>(&mut self, id: &str) -> Option<Key> {
        let key = O::key(id);
        if O::partition(id) == self.partition {
            return Some(key);
        }
        self.fault.get_or_insert(Error::Misrouted { key, partition: self.partition });
        None
    }

    fn reach<O: Document>(&mut self, id: &str) -> Option<Key> {
        let key = self.routed::<O>(id)?;
        if key == self.key {
            self.fault.get_or_insert(Error::Malformed(format!("{key} is the draft itself; use its doc")));
            return None;
        }
        self.ask(&key);
        Some(key)
    }

    fn ask(&mut self, key: &Key) {
        if !self.view.slots.contains_key(key) && !self.missing.keys.contains(key) {
            self.missing.keys.push(key.clone());
        }
    }

    fn write<O: Document>(&mut self, key: Key, change: impl FnOnce(&mut Slot)) {
        let stored = self.view.slots.get(&key).cloned().unwrap_or_default();
        if let Err(error) = writable::<O>(&key, &stored) {
            self.fault.get_or_insert(error);
            return;
        }
        let slot = self.changes.slots.entry(key).or_insert_with(|| Slot { version: stored.version.next(), ..stored });
        change(slot);
    }

    fn push_event(&mut self, subject: Key, kind: String, body: Bytes) -> u64 {
        let stored = self.view.slots.get(&subject).cloned().unwrap_or_default();
        let slot = self.changes.slots.entry(subject.clone()).or_insert(stored);
        slot.events = slot.events.saturating_add(1);
        let version = slot.events;
        self.changes.events.push(Emitted { kind, subject, version, traceparent: self.traceparent.clone(), body });
        version
    }

    fn push_index(&mut self, name: &str, sort: Vec<u8>, key: Key, value: Option<Bytes>) {
        if name.contains('\0') || name.len() > MAX_KEY || sort.len() > MAX_KEY {
            self.fault.get_or_insert(Error::Malformed(format!("index {name:?} has a bad name or too long a sort key")));
        }
        let present = value.is_some();
        self.changes.index.push(Index { name: name.to_owned(), sort, key, value: value.unwrap_or_default(), present });
    }
}

pub(crate) fn decode<D: Document>(key: &Key, body: &Bytes) -> Result<D, Error> {
    D::decode(body.clone()).map_err(|error| Error::Corrupt { what: key.to_string(), why: error.to_string() })
}

fn writable<D: Document>(key: &Key, slot: &Slot) -> Result<(), Error> {
    if slot.schema > D::SCHEMA { Err(Error::Newer { key: key.clone(), schema: slot.schema }) } else { Ok(()) }
}
