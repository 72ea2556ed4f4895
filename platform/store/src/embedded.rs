//! The embedded back end: one database in this process, one writer on a thread of its own, one fsync for everything that
//! waits together. Reads use snapshots and never wait for the writer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use fjall::{Database, KeyspaceCreateOptions};
use tokio::sync::{mpsc, oneshot};

use crate::backend::Hints;
use crate::fault::Error;
use crate::key::Partition;

mod apply;
mod domain;
mod due;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod known;
pub(crate) mod layout;
mod pending;
mod read;
mod side;
mod writer;

pub use domain::Domain;

use due::Floors;
use known::Known;
use layout::Birth;
use writer::Work;

/// Version of the layout on disk. A store with a higher one is refused.
const FORMAT: u32 = 1;
/// Commits that may wait for the writer before callers wait to be let in.
const QUEUE: usize = 1_024;

/// What the engine may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tuning {
    /// Write buffer of a domain's state before it goes to a table, in bytes.
    pub state_buffer: u64,
    /// Write buffer of a domain's feed, in bytes.
    pub feed_buffer: u64,
    /// Journal on disk before buffers are written out early, in bytes; recovery reads it whole.
    pub journal: u64,
    /// Cache of blocks read, for all domains together, in bytes.
    pub cache: u64,
    /// Threads that write buffers out and compact. With more than one, fjall 3.1 keeps one of them spinning while the
    /// others compact.
    pub workers: usize,
}

impl Default for Tuning {
    /// 16 MiB of write buffers a domain (64 MiB for four), 256 MiB of journal, 64 MiB of cache, one worker.
    fn default() -> Self {
        const MIB: u64 = 1_024 * 1_024;
        Self { state_buffer: 12 * MIB, feed_buffer: 4 * MIB, journal: 256 * MIB, cache: 64 * MIB, workers: 1 }
    }
}

/// An open database. Clones share it; the last one dropped writes out and closes it.
#[derive(Clone)]
pub struct Embedded {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded").field("dir", &self.inner.dir).finish_non_exhaustive()
    }
}

struct Inner {
    dir: PathBuf,
    tuning: Tuning,
    domains: Mutex<BTreeMap<String, Arc<Spaces>>>,
    writer: Option<(mpsc::Sender<Work>, JoinHandle<()>)>,
    database: Database,
}

/// One domain's keyspaces and what is known of them in memory.
struct Spaces {
    name: String,
    state: fjall::Keyspace,
    feed: fjall::Keyspace,
    hints: Hints,
    floors: Floors,
    known: Known,
}

/// Databases open in this process: domains that name one directory share one.
static OPEN: Mutex<BTreeMap<PathBuf, Weak<Inner>>> = Mutex::new(BTreeMap::new());

impl Embedded {
    /// Opens the database in a directory, making it when it is not there. Opening it again in the same process shares
    /// it.
    ///
    /// # Errors
    /// [`Error::Locked`] when another process has it open, [`Error::Unavailable`] when the disk refuses.
    pub async fn open(dir: &Path) -> Result<Self, Error> {
        Self::open_with(dir, Tuning::default()).await
    }

    /// As [`Embedded::open`], with other limits. They hold for domains made from now on.
    ///
    /// # Errors
    /// As [`Embedded::open`].
    pub async fn open_with(dir: &Path, tuning: Tuning) -> Result<Self, Error> {
        let dir = dir.to_owned();
        blocking(move || open_here(&dir, tuning)).await
    }

    /// A domain of this database, made when it is not there.
    ///
    /// # Errors
    /// [`Error::Birth`] when it was made with another region, partition count or newer layout.
    pub async fn domain(&self, domain: &str, region: &str) -> Result<Domain, Error> {
        let (inner, domain, region) = (Arc::clone(&self.inner), domain.to_owned(), region.to_owned());
        blocking(move || {
            let spaces = inner.spaces(&domain, &region)?;
            Ok(Domain::new(spaces, Self { inner }))
        })
        .await
    }

    /// Bytes on disk, journals included.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub fn disk_bytes(&self) -> Result<u64, Error> {
        self.inner.database.disk_space().map_err(|error| broken("measure", &error))
    }

    fn writer(&self) -> Option<&mpsc::Sender<Work>> {
        self.inner.writer.as_ref().map(|(sender, _)| sender)
    }
}

fn open_here(dir: &Path, tuning: Tuning) -> Result<Embedded, Error> {
    std::fs::create_dir_all(dir)
        .map_err(|error| Error::Unavailable(format!("cannot make {}: {error}", dir.display())))?;
    let dir =
        dir.canonicalize().map_err(|error| Error::Unavailable(format!("cannot find {}: {error}", dir.display())))?;
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = open.get(&dir);
    if let Some(inner) = known.and_then(Weak::upgrade) {
        return Ok(Embedded { inner });
    }
    // Whoever closes it in this process right now may need a moment to write out.
    let patience = if known.is_some() { 50 } else { 1 };
    let database = open_database(&dir, tuning, patience)?;
    let (sender, receiver) = mpsc::channel(QUEUE);
    let engine = database.clone();
    let thread = std::thread::Builder::new()
        .name("store.writer".to_owned())
        .spawn(move || writer::run(receiver, |batch| writer::persist(&engine, batch)))
        .map_err(|error| Error::Unavailable(format!("cannot start the writer: {error}")))?;
    let inner = Arc::new(Inner {
        dir: dir.clone(),
        tuning,
        domains: Mutex::default(),
        writer: Some((sender, thread)),
        database,
    });
    open.retain(|_, inner| inner.strong_count() > 0);
    open.insert(dir, Arc::downgrade(&inner));
    Ok(Embedded { inner })
}

fn open_database(dir: &Path, tuning: Tuning, patience: u32) -> Result<Database, Error> {
    let mut tries = 0;
    loop {
        tries += 1;
        let opened = Database::builder(dir)
            .cache_size(tuning.cache)
            .max_journaling_size(tuning.journal)
            .manual_journal_persist(true)
            .worker_threads(tuning.workers.max(1))
            .open();
        match opened {
            Ok(database) => return Ok(database),
            Err(fjall::Error::Locked) => {
                if tries >= patience {
                    return Err(Error::Locked(dir.to_owned()));
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(error) => return Err(Error::Unavailable(format!("cannot open {}: {error:?}", dir.display()))),
        }
    }
}

impl Inner {
    fn domains(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Spaces>>> {
        self.domains.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spaces(&self, domain: &str, region: &str) -> Result<Arc<Spaces>, Error> {
        let mut domains = self.domains();
        let birth = Birth {
            format: FORMAT,
            domain: domain.to_owned(),
            region: region.to_owned(),
            partitions: Partition::count().into(),
        };
        if let Some(spaces) = domains.get(domain) {
            spaces.check(&birth)?;
            return Ok(Arc::clone(spaces));
        }
        let space = |suffix: &str, buffer: u64| {
            let options = || KeyspaceCreateOptions::default().max_memtable_size(buffer).manual_journal_persist(true);
            self.database.keyspace(&format!("{domain}.{suffix}"), options).map_err(|error| broken("open", &error))
        };
        let spaces = Arc::new(Spaces {
            name: domain.to_owned(),
            state: space("state", self.tuning.state_buffer)?,
            feed: space("feed", self.tuning.feed_buffer)?,
            hints: Hints::new(),
            floors: Floors::default(),
            known: Known::default(),
        });
        spaces.bear(&self.database, &birth)?;
        domains.insert(domain.to_owned(), Arc::clone(&spaces));
        Ok(spaces)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.writer.take() {
            drop(sender);
            if thread.join().is_err() {
                tracing::error!(dir = %self.dir.display(), "writer had panicked");
            }
        }
    }
}

impl Spaces {
    /// Writes down how the domain was made, or checks it.
    fn bear(&self, database: &Database, birth: &Birth) -> Result<(), Error> {
        if self.state.contains_key(layout::BIRTH).map_err(|error| broken("read", &error))? {
            return self.check(birth);
        }
        let mut batch = database.batch().durability(Some(fjall::PersistMode::SyncAll));
        batch.insert(&self.state, layout::BIRTH, prost::Message::encode_to_vec(birth));
        batch.commit().map_err(|error| broken("write", &error))
    }

    fn check(&self, birth: &Birth) -> Result<(), Error> {
        let bytes = self.state.get(layout::BIRTH).map_err(|error| broken("read", &error))?;
        let stored = layout::decode::<Birth>("birth record", bytes.as_deref().unwrap_or_default())?;
        let differs = |what, stored: &dyn ToString, configured: &dyn ToString| {
            Err(Error::Birth { what, stored: stored.to_string(), configured: configured.to_string() })
        };
        if stored.format > birth.format {
            return differs("layout", &stored.format, &birth.format);
        }
        if stored.partitions != birth.partitions {
            return differs("partitions", &stored.partitions, &birth.partitions);
        }
        if stored.region != birth.region {
            return differs("region", &stored.region, &birth.region);
        }
        if stored.domain != birth.domain {
            return differs("domain", &stored.domain, &birth.domain);
        }
        Ok(())
    }
}

/// Runs what may wait for the disk where it disturbs nobody.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|error| Err(Error::Unavailable(format!("disk work was broken off: {error}"))))
}

/// Waits for the writer's answer; a writer that is gone cannot say what it did.
async fn answered<T>(answer: oneshot::Receiver<Result<T, Error>>) -> Result<T, Error> {
    answer.await.unwrap_or(Err(Error::Unknown))
}

fn broken(verb: &str, error: &fjall::Error) -> Error {
    Error::Unavailable(format!("cannot {verb}: {error:?}"))
}
