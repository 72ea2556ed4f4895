//! The connector against the NetSuite twin, over real sockets; what happened is read from the twin's own books.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test helper may panic: that fails the test")]

mod bench;
mod booking;
mod contract;
mod polling;
mod posting;
mod trouble;
