//! What every connector needs to speak to a vendor over HTTP.
//!
//! Owns the pooled client over the runtime's network, tokens, vendor budgets, breakers, retries of what is safe to
//! repeat, paging and webhook signatures. Refuses to know any vendor: a connector hands in its [`Dialect`].
//! Calls enter as [`Call`], answers leave as [`Reply`], and a failure says whether the vendor may have acted: [`CallFault`].

mod breaker;
mod bucket;
mod budget;
mod call;
mod counters;
mod fault;
mod figures;
mod http;
pub mod jwt;
mod lanes;
pub mod outcome;
mod pages;
mod policy;
mod pool;
mod secure;
mod stream;
mod tokens;
pub mod webhook;

pub use breaker::{Breaker, Ticket};
pub use bucket::Bucket;
pub use budget::{Budget, Permit};
pub use call::{Call, Kind, Lane, Reply};
pub use counters::Snapshot;
pub use fault::{CallFault, Held};
pub use http::{Http, HttpConfig, SetupError};
pub use lanes::Lanes;
pub use pages::{PageFault, Pages};
pub use policy::{Bearer, Dialect, Standing, Verdict};
pub use tokens::{Token, TokenSource, Tokens};
