//! Judgements taken into lines and parts.

use super::*;
use crate::testing::sale;

const UNIT: i64 = 1_000_000;

fn located(units: i64) -> Return {
    let line = Line {
        number: 1,
        input_number: 1,
        stage: i32::from(Stage::Located),
        order_id: "o-1".into(),
        order_line: 1,
        requested: units * UNIT,
        ..Line::default()
    };
    Return { id: "r-1".into(), lines: vec![line], ..Return::default() }
}

fn judged(record: &Return, verdict: Verdict, slices: &[(&str, i64)]) -> Vec<Judged> {
    let slice = |(invoice, units): &(&str, i64)| Slice {
        invoice: (*invoice).into(),
        quantity: units * UNIT,
        value: units * 255,
    };
    let question = questions(record, "o-1").remove(0);
    vec![Judged { question, verdict, slices: slices.iter().map(slice).collect() }]
}

fn lacking(cause: &str, in_flight: bool) -> Verdict {
    Verdict { cause: cause.into(), in_flight, ..Verdict::default() }
}

#[test]
fn what_may_not_come_back_waits_alone_and_the_rest_goes_on() {
    let mut record = located(6);
    let judged = judged(&record, lacking("QUANTITY_LEFT", false), &[("inv-1", 4)]);
    take(&mut record, &sale(), &judged, 0);
    record.advance();
    assert_eq!((record.lines[0].authorized, record.lines[0].part), (4 * UNIT, 1));
    assert_eq!((record.lines[1].requested, record.lines[1].cause.as_str()), (2 * UNIT, "QUANTITY_LEFT"));
    assert_eq!(record.state(), State::Authorized);
}

#[test]
fn what_the_purchase_rule_found_and_somebody_else_took_is_sought_again() {
    let mut record = located(6);
    record.lines[0].by_rule = true;
    let judged = judged(&record, lacking("QUANTITY_LEFT", false), &[("inv-1", 4)]);
    take(&mut record, &sale(), &judged, 0);
    assert_eq!((record.lines[1].stage(), record.lines[1].order_id.as_str()), (Stage::Wanted, ""));
    assert!(record.parts.is_empty(), "nothing is authorized while a line is being settled");
}

#[test]
fn a_purchase_that_is_sought_in_vain_again_and_again_goes_to_a_person() {
    let mut record = located(6);
    (record.lines[0].by_rule, record.lines[0].sought) = (true, SOUGHT_AT_MOST);
    let judged = judged(&record, lacking("QUANTITY_LEFT", false), &[]);
    take(&mut record, &sale(), &judged, 0);
    assert_eq!(record.lines[0].cause, "QUANTITY_LEFT");
}

#[test]
fn a_line_whose_order_is_on_its_way_is_looked_at_more_and_more_seldom() {
    let mut record = located(6);
    let first = judged(&record, lacking("SHIPPED", true), &[]);
    take(&mut record, &sale(), &first, 1_000);
    assert_eq!((record.waiting_since, record.look_at), (1_000, 1_500));
    let again = judged(&record, lacking("SHIPPED", true), &[]);
    take(&mut record, &sale(), &again, 61_000);
    assert_eq!((record.waiting_since, record.look_at), (1_000, 91_000));
    let good = judged(&record, Verdict::default(), &[("inv-1", 6)]);
    take(&mut record, &sale(), &good, 99_000);
    assert_eq!((record.waiting_since, record.look_at), (0, 0));
}

#[test]
fn a_line_of_two_invoices_is_split_and_each_has_a_part_of_its_own() {
    let mut record = located(6);
    let judged = judged(&record, Verdict::default(), &[("inv-1", 4), ("inv-2", 2)]);
    take(&mut record, &sale(), &judged, 0);
    record.advance();
    let lines: Vec<_> = record.lines.iter().map(|line| (line.number, line.claimed_as, line.part)).collect();
    assert_eq!(lines, [(1, 1, 1), (2, 1, 2)]);
    assert_eq!(record.parts[1].id, "r-1/2");
}

#[test]
fn a_line_that_is_good_later_gets_a_part_of_its_own() {
    let mut record = located(6);
    record.lines.push(Line { number: 2, waits_for_order: true, order_line: 2, ..record.lines[0].clone() });
    let mut first = judged(&record, Verdict::default(), &[("inv-1", 6)]);
    first.truncate(1);
    take(&mut record, &sale(), &first, 0);
    record.advance();
    assert_eq!((record.parts.len(), record.state()), (1, State::Authorized));
    let later = judged(&record, Verdict::default(), &[("inv-1", 6)]);
    take(&mut record, &sale(), &later, 0);
    record.advance();
    assert_eq!((record.parts.len(), record.lines[1].part), (2, 2));
}

#[test]
fn an_answer_about_a_line_that_has_changed_since_changes_nothing() {
    let mut record = located(6);
    let late = judged(&record, Verdict::default(), &[("inv-1", 6)]);
    record.lines[0].requested = 3 * UNIT;
    let before = record.lines.clone();
    take(&mut record, &sale(), &late, 0);
    assert_eq!(record.lines, before);
}

#[test]
fn a_claim_that_comes_after_the_cancellation_is_given_back() {
    let mut record = located(6);
    let late = judged(&record, Verdict::default(), &[("inv-1", 6)]);
    record.set_state(State::Cancelled);
    record.gave_back("o-1");
    take(&mut record, &sale(), &late, 0);
    record.advance();
    assert_eq!((record.state(), record.to_give_back()), (State::Cancelling, vec!["o-1".to_owned()]));
}
