//! The Shopify twin against the fidelity checklist of its vendor document (rows 16 to 34); the numbers name the rows.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what tests build on fails loudly")]

mod access;
mod changing;
mod deliveries;
mod editing;
mod fulfilment;
mod inventory;
mod people;
mod reading;
mod refunds;
mod returns;
mod selling;

use std::cell::Cell;

use http::Method;
use jiff::{SignedDuration, Timestamp};
use retail_runtime::Rng;
use retail_sandbox::orderbook::{Line, Order};
use retail_sandbox::shopify::{Config, Shopify};
use retail_sandbox::twin::{Answer, Seen, Twin as _};
use retail_sandbox::{ItemKind, Seed, SeedItem, SeedLocation, SeedStock};
use serde_json::{Value, json};

struct Shop {
    twin: Shopify,
    now: Cell<Timestamp>,
    token: String,
    version: &'static str,
}

fn shop() -> Shop {
    shop_with(Config::default())
}

fn shop_with(config: Config) -> Shop {
    opened(Shopify::open(None, config, Rng::seeded(7)).unwrap())
}

fn opened(twin: Shopify) -> Shop {
    let mut shop = Shop {
        twin,
        now: Cell::new("2026-11-23T13:00:00Z".parse().unwrap()),
        token: String::new(),
        version: "2026-10",
    };
    shop.twin.seed(&seed());
    shop.log_in();
    shop
}

fn seed() -> Seed {
    let item = |sku: &str, kind| SeedItem {
        sku: sku.to_owned(),
        description: format!("THE {sku}"),
        kind,
        price: "2.50".to_owned(),
    };
    let stock = |sku: &str, quantity| SeedStock { sku: sku.to_owned(), location: "MAIN".to_owned(), quantity };
    let location = |code: &str| SeedLocation { code: code.to_owned(), name: format!("Place {code}") };
    Seed {
        currency: "GBP".to_owned(),
        items: vec![item("MUG", ItemKind::Goods), item("BELL", ItemKind::Goods), item("POST", ItemKind::Charge)],
        locations: vec![location("MAIN"), location("YARD")],
        stock: vec![stock("MUG", 100), stock("BELL", 5)],
    }
}

fn line(sku: &str, quantity: i64, price: &str) -> Line {
    let kind = if ["POST", "M"].contains(&sku) { ItemKind::Charge } else { ItemKind::Goods };
    Line { sku: sku.to_owned(), title: format!("THE {sku}"), quantity, price: price.to_owned(), kind }
}

fn order(name: &str, lines: Vec<Line>) -> Order {
    Order {
        name: name.to_owned(),
        placed_at: "2010-12-01T08:26:00Z".parse().unwrap(),
        customer: Some("17850".to_owned()),
        country: "United Kingdom".to_owned(),
        lines,
    }
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

impl Shop {
    fn log_in(&mut self) {
        let grant = json!({"client_id": "weft-sandbox", "client_secret": "weft-sandbox-secret", "grant_type": "client_credentials"});
        let answer = self.post("/admin/oauth/access_token", &grant);
        self.token = json_of(&answer)["access_token"].as_str().unwrap().to_owned();
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        self.twin.handle(&self.seen(Method::POST, path, body), self.now.get())
    }

    fn seen(&self, method: Method, target: &str, body: &Value) -> Seen {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers = http::HeaderMap::new();
        headers.insert("content-type", "application/json".parse().unwrap());
        if !self.token.is_empty() {
            headers.insert("x-shopify-access-token", self.token.parse().unwrap());
        }
        Seen {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            body: body.to_string().into(),
            base_url: "http://127.0.0.1:9101".to_owned(),
        }
    }

    fn ask(&self, query: &str, variables: &Value) -> Answer {
        let path = format!("/admin/api/{}/graphql.json", self.version);
        self.post(&path, &json!({"query": query, "variables": variables}))
    }

    /// The data of a query that must succeed.
    fn data(&self, query: &str, variables: Value) -> Value {
        let answer = json_of(&self.ask(query, &variables));
        assert!(answer.get("errors").is_none(), "{answer}");
        answer["data"].clone()
    }

    /// The first error of a query that must fail.
    fn error(&self, query: &str, variables: Value) -> Value {
        let answer = json_of(&self.ask(query, &variables));
        assert!(answer["errors"][0].is_object(), "{answer}");
        answer["errors"][0].clone()
    }

    fn verb(&self, method: Method, target: &str, body: Value) -> Answer {
        let seen = self.seen(method, target, &body);
        let verb = seen.path.clone();
        self.twin.control(&verb, &seen, self.now.get()).unwrap()
    }

    fn turn(&self, verb: &str, body: Value) -> Value {
        let answer = self.verb(Method::POST, verb, body);
        assert_eq!(answer.status, 200, "{}", json_of(&answer));
        json_of(&answer)
    }

    fn sell(&self, orders: &[Order]) -> Value {
        self.turn("sell", json!({"orders": orders}))
    }

    fn later(&self, by: &str) {
        let by: SignedDuration = by.parse().unwrap();
        self.now.set(self.now.get().checked_add(by).unwrap());
    }

    fn item(&self, sku: &str) -> String {
        let found = self.data(
            "query($q: String) { inventoryItems(first: 1, query: $q) { nodes { id } } }",
            json!({"q": format!("sku:{sku}")}),
        );
        found["inventoryItems"]["nodes"][0]["id"].as_str().unwrap().to_owned()
    }

    fn location(&self, name: &str) -> String {
        let found = self.data("{ locations(first: 9) { nodes { id name } } }", json!({}));
        let all = found["locations"]["nodes"].as_array().unwrap().clone();
        all.iter().find(|one| one["name"] == format!("Place {name}")).unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// Available, on hand and committed in MAIN.
    fn stock(&self, sku: &str) -> (i64, i64, i64) {
        let query = "query($id: ID!, $at: ID!) { inventoryItem(id: $id) { inventoryLevel(locationId: $at) {
            quantities(names: [\"available\", \"on_hand\", \"committed\"]) { name quantity } } } }";
        let found = self.data(query, json!({"id": self.item(sku), "at": self.location("MAIN")}));
        let quantity =
            |at: usize| found["inventoryItem"]["inventoryLevel"]["quantities"][at]["quantity"].as_i64().unwrap();
        (quantity(0), quantity(1), quantity(2))
    }

    /// The order's id and the ids and remaining quantities of its one fulfilment order.
    fn demand(&self, name: &str) -> Value {
        let query = "query($q: String) { orders(first: 1, query: $q) { nodes { id displayFulfillmentStatus fulfillmentOrders(first: 2) { nodes {
            id status supportedActions { action } assignedLocation { name location { id } } lineItems(first: 9) { nodes { id remainingQuantity totalQuantity sku } } } } } } }";
        self.data(query, json!({"q": format!("name:{name}")}))["orders"]["nodes"][0].clone()
    }
}
