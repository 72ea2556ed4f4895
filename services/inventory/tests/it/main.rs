//! The inventory service over the model store, with an ERP and a shop of its own, over real gRPC on loopback.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on says so by panicking")]

mod acting;
mod adjustments;
mod agents;
mod authority;
mod books;
mod crm_fake;
mod crowd;
mod erp_fake;
mod expected;
mod feeds;
mod harness;
mod history;
mod inbound;
mod kept_back;
mod kits;
// What many callers saw at once is judged here as it is for the store.
#[path = "../../../../platform/store/tests/it/linear.rs"]
mod linear;
mod orders_fake;
mod receipts;
mod reference;
mod reservations;
mod shortfalls;
mod shown;
mod transfers;
