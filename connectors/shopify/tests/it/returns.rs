//! Returns that customers ask for at the shop, and our answers.

use retail_proto::commerce::v1 as pb;
use retail_proto::commerce::v1::commerce_service_server::CommerceService as _;
use retail_proto::returns::v1::ReturnCapture;
use retail_proto::types::v1::Outcome;
use retail_runtime::fault::{Class, Refusal, status};
use serde_json::{Value, json};
use tonic::Request;

use crate::refunds::{Sold, sold};
use crate::webhooks::No;
use crate::world::*;

/// A shop whose one order was shipped.
async fn shipped() -> Sold {
    let sold = sold(json!([])).await;
    let request = pb::RecordFulfilmentRequest {
        instance: "shop".to_owned(),
        idempotency_key: "shipment-1".to_owned(),
        order_id: sold.order.clone(),
        lines: vec![pb::FulfilledLine { line_item_id: sold.apples.clone(), quantity: 3, ..Default::default() }],
        tracking_numbers: vec!["T1".to_owned()],
        ..pb::RecordFulfilmentRequest::default()
    };
    assert_eq!(state(sold.world.record(&request).await.unwrap().outcome), done());
    sold
}

/// Asks for two apples' return and gives its id.
async fn asked(sold: &Sold, staff: bool) -> String {
    let lines = json!([{"sku": "APPLE", "quantity": 2, "reason": "wrong-item", "note": "these are pears"}]);
    let made = sold.world.turn("return", json!({"order": "#1", "lines": lines, "staff": staff})).await;
    made["return"].to_string()
}

async fn answer(world: &World, id: &str, reason: &str) -> Result<Option<Outcome>, Refusal> {
    let request = pb::AnswerReturnRequest {
        instance: "shop".to_owned(),
        idempotency_key: "answer-1".to_owned(),
        return_id: id.to_owned(),
        approve: reason.is_empty(),
        reason: reason.to_owned(),
    };
    world.desk.shop.answer_return(Request::new(request)).await.map(|answer| answer.into_inner().outcome).map_err(read)
}

async fn count(world: &World, state: &str) -> Value {
    world.books().await["returns"][state].clone()
}

#[tokio::test]
async fn a_return_that_a_customer_asks_for_is_started_as_a_request() {
    let sold = shipped().await;
    let id = asked(&sold, false).await;
    sold.world.delivered().await;
    let started = sold.world.desk.owners.returns();
    assert_eq!(started.len(), 1);
    let started = &started[0];
    assert_eq!((started.capture(), started.channel.as_str()), (ReturnCapture::Request, "shop"));
    assert_eq!((started.source.as_str(), started.source_return_id.as_str()), ("shop", id.as_str()));
    assert_eq!(started.customer.as_ref().unwrap().id, "17850");
    assert_eq!(started.note, "these are pears");
    let line = &started.lines[0];
    assert_eq!((line.order_number.as_str(), line.channel_line_id.as_str()), ("#1", sold.apples.as_str()));
    assert_eq!((line.sku.as_str(), line.quantity.as_str(), line.reason.as_str()), ("APPLE", "2", "WRONG_ITEM"));
}

#[tokio::test]
async fn a_return_that_staff_open_is_a_fact_under_its_own_id() {
    let sold = shipped().await;
    let id = asked(&sold, true).await;
    sold.world.delivered().await;
    let started = sold.world.desk.owners.returns();
    assert_eq!((started.len(), started[0].capture()), (1, ReturnCapture::Fact));
    assert_eq!(started[0].source_return_id, id);
}

#[tokio::test]
async fn a_request_that_is_approved_is_told_as_a_fact_under_the_same_id_and_a_declined_one_is_not() {
    let sold = shipped().await;
    let id = asked(&sold, false).await;
    assert_eq!(state(answer(&sold.world, &id, "").await.unwrap()), done());
    sold.world.delivered().await;
    let mut started = sold.world.desk.owners.returns();
    started.sort_by_key(|one| one.capture);
    let seen: Vec<_> = started.iter().map(|one| (one.capture(), one.source_return_id.clone())).collect();
    assert_eq!(seen, [(ReturnCapture::Request, id.clone()), (ReturnCapture::Fact, id)]);
    let declined = shipped().await;
    let id = asked(&declined, false).await;
    declined.world.delivered().await;
    answer(&declined.world, &id, "FINAL_SALE").await.unwrap();
    declined.world.delivered().await;
    assert_eq!(declined.world.desk.owners.returns().len(), 1);
}

#[tokio::test]
async fn a_return_whose_order_is_still_on_its_way_is_told_again_until_it_is_taken() {
    let sold = shipped().await;
    sold.world.turn("webhooks", json!({"retry_gap_ms": 1})).await;
    let refused = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let seen = std::sync::Arc::clone(&refused);
    sold.world.desk.owners.refuse(move || {
        let before = seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        (before < 2).then(|| status("returns.retail", &No(Class::NotFound, "NO_SUCH_ORDER")))
    });
    asked(&sold, false).await;
    sold.world.delivered().await;
    assert_eq!(sold.world.desk.owners.returns().len(), 1);
    assert!(refused.load(std::sync::atomic::Ordering::SeqCst) >= 3);
}

#[tokio::test]
async fn an_answer_is_given_once_and_found_by_its_repeat() {
    let sold = shipped().await;
    let id = asked(&sold, false).await;
    for _ in 0..2 {
        assert_eq!(state(answer(&sold.world, &id, "worn too long").await.unwrap()), done());
    }
    assert_eq!(count(&sold.world, "declined").await, json!(1));
    assert_eq!(state(answer(&sold.world, &id, "").await.unwrap()), refused("RETURN_DECLINED_ALREADY"));
}

#[tokio::test]
async fn an_answer_whose_answer_never_came_is_found_by_the_repeat() {
    for kind in ["reset_after_commit", "error_after_commit", "truncate"] {
        let sold = shipped().await;
        let id = asked(&sold, false).await;
        sold.world.fault("ApproveReturn", json!({"kind": kind})).await;
        let refusal = answer(&sold.world, &id, "").await.unwrap_err();
        assert_eq!((refusal.class(), refusal.reason()), (Class::Unknown, "VENDOR_OUTCOME_UNKNOWN"), "{kind}");
        assert_eq!(state(answer(&sold.world, &id, "").await.unwrap()), done());
        assert_eq!(count(&sold.world, "open").await, json!(1));
    }
}

#[tokio::test]
async fn a_return_that_the_shop_does_not_have_is_not_found_and_a_refusal_needs_words() {
    let world = world().await;
    let refusal = answer(&world, "404", "").await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::NotFound, "NO_SUCH_SHOP_RETURN"));
    let request = pb::AnswerReturnRequest { instance: "shop".to_owned(), ..pb::AnswerReturnRequest::default() };
    let refusal = read(world.desk.shop.answer_return(Request::new(request)).await.unwrap_err());
    let fields: Vec<&str> = refusal.fields().iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["idempotency_key", "return_id", "reason"]);
}
