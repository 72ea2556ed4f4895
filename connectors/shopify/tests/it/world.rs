//! The twin, its operator, the orders service and the connector between them.

use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Method;
use http_body_util::BodyExt as _;
use retail_connect::{Bearer, Budget, Call, Http, Lanes};
use retail_proto::commerce::v1 as pb;
use retail_proto::commerce::v1::commerce_service_server::CommerceService as _;
use retail_proto::types::v1::{Header, Outcome, OutcomeState, WebhookReply, WebhookRequest};
use retail_runtime::fault::Refusal;
use retail_runtime::http::full;
use retail_runtime::{HttpLimits, Runtime};
use retail_sandbox::{Listen, Sandbox};
use retail_shopify::{Config, Connector};
use serde_json::{Value, json};
use tonic::{Request, Status};

use crate::orders::Orders;
use crate::owners::Owners;

pub(crate) const SECRET: &str = "weft-sandbox-secret";
pub(crate) const DOMAIN: &str = "demo.myshopify.com";
pub(crate) const BODY: &str = include_str!("../../fixtures/orders_create.json");

/// The connector with owning services behind it and no shop before it.
pub(crate) struct Desk {
    pub(crate) runtime: Runtime,
    pub(crate) orders: Orders,
    pub(crate) owners: Owners,
    pub(crate) shop: Connector,
}

/// The same with a shop.
pub(crate) struct World {
    pub(crate) desk: Desk,
    operator: Http,
}

pub(crate) fn config(shop: &str, orders: &str, more: &str) -> Config {
    let text = format!(
        "instance = 'shop'\nclient_id = 'weft-sandbox'\nclient_secret = '{SECRET}'\norders = '{orders}'\n\
         shop_domain = '{DOMAIN}'\n{more}\n[http]\nbase_url = '{shop}'\nbackoff = '1ms'\nconnect_timeout = '2s'"
    );
    toml::from_str(&text).unwrap()
}

pub(crate) async fn desk(more: &str) -> Desk {
    let runtime = Runtime::system("test");
    let (orders, address) = Orders::start(&runtime).await;
    let (owners, behind) = Owners::start(&runtime).await;
    let more = format!("{more}\n{}", owned(&behind));
    let shop = Connector::new(&config("http://127.0.0.1:9", &address, &more), &runtime).unwrap();
    Desk { runtime, orders, owners, shop }
}

fn owned(address: &str) -> String {
    format!("returns = '{address}'\ncustomers = '{address}'")
}

pub(crate) async fn world() -> World {
    world_with("").await
}

/// A world whose connector knows which places of ours are which of the shop's.
pub(crate) async fn world_of_places() -> World {
    world_with("locations = { MAIN = '90000000001', NORTH = '90000000002' }").await
}

async fn world_with(more: &str) -> World {
    let runtime = Runtime::system("test");
    let (orders, address) = Orders::start(&runtime).await;
    let (owners, behind) = Owners::start(&runtime).await;
    let twin = toml::from_str(&format!("domain = '{DOMAIN}'")).unwrap();
    let sandbox = retail_sandbox::Config { listen: Listen::anywhere(), shopify: twin, ..Default::default() };
    let running = Sandbox::start(&runtime, sandbox).await.unwrap();
    let operator = toml::from_str(&format!("base_url = 'http://{}'", running.control)).unwrap();
    let operator = Http::new(&runtime, operator, Bearer, Budget::Concurrency(Lanes::new(8, 8))).unwrap();
    let config = config(&format!("http://{}", running.shopify), &address, &format!("{}\n{more}", owned(&behind)));
    let shop = Connector::new(&config, &runtime).unwrap();
    let world = World { desk: Desk { runtime, orders, owners, shop }, operator };
    world.operate(Method::POST, "/seed", seed()).await;
    world
}

/// Two items in two places and one charge.
fn seed() -> Value {
    let item = |sku: &str, kind: &str| json!({"sku": sku, "description": sku, "kind": kind, "price": "2.50"});
    let stock = |sku: &str, location: &str| json!({"sku": sku, "location": location, "quantity": 100});
    json!({
        "currency": "GBP",
        "items": [item("APPLE", "goods"), item("PEAR", "goods"), item("POST", "charge")],
        "locations": [{"code": "MAIN", "name": "Main"}, {"code": "NORTH", "name": "North"}],
        "stock": [stock("APPLE", "MAIN"), stock("PEAR", "MAIN"), stock("APPLE", "NORTH"), stock("PEAR", "NORTH")],
    })
}

pub(crate) fn sign(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
}

/// A webhook as the shop would send it.
pub(crate) fn webhook(topic: &str, body: &str) -> WebhookRequest {
    let header = |name: &str, value: &str| Header { name: name.to_owned(), value: value.to_owned() };
    WebhookRequest {
        instance: "shop".to_owned(),
        method: "POST".to_owned(),
        headers: vec![
            header("x-shopify-topic", topic),
            header("x-shopify-shop-domain", DOMAIN),
            header("x-shopify-webhook-id", "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"),
            header("x-shopify-hmac-sha256", &sign(SECRET, body.as_bytes())),
        ],
        body: body.as_bytes().to_vec(),
        ..WebhookRequest::default()
    }
}

pub(crate) fn said(reply: &WebhookReply) -> (i32, Value) {
    (reply.status, serde_json::from_slice(&reply.body).unwrap())
}

impl Desk {
    pub(crate) async fn accept(&self, webhook: WebhookRequest) -> WebhookReply {
        let request = Request::new(pb::AcceptWebhookRequest { webhook: Some(webhook) });
        self.shop.accept_webhook(request).await.unwrap().into_inner().reply.unwrap()
    }
}

impl World {
    pub(crate) async fn operate(&self, method: Method, target: &str, body: Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let call = Call::read("operate", method, format!("/__sandbox{target}")).body("application/json", body);
        let reply = self.operator.send(call).await.unwrap();
        assert!(reply.status.is_success(), "{target}: {} {:?}", reply.status, reply.body);
        serde_json::from_slice(&reply.body).unwrap_or(Value::Null)
    }

    pub(crate) async fn turn(&self, verb: &str, body: Value) -> Value {
        self.operate(Method::POST, &format!("/shopify/{verb}"), body).await
    }

    /// Plans a fault that strikes once the GraphQL document of this name, unless it says otherwise.
    pub(crate) async fn fault(&self, document: &str, mut body: Value) {
        body["body_contains"] = document.into();
        if body["times"].is_null() {
            body["times"] = json!(1);
        }
        self.turn("faults", body).await;
    }

    pub(crate) async fn books(&self) -> Value {
        self.operate(Method::GET, "/shopify/books", Value::Null).await
    }

    /// Sells so many apples and pears.
    pub(crate) async fn sell(&self, name: &str, apples: i64, pears: i64) {
        self.sell_for(name, apples, pears, json!([])).await;
    }

    /// Sells so many apples and pears for 2.50 each and postage as much, paid with these tenders first.
    pub(crate) async fn sell_for(&self, name: &str, apples: i64, pears: i64, tenders: Value) {
        self.sell_as(name, apples, pears, json!({"tenders": {name: tenders}})).await;
    }

    /// Sells apples and pears that the customer collects there.
    pub(crate) async fn sell_at(&self, name: &str, apples: i64, pears: i64, location: &str) {
        self.sell_as(name, apples, pears, json!({"pickups": {name: location}})).await;
    }

    /// Sells apples and pears that are not paid yet.
    pub(crate) async fn sell_unpaid(&self, name: &str, apples: i64, pears: i64) {
        self.sell_as(name, apples, pears, json!({"unpaid": [name]})).await;
    }

    async fn sell_as(&self, name: &str, apples: i64, pears: i64, mut sale: Value) {
        let line = |sku: &str, kind: &str, quantity: i64| json!({"sku": sku, "title": sku, "quantity": quantity, "price": "2.50", "kind": kind});
        let order = json!({"name": name, "placed_at": "2026-11-20T09:00:00Z", "customer": "17850", "country": "United Kingdom",
            "lines": [line("APPLE", "goods", apples), line("PEAR", "goods", pears), line("POST", "charge", 1)]});
        sale["orders"] = json!([order]);
        let sold = self.turn("sell", sale).await;
        assert_eq!(sold["accepted"], 1, "{sold}");
    }

    /// The newest body of an order's webhook.
    pub(crate) async fn body(&self, order: &str, topic: &str) -> Value {
        let order = order.replace('#', "%23");
        self.operate(Method::GET, &format!("/shopify/body?order={order}&topic={topic}"), Value::Null).await
    }

    /// Opens a door that hands webhooks to the connector as the gateway does, and tells the shop of it.
    pub(crate) async fn open_the_door(&self) {
        self.open_the_door_for(Value::Null).await;
    }

    /// The same for these topics; null leaves the choice to the shop.
    pub(crate) async fn open_the_door_for(&self, topics: Value) {
        let listener = self.desk.runtime.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr());
        let (runtime, shop) = (self.desk.runtime.named("door"), self.desk.shop.clone());
        self.desk.runtime.spawn("door", async move {
            let handler = move |request: http::Request<hyper::body::Incoming>, _| {
                let shop = shop.clone();
                async move {
                    let (parts, body) = request.into_parts();
                    let headers = parts.headers.iter().map(|(name, value)| Header {
                        name: name.as_str().to_owned(),
                        value: value.to_str().unwrap().to_owned(),
                    });
                    let webhook = WebhookRequest {
                        instance: "shop".to_owned(),
                        headers: headers.collect(),
                        body: body.collect().await.unwrap().to_bytes().to_vec(),
                        ..WebhookRequest::default()
                    };
                    let request = Request::new(pb::AcceptWebhookRequest { webhook: Some(webhook) });
                    let reply = shop.accept_webhook(request).await.unwrap().into_inner().reply.unwrap();
                    let mut response = http::Response::new(full(reply.body));
                    *response.status_mut() = u16::try_from(reply.status).unwrap().try_into().unwrap();
                    response
                }
            };
            runtime.serve_http(listener, HttpLimits::default(), handler).await.unwrap();
        });
        self.turn("webhooks", json!({"url": url, "topics": topics})).await;
    }

    /// Waits until the shop has nothing left to send.
    pub(crate) async fn delivered(&self) {
        while self.operate(Method::GET, "/shopify/progress", Value::Null).await["idle"] != true {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn items(&self) -> Vec<pb::Item> {
        let request = pb::ListItemsRequest { instance: "shop".to_owned(), ..pb::ListItemsRequest::default() };
        self.desk.shop.list_items(Request::new(request)).await.unwrap().into_inner().items
    }

    pub(crate) async fn locations(&self) -> Vec<pb::Location> {
        let request = pb::ListLocationsRequest { instance: "shop".to_owned() };
        self.desk.shop.list_locations(Request::new(request)).await.unwrap().into_inner().locations
    }

    pub(crate) async fn set(&self, key: &str, settings: Vec<pb::StockSetting>) -> Result<Outcome, Refusal> {
        let request = pb::SetStockRequest { instance: "shop".to_owned(), idempotency_key: key.to_owned(), settings };
        let answer = self.desk.shop.set_stock(Request::new(request)).await.map_err(read)?;
        Ok(answer.into_inner().outcome.unwrap())
    }

    pub(crate) async fn readings(&self, items: &[&str], location: &str) -> Vec<pb::StockReading> {
        let request = pb::GetStockRequest {
            instance: "shop".to_owned(),
            inventory_item_ids: items.iter().map(|item| (*item).to_owned()).collect(),
            location_id: location.to_owned(),
        };
        self.desk.shop.get_stock(Request::new(request)).await.unwrap().into_inner().readings
    }

    pub(crate) async fn record(
        &self,
        request: &pb::RecordFulfilmentRequest,
    ) -> Result<pb::RecordFulfilmentResponse, Refusal> {
        let answer = self.desk.shop.record_fulfilment(Request::new(request.clone())).await.map_err(read)?;
        Ok(answer.into_inner())
    }
}

pub(crate) fn read(status: Status) -> Refusal {
    Refusal::read(&status)
}

pub(crate) fn state(outcome: Option<Outcome>) -> (OutcomeState, String) {
    let outcome = outcome.unwrap();
    (outcome.state(), outcome.reason)
}

pub(crate) fn done() -> (OutcomeState, String) {
    (OutcomeState::Done, String::new())
}

pub(crate) fn refused(reason: &str) -> (OutcomeState, String) {
    (OutcomeState::Refused, reason.to_owned())
}

/// An order of three apples and one pear, as the shop has sold it, with the ids of its lines.
pub(crate) struct Sold {
    pub(crate) world: World,
    pub(crate) order: String,
    pub(crate) apples: String,
    pub(crate) pears: String,
}

impl Sold {
    /// Sells it in this shop.
    pub(crate) async fn in_shop(world: World) -> Self {
        world.open_the_door().await;
        world.sell("#1", 3, 1).await;
        world.delivered().await;
        let order = world.desk.orders.orders()[0].clone();
        let line = |sku: &str| order.lines.iter().find(|line| line.sku == sku).unwrap().channel_line_id.clone();
        let (apples, pears) = (line("APPLE"), line("PEAR"));
        Self { world, order: order.channel_order_id, apples, pears }
    }
}
