use retail_runtime::fault;

use super::*;

const DOMAIN: &str = "salesforce.retail";

fn landed(fixture: &str, names: &[&'static str]) -> Vec<(&'static str, Landed)> {
    let composed: Composed = serde_json::from_str(fixture).unwrap();
    names.iter().map(|name| (*name, land(name, &composed.composite_response))).collect()
}

fn failed(code: &str, message: &str, status: u16) -> Landed {
    let error = VendorError { code: code.to_owned(), message: message.to_owned() };
    Landed::Failed(meaning(status, &error), error)
}

fn saved() -> Landed {
    Landed::Saved("001SB0000000001AAA".to_owned())
}

#[test]
fn a_parent_that_was_refused_is_the_cause_of_its_childs_failure() {
    let landed = landed(include_str!("../../fixtures/composite_mixed.json"), &["account", "contact", "context"]);
    let outcome = judge(&landed, &["context"], Vec::new()).unwrap();
    assert_eq!(outcome, outcome::refused("INVALID_EMAIL_ADDRESS", "Email: invalid email address: jo.example.com"));
}

#[test]
fn an_older_version_is_done_with_a_warning() {
    let landed = landed(include_str!("../../fixtures/composite_stale.json"), &["account", "context"]);
    let outcome = judge(&landed, &["context"], Vec::new()).unwrap();
    assert_eq!(outcome, outcome::done_with(vec!["context: a newer version is there already".to_owned()]));
}

#[test]
fn the_decisive_part_tells_its_own_reason() {
    let parts = [
        ("account", failed("STRING_TOO_LONG", "Name", 400)),
        ("context", failed("NUMBER_OUTSIDE_VALID_RANGE", "Total", 400)),
    ];
    assert_eq!(judge(&parts, &["context"], Vec::new()).unwrap().reason, "NUMBER_OUTSIDE_VALID_RANGE");
}

#[test]
fn a_part_that_does_not_decide_is_a_warning() {
    let parts = [("account", failed("STRING_TOO_LONG", "Name", 400)), ("context", saved())];
    let outcome = judge(&parts, &["context"], Vec::new()).unwrap();
    assert_eq!(outcome.warnings, ["account: not written: STRING_TOO_LONG"]);
}

#[test]
fn passing_and_foreign_causes_are_errors_and_not_outcomes() {
    let status = |landed| {
        let err = judge(&[("account", landed)], &["account"], Vec::new()).unwrap_err();
        let refusal = retail_runtime::fault::Refusal::read(&fault::status(DOMAIN, &err));
        (refusal.class(), refusal.reason().to_owned())
    };
    use retail_runtime::fault::Class;
    assert_eq!(status(failed("UNABLE_TO_LOCK_ROW", "", 400)), (Class::Unavailable, "VENDOR_RECORD_BUSY".to_owned()));
    assert_eq!(
        status(failed("REQUEST_LIMIT_EXCEEDED", "TotalRequests", 403)),
        (Class::Throttled, "VENDOR_THROTTLED".to_owned())
    );
    assert_eq!(
        status(failed("INSUFFICIENT_ACCESS", "", 403)),
        (Class::Precondition, "VENDOR_REFUSED_CREDENTIALS".to_owned())
    );
    assert_eq!(status(failed("UNKNOWN_EXCEPTION", "", 500)), (Class::Unknown, "VENDOR_OUTCOME_UNKNOWN".to_owned()));
    assert_eq!(status(land("account", &[])), (Class::Unknown, "VENDOR_OUTCOME_UNKNOWN".to_owned()));
    let unprepared = failed("INVALID_FIELD", "No such column 'Mesh_Id__c' on sobject of type Account", 400);
    assert_eq!(status(unprepared), (Class::Precondition, "CRM_ORG_NOT_PREPARED".to_owned()));
}

#[test]
fn two_records_under_one_key_are_refused_and_never_chosen_between() {
    let entry = Entry {
        body: serde_json::json!(["/services/a", "/services/b"]),
        http_status_code: 300,
        reference_id: "account".to_owned(),
    };
    let parts = [("account", land("account", &[entry]))];
    assert_eq!(judge(&parts, &["account"], Vec::new()).unwrap().reason, "EXTERNAL_ID_NOT_UNIQUE");
}

#[test]
fn a_clash_of_another_unique_column_is_a_refusal_in_the_end() {
    let parts = [("account", failed("DUPLICATE_VALUE", "duplicate value found: Tax_Id__c", 400))];
    assert_eq!(judge(&parts, &["account"], Vec::new()).unwrap().reason, "DUPLICATE_VALUE");
}
