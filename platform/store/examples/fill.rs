//! Fills an embedded store and checks it after it was killed: the measurement behind docs/decisions/0002-embedded-store.md.
//!
//! `fill <dir> <gigabytes>` writes until the store has that size on disk, saying every 10 s how fast; kill it when you
//! like. `fill <dir>` opens what is there, saying how long that took, and checks that nothing acknowledged is missing.

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::join_all;
use retail_runtime::{Runtime, Timestamp};
use retail_store::{Caller, Document, Draft, Embedded, Partition, Position, Store, Tuning};

const CALLERS: u64 = 192;
const GIGABYTE: u64 = 1_000_000_000;
const EVERY: Duration = Duration::from_secs(10);

#[derive(Clone, PartialEq, prost::Message)]
struct Order {
    #[prost(uint64, tag = "1")]
    changes: u64,
    #[prost(bytes = "vec", tag = "2")]
    body: Vec<u8>,
}

impl Document for Order {
    const KIND: &'static str = "order";
}

type Never = std::convert::Infallible;
type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let words = std::env::args().skip(1).collect::<Vec<_>>();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match words.as_slice() {
        [dir] => runtime.block_on(check(Path::new(dir))),
        [dir, size] => runtime.block_on(fill(Path::new(dir), size.parse::<u64>()?.saturating_mul(GIGABYTE))),
        _ => Err("fill <dir> [gigabytes]".into()),
    }
}

fn id(caller: u64, n: u64) -> String {
    format!("order-{caller}-{n}")
}

async fn open(dir: &Path, runtime: &Runtime) -> Result<(Store, Embedded), Failure> {
    let mut tuning = Tuning::default();
    if let Ok(workers) = std::env::var("FILL_WORKERS") {
        tuning.workers = workers.parse()?;
    }
    let embedded = Embedded::open_with(&dir.join("store"), tuning).await?;
    let domain = embedded.domain("fill", "local").await?;
    Ok((Store::over(runtime, Arc::new(domain), "fill", "local"), embedded))
}

/// What the callers have seen since the last report.
#[derive(Default)]
struct Seen {
    updates: AtomicU64,
    slowest: AtomicU64,
    over_10_ms: AtomicU64,
    over_100_ms: AtomicU64,
    reads: AtomicU64,
    slowest_read: AtomicU64,
}

impl Seen {
    fn update(&self, took: Duration) {
        self.updates.fetch_add(1, Ordering::Relaxed);
        self.slowest.fetch_max(micros(took), Ordering::Relaxed);
        self.over_10_ms.fetch_add(u64::from(took > Duration::from_millis(10)), Ordering::Relaxed);
        self.over_100_ms.fetch_add(u64::from(took > Duration::from_millis(100)), Ordering::Relaxed);
    }

    fn read(&self, took: Duration) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.slowest_read.fetch_max(micros(took), Ordering::Relaxed);
    }
}

async fn fill(dir: &Path, size: u64) -> Result<(), Failure> {
    std::fs::create_dir_all(dir)?;
    let runtime = Runtime::system("fill");
    let (store, embedded) = open(dir, &runtime).await?;
    let acknowledged = File::create(dir.join("acknowledged"))?;
    let (seen, full) = (Seen::default(), AtomicU64::new(0));
    let callers = join_all((0..CALLERS).map(|caller| write(&store, &runtime, caller, &seen, &full, &acknowledged)));
    let (ended, reported) = futures::join!(callers, report(&runtime, &embedded, &seen, &full, size));
    reported?;
    ended.into_iter().collect::<Result<Vec<()>, _>>()?;
    Ok(())
}

/// Writes new documents and changes old ones by turns; reads one now and then.
async fn write(
    store: &Store,
    runtime: &Runtime,
    caller: u64,
    seen: &Seen,
    full: &AtomicU64,
    acknowledged: &File,
) -> Result<(), Failure> {
    let (clock, rng) = (runtime.clock(), runtime.rng());
    let mut written = 0;
    while full.load(Ordering::Relaxed) == 0 {
        let fresh = written == 0 || rng.chance(500);
        let n = if fresh { written } else { rng.below(written) };
        let (mut body, mut event) = (vec![0; 2_048], vec![0; 512]);
        rng.fill(&mut body);
        rng.fill(&mut event);
        let due = clock.now();
        let rule = move |draft: &mut Draft<Order>| -> Result<u64, Never> {
            draft.doc.changes += 1;
            draft.doc.body.clone_from(&body);
            draft.emit("Changed", event.clone());
            draft.due((draft.doc.changes % 2 == 1).then_some(due));
            Ok(draft.doc.changes)
        };
        let begin = clock.monotonic();
        store.update(&id(caller, n), Caller::Plain, rule).await?;
        seen.update(clock.monotonic().saturating_sub(begin));
        if fresh {
            written += 1;
            // Survives the kill of this process as acknowledged commits must; a lost machine is not tried here.
            acknowledged.write_at(&written.to_le_bytes(), caller * 8)?;
        }
        if rng.chance(100) {
            let begin = clock.monotonic();
            let found = store.read::<Order>(&id(caller, rng.below(written))).await?;
            seen.read(clock.monotonic().saturating_sub(begin));
            found.ok_or("an acknowledged document is not there")?;
        }
    }
    Ok(())
}

async fn report(
    runtime: &Runtime,
    embedded: &Embedded,
    seen: &Seen,
    full: &AtomicU64,
    size: u64,
) -> Result<(), Failure> {
    let clock = runtime.clock();
    let (begin, mut total) = (clock.monotonic(), 0_u64);
    let mut last = begin;
    say("seconds  disk-MB  updates/s  slowest-ms  >10ms  >100ms  slowest-read-ms  memory-MB  updates")?;
    loop {
        clock.sleep(EVERY).await;
        let now = clock.monotonic();
        let updates = seen.updates.swap(0, Ordering::Relaxed);
        total += updates;
        let disk = embedded.disk_bytes()?;
        say(&format!(
            "{:>7} {:>8} {:>10} {:>11} {:>6} {:>7} {:>16} {:>10} {:>8}",
            now.saturating_sub(begin).as_secs(),
            disk / 1_000_000,
            updates.saturating_mul(1_000_000) / micros(now.saturating_sub(last)).max(1),
            seen.slowest.swap(0, Ordering::Relaxed) / 1_000,
            seen.over_10_ms.swap(0, Ordering::Relaxed),
            seen.over_100_ms.swap(0, Ordering::Relaxed),
            seen.slowest_read.swap(0, Ordering::Relaxed) / 1_000,
            memory()? / 1_000_000,
            total,
        ))?;
        last = now;
        if disk >= size {
            say("full: kill me now")?;
            // Goes on writing, so that the kill hits a busy store; nobody kills it: it ends.
            clock.sleep(EVERY * 6).await;
            full.store(1, Ordering::Relaxed);
            return Ok(());
        }
    }
}

async fn check(dir: &Path) -> Result<(), Failure> {
    let runtime = Runtime::system("fill");
    let clock = runtime.clock();
    let begin = clock.monotonic();
    let (store, embedded) = open(dir, &runtime).await?;
    let opened = clock.monotonic().saturating_sub(begin);
    let disk = embedded.disk_bytes()? / 1_000_000;
    say(&format!("opened in {} ms, {disk} MB on disk, {} MB in memory", opened.as_millis(), memory()? / 1_000_000))?;
    let acknowledged = OpenOptions::new().read(true).open(dir.join("acknowledged"))?;
    let (mut documents, mut events, mut changes) = (0_u64, 0_u64, 0_u64);
    let begin = clock.monotonic();
    for caller in 0..CALLERS {
        let mut bytes = [0; 8];
        acknowledged.read_exact_at(&mut bytes, caller * 8)?;
        for n in 0..u64::from_le_bytes(bytes) {
            let found = store.read::<Order>(&id(caller, n)).await?.ok_or("an acknowledged document is not there")?;
            if found.version.0 != found.events || found.doc.changes != found.events {
                return Err(format!(
                    "{} is torn: {} {} {}",
                    id(caller, n),
                    found.version,
                    found.events,
                    found.doc.changes
                )
                .into());
            }
            documents += 1;
            changes += found.doc.changes;
        }
    }
    let took = clock.monotonic().saturating_sub(begin);
    let each = micros(took) / documents.max(1);
    say(&format!("{documents} acknowledged documents are there, read in {} s, {each} us each", took.as_secs()))?;
    for partition in Partition::all() {
        let mut at = Position::BEGIN;
        loop {
            let page = store.feed(partition, &at, 1_000).await?;
            let Some(last) = page.last() else { break };
            if last.sequence != at.sequence + u64::try_from(page.len())? {
                return Err(format!("the feed of {partition} has a gap after {}", at.sequence).into());
            }
            at = last.position();
            events += u64::try_from(page.len())?;
        }
    }
    say(&format!("{events} events without a gap, {changes} changes of acknowledged documents"))?;
    let begin = clock.monotonic();
    let mut due = 0;
    for partition in Partition::all() {
        due += store.due(partition, Order::KIND, Timestamp::MAX, 1_000).await?.len();
    }
    say(&format!("{due} due entries in {} ms", clock.monotonic().saturating_sub(begin).as_millis()))
}

fn memory() -> Result<u64, Failure> {
    let pages = std::fs::read_to_string("/proc/self/statm")?;
    Ok(pages.split(' ').nth(1).unwrap_or("0").parse::<u64>()?.saturating_mul(4_096))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn say(line: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
