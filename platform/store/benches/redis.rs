//! Updates per second over Redis, each acknowledged as its class says, beside what the same script reaches over plain
//! pipelined connections, measured in turns in one run; and the embedded back end in the same run.
//!
//! `cargo bench -p retail-store --bench redis`. Servers are found as the tests find them.

use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use futures::future::join_all;
use redis::aio::MultiplexedConnection;
use retail_runtime::{Clock, Rng, Runtime};
use retail_store::{Caller, Document, Draft, Durability, Embedded, Partition, Redis, RedisConfig, Store};

#[path = "../tests/it/servers.rs"]
mod servers;

use servers::{Kind, Server};

/// How long each figure is measured, and in how many turns; the middle one is reported.
const SPAN: Duration = Duration::from_secs(2);
const TURNS: usize = 3;
/// Documents in the store.
const DOCUMENTS: u64 = 20_000;
/// Bytes of a document and of an event.
const SIZES: (usize, usize) = (1_024, 400);
/// Plain connections.
const CONNECTIONS: usize = 8;

const SCRIPT: &str = include_str!("../src/redis/commit.lua");

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

/// A figure: per second, and the middle and the slowest hundredth in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Figure {
    rate: u64,
    p50: u64,
    p99: u64,
}

fn main() -> Result<(), Failure> {
    // `cargo test --benches` only asks whether it starts.
    if std::env::args().any(|word| word == "--test") {
        return Ok(());
    }
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(measure())
}

async fn measure() -> Result<(), Failure> {
    let runtime = Runtime::system("bench");
    let mut out = std::io::stdout().lock();
    writeln!(out, "acknowledged updates/s: 1 document of 1 kB, 1 event of 400 B, 1 stored result")?;
    writeln!(
        out,
        "{:>28} {:>7} {:>26} {:>30} {:>6}",
        "", "callers", "store/s (p50 p99 us)", "bare script/s (p50 p99 us)", "ratio"
    )?;
    let dir = tempfile::tempdir()?;
    let embedded = Embedded::open(&dir.path().join("store")).await?.domain("bench", "local").await?;
    let embedded = Store::over(&runtime, Arc::new(embedded), "bench", "local");
    for callers in [1, 8, 64] {
        let mut ours = Vec::new();
        for turn in 0..TURNS {
            ours.push(updates(&embedded, &runtime, callers, turn).await?);
        }
        writeln!(out, "{:>28} {callers:>7} {:>26}", "embedded, fsync", show(middle(ours)))?;
    }
    for (kind, fsync, class) in [
        (Kind::Redis, "everysec", Durability::R1),
        (Kind::Redis, "always", Durability::R2),
        (Kind::Valkey, "everysec", Durability::R1),
        (Kind::Valkey, "always", Durability::R2),
    ] {
        let Some(server) = Server::start(kind, &["--appendonly", "yes", "--appendfsync", fsync]) else { continue };
        let config = RedisConfig::at(vec![server.address.clone()], class);
        let backend = Redis::open(&runtime, &config, "bench", "local").await?;
        let store = Store::over(&runtime, Arc::new(backend), "bench", "local");
        let bare = Bare::open(&server).await?;
        for callers in [1, 8, 64] {
            let (mut ours, mut plain) = (Vec::new(), Vec::new());
            for turn in 0..TURNS {
                ours.push(updates(&store, &runtime, callers, turn).await?);
                plain.push(bare.updates(&runtime, callers, turn).await?);
            }
            let (ours, plain) = (middle(ours), middle(plain));
            let hundredths = ours.rate.saturating_mul(100) / plain.rate.max(1);
            let ratio = format!("{}.{:02}", hundredths / 100, hundredths % 100);
            let name = format!("{kind:?} {fsync} ({class})");
            writeln!(out, "{name:>28} {callers:>7} {:>26} {:>30} {ratio:>6}", show(ours), show(plain))?;
        }
    }
    Ok(())
}

fn show(figure: Figure) -> String {
    format!("{} ({} {})", figure.rate, figure.p50, figure.p99)
}

fn middle(mut figures: Vec<Figure>) -> Figure {
    figures.sort_unstable();
    figures.get(figures.len() / 2).copied().unwrap_or(Figure { rate: 0, p50: 0, p99: 0 })
}

/// What so many callers reach, each waiting for its own.
async fn updates(store: &Store, runtime: &Runtime, callers: u64, turn: usize) -> Result<Figure, Failure> {
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
            let id = format!("parcel-{}", runtime.rng().below(DOCUMENTS));
            let key = format!("{callers}/{turn}/{number}/{n}");
            store.update(&id, Caller::keyed("bench", "Move", &key, b""), rule).await?;
            Ok(())
        }
    })
    .await
}

async fn timed<F: Future<Output = Result<(), Failure>>>(
    clock: &Clock,
    callers: u64,
    one: impl Fn(u64, u64) -> F,
) -> Result<Figure, Failure> {
    let (begin, times) = (clock.monotonic(), Mutex::new(Vec::new()));
    let ended = join_all((0..callers).map(|number| {
        let (one, times) = (&one, &times);
        async move {
            let (mut own, mut n) = (Vec::new(), 0_u64);
            while clock.monotonic().saturating_sub(begin) < SPAN {
                let start = clock.monotonic();
                one(number, n).await?;
                own.push(u64::try_from(clock.monotonic().saturating_sub(start).as_micros())?);
                n += 1;
            }
            times.lock().map_err(|_| "a caller panicked")?.append(&mut own);
            Ok::<(), Failure>(())
        }
    }))
    .await;
    ended.into_iter().collect::<Result<Vec<()>, _>>()?;
    let millis = u64::try_from(clock.monotonic().saturating_sub(begin).as_millis())?.max(1);
    let mut times = times.into_inner().map_err(|_| "a caller panicked")?;
    times.sort_unstable();
    let count = u64::try_from(times.len())?;
    let at = |hundredth: usize| times.get(times.len() * hundredth / 100).copied().unwrap_or(0);
    Ok(Figure { rate: count.saturating_mul(1_000) / millis, p50: at(50), p99: at(99) })
}

/// The same script with nothing around it: arguments made beforehand, no reading, no rules, no grouping.
struct Bare {
    connections: Vec<MultiplexedConnection>,
    hash: String,
    rng: Rng,
}

impl Bare {
    async fn open(server: &Server) -> Result<Self, Failure> {
        let client = redis::Client::open(format!("redis://{}/", server.address))?;
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(client.get_multiplexed_async_connection().await?);
        }
        let mut load = redis::cmd("SCRIPT");
        load.arg("LOAD").arg(SCRIPT);
        let hash = match connections.first_mut() {
            Some(first) => load.query_async(first).await?,
            None => String::new(),
        };
        Ok(Self { connections, hash, rng: Rng::system() })
    }

    /// Each caller writes new documents, so that none has to be read first.
    async fn updates(&self, runtime: &Runtime, callers: u64, turn: usize) -> Result<Figure, Failure> {
        let (body, event) = (filled(&self.rng, SIZES.0), filled(&self.rng, SIZES.1));
        timed(runtime.clock(), callers, |number, n| {
            let command = self.command(callers, turn, number, n, &body, &event);
            let connection =
                usize::try_from(number).ok().and_then(|at| self.connections.get(at % CONNECTIONS)).cloned();
            async move {
                let mut connection = connection.ok_or("no connection")?;
                let _answer: Vec<String> = command.query_async(&mut connection).await?;
                Ok(())
            }
        })
        .await
    }

    fn command(&self, callers: u64, turn: usize, number: u64, n: u64, body: &[u8], event: &[u8]) -> redis::Cmd {
        let id = format!("{callers}-{turn}-{number}-{n}");
        let tag = Partition::of(&id).tag("local", "bare");
        let mut command = redis::cmd("EVALSHA");
        command.arg(&self.hash).arg(9);
        for name in [format!("w:{id}"), "e".into(), "l".into(), format!("r:{id}"), format!("d:{id}")] {
            command.arg(format!("{tag}{name}"));
        }
        for name in ["f", "n", "a", "h"] {
            command.arg(format!("{tag}{name}"));
        }
        command.arg(format!("{:020}", 1)).arg("bare").arg(1);
        // Results, fences, marks, checks, writes, dues, index, events, made, gone.
        for count in [1, 0, 0, 0, 1, 0, 0, 1, 1, 0] {
            command.arg(count);
        }
        command.arg(&[1_u8; 32]).arg(&[1_u8; 60]);
        command.arg(format!("{:020}", 0)).arg(format!("{:010}", 1)).arg(body);
        command.arg(&[7_u8; 16]).arg(1_000).arg(event);
        command.arg(0).arg(&id).arg(0).arg(&id);
        command
    }
}

fn filled(rng: &Rng, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    rng.fill(&mut bytes);
    bytes
}
