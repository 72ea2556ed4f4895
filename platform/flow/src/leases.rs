//! Worker leases: which partitions this replica drives. Taken, renewed and given back here; every workflow commit
//! carries the fence, so that a replica that lost a lease without noticing cannot write.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use retail_runtime::Runtime;
use retail_store::{Fence, LeaseAnswer, Partition, Store};
use tokio::sync::watch;

/// How long a lease lasts without renewal.
const TTL: Duration = Duration::from_secs(10);
/// How often it is renewed.
const RENEW: Duration = Duration::from_secs(3);
/// The holder stops by its own monotonic clock this long before the end: clocks do not matter for safety.
const MARGIN: Duration = Duration::from_secs(2);

/// A lease as its holder knows it.
#[derive(Debug, Clone, Copy)]
struct Held {
    fence: Fence,
    /// Monotonic time after which this replica does not trust it any more.
    until: Duration,
}

/// The leases of this replica.
#[derive(Clone)]
pub struct Leases {
    runtime: Runtime,
    held: Arc<Mutex<BTreeMap<Partition, Held>>>,
    at_work: Arc<watch::Sender<usize>>,
}

/// Somebody still writes under these leases: they are not given back before it is dropped.
pub(crate) struct AtWork(Arc<watch::Sender<usize>>);

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

impl Leases {
    /// Takes what is free of the 64 partitions and keeps it until the runtime stops.
    pub async fn start(runtime: &Runtime, store: &Store) -> Self {
        let at_work = Arc::new(watch::Sender::new(0));
        let leases = Self { runtime: runtime.clone(), held: Arc::default(), at_work };
        let mut nonce = [0_u8; 16];
        runtime.rng().fill(&mut nonce);
        leases.round(store, nonce).await;
        let (keeper, store) = (leases.clone(), store.clone());
        runtime.spawn("leases", async move { keeper.keep(&store, nonce).await });
        leases
    }

    /// The partitions held now.
    #[must_use]
    pub fn held(&self) -> Vec<Partition> {
        let now = self.runtime.clock().monotonic();
        self.lock().iter().filter(|(_, held)| held.until > now).map(|(partition, _)| *partition).collect()
    }

    /// The fence of a partition, while it is held.
    #[must_use]
    pub fn fence(&self, partition: Partition) -> Option<Fence> {
        let now = self.runtime.clock().monotonic();
        self.lock().get(&partition).filter(|held| held.until > now).map(|held| held.fence)
    }

    /// Keeps the leases beyond the stop until the answer is dropped.
    pub(crate) fn at_work(&self) -> AtWork {
        self.at_work.send_modify(|count| *count = count.saturating_add(1));
        AtWork(Arc::clone(&self.at_work))
    }

    async fn keep(&self, store: &Store, nonce: [u8; 16]) {
        let stopping = self.runtime.stopping();
        loop {
            tokio::select! {
                () = stopping.cancelled() => break,
                () = self.runtime.clock().sleep(RENEW) => self.round(store, nonce).await,
            }
        }
        // Calls under way bring their outcome home first: one that is lost would have to be found out again.
        let mut at_work = self.at_work.subscribe();
        loop {
            tokio::select! {
                () = async { drop(at_work.wait_for(|count| *count == 0).await) } => break,
                () = self.runtime.clock().sleep(RENEW) => self.round(store, nonce).await,
            }
        }
        let held: Vec<(Partition, Held)> = std::mem::take(&mut *self.lock()).into_iter().collect();
        for (partition, held) in held {
            if let Err(error) = store.lease_release(partition, held.fence).await {
                tracing::debug!(%error, %partition, "lease not given back; it ends by itself");
            }
        }
    }

    async fn round(&self, store: &Store, nonce: [u8; 16]) {
        let asked = Partition::all().map(|partition| self.take(store, partition, nonce));
        futures::future::join_all(asked).await;
    }

    async fn take(&self, store: &Store, partition: Partition, nonce: [u8; 16]) {
        let before = self.runtime.clock().monotonic();
        let known = self.lock().get(&partition).map(|held| held.fence);
        let answer = match known {
            Some(fence) => store.lease_renew(partition, fence, TTL).await,
            None if self.runtime.stopping().is_cancelled() => return,
            None => store.lease_take(partition, nonce, TTL).await,
        };
        match answer {
            Ok(LeaseAnswer::Held(lease)) => {
                let until = before.saturating_add(TTL.saturating_sub(MARGIN));
                self.lock().insert(partition, Held { fence: lease.fence, until });
            }
            Ok(LeaseAnswer::Taken { .. } | LeaseAnswer::Gone) => {
                if self.lock().remove(&partition).is_some() {
                    tracing::warn!(%partition, "lease lost to another replica");
                }
            }
            Err(error) => tracing::warn!(%error, %partition, "cannot renew the lease; it ends by itself"),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Partition, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
