//! The NetSuite twin, row by row of the fidelity checklist of its vendor document.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a broken account is a failed test")]

mod account;
mod laws;
mod orders;
mod queries;
mod receivables;
mod records;
mod refunds;
mod returns;
mod rsa;
mod signing;
