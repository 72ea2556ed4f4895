//! The vendor's error bodies, as "Error Handling in REST Web Services" spells them.

use serde_json::{Map, Value, json};

use crate::twin::Answer;

/// Where in the request the vendor says the mistake is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum At {
    Nowhere,
    Path(String),
    Query(&'static str),
    Header(&'static str),
    Url(String),
}

/// A refusal, on its way to becoming an error body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status} {code}: {detail}")]
pub(super) struct Fault {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) detail: String,
    pub(super) at: At,
}

impl Fault {
    pub(super) fn new(status: u16, code: &'static str, detail: impl Into<String>) -> Fault {
        Fault { status, code, detail: detail.into(), at: At::Nowhere }
    }

    /// A business rule refused the request.
    pub(super) fn user(detail: impl Into<String>) -> Fault {
        Fault::new(400, "USER_ERROR", format!("Error while accessing a resource. {}", detail.into()))
    }

    /// The text clients match for a duplicate: there is no code of its own.
    pub(super) fn duplicate() -> Fault {
        Fault::user("This entity already exists.")
    }

    /// A value of the body that does not fit its field.
    pub(super) fn value(path: &str, shown: &str, field: &str) -> Fault {
        Fault {
            at: At::Path(path.to_owned()),
            ..Fault::new(
                400,
                "INVALID_CONTENT",
                format!(
                    "Error while accessing resource: You have entered an Invalid Field Value {shown} for the following field: {field}"
                ),
            )
        }
    }

    /// The body as a whole, or one path of it, makes no sense.
    pub(super) fn content(path: &str, detail: impl Into<String>) -> Fault {
        let at = if path.is_empty() { At::Nowhere } else { At::Path(path.to_owned()) };
        Fault { at, ..Fault::new(400, "INVALID_CONTENT", detail) }
    }

    pub(super) fn parameter(name: &'static str, detail: impl Into<String>) -> Fault {
        Fault { at: At::Query(name), ..Fault::new(400, "INVALID_PARAMETER", detail) }
    }

    pub(super) fn missing(url: &str) -> Fault {
        Fault {
            at: At::Url(url.to_owned()),
            ..Fault::new(
                404,
                "NONEXISTENT_ID",
                "The record instance does not exist. Provide a valid record instance ID.",
            )
        }
    }

    pub(super) fn bad_id(url: &str, id: &str) -> Fault {
        Fault {
            at: At::Url(url.to_owned()),
            ..Fault::new(
                400,
                "INVALID_ID",
                format!("Invalid record instance identifier '{id}'. Provide a valid record instance ID."),
            )
        }
    }

    pub(super) fn verb() -> Fault {
        Fault::new(405, "METHOD_NOT_ALLOWED", "The request method is not allowed for this resource.")
    }

    pub(super) fn login() -> Fault {
        Fault::new(
            401,
            "INVALID_LOGIN",
            "Invalid login attempt. For more details, see the Login Audit Trail in the NetSuite UI at Setup > Users/Roles > User Management > View Login Audit Trail.",
        )
    }

    /// The whole answer.
    pub(super) fn answer(&self) -> Answer {
        let (title, section) = match self.status {
            401 => ("Unauthorized", "15.5.2"),
            403 => ("Forbidden", "15.5.4"),
            404 => ("Not Found", "15.5.5"),
            405 => ("Method Not Allowed", "15.5.6"),
            415 => ("Unsupported Media Type", "15.5.16"),
            429 => ("Too Many Requests", "15.5"),
            500 => ("Internal Server Error", "15.6.1"),
            _ => ("Bad Request", "15.5.1"),
        };
        let mut detail = Map::new();
        detail.insert("detail".to_owned(), json!(self.detail));
        detail.insert("o:errorCode".to_owned(), json!(self.code));
        let (locator, place) = match &self.at {
            At::Nowhere => ("", Value::Null),
            At::Path(path) => ("o:errorPath", json!(path)),
            At::Query(name) => ("o:errorQueryParam", json!(name)),
            At::Header(name) => ("o:errorHeader", json!(name)),
            At::Url(url) => ("o:errorUrl", json!(url)),
        };
        if !locator.is_empty() {
            detail.insert(locator.to_owned(), place);
        }
        let body = json!({
            "type": format!("https://www.rfc-editor.org/rfc/rfc9110.html#section-{section}"),
            "title": title,
            "status": self.status,
            "o:errorDetails": [detail],
        });
        super::wire::typed(self.status, "error", &body)
    }
}

impl From<rusqlite::Error> for Fault {
    /// A refusal that travelled through the database as an error, or a true failure.
    fn from(err: rusqlite::Error) -> Fault {
        if let rusqlite::Error::UserFunctionError(inner) = err {
            return match inner.downcast::<Fault>() {
                Ok(fault) => *fault,
                Err(other) => broken(&other.to_string()),
            };
        }
        if err.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) {
            return Fault::duplicate();
        }
        broken(&err.to_string())
    }
}

impl From<Fault> for rusqlite::Error {
    fn from(fault: Fault) -> rusqlite::Error {
        rusqlite::Error::UserFunctionError(Box::new(fault))
    }
}

fn broken(cause: &str) -> Fault {
    tracing::error!(cause, "the netsuite twin failed");
    Fault::new(500, "UNEXPECTED_ERROR", "An unexpected error occurred. Error ID: sandbox-1")
}
