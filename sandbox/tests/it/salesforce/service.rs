//! Cases, milestones and returns, and the agents who work with them.

use super::*;

const CASE_MILESTONES: &str = "/composite/sobjects/Case_Milestone_Event__c/Mesh_Id__c";

fn customer(org: &Org) {
    org.patch("/sobjects/Account/Mesh_Id__c/c-1", json!({"Name": "Jo Doe"}));
    org.patch("/sobjects/Contact/Mesh_Id__c/c-1", json!({"LastName": "Doe", "Account": {"Mesh_Id__c": "c-1"}}));
    org.patch("/sobjects/Order_Context__c/Mesh_Id__c/o-1", json!({"Order_Number__c": "536365"}));
}

fn row(org: &Org, soql: &str) -> Value {
    json_of(&org.query(soql))["records"][0].clone()
}

fn milestone(key: &str, case: &str) -> Value {
    json!({"attributes": {"type": "Case_Milestone_Event__c"}, "Mesh_Id__c": key, "Kind__c": "RETURN_AUTHORIZED",
           "Case__c": case, "Return_Mesh_Id__c": "r-1"})
}

#[test]
fn an_agents_case_gets_a_number_the_default_status_and_the_contacts_account() {
    let org = org();
    customer(&org);
    let opened = org.agent("case", json!({"subject": "Broken", "contact_mesh_id": "c-1", "order_mesh_id": "o-1"}));
    assert_eq!((opened.status, json_of(&opened)["case_number"].clone()), (201, json!("00000001")));
    let case = row(
        &org,
        "SELECT Status, IsClosed, ClosedDate, Contact.Mesh_Id__c, Account.Mesh_Id__c, Order_Ref__r.Mesh_Id__c FROM Case",
    );
    assert_eq!((case["Status"].clone(), case["IsClosed"].clone()), (json!("New"), json!(false)));
    assert_eq!(case["ClosedDate"], Value::Null);
    for (way, key) in [("Contact", "c-1"), ("Account", "c-1"), ("Order_Ref__r", "o-1")] {
        assert_eq!(case[way]["Mesh_Id__c"], key, "{way}");
    }
}

#[test]
fn an_agents_case_about_nobody_known_is_refused() {
    let answer = org().agent("case", json!({"subject": "Who", "contact_mesh_id": "c-9"}));
    assert_eq!(code(&answer), (400, "INVALID_FIELD".into()));
}

#[test]
fn a_status_closes_a_case_when_case_status_says_so() {
    let org = org();
    let id = org.case(json!({"subject": "Broken"}));
    org.later("1h");
    org.agent(&format!("case/{id}/close"), json!({}));
    let closed = row(&org, "SELECT Status, IsClosed, ClosedDate, SystemModstamp FROM Case");
    assert_eq!((closed["Status"].clone(), closed["IsClosed"].clone()), (json!("Closed"), json!(true)));
    assert_eq!(closed["ClosedDate"], "2026-11-23T14:07:28.000+0000");
    assert_eq!(closed["SystemModstamp"], closed["ClosedDate"]);
    org.agent(&format!("case/{id}/status"), json!({"status": "Working"}));
    assert_eq!(row(&org, "SELECT ClosedDate FROM Case")["ClosedDate"], Value::Null);
    org.turn("case-status", json!({"label": "Solved", "closed": true}));
    org.agent(&format!("case/{id}/status"), json!({"status": "Solved"}));
    assert_eq!(row(&org, "SELECT IsClosed FROM Case")["IsClosed"], true);
    assert_eq!(row(&org, "SELECT MasterLabel FROM CaseStatus WHERE IsDefault = true")["MasterLabel"], "New");
}

#[test]
fn setups_values_and_what_the_org_computes_are_only_read() {
    let org = org();
    assert_eq!(code(&org.post("/sobjects/CaseStatus", json!({}))), (405, "METHOD_NOT_ALLOWED".into()));
    for (name, value) in [("IsClosed", json!(true)), ("CaseNumber", json!("1"))] {
        let answer = org.post("/sobjects/Case", json!({name: value}));
        assert_eq!(code(&answer), (400, "INVALID_FIELD_FOR_INSERT_UPDATE".into()), "{name}");
    }
}

#[test]
fn many_cases_may_share_one_stamp_and_a_reader_goes_on_by_id() {
    let org = org();
    org.case(json!({"subject": "Mail loop"}));
    for _ in 0..2 {
        org.turn("copy", json!({"object": "Case"}));
    }
    let page = "SELECT Id FROM Case WHERE SystemModstamp >= 2026-11-23T13:07:28Z AND (SystemModstamp > 2026-11-23T13:07:28Z OR Id > 'LAST') ORDER BY SystemModstamp, Id LIMIT 3";
    let first = json_of(&org.query(&page.replace("LAST", "000000000000000AAA")));
    assert_eq!(first["records"].as_array().unwrap().len(), 3);
    let rest = json_of(&org.query(&page.replace("LAST", first["records"][2]["Id"].as_str().unwrap())));
    assert_eq!(rest["records"].as_array().unwrap().len(), 1);
    assert_eq!(row(&org, "SELECT CaseNumber FROM Case ORDER BY CaseNumber DESC")["CaseNumber"], "00000004");
}

#[test]
fn row_34_a_change_may_become_visible_later_than_its_stamp() {
    let org = org();
    let id = org.case(json!({"subject": "Late"}));
    org.turn("late", json!({"id": id, "seconds": 30}));
    assert_eq!(row(&org, "SELECT SystemModstamp FROM Case")["SystemModstamp"], "2026-11-23T13:06:58.000+0000");
}

#[test]
fn a_milestone_needs_its_case_and_goes_with_it() {
    let org = org();
    let id = org.case(json!({"subject": "Return"}));
    let records = json!({"allOrNone": true, "records": [milestone("m-1", &id), milestone("m-2", &id)]});
    let first = json_of(&org.patch(CASE_MILESTONES, records.clone()));
    let second = json_of(&org.patch(CASE_MILESTONES, records));
    assert_eq!((first[0]["created"].clone(), second[0]["created"].clone()), (json!(true), json!(false)));
    let nowhere = json!({"records": [milestone("m-3", "5005f00002JUXA8AAP")]});
    let refused = json_of(&org.patch(CASE_MILESTONES, nowhere));
    assert_eq!(refused[0]["errors"][0]["statusCode"], "INVALID_CROSS_REFERENCE_KEY");
    org.agent(&format!("case/{id}/delete"), json!({}));
    assert_eq!((org.count("Case"), org.count("Case_Milestone_Event__c")), (0, 0));
    let refused = json_of(&org.patch(CASE_MILESTONES, json!({"records": [milestone("m-1", &id)]})));
    assert_eq!(refused[0]["errors"][0]["statusCode"], "ENTITY_IS_DELETED");
    let gone = json_of(&org.get("/queryAll?q=SELECT+CaseNumber+FROM+Case+WHERE+IsDeleted+=+true"));
    assert_eq!(gone["totalSize"], 1);
}

#[test]
fn milestones_and_returns_are_counted_with_their_duplicates() {
    let org = org();
    let id = org.case(json!({"subject": "Return"}));
    org.patch(CASE_MILESTONES, json!({"records": [milestone("m-1", &id), milestone("m-2", &id)]}));
    for key in ["r-1", "r-2"] {
        org.patch(&format!("/sobjects/Return__c/Mesh_Id__c/{key}"), json!({"Rma_Number__c": "R-1001"}));
    }
    let books = org.twin.books();
    assert_eq!(
        books["case_milestones"],
        json!({"count": 2, "duplicates": 1, "by_kind": {"RETURN_AUTHORIZED": 2}}),
        "one return was authorized twice in one case"
    );
    assert_eq!(books["returns"], json!({"count": 2, "duplicates": 1}));
    assert_eq!(books["cases"], json!({"count": 1, "duplicates": 0}));
}

#[test]
fn an_older_return_never_overwrites_a_newer_one_and_a_line_keeps_its_return() {
    let org = org();
    let path = "/sobjects/Return__c/Mesh_Id__c/r-1";
    assert_eq!(org.patch(path, json!({"Mesh_Version__c": 5})).status, 201);
    let (status, code, message) = refusal(&org.patch(path, json!({"Mesh_Version__c": 4})));
    assert_eq!((status, code.as_str()), (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION"));
    assert!(message.starts_with("MESH_VERSION_STALE"));
    let line = "/sobjects/Return_Line__c/Mesh_Id__c/r-1:1";
    assert_eq!(self::code(&org.patch(line, json!({"Sku__c": "85123A"}))), (400, "REQUIRED_FIELD_MISSING".into()));
    let with_master = json!({"Sku__c": "85123A", "Return__r": {"Mesh_Id__c": "r-1"}});
    assert_eq!(org.patch(line, with_master.clone()).status, 201);
    assert_eq!(self::code(&org.patch(line, with_master)), (400, "INVALID_FIELD_FOR_INSERT_UPDATE".into()));
    assert_eq!(org.patch(line, json!({"Sku__c": "22423"})).status, 200);
    let found = json_of(&org.query("SELECT Id FROM Return_Line__c WHERE Return__r.Mesh_Id__c = 'r-1'"));
    assert_eq!(found["totalSize"], 1);
}

#[test]
fn row_71_return_orders_are_absent_until_a_feature_brings_them() {
    let org = org();
    assert_eq!(code(&org.get("/sobjects/ReturnOrder/describe")), (404, "NOT_FOUND".into()));
    assert_eq!(code(&org.query("SELECT Id FROM ReturnOrder")), (400, "INVALID_TYPE".into()));
    assert_eq!(code(&org.query("SELECT Return_Order_Ref__c FROM Case")), (400, "INVALID_FIELD".into()));
    assert_eq!(code(&org.query("SELECT Return_Order_Ref__r.Mesh_Id__c FROM Case")), (400, "INVALID_FIELD".into()));
    org.turn("features", json!({"returns": "field_service"}));
    assert_eq!(org.get("/sobjects/ReturnOrder/describe").status, 200);
    assert_eq!(org.query("SELECT Return_Order_Ref__r.Mesh_Id__c FROM Case").status, 200);
    assert_eq!(org.post("/sobjects/ReturnOrder", json!({})).status, 201);
}

#[test]
fn under_order_management_a_return_order_begins_activated() {
    let org = org();
    org.turn("features", json!({"returns": "order_management"}));
    let path = "/sobjects/ReturnOrder/Mesh_Id__c/r-1";
    assert_eq!(code(&org.patch(path, json!({}))), (400, "FIELD_INTEGRITY_EXCEPTION".into()));
    assert_eq!(org.patch(path, json!({"Status": "Submitted"})).status, 201);
    assert_eq!(org.patch(path, json!({"Status": "Closed"})).status, 200);
}

#[test]
fn a_line_of_a_return_order_names_what_comes_back() {
    let org = org();
    org.turn("features", json!({"returns": "field_service"}));
    org.patch("/sobjects/ReturnOrder/Mesh_Id__c/r-1", json!({}));
    let product = json_of(&org.post("/sobjects/Product2", json!({"Name": "Heart"})))["id"].clone();
    let line = json!({"ReturnOrder": {"Mesh_Id__c": "r-1"}, "QuantityExpected": 2});
    assert_eq!(code(&org.post("/sobjects/ReturnOrderLineItem", line.clone())).1, "FIELD_INTEGRITY_EXCEPTION");
    let mut line = line;
    line["Product2Id"] = product;
    assert_eq!(org.post("/sobjects/ReturnOrderLineItem", line).status, 201);
}

#[test]
fn under_all_or_none_one_lost_record_of_a_collection_undoes_the_whole_composite() {
    let org = org();
    let head = json!({"method": "PATCH", "url": format!("{V66}/sobjects/Return__c/Mesh_Id__c/r-1"), "referenceId": "head", "body": {}});
    let line = |key: &str| json!({"attributes": {"type": "Return_Line__c"}, "Mesh_Id__c": key, "Return__r": {"Mesh_Id__c": "r-1"}});
    let mut bad = line("r-1:2");
    bad["Number__c"] = json!("many");
    let lines = json!({"method": "PATCH", "url": format!("{V66}/composite/sobjects/Return_Line__c/Mesh_Id__c"),
                       "referenceId": "lines", "body": {"records": [line("r-1:1"), bad]}});
    let answer = org.post("/composite", json!({"allOrNone": true, "compositeRequest": [head, lines]}));
    let entries = json_of(&answer)["compositeResponse"].clone();
    assert_eq!(entries[0]["body"][0]["errorCode"], "PROCESSING_HALTED");
    assert_eq!(entries[1]["body"][1]["errors"][0]["statusCode"], "JSON_PARSER_ERROR");
    assert_eq!((org.count("Return__c"), org.count("Return_Line__c")), (0, 0));
}
