//! The customer and its rules. Pure.

use retail_proto::customers::v1::Profile;
use retail_proto::types::v1::{Address, Ref};
use retail_runtime::Timestamp;
use retail_store::Document;

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
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Told {
    /// Kind of system: erp or crm.
    #[prost(string, tag = "1")]
    pub(crate) kind: String,
    /// Its instance.
    #[prost(string, tag = "2")]
    pub(crate) instance: String,
    /// Content that it was told last, or that it refused.
    #[prost(uint64, tag = "3")]
    pub(crate) content: u64,
    /// How often a refused telling was begun anew.
    #[prost(uint32, tag = "4")]
    pub(crate) again: u32,
    /// UPPER_SNAKE_CASE cause of a refusal; empty when it took the content.
    #[prost(string, tag = "5")]
    pub(crate) reason: String,
    /// For people.
    #[prost(string, tag = "6")]
    pub(crate) detail: String,
}

/// A customer, or an id that stands for one.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Customer {
    /// Our id.
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    /// The customer that this id stands for; then nothing else is set.
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
    /// Keys that were seen with it.
    #[prost(string, repeated, tag = "12")]
    pub(crate) keys: Vec<String>,
}

/// Who owns a key.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Claim {
    /// The customer's id. It is pending until that id is a customer or an alias.
    #[prost(string, tag = "1")]
    pub(crate) customer_id: String,
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
    /// Keys, as text.
    pub(crate) keys: Vec<String>,
}

impl Customer {
    /// True when it is a customer rather than nothing or an alias.
    pub(crate) fn is_founded(&self) -> bool {
        !self.id.is_empty() && self.alias_of.is_empty()
    }

    /// A customer that was never seen before.
    pub(crate) fn found(id: &str, now: Timestamp) -> Self {
        let at = now.as_millisecond();
        Self { id: id.to_owned(), created_at: at, updated_at: at, ..Self::default() }
    }

    /// Takes over what is new in a sighting: empty fields are filled, nothing is overwritten.
    pub(crate) fn see(&mut self, sighting: &Sighting) {
        if sighting.kind == Kind::Anonymous {
            self.set_kind(Kind::Anonymous);
        } else if sighting.kind == Kind::Registered && self.kind() == Kind::Guest {
            self.set_kind(Kind::Registered);
        }
        if self.kind() != Kind::Anonymous {
            let mut profile = self.profile.take().unwrap_or_default();
            fill(&mut profile, &sighting.profile);
            self.profile = Some(profile);
        }
        if self.brand.is_empty() {
            self.brand.clone_from(&sighting.brand);
        }
        if let Some(record) = &sighting.record {
            self.link(record);
        }
        for key in &sighting.keys {
            if !self.keys.contains(key) {
                self.keys.push(key.clone());
            }
        }
    }

    /// Changes the profile: what is given replaces what was known, empty fields stay.
    pub(crate) fn update(&mut self, given: &Profile) {
        let known = self.profile.take().unwrap_or_default();
        let mut profile = given.clone();
        fill(&mut profile, &known);
        self.profile = Some(profile);
    }

    /// Keeps a record of another system; a new id of the same record replaces the old one.
    pub(crate) fn link(&mut self, record: &Ref) {
        let same = |known: &&mut Ref| {
            known.kind == record.kind && known.instance == record.instance && known.r#type == record.r#type
        };
        // A person may have several accounts in a shop; in an ERP or CRM our external id makes it one.
        let several = record.kind == "commerce" || record.kind == "pos";
        match self.refs.iter_mut().find(|known| same(known) && (!several || known.id == record.id)) {
            Some(known) => known.clone_from(record),
            None => self.refs.push(record.clone()),
        }
    }

    /// The first record of a system.
    pub(crate) fn record(&self, kind: &str, instance: &str) -> Option<&Ref> {
        self.refs.iter().find(|record| record.kind == kind && record.instance == instance)
    }

    /// What a system was told.
    pub(crate) fn told(&self, kind: &str, instance: &str) -> Option<&Told> {
        self.told.iter().find(|told| told.kind == kind && told.instance == instance)
    }

    /// Notes what became of telling a system some content.
    pub(crate) fn tell(&mut self, kind: &str, instance: &str, content: u64, refusal: Option<(&str, &str)>) {
        let (reason, detail) = refusal.unwrap_or_default();
        if let Some(told) = self.told_mut(kind, instance) {
            told.content = told.content.max(content);
            reason.clone_into(&mut told.reason);
            detail.clone_into(&mut told.detail);
        }
    }

    /// Begins a refused telling anew; true when there was one.
    pub(crate) fn tell_again(&mut self, kind: &str, instance: &str) -> bool {
        let refused = self.told_mut(kind, instance).filter(|told| !told.reason.is_empty());
        let Some(told) = refused else { return false };
        told.reason.clear();
        told.detail.clear();
        told.content = 0;
        told.again = told.again.saturating_add(1);
        true
    }

    /// Completes a change: versions and times. `before` is what it was.
    pub(crate) fn changed(&mut self, before: &Self, now: Timestamp) {
        self.version = before.version.saturating_add(1);
        self.updated_at = now.as_millisecond();
        let shown = |customer: &Self| (customer.profile.clone(), customer.kind, customer.brand.clone());
        if shown(self) != shown(before) || self.content == 0 {
            self.content = self.version;
        }
    }

    /// The entry of a system, made when there is none.
    fn told_mut(&mut self, kind: &str, instance: &str) -> Option<&mut Told> {
        if self.told(kind, instance).is_none() {
            let (kind, instance) = (kind.to_owned(), instance.to_owned());
            self.told.push(Told { kind, instance, ..Told::default() });
        }
        self.told.iter_mut().find(|told| told.kind == kind && told.instance == instance)
    }
}

/// Fills empty fields of a profile.
fn fill(profile: &mut Profile, from: &Profile) {
    let fields = [
        (&mut profile.first_name, &from.first_name),
        (&mut profile.last_name, &from.last_name),
        (&mut profile.company, &from.company),
        (&mut profile.email, &from.email),
        (&mut profile.phone, &from.phone),
    ];
    for (field, value) in fields {
        if field.is_empty() {
            value.trim().clone_into(field);
        }
    }
    if profile.address.as_ref().is_none_or(|address| *address == Address::default()) {
        profile.address.clone_from(&from.address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn sighting() -> Sighting {
        Sighting {
            kind: Kind::Guest,
            record: None,
            profile: Profile { first_name: "Ada".into(), email: "ada@lovelace.org".into(), ..Profile::default() },
            brand: "acme".into(),
            keys: vec!["email:1".into()],
        }
    }

    fn seen() -> Customer {
        let mut customer = Customer::found("c-1", at(1));
        customer.see(&sighting());
        customer.changed(&Customer::default(), at(1));
        customer
    }

    fn record(kind: &str, r#type: &str, id: &str) -> Ref {
        Ref { kind: kind.into(), instance: "one".into(), r#type: r#type.into(), id: id.into(), number: String::new() }
    }

    #[test]
    fn a_returning_customer_changes_nothing() {
        let mut customer = seen();
        customer.see(&sighting());
        assert_eq!(customer, seen());
    }

    #[test]
    fn a_later_sighting_fills_what_was_empty_and_overwrites_nothing() {
        let mut customer = seen();
        let mut later = sighting();
        later.profile = Profile { first_name: "A.".into(), last_name: "Lovelace".into(), ..Profile::default() };
        customer.see(&later);
        let profile = customer.profile.unwrap();
        assert_eq!((profile.first_name.as_str(), profile.last_name.as_str()), ("Ada", "Lovelace"));
    }

    #[test]
    fn an_update_overwrites_what_is_given_and_keeps_the_rest() {
        let mut customer = seen();
        customer.update(&Profile { first_name: "Augusta".into(), ..Profile::default() });
        let profile = customer.profile.unwrap();
        assert_eq!((profile.first_name.as_str(), profile.email.as_str()), ("Augusta", "ada@lovelace.org"));
    }

    #[test]
    fn a_new_record_of_a_system_is_no_new_content_for_the_systems() {
        let mut customer = seen();
        let before = customer.clone();
        customer.link(&record("erp", "customer", "12"));
        customer.changed(&before, at(2));
        assert_eq!((customer.version, customer.content), (2, 1));
    }

    #[test]
    fn a_person_has_one_record_in_an_erp_and_may_have_several_accounts_in_a_shop() {
        let mut customer = seen();
        for id in ["1", "2"] {
            customer.link(&record("erp", "customer", id));
            customer.link(&record("commerce", "customer", id));
        }
        let ids: Vec<_> = customer.refs.iter().map(|record| (record.kind.as_str(), record.id.as_str())).collect();
        assert_eq!(ids, [("erp", "2"), ("commerce", "1"), ("commerce", "2")]);
    }

    #[test]
    fn nothing_personal_sticks_to_the_anonymous_customer() {
        let mut customer = Customer::found("anonymous", at(1));
        customer.see(&Sighting { kind: Kind::Anonymous, ..sighting() });
        assert_eq!((customer.kind(), customer.profile), (Kind::Anonymous, None));
    }

    #[test]
    fn a_guest_who_registers_is_registered_for_good() {
        let mut customer = seen();
        customer.see(&Sighting { kind: Kind::Registered, ..sighting() });
        customer.see(&sighting());
        assert_eq!(customer.kind(), Kind::Registered);
    }

    #[test]
    fn a_refused_telling_can_be_begun_anew() {
        let mut customer = seen();
        customer.tell("erp", "one", 1, Some(("VENDOR_REFUSED", "no such subsidiary")));
        assert!(customer.tell_again("erp", "one"));
        assert!(!customer.tell_again("erp", "one"));
        assert_eq!((customer.told("erp", "one").unwrap().content, customer.told("erp", "one").unwrap().again), (0, 1));
    }
}
