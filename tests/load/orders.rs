//! What an order costs: placed over gRPC until the ERP and the CRM have it, every step durable; promises of one hot item
//! beside promises spread over ten thousand; reads of availability. One process with the vendors' twins, embedded store.
//!
//! `cargo bench -p retail-tests --bench orders` prints rates, p50 and p99 at 1, 8 and 64 callers. Promises of the hot item and
//! spread ones take turns, so that both see the same machine.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench speaks to people")]

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use retail_proto::inventory::v1 as stock;
use retail_proto::inventory::v1::inventory_service_client::InventoryServiceClient;
use retail_proto::orders::v1 as pb;
use retail_proto::orders::v1::orders_service_client::OrdersServiceClient;
use retail_proto::types::v1::Money;
use retail_runtime::{Peer, Runtime, telemetry};
use retail_sandbox::orderbook::OrderBook;
use retail_weft::config;
use retail_weft::mesh::{self, Addresses, url};
use retail_weft::wire::Wire;
use serde_json::json;

/// As in the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The largest plan that NetSuite sells without special terms, and a shop's that lets ten thousand items be read at once.
const PLANS: &str = "
    [netsuite]
    concurrency = 15
    concurrency_ceiling = 15
    [shopify]
    points = 200000
    points_per_second = 10000
    [sandbox.netsuite]
    concurrency = 15
    per_tick = 200
    [sandbox.shopify]
    restore_rate = 10000
";
const SKUS: usize = 10_000;
const CALLERS: [usize; 3] = [1, 8, 64];
/// Promises of each kind at each number of callers, in three turns.
const PROMISES: usize = 2_400;
const TURNS: usize = 3;
/// Callers, and how many orders they place together.
const ORDERS: [(usize, usize); 3] = [(1, 40), (8, 320), (64, 960)];

fn main() {
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    threads.block_on(measure());
}

async fn measure() {
    telemetry::for_tests();
    let dir = tempfile::tempdir().unwrap();
    let plans = dir.path().join("plans.toml");
    std::fs::write(&plans, PLANS).unwrap();
    let mut config = config::load(Some(&plans), Some(dir.path().to_owned())).unwrap();
    config.listen.anywhere();
    config.gateway.listen.set_port(0);
    config.sandbox.listen = retail_sandbox::Listen::anywhere();
    let runtime = Runtime::system("orders-bench");
    let at = mesh::start(config, &runtime).await.unwrap();
    seed(&runtime, &at).await;
    let inventory = InventoryServiceClient::new(runtime.peer(&url(at.inventory)).unwrap());
    availability(&runtime, &inventory).await;
    promises(&runtime, &inventory).await;
    orders(&runtime, &OrdersServiceClient::new(runtime.peer(&url(at.orders)).unwrap())).await;
    runtime.stop();
    runtime.drained(Duration::from_secs(30)).await;
}

/// Items by the thousand, and stock that never runs out.
async fn seed(runtime: &Runtime, at: &Addresses) {
    let mut seed = serde_json::to_value(&OrderBook::small().unwrap().seed).unwrap();
    let item = |sku: String| json!({"sku": sku, "description": "", "kind": "goods", "price": "2.50"});
    let row = |sku: String| json!({"sku": sku, "location": "MAIN", "quantity": 1_000_000});
    for sku in (0..SKUS).map(code).chain(["HOT".to_owned()]) {
        seed["items"].as_array_mut().unwrap().push(item(sku.clone()));
        seed["stock"].as_array_mut().unwrap().push(row(sku));
    }
    Wire::to(runtime, &url(at.sandbox)).unwrap().post("/__sandbox/seed", &seed).await.unwrap();
    let gateway = Wire::to(runtime, &url(at.gateway)).unwrap().patient(Duration::from_secs(300));
    let headers = [("idempotency-key", "seed")];
    gateway.call("POST", "/v1/reference:sync", Some(&json!({"includeStock": true})), &headers).await.unwrap();
}

fn code(number: usize) -> String {
    format!("B{number:05}")
}

async fn availability(runtime: &Runtime, inventory: &InventoryServiceClient<Peer>) {
    for (name, many) in [("1 item  ", 1), ("500 items", 500)] {
        for callers in CALLERS {
            let read = |number: usize| {
                let mut inventory = inventory.clone();
                async move {
                    let skus = (0..many).map(|place| code((number * 7 + place) % SKUS)).collect();
                    let request = stock::GetAvailabilityRequest { skus, location: "MAIN".into() };
                    assert_eq!(inventory.get_availability(request).await.unwrap().into_inner().rows.len(), many);
                }
            };
            let taken = run(runtime, callers, 1_200 / many.min(10), read).await;
            tell(&format!("read availability of {name}"), callers, &taken);
        }
    }
}

async fn promises(runtime: &Runtime, inventory: &InventoryServiceClient<Peer>) {
    let next = AtomicUsize::new(0);
    for callers in CALLERS {
        let (mut hot, mut spread) = (Taken::default(), Taken::default());
        for _ in 0..TURNS {
            for (is_hot, all) in [(true, &mut hot), (false, &mut spread)] {
                let reserve = |_: usize| {
                    let (mut inventory, number) = (inventory.clone(), next.fetch_add(1, Ordering::Relaxed));
                    async move {
                        let sku = if is_hot { "HOT".to_owned() } else { code(number % SKUS) };
                        let line =
                            stock::ReserveLine { line_id: "1".into(), sku, quantity: "1".into(), ..Default::default() };
                        let request = stock::ReserveStockRequest {
                            idempotency_key: format!("bench-{number}"),
                            reservation_id: format!("bench-{number}"),
                            lines: vec![line],
                            expires_in_seconds: 3_600,
                            ..Default::default()
                        };
                        assert!(inventory.reserve_stock(request).await.unwrap().into_inner().reservation.is_some());
                    }
                };
                let turn = run(runtime, callers, PROMISES / TURNS / if callers == 1 { 8 } else { 1 }, reserve).await;
                all.add(turn);
            }
        }
        tell("promise one piece of the hot item  ", callers, &hot);
        tell("promise one piece of 10,000 items  ", callers, &spread);
        println!("{callers:>2} callers  hot / spread  {} %", hot.rate() * 100 / spread.rate().max(1));
    }
}

async fn orders(runtime: &Runtime, orders: &OrdersServiceClient<Peer>) {
    for (callers, many) in ORDERS {
        let place = |number: usize| {
            let mut orders = orders.clone();
            async move {
                let placed = orders.place_order(request(callers, number)).await.unwrap().into_inner().order.unwrap();
                let watch = pb::WatchOrderRequest { order_id: placed.order_id };
                let mut stream = orders.watch_order(watch).await.unwrap().into_inner();
                while let Some(seen) = stream.message().await.unwrap() {
                    let order = seen.order.unwrap();
                    if order.refs.iter().any(|record| record.kind == "crm") {
                        return;
                    }
                }
                panic!("an order ended before the CRM had it");
            }
        };
        let taken = run(runtime, callers, many, place).await;
        tell("order of two lines, until ERP and CRM have it", callers, &taken);
    }
}

fn request(callers: usize, number: usize) -> pb::PlaceOrderRequest {
    let line = |place: usize| pb::LineInput {
        kind: i32::from(pb::LineKind::Goods),
        sku: code((callers * 1_000 + number * 2 + place) % SKUS),
        quantity: "1".into(),
        unit_price: "2.50".into(),
        ..Default::default()
    };
    let name = format!("BENCH-{callers}-{number}");
    pb::PlaceOrderRequest {
        idempotency_key: name.clone(),
        capture: i32::from(pb::Capture::Request),
        channel: "shop".into(),
        channel_order_id: name.clone(),
        order_number: name,
        placed_at: Some(prost_types::Timestamp { seconds: 1_709_370_000, nanos: 0 }),
        currency: "GBP".into(),
        lines: vec![line(0), line(1)],
        total: Some(Money { minor_units: 500, currency: "GBP".into() }),
        ..Default::default()
    }
}

/// What a number of calls took.
#[derive(Default)]
struct Taken {
    each: Vec<Duration>,
    all: Duration,
}

impl Taken {
    fn add(&mut self, other: Self) {
        self.each.extend(other.each);
        self.all += other.all;
    }

    /// Calls a second.
    fn rate(&self) -> u128 {
        u128::try_from(self.each.len()).unwrap() * 1_000_000 / self.all.as_micros().max(1)
    }
}

/// Calls `many` times over all callers, each waiting for its answer.
async fn run<F: Future<Output = ()>>(
    runtime: &Runtime,
    callers: usize,
    many: usize,
    call: impl Fn(usize) -> F,
) -> Taken {
    let begun = runtime.clock().monotonic();
    let call = &call;
    let caller = |place: usize| async move {
        let mut taken = Vec::new();
        for number in (place..many).step_by(callers) {
            let begun = runtime.clock().monotonic();
            call(number).await;
            taken.push(runtime.clock().monotonic().saturating_sub(begun));
        }
        taken
    };
    let each = join_all((0..callers).map(caller)).await.concat();
    Taken { each, all: runtime.clock().monotonic().saturating_sub(begun) }
}

fn tell(what: &str, callers: usize, taken: &Taken) {
    let mut each = taken.each.clone();
    each.sort_unstable();
    let (p50, p99) = (each[each.len() / 2], each[each.len() * 99 / 100]);
    println!("{callers:>2} callers  {what}  {:>6}/s  p50 {p50:.1?}  p99 {p99:.1?}", taken.rate());
}
