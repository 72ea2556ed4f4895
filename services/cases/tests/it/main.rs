//! Cases among honest neighbours: owners whose feeds are real, a CRM that keeps books and can be away.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests say what went wrong by stopping")]

mod contexts;
mod crm;
mod customers;
mod feeds;
mod harness;
mod links;
mod milestones;
mod owners;
mod say;
