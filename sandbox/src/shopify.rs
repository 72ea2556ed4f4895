//! A Shopify shop: the GraphQL Admin API with its cost throttle, and webhooks in their REST shape (vendor page, section
//! 4; GraphQL Admin API reference). Owns products, stock, orders, fulfilments and the deliveries still to be made.
//! Refuses what a real shop refuses: unknown fields, stale comparisons, missing scopes, keys used twice.
//! Orders enter through the control verb `sell`; they leave as webhooks and as answers to queries.

mod auth;
mod body;
mod call;
mod cancelling;
mod collection;
mod control;
mod countries;
mod docs;
mod due;
mod editing;
mod execute;
mod fulfil;
mod ids;
mod input;
mod inventory;
mod money;
mod moving;
mod office;
mod once;
mod order_edit;
mod outbox;
mod pages;
mod payment;
mod people;
mod plan;
mod reads;
mod refund;
mod refunded;
mod rma;
mod sale;
mod schema;
mod seeding;
mod sender;
mod stock;
mod tables;
mod tally;
mod throttle;
mod writes;

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use retail_runtime::{Rng, Runtime};
use rusqlite::Connection;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::books::{Books, Result};
use crate::clock::TwinClock;
use crate::seed::Seed;
use crate::twin::{Answer, Seen, Twin};
use call::Call;
use schema::Schema;
use sender::Sender;
use throttle::Bucket;

/// Living versions of the API, oldest first; each lives about a year.
const VERSIONS: [&str; 4] = ["2026-01", "2026-04", "2026-07", "2026-10"];

/// The shop and the app that may use it.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `demo.myshopify.com`.
    pub domain: String,
    /// The app's client id.
    pub client_id: String,
    /// The app's client secret; it also signs webhooks.
    pub client_secret: String,
    /// What the app may do.
    pub scopes: Vec<String>,
    /// Currency, unless the seed says otherwise.
    pub currency: String,
    /// Points restored each second; the bucket holds twenty times that. 1000 is the Plus plan's.
    pub restore_rate: i64,
    /// Points one query may ask for.
    pub most_per_query: u64,
    /// Version of the webhooks that the app's configuration subscribes to.
    pub webhook_version: String,
    /// Webhooks under way at once.
    pub senders: u64,
    /// Whether more may be sold than is there.
    pub oversell: bool,
}

impl Default for Config {
    fn default() -> Config {
        let scopes = [
            "read_products",
            "read_locations",
            "write_inventory",
            "write_orders",
            "write_order_edits",
            "write_returns",
            "write_merchant_managed_fulfillment_orders",
        ];
        Config {
            domain: "weft-sandbox.myshopify.com".to_owned(),
            client_id: "weft-sandbox".to_owned(),
            client_secret: "weft-sandbox-secret".to_owned(),
            scopes: scopes.map(str::to_owned).to_vec(),
            currency: "GBP".to_owned(),
            restore_rate: 1000,
            most_per_query: 1000,
            webhook_version: "2026-10".to_owned(),
            senders: 8,
            oversell: true,
        }
    }
}

/// The twin.
#[derive(Debug)]
pub struct Shopify {
    config: Config,
    books: Arc<Books>,
    schema: Schema,
    rng: Rng,
    sender: Option<Arc<Sender>>,
}

impl Shopify {
    /// Opens the shop and lets it send webhooks.
    ///
    /// # Errors
    /// Those of the books.
    pub fn start(runtime: &Runtime, clock: &TwinClock, dir: Option<&Path>, config: Config) -> Result<Arc<Shopify>> {
        let mut shop = Shopify::open(dir, config, runtime.rng().clone())?;
        shop.sender = Some(Sender::start(Arc::clone(&shop.books), runtime, clock, &shop.config));
        Ok(Arc::new(shop))
    }

    /// Opens the shop's books, in memory without a directory; nothing is sent.
    ///
    /// # Errors
    /// Those of the books.
    pub fn open(dir: Option<&Path>, config: Config, rng: Rng) -> Result<Shopify> {
        let books = Arc::new(Books::open(dir, "shopify", tables::SCHEMA)?);
        Ok(Shopify { config, books, schema: Schema::load(), rng, sender: None })
    }

    fn call<'a>(&'a self, db: &'a Connection, now: Timestamp, version: &'a str) -> Call<'a> {
        Call { db, now, config: &self.config, schema: &self.schema, rng: &self.rng, version }
    }

    fn graphql(&self, db: &Connection, seen: &Seen, now: Timestamp, asked: &str) -> Result<Answer> {
        let Some(version) = living(asked) else {
            return Ok(Answer::json(404, &json!({"errors": "Not Found"})));
        };
        let call = self.call(db, now, version);
        if let Some(refusal) = auth::check(&call, seen)? {
            return Ok(refusal);
        }
        let answer = self.query(&call, seen)?;
        let mut request = [0; 16];
        self.rng.fill(&mut request);
        Ok(answer
            .header("X-Shopify-API-Version", version)
            .header("X-Request-Id", &uuid::Builder::from_random_bytes(request).into_uuid().to_string()))
    }

    fn query(&self, call: &Call<'_>, seen: &Seen) -> Result<Answer> {
        let body: Option<Value> = serde_json::from_slice(&seen.body).ok();
        let member = |name: &str| body.as_ref().and_then(|body| body.get(name));
        let Some(query) = member("query").and_then(Value::as_str) else {
            let what = "Required parameter missing or invalid";
            return Ok(Answer::json(400, &json!({"errors": {"query": what}})));
        };
        let none = Map::new();
        let variables = member("variables").and_then(Value::as_object).unwrap_or(&none);
        let operation = member("operationName").and_then(Value::as_str);
        let plan = match plan::plan(call.schema, query, operation, variables) {
            Ok(plan) => plan,
            Err(errors) => return Ok(Answer::json(200, &json!({"errors": errors}))),
        };
        let requested = execute::requested(&plan);
        if requested > self.config.most_per_query {
            let most = self.config.most_per_query;
            let message = format!("Query cost is {requested}, which exceeds the single query max cost limit ({most}).");
            let error = json!({"message": message, "extensions": {"code": "MAX_COST_EXCEEDED", "cost": requested, "maxCost": most}});
            return Ok(Answer::json(200, &json!({"errors": [error]})));
        }
        let mut bucket = Bucket::read(call)?;
        if !bucket.holds(requested) {
            let error = json!({"message": "Throttled", "extensions": {"code": "THROTTLED"}});
            let cost = bucket.cost(requested, None);
            return Ok(Answer::json(200, &json!({"errors": [error], "extensions": {"cost": cost}})));
        }
        let outcome = execute::execute(*call, &plan);
        let actual = outcome.cost.min(requested);
        bucket.take(call, actual)?;
        let mut answer = json!({"data": outcome.data, "extensions": {"cost": bucket.cost(requested, Some(actual))}});
        if let Some(members) = answer.as_object_mut()
            && !outcome.errors.is_empty()
        {
            members.insert("errors".to_owned(), Value::Array(outcome.errors));
        }
        if let Some(extensions) = answer.get_mut("extensions").and_then(Value::as_object_mut)
            && !outcome.searches.is_empty()
        {
            extensions.insert("search".to_owned(), Value::Array(outcome.searches));
        }
        Ok(Answer::json(200, &answer))
    }

    fn route(&self, db: &Connection, seen: &Seen, now: Timestamp) -> Result<Answer> {
        let path = seen.path.trim_end_matches('/');
        let version = path.strip_prefix("/admin/api/").and_then(|rest| rest.strip_suffix("/graphql.json"));
        match (seen.method.as_str(), version) {
            ("POST", _) if path == "/admin/oauth/access_token" => auth::grant(&self.call(db, now, "2026-10"), seen),
            ("POST", Some(version)) => self.graphql(db, seen, now, version),
            (_, Some(_)) => Ok(Answer::json(405, &json!({"errors": "Method Not Allowed"}))),
            _ => Ok(Answer::json(404, &json!({"errors": "Not Found"}))),
        }
    }

    fn woken<T>(&self, done: T) -> T {
        if let Some(sender) = &self.sender {
            sender.wake();
        }
        done
    }
}

/// The version that answers: a retired one's part is played by the oldest that lives.
fn living(asked: &str) -> Option<&'static str> {
    let oldest = *VERSIONS.first()?;
    let dated = asked.len() == 7
        && asked.split_once('-').is_some_and(|(year, month)| {
            year.len() == 4 && [year, month].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
        });
    VERSIONS.into_iter().find(|version| *version == asked).or((dated && asked < oldest).then_some(oldest))
}

fn failed(err: &rusqlite::Error) -> Answer {
    tracing::error!(%err, "the shop's books failed");
    Answer::json(500, &json!({"errors": "Internal Server Error"}))
}

impl Twin for Shopify {
    fn name(&self) -> &'static str {
        "shopify"
    }

    fn handle(&self, request: &Seen, now: Timestamp) -> Answer {
        let answer = self.books.transaction(|db| self.route(db, request, now));
        self.woken(answer.unwrap_or_else(|err| failed(&err)))
    }

    fn books(&self) -> Value {
        self.books.with(tally::tally).unwrap_or_else(|err| json!({"error": err.to_string()}))
    }

    fn tick(&self, _now: Timestamp) {
        self.woken(());
    }

    fn seed(&self, seed: &Seed) {
        let seeded = self.books.transaction(|db| seeding::seed(&self.call(db, Timestamp::UNIX_EPOCH, "2026-10"), seed));
        if let Err(err) = seeded {
            tracing::error!(%err, "cannot seed the shop");
        }
    }

    fn control(&self, verb: &str, request: &Seen, now: Timestamp) -> Option<Answer> {
        let turned = self
            .books
            .transaction(|db| control::turn(&self.call(db, now, &self.config.webhook_version), verb, request));
        self.woken(turned.unwrap_or_else(|err| Some(failed(&err))))
    }

    fn expire_tokens(&self) {
        if let Err(err) = self.books.with(|db| db.execute("DELETE FROM token", [])) {
            tracing::error!(%err, "cannot expire the shop's tokens");
        }
    }
}
