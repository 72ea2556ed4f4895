//! The agent's call: everything about a customer's affair, over REST, through the gateway, while nothing else runs.
//! Beside it in the same turns the plain read of one order over the same way: what the way itself costs.
//!
//! `cargo bench -p retail-tests` prints p50 and p99 of both and their ratio, at 1 and at 8 callers.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench speaks to people")]

use std::time::Duration;

use futures::future::join_all;
use retail_runtime::{Runtime, telemetry};
use retail_weft::config;
use retail_weft::feeding::{Feeding, Plan};
use retail_weft::mesh::{self, url};
use retail_weft::wire::Wire;

/// As in the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Calls of each kind, each turn, over all callers.
const CALLS: usize = 1_000;
/// Turns of each pair.
const TURNS: usize = 3;

fn main() {
    let threads = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    threads.block_on(measure());
}

async fn measure() {
    telemetry::for_tests();
    let dir = tempfile::tempdir().unwrap();
    let mut config = config::load(None, Some(dir.path().to_owned())).unwrap();
    config.listen.anywhere();
    config.gateway.listen.set_port(0);
    config.sandbox.listen = retail_sandbox::Listen::anywhere();
    let runtime = Runtime::system("context");
    let at = mesh::start(config, &runtime).await.unwrap();
    let report = Feeding::new(&runtime, &at, Plan::new(None).unwrap()).unwrap().run().await.unwrap();
    println!("{}", report.line());
    let gateway = Wire::to(&runtime, &url(at.gateway)).unwrap();
    let orders = gateway.get("/v1/orders?pageSize=100").await.unwrap();
    let orders = orders["orders"].as_array().unwrap();
    let text = |order: &serde_json::Value, field: &str| order[field].as_str().unwrap().to_owned();
    let plain: Vec<String> = orders.iter().map(|order| format!("/v1/orders/{}", text(order, "orderId"))).collect();
    let by_order: Vec<String> =
        orders.iter().map(|order| format!("/v1/context?orderId={}", text(order, "orderId"))).collect();
    let by_customer: Vec<String> =
        orders.iter().map(|order| format!("/v1/context?customerId={}", text(order, "customerId"))).collect();
    for callers in [1, 8] {
        let (mut base, mut order, mut customer) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..TURNS {
            base.extend(turn(&runtime, &gateway, &plain, callers).await);
            order.extend(turn(&runtime, &gateway, &by_order, callers).await);
            customer.extend(turn(&runtime, &gateway, &by_customer, callers).await);
        }
        let (base_50, base_99) = percentiles(base);
        println!("{callers} callers  read one order       p50 {base_50:?}  p99 {base_99:?}");
        for (name, taken) in [("context by order   ", order), ("context by customer", customer)] {
            let (p50, p99) = percentiles(taken);
            let ratio = p50.as_micros() * 100 / base_50.as_micros().max(1);
            println!("{callers} callers  {name}  p50 {p50:?}  p99 {p99:?}  {ratio} % of the read");
        }
    }
    runtime.stop();
    runtime.drained(Duration::from_secs(30)).await;
}

async fn turn(runtime: &Runtime, gateway: &Wire<'_>, paths: &[String], callers: usize) -> Vec<Duration> {
    let each = CALLS / callers;
    let caller = |place: usize| async move {
        let mut taken = Vec::with_capacity(each);
        for path in paths.iter().cycle().skip(place * 7).take(each) {
            let begun = runtime.clock().monotonic();
            let (status, text) = gateway.raw("GET", path, None, &[]).await.unwrap();
            taken.push(runtime.clock().monotonic().saturating_sub(begun));
            assert_eq!(status, 200, "{text}");
        }
        taken
    };
    join_all((0..callers).map(caller)).await.concat()
}

fn percentiles(mut taken: Vec<Duration>) -> (Duration, Duration) {
    taken.sort_unstable();
    (taken[taken.len() / 2], taken[taken.len() * 99 / 100])
}
