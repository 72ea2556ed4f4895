//! The Stripe twin against the fidelity checklist of its vendor document (rows 35 to 41); the numbers name the rows.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what tests build on fails loudly")]

mod keys;
mod lists;
mod payments;
mod refunds;

use std::cell::Cell;

use http::{HeaderMap, Method};
use jiff::{SignedDuration, Timestamp};
use retail_runtime::Rng;
use retail_sandbox::stripe::{Config, Stripe};
use retail_sandbox::twin::{Answer, Seen, Twin as _};
use serde_json::{Value, json};

struct Account {
    twin: Stripe,
    now: Cell<Timestamp>,
}

fn account() -> Account {
    let twin = Stripe::open(None, Config::default(), Rng::seeded(7)).unwrap();
    Account { twin, now: Cell::new("2026-11-23T13:00:00Z".parse().unwrap()) }
}

fn seen(method: Method, target: &str, body: &str, headers: &[(&'static str, &str)]) -> Seen {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut all = HeaderMap::new();
    all.insert("authorization", "Bearer sk_test_weft_sandbox".parse().unwrap());
    for (name, value) in headers {
        all.insert(*name, value.parse().unwrap());
    }
    Seen {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers: all,
        body: body.to_owned().into(),
        base_url: "http://127.0.0.1:9104".to_owned(),
    }
}

fn body(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

impl Account {
    fn handle(&self, seen: &Seen) -> Answer {
        self.twin.handle(seen, self.now.get())
    }

    fn get(&self, target: &str) -> (u16, Value) {
        let answer = self.handle(&seen(Method::GET, target, "", &[]));
        (answer.status, body(&answer))
    }

    fn post(&self, path: &str, form: &str) -> (u16, Value) {
        let answer = self.handle(&seen(Method::POST, path, form, &[]));
        (answer.status, body(&answer))
    }

    fn keyed(&self, path: &str, form: &str, key: &str) -> Answer {
        self.handle(&seen(Method::POST, path, form, &[("idempotency-key", key)]))
    }

    fn turn(&self, verb: &str, ask: Value) -> Value {
        let answer = self.twin.control(verb, &seen(Method::POST, "/", &ask.to_string(), &[]), self.now.get()).unwrap();
        assert_eq!(answer.status, 200, "{verb}: {}", body(&answer));
        body(&answer)
    }

    /// A payment of the shop, held.
    fn held(&self, amount: i64) -> String {
        self.turn("pay", json!({"amount": amount, "currency": "gbp"}))["id"].as_str().unwrap().to_owned()
    }

    /// A payment of the shop, taken.
    fn taken(&self, amount: i64, card: &str) -> String {
        let ask = json!({"amount": amount, "currency": "gbp", "capture_method": "automatic", "payment_method": card});
        self.turn("pay", ask)["id"].as_str().unwrap().to_owned()
    }

    fn later(&self, by: SignedDuration) {
        self.now.set(self.now.get() + by);
        self.twin.tick(self.now.get());
    }

    /// Types of all events, oldest first.
    fn told(&self) -> Vec<String> {
        let (_, events) = self.get("/v1/events?limit=100");
        let all = events["data"].as_array().unwrap();
        all.iter().rev().map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    }
}

fn code(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["error"]["code"].as_str().unwrap_or_default())
}
