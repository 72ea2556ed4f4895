//! What a journal costs: durable commits of a transaction per second with one and without, on the embedded back end, in turns
//! in one run. The document is that of an order of thirty lines; a commit changes one line, its state and its ledger, and is
//! told an answer of 2 kB.
//!
//! `cargo bench -p retail-flow --bench journal`

use std::error::Error;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use retail_flow::Input;
use retail_runtime::Runtime;
use retail_store::{Document, Draft, Embedded, Journal, Store};

/// As in the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SPAN: Duration = Duration::from_secs(2);
const TURNS: usize = 5;
const DOCUMENTS: u64 = 5_000;
const LINES: usize = 30;

type Failure = Box<dyn Error + Send + Sync>;

#[derive(Clone, PartialEq, prost::Message)]
struct Sale {
    #[prost(uint64, tag = "1")]
    count: u64,
    #[prost(bytes = "vec", repeated, tag = "2")]
    lines: Vec<Vec<u8>>,
}

impl Document for Sale {
    const KIND: &'static str = "sale";
}

fn main() -> Result<(), Failure> {
    // `cargo test --benches` only asks whether it starts.
    if std::env::args().any(|word| word == "--test") {
        return Ok(());
    }
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(run())
}

async fn run() -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let runtime = Runtime::system("bench");
    let domain = Embedded::open(&dir.path().join("store")).await?.domain("bench", "local").await?;
    let without = Store::over(&runtime, Arc::new(domain), "bench", "local");
    let with = without.clone().journaled(Some(Journal::default()));
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "durable commits/s of a transaction, {LINES} lines, {DOCUMENTS} documents (the middle of {TURNS} turns)"
    )?;
    for callers in [1, 8, 64] {
        let (mut plain, mut kept) = (Vec::new(), Vec::new());
        for turn in 0..TURNS {
            plain.push(commits(&without, &runtime, callers, &format!("plain-{turn}")).await?);
            kept.push(commits(&with, &runtime, callers, &format!("kept-{turn}")).await?);
        }
        let part = middle(&kept, 0).saturating_mul(100) / middle(&plain, 0).max(1);
        writeln!(
            out,
            "{callers:>4} callers: without {:>6} ({} us)  with a journal {:>6} ({} us)  ({part} %)",
            middle(&plain, 0),
            middle(&plain, 1),
            middle(&kept, 0),
            middle(&kept, 1),
        )?;
    }
    Ok(())
}

/// Commits per second, and microseconds of processor that one costs.
type Figure = [u64; 2];

fn middle(figures: &[Figure], which: usize) -> u64 {
    let mut all = figures.iter().filter_map(|figure| figure.get(which).copied()).collect::<Vec<_>>();
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or(0)
}

/// Microseconds of processor that this process has used: Linux counts hundredths of a second.
fn processor() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>().saturating_mul(10_000)
}

async fn commits(store: &Store, runtime: &Runtime, callers: u64, name: &str) -> Result<Figure, Failure> {
    let clock = runtime.clock();
    let (begin, spent, count) = (clock.monotonic(), processor(), Mutex::new(0_u64));
    let mut answer = vec![0; 2_048];
    runtime.rng().fill(&mut answer);
    let (answer, count) = (Arc::new(answer), &count);
    let ended = join_all((0..callers).map(|_| {
        let answer = Arc::clone(&answer);
        async move {
            while clock.monotonic().saturating_sub(begin) < SPAN {
                let (now, answer) = (clock.now(), Arc::clone(&answer));
                let rule = move |draft: &mut Draft<Sale>| -> Result<(), std::convert::Infallible> {
                    if draft.doc.lines.is_empty() {
                        draft.doc.lines = (0..LINES).map(|_| answer.iter().copied().take(200).collect()).collect();
                        retail_flow::begin(draft, draft.id().to_owned().as_str(), "", now);
                    }
                    let place = usize::try_from(draft.doc.count).unwrap_or(0) % LINES;
                    if let Some(line) = draft.doc.lines.get_mut(place) {
                        line.rotate_left(1);
                    }
                    draft.doc.count += 1;
                    draft.emit("Moved", answer.iter().copied().take(400).collect::<Vec<u8>>());
                    retail_flow::note(draft, "EFFECT_CONFIRMED", "erp.create_sales_order", now);
                    retail_flow::record(draft, Input { what: "Fact", kind: "", content: &answer }, now);
                    Ok(())
                };
                let id = format!("{name}-{}", runtime.rng().below(DOCUMENTS));
                store.step(&id, None, rule).await?;
                *count.lock().map_err(|_| "a caller panicked")? += 1;
            }
            Ok::<(), Failure>(())
        }
    }))
    .await;
    ended.into_iter().collect::<Result<Vec<()>, _>>()?;
    let took = u64::try_from(clock.monotonic().saturating_sub(begin).as_millis())?.max(1);
    let count = *count.lock().map_err(|_| "a caller panicked")?;
    Ok([count.saturating_mul(1_000) / took, processor().saturating_sub(spent) / count.max(1)])
}
