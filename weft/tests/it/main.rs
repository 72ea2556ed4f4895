//! The binary itself: killed, restarted, asked.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests say what went wrong by stopping")]

mod door;
mod fleet;
mod kill;
mod leases;
mod process;
mod replicas;
#[path = "../../../platform/store/tests/it/servers.rs"]
mod servers;
mod stop;
mod verbs;
