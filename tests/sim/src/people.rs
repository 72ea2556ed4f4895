//! The people of a run: customers who buy, call off and send back; staff in the shop's admin and at the service desk; the
//! warehouse; and somebody who plants faults in the vendors. What they do and when is drawn from the seed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use retail_runtime::{Rng, Runtime};
use retail_sandbox::{ItemKind, Seed, SeedItem, SeedLocation, SeedStock};
use retail_weft::wire::Wire;
use serde_json::{Value, json};

use crate::hosts::{self, Estate};
use crate::notes::{Adjusted, Heard, Notes};
use crate::scene::{Scene, Theme};
use crate::settle;
use crate::shelf::Shelf;
use crate::sourcing::{IN_THE_YARD, YARD};
use crate::store::STORE;
use crate::vandal::Vandal;
use crate::watch::Watch;

/// What the shop sells: code, price, pieces on the shelf.
pub(crate) const ITEMS: [(&str, &str, i64); 5] = [
    ("10001", "2.55", 60),
    ("10002", "18.95", 40),
    ("10003", "7.25", 12),
    ("10004", "1.65", 200),
    ("10005", "12.75", 6),
];
/// Of these no place has many.
const SCARCE: [(&str, &str, i64); 2] = [ITEMS[2], ITEMS[4]];
/// What partners and the web shop also sell: two of the first and one of the fourth, at a price of its own.
pub(crate) const KIT: (&str, &str) = ("20001", "6.25");
pub(crate) const MEMBERS: [(&str, i64); 2] = [("10001", 2), ("10004", 1)];
/// Where it lies; without a policy orders are taken from the first.
const PLACES: [&str; 3] = ["MAIN", STORE, YARD];
/// Pieces of each item in the store.
pub(crate) const IN_THE_STORE: i64 = 6;
/// Who leaves an address to be told at.
const BUYERS: [&str; 3] = ["jones@example.com", "khan@example.com", "lopez@example.com"];
const CUSTOMERS: [&str; 4] = ["60001", "60002", "60003", "60004"];
/// How long one answer is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(12);
/// How often the same request is sent before its outcome stays unknown.
const SENDS: u32 = 6;

pub(crate) struct People {
    pub(crate) runtime: Runtime,
    pub(crate) rng: Rng,
    pub(crate) notes: Notes,
    pub(crate) watch: Watch,
    pub(crate) shelves: Arc<BTreeMap<&'static str, Shelf>>,
    pub(crate) scene: Scene,
    /// By how many milliseconds each host's wall clock is ahead of theirs.
    pub(crate) ahead: Arc<BTreeMap<&'static str, i64>>,
}

/// What people do.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Deed {
    Sell,
    Order,
    OrderOnTheWeb,
    CallOffAtTheShop,
    CallOff,
    CallOffALine,
    Edit,
    MoveToAnotherPlace,
    RefillTheStore,
    WorkInTheStore,
    RefundInTheAdmin,
    SendBack,
    Adjust,
    ChangeCustomer,
    ReuseKey,
}

/// An answer of the gateway.
pub(crate) enum Answer {
    Good(Value),
    Refused(u16, String),
    Nothing,
}

impl People {
    pub(crate) fn new(estate: &Estate, runtime: Runtime) -> Self {
        let rng = estate.rng("people");
        let shelves = Arc::clone(&estate.shelves);
        let (watch, ahead) = (estate.watch.clone(), Arc::clone(&estate.ahead));
        Self { runtime, rng, notes: Notes::default(), watch, shelves, scene: estate.scene, ahead }
    }

    /// Builds the world, lives in it, waits until all is settled, and looks into every book.
    pub(crate) async fn live(&self) -> anyhow::Result<()> {
        self.build().await?;
        if self.scene.told {
            // What happened before messages began is not told, and the clocks of hosts differ by up to three seconds.
            self.runtime.clock().sleep(Duration::from_secs(4)).await;
        }
        self.watch.built();
        let shoppers = join_all((0..self.scene.shoppers).map(|who| self.shopper(who)));
        let vandal = Vandal { people: self, theme: self.scene.theme };
        let (_, late) = futures::future::join(shoppers, vandal.live()).await;
        self.watch.calm_down();
        if late.is_zero() {
            vandal.make_peace().await?;
        }
        settle::until_nothing_moves(self, late).await
    }

    /// Items, places, stock, webhooks; asked again until everybody is up.
    async fn build(&self) -> anyhow::Result<()> {
        let seed = Seed {
            currency: "GBP".to_owned(),
            items: ITEMS.into_iter().map(|(sku, price, _)| item(sku, price)).collect(),
            locations: PLACES.into_iter().map(place).collect(),
            stock: ITEMS.into_iter().map(|(sku, _, pieces)| on_shelf(sku, "MAIN", pieces)).chain(elsewhere()).collect(),
        };
        let seed = serde_json::to_value(seed)?;
        while self.twins().post("/__sandbox/seed", &seed).await.is_err() {
            self.pause(500).await;
        }
        let member = |(sku, pieces): (&str, i64)| json!({"item": {"externalId": sku}, "quantity": pieces});
        let kit = json!({"externalId": KIT.0, "itemId": KIT.0, "member": {"items": MEMBERS.map(member)}});
        let kit = json!({"method": "POST", "path": "kitItem", "body": kit});
        self.twins().post("/__sandbox/netsuite/people", &kit).await?;
        let webhooks = json!({
            "url": "http://gateway:8080/webhooks/commerce/shop",
            "duplicates_per_mille": self.rng.below(400), "reorder_per_mille": self.rng.below(300),
            "retry_gap_ms": 1_000 + self.rng.below(3_000),
        });
        self.twins().post("/__sandbox/shopify/webhooks", &webhooks).await?;
        if self.scene.paid {
            let webhooks = json!({
                "url": "http://gateway:8080/webhooks/payments/pay",
                "duplicates_per_mille": self.rng.below(400), "reorder_per_mille": self.rng.below(300),
                "retry_gap_ms": 1_000 + self.rng.below(3_000),
            });
            self.twins().post("/__sandbox/stripe/webhooks", &webhooks).await?;
        }
        loop {
            let key = format!("build-{}", self.rng.u64());
            let body = json!({"includeStock": true});
            if let Answer::Good(_) = self.ask("POST", "/v1/reference:sync", Some(&body), &key).await {
                return Ok(());
            }
        }
    }

    async fn shopper(&self, who: u64) {
        for number in 0..self.scene.deeds {
            self.pause(self.scene.pause).await;
            let name = format!("{who}{number:02}");
            self.watch.count("deeds");
            match self.scene.deed(&self.rng) {
                Deed::Sell => self.sell(&name).await,
                Deed::OrderOnTheWeb if self.scene.paid => self.order_on_the_web(&name).await,
                Deed::Order | Deed::OrderOnTheWeb => self.order(&name).await,
                Deed::CallOffAtTheShop => self.call_off_at_the_shop().await,
                Deed::CallOff => self.call_off(&name).await,
                Deed::CallOffALine => self.call_off_a_line(&name).await,
                Deed::Edit => self.edit(&name).await,
                Deed::MoveToAnotherPlace => self.move_to_another_place(&name).await,
                Deed::RefillTheStore => self.refill_the_store(&name).await,
                Deed::WorkInTheStore => self.work_in_the_store(&name).await,
                Deed::RefundInTheAdmin => self.refund_in_the_admin().await,
                Deed::SendBack => self.send_back(&name).await,
                Deed::Adjust => self.adjust(&name).await,
                Deed::ChangeCustomer => self.change_customer().await,
                Deed::ReuseKey => self.reuse_key(&name).await,
            }
        }
    }

    /// The shop sells: a fact.
    async fn sell(&self, name: &str) {
        let name = format!("#7{name}");
        let customer = if self.rng.chance(850) { Some(self.one_of(&CUSTOMERS)) } else { None };
        let lines = self.lines();
        self.asks_for(&name, lines.iter().map(|(sku, _, pieces)| (*sku, *pieces)));
        let order = json!({
            "name": name, "placed_at": self.now(), "customer": customer, "country": "United Kingdom",
            "lines": lines.into_iter().map(|(sku, price, pieces)| json!({
                "sku": sku, "title": format!("ITEM {sku}"), "quantity": pieces, "price": price, "kind": "goods",
            })).collect::<Vec<_>>(),
        });
        let told = self.twins().post("/__sandbox/shopify/sell", &json!({"orders": [order]})).await;
        if told.is_ok_and(|told| told["accepted"] == 1) {
            self.watch.count("orders");
            self.notes.book().sold.push(name);
        }
    }

    /// A partner asks for an order.
    async fn order(&self, name: &str) {
        let number = format!("P{name}");
        let mut body = self.an_order(&number);
        if self.rng.chance(300) {
            body["pickup"] = json!({"location": STORE, "contactName": "A. Jones"});
        }
        self.notes.book().ordered.insert(number.clone(), Heard::Nothing);
        let heard = self.heard(&format!("order-{number}"), "/v1/orders", &body, "/order/orderId").await;
        if let Heard::Done(_) = heard {
            self.watch.count("orders");
        }
        self.notes.book().ordered.insert(number, heard);
    }

    pub(crate) fn an_order(&self, number: &str) -> Value {
        let mut lines = self.lines();
        if self.rng.chance(150) {
            lines.push((KIT.0, KIT.1, 1 + i64::from(self.rng.chance(300))));
        }
        self.asks_for(number, lines.iter().map(|(sku, _, pieces)| (*sku, *pieces)));
        let minor = |price: &str| price.replace('.', "").parse::<i64>().unwrap_or(0);
        let total: i64 = lines.iter().map(|(_, price, pieces)| minor(price).saturating_mul(*pieces)).sum();
        let mut order = json!({
            "capture": "CAPTURE_REQUEST", "channel": "shop", "channelOrderId": number, "orderNumber": number,
            "placedAt": self.now(), "currency": "GBP",
            "lines": lines.iter().map(|(sku, price, pieces)| json!({
                "kind": "LINE_KIND_GOODS", "sku": sku, "quantity": pieces.to_string(), "unitPrice": price,
            })).collect::<Vec<_>>(),
            "total": {"minorUnits": total.to_string(), "currency": "GBP"},
            "payments": [{
                "tender": "TENDER_CARD", "state": "PAYMENT_STATE_CAPTURED", "gateway": "partner", "reference": number,
                "amount": {"minorUnits": total.to_string(), "currency": "GBP"},
            }],
        });
        if self.rng.chance(700) {
            order["buyer"] = json!({"email": self.one_of(&BUYERS)});
        }
        order
    }

    /// A partner's defect: another order under the key of one that was taken.
    async fn reuse_key(&self, name: &str) {
        let taken = |(number, heard): (&String, &Heard)| matches!(heard, Heard::Done(_)).then(|| number.clone());
        let Some(first) = self.notes.book().ordered.iter().find_map(taken) else { return };
        let number = format!("R{name}");
        let body = self.an_order(&number);
        let heard = self.heard(&format!("order-{first}"), "/v1/orders", &body, "/order/orderId").await;
        if let Heard::Done(_) = heard {
            self.watch.violated("one_key_one_request", format!("the key of order {first} also took order {number}"));
        }
        self.notes.book().ordered.insert(number, heard);
    }

    async fn call_off_at_the_shop(&self) {
        let Some(name) = self.some_sale() else { return };
        let _told = self.twins().post("/__sandbox/shopify/cancel", &json!({"order": name})).await;
    }

    async fn call_off(&self, name: &str) {
        let Some(id) = self.some_order().await.map(|order| text(&order, "orderId")) else { return };
        let body = json!({"reason": "no longer wanted"});
        self.heard(&format!("cancel-{name}"), &format!("/v1/orders/{id}:cancel"), &body, "/order/orderId").await;
    }

    async fn call_off_a_line(&self, name: &str) {
        let Some(id) = self.some_order().await.map(|order| text(&order, "orderId")) else { return };
        let body = json!({"reason": "one is enough", "lineNumbers": [1]});
        self.heard(&format!("cancel-line-{name}"), &format!("/v1/orders/{id}:cancel"), &body, "/order/orderId").await;
    }

    /// Somebody wants more or fewer pieces of a line, or to collect the goods.
    async fn edit(&self, name: &str) {
        let Some(order) = self.some_order().await else { return };
        let lines = order["lines"].as_array().map_or(1, Vec::len);
        let line = 1 + self.rng.below(u64::try_from(lines).unwrap_or(1));
        let mut body = json!({"reason": "the customer called"});
        if self.rng.chance(800) {
            let pieces = self.rng.below(4).to_string();
            body["quantities"] = json!([{"lineNumber": line, "quantity": pieces}]);
        } else {
            body["pickup"] = json!({"location": STORE, "contactName": "A. Jones"});
        }
        self.notes.book().edited.insert(text(&order, "orderNumber"));
        let path = format!("/v1/orders/{}:edit", text(&order, "orderId"));
        if let Heard::Done(_) = self.heard(&format!("edit-{name}"), &path, &body, "/order/orderId").await {
            self.watch.count("edits");
        }
    }

    /// The store takes over what the warehouse cannot fulfil.
    async fn move_to_another_place(&self, name: &str) {
        let Some(id) = self.some_order().await.map(|order| text(&order, "orderId")) else { return };
        let body = json!({"reason": "the warehouse is flooded", "from": "MAIN", "to": STORE});
        self.heard(&format!("move-{name}"), &format!("/v1/orders/{id}:reroute"), &body, "/order/orderId").await;
    }

    async fn refund_in_the_admin(&self) {
        let Some(name) = self.some_sale() else { return };
        // Goods that have not left come off the order.
        self.notes.book().edited.insert(name.clone());
        let (sku, price, _) = self.one_of(&ITEMS);
        let restock = self.rng.chance(700);
        let body = json!({
            "order": name, "lines": [{"sku": sku, "quantity": 1}], "amount": price, "restock": restock,
            "note": "goodwill of the shop manager",
        });
        let _told = self.twins().post("/__sandbox/shopify/refund", &body).await;
    }

    async fn send_back(&self, name: &str) {
        let Some(order) = self.some_order().await else { return };
        let lines = order["lines"].as_array().cloned().unwrap_or_default();
        let place = usize::try_from(self.rng.below(u64::try_from(lines.len().max(1)).unwrap_or(1))).unwrap_or(0);
        let Some(line) = lines.get(place) else { return };
        let capture = if self.rng.chance(700) { "RETURN_CAPTURE_REQUEST" } else { "RETURN_CAPTURE_FACT" };
        let mut body = json!({
            "capture": capture, "channel": text(&order, "channel"), "source": "service-desk",
            "sourceReturnId": name, "requestedAt": self.now(),
            "lines": [{"sku": text(line, "sku"), "quantity": "1", "reason": "DEFECTIVE"}],
        });
        // Some have lost the receipt.
        if self.rng.chance(400) && !text(&order, "customerId").is_empty() {
            body["customerId"] = json!(text(&order, "customerId"));
        } else {
            body["lines"][0]["orderId"] = json!(text(&order, "orderId"));
        }
        self.notes.book().returned.insert(name.to_owned(), Heard::Nothing);
        let heard = self.heard(&format!("return-{name}"), "/v1/returns", &body, "/returnRecord/returnId").await;
        if let Heard::Done(_) = heard {
            self.watch.count("returns");
        }
        self.notes.book().returned.insert(name.to_owned(), heard);
    }

    /// The warehouse finds or loses a piece.
    async fn adjust(&self, name: &str) {
        let (sku, _, _) = self.one_of(&ITEMS);
        let pieces = if self.rng.chance(500) { 1 } else { -1 };
        let body = json!({
            "sku": sku, "location": "MAIN", "quantity": pieces.to_string(), "reason": "WRITE_OFF",
            "reference": name, "happenedAt": self.now(),
        });
        let key = format!("adjust-{name}");
        self.notes.book().adjusted.insert(key.clone(), Adjusted { sku, pieces, heard: Heard::Nothing });
        let heard = self.heard(&key, "/v1/stock:adjust", &body, "/adjustmentId").await;
        self.notes.book().adjusted.insert(key, Adjusted { sku, pieces, heard });
    }

    async fn change_customer(&self) {
        let id: i64 = self.one_of(&CUSTOMERS).parse().unwrap_or(0);
        let change = json!({"id": id, "first_name": format!("Name{}", self.rng.below(5))});
        let _told = self.twins().post("/__sandbox/shopify/customer", &change).await;
    }

    fn asks_for<'a>(&self, number: &str, lines: impl Iterator<Item = (&'a str, i64)>) {
        let lines = lines.map(|(sku, pieces)| (sku.to_owned(), pieces)).collect();
        self.notes.book().asked.insert(number.to_owned(), lines);
    }

    fn lines(&self) -> Vec<(&'static str, &'static str, i64)> {
        let mut lines: Vec<(&'static str, &'static str, i64)> = Vec::new();
        for _ in 0..=self.rng.below(3) {
            // Where the mesh chooses the place, some want more than any place has.
            let many = self.scene.sourced && self.rng.chance(250);
            let (sku, price, _) = if many { self.one_of(&SCARCE) } else { self.one_of(&ITEMS) };
            if lines.iter().all(|(known, _, _)| *known != sku) {
                let pieces = if many { 5 + self.rng.below(5) } else { 1 + self.rng.below(3) };
                lines.push((sku, price, i64::try_from(pieces).unwrap_or(0)));
            }
        }
        lines
    }

    fn some_sale(&self) -> Option<String> {
        let sold = self.notes.book().sold.clone();
        let place = usize::try_from(self.rng.below(u64::try_from(sold.len()).ok()?)).ok()?;
        sold.get(place).cloned()
    }

    /// Some order as the mesh knows it.
    async fn some_order(&self) -> Option<Value> {
        if self.rng.chance(250) {
            return self.some_web_order().await;
        }
        let name = self.some_sale()?.replace('#', "%23");
        match self.ask("GET", &format!("/v1/orders?orderNumber={name}"), None, "").await {
            Answer::Good(found) => found["orders"].as_array()?.first().cloned(),
            Answer::Refused(..) | Answer::Nothing => None,
        }
    }

    /// Asks for something, and in some worlds once more: who was told that it is done is told so again.
    pub(crate) async fn heard(&self, key: &str, path: &str, body: &Value, id: &str) -> Heard {
        let heard = self.heard_once(key, path, body, id).await;
        if matches!(heard, Heard::Done(_)) && self.scene.theme == Theme::Letters {
            let again = self.heard_once(key, path, body, id).await;
            if again != Heard::Nothing && again != heard {
                let detail = format!("{path} under {key}: first {heard:?}, then {again:?}");
                self.watch.violated("one_key_one_answer", detail);
            }
        }
        heard
    }

    async fn heard_once(&self, key: &str, path: &str, body: &Value, id: &str) -> Heard {
        match self.ask("POST", path, Some(body), key).await {
            Answer::Good(answer) => Heard::Done(answer.pointer(id).and_then(Value::as_str).unwrap_or("").to_owned()),
            Answer::Refused(status, why) => Heard::Refused(format!("{status} {why}")),
            Answer::Nothing => Heard::Nothing,
        }
    }

    /// Asks the gateway under one key until the answer is certain, or patience ends.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<&Value>, key: &str) -> Answer {
        let headers = [("idempotency-key", key)];
        let headers = if key.is_empty() { &[][..] } else { &headers[..] };
        for _ in 0..SENDS {
            let sent = self.gateway_once(method, path, body, headers).await;
            let told = sent.as_ref().map_or_else(|| "nothing".to_owned(), |(status, text)| format!("{status} {text}"));
            self.say(&format!("{method} {path} {key}: {}", short(&told)));
            match sent {
                Some((status, text)) if (200..300).contains(&status) => {
                    return Answer::Good(serde_json::from_str(&text).unwrap_or(Value::Null));
                }
                Some((status, text)) if (400..500).contains(&status) && ![408, 409, 429, 499].contains(&status) => {
                    return Answer::Refused(status, text);
                }
                _ => self.pause(1_500).await,
            }
        }
        Answer::Nothing
    }

    async fn gateway_once(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Option<(u16, String)> {
        let wire = Wire::to(&self.runtime, "http://gateway:8080").ok()?;
        self.runtime.clock().timeout(PATIENCE, wire.raw(method, path, body, headers)).await.ok()?.ok()
    }

    pub(crate) fn one_of<T: Copy>(&self, from: &[T]) -> T {
        hosts::one_of(&self.rng, from).expect("there is always something to choose from")
    }

    pub(crate) async fn pause(&self, most: u64) {
        self.runtime.clock().sleep(Duration::from_millis(1 + self.rng.below(most))).await;
    }

    pub(crate) fn now(&self) -> String {
        self.runtime.clock().now().to_string()
    }

    pub(crate) fn say(&self, text: &str) {
        self.watch.trace().line(crate::hosts::PEOPLE, text);
    }
}

fn item(sku: &str, price: &str) -> SeedItem {
    SeedItem { sku: sku.to_owned(), description: format!("ITEM {sku}"), kind: ItemKind::Goods, price: price.to_owned() }
}

fn place(code: &str) -> SeedLocation {
    SeedLocation { code: code.to_owned(), name: code.to_owned() }
}

/// What the store and the yard have, for orders that go there.
fn elsewhere() -> impl Iterator<Item = SeedStock> {
    let of = |(sku, _, _)| [on_shelf(sku, STORE, IN_THE_STORE), on_shelf(sku, YARD, IN_THE_YARD)];
    ITEMS.into_iter().flat_map(of)
}

fn on_shelf(sku: &str, location: &str, quantity: i64) -> SeedStock {
    SeedStock { sku: sku.to_owned(), location: location.to_owned(), quantity }
}

pub(crate) fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

fn short(text: &str) -> String {
    text.chars().take(200).collect()
}
