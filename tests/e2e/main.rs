//! The whole mesh in one process over real gRPC, with the vendors' twins. Facts are asserted on the vendors' own books.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests say what went wrong by stopping")]

mod adopted;
mod agent;
mod bundles;
mod credit;
mod day;
mod edits;
mod figures;
mod goods;
mod harness;
mod messages;
mod payments;
mod pickup;
mod promotion;
mod refusals;
mod returns;
mod shop;
mod shop_edits;
mod sourcing;
mod splitting;
mod standards;
mod traces;
