//! Two replicas, a replica that stops, a store that fails: nothing is lost and nothing is done twice.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use retail_flow::Class;
use retail_store::Fate;

use crate::errands::Runner;
use crate::toy::{Mood, Parcel, Vendor, World};

#[tokio::test(start_paused = true)]
async fn of_two_workers_over_one_store_the_one_without_leases_writes_nothing() {
    let (world, vendor) = (World::new(), Vendor::moods(&[]));
    let writers: Arc<Mutex<BTreeSet<[u8; 16]>>> = Arc::default();
    let seen = Arc::clone(&writers);
    world.model.fate(move |_, commit| {
        seen.lock().unwrap().extend(commit.fences.iter().map(|fence| fence.nonce));
        Fate::Lucky
    });
    let first = world.work(Class::Keyed, &vendor).await;
    let other = world.restarted();
    let second = other.work(Class::Keyed, &vendor).await;
    for number in 0..20 {
        other.place(&format!("p{number}")).await;
    }
    for number in 0..20 {
        world.until(&format!("p{number}"), |parcel| parcel.announced).await;
    }
    assert_eq!((first.held().len(), second.held().len()), (64, 0));
    assert_eq!(writers.lock().unwrap().len(), 1);
    assert_eq!(vendor.calls.load(Ordering::SeqCst), 20);
}

#[tokio::test(start_paused = true)]
async fn the_second_worker_takes_over_when_the_first_stops() {
    let (world, vendor) = (World::new(), Vendor::moods(&[]));
    world.work(Class::Keyed, &vendor).await;
    let other = world.restarted();
    let second = other.work(Class::Keyed, &vendor).await;
    world.runtime.stop();
    other.place("p1").await;
    other.until("p1", |parcel| parcel.announced).await;
    assert_eq!(second.held().len(), 64);
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_a_call_under_way_bring_its_outcome_home() {
    let (world, vendor) = (World::new(), Vendor::moods(&[Mood::Dawdles]));
    world.place("p1").await;
    // Blind: an outcome that is lost could never be found out again.
    let leases = world.work(Class::Blind, &vendor).await;
    while vendor.calls.load(Ordering::SeqCst) == 0 {
        world.clock.sleep(Duration::from_millis(10)).await;
    }
    world.runtime.stop();
    assert!(world.runtime.drained(Duration::from_secs(60)).await);
    assert!(leases.held().is_empty());
    let parcel = world.parcel("p1").await;
    assert!(parcel.announced && !parcel.parked);
    let next = world.restarted();
    next.work(Class::Blind, &vendor).await;
    next.clock.sleep(Duration::from_secs(60)).await;
    assert_eq!(vendor.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stop_begins_nothing_new() {
    let (world, runner) = (World::new(), Arc::new(Runner::default()));
    world.wish("l1", &["side:a", "side:b"]).await;
    world.run(&runner).await;
    while runner.most_on_the_side.load(Ordering::SeqCst) == 0 {
        world.clock.sleep(Duration::from_millis(10)).await;
    }
    world.runtime.stop();
    assert!(world.runtime.drained(Duration::from_secs(60)).await);
    assert_eq!(world.until_done("l1", 1).await.done, ["side:a"]);
    let next = world.restarted();
    next.run(&runner).await;
    next.until_done("l1", 2).await;
}

#[tokio::test(start_paused = true)]
async fn an_outcome_survives_a_store_that_is_away_for_a_while() {
    for fate in [Fate::Unavailable, Fate::RequestLost, Fate::AnswerLost] {
        let (world, vendor) = (World::new(), Vendor::moods(&[]));
        world.place("p1").await;
        // Of the worker's commits the first is the intent; the next three bring the outcome home, or try to.
        let mut worker_commits = 0;
        world.model.fate(move |_, commit| {
            worker_commits += usize::from(!commit.fences.is_empty());
            if (2..5).contains(&worker_commits) { fate } else { Fate::Lucky }
        });
        world.work(Class::Blind, &vendor).await;
        let parcel: Parcel = world.until("p1", |parcel| parcel.announced || parcel.parked).await;
        assert!(parcel.announced && !parcel.parked, "{fate:?}");
        assert_eq!(vendor.calls.load(Ordering::SeqCst), 1, "{fate:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_to_one_of_our_own_services_costs_no_commit_of_its_own() {
    let (world, vendor) = (World::new(), Vendor::moods(&[]));
    world.place("p1").await;
    world.work(Class::Call, &vendor).await;
    world.until("p1", |parcel| parcel.announced).await;
    assert_eq!(world.store.commits(), 2, "placed, and done");
}

#[tokio::test(start_paused = true)]
async fn what_a_claim_goes_by_is_durable_before_it_leaves() {
    let (world, runner) = (World::new(), Arc::new(Runner::default()));
    world.wish("l1", &["call:look", "claim:take"]).await;
    world.run(&runner).await;
    world.until_done("l1", 2).await;
    assert_eq!(world.store.commits(), 3, "wished, what the look brought, and done");
    world.wish("l2", &["claim:take"]).await;
    world.until_done("l2", 1).await;
    assert_eq!(world.store.commits(), 5, "nothing is brought that a commit would keep");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_not_done_waits_before_it_is_made_again() {
    let (world, vendor) = (World::new(), Vendor::moods(&[Mood::Away, Mood::Away]));
    world.place("p1").await;
    world.work(Class::Call, &vendor).await;
    world.until("p1", |parcel| parcel.announced).await;
    let ledger = world.ledger("p1").await;
    assert_eq!(ledger.effect("carrier.announce").unwrap().attempts, 3);
}

#[tokio::test(start_paused = true)]
async fn a_read_back_that_does_not_come_through_proves_nothing() {
    let (world, vendor) = (World::new(), Vendor::moods(&[Mood::DoesAndFallsSilent]));
    *vendor.look_moods.lock().unwrap() = vec![Mood::Away, Mood::Away];
    world.place("p1").await;
    world.work(Class::Queryable, &vendor).await;
    world.until("p1", |parcel| parcel.announced).await;
    assert_eq!((vendor.calls.load(Ordering::SeqCst), vendor.looks.load(Ordering::SeqCst)), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn a_read_back_that_is_refused_parks_and_is_made_again_after_the_resume() {
    let (world, vendor) = (World::new(), Vendor::moods(&[Mood::DoesAndFallsSilent]));
    *vendor.look_moods.lock().unwrap() = vec![Mood::Refuses];
    world.place("p1").await;
    world.work(Class::Queryable, &vendor).await;
    world.until("p1", |parcel| parcel.parked).await;
    let now = world.clock.now();
    let rule = move |draft: &mut retail_store::Draft<Parcel>| {
        Ok::<_, std::convert::Infallible>(retail_flow::resume(draft, "searching is allowed", now))
    };
    world.store.step::<Parcel, _, _>("p1", None, rule).await.unwrap();
    world.until("p1", |parcel| parcel.announced).await;
    assert_eq!(vendor.calls.load(Ordering::SeqCst), 1);
}
