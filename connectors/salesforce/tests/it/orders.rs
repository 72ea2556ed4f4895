//! Order contexts.

use super::*;

#[tokio::test]
async fn a_context_is_written_with_its_customer_in_one_call_and_read_back_whole() {
    let world = world().await;
    let answer = world.save_order(order()).await.unwrap();
    assert_eq!(state(answer.outcome), done());
    let record = answer.record.unwrap();
    let found = world.find_order("o-1").await.unwrap();
    assert_eq!(found.context.unwrap(), order());
    assert_eq!(found.record.as_ref().map(|found| found.id.as_str()), Some(record.id.as_str()));
    assert_eq!(found.record.unwrap().number, "OC-00000001");
    let books = world.books().await;
    assert_eq!((books["accounts"].clone(), books["order_contexts"].clone()), (one(1), one(1)));
    let calls = world.operate(Method::GET, "/salesforce/requests?contains=composite", Value::Null).await;
    let calls = calls.as_array().or_else(|| calls["requests"].as_array()).unwrap().len();
    assert_eq!(calls, 1);
}

#[tokio::test]
async fn an_older_context_never_overwrites_a_newer_one() {
    let world = world().await;
    let newer = world.save_order(order()).await.unwrap();
    let older = pb::OrderContext { version: 4, status: "Older".to_owned(), ..order() };
    let answer = world.save_order(older).await.unwrap();
    assert_eq!(answer.outcome.as_ref().unwrap().warnings, ["context: a newer version is there already"]);
    assert_eq!(answer.record, newer.record);
    assert_eq!(world.find_order("o-1").await.unwrap().context.unwrap().status, "Waiting for shipment");
}

#[tokio::test]
async fn a_newer_context_clears_what_is_gone() {
    let world = world().await;
    world.save_order(pb::OrderContext { cause: "No stock".to_owned(), ..order() }).await.unwrap();
    let newer = pb::OrderContext { version: 6, invoice_numbers: vec![], ..order() };
    world.save_order(newer.clone()).await.unwrap();
    assert_eq!(world.find_order("o-1").await.unwrap().context.unwrap(), newer);
}

#[tokio::test]
async fn contexts_written_in_any_order_end_at_the_newest() {
    let world = world().await;
    let writers = [3, 9, 1, 7, 5]
        .map(|version| world.save_order(pb::OrderContext { version, status: format!("at {version}"), ..order() }));
    futures::future::join_all(writers).await;
    let found = world.find_order("o-1").await.unwrap().context.unwrap();
    assert_eq!((found.version, found.status.as_str()), (9, "at 9"));
    assert_eq!(world.books().await["order_contexts"], one(1));
}

#[tokio::test]
async fn an_order_nobody_wrote_is_not_found() {
    let refusal = world().await.find_order("o-9").await.unwrap_err();
    assert_eq!(refusal.reason(), "NO_SUCH_ORDER_CONTEXT");
}

#[tokio::test]
async fn a_context_that_somebody_else_wrote_badly_is_named() {
    let world = world().await;
    world.save_order(order()).await.unwrap();
    world.turn("hide", json!({"field": "Order_Context__c.Total__c", "on": true})).await;
    assert_eq!(world.find_order("o-1").await.unwrap_err().reason(), "CRM_ORG_NOT_PREPARED");
    assert_eq!(world.save_order(order()).await.unwrap_err().reason(), "CRM_ORG_NOT_PREPARED");
}

#[tokio::test]
async fn an_order_is_seen_even_when_the_org_refuses_its_contact() {
    let world = world().await;
    let request = pb::UpsertOrderContextRequest {
        instance: "crm".to_owned(),
        context: Some(order()),
        customer: Some(pb::CustomerRecord { email: "nonsense".to_owned(), ..customer() }),
    };
    let answer = world.crm.upsert_order_context(Request::new(request)).await.unwrap().into_inner();
    assert_eq!(answer.outcome.as_ref().unwrap().warnings, ["contact: not written: INVALID_EMAIL_ADDRESS"]);
    assert_eq!(state(answer.outcome), done());
    assert!(answer.record.unwrap().id.starts_with("a00"));
    assert_eq!(world.books().await["contacts"], one(0));
    // The mended customer gets its contact, and the order its link.
    world.save_order(order()).await.unwrap();
    assert!(world.records("Order_Context__c").await[0]["Contact__c"].as_str().unwrap().starts_with("003"));
}
