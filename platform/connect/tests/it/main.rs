//! The client against a vendor that misbehaves on purpose, over real sockets.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test helper may panic: that fails the test")]

mod calls;
mod limits;
mod tokens;
mod vendor;
