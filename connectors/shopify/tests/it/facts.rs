//! Refunds that the shop tells of: ours come back with their reference, those of people as facts.

use retail_runtime::fault::{Class, status};
use retail_shopify::Connector;
use serde_json::{Value, json};

use crate::refunds::sold;
use crate::webhooks::No;
use crate::world::*;

/// A refund made in the admin, as section 4.7 of the vendor page has it.
fn refund() -> Value {
    json!({"id": 929_361_463, "order_id": 450_789_469, "created_at": "2026-11-23T10:00:00+00:00", "processed_at": "2026-11-23T11:00:00+00:00",
        "note": "broken", "restock": true, "user_id": 7, "order_adjustments": [], "return": null,
        "total_duties_set": {"shop_money": {"amount": "0.00", "currency_code": "EUR"}, "presentment_money": {"amount": "0.00", "currency_code": "EUR"}},
        "transactions": [{"id": 1, "order_id": 450_789_469, "kind": "refund", "status": "success", "gateway": "bogus", "amount": "41.94", "currency": "EUR"}],
        "refund_line_items": [{"id": 5, "line_item_id": 703_073_504, "quantity": 2, "restock_type": "return", "location_id": 9, "subtotal": "41.94",
            "total_tax": "0.00", "line_item": {"id": 703_073_504}}],
        "refund_shipping_lines": []})
}

#[tokio::test]
async fn a_refund_of_people_is_taken_over_as_a_fact() {
    let desk = desk("").await;
    let reply = desk.accept(webhook("refunds/create", &refund().to_string())).await;
    assert_eq!(said(&reply), (200, json!({"result": "TAKEN", "return_id": "return-of-450789469"})));
    let told = desk.owners.refunds().remove(0);
    assert_eq!(told.idempotency_key, "shopify:b54557e4-bdd9-4b37-8a5f-bf7d70bcd043");
    assert_eq!((told.channel.as_str(), told.channel_order_id.as_str()), ("shop", "450789469"));
    let refund = told.refund.unwrap();
    assert_eq!((refund.kind.as_str(), refund.r#type.as_str(), refund.id.as_str()), ("commerce", "refund", "929361463"));
    assert_eq!((told.external_ref.as_str(), told.note.as_str(), told.failed), ("", "broken", false));
    let amount = told.amount.unwrap();
    assert_eq!((amount.minor_units, amount.currency.as_str()), (4_194, "EUR"));
    assert_eq!(
        (told.lines[0].channel_line_id.as_str(), told.lines[0].quantity.as_str(), told.lines[0].restocked),
        ("703073504", "2", true)
    );
    assert_eq!(told.refunded_at.unwrap().seconds, 1_795_428_000);
}

#[tokio::test]
async fn of_goods_that_came_back_and_goods_that_never_left_it_is_said_which_is_which() {
    let desk = desk("").await;
    let mut body = refund();
    let off = json!({"id": 6, "line_item_id": 466_157_049, "quantity": 1, "restock_type": "cancel", "location_id": 9,
        "subtotal": "9.00", "total_tax": "0.00", "line_item": {"id": 466_157_049}});
    body["refund_line_items"].as_array_mut().unwrap().push(off);
    assert_eq!(desk.accept(webhook("refunds/create", &body.to_string())).await.status, 200);
    let told = desk.owners.refunds().remove(0);
    let never_left = told.lines.iter().map(|line| (line.channel_line_id.as_str(), line.never_left));
    assert_eq!(never_left.collect::<Vec<_>>(), [("703073504", false), ("466157049", true)]);
}

#[tokio::test]
async fn only_money_that_moved_counts_and_a_failed_refund_says_so() {
    let desk = desk("").await;
    let mut body = refund();
    body["transactions"][0]["status"] = json!("failure");
    assert_eq!(desk.accept(webhook("refunds/create", &body.to_string())).await.status, 200);
    let told = desk.owners.refunds().remove(0);
    assert_eq!((told.amount, told.failed), (None, true));
}

#[tokio::test]
async fn money_under_way_is_told_when_it_moved() {
    let desk = desk("").await;
    let mut body = refund();
    body["transactions"][0]["status"] = json!("pending");
    let reply = desk.accept(webhook("refunds/create", &body.to_string())).await;
    assert_eq!(said(&reply), (200, json!({"result": "PENDING"})));
    assert!(desk.owners.refunds().is_empty());
}

#[tokio::test]
async fn a_refund_of_an_order_that_is_still_on_its_way_is_told_again() {
    let desk = desk("").await;
    for class in [Class::NotFound, Class::Unavailable, Class::Conflict] {
        desk.owners.refuse(move || Some(status("returns.retail", &No(class, "NO_SUCH_ORDER"))));
        let reply = desk.accept(webhook("refunds/create", &refund().to_string())).await;
        assert_eq!((reply.status, said(&reply).1), (503, json!({"reason": "NO_SUCH_ORDER"})), "{class:?}");
    }
    desk.owners.refuse(|| None);
    assert_eq!(desk.accept(webhook("refunds/create", &refund().to_string())).await.status, 200);
}

#[tokio::test]
async fn a_refund_with_a_bad_signature_or_body_is_refused() {
    let desk = desk("").await;
    let mut unsigned = webhook("refunds/create", &refund().to_string());
    unsigned.headers.truncate(3);
    assert_eq!(desk.accept(unsigned).await.status, 401);
    let mut body = refund();
    body["refund_line_items"][0]["quantity"] = json!("two");
    let (code, said) = said(&desk.accept(webhook("refunds/create", &body.to_string())).await);
    assert_eq!((code, &said["fields"][0]["field"]), (400, &json!("refund_line_items[0].quantity")));
    body = refund();
    body["transactions"][0]["amount"] = json!("41.945");
    assert_eq!(desk.accept(webhook("refunds/create", &body.to_string())).await.status, 400);
    assert!(desk.owners.refunds().is_empty());
}

#[tokio::test]
async fn without_an_owner_facts_are_noted_and_no_more() {
    let desk = desk("").await;
    let shop = Connector::new(&config("http://127.0.0.1:9", "http://127.0.0.1:9", ""), &desk.runtime).unwrap();
    let alone = Desk { shop, ..desk };
    for topic in
        ["refunds/create", "order_transactions/create", "returns/request", "returns/approve", "customers/update"]
    {
        assert_eq!(said(&alone.accept(webhook(topic, "{}")).await), (200, json!({"result": "NOTED"})), "{topic}");
    }
}

#[tokio::test]
async fn a_refund_that_we_asked_for_comes_back_under_our_reference() {
    let sold = sold(json!([])).await;
    sold.refund(&sold.wish(500)).await;
    sold.world.delivered().await;
    let told = sold.world.desk.owners.refunds();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].external_ref.as_str(), told[0].note.as_str()), ("R-1", "worn at the seams"));
    assert_eq!(told[0].amount.as_ref().unwrap().minor_units, 500);
}

#[tokio::test]
async fn refunds_in_the_admin_arrive_with_their_lines_however_often_and_in_whatever_order() {
    let sold = sold(json!([])).await;
    sold.world.turn("webhooks", json!({"duplicates_per_mille": 1000, "reorder_per_mille": 500})).await;
    for quantity in [1, 2] {
        let lines = json!([{"sku": "APPLE", "quantity": quantity}]);
        sold.world.turn("refund", json!({"order": "#1", "lines": lines, "note": "bruised"})).await;
    }
    sold.world.delivered().await;
    let mut told = sold.world.desk.owners.refunds();
    assert!(told.len() >= 4, "the twin was told to repeat itself");
    told.sort_by(|one, other| one.idempotency_key.cmp(&other.idempotency_key));
    told.dedup();
    assert_eq!(told.len(), 2);
    told.sort_by_key(|one| one.amount.as_ref().unwrap().minor_units);
    for (fact, (quantity, minor)) in told.iter().zip([("1", 250), ("2", 500)]) {
        assert_eq!(
            (fact.lines[0].channel_line_id.as_str(), fact.lines[0].quantity.as_str()),
            (sold.apples.as_str(), quantity)
        );
        assert_eq!((fact.lines[0].restocked, fact.external_ref.as_str()), (false, ""));
        assert_eq!(fact.amount.as_ref().unwrap().minor_units, minor);
    }
}

#[tokio::test]
async fn postage_that_is_given_back_whole_is_a_line_of_the_fact() {
    let sold = sold(json!([])).await;
    sold.world.turn("refund", json!({"order": "#1", "shipping": "2.50"})).await;
    sold.world.turn("refund", json!({"order": "#1", "amount": "1.00"})).await;
    sold.world.delivered().await;
    let mut told = sold.world.desk.owners.refunds();
    told.sort_by_key(|one| one.amount.as_ref().unwrap().minor_units);
    assert!(told[0].lines.is_empty());
    assert_eq!(
        (told[1].lines[0].channel_line_id.as_str(), told[1].lines[0].quantity.as_str()),
        (sold.postage.as_str(), "1")
    );
}

#[tokio::test]
async fn a_pending_refund_is_told_when_its_money_moved_or_failed() {
    for success in [true, false] {
        let sold = sold(json!([])).await;
        sold.world.open_the_door_for(json!(["refunds/create", "order_transactions/create"])).await;
        sold.world.turn("plan", json!({"pend_refunds": 1})).await;
        sold.world.turn("refund", json!({"order": "#1", "lines": [{"sku": "APPLE", "quantity": 1}]})).await;
        sold.world.delivered().await;
        assert!(sold.world.desk.owners.refunds().is_empty());
        sold.world.turn("settle", json!({"order": "#1", "success": success})).await;
        sold.world.delivered().await;
        let told = sold.world.desk.owners.refunds().remove(0);
        assert_eq!((told.failed, told.amount.map(|money| money.minor_units)), (!success, success.then_some(250)));
        assert_eq!(told.lines[0].channel_line_id, sold.apples);
    }
}
