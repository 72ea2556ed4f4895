//! What is one customer's own. A customer holds its own part and, since merges, the parts of others; nothing of a part
//! is ever mixed into another, so that a merge can be taken back. Pure.

use retail_proto::types::v1::Ref;

use crate::consent::Decision;
use crate::customer::{Content, Kind, Told};
use crate::survivorship::{Origin, Statement, same_record, stated};

/// Addresses and numbers kept for finding a customer beside those that somebody states.
const MOST_SEEN: usize = 64;

/// A part.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Part {
    /// The customer whose part it is.
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    /// The customer that it was merged into; empty for a customer's own.
    #[prost(string, tag = "2")]
    pub(crate) into: String,
    /// The merge that brought it; empty for a customer's own.
    #[prost(string, tag = "3")]
    pub(crate) op: String,
    /// Kind.
    #[prost(enumeration = "Kind", tag = "4")]
    pub(crate) kind: i32,
    /// Brand that a sale named.
    #[prost(string, tag = "5")]
    pub(crate) brand: String,
    /// Records in other systems.
    #[prost(message, repeated, tag = "6")]
    pub(crate) refs: Vec<Ref>,
    /// Keys it was seen with.
    #[prost(string, repeated, tag = "7")]
    pub(crate) keys: Vec<String>,
    /// What sources state of the person.
    #[prost(message, repeated, tag = "8")]
    pub(crate) statements: Vec<Statement>,
    /// Decisions about consent.
    #[prost(message, repeated, tag = "9")]
    pub(crate) consents: Vec<Decision>,
    /// When it was first seen, milliseconds since 1970.
    #[prost(int64, tag = "10")]
    pub(crate) created_at: i64,
    /// What the systems had been told when it was merged; empty for a customer's own.
    #[prost(message, repeated, tag = "11")]
    pub(crate) told: Vec<Told>,
    /// Contents that they had been told; empty for a customer's own.
    #[prost(message, repeated, tag = "12")]
    pub(crate) contents: Vec<Content>,
    /// Places in the lists of e-mails and phones that it was seen with and nobody states.
    #[prost(string, repeated, tag = "13")]
    pub(crate) seen: Vec<String>,
}

impl Part {
    /// What a source states, begun when it states nothing yet.
    pub(crate) fn statement(&mut self, origin: Origin, record: Option<&Ref>) -> Option<&mut Statement> {
        let is = |known: &Statement| known.origin() == origin && record.is_none_or(|record| known.is_of(record));
        if !self.statements.iter().any(is) {
            self.statements.push(Statement::new(origin, record.cloned()));
        }
        self.statements.iter_mut().find(|known| is(known))
    }

    /// Keeps a record of another system, beside others of that system.
    pub(crate) fn link(&mut self, record: &Ref) {
        match self.refs.iter_mut().find(|known| same_record(known, record)) {
            // A number that a record has lost in the telling is still its number.
            Some(known) if !record.number.is_empty() => known.number.clone_from(&record.number),
            Some(_) => {}
            None => self.refs.push(record.clone()),
        }
    }

    /// Lets go of a record.
    pub(crate) fn unlink(&mut self, record: &Ref) {
        self.refs.retain(|known| !same_record(known, record));
    }

    /// Is this record its own?
    pub(crate) fn has(&self, record: &Ref) -> bool {
        self.refs.iter().any(|known| same_record(known, record))
            || self.statements.iter().any(|known| known.is_of(record))
    }

    /// Keeps keys.
    pub(crate) fn know(&mut self, keys: &[String]) {
        for key in keys {
            if !self.keys.contains(key) {
                self.keys.push(key.clone());
            }
        }
    }

    /// Keeps the place in a list of an address that nobody states.
    pub(crate) fn keep_seen(&mut self, place: String) {
        if self.seen.len() < MOST_SEEN && !self.seen.contains(&place) {
            self.seen.push(place);
        }
    }

    /// A customer as an earlier release stored it counts as stated at Weft when it last changed.
    pub(crate) fn of_earlier_release(
        mut self,
        profile: &retail_proto::customers::v1::Profile,
        changed_at: i64,
    ) -> Self {
        let verified = crate::keys::Key::email(&profile.email).is_some_and(|key| self.keys.contains(&key.to_string()));
        let values = stated(profile, changed_at.saturating_mul(1_000), verified);
        if !values.is_empty() {
            self.statements.push(Statement { stated: values, ..Statement::new(Origin::Weft, None) });
        }
        self
    }
}
