//! Requests in, what they mean out; every wrong field is named at once. Pure.

use prost_types::Timestamp as Stamp;
use retail_proto::customers::v1 as pb;
use retail_proto::types::v1::Ref;
use retail_runtime::Timestamp;
use retail_runtime::fault::{BadShape, Violations};

use crate::consent::{Choice, Decision};
use crate::customer::{Kind, Sighting};
use crate::finding::Sought;
use crate::keys::{Key, Strength, e164, normal_email};
use crate::syncing::Said;
use crate::telling::{NO_NAME, SystemKind};

/// Longest text of a profile field, characters.
const MAX_TEXT: usize = 512;
/// Longest proof of consent, characters.
const MAX_EVIDENCE: usize = 4_096;
/// How far the clock of a source may be ahead of ours, seconds.
const AHEAD: i64 = 300;

pub(crate) fn resolve(request: pb::ResolveCustomerRequest) -> Result<(Vec<Key>, Sighting), BadShape> {
    let mut bad = Violations::default();
    keyed(&request.idempotency_key, &mut bad);
    let record = request.system_id;
    let system = record.as_ref().and_then(Key::system);
    bad.require("system_id", record.is_none() || system.is_some(), "give kind, instance, type and id, or leave it out");
    let email = if request.email_verified { Key::email(&request.email) } else { None };
    let keys: Vec<Key> = [system, email, Key::phone(&request.phone)].into_iter().flatten().collect();
    bad.require("brand", !keys.is_empty() || !request.brand.is_empty(), "a sale without any key needs its brand");
    let mut profile = request.profile.unwrap_or_default();
    profile_shape(&profile, &mut bad);
    bad.check()?;
    for (field, given) in [(&mut profile.email, request.email), (&mut profile.phone, request.phone)] {
        if field.is_empty() {
            *field = given;
        }
    }
    let registered = keys.first().is_some_and(|key| key.strength() == Strength::System);
    let sighting = Sighting {
        kind: if registered { Kind::Registered } else { Kind::Guest },
        record: record.map(tidy),
        profile,
        brand: request.brand,
        keys: keys.iter().map(ToString::to_string).collect(),
        path: Vec::new(),
    };
    Ok((keys, sighting))
}

pub(crate) fn update(request: &pb::UpdateCustomerRequest) -> Result<pb::Profile, BadShape> {
    let mut bad = Violations::default();
    keyed(&request.idempotency_key, &mut bad);
    id("customer_id", &request.customer_id, &mut bad);
    let profile = request.profile.clone().unwrap_or_default();
    bad.require("profile", profile != pb::Profile::default(), "give at least one field to change");
    profile_shape(&profile, &mut bad);
    bad.check().map(|()| profile)
}

pub(crate) fn ensure(request: &pb::EnsureReferenceRequest) -> Result<SystemKind, BadShape> {
    let mut bad = Violations::default();
    id("customer_id", &request.customer_id, &mut bad);
    bad.require("instance", !request.instance.is_empty(), "name the configured instance");
    let kind = SystemKind::parse(&request.kind);
    bad.require("kind", kind.is_some(), "say erp or crm");
    match kind {
        Some(kind) => bad.check().map(|()| kind),
        None => Err(bad.into_shape()),
    }
}

/// The record's own key, weaker ones, and what is said.
pub(crate) fn sync(request: pb::SyncCustomerRequest, now: Timestamp) -> Result<(Key, Vec<Key>, Said), BadShape> {
    let mut bad = Violations::default();
    keyed(&request.idempotency_key, &mut bad);
    let record = request.source.map(tidy).unwrap_or_default();
    let key = Key::system(&record);
    bad.require("source", key.is_some(), "give the kind, instance, type and id of the system's record");
    bad.require("source_version", request.source_version > 0, "give the record's version at the source, above 0");
    let at = moment("changed_at", request.changed_at, now, &mut bad);
    let mut profile = request.profile.unwrap_or_default();
    profile_shape(&profile, &mut bad);
    // Some systems do not keep a person without a last name, and are told this one.
    if profile.last_name.trim() == NO_NAME {
        profile.last_name.clear();
    }
    let email = if request.email_verified { Key::email(&profile.email) } else { None };
    let weaker: Vec<Key> = [email, Key::phone(&profile.phone)].into_iter().flatten().collect();
    let Some(key) = key else { return Err(bad.into_shape()) };
    bad.check()?;
    let said = Said {
        record,
        version: request.source_version,
        profile,
        email_verified: request.email_verified,
        at,
        brand: request.brand,
        deleted: request.deleted,
        keys: Vec::new(),
        path: Vec::new(),
        gone: 0,
    };
    Ok((key, weaker, said))
}

pub(crate) fn find(request: pb::FindCustomersRequest) -> Result<Sought, BadShape> {
    let mut bad = Violations::default();
    let given = [!request.email.is_empty(), !request.phone.is_empty(), request.system_id.is_some()];
    let one = given.iter().filter(|given| **given).count() == 1;
    bad.require("email", one, "give exactly one of email, phone and system_id");
    let mut sought = None;
    if !request.email.is_empty() {
        sought = normal_email(&request.email).map(Sought::Email);
        bad.require("email", sought.is_some(), "is no e-mail address");
    } else if !request.phone.is_empty() {
        sought = e164(&request.phone).map(Sought::Phone);
        bad.require(
            "phone",
            sought.is_some(),
            "does not read as E.164; write it with + and the country, for example +442079460958",
        );
    } else if let Some(record) = request.system_id.map(tidy) {
        sought = Key::system(&record).map(|_| Sought::Record(record));
        bad.require("system_id", sought.is_some(), "give kind, instance, type and id");
    }
    match sought {
        Some(sought) => bad.check().map(|()| sought),
        None => Err(bad.into_shape()),
    }
}

pub(crate) fn consent(request: pb::RecordConsentRequest, now: Timestamp) -> Result<Decision, BadShape> {
    let mut bad = Violations::default();
    keyed(&request.idempotency_key, &mut bad);
    id("customer_id", &request.customer_id, &mut bad);
    bad.require("consent", request.consent.is_some(), "give the decision");
    let consent = request.consent.unwrap_or_default();
    let channel = pb::ConsentChannel::try_from(consent.channel).unwrap_or_default();
    bad.require(
        "consent.channel",
        channel != pb::ConsentChannel::Unspecified,
        "say which channel the decision is about",
    );
    let choice = Choice::try_from(consent.state).unwrap_or(Choice::Unsaid);
    bad.require("consent.state", choice != Choice::Unsaid, "say GRANTED, WITHDRAWN or PENDING");
    let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let named = consent.purpose.chars().all(upper) && consent.purpose.starts_with(|c: char| c.is_ascii_uppercase());
    let fits = named && consent.purpose.len() <= 64;
    bad.require(
        "consent.purpose",
        fits,
        "give an UPPER_SNAKE_CASE purpose of at most 64 characters, for example MARKETING",
    );
    let captured_at = moment("consent.captured_at", consent.captured_at, now, &mut bad);
    let source = consent.source.map(tidy);
    let known = source.as_ref().and_then(Key::system).is_some();
    bad.require("consent.source", known, "give kind, instance, type and id of the record that captured it");
    let proven = choice != Choice::Granted || !consent.evidence.trim().is_empty();
    bad.require(
        "consent.evidence",
        proven,
        "a grant needs proof, for example the wording shown and the form's address",
    );
    bad.require("consent.evidence", consent.evidence.chars().count() <= MAX_EVIDENCE, "is longer than 4096 characters");
    bad.check()?;
    Ok(Decision {
        channel: i32::from(channel),
        purpose: consent.purpose,
        choice: i32::from(choice),
        captured_at,
        source,
        evidence: consent.evidence,
        recorded_at: 0,
    })
}

/// Two customers, a key and a note, as merging, its undoing and dismissing have.
pub(crate) fn pair(key: &str, ids: [(&str, &str); 2], note: &str) -> Result<(), BadShape> {
    let mut bad = Violations::default();
    keyed(key, &mut bad);
    for (field, given) in ids {
        id(field, given, &mut bad);
    }
    bad.require("note", !note.trim().is_empty(), "say why; it goes into the audit");
    bad.require("note", note.chars().count() <= MAX_TEXT, "is longer than 512 characters");
    bad.check()
}

/// An id of ours.
pub(crate) fn one(field: &str, given: &str) -> Result<(), BadShape> {
    let mut bad = Violations::default();
    id(field, given, &mut bad);
    bad.check()
}

fn id(field: &str, given: &str, bad: &mut Violations) {
    bad.require(field, !given.is_empty(), "give our id of the customer");
    bad.require(field, given.len() <= 128, "is no id of ours");
}

fn keyed(key: &str, bad: &mut Violations) {
    bad.require("idempotency_key", !key.is_empty(), "give a key that is the same at every repeat of this request");
}

/// A reference without blanks around its parts, as keys are made of it.
fn tidy(record: Ref) -> Ref {
    let trim = |text: String| text.trim().to_owned();
    Ref {
        kind: trim(record.kind),
        instance: trim(record.instance),
        r#type: trim(record.r#type),
        id: trim(record.id),
        number: trim(record.number),
    }
}

/// A moment in microseconds since 1970. One that lies ahead would win over everything that comes after it.
fn moment(field: &str, given: Option<Stamp>, now: Timestamp, bad: &mut Violations) -> i64 {
    let read = given.and_then(|given| Timestamp::new(given.seconds, given.nanos).ok());
    let Some(at) = read else {
        bad.add(field, "give the time at the source");
        return 0;
    };
    bad.require(
        field,
        at.as_second().saturating_sub(now.as_second()) <= AHEAD,
        "lies more than 5 minutes ahead; mend the clock of the source",
    );
    at.as_microsecond()
}

fn profile_shape(profile: &pb::Profile, bad: &mut Violations) {
    let fields = [
        ("profile.first_name", &profile.first_name),
        ("profile.last_name", &profile.last_name),
        ("profile.company", &profile.company),
        ("profile.email", &profile.email),
        ("profile.phone", &profile.phone),
    ];
    for (field, text) in fields {
        bad.require(field, text.chars().count() <= MAX_TEXT, "is longer than 512 characters");
        bad.require(field, !text.chars().any(char::is_control), "has control characters");
    }
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
