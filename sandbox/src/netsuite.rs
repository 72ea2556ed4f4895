//! NetSuite as one account sees it: OAuth 2.0 client credentials, the REST record API and SuiteQL over books in SQLite,
//! with a back office that ships, bills and receives returns. Written from Oracle's help topics; what no document confirms is said where it
//! stands. Refused: TBA, SOAP, asynchronous jobs, the `q` filter of collections.

mod back_office;
mod billing;
mod config;
mod crediting;
mod desk;
mod fault;
mod fields;
mod fulfil;
mod inbound;
mod input;
mod keys;
mod ledger;
mod line;
mod orders;
mod receivables;
mod receiving;
mod records;
mod render;
mod returns;
mod seeding;
mod suiteql;
mod tables;
mod tally;
mod token;
mod wire;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use serde_json::{Value, json};

pub use config::{Certificate, Config};
use desk::Desk;
use fault::Fault;

use crate::{
    books::{self, Books},
    seed::Seed,
    twin::{Answer, Seen, Twin},
};

/// Ticks of the back office between two looks at how the books have grown: a minute.
const STATISTICS_EVERY: u64 = 600;

/// The NetSuite twin.
#[derive(Debug)]
pub struct NetSuite {
    config: Config,
    books: Books,
    ticks: AtomicU64,
}

impl NetSuite {
    /// Opens the account's books, in memory without a directory.
    ///
    /// # Errors
    /// Those of the database.
    pub fn open(dir: Option<&Path>, config: Config) -> books::Result<NetSuite> {
        let books = Books::open(dir, "netsuite", tables::SCHEMA)?;
        books.with(suiteql::install)?;
        let twin = NetSuite { config, books, ticks: AtomicU64::new(0) };
        twin.work(Timestamp::UNIX_EPOCH, "", |desk| {
            desk.lists("USD")?;
            token::register(desk)
        })?;
        if let Some(path) = &twin.config.development_key {
            let key = twin.work(Timestamp::UNIX_EPOCH, "", development_key)?;
            if let Err(error) = std::fs::write(path, key) {
                tracing::error!(%error, "the development key could not be written");
            }
        }
        Ok(twin)
    }

    /// Runs rules in one transaction: a refusal changes nothing.
    fn work<T>(
        &self,
        now: Timestamp,
        base: &str,
        rule: impl FnOnce(&Desk<'_>) -> Result<T, Fault>,
    ) -> books::Result<T> {
        self.books.transaction(|db| Ok(rule(&Desk { db, now, config: &self.config, base })?))
    }

    fn route(&self, desk: &Desk<'_>, request: &Seen) -> Result<Answer, Fault> {
        let path = request.path.strip_prefix("/services/rest/").ok_or_else(|| Fault::missing(&request.path))?;
        if path == "auth/oauth2/v1/token" {
            return token::issue(desk, request);
        }
        token::check(desk, request)?;
        match path {
            "query/v1/suiteql" => suiteql::run(desk, request),
            "system/v1/governanceLimits" => self.limits(),
            _ => match path.strip_prefix("record/v1/") {
                Some(rest) => records::route(desk, request, rest),
                None => Err(Fault::missing(&request.path)),
            },
        }
    }

    /// "GovernanceLimits Operation": for administrators only.
    fn limits(&self) -> Result<Answer, Fault> {
        if !self.config.administrator {
            let detail = "Permission Violation: you need the 'Administrator' role to access this page.";
            return Err(Fault::new(403, "INSUFFICIENT_PERMISSION", detail));
        }
        let limit = self.config.concurrency;
        Ok(Answer::json(
            200,
            &json!({"accountConcurrencyLimit": limit, "accountUnallocatedConcurrencyLimit": limit,
                    "integrationConcurrencyLimit": limit, "integrationLimitType": "accountLimit"}),
        ))
    }

    /// Whether people take returned goods in; a POST of `{"on": false}` stops them, so that the API may do it.
    fn receiving(&self, request: &Seen, now: Timestamp) -> books::Result<Answer> {
        self.work(now, &request.base_url, |desk| {
            if request.method == http::Method::POST {
                let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
                let on = body.get("on").and_then(Value::as_bool);
                desk.set_receiving(on.ok_or_else(|| Fault::content("on", "on must be true or false."))?)?;
            }
            Ok(Answer::json(200, &json!({"on": desk.receiving()?})))
        })
    }

    /// What people do in the vendor's own screens: a request of the record API without a token, given as
    /// `{"method": "POST", "path": "salesOrder", "body": {..}}`.
    fn people(&self, request: &Seen, now: Timestamp) -> books::Result<Answer> {
        self.work(now, &request.base_url, |desk| {
            let body: Value = serde_json::from_slice(&request.body)
                .map_err(|_| Fault::content("", "Invalid content in the request body."))?;
            let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
            let method =
                text("method").parse().map_err(|_| Fault::content("method", "method must be an HTTP verb."))?;
            let (path, query) = text("path").split_once('?').unwrap_or((text("path"), ""));
            let content = body.get("body").map(Value::to_string).unwrap_or_default();
            // A screen has no field that does not exist.
            let strict = (records::NAME_VALIDATION, http::HeaderValue::from_static("Error"));
            let done = Seen {
                method,
                path: format!("/services/rest/record/v1/{path}"),
                query: query.to_owned(),
                headers: http::HeaderMap::from_iter([strict]),
                body: content.into(),
                base_url: request.base_url.clone(),
            };
            records::route(desk, &done, path)
        })
    }

    /// Sales orders with the number of their documents, by `after` (an id) and `limit`.
    fn ledger(&self, request: &Seen, now: Timestamp) -> books::Result<Answer> {
        let number = |name: &str, otherwise: i64| match request.parameter(name) {
            Some(text) => text.parse().map_err(|_| Fault::content(name, format!("{name} must be a number."))),
            None => Ok(otherwise),
        };
        self.work(now, &request.base_url, |desk| {
            Ok(Answer::json(200, &desk.ledger(number("after", 0)?, number("limit", 1_000)?)?))
        })
    }

    /// What a developer needs to sign in; a POST maps another certificate.
    fn certificate(&self, request: &Seen, now: Timestamp) -> books::Result<Answer> {
        self.work(now, &request.base_url, |desk| {
            if request.method == http::Method::POST {
                let body: Value = serde_json::from_slice(&request.body)
                    .map_err(|_| Fault::content("", "Invalid content in the request body."))?;
                let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
                token::enrol(desk, text("id"), text("pem"))?;
                return Ok(Answer::empty(204));
            }
            token::register(desk)?;
            Ok(Answer::json(
                200,
                &json!({"account": self.config.account, "client_id": self.config.client_id,
                        "certificate_id": token::DEVELOPMENT, "algorithm": "ES256",
                        "private_key_pem": development_key(desk)?}),
            ))
        })
    }
}

/// The private half of the key the twin made for itself; empty when certificates are configured.
fn development_key(desk: &Desk<'_>) -> Result<String, Fault> {
    let key = desk.row("SELECT value FROM ns_setting WHERE name = 'development_key'", [], |row| row.get(0))?;
    Ok(key.unwrap_or_default())
}

/// A refusal on its way out of the database.
fn answered(done: books::Result<Answer>) -> Answer {
    done.unwrap_or_else(|err| Fault::from(err).answer())
}

impl Twin for NetSuite {
    fn name(&self) -> &'static str {
        "netsuite"
    }

    fn handle(&self, request: &Seen, now: Timestamp) -> Answer {
        answered(self.work(now, &request.base_url, |desk| self.route(desk, request)))
    }

    fn books(&self) -> Value {
        self.work(Timestamp::UNIX_EPOCH, "", |desk| desk.tally())
            .unwrap_or_else(|err| json!({"error": err.to_string()}))
    }

    fn tick(&self, now: Timestamp) {
        // The planner needs to know how the books have grown, or document flows are found by reading every document.
        if self.ticks.fetch_add(1, Ordering::Relaxed) % STATISTICS_EVERY == STATISTICS_EVERY - 1
            && let Err(error) = self.books.with(|db| db.execute_batch("PRAGMA analysis_limit = 400; ANALYZE;"))
        {
            tracing::warn!(%error, "the netsuite books were not analysed");
        }
        if self.config.back_office
            && let Err(error) = self.work(now, "", |desk| desk.back_office())
        {
            tracing::error!(%error, "the netsuite back office failed");
        }
    }

    fn seed(&self, seed: &Seed) {
        let planted = self.work(Timestamp::UNIX_EPOCH, "", |desk| {
            token::register(desk)?;
            desk.plant(seed)
        });
        if let Err(error) = planted {
            tracing::error!(%error, "the netsuite seed failed");
        }
    }

    fn control(&self, verb: &str, request: &Seen, now: Timestamp) -> Option<Answer> {
        match verb {
            "certificate" => Some(answered(self.certificate(request, now))),
            "back-office" => {
                self.tick(now);
                Some(Answer::empty(204))
            }
            "receiving" => Some(answered(self.receiving(request, now))),
            "people" => Some(answered(self.people(request, now))),
            "ledger" => Some(answered(self.ledger(request, now))),
            _ => None,
        }
    }

    fn concurrency(&self) -> Option<(usize, Answer)> {
        let detail = "Concurrent request limit exceeded. Request blocked.";
        Some((self.config.concurrency, Fault::new(429, "CONCURRENCY_LIMIT_EXCEEDED", detail).answer()))
    }

    fn expire_tokens(&self) {
        if let Err(error) = self.books.with(|db| db.execute("DELETE FROM ns_token", [])) {
            tracing::error!(%error, "the netsuite tokens could not be expired");
        }
    }
}
