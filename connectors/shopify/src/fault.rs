//! Shopify's errors to class and reason. There are three layers: the HTTP status, `errors` beside the data, and
//! `userErrors` in a mutation's payload; the last are outcomes and are read where the mutation is sent.

use std::time::Duration;

use http::header::{HeaderName, HeaderValue, InvalidHeaderValue};
use http::{HeaderMap, StatusCode};
use retail_connect::{CallFault, Dialect, Kind, Reply, Standing, Verdict, outcome};
use retail_runtime::fault::{BadShape, Class, Fault};
use secrecy::{ExposeSecret as _, SecretString};

use crate::wire::Digits;
use crate::wire::admin::{Cost, Margin, TopError};

const TOKEN: HeaderName = HeaderName::from_static("x-shopify-access-token");

/// Why Shopify was not asked, or did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the request is wrong; Shopify was not asked.
    #[error(transparent)]
    Shape(#[from] BadShape),
    /// No answer, for one of the reasons of a call.
    #[error(transparent)]
    Call(#[from] CallFault),
    /// Shopify refused the document or its variables as a whole.
    #[error("Shopify refused {operation}: {detail}")]
    Refused {
        /// What was asked.
        operation: &'static str,
        /// Shopify's code.
        code: String,
        /// Shopify's words.
        detail: String,
    },
    /// A read met an unwell Shopify.
    #[error("Shopify is unwell: {operation} answered {status}")]
    Unwell {
        /// What was asked.
        operation: &'static str,
        /// HTTP status.
        status: u16,
    },
    /// The app lacks a scope.
    #[error("our Shopify app may not do {operation}: {detail}")]
    Forbidden {
        /// What was asked.
        operation: &'static str,
        /// Shopify's words.
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
    /// The shop has no such order, or our app may not see it.
    #[error("the shop has no order {0}")]
    NoSuchOrder(u64),
    /// The shop has no order of this number, or our app may not see it.
    #[error("the shop has no order of number {0}")]
    NoSuchNumber(String),
    /// The shop does not show this refund.
    #[error("the shop shows no such refund of order {0}")]
    NoSuchRefund(u64),
    /// The shop has no such return, or our app may not see it.
    #[error("the shop has no return {0}")]
    NoSuchReturn(u64),
    /// The shop does not show this shipment.
    #[error("the shop does not show this shipment of order {0}")]
    NoSuchFulfilment(u64),
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::Shape(shape) => shape.class(),
            Self::Call(call) => call.class(),
            Self::Refused { .. } | Self::Forbidden { .. } | Self::Unreadable { .. } => Class::Precondition,
            Self::Unwell { .. } => Class::Unavailable,
            Self::NoSuchOrder(_)
            | Self::NoSuchNumber(_)
            | Self::NoSuchRefund(_)
            | Self::NoSuchReturn(_)
            | Self::NoSuchFulfilment(_) => Class::NotFound,
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
            Self::NoSuchOrder(_) | Self::NoSuchNumber(_) => "NO_SUCH_SHOP_ORDER",
            Self::NoSuchRefund(_) => "NO_SUCH_REFUND",
            Self::NoSuchReturn(_) => "NO_SUCH_SHOP_RETURN",
            Self::NoSuchFulfilment(_) => "NO_SUCH_FULFILMENT",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        let asked = |operation: &str| ("operation", operation.to_owned());
        match self {
            Self::Shape(shape) => shape.metadata(),
            Self::Call(call) => call.metadata(),
            Self::Refused { operation, code, detail } => {
                vec![asked(operation), ("code", code.clone()), ("detail", detail.clone())]
            }
            Self::Unwell { operation, status } => vec![asked(operation), ("status", status.to_string())],
            Self::Forbidden { operation, detail } => vec![asked(operation), ("detail", detail.clone())],
            Self::Unreadable { operation, why } => vec![asked(operation), ("why", why.clone())],
            Self::NoSuchOrder(order) | Self::NoSuchRefund(order) | Self::NoSuchFulfilment(order) => {
                vec![("order_id", order.to_string())]
            }
            Self::NoSuchNumber(number) => vec![("order_number", number.clone())],
            Self::NoSuchReturn(id) => vec![("return_id", id.to_string())],
        }
    }

    fn fields(&self) -> Vec<(String, String)> {
        match self {
            Self::Shape(shape) => shape.fields(),
            Self::Call(_)
            | Self::Refused { .. }
            | Self::Unwell { .. }
            | Self::Forbidden { .. }
            | Self::Unreadable { .. }
            | Self::NoSuchOrder(_)
            | Self::NoSuchNumber(_)
            | Self::NoSuchRefund(_)
            | Self::NoSuchReturn(_)
            | Self::NoSuchFulfilment(_) => Vec::new(),
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
            | Self::NoSuchNumber(_)
            | Self::NoSuchRefund(_)
            | Self::NoSuchReturn(_)
            | Self::NoSuchFulfilment(_) => None,
        }
    }
}

/// The Admin API's way with limits and tokens: a throttled query is a good answer with a bad word in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AdminApi;

impl Dialect for AdminApi {
    fn verdict(&self, reply: &Reply) -> Verdict {
        if reply.status == StatusCode::UNAUTHORIZED {
            return Verdict::Unauthorized;
        }
        if reply.status.is_server_error() {
            return Verdict::Unwell;
        }
        let margin = margin(reply);
        let said = |word: &str| margin.errors.iter().any(|error| code(error) == word);
        if reply.status == StatusCode::TOO_MANY_REQUESTS || said("THROTTLED") {
            Verdict::NotExecuted { wait: reply.retry_after().or_else(|| wait(cost(&margin)?)) }
        } else if said("INTERNAL_SERVER_ERROR") {
            Verdict::Unwell
        } else {
            Verdict::Answer
        }
    }

    fn standing(&self, reply: &Reply) -> Option<Standing> {
        let margin = margin(reply);
        let status = &cost(&margin)?.throttle_status;
        Some(Standing {
            capacity: points(&status.maximum_available)?,
            available: points(&status.currently_available)?,
            per_second: points(&status.restore_rate)?,
        })
    }

    fn authorize(&self, headers: &mut HeaderMap, token: &SecretString) -> Result<(), InvalidHeaderValue> {
        let mut value = HeaderValue::from_str(token.expose_secret())?;
        value.set_sensitive(true);
        headers.insert(TOKEN, value);
        Ok(())
    }
}

/// What stands beside the data; nothing when the body is something else.
fn margin(reply: &Reply) -> Margin {
    serde_json::from_slice(&reply.body).unwrap_or_default()
}

fn cost(margin: &Margin) -> Option<&Cost> {
    margin.extensions.as_ref()?.cost.as_ref()
}

fn code(error: &TopError) -> &str {
    error.extensions.as_ref().map_or("", |extensions| extensions.code.as_str())
}

/// Wait = (requested - available) / restore rate.
fn wait(cost: &Cost) -> Option<Duration> {
    let requested = points(cost.requested_query_cost.as_ref()?)?;
    let missing = requested.saturating_sub(points(&cost.throttle_status.currently_available)?);
    let per_second = points(&cost.throttle_status.restore_rate)?.max(1);
    Some(Duration::from_millis(u64::from(missing).saturating_mul(1_000).div_ceil(u64::from(per_second))))
}

/// Whole points of `104`, `104.0` or `104.7`; below zero there are none.
fn points(text: &Digits) -> Option<u32> {
    if text.0.starts_with('-') {
        return Some(0);
    }
    text.0.split('.').next()?.parse().ok()
}

/// What a bad status means: a 5xx on a write may have come after the commit.
pub(crate) fn of_status(kind: Kind, operation: &'static str, reply: &Reply) -> Error {
    let status = reply.status;
    if outcome::leaves_open(status) {
        return unsure(kind, operation, format!("Shopify answered {}", status.as_u16()), |operation, _| {
            Error::Unwell { operation, status: status.as_u16() }
        });
    }
    let detail = format!("status {}", status.as_u16());
    if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
        return Error::Forbidden { operation, detail };
    }
    Error::Refused { operation, code: format!("HTTP_{}", status.as_u16()), detail }
}

/// What an error beside the data means.
pub(crate) fn of_error(kind: Kind, operation: &'static str, error: &TopError) -> Error {
    let detail = error.message.clone();
    match code(error) {
        "THROTTLED" => Error::Call(CallFault::Throttled { operation, retry_after: None }),
        "ACCESS_DENIED" => Error::Forbidden { operation, detail },
        "INTERNAL_SERVER_ERROR" => {
            unsure(kind, operation, detail, |operation, _| Error::Unwell { operation, status: 200 })
        }
        code => Error::Refused { operation, code: code.to_owned(), detail },
    }
}

/// A good status with a body that does not read: of a write nobody knows what became.
pub(crate) fn unreadable(kind: Kind, operation: &'static str, why: String) -> Error {
    unsure(kind, operation, why, |operation, why| Error::Unreadable { operation, why })
}

fn unsure(kind: Kind, operation: &'static str, why: String, read: impl FnOnce(&'static str, String) -> Error) -> Error {
    match kind {
        Kind::Read => read(operation, why),
        Kind::Write => Error::Call(CallFault::Unknown { operation, why }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &'static str) -> Reply {
        let status = StatusCode::from_u16(status).unwrap();
        Reply { status, headers: HeaderMap::new(), body: body.into() }
    }

    // "Answers and the cost throttle", section 4.2 of the vendor page.
    const THROTTLED: &str = r#"{"errors":[{"message":"Throttled","extensions":{"code":"THROTTLED"}}],"extensions":{"cost":{"requestedQueryCost":752,"actualQueryCost":null,"throttleStatus":{"maximumAvailable":2000,"currentlyAvailable":104,"restoreRate":100}}}}"#;

    fn top(code: &str) -> TopError {
        serde_json::from_value(serde_json::json!({"message": "no", "extensions": {"code": code}})).unwrap()
    }

    #[test]
    fn a_throttled_query_was_not_executed_and_says_how_long_to_wait() {
        let wait = Some(Duration::from_millis(6_480));
        assert_eq!(AdminApi.verdict(&reply(200, THROTTLED)), Verdict::NotExecuted { wait });
        let standing = AdminApi.standing(&reply(200, THROTTLED)).unwrap();
        assert_eq!(standing, Standing { capacity: 2_000, available: 104, per_second: 100 });
    }

    #[test]
    fn points_are_read_whole_and_with_a_fraction() {
        let body = r#"{"data":{},"extensions":{"cost":{"throttleStatus":{"maximumAvailable":4000.0,"currentlyAvailable":-3,"restoreRate":200.5}}}}"#;
        let standing = AdminApi.standing(&reply(200, body)).unwrap();
        assert_eq!(standing, Standing { capacity: 4_000, available: 0, per_second: 200 });
        assert_eq!(AdminApi.verdict(&reply(200, body)), Verdict::Answer);
        assert_eq!(AdminApi.verdict(&reply(200, "<html>")), Verdict::Answer);
    }

    #[test]
    fn a_server_error_leaves_a_write_open_in_whichever_layer_it_comes() {
        let html = reply(503, "<html>maintenance</html>");
        assert_eq!(of_status(Kind::Write, "stock.set", &html).reason(), "VENDOR_OUTCOME_UNKNOWN");
        assert_eq!(of_status(Kind::Read, "stock.get", &html).class(), Class::Unavailable);
        let internal = top("INTERNAL_SERVER_ERROR");
        assert_eq!(of_error(Kind::Write, "stock.set", &internal).reason(), "VENDOR_OUTCOME_UNKNOWN");
        assert_eq!(of_error(Kind::Read, "stock.get", &internal).reason(), "VENDOR_UNWELL");
        assert_eq!(unreadable(Kind::Write, "stock.set", "half".to_owned()).class(), Class::Unknown);
    }

    #[test]
    fn a_missing_scope_is_our_misconfiguration_and_a_bad_document_our_bug() {
        let denied = of_error(Kind::Write, "stock.set", &top("ACCESS_DENIED"));
        assert_eq!((denied.class(), denied.reason()), (Class::Precondition, "VENDOR_REFUSED_CREDENTIALS"));
        let bad = of_error(Kind::Write, "stock.set", &top("BAD_REQUEST"));
        assert_eq!((bad.class(), bad.reason()), (Class::Precondition, "VENDOR_REFUSED"));
    }
}
