//! The worker of one domain: looks at what is due in the partitions it holds and hands each aggregate to its process.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use retail_runtime::Runtime;
use retail_store::{Document, Key, Partition, Store};
use tokio::sync::Semaphore;

use crate::driver;
use crate::effects::Effects;
use crate::leases::{AtWork, Leases};
use crate::process::Process;

/// Aggregates that one worker drives side by side.
const SIDE_BY_SIDE: usize = 64;
/// How often all due sets are looked at: what time alone makes due gives no hint, and hints may be lost.
const LOOK: Duration = Duration::from_millis(250);
/// How many due aggregates are taken from a partition at once.
const TAKE: usize = 256;

/// What a worker has done since it started.
#[derive(Debug, Default)]
pub struct Counters {
    /// Effects sent to connectors.
    pub effects_sent: AtomicU64,
    /// Effects whose outcome was unknown at first.
    pub effects_unknown: AtomicU64,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// What drivers share.
pub(crate) struct Context {
    pub(crate) runtime: Runtime,
    pub(crate) store: Store,
    pub(crate) counters: Arc<Counters>,
    pub(crate) effects: Effects,
}

trait Drives: Send + Sync {
    fn drive(self: Arc<Self>, context: Arc<Context>, at_work: AtWork, id: String) -> BoxFuture<'static, ()>;
}

struct Driven<P>(Arc<P>);

impl<P: Process> Drives for Driven<P> {
    fn drive(self: Arc<Self>, context: Arc<Context>, at_work: AtWork, id: String) -> BoxFuture<'static, ()> {
        Box::pin(async move { driver::drive(&context, &self.0, &at_work, &id).await })
    }
}

/// Runs the processes of one domain over one store.
pub struct Worker {
    context: Arc<Context>,
    leases: Leases,
    processes: BTreeMap<&'static str, Arc<dyn Drives>>,
    slots: Arc<Semaphore>,
    busy: Arc<Mutex<HashSet<Key>>>,
}

impl Worker {
    /// A worker that drives nothing yet.
    #[must_use]
    pub fn new(runtime: &Runtime, store: &Store, leases: &Leases) -> Self {
        let effects = Effects::new(runtime.metrics(), store.domain());
        let context = Context { runtime: runtime.clone(), store: store.clone(), counters: Arc::default(), effects };
        Self {
            context: Arc::new(context),
            leases: leases.clone(),
            processes: BTreeMap::new(),
            slots: Arc::new(Semaphore::new(SIDE_BY_SIDE)),
            busy: Arc::default(),
        }
    }

    /// Also drives this process's kind of document.
    #[must_use]
    pub fn with<P: Process>(mut self, process: Arc<P>) -> Self {
        self.processes.insert(P::Doc::KIND, Arc::new(Driven(process)));
        self
    }

    /// What it has done.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.context.counters)
    }

    /// Starts; ends when the runtime stops. A driver in the middle of a call still commits its outcome, and begins
    /// nothing new; the leases are given back after it.
    pub fn start(self) {
        let runtime = self.context.runtime.clone();
        runtime.spawn("worker", async move { self.run().await });
    }

    async fn run(self) {
        let stopping = self.context.runtime.stopping();
        let clock = self.context.runtime.clock();
        let mut changed = self.context.store.changes();
        let mut look = self.leases.held();
        let mut next = Box::pin(clock.sleep(LOOK));
        loop {
            // Side by side: over a network most of a look is waiting.
            join_all(look.into_iter().map(|partition| self.take(partition))).await;
            look = tokio::select! {
                () = stopping.cancelled() => break,
                partitions = changed.wait() => {
                    partitions.into_iter().filter(|partition| self.leases.holds(*partition)).collect()
                }
                () = &mut next => {
                    next = Box::pin(clock.sleep(LOOK));
                    self.leases.held()
                }
            };
        }
    }

    async fn take(&self, partition: Partition) {
        for kind in self.processes.keys() {
            self.take_kind(partition, kind).await;
        }
    }

    async fn take_kind(&self, partition: Partition, kind: &str) {
        let now = self.context.runtime.clock().now();
        let due = match self.context.store.due(partition, kind, now, TAKE).await {
            Ok(due) => due,
            Err(error) => {
                tracing::warn!(%error, %partition, "cannot read what is due; trying again");
                return;
            }
        };
        for (_, key) in due {
            if self.context.runtime.stopping().is_cancelled() {
                return;
            }
            self.hand_over(partition, key).await;
        }
    }

    async fn hand_over(&self, partition: Partition, key: Key) {
        let Some(process) = self.processes.get(key.kind()) else {
            tracing::error!(%key, "due, but no process drives this kind; this is a defect of Weft");
            return;
        };
        if !self.busy().insert(key.clone()) {
            return;
        }
        // Leaves the set however the driver ends, a panicking rule included.
        let place = Place { busy: Arc::clone(&self.busy), key: key.clone() };
        let stopping = self.context.runtime.stopping();
        let slot = tokio::select! {
            () = stopping.cancelled() => return,
            slot = Arc::clone(&self.slots).acquire_owned() => slot,
        };
        let Ok(slot) = slot else { return };
        // Given away meanwhile: whoever takes the partition finds it due.
        let Some(at_work) = self.leases.begin(partition) else { return };
        let work = Arc::clone(process).drive(Arc::clone(&self.context), at_work, key.id().to_owned());
        self.context.runtime.spawn("driver", async move {
            work.await;
            drop(place);
            drop(slot);
        });
    }

    fn busy(&self) -> std::sync::MutexGuard<'_, HashSet<Key>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Place {
    busy: Arc<Mutex<HashSet<Key>>>,
    key: Key,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
