//! Real processes that are killed, hung, ended and cut off under load. `fleet.rs` runs the mesh as one process a part, on
//! the embedded store or on Redis; `proxy.rs` is the wire between them; `trouble.rs` makes the trouble; `load.rs` are the
//! people who order, call off and send back, with `history.rs` writing down what they asked and heard; `check.rs` holds
//! that against the mesh and every vendor's own books. `weft-crash` runs it all, and prints acknowledged, lost,
//! duplicated and unknown.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests say what went wrong by stopping")]

pub mod check;
pub mod fleet;
pub mod history;
pub mod load;
pub mod process;
pub mod proxy;
#[path = "../../../platform/store/tests/it/servers.rs"]
mod servers;
pub mod trouble;
