//! An order read from the shop is the order that its webhook told.

use retail_proto::commerce::v1 as pb;
use retail_proto::commerce::v1::commerce_service_server::CommerceService as _;
use retail_runtime::fault::{Class, Refusal};
use serde_json::json;
use tonic::Request;

use crate::refunds::sold;
use crate::world::*;

async fn get(world: &World, order_id: &str, order_number: &str) -> Result<pb::GetOrderResponse, Refusal> {
    let request = pb::GetOrderRequest {
        instance: "shop".to_owned(),
        order_id: order_id.to_owned(),
        order_number: order_number.to_owned(),
    };
    world.desk.shop.get_order(Request::new(request)).await.map(tonic::Response::into_inner).map_err(read)
}

#[tokio::test]
async fn an_order_is_read_by_id_and_by_number_as_its_webhook_told_it() {
    let sold = sold(json!([{"gateway": "gift_card", "amount": "5.00"}])).await;
    let mut told = sold.world.desk.orders.orders().remove(0);
    told.idempotency_key.clear();
    for (id, number) in [(sold.order.as_str(), ""), ("", "#1"), ("", "1")] {
        let found = get(&sold.world, id, number).await;
        // The twin's search takes the name as it is; the shop's finds it without its mark as well.
        if number == "1" {
            assert_eq!(found.unwrap_err().reason(), "NO_SUCH_SHOP_ORDER");
            continue;
        }
        let found = found.unwrap();
        assert_eq!(found.order.as_ref(), Some(&told));
        assert!(found.refunds.is_empty() && !found.cancelled);
    }
}

#[tokio::test]
async fn an_anonymous_order_of_many_lines_is_read_to_the_last() {
    let world = world().await;
    world.open_the_door().await;
    let line = json!({"sku": "APPLE", "title": "APPLE", "quantity": 1, "price": "0.10", "kind": "goods"});
    let order = json!({"name": "#big", "placed_at": "2026-11-20T09:00:00Z", "customer": null, "country": "France", "lines": vec![line; 130]});
    world.turn("sell", json!({"orders": [order]})).await;
    world.delivered().await;
    let mut told = world.desk.orders.orders().remove(0);
    told.idempotency_key.clear();
    assert_eq!(get(&world, "", "#big").await.unwrap().order, Some(told));
}

#[tokio::test]
async fn its_refunds_and_its_cancellation_are_read_with_it() {
    let sold = sold(json!([])).await;
    sold.refund(&sold.wish(500)).await;
    sold.world.turn("plan", json!({"pend_refunds": 1})).await;
    sold.world
        .turn("refund", json!({"order": "#1", "lines": [{"sku": "APPLE", "quantity": 2}], "note": "by hand"}))
        .await;
    sold.world.turn("cancel", json!({"order": "#1"})).await;
    let found = get(&sold.world, &sold.order, "").await.unwrap();
    assert!(found.cancelled);
    let seen: Vec<(&str, &str, pb::RefundState, i64)> = found
        .refunds
        .iter()
        .map(|one| {
            (one.external_ref.as_str(), one.note.as_str(), one.state(), one.amount.as_ref().unwrap().minor_units)
        })
        .collect();
    assert_eq!(
        seen,
        [("R-1", "worn at the seams", pb::RefundState::Done, 500), ("", "by hand", pb::RefundState::Pending, 500)]
    );
    assert_eq!(
        (found.refunds[1].lines[0].line_item_id.as_str(), found.refunds[1].lines[0].quantity),
        (sold.apples.as_str(), 2)
    );
    // What was paid stays what was paid: given back is told by the refunds.
    assert_eq!(found.order.unwrap().payments[0].amount.as_ref().unwrap().minor_units, 1_250);
}

#[tokio::test]
async fn an_order_that_the_shop_does_not_have_is_not_found() {
    let world = world().await;
    for (id, number) in [("404", ""), ("", "#404")] {
        let refusal = get(&world, id, number).await.unwrap_err();
        assert_eq!((refusal.class(), refusal.reason()), (Class::NotFound, "NO_SUCH_SHOP_ORDER"));
    }
    assert_eq!(get(&world, "", "").await.unwrap_err().fields()[0].0, "order_id");
    assert_eq!(get(&world, "", "#1\" OR name:x").await.unwrap_err().fields()[0].0, "order_number");
}
