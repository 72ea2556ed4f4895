//! Facts about orders that change in the shop.

use retail_proto::orders::v1 as pb;
use retail_proto::types::v1::Address;

use super::*;
use crate::edit::{Step as Editing, Told};
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
        ..StandingLine::default()
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
    order.take_shop_order(cancelled(1), true, ShopRules::default(), 1);
    assert_eq!((order.state(), order.cause.as_str()), (State::Cancelling, "cancelled in the shop: customer"));
    assert!(order.shop_has_let_go());
    let once = order.clone();
    order.take_shop_order(cancelled(2), true, ShopRules::default(), 2);
    assert_eq!(order, once);
}

#[test]
fn what_has_shipped_is_not_cancelled_and_a_person_is_told() {
    let mut order = sold(order().shipped());
    order.take_shop_order(cancelled(1), true, ShopRules::default(), 1);
    assert_eq!(order.state(), State::Shipped);
    insta::assert_snapshot!(findings(&order)[0].1, @"the shop has cancelled the order, and it has shipped: stop the parcel or take the goods back by a return, then release the hold");
    assert_eq!((findings(&order)[0].0, order.status()), ("CANCELLED_IN_SHOP", "Changed in the shop"));
    order.release_hold("CANCELLED_IN_SHOP").unwrap();
    order.follow_shop(ShopRules::default(), 2);
    assert!(order.holds.is_empty(), "somebody has seen it");
}

#[test]
fn a_cancellation_that_the_warehouse_overtakes_is_found_and_not_tried_for_ever() {
    let mut order = sold(order().booked());
    order.take_shop_order(cancelled(1), true, ShopRules::default(), 1);
    order.set_state(State::Booked);
    order.follow_shop(ShopRules::default(), 2);
    assert_eq!((order.state(), findings(&order)[0].0), (State::Booked, "CANCELLED_IN_SHOP"));
}

#[test]
fn a_line_that_is_gone_in_the_shop_is_cancelled_here() {
    let mut order = sold(order().booked());
    order.take_shop_order(told(1, &[6, 0]), true, ShopRules::default(), 1);
    let cancel = order.line_cancels.last().unwrap();
    assert_eq!((cancel.lines.as_slice(), cancel.who.as_str(), cancel.told), ([2].as_slice(), "shop", true));
    assert!(order.holds.is_empty());
    order.follow_shop(ShopRules::default(), 2);
    order.take_shop_order(told(2, &[6, 0]), true, ShopRules::default(), 3);
    assert_eq!(order.line_cancels.len(), 1, "once");
}

#[test]
fn an_order_of_which_every_line_is_gone_is_cancelled() {
    let mut order = sold(order().booked());
    order.take_shop_order(told(1, &[0, 0]), true, ShopRules::default(), 1);
    assert_eq!((order.state(), order.cause.as_str()), (State::Cancelling, "every line was taken off in the shop"));
    assert!(!order.shop_has_let_go(), "its order still stands in the shop");
}

#[test]
fn a_line_goes_as_soon_as_the_erp_has_the_order() {
    let mut order = sold(order().reserved());
    order.take_shop_order(told(1, &[6, 0]), false, ShopRules::default(), 1);
    assert!(order.line_cancels.is_empty() && order.holds.is_empty());
    order.sales_order = Some(crate::testing::record("salesOrder", "1"));
    order.advance();
    order.follow_shop(ShopRules::default(), 2);
    assert_eq!(order.line_cancels.len(), 1);
}

#[test]
fn a_line_that_the_erp_does_not_close_is_shown_with_its_reason_and_not_tried_again() {
    let mut order = sold(order().booked());
    order.take_shop_order(told(1, &[6, 0]), true, ShopRules::default(), 1);
    order.lines_not_cancelled(1, "ALREADY_SHIPPED: line 2");
    order.follow_shop(ShopRules::default(), 2);
    insta::assert_snapshot!(findings(&order)[0].1, @"line 2 (SKU-2) was taken off in the shop, and goes on here: ALREADY_SHIPPED: line 2; cancel or order here what the shop's customer wants otherwise, then release the hold");
    assert_eq!(order.line_cancels.len(), 1);
}

/// Rules that leave an edit of the shop to a person.
fn ask() -> ShopRules {
    ShopRules { carry_out: false, ..ShopRules::default() }
}

/// Booked and promised for good at MAIN.
fn promised() -> Order {
    let mut order = sold(order().booked());
    order.confirmed = true;
    order.lines.iter_mut().for_each(|line| line.location = "MAIN".into());
    order
}

/// A line that people have added in the shop, and of which the reference data knows what it is.
fn added(id: &str, units: i64) -> StandingLine {
    let line = pb::LineInput {
        kind: i32::from(pb::LineKind::Goods),
        sku: "card".into(),
        quantity: units.to_string(),
        unit_price: "3.00".into(),
        channel_line_id: id.into(),
        ..Default::default()
    };
    StandingLine {
        id: id.into(),
        name: "CARD".into(),
        wanted: units * UNIT,
        line: Some(line),
        known: i32::from(Known::Stocked),
        sku: "CARD".into(),
    }
}

/// What the shop has taken and what is owed there, pence.
fn money(standing: Standing, received: i64, outstanding: i64) -> Standing {
    let (received, outstanding) = (Some(received), Some(outstanding));
    Standing { received, outstanding, currency: "GBP".into(), ..standing }
}

fn take(order: &mut Order, standing: Standing) {
    order.take_shop_order(standing, true, ShopRules::default(), 9);
    order.advance();
}

/// Takes what an edit needs further, and lets the ERP have it.
fn settle(order: &mut Order) {
    let number = order.edits.len();
    if order.edits[number - 1].step() == Editing::Asked {
        order.edit_promised(number, &[]);
        order.edit_confirmed(number);
    }
    order.edited(number, None, 10);
    order.advance();
    order.edit_released(number);
    order.follow_shop(ShopRules::default(), 11);
    order.advance();
}

fn quantities(order: &Order) -> Vec<i64> {
    order.lines.iter().map(|line| line.quantity / UNIT).collect()
}

#[test]
fn an_edit_in_the_shop_is_one_edit_here_whoever_made_it() {
    let mut order = promised();
    let total = order.total;
    let mut standing = told(1, &[4, 0]);
    standing.lines.push(added("99", 2));
    take(&mut order, money(standing, total, 600 - 510 - 678));
    let edit = order.edits.last().unwrap();
    assert_eq!((edit.who.as_str(), edit.told(), edit.step()), ("shop", Told::Done, Editing::Asked));
    assert_eq!(edit.words(), "line 1: 4 instead of 6, line 2: 0 instead of 2, line 3: 2 instead of 0");
    assert!(order.holds.is_empty() && order.line_cancels.is_empty(), "all of it in one");
    settle(&mut order);
    assert_eq!((quantities(&order), order.total), (vec![4, 0, 2], total - 510 - 678 + 600));
    assert_eq!((order.lines[2].channel_line_id.as_str(), order.lines[2].location.as_str()), ("99", "MAIN"));
    let once = order.clone();
    take(&mut order, told(2, &[4, 0]));
    assert_eq!(order.edits, once.edits, "said again");
}

#[test]
fn what_the_shop_has_sold_needs_no_payment_here_and_waits_for_stock_where_there_is_none() {
    let mut order = promised();
    let total = order.total;
    take(&mut order, money(told(1, &[8, 2]), total, 510));
    let promised = retail_proto::inventory::v1::ReservedLine {
        line_id: order.lines[0].id.clone(),
        shortfall: "1".into(),
        ..Default::default()
    };
    order.edit_promised(1, &[promised]);
    order.edit_confirmed(1);
    order.edited(1, None, 10);
    order.advance();
    assert_eq!((order.lines[0].quantity, order.lines[0].shortfall), (8 * UNIT, UNIT));
    assert!(order.holds.is_empty());
}

#[test]
fn an_order_of_which_nothing_is_promised_is_another_one_at_once() {
    let mut order = sold(order().received());
    take(&mut order, told(1, &[4, 2]));
    assert_eq!((order.state(), quantities(&order), order.redone), (State::Received, vec![4, 2], 1));
}

#[test]
fn an_edit_in_the_shop_waits_for_the_one_under_way_here_and_is_carried_out_after_it() {
    let mut order = promised();
    let known = crate::edit::Circumstances { booking_sent: true, ..Default::default() };
    let channel = crate::config::Channel { address: "http://shop".into(), ..Default::default() };
    let asked =
        crate::edit::Asked { quantities: vec![(2, retail_proto::Quantity::whole(1).unwrap())], ..Default::default() };
    let by = By { who: "anna", at: 5, why: "so" };
    order.edit(&asked, crate::edit::Circumstances { channel: Some(&channel), ..known }, by).unwrap();
    order.advance();
    take(&mut order, told(1, &[4, 2]));
    insta::assert_snapshot!(findings(&order)[0].1, @"line 1 (SKU-1): the shop wants 4, here 6 are ordered and 0 shipped; edit 1 by anna (line 2: 1 instead of 2) is under way; it is carried out by itself when that has ended");
    settle(&mut order);
    assert!(order.holds.is_empty(), "it is taken up by itself");
    assert_eq!((order.edits.len(), order.edits[1].who.as_str()), (2, "shop"));
    settle(&mut order);
    assert_eq!(quantities(&order), [4, 1], "what was changed here stays");
}

#[test]
fn what_has_shipped_is_not_edited_away_and_the_rest_of_the_edit_is_carried_out() {
    let mut order = promised();
    order.lines[0].shipped = 5 * UNIT;
    order.set_state(State::PartlyShipped);
    take(&mut order, told(1, &[4, 1]));
    insta::assert_snapshot!(findings(&order)[0].1, @"line 1 (SKU-1): the shop wants 4, here 6 are ordered and 5 shipped; cancel or order here what the shop's customer wants otherwise, then release the hold");
    settle(&mut order);
    assert_eq!(quantities(&order), [5, 1], "nothing more of it ships");
    assert_eq!(findings(&order)[0].0, "EDITED_IN_SHOP");
    let mut over = sold(crate::testing::order().shipped());
    take(&mut over, told(1, &[7, 2]));
    insta::assert_snapshot!(findings(&over)[0].1, @"line 1 (SKU-1): the shop wants 7, here 6 are ordered and 6 shipped; it has shipped; goods come back by a return; cancel or order here what the shop's customer wants otherwise, then release the hold");
}

#[test]
fn what_the_erp_refuses_is_shown_and_tried_again_only_when_something_has_changed() {
    let mut order = promised();
    take(&mut order, told(1, &[4, 2]));
    order.refuse_edit(1, "ALREADY_SHIPPED: it is being picked");
    order.advance();
    order.follow_shop(ShopRules::default(), 10);
    assert!(
        findings(&order)[0].1.contains("it was tried: ALREADY_SHIPPED: it is being picked"),
        "{:?}",
        findings(&order)
    );
    order.follow_shop(ShopRules::default(), 11);
    assert_eq!(order.edits.len(), 1);
    order.erp_etag = "another".into();
    order.follow_shop(ShopRules::default(), 12);
    assert_eq!((order.edits.len(), order.holds.len()), (2, 0));
}

#[test]
fn goods_that_nobody_knows_wait_for_a_person() {
    let mut order = promised();
    let mut standing = told(1, &[4, 2]);
    standing.lines.push(StandingLine { known: i32::from(Known::Nothing), ..added("99", 1) });
    take(&mut order, standing.clone());
    assert!(findings(&order)[0].1.starts_with("the shop has added 1 of CARD, which is no item that is known here"));
    assert_eq!(order.edits[0].words(), "line 1: 4 instead of 6", "the rest is carried out");
    settle(&mut order);
    standing.lines[2].set_known(Known::Stocked);
    take(&mut order, Standing { version: 1, ..standing });
    assert_eq!((order.edits.len(), order.holds.len()), (2, 0), "the same again, and now it is known");
}

#[test]
fn a_total_that_does_not_follow_from_the_lines_is_looked_at() {
    let mut order = promised();
    let total = order.total;
    take(&mut order, money(told(1, &[8, 2]), total, 400));
    insta::assert_snapshot!(findings(&order)[0].1, @"line 1 (SKU-1): the shop wants 8, here 6 are ordered and 0 shipped; paid and due there are 26.08 GBP, and its lines come to 27.18 GBP; cancel or order here what the shop's customer wants otherwise, then release the hold");
    let lenient = ShopRules { tolerance: 110, ..ShopRules::default() };
    order.follow_shop(lenient, 10);
    assert_eq!((order.edits[0].total, order.holds.len()), (2608, 0), "within the tolerance the shop's word counts");
}

#[test]
fn a_line_that_was_cancelled_before_is_no_part_of_what_the_order_comes_to_in_the_shop() {
    let mut order = promised();
    order.lines[1].closed = true;
    let (total, gone) = (order.total, order.lines[1].value());
    take(&mut order, money(told(1, &[8, 0]), total, 510 - gone));
    assert_eq!((order.edits.len(), order.holds.len(), order.edits[0].total), (1, 0, total + 510));
}

#[test]
fn another_delivery_address_is_carried_out_once_and_ours_is_not_taken_back() {
    let (leeds, york) = ("Leeds", "York");
    let at = |city: &str| Some(Address { city: city.into(), ..Address::default() });
    let mut order = promised();
    order.shipping_address = at(leeds);
    take(&mut order, Standing { address: at(leeds), ..told(1, &[6, 2]) });
    assert!(order.edits.is_empty());
    take(&mut order, Standing { address: at(york), ..told(2, &[6, 2]) });
    assert_eq!(order.edits[0].address, at(york));
    settle(&mut order);
    assert_eq!(order.shipping_address, at(york));
    order.shipping_address = at("Hull");
    take(&mut order, Standing { address: at(york), ..told(3, &[6, 1]) });
    assert_eq!((order.edits.len(), &order.edits[1].address), (2, &None), "the shop says nothing new of it");
}

#[test]
fn a_channel_that_asks_leaves_the_edit_to_a_person() {
    let mut order = sold(order().booked());
    let mut standing = told(1, &[4, 2, 1]);
    standing.lines[2].name = "CARD".into();
    order.take_shop_order(standing, true, ask(), 1);
    insta::assert_snapshot!(findings(&order)[0].1, @"line 1 (SKU-1): the shop wants 4, here 6 are ordered and 0 shipped; the shop has added 1 of CARD; cancel or order here what the shop's customer wants otherwise, then release the hold");
    assert_eq!(order.state(), State::Booked, "the rest goes on");
    order.take_shop_order(told(2, &[6, 2, 0]), true, ask(), 2);
    assert!(order.holds.is_empty(), "the shop has taken it back");
}

#[test]
fn a_changed_order_that_is_not_promised_yet_waits_for_a_person_where_the_channel_asks() {
    let mut order = sold(order().received());
    order.take_shop_order(told(1, &[4, 2]), false, ask(), 1);
    assert_eq!(order.state(), State::Held);
    order.release_hold("EDITED_IN_SHOP").unwrap();
    order.follow_shop(ask(), 2);
    assert_eq!(order.state(), State::Received);
    order.take_shop_order(told(2, &[3, 2]), false, ask(), 3);
    assert_eq!(order.state(), State::Held, "that is another change");
}

#[test]
fn an_older_standing_changes_nothing() {
    let mut order = sold(order().booked());
    order.take_shop_order(told(7, &[6, 2]), true, ShopRules::default(), 1);
    let newer = order.clone();
    order.take_shop_order(cancelled(6), true, ShopRules::default(), 2);
    assert_eq!(order, newer);
}

#[test]
fn an_adopted_order_is_left_to_those_who_look_after_it() {
    let mut order = sold(order().booked());
    order.adopted = true;
    order.take_shop_order(cancelled(1), true, ShopRules::default(), 1);
    assert!(order.shop.is_none());
}

#[test]
fn a_parcel_that_the_shop_will_not_take_is_told_to_nobody() {
    let mut order = sold(order().shipped());
    assert!(!order.shop_has_no_use_for("2"));
    order.take_shop_order(told(1, &[6, 1]), true, ShopRules::default(), 1);
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
