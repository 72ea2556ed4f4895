//! Which value of a profile field survives when several sources state one. Pure, and a function of the set of
//! statements alone: in whatever order they came, the same values survive.
//!
//! A verified e-mail beats one that is not; what a record or Weft itself states beats what a sale merely mentioned; then
//! the later statement wins; then the source that comes first by name (Weft before all records).

use std::cmp::Reverse;

use prost::Message as _;
use retail_proto::customers::v1::Profile;
use retail_proto::types::v1::{Address, Ref};
use sha2::{Digest as _, Sha256};

use crate::keys::{e164, normal_email};

/// A field of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Field {
    /// First name.
    FirstName = 0,
    /// Last name.
    LastName = 1,
    /// Company.
    Company = 2,
    /// E-mail.
    Email = 3,
    /// Phone.
    Phone = 4,
    /// Default address.
    Address = 5,
}

impl Field {
    /// Every field.
    pub(crate) const ALL: [Self; 6] =
        [Self::FirstName, Self::LastName, Self::Company, Self::Email, Self::Phone, Self::Address];

    /// As the contract spells it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::Company => "company",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Address => "address",
        }
    }
}

/// A value of one field, as somebody stated it; never empty.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Stated {
    /// Field.
    #[prost(enumeration = "Field", tag = "1")]
    pub(crate) field: i32,
    /// Value of a text field.
    #[prost(string, tag = "2")]
    pub(crate) text: String,
    /// Value of the address.
    #[prost(message, optional, tag = "3")]
    pub(crate) address: Option<Address>,
    /// When it was stated, microseconds since 1970.
    #[prost(int64, tag = "4")]
    pub(crate) at: i64,
    /// True when it was verified, or a person answers for it.
    #[prost(bool, tag = "5")]
    pub(crate) verified: bool,
    /// The record that a sale named, for what a sale mentioned.
    #[prost(message, optional, tag = "6")]
    pub(crate) source: Option<Ref>,
}

/// Who states something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Origin {
    /// A sale or another caller of ResolveCustomer mentioned it.
    Sighting = 0,
    /// Weft itself: UpdateCustomer.
    Weft = 1,
    /// A record of another system.
    Record = 2,
}

/// Everything that one source states of a person.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Statement {
    /// Who states it.
    #[prost(enumeration = "Origin", tag = "1")]
    pub(crate) origin: i32,
    /// The record.
    #[prost(message, optional, tag = "2")]
    pub(crate) record: Option<Ref>,
    /// Version of the record that stated it.
    #[prost(uint64, tag = "3")]
    pub(crate) version: u64,
    /// Values, by field.
    #[prost(message, repeated, tag = "4")]
    pub(crate) stated: Vec<Stated>,
    /// Version at which the record was deleted; 0 when it never was.
    #[prost(uint64, tag = "5")]
    pub(crate) gone: u64,
    /// Brand of the record.
    #[prost(string, tag = "6")]
    pub(crate) brand: String,
    /// When the source changed it, microseconds since 1970.
    #[prost(int64, tag = "7")]
    pub(crate) at: i64,
}

impl Statement {
    /// Nothing stated yet.
    pub(crate) fn new(origin: Origin, record: Option<Ref>) -> Self {
        Self { origin: i32::from(origin), record, ..Self::default() }
    }

    /// What it states of a field.
    pub(crate) fn of(&self, field: Field) -> Option<&Stated> {
        self.stated.iter().find(|stated| stated.field() == field)
    }

    /// States something, instead of what it said of the field before.
    pub(crate) fn state(&mut self, new: Stated) {
        self.stated.retain(|old| old.field != new.field);
        self.stated.push(new);
        self.stated.sort_by_key(|stated| stated.field);
    }

    /// Is it of this record?
    pub(crate) fn is_of(&self, record: &Ref) -> bool {
        self.record.as_ref().is_some_and(|own| same_record(own, record))
    }

    fn place(&self) -> (bool, [&str; 4]) {
        let record = self.record.as_ref();
        let parts = record.map_or([""; 4], |record| [&record.kind, &record.instance, &record.r#type, &record.id]);
        (self.origin() == Origin::Record, parts)
    }
}

/// Two references to one record; the number is for people and does not tell records apart.
pub(crate) fn same_record(one: &Ref, other: &Ref) -> bool {
    one.kind == other.kind && one.instance == other.instance && one.r#type == other.r#type && one.id == other.id
}

/// The values of a profile, without its empty fields, as stated at `at` (microseconds since 1970).
pub(crate) fn stated(profile: &Profile, at: i64, email_verified: bool) -> Vec<Stated> {
    let text = |field: Field, text: &str| {
        let text = if field == Field::Phone {
            e164(text).unwrap_or_else(|| text.trim().to_owned())
        } else {
            text.trim().to_owned()
        };
        let verified = field == Field::Email && email_verified;
        (!text.is_empty()).then(|| Stated { field: i32::from(field), text, at, verified, ..Stated::default() })
    };
    let address = profile.address.clone().filter(|address| *address != Address::default()).map(|address| Stated {
        field: i32::from(Field::Address),
        address: Some(address),
        at,
        ..Stated::default()
    });
    let texts = [
        text(Field::FirstName, &profile.first_name),
        text(Field::LastName, &profile.last_name),
        text(Field::Company, &profile.company),
        text(Field::Email, &profile.email),
        text(Field::Phone, &profile.phone),
    ];
    texts.into_iter().flatten().chain(address).collect()
}

/// A value that survives, and who states it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Survivor<'a> {
    /// Who states it.
    pub(crate) statement: &'a Statement,
    /// The value.
    pub(crate) stated: &'a Stated,
}

/// The values that survive, in the order of the fields; a field that nobody states is not among them.
pub(crate) fn survivors<'a>(statements: impl Iterator<Item = &'a Statement> + Clone) -> Vec<Survivor<'a>> {
    let best = |field: Field| {
        let all = statements.clone().filter_map(|statement| {
            let stated = statement.of(field)?;
            Some(Survivor { statement, stated })
        });
        all.max_by(|a, b| rank(*a).cmp(&rank(*b)))
    };
    Field::ALL.into_iter().filter_map(best).collect()
}

type Rank<'a> = (bool, bool, i64, Reverse<(bool, [&'a str; 4])>, Reverse<Vec<u8>>);

fn rank(survivor: Survivor<'_>) -> Rank<'_> {
    let Survivor { statement, stated } = survivor;
    let said = statement.origin() != Origin::Sighting;
    (stated.verified, said, stated.at, Reverse(statement.place()), Reverse(stated.encode_to_vec()))
}

/// The profile that survives.
pub(crate) fn profile(survivors: &[Survivor<'_>]) -> Profile {
    let mut profile = Profile::default();
    for Survivor { stated, .. } in survivors {
        let text = || stated.text.clone();
        match stated.field() {
            Field::FirstName => profile.first_name = text(),
            Field::LastName => profile.last_name = text(),
            Field::Company => profile.company = text(),
            Field::Email => profile.email = text(),
            Field::Phone => profile.phone = text(),
            Field::Address => profile.address.clone_from(&stated.address),
        }
    }
    profile
}

/// A short digest of each field of a profile, in the order of the fields; 0 for an empty one.
pub(crate) fn digests(profile: &Profile) -> Vec<u64> {
    let stated = stated(profile, 0, false);
    let of = |field: Field| stated.iter().find(|value| value.field() == field).map_or(0, Stated::digest);
    Field::ALL.into_iter().map(of).collect()
}

impl Stated {
    /// The same for two spellings of one value. Systems break an address into lines of their own, so only its letters
    /// and digits count.
    pub(crate) fn digest(&self) -> u64 {
        let text = match (self.field(), &self.address) {
            (Field::Address, Some(address)) => {
                let Address { lines, city, region, postal_code, country_code, .. } = address;
                let all = lines.iter().chain([city, region, postal_code, country_code]);
                all.flat_map(|part| part.chars()).filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
            }
            (Field::Email, _) => normal_email(&self.text).unwrap_or_else(|| self.text.trim().to_lowercase()),
            (Field::FirstName | Field::LastName | Field::Company | Field::Phone | Field::Address, _) => {
                self.text.trim().to_owned()
            }
        };
        short(&text)
    }
}

/// 64 bits of a text's digest, never 0.
pub(crate) fn short(text: &str) -> u64 {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(8).fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte)).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(id: &str) -> Option<Ref> {
        Some(Ref {
            kind: "crm".into(),
            instance: "one".into(),
            r#type: "Contact".into(),
            id: id.into(),
            number: String::new(),
        })
    }

    fn says(origin: Origin, id: &str, email: &str, at: i64, verified: bool) -> Statement {
        let profile = Profile { email: email.into(), ..Profile::default() };
        let record = if origin == Origin::Record { record(id) } else { None };
        Statement { stated: stated(&profile, at, verified), ..Statement::new(origin, record) }
    }

    fn email(statements: &[Statement]) -> String {
        profile(&survivors(statements.iter())).email
    }

    #[test]
    fn the_later_statement_wins() {
        assert_eq!(
            email(&[says(Origin::Record, "1", "a@x.org", 1, false), says(Origin::Record, "2", "b@x.org", 2, false)]),
            "b@x.org"
        );
    }

    #[test]
    fn a_verified_address_beats_a_later_one_that_is_not() {
        assert_eq!(
            email(&[says(Origin::Record, "1", "a@x.org", 1, true), says(Origin::Record, "2", "b@x.org", 2, false)]),
            "a@x.org"
        );
    }

    #[test]
    fn what_a_record_states_beats_what_a_sale_mentioned_later() {
        assert_eq!(
            email(&[says(Origin::Record, "1", "a@x.org", 1, false), says(Origin::Sighting, "", "b@x.org", 2, false)]),
            "a@x.org"
        );
    }

    #[test]
    fn at_one_time_weft_comes_first_and_then_the_record_that_comes_first_by_name() {
        let (one, two) =
            (says(Origin::Record, "1", "a@x.org", 1, false), says(Origin::Record, "2", "b@x.org", 1, false));
        assert_eq!(email(&[two.clone(), one.clone()]), "a@x.org");
        assert_eq!(email(&[two, one, says(Origin::Weft, "", "w@x.org", 1, false)]), "w@x.org");
    }

    #[test]
    fn an_address_broken_into_other_lines_is_the_same_address() {
        let address = |lines: &[&str], city: &str| Profile {
            address: Some(Address {
                lines: lines.iter().map(|line| (*line).to_owned()).collect(),
                city: city.into(),
                ..Address::default()
            }),
            ..Profile::default()
        };
        assert_eq!(
            digests(&address(&["12 St James's Sq", "Flat 2"], "London")),
            digests(&address(&["12 St James's Sq, Flat 2"], "LONDON"))
        );
        assert_ne!(
            digests(&address(&["12 St James's Sq"], "London")),
            digests(&address(&["13 St James's Sq"], "London"))
        );
    }

    proptest! {
        #[test]
        fn the_order_of_statements_decides_nothing(
            said in prop::collection::vec((0..3_i32, "[12]", "[ab]@x\\.org", 0..3_i64, any::<bool>()), 1..6),
            turn in 0..6_usize,
        ) {
            let all: Vec<Statement> = said
                .into_iter()
                .map(|(origin, id, email, at, verified)| says(Origin::try_from(origin).unwrap(), &id, &email, at, verified))
                .collect();
            let mut turned = all.clone();
            turned.rotate_left(turn % all.len());
            prop_assert_eq!(email(&all), email(&turned));
        }
    }
}
