//! Returns in the standard objects, where a feature brings them.

use std::time::Duration;

use retail_runtime::{Clock, Net, Rng};

use super::*;

async fn world_with(feature: &str, skus: &[&str]) -> World {
    let world = world().await;
    world.turn("features", json!({"returns": feature})).await;
    let items: Vec<Value> =
        skus.iter().map(|sku| json!({"sku": sku, "description": sku, "kind": "goods", "price": "2.55"})).collect();
    world
        .operate(Method::POST, "/seed", json!({"currency": "GBP", "items": items, "locations": [], "stock": []}))
        .await;
    world
}

#[tokio::test]
async fn a_return_becomes_a_return_order_with_a_line_for_each_product() {
    for feature in ["field_service", "order_management"] {
        let world = world_with(feature, &["85123A", "22423"]).await;
        world.save_order(order()).await.unwrap();
        let (case, _) = world.open(json!({"subject": "Broken"})).await;
        let case_record = Some(Ref { id: case.clone(), ..Ref::default() });
        let answer = world.save_return(pb::ReturnContext { case_record, ..a_return() }).await.unwrap();
        assert_eq!(answer.outcome.as_ref().unwrap().warnings, Vec::<String>::new());
        assert_eq!(state(answer.outcome), done(), "{feature}");
        let held = world.records("ReturnOrder").await[0].clone();
        assert_eq!(answer.record.unwrap().r#type, "ReturnOrder");
        assert_eq!((held["CaseId"].clone(), held["Status"].clone()), (json!(case), json!("Submitted")));
        assert_eq!(held["AccountId"], world.records("Account").await[0]["Id"]);
        assert_eq!(held["Order_Ref__c"], world.records("Order_Context__c").await[0]["Id"]);
        let lines = world.records("ReturnOrderLineItem").await;
        assert_eq!((lines.len(), lines[0]["QuantityExpected"].to_string()), (2, "3.0".to_owned()));
        assert_eq!(lines[0]["Product2Id"], world.records("Product2").await[0]["Id"]);
        assert_eq!(world.books().await["returns"], one(1));
        assert_eq!(world.records("Return__c").await.len(), 0);
    }
}

#[tokio::test]
async fn a_repeat_changes_nothing_and_a_newer_one_keeps_the_agents_status() {
    let world = world_with("field_service", &["85123A", "22423"]).await;
    let first = world.save_return(a_return()).await.unwrap();
    assert_eq!(world.save_return(a_return()).await.unwrap(), first);
    let mut newer = pb::ReturnContext { version: 6, status: "Received".to_owned(), ..a_return() };
    newer.lines.truncate(1);
    newer.lines[0].received = "3".to_owned();
    world.save_return(newer).await.unwrap();
    let held = world.records("ReturnOrder").await[0].clone();
    assert_eq!((held["Status"].clone(), held["Status__c"].clone()), (json!("Submitted"), json!("Received")));
    let lines = world.records("ReturnOrderLineItem").await;
    assert_eq!((lines.len(), lines[0]["QuantityReturned"].to_string()), (1, "3.0".to_owned()));
}

#[tokio::test]
async fn a_line_whose_product_the_org_lacks_is_left_out_and_told() {
    let world = world_with("field_service", &["85123A"]).await;
    let answer = world.save_return(a_return()).await.unwrap();
    let warnings = answer.outcome.as_ref().unwrap().warnings.clone();
    assert!(warnings.contains(&"line 2 is left out: the org has no product 22423".to_owned()), "{warnings:?}");
    assert_eq!(state(answer.outcome), done());
    assert_eq!(world.records("ReturnOrderLineItem").await.len(), 1);
}

#[tokio::test]
async fn an_older_return_order_never_overwrites_a_newer_one() {
    let world = world_with("order_management", &["85123A", "22423"]).await;
    let newer = world.save_return(a_return()).await.unwrap();
    let older = world.save_return(pb::ReturnContext { version: 4, status: "Older".to_owned(), ..a_return() }).await;
    assert_eq!(older.unwrap().record, newer.record);
    assert_eq!(world.records("ReturnOrder").await[0]["Status__c"], "Waiting for the parcel");
}

#[tokio::test]
async fn a_case_is_linked_to_its_return_order_and_tells_it() {
    let world = world_with("field_service", &["85123A", "22423"]).await;
    let (case, _) = world.open(json!({"subject": "Broken"})).await;
    assert_eq!(world.link(&case, "", "r-1").await.unwrap().reason, "REFERENCE_MISSING");
    world.save_return(a_return()).await.unwrap();
    assert_eq!(state(Some(world.link(&case, "", "r-1").await.unwrap())), done());
    assert_eq!(world.find_case(&case, "").await.unwrap().return_ref, "r-1");
}

#[tokio::test]
async fn the_org_is_described_once_until_the_answer_is_old() {
    let mut world = world().await;
    let (clock, time) = Clock::manual("2026-11-23T13:07:28Z".parse().unwrap());
    let runtime = Runtime::new("test", clock, Rng::seeded(1), Net::tcp());
    world.crm = connector(&runtime, &world.org, BY_SECRET);
    world.save_return(a_return()).await.unwrap();
    world.turn("features", json!({"returns": "field_service"})).await;
    let other = |key: &str| pb::ReturnContext { external_ref: key.to_owned(), lines: vec![], ..a_return() };
    world.save_return(other("r-2")).await.unwrap();
    assert_eq!(world.asked("describe").await, 1);
    assert_eq!(world.records("ReturnOrder").await.len(), 0);
    time.advance(Duration::from_secs(16 * 60));
    world.save_return(other("r-3")).await.unwrap();
    assert_eq!(world.records("ReturnOrder").await.len(), 1);
}

#[tokio::test]
async fn an_org_that_lost_the_feature_is_described_anew() {
    let world = world_with("field_service", &[]).await;
    let bare = || pb::ReturnContext { lines: vec![], ..a_return() };
    world.save_return(bare()).await.unwrap();
    world.turn("features", json!({"returns": null})).await;
    assert_eq!(world.save_return(bare()).await.unwrap_err().reason(), "CRM_ORG_NOT_PREPARED");
    assert_eq!(state(world.save_return(bare()).await.unwrap().outcome), done());
    assert_eq!(world.records("Return__c").await.len(), 1);
}
