//! Facts and laws about parts of lines.

use proptest::prelude::*;
use retail_proto::Currency;

use super::*;
use crate::check::line_amount;
use crate::decision::Sourced;
use crate::record::Tax;
use crate::testing::{four_and_two, line, order};

const UNIT: i64 = 1_000_000;

fn gbp() -> Option<Currency> {
    "GBP".parse().ok()
}

fn split(mut order: Order) -> Order {
    order.lines = order.lines_as_given(&four_and_two());
    for (line, place) in order.lines.iter_mut().zip(["MAIN", "MAIN", "SOHO"]) {
        line.location = place.into();
    }
    order
}

#[test]
fn a_part_is_a_line_of_its_own_that_knows_whose_part_it_is() {
    let order = split(order().booked());
    let told: Vec<_> =
        order.lines.iter().map(|line| (line.number, line.quantity / UNIT, line.amount, line.split_from)).collect();
    assert_eq!(told, [(1, 4, 1020, 0), (2, 2, 678, 0), (3, 2, 510, 1)]);
    assert_eq!((order.lines[2].id.as_str(), order.lines[2].channel_line_id.as_str()), ("o-1/3", "91"));
    assert_eq!(order.lines_as_given(&four_and_two()), order.lines, "once");
}

#[test]
fn what_is_promised_is_every_part_at_its_place_and_a_repeat_promises_the_same() {
    let mut order = order().received();
    order.sourced = Some(Sourced { decision: Some(four_and_two()), ..Sourced::default() });
    let asked = crate::ask::reserve_lines(&order);
    let told: Vec<_> =
        asked.iter().map(|line| (line.line_id.as_str(), line.location.as_str(), line.quantity.as_str())).collect();
    assert_eq!(told, [("o-1/1", "MAIN", "4"), ("o-1/2", "MAIN", "2"), ("o-1/3", "SOHO", "2")]);
    order.lines = order.lines_as_given(&four_and_two());
    assert_eq!(crate::ask::reserve_lines(&order), asked);
}

#[test]
fn the_number_of_a_line_as_ordered_stands_for_all_of_its_parts() {
    let order = split(order().booked());
    assert_eq!(order.with_parts(&[1]), [1, 3]);
    assert_eq!(order.with_parts(&[3, 2, 3]), [3, 2]);
    let whole = order.sold_as("91").unwrap();
    assert_eq!((whole.number, whole.quantity, whole.sold, whole.open), (1, 6 * UNIT, 6 * UNIT, vec![1, 3]));
}

#[test]
fn a_cancelled_line_is_cancelled_in_all_of_its_parts_and_a_part_alone_by_its_own_number() {
    let by = crate::pickup::By { who: "agent", at: 5, why: "no longer wanted" };
    let mut whole = split(order().booked());
    whole.cancel_lines(&[1], by).unwrap();
    assert_eq!(whole.line_cancels[0].lines, [1, 3]);
    let mut part = split(order().booked());
    part.cancel_lines(&[3], by).unwrap();
    assert_eq!(part.line_cancels[0].lines, [3]);
    // What of it has shipped stays, the rest goes.
    let mut half = split(order().booked());
    half.lines[0].shipped = 4 * UNIT;
    half.cancel_lines(&[1], by).unwrap();
    assert_eq!(half.line_cancels[0].lines, [3]);
    let mut gone = split(order().booked());
    (gone.lines[0].shipped, gone.lines[2].shipped) = (4 * UNIT, 2 * UNIT);
    insta::assert_snapshot!(gone.cancel_lines(&[1], by).unwrap_err(), @"lines of order o-1 cannot be cancelled: line 1 has shipped; open a return instead");
}

#[test]
fn fewer_pieces_are_taken_off_the_last_part_and_more_are_added_to_the_first() {
    let order = split(order().booked());
    let parts =
        |order: &Order, units: i64| [0, 2].map(|place| order.part_when(&order.lines[place], units * UNIT) / UNIT);
    assert_eq!(parts(&order, 6), [4, 2]);
    assert_eq!(parts(&order, 5), [4, 1]);
    assert_eq!(parts(&order, 3), [3, 0]);
    assert_eq!(parts(&order, 9), [7, 2]);
    let mut shipped = order.clone();
    shipped.lines[2].shipped = 2 * UNIT;
    assert_eq!(parts(&shipped, 5), [3, 2], "what has shipped stays");
    let mut closed = order;
    closed.lines[2].closed = true;
    assert_eq!(parts(&closed, 3), [3, 2], "nothing of the closed part ships, so that three are three");
}

#[test]
fn the_shop_sees_one_line_whatever_became_of_its_parts() {
    let mut order = split(order().booked());
    order.lines[2].closed = true;
    let whole = order.sold_as("91").unwrap();
    assert_eq!((whole.quantity, whole.stands, whole.closed, whole.open), (6 * UNIT, 4 * UNIT, false, vec![1]));
    let shipment = crate::documents::Shipment {
        document: Some(crate::testing::record("itemFulfillment", "7")),
        lines: [1, 3].map(|number| crate::documents::ShipmentLine { number, quantity: 2 * UNIT }).to_vec(),
        ..Default::default()
    };
    order.shipments.push(shipment);
    let told = crate::ask::fulfilment(&order, "7", "k".into()).lines;
    let told: Vec<_> =
        told.iter().map(|line| (line.line_item_id.as_str(), line.quantity, line.location.as_str())).collect();
    assert_eq!(told, [("91", 2, "MAIN"), ("91", 2, "SOHO")]);
}

#[test]
fn what_was_sold_before_an_edit_is_shared_between_the_parts() {
    let mut order = order().booked();
    order.lines[0].sold = Some(5 * UNIT);
    let lines = order.lines_as_given(&four_and_two());
    assert_eq!((lines[0].sold, lines[2].sold), (Some(3 * UNIT), Some(2 * UNIT)));
}

proptest! {
    #[test]
    fn nothing_of_a_line_is_lost_between_its_parts(
        price in 0_i64..100_000, places in 0_u32..5, units in 2_i64..40, off in 0_i64..5_000, tax in 0_i64..5_000,
        cuts in prop::collection::vec(1_i64..40, 1..4),
    ) {
        let mut whole = line(1, &rust_decimal::Decimal::new(price, places).to_string(), units);
        whole.discount = off.min(whole.amount);
        whole.amount -= whole.discount;
        whole.taxes = vec![Tax { minor: tax, ..Tax::default() }];
        let mut left = whole.clone();
        let mut parts = Vec::new();
        for cut in cuts {
            if cut * UNIT < left.quantity {
                parts.push(left.cut(cut * UNIT, gbp()));
            }
        }
        // Each costs what its pieces cost, but for the last, which has what is left.
        for part in &parts {
            prop_assert_eq!(line_amount(part, gbp().unwrap()).unwrap().minor(), part.amount);
        }
        parts.push(left);
        let sum = |of: &dyn Fn(&Line) -> i64| parts.iter().map(of).sum::<i64>();
        prop_assert_eq!(sum(&|part| part.quantity), whole.quantity);
        prop_assert_eq!(sum(&|part| part.amount), whole.amount);
        prop_assert_eq!(sum(&|part| part.discount), whole.discount);
        prop_assert_eq!(sum(&|part| part.taxes[0].minor), tax);
        for part in &parts {
            prop_assert!(part.quantity > 0 && part.amount >= 0 && part.discount >= 0 && part.taxes[0].minor >= 0);
        }
    }

    #[test]
    fn parts_of_an_edited_line_add_up_to_what_is_wanted(
        shipped in (0_i64..5, 0_i64..3), closed in any::<bool>(), wanted in 0_i64..12,
    ) {
        let mut order = split(order().booked());
        (order.lines[0].shipped, order.lines[2].shipped) = (shipped.0 * UNIT, shipped.1 * UNIT);
        order.lines[2].closed = closed && shipped.1 < 2;
        let floor = shipped.0 + shipped.1;
        let after: i64 = order.parts_of(1).map(|part| {
            let quantity = order.part_when(part, wanted * UNIT);
            if part.closed { part.shipped } else { quantity }
        }).sum();
        prop_assert_eq!(after, wanted * UNIT);
        let all_may_be = order.parts_of(1).all(|part| order.part_when(part, wanted * UNIT) >= part.shipped);
        prop_assert_eq!(all_may_be, wanted >= floor, "less than has shipped is asked of a part that refuses it");
    }
}
