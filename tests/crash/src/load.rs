//! The people: each orders, or buys at the shop, waits until that is done, perhaps calls it off or sends a piece back, and
//! begins anew.

use std::time::Duration;

use anyhow::Context as _;
use retail_runtime::{Rng, Runtime};
use retail_sandbox::{ItemKind, Seed, SeedItem, SeedLocation, SeedStock};
use retail_weft::wire::Wire;
use serde_json::{Value, json};

use crate::history::{Deed, Heard, History};

/// What is sold: more than anybody can buy.
const ITEMS: u64 = 40;
const PIECES: i64 = 10_000_000;
/// How long one answer is waited for.
const ANSWER: Duration = Duration::from_secs(12);
/// How long the same request is repeated before its outcome stays unknown.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long an order is waited for before its buyer goes on.
const ORDER: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(250);

/// Everybody.
#[derive(Debug)]
pub struct People {
    /// For those who work with them.
    pub runtime: Runtime,
    /// What they asked and heard.
    pub history: History,
    gateway: String,
    twins: String,
}

impl People {
    /// Who reach the mesh here.
    pub fn new(runtime: &Runtime, history: History, gateway: String, twins: String) -> Self {
        Self { runtime: runtime.clone(), history, gateway, twins }
    }

    /// The operator's door of the twins.
    pub fn twins(&self) -> anyhow::Result<Wire<'_>> {
        Ok(Wire::to(&self.runtime, &self.twins)?.patient(PATIENCE))
    }

    /// The gateway, asked until it answers.
    pub fn gateway(&self) -> anyhow::Result<Wire<'_>> {
        Ok(Wire::to(&self.runtime, &self.gateway)?.patient(PATIENCE))
    }

    /// Items, places, stock and webhooks.
    pub async fn build(&self) -> anyhow::Result<()> {
        let seed = Seed {
            currency: "GBP".to_owned(),
            items: (0..ITEMS).map(item).collect(),
            locations: vec![SeedLocation { code: "MAIN".to_owned(), name: "Main".to_owned() }],
            stock: (0..ITEMS)
                .map(|item| SeedStock { sku: sku(item), location: "MAIN".to_owned(), quantity: PIECES })
                .collect(),
        };
        self.twins()?.post("/__sandbox/seed", &serde_json::to_value(&seed)?).await?;
        let webhooks = json!({
            "url": format!("{}/webhooks/commerce/shop", self.gateway), "duplicates_per_mille": 100,
            "reorder_per_mille": 100, "retry_gap_ms": 250,
        });
        self.twins()?.post("/__sandbox/shopify/webhooks", &webhooks).await?;
        let headers = [("idempotency-key", "build")];
        let body = json!({"includeStock": true});
        self.gateway()?.call("POST", "/v1/reference:sync", Some(&body), &headers).await.context("items and stock")?;
        Ok(())
    }

    /// One of them, until it is time. Their numbers begin with `name`.
    pub async fn live(&self, name: &str, rng: &Rng, until: Duration) -> anyhow::Result<()> {
        for turn in 0_u64.. {
            if self.runtime.clock().monotonic() >= until {
                return Ok(());
            }
            let number = format!("{name}-{turn}");
            if rng.chance(600) {
                if let Heard::Ok(id) = self.order(&number, rng).await? {
                    self.done(&id).await?;
                }
                continue;
            }
            // What the shop sold, the shop gives money back for: only that is called off and sent back here.
            let Some(id) = self.buy(&format!("#{number}"), rng).await? else { continue };
            if rng.chance(200) {
                self.runtime.clock().sleep(Duration::from_millis(rng.below(1_500))).await;
                self.call_off(&number, &id).await?;
            }
            if self.done(&id).await? && rng.chance(300) {
                self.send_back(&number, &id).await?;
            }
        }
        Ok(())
    }

    /// A partner asks for an order. Answers what was heard.
    pub async fn order(&self, number: &str, rng: &Rng) -> anyhow::Result<Heard> {
        let lines = lines(rng);
        let total = pence(&lines);
        let money = json!({"minorUnits": total.to_string(), "currency": "GBP"});
        let body = json!({
            "capture": "CAPTURE_REQUEST", "channel": "partner", "channelOrderId": number, "orderNumber": number,
            "placedAt": self.now(), "currency": "GBP",
            "lines": lines.iter().map(|(item, pieces)| json!({
                "kind": "LINE_KIND_GOODS", "sku": sku(*item), "quantity": pieces.to_string(), "unitPrice": price(*item),
            })).collect::<Vec<_>>(),
            "total": money,
            "payments": [{
                "tender": "TENDER_CARD", "state": "PAYMENT_STATE_CAPTURED", "gateway": "partner", "reference": number,
                "amount": money,
            }],
        });
        let deed = Deed::Order { number: number.to_owned(), pence: total };
        self.ask(&format!("order-{number}"), deed, "/v1/orders", &body, "/order/orderId").await
    }

    /// The shop sells; what it says is a fact. Answers our order once we know of it.
    async fn buy(&self, number: &str, rng: &Rng) -> anyhow::Result<Option<String>> {
        let lines = lines(rng);
        let order = json!({
            "name": number, "placed_at": self.now(), "customer": (70_000 + rng.below(500)).to_string(),
            "country": "United Kingdom",
            "lines": lines.iter().map(|(item, pieces)| json!({
                "sku": sku(*item), "title": format!("ITEM {}", sku(*item)), "quantity": pieces, "price": price(*item),
                "kind": "goods",
            })).collect::<Vec<_>>(),
        });
        let key = format!("sale-{number}");
        self.history.invoke(&key, Deed::Sale { number: number.to_owned(), pence: pence(&lines) });
        self.twins()?.post("/__sandbox/shopify/sell", &json!({"orders": [order]})).await?;
        self.history.heard(&key, Heard::Ok(number.to_owned()));
        let path = format!("/v1/orders?orderNumber={}", number.replace('#', "%23"));
        let begun = self.runtime.clock().monotonic();
        loop {
            let found = self.gateway()?.get(&path).await?;
            if let Some(id) = found.pointer("/orders/0/orderId").and_then(Value::as_str) {
                return Ok(Some(id.to_owned()));
            }
            if self.is_late(begun, ORDER) {
                return Ok(None);
            }
            self.runtime.clock().sleep(PAUSE).await;
        }
    }

    async fn call_off(&self, number: &str, id: &str) -> anyhow::Result<Heard> {
        let body = json!({"reason": "no longer wanted"});
        let deed = Deed::Cancel { order: number.to_owned() };
        self.ask(&format!("cancel-{number}"), deed, &format!("/v1/orders/{id}:cancel"), &body, "/order/orderId").await
    }

    async fn send_back(&self, number: &str, id: &str) -> anyhow::Result<Heard> {
        let order = self.gateway()?.get(&format!("/v1/orders/{id}")).await?;
        let sku = order.pointer("/order/lines/0/sku").cloned().unwrap_or_default();
        let body = json!({
            "capture": "RETURN_CAPTURE_REQUEST", "channel": "shop", "source": "service-desk", "sourceReturnId": number,
            "requestedAt": self.now(),
            "lines": [{"orderId": id, "sku": sku, "quantity": "1", "reason": "DEFECTIVE"}],
        });
        let deed = Deed::Return { reference: number.to_owned(), order: number.to_owned() };
        self.ask(&format!("return-{number}"), deed, "/v1/returns", &body, "/returnRecord/returnId").await
    }

    /// Waits until an order is over; false when it was called off, or takes too long.
    async fn done(&self, id: &str) -> anyhow::Result<bool> {
        let begun = self.runtime.clock().monotonic();
        loop {
            let order = self.gateway()?.get(&format!("/v1/orders/{id}")).await?;
            let state = order.pointer("/order/state").cloned().unwrap_or_default();
            if is_over(&state) || self.is_late(begun, ORDER) {
                return Ok(state == "ORDER_STATE_COMPLETED");
            }
            self.runtime.clock().sleep(PAUSE).await;
        }
    }

    /// Sends a request under one key until the answer is certain, and writes both down.
    async fn ask(&self, key: &str, deed: Deed, path: &str, body: &Value, id: &str) -> anyhow::Result<Heard> {
        self.history.invoke(key, deed);
        let (wire, headers) = (Wire::to(&self.runtime, &self.gateway)?, [("idempotency-key", key)]);
        let begun = self.runtime.clock().monotonic();
        let heard = loop {
            let sent = self.runtime.clock().timeout(ANSWER, wire.raw("POST", path, Some(body), &headers)).await;
            match sent {
                Ok(Ok((status, text))) if (200..300).contains(&status) => {
                    let answer: Value = serde_json::from_str(&text)?;
                    break Heard::Ok(answer.pointer(id).and_then(Value::as_str).unwrap_or_default().to_owned());
                }
                Ok(Ok((status, text))) if is_certain(status) => break Heard::Fail(format!("{status} {text}")),
                Ok(_) | Err(_) if self.is_late(begun, PATIENCE) => break Heard::Info,
                Ok(_) | Err(_) => self.runtime.clock().sleep(PAUSE).await,
            }
        };
        self.history.heard(key, heard.clone());
        Ok(heard)
    }

    fn is_late(&self, begun: Duration, patience: Duration) -> bool {
        self.runtime.clock().monotonic().saturating_sub(begun) >= patience
    }

    fn now(&self) -> String {
        self.runtime.clock().now().to_string()
    }
}

/// A refusal that a repeat would get again.
fn is_certain(status: u16) -> bool {
    (400..500).contains(&status) && ![408, 409, 429, 499].contains(&status)
}

fn is_over(state: &Value) -> bool {
    ["COMPLETED", "CANCELLED", "REFUSED", "HELD"].iter().any(|end| state.as_str().is_some_and(|it| it.ends_with(end)))
}

fn lines(rng: &Rng) -> Vec<(u64, i64)> {
    let mut lines: Vec<(u64, i64)> = Vec::new();
    for _ in 0..=rng.below(3) {
        let item = rng.below(ITEMS);
        if lines.iter().all(|(known, _)| *known != item) {
            lines.push((item, 1 + i64::try_from(rng.below(3)).unwrap()));
        }
    }
    lines
}

fn sku(item: u64) -> String {
    format!("2{item:04}")
}

fn each(item: u64) -> i64 {
    165 + 97 * i64::try_from(item).unwrap()
}

fn price(item: u64) -> String {
    format!("{}.{:02}", each(item) / 100, each(item) % 100)
}

fn pence(lines: &[(u64, i64)]) -> i64 {
    lines.iter().map(|(item, pieces)| each(*item) * pieces).sum()
}

fn item(item: u64) -> SeedItem {
    SeedItem { sku: sku(item), description: format!("ITEM {}", sku(item)), kind: ItemKind::Goods, price: price(item) }
}

/// Every code that is sold.
pub fn skus() -> impl Iterator<Item = String> {
    (0..ITEMS).map(sku)
}
