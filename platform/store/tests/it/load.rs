//! Deposits under load: each is sent under its key until it is acknowledged, and afterwards it is known what was
//! acknowledged, lost, done twice or torn.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use retail_store::{Caller, Draft, Error, Partition, Position, Redis, RedisConfig, Store, UpdateError};
use tokio::sync::oneshot;

use crate::bed::{Account, fresh_domain, runtime};

const CALLERS: usize = 16;
const DOCUMENTS: usize = 48;

type Never = std::convert::Infallible;

pub(crate) fn deposit(draft: &mut Draft<Account>) -> Result<i64, Never> {
    draft.doc.balance += 1;
    draft.emit("Deposited", vec![]);
    Ok(draft.doc.balance)
}

fn caller(name: &str) -> Caller {
    Caller::keyed("load", "Deposit", name, b"")
}

/// A deposit that was acknowledged.
#[derive(Debug, Clone)]
pub(crate) struct Deposit {
    pub(crate) id: String,
    /// The balance it was answered.
    pub(crate) value: i64,
    /// When, by the monotonic clock.
    pub(crate) at: Duration,
}

/// Deposits, each sent until it is acknowledged, and what was acknowledged.
pub(crate) struct Load {
    pub(crate) store: Store,
    stop: AtomicBool,
    acknowledged: Mutex<BTreeMap<String, Deposit>>,
    /// Name and document of deposits that were refused when the load was to end.
    open: Mutex<Vec<(String, String)>>,
    count: AtomicU64,
    unknown: AtomicU64,
    unavailable: AtomicU64,
    longest: AtomicU64,
    said: Mutex<String>,
}

/// What a load had sent when its store was closed.
pub(crate) struct SoFar {
    acknowledged: BTreeMap<String, Deposit>,
    open: Vec<(String, String)>,
    /// Unknown, unavailable, longest wait.
    counts: [u64; 3],
}

/// What a load found at the end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) acknowledged: usize,
    /// Names of the deposits that were acknowledged and are not there.
    pub(crate) lost: Vec<String>,
    pub(crate) twice: u64,
    /// Documents that disagree with their events.
    pub(crate) torn: usize,
}

impl Found {
    pub(crate) fn assert_nothing_lost(&self) {
        assert_eq!((self.lost.len(), self.twice, self.torn), (0, 0, 0));
    }
}

impl Load {
    pub(crate) async fn over(config: &RedisConfig) -> Arc<Self> {
        let domain = fresh_domain();
        let backend = Redis::open(&runtime(), config, &domain, "local").await.unwrap();
        Self::of(Store::over(&runtime(), Arc::new(backend), &domain, "local"))
    }

    pub(crate) fn of(store: Store) -> Arc<Self> {
        Arc::new(Self {
            store,
            stop: AtomicBool::new(false),
            acknowledged: Mutex::default(),
            open: Mutex::default(),
            count: AtomicU64::new(0),
            unknown: AtomicU64::new(0),
            unavailable: AtomicU64::new(0),
            longest: AtomicU64::new(0),
            said: Mutex::default(),
        })
    }

    /// What was sent so far.
    pub(crate) fn so_far(&self) -> SoFar {
        let counts = [&self.unknown, &self.unavailable, &self.longest].map(|count| count.load(Ordering::Relaxed));
        SoFar { acknowledged: self.acknowledged(), open: self.open.lock().unwrap().clone(), counts }
    }

    /// The same load over its store opened anew.
    pub(crate) fn again(store: Store, so_far: SoFar) -> Arc<Self> {
        let again = Self::of(store);
        *again.acknowledged.lock().unwrap() = so_far.acknowledged;
        *again.open.lock().unwrap() = so_far.open;
        for (count, so_far) in [&again.unknown, &again.unavailable, &again.longest].into_iter().zip(so_far.counts) {
            count.store(so_far, Ordering::Relaxed);
        }
        again
    }

    async fn run(self: Arc<Self>) {
        let (world, load) = (runtime(), &self);
        let clock = world.clock();
        join_all((0..CALLERS).map(|number| async move {
            let mut n = 0_usize;
            while !load.stop.load(Ordering::Relaxed) {
                n += 1;
                let (id, name) = (format!("d{}", (number + n * 7) % DOCUMENTS), format!("{number}/{n}"));
                let begin = clock.monotonic();
                let Some((_, value)) = load.send(&id, &name).await else {
                    load.open.lock().unwrap().push((name, id));
                    return;
                };
                let at = clock.monotonic();
                load.longest.fetch_max(u64::try_from((at - begin).as_millis()).unwrap(), Ordering::Relaxed);
                load.acknowledged.lock().unwrap().insert(name, Deposit { id, value, at });
                load.count.fetch_add(1, Ordering::Relaxed);
            }
        }))
        .await;
    }

    /// Sends under the same key until it is acknowledged: true when it had been done before, and the balance. `None` when
    /// it is refused and the load is to end.
    async fn send(&self, id: &str, name: &str) -> Option<(bool, i64)> {
        loop {
            match self.store.update(id, caller(name), deposit).await {
                Ok(done) => return Some((done.repeated, done.value)),
                Err(UpdateError::Store(Error::Unknown)) => {
                    self.unknown.fetch_add(1, Ordering::Relaxed);
                }
                Err(UpdateError::Store(error @ Error::Unavailable(_))) => {
                    self.unavailable.fetch_add(1, Ordering::Relaxed);
                    *self.said.lock().unwrap() = error.to_string();
                    if self.stop.load(Ordering::Relaxed) {
                        return None;
                    }
                    // Whoever is told at once would ask again at once.
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err(UpdateError::Store(Error::Conflict(_))) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }

    /// Starts it; the answer comes when it has stopped.
    pub(crate) fn begin(self: &Arc<Self>) -> oneshot::Receiver<()> {
        let (ended, end) = oneshot::channel();
        let load = Arc::clone(self);
        runtime().spawn("load", async move {
            load.run().await;
            let _told = ended.send(());
        });
        end
    }

    /// Lets every caller finish what it is at.
    pub(crate) async fn end(&self, running: oneshot::Receiver<()>) {
        self.stop.store(true, Ordering::Relaxed);
        running.await.unwrap();
    }

    /// Waits until so many more are acknowledged.
    pub(crate) async fn progress(&self, more: u64) {
        let goal = self.count.load(Ordering::Relaxed) + more;
        while self.count.load(Ordering::Relaxed) < goal {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Waits until a caller was told that nothing can be written, and answers what it was told.
    pub(crate) async fn refusal(&self) -> String {
        let before = self.unavailable.load(Ordering::Relaxed);
        while self.unavailable.load(Ordering::Relaxed) == before {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.said.lock().unwrap().clone()
    }

    pub(crate) fn acknowledged(&self) -> BTreeMap<String, Deposit> {
        self.acknowledged.lock().unwrap().clone()
    }

    /// Sends everything once more: what was lost is done anew. Then every deposit must be there once, so what is above
    /// was done twice.
    pub(crate) async fn check(&self, scene: &str) -> Found {
        self.stop.store(false, Ordering::Relaxed);
        let (acknowledged, mut lost) = (self.acknowledged(), Vec::new());
        for (name, deposit) in &acknowledged {
            if !self.send(&deposit.id, name).await.unwrap().0 {
                lost.push(name.clone());
            }
        }
        // Nobody knows of these whether they were done: now they are.
        let open = self.open.lock().unwrap().clone();
        for (name, id) in &open {
            self.send(id, name).await.unwrap();
        }
        let (mut sum, mut torn, events) = (0_u64, 0, self.events().await);
        for number in 0..DOCUMENTS {
            let id = format!("d{number}");
            let Some(found) = self.store.read::<Account>(&id).await.unwrap() else { continue };
            let balance = u64::try_from(found.doc.balance).unwrap();
            sum += balance;
            let told = events.get(&id).map_or(0, |versions| u64::try_from(versions.len()).unwrap());
            torn += usize::from((balance, balance) != (found.events, told));
        }
        let twice = sum.abs_diff(u64::try_from(acknowledged.len() + open.len()).unwrap());
        let found = Found { acknowledged: acknowledged.len(), lost, twice, torn };
        let (unknown, refused) = (self.unknown.load(Ordering::Relaxed), self.unavailable.load(Ordering::Relaxed));
        say(&format!(
            "{scene}: acknowledged {}, lost {}, done twice {twice}, torn {torn}; on the way unknown {unknown}, \
             unavailable {refused}, longest wait of a caller {} ms",
            found.acknowledged,
            found.lost.len(),
            self.longest.load(Ordering::Relaxed),
        ));
        found
    }

    /// Versions of each document's events, as the feeds tell them: gapless from 1.
    async fn events(&self) -> BTreeMap<String, Vec<u64>> {
        let mut events: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for partition in Partition::all() {
            let feed = self.store.feed(partition, &Position::BEGIN, 1_000_000).await.unwrap();
            for (entry, sequence) in feed.into_iter().zip(1..) {
                assert_eq!(entry.sequence, sequence, "the feed of {partition} has a gap");
                events.entry(entry.event.subject.id().to_owned()).or_default().push(entry.event.version);
            }
        }
        for (id, versions) in &events {
            assert!(versions.iter().zip(1..).all(|(version, next)| *version == next), "events of {id}: {versions:?}");
        }
        events
    }
}

/// Past the print macros, which are swallowed for tests that pass.
pub(crate) fn say(line: &str) {
    let _said = writeln!(std::io::stderr(), "{line}");
}
