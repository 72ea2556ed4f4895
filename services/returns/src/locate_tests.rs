//! Which purchase a line is of.

use proptest::prelude::*;

use super::*;
use crate::line::Wish;
use crate::testing::sale;

const UNIT: i64 = 1_000_000;

fn purchase(order: &str, line: i32, placed_at: i64, units: i64) -> Purchase {
    Purchase {
        order_id: order.into(),
        order_number: format!("#{order}"),
        order_line: line,
        sku: "85123A".into(),
        placed_at,
        bought: units * UNIT,
        left: units * UNIT,
    }
}

fn wanted(units: i64) -> Return {
    let line = Line { number: 1, input_number: 1, sku: "85123A".into(), requested: units * UNIT, ..Line::default() };
    Return { customer_id: "c-1".into(), lines: vec![line], ..Return::default() }
}

fn found(purchases: Vec<Purchase>) -> Found {
    Found { purchases, customer_id: Some("c-1".into()), ..Found::default() }
}

fn places(record: &Return) -> Vec<(i32, &str, i64, &str)> {
    let place = |line| {
        let line: &Line = line;
        (line.number, line.order_id.as_str(), line.requested / UNIT, line.cause.as_str())
    };
    record.lines.iter().map(place).collect()
}

#[test]
fn the_newest_purchase_is_taken_first() {
    let mut record = wanted(2);
    locate(&mut record, found(vec![purchase("old", 1, 10, 6), purchase("new", 1, 20, 6)]));
    assert_eq!(places(&record), [(1, "new", 2, "")]);
}

#[test]
fn a_line_is_split_over_purchases_and_its_numbers_go_on() {
    let mut record = wanted(5);
    record.lines.push(Line { number: 2, input_number: 2, sku: "OTHER".into(), requested: UNIT, ..Line::default() });
    locate(&mut record, found(vec![purchase("old", 1, 10, 6), purchase("new", 1, 20, 3)]));
    let of_first: Vec<_> =
        record.lines.iter().filter(|line| line.input_number == 1).map(|line| (line.number, line.requested)).collect();
    assert_eq!(of_first, [(1, 3 * UNIT), (3, 2 * UNIT)]);
}

#[test]
fn what_was_never_bought_and_what_is_used_up_have_other_causes() {
    let mut never = wanted(1);
    locate(&mut never, found(Vec::new()));
    assert_eq!(places(&never), [(1, "", 1, "NO_EARLIER_PURCHASE")]);
    let mut used_up = wanted(5);
    locate(&mut used_up, found(vec![purchase("new", 1, 20, 3)]));
    assert_eq!(places(&used_up), [(1, "new", 3, ""), (2, "", 2, "QUANTITY_LEFT")]);
}

#[test]
fn without_a_customer_and_an_order_nothing_is_found() {
    let mut record = wanted(1);
    locate(&mut record, Found::default());
    assert_eq!(places(&record), [(1, "", 1, "NO_CUSTOMER")]);
}

#[test]
fn a_customer_whom_nobody_knows_has_bought_nothing_before() {
    let mut record = wanted(1);
    record.customer =
        Some(retail_proto::types::v1::Ref { kind: "commerce".into(), id: "7".into(), ..Default::default() });
    locate(&mut record, Found::default());
    assert_eq!(places(&record), [(1, "", 1, "NO_EARLIER_PURCHASE")]);
}

#[test]
fn two_lines_of_one_item_do_not_take_the_same_piece() {
    let mut record = wanted(2);
    record.lines.push(Line { number: 2, ..record.lines[0].clone() });
    locate(&mut record, found(vec![purchase("old", 1, 10, 6), purchase("new", 1, 20, 3)]));
    assert_eq!(places(&record), [(1, "new", 2, ""), (2, "new", 1, ""), (3, "old", 1, "")]);
}

#[test]
fn a_line_that_has_its_purchase_keeps_it_from_the_others() {
    let mut record = wanted(2);
    let mut before = Line { number: 2, requested: 2 * UNIT, order_line: 1, ..Line::default() };
    before.order_id = "new".into();
    before.set_stage(Stage::Located);
    record.lines.push(before);
    locate(&mut record, found(vec![purchase("old", 1, 10, 6), purchase("new", 1, 20, 3)]));
    assert_eq!(places(&record)[0], (1, "new", 1, ""));
    assert_eq!(places(&record)[2], (3, "old", 1, ""));
}

fn named(wish: Wish, sku: &str) -> Return {
    let wish = Wish { order_id: "o-1".into(), ..wish };
    let line = Line { number: 1, wish: Some(wish), sku: sku.into(), requested: 2 * UNIT, ..Line::default() };
    let mut record = Return { lines: vec![line], ..Return::default() };
    let orders = [(Named::Id("o-1".into()), Some(sale()))].into();
    locate(&mut record, Found { named: orders, ..Found::default() });
    record
}

#[test]
fn a_line_of_a_named_order_is_found_by_number_by_the_channels_id_or_by_item() {
    assert_eq!(named(Wish { order_line: 2, ..Wish::default() }, "").lines[0].order_line, 2);
    assert_eq!(named(Wish { channel_line_id: "92".into(), ..Wish::default() }, "").lines[0].order_line, 2);
    assert_eq!(named(Wish::default(), "71053").lines[0].order_line, 2);
}

#[test]
fn a_line_that_several_places_shipped_comes_back_by_its_number_from_each_of_them_what_has_left_first() {
    // Line 1, six pieces: four under its own number, which have not left yet, and two as line 3.
    let mut sale = sale();
    let part = SoldLine { number: 3, split_from: 1, ordered: 2 * UNIT, shipped: 2 * UNIT, ..sale.lines[0].clone() };
    (sale.lines[0].ordered, sale.lines[0].shipped) = (4 * UNIT, 0);
    sale.lines.push(part);
    for wish in [Wish { order_line: 1, ..Wish::default() }, Wish { channel_line_id: "91".into(), ..Wish::default() }] {
        let wish = Some(Wish { order_id: "o-1".into(), ..wish });
        let line = Line { number: 1, wish, requested: 3 * UNIT, ..Line::default() };
        let mut record = Return { lines: vec![line], ..Return::default() };
        let orders = [(Named::Id("o-1".into()), Some(sale.clone()))].into();
        locate(&mut record, Found { named: orders, ..Found::default() });
        let pieces: Vec<_> = record.lines.iter().map(|line| (line.order_line, line.requested / UNIT)).collect();
        assert_eq!(pieces, [(3, 2), (1, 1)]);
    }
}

#[test]
fn an_item_that_the_named_order_does_not_have_waits_for_a_person() {
    assert_eq!(named(Wish::default(), "NONE").lines[0].cause, "PURCHASED");
}

#[test]
fn an_order_that_nobody_knows_is_a_cause_of_its_own() {
    let wish = Some(Wish { order_number: "#1".into(), ..Wish::default() });
    let line = Line { number: 1, wish, sku: "X".into(), requested: UNIT, ..Line::default() };
    let mut record = Return { lines: vec![line], ..Return::default() };
    let orders = [(Named::Number("#1".into()), None)].into();
    locate(&mut record, Found { named: orders, ..Found::default() });
    assert_eq!(record.lines[0].cause, "NO_SUCH_ORDER");
}

#[test]
fn more_than_the_named_line_has_left_is_judged_there() {
    let mut record = named(Wish { order_line: 1, ..Wish::default() }, "");
    record.lines[0].requested = 9 * UNIT;
    assert_eq!((record.lines.len(), record.lines[0].stage()), (1, Stage::Located));
}

proptest! {
    #[test]
    fn no_piece_is_lost_and_no_purchase_is_overdrawn(
        asked in proptest::collection::vec(1_i64..20, 1..8),
        bought in proptest::collection::vec((0_i64..50, 0_i64..10), 0..8),
    ) {
        let mut record = wanted(1);
        record.lines = asked.iter().zip(1..).map(|(units, number)| Line {
            number, input_number: number, sku: "85123A".into(), requested: units * UNIT, ..Line::default()
        }).collect();
        let purchases: Vec<_> =
            bought.iter().enumerate().map(|(id, (at, units))| purchase(&id.to_string(), 1, *at, *units)).collect();
        locate(&mut record, found(purchases.clone()));
        for (units, number) in asked.iter().zip(1..) {
            let of_input = record.lines.iter().filter(|line| line.input_number == number);
            prop_assert_eq!(of_input.map(|line| line.requested).sum::<i64>(), units * UNIT);
        }
        for purchase in &purchases {
            let taken = record.lines.iter().filter(|line| line.order_id == purchase.order_id);
            prop_assert!(taken.map(|line| line.requested).sum::<i64>() <= purchase.left);
        }
        let mut numbers: Vec<i32> = record.lines.iter().map(|line| line.number).collect();
        numbers.sort_unstable();
        prop_assert_eq!(&numbers, &(1..=i32::try_from(numbers.len()).unwrap()).collect::<Vec<_>>());
        // Something is left over only when every purchase is used up.
        let waits = record.lines.iter().any(Line::is_exception);
        let wanted: i64 = asked.iter().sum();
        prop_assert_eq!(waits, wanted > bought.iter().map(|(_, units)| units).sum::<i64>());
    }
}
