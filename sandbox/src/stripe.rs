//! A Stripe account in a sandbox: payment intents, charges, refunds, disputes, events and webhooks of API v1 (vendor page,
//! section 5; API reference; "Testing"). Owns the objects, the keys they were made under and the deliveries still to be
//! made. Refuses what Stripe refuses: unknown parameters, amounts that are not there, states that do not allow it, keys used
//! for two things. Payments enter by the API or by the control verb `pay`; they leave as answers and as webhooks.
//!
//! What the twin does where no document says it is said beside the code: which error a refusal has, that a released rest
//! shows no refund, that a failed refund counts as not given back.

mod call;
mod capture;
mod cards;
mod charges;
mod control;
mod disputes;
mod events;
mod fault;
mod intents;
mod lists;
mod money;
mod office;
mod once;
mod params;
mod refunds;
mod saved;
mod search;
mod sender;
mod tables;
mod tally;

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use retail_runtime::{Rng, Runtime};
use rusqlite::Connection;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::books::{Books, Result};
use crate::clock::TwinClock;
use crate::seed::Seed;
use crate::twin::{Answer, Seen, Twin};
use call::Call;
use fault::{Done, Refusal, Stop};
use params::Params;
use sender::Sender;

/// The account.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Its secret key.
    pub secret_key: String,
    /// Secret of its webhook endpoint, until the operator gives another.
    pub webhook_secret: String,
    /// Version of calls that name none, and of webhooks.
    pub api_version: String,
    /// How long an authorization lasts: `capture_before` of its charge. 7 by default, like Stripe's.
    pub authorization_days: i64,
    /// How long a slow refund is pending, and after which a bad one fails.
    pub refund_seconds: i64,
    /// How far the search is behind; under a minute in normal operation, says Stripe.
    pub search_lag_seconds: i64,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            secret_key: "sk_test_weft_sandbox".to_owned(),
            webhook_secret: "whsec_weft_sandbox".to_owned(),
            api_version: "2026-10-28.endive".to_owned(),
            authorization_days: 7,
            refund_seconds: 3 * 86_400,
            search_lag_seconds: 5,
        }
    }
}

impl Config {
    /// "Uniquely identifies this particular card number": the same number, the same text.
    fn fingerprint(&self, last4: &str) -> String {
        format!("weft{last4}")
    }
}

/// The twin.
#[derive(Debug)]
pub struct Stripe {
    config: Config,
    books: Arc<Books>,
    rng: Rng,
    sender: Option<Arc<Sender>>,
}

impl Stripe {
    /// Opens the account and lets it send webhooks.
    ///
    /// # Errors
    /// Those of the books.
    pub fn start(runtime: &Runtime, clock: &TwinClock, dir: Option<&Path>, config: Config) -> Result<Arc<Stripe>> {
        let mut account = Stripe::open(dir, config, runtime.rng().clone())?;
        account.sender = Some(Sender::start(Arc::clone(&account.books), runtime, clock, &account.config));
        Ok(Arc::new(account))
    }

    /// Opens the account's books, in memory without a directory; nothing is sent.
    ///
    /// # Errors
    /// Those of the books.
    pub fn open(dir: Option<&Path>, config: Config, rng: Rng) -> Result<Stripe> {
        Ok(Stripe { config, books: Arc::new(Books::open(dir, "stripe", tables::SCHEMA)?), rng, sender: None })
    }

    fn call<'a>(&'a self, db: &'a Connection, now: Timestamp) -> Call<'a> {
        Call { db, now, config: &self.config, rng: &self.rng, request: None, key: None }
    }

    fn serve(&self, db: &Connection, seen: &Seen, now: Timestamp) -> Result<Answer> {
        let mut call = self.call(db, now);
        let request = call.id("req");
        call.request = Some(request.clone());
        let version = seen.header("stripe-version").unwrap_or(&self.config.api_version).to_owned();
        let dressed = |answer: Answer| answer.header("Request-Id", &request).header("Stripe-Version", &version);
        if let Err(refusal) = self.admit(seen).and_then(|()| living(&version)) {
            return Ok(dressed(Answer::json(refusal.status, &refusal.body())));
        }
        let key = seen.header("idempotency-key").filter(|_| seen.method == http::Method::POST);
        match self.once(&mut call, seen, key) {
            Ok(answer) => Ok(dressed(match key {
                Some(key) => answer.header("Idempotency-Key", key),
                None => answer,
            })),
            Err(Stop::Refused(refusal)) => {
                let answer = dressed(Answer::json(refusal.status, &refusal.body()));
                // The first call under this key is under way: asking again is of use.
                Ok(if refusal.status == 409 { answer.header("Stripe-Should-Retry", "true") } else { answer })
            }
            Err(Stop::Books(err)) => Err(err),
        }
    }

    /// Answers a call, or what is kept under its key.
    fn once(&self, call: &mut Call<'_>, seen: &Seen, key: Option<&str>) -> Done<Answer> {
        let form = if seen.method == http::Method::POST { seen.body.as_ref() } else { seen.query.as_bytes() };
        let params = Params::read(form)?;
        let digest = format!("{} {}", seen.path, params.digest());
        if let Some(key) = key {
            call.key = Some(key.to_owned());
            if let Some(kept) = once::look(call, key, &digest)? {
                call.count("replayed")?;
                let mut answer = Answer::json(kept.status, &json!(null));
                answer.body = kept.body.into();
                return Ok(answer.header("Idempotent-Replayed", "true").header("Original-Request", &kept.request));
            }
        }
        let write = seen.method == http::Method::POST;
        let breaks = write && call.planned("internal_errors")?;
        let carried_out = !breaks || call.setting("executed")?.as_deref() == Some("true");
        let done = if carried_out { route(call, seen, &params) } else { Ok(Value::Null) };
        let (status, body, begun) = match done {
            _ if breaks => (500, Refusal::internal().body(), true),
            Ok(body) => (200, body, true),
            Err(Stop::Refused(refusal)) => (refusal.status, refusal.body(), refusal.kept),
            Err(Stop::Books(err)) => return Err(err.into()),
        };
        if let Some(key) = key.filter(|_| begun) {
            once::keep(call, key, &digest, status, &body)?;
        }
        Ok(Answer::json(status, &body))
    }

    /// Lets in whoever has the key, as a bearer or as the user of a basic login.
    fn admit(&self, seen: &Seen) -> std::result::Result<(), Refusal> {
        let given = seen.header("authorization").unwrap_or_default();
        let key = match given.split_once(' ') {
            Some(("Bearer", key)) => key.trim().to_owned(),
            Some(("Basic", coded)) => {
                let plain = STANDARD.decode(coded.trim()).unwrap_or_default();
                String::from_utf8_lossy(&plain).split(':').next().unwrap_or_default().to_owned()
            }
            _ => String::new(),
        };
        if key.is_empty() {
            let message = "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth.";
            return Err(Refusal::stranger(message));
        }
        if key != self.config.secret_key {
            return Err(Refusal::stranger("Invalid API Key provided"));
        }
        Ok(())
    }

    fn woken<T>(&self, done: T) -> T {
        if let Some(sender) = &self.sender {
            sender.wake();
        }
        done
    }
}

/// Refuses what is no version: a date, and since 2024 the name of a release.
fn living(version: &str) -> std::result::Result<(), Refusal> {
    let date = version.split('.').next().unwrap_or_default();
    if jiff::civil::Date::strptime("%Y-%m-%d", date).is_ok() {
        return Ok(());
    }
    let message = format!("Invalid Stripe API version: {version}");
    Err(Refusal::parameter("parameter_invalid_enum", "Stripe-Version", message))
}

fn route(call: &Call<'_>, seen: &Seen, params: &Params) -> Done {
    let path = seen.path.trim_end_matches('/');
    let unknown = || Refusal::address(seen.method.as_str(), path);
    let rest = path.strip_prefix("/v1/").ok_or_else(unknown)?;
    let parts: Vec<&str> = rest.split('/').collect();
    let one = |kind: &'static str, id: &str, param: &str| {
        params.known(&["expand"])?;
        call.load(kind, id)?.ok_or_else(|| Stop::from(Refusal::missing(kind, id, param, true)))
    };
    let answer = match (seen.method.as_str(), parts.as_slice()) {
        ("POST", ["payment_intents"]) => intents::create(call, params),
        ("POST", ["payment_intents", id]) => intents::update(call, id, params),
        ("POST", ["payment_intents", id, "confirm"]) => intents::confirm(call, id, params),
        ("POST", ["payment_intents", id, "capture"]) => capture::capture(call, id, params),
        ("POST", ["payment_intents", id, "cancel"]) => intents::cancel(call, id, params),
        ("POST", ["refunds"]) => refunds::create(call, params),
        ("POST", ["refunds", id]) => refunds::update(call, id, params),
        ("GET", ["payment_intents"]) => lists::objects(call, "payment_intent", "/v1/payment_intents", params),
        ("GET", ["payment_intents", "search"]) => {
            search::intents(call, params, seen.header("x-sandbox-fault") == Some("stale_search"))
        }
        ("GET", ["payment_intents", id]) => one("payment_intent", id, "intent"),
        ("GET", ["charges"]) => lists::objects(call, "charge", "/v1/charges", params),
        ("GET", ["charges", id]) => one("charge", id, "id"),
        ("GET", ["refunds"]) => lists::objects(call, "refund", "/v1/refunds", params),
        ("GET", ["refunds", id]) => one("refund", id, "id"),
        ("GET", ["disputes"]) => lists::objects(call, "dispute", "/v1/disputes", params),
        ("GET", ["disputes", id]) => one("dispute", id, "dispute"),
        ("GET", ["balance_transactions", id]) => one("balance_transaction", id, "id"),
        ("GET", ["events"]) => lists::events(call, params),
        ("GET", ["events", id]) => lists::event(call, id),
        _ => return Err(unknown().into()),
    };
    lists::expand(call, answer?, params)
}

fn failed(err: &rusqlite::Error) -> Answer {
    tracing::error!(%err, "the account's books failed");
    Answer::json(500, &Refusal::internal().body())
}

impl Twin for Stripe {
    fn name(&self) -> &'static str {
        "stripe"
    }

    fn handle(&self, request: &Seen, now: Timestamp) -> Answer {
        let answer = self.books.transaction(|db| self.serve(db, request, now));
        self.woken(answer.unwrap_or_else(|err| failed(&err)))
    }

    fn books(&self) -> Value {
        self.books.with(tally::tally).unwrap_or_else(|err| json!({"error": err.to_string()}))
    }

    fn tick(&self, now: Timestamp) {
        if let Err(err) = self.books.transaction(|db| office::work(&self.call(db, now))) {
            tracing::error!(%err, "the account's back office failed");
        }
        self.woken(());
    }

    fn seed(&self, _seed: &Seed) {
        // Items and stock are nothing to a payment service.
    }

    fn control(&self, verb: &str, request: &Seen, now: Timestamp) -> Option<Answer> {
        let turned = self.books.transaction(|db| control::turn(&self.call(db, now), verb, request));
        self.woken(turned.unwrap_or_else(|err| Some(failed(&err))))
    }
}
