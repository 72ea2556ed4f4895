//! Updates per second of the embedded back end, each durable when it is acknowledged, beside what the disk allows: the
//! same bytes put one behind the other into a plain file of fixed length, with one fdatasync for all callers. Both are
//! measured in turns, in one run.
//!
//! `cargo bench -p retail-store --bench commits` measures in the system's directory for temporary files;
//! `STORE_BENCH_DIR` names another. `-- 64 turns=5` measures 64 callers five times.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use retail_runtime::{Clock, Runtime};
use retail_store::{Embedded, Store};

#[path = "parts/measure.rs"]
mod measure;

use measure::{Failure, Figure, SPAN, Wish, figure, headings, line, micros, processor, updates};

/// Documents in the store.
const DOCUMENTS: u64 = 100_000;
/// Bytes a commit puts into the journal, as measured by its growth: document, event, result and their keys.
const JOURNALLED: usize = 1_800;

fn main() -> Result<(), Failure> {
    let Some(wish) = Wish::of(std::env::args().skip(1)) else { return Ok(()) };
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(run(&wish))
}

async fn run(wish: &Wish) -> Result<(), Failure> {
    let base = std::env::var_os("STORE_BENCH_DIR").map_or_else(std::env::temp_dir, Into::into);
    let dir = tempfile::tempdir_in(base)?;
    let runtime = Runtime::system("bench");
    let domain = Embedded::open(&dir.path().join("store")).await?.domain("bench", "local").await?;
    let store = Store::over(&runtime, Arc::new(domain), "bench", "local");
    let mut out = std::io::stdout().lock();
    writeln!(out, "durable updates/s: 1 document of 1 kB of {DOCUMENTS}, 1 event of 400 B, 1 stored result")?;
    writeln!(out, "{}", headings("plain log"))?;
    for (name, documents, callers) in [
        ("embedded, fsync", DOCUMENTS, 1),
        ("embedded, fsync", DOCUMENTS, 8),
        ("embedded, fsync", DOCUMENTS, 64),
        ("embedded, fsync", DOCUMENTS, 256),
        ("on one document", 1, 64),
    ] {
        if !wish.wants(name, callers) {
            continue;
        }
        let (mut ours, mut plain) = (Vec::new(), Vec::new());
        for turn in 0..wish.turns {
            ours.push(updates(&store, &runtime, callers, turn, documents).await?);
            plain.push(appends(dir.path(), runtime.clock(), callers)?);
        }
        writeln!(out, "{}", line(name, callers, ours, plain))?;
    }
    Ok(())
}

/// Commits per second if the store were nothing but a log: everything that waits in one write and one fdatasync.
fn appends(dir: &Path, clock: &Clock, callers: u64) -> Result<Figure, Failure> {
    let log = File::create(dir.join("log"))?;
    // Written once before it is measured: a file that grows costs a second write for its new length.
    let (zeros, length) = (vec![0; 1_024 * 1_024], 64 * 1_024 * 1_024);
    for at in (0..length).step_by(zeros.len()) {
        log.write_all_at(&zeros, at)?;
    }
    log.sync_all()?;
    let group = vec![0x5A; JOURNALLED * usize::try_from(callers)?];
    let (mut count, mut at, mut times, begin, spent) = (0_u64, 0, Vec::new(), clock.monotonic(), processor());
    while clock.monotonic().saturating_sub(begin) < SPAN {
        let start = clock.monotonic();
        log.write_all_at(&group, at)?;
        log.sync_data()?;
        times.push(micros(clock.monotonic().saturating_sub(start)));
        count += callers;
        at = (at + u64::try_from(group.len())?) % (length / 2);
    }
    Ok(figure(count, clock.monotonic().saturating_sub(begin), processor().saturating_sub(spent), times))
}
