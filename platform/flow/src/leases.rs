//! Worker leases: which partitions this replica drives. Taken, renewed and given back here; every workflow commit
//! carries the fence, so that a replica that lost a lease without noticing cannot write. The replicas of a service share
//! the partitions evenly: who holds more than its share gives the rest away, idle partitions first.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use retail_runtime::Runtime;
use retail_store::{Error, Fence, LeaseAnswer, Partition, Store};
use tokio::sync::watch;

use crate::figures::Figures;
use crate::roster::Replicas;
use crate::share::{Hold, share_of, surplus};
use crate::upkeep::Upkeep;

/// How long a lease lasts without renewal.
const TTL: Duration = Duration::from_secs(10);
/// How often it is renewed.
const RENEW: Duration = Duration::from_secs(3);
/// The holder stops by its own monotonic clock this long before the end: clocks do not matter for safety.
const MARGIN: Duration = Duration::from_secs(2);
/// How often a replica among others looks who is there and whether it can have more of its share.
const SEEK: Duration = Duration::from_secs(1);
/// One slow partition keeps no other waiting.
const PATIENCE: Duration = Duration::from_secs(2);
/// Work under way may take so long before its partition is given to another replica all the same.
const PARTING: Duration = Duration::from_secs(15);

/// A lease as its holder knows it. Times are monotonic.
#[derive(Debug, Clone, Copy)]
struct Held {
    fence: Fence,
    renewed: Duration,
    /// Since when it is about to be given back: nothing new begins.
    leaving: Option<Duration>,
}

impl Held {
    /// Does the holder still trust it?
    fn is_good(&self, now: Duration) -> bool {
        self.renewed.saturating_add(TTL.saturating_sub(MARGIN)) > now
    }
}

#[derive(Debug, Default)]
struct State {
    held: BTreeMap<Partition, Held>,
    /// Drivers under way.
    at_work: BTreeMap<Partition, usize>,
    /// Others hold leases.
    crowded: bool,
    /// When partitions beyond the share were tried.
    tried_all: Duration,
}

/// The leases of this replica.
#[derive(Clone)]
pub struct Leases {
    runtime: Runtime,
    store: Store,
    nonce: [u8; 16],
    replicas: Replicas,
    state: Arc<Mutex<State>>,
    /// There may be something to do before the next round.
    wake: Arc<watch::Sender<()>>,
}

/// Somebody works on a partition: its lease is not given back before this is dropped.
pub(crate) struct AtWork {
    leases: Leases,
    partition: Partition,
    fence: Fence,
}

impl AtWork {
    /// The fence, while the lease is the one under which the work began: what was lost meanwhile and came back has a
    /// history that this work does not know.
    pub(crate) fn fence(&self) -> Option<Fence> {
        self.leases.fence(self.partition).filter(|fence| *fence == self.fence)
    }

    /// Is the partition about to go, or gone? Then calls under way bring their outcome home and nothing new begins.
    pub(crate) fn is_leaving(&self) -> bool {
        let state = self.leases.lock();
        state.held.get(&self.partition).is_none_or(|held| held.leaving.is_some())
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        let mut state = self.leases.lock();
        let left = state.at_work.get_mut(&self.partition).map_or(0, |count| {
            *count = count.saturating_sub(1);
            *count
        });
        if left == 0 {
            state.at_work.remove(&self.partition);
        }
        let leaving = state.held.get(&self.partition).is_some_and(|held| held.leaving.is_some());
        drop(state);
        if left == 0 && leaving {
            self.leases.wake.send_replace(());
        }
    }
}

impl Leases {
    /// Takes this replica's share of the partitions and keeps it until the runtime stops; what is held is also kept in
    /// order and shown in the figures.
    pub async fn start(runtime: &Runtime, store: &Store) -> Self {
        let mut nonce = [0_u8; 16];
        runtime.rng().fill(&mut nonce);
        let me: String = nonce.iter().map(|byte| format!("{byte:02x}")).collect();
        let leases = Self {
            runtime: runtime.clone(),
            store: store.clone(),
            nonce,
            replicas: Replicas::new(runtime, store, &me),
            state: Arc::default(),
            wake: Arc::new(watch::Sender::new(())),
        };
        let wait = leases.round().await;
        let keeper = leases.clone();
        let figures = Arc::new(Figures::new(runtime, store, &leases));
        runtime.metrics().sampled(&figures);
        runtime.spawn("leases", async move {
            keeper.keep(wait).await;
            drop(figures);
        });
        runtime.spawn("upkeep", Upkeep::new(runtime, store, &leases).run());
        leases
    }

    /// The partitions whose work this replica may begin now.
    #[must_use]
    pub fn held(&self) -> Vec<Partition> {
        let now = self.now();
        let state = self.lock();
        let good = state.held.iter().filter(|(_, held)| held.is_good(now) && held.leaving.is_none());
        good.map(|(partition, _)| *partition).collect()
    }

    /// May this replica begin work of the partition now? For what one replica does for all: it goes with the partition
    /// of its name.
    #[must_use]
    pub fn holds(&self, partition: Partition) -> bool {
        let now = self.now();
        self.lock().held.get(&partition).is_some_and(|held| held.is_good(now) && held.leaving.is_none())
    }

    /// The fence of a partition, while it is held.
    #[must_use]
    pub fn fence(&self, partition: Partition) -> Option<Fence> {
        let now = self.now();
        self.lock().held.get(&partition).filter(|held| held.is_good(now)).map(|held| held.fence)
    }

    /// The replicas of this service.
    pub(crate) fn replicas(&self) -> &Replicas {
        &self.replicas
    }

    /// Begins work on a partition, unless it is about to go.
    pub(crate) fn begin(&self, partition: Partition) -> Option<AtWork> {
        let now = self.now();
        let mut state = self.lock();
        let held = state.held.get(&partition).filter(|held| held.is_good(now) && held.leaving.is_none())?;
        let fence = held.fence;
        let count = state.at_work.entry(partition).or_default();
        *count = count.saturating_add(1);
        Some(AtWork { leases: self.clone(), partition, fence })
    }

    async fn keep(&self, mut wait: Duration) {
        let stopping = self.runtime.stopping();
        let (mut woken, mut members) = (self.wake.subscribe(), self.replicas.changes());
        while !stopping.is_cancelled() {
            tokio::select! {
                () = stopping.cancelled() => break,
                _ = woken.changed() => {}
                _ = members.changed() => {}
                () = self.runtime.clock().sleep(wait) => {}
            }
            wait = self.round().await;
        }
        // Calls under way bring their outcome home first: one that is lost would have to be found out again.
        self.part_with(Partition::count().into());
        // The others learn first that there is more for them.
        if let Some(Err(error)) = self.within(self.replicas.leave()).await {
            tracing::debug!(%error, "not signed off; the others notice by themselves");
        }
        loop {
            self.give_back(Duration::MAX).await;
            if self.lock().held.is_empty() {
                break;
            }
            tokio::select! {
                _ = woken.changed() => {}
                () = self.runtime.clock().sleep(RENEW) => self.renew().await,
            }
        }
    }

    /// Sees who is there, renews, gives away and takes; answers how long until the next time.
    async fn round(&self) -> Duration {
        let crowded = self.lock().crowded;
        let (looked, ()) = tokio::join!(self.within(self.replicas.look(crowded)), self.renew());
        if let Some(Err(error)) = looked {
            tracing::warn!(%error, "cannot see which replicas are there");
        }
        let (all, (place, replicas)) = (usize::from(Partition::count()), self.replicas.place());
        let share = share_of(all, place, replicas);
        let kept = self.held().len();
        if kept > share {
            self.part_with(kept.saturating_sub(share));
        }
        self.give_back(PARTING).await;
        if self.runtime.stopping().is_cancelled() {
            return RENEW;
        }
        let mut taken = self.take(share).await;
        let now = self.now();
        let tried_all = self.lock().tried_all;
        if share < all && now.saturating_sub(tried_all) >= TTL {
            // What nobody holds for long is nobody's share, whatever the roster says.
            self.lock().tried_all = now;
            if !tried_all.is_zero() {
                taken = taken.saturating_add(self.take(all).await);
            }
        }
        if taken > 0 {
            tracing::info!(taken, held = self.held().len(), share, domain = self.store.domain(), "leases taken");
        }
        let not_alone_any_more = !crowded && self.lock().crowded;
        let wait = match (not_alone_any_more, replicas > 1 || self.held().len() < share) {
            (true, _) => Duration::ZERO,
            (false, true) => SEEK,
            (false, false) => RENEW,
        };
        self.replicas.next_absence().map_or(wait, |absence| wait.min(absence))
    }

    /// Renews what was not renewed for a while.
    async fn renew(&self) {
        let now = self.now();
        let old = |held: &Held| now.saturating_sub(held.renewed) >= RENEW.saturating_sub(SEEK);
        let due: Vec<(Partition, Fence)> = {
            let state = self.lock();
            state.held.iter().filter(|(_, held)| old(held)).map(|(partition, held)| (*partition, held.fence)).collect()
        };
        join_all(due.into_iter().map(|(partition, fence)| async move {
            let before = self.now();
            let answer = self.within(self.store.lease_renew(partition, fence, TTL)).await;
            match answer {
                Some(Ok(LeaseAnswer::Held(_))) => {
                    if let Some(held) = self.lock().held.get_mut(&partition).filter(|held| held.fence == fence) {
                        held.renewed = before;
                    }
                }
                Some(Ok(LeaseAnswer::Taken { .. } | LeaseAnswer::Gone)) => {
                    self.lock().held.remove(&partition);
                    tracing::warn!(%partition, domain = self.store.domain(), "lease lost to another replica");
                }
                Some(Err(error)) => tracing::warn!(%error, %partition, "cannot renew the lease; it ends by itself"),
                None => tracing::warn!(%partition, "the lease was not renewed in time; tried again"),
            }
        }))
        .await;
    }

    /// Takes free partitions up to this many in all; answers how many it took.
    async fn take(&self, share: usize) -> usize {
        let mut free: Vec<Partition> = {
            let state = self.lock();
            Partition::all().filter(|partition| !state.held.contains_key(partition)).collect()
        };
        // Replicas that start together do not ask for the same ones first.
        let turn = usize::try_from(self.runtime.rng().below(Partition::count().into())).unwrap_or(0);
        if !free.is_empty() {
            let turn = turn % free.len();
            free.rotate_left(turn);
        }
        let (mut taken, mut crowded) = (0_usize, false);
        while !free.is_empty() {
            let wanted = share.saturating_sub(self.lock().held.len());
            if wanted == 0 {
                break;
            }
            let some: Vec<Partition> = free.drain(..wanted.min(free.len())).collect();
            for answer in join_all(some.into_iter().map(|partition| self.take_one(partition))).await {
                match answer {
                    Some(true) => taken = taken.saturating_add(1),
                    Some(false) => crowded = true,
                    None => {}
                }
            }
        }
        if crowded || taken > 0 {
            self.lock().crowded = crowded;
        }
        taken
    }

    /// Takes a partition; false when it is another's.
    async fn take_one(&self, partition: Partition) -> Option<bool> {
        let before = self.now();
        match self.within(self.store.lease_take(partition, self.nonce, TTL)).await? {
            Ok(LeaseAnswer::Held(lease)) => {
                let held = Held { fence: lease.fence, renewed: before, leaving: None };
                self.lock().held.insert(partition, held);
                Some(true)
            }
            Ok(LeaseAnswer::Taken { .. } | LeaseAnswer::Gone) => Some(false),
            Err(error) => {
                tracing::warn!(%error, %partition, "cannot take the lease; trying again");
                None
            }
        }
    }

    /// So many partitions are to go: nothing new begins in them.
    fn part_with(&self, count: usize) {
        let now = self.now();
        let mut state = self.lock();
        let holds: Vec<(Partition, Hold)> = state
            .held
            .iter()
            .map(|(partition, held)| {
                let at_work = state.at_work.get(partition).copied().unwrap_or(0);
                (*partition, Hold { at_work, leaving: held.leaving.is_some() })
            })
            .collect();
        for partition in surplus(&holds, count) {
            if let Some(held) = state.held.get_mut(&partition) {
                held.leaving = Some(now);
            }
        }
    }

    /// Gives back what is leaving and idle, or has been leaving for too long.
    async fn give_back(&self, parting: Duration) {
        let now = self.now();
        let going: Vec<(Partition, Fence)> = {
            let mut state = self.lock();
            let State { held, at_work, .. } = &mut *state;
            let goes = |partition: &Partition, held: &Held| {
                held.leaving.is_some_and(|since| {
                    !at_work.contains_key(partition) || now.saturating_sub(since) >= parting || !held.is_good(now)
                })
            };
            let going = held.iter().filter(|(partition, held)| goes(partition, held));
            let going: Vec<(Partition, Fence)> = going.map(|(partition, held)| (*partition, held.fence)).collect();
            for (partition, _) in &going {
                held.remove(partition);
            }
            going
        };
        if !going.is_empty() {
            tracing::info!(given = going.len(), domain = self.store.domain(), "leases given back");
        }
        join_all(going.into_iter().map(|(partition, fence)| async move {
            if let Some(Err(error)) = self.within(self.store.lease_release(partition, fence)).await {
                tracing::debug!(%error, %partition, "lease not given back; it ends by itself");
            }
        }))
        .await;
    }

    async fn within<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Option<Result<T, Error>> {
        self.runtime.clock().timeout(PATIENCE, work).await.ok()
    }

    fn now(&self) -> Duration {
        self.runtime.clock().monotonic()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
