//! The gateway seen from outside: its transcoder against another implementation, its edge against real services.
#![allow(
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that is wrong may panic"
)]

mod caller;
mod kinds;
mod limits;
mod oracle;
mod orders;
mod parameters;
mod refusals;
mod streams;
mod webhooks;
