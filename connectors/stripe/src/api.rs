//! One door to API v1: forms go in, JSON comes out.

use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use retail_connect::{Call, Http, Kind, Lane, Reply, outcome};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;

use crate::fault::{self, Error};
use crate::wire::Problem;

const VERSION: HeaderName = HeaderName::from_static("stripe-version");
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Keys that one write may use up, each after the one before it is known to hold a failure that changed nothing.
pub(crate) const ATTEMPTS: u32 = 3;

/// A client of one account.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    http: Http,
    version: String,
    key: SecretString,
}

/// Names and values of a form, brackets as Stripe writes them: `metadata[weft_ref]`.
pub(crate) type Form = Vec<(String, String)>;

/// A write.
#[derive(Debug, Clone)]
pub(crate) struct Write<'a> {
    pub(crate) operation: &'static str,
    pub(crate) path: String,
    pub(crate) form: Form,
    /// The caller's key, the same at every attempt.
    pub(crate) key: &'a str,
}

/// What became of a write.
#[derive(Debug, Clone)]
pub(crate) enum Posted<T> {
    /// Done, with the object as it stands.
    Done(T),
    /// Refused by a rule; the same answer comes under this key for a day.
    Refused(Problem),
    /// Stripe keeps a server error under this key. The call has ended, but nobody knows what it changed: look.
    Stored,
}

impl Api {
    pub(crate) fn new(http: Http, version: &str, key: SecretString) -> Self {
        Self { http, version: version.to_owned(), key }
    }

    pub(crate) fn http(&self) -> &Http {
        &self.http
    }

    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Reads an object; none when there is no such.
    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        lane: Lane,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Option<T>, Error> {
        let query = serde_urlencoded::to_string(query).map_err(|err| malformed(operation, &err.to_string()))?;
        let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let call = Call::read(operation, Method::GET, target).lane(lane);
        let reply = self.http.send(self.dress(call, operation)?).await?;
        if reply.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !reply.status.is_success() {
            return Err(fault::of_reply(Kind::Read, operation, &reply, &fault::problem(&reply)));
        }
        let unreadable = |err: serde_json::Error| Error::Unreadable { operation, why: err.to_string() };
        serde_json::from_slice(&reply.body).map(Some).map_err(unreadable)
    }

    /// Sends a write under the first key, or the next after `attempt - 1` of them keep a failure.
    pub(crate) async fn post<T: DeserializeOwned>(&self, write: &Write<'_>, attempt: u32) -> Result<Posted<T>, Error> {
        let operation = write.operation;
        let body = serde_urlencoded::to_string(&write.form).map_err(|err| malformed(operation, &err.to_string()))?;
        let key = if attempt <= 1 { write.key.to_owned() } else { format!("{}-{attempt}", write.key) };
        let key = HeaderValue::from_str(&key).map_err(|err| malformed(operation, &err.to_string()))?;
        let call = Call::write(operation, Method::POST, write.path.clone())
            .header(KEY, key)
            .correlation(write.key)
            .body("application/x-www-form-urlencoded", body);
        let reply = self.http.send(self.dress(call, operation)?).await?;
        if reply.status.is_success() {
            let unreadable = |err: serde_json::Error| fault::unknown(operation, err.to_string());
            return serde_json::from_slice(&reply.body).map(Posted::Done).map_err(unreadable);
        }
        let problem = fault::problem(&reply);
        if outcome::leaves_open(reply.status) && replayed(&reply) {
            return Ok(Posted::Stored);
        }
        // "Handling errors": what a rule of Stripe's or a bank refuses. The shape of what we send is our own business.
        let ruled = problem.kind == "card_error"
            || (problem.kind == "invalid_request_error" && !problem.code.starts_with("parameter_"));
        let status = reply.status;
        if ruled && [StatusCode::BAD_REQUEST, StatusCode::PAYMENT_REQUIRED, StatusCode::NOT_FOUND].contains(&status) {
            return Ok(Posted::Refused(problem));
        }
        Err(fault::of_reply(Kind::Write, operation, &reply, &problem))
    }

    /// With key and version; the key is marked, so that no log shows it.
    fn dress(&self, call: Call, operation: &'static str) -> Result<Call, Error> {
        let bearer = format!("Bearer {}", self.key.expose_secret());
        let mut bearer = HeaderValue::from_str(&bearer).map_err(|err| malformed(operation, &err.to_string()))?;
        bearer.set_sensitive(true);
        let version = HeaderValue::from_str(&self.version).map_err(|err| malformed(operation, &err.to_string()))?;
        Ok(call.header(AUTHORIZATION, bearer).header(VERSION, version))
    }
}

/// True when Stripe answered from what it keeps under the key.
fn replayed(reply: &Reply) -> bool {
    reply.header("idempotent-replayed").is_some_and(|said| said.eq_ignore_ascii_case("true"))
}

fn malformed(operation: &'static str, why: &str) -> Error {
    let held = retail_connect::Held::Malformed;
    Error::Call(retail_connect::CallFault::not_sent(operation, held, why))
}

/// What an id as part of a path must not have in plain letters (RFC 3986, unreserved characters).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An id as part of a path.
pub(crate) fn segment(id: &str) -> String {
    utf8_percent_encode(id, SEGMENT).to_string()
}
