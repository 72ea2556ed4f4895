//! The rules of a customer, one fact a test.

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
        path: vec![],
    }
}

fn seen() -> Customer {
    let mut customer = Customer::found("c-1", at(1));
    customer.see(&sighting(), at(1));
    customer.changed(&Customer::default(), false, at(1));
    customer
}

fn record(kind: &str, r#type: &str, id: &str) -> Ref {
    Ref { kind: kind.into(), instance: "one".into(), r#type: r#type.into(), id: id.into(), number: String::new() }
}

#[test]
fn a_returning_customer_changes_nothing() {
    let mut customer = seen();
    customer.see(&sighting(), at(9));
    assert_eq!(customer, seen());
}

#[test]
fn a_later_sighting_fills_what_was_empty_and_overwrites_nothing() {
    let mut customer = seen();
    let mut later = sighting();
    later.profile = Profile { first_name: "A.".into(), last_name: "Lovelace".into(), ..Profile::default() };
    customer.see(&later, at(2));
    let profile = customer.profile.unwrap();
    assert_eq!((profile.first_name.as_str(), profile.last_name.as_str()), ("Ada", "Lovelace"));
}

#[test]
fn a_verified_address_takes_the_place_of_one_that_was_only_mentioned() {
    let mut customer = seen();
    let email = "countess@lovelace.org";
    let keys = vec![Key::email(email).unwrap().to_string()];
    customer
        .see(&Sighting { profile: Profile { email: email.into(), ..Profile::default() }, keys, ..sighting() }, at(2));
    assert_eq!(customer.profile.unwrap().email, email);
}

#[test]
fn an_address_that_nobody_states_is_remembered_for_finding_only() {
    let mut customer = seen();
    let email = "ada@byron.org";
    customer.see(&Sighting { profile: Profile { email: email.into(), ..Profile::default() }, ..sighting() }, at(2));
    assert_eq!(customer.profile.as_ref().unwrap().email, "ada@lovelace.org");
    assert_eq!(finding::places(&customer).len(), 2);
    assert!(!format!("{customer:?}").contains("byron"));
}

#[test]
fn an_update_overwrites_what_is_given_and_keeps_the_rest() {
    let mut customer = seen();
    customer.update(&Profile { first_name: "Augusta".into(), ..Profile::default() }, at(2));
    let profile = customer.profile.unwrap();
    assert_eq!((profile.first_name.as_str(), profile.email.as_str()), ("Augusta", "ada@lovelace.org"));
}

#[test]
fn an_update_of_what_is_known_changes_nothing() {
    let mut customer = seen();
    customer.update(&Profile { first_name: "Ada".into(), ..Profile::default() }, at(2));
    assert_eq!(customer, seen());
}

#[test]
fn a_new_record_of_a_system_is_no_new_content_for_the_systems() {
    let mut customer = seen();
    let before = customer.clone();
    customer.link(&record("erp", "customer", "12"));
    customer.changed(&before, false, at(2));
    assert_eq!((customer.version, customer.content), (2, 1));
}

#[test]
fn a_new_id_of_the_record_that_tellings_write_replaces_the_old_one_and_no_other() {
    let mut customer = seen();
    let shop = |id| Sighting { record: Some(record("commerce", "customer", id)), ..sighting() };
    customer.see(&shop("1"), at(2));
    customer.see(&shop("2"), at(2));
    customer.see(&Sighting { record: Some(record("erp", "customer", "7")), ..sighting() }, at(2));
    customer.link(&record("erp", "customer", "1"));
    customer.link(&record("erp", "customer", "2"));
    let ids: Vec<_> = customer.refs.iter().map(|record| (record.kind.as_str(), record.id.as_str())).collect();
    assert_eq!(ids, [("commerce", "1"), ("commerce", "2"), ("erp", "2"), ("erp", "7")]);
    assert_eq!(customer.record("erp", "one").unwrap().id, "2");
}

#[test]
fn nothing_personal_sticks_to_the_anonymous_customer() {
    let mut customer = Customer::found("anonymous", at(1));
    customer.see(&Sighting { kind: Kind::Anonymous, keys: vec![], ..sighting() }, at(1));
    assert_eq!((customer.kind(), &customer.profile), (Kind::Anonymous, &None));
    assert!(!format!("{customer:?}").contains("lovelace"));
}

#[test]
fn a_guest_who_registers_is_registered_for_good() {
    let mut customer = seen();
    customer.see(&Sighting { kind: Kind::Registered, ..sighting() }, at(2));
    customer.see(&sighting(), at(2));
    assert_eq!(customer.kind(), Kind::Registered);
}

#[test]
fn a_refused_telling_can_be_begun_anew() {
    let mut customer = seen();
    customer.tell("erp", "one", 1, Some(("VENDOR_REFUSED", "no such subsidiary")), at(2));
    customer.tell_again("erp", "one");
    let told = customer.told("erp", "one").unwrap();
    assert_eq!((told.content, told.again, told.reason.as_str()), (0, 1, ""));
}

/// A customer as the first release stored it: fields 1 to 12 alone.
fn earlier_release() -> Customer {
    let told = Told { kind: "erp".into(), instance: "one".into(), content: 3, ..Told::default() };
    Customer {
        id: "c-1".into(),
        kind: i32::from(Kind::Registered),
        profile: Some(Profile { first_name: "Ada".into(), email: "ada@lovelace.org".into(), ..Profile::default() }),
        refs: vec![record("commerce", "customer", "7"), record("erp", "customer", "12")],
        brand: "acme".into(),
        version: 4,
        content: 3,
        created_at: 1_000,
        updated_at: 4_000,
        told: vec![told],
        keys: vec!["system:commerce:one:customer:7".into(), Key::email("ada@lovelace.org").unwrap().to_string()],
        ..Customer::default()
    }
}

#[test]
fn a_customer_of_an_earlier_release_is_shown_as_it_was() {
    let old = earlier_release();
    let mut adopted = old.clone();
    adopted.adopt();
    let shown = |customer: &Customer| {
        (
            customer.profile.clone(),
            customer.refs.clone(),
            customer.kind(),
            customer.brand.clone(),
            customer.version,
            customer.content,
        )
    };
    assert_eq!(shown(&adopted), shown(&old));
    assert_eq!(adopted.record("erp", "one").unwrap().id, "12");
    assert!(adopted.survivors().iter().any(|known| known.stated.verified), "its e-mail was a key, so it was verified");
}

#[test]
fn a_customer_of_an_earlier_release_knows_whom_it_told_and_replaces_that_record() {
    let mut customer = earlier_release();
    customer.link(&record("erp", "customer", "13"));
    let erp: Vec<_> =
        customer.refs.iter().filter(|record| record.kind == "erp").map(|record| record.id.as_str()).collect();
    assert_eq!(erp, ["13"]);
    assert_eq!(customer.told("erp", "one").unwrap().took, [3]);
}
