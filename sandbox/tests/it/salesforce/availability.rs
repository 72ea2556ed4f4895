//! What may be sold of items at places, as Weft's package shows it.

use super::*;

const COLLECTION: &str = "/composite/sobjects/Availability__c/Mesh_Id__c";

fn row(key: &str, sku: &str, available: u32, version: u32) -> Value {
    json!({"attributes": {"type": "Availability__c"}, "Mesh_Id__c": key, "Mesh_Version__c": version, "Sku__c": sku,
           "Location__c": "MAIN", "Available__c": available, "As_Of__c": "2026-11-23T13:07:28Z"})
}

fn write(org: &Org, rows: &[Value]) -> Vec<Value> {
    json_of(&org.patch(COLLECTION, json!({"allOrNone": false, "records": rows}))).as_array().unwrap().clone()
}

/// What the operator reads of it.
fn kept(org: &Org) -> Vec<Value> {
    let target = "/?object=Availability__c";
    let answer = org.twin.control("records", &seen(Method::GET, target, b"", &[]), org.now.get()).unwrap();
    json_of(&answer)["records"].as_array().unwrap().clone()
}

#[test]
fn rows_are_written_each_for_itself_and_an_older_one_is_refused() {
    let org = org();
    assert!(
        write(&org, &[row("a-1", "85123A", 5, 7), row("a-2", "22423", 3, 7)]).iter().all(|one| one["success"] == true)
    );
    let again = write(&org, &[row("a-1", "85123A", 9, 6), row("a-2", "22423", 4, 8)]);
    assert_eq!(again[0]["errors"][0]["statusCode"], "FIELD_CUSTOM_VALIDATION_EXCEPTION");
    assert!(again[0]["errors"][0]["message"].as_str().unwrap().starts_with("MESH_VERSION_STALE"));
    assert_eq!((again[1]["success"].clone(), again[1]["created"].clone()), (json!(true), json!(false)));
    let shown: Vec<_> = kept(&org)
        .iter()
        .map(|row| (row["Sku__c"].clone(), row["Location__c"].clone(), row["Available__c"].to_string()))
        .collect();
    assert_eq!(shown, [(json!("85123A"), json!("MAIN"), "5.0".into()), (json!("22423"), json!("MAIN"), "4.0".into())]);
}

#[test]
fn a_place_is_queried_in_the_order_of_ids() {
    let org = org();
    write(&org, &[row("a-1", "85123A", 5, 7), row("a-2", "22423", 3, 7), row("a-3", "21730", 1, 7)]);
    let found = |also: &str| {
        let soql = format!(
            "SELECT Id, Name, Sku__c FROM Availability__c WHERE Location__c = 'MAIN'{also} ORDER BY Id LIMIT 2"
        );
        json_of(&org.query(&soql))["records"].as_array().unwrap().clone()
    };
    let first = found("");
    assert_eq!((first.len(), first[0]["Name"].clone()), (2, json!("AV-00000001")));
    let rest = found(&format!(" AND Id > '{}'", first[1]["Id"].as_str().unwrap()));
    assert_eq!((rest.len(), rest[0]["Sku__c"].clone()), (1, json!("21730")));
}

#[test]
fn two_rows_of_one_item_at_one_place_are_one_too_many() {
    let org = org();
    write(&org, &[row("a-1", "85123A", 5, 7), row("a-2", "22423", 3, 7)]);
    assert_eq!(org.twin.books()["availability"], json!({"count": 2, "duplicates": 0}));
    write(&org, &[row("a-3", "85123A", 5, 7)]);
    assert_eq!(org.twin.books()["availability"], json!({"count": 3, "duplicates": 1}));
    org.turn("copy", json!({"object": "Availability__c"}));
    assert_eq!(org.twin.books()["availability"], json!({"count": 6, "duplicates": 4}));
}

#[test]
fn an_admin_changes_a_number_and_throws_a_row_away_but_lowers_no_version() {
    let org = org();
    let id = write(&org, &[row("a-1", "85123A", 5, 7)])[0]["id"].as_str().unwrap().to_owned();
    org.turn("hide", json!({"field": "Availability__c.Available__c", "on": true}));
    org.turn("locks", json!({"times": 1}));
    // Neither meets an admin.
    org.turn(&format!("record/{id}"), json!({"Available__c": 99}));
    org.turn("hide", json!({"field": "Availability__c.Available__c", "on": false}));
    assert_eq!(kept(&org)[0]["Available__c"].to_string(), "99.0");
    let lower = org.agent(&format!("record/{id}"), json!({"Mesh_Version__c": 1}));
    assert_eq!(code(&lower), (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION".into()));
    org.turn(&format!("record/{id}/delete"), json!({}));
    assert_eq!(kept(&org).len(), 0);
    assert_eq!(code(&org.agent(&format!("record/{id}"), json!({}))), (404, "ENTITY_IS_DELETED".into()));
    assert_eq!(code(&org.agent("record/a04SB00000000ZZAAA", json!({}))).0, 404);
    assert_eq!(write(&org, &[row("a-1", "85123A", 5, 7)])[0]["created"], true);
}

#[test]
fn a_row_that_somebody_else_saves_is_locked_once() {
    let org = org();
    org.turn("locks", json!({"times": 1}));
    assert_eq!(write(&org, &[row("a-1", "85123A", 5, 7)])[0]["created"], true, "a new row is nobody else's");
    let locked = write(&org, &[row("a-1", "85123A", 4, 8)]);
    assert_eq!(locked[0]["errors"][0]["statusCode"], "UNABLE_TO_LOCK_ROW");
    assert_eq!(write(&org, &[row("a-1", "85123A", 4, 8)])[0]["success"], true);
}

#[test]
fn an_object_that_is_hidden_is_not_there() {
    let org = org();
    org.turn("hide", json!({"field": "Availability__c", "on": true}));
    let rows = json!({"records": [row("a-1", "85123A", 5, 7)]});
    assert_eq!(code(&org.patch(COLLECTION, rows)), (404, "NOT_FOUND".into()));
    assert_eq!(code(&org.get("/sobjects/Availability__c/describe")), (404, "NOT_FOUND".into()));
    assert_eq!(code(&org.query("SELECT Id FROM Availability__c")), (400, "INVALID_TYPE".into()));
    org.turn("hide", json!({"field": "Availability__c", "on": false}));
    assert_eq!(org.count("Availability__c"), 0);
}
