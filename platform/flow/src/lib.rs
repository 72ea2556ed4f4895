//! Business transactions that always end. Owns: processes and their drivers, effects with intent first, the ledger of
//! each aggregate, worker leases, the store's upkeep, feeds for subscribers, inboxes that follow the feeds of others,
//! journals and their replay, operations, figures. Refuses: any business rule; those are the pure functions of a [`Process`]. In: due entries of the store, events of others. Out:
//! calls, commits, and what operators read.

mod answer;
mod bundle;
mod claim;
mod driver;
mod effects;
mod exporting;
mod failure;
mod feed;
mod figures;
mod follow;
mod groups;
mod inbox;
mod journal;
pub mod kept;
mod leases;
mod ledger;
mod letters;
mod mask;
mod ops;
pub mod page;
mod patch;
mod process;
mod progress;
mod reading;
mod replay;
mod resend;
mod roster;
mod share;
mod standing;
mod step;
mod transactions;
mod upkeep;
mod worker;
mod written;

pub use answer::done;
pub use bundle::{Bundle, BundleEffect, BundleEntry, BundleState, FORMAT, PersonalData};
pub use claim::{Asked, MESH, Unclaimed};
pub use failure::Failure;
pub use feed::Feed;
pub use inbox::{Handler, Inbox, Told, Untaken, is_parked};
pub use journal::{Input, Shelf, record, record_message};
pub use leases::Leases;
pub use ledger::{Effect, EffectState, Ledger, Parked};
pub use letters::{DeadLetters, Replay, ReplayLetters};
pub use mask::Personal;
pub use ops::Ops;
pub use process::{Attempt, Process, Retold, Summary, Verdict};
pub use reading::{Changes, Reading, Readings, Source, System};
pub use replay::{Difference, Divergence, Replayed, Seen, Unreadable, replay};
pub use resend::{Again, Resent, resend};
pub use standing::{Known, Standing};
pub use step::{Class, Next, Policy, Step};
pub use transactions::{begin, may_have_been_sent, note, resume, wake};
pub use worker::{Counters, Worker};
pub use written::Kept;
