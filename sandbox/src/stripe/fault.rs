//! What Stripe says no with ("Errors", "Error codes"). Texts that no document has are our own.

use serde_json::{Map, Value, json};

/// Why a request brings no object.
#[derive(Debug)]
pub(super) enum Stop {
    /// Stripe says no.
    Refused(Box<Refusal>),
    /// The books failed.
    Books(rusqlite::Error),
}

/// What a request comes to.
pub(super) type Done<T = Value> = Result<T, Stop>;

/// An error as it goes over the wire.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    kind: &'static str,
    code: Option<&'static str>,
    message: String,
    more: Map<String, Value>,
    /// True when the endpoint had begun to work: then the answer is kept under the key.
    pub(super) kept: bool,
}

impl From<rusqlite::Error> for Stop {
    fn from(err: rusqlite::Error) -> Stop {
        Stop::Books(err)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        Stop::Refused(Box::new(refusal))
    }
}

impl Refusal {
    fn new(status: u16, kind: &'static str, code: Option<&'static str>, message: String, kept: bool) -> Refusal {
        Refusal { status, kind, code, message, more: Map::new(), kept }
    }

    /// A wrong parameter: nothing was begun.
    pub(super) fn parameter(code: &'static str, param: &str, message: impl Into<String>) -> Refusal {
        Refusal::new(400, "invalid_request_error", Some(code), message.into(), false).with("param", param)
    }

    /// A rule of the objects that are there: the endpoint had begun.
    pub(super) fn ruled(code: Option<&'static str>, message: impl Into<String>) -> Refusal {
        Refusal::new(400, "invalid_request_error", code, message.into(), true)
    }

    /// A bank says no.
    pub(super) fn declined(code: &'static str, decline_code: &str, message: &str) -> Refusal {
        Refusal::new(402, "card_error", Some(code), message.to_owned(), true).with("decline_code", decline_code)
    }

    /// No such object: in the path 404, in a parameter 400.
    pub(super) fn missing(kind: &str, id: &str, param: &str, in_path: bool) -> Refusal {
        let message = format!("No such {kind}: '{id}'");
        let status = if in_path { 404 } else { 400 };
        Refusal::new(status, "invalid_request_error", Some("resource_missing"), message, false).with("param", param)
    }

    /// No such address.
    pub(super) fn address(method: &str, path: &str) -> Refusal {
        let message = format!(
            "Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/."
        );
        Refusal::new(404, "invalid_request_error", None, message, false)
    }

    /// No key, or one that is not ours.
    pub(super) fn stranger(message: &str) -> Refusal {
        Refusal::new(401, "invalid_request_error", None, message.to_owned(), false)
    }

    /// Something about the key.
    pub(super) fn key(status: u16, code: Option<&'static str>, message: String) -> Refusal {
        Refusal::new(status, "idempotency_error", code, message, false)
    }

    /// Stripe's own failure, kept under the key.
    pub(super) fn internal() -> Refusal {
        let message = "An unknown error occurred".to_owned();
        Refusal::new(500, "api_error", None, message, true)
    }

    /// With a further member.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Refusal {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// The body.
    pub(super) fn body(&self) -> Value {
        let mut error = self.more.clone();
        error.insert("type".to_owned(), self.kind.into());
        error.insert("message".to_owned(), self.message.clone().into());
        if let Some(code) = self.code {
            error.insert("code".to_owned(), code.into());
            let page = code.replace('_', "-");
            error.insert("doc_url".to_owned(), format!("https://stripe.com/docs/error-codes/{page}").into());
        }
        json!({ "error": error })
    }
}
