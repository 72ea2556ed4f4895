use retail_proto::types::v1::Money as PbMoney;
use retail_runtime::fault::Fault as _;

use super::*;

const CASE_ID: &str = "500SB0000000001AAA";

fn milestone(key: &str) -> pb::Milestone {
    pb::Milestone {
        external_ref: key.to_owned(),
        kind: "RETURN_AUTHORIZED".to_owned(),
        return_ref: "r-1".to_owned(),
        happened_at: Some(prost_types::Timestamp { seconds: 1_795_422_360, nanos: 0 }),
        detail: "RMA R-1001 authorized, 3 pieces".to_owned(),
        document_number: "R-1001".to_owned(),
        amount: Some(PbMoney { minor_units: 1_530, currency: "GBP".to_owned() }),
        ..pb::Milestone::default()
    }
}

fn row() -> CaseRow {
    let found: crate::wire::Found<CaseRow> =
        serde_json::from_str(include_str!("../../../fixtures/query_case.json")).unwrap();
    found.records.into_iter().next().unwrap()
}

#[test]
fn a_milestone_is_a_child_of_its_case() {
    let made = milestones(CASE_ID, vec![milestone("m-1")]).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&made.records).unwrap());
}

#[test]
fn a_milestone_told_twice_in_a_call_is_written_once_and_two_of_one_key_are_refused() {
    let made = milestones(CASE_ID, vec![milestone("m-1"), milestone("m-2"), milestone("m-1")]).unwrap();
    assert_eq!((made.records.len(), made.keys.len()), (2, 3));
    let other = pb::Milestone { detail: "Other".to_owned(), ..milestone("m-1") };
    let wrong = milestones(CASE_ID, vec![milestone("m-1"), other]).unwrap_err();
    assert_eq!(wrong.fields()[0].0, "milestones[1].external_ref");
}

#[test]
fn every_wrong_field_of_a_milestone_is_named_at_once() {
    let wrong =
        pb::Milestone { kind: "authorized".to_owned(), external_ref: " ".to_owned(), ..pb::Milestone::default() };
    let fields: Vec<String> =
        milestones("1", vec![wrong]).unwrap_err().fields().into_iter().map(|(at, _)| at).collect();
    assert_eq!(
        fields,
        [
            "case_id",
            "milestones[0].external_ref",
            "milestones[0].kind",
            "milestones[0].detail",
            "milestones[0].happened_at"
        ]
    );
    assert_eq!(milestones(CASE_ID, Vec::new()).unwrap_err().fields()[0].0, "milestones");
    let many = (0..101).map(|n| milestone(&format!("m-{n}"))).collect();
    assert_eq!(milestones(CASE_ID, many).unwrap_err().fields()[0].0, "milestones");
}

#[test]
fn a_record_reads_as_the_case_it_stands_for() {
    let case = case(row(), "crm").unwrap();
    assert_eq!(case.record.unwrap().number, "00000042");
    assert_eq!((case.customer_ref.as_str(), case.order_ref.as_str(), case.return_ref.as_str()), ("c-1", "o-1", ""));
    assert_eq!((case.status.as_str(), case.closed), ("Solved", true));
    assert_eq!(case.changed_at.unwrap().seconds - case.opened_at.unwrap().seconds, 3_601);
    assert_eq!(case.closed_at.unwrap().seconds, case.changed_at.unwrap().seconds - 1);
}

#[test]
fn the_account_says_who_it_is_when_there_is_no_contact() {
    let company = CaseRow { contact: None, ..row() };
    assert_eq!(case(company, "crm").unwrap().customer_ref, "c-2");
}

#[test]
fn equal_stamps_mean_equal_states_even_within_one_second() {
    let stamp = |row| case(row, "crm").unwrap().etag;
    assert_eq!(stamp(row()), stamp(row()));
    let moved = CaseRow { status: Some("Working".to_owned()), ..row() };
    assert_ne!(stamp(row()), stamp(moved));
}

#[test]
fn a_case_without_its_stamp_is_named() {
    let bad = CaseRow { system_modstamp: None, ..row() };
    assert_eq!(case(bad, "crm").unwrap_err().column, "SystemModstamp");
}
