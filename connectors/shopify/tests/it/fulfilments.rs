//! Shipments against the twin: told once, found again.

use http::Method;
use retail_proto::commerce::v1 as pb;
use retail_runtime::fault::Class;
use serde_json::{Value, json};

use crate::world::*;

async fn sold() -> Sold {
    Sold::in_shop(world().await).await
}

impl Sold {
    fn shipment(&self, apples: i64, pears: i64, tracking: &[&str]) -> pb::RecordFulfilmentRequest {
        let lines = [(&self.apples, apples), (&self.pears, pears)];
        let lines = lines.into_iter().filter(|(_, units)| *units > 0);
        pb::RecordFulfilmentRequest {
            instance: "shop".to_owned(),
            idempotency_key: "shipment-1".to_owned(),
            order_id: self.order.clone(),
            lines: lines
                .map(|(id, quantity)| pb::FulfilledLine { line_item_id: id.clone(), quantity, ..Default::default() })
                .collect(),
            tracking_numbers: tracking.iter().map(|number| (*number).to_owned()).collect(),
            carrier: "Royal Mail".to_owned(),
            ..pb::RecordFulfilmentRequest::default()
        }
    }

    async fn record(&self, request: &pb::RecordFulfilmentRequest) -> pb::RecordFulfilmentResponse {
        self.world.record(request).await.unwrap()
    }

    async fn told(&self) -> (Value, Value) {
        let books = self.world.books().await;
        (books["fulfillments"]["count"].clone(), books["fulfillments"]["units"].clone())
    }
}

fn verify(request: &pb::RecordFulfilmentRequest) -> pb::RecordFulfilmentRequest {
    pb::RecordFulfilmentRequest { verify_only: true, ..request.clone() }
}

#[tokio::test]
async fn a_shipment_is_told_once_and_found_by_its_repeat() {
    let sold = sold().await;
    let shipment = sold.shipment(3, 1, &["T1", "T2"]);
    let first = sold.record(&shipment).await;
    assert_eq!(state(first.outcome), done());
    assert_eq!((first.fulfilments.len(), first.fulfilments[0].r#type.as_str()), (1, "fulfillment"));
    let again = sold.record(&shipment).await;
    assert_eq!((state(again.outcome), again.fulfilments), (done(), first.fulfilments));
    assert_eq!(sold.told().await, (json!(1), json!(4)));
}

#[tokio::test]
async fn parts_of_an_order_are_told_one_by_one() {
    let sold = sold().await;
    for (apples, pears, tracking) in [(1, 0, "T1"), (1, 1, "T2"), (1, 0, "T3"), (1, 0, "T1")] {
        assert_eq!(state(sold.record(&sold.shipment(apples, pears, &[tracking])).await.outcome), done());
    }
    assert_eq!(sold.told().await, (json!(3), json!(4)));
}

#[tokio::test]
async fn more_than_is_left_is_refused_and_nothing_is_told() {
    let sold = sold().await;
    let answer = sold.record(&sold.shipment(4, 1, &["T1"])).await;
    assert_eq!(state(answer.outcome), refused("NOTHING_LEFT_TO_FULFIL"));
    let mut stranger = sold.shipment(1, 0, &["T1"]);
    stranger.lines[0].line_item_id = "999".to_owned();
    assert_eq!(state(sold.record(&stranger).await.outcome), refused("NO_SUCH_SHOP_LINE"));
    assert_eq!(sold.told().await.0, json!(0));
}

#[tokio::test]
async fn a_look_sends_nothing_and_says_whether_it_is_there() {
    let sold = sold().await;
    let shipment = sold.shipment(3, 1, &["T1"]);
    let refusal = sold.world.record(&verify(&shipment)).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::NotFound, "NO_SUCH_FULFILMENT"));
    assert_eq!(sold.told().await.0, json!(0));
    let recorded = sold.record(&shipment).await;
    let found = sold.record(&verify(&shipment)).await;
    assert_eq!((state(found.outcome), found.fulfilments), (done(), recorded.fulfilments));
}

#[tokio::test]
async fn a_part_without_tracking_numbers_is_found_by_its_lines() {
    let sold = sold().await;
    let mut part = sold.shipment(1, 0, &[]);
    part.carrier.clear();
    assert_eq!(sold.world.record(&verify(&part)).await.unwrap_err().reason(), "NO_SUCH_FULFILMENT");
    sold.record(&part).await;
    assert_eq!(state(sold.record(&verify(&part)).await.outcome), done());
}

#[tokio::test]
async fn goods_that_somebody_else_fulfilled_are_done_and_named() {
    let sold = sold().await;
    sold.record(&sold.shipment(3, 1, &["BY-HAND"])).await;
    let answer = sold.record(&sold.shipment(3, 1, &["T1"])).await;
    assert_eq!(answer.outcome.as_ref().unwrap().warnings.len(), 2);
    assert_eq!(state(answer.outcome), done());
    assert_eq!(sold.told().await.0, json!(1));
}

#[tokio::test]
async fn an_answer_that_never_came_is_found_by_the_repeat() {
    for kind in ["reset_after_commit", "error_after_commit", "truncate"] {
        let sold = sold().await;
        let shipment = sold.shipment(3, 1, &["T1"]);
        sold.world.fault("CreateFulfilment", json!({"kind": kind})).await;
        let refusal = sold.world.record(&shipment).await.unwrap_err();
        assert_eq!((refusal.class(), refusal.reason()), (Class::Unknown, "VENDOR_OUTCOME_UNKNOWN"), "{kind}");
        assert_eq!(state(sold.record(&verify(&shipment)).await.outcome), done());
        assert_eq!(state(sold.record(&shipment).await.outcome), done());
        assert_eq!(sold.told().await, (json!(1), json!(4)), "{kind}");
    }
}

#[tokio::test]
async fn an_order_that_the_shop_does_not_know_is_not_found() {
    let world = world().await;
    let request = pb::RecordFulfilmentRequest {
        instance: "shop".to_owned(),
        idempotency_key: "k".to_owned(),
        order_id: "404".to_owned(),
        lines: vec![pb::FulfilledLine { line_item_id: "1".to_owned(), quantity: 1, ..Default::default() }],
        ..pb::RecordFulfilmentRequest::default()
    };
    assert_eq!(world.record(&request).await.unwrap_err().reason(), "NO_SUCH_SHOP_ORDER");
}

#[tokio::test]
async fn an_order_of_1114_lines_is_fulfilled_whole() {
    let world = world().await;
    world.open_the_door().await;
    let line = json!({"sku": "APPLE", "title": "APPLE", "quantity": 1, "price": "0.10", "kind": "goods"});
    let order = json!({"name": "#big", "placed_at": "2026-11-20T09:00:00Z", "customer": null, "country": "France",
        "lines": vec![line; 1_114]});
    world.turn("sell", json!({"orders": [order]})).await;
    world.delivered().await;
    let placed = world.desk.orders.orders()[0].clone();
    assert!(placed.buyer.is_none());
    let lines = placed.lines.iter().map(|line| pb::FulfilledLine {
        line_item_id: line.channel_line_id.clone(),
        quantity: 1,
        ..Default::default()
    });
    let request = pb::RecordFulfilmentRequest {
        instance: "shop".to_owned(),
        idempotency_key: "k".to_owned(),
        order_id: placed.channel_order_id.clone(),
        lines: lines.collect(),
        tracking_numbers: vec!["T1".to_owned()],
        ..pb::RecordFulfilmentRequest::default()
    };
    for _ in 0..2 {
        let answer = world.record(&request).await.unwrap();
        assert_eq!((state(answer.outcome), answer.fulfilments.len()), (done(), 3));
    }
    let books = world.operate(Method::GET, "/shopify/books", Value::Null).await;
    assert_eq!((&books["fulfillments"]["count"], &books["fulfillments"]["units"]), (&json!(3), &json!(1_114)));
}
