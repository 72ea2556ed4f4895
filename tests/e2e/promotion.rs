//! A promotion: more buyers than pieces, all at once, each asking twice, with vendors that fail. Exactly as much is sold as
//! there is, and the shop, the ERP and the service agents' CRM show what is left.

use futures::future::join_all;
use retail_proto::commerce::v1 as shop;
use retail_proto::commerce::v1::commerce_service_client::CommerceServiceClient;
use retail_proto::crm::v1 as crm;
use retail_proto::crm::v1::crm_service_client::CrmServiceClient;
use retail_runtime::config::Span;
use retail_weft::mesh::url;
use serde_json::{Value, json};

use crate::harness::Mesh;

const PIECES: i64 = 40;
const BUYERS: i64 = 60;

/// One item, in one place; nobody ships by himself.
async fn mesh() -> Mesh {
    let mesh = Mesh::start_with(|config| {
        config.sandbox.netsuite.back_office = false;
        config.inventory.channels.iter_mut().for_each(|channel| channel.every = Some(Span::from_millis(500)));
    })
    .await;
    let seed = json!({
        "currency": "GBP",
        "items": [{"sku": "LAMP", "description": "A lamp", "kind": "goods", "price": "5.00"}],
        "locations": [{"code": "MAIN", "name": "Main warehouse"}],
        "stock": [{"sku": "LAMP", "location": "MAIN", "quantity": PIECES}],
    });
    mesh.twins().post("/__sandbox/seed", &seed).await.unwrap();
    mesh.post("/v1/reference:sync", "seed", json!({"includeStock": true})).await;
    mesh.plant("shopify", json!({"kind": "reset_after_commit", "times": 3, "body_contains": "inventorySetQuantities"}))
        .await;
    mesh.plant("salesforce", json!({"kind": "reset_after_commit", "times": 2, "body_contains": "Availability__c"}))
        .await;
    mesh.plant("netsuite", json!({"kind": "reset_after_commit", "method": "PUT", "times": 5})).await;
    mesh.plant("netsuite", json!({"kind": "status", "status": 429, "retry_after": 1, "per_mille": 50})).await;
    mesh
}

/// Asks for one lamp, twice under one key; answers the order's id.
async fn buys(mesh: &Mesh, buyer: i64) -> String {
    let number = format!("B-{buyer}");
    let order = json!({
        "capture": "CAPTURE_REQUEST", "channel": "shop", "channelOrderId": number, "orderNumber": number,
        "placedAt": "2024-03-02T09:00:00Z", "currency": "GBP",
        "lines": [{"kind": "LINE_KIND_GOODS", "sku": "LAMP", "quantity": "1", "unitPrice": "5.00"}],
        "total": {"minorUnits": "500", "currency": "GBP"},
    });
    let both = join_all((0..2).map(|_| mesh.post("/v1/orders", &number, order.clone()))).await;
    let ids: Vec<_> = both.iter().map(|answer| answer["order"]["orderId"].as_str().unwrap()).collect();
    assert_eq!(ids[0], ids[1], "one key, one order");
    ids[0].to_owned()
}

/// What the shop may still sell.
async fn shown(mesh: &Mesh) -> i64 {
    let peer = mesh.runtime.peer(&url(mesh.at.shopify)).unwrap();
    let mut shop = CommerceServiceClient::new(peer);
    let instance = "shop".to_owned();
    let items = shop::ListItemsRequest { instance: instance.clone(), ..Default::default() };
    let items = shop.list_items(items).await.unwrap().into_inner().items;
    let places = shop::ListLocationsRequest { instance: instance.clone() };
    let places = shop.list_locations(places).await.unwrap().into_inner().locations;
    let ask = shop::GetStockRequest {
        instance,
        inventory_item_ids: items.into_iter().map(|item| item.inventory_item_id).collect(),
        location_id: places[0].location_id.clone(),
    };
    shop.get_stock(ask).await.unwrap().into_inner().readings[0].available
}

/// What agents see.
async fn seen(mesh: &Mesh) -> Option<i64> {
    let mut crm = CrmServiceClient::new(mesh.runtime.peer(&url(mesh.at.salesforce)).unwrap());
    let (instance, location) = ("crm".to_owned(), "MAIN".to_owned());
    let ask = crm::ListAvailabilityRequest { instance, location, page_token: String::new() };
    let rows = crm.list_availability(ask).await.unwrap().into_inner().rows;
    assert!(rows.len() < 2, "one lamp in one place: {rows:?}");
    rows.first().map(|row| row.available)
}

/// Waits until the shop shows so many and agents see them.
async fn until_shown(mesh: &Mesh, wished: i64) {
    let mut last = (0, None);
    for _ in 0..300 {
        last = (shown(mesh).await, seen(mesh).await);
        if last == (wished, Some(wished)) {
            return;
        }
        mesh.runtime.clock().sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("shop and CRM never showed {wished}; last they showed {last:?}");
}

fn settled(order: &Value) -> bool {
    order["state"] == "ORDER_STATE_BOOKED" || order["state"] == "ORDER_STATE_REFUSED"
}

#[tokio::test(flavor = "multi_thread")]
async fn more_buyers_than_pieces_buy_exactly_what_there_is() {
    let mesh = mesh().await;
    until_shown(&mesh, PIECES).await;
    let ids = join_all((0..BUYERS).map(|buyer| buys(&mesh, buyer))).await;
    let orders = join_all(ids.iter().map(|id| mesh.until(id, settled))).await;
    let booked: Vec<&Value> = orders.iter().filter(|order| order["state"] == "ORDER_STATE_BOOKED").collect();
    assert_eq!(booked.len(), usize::try_from(PIECES).unwrap());
    for refused in orders.iter().filter(|order| order["state"] == "ORDER_STATE_REFUSED") {
        assert!(refused["cause"].as_str().unwrap().starts_with("INSUFFICIENT_STOCK"), "{}", refused["cause"]);
    }
    let row = mesh.gateway().get("/v1/availability?skus=LAMP&location=MAIN").await.unwrap()["rows"][0].clone();
    let numbers = ["onHand", "available", "reserved", "shortfall"].map(|name| row[name].as_str().unwrap().to_owned());
    assert_eq!(numbers, ["40", "0", "40", "0"]);
    until_shown(&mesh, 0).await;
    let books = mesh.books().await;
    assert_eq!(books["netsuite"]["sales_orders"]["count"], PIECES);
    assert_eq!(books["netsuite"]["sales_orders"]["duplicates"], 0);
    // Who changes their mind gives a piece back, and the shop sells it again.
    for order in booked.iter().take(5) {
        let id = order["orderId"].as_str().unwrap();
        mesh.post(&format!("/v1/orders/{id}:cancel"), &format!("cancel-{id}"), json!({"reason": "too late"})).await;
    }
    until_shown(&mesh, 5).await;
    mesh.end().await;
}
