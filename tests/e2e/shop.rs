//! What people do in the shop's admin, and what the shop hears of what is done here: over real webhooks that come twice
//! and out of order, with answers that are lost, held against every book.

use std::collections::BTreeMap;

use retail_weft::mesh::url;
use serde_json::{Value, json};

use crate::harness::Mesh;
use crate::pickup::{mesh_with, moved, shipped, told};

/// Three places with mugs that are the shop's first three as well; the shop thinks that MAIN ships, the policy says SOHO.
pub(crate) async fn mesh() -> Mesh {
    let places = [("MAIN", "90000000001"), ("SOHO", "90000000002"), ("LEEDS", "90000000003")];
    let places: BTreeMap<String, String> = places.map(|(code, id)| (code.to_owned(), id.to_owned())).into();
    mesh_with(|config| config.shopify.locations = places).await
}

/// Four mugs for 10.00, sold by the shop; answers the order once it is booked and paid for in every book.
pub(crate) async fn sold(mesh: &Mesh, name: &str, pickup: Option<&str>) -> Value {
    let hook = format!("{}/webhooks/commerce/shop", url(mesh.at.gateway));
    let webhooks = json!({"url": hook, "duplicates_per_mille": 500, "reorder_per_mille": 300, "retry_gap_ms": 200});
    mesh.twins().post("/__sandbox/shopify/webhooks", &webhooks).await.unwrap();
    let line = json!({"sku": "MUG", "title": "A mug", "quantity": 4, "price": "2.50", "kind": "goods"});
    let order = json!({"name": name, "placed_at": "2024-03-02T09:00:00Z", "customer": "60001", "country": "United Kingdom", "lines": [line]});
    let pickups = pickup.map_or(json!({}), |store| json!({name: store}));
    mesh.twins().post("/__sandbox/shopify/sell", &json!({"orders": [order], "pickups": pickups})).await.unwrap();
    let paid = |all: &Value| {
        let order = &all["orders"][0];
        order["state"] == "ORDER_STATE_BOOKED" && order["payments"][0]["document"].is_object()
    };
    let number = name.replace('#', "%23");
    mesh.answer(&format!("/v1/orders?orderNumber={number}"), paid).await["orders"][0].clone()
}

pub(crate) fn id(order: &Value) -> &str {
    order["orderId"].as_str().unwrap()
}

pub(crate) async fn lost(mesh: &Mesh, document: &str) {
    mesh.plant("shopify", json!({"kind": "reset_after_commit", "times": 1, "body_contains": document})).await;
}

pub(crate) async fn available(mesh: &Mesh, location: &str) -> String {
    let answer = mesh.gateway().get(&format!("/v1/availability?skus=MUG&location={location}")).await.unwrap();
    answer["rows"][0]["available"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_cancelled_in_the_shops_admin_is_undone_in_every_book_and_paid_back_once() {
    let mesh = mesh().await;
    for (name, by_the_shop) in [("#810001", true), ("#810002", false)] {
        let order = sold(&mesh, name, None).await;
        assert_eq!(available(&mesh, "SOHO").await, "1");
        lost(&mesh, "CreateRefund").await;
        let cancel = json!({"order": name, "refund": by_the_shop});
        mesh.twins().post("/__sandbox/shopify/cancel", &cancel).await.unwrap();
        let order = mesh.until(id(&order), |order| order["state"] == "ORDER_STATE_CANCELLED").await;
        assert_eq!(order["cause"], "cancelled in the shop: customer");
        assert_eq!(available(&mesh, "SOHO").await, "5");
    }
    let books = mesh.until_books(|books| books["shopify"]["webhooks"]["pending"] == 0).await;
    let (shop, erp) = (&books["shopify"], &books["netsuite"]);
    assert_eq!((&shop["refunds"]["value"], &shop["refunds"]["count"]), (&json!("20.00"), &json!(2)));
    assert_eq!((&erp["customer_refunds"]["value"], &erp["unbalanced_orders"]), (&json!("20.00"), &json!(0)));
    let returns = mesh.gateway().get("/v1/returns").await.unwrap();
    assert_eq!(returns["returns"].as_array().map_or(0, Vec::len), 0, "goods that never left are no return: {returns}");
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_cancelled_here_is_cancelled_in_the_shop_before_its_money_goes_back() {
    let mesh = mesh().await;
    let order = sold(&mesh, "#810003", None).await;
    lost(&mesh, "CancelOrder").await;
    told(&mesh, id(&order), "cancel", json!({"reason": "no longer wanted"})).await;
    mesh.until(id(&order), |order| order["state"] == "ORDER_STATE_CANCELLED").await;
    let books = mesh.until_books(|books| books["shopify"]["webhooks"]["pending"] == 0).await;
    let shop = &books["shopify"];
    assert_eq!((&shop["orders"]["cancelled"], &shop["refunds"]["value"]), (&json!(1), &json!("10.00")));
    assert_eq!((&shop["refunds"]["count"], &shop["inventory"]["committed"]), (&json!(1), &json!("0")));
    let order = mesh.until(id(&order), |_| true).await;
    assert_eq!((&order["cause"], &order["holds"]), (&json!("no longer wanted"), &Value::Null));
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pickup_that_the_shop_sold_is_ready_there_once_and_fulfilled_at_the_handover() {
    let mesh = mesh().await;
    let order = sold(&mesh, "#810004", Some("LEEDS")).await;
    assert_eq!((&order["pickup"]["location"], &order["lines"][0]["location"]), (&json!("LEEDS"), &json!("LEEDS")));
    lost(&mesh, "ReadyForPickup").await;
    told(&mesh, id(&order), "readyForPickup", json!({"note": "shelf 4"})).await;
    let books = mesh.until_books(|books| books["shopify"]["fulfillment_orders"]["ready"] == 1).await;
    assert_eq!(books["shopify"]["fulfillments"]["count"], 0);
    shipped(&mesh, &order).await;
    mesh.until(id(&order), |order| order["state"] == "ORDER_STATE_SHIPPED").await;
    told(&mesh, id(&order), "handOver", json!({"collectedBy": "A. Jones"})).await;
    mesh.until(id(&order), |order| order["state"] == "ORDER_STATE_COMPLETED").await;
    let shop = mesh.books().await["shopify"].clone();
    assert_eq!((&shop["orders"]["fulfilled"], &shop["fulfillments"]["count"]), (&json!(1), &json!(1)));
    let demands = &shop["fulfillment_orders"];
    assert_eq!((&demands["ready_notices"], &demands["moved"]), (&json!(1), &json!(0)), "the customer heard of it once");
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shipment_from_another_place_is_moved_in_the_shop_before_it_is_recorded() {
    let mesh = mesh().await;
    let order = sold(&mesh, "#810005", None).await;
    told(&mesh, id(&order), "reroute", json!({"reason": "asked for", "to": "LEEDS"})).await;
    let order = moved(&mesh, id(&order)).await;
    assert_eq!(order["lines"][0]["location"], "LEEDS", "{:#}", order["reroutes"]);
    lost(&mesh, "MoveFulfilment").await;
    shipped(&mesh, &order).await;
    mesh.until(id(&order), |order| order["state"] == "ORDER_STATE_COMPLETED").await;
    let shop = mesh.books().await["shopify"].clone();
    assert_eq!((&shop["fulfillment_orders"]["moved"], &shop["fulfillments"]["units"]), (&json!(1), &json!(4)));
    let shown = mesh.twins().get("/__sandbox/shopify/orders?order=%23810005").await.unwrap();
    assert_eq!(shown["displayFulfillmentStatus"], "FULFILLED");
    mesh.end().await;
}
