//! Business transactions that always end. Owns: processes and their drivers, effects with intent first, the ledger of
//! each aggregate, worker leases, feeds for subscribers, operations. Refuses: any business rule; those are the pure
//! functions of a [`Process`]. In: due entries of the store. Out: calls, commits, and what operators read.

mod driver;
mod failure;
mod feed;
mod groups;
mod leases;
mod ledger;
mod ops;
pub mod page;
mod process;
mod step;
mod transactions;
mod worker;

pub use failure::Failure;
pub use feed::Feed;
pub use leases::Leases;
pub use ledger::{Effect, EffectState, Ledger, Parked};
pub use ops::Ops;
pub use process::{Attempt, Process, Summary, Verdict};
pub use step::{Class, Next, Policy, Step};
pub use transactions::{begin, may_have_been_sent, note, resume, wake};
pub use worker::{Counters, Worker};
