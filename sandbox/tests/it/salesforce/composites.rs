//! Composite requests and collections: rows 35 to 41 and 48.

use serde_json::{Value, json};

use super::*;

fn link(name: &str, method: &str, target: &str, body: Value) -> Value {
    json!({"method": method, "url": format!("{V66}{target}"), "referenceId": name, "body": body})
}

fn pair(contact: Value) -> Vec<Value> {
    vec![
        link("acc", "PATCH", "/sobjects/Account/Mesh_Id__c/A-1", json!({"Name": "A"})),
        link("con", "PATCH", "/sobjects/Contact/Mesh_Id__c/C-1", contact),
    ]
}

#[test]
fn a_chain_passes_ids_on() {
    let org = org();
    let body =
        json!({"allOrNone": true, "compositeRequest": pair(json!({"LastName": "Doe", "AccountId": "@{acc.id}"}))});
    let answer = json_of(&org.post("/composite", body));
    let entries = &answer["compositeResponse"];
    assert_eq!((entries[0]["httpStatusCode"].clone(), entries[1]["httpStatusCode"].clone()), (json!(201), json!(201)));
    assert!(entries[0]["httpHeaders"]["Location"].as_str().unwrap().starts_with(V66));
    assert_eq!(
        json_of(&org.query("SELECT Account.Mesh_Id__c FROM Contact"))["records"][0]["Account"]["Mesh_Id__c"],
        "A-1"
    );
}

#[test]
fn row_35_under_all_or_none_the_culprit_is_named_and_the_rest_is_halted() {
    let org = org();
    let body = json!({"allOrNone": true, "compositeRequest": pair(json!({"LastName": "Doe", "Email": "bad"}))});
    let answer = org.post("/composite", body);
    let entries = json_of(&answer)["compositeResponse"].clone();
    assert_eq!(answer.status, 200);
    assert_eq!(entries[0]["body"][0]["errorCode"], "PROCESSING_HALTED");
    assert_eq!(entries[0]["httpStatusCode"], 400);
    assert_eq!(entries[1]["body"][0]["errorCode"], "INVALID_EMAIL_ADDRESS");
    assert_eq!(org.count("Account"), 0);
}

#[test]
fn row_36_without_all_or_none_only_dependants_of_the_failed_fail() {
    let org = org();
    let chain = json!([
        link("bad", "POST", "/sobjects/Account", json!({})),
        link("child", "POST", "/sobjects/Contact", json!({"LastName": "Doe", "AccountId": "@{bad.id}"})),
        link("free", "POST", "/sobjects/Account", json!({"Name": "A"})),
    ]);
    let entries = json_of(&org.post("/composite", json!({"compositeRequest": chain})))["compositeResponse"].clone();
    assert_eq!(entries[0]["body"][0]["errorCode"], "REQUIRED_FIELD_MISSING");
    assert_eq!(entries[1]["body"][0]["errorCode"], "PROCESSING_HALTED");
    assert_eq!(entries[2]["httpStatusCode"], 201);
}

#[test]
fn row_37_references_are_case_sensitive() {
    let org = org();
    let body = json!({"compositeRequest": pair(json!({"LastName": "Doe", "AccountId": "@{Acc.id}"}))});
    let entries = json_of(&org.post("/composite", body))["compositeResponse"].clone();
    assert_eq!(entries[1]["body"][0]["errorCode"], "PROCESSING_HALTED");
}

#[test]
fn row_38_a_malformed_envelope_runs_nothing() {
    let org = org();
    let many: Vec<Value> =
        (0..26).map(|n| link(&format!("r{n}"), "POST", "/sobjects/Account", json!({"Name": "A"}))).collect();
    let nameless = json!([{"method": "POST", "url": format!("{V66}/sobjects/Account"), "body": {"Name": "A"}}]);
    for chain in [json!(many), nameless] {
        assert_eq!(org.post("/composite", json!({"compositeRequest": chain})).status, 400);
    }
    assert_eq!(org.count("Account"), 0);
}

#[test]
fn row_39_graphs_stand_and_fall_alone() {
    let org = org();
    let good =
        json!({"graphId": "good", "compositeRequest": [link("a", "POST", "/sobjects/Account", json!({"Name": "A"}))]});
    let bad = json!({"graphId": "bad", "compositeRequest": [
        link("a", "POST", "/sobjects/Account", json!({"Name": "B"})), link("b", "POST", "/sobjects/Account", json!({}))]});
    let graphs = json_of(&org.post("/composite/graph", json!({"graphs": [bad, good]})))["graphs"].clone();
    assert_eq!((graphs[0]["isSuccessful"].clone(), graphs[1]["isSuccessful"].clone()), (json!(false), json!(true)));
    assert_eq!(org.count("Account"), 1);
}

#[test]
fn row_40_collections_answer_in_order_with_mixed_success() {
    let org = org();
    let of = |name: &str| json!({"attributes": {"type": "Account"}, "Name": name});
    let empty = json!({"attributes": {"type": "Account"}});
    let answer = org.post("/composite/sobjects", json!({"records": [of("A"), empty]}));
    let list = json_of(&answer);
    assert_eq!(
        (answer.status, list[0]["success"].clone(), list[1]["success"].clone()),
        (200, json!(true), json!(false))
    );
    assert_eq!(list[1]["errors"][0]["statusCode"], "REQUIRED_FIELD_MISSING");
    let undone = json_of(&org.post("/composite/sobjects", json!({"allOrNone": true, "records": [of("B"), empty]})));
    assert_eq!(undone[0]["errors"][0]["statusCode"], "ALL_OR_NONE_OPERATION_ROLLED_BACK");
    assert_eq!(org.count("Account"), 1);
    let many: Vec<Value> = (0..201).map(|_| of("A")).collect();
    assert_eq!(org.post("/composite/sobjects", json!({"records": many})).status, 400);
    let id = list[0]["id"].as_str().unwrap();
    let read = json_of(&org.get(&format!("/composite/sobjects/Account?ids={id},0015f00002JUXA8AAP&fields=Name")));
    assert_eq!((read[0]["Name"].clone(), read[1].clone()), (json!("A"), Value::Null));
}

#[test]
fn collections_upsert_by_key_and_refuse_a_key_twice() {
    let org = org();
    let of = |key: &str| json!({"attributes": {"type": "Account"}, "Mesh_Id__c": key, "Name": key});
    let first = json_of(&org.patch("/composite/sobjects/Account/Mesh_Id__c", json!({"records": [of("1"), of("2")]})));
    assert_eq!(first[0]["created"], true);
    let second =
        json_of(&org.patch("/composite/sobjects/Account/Mesh_Id__c", json!({"records": [of("1"), of("3"), of("3")]})));
    assert_eq!(second[0]["created"], false);
    assert_eq!(second[1]["errors"][0]["statusCode"], "DUPLICATE_VALUE");
    assert_eq!(org.count("Account"), 2);
}

#[test]
fn row_41_and_48_a_composite_counts_once_and_the_limit_info_grows() {
    let org = org();
    let used = |answer: &Answer| header(answer, "sforce-limit-info").unwrap().to_owned();
    assert_eq!(used(&org.get("/sobjects")), "api-usage=1/1100000");
    assert_eq!(
        used(&org.post("/composite", json!({"compositeRequest": pair(json!({"LastName": "Doe"}))}))),
        "api-usage=2/1100000"
    );
    assert_eq!(json_of(&org.get("/limits"))["DailyApiRequests"], json!({"Max": 1_100_000, "Remaining": 1_100_000 - 3}));
}
