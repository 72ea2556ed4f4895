//! Customers of a web shop whose cards are only authorized there: the money is at a payment service, and the mesh takes it
//! when goods have left. In the end the service's own books are held against what the mesh says of each payment.

use serde_json::{Value, json};

use crate::notes::Heard;
use crate::people::{Answer, People, text};
use crate::watch::Watch;

/// The channel of the web shop.
pub(crate) const CHANNEL: &str = "web";

/// A payment as both sides have it at the end.
#[derive(Debug)]
pub(crate) struct Paid {
    /// The order's number.
    pub(crate) number: String,
    /// The service's own records: what the customer authorized, then what was authorized anew for it.
    pub(crate) intents: Vec<Value>,
}

impl People {
    /// Somebody pays by card on the web, and the web shop asks for the order.
    pub(crate) async fn order_on_the_web(&self, name: &str) {
        let number = format!("W{name}");
        let mut body = self.an_order(&number);
        let minor = body["total"]["minorUnits"].as_str().and_then(|minor| minor.parse::<i64>().ok()).unwrap_or(0);
        let (card, must_prove) = match self.rng.below(1_000) {
            0..200 => ("pm_card_authenticationRequired", true),
            // What is given back to this one does not arrive.
            200..350 => ("pm_card_refundFail", false),
            _ => ("pm_card_visa", false),
        };
        let several = self.rng.chance(400);
        let mut pay = json!({"amount": minor, "currency": "gbp", "payment_method": card, "several_captures": several});
        // Some let the shop keep their card, so that what is left can be authorized anew.
        if self.rng.chance(600) {
            pay["customer"] = json!(format!("cus_{name}"));
            pay["setup_future_usage"] = json!("off_session");
        }
        let Ok(paid) = self.twins().post("/__sandbox/stripe/pay", &pay).await else { return };
        let intent = text(&paid, "id");
        body["channel"] = json!(CHANNEL);
        body["payments"] = json!([{
            "tender": "TENDER_CARD", "state": "PAYMENT_STATE_AUTHORIZED", "gateway": "stripe", "reference": intent,
            "amount": {"minorUnits": minor.to_string(), "currency": "GBP"},
        }]);
        self.notes.book().paid.insert(number.clone(), intent.clone());
        self.notes.book().ordered.insert(number.clone(), Heard::Nothing);
        let heard = self.heard(&format!("order-{number}"), "/v1/orders", &body, "/order/orderId").await;
        if let Heard::Done(_) = heard {
            self.watch.count("web_orders");
        }
        self.notes.book().ordered.insert(number, heard);
        // Some prove who they are a little later, some never.
        if must_prove && self.rng.chance(600) {
            self.pause(4_000).await;
            let proof = json!({"payment_intent": intent});
            let _told = self.twins().post("/__sandbox/stripe/authenticate", &proof).await;
        }
        // Now and then an authorization ends before its time.
        if pay["customer"].is_string() && self.rng.chance(200) {
            self.pause(4_000).await;
            let ended = json!({"payment_intent": intent});
            if self.twins().post("/__sandbox/stripe/expire", &ended).await.is_ok() {
                self.watch.count("ran_out");
            }
        }
    }

    /// Every payment of the web shop as the service has it.
    pub(crate) async fn paid_on_the_web(&self, orders: &[Value]) -> anyhow::Result<Vec<Paid>> {
        let paid = self.notes.book().paid.clone();
        let mut all = Vec::with_capacity(paid.len());
        for (number, id) in paid {
            let order = orders.iter().find(|order| order["orderNumber"] == *number);
            let again = order.into_iter().flat_map(authorized_anew).filter(|known| *known != id);
            let mut intents = Vec::new();
            for id in [id.clone()].into_iter().chain(again) {
                intents.push(self.twins().get(&format!("/__sandbox/stripe/object?id={id}")).await?);
            }
            all.push(Paid { number, intents });
        }
        Ok(all)
    }

    /// An order of the web shop as the mesh knows it.
    pub(crate) async fn some_web_order(&self) -> Option<Value> {
        let numbers: Vec<String> = self.notes.book().paid.keys().cloned().collect();
        let place = usize::try_from(self.rng.below(u64::try_from(numbers.len()).ok()?)).ok()?;
        match self.ask("GET", &format!("/v1/orders?orderNumber={}", numbers.get(place)?), None, "").await {
            Answer::Good(found) => found["orders"].as_array()?.first().cloned(),
            Answer::Refused(..) | Answer::Nothing => None,
        }
    }
}

/// `money_once`: what the service took is what the order says was taken, no more than the customer authorized, out of
/// payments that the order knows; and of an order that is over nothing is held any more.
pub(crate) fn agrees(paid: &[Paid], books: &Value, orders: &[Value], someone_waits: bool, watch: &Watch) {
    let everything: i64 =
        paid.iter().flat_map(|paid| &paid.intents).map(|intent| number_of(intent, "amount_received")).sum();
    let captured = &books["stripe"]["payments"]["captured"];
    watch.trace().line("END", &format!("the payment service took {captured}, {everything} of it for known payments"));
    if captured.as_i64().is_some_and(|captured| captured != everything) {
        watch.violated("money_once", format!("the service took {captured}, known payments come to {everything}"));
    }
    for Paid { number, intents } in paid {
        let of = |field: &str| -> i64 { intents.iter().map(|intent| number_of(intent, field)).sum() };
        let (taken, held) = (of("amount_received"), of("amount_capturable"));
        let most = intents.first().map_or(0, |first| number_of(first, "amount"));
        if intents.len() > 1 {
            watch.count("authorized_anew");
        }
        let order = orders.iter().find(|order| order["orderNumber"] == **number);
        let said: i64 = order.map_or(0, taken_with);
        let state = order.map_or("", |order| order["state"].as_str().unwrap_or_default());
        let status: Vec<&Value> = intents.iter().map(|intent| &intent["status"]).collect();
        let line =
            format!("payment of {number}: {status:?}, {taken} of {most} taken, {held} held; {state} says {said}");
        watch.trace().line("END", &line);
        if taken + held > most {
            watch.violated("money_once", line.clone());
        }
        if taken != said && !someone_waits {
            watch.violated("money_once", line.clone());
        }
        let over = ["COMPLETED", "CANCELLED", "REFUSED"].iter().any(|end| state.ends_with(end));
        if over && held > 0 && !someone_waits {
            watch.violated("money_once", format!("{line}: nobody will ever take or free it"));
        }
    }
}

/// `compensated_or_done`: of money that was given back and did not arrive, somebody has heard who can give it by another way.
pub(crate) fn hears_what_came_back(books: &Value, orders: &[Value], returns: &[Value], watch: &Watch) {
    let failed = books["stripe"]["refunds"]["failed_references"].as_array().map(Vec::as_slice).unwrap_or_default();
    for reference in failed.iter().filter_map(Value::as_str) {
        watch.count("came_back");
        let owner = reference.split('/').next().unwrap_or_default();
        let is_owner = |one: &&Value| one["orderId"] == *owner || one["returnId"] == *owner;
        let found = orders.iter().chain(returns).find(is_owner);
        if !found.is_some_and(|one| one["parked"] == true) {
            let state = found.map_or(&Value::Null, |one| &one["state"]);
            watch.violated("compensated_or_done", format!("{reference} came back, and {owner} is {state}"));
        }
    }
}

/// The service's ids of what an order has authorized anew.
fn authorized_anew(order: &Value) -> Vec<String> {
    let again = |payment: &&Value| !text(payment, "againOf").is_empty() && !text(payment, "reference").is_empty();
    let payments = order["payments"].as_array().map(Vec::as_slice).unwrap_or_default();
    payments.iter().filter(again).map(|payment| text(payment, "reference")).collect()
}

fn number_of(record: &Value, field: &str) -> i64 {
    record[field].as_i64().unwrap_or(0)
}

/// What an order says that was taken of its authorizations.
fn taken_with(order: &Value) -> i64 {
    let minor = |payment: &Value| payment["amount"]["minorUnits"].as_str().and_then(|minor| minor.parse::<i64>().ok());
    let taken = |payment: &&Value| {
        let captured = ["CAPTURED", "REFUNDED"].iter().any(|end| text(payment, "state").ends_with(end));
        captured && !text(payment, "takenFrom").is_empty()
    };
    order["payments"].as_array().into_iter().flatten().filter(taken).filter_map(minor).sum()
}
