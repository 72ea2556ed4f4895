//! What a twin is: a vendor's behaviour over its own books, one request at a time.

use bytes::Bytes;
use http::{HeaderMap, Method};
use retail_runtime::Timestamp;
use serde_json::Value;

use crate::seed::Seed;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Method.
    pub method: Method,
    /// Path, not decoded.
    pub path: String,
    /// Query without the question mark.
    pub query: String,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, whole.
    pub body: Bytes,
    /// The twin's public address, for links.
    pub base_url: String,
}

impl Seen {
    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// What to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Bytes,
}

impl Answer {
    /// JSON.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: vec![("content-type".into(), "application/json".into())],
            body: body.to_string().into(),
        }
    }

    /// No body.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// With another header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A vendor's twin. Its state lives in its books alone, so that a killed twin goes on where it was.
pub trait Twin: Send + Sync + 'static {
    /// The vendor, lower case.
    fn name(&self) -> &'static str;
    /// Answers a request. `now` is the twin's time.
    fn handle(&self, request: &Seen, now: Timestamp) -> Answer;
    /// What its books say.
    fn books(&self) -> Value;
    /// The back office: called every 100 ms and whenever the twins' clock is moved.
    fn tick(&self, _now: Timestamp) {}
    /// Takes items, locations and opening stock over.
    fn seed(&self, seed: &Seed);
    /// A control verb of this vendor, `/__sandbox/<vendor>/<verb>`; `None` when there is no such verb.
    fn control(&self, _verb: &str, _request: &Seen, _now: Timestamp) -> Option<Answer> {
        None
    }
    /// More requests than this at once get that answer.
    fn concurrency(&self) -> Option<(usize, Answer)> {
        None
    }
    /// Every issued token dies.
    fn expire_tokens(&self) {}
}
