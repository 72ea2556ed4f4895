//! The connector against the mail server of the sandbox; what counts is what lies in its mailbox after.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what tests build on fails loudly")]

mod answers;
mod contract;
mod mail;
mod protected;
mod trouble;
mod words;
mod world;
