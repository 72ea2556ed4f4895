//! The figures of a running mesh, as Prometheus reads them.

use std::collections::BTreeSet;

use retail_weft::mesh::url;
use retail_weft::wire::Wire;

use crate::harness::Mesh;

/// The sum of a family over the series whose labels have all of these.
fn sum(text: &str, family: &str, labels: &[&str]) -> f64 {
    let series = text.lines().filter_map(|line| line.strip_prefix(family)?.strip_prefix('{')?.rsplit_once("} "));
    let of = series.filter(|(said, _)| labels.iter().all(|label| said.contains(label)));
    of.map(|(_, value)| value.parse::<f64>().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trading_day_can_be_read_from_metrics() {
    let mesh = Mesh::start().await;
    let report = mesh.feed().await;
    assert!(report.agrees(), "{} {:#?} {:#}", report.line(), report.differences(), report.books);
    let metrics = Wire::to(&mesh.runtime, &url(mesh.at.metrics)).unwrap();
    let (status, text) = metrics.raw("GET", "/metrics", None, &[]).await.unwrap();
    assert_eq!(status, 200, "{text}");
    for domain in ["orders", "returns", "customers", "inventory", "cases"] {
        let of = format!("domain=\"{domain}\"");
        assert!(sum(&text, "retail_store_commits_total", &[&of, "outcome=\"committed\""]) > 0.0, "{domain}: {text}");
        assert_eq!(sum(&text, "retail_store_commits_total", &[&of, "outcome=\"unknown\""]), 0.0, "{domain}");
        assert_eq!(sum(&text, "retail_leases_held", &[&of]), 64.0, "{domain}");
        assert_eq!(sum(&text, "retail_store_answers", &[&of]), 1.0, "{domain}");
    }
    let orders = ["domain=\"orders\"", "kind=\"order\""];
    let outcome = |word: &'static str| sum(&text, "retail_effects_total", &[orders[0], orders[1], word]);
    assert!(outcome("outcome=\"confirmed\"") >= 6.0, "{text}");
    assert!(sum(&text, "retail_effects_sent_total", &orders) >= outcome("outcome=\"confirmed\""));
    for connector in ["shopify", "netsuite", "salesforce"] {
        let calls = [format!("connector=\"{connector}\""), "outcome=\"answered\"".to_owned()];
        assert!(sum(&text, "retail_vendor_calls_total", &calls.each_ref().map(String::as_str)) > 0.0, "{connector}");
    }
    assert!(sum(&text, "retail_inbox_events_total", &["domain=\"cases\"", "outcome=\"taken\""]) > 0.0);
    assert_eq!(sum(&text, "retail_inbox_events_total", &["outcome=\"parked\""]), 0.0);
    assert!(sum(&text, "retail_gateway_requests_total", &["route=\"webhooks\"", "status=\"200\""]) > 0.0, "{text}");
    let partitions = |feed: &str| {
        let of = format!("retail_feed_lag_entries{{domain=\"{feed}\",group=\"cases\",");
        text.lines().filter(|line| line.starts_with(&of)).count()
    };
    assert_eq!(["orders", "returns", "customers"].map(partitions), [64, 64, 64]);
    for usual in ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "retail_ready"] {
        assert!(text.contains(&format!("# TYPE {usual} ")), "no {usual}");
    }
    bounded(&text);
    let (status, _) = metrics.raw("GET", "/", None, &[]).await.unwrap();
    assert_eq!(status, 404);
    mesh.end().await;
}

/// However long the day, no more figures than these: no label is an order, a customer or a path.
fn bounded(text: &str) {
    let ours: BTreeSet<&str> = text.lines().filter(|line| line.starts_with("retail_")).collect();
    let of_feeds = ours.iter().filter(|line| line.starts_with("retail_feed_lag_")).count();
    assert!(ours.len() - of_feeds < 2_000, "{} figures:\n{text}", ours.len());
    assert!(!ours.iter().any(|line| line.contains("=\"#")), "an order number is a label");
}
