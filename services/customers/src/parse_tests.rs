//! Shapes of requests.

use retail_runtime::fault::Fault as _;

use super::*;

fn now() -> Timestamp {
    Timestamp::from_second(1_000_000).unwrap()
}

fn request() -> pb::ResolveCustomerRequest {
    pb::ResolveCustomerRequest { idempotency_key: "k".into(), brand: "acme".into(), ..Default::default() }
}

fn fields(bad: BadShape) -> Vec<String> {
    bad.fields().into_iter().map(|(field, _)| field).collect()
}

#[test]
fn an_unverified_address_is_known_but_is_no_key() {
    let request = pb::ResolveCustomerRequest { email: "ada@lovelace.org".into(), ..request() };
    let (keys, sighting) = resolve(request).unwrap();
    assert!(keys.is_empty());
    assert_eq!(sighting.profile.email, "ada@lovelace.org");
}

#[test]
fn a_sale_without_key_and_brand_is_nobodys() {
    let bad = resolve(pb::ResolveCustomerRequest { brand: String::new(), ..request() }).unwrap_err();
    assert_eq!(fields(bad), ["brand"]);
}

#[test]
fn every_wrong_field_is_named_at_once() {
    let profile = pb::Profile { first_name: "x".repeat(513), last_name: "a\u{0}b".into(), ..Default::default() };
    let request = pb::ResolveCustomerRequest { idempotency_key: String::new(), profile: Some(profile), ..request() };
    assert_eq!(fields(resolve(request).unwrap_err()), ["idempotency_key", "profile.first_name", "profile.last_name"]);
}

#[test]
fn a_sync_needs_its_record_its_version_and_its_time() {
    let bad = sync(pb::SyncCustomerRequest::default(), now()).unwrap_err();
    assert_eq!(fields(bad), ["idempotency_key", "source", "source_version", "changed_at"]);
}

#[test]
fn a_change_that_lies_ahead_is_refused() {
    let request = pb::SyncCustomerRequest {
        idempotency_key: "k".into(),
        source: Some(Ref {
            kind: "crm".into(),
            instance: "one".into(),
            r#type: "Contact".into(),
            id: "7".into(),
            number: String::new(),
        }),
        source_version: 1,
        changed_at: Some(Stamp { seconds: 1_000_301, nanos: 0 }),
        ..Default::default()
    };
    assert_eq!(fields(sync(request, now()).unwrap_err()), ["changed_at"]);
}

#[test]
fn the_name_that_a_system_was_given_for_want_of_one_is_no_name() {
    let request = pb::SyncCustomerRequest {
        idempotency_key: "k".into(),
        source: Some(Ref {
            kind: "crm".into(),
            instance: "one".into(),
            r#type: "Contact".into(),
            id: "7".into(),
            number: String::new(),
        }),
        source_version: 1,
        changed_at: Some(Stamp { seconds: 1_000_000, nanos: 0 }),
        profile: Some(pb::Profile { last_name: NO_NAME.into(), ..Default::default() }),
        ..Default::default()
    };
    assert_eq!(sync(request, now()).unwrap().2.profile.last_name, "");
}

#[test]
fn customers_are_looked_for_by_exactly_one_thing_that_can_be_read() {
    let find = |email: &str, phone: &str| {
        find(pb::FindCustomersRequest { email: email.into(), phone: phone.into(), system_id: None }).map_err(fields)
    };
    assert_eq!(find("", ""), Err(vec!["email".to_owned()]));
    assert_eq!(find("ada@x.org", "+442079460958"), Err(vec!["email".to_owned()]));
    assert_eq!(find("ada", ""), Err(vec!["email".to_owned()]));
    assert_eq!(find("", "020 7946 0958"), Err(vec!["phone".to_owned()]));
    assert_eq!(find(" Ada@X.org", ""), Ok(Sought::Email("ada@x.org".into())));
    assert_eq!(find("", "+44 20 7946 0958"), Ok(Sought::Phone("+442079460958".into())));
}

#[test]
fn a_grant_needs_proof_and_a_withdrawal_does_not() {
    let request = |state: pb::ConsentState| pb::RecordConsentRequest {
        idempotency_key: "k".into(),
        customer_id: "c-1".into(),
        consent: Some(pb::Consent {
            channel: i32::from(pb::ConsentChannel::Email),
            purpose: "MARKETING".into(),
            state: i32::from(state),
            captured_at: Some(Stamp { seconds: 1_000_000, nanos: 0 }),
            source: Some(Ref {
                kind: "crm".into(),
                instance: "one".into(),
                r#type: "Contact".into(),
                id: "7".into(),
                number: String::new(),
            }),
            ..Default::default()
        }),
    };
    assert_eq!(fields(consent(request(pb::ConsentState::Granted), now()).unwrap_err()), ["consent.evidence"]);
    assert_eq!(consent(request(pb::ConsentState::Withdrawn), now()).unwrap().choice(), Choice::Withdrawn);
}

#[test]
fn a_decision_names_channel_purpose_state_time_and_source() {
    let consent_of = |purpose: &str| pb::RecordConsentRequest {
        idempotency_key: "k".into(),
        customer_id: "c-1".into(),
        consent: Some(pb::Consent { purpose: purpose.into(), ..Default::default() }),
    };
    let all = ["consent.channel", "consent.state", "consent.purpose", "consent.captured_at", "consent.source"];
    assert_eq!(fields(consent(consent_of("marketing"), now()).unwrap_err()), all);
    let named = fields(consent(consent_of("SMS_2"), now()).unwrap_err());
    assert!(!named.contains(&"consent.purpose".to_owned()));
}
