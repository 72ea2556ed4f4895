//! NetSuite's error bodies to class and reason.

use std::time::Duration;

use http::StatusCode;
use retail_connect::{CallFault, Dialect, Reply, Verdict, outcome};
use retail_proto::types::v1::Outcome;
use retail_runtime::fault::{BadShape, Class, Fault};

use crate::wire::ErrorBody;

/// Why NetSuite was not asked, or did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the request is wrong; NetSuite was not asked.
    #[error(transparent)]
    Shape(#[from] BadShape),
    /// No answer, for one of the reasons of a call.
    #[error(transparent)]
    Call(#[from] CallFault),
    /// A rule of NetSuite refused it; repeating it unchanged is useless.
    #[error("NetSuite refused {operation}: {detail}")]
    Refused {
        /// What was asked.
        operation: &'static str,
        /// NetSuite's `o:errorCode`.
        code: String,
        /// NetSuite's words.
        detail: String,
        /// Where in the body, when it said so.
        path: String,
    },
    /// A read met an unwell NetSuite.
    #[error("NetSuite is unwell: {operation} answered {status}")]
    Unwell {
        /// What was asked.
        operation: &'static str,
        /// HTTP status.
        status: u16,
    },
    /// The role behind our token may not do this.
    #[error("the role of our NetSuite token may not do {operation}: {detail}")]
    Forbidden {
        /// What was asked.
        operation: &'static str,
        /// NetSuite's words.
        detail: String,
    },
    /// An answer that does not read as documented.
    #[error("the answer to {operation} does not read as documented: {why}")]
    Unreadable {
        /// What was asked.
        operation: &'static str,
        /// What is wrong.
        why: String,
    },
    /// NetSuite has no sales order with this external id, or our role may not see it.
    #[error("NetSuite has no sales order {0}")]
    NoSuchOrder(String),
    /// NetSuite has no return authorization with this external id, or our role may not see it.
    #[error("NetSuite has no return {0}")]
    NoSuchReturn(String),
    /// The cursor or page token was not made by this connector.
    #[error("the {0} does not fit; start again without one")]
    BadToken(&'static str),
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::Shape(shape) => shape.class(),
            Self::Call(call) => call.class(),
            Self::Refused { .. } | Self::Forbidden { .. } | Self::Unreadable { .. } => Class::Precondition,
            Self::Unwell { .. } => Class::Unavailable,
            Self::NoSuchOrder(_) | Self::NoSuchReturn(_) => Class::NotFound,
            Self::BadToken(_) => Class::Invalid,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Shape(shape) => shape.reason(),
            Self::Call(call) => call.reason(),
            Self::Refused { .. } => "VENDOR_REFUSED",
            Self::Unwell { .. } => "VENDOR_UNWELL",
            Self::Forbidden { .. } => "VENDOR_REFUSED_CREDENTIALS",
            Self::Unreadable { .. } => "VENDOR_ANSWER_UNREADABLE",
            Self::NoSuchOrder(_) => "NO_SUCH_SALES_ORDER",
            Self::NoSuchReturn(_) => "NO_SUCH_SALES_RETURN",
            Self::BadToken(_) => "BAD_PAGE_TOKEN",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Shape(shape) => shape.metadata(),
            Self::Call(call) => call.metadata(),
            Self::Refused { operation, code, detail, path } => vec![
                ("operation", (*operation).to_owned()),
                ("code", code.clone()),
                ("detail", detail.clone()),
                ("path", path.clone()),
            ],
            Self::Unwell { operation, status } => {
                vec![("operation", (*operation).to_owned()), ("status", status.to_string())]
            }
            Self::Forbidden { operation, detail } => {
                vec![("operation", (*operation).to_owned()), ("detail", detail.clone())]
            }
            Self::Unreadable { operation, why } => {
                vec![("operation", (*operation).to_owned()), ("why", why.clone())]
            }
            Self::NoSuchOrder(id) | Self::NoSuchReturn(id) => vec![("external_ref", id.clone())],
            Self::BadToken(what) => vec![("field", (*what).to_owned())],
        }
    }

    fn fields(&self) -> Vec<(String, String)> {
        match self {
            Self::Shape(shape) => shape.fields(),
            Self::BadToken(what) => vec![((*what).to_owned(), self.to_string())],
            Self::Call(_)
            | Self::Refused { .. }
            | Self::Unwell { .. }
            | Self::Forbidden { .. }
            | Self::Unreadable { .. }
            | Self::NoSuchOrder(_)
            | Self::NoSuchReturn(_) => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Call(call) => call.retry_after(),
            Self::Unwell { .. } => Some(Duration::from_secs(5)),
            Self::Shape(_)
            | Self::Refused { .. }
            | Self::Forbidden { .. }
            | Self::Unreadable { .. }
            | Self::NoSuchOrder(_)
            | Self::NoSuchReturn(_)
            | Self::BadToken(_) => None,
        }
    }
}

impl Error {
    /// A read that followed a write which NetSuite has executed: unlike other failed reads it must not say
    /// "certainly not executed". Repeating the whole operation finds the write done.
    pub(crate) fn after_the_write(self, operation: &'static str) -> Self {
        match self.class() {
            Class::Unavailable | Class::Throttled => {
                Self::Call(CallFault::Unknown { operation, why: format!("it was executed, but: {self}") })
            }
            Class::Invalid
            | Class::NotFound
            | Class::Exists
            | Class::Precondition
            | Class::Conflict
            | Class::Denied
            | Class::Unauthenticated
            | Class::OutOfRange
            | Class::Unimplemented
            | Class::Unknown
            | Class::Internal => self,
        }
    }
}

/// NetSuite's way with limits: "Errors Related to Concurrency Violations"; some accounts say it with 400.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SuiteTalk;

impl Dialect for SuiteTalk {
    fn verdict(&self, reply: &Reply) -> Verdict {
        let limit = reply.status == StatusCode::TOO_MANY_REQUESTS
            || (reply.status == StatusCode::BAD_REQUEST && mentions(&reply.body, b"CONCURRENCY_LIMIT_EXCEEDED"));
        if limit {
            Verdict::NotExecuted { wait: reply.retry_after() }
        } else if reply.status == StatusCode::UNAUTHORIZED {
            Verdict::Unauthorized
        } else if reply.status.is_server_error() {
            Verdict::Unwell
        } else {
            Verdict::Answer
        }
    }
}

fn mentions(body: &[u8], word: &[u8]) -> bool {
    body.windows(word.len()).any(|window| window == word)
}

/// What a bad status of a read means.
pub(crate) fn of_read(operation: &'static str, reply: &Reply) -> Error {
    if reply.status.is_server_error() || reply.status == StatusCode::REQUEST_TIMEOUT {
        return Error::Unwell { operation, status: reply.status.as_u16() };
    }
    refused(operation, reply)
}

/// What a bad status of a write means: a 5xx may have come after the commit.
pub(crate) fn of_write(operation: &'static str, reply: &Reply) -> Error {
    if outcome::leaves_open(reply.status) {
        let why = format!("NetSuite answered {}", reply.status.as_u16());
        return Error::Call(CallFault::Unknown { operation, why });
    }
    refused(operation, reply)
}

fn refused(operation: &'static str, reply: &Reply) -> Error {
    let (code, detail, path) = said(reply);
    let forbidden = reply.status == StatusCode::FORBIDDEN || reply.status == StatusCode::UNAUTHORIZED;
    if forbidden { Error::Forbidden { operation, detail } } else { Error::Refused { operation, code, detail, path } }
}

/// Code, words and place of an error body; a body that is not JSON brings its status only.
pub(crate) fn said(reply: &Reply) -> (String, String, String) {
    let body: ErrorBody = serde_json::from_slice(&reply.body).unwrap_or_default();
    let first = body.details.into_iter().next().unwrap_or_default();
    let code = [first.code, body.code].into_iter().find(|code| !code.is_empty());
    let detail = [first.detail, body.title].into_iter().find(|words| !words.is_empty());
    (
        code.unwrap_or_else(|| format!("HTTP_{}", reply.status.as_u16())),
        detail.unwrap_or_else(|| format!("status {} without an explanation", reply.status.as_u16())),
        first.path,
    )
}

/// The canonical refusal of a write, or the error when it is none.
pub(crate) fn refusal(error: Error) -> Result<Outcome, Error> {
    match error {
        Error::Refused { code, detail, path, .. } => {
            let words = if path.is_empty() { detail } else { format!("{detail} ({path})") };
            Ok(outcome::refused(reason_of(&code), words))
        }
        Error::Shape(_)
        | Error::Call(_)
        | Error::Unwell { .. }
        | Error::Forbidden { .. }
        | Error::Unreadable { .. }
        | Error::NoSuchOrder(_)
        | Error::NoSuchReturn(_)
        | Error::BadToken(_) => Err(error),
    }
}

/// Our word for NetSuite's error code.
fn reason_of(code: &str) -> &'static str {
    match code {
        "INVALID_CONTENT" => "ERP_INVALID_CONTENT",
        "USER_ERROR" => "ERP_RULE_REFUSED",
        "NONEXISTENT_ID" | "RCRD_DSNT_EXIST" => "ERP_RECORD_MISSING",
        "INVALID_PARAMETER" | "NONEXISTENT_FIELD" | "INVALID_REQUEST" | "INVALID_ID" => "ERP_BAD_REQUEST",
        _ => "ERP_REFUSED",
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;

    use super::*;

    fn reply(status: u16, body: &'static str) -> Reply {
        let status = StatusCode::from_u16(status).unwrap();
        Reply { status, headers: HeaderMap::new(), body: Bytes::from_static(body.as_bytes()) }
    }

    const BAD_ITEM: &str = r#"{"title":"Bad Request","status":400,"o:errorDetails":[{"detail":"Invalid Field Value 9999 for the following field: item","o:errorCode":"INVALID_CONTENT","o:errorPath":"item.items[0].item"}]}"#;

    #[test]
    fn a_bad_reference_becomes_a_refusal_that_names_the_place() {
        let outcome = refusal(of_write("sales_order.put", &reply(400, BAD_ITEM))).unwrap();
        assert_eq!(outcome.reason, "ERP_INVALID_CONTENT");
        assert_eq!(outcome.message, "Invalid Field Value 9999 for the following field: item (item.items[0].item)");
    }

    #[test]
    fn concurrency_is_not_executed_whether_it_comes_as_429_or_400() {
        let waits = Verdict::NotExecuted { wait: None };
        let body = r#"{"o:errorDetails":[{"o:errorCode":"CONCURRENCY_LIMIT_EXCEEDED"}]}"#;
        assert_eq!(SuiteTalk.verdict(&reply(429, "not json {")), waits);
        assert_eq!(SuiteTalk.verdict(&reply(400, body)), waits);
        assert_eq!(SuiteTalk.verdict(&reply(400, BAD_ITEM)), Verdict::Answer);
    }

    #[test]
    fn a_server_error_leaves_a_write_open_and_a_read_unavailable() {
        let html = reply(503, "<html>maintenance</html>");
        assert_eq!(of_write("sales_order.put", &html).reason(), "VENDOR_OUTCOME_UNKNOWN");
        assert_eq!(of_read("suiteql", &html).class(), Class::Unavailable);
    }

    #[test]
    fn a_missing_permission_is_our_misconfiguration() {
        let error = of_read(
            "suiteql",
            &reply(403, r#"{"o:errorDetails":[{"detail":"no","o:errorCode":"INSUFFICIENT_PERMISSION"}]}"#),
        );
        assert_eq!((error.class(), error.reason()), (Class::Precondition, "VENDOR_REFUSED_CREDENTIALS"));
    }

    #[test]
    fn a_failed_read_after_a_write_does_not_claim_that_nothing_happened() {
        let error = Error::Unwell { operation: "suiteql", status: 503 }.after_the_write("sales_order.put");
        assert_eq!(error.reason(), "VENDOR_OUTCOME_UNKNOWN");
    }
}
