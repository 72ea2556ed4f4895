//! What stands before every twin: faults, the request log, the clock, and books that outlive the process.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what tests build on fails loudly")]

use http::Method;
use serde_json::{Value, json};

use crate::wire::Lab;

const SHOP: &str = "{ shop { name } }";
const ITEMS: &str = "{ locations(first: 5) { nodes { id name } } inventoryItems(first: 5) { nodes { id sku } } }";

fn seed() -> Value {
    json!({"currency": "GBP", "items": [{"sku": "MUG", "description": "A MUG", "kind": "goods", "price": "2.50"}],
        "locations": [{"code": "MAIN", "name": "Main"}], "stock": [{"sku": "MUG", "location": "MAIN", "quantity": 100}]})
}

fn set_stock(found: &Value, key: &str, quantity: i64) -> String {
    let item = &found["data"]["inventoryItems"]["nodes"][0]["id"];
    let location = &found["data"]["locations"]["nodes"][0]["id"];
    format!(
        "mutation {{ inventorySetQuantities(input: {{name: \"available\", reason: \"correction\", quantities: [
         {{inventoryItemId: {item}, locationId: {location}, quantity: {quantity}, changeFromQuantity: null}}]}})
         @idempotent(key: \"{key}\") {{ userErrors {{ code }} }} }}"
    )
}

#[tokio::test]
async fn a_planned_429_and_500_strike_as_often_as_planned_and_are_counted() {
    let lab = Lab::start(None).await;
    let token = lab.token().await;
    lab.turn(
        "shopify/faults",
        json!({"kind": "status", "status": 429, "retry_after": 2, "path_contains": "graphql", "times": 1}),
    )
    .await;
    lab.turn("shopify/faults", json!({"kind": "status", "status": 500, "times": 2, "method": "POST"})).await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        let got = lab.graphql(&token, SHOP).await.unwrap();
        seen.push((got.status, got.header("retry-after").to_owned()));
    }
    let with = |status, wait: &str| (status, wait.to_owned());
    assert_eq!(seen, [with(429, "2"), with(500, ""), with(500, ""), with(200, "")]);
    let faults = lab.look("shopify/faults").await;
    assert_eq!((&faults[0]["struck"], &faults[1]["struck"]), (&json!(1), &json!(2)));
}

#[tokio::test]
async fn a_fault_can_let_requests_pass_first_and_can_be_dropped() {
    let lab = Lab::start(None).await;
    let token = lab.token().await;
    let id = lab
        .turn("shopify/faults", json!({"kind": "status", "status": 503, "after": 1, "body_contains": "shop"}))
        .await["id"]
        .clone();
    let status = async || lab.graphql(&token, SHOP).await.unwrap().status;
    assert_eq!((status().await, status().await, status().await), (200, 503, 503));
    lab.control(Method::DELETE, &format!("shopify/faults/{id}"), Value::Null).await;
    assert_eq!(status().await, 200);
}

#[tokio::test]
async fn a_reset_after_commit_leaves_the_deed_in_the_books_and_no_answer() {
    let lab = Lab::start(None).await;
    lab.turn("seed", seed()).await;
    let token = lab.token().await;
    let found = lab.graphql(&token, ITEMS).await.unwrap().json();
    lab.turn(
        "shopify/faults",
        json!({"kind": "reset_after_commit", "times": 1, "body_contains": "inventorySetQuantities"}),
    )
    .await;
    assert!(lab.graphql(&token, &set_stock(&found, "k1", 40)).await.is_err());
    assert_eq!(lab.look("shopify/books").await["inventory"]["on_hand"], "40");
    // The key tells that it was done.
    let again = lab.graphql(&token, &set_stock(&found, "k1", 40)).await.unwrap().json();
    assert_eq!(again["data"]["inventorySetQuantities"]["userErrors"], json!([]));
    assert_eq!(lab.look("shopify/books").await["inventory"]["sets"], 1);
}

#[tokio::test]
async fn a_reset_before_leaves_nothing() {
    let lab = Lab::start(None).await;
    lab.turn("seed", seed()).await;
    let token = lab.token().await;
    let found = lab.graphql(&token, ITEMS).await.unwrap().json();
    lab.turn("shopify/faults", json!({"kind": "reset_before", "times": 1})).await;
    assert!(lab.graphql(&token, &set_stock(&found, "k1", 40)).await.is_err());
    assert_eq!(lab.look("shopify/books").await["inventory"]["on_hand"], "100");
}

#[tokio::test]
async fn a_late_commit_answers_nobody_and_is_done_all_the_same() {
    let lab = Lab::start(None).await;
    lab.turn("seed", seed()).await;
    let token = lab.token().await;
    let found = lab.graphql(&token, ITEMS).await.unwrap().json();
    let fault = json!({"kind": "late_commit", "ms": 1, "times": 1, "body_contains": "inventorySetQuantities"});
    lab.turn("shopify/faults", fault).await;
    assert!(lab.graphql(&token, &set_stock(&found, "k1", 40)).await.is_err());
    lab.until("shopify/books", |books| books["inventory"]["on_hand"] == "40").await;
}

#[tokio::test]
async fn a_truncated_answer_breaks_off_and_a_delayed_one_arrives() {
    let lab = Lab::start(None).await;
    let token = lab.token().await;
    lab.turn("shopify/faults", json!({"kind": "truncate", "times": 1})).await;
    lab.turn("shopify/faults", json!({"kind": "delay", "ms": 1, "times": 1})).await;
    assert!(lab.graphql(&token, SHOP).await.is_err());
    assert_eq!(lab.graphql(&token, SHOP).await.unwrap().status, 200);
    assert_eq!(lab.look("shopify/requests").await.as_array().unwrap().last().unwrap()["fault"], "delay");
}

#[tokio::test]
async fn expired_tokens_are_refused_until_new_ones_are_fetched() {
    let lab = Lab::start(None).await;
    let token = lab.token().await;
    lab.turn("shopify/faults", json!({"kind": "expire_tokens", "times": 1, "path_contains": "graphql"})).await;
    assert_eq!(lab.graphql(&token, SHOP).await.unwrap().status, 401);
    let token = lab.token().await;
    assert_eq!(lab.graphql(&token, SHOP).await.unwrap().status, 200);
}

#[tokio::test]
async fn every_request_is_logged_with_its_trace() {
    let lab = Lab::start(None).await;
    let token = lab.token().await;
    lab.graphql(&token, SHOP).await.unwrap();
    let found = lab.look("shopify/requests?traceparent=11111111111111111111111111111111&contains=graphql").await;
    let entry = &found.as_array().unwrap()[0];
    assert_eq!((&entry["seq"], &entry["status"], &entry["method"]), (&json!(2), &json!(200), &json!("POST")));
    assert_eq!(entry["traceparent"], "00-11111111111111111111111111111111-2222222222222222-01");
    assert_eq!(lab.look("shopify/requests?after=2").await, json!([]));
}

#[tokio::test]
async fn the_clock_goes_forwards_only() {
    let lab = Lab::start(None).await;
    let token = lab.token().await;
    assert_eq!(lab.turn("clock", json!({"advance": "25h"})).await["ahead_ms"], 90_000_000);
    assert_eq!(lab.graphql(&token, SHOP).await.unwrap().status, 401);
    assert_eq!(lab.control(Method::POST, "clock", json!({"advance": "-1h"})).await.status, 400);
}

#[tokio::test]
async fn a_sandbox_that_starts_again_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let lab = Lab::start(Some(dir.path().to_owned())).await;
    lab.turn("seed", seed()).await;
    lab.turn("clock", json!({"advance": "1h"})).await;
    lab.turn("shopify/faults", json!({"kind": "status", "status": 503, "path_contains": "never"})).await;
    let token = lab.token().await;
    let before = lab.look("shopify/books").await;
    lab.end().await;
    let lab = Lab::start(Some(dir.path().to_owned())).await;
    assert_eq!(lab.graphql(&token, SHOP).await.unwrap().status, 200);
    assert_eq!(lab.look("shopify/books").await, before);
    assert_eq!(lab.look("clock").await["ahead_ms"], 3_600_000);
    assert_eq!(lab.look("shopify/faults").await[0]["kind"], "status");
    assert_eq!(lab.look("shopify/requests").await.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_reset_empties_the_books_of_every_vendor() {
    let dir = tempfile::tempdir().unwrap();
    let lab = Lab::start(Some(dir.path().to_owned())).await;
    lab.turn("seed", seed()).await;
    assert_eq!(lab.look("books").await["shopify"]["inventory"]["on_hand"], "100");
    lab.turn("reset", Value::Null).await;
    let books = lab.look("books").await;
    assert_eq!(books["shopify"]["inventory"]["on_hand"], "0");
    assert_eq!(books["netsuite"]["customers"]["count"], 0);
    assert_eq!(books["salesforce"]["accounts"]["count"], 0);
}

#[tokio::test]
async fn what_the_operator_misspells_is_refused() {
    let lab = Lab::start(None).await;
    for (target, body) in [
        ("shopify/faults", json!({"kind": "status", "colour": "red"})),
        ("shopify/faults", json!({"kind": "status", "status": 200})),
        ("shopify/faults", json!({"kind": "mischief"})),
        ("seed", json!({"items": []})),
        ("shopify/sell", json!({"order": []})),
    ] {
        assert_eq!(lab.control(Method::POST, target, body).await.status, 400, "{target}");
    }
    assert_eq!(lab.control(Method::GET, "shopify/nothing", Value::Null).await.status, 404);
    assert_eq!(lab.control(Method::GET, "walmart/books", Value::Null).await.status, 404);
}
