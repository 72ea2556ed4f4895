//! The connector between the shop's twin and owning services that only take notes; what counts is what their books say
//! after.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what tests build on fails loudly")]

mod cancellations;
mod changes;
mod contract;
mod customers;
mod edits;
mod facts;
mod fulfilments;
mod moves;
mod orders;
mod owners;
mod pickups;
mod reading;
mod refunds;
mod returns;
mod stock;
mod trouble;
mod webhooks;
mod world;
