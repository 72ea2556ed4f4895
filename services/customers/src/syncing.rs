//! What a system says of its own record, in any order of arrival. Pure.
//!
//! Of each record only the statement of its highest version counts, so any order of deliveries ends in the same profile.
//! A deleted record keeps its last words: the reference goes, what it stated stays until somebody states otherwise.
//! A value that a system was told by us is no statement of that system when it comes back: it changes nothing.

use std::cmp::Ordering;

use retail_proto::customers::v1::Profile;
use retail_proto::types::v1::Ref;

use crate::customer::{Content, Customer, Kind, Told, content_has};
use crate::survivorship::{Field, Origin, Stated, Statement, digests, same_record, stated};

/// How far the clock of a system may be ahead of ours when it repeats what it was told before the last telling,
/// microseconds.
const SKEW: i64 = 30_000_000;

/// How often a system is told one content again. Where a clock is far ahead, one that alters what it stores would be told
/// for ever.
const REPEATS: u32 = 3;

/// What a system says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    /// Its record.
    pub(crate) record: Ref,
    /// Version of the record.
    pub(crate) version: u64,
    /// The record as it stands there.
    pub(crate) profile: Profile,
    /// True when the system has verified the e-mail.
    pub(crate) email_verified: bool,
    /// When the system changed it, microseconds since 1970.
    pub(crate) at: i64,
    /// Brand.
    pub(crate) brand: String,
    /// True when the record was deleted.
    pub(crate) deleted: bool,
    /// Keys, as text, the record's own first.
    pub(crate) keys: Vec<String>,
    /// The id that owns the record's key, then the ids it stands for.
    pub(crate) path: Vec<String>,
    /// Version at which the record was deleted before anybody was known by it; 0 when it never was.
    pub(crate) gone: u64,
}

/// What we may have told the system that speaks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Ear {
    /// True when it is told of customers.
    pub(crate) told: bool,
    /// Contents that may have reached it although it has not confirmed them.
    pub(crate) sent: Vec<u64>,
}

/// What a sync did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Something that is shown changed.
    Applied,
    /// A higher version is known.
    Older,
    /// Nothing that is shown changed.
    Unchanged,
}

/// What becomes of telling the system that spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Telling {
    /// It has the surviving content of its own accord.
    Knows,
    /// A value of its own lost: it must be told what survived.
    Again,
    /// As for every other system.
    AsOthers,
}

/// The outcome of a sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// What it did.
    pub(crate) heard: Heard,
    /// What it means for the system itself.
    pub(crate) telling: Telling,
}

impl Customer {
    /// Takes over what a system says. Follow with [`Customer::hear`] once versions are counted.
    pub(crate) fn sync(&mut self, said: &Said, ear: &Ear) -> Outcome {
        self.adopt();
        let shown =
            |customer: &Self| (customer.profile.clone(), customer.refs.clone(), customer.kind, customer.brand.clone());
        let before = shown(self);
        let (target, told, contents) = self.hearing(&said.record);
        let taken = self.take(said, ear, told.as_ref(), &contents);
        self.project();
        let changed = before != shown(self);
        let heard = match taken {
            Taken::New(_) | Taken::LastWords if changed => Heard::Applied,
            Taken::LastWords | Taken::Older => Heard::Older,
            Taken::New(_) | Taken::Known => Heard::Unchanged,
        };
        let telling = match taken {
            Taken::New(own) if ear.told && target && !said.deleted => self.judge(said, ear, own),
            Taken::New(_) | Taken::LastWords | Taken::Older | Taken::Known => Telling::AsOthers,
        };
        Outcome { heard, telling }
    }

    /// Notes what the system knows now, once the change has its version.
    pub(crate) fn hear(&mut self, record: &Ref, telling: Telling) {
        match telling {
            Telling::Knows => self.knows(&record.kind, &record.instance, self.content),
            Telling::Again
                if self.told(&record.kind, &record.instance).is_some_and(|told| told.content >= self.content) =>
            {
                self.tell_again(&record.kind, &record.instance);
            }
            Telling::Again | Telling::AsOthers => {}
        }
    }

    /// Is it the record that tellings write; and what were it and its neighbours told?
    fn hearing(&self, record: &Ref) -> (bool, Option<Told>, Vec<Content>) {
        let (kind, instance) = (&record.kind, &record.instance);
        if let Some(part) = self.parts.iter().find(|part| part.has(record)) {
            let told = part.told.iter().find(|told| told.kind == *kind && told.instance == *instance);
            return (false, told.cloned(), part.contents.clone());
        }
        let told = self.told(kind, instance).cloned();
        let target = told
            .as_ref()
            .is_none_or(|told| told.records.is_empty() || told.records.iter().any(|known| same_record(known, record)));
        (target, told, self.contents.clone())
    }

    /// Takes the record's statement into the part it belongs to.
    fn take(&mut self, said: &Said, ear: &Ear, told: Option<&Told>, contents: &[Content]) -> Taken {
        let part = self.part_of(&said.path, Some(&said.record));
        let Some(statement) = part.statement(Origin::Record, Some(&said.record)) else { return Taken::Known };
        statement.gone = statement.gone.max(said.gone);
        let (version, highest) = (statement.version, statement.version.max(statement.gone));
        let known = if said.deleted {
            said.version < version || said.version <= statement.gone
        } else {
            said.version <= version
        };
        if known {
            return if said.version < highest { Taken::Older } else { Taken::Known };
        }
        if said.deleted {
            statement.gone = said.version;
            part.unlink(&said.record);
            self.forget(&said.record);
            return Taken::New(false);
        }
        let values = stated(&said.profile, said.at, said.email_verified);
        let (mut kept, mut lost) = (Vec::new(), false);
        for value in values {
            let old = statement.of(value.field());
            match old {
                _ if ear.told && is_echo(&value, old, told, contents, &ear.sent) => kept.extend(old.cloned()),
                Some(old) if old.digest() == value.digest() => kept.push(value),
                Some(_) | None => {
                    lost = true;
                    kept.push(value);
                }
            }
        }
        statement.version = said.version;
        statement.at = said.at;
        statement.brand.clone_from(&said.brand);
        statement.stated = kept;
        statement.stated.sort_by_key(|value| value.field);
        let gone = statement.gone >= said.version;
        part.know(&said.keys);
        if part.kind() == Kind::Guest {
            part.set_kind(Kind::Registered);
        }
        if gone {
            return Taken::LastWords;
        }
        part.link(&said.record);
        Taken::New(lost)
    }

    /// Is the system's own record what survived? `brought` when it stated something new.
    fn judge(&self, said: &Said, ear: &Ear, brought: bool) -> Telling {
        let survived = digests(&self.profile.clone().unwrap_or_default());
        let told = self.told(&said.record.kind, &said.record.instance);
        let (took, taken_at) = told.map_or((&[][..], 0), |told| (told.took.as_slice(), told.at));
        // What it changed before it took a telling, or while one is under way, that telling has overwritten there.
        let last = took.iter().max();
        let overtaken = said.at < taken_at || ear.sent.iter().any(|content| Some(content) > last);
        let given = digests(&said.profile);
        if survived == given {
            return if overtaken { Telling::AsOthers } else { Telling::Knows };
        }
        // Emptiness is no value: many systems do not keep every field.
        let differs = |value: &Stated| {
            let place = Field::ALL.iter().position(|field| *field == value.field());
            place.and_then(|place| survived.get(place)) != Some(&value.digest())
        };
        // It brought the content, it was thought, and was never told it; by now it says something else.
        let misjudged = told.is_some_and(|told| told.content >= self.content) && !took.contains(&self.content);
        if misjudged && stated(&said.profile, said.at, false).iter().any(differs) {
            return Telling::Again;
        }
        // Of what it stated anew, something did not survive. A value that lost before was told about then: a system
        // that insists is not told again and again.
        let statement = self.people().flat_map(|part| &part.statements).find(|statement| statement.is_of(&said.record));
        let lost = brought && statement.is_some_and(|statement| statement.stated.iter().any(differs));
        // Went back, after it was told, to what it had stated before, and somebody stated something else after that: it
        // does not insist, it has not heard of it.
        let survivors = self.survivors();
        let outlived = |value: &Stated| {
            survivors.iter().any(|known| known.stated.field == value.field && known.stated.at > value.at)
        };
        let back = said.at > taken_at
            && told.is_some_and(|told| told.repeated < REPEATS)
            && stated(&said.profile, said.at, false).iter().any(|value| differs(value) && outlived(value));
        if lost || back { Telling::Again } else { Telling::AsOthers }
    }

    /// A record that was deleted is no longer the one that tellings write.
    fn forget(&mut self, record: &Ref) {
        for told in &mut self.told {
            told.records.retain(|known| !same_record(known, record));
        }
    }
}

enum Taken {
    /// The highest version so far; true when the record states a value that it did not state before.
    New(bool),
    /// What a deleted record said before its deletion.
    LastWords,
    /// A higher version is known.
    Older,
    /// This version is known.
    Known,
}

/// Does a system merely repeat what it was told? What is on its way to it, it may repeat at any time; what it was told
/// last, unless it has stated something else since; what it was told before, only before it took the last.
fn is_echo(value: &Stated, old: Option<&Stated>, told: Option<&Told>, contents: &[Content], sent: &[u64]) -> bool {
    let digest = value.digest();
    let (took, taken_at) = told.map_or((&[][..], 0), |told| (told.took.as_slice(), told.at));
    let last = took.iter().max().copied().unwrap_or(0);
    contents.iter().filter(|content| content_has(content, value.field(), digest)).any(|content| {
        let stated_since = old.is_some_and(|old| old.at > taken_at && old.digest() != digest);
        let heard = took.contains(&content.version) || sent.contains(&content.version);
        heard
            && match content.version.cmp(&last) {
                Ordering::Greater => true,
                Ordering::Equal => !stated_since,
                Ordering::Less => value.at <= taken_at.saturating_add(SKEW),
            }
    })
}

impl Statement {
    /// The highest version known of the record.
    #[cfg(test)]
    pub(crate) fn highest(&self) -> u64 {
        self.version.max(self.gone)
    }
}

#[cfg(test)]
#[path = "syncing_tests.rs"]
mod tests;
