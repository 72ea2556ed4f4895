//! What an order says to have happened.

use retail_proto::orders::v1 as pb;
use retail_proto::timestamp;

use super::*;
use crate::testing::{PLACED, booked, cancelled, gbp, pickup, ready, shipped};

fn ids(order: &Order) -> Vec<String> {
    of_order(order).into_iter().map(|fact| fact.id).collect()
}

#[test]
fn an_order_has_nothing_to_tell_before_it_is_booked() {
    for state in [OrderState::Received, OrderState::Held, OrderState::Reserved, OrderState::Refused] {
        assert!(ids(&Order { state: i32::from(state), ..booked() }).is_empty(), "{state:?}");
    }
    assert_eq!(ids(&booked()), ["ordered"]);
    assert_eq!(ids(&cancelled()), ["cancelled"]);
}

#[test]
fn each_parcel_is_a_fact_by_its_document() {
    let mut order = shipped();
    let mut second = order.shipments[0].clone();
    second.document.as_mut().unwrap().id = "s2".into();
    order.shipments.push(second);
    order.shipments.push(pb::Shipment::default());
    assert_eq!(ids(&order), ["ordered", "shipped/s1", "shipped/s2"], "one without a document is none yet");
}

#[test]
fn what_leaves_for_the_shelf_of_a_store_is_no_parcel() {
    let parcels = |order: &Order| -> Vec<bool> {
        let shipped = of_order(order).into_iter().filter(|fact| fact.occasion == Occasion::Shipped);
        shipped.map(|fact| fact.silent.is_empty()).collect()
    };
    let of = |stages: &[PickupStage]| Order { pickup: pickup(stages).pickup, ..shipped() };
    assert_eq!(parcels(&of(&[PickupStage::Ready])), [false]);
    assert_eq!(parcels(&of(&[PickupStage::Rejected, PickupStage::Shipping])), [true]);
}

#[test]
fn a_pickup_that_is_ready_again_is_told_again_at_its_own_time() {
    let facts = of_order(&ready(2));
    let ready: Vec<_> = facts.iter().filter(|fact| fact.occasion == Occasion::ReadyForPickup).collect();
    assert_eq!([ready[0].id.as_str(), ready[1].id.as_str()], ["ready/1", "ready/2"]);
    assert_eq!([ready[0].at, ready[1].at], [Some(PLACED + 1_000), Some(PLACED + 3_000)]);
}

#[test]
fn a_rerouting_or_a_cancellation_of_lines_is_a_fact_once_it_is_done() {
    let mut order = booked();
    let state = |state: RerouteState| i32::from(state);
    let reroute =
        |number, done| pb::Reroute { number, state: done, at: Some(timestamp(PLACED + 5_000)), ..Default::default() };
    order.reroutes = vec![reroute(1, state(RerouteState::Failed)), reroute(2, state(RerouteState::Done))];
    order.reroutes.push(reroute(3, state(RerouteState::Open)));
    let cancel = |number, state: LineCancellationState| pb::LineCancellation {
        number,
        state: i32::from(state),
        ..Default::default()
    };
    order.line_cancellations = vec![cancel(1, LineCancellationState::Done), cancel(2, LineCancellationState::Open)];
    assert_eq!(ids(&order), ["ordered", "rerouted/2", "lines_cancelled/1"]);
    assert_eq!(of_order(&order)[1].after, PLACED + 5_000);
}

#[test]
fn an_edit_is_a_fact_once_it_is_done_and_the_order_booked() {
    let edit = |number, state: EditState| pb::Edit {
        number,
        state: i32::from(state),
        at: Some(timestamp(PLACED + 7_000)),
        ..Default::default()
    };
    let edits = vec![edit(1, EditState::Failed), edit(2, EditState::Done), edit(3, EditState::Open)];
    let order = Order { edits, ..booked() };
    assert_eq!(ids(&order), ["ordered", "edited/2"]);
    assert_eq!(of_order(&order)[1].after, PLACED + 7_000);
    assert!(ids(&Order { state: i32::from(OrderState::Reserved), ..order }).is_empty());
}

#[test]
fn money_that_went_back_is_a_fact_by_its_refund() {
    let refund = pb::Refund { refund_id: "o-1/r1".into(), amount: gbp(100), ..Default::default() };
    assert_eq!(ids(&Order { refunds: vec![refund], ..cancelled() }), ["cancelled", "refunded/o-1/r1"]);
}

#[test]
fn the_last_day_of_what_is_still_awaited_counts() {
    let mut order = booked();
    order.lines[0].expected_date = "2026-12-01".into();
    order.lines[1].expected_date = "2026-12-09".into();
    assert_eq!(expected(&order), Some("2026-12-09"));
    order.lines[1].shipped = "2".into();
    assert_eq!(expected(&order), Some("2026-12-01"));
    order.lines[0].closed = true;
    assert_eq!(expected(&order), None);
}
