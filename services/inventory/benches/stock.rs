//! What stock costs: a feed of a hundred thousand rows and its repeat; promises of one hot item beside promises spread over
//! ten thousand, and a hot item that is sold out under its buyers. The service alone over gRPC on loopback, embedded store,
//! every commit durable.
//!
//! `cargo bench -p retail-inventory --bench stock` prints rates, p50 and p99, and how many promises share a commit. Promises
//! of the hot item and spread ones take turns, so that both see the same machine.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench speaks to people")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use futures::stream;
use retail_inventory::Config;
use retail_proto::inventory::v1 as pb;
use retail_proto::inventory::v1::feed_stock_request::What as Ask;
use retail_proto::inventory::v1::feed_stock_response::What as Told;
use retail_proto::inventory::v1::inventory_service_client::InventoryServiceClient;
use retail_proto::timestamp;
use retail_runtime::{Peer, Runtime};
use retail_store::{BackendConfig, Store};

type Client = InventoryServiceClient<Peer>;

const SKUS: usize = 10_000;
const LOCATIONS: usize = 10;
/// Rows of a message.
const ROWS: usize = 2_000;
const CALLERS: [usize; 4] = [1, 8, 64, 256];
/// Promises of each kind at each number of callers, over all turns.
const PROMISES: usize = 4_800;
const TURNS: usize = 3;
/// Pieces of the item that is sold out, and its buyers.
const PIECES: usize = 500;
const BUYERS: usize = 1_500;

fn main() {
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    threads.block_on(measure());
}

async fn measure() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = Runtime::system("stock-bench");
    let backend = BackendConfig::Embedded { dir: dir.path().to_owned() };
    let store = retail_store::Config {
        backend,
        domain: "inventory".into(),
        region: "eu".into(),
        groups: vec![],
        keep: retail_runtime::config::Span::from_secs(3_600),
    };
    let store = Store::open(&runtime, &store).await.unwrap();
    let text = "default_location = \"L0\"";
    let config: Config = retail_runtime::config::load(text, None, "NO_SUCH_PREFIX_").unwrap();
    let listener = runtime.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let client = InventoryServiceClient::new(runtime.peer(&format!("http://{}", listener.local_addr())).unwrap());
    let (service, shelf) = (runtime.clone(), store.clone());
    runtime.spawn("inventory", async move { retail_inventory::run(config, service, shelf, listener).await.unwrap() });
    let profile = if cfg!(debug_assertions) { "dev" } else { "optimized" };
    println!("{profile} build, embedded store, {SKUS} items at {LOCATIONS} locations");
    for what in ["first", "again"] {
        feed(&runtime, &client, &store, what).await;
    }
    promises(&runtime, &client, &store).await;
    sold_out(&runtime, &client).await;
    runtime.stop();
    runtime.drained(Duration::from_secs(30)).await;
}

fn code(number: usize) -> String {
    format!("B{number:05}")
}

/// 10,000 items at ten locations, in the order of items, as exports are.
async fn feed(runtime: &Runtime, client: &Client, store: &Store, what: &str) {
    let valid_at = Some(timestamp(1_700_000_000_000));
    let kind = i32::from(pb::StockFeedKind::Count);
    let start = Ask::Start(pb::FeedStart { feed_id: "bench".into(), kind, authority: "bench".into(), valid_at });
    let message = |first: usize| {
        let rows = (first..first + ROWS).map(|row| pb::FeedRow {
            row: u64::try_from(row + 1).unwrap(),
            sku: code(row / LOCATIONS),
            location: format!("L{}", row % LOCATIONS),
            quantity: "1000000".into(),
            ..Default::default()
        });
        Ask::Rows(pb::FeedRows { rows: rows.collect() })
    };
    let asks = [start].into_iter().chain((0..SKUS * LOCATIONS).step_by(ROWS).map(message));
    let asks = asks.chain([Ask::End(pb::FeedEnd {})]).map(|what| pb::FeedStockRequest { what: Some(what) });
    let (begun, commits) = (runtime.clock().monotonic(), store.commits());
    let mut answers = client.clone().feed_stock(stream::iter(asks)).await.unwrap().into_inner();
    let mut last = pb::FeedProgress::default();
    while let Some(answer) = answers.message().await.unwrap() {
        match answer.what.unwrap() {
            Told::Progress(progress) => last = progress,
            Told::Error(error) => panic!("{error:?}"),
        }
    }
    let took = runtime.clock().monotonic().saturating_sub(begun);
    let feed = last.feed.unwrap();
    let rate = u128::from(last.rows) * 1_000 / took.as_millis().max(1);
    println!(
        "feed of {} rows, {what}: {took:.1?}, {rate} rows/s, {} applied, {} repeated, {} commits, {} in memory",
        last.rows,
        feed.applied,
        last.repeated,
        store.commits() - commits,
        memory()
    );
    assert!(feed.finished && feed.applied == u64::try_from(SKUS * LOCATIONS).unwrap());
}

/// The most memory that the process has had.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "?".to_owned(), |line| line.trim().to_owned())
}

async fn reserve(client: &Client, sku: String, number: usize) -> bool {
    let line = pb::ReserveLine { line_id: "1".into(), sku, quantity: "1".into(), ..Default::default() };
    let request = pb::ReserveStockRequest {
        idempotency_key: format!("bench-{number}"),
        reservation_id: format!("bench-{number}"),
        lines: vec![line],
        expires_in_seconds: 3_600,
        ..Default::default()
    };
    client.clone().reserve_stock(request).await.unwrap().into_inner().reservation.is_some()
}

#[derive(Default)]
struct Taken {
    each: Vec<Duration>,
    all: Duration,
    commits: u64,
}

async fn promises(runtime: &Runtime, client: &Client, store: &Store) {
    let next = AtomicUsize::new(0);
    for callers in CALLERS {
        let many = PROMISES / TURNS / if callers == 1 { 8 } else { 1 };
        let (mut hot, mut spread) = (Taken::default(), Taken::default());
        for _ in 0..TURNS {
            for (is_hot, all) in [(true, &mut hot), (false, &mut spread)] {
                let (begun, commits) = (runtime.clock().monotonic(), store.commits());
                let next = &next;
                let caller = |place: usize| async move {
                    let mut each = vec![];
                    for _ in (place..many).step_by(callers) {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let sku = if is_hot { code(0) } else { code(number % SKUS) };
                        let begun = runtime.clock().monotonic();
                        assert!(reserve(client, sku, number).await);
                        each.push(runtime.clock().monotonic().saturating_sub(begun));
                    }
                    each
                };
                all.each.extend(join_all((0..callers).map(caller)).await.concat());
                all.all += runtime.clock().monotonic().saturating_sub(begun);
                all.commits += store.commits() - commits;
            }
        }
        tell("the hot item ", callers, hot);
        tell("10,000 items ", callers, spread);
    }
}

fn tell(what: &str, callers: usize, mut taken: Taken) {
    taken.each.sort_unstable();
    let many = taken.each.len();
    let rate = u128::try_from(many).unwrap() * 1_000_000 / taken.all.as_micros().max(1);
    let (p50, p99) = (taken.each[many / 2], taken.each[many * 99 / 100]);
    let together = u64::try_from(many).unwrap() * 10 / taken.commits.max(1);
    println!(
        "{callers:>3} callers  promise one of {what} {rate:>6}/s  p50 {p50:>8.1?}  p99 {p99:>8.1?}  {}.{} a commit",
        together / 10,
        together % 10
    );
}

/// Fewer pieces than buyers: as many promises as pieces, and the last piece goes.
async fn sold_out(runtime: &Runtime, client: &Client) {
    let start = pb::FeedStart {
        feed_id: "last-pieces".into(),
        kind: i32::from(pb::StockFeedKind::Count),
        authority: "bench".into(),
        valid_at: Some(timestamp(1_700_000_000_000)),
    };
    let row = pb::FeedRow { row: 1, sku: "LAST".into(), quantity: PIECES.to_string(), ..Default::default() };
    let asks = [Ask::Start(start), Ask::Rows(pb::FeedRows { rows: vec![row] }), Ask::End(pb::FeedEnd {})];
    let asks = asks.map(|what| pb::FeedStockRequest { what: Some(what) });
    let mut answers = client.clone().feed_stock(stream::iter(asks)).await.unwrap().into_inner();
    while answers.message().await.unwrap().is_some() {}
    let begun = runtime.clock().monotonic();
    let bought = join_all((0..BUYERS).map(|number| reserve(client, "LAST".into(), 1_000_000 + number))).await;
    let took = runtime.clock().monotonic().saturating_sub(begun);
    let granted = bought.iter().filter(|granted| **granted).count();
    println!("{BUYERS} buyers at once of {PIECES} pieces: {granted} promised in {took:.1?}");
    assert_eq!(granted, PIECES);
}
