//! What an answer means to a process.

use retail_flow::Failure;
use retail_runtime::fault::Fault as _;
use retail_store as store;

/// A read of our own store that did not work is tried again.
pub(crate) fn store(error: store::Error) -> Failure {
    Failure::not_done(error.reason(), error.to_string())
}
