//! Effects: at most once, at least once, exactly once, as their class says.

use std::sync::atomic::Ordering;
use std::time::Duration;

use retail_flow::{Class, EffectState};
use retail_store::Fate;

use crate::toy::{Mood, Vendor, World};

#[tokio::test(start_paused = true)]
async fn a_good_day_is_one_call_and_done() {
    let (world, vendor) = (World::new(), Vendor::moods(&[]));
    world.place("p1").await;
    world.work(Class::Keyed, &vendor).await;
    world.until("p1", |parcel| parcel.announced).await;
    assert_eq!(vendor.calls.load(Ordering::SeqCst), 1);
    let what: Vec<_> = world.ledger("p1").await.timeline.iter().map(|entry| entry.what.clone()).collect();
    assert_eq!(what, ["BEGUN", "EFFECT_SENT", "EFFECT_CONFIRMED"]);
}

#[tokio::test(start_paused = true)]
async fn a_keyed_effect_whose_answer_is_lost_is_sent_again_under_the_same_key() {
    let (world, vendor) = (World::new(), Vendor::moods(&[Mood::DoesAndFallsSilent, Mood::FallsSilent]));
    world.place("p1").await;
    world.work(Class::Keyed, &vendor).await;
    world.until("p1", |parcel| parcel.announced).await;
    assert_eq!(vendor.calls.load(Ordering::SeqCst), 3);
    assert_eq!(vendor.effects(), 1, "one key at every attempt");
}

#[tokio::test(start_paused = true)]
async fn a_queryable_effect_is_looked_for_after_the_quiet_time_and_not_sent_again_when_found() {
    let (world, vendor) = (World::new(), Vendor::moods(&[Mood::DoesAndFallsSilent]));
    world.place("p1").await;
    let begun = world.clock.monotonic();
    world.work(Class::Queryable, &vendor).await;
    world.until("p1", |parcel| parcel.announced).await;
    assert_eq!(vendor.calls.load(Ordering::SeqCst), 1);
    assert_eq!(vendor.looks.load(Ordering::SeqCst), 1);
    assert!(world.clock.monotonic() - begun >= Duration::from_secs(120));
}

#[tokio::test(start_paused = true)]
async fn a_queryable_effect_is_sent_again_only_after_two_misses() {
    let (world, vendor) = (World::new(), Vendor::moods(&[Mood::FallsSilent]));
    world.place("p1").await;
    world.work(Class::Queryable, &vendor).await;
    world.until("p1", |parcel| parcel.announced).await;
    assert_eq!(vendor.looks.load(Ordering::SeqCst), 2);
    assert_eq!(vendor.calls.load(Ordering::SeqCst), 2);
    assert_eq!(vendor.effects(), 1);
}

/// Drives a parcel whose n-th commit of the ledger is applied and never answered; what its timeline then says.
async fn unheard(class: Class, nth: u32) -> Vec<String> {
    let (world, vendor) = (World::new(), Vendor::moods(&[]));
    world.place("p1").await;
    let mut commits = 0;
    world.model.fate(move |_, commit| {
        commits += u32::from(commit.writes.iter().any(|write| write.key.kind() == "ledger"));
        if commits == nth { Fate::AnswerLost } else { Fate::Lucky }
    });
    world.work(class, &vendor).await;
    world.until("p1", |parcel| parcel.announced).await;
    world.clock.sleep(Duration::from_secs(60)).await;
    assert_eq!(vendor.calls.load(Ordering::SeqCst), 1, "{class:?}");
    world.ledger("p1").await.timeline.iter().map(|entry| entry.what.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn an_outcome_whose_commit_nobody_heard_of_is_taken_in_once() {
    assert_eq!(unheard(Class::Keyed, 2).await, ["BEGUN", "EFFECT_SENT", "EFFECT_CONFIRMED"]);
    // A call to our own services needs no intent: its outcome is the first commit.
    assert_eq!(unheard(Class::Call, 1).await, ["BEGUN", "STEP_DONE"]);
}

#[tokio::test(start_paused = true)]
async fn an_intent_whose_commit_nobody_heard_of_leaves_once_and_at_once() {
    for class in [Class::Keyed, Class::Queryable, Class::Blind] {
        assert_eq!(unheard(class, 1).await, ["BEGUN", "EFFECT_SENT", "EFFECT_CONFIRMED"], "{class:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_blind_effect_is_never_sent_twice_and_waits_for_a_person() {
    let (world, vendor) = (World::new(), Vendor::moods(&[Mood::DoesAndFallsSilent]));
    world.place("p1").await;
    world.work(Class::Blind, &vendor).await;
    world.until("p1", |parcel| parcel.parked).await;
    world.clock.sleep(Duration::from_secs(3600)).await;
    assert_eq!(vendor.calls.load(Ordering::SeqCst), 1);
    assert_eq!(world.ledger("p1").await.parked.unwrap().reason, "OUTCOME_UNKNOWN");
}

#[tokio::test(start_paused = true)]
async fn a_side_lane_still_tells_that_the_aggregate_is_parked() {
    let (world, vendor) = (World::new(), Vendor::moods(&[Mood::Refuses]));
    world.place("p1").await;
    world.work(Class::Keyed, &vendor).await;
    world.until("p1", |parcel| parcel.parked && parcel.told).await;
    assert_eq!(vendor.told.load(Ordering::SeqCst), 1);
    assert_eq!(world.ledger("p1").await.parked.unwrap().reason, "NO_SUCH_ADDRESS");
}

#[tokio::test(start_paused = true)]
async fn what_was_certainly_not_done_is_tried_again_with_growing_waits() {
    let away = vec![Mood::Away; 6];
    let (world, vendor) = (World::new(), Vendor::moods(&away));
    world.place("p1").await;
    let begun = world.clock.monotonic();
    world.work(Class::Blind, &vendor).await;
    world.until("p1", |parcel| parcel.announced).await;
    assert_eq!(vendor.calls.load(Ordering::SeqCst), 7);
    // Half of 0.5 + 1 + 2 + 4 + 8 + 16 seconds at least.
    assert!(world.clock.monotonic() - begun >= Duration::from_secs(15));
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_stays_away_past_the_deadline_parks_the_aggregate() {
    let away = vec![Mood::Away; 5_000];
    let (world, vendor) = (World::new(), Vendor::moods(&away));
    world.place("p1").await;
    world.work(Class::Keyed, &vendor).await;
    world.until("p1", |parcel| parcel.parked).await;
    assert_eq!(world.ledger("p1").await.parked.unwrap().reason, "DEADLINE_PASSED");
}

#[tokio::test(start_paused = true)]
async fn a_process_killed_in_the_middle_of_a_call_leaves_the_intent_and_the_next_one_resolves_it() {
    let (world, vendor) = (World::new(), Vendor::moods(&[Mood::Hangs]));
    world.place("p1").await;
    world.work(Class::Keyed, &vendor).await;
    while vendor.calls.load(Ordering::SeqCst) == 0 {
        world.clock.sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(world.ledger("p1").await.effects[0].state(), EffectState::Sent, "the intent is durable before the call");
    world.runtime.stop();
    let next = world.restarted();
    next.work(Class::Keyed, &vendor).await;
    next.until("p1", |parcel| parcel.announced).await;
    assert_eq!(vendor.effects(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_resumed_aggregate_goes_on_where_it_was() {
    let (world, vendor) = (World::new(), Vendor::moods(&[Mood::Refuses]));
    world.place("p1").await;
    world.work(Class::Keyed, &vendor).await;
    world.until("p1", |parcel| parcel.parked).await;
    let now = world.clock.now();
    let rule = move |draft: &mut retail_store::Draft<crate::toy::Parcel>| {
        Ok::<_, std::convert::Infallible>(retail_flow::resume(draft, "address corrected", now))
    };
    assert!(world.store.step::<crate::toy::Parcel, _, _>("p1", None, rule).await.unwrap().value);
    let parcel = world.until("p1", |parcel| parcel.announced).await;
    assert!(!parcel.parked);
    assert_eq!(vendor.effects(), 1);
}
