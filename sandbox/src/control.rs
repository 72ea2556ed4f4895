//! `/__sandbox`: the operator's door. The same paths on the control listener and on every twin's.

use std::sync::Arc;

use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::clock::TwinClock;
use crate::faults::Fault;
use crate::seed::Seed;
use crate::serve::House;
use crate::twin::{Answer, Seen};

/// All twins and their clock.
pub(crate) struct Control {
    pub(crate) houses: Vec<Arc<House>>,
    pub(crate) clock: TwinClock,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    /// `1h`, `90s`, `4h 10m`.
    advance: SignedDuration,
}

impl Control {
    /// Answers an operator's request; the path starts with `/__sandbox`.
    pub(crate) fn answer(&self, seen: &Seen) -> Answer {
        let path = seen.path.strip_prefix("/__sandbox").unwrap_or(&seen.path);
        let mut parts = path.trim_matches('/').splitn(2, '/');
        let (first, rest) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        match (seen.method.as_str(), first, rest) {
            ("GET", "health", "") => Answer::json(200, &json!({"status": "ok"})),
            ("GET", "books", "") => {
                let all: Map<String, Value> =
                    self.houses.iter().map(|house| (house.name().to_owned(), house.twin().books())).collect();
                Answer::json(200, &Value::Object(all))
            }
            ("GET", "clock", "") => self.time(),
            ("POST", "clock", "") => self.advance(seen),
            ("POST", "reset", "") => self.reset(),
            ("POST", "seed", "") => self.seed(seen),
            _ => match self.houses.iter().find(|house| house.name() == first) {
                Some(house) => self.vendor(house, rest, seen),
                None => unknown(&seen.path),
            },
        }
    }

    /// Every twin's back office works.
    pub(crate) fn tick(&self) {
        for house in &self.houses {
            house.twin().tick(self.clock.now());
        }
    }

    fn time(&self) -> Answer {
        Answer::json(200, &json!({"now": self.clock.now().to_string(), "ahead_ms": self.clock.ahead()}))
    }

    fn advance(&self, seen: &Seen) -> Answer {
        let by = match serde_json::from_slice::<Advance>(&seen.body) {
            Ok(given) if !given.advance.is_negative() => given.advance,
            Ok(_) => return refused("a clock does not go back; advance must not be negative"),
            Err(err) => return refused(&err.to_string()),
        };
        if let Err(err) = self.clock.advance(by) {
            return failed(&err.to_string());
        }
        self.tick();
        self.time()
    }

    fn reset(&self) -> Answer {
        for house in &self.houses {
            if let Err(err) = house.reset() {
                return failed(&err);
            }
        }
        Answer::json(200, &json!({"reset": self.names()}))
    }

    fn seed(&self, seen: &Seen) -> Answer {
        match serde_json::from_slice::<Seed>(&seen.body) {
            Ok(seed) => {
                self.houses.iter().for_each(|house| house.twin().seed(&seed));
                Answer::json(
                    200,
                    &json!({"seeded": self.names(), "items": seed.items.len(), "stock": seed.stock.len()}),
                )
            }
            Err(err) => refused(&err.to_string()),
        }
    }

    fn names(&self) -> Vec<&'static str> {
        self.houses.iter().map(|house| house.name()).collect()
    }

    fn vendor(&self, house: &House, verb: &str, seen: &Seen) -> Answer {
        match (seen.method.as_str(), verb) {
            ("GET", "books") => Answer::json(200, &house.twin().books()),
            ("GET", "requests") => requests(house, seen),
            ("GET", "faults") => Answer::json(200, &Value::Array(house.faults.list())),
            ("POST", "faults") => match Fault::read(&seen.body).map(|fault| house.faults.plan(fault)) {
                Ok(Ok(id)) => Answer::json(201, &json!({"id": id})),
                Ok(Err(err)) => failed(&err.to_string()),
                Err(err) => refused(&err),
            },
            ("DELETE", "faults") => dropped(house, None),
            ("DELETE", _) if verb.starts_with("faults/") => match verb.trim_start_matches("faults/").parse() {
                Ok(id) => dropped(house, Some(id)),
                Err(_) => refused("a fault's id is a number"),
            },
            _ => {
                let base_url = house.base_url.get().cloned().unwrap_or_default();
                let seen = Seen { base_url, ..seen.clone() };
                house.twin().control(verb, &seen, self.clock.now()).unwrap_or_else(|| unknown(&seen.path))
            }
        }
    }
}

fn requests(house: &House, seen: &Seen) -> Answer {
    let text = |name: &str| seen.parameter(name).unwrap_or_default();
    let number = |name: &str, otherwise: i64| match seen.parameter(name) {
        Some(text) => text.parse().map_err(|_| format!("{name} is a number")),
        None => Ok(otherwise),
    };
    match (number("after", 0), number("limit", 1000)) {
        (Ok(after), Ok(limit)) => house
            .requests
            .list(after, &text("contains"), &text("traceparent"), limit)
            .map_or_else(|err| failed(&err.to_string()), |found| Answer::json(200, &found)),
        (Err(err), _) | (_, Err(err)) => refused(&err),
    }
}

fn dropped(house: &House, id: Option<i64>) -> Answer {
    match house.faults.drop_planned(id) {
        Ok(0) if id.is_some() => Answer::json(404, &json!({"error": "no such fault"})),
        Ok(count) => Answer::json(200, &json!({"dropped": count})),
        Err(err) => failed(&err.to_string()),
    }
}

fn unknown(path: &str) -> Answer {
    Answer::json(404, &json!({"error": format!("the sandbox knows no {path}")}))
}

fn refused(what: &str) -> Answer {
    Answer::json(400, &json!({"error": what}))
}

fn failed(what: &str) -> Answer {
    tracing::error!(what, "the sandbox failed");
    Answer::json(500, &json!({"error": what}))
}
