//! A Salesforce org: OAuth, sObject REST, SOQL and the composite family, as the REST API Developer Guide (v66.0) and
//! the behaviour of real clients have them. Owns one org with the objects of `org/`, among them those that Weft's
//! package adds, and its agents. Refuses what a real org refuses: unknown columns, broken references, stale versions,
//! unsupported SOQL. Requests enter through `handle`; everything they leave is in the books.

mod admin;
mod agent;
mod auth;
mod bulk_rows;
mod composite;
mod conditions;
mod describe;
mod duplicates;
mod fault;
mod ids;
mod knobs;
mod limits;
mod orders;
mod org;
mod query;
mod rest;
mod rows;
mod saving;
mod seeding;
mod service;
mod soql;
mod tally;
mod values;

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use rusqlite::Connection;
use serde::Deserialize;
use serde_json::{Value, json};

pub use auth::App;

use crate::books::Books;
use crate::seed::Seed;
use crate::twin::{Answer, Seen, Twin};
use auth::{Door, Session};
use fault::Problem;
use knobs::Knobs;
use org::{Field, Kind, Object, Rule};
use rest::{Ask, Reply};
use rows::Record;

const OLDEST_VERSION: u32 = 31;
const NEWEST_VERSION: u32 = 68;
const LONGEST_ADDRESS: usize = 16_384;

/// The org and who may enter it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The org's id, 18 characters.
    pub org_id: String,
    /// Where tokens send their holders; the twin's own address when absent.
    pub instance_url: Option<String>,
    /// Calls allowed in any 24 hours.
    pub daily_requests: i64,
    /// Minutes without use after which a token dies.
    pub idle_minutes: i64,
    /// Requests in flight beyond which calls are refused as concurrent ones; a real org counts only those over 20 s.
    pub concurrent_requests: Option<usize>,
    /// Apps that may ask for tokens.
    pub apps: Vec<App>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            org_id: ids::make("00D", 1),
            instance_url: None,
            // Unlimited Edition with 200 licences: 100,000 + 5,000 each.
            daily_requests: 1_100_000,
            idle_minutes: 120,
            concurrent_requests: None,
            apps: vec![App {
                client_id: "weft-sandbox".to_owned(),
                client_secret: "weft-sandbox-secret".to_owned(),
                username: "mesh@weft.example".to_owned(),
                public_key: None,
                api: true,
            }],
        }
    }
}

/// The twin.
pub struct Salesforce {
    config: Config,
    books: Books,
    knobs: Mutex<Knobs>,
}

/// What one data call works with.
#[derive(Clone, Copy)]
struct Call<'a> {
    db: &'a Connection,
    now: Timestamp,
    knobs: &'a Knobs,
    version: u32,
    session: &'a str,
    user: &'a str,
    /// The caller saves even when a duplicate rule alerts.
    allow_save: bool,
    daily_requests: i64,
}

impl Call<'_> {
    /// An object of this org that the caller may see; those of a feature that is off are none.
    fn object(&self, name: &str) -> Option<&'static Object> {
        org::object(name).filter(|object| self.has(object))
    }

    fn has(&self, object: &Object) -> bool {
        let is_there = self.knobs.returns.is_some() || !object.rules.contains(&Rule::ReturnsFeature);
        is_there && (self.knobs.hidden.is_empty() || !self.knobs.hidden.contains(object.name))
    }

    /// A column the caller may see.
    fn column(&self, object: &Object, name: &str) -> Option<&'static Field> {
        object.column(name).filter(|field| self.visible(object, field))
    }

    /// The reference column behind a relationship's name, when the caller may see it.
    fn way(&self, object: &Object, relationship: &str) -> Option<&'static Field> {
        object.way(relationship).filter(|field| self.visible(object, field))
    }

    fn visible(&self, object: &Object, field: &Field) -> bool {
        if let Kind::Reference(parent, _) = field.kind
            && self.object(parent).is_none()
        {
            return false;
        }
        self.knobs.hidden.is_empty() || !self.knobs.hidden.contains(&format!("{}.{}", object.name, field.name))
    }

    fn url(&self, object: &Object, id: &str) -> String {
        format!("/services/data/v{}.0/sobjects/{}/{id}", self.version, object.name)
    }

    fn attributes(&self, record: &Record) -> Value {
        json!({"type": record.object.name, "url": self.url(record.object, &record.id)})
    }
}

impl Salesforce {
    /// Opens the org's books, in memory without a directory.
    pub fn open(dir: Option<&Path>, config: Config) -> crate::books::Result<Salesforce> {
        let schema = [rows::SCHEMA, query::SCHEMA, auth::SCHEMA, limits::SCHEMA].concat();
        let books = Books::open(dir, "salesforce", &schema)?;
        books.with(|db| config.apps.iter().try_for_each(|app| auth::register(db, app)))?;
        books.transaction(service::set_up)?;
        Ok(Salesforce { config, books, knobs: Mutex::new(Knobs::default()) })
    }

    fn answer(&self, db: &Connection, seen: &Seen, now: Timestamp) -> Answer {
        let knobs = self.knobs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let home = knobs.moved_to.as_deref().or(self.config.instance_url.as_deref()).unwrap_or(&seen.base_url);
        let door = Door {
            db,
            now,
            org_id: &self.config.org_id,
            instance_url: home,
            idle_minutes: self.config.idle_minutes,
            jwt_style: knobs.jwt_tokens,
        };
        if let Some(what) = seen.path.strip_prefix("/services/oauth2/") {
            return door.answer(what.trim_end_matches('/'), seen).unwrap_or_else(|problem| spell(seen, Err(problem)));
        }
        if seen.path.trim_end_matches('/') == "/services/data" {
            return spell(seen, Ok(Reply::ok(versions())));
        }
        if knobs.moved_to.as_deref().is_some_and(|moved| moved != seen.base_url) {
            return Answer {
                status: 420,
                headers: Vec::new(),
                body: Bytes::from_static(b"<html><body>No route</body></html>"),
            };
        }
        let reached = version_and_rest(&seen.path).and_then(|place| Ok((place, door.session(seen)?)));
        let ((version, segments), session) = match reached {
            Ok(reached) => reached,
            Err(problem) => return spell(seen, Err(problem)),
        };
        self.counted(db, seen, now, &knobs, (version, segments), &session)
    }

    /// A call with a token: against the allowance, and told so.
    fn counted(
        &self,
        db: &Connection,
        seen: &Seen,
        now: Timestamp,
        knobs: &Knobs,
        place: (u32, Vec<String>),
        session: &Session,
    ) -> Answer {
        let most = self.config.daily_requests;
        let used = match limits::used(db, now) {
            Ok(used) if used >= most => Ok((used, Err(limits::exceeded()))),
            Ok(_) => limits::count(db, now, 1).map(|used| (used, Ok(()))),
            Err(err) => Err(err),
        };
        let (used, allowed) = match used {
            Ok(used) => used,
            Err(err) => return spell(seen, Err(err.into())),
        };
        let (version, segments) = place;
        let call = Call {
            db,
            now,
            knobs,
            version,
            session: &session.token,
            user: &session.user,
            allow_save: option(seen, "sforce-duplicate-rule-header", "allowSave").is_some_and(|value| value == "true"),
            daily_requests: most,
        };
        let reply = allowed.and_then(|()| body(seen)).and_then(|body| {
            let query = parameters(&seen.query);
            let ask = Ask { method: seen.method.clone(), segments, query, headers: &seen.headers, body };
            saving::atomically(db, || rest::run(&call, &ask))
        });
        spell(seen, reply).header("Sforce-Limit-Info", &format!("api-usage={used}/{most}"))
    }
}

impl Twin for Salesforce {
    fn name(&self) -> &'static str {
        "salesforce"
    }

    fn handle(&self, request: &Seen, now: Timestamp) -> Answer {
        self.books
            .transaction(|db| Ok(self.answer(db, request, now)))
            .unwrap_or_else(|err| spell(request, Err(err.into())))
    }

    fn books(&self) -> Value {
        self.books.with(tally::tally).unwrap_or_else(|err| json!({"error": err.to_string()}))
    }

    fn seed(&self, seed: &Seed) {
        if let Err(err) = self.books.transaction(|db| seeding::seed(db, seed)) {
            tracing::error!(%err, "cannot seed the salesforce twin");
        }
    }

    fn control(&self, verb: &str, request: &Seen, now: Timestamp) -> Option<Answer> {
        self.books
            .transaction(|db| {
                // After the books, as in `answer`: in the other order both would wait for each other.
                let mut knobs = self.knobs.lock().unwrap_or_else(PoisonError::into_inner);
                let people = agent::turn(db, now, &knobs, verb, request);
                let people = people.or_else(|| admin::turn(db, now, &knobs, verb, request));
                Ok(people.or_else(|| knobs::turn(&mut knobs, db, verb, request, now)))
            })
            .unwrap_or_else(|err| Some(spell(request, Err(err.into()))))
    }

    fn concurrency(&self) -> Option<(usize, Answer)> {
        let problem = limits::too_many_at_once();
        self.config.concurrent_requests.map(|most| (most, Answer::json(problem.status, &problem.rest())))
    }

    fn expire_tokens(&self) {
        if let Err(err) = self.books.with(|db| db.execute("DELETE FROM session", [])) {
            tracing::error!(%err, "cannot expire the salesforce twin's tokens");
        }
    }
}

/// `/services/data/v66.0/a/b` as 66 and its decoded segments.
fn version_and_rest(path: &str) -> Result<(u32, Vec<String>), Problem> {
    let mut segments =
        path.strip_prefix("/services/data/").ok_or_else(Problem::missing)?.trim_end_matches('/').split('/');
    let version = segments.next().and_then(|version| version.strip_prefix('v')?.strip_suffix(".0")?.parse().ok());
    match version {
        Some(version) if version > NEWEST_VERSION => Err(Problem::missing()),
        Some(version) if version < OLDEST_VERSION => {
            Err(Problem::new(410, "UNSUPPORTED_API_VERSION", "This version of the REST API has been retired"))
        }
        Some(version) => {
            let decoded = segments.map(|segment| percent_decode_str(segment).decode_utf8().map(String::from));
            Ok((version, decoded.collect::<Result<_, _>>().map_err(|_| Problem::missing())?))
        }
        None => Err(Problem::missing()),
    }
}

/// A query string's parameters.
fn parameters(query: &str) -> Vec<(String, String)> {
    serde_urlencoded::from_str(query).unwrap_or_default()
}

/// Adds a member to an object.
fn put(object: &mut Value, name: &str, value: Value) {
    if let Value::Object(members) = object {
        members.insert(name.to_owned(), value);
    }
}

fn versions() -> Value {
    let seasons = ["Winter", "Spring", "Summer"];
    let all = (OLDEST_VERSION..=NEWEST_VERSION).map(|version| {
        // v66.0 is Spring '26, and three releases make a year.
        let since = version + 1;
        let season = usize::try_from(since % 3).ok().and_then(|at| seasons.get(at)).copied().unwrap_or_default();
        json!({"label": format!("{season} '{:02}", since / 3 + 4), "url": format!("/services/data/v{version}.0"), "version": format!("{version}.0")})
    });
    Value::Array(all.collect())
}

/// One option of a header like `allowSave=true; includeRecordDetails=false`.
fn option<'a>(seen: &'a Seen, header: &str, name: &str) -> Option<&'a str> {
    let text = seen.headers.get(header)?.to_str().ok()?;
    text.split([';', ',']).find_map(|option| option.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The JSON body of a request, plain or gzipped.
fn body(seen: &Seen) -> Result<Option<Value>, Problem> {
    if seen.path.len() + seen.query.len() > LONGEST_ADDRESS {
        return Err(Problem::new(414, "URI_TOO_LONG", "The URI of the request is too long"));
    }
    if seen.body.is_empty() || seen.method == http::Method::GET {
        return Ok(None);
    }
    let header = |name: &str| seen.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !header("content-type").to_ascii_lowercase().starts_with("application/json") {
        return Err(Problem::new(
            415,
            "UNSUPPORTED_MEDIA_TYPE",
            "The entity is in a format not supported by specified method",
        ));
    }
    let mut plain = Vec::new();
    let bytes: &[u8] = if header("content-encoding").eq_ignore_ascii_case("gzip") {
        flate2::read::GzDecoder::new(seen.body.as_ref())
            .read_to_end(&mut plain)
            .map_err(|_| Problem::bad("JSON_PARSER_ERROR", "The HTTP entity body is not gzip"))?;
        &plain
    } else {
        &seen.body
    };
    serde_json::from_slice(bytes).map(Some).map_err(|err| {
        Problem::bad("JSON_PARSER_ERROR", format!("{err} at [line:{}, column:{}]", err.line(), err.column()))
    })
}

/// An answer as bytes, gzipped when asked.
fn spell(seen: &Seen, reply: Result<Reply, Problem>) -> Answer {
    let reply = reply.unwrap_or_else(|problem| {
        let mut headers = Vec::new();
        if problem.status == 401 {
            headers.push(("WWW-Authenticate".to_owned(), "Token".to_owned()));
        }
        Reply { status: problem.status, headers, body: Some(problem.rest()) }
    });
    let Some(body) = reply.body else {
        return Answer { status: reply.status, headers: reply.headers, body: Bytes::new() };
    };
    let mut answer = Answer::json(reply.status, &body);
    answer.headers.extend(reply.headers);
    let accepts = seen.headers.get("accept-encoding").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepts.contains("gzip") {
        let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        if let Ok(packed) = coder.write_all(&answer.body).and_then(|()| coder.finish()) {
            answer.body = Bytes::from(packed);
            answer.headers.push(("Content-Encoding".to_owned(), "gzip".to_owned()));
        }
    }
    answer
}
