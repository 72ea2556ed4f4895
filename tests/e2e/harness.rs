//! A mesh of one's own: own ports, own directory, stopped at the end.

use std::time::Duration;

use retail_runtime::{Runtime, telemetry};
use retail_weft::config;
use retail_weft::feeding::{Feeding, Plan, Report};
use retail_weft::mesh::{self, Addresses, url};
use retail_weft::wire::Wire;
use serde_json::{Value, json};

pub(crate) struct Mesh {
    pub(crate) runtime: Runtime,
    pub(crate) at: Addresses,
    _dir: tempfile::TempDir,
}

impl Mesh {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A mesh whose configuration is changed first.
    pub(crate) async fn start_with(change: impl FnOnce(&mut config::Config)) -> Self {
        // The whole configuration travels with it: too much for a stack.
        Box::pin(Self::begin(change)).await
    }

    async fn begin(change: impl FnOnce(&mut config::Config)) -> Self {
        telemetry::for_tests();
        let dir = tempfile::tempdir().unwrap();
        let mut config = config::load(None, Some(dir.path().to_owned())).unwrap();
        config.listen.anywhere();
        config.gateway.listen.set_port(0);
        config.sandbox.listen = retail_sandbox::Listen::anywhere();
        change(&mut config);
        let runtime = Runtime::system("e2e");
        let at = mesh::start(config, &runtime).await.unwrap();
        Self { runtime, at, _dir: dir }
    }

    pub(crate) fn gateway(&self) -> Wire<'_> {
        Wire::to(&self.runtime, &url(self.at.gateway)).unwrap()
    }

    pub(crate) fn twins(&self) -> Wire<'_> {
        Wire::to(&self.runtime, &url(self.at.sandbox)).unwrap()
    }

    /// Feeds our small book with duplicated and reordered webhooks.
    pub(crate) async fn feed(&self) -> Report {
        let plan = Plan::small().unwrap();
        Feeding::new(&self.runtime, &self.at, plan).unwrap().run().await.unwrap()
    }

    pub(crate) async fn plant(&self, vendor: &str, fault: Value) {
        self.twins().post(&format!("/__sandbox/{vendor}/faults"), &fault).await.unwrap();
    }

    /// People enter a record in the ERP's own screens.
    pub(crate) async fn people(&self, path: &str, body: Value) {
        let entered = json!({"method": "POST", "path": path, "body": body});
        self.twins().post("/__sandbox/netsuite/people", &entered).await.unwrap();
    }

    /// Items and stock without any sale.
    pub(crate) async fn seed(&self) {
        let book = retail_sandbox::orderbook::OrderBook::small().unwrap();
        self.twins().post("/__sandbox/seed", &serde_json::to_value(&book.seed).unwrap()).await.unwrap();
        let headers = [("idempotency-key", "seed")];
        let body = json!({"includeStock": true});
        self.gateway().call("POST", "/v1/reference:sync", Some(&body), &headers).await.unwrap();
    }

    pub(crate) async fn books(&self) -> Value {
        self.twins().get("/__sandbox/books").await.unwrap()
    }

    /// Waits until an order is as wished.
    pub(crate) async fn until(&self, order_id: &str, wished: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..600 {
            let order = self.gateway().get(&format!("/v1/orders/{order_id}")).await.unwrap();
            if wished(&order["order"]) {
                return order["order"].clone();
            }
            self.runtime.clock().sleep(Duration::from_millis(50)).await;
        }
        panic!("never came: {}", self.gateway().get(&format!("/v1/orders/{order_id}")).await.unwrap());
    }

    /// Sells an order at the shop's till of the web and waits until it is shipped, invoiced and told everywhere.
    pub(crate) async fn sold(&self, name: &str, customer: &str, lines: Value) -> Value {
        let order = json!({
            "name": name, "placed_at": "2024-03-02T09:00:00Z", "customer": customer, "country": "United Kingdom",
            "lines": lines,
        });
        let webhooks = json!({"url": format!("{}/webhooks/commerce/shop", url(self.at.gateway))});
        self.twins().post("/__sandbox/shopify/webhooks", &webhooks).await.unwrap();
        self.twins().post("/__sandbox/shopify/sell", &json!({"orders": [order]})).await.unwrap();
        let number = name.replace('#', "%23");
        let found = self.answer(&format!("/v1/orders?orderNumber={number}"), |all| all["orders"][0].is_object()).await;
        let id = found["orders"][0]["orderId"].as_str().unwrap().to_owned();
        self.until(&id, |order| order["state"] == "ORDER_STATE_COMPLETED").await
    }

    /// POST through the gateway; the answer of a success.
    pub(crate) async fn post(&self, path: &str, key: &str, body: Value) -> Value {
        let headers = [("idempotency-key", key)];
        self.gateway().call("POST", path, Some(&body), &headers).await.unwrap()
    }

    /// Asks until the answer is as wished; a refusal is asked again.
    pub(crate) async fn answer(&self, path: &str, wished: impl Fn(&Value) -> bool) -> Value {
        let mut last = String::new();
        for _ in 0..600 {
            let (status, text) = self.gateway().raw("GET", path, None, &[]).await.unwrap();
            last = format!("{status} {text}");
            let answer: Value = serde_json::from_str(&text).unwrap_or_default();
            if status == 200 && wished(&answer) {
                return answer;
            }
            self.runtime.clock().sleep(Duration::from_millis(50)).await;
        }
        panic!("{path} never came: {last}");
    }

    /// Waits until a return is as wished.
    pub(crate) async fn until_return(&self, id: &str, wished: impl Fn(&Value) -> bool) -> Value {
        let answer = self.answer(&format!("/v1/returns/{id}"), |answer| wished(&answer["returnRecord"])).await;
        answer["returnRecord"].clone()
    }

    /// Waits until the vendors' books are as wished.
    pub(crate) async fn until_books(&self, wished: impl Fn(&Value) -> bool) -> Value {
        let mut books = Value::Null;
        for _ in 0..600 {
            books = self.books().await;
            if wished(&books) {
                return books;
            }
            self.runtime.clock().sleep(Duration::from_millis(50)).await;
        }
        panic!("the books never said so: {books:#}");
    }

    pub(crate) async fn end(self) {
        self.runtime.stop();
        assert!(self.runtime.drained(Duration::from_secs(30)).await, "something did not end");
    }
}

/// An order that a caller asks for.
pub(crate) fn order(number: &str) -> Value {
    json!({
        "capture": "CAPTURE_REQUEST", "channel": "shop", "channelOrderId": number, "orderNumber": number,
        "placedAt": "2024-03-02T09:00:00Z", "currency": "GBP",
        "lines": [
            {"kind": "LINE_KIND_GOODS", "sku": "10001", "quantity": "2", "unitPrice": "2.55"},
            {"kind": "LINE_KIND_GOODS", "sku": "10003", "quantity": "1", "unitPrice": "7.25"},
        ],
        "total": {"minorUnits": "1235", "currency": "GBP"},
    })
}
