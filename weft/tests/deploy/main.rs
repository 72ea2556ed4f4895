//! What lies in `deploy/`, held against the binary: every command line, key, port, address and promise of a manifest.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests say what went wrong by stopping")]

mod compose;
mod image;
mod kubernetes;
mod manifest;
mod messages;
mod payments;
mod process;
mod running;
