//! What is particular to this org: rows 70 to 72, describe, persistence.

use serde_json::json;

use retail_sandbox::seed::{ItemKind, Seed, SeedItem};

use super::*;

#[test]
fn row_70_orders_are_drafted_filled_activated_and_then_locked() {
    let org = org();
    let item = SeedItem {
        sku: "85123A".to_owned(),
        description: "WHITE HANGING HEART".to_owned(),
        kind: ItemKind::Goods,
        price: "2.55".to_owned(),
    };
    let seed = Seed { currency: "GBP".to_owned(), items: vec![item], ..Seed::default() };
    org.twin.seed(&seed);
    org.twin.seed(&seed);
    let entry = json_of(&org.query("SELECT Id, Pricebook2Id, UnitPrice, Product2.ProductCode FROM PricebookEntry"));
    assert_eq!(
        (entry["totalSize"].clone(), entry["records"][0]["Product2"]["ProductCode"].clone()),
        (json!(1), json!("85123A"))
    );
    let entry = &entry["records"][0];
    let draft = json!({"EffectiveDate": "2026-11-23", "Status": "Draft", "Pricebook2Id": entry["Pricebook2Id"]});
    let mut active = draft.clone();
    active["Status"] = json!("Activated");
    assert_eq!(code(&org.post("/sobjects/Order", active)), (400, "FAILED_ACTIVATION".into()));
    let order = json_of(&org.post("/sobjects/Order", draft))["id"].as_str().unwrap().to_owned();
    let path = format!("/sobjects/Order/{order}");
    assert_eq!(code(&org.patch(&path, json!({"Status": "Activated"}))), (400, "FAILED_ACTIVATION".into()));
    let line = json!({"OrderId": order, "Quantity": 6, "UnitPrice": 2.55});
    assert_eq!(code(&org.post("/sobjects/OrderItem", line.clone())), (400, "REQUIRED_FIELD_MISSING".into()));
    let mut line = line;
    line["PricebookEntryId"] = entry["Id"].clone();
    assert_eq!(org.post("/sobjects/OrderItem", line.clone()).status, 201);
    assert_eq!(org.patch(&path, json!({"Status": "Activated"})).status, 204);
    assert_eq!(org.post("/sobjects/OrderItem", line).status, 400);
    assert_eq!(org.patch(&path, json!({"PoNumber": "1"})).status, 400);
    assert_eq!(org.patch(&path, json!({"Fulfilment_Status__c": "Shipped"})).status, 204);
    assert_eq!(json_of(&org.get(&path))["TotalAmount"].to_string(), "15.3");
}

#[test]
fn row_72_a_hidden_column_is_nowhere() {
    let org = org();
    org.turn("hide", json!({"field": "Account.Phone", "on": true}));
    assert_eq!(code(&org.post("/sobjects/Account", json!({"Name": "A", "Phone": "1"}))), (400, "INVALID_FIELD".into()));
    assert_eq!(code(&org.query("SELECT Phone FROM Account")), (400, "INVALID_FIELD".into()));
    let described = json_of(&org.get("/sobjects/Account/describe"));
    assert!(described["fields"].as_array().unwrap().iter().all(|field| field["name"] != "Phone"));
}

#[test]
fn describe_tells_the_external_ids_of_the_package() {
    let described = json_of(&org().get("/sobjects/Order_Context__c/describe"));
    let field = |name: &str| {
        described["fields"].as_array().unwrap().iter().find(|field| field["name"] == name).unwrap().clone()
    };
    assert_eq!(
        (field("Mesh_Id__c")["externalId"].clone(), field("Mesh_Id__c")["unique"].clone()),
        (json!(true), json!(true))
    );
    assert_eq!(
        (field("Order_Number__c")["externalId"].clone(), field("Order_Number__c")["unique"].clone()),
        (json!(true), json!(false))
    );
    assert_eq!(field("Account__c")["referenceTo"], json!(["Account"]));
    assert_eq!(described["keyPrefix"], "a00");
}

#[test]
fn a_reopened_org_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Salesforce::open(Some(dir.path()), Config::default()).unwrap();
    let mut first = org();
    first.twin = open();
    first.log_in();
    first.patch("/sobjects/Account/Mesh_Id__c/A-1", json!({"Name": "A"}));
    let second = Org { twin: open(), token: first.token.clone(), headers: Vec::new(), now: first.now.clone() };
    assert_eq!(second.patch("/sobjects/Account/Mesh_Id__c/A-1", json!({"Name": "B"})).status, 200);
}
