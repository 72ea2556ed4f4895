//! Facts about editing.

use retail_proto::Quantity;
use retail_proto::inventory::v1 as stock;
use retail_proto::orders::v1 as pb;
use retail_proto::types::v1::{Address, Money};
use retail_runtime::fault::Fault as _;

use super::*;
use crate::config::Channel;
use crate::documents::{Shipment, ShipmentLine};
use crate::fault::Error;
use crate::pickup::{By, Stage};
use crate::record::{Capture, State};
use crate::testing::{order, record};

const UNIT: i64 = 1_000_000;

fn by() -> By<'static> {
    By { who: "anna", at: 5, why: "the customer called" }
}

fn shop() -> Channel {
    Channel { address: "http://shop".into(), ..Channel::default() }
}

fn asked(quantities: &[(i32, i64)]) -> Asked {
    let whole = |(number, units): &(i32, i64)| (*number, Quantity::whole(*units).unwrap());
    Asked { quantities: quantities.iter().map(whole).collect(), ..Asked::default() }
}

fn further(units: i64) -> Asked {
    let line = pb::LineInput {
        kind: i32::from(pb::LineKind::Goods),
        sku: "bell".into(),
        quantity: units.to_string(),
        unit_price: "7.00".into(),
        ..Default::default()
    };
    let item = stock::Item { sku: "BELL".into(), stocked: true, ..Default::default() };
    Asked { new_lines: vec![line], items: vec![item], ..Asked::default() }
}

fn paid(asked: Asked, minor: i64) -> Asked {
    let payment = pb::Payment {
        tender: i32::from(pb::Tender::Card),
        amount: Some(Money { minor_units: minor, currency: "GBP".into() }),
        state: i32::from(pb::PaymentState::Captured),
        reference: "ch-2".into(),
        ..Default::default()
    };
    Asked { payment: Some(payment), ..asked }
}

fn edit(order: &mut Order, asked: &Asked) -> Result<(), Error> {
    let channel = shop();
    let known = Circumstances {
        channel: Some(&channel),
        booking_sent: order.sales_order.is_some(),
        ..Circumstances::default()
    };
    order.edit(asked, known, by())?;
    order.advance();
    Ok(())
}

/// Booked, promised for good at MAIN.
fn booked() -> Order {
    let mut order = order().booked();
    order.confirmed = true;
    order.lines.iter_mut().for_each(|line| line.location = "MAIN".into());
    order
}

fn step(order: &Order) -> Step {
    order.edits.last().unwrap().step()
}

fn returned(order: &Order) -> Vec<(i32, String, i64)> {
    let edit = order.edits.last().unwrap();
    edit.returned.iter().map(|one| (one.number, one.reservation.clone(), one.quantity / UNIT)).collect()
}

fn refusal(order: &Order, asked: &Asked) -> String {
    let error = edit(&mut order.clone(), asked).unwrap_err();
    format!("{}: {error}", error.reason())
}

#[test]
fn less_is_told_to_the_erp_first_and_given_back_after_it() {
    let mut order = booked();
    let total = order.total;
    edit(&mut order, &asked(&[(1, 4)])).unwrap();
    assert_eq!(
        (step(&order), order.lines[0].quantity),
        (Step::Promised, 6 * UNIT),
        "nothing to promise; the ERP is next"
    );
    order.edited(1, None, 9);
    assert_eq!((step(&order), order.lines[0].quantity, order.lines[0].amount), (Step::Changed, 4 * UNIT, 1020));
    assert_eq!(order.total, total - 510);
    assert_eq!(returned(&order), [(1, "o-1".to_owned(), 2)]);
    order.edit_released(1);
    order.advance();
    assert_eq!((step(&order), order.set_free()), (Step::Done, 510));
}

#[test]
fn more_is_promised_before_anybody_is_told_and_held_beside_the_rest() {
    let mut order = booked();
    edit(&mut order, &paid(asked(&[(1, 8)]), 510)).unwrap();
    assert_eq!((step(&order), order.edits[0].lines[0].promise), (Step::Asked, 2 * UNIT));
    order.edit_promised(1, &[]);
    order.edit_confirmed(1);
    order.edited(1, None, 9);
    order.advance();
    assert_eq!((step(&order), order.lines[0].quantity, order.set_free()), (Step::Done, 8 * UNIT, 0));
    let held = order.holdings(&order.lines[0]);
    let held: Vec<_> = held.iter().map(|one| (one.reservation.as_str(), one.quantity / UNIT)).collect();
    assert_eq!(held, [("o-1", 6), ("o-1/e1", 2)]);
    edit(&mut order, &asked(&[(1, 3)])).unwrap();
    order.edited(2, None, 9);
    assert_eq!(returned(&order), [(1, "o-1".to_owned(), 3), (1, "o-1/e1".to_owned(), 2)]);
}

#[test]
fn what_is_not_there_leaves_the_order_as_it_was() {
    let mut order = booked();
    let lines = order.lines.clone();
    edit(&mut order, &paid(asked(&[(1, 8)]), 510)).unwrap();
    order.lose_edit(1, "INSUFFICIENT_STOCK: 2 of SKU-1");
    assert_eq!((step(&order), &order.lines), (Step::Failed, &lines));
    assert_eq!(order.set_free(), 510, "its payment goes back");
}

#[test]
fn what_the_erp_refuses_gives_its_promise_back_and_says_why() {
    let mut order = booked();
    let total = order.total;
    edit(&mut order, &paid(further(1), 700)).unwrap();
    order.edit_promised(1, &[]);
    order.edit_confirmed(1);
    order.refuse_edit(1, "USER_ERROR: it is being picked");
    order.advance();
    assert_eq!(step(&order), Step::Withdrawing);
    order.fail_edit(1, "withdrawn");
    let edit = order.edits.last().unwrap();
    assert_eq!((edit.step(), edit.outcome.as_str()), (Step::Failed, "USER_ERROR: it is being picked"));
    assert_eq!((order.lines.len(), order.total), (2, total));
}

#[test]
fn a_line_that_comes_counts_what_a_faster_warehouse_has_shipped_of_it() {
    let mut order = booked();
    edit(&mut order, &paid(further(2), 1400)).unwrap();
    order.edit_promised(1, &[]);
    order.edit_confirmed(1);
    assert!(order.is_edited_at_the_erp());
    order.shipments.push(Shipment {
        document: Some(record("itemFulfillment", "2")),
        lines: vec![ShipmentLine { number: 3, quantity: UNIT }],
        ..Shipment::default()
    });
    order.edited(1, None, 9);
    let line = order.line(3).unwrap();
    assert_eq!((line.sku.as_str(), line.shipped, line.location.as_str()), ("BELL", UNIT, "MAIN"));
    assert_eq!(line.reservation, "o-1/e1");
    assert_eq!(order.sold_by_channel(line), 2 * UNIT);
}

#[test]
fn another_store_takes_everything_that_has_not_left() {
    let mut order = booked();
    let pickup = Pickup { location: "SOHO".into(), contact_name: "Mr Jones".into(), ..Pickup::default() };
    edit(&mut order, &Asked { pickup: Some(pickup), ..Asked::default() }).unwrap();
    order.edit_promised(1, &[]);
    order.edit_confirmed(1);
    order.edited(1, None, 9);
    assert!(order.lines.iter().all(|line| line.location == "SOHO" && line.reservation == "o-1/e1"));
    assert_eq!(returned(&order), [(1, "o-1".to_owned(), 6), (2, "o-1".to_owned(), 2)]);
    assert_eq!(order.stage(), Some(Stage::Awaited));
    order.edit_released(1);
    let address = Address { city: "Leeds".into(), ..Address::default() };
    let ship = Asked { ship: true, address: Some(address), ..Asked::default() };
    edit(&mut order, &ship).unwrap();
    order.edited(2, None, 10);
    order.advance();
    assert_eq!((step(&order), order.stage()), (Step::Done, Some(Stage::Shipping)));
    assert_eq!(order.shipping_address.as_ref().unwrap().city, "Leeds");
}

#[test]
fn who_collects_is_no_business_of_the_erp() {
    let mut order = booked();
    order.pickup = Some(Pickup { location: "MAIN".into(), contact_name: "Mr Jones".into(), ..Pickup::default() });
    let pickup = Pickup { location: "MAIN".into(), contact_name: "Mrs Jones".into(), ..Pickup::default() };
    edit(&mut order, &Asked { pickup: Some(pickup), ..Asked::default() }).unwrap();
    assert_eq!((step(&order), order.pickup.unwrap().contact_name.as_str()), (Step::Done, "Mrs Jones"));
}

#[test]
fn what_was_picked_is_picked_again_when_it_is_another_order() {
    let mut order = booked();
    order.pickup = Some(Pickup { location: "MAIN".into(), stage: i32::from(Stage::Ready), ..Pickup::default() });
    edit(&mut order, &asked(&[(1, 4)])).unwrap();
    assert!(order.hand_over("Mr Jones", by()).is_err(), "not what is wanted");
    order.edited(1, None, 9);
    assert_eq!(order.stage(), Some(Stage::Awaited));
}

#[test]
fn an_order_of_which_nothing_is_promised_is_another_one_at_once() {
    let mut order = order().received();
    order.hold("INSUFFICIENT_STOCK", "line 1", 1);
    edit(&mut order, &asked(&[(1, 4), (2, 0)])).unwrap();
    assert_eq!((step(&order), order.state()), (Step::Done, State::Received));
    assert_eq!((order.redone, order.own_reservation(), order.items_known), (1, "o-1/o1", false));
    assert_eq!(order.lines.iter().map(|line| line.quantity / UNIT).collect::<Vec<_>>(), [4, 0]);
    assert_eq!(order.reservations(), ["o-1", "o-1/o1", "o-1/e1"]);
    let sum: i64 = order.lines.iter().map(|line| line.amount).sum();
    assert_eq!(order.total, sum);
}

#[test]
fn an_edit_before_booking_needs_no_erp_and_one_whose_booking_may_have_been_sent_waits_for_it() {
    let mut early = order().reserved();
    early.lines.iter_mut().for_each(|line| line.location = "MAIN".into());
    let mut late = early.clone();
    edit(&mut early, &asked(&[(1, 4)])).unwrap();
    assert_eq!(step(&early), Step::Changed, "the ERP will be told of four");
    let channel = shop();
    let known = Circumstances { channel: Some(&channel), booking_sent: true, tells: false, ..Circumstances::default() };
    late.edit(&asked(&[(1, 4)]), known, by()).unwrap();
    late.advance();
    assert_eq!((step(&late), late.edit_may_go_on()), (Step::Asked, false));
}

#[test]
fn of_two_changes_one_wins_and_the_other_is_told_what_has_changed() {
    let mut order = booked();
    order.version = 7;
    edit(&mut order, &asked(&[(1, 4)])).unwrap();
    insta::assert_snapshot!(refusal(&order, &asked(&[(1, 5)])), @"EDIT_CONFLICT: order o-1 was changed meanwhile: edit 1 by anna is under way (line 1: 4 instead of 6); ask again when it has ended");
    order.edited(1, None, 9);
    order.edit_released(1);
    order.version = 9;
    let stale = Asked { expected_version: 7, ..asked(&[(1, 5)]) };
    insta::assert_snapshot!(refusal(&order, &stale), @"EDIT_CONFLICT: order o-1 was changed meanwhile: it is at version 9, not at 7: edit 1 by anna changed line 1: 4 instead of 6; read it and ask again");
    edit(&mut order, &Asked { expected_version: 9, ..asked(&[(1, 5)]) }).unwrap();
}

#[test]
fn a_dearer_order_must_be_paid() {
    let mut order = booked();
    insta::assert_snapshot!(refusal(&order, &asked(&[(1, 8)])), @"EDIT_NOT_PAID: order o-1 would cost 27.18 GBP, of which 5.10 GBP is not paid; give a payment that covers it");
    insta::assert_snapshot!(refusal(&order, &paid(asked(&[(1, 8)]), 500)), @"EDIT_NOT_PAID: order o-1 would cost 27.18 GBP, of which 0.10 GBP is not paid; give a payment that covers it");
    // What became free pays for what becomes dearer.
    edit(&mut order, &asked(&[(1, 4)])).unwrap();
    order.edited(1, None, 9);
    order.edit_released(1);
    edit(&mut order, &asked(&[(1, 6)])).unwrap();
    order.payments.clear();
    assert!(edit(&mut booked_on_account(), &asked(&[(1, 8)])).is_ok(), "sold on account");
}

fn booked_on_account() -> Order {
    let mut order = booked();
    order.payments.clear();
    order
}

#[test]
fn what_has_left_is_no_edits_business() {
    let mut order = booked();
    order.lines[0].shipped = 5 * UNIT;
    insta::assert_snapshot!(refusal(&order, &asked(&[(1, 4)])), @"EDIT_REFUSED: order o-1 cannot be changed: quantities[0].quantity: 5 of line 1 have shipped or are billed; those come back by a return");
    let pickup = Pickup { location: "SOHO".into(), ..Pickup::default() };
    let moved = Asked { pickup: Some(pickup), ..Asked::default() };
    insta::assert_snapshot!(refusal(&order, &moved), @"EDIT_REFUSED: order o-1 cannot be changed: pickup: something of line 1 has shipped from MAIN; it cannot go to SOHO");
    insta::assert_snapshot!(refusal(&crate::testing::order().shipped(), &asked(&[(1, 4)])), @"EDIT_REFUSED: order o-1 cannot be changed: order_id: it has shipped; goods come back by a return");
}

#[test]
fn a_refusal_names_the_field_and_what_to_do() {
    let order = booked();
    insta::assert_snapshot!(refusal(&order, &asked(&[(1, 0), (2, 0)])), @"EDIT_REFUSED: order o-1 cannot be changed: quantities: nothing would be left of it; cancel the order");
    insta::assert_snapshot!(refusal(&order, &asked(&[(1, 5), (7, 1)])), @"EDIT_REFUSED: order o-1 cannot be changed: quantities[1].line_number: it has no line 7; give a further line in new_lines");
    let ship = Asked { ship: true, ..Asked::default() };
    insta::assert_snapshot!(refusal(&order, &ship), @"EDIT_REFUSED: order o-1 cannot be changed: ship: it is shipped anyway; RerouteOrder gives it to another place");
    let mut busy = order.clone();
    busy.cancel_lines(&[2], by()).unwrap();
    insta::assert_snapshot!(refusal(&busy, &asked(&[(1, 4)])), @"EDIT_REFUSED: order o-1 cannot be changed: order_id: line cancellation 1 by anna is under way; ask again when it has ended");
    insta::assert_snapshot!(refusal(&order, &paid(asked(&[(1, 6)]), 100)), @"EDIT_REFUSED: order o-1 cannot be changed: payment: nothing else changes; AddPayment takes a payment alone");
}

#[test]
fn of_a_sale_over_a_till_only_the_address_can_be_corrected() {
    let mut order = booked();
    order.set_capture(Capture::Fact);
    let till = Channel::default();
    let known = Circumstances { channel: Some(&till), booking_sent: true, tells: false, ..Circumstances::default() };
    let error = order.edit(&asked(&[(1, 4)]), known, by()).unwrap_err();
    assert_eq!(error.fields()[0].0, "quantities");
    let address = Address { city: "Leeds".into(), ..Address::default() };
    order.edit(&Asked { address: Some(address), ..Asked::default() }, known, by()).unwrap();
    assert_eq!(order.edits.len(), 1);
}

#[test]
fn asking_for_what_is_there_already_changes_nothing() {
    let mut order = booked();
    let before = order.clone();
    edit(&mut order, &asked(&[(1, 6)])).unwrap();
    assert_eq!(order, before);
}

#[test]
fn the_total_that_the_customer_was_shown_must_follow_from_the_lines() {
    let mut order = booked();
    let shown = |minor_units| Some(Money { minor_units, currency: "GBP".into() });
    let wrong = Asked { total: shown(1000), ..asked(&[(1, 4)]) };
    insta::assert_snapshot!(refusal(&order, &wrong), @"BAD_REQUEST: the request is not valid: total: the changed lines add up to 16.98 GBP; show the customer that, or leave it out");
    edit(&mut order, &Asked { total: shown(1698), ..asked(&[(1, 4)]) }).unwrap();
}

#[test]
fn an_order_that_is_cancelled_ends_its_edit() {
    let mut order = booked();
    order.payments.clear();
    edit(&mut order, &asked(&[(1, 4)])).unwrap();
    order.cancel("no longer wanted", true).unwrap();
    (order.given_back, order.erp_closed) = (true, true);
    order.advance();
    assert_eq!((order.state(), step(&order)), (State::Cancelled, Step::Failed));
    assert_eq!(order.edits[0].outcome, "the order was cancelled");
}
