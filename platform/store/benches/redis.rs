//! Updates per second over Redis, each acknowledged as its class says, beside what plain pipelined connections reach,
//! measured in turns in one run: *alike* with the same two round trips (read, then the same script), and with the *script
//! alone*.
//!
//! `cargo bench -p retail-store --bench redis`. Servers are found as the tests find them. `-- 8 64 valkey turns=5`
//! measures 8 and 64 callers five times, over Valkey alone.

use std::io::Write as _;
use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use retail_runtime::{Rng, Runtime};
use retail_store::{Durability, Partition, Redis, RedisConfig, Store};

#[path = "parts/measure.rs"]
mod measure;
#[path = "../tests/it/servers.rs"]
mod servers;

use measure::{Failure, Figure, SIZES, Wish, filled, headings, line, timed, updates};
use servers::{Cluster, Kind, Server};

/// Documents in the store.
const DOCUMENTS: u64 = 20_000;
/// Plain connections to each primary.
const CONNECTIONS: usize = 8;
/// Callers at once.
const CALLERS: [u64; 3] = [1, 8, 64];

const SCRIPT: &str = include_str!("../src/redis/commit.lua");

fn main() -> Result<(), Failure> {
    let Some(wish) = Wish::of(std::env::args().skip(1)) else { return Ok(()) };
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(run(&wish))
}

async fn run(wish: &Wish) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "acknowledged updates/s: 1 document of 1 kB of {DOCUMENTS}, 1 event of 400 B, 1 stored result")?;
    writeln!(out, "{}", headings("plain"))?;
    for (kind, fsync, class) in [
        (Kind::Redis, "everysec", Durability::R1),
        (Kind::Redis, "always", Durability::R2),
        (Kind::Valkey, "everysec", Durability::R1),
        (Kind::Valkey, "always", Durability::R2),
    ] {
        let name = format!("{kind:?} {fsync} ({class})");
        if !wish.wants_store(&name) {
            continue;
        }
        let Some(server) = Server::start(kind, &["--appendonly", "yes", "--appendfsync", fsync]) else { continue };
        compare(&mut out, wish, &name, &[&server], &[&server], class).await?;
    }
    for class in [Durability::R3, Durability::R4] {
        let name = format!("Valkey Cluster 3+3 ({class})");
        if !wish.wants_store(&name) {
            continue;
        }
        let Some(cluster) = Cluster::start(Kind::Valkey, &["--appendonly", "yes"]) else { continue };
        let primaries = cluster.nodes.iter().take(3).collect::<Vec<_>>();
        compare(&mut out, wish, &name, &primaries, &cluster.nodes.iter().collect::<Vec<_>>(), class).await?;
    }
    Ok(())
}

async fn compare(
    out: &mut impl std::io::Write,
    wish: &Wish,
    name: &str,
    primaries: &[&Server],
    all: &[&Server],
    class: Durability,
) -> Result<(), Failure> {
    let runtime = Runtime::system("bench");
    let config = RedisConfig::at(primaries.iter().map(|server| server.address.clone()).collect(), class);
    let backend = Redis::open(&runtime, &config, "bench", "local").await?;
    let store = Store::over(&runtime, Arc::new(backend), "bench", "local");
    let bare = Bare::open(primaries, class).await?;
    for callers in CALLERS.into_iter().filter(|callers| wish.wants(name, *callers)) {
        let (mut ours, mut alike, mut plain) = (Vec::new(), Vec::new(), Vec::new());
        for turn in 0..wish.turns {
            ours.push(counted(all, updates(&store, &runtime, callers, turn, DOCUMENTS)).await?);
            alike.push(counted(all, bare.updates(&runtime, callers, turn, true)).await?);
            plain.push(counted(all, bare.updates(&runtime, callers, turn, false)).await?);
        }
        writeln!(out, "{}", line(&format!("{name}, alike"), callers, ours.clone(), alike))?;
        writeln!(out, "{}", line(&format!("{name}, script alone"), callers, ours, plain))?;
    }
    Ok(())
}

/// A figure with what it cost the servers.
async fn counted(
    servers: &[&Server],
    measured: impl Future<Output = Result<Figure, Failure>>,
) -> Result<Figure, Failure> {
    let before = spent(servers);
    let figure = measured.await?;
    Ok(Figure { servers: spent(servers).saturating_sub(before) / figure.count.max(1), ..figure })
}

/// Microseconds of processor that servers have used.
fn spent(servers: &[&Server]) -> u64 {
    let info = servers.iter().map(|server| server.ask::<String>(&["INFO", "cpu"])).collect::<String>();
    let fields = info.lines().filter_map(|line| line.split_once(':'));
    let own = fields.filter(|(name, _)| matches!(*name, "used_cpu_sys" | "used_cpu_user"));
    // Seconds with six digits behind the point.
    own.filter_map(|(_, seconds)| seconds.replace('.', "").parse::<u64>().ok()).sum()
}

/// The same script with nothing around it: arguments made beforehand, no rules, no grouping.
struct Bare {
    /// By primary.
    connections: Vec<Vec<MultiplexedConnection>>,
    /// Primary of each partition.
    homes: Vec<usize>,
    hash: String,
    waits: bool,
    rng: Rng,
}

impl Bare {
    async fn open(primaries: &[&Server], class: Durability) -> Result<Self, Failure> {
        let (mut connections, mut hash) = (Vec::new(), String::new());
        for server in primaries {
            let client = redis::Client::open(format!("redis://{}/", server.address))?;
            let mut own = Vec::new();
            for _ in 0..CONNECTIONS {
                own.push(client.get_multiplexed_async_connection().await?);
            }
            let mut load = redis::cmd("SCRIPT");
            load.arg("LOAD").arg(SCRIPT);
            if let Some(first) = own.first_mut() {
                hash = load.query_async(first).await?;
            }
            connections.push(own);
        }
        let mut homes = Vec::new();
        for partition in Partition::all() {
            let slot = match primaries {
                [first, _, ..] => first.ask::<u16>(&["CLUSTER", "KEYSLOT", &partition.tag("local", "bare")]),
                _ => 0,
            };
            homes.push(usize::from(slot) * 3 / 16_384);
        }
        Ok(Self { connections, homes, hash, waits: class.waits(), rng: Rng::system() })
    }

    /// Each caller writes new documents. `reads`: it looks for them first, as an update of the store does, so that both
    /// take the same two round trips; else none has to be read.
    async fn updates(&self, runtime: &Runtime, callers: u64, turn: usize, reads: bool) -> Result<Figure, Failure> {
        let (body, event) = (filled(&self.rng, SIZES.0), filled(&self.rng, SIZES.1));
        timed(runtime.clock(), callers, |number, n| {
            let (partition, command) = self.command(&format!("{callers}-{turn}-{reads}-{number}-{n}"), &body, &event);
            let read = reads.then(|| self.read(partition, n));
            let home = self.homes.get(usize::from(partition.number()));
            let own = home.and_then(|home| self.connections.get(*home));
            let at = usize::try_from(number).unwrap_or(0) % CONNECTIONS;
            let connection = own.and_then(|own| own.get(at)).cloned();
            async move {
                let mut connection = connection.ok_or("no connection")?;
                if let Some(read) = read {
                    read.exec_async(&mut connection).await?;
                }
                let mut pipeline = redis::pipe();
                pipeline.add_command(command).ignore();
                if self.waits {
                    pipeline.cmd("WAIT").arg(1).arg(500).ignore();
                }
                pipeline.exec_async(&mut connection).await?;
                Ok(())
            }
        })
        .await
    }

    /// Lease, document and result, as the store asks for them.
    fn read(&self, partition: Partition, n: u64) -> redis::Cmd {
        let tag = partition.tag("local", "bare");
        let mut command = redis::cmd("MGET");
        command.arg(format!("{tag}l")).arg(format!("{tag}d:{n}")).arg(format!("{tag}r:{n}"));
        command
    }

    fn command(&self, id: &str, body: &[u8], event: &[u8]) -> (Partition, redis::Cmd) {
        let partition = Partition::of(id);
        let tag = partition.tag("local", "bare");
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
        command.arg(0).arg(id).arg(0).arg(id);
        (partition, command)
    }
}
