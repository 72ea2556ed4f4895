//! Facts about edits made here, as the shop hears of them.

use retail_proto::Quantity;
use retail_proto::commerce::v1 as shop;
use retail_proto::orders::v1 as pb;

use super::*;
use crate::config::Channel;
use crate::edit::{Asked, Circumstances};
use crate::pickup::By;
use crate::record::Capture;
use crate::testing::order;

const UNIT: i64 = 1_000_000;

/// Sold by its shop, booked, and line 1 edited here from six to four.
fn edited() -> Order {
    let mut order = order().booked();
    order.set_capture(Capture::Fact);
    order.confirmed = true;
    order.lines.iter_mut().for_each(|line| line.location = "MAIN".into());
    change(&mut order, 1, 4);
    order
}

fn change(order: &mut Order, line: i32, units: i64) {
    let channel = Channel { address: "http://shop".into(), ..Channel::default() };
    let known = Circumstances { channel: Some(&channel), booking_sent: true, tells: true, ..Circumstances::default() };
    let asked = Asked { quantities: vec![(line, Quantity::whole(units).unwrap())], ..Asked::default() };
    order.edit(&asked, known, By { who: "anna", at: 5, why: "so" }).unwrap();
    order.advance();
    order.edited(order.edits.len(), None, 6);
    order.edit_released(order.edits.len());
    order.advance();
}

fn shows(version: u64, units: &[i64]) -> shop::GetOrderResponse {
    let lines = units.iter().zip(1..).map(|(units, number)| pb::ChannelLine {
        channel_line_id: format!("9{number}"),
        sku: format!("SKU-{number}"),
        ordered: units.to_string(),
        is_goods: true,
        ..Default::default()
    });
    shop::GetOrderResponse { version, lines: lines.collect(), ..Default::default() }
}

fn take(order: &mut Order, told: &shop::GetOrderResponse) {
    order.take_shop_order(answered(told).unwrap(), true, ShopRules::default(), 9);
    order.advance();
}

fn answer(order: &mut Order, number: usize, told: shop::GetOrderResponse) {
    let told = shop::EditOrderResponse { order: Some(told), ..Default::default() };
    order.edited_at_shop(number, &told, ShopRules::default(), 9);
    order.advance();
}

#[test]
fn an_edit_that_is_done_is_told_and_its_own_news_is_none() {
    let mut order = edited();
    assert_eq!(order.edit_to_tell(), Some(1));
    assert_eq!(order.sold_by_channel(&order.lines[0]), 6 * UNIT, "until it is told");
    // The shop has it already and tells of it, before its answer has come.
    take(&mut order, &shows(7, &[4, 2]));
    assert_eq!((order.edits.len(), order.holds.len()), (1, 0));
    answer(&mut order, 1, shows(7, &[4, 2]));
    assert_eq!((order.edit_to_tell(), order.edits[0].told()), (None, Told::Done));
    assert_eq!(order.sold_by_channel(&order.lines[0]), 4 * UNIT);
    take(&mut order, &shows(8, &[4, 2]));
    assert_eq!((order.edits.len(), order.holds.len()), (1, 0));
}

#[test]
fn a_reading_from_before_our_edit_that_comes_after_it_takes_nothing_back() {
    let mut order = edited();
    answer(&mut order, 1, shows(7, &[4, 2]));
    for version in [6, 7] {
        take(&mut order, &shows(version, &[6, 2]));
        assert_eq!(order.edits.len(), 1, "version {version}");
    }
    take(&mut order, &shows(8, &[6, 2]));
    assert_eq!((order.edits.len(), order.edits[1].by_shop), (2, true), "later it is the shop's own word");
}

/// As [`edited`], when two places ship the line that is edited: of four and two the two go, one by one.
fn edited_in_parts() -> Order {
    let mut order = order().booked();
    order.set_capture(Capture::Fact);
    order.confirmed = true;
    order.lines = order.lines_as_given(&crate::testing::four_and_two());
    order.lines.iter_mut().for_each(|line| line.location = "MAIN".into());
    order.lines[2].location = "SOHO".into();
    change(&mut order, 3, 1);
    change(&mut order, 1, 4);
    order
}

#[test]
fn of_a_line_that_several_places_ship_the_shop_is_told_and_heard_as_of_one() {
    let mut order = edited_in_parts();
    let quantities: Vec<i64> = order.lines.iter().map(|line| line.quantity / UNIT).collect();
    assert_eq!(quantities, [4, 2, 0]);
    let shown = |order: &Order, number: usize| {
        let lines = order.lines_to_show(number);
        lines.iter().map(|one| (one.line.clone(), one.before / UNIT, one.wanted / UNIT)).collect::<Vec<_>>()
    };
    assert_eq!(shown(&order, 1), [("91".to_owned(), 6, 4)], "as all of its parts stand now");
    answer(&mut order, 1, shows(7, &[4, 2]));
    assert_eq!(order.sold_as("91").unwrap().sold, 4 * UNIT);
    assert_eq!(shown(&order, 2), [("91".to_owned(), 4, 4)], "the second edit has nothing left to say");
    answer(&mut order, 2, shows(8, &[4, 2]));
    assert_eq!((order.edit_to_tell(), order.edits.len(), order.holds.len()), (None, 2, 0));
    take(&mut order, &shows(9, &[5, 2]));
    assert_eq!((order.edits.len(), order.edits[2].by_shop), (3, true), "later it is the shop's own word");
}

#[test]
fn what_people_do_there_for_a_line_in_parts_ends_the_looking() {
    let mut order = edited_in_parts();
    order.need_not_tell_edit(1);
    order.not_edited_at_shop(2, "LINE_FULFILLED: so", 9);
    take(&mut order, &shows(7, &[6, 2]));
    assert_eq!((order.edits.len(), order.holds.len()), (2, 1), "the shop shows what it sold");
    take(&mut order, &shows(8, &[4, 2]));
    assert_eq!((order.edits.len(), order.holds.len()), (2, 0));
}

#[test]
fn a_reading_from_before_an_edit_of_parts_takes_nothing_back() {
    let mut order = edited_in_parts();
    order.need_not_tell_edit(1);
    answer(&mut order, 2, shows(7, &[4, 2]));
    take(&mut order, &shows(7, &[5, 2]));
    assert_eq!((order.edits.len(), order.holds.len()), (2, 0));
}

#[test]
fn what_people_changed_meanwhile_counts_more_than_what_was_changed_here() {
    let mut order = edited();
    take(&mut order, &shows(7, &[3, 2]));
    assert_eq!(order.edits.len(), 1, "it may be ours");
    order.not_edited_at_shop(1, "SHOP_LINE_CHANGED: line 91 has 3 units there", 9);
    order.follow_shop(ShopRules::default(), 10);
    order.advance();
    order.edited(2, None, 11);
    order.advance();
    order.follow_shop(ShopRules::default(), 12);
    assert_eq!((order.lines[0].quantity, order.holds.len()), (3 * UNIT, 0), "both sides agree, nobody need look");
}

#[test]
fn what_the_shop_cannot_be_told_stays_as_it_is_here_until_somebody_changes_it_there() {
    let mut order = edited();
    order.not_edited_at_shop(1, "LINE_FULFILLED: some of line 91 is fulfilled in the shop already", 9);
    order.advance();
    insta::assert_snapshot!(order.holds[0].detail, @"edit 1 by anna is not in the shop (line 1: 4 instead of 6): LINE_FULFILLED: some of line 91 is fulfilled in the shop already; change it there by hand, or release the hold");
    assert_eq!((order.holds[0].reason.as_str(), order.status()), ("EDIT_NOT_TOLD", "Changed here, not in the shop"));
    assert_eq!((order.edit_to_tell(), order.sold_by_channel(&order.lines[0])), (None, 6 * UNIT));
    take(&mut order, &shows(7, &[6, 2]));
    assert_eq!((order.edits.len(), order.holds.len()), (1, 1), "the shop shows what it sold");
    take(&mut order, &shows(8, &[4, 2]));
    assert_eq!((order.edits.len(), order.holds.len()), (1, 0));
}

#[test]
fn a_line_that_somebody_adds_there_by_hand_for_us_is_no_further_one() {
    let mut order = edited();
    answer(&mut order, 1, shows(7, &[4, 2]));
    let further = crate::record::Line { channel_line_id: String::new(), ..crate::testing::line(3, "7.00", 2) };
    order.lines.push(further.clone());
    let line = crate::edit::EditedLine { number: 3, quantity: 2 * UNIT, added: Some(further), ..Default::default() };
    let mut edit = crate::edit::Edit { who: "anna".into(), lines: vec![line], ..Default::default() };
    edit.set_step(Step::Done);
    edit.set_told(Told::Due);
    order.edits.push(edit);
    order.not_edited_at_shop(2, "NO_SUCH_VARIANT: the shop sells nothing under SKU-3", 9);
    take(&mut order, &shows(8, &[4, 2, 2]));
    assert_eq!((order.edits.len(), order.holds.len(), order.lines.len()), (2, 0, 3));
    assert_eq!(order.lines[2].channel_line_id, "93");
}

#[test]
fn a_further_line_has_the_shops_id_once_it_is_told() {
    let mut order = edited();
    order.lines[1].channel_line_id.clear();
    let added = vec![shop::AddedLine { external_ref: order.lines[1].id.clone(), line_item_id: "95".into() }];
    let told = shop::EditOrderResponse { added, ..Default::default() };
    order.edited_at_shop(1, &told, ShopRules::default(), 9);
    assert_eq!(order.lines[1].channel_line_id, "95");
}

#[test]
fn edits_are_told_one_after_the_other_each_from_what_the_shop_shows() {
    let mut order = edited();
    change(&mut order, 1, 3);
    let expected = |order: &Order, number: usize| order.lines_to_show(number)[0].before / UNIT;
    assert_eq!((order.edit_to_tell(), expected(&order, 1)), (Some(1), 6));
    order.not_edited_at_shop(1, "LINE_FULFILLED: so", 9);
    assert_eq!((order.edit_to_tell(), expected(&order, 2)), (Some(2), 6), "the first never came there");
}
