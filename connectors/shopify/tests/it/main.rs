//! The connector between the shop's twin and an orders service that only takes notes; what counts is what their books
//! say after.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what tests build on fails loudly")]

mod contract;
mod fulfilments;
mod orders;
mod stock;
mod trouble;
mod webhooks;
mod world;
