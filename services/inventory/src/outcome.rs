//! What another system's answer means to a process.

use retail_flow::Failure;
use retail_proto::types::v1::{Outcome, OutcomeState};
use retail_runtime::fault::Fault as _;
use retail_store as store;

/// Reads the outcome of a change; an outcome that is not said is pending, never success.
pub(crate) fn done(who: &str, outcome: Option<&Outcome>) -> Result<(), Failure> {
    let Some(outcome) = outcome else {
        return Err(Failure::not_done("BROKEN_ANSWER", format!("{who} answered without an outcome")));
    };
    match outcome.state() {
        OutcomeState::Done => Ok(()),
        OutcomeState::Refused => Err(Failure::refused(outcome.reason.clone(), outcome.message.clone())),
        OutcomeState::Partial => Err(Failure::refused("PARTIAL_OUTCOME", outcome.message.clone())),
        OutcomeState::Pending | OutcomeState::Unspecified => {
            Err(Failure::not_done("VENDOR_PENDING", outcome.message.clone()))
        }
    }
}

/// A read of our own store that did not work is tried again.
pub(crate) fn store(error: store::Error) -> Failure {
    Failure::not_done(error.reason(), error.to_string())
}
