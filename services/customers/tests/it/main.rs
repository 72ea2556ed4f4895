//! The customers service over the model store, with an ERP and a CRM of its own, over real gRPC on loopback.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on says so by panicking")]

mod candidates;
mod consent;
mod crashes;
mod finding;
mod harness;
mod identity;
mod merging;
mod syncing;
mod systems;
