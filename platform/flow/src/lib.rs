//! Business transactions that always end. Owns: processes and their drivers, effects with intent first, the ledger of
//! each aggregate, worker leases, the store's upkeep, feeds for subscribers, inboxes that follow the feeds of others,
//! operations, figures. Refuses: any business rule; those are the pure functions of a [`Process`]. In: due entries of the store, events of others. Out:
//! calls, commits, and what operators read.

mod answer;
mod claim;
mod driver;
mod effects;
mod failure;
mod feed;
mod figures;
mod follow;
mod groups;
mod inbox;
mod leases;
mod ledger;
mod letters;
mod ops;
pub mod page;
mod process;
mod progress;
mod reading;
mod roster;
mod share;
mod standing;
mod step;
mod transactions;
mod upkeep;
mod worker;

pub use answer::done;
pub use claim::{Asked, MESH, Unclaimed};
pub use failure::Failure;
pub use feed::Feed;
pub use inbox::{Handler, Inbox, Told, Untaken, is_parked};
pub use leases::Leases;
pub use ledger::{Effect, EffectState, Ledger, Parked};
pub use letters::{DeadLetters, Replay, ReplayLetters};
pub use ops::Ops;
pub use process::{Attempt, Process, Summary, Verdict};
pub use reading::{Changes, Reading, Readings, Source, System};
pub use standing::{Known, Standing};
pub use step::{Class, Next, Policy, Step};
pub use transactions::{begin, may_have_been_sent, note, resume, wake};
pub use worker::{Counters, Worker};
