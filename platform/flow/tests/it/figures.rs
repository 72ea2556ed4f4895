//! Figures of a service: what its partitions, transactions and effects look like to whoever reads them.

use std::convert::Infallible;
use std::time::Duration;

use retail_flow::{Class, Leases};
use retail_runtime::Runtime;
use retail_runtime::config::Span;
use retail_store::{BackendConfig, Config, Draft, Store};

use crate::toy::{Mood, Parcel, Vendor, World};

async fn text(runtime: &Runtime) -> String {
    runtime.metrics().text(runtime.clock()).await
}

fn value(text: &str, figure: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {figure} in\n{text}")).parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_parked_and_how_effects_ended_can_be_read() {
    let (world, vendor) = (World::new(), Vendor::moods(&[Mood::Away, Mood::Refuses]));
    world.work(Class::Keyed, &vendor).await;
    world.place("p1").await;
    world.until("p1", |parcel| parcel.parked && parcel.told).await;
    world.clock.sleep(Duration::from_secs(90)).await;
    let text = text(&world.runtime).await;
    assert_eq!(value(&text, "retail_leases_held{domain=\"toys\"}"), 64.0);
    assert_eq!(value(&text, "retail_store_answers{domain=\"toys\"}"), 1.0);
    assert_eq!(value(&text, "retail_transactions{domain=\"toys\",state=\"parked\"}"), 1.0);
    assert!(value(&text, "retail_transactions_oldest_seconds{domain=\"toys\",state=\"parked\"}") >= 90.0);
    assert_eq!(value(&text, "retail_transactions_oldest_seconds{domain=\"toys\",state=\"running\"}"), 0.0);
    assert_eq!(value(&text, "retail_dead_letters{domain=\"toys\"}"), 0.0, "a parcel is no letter");
    for (outcome, times) in [("not_done", 1.0), ("refused", 1.0), ("confirmed", 1.0)] {
        let figure = format!("retail_effects_total{{domain=\"toys\",kind=\"parcel\",outcome=\"{outcome}\"}}");
        assert_eq!(value(&text, &figure), times, "{outcome}");
    }
    assert_eq!(value(&text, "retail_effects_sent_total{domain=\"toys\",kind=\"parcel\"}"), 3.0);
    assert!(value(&text, "retail_store_commits_total{domain=\"toys\",outcome=\"committed\"}") >= 3.0);
    assert_eq!(value(&text, "retail_store_commits_total{domain=\"toys\",outcome=\"unknown\"}"), 0.0);
    assert!(value(&text, "retail_store_commit_seconds_count{domain=\"toys\"}") >= 3.0);
}

#[tokio::test(start_paused = true)]
async fn how_far_a_group_is_behind_can_be_read_by_partition_while_somebody_holds_it() {
    let runtime = Runtime::system("toys");
    let config = Config {
        backend: BackendConfig::Model,
        domain: "toys".into(),
        region: "local".into(),
        groups: vec!["search".into()],
        keep: Span::from_secs(3_600),
    };
    let store = Store::open(&runtime, &config).await.unwrap();
    let leases = Leases::start(&runtime, &store).await;
    for _ in 0..3 {
        let rule = |draft: &mut Draft<Parcel>| {
            draft.emit("toy.ParcelChanged", Vec::new());
            Ok::<_, Infallible>(())
        };
        store.step("p1", None, rule).await.unwrap();
    }
    let behind = store.partition_of("p1").number();
    let figure = |name: &str, partition: u16| {
        format!("retail_feed_lag_{name}{{domain=\"toys\",group=\"search\",partition=\"{partition}\"}}")
    };
    let said = text(&runtime).await;
    assert_eq!(value(&said, &figure("entries", behind)), 3.0);
    assert!(value(&said, &figure("seconds", behind)) >= 0.0);
    assert_eq!(value(&said, &figure("entries", (behind + 1) % 64)), 0.0);
    assert_eq!(said.lines().filter(|line| line.starts_with("retail_feed_lag_entries{")).count(), 64);
    runtime.stop();
    assert!(runtime.drained(Duration::from_secs(60)).await);
    assert!(leases.held().is_empty());
    let said = text(&runtime).await;
    assert!(!said.contains("retail_feed_lag_"), "another replica tells of it now: {said}");
}
