//! Orders that customers collect, and orders that their place cannot fulfil: over REST, with vendors that fail, held
//! against the ERP's own books.

use serde_json::{Value, json};

use crate::harness::Mesh;

const POLICY: &str = r#"
    [places.MAIN]
    cost = 450
    [places.SOHO]
    cost = 300
    [places.LEEDS]
    cost = 500
    [policies.default]
    version = "2024-03"
    places = ["MAIN", "SOHO", "LEEDS"]
    prefer = ["cost"]
    rejected_pickup = "ship"
"#;

/// Three places with mugs; nobody ships by himself; the ERP fails before and after it has done its work.
async fn mesh() -> Mesh {
    mesh_with(|_| {}).await
}

pub(crate) async fn mesh_with(and: impl FnOnce(&mut retail_weft::config::Config)) -> Mesh {
    let sourcing = retail_runtime::config::load(POLICY, None, "NO_SUCH_PREFIX_").unwrap();
    let change = |config: &mut retail_weft::config::Config| {
        config.orders.sourcing = sourcing;
        config.sandbox.netsuite.back_office = false;
        and(config);
    };
    let mesh = Mesh::start_with(change).await;
    let place = |code: &str| json!({"code": code, "name": code});
    let stock = |location: &str, quantity: i64| json!({"sku": "MUG", "location": location, "quantity": quantity});
    let seed = json!({
        "currency": "GBP",
        "items": [{"sku": "MUG", "description": "A mug", "kind": "goods", "price": "2.50"}],
        "locations": [place("MAIN"), place("SOHO"), place("LEEDS")],
        "stock": [stock("MAIN", 50), stock("SOHO", 5), stock("LEEDS", 5)],
    });
    mesh.twins().post("/__sandbox/seed", &seed).await.unwrap();
    mesh.post("/v1/reference:sync", "seed", json!({"includeStock": true})).await;
    mesh.plant("netsuite", json!({"kind": "reset_after_commit", "method": "PATCH", "times": 1})).await;
    mesh.plant("netsuite", json!({"kind": "status", "status": 429, "retry_after": 1, "times": 2})).await;
    mesh.plant("netsuite", json!({"kind": "reset_before", "times": 2})).await;
    mesh
}

/// Two mugs; collected in Soho, or shipped.
pub(crate) async fn ordered(mesh: &Mesh, number: &str, collected: bool) -> String {
    let placed = mesh.post("/v1/orders", number, two_mugs(number, collected)).await;
    let id = placed["order"]["orderId"].as_str().unwrap().to_owned();
    mesh.until(&id, |order| order["state"] == "ORDER_STATE_BOOKED").await;
    id
}

/// The order of the above.
pub(crate) fn two_mugs(number: &str, collected: bool) -> Value {
    let mut order = json!({
        "capture": "CAPTURE_REQUEST", "channel": "shop", "channelOrderId": number, "orderNumber": number,
        "placedAt": "2024-03-02T09:00:00Z", "currency": "GBP",
        "lines": [{"kind": "LINE_KIND_GOODS", "sku": "MUG", "quantity": "2", "unitPrice": "2.50"}],
        "total": {"minorUnits": "500", "currency": "GBP"}, "buyer": {"email": "jones@example.com"},
        "shippingAddress": {"name": "A. Jones", "lines": ["1 Test Street"], "city": "London", "postalCode": "N1 1AA", "countryCode": "GB"},
    });
    if collected {
        order["pickup"] = json!({"location": "SOHO", "contactName": "A. Jones"});
    }
    order
}

pub(crate) async fn told(mesh: &Mesh, id: &str, verb: &str, body: Value) -> Value {
    let answer = mesh.post(&format!("/v1/orders/{id}:{verb}"), &format!("{verb}-{id}"), body).await;
    answer["order"].clone()
}

pub(crate) async fn moved(mesh: &Mesh, id: &str) -> Value {
    let over = |order: &Value| order["reroutes"].as_array().and_then(|all| all.last()).is_some_and(is_over);
    mesh.until(id, over).await
}

fn is_over(reroute: &Value) -> bool {
    reroute["state"] != "REROUTE_STATE_OPEN"
}

/// The warehouse ships everything of it, and the books bill it.
pub(crate) async fn shipped(mesh: &Mesh, order: &Value) {
    let record = order["refs"].as_array().unwrap().iter().find(|record| record["type"] == "salesOrder").unwrap();
    let path = format!("salesOrder/{}/!transform", record["id"].as_str().unwrap());
    mesh.people(&format!("{path}/itemFulfillment"), json!({"shipStatus": {"id": "C"}})).await;
    mesh.people(&format!("{path}/invoice"), json!({})).await;
}

async fn available(mesh: &Mesh) -> Vec<String> {
    let mut found = Vec::new();
    for location in ["MAIN", "SOHO", "LEEDS"] {
        let answer = mesh.gateway().get(&format!("/v1/availability?skus=MUG&location={location}")).await.unwrap();
        found.push(answer["rows"][0]["available"].as_str().unwrap().to_owned());
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pickup_that_its_store_cannot_fulfil_is_shipped_from_another_place_and_all_books_say_so() {
    let mesh = mesh().await;
    let id = ordered(&mesh, "P-1", true).await;
    assert_eq!(available(&mesh).await, ["50", "3", "5"]);
    told(&mesh, &id, "rejectPick", json!({"reason": "the shelf is empty"})).await;
    let order = moved(&mesh, &id).await;
    let reroute = &order["reroutes"][0];
    assert_eq!(reroute["state"], "REROUTE_STATE_DONE", "{reroute:#}");
    assert_eq!((&reroute["from"], &reroute["why"]), (&json!("SOHO"), &json!("the shelf is empty")));
    assert_eq!(order["lines"][0]["location"], "MAIN");
    assert_eq!(available(&mesh).await, ["48", "5", "5"]);
    let steps = order["pickup"]["steps"].as_array().unwrap();
    let stages: Vec<_> = steps.iter().map(|step| step["stage"].as_str().unwrap()).collect();
    assert_eq!(stages, ["PICKUP_STAGE_REJECTED", "PICKUP_STAGE_SHIPPING"]);
    shipped(&mesh, &order).await;
    mesh.until(&id, |order| order["state"] == "ORDER_STATE_COMPLETED").await;
    // The ERP shipped from where it was told to: its own numbers, taken over as a count, change nothing.
    mesh.post("/v1/reference:sync", "again", json!({"includeStock": true})).await;
    assert_eq!(available(&mesh).await, ["48", "5", "5"]);
    let books = mesh.books().await;
    assert_eq!(books["netsuite"]["sales_orders"]["count"], 1);
    assert_eq!(books["netsuite"]["item_fulfillments"]["count"], 1);
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parcel_that_is_packed_already_stays_where_it_is_and_a_person_is_told_why() {
    let mesh = mesh().await;
    let id = ordered(&mesh, "S-1", false).await;
    let order = mesh.until(&id, |order| order["lines"][0]["location"] == "SOHO").await;
    let record = order["refs"].as_array().unwrap().iter().find(|record| record["type"] == "salesOrder").unwrap();
    let path = format!("salesOrder/{}/!transform/itemFulfillment", record["id"].as_str().unwrap());
    mesh.people(&path, json!({"shipStatus": {"id": "B"}})).await;
    told(&mesh, &id, "rejectPick", json!({"reason": "too busy"})).await;
    let order = moved(&mesh, &id).await;
    let reroute = &order["reroutes"][0];
    assert_eq!(reroute["state"], "REROUTE_STATE_FAILED");
    assert!(reroute["outcome"].as_str().unwrap().contains("fulfilled"), "{reroute:#}");
    assert_eq!(order["lines"][0]["location"], "SOHO");
    assert_eq!(available(&mesh).await, ["50", "3", "5"], "nothing is promised for nothing");
    let waiting = mesh.gateway().get("/v1/orders?exceptionsOnly=true").await.unwrap();
    assert_eq!(waiting["orders"][0]["orderId"], json!(id));
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parcel_has_left_and_the_rest_is_cancelled_with_its_money() {
    let mesh = mesh().await;
    let line =
        |quantity: i64| json!({"sku": "MUG", "title": "A mug", "quantity": quantity, "price": "2.50", "kind": "goods"});
    let order = json!({"name": "#800001", "placed_at": "2024-03-02T09:00:00Z", "customer": "60001", "country": "United Kingdom", "lines": [line(4)]});
    let webhooks = json!({"url": format!("{}/webhooks/commerce/shop", retail_weft::mesh::url(mesh.at.gateway))});
    mesh.twins().post("/__sandbox/shopify/webhooks", &webhooks).await.unwrap();
    mesh.twins().post("/__sandbox/shopify/sell", &json!({"orders": [order]})).await.unwrap();
    let found = mesh.answer("/v1/orders?orderNumber=%23800001", |all| all["orders"][0].is_object()).await;
    let id = found["orders"][0]["orderId"].as_str().unwrap().to_owned();
    let order = mesh.until(&id, |order| order["state"] == "ORDER_STATE_BOOKED").await;
    let record = order["refs"].as_array().unwrap().iter().find(|record| record["type"] == "salesOrder").unwrap();
    let path = format!("salesOrder/{}/!transform", record["id"].as_str().unwrap());
    let parcel = json!({"shipStatus": {"id": "C"}, "item": {"items": [{"orderLine": 1, "quantity": 3}]}});
    mesh.people(&format!("{path}/itemFulfillment"), parcel).await;
    mesh.people(&format!("{path}/invoice"), json!({})).await;
    mesh.until(&id, |order| order["state"] == "ORDER_STATE_PARTLY_SHIPPED").await;
    told(&mesh, &id, "cancel", json!({"reason": "three are enough", "lineNumbers": [1]})).await;
    let order = mesh.until(&id, |order| order["state"] == "ORDER_STATE_COMPLETED").await;
    assert_eq!(order["lineCancellations"][0]["state"], "LINE_CANCELLATION_STATE_DONE", "{order:#}");
    assert_eq!(order["refunds"][0]["amount"]["minorUnits"], "250");
    let books = mesh.books().await;
    assert_eq!(books["shopify"]["refunds"]["value"], "2.50");
    assert_eq!(books["netsuite"]["unbalanced_orders"], 0, "{:#}", books["netsuite"]["unbalanced_examples"]);
    assert_eq!(books["netsuite"]["invoices"]["value"], "7.50");
    mesh.end().await;
}
