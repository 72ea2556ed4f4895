//! What is new, what of it is told, and that each fact is told once.

use proptest::prelude::*;
use retail_proto::orders::v1::{Edit, EditState, Order, OrderState, PickupStage};

use super::*;
use crate::facts::of_order;
use crate::record::Known;
use crate::testing::{PLACED, booked, cancelled, collected, pickup, ready, rejected, shipped};

const HOUR: i64 = 3_600_000;
/// Messages were switched on an hour before the order was placed.
const SINCE: i64 = PLACED - HOUR;

fn config(channel: &str) -> Config {
    let text = format!(
        "orders = \"\"\nreturns = \"\"\n[carriers.mail]\naddress = \"\"\n[channels.shop]\ncarrier = \"mail\"\n{channel}"
    );
    retail_runtime::config::parse(&text).unwrap()
}

fn said(version: u64, at: i64) -> Saying<'static> {
    Saying { version, at, adopted: false, channel: "shop" }
}

/// Takes a version in, a second after it was said; answers what was told.
fn take(known: &mut Correspondence, order: &Order, said: Saying<'_>, config: &Config, since: i64) -> Vec<String> {
    if said.version <= known.version {
        return Vec::new();
    }
    if !said.adopted {
        forget_adoption(known, &of_order(order));
    }
    let news = judge(known, of_order(order), said, config, (since, said.at + 1_000));
    known.version = said.version;
    known.said_at = said.at;
    known.facts.extend(news.iter().map(|one| Known {
        id: one.fact.id.clone(),
        at: one.at,
        untold: one.untold.clone(),
    }));
    news.into_iter().filter(|one| one.untold.is_empty()).map(|one| one.fact.id).collect()
}

/// Takes one version after the other; answers what was told.
fn told(orders: &[Order], since: i64, first: u64) -> Vec<String> {
    let (mut known, config) = (Correspondence::default(), config(""));
    let versions = orders.iter().zip(first..).zip(1..);
    versions
        .flat_map(|((order, version), second): (_, i64)| {
            take(&mut known, order, said(version, PLACED + second * 1_000), &config, since)
        })
        .collect()
}

#[test]
fn each_fact_is_told_once_however_often_it_is_said() {
    let orders = [booked(), booked(), shipped(), shipped()];
    assert_eq!(told(&orders, SINCE, 1), ["ordered", "shipped/s1"]);
}

#[test]
fn an_edit_is_told_once_and_one_from_before_the_booking_goes_with_what_was_ordered() {
    let edits = |count| {
        let edit = |number| Edit { number, state: i32::from(EditState::Done), ..Edit::default() };
        Order { edits: (1..=count).map(edit).collect(), ..booked() }
    };
    assert_eq!(told(&[booked(), edits(1), edits(1), edits(2)], SINCE, 1), ["ordered", "edited/1", "edited/2"]);
    assert_eq!(told(&[edits(1), edits(2)], SINCE, 1), ["ordered", "edited/2"]);
}

#[test]
fn what_is_from_before_the_switch_is_known_and_not_told() {
    // Two versions before it, one after it.
    assert_eq!(told(&[booked(), booked(), shipped()], PLACED + 2_500, 1), ["shipped/s1"]);
}

#[test]
fn an_order_that_is_first_heard_of_in_its_middle_tells_only_what_has_a_time_of_its_own() {
    let since = PLACED + 500;
    let order = Order { shipments: shipped().shipments, ..ready(1) };
    assert_eq!(told(&[order], since, 7), ["ready/1"], "placed before the switch: the rest may be old");
    assert_eq!(told(&[shipped()], SINCE, 7), ["ordered", "shipped/s1"], "placed after it: nothing can be old");
}

#[test]
fn what_was_missed_in_an_outage_is_told_as_long_as_it_is_worth_it() {
    let (config, day) = (config(""), 24 * HOUR);
    for (outage, expected) in [(day, vec!["shipped/s1"]), (5 * day, vec![])] {
        let mut known = Correspondence::default();
        take(&mut known, &booked(), said(1, PLACED), &config, SINCE);
        assert_eq!(take(&mut known, &shipped(), said(9, PLACED + outage), &config, SINCE), expected);
    }
}

#[test]
fn an_adopted_order_is_known_and_not_told() {
    let (mut known, config) = (Correspondence::default(), config(""));
    let adopted = Saying { adopted: true, ..said(1, PLACED) };
    assert!(take(&mut known, &shipped(), adopted, &config, SINCE).is_empty());
    assert!(take(&mut known, &shipped(), said(2, PLACED), &config, SINCE).is_empty());
}

#[test]
fn an_order_that_was_only_early_is_told_once_it_is_booked() {
    let (mut known, config) = (Correspondence::default(), config(""));
    let adopted = Saying { adopted: true, ..said(1, PLACED) };
    assert!(take(&mut known, &booked(), adopted, &config, SINCE).is_empty());
    let received = Order { state: OrderState::Received.into(), ..booked() };
    assert!(take(&mut known, &received, said(2, PLACED), &config, SINCE).is_empty());
    assert_eq!(take(&mut known, &booked(), said(3, PLACED), &config, SINCE), ["ordered"]);
}

#[test]
fn what_nobody_collected_is_not_told_as_cancelled_too() {
    let lapsed = pickup(&[PickupStage::Ready, PickupStage::Lapsed]);
    let over = Order { state: i32::from(OrderState::Cancelled), ..lapsed.clone() };
    let orders = [ready(1), lapsed.clone(), over.clone()];
    assert_eq!(told(&orders, SINCE, 1), ["ordered", "ready/1", "not_collected/1"]);
    assert_eq!(told(&[ready(1), over.clone()], SINCE, 1), ["ordered", "ready/1", "not_collected/1"]);
    let (mut known, config) = (Correspondence::default(), config("occasions = [\"cancelled\"]"));
    assert_eq!(take(&mut known, &over, said(1, PLACED + 9_000), &config, SINCE), ["cancelled"]);
}

#[test]
fn only_a_later_day_than_was_named_is_a_delay() {
    let on = |day: &str| {
        let mut order = booked();
        order.lines[0].expected_date = day.into();
        order
    };
    let days = ["2026-12-10", "2026-12-08", "2026-12-10", "2026-12-15", "2026-12-15", "2026-12-12"];
    assert_eq!(told(&days.map(on), SINCE, 1), ["ordered", "delayed/2026-12-15"]);
}

#[test]
fn facts_of_one_version_come_in_the_order_in_which_they_happened() {
    let order = Order { state: i32::from(OrderState::Booked), ..collected() };
    assert_eq!(told(&[order], SINCE, 3), ["ordered", "ready/1"]);
}

fn any_state() -> impl Strategy<Value = Order> {
    prop_oneof![
        Just(booked()),
        Just(Order { state: i32::from(OrderState::Received), ..booked() }),
        Just(shipped()),
        Just(cancelled()),
        Just(ready(1)),
        Just(ready(2)),
        Just(rejected()),
        Just(collected()),
        Just(pickup(&[PickupStage::Ready, PickupStage::Lapsed])),
    ]
}

proptest! {
    /// However versions are repeated, left out and turned about: each fact is told at most once, only what was true in a
    /// version that was taken, and the same deliveries tell the same.
    #[test]
    fn each_fact_is_told_at_most_once_whatever_the_order_of_deliveries(
        states in proptest::collection::vec(any_state(), 1..8),
        deliveries in proptest::collection::vec(0_usize..8, 1..30),
    ) {
        let config = config("");
        let run = || {
            let (mut known, mut told) = (Correspondence::default(), Vec::new());
            for delivery in &deliveries {
                let index = delivery % states.len();
                let version = u64::try_from(index).unwrap() + 1;
                let at = PLACED + i64::try_from(index).unwrap() * 60_000;
                told.extend(take(&mut known, &states[index], said(version, at), &config, SINCE));
            }
            (known, told)
        };
        let (known, told) = run();
        let mut once = told.clone();
        once.sort();
        once.dedup();
        prop_assert_eq!(once.len(), told.len(), "told twice: {:?}", told);
        let said: Vec<String> = states.iter().flat_map(of_order).map(|fact| fact.id).collect();
        prop_assert!(told.iter().all(|fact| said.contains(fact)));
        prop_assert!(told.iter().all(|fact| known.knows(fact)));
        prop_assert_eq!(run().1, told);
    }

    /// In their order and none left out, every fact of every version is told or known with its reason.
    #[test]
    fn nothing_is_forgotten(states in proptest::collection::vec(any_state(), 1..8)) {
        let (mut known, config) = (Correspondence::default(), config(""));
        for (state, version) in states.iter().zip(1_u64..) {
            let at = PLACED + i64::try_from(version).unwrap() * 60_000;
            take(&mut known, state, said(version, at), &config, SINCE);
        }
        for fact in states.iter().flat_map(of_order) {
            prop_assert!(known.knows(&fact.id));
        }
    }
}
