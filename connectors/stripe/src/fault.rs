//! Stripe's errors to class and reason. A 402 and most 400s of a write are outcomes and are read where it is sent.

use std::time::Duration;

use http::StatusCode;
use retail_connect::{CallFault, Dialect, Kind, Reply, Verdict, outcome};
use retail_runtime::fault::{BadShape, Class, Fault};

use crate::amount::BadAmount;
use crate::wire::{Problem, Refusal};

/// How long a call under way may still take before its key is asked again.
const IN_USE: Duration = Duration::from_secs(2);

/// Why Stripe was not asked, or did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the request is wrong; Stripe was not asked.
    #[error(transparent)]
    Shape(#[from] BadShape),
    /// No answer, for one of the reasons of a call.
    #[error(transparent)]
    Call(#[from] CallFault),
    /// Stripe refused the request as a whole.
    #[error("Stripe refused {operation}: {detail}")]
    Refused {
        /// What was asked.
        operation: &'static str,
        /// Stripe's code.
        code: String,
        /// Stripe's words.
        detail: String,
    },
    /// A read met an unwell Stripe.
    #[error("Stripe is unwell: {operation} answered {status}")]
    Unwell {
        /// What was asked.
        operation: &'static str,
        /// HTTP status.
        status: u16,
    },
    /// Our key is not valid, or may not do this.
    #[error("our key of Stripe may not do {operation}: {detail}")]
    Forbidden {
        /// What was asked.
        operation: &'static str,
        /// Stripe's words.
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
    /// The key, or our id, was used before for something else.
    #[error("{key} was used before for something else")]
    KeyReused {
        /// The key or our id.
        key: String,
    },
    /// Stripe has no such payment in this account and mode.
    #[error("Stripe has no payment {0}")]
    NoSuchPayment(String),
    /// The payment does not show this capture.
    #[error("the payment shows no capture {0}")]
    NoSuchCapture(String),
    /// The payment does not show this refund.
    #[error("the payment shows no refund {0}")]
    NoSuchRefund(String),
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::Shape(shape) => shape.class(),
            Self::Call(call) => call.class(),
            Self::Refused { .. } | Self::Forbidden { .. } | Self::Unreadable { .. } => Class::Precondition,
            Self::Unwell { .. } => Class::Unavailable,
            Self::KeyReused { .. } => Class::Invalid,
            Self::NoSuchPayment(_) | Self::NoSuchCapture(_) | Self::NoSuchRefund(_) => Class::NotFound,
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
            Self::KeyReused { .. } => "IDEMPOTENCY_KEY_REUSED",
            Self::NoSuchPayment(_) => "NO_SUCH_PAYMENT",
            Self::NoSuchCapture(_) => "NO_SUCH_CAPTURE",
            Self::NoSuchRefund(_) => "NO_SUCH_REFUND",
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
            Self::KeyReused { key } => vec![("key", key.clone())],
            Self::NoSuchPayment(id) => vec![("payment_id", id.clone())],
            Self::NoSuchCapture(reference) | Self::NoSuchRefund(reference) => {
                vec![("external_ref", reference.clone())]
            }
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
            | Self::KeyReused { .. }
            | Self::NoSuchPayment(_)
            | Self::NoSuchCapture(_)
            | Self::NoSuchRefund(_) => Vec::new(),
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
            | Self::KeyReused { .. }
            | Self::NoSuchPayment(_)
            | Self::NoSuchCapture(_)
            | Self::NoSuchRefund(_) => None,
        }
    }
}

impl From<BadAmount> for Error {
    fn from(bad: BadAmount) -> Self {
        Self::Unreadable { operation: "payment_intent.get", why: bad.to_string() }
    }
}

/// API v1's way with limits and repeats. `Stripe-Should-Retry` is Stripe's last word on whether asking again is of use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ApiV1;

impl Dialect for ApiV1 {
    fn verdict(&self, reply: &Reply) -> Verdict {
        let useless = reply.header("stripe-should-retry").is_some_and(|said| said.eq_ignore_ascii_case("false"));
        if reply.status == StatusCode::UNAUTHORIZED {
            Verdict::Unauthorized
        } else if useless {
            Verdict::Answer
        } else if reply.status == StatusCode::TOO_MANY_REQUESTS {
            Verdict::NotExecuted { wait: reply.retry_after() }
        } else if reply.status.is_server_error() {
            Verdict::Unwell
        } else {
            Verdict::Answer
        }
    }
}

/// What Stripe said; nothing when the body is something else.
pub(crate) fn problem(reply: &Reply) -> Problem {
    serde_json::from_slice::<Refusal>(&reply.body).unwrap_or_default().error
}

/// What a bad answer means wherever it is not an outcome.
pub(crate) fn of_reply(kind: Kind, operation: &'static str, reply: &Reply, problem: &Problem) -> Error {
    let status = reply.status;
    let said = |word: &str| problem.kind == word || problem.code == word;
    if outcome::leaves_open(status) {
        return match kind {
            Kind::Read => Error::Unwell { operation, status: status.as_u16() },
            Kind::Write => unknown(operation, format!("Stripe answered {}", status.as_u16())),
        };
    }
    // The first call under this key is still under way, or holds what this one needs.
    if status == StatusCode::CONFLICT {
        let why = if problem.message.is_empty() { "the key is in use".to_owned() } else { problem.message.clone() };
        tracing::info!(operation, wait = IN_USE.as_secs(), "a call under the same key is under way at Stripe");
        return unknown(operation, why);
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Error::Call(CallFault::Throttled { operation, retry_after: reply.retry_after() });
    }
    let detail =
        if problem.message.is_empty() { format!("status {}", status.as_u16()) } else { problem.message.clone() };
    if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
        return Error::Forbidden { operation, detail };
    }
    let code = [&problem.code, &problem.kind].into_iter().find(|word| !word.is_empty());
    let code = code.cloned().unwrap_or_else(|| format!("HTTP_{}", status.as_u16()));
    if said("idempotency_error") {
        return Error::KeyReused { key: "the idempotency key".to_owned() };
    }
    Error::Refused { operation, code, detail }
}

/// Nobody knows what became of a write.
pub(crate) fn unknown(operation: &'static str, why: String) -> Error {
    Error::Call(CallFault::Unknown { operation, why })
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn reply(status: u16, should_retry: Option<&'static str>, body: &'static str) -> Reply {
        let mut headers = HeaderMap::new();
        if let Some(said) = should_retry {
            headers.insert("stripe-should-retry", said.parse().unwrap());
        }
        Reply { status: StatusCode::from_u16(status).unwrap(), headers, body: body.into() }
    }

    fn reason(kind: Kind, reply: &Reply) -> &'static str {
        of_reply(kind, "refund.post", reply, &problem(reply)).reason()
    }

    #[test]
    fn stripe_has_the_last_word_on_asking_again() {
        assert_eq!(ApiV1.verdict(&reply(500, None, "")), Verdict::Unwell);
        assert_eq!(ApiV1.verdict(&reply(500, Some("false"), "")), Verdict::Answer);
        assert_eq!(ApiV1.verdict(&reply(429, None, "")), Verdict::NotExecuted { wait: None });
        assert_eq!(ApiV1.verdict(&reply(429, Some("false"), "")), Verdict::Answer);
        assert_eq!(ApiV1.verdict(&reply(409, Some("true"), "")), Verdict::Answer);
        assert_eq!(ApiV1.verdict(&reply(401, None, "")), Verdict::Unauthorized);
    }

    // "Idempotency, API v1", section 5.2 of the vendor page.
    #[test]
    fn a_key_in_use_leaves_a_write_open_and_one_of_another_request_is_a_bug_of_ours() {
        let in_use = r#"{"error":{"type":"idempotency_error","code":"idempotency_key_in_use","message":"wait"}}"#;
        assert_eq!(reason(Kind::Write, &reply(409, Some("true"), in_use)), "VENDOR_OUTCOME_UNKNOWN");
        let other = r#"{"error":{"type":"idempotency_error","message":"Keys for idempotent requests"}}"#;
        assert_eq!(reason(Kind::Write, &reply(400, None, other)), "IDEMPOTENCY_KEY_REUSED");
    }

    #[test]
    fn a_server_error_leaves_a_write_open_and_a_read_undone() {
        let html = reply(503, None, "<html>maintenance</html>");
        assert_eq!(reason(Kind::Write, &html), "VENDOR_OUTCOME_UNKNOWN");
        assert_eq!(reason(Kind::Read, &html), "VENDOR_UNWELL");
    }

    #[test]
    fn a_bad_key_is_our_misconfiguration_and_a_bad_form_our_bug() {
        let bad = r#"{"error":{"type":"invalid_request_error","code":"parameter_unknown","message":"no"}}"#;
        assert_eq!(reason(Kind::Write, &reply(401, None, "")), "VENDOR_REFUSED_CREDENTIALS");
        assert_eq!(reason(Kind::Write, &reply(403, None, "")), "VENDOR_REFUSED_CREDENTIALS");
        assert_eq!(reason(Kind::Write, &reply(400, None, bad)), "VENDOR_REFUSED");
        assert_eq!(reason(Kind::Write, &reply(424, None, "")), "VENDOR_REFUSED");
    }
}
