//! One line over several places: promised, shipped in parcels, rejected, rerouted, cancelled and returned part by part, with
//! vendors that fail, held against every book.

use std::collections::BTreeMap;

use retail_weft::mesh::url;
use serde_json::{Value, json};

use crate::harness::Mesh;
use crate::pickup::{mesh_with, moved, shipped, told};

/// SOHO may sell three mugs, LEEDS three, MAIN two, which cost most to send.
const POLICY: &str = r#"
    [places.SOHO]
    cost = 300
    safety_stock = "2"
    [places.LEEDS]
    cost = 400
    safety_stock = "2"
    [places.MAIN]
    cost = 500
    safety_stock = "48"
    [policies.default]
    version = "2024-03"
    places = ["MAIN", "SOHO", "LEEDS"]
    prefer = ["cost"]
    split_limit = 2
    split_lines = true
"#;

async fn mesh() -> Mesh {
    let sourcing = retail_runtime::config::load(POLICY, None, "NO_SUCH_PREFIX_").unwrap();
    let places = [("MAIN", "90000000001"), ("SOHO", "90000000002"), ("LEEDS", "90000000003")];
    let places: BTreeMap<String, String> = places.map(|(code, id)| (code.to_owned(), id.to_owned())).into();
    mesh_with(|config| {
        config.orders.sourcing = sourcing;
        config.shopify.locations = places;
    })
    .await
}

/// Five mugs for 12.50, sold and paid for at the shop; answers the order once every book has it.
async fn sold(mesh: &Mesh, name: &str) -> Value {
    let hook = format!("{}/webhooks/commerce/shop", url(mesh.at.gateway));
    let webhooks = json!({"url": hook, "duplicates_per_mille": 500, "reorder_per_mille": 300, "retry_gap_ms": 200});
    mesh.twins().post("/__sandbox/shopify/webhooks", &webhooks).await.unwrap();
    let line = json!({"sku": "MUG", "title": "A mug", "quantity": 5, "price": "2.50", "kind": "goods"});
    let order = json!({"name": name, "placed_at": "2024-03-02T09:00:00Z", "customer": "60001", "country": "United Kingdom", "lines": [line]});
    mesh.twins().post("/__sandbox/shopify/sell", &json!({"orders": [order]})).await.unwrap();
    let paid = |all: &Value| {
        let order = &all["orders"][0];
        order["state"] == "ORDER_STATE_BOOKED" && order["payments"][0]["document"].is_object()
    };
    let number = name.replace('#', "%23");
    mesh.answer(&format!("/v1/orders?orderNumber={number}"), paid).await["orders"][0].clone()
}

fn id(order: &Value) -> &str {
    order["orderId"].as_str().unwrap()
}

/// Place, quantity and shipped of each line.
fn lines(order: &Value) -> Vec<(&str, &str, &str)> {
    let all = order["lines"].as_array().unwrap().iter();
    all.map(|line| {
        let word = |name: &str| line[name].as_str().unwrap_or_default();
        (word("location"), word("quantity"), word("shipped"))
    })
    .collect()
}

async fn available(mesh: &Mesh) -> Vec<String> {
    let mut found = Vec::new();
    for location in ["MAIN", "SOHO", "LEEDS"] {
        let answer = mesh.gateway().get(&format!("/v1/availability?skus=MUG&location={location}")).await.unwrap();
        found.push(answer["rows"][0]["available"].as_str().unwrap().to_owned());
    }
    found
}

/// The warehouse of one place ships its part, and the books bill it.
async fn parcel(mesh: &Mesh, order: &Value, number: i64, others: &[i64]) {
    let record = order["refs"].as_array().unwrap().iter().find(|record| record["type"] == "salesOrder").unwrap();
    let path = format!("salesOrder/{}/!transform", record["id"].as_str().unwrap());
    let mut items = vec![json!({"orderLine": number, "itemReceive": true})];
    items.extend(others.iter().map(|other| json!({"orderLine": other, "itemReceive": false})));
    let body = json!({"shipStatus": {"id": "C"}, "item": {"items": items}});
    mesh.people(&format!("{path}/itemFulfillment"), body).await;
    mesh.people(&format!("{path}/invoice"), json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_no_single_place_has_ships_in_parts_and_pieces_of_both_come_back() {
    let mesh = mesh().await;
    let order = sold(&mesh, "#820001").await;
    assert_eq!(lines(&order), [("SOHO", "3", "0"), ("LEEDS", "2", "0")]);
    assert_eq!((&order["lines"][1]["number"], &order["lines"][1]["splitFrom"]), (&json!(2), &json!(1)));
    let why = "LEEDS ships line 1 (2 of 5), SOHO ships line 1 (3 of 5): whole lines alone do not suffice";
    assert_eq!(order["sourcing"]["why"], why);
    assert_eq!(available(&mesh).await, ["50", "2", "3"]);

    // LEEDS cannot: its part goes to MAIN. The ERP does it, and its answer is lost.
    mesh.plant("netsuite", json!({"kind": "reset_after_commit", "method": "PATCH", "times": 1})).await;
    told(&mesh, id(&order), "rejectPick", json!({"reason": "the shelf is empty", "location": "LEEDS"})).await;
    let order = moved(&mesh, id(&order)).await;
    assert_eq!(order["reroutes"][0]["state"], "REROUTE_STATE_DONE", "{:#}", order["reroutes"]);
    assert_eq!(lines(&order), [("SOHO", "3", "0"), ("MAIN", "2", "0")]);
    assert_eq!(available(&mesh).await, ["48", "2", "5"]);

    // Two parcels, the second while the shop's answers are lost.
    parcel(&mesh, &order, 2, &[1]).await;
    let has_left = |order: &Value| order["shipments"][0]["toldChannel"] == true;
    let order = mesh.until(id(&order), has_left).await;
    assert_eq!(
        (lines(&order), &order["state"]),
        (vec![("SOHO", "3", "0"), ("MAIN", "2", "2")], &json!("ORDER_STATE_PARTLY_SHIPPED"))
    );
    mesh.plant("shopify", json!({"kind": "reset_after_commit", "times": 1, "body_contains": "MoveFulfilment"})).await;
    parcel(&mesh, &order, 1, &[2]).await;
    let order = mesh.until(id(&order), |order| order["state"] == "ORDER_STATE_COMPLETED").await;
    assert_eq!(available(&mesh).await, ["48", "2", "5"]);
    let shown = mesh.twins().get("/__sandbox/shopify/orders?order=%23820001").await.unwrap();
    assert_eq!(shown["displayFulfillmentStatus"], "FULFILLED");

    // Four of the five come back by the line's own number: three of one part, one of the other.
    let wish = json!({
        "capture": "RETURN_CAPTURE_REQUEST", "channel": "shop", "source": "service-desk", "sourceReturnId": "R-1",
        "requestedAt": mesh.runtime.clock().now().to_string(),
        "lines": [{"orderId": id(&order), "orderLineNumber": 1, "quantity": "4", "reason": "DEFECTIVE"}],
    });
    let started = mesh.post("/v1/returns", "start", wish).await;
    let back = started["returnRecord"]["returnId"].as_str().unwrap().to_owned();
    let all_authorized = |one: &Value| {
        let parts = one["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
        !parts.is_empty() && parts.iter().all(|part| part["returnAuthorization"].is_object())
    };
    let back_record = mesh.until_return(&back, all_authorized).await;
    let pieces: Vec<(&str, &Value)> = back_record["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["requested"].as_str().unwrap(), &line["orderLineNumber"]))
        .collect();
    assert_eq!(pieces, [("3", &json!(1)), ("1", &json!(2))]);
    let received: Vec<Value> = back_record["lines"].as_array().unwrap().iter()
        .map(|line| json!({"number": line["number"], "quantity": line["requested"], "disposition": "DISPOSITION_RESTOCK"})).collect();
    let came = json!({"receiptRef": "dock-1", "receivedAt": mesh.runtime.clock().now().to_string(), "lines": received});
    mesh.post(&format!("/v1/returns/{back}:receive"), "receive", came).await;
    mesh.until_return(&back, |one| one["state"] == "RETURN_STATE_COMPLETED").await;

    // What came back lies where it had left from; the ERP's own numbers, taken over as a count, change nothing.
    assert_eq!(available(&mesh).await, ["49", "5", "5"]);
    mesh.post("/v1/reference:sync", "again", json!({"includeStock": true})).await;
    assert_eq!(available(&mesh).await, ["49", "5", "5"]);
    let books = mesh.books().await;
    let erp = &books["netsuite"];
    assert_eq!((&erp["sales_orders"]["count"], &erp["sales_orders"]["lines"]), (&json!(1), &json!(2)));
    assert_eq!((&erp["invoices"]["value"], &erp["credit_memos"]["value"]), (&json!("12.50"), &json!("10.00")));
    assert_eq!(erp["unbalanced_orders"], 0, "{:#}", erp["unbalanced_examples"]);
    assert_eq!(
        (&books["shopify"]["fulfillments"]["units"], &books["shopify"]["refunds"]["value"]),
        (&json!(5), &json!("10.00"))
    );
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_line_in_parts_fewer_pieces_are_wanted_and_the_rest_is_cancelled_by_its_number() {
    let mesh = mesh().await;
    let order = sold(&mesh, "#820002").await;
    assert_eq!(lines(&order), [("SOHO", "3", "0"), ("LEEDS", "2", "0")]);
    // Four instead of five: one less of the last part.
    let less = json!({"reason": "four are enough", "quantities": [{"lineNumber": 1, "quantity": "4"}]});
    told(&mesh, id(&order), "edit", less).await;
    let order = mesh.until(id(&order), |order| order["edits"][0]["state"] == "EDIT_STATE_DONE").await;
    assert_eq!(lines(&order), [("SOHO", "3", "0"), ("LEEDS", "1", "0")]);
    assert_eq!(available(&mesh).await, ["50", "2", "4"]);
    // SOHO ships, and what is left of the line is cancelled by the number that the customer knows.
    parcel(&mesh, &order, 1, &[2]).await;
    mesh.until(id(&order), |order| order["state"] == "ORDER_STATE_PARTLY_SHIPPED").await;
    told(&mesh, id(&order), "cancel", json!({"reason": "three are enough", "lineNumbers": [1]})).await;
    let order = mesh.until(id(&order), |order| order["state"] == "ORDER_STATE_COMPLETED").await;
    assert_eq!(order["lineCancellations"][0]["lineNumbers"], json!([2]));
    assert_eq!(available(&mesh).await, ["50", "2", "5"]);
    let books = mesh.books().await;
    assert_eq!(
        (&books["netsuite"]["invoices"]["value"], &books["shopify"]["refunds"]["value"]),
        (&json!("7.50"), &json!("5.00"))
    );
    assert_eq!(books["netsuite"]["unbalanced_orders"], 0, "{:#}", books["netsuite"]["unbalanced_examples"]);
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_its_place_rejects_is_split_again_and_one_parcel_of_two_places_is_told_to_the_shop() {
    let mesh = mesh().await;
    let order = sold(&mesh, "#820003").await;
    mesh.plant("netsuite", json!({"kind": "reset_after_commit", "method": "PATCH", "times": 1})).await;
    told(&mesh, id(&order), "rejectPick", json!({"reason": "the shelf is empty", "location": "SOHO"})).await;
    let order = moved(&mesh, id(&order)).await;
    assert_eq!(order["reroutes"][0]["state"], "REROUTE_STATE_DONE", "{:#}", order["reroutes"]);
    assert_eq!(lines(&order), [("LEEDS", "1", "0"), ("LEEDS", "2", "0"), ("MAIN", "2", "0")]);
    assert_eq!((&order["lines"][2]["number"], &order["lines"][2]["splitFrom"]), (&json!(3), &json!(1)));
    assert_eq!(available(&mesh).await, ["48", "5", "2"]);
    let amounts = order["lines"].as_array().unwrap().iter().map(|line| line["amount"]["minorUnits"].as_str().unwrap());
    assert_eq!(amounts.collect::<Vec<_>>(), ["250", "500", "500"]);
    shipped(&mesh, &order).await;
    mesh.until(id(&order), |order| order["state"] == "ORDER_STATE_COMPLETED").await;
    assert_eq!(available(&mesh).await, ["48", "5", "2"]);
    mesh.post("/v1/reference:sync", "again", json!({"includeStock": true})).await;
    assert_eq!(available(&mesh).await, ["48", "5", "2"]);
    let books = mesh.books().await;
    let (shop, erp) = (&books["shopify"], &books["netsuite"]);
    assert_eq!((&shop["fulfillment_orders"]["moved"], &shop["fulfillments"]["units"]), (&json!(1), &json!(5)));
    assert_eq!((&erp["sales_orders"]["lines"], &erp["invoices"]["value"]), (&json!(3), &json!("12.50")));
    assert_eq!(erp["unbalanced_orders"], 0, "{:#}", erp["unbalanced_examples"]);
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_race_for_the_same_pieces_at_several_places_get_all_they_want_and_leave_what_is_kept_back() {
    let mesh = mesh().await;
    // Eight mugs may be sold over three places: five for one order, and three that are enough for none. Whoever looked before
    // another's promise looks again; those that stop each other at two places may all end without.
    let mut orders = Vec::new();
    for number in ["R-1", "R-2", "R-3", "R-4"] {
        orders.push(asked(&mesh, number).await);
    }
    let mut booked = Vec::new();
    for id in &orders {
        booked.extend(booked_or_refused(&mesh, id).await);
    }
    assert!(booked.len() <= 1, "five more would be pieces that are kept back: {booked:#?}");
    // Alone, one more gets five if they are left, and nothing if they are not.
    let last = asked(&mesh, "R-5").await;
    booked.extend(booked_or_refused(&mesh, &last).await);
    assert_eq!(booked.len(), 1, "{booked:#?}");
    let pieces = |line: &Value| line["quantity"].as_str().unwrap().parse::<i64>().unwrap();
    let lines = booked[0]["lines"].as_array().unwrap();
    assert_eq!(lines.iter().map(pieces).sum::<i64>(), 5, "{lines:#?}");
    let left = [("MAIN", 50, 48), ("SOHO", 5, 2), ("LEEDS", 5, 2)].map(|(place, there, kept)| {
        let left = there - lines.iter().filter(|line| line["location"] == place).map(pieces).sum::<i64>();
        assert!(left >= kept, "{place} keeps {kept} back and has {left}");
        left.to_string()
    });
    assert_eq!(available(&mesh).await, left, "nothing is promised for those that were refused");
    for line in booked[0]["sourcing"]["lines"].as_array().unwrap() {
        let kept = if line["location"] == "MAIN" { "48" } else { "2" };
        assert_eq!(line["keptBack"], kept, "{line:#}");
    }
    mesh.end().await;
}

/// An order of five mugs that can still be refused.
async fn asked(mesh: &Mesh, number: &str) -> String {
    let order = json!({
        "capture": "CAPTURE_REQUEST", "channel": "shop", "channelOrderId": number, "orderNumber": number,
        "placedAt": "2024-03-02T09:00:00Z", "currency": "GBP",
        "lines": [{"kind": "LINE_KIND_GOODS", "sku": "MUG", "quantity": "5", "unitPrice": "2.50"}],
        "total": {"minorUnits": "1250", "currency": "GBP"},
    });
    let placed = mesh.post("/v1/orders", number, order).await;
    placed["order"]["orderId"].as_str().unwrap().to_owned()
}

async fn booked_or_refused(mesh: &Mesh, id: &str) -> Option<Value> {
    let over = |order: &Value| order["state"] == "ORDER_STATE_BOOKED" || order["state"] == "ORDER_STATE_REFUSED";
    let order = mesh.until(id, over).await;
    (order["state"] == "ORDER_STATE_BOOKED").then_some(order)
}
