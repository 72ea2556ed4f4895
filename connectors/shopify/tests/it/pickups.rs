//! Orders that the shop sold to be collected: read where the webhook does not say so, ready once, handed over.

use retail_proto::commerce::v1 as pb;
use retail_proto::commerce::v1::commerce_service_server::CommerceService as _;
use retail_proto::orders::v1::PlaceOrderRequest;
use retail_proto::types::v1::Outcome;
use retail_runtime::fault::Refusal;
use serde_json::{Value, json};
use tonic::Request;

use crate::world::*;

struct Collected {
    world: World,
    order: PlaceOrderRequest,
}

async fn collected() -> Collected {
    let world = world_of_places().await;
    world.open_the_door().await;
    world.sell_at("#1", 3, 1, "NORTH").await;
    world.delivered().await;
    let order = world.desk.orders.orders()[0].clone();
    Collected { world, order }
}

impl Collected {
    async fn ready(&self, location: &str) -> Result<Outcome, Refusal> {
        let request = pb::MarkReadyForPickupRequest {
            instance: "shop".to_owned(),
            idempotency_key: "ready-1".to_owned(),
            order_id: self.order.channel_order_id.clone(),
            location: location.to_owned(),
        };
        let answer = self.world.desk.shop.mark_ready_for_pickup(Request::new(request)).await.map_err(read)?;
        Ok(answer.into_inner().outcome.unwrap())
    }

    async fn book(&self) -> (Value, Value, Value) {
        let books = self.world.books().await;
        let book = &books["fulfillment_orders"];
        (book["ready"].clone(), book["ready_notices"].clone(), book["moved"].clone())
    }
}

#[tokio::test]
async fn an_order_that_is_collected_arrives_with_its_store_and_who_collects_it() {
    let collected = collected().await;
    let pickup = collected.order.pickup.clone().unwrap();
    assert_eq!((pickup.location.as_str(), pickup.contact_name.as_str()), ("NORTH", "Customer 17850"));
    assert!(collected.order.shipping_address.is_none());
    let request = pb::GetOrderRequest {
        instance: "shop".to_owned(),
        order_id: collected.order.channel_order_id.clone(),
        ..Default::default()
    };
    let read = collected.world.desk.shop.get_order(Request::new(request)).await.unwrap().into_inner().order.unwrap();
    assert_eq!(read.pickup, Some(pickup));
}

#[tokio::test]
async fn an_order_that_is_shipped_is_no_pickup_and_without_configured_places_nobody_is_asked() {
    let asked = world_of_places().await;
    asked.open_the_door().await;
    asked.sell("#1", 1, 1).await;
    asked.delivered().await;
    assert!(asked.desk.orders.orders()[0].pickup.is_none());
    let unasked = world().await;
    unasked.open_the_door().await;
    unasked.sell_at("#1", 1, 1, "NORTH").await;
    unasked.delivered().await;
    assert_eq!((unasked.desk.orders.orders()[0].pickup.is_none(), unasked.desk.shop.snapshot().sent), (true, 0));
}

#[tokio::test]
async fn a_pickup_whose_delivery_cannot_be_read_comes_again_and_is_not_shipped() {
    let world = world_of_places().await;
    world.open_the_door().await;
    world.turn("webhooks", json!({"retry_gap_ms": 20})).await;
    world.fault("Delivery", json!({"kind": "status", "status": 502, "times": 8})).await;
    world.sell_at("#1", 1, 1, "NORTH").await;
    world.delivered().await;
    let orders = world.desk.orders.orders();
    assert!(orders.iter().all(|order| order.pickup.is_some()), "{orders:?}");
}

#[tokio::test]
async fn what_is_ready_is_told_once_and_the_customer_hears_of_it_once() {
    for kind in ["", "reset_after_commit", "error_after_commit"] {
        let collected = collected().await;
        if !kind.is_empty() {
            collected.world.fault("ReadyForPickup", json!({"kind": kind})).await;
            assert_eq!(collected.ready("NORTH").await.unwrap_err().reason(), "VENDOR_OUTCOME_UNKNOWN");
        }
        for _ in 0..2 {
            let outcome = collected.ready("NORTH").await.unwrap();
            assert_eq!((state(Some(outcome.clone())), outcome.warnings.len()), (done(), 0));
        }
        assert_eq!(collected.book().await, (json!(1), json!(1), json!(0)), "{kind}");
    }
}

#[tokio::test]
async fn what_waits_in_another_store_is_moved_there_first() {
    let collected = collected().await;
    assert_eq!(state(Some(collected.ready("MAIN").await.unwrap())), done());
    assert_eq!(collected.book().await, (json!(1), json!(1), json!(1)));
    let unmoved = self::collected().await;
    unmoved.world.turn("plan", json!({"unmovable": 1})).await;
    let outcome = unmoved.ready("MAIN").await.unwrap();
    assert_eq!((state(Some(outcome.clone())), outcome.warnings.len()), (done(), 1));
    assert_eq!(unmoved.book().await, (json!(1), json!(1), json!(0)));
}

#[tokio::test]
async fn a_handover_is_a_fulfilment_and_nothing_is_ready_after_it() {
    let collected = collected().await;
    let goods = collected.order.lines.iter().filter(|line| line.kind() == retail_proto::orders::v1::LineKind::Goods);
    let lines = goods.map(|line| pb::FulfilledLine {
        line_item_id: line.channel_line_id.clone(),
        quantity: line.quantity.parse().unwrap(),
        location: "NORTH".to_owned(),
    });
    let request = pb::RecordFulfilmentRequest {
        instance: "shop".to_owned(),
        idempotency_key: "handover".to_owned(),
        order_id: collected.order.channel_order_id.clone(),
        lines: lines.collect(),
        ..Default::default()
    };
    assert_eq!(state(collected.world.record(&request).await.unwrap().outcome), done());
    assert_eq!(state(Some(collected.ready("NORTH").await.unwrap())), done());
    let books = collected.world.books().await;
    assert_eq!((&books["orders"]["fulfilled"], collected.book().await), (&json!(1), (json!(0), json!(0), json!(0))));
}

#[tokio::test]
async fn an_order_that_is_shipped_cannot_be_ready_and_says_so() {
    let world = world_of_places().await;
    world.open_the_door().await;
    world.sell("#1", 1, 1).await;
    world.delivered().await;
    let order = world.desk.orders.orders()[0].clone();
    let shipped = Collected { world, order };
    let outcome = shipped.ready("NORTH").await.unwrap();
    assert_eq!((state(Some(outcome.clone())), outcome.warnings.len()), (done(), 1));
    assert_eq!(shipped.book().await.1, json!(0));
}
