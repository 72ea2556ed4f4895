//! The house rules that a compiler does not hold: who may know whom, how long a file may be, what is never committed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails here and now")]

mod errors;
mod files;
mod metrics;
mod rooms;
mod tree;
