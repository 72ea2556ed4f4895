//! `kill -9` in the middle of a day: the books at its end are the same, and no promise of stock is left over.

use std::collections::BTreeMap;
use std::time::Duration;

use retail_crash::process::Mesh;
use retail_runtime::{Rng, Runtime};
use retail_sandbox::orderbook::OrderBook;
use retail_weft::feeding::{Feeding, Plan, Report};
use retail_weft::mesh::url;
use retail_weft::wire::Wire;

/// Kills in one day.
const KILLS: u32 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn a_day_with_five_kills_ends_with_the_same_books_and_no_leaked_reservation() {
    let runtime = Runtime::system("kill");
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_101_201);
    let rng = Rng::seeded(seed);
    let mut mesh = Mesh::new(crate::weft());
    mesh.start(&runtime).await;
    for _ in 0..KILLS {
        let life = Duration::from_millis(300 + rng.below(1_500));
        tokio::select! {
            _ended_or_broke = feed(&runtime, &mesh) => {}
            () = runtime.clock().sleep(life) => {}
        }
        mesh.kill();
        mesh.start(&runtime).await;
    }
    let report = feed(&runtime, &mesh).await.unwrap();
    assert!(report.agrees(), "seed {seed}: {} {:#?} {:#}", report.line(), report.differences(), report.books);
    nothing_is_promised(&runtime, &url(mesh.at.gateway)).await;
}

async fn feed(runtime: &Runtime, mesh: &Mesh) -> anyhow::Result<Report> {
    Feeding::new(runtime, &mesh.at, Plan::small()?)?.run().await
}

/// Everything that was sold has left, and what came back lies on the shelf.
pub(crate) async fn nothing_is_promised(runtime: &Runtime, gateway: &str) {
    let gateway = Wire::to(runtime, gateway).unwrap();
    let book = OrderBook::small().unwrap();
    let mut back: BTreeMap<String, i64> = BTreeMap::new();
    for (cancelled, recall) in book.cancellations.iter().zip(book.recalls()) {
        for taken in recall.taken.iter().filter(|taken| !taken.is_charge) {
            *back.entry(cancelled.lines[taken.line].sku.clone()).or_default() += taken.quantity;
        }
    }
    let skus: Vec<String> = book.seed.stock.iter().map(|row| format!("skus={}", row.sku)).collect();
    let stock = gateway.get(&format!("/v1/availability?{}", skus.join("&"))).await.unwrap();
    let rows = stock["rows"].as_array().unwrap();
    assert!(!rows.is_empty());
    for row in rows {
        let number = |bucket: &str| row.get(bucket).and_then(|left| left.as_str()).unwrap_or("0").to_owned();
        assert_eq!((number("reserved"), number("shortfall")), ("0".to_owned(), "0".to_owned()), "{row}");
        let expected = back.get(row["sku"].as_str().unwrap()).copied().unwrap_or(0);
        assert_eq!(number("onHand"), expected.to_string(), "what came back of {row}");
    }
}
