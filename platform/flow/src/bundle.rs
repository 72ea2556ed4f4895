//! A transaction's bundle: one JSON document that holds what its rules were told and what came of it, and is run again
//! without a server ([`crate::replay`]).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use retail_runtime::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::journal::{DRIVEN, Entry, PANICKED, State, time};
use crate::kept;
use crate::ledger::{EffectState, Ledger};
use crate::mask::{self, Mask, Personal};
use crate::patch::Patch;

/// The format that this version writes, and the only one that it reads.
pub const FORMAT: u32 = 1;

/// Are names, addresses and the like in it?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonalData {
    /// Masked: equal ones equally, of the same shape.
    Masked,
    /// As they are.
    Included,
}

/// The bundle.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// [`FORMAT`].
    pub format: u32,
    /// Version of Weft that exported it.
    pub weft: String,
    /// Domain, for example `orders`.
    pub domain: String,
    /// Kind of document, for example `order`.
    pub kind: String,
    /// Id of the document.
    pub id: String,
    /// Name people use.
    pub name: String,
    /// When it was exported.
    pub exported_at: Timestamp,
    /// Schema of the documents in it.
    pub schema: u32,
    /// Are names, addresses and the like in it?
    pub personal_data: PersonalData,
    /// From the aggregate's first moment on? If not, the oldest entries gave way and it begins with a state.
    pub is_whole: bool,
    /// True when something has changed the aggregate after the last entry and keeps no journal.
    pub changed_since: bool,
    /// The domain's configuration when it was exported; rules read it.
    pub config: Value,
    /// Commits, oldest first.
    pub entries: Vec<BundleEntry>,
    /// Effects and calls as they stand at the end.
    pub effects: Vec<BundleEffect>,
}

/// One commit.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleEntry {
    /// Number, from 0 at the aggregate's first.
    pub number: u64,
    /// Its time as the rules saw it.
    pub at: Timestamp,
    /// `DRIVEN` (outcomes of calls, or a time that came), `PANICKED`, or what was told from outside.
    pub what: String,
    /// Version of Weft that made it.
    pub weft: String,
    /// What the rules were told. Messages stand as `full.name:base64`.
    pub told: Value,
    /// True when the state before it is not that after the entry before: something changed it that keeps no journal.
    #[serde(default)]
    pub unrecorded: bool,
    /// The state before it, where it does not follow from the entry before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<BundleState>,
    /// How the document changed, base64; none when it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doc: Option<String>,
    /// How the ledger changed, base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<String>,
    /// Version of the document after it.
    pub version: u64,
    /// Types of the events that it emitted.
    pub emitted: Vec<String>,
    /// Calls that left after it.
    pub launched: Vec<String>,
    /// When the aggregate was due next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// SHA-256 of the document after it, hexadecimal.
    pub digest: String,
}

/// A state.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleState {
    /// The document, base64; none when there was none.
    pub doc: Option<String>,
    /// Its version.
    pub version: u64,
    /// Events it had emitted.
    pub events: u64,
    /// The ledger, base64.
    pub ledger: String,
}

/// An effect or call as it stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleEffect {
    /// Name of the step.
    pub name: String,
    /// Where it stands, for example `Confirmed`.
    pub state: String,
    /// Sends so far.
    pub attempts: u32,
    /// First attempt.
    pub first_at: Option<Timestamp>,
    /// Last attempt.
    pub last_at: Option<Timestamp>,
    /// Last cause.
    pub reason: String,
}

/// What a bundle is made of.
pub(crate) struct Parts {
    pub(crate) domain: String,
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) now: Timestamp,
    pub(crate) config: Value,
    pub(crate) ledger: Ledger,
    pub(crate) first: u64,
    pub(crate) entries: Vec<Entry>,
    pub(crate) changed_since: bool,
    pub(crate) personal: &'static [Personal],
    /// What masks are made with; `None` leaves everything as it is.
    pub(crate) salt: Option<u64>,
}

/// Makes the bundle; `None` when the entries do not fit together.
pub(crate) fn bundle(parts: Parts) -> Option<Bundle> {
    let states = states(&parts.entries)?;
    let first = states.first().map(|(before, _)| before.clone()).unwrap_or_default();
    let mask = parts.salt.map(|salt| learnt(&parts, &states, salt));
    let shown = |state: &State| mask.as_ref().map_or_else(|| state.clone(), |mask| masked(mask, state, parts.personal));
    let mut entries = Vec::with_capacity(parts.entries.len());
    for ((entry, (before, after)), number) in parts.entries.iter().zip(&states).zip(parts.first..) {
        let (before, after) = (shown(before), shown(after));
        let text = |patch: Patch| STANDARD.encode(patch.encode_to_vec());
        let doc = after.doc.as_deref().unwrap_or_default();
        entries.push(BundleEntry {
            number,
            at: time(entry.at),
            what: entry.what.clone(),
            weft: entry.weft.clone(),
            told: told(entry, mask.as_ref()),
            unrecorded: entry.unrecorded,
            doc: entry.doc.as_ref().map(|_| text(Patch::between(before.doc.as_deref().unwrap_or_default(), doc))),
            ledger: entry.ledger.as_ref().map(|_| text(Patch::between(&before.ledger, &after.ledger))),
            version: entry.version,
            emitted: entry.emitted.clone(),
            launched: entry.launched.clone(),
            due: entry.due.map(time),
            digest: digest(doc),
            before: entry.before.as_ref().map(|_| BundleState::of(&before)),
        });
    }
    let ledger = mask.as_ref().map_or_else(|| parts.ledger.clone(), |mask| masked_ledger(mask, &parts.ledger));
    Some(Bundle {
        format: FORMAT,
        weft: env!("CARGO_PKG_VERSION").to_owned(),
        domain: parts.domain,
        kind: parts.kind,
        id: parts.id,
        name: ledger.name.clone(),
        exported_at: parts.now,
        schema: first.schema,
        personal_data: if mask.is_some() { PersonalData::Masked } else { PersonalData::Included },
        is_whole: parts.first == 0 && first.doc.is_none(),
        changed_since: parts.changed_since,
        config: parts.config,
        entries,
        effects: effects(&ledger),
    })
}

fn effects(ledger: &Ledger) -> Vec<BundleEffect> {
    let at = |millis: i64| (millis > 0).then(|| Timestamp::from_millisecond(millis).ok()).flatten();
    let effects = ledger.effects.iter().map(|effect| BundleEffect {
        name: effect.name.clone(),
        state: match effect.state() {
            EffectState::Planned => "Planned",
            EffectState::Sent => "Sent",
            EffectState::Confirmed => "Confirmed",
            EffectState::Refused => "Refused",
            EffectState::Unknown => "Unknown",
            EffectState::Exception => "Exception",
        }
        .to_owned(),
        attempts: effect.attempts,
        first_at: at(effect.first_at),
        last_at: at(effect.last_at),
        reason: effect.reason.clone(),
    });
    effects.collect()
}

/// The states before and after each entry.
fn states(entries: &[Entry]) -> Option<Vec<(State, State)>> {
    let mut states: Vec<(State, State)> = Vec::with_capacity(entries.len());
    for entry in entries {
        let before = match &entry.before {
            Some(whole) => whole.clone(),
            None => states.last()?.1.clone(),
        };
        let after = entry.after(&before)?;
        states.push((before, after));
    }
    Some(states)
}

fn is_round(entry: &Entry) -> bool {
    matches!(entry.what.as_str(), DRIVEN | PANICKED)
}

fn written(entry: &Entry) -> Value {
    serde_json::from_slice(&entry.content).unwrap_or(Value::Null)
}

fn told(entry: &Entry, mask: Option<&Mask>) -> Value {
    if is_round(entry) {
        let written = written(entry);
        return mask.map_or_else(|| written.clone(), |mask| mask.written(&written));
    }
    let content = mask.map_or_else(
        || entry.content.clone(),
        |mask| match entry.kind.as_str() {
            "" => mask.anything(&entry.content),
            kind if mask::is_message(kind) => mask.message(kind, &entry.content),
            // What it is nobody can say, so nobody can say what of it is personal.
            _ => Vec::new(),
        },
    );
    Value::String(kept::text(&entry.kind, &content))
}

fn learnt(parts: &Parts, states: &[(State, State)], salt: u64) -> Mask {
    // Not driven yet, so nothing was drawn: all that it was told is as good, for who does not know it.
    let told = |entry: &Entry| if salt == 0 { digest(&entry.encode_to_vec()) } else { String::new() };
    let whose = parts.entries.iter().map(told).fold(parts.id.clone(), |whose, told| whose + &told);
    let mut mask = Mask::new(salt, &whose);
    for (entry, (before, after)) in parts.entries.iter().zip(states) {
        for state in [before, after] {
            mask.learn_document(state.doc.as_deref().unwrap_or_default(), parts.personal);
        }
        if is_round(entry) {
            mask.learn_written(&written(entry));
        } else {
            mask.learn_message(&entry.kind, &entry.content);
        }
    }
    mask
}

fn masked(mask: &Mask, state: &State, personal: &[Personal]) -> State {
    State {
        doc: state.doc.as_ref().map(|doc| mask.document(doc, personal)),
        ledger: mask.anything(&state.ledger),
        ..state.clone()
    }
}

fn masked_ledger(mask: &Mask, ledger: &Ledger) -> Ledger {
    Ledger::decode(mask.anything(&ledger.encode_to_vec()).as_slice()).unwrap_or_default()
}

pub(crate) fn digest(doc: &[u8]) -> String {
    let hash: [u8; 32] = Sha256::digest(doc).into();
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl BundleState {
    fn of(state: &State) -> Self {
        Self {
            doc: state.doc.as_ref().map(|doc| STANDARD.encode(doc)),
            version: state.version,
            events: state.events,
            ledger: STANDARD.encode(&state.ledger),
        }
    }

    fn read(&self, schema: u32) -> Option<State> {
        Some(State {
            doc: self.doc.as_ref().map(|doc| STANDARD.decode(doc)).transpose().ok()?,
            version: self.version,
            events: self.events,
            schema,
            ledger: STANDARD.decode(&self.ledger).ok()?,
        })
    }
}

impl Bundle {
    /// The states before and after each entry; `Err` names the first that cannot be read.
    pub(crate) fn states(&self) -> Result<Vec<(State, State)>, u64> {
        let mut states: Vec<(State, State)> = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            let read = || {
                let patch = |text: &String| Patch::decode(STANDARD.decode(text).ok()?.as_slice()).ok();
                let before = match &entry.before {
                    Some(whole) => whole.read(self.schema)?,
                    None => states.last()?.1.clone(),
                };
                let doc = entry.doc.as_ref().map(patch);
                let ledger = entry.ledger.as_ref().map(patch);
                let change = Entry {
                    doc: doc.is_some().then(|| doc.flatten()).flatten(),
                    ledger: ledger.is_some().then(|| ledger.flatten()).flatten(),
                    version: entry.version,
                    emitted: entry.emitted.clone(),
                    ..Entry::default()
                };
                if change.doc.is_some() != entry.doc.is_some() || change.ledger.is_some() != entry.ledger.is_some() {
                    return None;
                }
                let after = change.after(&before)?;
                Some((before, after))
            };
            let both = read().ok_or(entry.number)?;
            states.push(both);
        }
        Ok(states)
    }

    /// What an entry's rules were told, when it was told from outside: the message's full name and its bytes.
    #[must_use]
    pub fn told(&self, entry: &BundleEntry) -> Option<(String, Vec<u8>)> {
        let (name, bytes) = kept::parts(entry.told.as_str()?)?;
        Some((name.to_owned(), bytes))
    }

    /// The documents in it, as they were after each entry; those that can be read.
    #[must_use]
    pub fn documents(&self) -> Vec<Vec<u8>> {
        let states = self.states().unwrap_or_default();
        states.into_iter().filter_map(|(_, after)| after.doc).collect()
    }

    /// What an entry's rules were told, with the messages of the contracts in plain words.
    #[must_use]
    pub fn readable(&self, entry: &BundleEntry) -> Value {
        mask::readable(&entry.told)
    }

    /// What is to be known before it is read: as lines of a head.
    #[must_use]
    pub fn head(&self) -> BTreeMap<&'static str, String> {
        let personal = match self.personal_data {
            PersonalData::Masked => "masked: equal ones equally, of the same shape",
            PersonalData::Included => "INCLUDED: keep this file as you keep customer data",
        };
        let from = match (self.is_whole, self.entries.first()) {
            (true, _) => "whole, from its first moment".to_owned(),
            (false, Some(first)) => format!("from entry {} on, beginning with a state", first.number),
            (false, None) => "empty".to_owned(),
        };
        BTreeMap::from([("personal data", personal.to_owned()), ("kept", from)])
    }
}
