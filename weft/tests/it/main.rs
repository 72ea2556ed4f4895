//! The binary itself: killed, restarted, asked.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests say what went wrong by stopping")]

mod kill;
mod leases;
mod replicas;
mod stop;
mod verbs;

use std::path::Path;

/// The binary under test.
fn weft() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_weft"))
}
