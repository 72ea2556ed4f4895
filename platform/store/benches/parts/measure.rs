//! What the benches share: so many callers for so long, each waiting for its own, and what they reached.

#![allow(dead_code, reason = "each bench uses a part")]

use std::error::Error;
use std::sync::Mutex;
use std::time::Duration;

use futures::future::join_all;
use retail_runtime::{Clock, Rng, Runtime};
use retail_store::{Caller, Document, Draft, Store};

/// As in the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long each figure is measured.
pub(crate) const SPAN: Duration = Duration::from_secs(2);
/// Bytes of a document and of an event.
pub(crate) const SIZES: (usize, usize) = (1_024, 400);

/// What to measure, from the words behind `--`: numbers are callers (none: all), words are in the name of the store,
/// `turns=N` is how often.
pub(crate) struct Wish {
    callers: Vec<u64>,
    stores: Vec<String>,
    /// Turns of each pair; the middle one is reported.
    pub(crate) turns: usize,
}

impl Wish {
    /// `None`: `cargo test --benches` only asks whether it starts.
    pub(crate) fn of(words: impl Iterator<Item = String>) -> Option<Self> {
        let mut wish = Self { callers: Vec::new(), stores: Vec::new(), turns: 3 };
        for word in words {
            match (word.parse(), word.strip_prefix("turns=").map(str::parse)) {
                (Ok(callers), _) => wish.callers.push(callers),
                (_, Some(Ok(turns))) => wish.turns = turns,
                (_, _) if word == "--test" => return None,
                (_, _) if word.starts_with('-') => {}
                (_, _) => wish.stores.push(word.to_lowercase()),
            }
        }
        Some(wish)
    }

    pub(crate) fn wants(&self, name: &str, callers: u64) -> bool {
        self.wants_store(name) && (self.callers.is_empty() || self.callers.contains(&callers))
    }

    pub(crate) fn wants_store(&self, name: &str) -> bool {
        self.stores.iter().all(|word| name.to_lowercase().contains(word.as_str()))
    }
}

pub(crate) type Never = std::convert::Infallible;
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// A document of the size of an order.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Parcel {
    /// How often it was changed.
    #[prost(uint64, tag = "1")]
    pub(crate) count: u64,
    /// The rest of it.
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) body: Vec<u8>,
}

impl Document for Parcel {
    const KIND: &'static str = "parcel";
}

/// A figure: per second, the middle and the slowest hundredth in microseconds, and what one costs this process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Figure {
    pub(crate) rate: u64,
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    /// Microseconds of processor, of all threads; 0 where the system does not tell.
    pub(crate) cpu: u64,
    /// Microseconds of processor of the servers, all of them.
    pub(crate) servers: u64,
    /// How many.
    pub(crate) count: u64,
}

impl std::fmt::Display for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&format!("{} ({} {}; {} {})", self.rate, self.p50, self.p99, self.cpu, self.servers))
    }
}

/// Updates of one of so many documents, each caller waiting for its own.
pub(crate) async fn updates(
    store: &Store,
    runtime: &Runtime,
    callers: u64,
    turn: usize,
    documents: u64,
) -> Result<Figure, Failure> {
    let (body, event) = (filled(runtime.rng(), SIZES.0), filled(runtime.rng(), SIZES.1));
    timed(runtime.clock(), callers, |number, n| {
        let (body, event) = (body.clone(), event.clone());
        async move {
            let rule = move |draft: &mut Draft<Parcel>| -> Result<u64, Never> {
                draft.doc.count += 1;
                draft.doc.body.clone_from(&body);
                draft.emit("Moved", event.clone());
                Ok(draft.doc.count)
            };
            let id = format!("parcel-{}", runtime.rng().below(documents));
            let key = format!("{documents}/{callers}/{turn}/{number}/{n}");
            store.update(&id, Caller::keyed("bench", "Move", &key, b""), rule).await?;
            Ok(())
        }
    })
    .await
}

/// What so many callers reach, each doing one thing after the other.
pub(crate) async fn timed<F: Future<Output = Result<(), Failure>>>(
    clock: &Clock,
    callers: u64,
    one: impl Fn(u64, u64) -> F,
) -> Result<Figure, Failure> {
    let (begin, spent, times) = (clock.monotonic(), processor(), Mutex::new(Vec::new()));
    let ended = join_all((0..callers).map(|number| {
        let (one, times) = (&one, &times);
        async move {
            let (mut own, mut n) = (Vec::new(), 0_u64);
            while clock.monotonic().saturating_sub(begin) < SPAN {
                let start = clock.monotonic();
                one(number, n).await?;
                own.push(micros(clock.monotonic().saturating_sub(start)));
                n += 1;
            }
            times.lock().map_err(|_| "a caller panicked")?.append(&mut own);
            Ok::<(), Failure>(())
        }
    }))
    .await;
    ended.into_iter().collect::<Result<Vec<()>, _>>()?;
    let took = clock.monotonic().saturating_sub(begin);
    let times = times.into_inner().map_err(|_| "a caller panicked")?;
    Ok(figure(u64::try_from(times.len())?, took, processor().saturating_sub(spent), times))
}

/// Microseconds of processor that this process has used: Linux counts hundredths of a second.
pub(crate) fn processor() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>().saturating_mul(10_000)
}

/// A figure of so many in such a time, each of which took its own.
pub(crate) fn figure(count: u64, took: Duration, cpu: u64, mut times: Vec<u64>) -> Figure {
    times.sort_unstable();
    let at = |hundredth: usize| times.get(times.len() * hundredth / 100).copied().unwrap_or(0);
    let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
    Figure {
        rate: count.saturating_mul(1_000) / millis,
        p50: at(50),
        p99: at(99),
        cpu: cpu / count.max(1),
        servers: 0,
        count,
    }
}

pub(crate) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

pub(crate) fn filled(rng: &Rng, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    rng.fill(&mut bytes);
    bytes
}

/// The middle turn.
pub(crate) fn middle(mut figures: Vec<Figure>) -> Figure {
    figures.sort_unstable();
    figures.get(figures.len() / 2).copied().unwrap_or(Figure { rate: 0, p50: 0, p99: 0, cpu: 0, servers: 0, count: 0 })
}

/// One line: ours, the ceiling, and how much of it is reached.
pub(crate) fn line(name: &str, callers: u64, ours: Vec<Figure>, ceiling: Vec<Figure>) -> String {
    let (ours, ceiling) = (middle(ours), middle(ceiling));
    let hundredths = ours.rate.saturating_mul(100) / ceiling.rate.max(1);
    let ratio = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    format!("{name:>44} {callers:>7} {ours:>34} {ceiling:>34} {ratio:>6}")
}

/// Headings of the lines.
pub(crate) fn headings(ceiling: &str) -> String {
    let ceiling = format!("{ceiling}/s (p50 p99; cpu servers us)");
    format!("{:>44} {:>7} {:>34} {ceiling:>34} {:>6}", "", "callers", "store/s (p50 p99; cpu servers us)", "ratio")
}
