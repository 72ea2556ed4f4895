//! The connector against the NetSuite twin, over real sockets; what happened is read from the twin's own books.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test helper may panic: that fails the test")]

mod back;
mod bench;
mod booking;
mod contract;
mod crediting;
mod customer_credit;
mod inbound;
mod polling;
mod posting;
mod return_trouble;
mod returning;
mod returns;
mod transfers;
mod trouble;
