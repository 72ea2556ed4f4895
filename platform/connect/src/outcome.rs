//! Canonical outcomes of writes, so that every connector says them alike.

use http::StatusCode;
use retail_proto::types::v1::{Outcome, OutcomeState};

/// Done, and the vendor said so.
#[must_use]
pub fn done() -> Outcome {
    done_with(Vec::new())
}

/// Done, but some things differ from what was asked.
#[must_use]
pub fn done_with(warnings: Vec<String>) -> Outcome {
    Outcome { state: OutcomeState::Done.into(), reason: String::new(), message: String::new(), warnings }
}

/// Accepted, not finished.
#[must_use]
pub fn pending(reason: &str, message: impl Into<String>) -> Outcome {
    said(OutcomeState::Pending, reason, message.into())
}

/// Refused by a rule of the vendor: repeating it unchanged is useless.
#[must_use]
pub fn refused(reason: &str, message: impl Into<String>) -> Outcome {
    said(OutcomeState::Refused, reason, message.into())
}

/// Done for some lines only.
#[must_use]
pub fn partial(reason: &str, message: impl Into<String>) -> Outcome {
    said(OutcomeState::Partial, reason, message.into())
}

/// True when a status leaves open whether a write was executed: a 5xx may come after the commit, a 408 as well.
#[must_use]
pub fn leaves_open(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT
}

fn said(state: OutcomeState, reason: &str, message: String) -> Outcome {
    Outcome { state: state.into(), reason: reason.to_owned(), message, warnings: Vec::new() }
}
