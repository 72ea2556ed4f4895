//! Salesforce's refusals: what each means to a caller. Vendor document, sections 2.5, 7 and 8.3.

use std::time::Duration;

use retail_connect::{CallFault, Dialect, Reply, Verdict, outcome};
use retail_runtime::fault::{BadShape, Class, Fault};
use serde_json::Value;

use crate::map::Unreadable;
use crate::wire::VendorError;

/// What cannot be done, and what a caller makes of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request has no proper shape.
    #[error(transparent)]
    Shape(#[from] BadShape),
    /// Another instance than the configured one.
    #[error("no CRM instance {0} here")]
    NoSuchInstance(String),
    /// The order is not known to the CRM.
    #[error("the CRM holds no context of order {0}")]
    NoSuchContext(String),
    /// The CRM has no such case, or no more.
    #[error("the CRM has no case {0}")]
    NoSuchCase(String),
    /// The cursor or page token was not made by this connector, or not for this list.
    #[error("the {0} does not fit; begin again without one")]
    BadToken(&'static str),
    /// No answer.
    #[error(transparent)]
    Call(#[from] CallFault),
    /// The org does not let our user in, or not to this.
    #[error("the org refuses our user: {code}: {message}")]
    Credentials {
        /// The vendor's code.
        code: String,
        /// The vendor's words.
        message: String,
    },
    /// The org's allowance is used up.
    #[error("the org's allowance is used up: {code}: {message}")]
    Allowance {
        /// The vendor's code.
        code: String,
        /// The vendor's words.
        message: String,
    },
    /// The record is busy; repeating helps.
    #[error("the org is busy with the record: {code}")]
    Busy {
        /// The vendor's code.
        code: String,
    },
    /// The org lacks Weft's package, or our user may not see all of it.
    #[error("the org is not prepared for Weft: {code}: {message}")]
    NotPrepared {
        /// The vendor's code.
        code: String,
        /// The vendor's words.
        message: String,
    },
    /// The vendor answered a read with something else.
    #[error("the org answered {status}: {code}: {message}")]
    Answer {
        /// HTTP status.
        status: u16,
        /// The vendor's code.
        code: String,
        /// The vendor's words.
        message: String,
    },
    /// The record was written by somebody else and lacks what ours have.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Error::Shape(shape) => shape.class(),
            Error::NoSuchInstance(_) | Error::NoSuchContext(_) | Error::NoSuchCase(_) => Class::NotFound,
            Error::BadToken(_) => Class::Invalid,
            Error::Call(fault) => fault.class(),
            Error::Credentials { .. } | Error::NotPrepared { .. } | Error::Unreadable(_) => Class::Precondition,
            Error::Allowance { .. } => Class::Throttled,
            // Only reads end so: nothing was executed, and what was odd once may be well the next time.
            Error::Busy { .. } | Error::Answer { .. } => Class::Unavailable,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Error::Shape(shape) => shape.reason(),
            Error::NoSuchInstance(_) => "NO_SUCH_INSTANCE",
            Error::NoSuchContext(_) => "NO_SUCH_ORDER_CONTEXT",
            Error::NoSuchCase(_) => "NO_SUCH_CASE",
            Error::BadToken(_) => "BAD_PAGE_TOKEN",
            Error::Call(fault) => fault.reason(),
            Error::Credentials { .. } => "VENDOR_REFUSED_CREDENTIALS",
            Error::Allowance { .. } => "VENDOR_THROTTLED",
            Error::Busy { .. } => "VENDOR_RECORD_BUSY",
            Error::NotPrepared { .. } => "CRM_ORG_NOT_PREPARED",
            Error::Answer { .. } => "VENDOR_ANSWER_UNEXPECTED",
            Error::Unreadable(_) => "CRM_RECORD_UNREADABLE",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Error::Shape(shape) => shape.metadata(),
            Error::NoSuchInstance(instance) => vec![("instance", instance.clone())],
            Error::NoSuchContext(key) => vec![("external_ref", key.clone())],
            Error::NoSuchCase(case) => vec![("case", case.clone())],
            Error::BadToken(what) => vec![("field", (*what).to_owned())],
            Error::Call(fault) => fault.metadata(),
            Error::Credentials { code, message }
            | Error::Allowance { code, message }
            | Error::NotPrepared { code, message } => {
                vec![("code", code.clone()), ("message", message.clone())]
            }
            Error::Busy { code } => vec![("code", code.clone())],
            Error::Answer { status, code, message } => {
                vec![("status", status.to_string()), ("code", code.clone()), ("message", message.clone())]
            }
            Error::Unreadable(row) => vec![("record", row.id.clone()), ("column", row.column.to_owned())],
        }
    }

    fn fields(&self) -> Vec<(String, String)> {
        match self {
            Error::Shape(shape) => shape.fields(),
            Error::BadToken(what) => vec![((*what).to_owned(), self.to_string())],
            Error::NoSuchInstance(_)
            | Error::NoSuchContext(_)
            | Error::NoSuchCase(_)
            | Error::Call(_)
            | Error::Credentials { .. }
            | Error::Allowance { .. }
            | Error::Busy { .. }
            | Error::NotPrepared { .. }
            | Error::Answer { .. }
            | Error::Unreadable(_) => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Error::Call(fault) => fault.retry_after(),
            // A rolling day gives calls back slowly; asking every second would only take them again.
            Error::Allowance { .. } => Some(Duration::from_secs(15 * 60)),
            Error::Busy { .. } | Error::Answer { .. } => Some(Duration::from_secs(2)),
            Error::Shape(_)
            | Error::NoSuchInstance(_)
            | Error::NoSuchContext(_)
            | Error::NoSuchCase(_)
            | Error::BadToken(_)
            | Error::Credentials { .. }
            | Error::NotPrepared { .. }
            | Error::Unreadable(_) => None,
        }
    }
}

/// What one refusal means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A newer version is in the record: what was asked is done already.
    Stale,
    /// Not executed for a passing cause: repeat soon.
    Busy,
    /// Follows another entry's failure.
    Derived,
    /// The org's allowance.
    Allowance,
    /// Our user.
    Credentials,
    /// The org's package.
    NotPrepared,
    /// A rule of the org: the reason for people and machines.
    Refused(String),
    /// The vendor failed and may have acted.
    Open,
}

/// Reads a refusal. Codes are an open set: an unknown one on 4xx is a refusal, on 5xx it leaves the outcome open.
pub(crate) fn meaning(status: u16, error: &VendorError) -> Meaning {
    let says = |words: &str| error.message.contains(words);
    match error.code.as_str() {
        "FIELD_CUSTOM_VALIDATION_EXCEPTION" if says("MESH_VERSION_STALE") => Meaning::Stale,
        "UNABLE_TO_LOCK_ROW" | "DUPLICATE_VALUE" => Meaning::Busy,
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY" if says("UNABLE_TO_LOCK_ROW") => Meaning::Busy,
        "REQUEST_LIMIT_EXCEEDED" if says("Concurrent") => Meaning::Busy,
        "REQUEST_LIMIT_EXCEEDED" | "LIMIT_EXCEEDED" | "EXCEEDEDQUOTA" => Meaning::Allowance,
        "PROCESSING_HALTED" | "ALL_OR_NONE_OPERATION_ROLLED_BACK" => Meaning::Derived,
        "INVALID_FIELD" if says("Foreign key external ID") => Meaning::Derived,
        // A column or an object the org does not show us; the same code with other words is about the value.
        "INVALID_FIELD" | "INVALID_TYPE"
            if says("No such column") || says("is not supported") || says("Didn't understand") =>
        {
            Meaning::NotPrepared
        }
        "NOT_FOUND" => Meaning::NotPrepared,
        "INVALID_SESSION_ID"
        | "INVALID_AUTH_HEADER"
        | "API_DISABLED_FOR_ORG"
        | "API_CURRENTLY_DISABLED"
        | "INSUFFICIENT_ACCESS"
        | "INSUFFICIENT_ACCESS_OR_READONLY"
        | "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"
        | "TXN_SECURITY_METERING_ERROR" => Meaning::Credentials,
        code => match status {
            300 => Meaning::Refused("EXTERNAL_ID_NOT_UNIQUE".to_owned()),
            401 | 403 => Meaning::Credentials,
            408 | 500.. => Meaning::Open,
            _ if code.is_empty() => Meaning::Refused("VENDOR_REFUSED".to_owned()),
            _ => Meaning::Refused(code.to_owned()),
        },
    }
}

/// The first error of a body in any of the vendor's shapes; empty when the body is none of them.
pub(crate) fn first(body: &Value) -> VendorError {
    let one = match body {
        Value::Array(all) => all.first(),
        Value::Object(_) => Some(body),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    };
    one.and_then(|one| serde_json::from_value(one.clone()).ok()).unwrap_or_default()
}

/// What a whole answer other than 2xx means for a call.
pub(crate) fn refused(reply: &Reply, operation: &'static str, write: bool) -> Error {
    let status = reply.status.as_u16();
    let error = first(&serde_json::from_slice(&reply.body).unwrap_or(Value::Null));
    if status == 420 {
        // The edge knows no such org: it did not pass the call on.
        let held = retail_connect::Held::Connect;
        return CallFault::not_sent(operation, held, "the edge has no route to the org").into();
    }
    if write && outcome::leaves_open(reply.status) {
        return CallFault::Unknown { operation, why: format!("the org answered {status} {}", error.code) }.into();
    }
    hindered(status, error)
}

/// What one refusal of a read, or of a part of one, means for the call.
pub(crate) fn hindered(status: u16, error: VendorError) -> Error {
    let meaning = meaning(status, &error);
    let VendorError { code, message } = error;
    match meaning {
        Meaning::Busy => Error::Busy { code },
        Meaning::Allowance => Error::Allowance { code, message },
        Meaning::Credentials => Error::Credentials { code, message },
        Meaning::NotPrepared => Error::NotPrepared { code, message },
        Meaning::Stale | Meaning::Derived | Meaning::Refused(_) | Meaning::Open => {
            Error::Answer { status, code, message }
        }
    }
}

/// Salesforce's way with status codes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edge;

impl Dialect for Edge {
    fn verdict(&self, reply: &Reply) -> Verdict {
        let says = |words: &str| {
            let window = reply.body.get(..reply.body.len().min(2_048)).unwrap_or_default();
            String::from_utf8_lossy(window).contains(words)
        };
        match reply.status.as_u16() {
            // No login mends these; trying would go on for ever.
            401 if says("not valid for use with the REST API") || says("not attached to Agent") => Verdict::Answer,
            401 if says("MISSING_OAUTH_TOKEN") || says("INVALID_HEADER_TYPE") => Verdict::Answer,
            401 => Verdict::Unauthorized,
            403 if says("REQUEST_LIMIT_EXCEEDED") && says("Concurrent") => {
                Verdict::NotExecuted { wait: Some(Duration::from_secs(1)) }
            }
            429 => Verdict::NotExecuted { wait: reply.retry_after() },
            420 => Verdict::Unwell,
            406 if reply.body.is_empty() => Verdict::Unwell,
            500.. => Verdict::Unwell,
            _ => Verdict::Answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, code: &str, message: &str) -> Meaning {
        meaning(status, &VendorError { code: code.to_owned(), message: message.to_owned() })
    }

    #[test]
    fn the_same_code_is_read_by_its_words() {
        assert_eq!(read(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), Meaning::Allowance);
        assert_eq!(read(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded"), Meaning::Busy);
        assert_eq!(
            read(400, "INVALID_FIELD", "No such column 'Mesh_Id__c' on sobject of type Account"),
            Meaning::NotPrepared
        );
        assert_eq!(read(400, "INVALID_FIELD", "Foreign key external ID: a not found"), Meaning::Derived);
        assert_eq!(read(400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "MESH_VERSION_STALE: version 5"), Meaning::Stale);
        let admin = read(400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "A postcode, please");
        assert_eq!(admin, Meaning::Refused("FIELD_CUSTOM_VALIDATION_EXCEPTION".to_owned()));
    }

    #[test]
    fn an_unknown_code_is_a_refusal_below_500_and_open_above() {
        assert_eq!(read(400, "BRAND_NEW", ""), Meaning::Refused("BRAND_NEW".to_owned()));
        assert_eq!(read(500, "BRAND_NEW", ""), Meaning::Open);
        assert_eq!(read(503, "", ""), Meaning::Open);
    }

    #[test]
    fn a_read_that_is_answered_oddly_is_asked_again_and_is_no_defect_of_ours() {
        for status in [200, 204, 302, 400, 500] {
            let odd = Error::Answer { status, code: "UNREADABLE".to_owned(), message: "no JSON".to_owned() };
            assert_eq!((odd.class(), odd.retry_after().is_some()), (Class::Unavailable, true), "{status}");
        }
    }

    #[test]
    fn every_shape_of_an_error_body_is_read() {
        let expected = VendorError { code: "X".to_owned(), message: "m".to_owned() };
        for body in [
            serde_json::json!([{"errorCode": "X", "message": "m", "fields": []}]),
            serde_json::json!({"errorCode": "X", "message": "m"}),
            serde_json::json!([{"statusCode": "X", "message": "m"}]),
        ] {
            assert_eq!(first(&body), expected);
        }
        assert_eq!(first(&serde_json::json!("<html>")), VendorError::default());
    }
}
