//! Following the feed of another domain.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use retail_flow::{Feed, Leases};
use retail_proto::events::v1 as pb;
use retail_proto::events::v1::feed_service_server::FeedServiceServer;
use retail_runtime::telemetry;
use retail_store::{Fate, Partition};
use tonic::service::Routes;

use crate::inbox::{Diary, Script, event, follow, follow_over};
use crate::toy::World;

/// Serves the feed of a world; answers its address.
async fn served(world: &World) -> String {
    for partition in Partition::all() {
        world.store.declare(partition, "search").await.unwrap();
    }
    let leases = Leases::start(&world.runtime, &world.store).await;
    let feed = Feed::new(&world.runtime, &world.store, &leases, vec!["search".into()]);
    let listener = world.runtime.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = format!("http://{}", listener.local_addr());
    let server = world.runtime.clone();
    world.runtime.spawn("feed", async move {
        server.serve_grpc(listener, Routes::new(FeedServiceServer::new(feed))).await.unwrap();
    });
    address
}

async fn until_all_acknowledged(world: &World) {
    for _ in 0..4_000 {
        let mut behind = 0;
        for partition in Partition::all() {
            let end = world.store.ends(partition).await.unwrap().end.sequence;
            let offset = world.store.offset(partition, "search").await.unwrap().unwrap();
            behind += end - offset.position.sequence;
        }
        if behind == 0 {
            return;
        }
        world.clock.sleep(Duration::from_millis(5)).await;
    }
    panic!("never acknowledged");
}

#[tokio::test]
async fn every_event_is_taken_in_once_in_order_and_acknowledged() {
    let world = World::new();
    let address = served(&world).await;
    for _ in 0..5 {
        for id in 0..20 {
            world.place(&format!("p{id}")).await;
        }
    }
    let follower = follow(&world, &address).await;
    world.place("p0").await;
    for id in 1..20 {
        assert_eq!(follower.until(&format!("p{id}"), 5).await, [1, 2, 3, 4, 5]);
    }
    assert_eq!(follower.until("p0", 6).await, [1, 2, 3, 4, 5, 6]);
    until_all_acknowledged(&world).await;
    world.runtime.stop();
}

#[tokio::test]
async fn events_whose_acknowledgement_was_lost_come_again_and_change_nothing() {
    let world = World::new();
    let address = served(&world).await;
    world.place("p1").await;
    world.place("p1").await;
    let unacknowledged = world.model.moment();
    let follower = follow(&world, &address).await;
    follower.until("p1", 2).await;
    until_all_acknowledged(&world).await;
    follower.runtime.stop();
    assert!(follower.runtime.drained(Duration::from_secs(10)).await);
    world.model.return_to(unacknowledged);
    let next = follow_over(&world, &address, Arc::clone(&follower.model), Arc::default()).await;
    until_all_acknowledged(&world).await;
    assert_eq!(next.diary("p1").await, [1, 2]);
    world.runtime.stop();
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_counts_once() {
    let world = World::new();
    let address = served(&world).await;
    let follower = follow(&world, &address).await;
    let mut lost = 0;
    follower.model.fate(move |_, commit| {
        let is_diary = commit.writes.iter().any(|write| write.key.kind() == "diary");
        lost += usize::from(is_diary);
        match lost {
            1 if is_diary => Fate::AnswerLost,
            2 if is_diary => Fate::Unavailable,
            _ => Fate::Lucky,
        }
    });
    world.place("p1").await;
    world.place("p1").await;
    assert_eq!(follower.until("p1", 2).await, [1, 2]);
    until_all_acknowledged(&world).await;
    assert_eq!(follower.diary("p1").await, [1, 2]);
    world.runtime.stop();
}

#[tokio::test]
async fn events_that_come_twice_or_before_their_turn_never_go_back() {
    let world = World::new();
    let said = vec![
        event(1, "p1", 2, 12),
        event(2, "p1", 1, 11),
        event(3, "p1", 2, 12),
        event(4, "p1", 3, 13),
        event(5, "p2", 1, 21),
    ];
    let (script, address) = Script::served(&world, said).await;
    let follower = follow(&world, &address).await;
    script.until_acknowledged(5).await;
    assert_eq!(follower.diary("p1").await, [2, 3]);
    assert_eq!(follower.diary("p2").await, [1]);
    world.runtime.stop();
}

#[tokio::test]
async fn a_feed_longer_than_what_is_held_in_memory_flows() {
    let world = World::new();
    let said = (0..6_000_u64).map(|place| {
        let (parcel, version) = (place % 300, place / 300 + 1);
        event(place + 1, &format!("p{parcel}"), version, u128::from(place) + 1)
    });
    let (script, address) = Script::served(&world, said.collect()).await;
    let follower = follow(&world, &address).await;
    script.until_acknowledged(6_000).await;
    for parcel in [0, 150, 299] {
        assert_eq!(follower.diary(&format!("p{parcel}")).await, (1..=20).collect::<Vec<u64>>());
    }
    world.runtime.stop();
}

#[tokio::test]
async fn a_poison_event_parks_its_aggregate_alone_and_a_replay_keeps_the_order() {
    let world = World::new();
    let address = served(&world).await;
    let follower = follow(&world, &address).await;
    follower.reader.poison.lock().unwrap().insert(("p1".into(), 2));
    for _ in 0..3 {
        world.place("p1").await;
        world.place("p2").await;
    }
    assert_eq!(follower.until("p2", 3).await, [1, 2, 3]);
    let (name, cause) = follower.until_parked().await;
    assert_eq!((name.as_str(), cause.as_str()), ("toys parcel/p1", "UNREADABLE: cannot be read"));
    until_all_acknowledged(&world).await;
    assert_eq!(follower.diary("p1").await, [1], "what came behind waits");
    assert!(retail_flow::is_parked(&follower.store, "search", "toys", "parcel/p1").await.unwrap());

    follower.replay(&name).await;
    assert_eq!(follower.until_parked().await.1, cause, "the cause is not mended");
    follower.reader.poison.lock().unwrap().clear();
    follower.replay(&name).await;
    assert_eq!(follower.until("p1", 3).await, [1, 2, 3]);
    world.place("p1").await;
    assert_eq!(follower.until("p1", 4).await, [1, 2, 3, 4]);
    world.runtime.stop();
}

#[tokio::test]
async fn another_event_under_a_version_that_is_known_parks_the_aggregate() {
    let world = World::new();
    let said = vec![event(1, "p1", 1, 11), event(2, "p1", 1, 99), event(3, "p1", 2, 100), event(4, "p2", 1, 21)];
    let (script, address) = Script::served(&world, said).await;
    let follower = follow(&world, &address).await;
    script.until_acknowledged(4).await;
    let (name, cause) = follower.until_parked().await;
    assert!(cause.starts_with("EVENT_FORKED"), "{cause}");
    assert_eq!((follower.diary("p1").await, follower.diary("p2").await), (vec![1], vec![1]));
    // A person has reconciled it: what the owner said last is its truth.
    follower.replay(&name).await;
    assert_eq!(follower.until("p1", 2).await, [1, 2]);
    world.runtime.stop();
}

#[tokio::test]
async fn when_a_member_leaves_another_takes_over() {
    let world = World::new();
    let address = served(&world).await;
    let first = follow(&world, &address).await;
    let second = follow_over(&world, &address, Arc::clone(&first.model), Arc::default()).await;
    let ids: Vec<String> = (0..30).map(|id| format!("p{id}")).collect();
    for id in &ids {
        world.place(id).await;
    }
    drop(first);
    for id in &ids {
        world.place(id).await;
    }
    for id in &ids {
        assert_eq!(second.until(id, 2).await, [1, 2]);
    }
    until_all_acknowledged(&world).await;
    world.runtime.stop();
}

#[tokio::test]
async fn a_group_that_is_out_of_range_resyncs_and_follows_from_the_oldest_event() {
    let world = World::new();
    let address = served(&world).await;
    world.place("p1").await;
    let partition = Partition::of("p1");
    world.store.trim(partition, &[], Duration::ZERO, 100).await.unwrap();
    world.place("p1").await;
    let follower = follow(&world, &address).await;
    assert_eq!(follower.until("p1", 1).await, [2]);
    assert_eq!(follower.reader.resyncs.load(Ordering::SeqCst), 1);
    until_all_acknowledged(&world).await;
    world.runtime.stop();
}

#[tokio::test]
async fn a_feed_that_comes_back_is_joined_again() {
    let world = World::new();
    let listener = world.runtime.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = format!("http://{}", listener.local_addr());
    drop(listener);
    let follower = follow(&world, &address).await;
    world.place("p1").await;
    for partition in Partition::all() {
        world.store.declare(partition, "search").await.unwrap();
    }
    let at: SocketAddr = address.trim_start_matches("http://").parse().unwrap();
    let listener = world.runtime.bind(at).await.unwrap();
    let leases = Leases::start(&world.runtime, &world.store).await;
    let feed = Feed::new(&world.runtime, &world.store, &leases, vec!["search".into()]);
    let server = world.runtime.clone();
    world.runtime.spawn("feed", async move {
        server.serve_grpc(listener, Routes::new(FeedServiceServer::new(feed))).await.unwrap();
    });
    assert_eq!(follower.until("p1", 1).await, [1]);
    assert!(follower.store.read::<Diary>("p1").await.unwrap().is_some());
    world.runtime.stop();
}

#[tokio::test]
async fn an_event_is_taken_in_within_the_trace_of_its_cause() {
    telemetry::for_tests();
    let world = World::new();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let traceparent = format!("00-{trace}-00f067aa0ba902b7-01");
    let said = pb::Event { traceparent, ..event(1, "p1", 1, 11) };
    let (script, address) = Script::served(&world, vec![said]).await;
    let follower = follow(&world, &address).await;
    script.until_acknowledged(1).await;
    assert_eq!(*follower.reader.traces.lock().unwrap(), [trace]);
    world.runtime.stop();
}
