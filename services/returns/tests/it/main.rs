//! The returns service over the model store, with fakes of everybody it asks, over real gRPC on loopback.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests say what went wrong by stopping")]

mod books;
mod cancellation;
mod erp;
mod exceptions;
mod harness;
mod journey;
mod lists;
mod money;
mod orders;
mod pay;
mod people;
mod receipts;
mod repeats;
mod shop;
mod shop_refunds;
mod stock;
mod trouble;
mod without_receipt;
