//! Facts about orders that change in the shop.

use super::*;
use crate::testing::order;

const UNIT: i64 = 1_000_000;

/// The order of `testing`, sold by its shop: six of line 1, two of line 2.
fn sold(mut order: Order) -> Order {
    order.set_capture(Capture::Fact);
    order
}

fn told(version: u64, left: &[i64]) -> Standing {
    let lines = left.iter().zip(1..).map(|(left, number)| StandingLine {
        id: format!("9{number}"),
        name: format!("SKU-{number}"),
        wanted: left * UNIT,
    });
    Standing { version, lines: lines.collect(), ..Standing::default() }
}

fn cancelled(version: u64) -> Standing {
    Standing { version, cancelled: true, reason: "customer".into(), ..Standing::default() }
}

fn findings(order: &Order) -> Vec<(&str, &str)> {
    order.holds.iter().map(|hold| (hold.reason.as_str(), hold.detail.as_str())).collect()
}

#[test]
fn an_order_cancelled_in_the_shop_is_cancelled_here_once_and_the_shop_is_not_told_its_own_news() {
    let mut order = sold(order().booked());
    order.take_shop_order(cancelled(1), true, 1);
    assert_eq!((order.state(), order.cause.as_str()), (State::Cancelling, "cancelled in the shop: customer"));
    assert!(order.shop_has_let_go());
    let once = order.clone();
    order.take_shop_order(cancelled(2), true, 2);
    assert_eq!(order, once);
}

#[test]
fn what_has_shipped_is_not_cancelled_and_a_person_is_told() {
    let mut order = sold(order().shipped());
    order.take_shop_order(cancelled(1), true, 1);
    assert_eq!(order.state(), State::Shipped);
    insta::assert_snapshot!(findings(&order)[0].1, @"the shop has cancelled the order, and it has shipped: stop the parcel or take the goods back by a return, then release the hold");
    assert_eq!((findings(&order)[0].0, order.status()), ("CANCELLED_IN_SHOP", "Changed in the shop"));
    order.release_hold("CANCELLED_IN_SHOP").unwrap();
    order.follow_shop(2);
    assert!(order.holds.is_empty(), "somebody has seen it");
}

#[test]
fn a_cancellation_that_the_warehouse_overtakes_is_found_and_not_tried_for_ever() {
    let mut order = sold(order().booked());
    order.take_shop_order(cancelled(1), true, 1);
    order.set_state(State::Booked);
    order.follow_shop(2);
    assert_eq!((order.state(), findings(&order)[0].0), (State::Booked, "CANCELLED_IN_SHOP"));
}

#[test]
fn a_line_that_is_gone_in_the_shop_is_cancelled_here() {
    let mut order = sold(order().booked());
    order.take_shop_order(told(1, &[6, 0]), true, 1);
    let cancel = order.line_cancels.last().unwrap();
    assert_eq!((cancel.lines.as_slice(), cancel.who.as_str(), cancel.told), ([2].as_slice(), "shop", true));
    assert!(order.holds.is_empty());
    order.follow_shop(2);
    order.take_shop_order(told(2, &[6, 0]), true, 3);
    assert_eq!(order.line_cancels.len(), 1, "once");
}

#[test]
fn an_order_of_which_every_line_is_gone_is_cancelled() {
    let mut order = sold(order().booked());
    order.take_shop_order(told(1, &[0, 0]), true, 1);
    assert_eq!((order.state(), order.cause.as_str()), (State::Cancelling, "every line was taken off in the shop"));
    assert!(!order.shop_has_let_go(), "its order still stands in the shop");
}

#[test]
fn a_line_goes_as_soon_as_the_erp_has_the_order() {
    let mut order = sold(order().reserved());
    order.take_shop_order(told(1, &[6, 0]), false, 1);
    assert!(order.line_cancels.is_empty() && order.holds.is_empty());
    order.sales_order = Some(crate::testing::record("salesOrder", "1"));
    order.advance();
    order.follow_shop(2);
    assert_eq!(order.line_cancels.len(), 1);
}

#[test]
fn a_line_that_the_erp_does_not_close_is_shown_with_its_reason_and_not_tried_again() {
    let mut order = sold(order().booked());
    order.take_shop_order(told(1, &[6, 0]), true, 1);
    order.lines_not_cancelled(1, "ALREADY_SHIPPED: line 2");
    order.follow_shop(2);
    insta::assert_snapshot!(findings(&order)[0].1, @"line 2 (SKU-2) was taken off in the shop, and goes on here: ALREADY_SHIPPED: line 2; cancel or order here what the shop's customer wants otherwise, then release the hold");
    assert_eq!(order.line_cancels.len(), 1);
}

#[test]
fn what_cannot_be_carried_out_says_what_the_shop_has_and_what_we_have() {
    let mut order = sold(order().booked());
    let mut standing = told(1, &[4, 2, 1]);
    standing.lines[2].name = "CARD".into();
    order.take_shop_order(standing, true, 1);
    insta::assert_snapshot!(findings(&order)[0].1, @"line 1 (SKU-1): the shop wants 4, here 6 are ordered and 0 shipped; the shop has added 1 of CARD; cancel or order here what the shop's customer wants otherwise, then release the hold");
    assert_eq!(order.state(), State::Booked, "the rest goes on");
    order.take_shop_order(told(2, &[6, 2, 0]), true, 2);
    assert!(order.holds.is_empty(), "the shop has taken it back");
}

#[test]
fn a_changed_order_that_is_not_promised_yet_waits_for_a_person() {
    let mut order = sold(order().received());
    order.take_shop_order(told(1, &[4, 2]), false, 1);
    assert_eq!(order.state(), State::Held);
    order.release_hold("EDITED_IN_SHOP").unwrap();
    order.follow_shop(2);
    assert_eq!(order.state(), State::Received);
    order.take_shop_order(told(2, &[3, 2]), false, 3);
    assert_eq!(order.state(), State::Held, "that is another change");
}

#[test]
fn an_older_standing_changes_nothing() {
    let mut order = sold(order().booked());
    order.take_shop_order(told(7, &[6, 2]), true, 1);
    let newer = order.clone();
    order.take_shop_order(cancelled(6), true, 2);
    assert_eq!(order, newer);
}

#[test]
fn an_adopted_order_is_left_to_those_who_look_after_it() {
    let mut order = sold(order().booked());
    order.adopted = true;
    order.take_shop_order(cancelled(1), true, 1);
    assert!(order.shop.is_none());
}

#[test]
fn a_parcel_that_the_shop_will_not_take_is_told_to_nobody() {
    let mut order = sold(order().shipped());
    assert!(!order.shop_has_no_use_for("2"));
    order.take_shop_order(told(1, &[6, 1]), true, 1);
    assert!(order.shop_has_no_use_for("2"));
    assert_eq!(findings(&order)[0].0, "EDITED_IN_SHOP");
}

#[test]
fn a_fact_without_its_shape_is_refused_by_field() {
    use retail_runtime::fault::Fault as _;
    let line = pb::ChannelLine { ordered: "many".into(), removed: "-1".into(), ..Default::default() };
    let bad = read(&pb::TakeChannelOrderRequest { lines: vec![line], ..Default::default() }).unwrap_err();
    let fields: Vec<String> = bad.fields().into_iter().map(|(field, _)| field).collect();
    let of_line = ["lines[0].channel_line_id", "lines[0].ordered", "lines[0].removed"];
    assert_eq!(fields, [["channel", "channel_order_id", "version"], of_line].concat());
}
