//! The Salesforce twin against the fidelity checklist of its vendor document; the numbers name the rows.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what tests build on fails loudly")]

mod auth;
mod availability;
mod composites;
mod domain;
mod queries;
mod rows;
mod service;

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use retail_sandbox::salesforce::{Config, Salesforce};
use retail_sandbox::twin::{Answer, Seen, Twin as _};

const BASE: &str = "http://127.0.0.1:9103";
const V66: &str = "/services/data/v66.0";

struct Org {
    twin: Salesforce,
    now: std::cell::Cell<Timestamp>,
    token: String,
    headers: Vec<(&'static str, String)>,
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn org() -> Org {
    org_with(Config::default())
}

fn org_with(config: Config) -> Org {
    let mut org = Org {
        twin: Salesforce::open(None, config).unwrap(),
        now: std::cell::Cell::new(at("2026-11-23T13:07:28Z")),
        token: String::new(),
        headers: Vec::new(),
    };
    org.log_in();
    org
}

impl Org {
    fn log_in(&mut self) {
        let answer =
            self.token("grant_type=client_credentials&client_id=weft-sandbox&client_secret=weft-sandbox-secret");
        self.token = json_of(&answer)["access_token"].as_str().unwrap().to_owned();
    }

    fn token(&self, form: &str) -> Answer {
        self.raw(
            Method::POST,
            "/services/oauth2/token",
            form.as_bytes(),
            &[("content-type", "application/x-www-form-urlencoded")],
        )
    }

    fn raw(&self, method: Method, target: &str, body: &[u8], headers: &[(&'static str, &str)]) -> Answer {
        self.twin.handle(&seen(method, target, body, headers), self.now.get())
    }

    fn call(&self, method: Method, target: &str, body: Value) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let mut headers = vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
        headers.extend(self.headers.iter().map(|(name, value)| (*name, value.as_str())));
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.raw(method, &format!("{V66}{target}"), body.as_bytes(), &headers)
    }

    fn get(&self, target: &str) -> Answer {
        self.call(Method::GET, target, Value::Null)
    }

    fn post(&self, target: &str, body: Value) -> Answer {
        self.call(Method::POST, target, body)
    }

    fn patch(&self, target: &str, body: Value) -> Answer {
        self.call(Method::PATCH, target, body)
    }

    fn delete(&self, target: &str) -> Answer {
        self.call(Method::DELETE, target, Value::Null)
    }

    fn query(&self, soql: &str) -> Answer {
        self.get(&format!("/query?{}", serde_urlencoded::to_string([("q", soql)]).unwrap()))
    }

    fn with(mut self, name: &'static str, value: &str) -> Org {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn turn(&self, verb: &str, body: Value) {
        let answer = self
            .twin
            .control(verb, &seen(Method::POST, "/", body.to_string().as_bytes(), &[]), self.now.get())
            .unwrap();
        assert_eq!(answer.status, 200, "{}", json_of(&answer));
    }

    /// What an agent gets back.
    fn agent(&self, verb: &str, body: Value) -> Answer {
        self.twin.control(verb, &seen(Method::POST, "/", body.to_string().as_bytes(), &[]), self.now.get()).unwrap()
    }

    /// The id of a case that an agent opened.
    fn case(&self, body: Value) -> String {
        json_of(&self.agent("case", body))["id"].as_str().unwrap().to_owned()
    }

    fn account(&self, name: &str) -> String {
        json_of(&self.post("/sobjects/Account", json!({"Name": name})))["id"].as_str().unwrap().to_owned()
    }

    fn later(&self, by: &str) {
        let by: jiff::SignedDuration = by.parse().unwrap();
        self.now.set(self.now.get().checked_add(by).unwrap());
    }

    fn count(&self, object: &str) -> u64 {
        json_of(&self.query(&format!("SELECT COUNT() FROM {object}")))["totalSize"].as_u64().unwrap()
    }
}

fn seen(method: Method, target: &str, body: &[u8], headers: &[(&'static str, &str)]) -> Seen {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut map = http::HeaderMap::new();
    for (name, value) in headers {
        map.insert(*name, value.parse().unwrap());
    }
    Seen {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers: map,
        body: body.to_vec().into(),
        base_url: BASE.to_owned(),
    }
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Status, code and message of a refusal.
fn refusal(answer: &Answer) -> (u16, String, String) {
    let body = json_of(answer);
    let first = &body[0];
    let text = |name: &str| first[name].as_str().unwrap_or_default().to_owned();
    (answer.status, text("errorCode"), text("message"))
}

fn code(answer: &Answer) -> (u16, String) {
    let (status, code, _) = refusal(answer);
    (status, code)
}
