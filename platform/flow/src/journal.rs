//! The journal of one aggregate: what every commit was told, and what it changed, so that the rules can be run again over
//! it elsewhere. Each entry is a document of its own, written in the commit it is of and never changed; the ledger knows
//! which there are. The oldest give way in segments, each of which begins with the whole state. Pure.

use prost::{Message, Name};
use retail_runtime::Timestamp;
use retail_store::{Document, Draft};

use crate::ledger::Ledger;
use crate::patch::Patch;

/// What a driver's commit is called.
pub(crate) const DRIVEN: &str = "DRIVEN";
/// What a commit is called that parks an aggregate because a rule panicked over it.
pub(crate) const PANICKED: &str = "PANICKED";
/// What a commit is called that lets a parked aggregate go on, by an operator.
pub(crate) const RESUMED: &str = "RESUMED";

/// An aggregate and its ledger at one moment.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct State {
    /// The document; absent when there was none.
    #[prost(bytes = "vec", optional, tag = "1")]
    pub(crate) doc: Option<Vec<u8>>,
    /// Its version.
    #[prost(uint64, tag = "2")]
    pub(crate) version: u64,
    /// Events it has emitted.
    #[prost(uint64, tag = "3")]
    pub(crate) events: u64,
    /// Schema it was written with.
    #[prost(uint32, tag = "4")]
    pub(crate) schema: u32,
    /// The ledger, without what its driver and this journal need.
    #[prost(bytes = "vec", tag = "5")]
    pub(crate) ledger: Vec<u8>,
}

/// One commit.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Entry {
    /// Its time as the rules saw it, nanoseconds since 1970.
    #[prost(int64, tag = "1")]
    pub(crate) at: i64,
    /// [`DRIVEN`], [`PANICKED`], [`RESUMED`], or what was told from outside, for example `CancelOrder`.
    #[prost(string, tag = "2")]
    pub(crate) what: String,
    /// Full name of the message that was told, when it is one.
    #[prost(string, tag = "3")]
    pub(crate) kind: String,
    /// What the rules were given: JSON of a driver's round, else the message.
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) content: Vec<u8>,
    /// The whole state before it, in the first entry of a segment and where nothing tells how it came about.
    #[prost(message, optional, tag = "5")]
    pub(crate) before: Option<State>,
    /// The state before it is not that after the last entry: something changed it that keeps no journal.
    #[prost(bool, tag = "6")]
    pub(crate) unrecorded: bool,
    /// How the document changed.
    #[prost(message, optional, tag = "7")]
    pub(crate) doc: Option<Patch>,
    /// How the ledger changed.
    #[prost(message, optional, tag = "8")]
    pub(crate) ledger: Option<Patch>,
    /// Version of the document after it.
    #[prost(uint64, tag = "9")]
    pub(crate) version: u64,
    /// Types of the events it emitted.
    #[prost(string, repeated, tag = "10")]
    pub(crate) emitted: Vec<String>,
    /// Calls that left after it, each with its attempt.
    #[prost(string, repeated, tag = "11")]
    pub(crate) launched: Vec<String>,
    /// When the aggregate is due after it, nanoseconds since 1970.
    #[prost(int64, optional, tag = "12")]
    pub(crate) due: Option<i64>,
    /// Version of Weft that made it.
    #[prost(string, tag = "13")]
    pub(crate) weft: String,
}

impl Document for Entry {
    const KIND: &'static str = "journal";

    /// Entries lie with their aggregate.
    fn routing(id: &str) -> &str {
        Ledger::routing(id)
    }
}

impl Entry {
    /// The id of an entry of a ledger.
    pub(crate) fn id(ledger: &str, number: u64) -> String {
        format!("{ledger}|{number:010}")
    }

    /// The state after it, from that before it; `None` when they do not fit together.
    pub(crate) fn after(&self, before: &State) -> Option<State> {
        let doc = match &self.doc {
            Some(patch) => Some(patch.apply(before.doc.as_deref().unwrap_or_default())?),
            None => before.doc.clone(),
        };
        let ledger = match &self.ledger {
            Some(patch) => patch.apply(&before.ledger)?,
            None => before.ledger.clone(),
        };
        let emitted = u64::try_from(self.emitted.len()).ok()?;
        let events = before.events.saturating_add(emitted);
        Some(State { doc, version: self.version, events, schema: before.schema, ledger })
    }
}

/// Which entries there are, kept in the ledger.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Shelf {
    /// Number of the next entry.
    #[prost(uint64, tag = "1")]
    next: u64,
    /// The entries that are there, oldest first: bytes, doubled, and one more for the first of a segment.
    #[prost(uint64, repeated, tag = "2")]
    kept: Vec<u64>,
    /// Version of the document after the last entry.
    #[prost(uint64, tag = "3")]
    version: u64,
    /// Version of the ledger after the last entry.
    #[prost(uint64, tag = "4")]
    ledger_version: u64,
    /// Drawn once; masks are made with it. It never leaves the store.
    #[prost(fixed64, tag = "5")]
    salt: u64,
}

impl Shelf {
    /// Numbers of the entries that are there.
    pub(crate) fn numbers(&self) -> std::ops::Range<u64> {
        let count = u64::try_from(self.kept.len()).unwrap_or(u64::MAX);
        self.next.saturating_sub(count)..self.next
    }

    /// What masks are made with.
    pub(crate) fn salt(&self) -> u64 {
        self.salt
    }

    /// Is the aggregate as the last entry left it?
    pub(crate) fn is_current(&self, version: u64, ledger_version: u64) -> bool {
        (self.version, self.ledger_version) == (version, ledger_version)
    }

    fn bytes(&self) -> u64 {
        self.kept.iter().map(|kept| kept >> 1).fold(0, u64::saturating_add)
    }

    /// Does another segment begin with the next entry? Four make up what is kept.
    fn is_segment_full(&self, bound: retail_store::Journal) -> bool {
        let begins = self.kept.iter().rposition(|kept| kept & 1 == 1);
        let Some(open) = begins.and_then(|begins| self.kept.get(begins..)) else { return true };
        let behind = open.iter().skip(1).map(|kept| kept >> 1).fold(0, u64::saturating_add);
        let count = u32::try_from(open.len()).unwrap_or(u32::MAX);
        count >= (bound.entries / 4).max(1) || behind >= bound.bytes / 4 || self.bytes() > bound.bytes
    }

    /// How many of the oldest entries give way: whole segments, and never the newest.
    fn surplus(&self, bound: retail_store::Journal) -> usize {
        let most = usize::try_from(bound.entries).unwrap_or(usize::MAX);
        let (mut gone, mut bytes) = (0, self.bytes());
        while self.kept.len().saturating_sub(gone) > most || bytes > bound.bytes {
            let rest = self.kept.get(gone..).unwrap_or_default();
            let Some(next) = rest.iter().skip(1).position(|kept| kept & 1 == 1) else { break };
            let segment = rest.get(..=next).unwrap_or_default();
            bytes = bytes.saturating_sub(segment.iter().map(|kept| kept >> 1).fold(0, u64::saturating_add));
            gone = gone.saturating_add(segment.len());
        }
        gone
    }
}

/// What reached an aggregate from outside its process.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// What, for example `CancelOrder`.
    pub what: &'a str,
    /// Full name of the message that was told.
    pub kind: &'a str,
    /// That message.
    pub content: &'a [u8],
}

/// As [`record`], for a message of a contract: it is written down only where a journal is kept.
pub fn record_message<D: Document, M: Message + Name>(draft: &mut Draft<D>, what: &str, message: &M, now: Timestamp) {
    if draft.journal().is_some() {
        record(draft, Input { what, kind: &M::full_name(), content: &message.encode_to_vec() }, now);
    }
}

/// Notes what a rule was told from outside in the journal of its aggregate: called at its end, when everything else stands.
/// Does nothing where no journal is kept, when nothing was changed, and when this rule has noted something already.
pub fn record<D: Document>(draft: &mut Draft<D>, told: Input<'_>, now: Timestamp) {
    if draft.journal().is_none() {
        return;
    }
    let id = Ledger::id_of::<D>(draft.id());
    // What has no ledger has no process.
    let Some(mut ledger) = draft.get::<Ledger>(&id) else { return };
    let before = Before::of(draft);
    let is_noted = ledger.journal.as_ref().is_some_and(|shelf| shelf.next != before.next);
    if is_noted || (before.state.ledger == plain(&ledger) && !draft.is_changed()) {
        return;
    }
    let entry = Entry {
        what: told.what.to_owned(),
        kind: told.kind.to_owned(),
        content: told.content.to_vec(),
        ..Entry::default()
    };
    keep(draft, &mut ledger, before, entry, now);
    draft.put(&id, &ledger);
}

/// An aggregate before a commit.
pub(crate) struct Before {
    state: State,
    ledger_version: u64,
    /// Number of the entry that would be the next.
    next: u64,
}

impl Before {
    /// As it was loaded, whatever the rule has done since.
    pub(crate) fn of<D: Document>(draft: &mut Draft<D>) -> Self {
        let id = Ledger::id_of::<D>(draft.id());
        let (ledger, ledger_version) = draft.stored_of::<Ledger>(&id);
        let ledger = ledger.and_then(|bytes| Ledger::decode(bytes).ok()).unwrap_or_default();
        let emitted = u64::try_from(draft.emissions().count()).unwrap_or(u64::MAX);
        let (doc, schema) = draft.stored().unzip();
        let state = State {
            doc: doc.map(Vec::from),
            version: draft.version().0,
            events: draft.event_version().saturating_sub(1).saturating_sub(emitted),
            schema: schema.unwrap_or(D::WRITES),
            ledger: plain(&ledger),
        };
        let next = ledger.journal.as_ref().map_or(0, |shelf| shelf.next);
        Self { state, ledger_version: ledger_version.0, next }
    }
}

/// The ledger without what changes from run to run and without the journal's own standing.
pub(crate) fn plain(ledger: &Ledger) -> Vec<u8> {
    Ledger { run: 0, journal: None, ..ledger.clone() }.encode_to_vec()
}

/// Draws what masks are made with, once.
pub(crate) fn salted(ledger: &mut Ledger, salt: u64) {
    let shelf = ledger.journal.get_or_insert_default();
    if shelf.salt == 0 {
        shelf.salt = salt;
    }
}

/// Keeps an entry of a commit whose document and ledger stand; the caller puts the ledger.
pub(crate) fn keep<D: Document>(
    draft: &mut Draft<D>,
    ledger: &mut Ledger,
    before: Before,
    entry: Entry,
    now: Timestamp,
) {
    let Some(bound) = draft.journal() else { return };
    let Before { state, ledger_version, .. } = before;
    let mut shelf = ledger.journal.take().unwrap_or_default();
    let known = shelf.is_current(state.version, ledger_version);
    let begins = !known || shelf.is_segment_full(bound);
    let doc = draft.doc.encode_to_vec();
    let old = state.doc.as_deref();
    let entry = Entry {
        at: nanos(now),
        doc: (old != Some(doc.as_slice())).then(|| Patch::between(old.unwrap_or_default(), &doc)),
        ledger: Some(Patch::between(&state.ledger, &plain(ledger))),
        version: draft.next_version().0,
        emitted: draft.emissions().map(|(kind, _)| kind.to_owned()).collect(),
        due: draft.due_said().flatten().map(nanos),
        weft: env!("CARGO_PKG_VERSION").to_owned(),
        unrecorded: !known && state.doc.is_some(),
        before: begins.then_some(state),
        ..entry
    };
    let bytes = u64::try_from(entry.encoded_len()).unwrap_or(u64::MAX) & (u64::MAX >> 2);
    let ledger_id = Ledger::id_of::<D>(draft.id());
    draft.append(&Entry::id(&ledger_id, shelf.next), &entry);
    shelf.next = shelf.next.saturating_add(1);
    shelf.kept.push((bytes << 1) | u64::from(begins));
    shelf.version = entry.version;
    shelf.ledger_version = ledger_version.saturating_add(1);
    let surplus = shelf.surplus(bound);
    for number in shelf.numbers().take(surplus) {
        draft.remove::<Entry>(&Entry::id(&ledger_id, number));
    }
    shelf.kept.drain(..surplus);
    ledger.journal = Some(shelf);
}

pub(crate) fn nanos(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(i64::MAX)
}

pub(crate) fn time(nanos: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or(Timestamp::MAX)
}
