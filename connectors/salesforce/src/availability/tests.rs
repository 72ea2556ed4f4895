use retail_runtime::fault::{Class, Fault as _};

use super::*;

fn records() -> Vec<Availability> {
    let row = |at: i64| pb::Availability {
        external_ref: format!("a-{at}"),
        sku: format!("SKU-{at}"),
        location: "MAIN".to_owned(),
        as_of: Some(prost_types::Timestamp { seconds: at, nanos: 0 }),
        version: 1,
        ..pb::Availability::default()
    };
    availability((1..=3).map(row).collect()).unwrap()
}

fn judged(answer: &Value) -> Result<Outcome, Error> {
    let records = records();
    verdict(&records, landed(answer.as_array().unwrap(), records.len())?)
}

fn saved() -> Value {
    serde_json::json!({"id": "a04SB0000000001AAA", "success": true, "errors": [], "created": false})
}

fn lost(code: &str, message: &str) -> Value {
    serde_json::json!({"success": false, "errors": [{"statusCode": code, "message": message, "fields": []}]})
}

#[test]
fn a_refused_row_tells_its_item_and_the_orgs_own_reason_and_a_stale_one_does_not() {
    let mixed: Value = serde_json::from_str(include_str!("../../fixtures/collection_mixed.json")).unwrap();
    let words = "SKU-3 at MAIN: Mesh_Id__c: more than one record found for external id field: [a-3]";
    assert_eq!(judged(&mixed).unwrap(), outcome::refused("DUPLICATE_EXTERNAL_ID", words));
}

#[test]
fn a_newer_version_is_shown_with_a_warning() {
    let stale = lost("FIELD_CUSTOM_VALIDATION_EXCEPTION", "MESH_VERSION_STALE: version 7 is already here");
    let outcome = judged(&Value::Array(vec![saved(), stale, saved()])).unwrap();
    assert_eq!(outcome, outcome::done_with(vec!["SKU-2: a newer version is there already".to_owned()]));
}

#[test]
fn of_several_refused_rows_the_first_is_named_and_all_are_counted() {
    let rule = || lost("FIELD_CUSTOM_VALIDATION_EXCEPTION", "No such shelf");
    let outcome = judged(&Value::Array(vec![lost("UNABLE_TO_LOCK_ROW", ""), rule(), rule()])).unwrap();
    let words = "SKU-2 at MAIN: No such shelf; the first of 2 refused rows";
    assert_eq!(outcome, outcome::refused("FIELD_CUSTOM_VALIDATION_EXCEPTION", words));
}

#[test]
fn what_ails_the_whole_org_is_told_before_what_it_refuses_of_a_row() {
    let rule = || lost("FIELD_CUSTOM_VALIDATION_EXCEPTION", "No such shelf");
    for (code, message, reason) in [
        ("INVALID_FIELD", "No such column 'Sku__c' on sobject of type Availability__c", "CRM_ORG_NOT_PREPARED"),
        ("INSUFFICIENT_ACCESS_OR_READONLY", "", "VENDOR_REFUSED_CREDENTIALS"),
        ("LIMIT_EXCEEDED", "", "VENDOR_THROTTLED"),
    ] {
        let err = judged(&Value::Array(vec![rule(), saved(), lost(code, message)])).unwrap_err();
        assert_eq!(err.reason(), reason);
    }
}

#[test]
fn a_row_that_stays_busy_is_asked_for_again_and_a_clash_of_another_column_is_a_refusal() {
    let busy = judged(&Value::Array(vec![saved(), lost("UNABLE_TO_LOCK_ROW", ""), saved()])).unwrap_err();
    assert_eq!((busy.class(), busy.reason()), (Class::Unavailable, "VENDOR_RECORD_BUSY"));
    let clash = lost("DUPLICATE_VALUE", "duplicate value found: Shelf__c");
    assert_eq!(judged(&Value::Array(vec![saved(), saved(), clash])).unwrap().reason, "DUPLICATE_VALUE");
}

#[test]
fn an_answer_that_does_not_say_what_became_of_every_row_leaves_it_open() {
    for answer in [vec![saved(), saved()], vec![saved(); 4], vec![saved(), Value::Null, saved()]] {
        let err = judged(&Value::Array(answer)).unwrap_err();
        assert_eq!((err.class(), err.reason()), (Class::Unknown, "VENDOR_OUTCOME_UNKNOWN"));
    }
}

#[test]
fn a_page_is_of_one_place_and_begins_after_a_record() {
    assert_eq!(
        rows_of("MAIN", None),
        "SELECT Id, Mesh_Id__c, Mesh_Version__c, Sku__c, Location__c, Available__c, As_Of__c FROM Availability__c \
         WHERE Location__c = 'MAIN' ORDER BY Id LIMIT 2000"
    );
    let next = rows_of("O'Hare", Some("a04SB0000000001AAA"));
    assert!(next.contains(" WHERE Location__c = 'O\\'Hare' AND Id > 'a04SB0000000001AAA' ORDER BY Id "), "{next}");
}

#[test]
fn a_token_is_of_its_place_and_of_nothing_else() {
    let place = Place { location: "MAIN".to_owned(), after: "a04SB0000000001AAA".to_owned() };
    assert_eq!(Place::read(&place.write(), "MAIN").unwrap(), place);
    let strange = Place { location: "MAIN".to_owned(), after: "x' OR Id != '".to_owned() };
    for (token, location) in [
        (place.write(), "NORTH"),
        (strange.write(), "MAIN"),
        ("nonsense".to_owned(), "MAIN"),
        ("e30".to_owned(), "MAIN"),
    ] {
        let err = Place::read(&token, location).unwrap_err();
        assert_eq!((err.reason(), err.fields()), ("BAD_PAGE_TOKEN", vec![("page_token".to_owned(), err.to_string())]));
    }
}
