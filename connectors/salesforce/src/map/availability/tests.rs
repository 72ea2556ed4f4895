use proptest::prelude::*;
use retail_runtime::fault::Fault as _;

use super::*;
use crate::wire::Found;

fn row(key: &str) -> pb::Availability {
    pb::Availability {
        external_ref: key.to_owned(),
        sku: "85123A".to_owned(),
        location: "MAIN".to_owned(),
        available: 12,
        as_of: Some(prost_types::Timestamp { seconds: 1_795_422_360, nanos: 123_000_000 }),
        version: 1_795_422_360_123,
    }
}

fn held() -> Vec<AvailabilityRow> {
    let found: Found<AvailabilityRow> =
        serde_json::from_str(include_str!("../../../fixtures/query_availability.json")).unwrap();
    found.records
}

fn wrong_fields(rows: Vec<pb::Availability>) -> Vec<String> {
    availability(rows).unwrap_err().fields().into_iter().map(|(field, _)| field).collect()
}

#[test]
fn a_row_is_a_record_of_the_package() {
    let records = availability(vec![pb::Availability { sku: " 85123A ".to_owned(), ..row("a-1") }]).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&records).unwrap(), @r#"
    [
      {
        "attributes": {
          "type": "Availability__c"
        },
        "Mesh_Id__c": "a-1",
        "Mesh_Version__c": 1795422360123,
        "Sku__c": "85123A",
        "Location__c": "MAIN",
        "Available__c": 12,
        "As_Of__c": "2026-11-23T08:26:00Z"
      }
    ]
    "#);
}

#[test]
fn every_wrong_field_of_a_row_is_named_at_once() {
    let wrong = pb::Availability {
        external_ref: "a/1".to_owned(),
        sku: " ".to_owned(),
        location: "x".repeat(81),
        available: -1,
        as_of: None,
        version: 0,
    };
    assert_eq!(
        wrong_fields(vec![row("a-1"), wrong]),
        [
            "rows[1].external_ref",
            "rows[1].sku",
            "rows[1].location",
            "rows[1].available",
            "rows[1].as_of",
            "rows[1].version"
        ]
    );
}

#[test]
fn no_key_comes_twice_in_a_call_not_even_with_the_same_number() {
    assert_eq!(wrong_fields(vec![row("a-1"), row("a-2"), row("a-1")]), ["rows[2].external_ref"]);
}

#[test]
fn a_call_has_one_to_two_hundred_rows() {
    let many = |count: usize| (0..count).map(|at| row(&format!("a-{at}"))).collect::<Vec<_>>();
    assert_eq!(availability(many(200)).unwrap().len(), 200);
    assert_eq!(wrong_fields(many(0)), ["rows"]);
    assert_eq!(wrong_fields(many(201)), ["rows"]);
}

#[test]
fn a_number_that_the_wire_cannot_carry_exactly_is_refused() {
    let most = i64::try_from(MOST_EXACT).unwrap();
    let largest = pb::Availability { available: most, version: MOST_EXACT, ..row("a-1") };
    assert!(availability(vec![largest]).is_ok());
    let larger = pb::Availability { available: most + 1, version: MOST_EXACT + 1, ..row("a-1") };
    assert_eq!(wrong_fields(vec![larger]), ["rows[0].available", "rows[0].version"]);
}

#[test]
fn codes_are_as_long_as_their_columns_in_letters() {
    let longest = pb::Availability { sku: "é".repeat(80), location: "é".repeat(80), ..row("a-1") };
    assert!(availability(vec![longest]).is_ok());
}

#[test]
fn a_record_reads_as_the_row_it_stands_for() {
    let as_of = Some(prost_types::Timestamp { seconds: 1_795_422_360, nanos: 0 });
    let read = shown(held().swap_remove(0), "MAIN").unwrap().unwrap();
    assert_eq!(read, pb::Availability { as_of, ..row("a-1") });
}

#[test]
fn a_record_of_somebody_else_or_of_a_place_in_other_case_is_none_of_ours() {
    let [_, theirs, other] = <[_; 3]>::try_from(held()).unwrap();
    assert_eq!(shown(theirs, "MAIN"), Ok(None));
    assert_eq!(shown(other, "MAIN"), Ok(None));
}

#[test]
fn a_record_that_somebody_spoilt_is_named_with_its_column() {
    let number = |text: &str| serde_json::from_str::<Number>(text).ok();
    let ours = || held().swap_remove(0);
    let spoilt = [
        ("Sku__c", AvailabilityRow { sku: None, ..ours() }),
        ("As_Of__c", AvailabilityRow { as_of: None, ..ours() }),
        ("Available__c", AvailabilityRow { available: None, ..ours() }),
        ("Available__c", AvailabilityRow { available: number("-5.0"), ..ours() }),
        ("Available__c", AvailabilityRow { available: number("1.5"), ..ours() }),
        ("Mesh_Version__c", AvailabilityRow { mesh_version: None, ..ours() }),
        ("Mesh_Version__c", AvailabilityRow { mesh_version: number("0.0"), ..ours() }),
        ("Mesh_Version__c", AvailabilityRow { mesh_version: number("9.9E17"), ..ours() }),
    ];
    for (column, row) in spoilt {
        let expected = Unreadable { id: "a04SB0000000001AAA".to_owned(), column };
        assert_eq!(shown(row.clone(), "MAIN"), Err(expected), "{row:?}");
    }
}

proptest! {
    #[test]
    fn a_row_survives_the_way_there_and_back(
        sku in "[A-Z0-9éß'-]{1,80}", available in 0..=9_007_199_254_740_991_i64,
        version in 1..=9_007_199_254_740_991_u64, seconds in 0..4_000_000_000_i64,
    ) {
        let as_of = Some(prost_types::Timestamp { seconds, nanos: 0 });
        let given = pb::Availability { sku, available, version, as_of, ..row("a-1") };
        let record = availability(vec![given.clone()]).unwrap().remove(0);
        // As the org spells numbers: with a point.
        let double = |number: String| serde_json::from_str::<Number>(&format!("{number}.0")).ok();
        let held = AvailabilityRow {
            id: "a04SB0000000001AAA".to_owned(),
            mesh_id: Some(record.mesh_id),
            mesh_version: double(record.mesh_version.to_string()),
            sku: Some(record.sku),
            location: Some(record.location),
            available: double(record.available.to_string()),
            as_of: Some(record.as_of),
        };
        prop_assert_eq!(shown(held, "MAIN").unwrap(), Some(given));
    }
}
