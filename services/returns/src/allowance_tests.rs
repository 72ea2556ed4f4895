//! The books of one order: claims, amounts and settlements under random returns.

use proptest::prelude::*;

use super::*;
use crate::crediting::{credits, settled, settling};
use crate::line::{Line, Stage};
use crate::part::{Disposition, ReceiptLine};
use crate::receiving::{Arrival, close, receive};
use crate::record::Return;
use crate::sale::Bill;
use crate::settling::{Judged, questions, take};
use crate::testing::{record, sale};
use crate::{config, eligibility};

const UNIT: i64 = 1_000_000;

fn claim(books: &mut Allowance, return_id: &str, units: i64) -> Vec<(i64, i64)> {
    let sale = sale();
    let slices = books.claim(return_id, 1, &sale, sale.line(1).unwrap(), units * UNIT);
    slices.into_iter().map(|slice| (slice.quantity / UNIT, slice.value)).collect()
}

#[test]
fn a_claim_that_is_made_again_is_answered_what_it_has() {
    let mut books = Allowance::default();
    let first = claim(&mut books, "r-1", 4);
    let once = books.clone();
    assert_eq!(claim(&mut books, "r-1", 4), first);
    assert_eq!(books, once);
}

#[test]
fn of_two_claims_for_the_last_pieces_one_wins_them() {
    let mut books = Allowance::default();
    assert_eq!(claim(&mut books, "r-1", 4), [(4, 1020)]);
    assert_eq!(claim(&mut books, "r-2", 4), [(2, 510)]);
    assert!(claim(&mut books, "r-3", 1).is_empty());
}

#[test]
fn what_is_given_back_can_be_claimed_by_another() {
    let mut books = Allowance::default();
    claim(&mut books, "r-1", 6);
    books.give_back("r-1");
    assert_eq!(claim(&mut books, "r-2", 6), [(6, 1530)]);
}

#[test]
fn the_oldest_invoice_is_taken_first() {
    let mut sale = sale();
    let bill =
        |id: &str, units: i64| Bill { record: record("invoice", id), owed: None, lines: vec![(1, units * UNIT)] };
    sale.bills = vec![bill("inv-1", 4), bill("inv-2", 2)];
    let mut books = Allowance::default();
    let claim = |books: &mut Allowance, id: &str| {
        let slices = books.claim(id, 1, &sale, sale.line(1).unwrap(), 3 * UNIT);
        slices.into_iter().map(|slice| (slice.invoice, slice.quantity / UNIT)).collect::<Vec<_>>()
    };
    assert_eq!(claim(&mut books, "r-1"), [("inv-1".to_owned(), 3)]);
    assert_eq!(claim(&mut books, "r-2"), [("inv-1".to_owned(), 1), ("inv-2".to_owned(), 2)]);
}

fn settle(books: &mut Allowance, sale: &Sale, id: &str, credited: i64) -> (i64, i64) {
    let invoice = sale.bills.first().map(|bill| bill.record.clone());
    let lines = vec![Credit { number: 1, quantity: UNIT, amount: credited }];
    let asked = Settling { id: id.into(), return_id: id.into(), lines, invoice, ..Settling::default() };
    let entry = books.settle(sale, &asked).unwrap();
    (entry.applied, entry.refund)
}

#[test]
fn an_invoice_that_is_owed_takes_the_memo_and_only_the_rest_is_given_back() {
    let mut sale = sale();
    (sale.invoiced, sale.captured) = (3564, 3000);
    sale.bills[0].owed = Some(564);
    let mut books = Allowance::default();
    assert_eq!(settle(&mut books, &sale, "r-1/1", 1000), (564, 436));
    assert_eq!(settle(&mut books, &sale, "r-1/1", 1000), (564, 436), "a repeat is answered alike");
    assert_eq!(settle(&mut books, &sale, "r-2/1", 1000), (0, 1000), "nothing is owed any more");
}

#[test]
fn what_the_order_has_taken_before_it_heard_of_a_credit_is_given_back() {
    let mut sale = sale();
    (sale.invoiced, sale.captured) = (3564, 0);
    sale.bills[0].owed = Some(3564);
    let mut books = Allowance::default();
    assert_eq!(settle(&mut books, &sale, "r-1/1", 1000), (1000, 0));
    sale.captured = 3164;
    for _ in 0..2 {
        let entry = books.take_off(&sale, "r-1/1", 400).unwrap();
        assert_eq!((entry.applied, entry.refund), (400, 600), "once and told again");
    }
    assert_eq!(books.take_off(&sale, "r-9/1", 400), None);
}

#[test]
fn nothing_is_settled_while_the_money_that_is_owed_is_about_to_be_taken() {
    let mut sale = sale();
    (sale.invoiced, sale.captured, sale.is_being_paid) = (3564, 0, true);
    sale.bills[0].owed = Some(3564);
    let mut books = Allowance::default();
    let asked = Settling {
        id: "r-1/1".into(),
        lines: vec![Credit { number: 1, quantity: UNIT, amount: 1000 }],
        ..Settling::default()
    };
    assert_eq!(books.settle(&sale, &asked), None);
    assert_eq!(books, Allowance::default());
    sale.captured = 3564;
    assert_eq!(books.settle(&sale, &asked).unwrap().refund, 1000, "what is left is held for goods still to come");
}

#[test]
fn nothing_is_settled_while_money_is_on_its_way_whose_invoice_nobody_has_heard_of() {
    let mut sale = sale();
    (sale.invoiced, sale.captured, sale.is_being_paid) = (0, 0, true);
    sale.bills[0].owed = None;
    let mut books = Allowance::default();
    let asked = Settling {
        id: "r-1/1".into(),
        lines: vec![Credit { number: 1, quantity: UNIT, amount: 1000 }],
        ..Settling::default()
    };
    assert_eq!(books.settle(&sale, &asked), None, "all of it will be taken, and then some of it goes back");
    (sale.invoiced, sale.captured) = (3564, 3564);
    assert_eq!(books.settle(&sale, &asked).unwrap().refund, 1000);
}

#[test]
fn a_part_that_is_settled_again_after_more_has_come_is_answered_as_before() {
    let (sale, mut books) = (sale(), Allowance::default());
    settle(&mut books, &sale, "r-1/1", 1000);
    let once = books.clone();
    assert_eq!(settle(&mut books, &sale, "r-1/1", 2000), (0, 1000));
    assert_eq!(books, once);
}

#[test]
fn an_invoice_whose_deposit_is_not_applied_yet_is_not_owed() {
    let mut sale = sale();
    sale.bills[0].owed = Some(sale.invoiced);
    assert_eq!(settle(&mut Allowance::default(), &sale, "r-1/1", 1000), (0, 1000));
}

#[test]
fn what_the_shop_gave_back_before_it_was_credited_is_not_owed() {
    let mut sale = sale();
    sale.bills[0].owed = Some(sale.invoiced);
    let mut books = Allowance::default();
    books.note_given("r-1", 1275);
    assert_eq!(settle(&mut books, &sale, "r-2", 1000), (0, 1000), "the invoice only looks owed");
    let lines = vec![Credit { number: 1, quantity: UNIT, amount: 1275 }];
    let asked = Settling { id: "r-1/1".into(), return_id: "r-1".into(), is_given: true, lines, ..Settling::default() };
    assert_eq!(books.settle(&sale, &asked).unwrap().credited, 1275);
    assert_eq!(settle(&mut books, &sale, "r-3", 500), (0, 500));
    sale.captured -= 300;
    assert_eq!(settle(&mut books, &sale, "r-4", 500), (300, 200), "what was never paid still is");
}

#[test]
fn never_more_is_given_back_than_was_taken() {
    let mut sale = sale();
    sale.refunded = 3000;
    let mut books = Allowance::default();
    books.note_given("r-0", 100);
    books.note_given("r-0", 100);
    // The invoice is not owed as far as its ERP says.
    sale.bills[0].owed = Some(0);
    assert_eq!(settle(&mut books, &sale, "r-1/1", 1000), (0, 464));
}

#[test]
fn a_refund_that_stands_in_two_books_is_counted_once() {
    let mut sale = sale();
    (sale.refunded, sale.refunds) = (1275, vec![("r-1".into(), 1275)]);
    let mut books = Allowance::default();
    assert_eq!(books.refundable(&sale), 3564 - 1275);
    books.note_given("r-1", 1275);
    assert_eq!(books.refundable(&sale), 3564 - 1275);
    (sale.refunded, sale.refunds) = (0, vec![]);
    assert_eq!(books.refundable(&sale), 3564 - 1275);
}

/// One return of one line: how much it asks for, how much of that comes back, and how much of that is good.
#[derive(Debug, Clone)]
struct Plan {
    line: i32,
    asked: i64,
    back: i64,
    good: i64,
    cancelled: bool,
}

fn plans() -> impl Strategy<Value = Vec<Plan>> {
    let plan =
        (1_i32..=2, 1_i64..4, 0_i64..4, 0_i64..4, any::<bool>()).prop_map(|(line, asked, back, good, cancelled)| {
            let back = back.min(asked);
            Plan { line, asked, back, good: good.min(back), cancelled: cancelled && back == 0 }
        });
    proptest::collection::vec(plan, 1..12)
}

/// A return in the hands of the rules alone.
fn start(books: &mut Allowance, sale: &Sale, id: usize, line: i32, units: i64) -> Return {
    let located = Line {
        number: 1,
        stage: i32::from(Stage::Located),
        order_id: sale.order_id.clone(),
        order_line: line,
        requested: units * UNIT,
        ..Line::default()
    };
    let mut record = Return { id: format!("r-{id}"), lines: vec![located], ..Return::default() };
    let policy = config::Policy { window_days: 100_000, ..config::Policy::default() };
    let judged: Vec<Judged> = questions(&record, &sale.order_id)
        .into_iter()
        .map(|question| {
            let verdict = eligibility::judge(&question, sale, books, ("default", &policy), "UTC");
            let sold = sale.line(line).unwrap();
            let slices = books.claim(&record.id, question.number, sale, sold, verdict.quantity);
            Judged { question, verdict, slices }
        })
        .collect();
    take(&mut record, sale, &judged, 0);
    record.advance();
    record
}

/// Goods come back or not, and every part is settled. Answers what was credited and given back.
fn finish(books: &mut Allowance, sale: &Sale, record: &mut Return, back: i64, good: i64) -> (i64, i64) {
    let receipt = |units: i64, disposition: Disposition| ReceiptLine {
        number: 1,
        quantity: units * UNIT,
        disposition: i32::from(disposition),
    };
    let back = back.min(record.lines[0].authorized / UNIT);
    let good = good.min(back);
    let mut lines = vec![receipt(good, Disposition::Restock), receipt(back - good, Disposition::Reject)];
    lines.retain(|line| line.quantity > 0);
    if !lines.is_empty() {
        receive(record, &Arrival { source: "dock".into(), lines, ..Arrival::default() }).unwrap();
    }
    if record.lines.iter().any(|line| record.awaited(line) > 0) {
        close(record, "will not come").unwrap();
    }
    let (mut credited, mut refunded) = (0, 0);
    for number in record.parts.iter().map(|part| part.number).collect::<Vec<_>>() {
        let part = record.part(number).unwrap().clone();
        let entry = books.settle(sale, &settling(record, &part)).unwrap();
        assert_eq!(credits(record, &part).iter().map(|credit| credit.amount).sum::<i64>(), entry.credited);
        settled(record, number, &entry);
        credited += entry.credited;
        refunded += entry.refund;
    }
    (credited, refunded)
}

proptest! {
    #[test]
    fn money_and_pieces_of_an_order_are_conserved_over_any_returns(
        plans in plans(),
        values in (0_i64..5_000, 0_i64..5_000),
        paid_percent in 0_i64..=100,
        order in any::<u64>(),
    ) {
        let mut sale = sale();
        (sale.lines[0].value, sale.lines[1].value) = values;
        sale.invoiced = values.0 + values.1;
        sale.captured = sale.invoiced * paid_percent / 100;
        let mut books = Allowance::default();
        let mut open: Vec<(Return, Plan)> = plans
            .into_iter()
            .enumerate()
            .map(|(id, plan)| (start(&mut books, &sale, id, plan.line, plan.asked), plan))
            .collect();
        let (mut credited, mut refunded) = (0, 0);
        let mut turn = order;
        while !open.is_empty() {
            let place = usize::try_from(turn % u64::try_from(open.len()).unwrap()).unwrap();
            turn = turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (mut record, plan) = open.remove(place);
            if record.parts.is_empty() || plan.cancelled {
                books.give_back(&record.id);
                continue;
            }
            let (credit, refund) = finish(&mut books, &sale, &mut record, plan.back, plan.good);
            credited += credit;
            refunded += refund;
        }
        // What is left of both lines comes back whole.
        for line in [1, 2] {
            let left = (sale.line(line).unwrap().ordered - books.claimed(line, None)) / UNIT;
            if left > 0 {
                let mut rest = start(&mut books, &sale, 100 + usize::try_from(line).unwrap(), line, left);
                let (credit, refund) = finish(&mut books, &sale, &mut rest, left, left);
                credited += credit;
                refunded += refund;
            }
        }
        let owed_at_first = sale.invoiced - sale.captured;
        let applied: i64 = books.money.iter().map(|entry| entry.applied).sum();
        prop_assert_eq!(credited, sale.invoiced, "all came back, all is credited, to the penny");
        prop_assert_eq!(sale.captured - refunded + (owed_at_first - applied), sale.invoiced - credited);
        prop_assert!(refunded <= sale.captured && applied <= owed_at_first);
        for line in &sale.lines {
            prop_assert_eq!(books.claimed(line.number, None), line.ordered);
        }
    }
}
