//! The binary itself: killed, restarted, asked.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests say what went wrong by stopping")]

mod kill;
mod process;
mod verbs;
