//! Webhooks over real sockets: signed, retried with their original body, doubled and disordered on demand.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

use super::*;
use crate::wire::{Lab, Receiver};

/// The newest body of an order's webhook.
pub(super) fn body(shop: &Shop, order: &str, topic: &str) -> Value {
    let order = order.replace('#', "%23");
    json_of(&shop.verb(Method::GET, &format!("body?order={order}&topic={topic}"), Value::Null))
}

async fn lab() -> (Lab, Receiver) {
    let lab = Lab::start(None).await;
    lab.turn("seed", serde_json::to_value(seed()).unwrap()).await;
    let receiver = lab.receiver().await;
    (lab, receiver)
}

async fn sell(lab: &Lab, names: &[&str]) {
    let orders: Vec<Order> = names.iter().map(|name| order(name, vec![line("MUG", 1, "2.50")])).collect();
    let sold = lab.turn("shopify/sell", json!({"orders": orders})).await;
    assert_eq!(sold["accepted"], names.len());
}

#[tokio::test]
async fn row_3_a_webhook_is_signed_over_its_raw_bytes_and_carries_every_header() {
    let (lab, mut receiver) = lab().await;
    lab.turn("shopify/webhooks", json!({"url": receiver.url, "secret": "s3cret", "name": "orders-main"})).await;
    sell(&lab, &["#1"]).await;
    let got = receiver.next().await;
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"s3cret");
    hmac::verify(&key, &got.body, &STANDARD.decode(got.header("x-shopify-hmac-sha256")).unwrap()).unwrap();
    assert_eq!(got.header("x-shopify-topic"), "orders/create");
    assert_eq!(got.header("x-shopify-shop-domain"), "weft-sandbox.myshopify.com");
    assert_eq!(got.header("x-shopify-api-version"), "2026-10");
    assert_eq!(got.header("x-shopify-name"), "orders-main");
    assert_eq!(got.header("content-type"), "application/json");
    assert_eq!(got.header("x-shopify-webhook-id").len(), 36);
    assert_eq!(got.header("x-shopify-event-id").len(), 36);
    // Nanoseconds, in UTC.
    assert_eq!(
        (got.header("x-shopify-triggered-at").len(), got.header("x-shopify-triggered-at").ends_with('Z')),
        (30, true)
    );
    assert_eq!(got.json()["name"], "#1");
    lab.until("shopify/progress", |seen| seen["webhooks"]["acknowledged"] == 1 && seen["idle"] == true).await;
}

#[tokio::test]
async fn row_31_eight_retries_in_four_hours_repeat_the_original_body_and_then_the_subscription_is_gone() {
    let (lab, mut receiver) = lab().await;
    let token = lab.token().await;
    let subscribe = format!(
        "mutation {{ webhookSubscriptionCreate(topic: ORDERS_CREATE, webhookSubscription: {{uri: \"{}\"}}) {{ webhookSubscription {{ id topic uri }} userErrors {{ message }} }} }}",
        receiver.url
    );
    let made = lab.graphql(&token, &subscribe).await.unwrap().json();
    assert_eq!(made["data"]["webhookSubscriptionCreate"]["webhookSubscription"]["topic"], "ORDERS_CREATE");
    let again = lab.graphql(&token, &subscribe).await.unwrap().json();
    assert_eq!(
        again["data"]["webhookSubscriptionCreate"]["userErrors"][0]["message"],
        "Address for this topic has already been taken"
    );
    receiver.answer(503);
    sell(&lab, &["#1"]).await;
    let first = receiver.next().await;
    // The order moves on; the delivery does not.
    lab.turn("shopify/cancel", json!({"order": "#1"})).await;
    for attempt in 1..=8_u32 {
        lab.until("shopify/books", |books| books["webhooks"]["sent"] == attempt).await;
        lab.turn("clock", json!({"advance": format!("{}ms", 56_470_u64 << (attempt - 1))})).await;
        let retried = receiver.next().await;
        assert_eq!(retried.body, first.body);
        assert_eq!(retried.header("x-shopify-webhook-id"), first.header("x-shopify-webhook-id"));
    }
    let books = lab.until("shopify/books", |books| books["webhooks"]["given_up"] == 1).await;
    assert_eq!((&books["webhooks"]["retried"], &books["webhooks"]["pending"]), (&json!(8), &json!(0)));
    let left = "{ webhookSubscriptions(first: 5) { nodes { id } } }";
    let token = lab.token().await;
    assert_eq!(lab.graphql(&token, left).await.unwrap().json()["data"]["webhookSubscriptions"]["nodes"], json!([]));
}

#[tokio::test]
async fn a_retry_is_not_sent_before_its_time() {
    let (lab, mut receiver) = lab().await;
    lab.turn("shopify/webhooks", json!({"url": receiver.url})).await;
    receiver.answer(500);
    sell(&lab, &["#1"]).await;
    receiver.next().await;
    lab.until("shopify/books", |books| books["webhooks"]["sent"] == 1).await;
    receiver.answer(200);
    lab.turn("clock", json!({"advance": "30s"})).await;
    assert_eq!(lab.look("shopify/books").await["webhooks"]["pending"], 1);
    lab.turn("shopify/redeliver", json!({})).await;
    receiver.next().await;
    lab.until("shopify/books", |books| books["webhooks"]["acknowledged"] == 1).await;
}

#[tokio::test]
async fn row_10_a_duplicate_has_the_same_webhook_id_and_body() {
    let (lab, mut receiver) = lab().await;
    lab.turn("shopify/webhooks", json!({"url": receiver.url, "duplicates_per_mille": 1000})).await;
    sell(&lab, &["#1"]).await;
    let (one, two) = (receiver.next().await, receiver.next().await);
    assert_eq!(one.body, two.body);
    assert_eq!(one.header("x-shopify-webhook-id"), two.header("x-shopify-webhook-id"));
    let books = lab.until("shopify/books", |books| books["webhooks"]["acknowledged"] == 2).await;
    assert_eq!((&books["webhooks"]["duplicated"], &books["orders"]["count"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn row_13_some_webhooks_come_late_and_an_event_has_one_id_for_all_its_topics() {
    let (lab, mut receiver) = lab().await;
    lab.turn("shopify/webhooks", json!({"url": receiver.url, "reorder_per_mille": 500, "senders": 1})).await;
    let names: Vec<String> = (0..20).map(|at| format!("#{at}")).collect();
    sell(&lab, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut arrived = Vec::new();
    for _ in 0..20 {
        arrived.push(receiver.next().await.json()["name"].as_str().unwrap().to_owned());
    }
    assert_ne!(arrived, names);
    arrived.sort_by_key(|name| name[1..].parse::<u32>().unwrap());
    assert_eq!(arrived, names);
    lab.turn("shopify/webhooks", json!({"reorder_per_mille": 0})).await;
    lab.turn("shopify/cancel", json!({"order": "#0"})).await;
    let (one, two) = (receiver.next().await, receiver.next().await);
    assert_ne!(one.header("x-shopify-topic"), two.header("x-shopify-topic"));
    assert_eq!(one.header("x-shopify-event-id"), two.header("x-shopify-event-id"));
    assert_ne!(one.header("x-shopify-webhook-id"), two.header("x-shopify-webhook-id"));
}

#[tokio::test]
async fn an_order_can_be_sent_again_and_its_deliveries_looked_at() {
    let (lab, mut receiver) = lab().await;
    lab.turn("shopify/webhooks", json!({"url": receiver.url})).await;
    sell(&lab, &["#1"]).await;
    let first = receiver.next().await;
    assert_eq!(lab.turn("shopify/resend", json!({"order": "#1"})).await["resent"], 1);
    assert_eq!(receiver.next().await.body, first.body);
    let listed = lab.look("shopify/resend?order=%231").await;
    assert_eq!(listed["deliveries"].as_array().unwrap().len(), 2);
    assert_eq!(lab.control(Method::POST, "shopify/resend", json!({"order": "#9"})).await.status, 404);
}

#[tokio::test]
async fn a_shop_that_was_killed_delivers_what_it_had_written() {
    let dir = tempfile::tempdir().unwrap();
    let lab = Lab::start(Some(dir.path().to_owned())).await;
    lab.turn("seed", serde_json::to_value(seed()).unwrap()).await;
    let mut receiver = lab.receiver().await;
    receiver.answer(503);
    lab.turn("shopify/webhooks", json!({"url": receiver.url, "retry_gap_ms": 1})).await;
    sell(&lab, &["#1"]).await;
    let first = receiver.next().await;
    lab.turn("shopify/webhooks", json!({"retry_gap_ms": 3_600_000})).await;
    lab.end().await;
    // A later life: the delivery still goes to the address of the first time, where nobody is.
    let lab = Lab::start(Some(dir.path().to_owned())).await;
    assert_eq!(lab.look("shopify/progress").await["webhooks"]["pending"], 1);
    let kept = lab.control(Method::GET, "shopify/body?order=%231&topic=orders/create", Value::Null).await;
    assert_eq!(kept.body, first.body);
    let before = lab.look("shopify/books").await["webhooks"]["sent"].as_u64().unwrap();
    lab.turn("shopify/redeliver", json!({})).await;
    lab.until("shopify/books", |books| books["webhooks"]["sent"].as_u64().unwrap() > before).await;
}
