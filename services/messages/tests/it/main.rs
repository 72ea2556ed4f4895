//! Messages among honest neighbours: owners whose feeds are real, a carrier that keeps books, can be away, and can lose
//! its answers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests say what went wrong by stopping")]

mod carrier;
mod facts;
mod feeds;
mod harness;
mod owners;
mod people;
mod say;
mod times;
mod trouble;
