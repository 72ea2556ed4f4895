//! Side by side, one after the other, and apart from those that blow up.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::errands::{List, Runner};
use crate::toy::World;

#[tokio::test(start_paused = true)]
async fn steps_of_one_lane_never_run_side_by_side_and_others_do() {
    let (world, runner) = (World::new(), Arc::new(Runner::default()));
    world.wish("l1", &["side:a", "side:b", "side:c", "d", "e", "f"]).await;
    world.run(&runner).await;
    world.until_done("l1", 6).await;
    assert_eq!(runner.most_on_the_side.load(Ordering::SeqCst), 1);
    assert_eq!(runner.most_free.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn a_lane_is_narrow_within_one_aggregate_only() {
    let (world, runner) = (World::new(), Arc::new(Runner::default()));
    world.wish("l1", &["side:a"]).await;
    world.wish("l2", &["side:a"]).await;
    world.run(&runner).await;
    world.until_done("l1", 1).await;
    world.until_done("l2", 1).await;
    assert_eq!(runner.most_on_the_side.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_panics_parks_its_aggregate_and_stops_no_other() {
    let (world, runner) = (World::new(), Arc::new(Runner::default()));
    runner.fuses.store(1, Ordering::SeqCst);
    world.wish("l1", &["bomb"]).await;
    for good in ["l2", "l3", "l4"] {
        world.wish(good, &["a"]).await;
    }
    world.run(&runner).await;
    for good in ["l2", "l3", "l4"] {
        world.until_done(good, 1).await;
    }
    let ledger = loop {
        let ledger = world.list_ledger("l1").await;
        if ledger.parked.is_some() {
            break ledger;
        }
        world.clock.sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(ledger.parked.unwrap().reason, "RULE_PANICKED");
    // Mended and resumed, it goes on.
    runner.fuses.store(0, Ordering::SeqCst);
    let now = world.clock.now();
    let rule = move |draft: &mut retail_store::Draft<List>| {
        Ok::<_, std::convert::Infallible>(retail_flow::resume(draft, "mended", now))
    };
    assert!(world.store.step::<List, _, _>("l1", None, rule).await.unwrap().value);
    world.until_done("l1", 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_step_that_panics_is_an_unknown_outcome_and_tried_again() {
    let (world, runner) = (World::new(), Arc::new(Runner::default()));
    world.wish("l1", &["fuse", "a"]).await;
    world.run(&runner).await;
    world.until_done("l1", 2).await;
    let ledger = world.list_ledger("l1").await;
    assert_eq!(ledger.effect("fuse").unwrap().attempts, 2);
    assert!(ledger.timeline.iter().any(|entry| entry.detail.starts_with("STEP_PANICKED")));
}
