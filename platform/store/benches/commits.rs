//! Updates per second of the embedded back end, each durable when it is acknowledged, beside what the disk allows: the
//! same bytes put one behind the other into a plain file of fixed length, with one fdatasync for all callers. Both are
//! measured in turns, in one run.
//!
//! `cargo bench -p retail-store` measures in the system's directory for temporary files; `STORE_BENCH_DIR` names another.

use std::error::Error;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::join_all;
use retail_runtime::{Clock, Rng, Runtime};
use retail_store::{Caller, Document, Draft, Embedded, Store};

/// How long each figure is measured.
const SPAN: Duration = Duration::from_secs(3);
/// Turns of each pair; the middle one is reported, with the lowest and highest.
const TURNS: usize = 3;
/// Documents in the store.
const DOCUMENTS: u64 = 100_000;
/// Bytes of a document and of an event.
const SIZES: (usize, usize) = (1_024, 400);
/// Bytes a commit puts into the journal, as measured by its growth: document, event, result and their keys.
const JOURNALLED: usize = 1_800;

#[derive(Clone, PartialEq, prost::Message)]
struct Parcel {
    #[prost(uint64, tag = "1")]
    count: u64,
    #[prost(bytes = "vec", tag = "2")]
    body: Vec<u8>,
}

impl Document for Parcel {
    const KIND: &'static str = "parcel";
}

type Never = std::convert::Infallible;
type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    // `cargo test --benches` only asks whether it starts.
    if std::env::args().any(|word| word == "--test") {
        return Ok(());
    }
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(measure())
}

async fn measure() -> Result<(), Failure> {
    let base = std::env::var_os("STORE_BENCH_DIR").map_or_else(std::env::temp_dir, Into::into);
    let dir = tempfile::tempdir_in(base)?;
    let runtime = Runtime::system("bench");
    let domain = Embedded::open(&dir.path().join("store")).await?.domain("bench", "local").await?;
    let store = Store::over(&runtime, Arc::new(domain), "bench", "local");
    let mut out = std::io::stdout().lock();
    writeln!(out, "durable updates/s: 1 document of 1 kB of {DOCUMENTS}, 1 event of 400 B, 1 stored result")?;
    writeln!(out, "{:>24} {:>22} {:>26} {:>7}", "callers", "store (low..high)", "plain log (low..high)", "ratio")?;
    for (callers, hot) in [(1, false), (8, false), (64, false), (256, false), (64, true)] {
        let (mut ours, mut plain) = (Vec::new(), Vec::new());
        for turn in 0..TURNS {
            ours.push(updates(&store, &runtime, callers, hot, turn).await?);
            plain.push(appends(dir.path(), runtime.clock(), callers)?);
        }
        let ((low, mid, high), (plow, pmid, phigh)) = (spread(ours), spread(plain));
        let hundredths = mid.saturating_mul(100) / pmid.max(1);
        let ratio = format!("{}.{:02}", hundredths / 100, hundredths % 100);
        let name = if hot { format!("{callers} on one document") } else { callers.to_string() };
        let (ours, plain) = (format!("{mid} ({low}..{high})"), format!("{pmid} ({plow}..{phigh})"));
        writeln!(out, "{name:>24} {ours:>22} {plain:>26} {ratio:>7}")?;
    }
    Ok(())
}

/// Updates per second by so many callers, each waiting for its own.
async fn updates(store: &Store, runtime: &Runtime, callers: u64, hot: bool, turn: usize) -> Result<u64, Failure> {
    let (count, clock, rng) = (AtomicU64::new(0), runtime.clock(), runtime.rng());
    let body = filled(rng, SIZES.0);
    let event = filled(rng, SIZES.1);
    let begin = clock.monotonic();
    let ended = join_all((0..callers).map(|number| {
        let (count, body, event) = (&count, &body, &event);
        async move {
            let mut n = 0_u64;
            while clock.monotonic().saturating_sub(begin) < SPAN {
                n += 1;
                let id = if hot { 0 } else { rng.below(DOCUMENTS) };
                let key = format!("{callers}/{hot}/{turn}/{number}/{n}");
                let (body, event) = (body.clone(), event.clone());
                let rule = move |draft: &mut Draft<Parcel>| -> Result<u64, Never> {
                    draft.doc.count += 1;
                    draft.doc.body.clone_from(&body);
                    draft.emit("Moved", event.clone());
                    Ok(draft.doc.count)
                };
                store.update(&format!("parcel-{id}"), Caller::keyed("bench", "Move", &key, b""), rule).await?;
                count.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<(), Failure>(())
        }
    }))
    .await;
    ended.into_iter().collect::<Result<Vec<()>, _>>()?;
    Ok(per_second(count.into_inner(), clock.monotonic().saturating_sub(begin)))
}

/// Commits per second if the store were nothing but a log: everything that waits in one write and one fdatasync.
fn appends(dir: &Path, clock: &Clock, callers: u64) -> Result<u64, Failure> {
    let log = File::create(dir.join("log"))?;
    // Written once before it is measured: a file that grows costs a second write for its new length.
    let (zeros, length) = (vec![0; 1_024 * 1_024], 64 * 1_024 * 1_024);
    for at in (0..length).step_by(zeros.len()) {
        log.write_all_at(&zeros, at)?;
    }
    log.sync_all()?;
    let group = vec![0x5A; JOURNALLED * usize::try_from(callers)?];
    let (mut count, mut at, begin) = (0_u64, 0, clock.monotonic());
    while clock.monotonic().saturating_sub(begin) < SPAN {
        log.write_all_at(&group, at)?;
        log.sync_data()?;
        count += callers;
        at = (at + u64::try_from(group.len())?) % (length / 2);
    }
    Ok(per_second(count, clock.monotonic().saturating_sub(begin)))
}

fn filled(rng: &Rng, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    rng.fill(&mut bytes);
    bytes
}

fn per_second(count: u64, took: Duration) -> u64 {
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(1_000) / millis
}

/// Lowest, middle, highest.
fn spread(mut figures: Vec<u64>) -> (u64, u64, u64) {
    figures.sort_unstable();
    let at = |place: usize| figures.get(place).copied().unwrap_or(0);
    (at(0), at(figures.len() / 2), at(figures.len().saturating_sub(1)))
}
