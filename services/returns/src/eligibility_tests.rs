//! Which rule refuses what, and what each rule looked at.

use super::*;
use crate::config::AcceptedCondition;
use crate::testing::sale;

const UNIT: i64 = 1_000_000;

/// Two hearts, asked for on the day after they left.
fn question() -> Question {
    Question {
        return_id: "r-1".into(),
        number: 1,
        order_line: 1,
        quantity: 2 * UNIT,
        // 2010-12-03T10:00:00Z
        requested_at: 1_291_370_400_000,
        ..Question::default()
    }
}

fn judged(question: &Question, sale: &Sale, books: &Allowance, policy: &Policy) -> Verdict {
    judge(question, sale, books, ("default", policy), "Europe/London")
}

fn cause(question: &Question, sale: &Sale) -> (String, i64, bool) {
    let verdict = judged(question, sale, &Allowance::default(), &Policy::default());
    (verdict.cause, verdict.quantity / UNIT, verdict.in_flight)
}

#[test]
fn a_good_line_passes_every_rule_in_order() {
    let verdict = judged(&question(), &sale(), &Allowance::default(), &Policy::default());
    let rules: Vec<&str> = verdict.rules.iter().map(|rule| rule.rule.as_str()).collect();
    assert_eq!(
        rules,
        [
            "PURCHASED",
            "SHIPPED",
            "INVOICED",
            "WITHIN_WINDOW",
            "NOT_FINAL_SALE",
            "CONDITION_ACCEPTED",
            "QUANTITY_LEFT",
            "NO_DISPUTE"
        ]
    );
    assert!(verdict.rules.iter().all(|rule| rule.passed));
    assert_eq!((verdict.quantity, verdict.cause.as_str()), (2 * UNIT, ""));
}

#[test]
fn the_window_is_explained_with_both_days_and_its_policy() {
    let late = Question { requested_at: 1_294_048_800_000, ..question() };
    let verdict = judged(&late, &sale(), &Allowance::default(), &Policy::default());
    assert_eq!((verdict.cause.as_str(), verdict.quantity), ("WITHIN_WINDOW", 0));
    assert_eq!(verdict.detail, "left 32 days before, returns are taken for 30 days");
    let inputs = &verdict.rules[3].inputs;
    let told = [&inputs["left_on"], &inputs["requested_on"], &inputs["window_days"], &inputs["policy"]];
    assert_eq!(told, ["2010-12-02", "2011-01-03", "30", "default"]);
}

#[test]
fn the_last_day_of_the_window_is_within_it() {
    let last = Question { requested_at: 1_293_875_000_000, ..question() };
    assert_eq!(cause(&last, &sale()).0, "");
}

#[test]
fn goods_that_left_after_the_wish_are_within_the_window() {
    let early = Question { requested_at: 0, ..question() };
    assert_eq!(cause(&early, &sale()).0, "");
}

#[test]
fn a_fact_is_not_asked_about_the_policy() {
    let fact = Question { is_fact: true, requested_at: 1_394_048_800_000, condition: 1, ..question() };
    let verdict = judged(&fact, &sale(), &Allowance::default(), &Policy::default());
    assert_eq!((verdict.cause.as_str(), verdict.rules.len()), ("", 5));
}

#[test]
fn a_person_may_override_the_policy_and_the_verdict_says_so() {
    let late = Question { overridden: true, requested_at: 1_394_048_800_000, ..question() };
    let verdict = judged(&late, &sale(), &Allowance::default(), &Policy::default());
    assert_eq!((verdict.cause.as_str(), verdict.quantity), ("", 2 * UNIT));
    assert_eq!(verdict.rules[3].inputs["overridden"], "true");
}

#[test]
fn an_override_does_not_make_more_of_the_goods() {
    let much = Question { overridden: true, quantity: 7 * UNIT, ..question() };
    assert_eq!(cause(&much, &sale()), ("QUANTITY_LEFT".into(), 6, false));
}

#[test]
fn used_goods_are_taken_only_where_the_policy_says_so() {
    let used = Question { condition: i32::from(Condition::Used), ..question() };
    assert_eq!(cause(&used, &sale()).0, "CONDITION_ACCEPTED");
    let lenient = Policy { conditions: vec![AcceptedCondition::Used], ..Policy::default() };
    assert_eq!(judged(&used, &sale(), &Allowance::default(), &lenient).cause, "");
}

#[test]
fn what_was_sold_for_good_stays_sold() {
    let policy = Policy { final_sale_skus: vec!["85123A".into()], ..Policy::default() };
    assert_eq!(judged(&question(), &sale(), &Allowance::default(), &policy).cause, "NOT_FINAL_SALE");
    let mut marked = sale();
    marked.lines[0].attributes.insert("final_sale".into(), "true".into());
    assert_eq!(cause(&question(), &marked).0, "NOT_FINAL_SALE");
}

#[test]
fn an_open_dispute_blocks() {
    let disputed = Sale { has_open_dispute: true, ..sale() };
    assert_eq!(cause(&question(), &disputed), ("NO_DISPUTE".into(), 0, false));
}

#[test]
fn a_cancelled_order_was_no_purchase() {
    let cancelled = Sale { is_cancelled: true, is_over: true, ..sale() };
    assert_eq!(cause(&question(), &cancelled).0, "PURCHASED");
}

#[test]
fn a_line_that_the_order_does_not_have_was_not_bought() {
    let other = Question { order_line: 9, ..question() };
    assert_eq!(cause(&other, &sale()).0, "PURCHASED");
}

#[test]
fn goods_that_are_on_their_way_are_waited_for_unless_the_order_is_over() {
    let mut sale = sale();
    (sale.lines[0].shipped, sale.lines[0].invoiced) = (UNIT, UNIT);
    assert_eq!(cause(&question(), &sale), ("SHIPPED".into(), 1, true));
    sale.is_over = true;
    assert_eq!(cause(&question(), &sale), ("SHIPPED".into(), 1, false));
}

#[test]
fn what_shipped_and_was_not_invoiced_waits_for_the_invoice() {
    let mut sale = sale();
    sale.lines[0].invoiced = 0;
    assert_eq!(cause(&question(), &sale), ("INVOICED".into(), 0, true));
}

#[test]
fn what_came_back_before_is_not_there_to_come_back_again() {
    let (sale, mut books) = (sale(), Allowance::default());
    books.claim("r-0", 1, &sale, sale.line(1).unwrap(), 5 * UNIT);
    let verdict = judged(&question(), &sale, &books, &Policy::default());
    assert_eq!((verdict.cause.as_str(), verdict.quantity), ("QUANTITY_LEFT", UNIT));
    books.claim("r-1", 1, &sale, sale.line(1).unwrap(), UNIT);
    let again = judged(&question(), &sale, &books, &Policy::default());
    assert_eq!(again.quantity, UNIT, "its own claim does not count against it");
}

#[test]
fn of_a_half_shipped_line_the_other_half_is_not_offered_twice() {
    let (mut sale, mut books) = (sale(), Allowance::default());
    (sale.lines[0].shipped, sale.lines[0].invoiced) = (2 * UNIT, 2 * UNIT);
    books.claim("r-0", 1, &sale, sale.line(1).unwrap(), 2 * UNIT);
    let verdict = judged(&question(), &sale, &books, &Policy::default());
    assert_eq!((verdict.cause.as_str(), verdict.quantity), ("SHIPPED", 0));
}
