//! Owns: what a domain knows. Partitions, commits, feeds, due sets, indexes, leases, offsets; opaque bytes below, prost
//! documents above. Refuses: business law (the pure rule checks it before the commit), reading another domain, time of
//! its own (it takes the runtime's clock). In: [`Store::update`] with a pure rule. Out: documents, the partition's feed,
//! due entries, index pages.
//!
//! # The API on one page
//!
//! ```text
//! Store::open(&runtime, &Config{ backend: embedded{dir} | model | redis(config), domain, region, groups }) -> Store   clone freely
//! Store::over(&runtime, Arc<dyn Backend>, domain, region)                  for tests: Model::new() is a back end
//!
//! impl Document for Order { const KIND = "order"; }          SCHEMA, WRITES and routing(id) have defaults
//!
//! store.read::<Order>(id)                      -> Option<Versioned<Order>{ doc, version, events, schema }>
//! store.update(id, caller, |draft: &mut Draft<Order>| rule) -> Done<R>     R: prost::Message + Default, stored if keyed
//! store.step(id, Option<Fence>, |draft| rule)               -> Done<R>     any R, nothing stored
//!   Done{ value, version, repeated }
//!   caller = Caller::keyed(principal, method, key, request) | Caller::Keyed{id, digest} | Caller::Step(fence) | Caller::Plain
//!   draft.doc, draft.existed, original(), is_changed(), id(), version(), event_version(), partition()
//!   draft.emit(kind, body) -> event version       draft.caused_by(traceparent)
//!   draft.due(Option<Timestamp>)                  draft.index(name, sort, value) / unindex(name, sort)
//!   draft.mark(Mark{consumer, version, event, after})          draft.delete()
//!   draft.get::<D2>(id) / put::<D2>(id, &doc) / remove::<D2>(id) / emit_on / due_on / index_on   same partition
//!   draft.relaxed()                               a failover may lose this change: only for what is made anew elsewhere
//!   draft.sibling::<Ledger>() / set_sibling(&ledger)           a document of the same id beside it
//! store.journaled(Option<Journal>)              draft.journal(), stored(), stored_of, append, emissions, due_said: for those who keep one
//! store.scan::<D>(partition, after, limit)        store.index(partition, &IndexQuery)   store.list(&IndexQuery)
//! store.count(partition, index) -> entries
//! store.due(partition, kind, until, limit)        store.changes(), changed(partition).wait()           hints, may be lost
//! store.feed(partition, &Position, limit)         store.ends(partition)                  OutOfRange: resync
//! store.lease_take / lease_renew / lease_release / lease
//! store.declare / acknowledge / reset / touch / offset         store.trim / sweep        store.mark(..)
//! store.lag(group) -> Vec<Lag{ partition, entries, oldest, .. }>   lag_in(partition, group)   store.groups()
//! ```
//!
//! A rule is pure: it runs again on a conflict, and when it first asks for another document of the partition (that run
//! sees `None`, is thrown away, and repeated with the document loaded). Versions: `version` counts changes of the
//! document, one per rule that changed it; `events` counts its events, gapless, and is what an event carries as its
//! version. A rule that emits once whenever it changes the document keeps the two equal.

mod backend;
mod commit;
mod config;
mod document;
mod draft;
mod embedded;
mod fault;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod key;
mod lag;
mod lead;
mod model;
mod queue;
mod record;
mod redis;
mod settle;
mod store;
mod tally;
mod update;

pub use backend::{Backend, Changes, Hints, Loaded, News, Wanted};
pub use commit::{
    Commit, CommitId, Fence, Index, Keyed, MAX_BODY, MAX_KEY, Mark, NewEvent, Outcome, Refused, Strength, Write,
};
pub use config::{BackendConfig, Config, Journal};
pub use document::{Document, Versioned};
pub use draft::Draft;
pub use embedded::{Domain, Embedded, Tuning};
pub use fault::{Error, UpdateError};
pub use key::{Key, Partition, Version};
pub use lag::Lag;
pub use model::{Fate, Model, Moment};
pub use record::{
    Ends, Entry, GroupOp, IndexEntry, IndexQuery, Lease, LeaseAnswer, LeaseOp, MarkRecord, Marked, Offset, Position,
    RESULTS_KEPT, Record, SILENCE, Stored, Trim, Trimmed,
};
pub use redis::{Durability, LeaseTime, Redis, RedisConfig};
pub use store::Store;
pub use update::{Caller, Done};
