//! Several replicas of one service over one store: shares of the partitions, and what happens when one comes or goes.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use retail_flow::{Class, Leases};
use retail_store::Partition;

use crate::toy::{Mood, Vendor, World};

impl World {
    /// Another replica on the same store.
    async fn replica(&self, seed: u64) -> (World, Leases) {
        let world = self.beside(seed);
        let leases = Leases::start(&world.runtime, &world.store).await;
        (world, leases)
    }

    /// Waits until the replicas hold these shares, smallest first, and all partitions together.
    async fn until_shared(&self, replicas: &[&Leases], counts: &[usize]) {
        let mut seen = Vec::new();
        for _ in 0..600 {
            let held: Vec<Vec<Partition>> = replicas.iter().map(|leases| leases.held()).collect();
            seen = held.iter().map(Vec::len).collect();
            seen.sort_unstable();
            let all: BTreeSet<Partition> = held.iter().flatten().copied().collect();
            assert_eq!(all.len(), seen.iter().sum::<usize>(), "a partition is never held twice");
            if seen == counts && all.len() == 64 {
                return;
            }
            self.clock.sleep(Duration::from_millis(100)).await;
        }
        panic!("never shared: {seen:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_replica_that_joins_gets_its_share_and_a_replica_that_stops_leaves_nothing_unowned() {
    let world = World::new();
    let (_first, one) = world.replica(1).await;
    assert_eq!(one.held().len(), 64);
    let (second, two) = world.replica(2).await;
    world.until_shared(&[&one, &two], &[32, 32]).await;
    let (third, three) = world.replica(3).await;
    world.until_shared(&[&one, &two, &three], &[21, 21, 22]).await;
    second.runtime.stop();
    third.runtime.stop();
    let stopped = world.clock.monotonic();
    world.until_shared(&[&one], &[64]).await;
    let took = world.clock.monotonic().saturating_sub(stopped);
    assert!(took < Duration::from_secs(5), "what is given back is not waited for: {took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lone_replica_writes_no_roster() {
    let world = World::new();
    let (one, _leases) = world.replica(1).await;
    world.clock.sleep(Duration::from_secs(60)).await;
    assert_eq!(one.store.commits(), 0);
}

#[tokio::test(start_paused = true)]
async fn work_under_way_is_brought_home_before_its_partition_goes_to_another_replica() {
    let world = World::new();
    // More than one replica drives at once, so that some partition that goes is at work.
    let ids: Vec<String> = (0..300).map(|number| format!("p{number}")).collect();
    for id in &ids {
        world.place(id).await;
    }
    // Every call takes five seconds, and the second replica comes in the middle of it.
    let vendor = Vendor::moods(&vec![Mood::Dawdles; ids.len()]);
    let one = world.work(Class::Blind, &vendor).await;
    world.clock.sleep(Duration::from_secs(1)).await;
    let second = world.beside(2);
    let two = second.work(Class::Blind, &vendor).await;
    for id in &ids {
        let parcel = world.until(id, |parcel| parcel.announced || parcel.parked).await;
        assert!(parcel.announced, "{id} was lost on the way: {:?}", world.ledger(id).await);
    }
    assert_eq!(vendor.calls.load(Ordering::SeqCst), 300, "nothing was done twice");
    world.until_shared(&[&one, &two], &[32, 32]).await;
}

#[tokio::test(start_paused = true)]
async fn what_becomes_due_is_driven_by_whoever_holds_its_partition() {
    let world = World::new();
    let vendor = Vendor::moods(&[]);
    let one = world.work(Class::Keyed, &vendor).await;
    let second = world.beside(2);
    let two = second.work(Class::Keyed, &vendor).await;
    world.until_shared(&[&one, &two], &[32, 32]).await;
    for number in 0..40 {
        world.place(&format!("p{number}")).await;
    }
    for number in 0..40 {
        world.until(&format!("p{number}"), |parcel| parcel.announced).await;
    }
    assert_eq!((vendor.calls.load(Ordering::SeqCst), vendor.effects()), (40, 40));
}
