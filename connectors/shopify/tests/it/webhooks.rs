//! Webhooks in: signatures, repeats, what the shop hears.

use retail_proto::commerce::v1 as pb;
use retail_proto::commerce::v1::commerce_service_client::CommerceServiceClient;
use retail_runtime::fault::{Class, Fault, Violations, status};
use retail_shopify::Connector;
use serde_json::{Value, json};
use tonic::service::Routes;

use crate::world::*;

#[tokio::test]
async fn an_order_of_the_shop_is_placed_as_a_fact_under_the_webhooks_id() {
    let desk = desk("").await;
    let reply = desk.accept(webhook("orders/create", BODY)).await;
    assert_eq!(said(&reply), (200, json!({"result": "PLACED", "order_id": "order-of-820982911946154508"})));
    let orders = desk.orders.orders();
    assert_eq!(orders.len(), 1);
    assert_eq!(orders[0].idempotency_key, "shopify:b54557e4-bdd9-4b37-8a5f-bf7d70bcd043");
    assert_eq!((orders[0].channel.as_str(), orders[0].order_number.as_str()), ("shop", "#1001"));
}

#[tokio::test]
async fn a_repeat_asks_for_the_very_same_thing() {
    let desk = desk("").await;
    for _ in 0..2 {
        assert_eq!(desk.accept(webhook("orders/create", BODY)).await.status, 200);
    }
    let orders = desk.orders.orders();
    assert_eq!(orders[0], orders[1]);
}

#[tokio::test]
async fn a_bad_signature_is_refused_and_nothing_happens() {
    let desk = desk("previous_secret = 'former'").await;
    let signed = |secret: &str| {
        let mut webhook = webhook("orders/create", BODY);
        webhook.headers[3].value = sign(secret, BODY.as_bytes());
        webhook
    };
    let mut changed = webhook("orders/create", BODY);
    changed.body.push(b' ');
    let mut unsigned = webhook("orders/create", BODY);
    unsigned.headers.truncate(3);
    for bad in [signed("other"), changed, unsigned] {
        let (status, body) = said(&desk.accept(bad).await);
        assert_eq!((status, &body["reason"]), (401, &json!("BAD_SIGNATURE")));
    }
    assert!(desk.orders.orders().is_empty());
    assert_eq!(desk.accept(signed("former")).await.status, 200);
}

#[tokio::test]
async fn a_webhook_of_another_shop_is_refused() {
    let desk = desk("").await;
    let mut other = webhook("orders/create", BODY);
    other.headers[1].value = "other.myshopify.com".to_owned();
    let (status, body) = said(&desk.accept(other).await);
    assert_eq!((status, &body["reason"]), (401, &json!("WRONG_SHOP")));
}

#[tokio::test]
async fn other_topics_are_acknowledged_and_place_nothing() {
    let desk = desk("").await;
    for (topic, result) in [
        ("orders/partially_fulfilled", "NOTED"),
        ("orders/fulfilled", "NOTED"),
        ("customers/redact", "NOTED"),
        ("carts/update", "UNKNOWN_TOPIC"),
    ] {
        assert_eq!(said(&desk.accept(webhook(topic, "{}")).await), (200, json!({"result": result})), "{topic}");
    }
    assert!(desk.orders.orders().is_empty());
}

#[tokio::test]
async fn a_malformed_body_is_refused_by_the_name_of_its_field() {
    let desk = desk("").await;
    let field = |body: &Value| body["fields"][0]["field"].clone();
    let (status, body) = said(&desk.accept(webhook("orders/create", "{")).await);
    assert_eq!((status, field(&body)), (400, json!("body")));
    let (status, body) =
        said(&desk.accept(webhook("orders/create", &BODY.replace("\"60.00\", \"total", "\"x\", \"total"))).await);
    assert_eq!((status, field(&body)), (400, json!("line_items[0].price")));
    let (status, body) =
        said(&desk.accept(webhook("orders/create", &BODY.replace("\"quantity\": 2", "\"quantity\": \"2\""))).await);
    assert_eq!((status, field(&body)), (400, json!("line_items[0].quantity")));
}

#[tokio::test]
async fn a_webhook_without_an_id_or_a_topic_is_refused() {
    let desk = desk("").await;
    for (index, name) in [(0, "x-shopify-topic"), (2, "x-shopify-webhook-id")] {
        let mut webhook = webhook("orders/create", BODY);
        webhook.headers.remove(index);
        let (status, body) = said(&desk.accept(webhook).await);
        assert_eq!((status, &body["fields"][0]["field"]), (400, &json!(name)));
    }
}

#[tokio::test]
async fn an_order_that_the_service_cannot_take_is_refused_with_its_fields() {
    let desk = desk("").await;
    desk.orders.refuse(|| {
        let mut bad = Violations::default();
        bad.add("lines[0].quantity", "a quantity is above 0");
        status("orders.retail", &bad.into_shape())
    });
    let (code, body) = said(&desk.accept(webhook("orders/create", BODY)).await);
    assert_eq!((code, &body["reason"]), (422, &json!("BAD_REQUEST")));
    assert_eq!(body["fields"], json!([{"field": "lines[0].quantity", "problem": "a quantity is above 0"}]));
}

#[derive(Debug, thiserror::Error)]
#[error("no")]
pub(crate) struct No(pub(crate) Class, pub(crate) &'static str);

impl Fault for No {
    fn class(&self) -> Class {
        self.0
    }

    fn reason(&self) -> &'static str {
        self.1
    }
}

#[tokio::test]
async fn an_order_told_again_with_other_content_is_acknowledged_as_a_duplicate() {
    let desk = desk("").await;
    for (class, reason) in [(Class::Precondition, "OTHER_CONTENT"), (Class::Invalid, "IDEMPOTENCY_KEY_REUSED")] {
        desk.orders.refuse(move || status("orders.retail", &No(class, reason)));
        let reply = desk.accept(webhook("orders/create", BODY)).await;
        assert_eq!(said(&reply), (200, json!({"result": "DUPLICATE", "reason": reason})));
    }
}

#[tokio::test]
async fn the_shop_comes_again_when_nobody_knows_whether_the_order_is_durable() {
    let desk = desk("webhook_patience = '20ms'").await;
    let waits = |headers: &[retail_proto::types::v1::Header]| headers.iter().any(|header| header.name == "retry-after");
    for class in [Class::Unavailable, Class::Unknown, Class::Conflict, Class::Throttled, Class::Internal, Class::Denied]
    {
        desk.orders.refuse(move || status("orders.retail", &No(class, "NO")));
        let reply = desk.accept(webhook("orders/create", BODY)).await;
        assert!(reply.status == 503 && waits(&reply.headers), "{class:?}: {reply:?}");
    }
    desk.orders.fall_silent();
    let reply = desk.accept(webhook("orders/create", BODY)).await;
    assert!(reply.status == 503 && waits(&reply.headers), "{reply:?}");
}

#[tokio::test]
async fn the_shop_comes_again_when_there_is_no_orders_service() {
    let runtime = retail_runtime::Runtime::system("test");
    let nobody = runtime.bind("127.0.0.1:0".parse().unwrap()).await.unwrap().local_addr();
    let config = config("http://127.0.0.1:9", &format!("http://{nobody}"), "");
    let shop = Connector::new(&config, &runtime).unwrap();
    let (orders, _) = crate::orders::Orders::start(&runtime).await;
    let (owners, _) = crate::owners::Owners::start(&runtime).await;
    let desk = Desk { runtime, orders, owners, shop };
    assert_eq!(desk.accept(webhook("orders/create", BODY)).await.status, 503);
}

#[tokio::test]
async fn an_order_of_1114_lines_fits_through_every_door() {
    let desk = desk("").await;
    let mut body: Value = serde_json::from_str(BODY).unwrap();
    let line = body["line_items"][0].clone();
    let lines = (0..1_114_u64).map(|index| {
        let mut line = line.clone();
        line["id"] = json!(15_000_000_000_001_u64 + index);
        // The shop's bodies are wordy: 5 KiB a line makes more than gRPC's own limit of 4 MiB.
        line["properties"] = json!([{"name": "note", "value": "x".repeat(5 * 1024)}]);
        line
    });
    body["line_items"] = lines.collect();
    let body = body.to_string();
    assert!(body.len() > 5 * 1024 * 1024);
    let listener = desk.runtime.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = format!("http://{}", listener.local_addr());
    let (own, routes) = (desk.runtime.clone(), Routes::new(desk.shop.server()));
    desk.runtime.spawn("connector", async move { own.serve_grpc(listener, routes).await.unwrap() });
    let mut client = CommerceServiceClient::new(desk.runtime.peer(&address).unwrap());
    let request = pb::AcceptWebhookRequest { webhook: Some(webhook("orders/create", &body)) };
    let reply = client.accept_webhook(request).await.unwrap().into_inner().reply.unwrap();
    assert_eq!(reply.status, 200);
    assert_eq!(desk.orders.orders()[0].lines.len(), 1_115);
}

#[tokio::test]
async fn what_the_shop_sells_arrives_once_in_content_however_often_it_is_told() {
    let world = world().await;
    world.open_the_door().await;
    world.turn("webhooks", json!({"duplicates_per_mille": 1000, "reorder_per_mille": 500})).await;
    for (index, name) in ["#1", "#2", "#3"].into_iter().enumerate() {
        world.sell(name, 1 + i64::try_from(index).unwrap(), 1).await;
    }
    world.delivered().await;
    let mut orders = world.desk.orders.orders();
    assert!(orders.len() > 3, "the twin was told to repeat itself");
    // A repeat differs by nothing, not even by its key.
    orders.sort_by(|one, other| one.order_number.cmp(&other.order_number));
    orders.dedup();
    assert_eq!(orders.len(), 3);
    assert_eq!(
        orders.iter().map(|order| order.total.as_ref().unwrap().minor_units).collect::<Vec<_>>(),
        [750, 1_000, 1_250]
    );
    assert!(orders.iter().all(|order| order.buyer.as_ref().unwrap().email_verified && order.payments.len() == 1));
    assert_eq!(world.books().await["webhooks"]["given_up"], 0);
}
