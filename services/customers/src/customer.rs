//! The customer and its rules. Pure.
//!
//! A customer is its own part and the parts of others that were merged into it; what is shown of it (profile, records,
//! brand, kind) is worked out from them at every change and kept beside them.

use retail_proto::customers::v1::Profile;
use retail_proto::types::v1::Ref;
use retail_runtime::Timestamp;
use retail_store::Document;

use crate::bond::{Bond, Settled};
use crate::consent::Decision;
use crate::finding;
use crate::keys::Key;
use crate::part::Part;
use crate::survivorship::{Field, Origin, Statement, Survivor, digests, profile, same_record, stated, survivors};

/// Contents that are remembered, so that what a system repeats late is known for what it is.
const REMEMBERED: usize = 16;

/// What kind of customer it is (see the contract).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Kind {
    /// Known by e-mail or phone only.
    Guest = 0,
    /// Known by a system's customer id.
    Registered = 1,
    /// Nobody in particular.
    Anonymous = 2,
}

/// A system and what it was told.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Told {
    /// Kind of system: erp or crm.
    #[prost(string, tag = "1")]
    pub(crate) kind: String,
    /// Its instance.
    #[prost(string, tag = "2")]
    pub(crate) instance: String,
    /// Content that it was told last, or that it refused, or that it brought itself.
    #[prost(uint64, tag = "3")]
    pub(crate) content: u64,
    /// How often a telling was begun anew.
    #[prost(uint32, tag = "4")]
    pub(crate) again: u32,
    /// UPPER_SNAKE_CASE cause of a refusal; empty when it took the content.
    #[prost(string, tag = "5")]
    pub(crate) reason: String,
    /// For people.
    #[prost(string, tag = "6")]
    pub(crate) detail: String,
    /// Records that the tellings wrote.
    #[prost(message, repeated, tag = "7")]
    pub(crate) records: Vec<Ref>,
    /// Contents that it took, oldest first.
    #[prost(uint64, repeated, tag = "8")]
    pub(crate) took: Vec<u64>,
    /// When it took the last of them, microseconds since 1970.
    #[prost(int64, tag = "9")]
    pub(crate) at: i64,
    /// How often it was told anew what it had taken already.
    #[prost(uint32, tag = "10")]
    pub(crate) repeated: u32,
}

/// A content that systems were told.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Content {
    /// The customer's version that made it.
    #[prost(uint64, tag = "1")]
    pub(crate) version: u64,
    /// Digest of each field, in their order; 0 for an empty one.
    #[prost(fixed64, repeated, tag = "2")]
    pub(crate) digests: Vec<u64>,
}

/// A customer, or an id that stands for one.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Customer {
    /// Our id.
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    /// The customer that this id stands for; then only counters are set beside it.
    #[prost(string, tag = "2")]
    pub(crate) alias_of: String,
    /// Kind.
    #[prost(enumeration = "Kind", tag = "3")]
    pub(crate) kind: i32,
    /// What is known.
    #[prost(message, optional, tag = "4")]
    pub(crate) profile: Option<Profile>,
    /// Records in other systems.
    #[prost(message, repeated, tag = "5")]
    pub(crate) refs: Vec<Ref>,
    /// Brand.
    #[prost(string, tag = "6")]
    pub(crate) brand: String,
    /// Version, from 1.
    #[prost(uint64, tag = "7")]
    pub(crate) version: u64,
    /// Version at which what other systems are told last changed.
    #[prost(uint64, tag = "8")]
    pub(crate) content: u64,
    /// When it was first seen, milliseconds since 1970.
    #[prost(int64, tag = "9")]
    pub(crate) created_at: i64,
    /// When it last changed, milliseconds since 1970.
    #[prost(int64, tag = "10")]
    pub(crate) updated_at: i64,
    /// What the systems were told.
    #[prost(message, repeated, tag = "11")]
    pub(crate) told: Vec<Told>,
    /// Keys it was seen with, in documents of an earlier release; parts have their own.
    #[prost(string, repeated, tag = "12")]
    pub(crate) keys: Vec<String>,
    /// Its own part; absent in documents of an earlier release.
    #[prost(message, optional, tag = "13")]
    pub(crate) own: Option<Part>,
    /// Parts of customers that were merged into it.
    #[prost(message, repeated, tag = "14")]
    pub(crate) parts: Vec<Part>,
    /// Contents that systems were told, oldest first.
    #[prost(message, repeated, tag = "15")]
    pub(crate) contents: Vec<Content>,
    /// A merge or its undoing that is under way.
    #[prost(message, optional, tag = "16")]
    pub(crate) bond: Option<Bond>,
    /// Merges and undoings that are over, oldest first.
    #[prost(message, repeated, tag = "17")]
    pub(crate) settled: Vec<Settled>,
    /// Parts on their way out of it.
    #[prost(message, repeated, tag = "18")]
    pub(crate) leaving: Vec<Part>,
}

/// Who owns a key.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Claim {
    /// The customer's id. It is pending until that id is a customer or an alias; empty when nobody claimed the key.
    #[prost(string, tag = "1")]
    pub(crate) customer_id: String,
    /// Version at which the record was deleted before anybody claimed it; 0 when it never was.
    #[prost(uint64, tag = "2")]
    pub(crate) gone: u64,
}

impl Document for Customer {
    const KIND: &'static str = "customer";
}

impl Document for Claim {
    const KIND: &'static str = "claim";
}

/// What a caller knows of the person.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sighting {
    /// Kind that the keys prove.
    pub(crate) kind: Kind,
    /// The source's own record.
    pub(crate) record: Option<Ref>,
    /// What is known.
    pub(crate) profile: Profile,
    /// Brand.
    pub(crate) brand: String,
    /// Keys, as text, strongest first.
    pub(crate) keys: Vec<String>,
    /// The id that owns the strongest key, then the ids it stands for.
    pub(crate) path: Vec<String>,
}

impl Customer {
    /// True when it is a customer rather than nothing or an alias.
    pub(crate) fn is_founded(&self) -> bool {
        !self.id.is_empty() && self.alias_of.is_empty()
    }

    /// A customer that was never seen before.
    pub(crate) fn found(id: &str, now: Timestamp) -> Self {
        let at = now.as_millisecond();
        let own = Part { id: id.to_owned(), created_at: at, ..Part::default() };
        Self { id: id.to_owned(), created_at: at, updated_at: at, own: Some(own), ..Self::default() }
    }

    /// Gives a customer that an earlier release stored its own part.
    pub(crate) fn adopt(&mut self) {
        if self.own.is_some() || !self.is_founded() {
            return;
        }
        let part = Part {
            id: self.id.clone(),
            kind: self.kind,
            brand: self.brand.clone(),
            refs: self.refs.clone(),
            keys: std::mem::take(&mut self.keys),
            created_at: self.created_at,
            ..Part::default()
        };
        self.own = Some(part.of_earlier_release(&self.profile.clone().unwrap_or_default(), self.updated_at));
        self.remember();
        for told in &mut self.told {
            let of_it = |record: &&Ref| record.kind == told.kind && record.instance == told.instance;
            told.records = self.refs.iter().filter(of_it).cloned().collect();
            if told.reason.is_empty() && told.content > 0 {
                told.took.push(told.content);
                told.at = self.updated_at.saturating_mul(1_000);
            }
        }
        self.project();
    }

    /// Its own part and those of customers that were merged into it.
    pub(crate) fn people(&self) -> impl Iterator<Item = &Part> + Clone {
        self.own.iter().chain(&self.parts)
    }

    /// The part that this record belongs to, else that of the first of these ids that has one; its own when none does.
    pub(crate) fn part_of(&mut self, path: &[String], record: Option<&Ref>) -> &mut Part {
        let own = self.own.get_or_insert_default();
        let by_record = record.and_then(|record| self.parts.iter().position(|part| part.has(record)));
        let by_path = || {
            let home = path.iter().find(|id| own.id == **id || self.parts.iter().any(|part| part.id == **id))?;
            self.parts.iter().position(|part| part.id == *home)
        };
        let place = if record.is_some_and(|record| own.has(record)) { None } else { by_record.or_else(by_path) };
        match place.and_then(|place| self.parts.get_mut(place)) {
            Some(part) => part,
            None => own,
        }
    }

    fn statements(&self) -> impl Iterator<Item = &Statement> + Clone {
        self.people().flat_map(|part| &part.statements)
    }

    /// The values of the profile and who states them.
    pub(crate) fn survivors(&self) -> Vec<Survivor<'_>> {
        survivors(self.statements())
    }

    /// Every decision about consent.
    pub(crate) fn decisions(&self) -> impl Iterator<Item = &Decision> + Clone {
        self.people().flat_map(|part| &part.consents)
    }

    /// Works out what is shown of it.
    pub(crate) fn project(&mut self) {
        let kinds = |wanted: Kind| self.people().any(|part| part.kind() == wanted);
        let kind = if self.own.as_ref().is_some_and(|own| own.kind() == Kind::Anonymous) {
            Kind::Anonymous
        } else if kinds(Kind::Registered) {
            Kind::Registered
        } else {
            Kind::Guest
        };
        let shown = (kind != Kind::Anonymous).then(|| profile(&self.survivors()));
        let mut refs: Vec<Ref> = Vec::new();
        for record in self.people().flat_map(|part| &part.refs) {
            if !refs.iter().any(|known| same_record(known, record)) {
                refs.push(record.clone());
            }
        }
        refs.sort_by(|a, b| (&a.kind, &a.instance, &a.r#type, &a.id).cmp(&(&b.kind, &b.instance, &b.r#type, &b.id)));
        let brand = self.people().find_map(brand_of).unwrap_or_default();
        (self.profile, self.refs, self.brand) = (shown, refs, brand);
        self.set_kind(kind);
    }

    /// Takes over what is new in a sighting: empty fields are filled, nothing is overwritten but an e-mail that nobody
    /// verified by one that is.
    pub(crate) fn see(&mut self, sighting: &Sighting, now: Timestamp) {
        self.adopt();
        let verified = Key::email(&sighting.profile.email).is_some_and(|key| sighting.keys.contains(&key.to_string()));
        let given = stated(&sighting.profile, now.as_microsecond(), verified);
        let standing = self.survivors();
        let fills =
            |value: &crate::survivorship::Stated| match standing.iter().find(|known| known.stated.field == value.field)
            {
                None => true,
                Some(known) => value.verified && !known.stated.verified,
            };
        let (new, rest): (Vec<_>, Vec<_>) = given.into_iter().partition(fills);
        let places: Vec<String> = rest.iter().filter_map(finding::place_of).collect();
        let known: Vec<String> = finding::places(self).into_iter().collect();
        let part = self.part_of(&sighting.path, sighting.record.as_ref());
        if sighting.kind == Kind::Anonymous || (sighting.kind == Kind::Registered && part.kind() == Kind::Guest) {
            part.set_kind(sighting.kind);
        }
        if part.kind() != Kind::Anonymous {
            for value in new {
                if let Some(statement) = part.statement(Origin::Sighting, None) {
                    statement.state(crate::survivorship::Stated { source: sighting.record.clone(), ..value });
                }
            }
            for place in places.into_iter().filter(|place| !known.contains(place)) {
                part.keep_seen(place);
            }
        }
        if part.brand.is_empty() {
            part.brand.clone_from(&sighting.brand);
        }
        if let Some(record) = &sighting.record {
            part.link(record);
        }
        part.know(&sighting.keys);
        self.project();
    }

    /// Changes the profile at Weft: what is given replaces what was known, empty fields stay. It counts as stated now,
    /// or just after what it replaces when the clock of that source runs ahead; an e-mail changed here counts as
    /// verified, since the person who changes it answers for it.
    pub(crate) fn update(&mut self, given: &Profile, now: Timestamp) {
        self.adopt();
        let now = now.as_microsecond();
        let standing: Vec<_> = self.survivors().into_iter().map(|known| known.stated.clone()).collect();
        let own = self.own.get_or_insert_default();
        for value in stated(given, now, true) {
            let known = standing.iter().find(|known| known.field == value.field);
            if known.is_some_and(|known| known.text == value.text && known.address == value.address) {
                continue;
            }
            let at = known.map_or(now, |known| now.max(known.at.saturating_add(1)));
            if let Some(statement) = own.statement(Origin::Weft, None) {
                statement.state(crate::survivorship::Stated { at, ..value });
            }
        }
        self.project();
    }

    /// Keeps a record that a telling wrote; a new id of the same record replaces the old one.
    pub(crate) fn link(&mut self, record: &Ref) {
        self.adopt();
        let old = self.with_told(&record.kind, &record.instance, |told| {
            let old = told.records.iter().find(|known| known.r#type == record.r#type).cloned();
            told.records.retain(|known| known.r#type != record.r#type);
            told.records.push(record.clone());
            told.records.sort_by(|a, b| a.r#type.cmp(&b.r#type));
            old
        });
        let own = self.own.get_or_insert_default();
        if let Some(old) = old.filter(|old| !same_record(old, record)) {
            own.unlink(&old);
        }
        own.link(record);
        self.project();
    }

    /// Its own record in a system: the one that tellings write, else one that it came with.
    pub(crate) fn record(&self, kind: &str, instance: &str) -> Option<&Ref> {
        let told = self.told(kind, instance).and_then(|told| told.records.first());
        let refs = self.own.as_ref().map_or(&self.refs, |own| &own.refs);
        told.or_else(|| refs.iter().find(|record| record.kind == kind && record.instance == instance))
    }

    /// What a system was told.
    pub(crate) fn told(&self, kind: &str, instance: &str) -> Option<&Told> {
        self.told.iter().find(|told| told.kind == kind && told.instance == instance)
    }

    /// Notes what became of telling a system some content.
    pub(crate) fn tell(
        &mut self,
        kind: &str,
        instance: &str,
        content: u64,
        refusal: Option<(&str, &str)>,
        now: Timestamp,
    ) {
        self.with_told(kind, instance, |told| {
            told.content = told.content.max(content);
            let (reason, detail) = refusal.unwrap_or_default();
            reason.clone_into(&mut told.reason);
            detail.clone_into(&mut told.detail);
            if refusal.is_none() {
                let known = told.took.contains(&content);
                told.repeated = if known { told.repeated.saturating_add(1) } else { 0 };
                told.took.retain(|known| *known != content);
                told.took.push(content);
                let many = told.took.len().saturating_sub(REMEMBERED);
                told.took.drain(..many);
                told.at = now.as_microsecond();
            }
        });
    }

    /// Notes that a system has the content of its own accord.
    pub(crate) fn knows(&mut self, kind: &str, instance: &str, content: u64) {
        self.with_told(kind, instance, |told| {
            told.content = told.content.max(content);
            told.reason.clear();
            told.detail.clear();
        });
    }

    /// Begins a telling anew.
    pub(crate) fn tell_again(&mut self, kind: &str, instance: &str) {
        self.with_told(kind, instance, |told| {
            told.reason.clear();
            told.detail.clear();
            told.content = 0;
            told.again = told.again.saturating_add(1);
        });
    }

    /// Completes a change: versions and times. `before` is what it was; with `retell` every system is told although it
    /// may have heard the same before.
    pub(crate) fn changed(&mut self, before: &Self, retell: bool, now: Timestamp) {
        self.version = before.version.saturating_add(1);
        self.updated_at = now.as_millisecond();
        let shown = |customer: &Self| (customer.profile.clone(), customer.kind, customer.brand.clone());
        if retell || shown(self) != shown(before) || self.content == 0 {
            self.content = self.version;
            self.remember();
        }
    }

    fn remember(&mut self) {
        let content = Content { version: self.content, digests: digests(&self.profile.clone().unwrap_or_default()) };
        self.contents.push(content);
        let many = self.contents.len().saturating_sub(REMEMBERED);
        self.contents.drain(..many);
    }

    /// Changes the entry of a system, made when there is none.
    fn with_told<R>(&mut self, kind: &str, instance: &str, change: impl FnOnce(&mut Told) -> R) -> R {
        if let Some(told) = self.told.iter_mut().find(|told| told.kind == kind && told.instance == instance) {
            return change(told);
        }
        let mut told = Told { kind: kind.to_owned(), instance: instance.to_owned(), ..Told::default() };
        let answer = change(&mut told);
        self.told.push(told);
        answer
    }
}

/// The brand that a sale named, else that of the record that changed first.
fn brand_of(part: &Part) -> Option<String> {
    if !part.brand.is_empty() {
        return Some(part.brand.clone());
    }
    let branded = part.statements.iter().filter(|statement| !statement.brand.is_empty());
    branded.min_by_key(|statement| (statement.at, statement.brand.clone())).map(|statement| statement.brand.clone())
}

/// Whether a digest of a content is that of a value: a system that knows companies only by one name shows it as the
/// last name.
pub(crate) fn content_has(content: &Content, field: Field, digest: u64) -> bool {
    let at =
        |field: Field| Field::ALL.iter().position(|known| *known == field).and_then(|place| content.digests.get(place));
    at(field) == Some(&digest) || (field == Field::LastName && at(Field::Company) == Some(&digest))
}

#[cfg(test)]
#[path = "customer_tests.rs"]
mod tests;
