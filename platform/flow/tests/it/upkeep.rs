//! Upkeep: what nobody needs any more is removed by whoever holds the partition, and nothing else is.

use std::convert::Infallible;
use std::time::Duration;

use retail_flow::Leases;
use retail_runtime::config::Span;
use retail_runtime::{Clock, ManualTime, Net, Rng, Runtime, Timestamp};
use retail_store::{BackendConfig, Caller, Config, Draft, Error, Partition, Store};

use crate::feed::served;
use crate::toy::{Parcel, World};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);
/// Longer than one round takes.
const ROUND: Duration = Duration::from_secs(1_800);

/// A store with one group whose clock is moved by hand; waiting follows tokio's paused time.
struct Kept {
    runtime: Runtime,
    store: Store,
    time: ManualTime,
}

impl Kept {
    async fn new() -> Self {
        let (clock, time) = Clock::manual(Timestamp::from_second(1_700_000_000).unwrap());
        let runtime = Runtime::new("toys", clock, Rng::seeded(1), Net::tcp());
        let config = Config {
            backend: BackendConfig::Model,
            domain: "toys".into(),
            region: "local".into(),
            groups: vec!["search".into()],
            keep: Span::from_secs(3_600),
        };
        let store = Store::open(&runtime, &config).await.unwrap();
        Self { runtime, store, time }
    }

    /// Where everything happens.
    fn partition(&self) -> Partition {
        self.store.partition_of("p1")
    }

    async fn change(&self, key: &str) -> bool {
        let rule = |draft: &mut Draft<Parcel>| {
            draft.emit("toy.ParcelChanged", Vec::new());
            Ok::<_, Infallible>(Parcel::default())
        };
        let caller = Caller::keyed("test", "change", key, b"");
        self.store.update::<Parcel, _, _>("p1", caller, rule).await.unwrap().repeated
    }

    /// The group has so many events behind it.
    async fn acknowledge(&self, events: usize) -> Result<(), Error> {
        let begin = self.store.ends(self.partition()).await.unwrap().begin;
        let last = self.store.feed(self.partition(), &begin, events).await.unwrap().pop().unwrap();
        self.store.acknowledge(self.partition(), "search", last.position()).await.map(drop)
    }

    async fn begin(&self) -> u64 {
        self.store.ends(self.partition()).await.unwrap().begin.sequence
    }

    async fn a_round(&self) {
        self.runtime.clock().sleep(ROUND).await;
    }

    async fn says(&self, figure: &str) -> bool {
        self.runtime.metrics().text(self.runtime.clock()).await.lines().any(|line| line == figure)
    }
}

#[tokio::test(start_paused = true)]
async fn events_that_every_group_has_behind_are_removed_once_they_are_old_enough() {
    let kept = Kept::new().await;
    for key in ["a", "b", "c"] {
        kept.change(key).await;
    }
    kept.acknowledge(2).await.unwrap();
    let _leases = Leases::start(&kept.runtime, &kept.store).await;
    kept.a_round().await;
    assert_eq!(kept.begin().await, 0, "too young: somebody may read the feed without a group");
    kept.time.advance(2 * HOUR);
    kept.a_round().await;
    assert_eq!(kept.begin().await, 2, "the third is not acknowledged");
    kept.time.advance(2 * DAY);
    kept.a_round().await;
    assert_eq!(kept.begin().await, 2, "and stays, however old it is");
    assert!(kept.says("retail_feed_trimmed_total{domain=\"toys\"} 2").await);
    kept.acknowledge(1).await.unwrap();
    kept.a_round().await;
    assert_eq!(kept.begin().await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_was_silent_for_seven_days_is_expired_with_an_alarm_and_holds_up_nothing() {
    let kept = Kept::new().await;
    kept.change("a").await;
    kept.time.advance(6 * DAY);
    let _leases = Leases::start(&kept.runtime, &kept.store).await;
    kept.a_round().await;
    assert_eq!(kept.begin().await, 0, "six days are not seven");
    kept.time.advance(2 * DAY);
    kept.a_round().await;
    assert_eq!(kept.begin().await, 1);
    assert!(kept.store.offset(kept.partition(), "search").await.unwrap().unwrap().expired);
    assert!(kept.says("retail_feed_groups_expired_total{domain=\"toys\",group=\"search\"} 1").await);
    assert!(kept.says("retail_feed_groups_expired{domain=\"toys\",group=\"search\"} 1").await);
    kept.change("b").await;
    assert!(matches!(kept.acknowledge(1).await, Err(Error::OutOfRange { .. })), "it must resync");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_was_away_lets_its_followers_show_themselves_before_it_expires_them() {
    let kept = Kept::new().await;
    kept.change("a").await;
    kept.time.advance(8 * DAY);
    let _leases = Leases::start(&kept.runtime, &kept.store).await;
    kept.runtime.clock().sleep(Duration::from_secs(60)).await;
    kept.store.touch(kept.partition(), "search").await.unwrap();
    kept.a_round().await;
    assert!(!kept.store.offset(kept.partition(), "search").await.unwrap().unwrap().expired);
    assert_eq!(kept.begin().await, 0);
}

#[tokio::test(start_paused = true)]
async fn stored_results_are_swept_after_eight_days_and_not_before() {
    let kept = Kept::new().await;
    kept.change("a").await;
    let _leases = Leases::start(&kept.runtime, &kept.store).await;
    kept.time.advance(7 * DAY);
    kept.a_round().await;
    assert!(kept.change("a").await, "a repeat is answered with what it was told");
    kept.time.advance(2 * DAY);
    kept.a_round().await;
    assert!(kept.says("retail_store_results_swept_total{domain=\"toys\"} 1").await);
    assert!(!kept.change("a").await);
}

#[tokio::test(start_paused = true)]
async fn only_the_replica_that_holds_a_partition_keeps_it() {
    let kept = Kept::new().await;
    kept.change("a").await;
    let clock = kept.runtime.clock().clone();
    let beside = Runtime::new("beside", clock, Rng::seeded(2), Net::tcp());
    let store = Store::over(&beside, kept.store.backend().clone(), "toys", "local");
    let _keeper = Leases::start(&kept.runtime, &kept.store).await;
    let late = Leases::start(&beside, &store).await;
    // Leases that stand still: nobody shows himself by a clock that is moved by hand.
    kept.time.advance(9 * DAY);
    kept.a_round().await;
    let text = beside.metrics().text(beside.clock()).await;
    let here = kept.says("retail_store_results_swept_total{domain=\"toys\"} 1").await;
    let there = text.lines().any(|line| line == "retail_store_results_swept_total{domain=\"toys\"} 1");
    assert_eq!((here, there), (!late.holds(kept.partition()), late.holds(kept.partition())));
}

#[tokio::test(start_paused = true)]
async fn a_member_to_whom_nothing_happens_shows_that_it_lives() {
    use retail_proto::events::v1 as pb;
    use tokio_stream::wrappers::ReceiverStream;

    let world = World::new();
    let mut client = served(&world).await;
    let (says, said) = tokio::sync::mpsc::channel(8);
    says.send(pb::SubscribeRequest { group: "search".into(), ..Default::default() }).await.unwrap();
    let mut hears = client.subscribe(ReceiverStream::new(said)).await.unwrap().into_inner();
    while hears.message().await.unwrap().unwrap().assigned.is_empty() {}
    let partition = Partition::new(7).unwrap();
    let seen = async || world.store.offset(partition, "search").await.unwrap().unwrap().seen;
    let joined = seen().await;
    world.clock.sleep(HOUR + Duration::from_secs(60)).await;
    assert!(seen().await >= joined + HOUR);
    world.runtime.stop();
}
