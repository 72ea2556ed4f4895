//! The connector between the Stripe twin and an owner of payment facts that only takes notes; what counts is what the twin's
//! books say after.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what tests build on fails loudly")]

mod anew;
mod captures;
mod changes;
mod contract;
mod owner;
mod refunds;
mod trouble;
mod webhooks;
mod world;
