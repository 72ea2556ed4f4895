//! Bad input gets a clear answer with the right status, and nothing is half done.

use serde_json::{Value, json};

use crate::harness::{Mesh, order};

/// Places an order over REST; status and problem.
async fn place(mesh: &Mesh, key: &str, order: &Value) -> (u16, Value) {
    let headers = [("idempotency-key", key)];
    let (status, text) = mesh.gateway().raw("POST", "/v1/orders", Some(order), &headers).await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

fn field(problem: &Value) -> &str {
    problem["fields"][0]["field"].as_str().unwrap_or("no field")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_field_is_named_and_nothing_is_stored() {
    let mesh = Mesh::start().await;
    mesh.seed().await;
    let changed = |path: &str, value: Value| {
        let mut order = order("#9");
        *order.pointer_mut(path).unwrap() = value;
        order
    };
    for (case, broken, name) in [
        ("a negative quantity", changed("/lines/0/quantity", json!("-1")), "lines[0].quantity"),
        ("an unknown currency", changed("/currency", json!("XYZ")), "currency"),
        ("an unknown item", changed("/lines/1/sku", json!("NO-SUCH")), "lines[1].sku"),
        ("an unknown channel", changed("/channel", json!("market")), "channel"),
    ] {
        let (status, problem) = place(&mesh, &case.replace(' ', "-"), &broken).await;
        assert_eq!(status, 400, "{case}: {problem}");
        assert_eq!(field(&problem), name, "{case}: {problem}");
    }
    let (status, problem) = place(&mesh, "good", &changed("/currency", json!("GBP"))).await;
    assert_eq!(status, 200, "the same order without a fault is taken: {problem}");
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_needed_and_belongs_to_one_request() {
    let mesh = Mesh::start().await;
    mesh.seed().await;
    let (status, text) = mesh.gateway().raw("POST", "/v1/orders", Some(&order("#1")), &[]).await.unwrap();
    assert_eq!(status, 400, "{text}");
    assert!(text.contains("Idempotency-Key"), "{text}");
    let (first, placed) = place(&mesh, "k-1", &order("#1")).await;
    let (again, repeated) = place(&mesh, "k-1", &order("#1")).await;
    assert_eq!((first, again), (200, 200), "{placed} {repeated}");
    assert_eq!(placed["order"]["orderId"], repeated["order"]["orderId"]);
    let (other, problem) = place(&mesh, "k-1", &order("#2")).await;
    assert_eq!(other, 422, "{problem}");
    assert_eq!(problem["reason"], "IDEMPOTENCY_KEY_REUSED");
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_nobody_signed_a_broken_one_and_one_too_large_change_nothing() {
    let mesh = Mesh::start().await;
    mesh.seed().await;
    let hook = "/webhooks/commerce/shop";
    let signed = [
        ("x-shopify-topic", "orders/create"),
        ("x-shopify-shop-domain", "weft-sandbox.myshopify.com"),
        ("x-shopify-webhook-id", "w-1"),
        ("x-shopify-api-version", "2026-10"),
        ("x-shopify-hmac-sha256", "bm90IHRoZSBzaWduYXR1cmU="),
    ];
    let (status, text) = mesh.gateway().raw("POST", hook, Some(&json!({"id": 1})), &signed).await.unwrap();
    assert_eq!(status, 401, "{text}");
    let large = json!({"filler": "x".repeat(3 << 20)});
    let (status, text) = mesh.gateway().raw("POST", hook, Some(&large), &signed).await.unwrap();
    assert_eq!(status, 413, "{text}");
    let (status, text) =
        mesh.gateway().raw("POST", "/webhooks/commerce/nobody", Some(&json!({})), &signed).await.unwrap();
    assert_eq!(status, 404, "{text}");
    let orders = mesh.gateway().get("/v1/orders").await.unwrap();
    assert_eq!(orders["orders"].as_array().map_or(0, Vec::len), 0, "{orders}");
    assert_eq!(mesh.books().await["netsuite"]["sales_orders"]["count"], 0);
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_there_is_refuses_a_request_and_promises_nothing() {
    let mesh = Mesh::start().await;
    mesh.seed().await;
    let mut greedy = order("#7");
    greedy["lines"][0]["quantity"] = json!("100000");
    greedy["total"]["minorUnits"] = json!((255 * 100_000 + 725).to_string());
    let (status, placed) = place(&mesh, "greedy", &greedy).await;
    assert_eq!(status, 200, "{placed}");
    let id = placed["order"]["orderId"].as_str().unwrap();
    let refused = mesh.until(id, |order| order["state"] == "ORDER_STATE_REFUSED").await;
    assert!(refused["cause"].as_str().unwrap().contains("INSUFFICIENT_STOCK"), "{refused}");
    nothing_is_promised(&mesh).await;
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_order_gives_its_stock_back_and_the_erp_never_ships_it() {
    // The back office rests, so that the order can still be cancelled.
    let mesh = Mesh::start_with(|config| config.sandbox.netsuite.back_office = false).await;
    mesh.seed().await;
    let (_, placed) = place(&mesh, "cancel-me", &order("#8")).await;
    let id = placed["order"]["orderId"].as_str().unwrap().to_owned();
    mesh.until(&id, |order| order["state"] == "ORDER_STATE_BOOKED").await;
    let body = json!({"reason": "ordered twice"});
    let headers = [("idempotency-key", "cancel-1")];
    mesh.gateway().call("POST", &format!("/v1/orders/{id}:cancel"), Some(&body), &headers).await.unwrap();
    mesh.until(&id, |order| order["state"] == "ORDER_STATE_CANCELLED").await;
    nothing_is_promised(&mesh).await;
    assert_eq!(mesh.books().await["netsuite"]["item_fulfillments"]["count"], 0);
    mesh.end().await;
}

async fn nothing_is_promised(mesh: &Mesh) {
    let stock = mesh.gateway().get("/v1/availability?skus=10001&skus=10003").await.unwrap();
    let rows = stock["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{stock}");
    for row in rows {
        assert_eq!(row["reserved"], "0", "{stock}");
    }
}
