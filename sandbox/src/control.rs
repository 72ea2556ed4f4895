//! The sandbox's own interface, `/__sandbox/...`: books, requests, faults, the clock, seeds, and each vendor's verbs.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::clock::TwinClock;
use crate::faults::Fault;
use crate::requests::Filter;
use crate::seed::Seed;
use crate::serve::Stand;
use crate::twin::{Answer, Seen};

/// The control of every twin.
pub(crate) struct Control {
    pub(crate) clock: TwinClock,
    stands: std::sync::OnceLock<Vec<Arc<Stand>>>,
}

impl Control {
    pub(crate) fn new(clock: &TwinClock) -> Self {
        Self { clock: clock.clone(), stands: std::sync::OnceLock::new() }
    }

    /// Learns which twins there are; once.
    pub(crate) fn know(&self, stands: Vec<Arc<Stand>>) {
        let _known_already = self.stands.set(stands);
    }

    pub(crate) fn stands(&self) -> &[Arc<Stand>] {
        self.stands.get().map_or(&[], Vec::as_slice)
    }

    pub(crate) fn tick(&self) {
        for stand in self.stands() {
            stand.twin.tick(self.clock.now());
        }
    }

    pub(crate) fn answer(&self, seen: &Seen) -> Answer {
        let path = seen.path.strip_prefix("/__sandbox/").unwrap_or_default();
        let is_post = seen.method == http::Method::POST;
        match path.split_once('/').unwrap_or((path, "")) {
            ("health", "") => Answer::json(200, &json!({"status": "ok", "now": self.clock.now().to_string()})),
            ("books", "") => Answer::json(200, &self.all_books()),
            ("clock", "") if is_post => self.advance(seen),
            ("clock", "") => Answer::json(200, &json!({"now": self.clock.now().to_string()})),
            ("seed", "") if is_post => self.seed(seen),
            (vendor, verb) => match self.stands().iter().find(|stand| stand.twin.name() == vendor) {
                Some(stand) => self.of_vendor(stand, verb, seen),
                None => wrong(404, &format!("no twin {vendor:?}; twins are {}", self.names())),
            },
        }
    }

    fn names(&self) -> String {
        self.stands().iter().map(|stand| stand.twin.name()).collect::<Vec<_>>().join(", ")
    }

    fn all_books(&self) -> Value {
        let books = self.stands().iter().map(|stand| (stand.twin.name().to_owned(), stand.twin.books()));
        Value::Object(books.collect::<Map<_, _>>())
    }

    fn advance(&self, seen: &Seen) -> Answer {
        let body: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
        let by = body.get("advance").and_then(Value::as_str).unwrap_or_default();
        match by.parse::<retail_runtime::config::Span>() {
            Ok(by) => {
                self.clock.advance(Duration::from(by));
                self.tick();
                Answer::json(200, &json!({"now": self.clock.now().to_string()}))
            }
            Err(error) => wrong(400, &format!("advance: {error}")),
        }
    }

    fn seed(&self, seen: &Seen) -> Answer {
        match serde_json::from_slice::<Seed>(&seen.body) {
            Ok(seed) => {
                for stand in self.stands() {
                    stand.twin.seed(&seed);
                }
                Answer::json(200, &json!({"items": seed.items.len(), "stock": seed.stock.len()}))
            }
            Err(error) => wrong(400, &format!("the seed cannot be read: {error}")),
        }
    }

    fn of_vendor(&self, stand: &Stand, verb: &str, seen: &Seen) -> Answer {
        match (verb, seen.method.as_str()) {
            ("books", _) => Answer::json(200, &stand.twin.books()),
            ("requests", _) => requests(stand, seen),
            ("faults", "GET") => Answer::json(200, &json!(stand.faults.list())),
            ("faults", "DELETE") => {
                stand.faults.clear();
                Answer::empty(204)
            }
            ("faults", "POST") => match serde_json::from_slice::<Fault>(&seen.body) {
                Ok(fault) => Answer::json(201, &json!({"id": stand.faults.plant(fault)})),
                Err(error) => wrong(400, &format!("the fault cannot be read: {error}")),
            },
            (verb, _) => stand
                .twin
                .control(verb, seen, self.clock.now())
                .unwrap_or_else(|| wrong(404, &format!("the {} twin has no verb {verb:?}", stand.twin.name()))),
        }
    }
}

fn requests(stand: &Stand, seen: &Seen) -> Answer {
    let mut filter = Filter { limit: 1_000, ..Filter::default() };
    let asked: Vec<(String, String)> = serde_urlencoded::from_str(&seen.query).unwrap_or_default();
    for (name, value) in asked {
        match name.as_str() {
            "after" => filter.after = value.parse().unwrap_or(0),
            "contains" => filter.contains = value,
            "traceparent" => filter.traceparent = value,
            "limit" => filter.limit = value.parse().unwrap_or(1_000),
            _ => return wrong(400, &format!("requests knows after, contains, traceparent and limit, not {name:?}")),
        }
    }
    Answer::json(200, &json!(stand.requests.find(&filter)))
}

fn wrong(status: u16, what: &str) -> Answer {
    Answer::json(status, &json!({"error": what}))
}
