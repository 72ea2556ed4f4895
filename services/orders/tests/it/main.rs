//! The orders service over the model store, with fakes of everybody it asks, over real gRPC on loopback.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests say what went wrong by stopping")]

mod adoption;
mod cancellation;
mod capture;
mod credit;
mod credit_edits;
mod edits;
mod erp;
mod harness;
mod holds;
mod journey;
mod kept_back;
mod lists;
mod neighbours;
mod pickup;
mod purchases;
mod refunds;
mod repeats;
mod rerouting;
mod return_credits;
mod shop;
mod shop_edits;
mod shopfront;
mod sourcing;
mod splitting;
mod stock;
mod trouble;
mod wires;
