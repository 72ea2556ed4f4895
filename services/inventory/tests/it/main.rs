//! The inventory service over the model store, with an ERP and a shop of its own, over real gRPC on loopback.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on says so by panicking")]

mod acting;
mod adjustments;
mod authority;
mod books;
mod erp_fake;
mod expected;
mod feeds;
mod harness;
mod inbound;
mod kits;
mod orders_fake;
mod receipts;
mod reference;
mod reservations;
mod shortfalls;
mod shown;
mod transfers;
