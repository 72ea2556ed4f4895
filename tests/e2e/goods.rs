//! Goods that move, goods that are expected, and goods that are missing: over REST, with an ERP that fails before and after
//! it has done its work, held against its own books.

use serde_json::{Value, json};

use crate::harness::Mesh;
use crate::pickup::{mesh_with, ordered, shipped, told};

/// The ERP loses answers of writes, too.
async fn mesh() -> Mesh {
    let mesh = mesh_with(|_| {}).await;
    for method in ["PUT", "POST"] {
        let lost = json!({"kind": "reset_after_commit", "method": method, "path_contains": "/record/", "times": 1});
        mesh.plant("netsuite", lost).await;
    }
    mesh
}

async fn now(mesh: &Mesh) -> String {
    mesh.runtime.clock().now().to_string()
}

async fn stock(mesh: &Mesh, location: &str) -> Value {
    let answer = mesh.gateway().get(&format!("/v1/availability?skus=MUG&location={location}")).await.unwrap();
    answer["rows"][0].clone()
}

async fn until_stock(mesh: &Mesh, location: &str, wished: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/v1/availability?skus=MUG&location={location}");
    mesh.answer(&path, |answer| wished(&answer["rows"][0])).await["rows"][0].clone()
}

async fn on_hand(mesh: &Mesh) -> Vec<Value> {
    let mut all = Vec::new();
    for location in ["MAIN", "SOHO", "LEEDS"] {
        all.push(stock(mesh, location).await["onHand"].clone());
    }
    all
}

/// The ERP's own numbers, taken over as a count.
async fn synced(mesh: &Mesh, key: &str) {
    mesh.post("/v1/reference:sync", key, json!({"includeStock": true})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_go_to_a_store_are_on_the_road_arrive_with_a_difference_and_are_sold_there() {
    let mesh = mesh().await;
    let plan = json!({
        "transferId": "T-1", "from": "MAIN", "to": "SOHO", "expectedAt": "2033-01-05T12:00:00Z",
        "lines": [{"sku": "MUG", "quantity": "20"}],
    });
    mesh.post("/v1/transfers", "plan", plan).await;
    assert_eq!(stock(&mesh, "MAIN").await["available"], "30");
    mesh.post("/v1/transfers/T-1:send", "send", json!({"leftAt": now(&mesh).await})).await;
    let soho = until_stock(&mesh, "SOHO", |row| row["inTransit"] == "20").await;
    assert_eq!((&soho["onHand"], &soho["available"]), (&json!("5"), &json!("5")));
    mesh.until_books(|books| books["netsuite"]["transfer_orders"]["in_transit"] == "20").await;
    let came = json!({
        "receiptId": "r-1", "lines": [{"sku": "MUG", "quantity": "19"}], "complete": true,
        "reason": "LOST_ON_THE_ROAD", "happenedAt": now(&mesh).await,
    });
    mesh.post("/v1/transfers/T-1:receive", "came", came).await;
    mesh.answer("/v1/transfers/T-1", |answer| answer["transfer"]["arrivals"][0]["posted"] == true).await;
    assert_eq!(on_hand(&mesh).await, ["30", "24", "5"]);
    let id = ordered(&mesh, "P-1", true).await;
    told(&mesh, &id, "readyForPickup", json!({"note": "shelf 3"})).await;
    told(&mesh, &id, "handOver", json!({"collectedBy": "A. Jones"})).await;
    let order = mesh.until(&id, |order| order["pickup"]["stage"] == "PICKUP_STAGE_COLLECTED").await;
    shipped(&mesh, &order).await;
    mesh.until(&id, |order| order["state"] == "ORDER_STATE_COMPLETED").await;
    synced(&mesh, "after").await;
    assert_eq!(on_hand(&mesh).await, ["30", "22", "5"], "the ERP counts the same");
    let books = mesh.books().await;
    assert_eq!(books["netsuite"]["transfer_orders"], json!({"count": 1, "units": "20", "in_transit": "0"}));
    assert_eq!(books["netsuite"]["item_receipts"]["duplicates"], 0);
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_order_in_the_erp_dates_what_is_short_until_its_goods_are_there() {
    let mesh = mesh().await;
    let sold = json!({
        "reservationId": "o-1", "allowShortfall": true,
        "lines": [{"lineId": "1", "sku": "MUG", "location": "LEEDS", "quantity": "8"}],
    });
    mesh.post("/v1/reservations", "o-1", sold).await;
    let line = |date: &str| json!({"item": {"externalId": "MUG"}, "quantity": 30, "location": {"externalId": "LEEDS"}, "expectedReceiptDate": date});
    let order =
        json!({"externalId": "PO-7", "tranId": "PO-7", "entity": {"id": "1"}, "item": {"items": [line("2033-01-05")]}});
    mesh.people("purchaseOrder", order).await;
    synced(&mesh, "ordered").await;
    let dated = |day: &str| {
        let day = format!("{day}T23:59:59Z");
        move |answer: &Value| answer["reservation"]["lines"][0]["expectedAt"] == json!(day)
    };
    mesh.answer("/v1/reservations/o-1", dated("2033-01-05")).await;
    let later = json!({"item": {"items": [{"line": 1, "expectedReceiptDate": "2033-02-09"}]}});
    let change = json!({"method": "PATCH", "path": "purchaseOrder/eid:PO-7", "body": later});
    mesh.twins().post("/__sandbox/netsuite/people", &change).await.unwrap();
    synced(&mesh, "later").await;
    mesh.answer("/v1/reservations/o-1", dated("2033-02-09")).await;
    let part = json!({"item": {"items": [{"orderLine": 1, "quantity": 10}]}});
    mesh.people("purchaseOrder/eid:PO-7/!transform/itemReceipt", part).await;
    synced(&mesh, "came").await;
    let leeds = stock(&mesh, "LEEDS").await;
    let numbers = ["onHand", "shortfall", "available", "expected"].map(|name| leeds[name].clone());
    assert_eq!(numbers, ["15", "0", "7", "20"]);
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_count_takes_away_from_an_order_is_served_from_elsewhere_when_somebody_says_so() {
    let mesh = mesh().await;
    let id = ordered(&mesh, "S-1", false).await;
    mesh.until(&id, |order| order["lines"][0]["location"] == "SOHO").await;
    let gone = json!({"item": {"externalId": "MUG"}, "location": {"externalId": "SOHO"}, "adjustQtyBy": -4});
    mesh.people("inventoryAdjustment", json!({"account": {"id": "2"}, "inventory": {"items": [gone]}})).await;
    synced(&mesh, "counted").await;
    let short = mesh.gateway().get("/v1/shortfalls").await.unwrap();
    assert_eq!(short["proposals"][0]["reroute"][0]["reservationId"], json!(id), "{short:#}");
    let asked = json!({"sku": "MUG", "location": "SOHO"});
    let action = mesh.post("/v1/shortfalls:act", "act", asked.clone()).await;
    assert_eq!(mesh.post("/v1/shortfalls:act", "act", asked).await["action"]["actionId"], action["action"]["actionId"]);
    let done = mesh.answer("/v1/shortfalls/actions", |answer| answer["actions"][0]["ended"] == true).await;
    assert_eq!(done["actions"][0]["steps"][0]["state"], "SHORTFALL_STEP_STATE_MOVED", "{done:#}");
    let order = mesh.until(&id, |order| order["lines"][0]["location"] == "MAIN").await;
    assert_eq!(order["reroutes"].as_array().unwrap().len(), 1);
    shipped(&mesh, &order).await;
    mesh.until(&id, |order| order["state"] == "ORDER_STATE_COMPLETED").await;
    synced(&mesh, "after").await;
    assert_eq!(on_hand(&mesh).await, ["48", "1", "5"]);
    let left = mesh.gateway().get("/v1/shortfalls").await.unwrap();
    assert!(left["rows"].as_array().is_none_or(Vec::is_empty), "{left:#}");
    assert_eq!(mesh.books().await["netsuite"]["item_fulfillments"]["count"], 1);
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kit_is_sold_leaves_as_its_members_and_comes_back_as_them() {
    let mesh = mesh().await;
    let lamp = json!({
        "currency": "GBP", "locations": [],
        "items": [{"sku": "LAMP", "description": "A lamp", "kind": "goods", "price": "9.00"}],
        "stock": [{"sku": "LAMP", "location": "MAIN", "quantity": 3}],
    });
    mesh.twins().post("/__sandbox/seed", &lamp).await.unwrap();
    let member = |sku: &str, quantity: i64| json!({"item": {"externalId": sku}, "quantity": quantity});
    let kit = json!({"externalId": "SET", "itemId": "SET", "member": {"items": [member("MUG", 2), member("LAMP", 1)]}});
    mesh.people("kitItem", kit).await;
    synced(&mesh, "kit").await;
    let sets = mesh.gateway().get("/v1/availability?skus=SET&location=MAIN").await.unwrap();
    assert_eq!(sets["rows"][0]["available"], "3", "{sets:#}");
    let order = json!({
        "capture": "CAPTURE_REQUEST", "channel": "shop", "channelOrderId": "K-1", "orderNumber": "K-1",
        "placedAt": "2024-03-02T09:00:00Z", "currency": "GBP",
        "lines": [{"kind": "LINE_KIND_GOODS", "sku": "SET", "quantity": "2", "unitPrice": "14.00"}],
        "total": {"minorUnits": "2800", "currency": "GBP"}, "buyer": {"email": "jones@example.com"},
        "shippingAddress": {"name": "A. Jones", "lines": ["1 Test Street"], "city": "London", "postalCode": "N1 1AA", "countryCode": "GB"},
    });
    let placed = mesh.post("/v1/orders", "K-1", order).await;
    let id = placed["order"]["orderId"].as_str().unwrap().to_owned();
    let order = mesh.until(&id, |order| order["state"] == "ORDER_STATE_BOOKED").await;
    assert_eq!(order["lines"][0]["location"], "MAIN");
    assert_eq!(stock(&mesh, "MAIN").await["available"], "46");
    shipped(&mesh, &order).await;
    mesh.until(&id, |order| order["state"] == "ORDER_STATE_COMPLETED").await;
    synced(&mesh, "shipped").await;
    let lamps = async || {
        let answer = mesh.gateway().get("/v1/availability?skus=LAMP&location=MAIN").await.unwrap();
        answer["rows"][0]["onHand"].clone()
    };
    assert_eq!((on_hand(&mesh).await, lamps().await), (vec![json!("46"), json!("5"), json!("5")], json!("1")));
    let back = json!({
        "capture": "RETURN_CAPTURE_REQUEST", "channel": "shop", "source": "service-desk", "sourceReturnId": "K-1-back",
        "requestedAt": now(&mesh).await,
        "lines": [{"sku": "SET", "orderId": id, "quantity": "1", "reason": "DEFECTIVE"}],
    });
    let asked = mesh.post("/v1/returns", "back", back).await;
    let back = asked["returnRecord"]["returnId"].as_str().unwrap().to_owned();
    let with_papers = |one: &Value| one["parts"][0]["returnAuthorization"]["id"].is_string();
    let papers = mesh.until_return(&back, with_papers).await["parts"][0]["returnAuthorization"]["id"].clone();
    mesh.people(&format!("returnAuthorization/{}/!transform/itemReceipt", papers.as_str().unwrap()), json!({})).await;
    mesh.until_return(&back, |one| one["lines"][0]["credited"] == "1").await;
    synced(&mesh, "back").await;
    assert_eq!((on_hand(&mesh).await, lamps().await), (vec![json!("48"), json!("5"), json!("5")], json!("2")));
    mesh.end().await;
}
