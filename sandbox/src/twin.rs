//! What every twin is: something that answers HTTP requests from its books.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use crate::seed::Seed;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Method.
    pub method: http::Method,
    /// Path as sent, not decoded.
    pub path: String,
    /// Query string without the question mark, as sent.
    pub query: String,
    /// Headers.
    pub headers: http::HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// The twin's public address, such as `http://127.0.0.1:9102`.
    pub base_url: String,
}

impl Seen {
    /// One parameter of the query string, decoded.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(&self.query).unwrap_or_default();
        pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers, in order.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Bytes,
}

impl Answer {
    /// An answer with a JSON body.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Answer {
        Answer {
            status,
            headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
            body: Bytes::from(body.to_string()),
        }
    }

    /// An answer without a body.
    #[must_use]
    pub fn empty(status: u16) -> Answer {
        Answer { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// The same answer with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Answer {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A vendor's stand-in. Its state lives in its books alone, so that a killed sandbox goes on where it was.
pub trait Twin: Send + Sync + 'static {
    /// The vendor's name in paths: `netsuite`.
    fn name(&self) -> &'static str;
    /// Answers one request at the twin's time.
    fn handle(&self, request: &Seen, now: Timestamp) -> Answer;
    /// Summary of the books, for assertions.
    fn books(&self) -> Value;
    /// The back office: called every 100 ms of real time and on every move of the clock.
    fn tick(&self, _now: Timestamp) {}
    /// Adds items, locations and opening stock; what is there already stays as it is.
    fn seed(&self, seed: &Seed);
    /// A control verb of this vendor, `/__sandbox/<vendor>/<verb>`; `None` when there is no such verb.
    fn control(&self, _verb: &str, _request: &Seen, _now: Timestamp) -> Option<Answer> {
        None
    }
    /// With more requests in flight than this, the rest get that answer at once.
    fn concurrency(&self) -> Option<(usize, Answer)> {
        None
    }
    /// Every token issued so far dies.
    fn expire_tokens(&self) {}
}
