//! What people do to an order in the shop's admin: it is told as it stands, and to the right owner.

use retail_runtime::fault::{Class, status};
use serde_json::{Value, json};

use crate::refunds::{Sold, sold};
use crate::webhooks::No;
use crate::world::*;

/// What was told last: cancelled, and of apples and pears how many were ordered and taken off.
fn last(sold: &Sold) -> (bool, Vec<(String, String, String)>) {
    let told = sold.world.desk.orders.changes();
    // Webhooks come in any order; the version says which is the newest.
    let told = told.into_iter().max_by_key(|told| told.version).unwrap();
    assert_eq!((told.channel.as_str(), &told.channel_order_id), ("shop", &sold.order));
    let lines = told.lines.into_iter().filter(|line| line.is_goods);
    (told.cancelled, lines.map(|line| (line.sku, line.ordered, line.removed)).collect())
}

fn goods(apples: (&str, &str), pears: (&str, &str)) -> Vec<(String, String, String)> {
    let line = |sku: &str, (ordered, removed): (&str, &str)| (sku.into(), ordered.into(), removed.into());
    vec![line("APPLE", apples), line("PEAR", pears)]
}

#[tokio::test]
async fn a_cancellation_is_told_with_the_shops_word_however_often_and_in_whatever_order() {
    let sold = sold(json!([])).await;
    sold.world.turn("webhooks", json!({"duplicates_per_mille": 1000, "reorder_per_mille": 500})).await;
    sold.world.turn("cancel", json!({"order": "#1", "reason": "CUSTOMER", "refund": true})).await;
    sold.world.delivered().await;
    let told = sold.world.desk.orders.changes();
    assert!(told.iter().all(|told| told.cancelled && told.cancel_reason == "customer" && told.version > 0));
    assert!(told.iter().any(|told| told.idempotency_key.starts_with("shopify:")));
    assert!(sold.world.desk.owners.refunds().is_empty(), "goods that never left are no return");
    assert_eq!(sold.world.books().await["refunds"]["value"], "12.50");
}

#[tokio::test]
async fn money_of_a_cancelled_order_is_the_orders_whether_its_goods_were_put_back_or_not() {
    let sold = sold(json!([])).await;
    sold.world.turn("cancel", json!({"order": "#1"})).await;
    sold.world.turn("refund", json!({"order": "#1", "amount": "3.00"})).await;
    sold.world.delivered().await;
    assert!(sold.world.desk.owners.refunds().is_empty());
    assert!(last(&sold).0);
}

#[tokio::test]
async fn a_line_that_is_edited_away_is_told_as_taken_off() {
    let sold = sold(json!([])).await;
    sold.world.turn("edit", json!({"order": "#1", "set": [{"sku": "PEAR", "quantity": 0}]})).await;
    sold.world.delivered().await;
    assert_eq!(last(&sold), (false, goods(("3", "0"), ("1", "1"))));
}

#[tokio::test]
async fn a_line_that_is_made_fewer_or_more_or_is_added_is_told_as_it_is_now() {
    let sold = sold(json!([])).await;
    let set = json!([{"sku": "APPLE", "quantity": 1}, {"sku": "PEAR", "quantity": 4}]);
    let add = json!([{"sku": "PEAR", "quantity": 2, "price": "2.50"}]);
    sold.world.turn("edit", json!({"order": "#1", "set": set, "add": add})).await;
    sold.world.delivered().await;
    let mut wanted = goods(("3", "2"), ("4", "0"));
    wanted.push(("PEAR".into(), "2".into(), "0".into()));
    assert_eq!(last(&sold), (false, wanted));
}

#[tokio::test]
async fn goods_that_a_refund_takes_off_before_they_ship_are_the_orders_and_no_return() {
    let sold = sold(json!([])).await;
    let refund = json!({"order": "#1", "lines": [{"sku": "APPLE", "quantity": 2}], "restock": true});
    sold.world.turn("refund", refund).await;
    sold.world.delivered().await;
    assert!(sold.world.desk.owners.refunds().is_empty());
    assert_eq!(last(&sold), (false, goods(("3", "2"), ("1", "0"))));
}

#[tokio::test]
async fn money_that_is_given_back_while_the_goods_still_go_is_no_change_of_the_order() {
    let sold = sold(json!([])).await;
    sold.world.turn("refund", json!({"order": "#1", "lines": [{"sku": "APPLE", "quantity": 1}]})).await;
    sold.world.delivered().await;
    assert_eq!(sold.world.desk.owners.refunds().len(), 1);
    assert!(sold.world.desk.orders.changes().is_empty(), "nobody was asked how it stands");
}

fn cancelled(order: &str, created: &str) -> Value {
    json!({"id": order.parse::<u64>().unwrap(), "created_at": created, "cancelled_at": "2026-11-23T10:00:00+00:00", "line_items": []})
}

#[tokio::test]
async fn an_order_that_is_still_on_its_way_here_is_told_again() {
    let sold = sold(json!([])).await;
    sold.world.turn("cancel", json!({"order": "#1"})).await;
    sold.world.delivered().await;
    sold.world.desk.orders.refuse(|| status("orders.retail", &No(Class::NotFound, "NO_SUCH_ORDER")));
    let body = cancelled(&sold.order, "").to_string();
    let reply = sold.world.desk.accept(webhook("orders/cancelled", &body)).await;
    assert_eq!((reply.status, said(&reply).1), (503, json!({"reason": "NO_SUCH_ORDER"})));
    sold.world.desk.orders.refuse(|| status("orders.retail", &No(Class::Unavailable, "PEER_UNAVAILABLE")));
    assert_eq!(sold.world.desk.accept(webhook("orders/cancelled", &body)).await.status, 503);
}

#[tokio::test]
async fn a_body_without_its_order_is_refused_by_field() {
    let desk = desk("").await;
    for (topic, field) in
        [("orders/cancelled", "id"), ("orders/updated", "id"), ("orders/paid", "id"), ("orders/edited", "order_edit")]
    {
        let (code, said) = said(&desk.accept(webhook(topic, "{}")).await);
        assert_eq!((code, &said["fields"][0]["field"]), (400, &json!(field)), "{topic}");
    }
}

#[tokio::test]
async fn a_shop_that_does_not_answer_is_asked_again_when_it_comes_again() {
    let sold = sold(json!([])).await;
    sold.world.turn("cancel", json!({"order": "#1"})).await;
    sold.world.delivered().await;
    let before = sold.world.desk.orders.changes().len();
    sold.world.fault("query Sold(", json!({"kind": "status", "status": 502, "times": 20})).await;
    let body = cancelled(&sold.order, "").to_string();
    assert_eq!(sold.world.desk.accept(webhook("orders/cancelled", &body)).await.status, 503);
    assert_eq!(sold.world.desk.orders.changes().len(), before);
}
