//! Returns on bad days, and by ways that people take without asking Weft.

use serde_json::{Value, json};

use crate::harness::Mesh;

/// One mug of the many that customer 60001 bought.
fn mugs(quantity: i64) -> Value {
    json!([{"sku": "10001", "title": "BLUE ENAMEL MUG", "quantity": quantity, "price": "2.55", "kind": "goods"}])
}

fn wish(mesh: &Mesh, reference: &str, lines: Value) -> Value {
    json!({
        "capture": "RETURN_CAPTURE_REQUEST", "channel": "shop", "source": "store-12", "sourceReturnId": reference,
        "requestedAt": mesh.runtime.clock().now().to_string(), "lines": lines,
    })
}

/// The shop sells it, and the ERP has the money; nothing has left yet.
async fn paid(mesh: &Mesh, name: &str, lines: Value) -> Value {
    let webhooks = json!({"url": format!("http://{}/webhooks/commerce/shop", mesh.at.gateway)});
    mesh.twins().post("/__sandbox/shopify/webhooks", &webhooks).await.unwrap();
    let sale = json!({
        "name": name, "placed_at": "2024-03-02T09:00:00Z", "customer": "60005", "country": "United Kingdom",
        "lines": lines,
    });
    mesh.twins().post("/__sandbox/shopify/sell", &json!({"orders": [sale]})).await.unwrap();
    let by_number = format!("/v1/orders?orderNumber={}", name.replace('#', "%23"));
    let is_paid = |all: &Value| all["orders"][0]["payments"][0]["document"].is_object();
    mesh.answer(&by_number, is_paid).await["orders"][0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_on_which_every_step_of_a_return_fails_once_ends_with_the_same_books() {
    let mesh = Mesh::start().await;
    for (kind, path) in [
        ("reset_after_commit", "!transform/returnAuthorization"),
        ("error_after_commit", "!transform/itemReceipt"),
        ("reset_after_commit", "!transform/creditMemo"),
        ("error_after_commit", "customerRefund"),
    ] {
        mesh.plant("netsuite", json!({"kind": kind, "times": 2, "path_contains": path})).await;
    }
    let refunds = json!({"kind": "reset_after_commit", "times": 2, "body_contains": "refundCreate"});
    mesh.plant("shopify", refunds).await;
    mesh.plant(
        "salesforce",
        json!({"kind": "reset_after_commit", "times": 4, "body_contains": "Case_Milestone_Event__c"}),
    )
    .await;
    let report = mesh.feed().await;
    assert!(report.agrees(), "{} {:#?} {:#}", report.line(), report.differences(), report.books);
    for vendor in ["netsuite", "shopify"] {
        let struck = mesh.twins().get(&format!("/__sandbox/{vendor}/faults")).await.unwrap();
        let sum: u64 = struck.as_array().unwrap().iter().map(|fault| fault["struck"].as_u64().unwrap()).sum();
        assert!(sum >= 2, "the faults of {vendor} must have struck: {struck}");
    }
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_made_in_the_shops_admin_closes_the_erps_books_and_is_never_made_again() {
    let mesh = Mesh::start().await;
    mesh.seed().await;
    let order = mesh.sold("#700003", "60003", mugs(3)).await;
    let refund = json!({
        "order": "#700003", "lines": [{"sku": "10001", "quantity": 1}], "amount": "2.55", "restock": true,
        "note": "goodwill of the shop manager",
    });
    mesh.twins().post("/__sandbox/shopify/refund", &refund).await.unwrap();
    let order_id = order["orderId"].as_str().unwrap();
    let by_order = format!("/v1/returns?orderId={order_id}");
    let found = mesh.answer(&by_order, |all| all["returns"][0]["state"] == "RETURN_STATE_COMPLETED").await;
    assert_eq!(found["returns"].as_array().unwrap().len(), 1);
    assert_eq!(found["returns"][0]["capture"], "RETURN_CAPTURE_FACT");
    let books = mesh.books().await;
    assert_eq!(books["shopify"]["refunds"]["count"], 1, "only the manager's");
    assert_eq!(books["netsuite"]["credit_memos"]["value"], "2.55");
    assert_eq!(books["netsuite"]["customer_refunds"]["value"], "2.55");
    assert_eq!(books["netsuite"]["unbalanced_orders"], 0);
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_returned_already_waits_with_its_cause_and_can_be_dismissed() {
    let mesh = Mesh::start().await;
    mesh.seed().await;
    let order = mesh.sold("#700004", "60004", mugs(2)).await;
    let order_id = order["orderId"].as_str().unwrap();
    let all = json!([{"orderId": order_id, "sku": "10001", "quantity": "2"}]);
    let first = mesh.post("/v1/returns", "first", wish(&mesh, "a", all.clone())).await;
    let first = first["returnRecord"]["returnId"].as_str().unwrap().to_owned();
    mesh.until_return(&first, |one| one["state"] == "RETURN_STATE_COMPLETED").await;
    let second = mesh.post("/v1/returns", "second", wish(&mesh, "b", all)).await;
    let second = second["returnRecord"]["returnId"].as_str().unwrap().to_owned();
    let held = mesh.until_return(&second, |one| one["state"] == "RETURN_STATE_HELD").await;
    assert_eq!(held["lines"][0]["cause"], "QUANTITY_LEFT");
    assert!(held["lines"][0]["causeDetail"].as_str().is_some_and(|detail| !detail.is_empty()));
    let exceptions = mesh.gateway().get("/v1/returns?exceptionCause=QUANTITY_LEFT").await.unwrap();
    assert_eq!(exceptions["returns"][0]["returnId"], second.as_str());
    let dismiss = json!({"lineNumber": 1, "dismiss": true, "note": "came back twice by mistake"});
    mesh.post(&format!("/v1/returns/{second}:resolveException"), "dismiss", dismiss).await;
    mesh.until_return(&second, |one| one["state"] == "RETURN_STATE_REFUSED").await;
    let books = mesh.books().await;
    assert_eq!(books["shopify"]["refunds"]["value"], "5.10");
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_order_that_was_paid_gets_its_money_back_once() {
    // Nothing ships for an hour, so that the order can be cancelled.
    let mesh = Mesh::start_with(|config| config.sandbox.netsuite.ship_after = 3_600).await;
    mesh.seed().await;
    let order = paid(&mesh, "#700005", mugs(2)).await;
    let id = order["orderId"].as_str().unwrap().to_owned();
    let reset = json!({"kind": "reset_after_commit", "times": 1, "body_contains": "refundCreate"});
    mesh.plant("shopify", reset).await;
    mesh.post(&format!("/v1/orders/{id}:cancel"), "cancel", json!({"reason": "no longer wanted"})).await;
    let cancelled = mesh.until(&id, |order| order["state"] == "ORDER_STATE_CANCELLED").await;
    assert_eq!(cancelled["refunds"][0]["amount"]["minorUnits"], "510");
    let books = mesh.books().await;
    assert_eq!(
        (&books["shopify"]["refunds"]["count"], &books["shopify"]["refunds"]["value"]),
        (&json!(1), &json!("5.10"))
    );
    assert_eq!(books["netsuite"]["customer_refunds"]["value"], "5.10");
    assert_eq!(books["netsuite"]["unbalanced_orders"], 0);
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_that_came_back_and_goods_that_never_left_may_be_given_back_in_one() {
    let mesh = Mesh::start_with(|config| config.sandbox.netsuite.back_office = false).await;
    mesh.seed().await;
    let order = paid(&mesh, "#700006", mugs(3)).await;
    let id = order["orderId"].as_str().unwrap().to_owned();
    let record = order["refs"].as_array().unwrap().iter().find(|record| record["type"] == "salesOrder").unwrap();
    let path = format!("salesOrder/{}/!transform", record["id"].as_str().unwrap());
    let two = json!({"shipStatus": {"id": "C"}, "item": {"items": [{"orderLine": 1, "quantity": 2}]}});
    mesh.people(&format!("{path}/itemFulfillment"), two).await;
    mesh.people(&format!("{path}/invoice"), json!({})).await;
    mesh.until(&id, |order| order["shipments"][0]["toldChannel"] == true).await;
    // One of the two that left, and the one that did not.
    let refund = json!({"order": "#700006", "lines": [{"sku": "10001", "quantity": 2}], "restock": true});
    let made = mesh.twins().post("/__sandbox/shopify/refund", &refund).await.unwrap();
    assert_eq!(made["amount"], "5.10");
    let by_order = format!("/v1/returns?orderId={id}");
    let found = mesh.answer(&by_order, |all| all["returns"][0]["state"] == "RETURN_STATE_COMPLETED").await;
    assert_eq!(found["returns"].as_array().unwrap().len(), 1);
    assert_eq!(found["returns"][0]["refunded"][0]["minorUnits"], "255");
    let order = mesh.until(&id, |order| order["state"] == "ORDER_STATE_COMPLETED").await;
    assert_eq!(
        (&order["refunds"][0]["amount"]["minorUnits"], &order["refunds"][0]["shared"]),
        (&json!("255"), &json!(true))
    );
    let books = mesh.books().await;
    assert_eq!(books["shopify"]["refunds"]["value"], "5.10", "nothing is given twice");
    assert_eq!(books["netsuite"]["credit_memos"]["value"], "2.55");
    assert_eq!(books["netsuite"]["customer_refunds"]["value"], "5.10");
    assert_eq!(books["netsuite"]["unbalanced_orders"], 0);
    mesh.end().await;
}
