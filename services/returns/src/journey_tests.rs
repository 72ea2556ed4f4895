//! What comes next, from the state alone.

use retail_flow::Step;

use super::*;
use crate::crediting::{Told, settled, tell};
use crate::part::{Disposition, ReceiptLine};
use crate::receiving::{Arrival, receive};
use crate::testing::{authorized, record as document};

fn names(record: &Return) -> Vec<String> {
    let mut plan = Plan::default();
    let now = Timestamp::from_millisecond(1_000_000).unwrap();
    Journey::settle_lines(record, now, &mut plan);
    for part in &record.parts {
        Journey::settle_part(record, part, now, &mut plan);
    }
    plan.legs.iter().map(Step::name).collect()
}

fn opened() -> Return {
    let mut record = authorized(&[6]);
    record.parts[0].return_authorization = Some(document("returnAuthorization", "1"));
    record
}

fn come(record: &mut Return, disposition: Disposition) {
    let line = ReceiptLine { number: 1, quantity: 6_000_000, disposition: i32::from(disposition) };
    receive(record, &Arrival { source: "dock".into(), lines: vec![line], ..Arrival::default() }).unwrap();
}

#[test]
fn a_part_goes_one_document_after_the_other() {
    let mut record = authorized(&[6]);
    assert_eq!(names(&record), ["erp.create_return/1"]);
    record.parts[0].return_authorization = Some(document("returnAuthorization", "1"));
    assert!(names(&record).is_empty(), "the goods are awaited");
    come(&mut record, Disposition::Restock);
    assert_eq!(names(&record), ["erp.post_receipt/r-1/1/receipt-1"]);
    record.parts[0].receipts[0].document = Some(document("itemReceipt", "2"));
    assert_eq!(names(&record), ["inventory.receive/r-1/1/receipt-1", "books.settle/1"]);
    record.parts[0].receipts[0].restocked = true;
    settled(&mut record, 1, &crate::testing::entry(0, 600));
    assert_eq!(names(&record), ["erp.create_credit_memo/1"]);
    record.parts[0].credit_memo = Some(document("creditMemo", "3"));
    assert_eq!(names(&record), ["commerce.refund_order/1/1"]);
    let told = Told { record: Some(document("refund", "4")), minor: None, at: 0, pending: false, failed: false };
    tell(&mut record.parts[0], 1, &told, 0);
    assert_eq!(names(&record), ["erp.record_refund/1"]);
}

#[test]
fn rejected_goods_are_posted_nowhere_and_the_erp_is_told_to_wait_no_longer() {
    let mut record = opened();
    come(&mut record, Disposition::Reject);
    assert_eq!(names(&record), ["erp.cancel_return/1"]);
    record.parts[0].erp_closed = true;
    assert_eq!(names(&record), ["books.settle/1"]);
    settled(&mut record, 1, &crate::allowance::Entry::default());
    assert!(names(&record).is_empty(), "nothing is credited");
}

#[test]
fn a_memo_that_pays_an_invoice_needs_no_refund() {
    let mut record = opened();
    come(&mut record, Disposition::Discard);
    record.parts[0].receipts[0].document = Some(document("itemReceipt", "2"));
    settled(&mut record, 1, &crate::testing::entry(600, 0));
    record.parts[0].credit_memo = Some(document("creditMemo", "3"));
    assert!(names(&record).is_empty());
    assert!(record.parts[0].is_done());
}

#[test]
fn pending_money_is_looked_at_in_its_time() {
    let mut record = opened();
    come(&mut record, Disposition::Discard);
    record.parts[0].receipts[0].document = Some(document("itemReceipt", "2"));
    settled(&mut record, 1, &crate::testing::entry(0, 600));
    record.parts[0].credit_memo = Some(document("creditMemo", "3"));
    let told = Told { record: None, minor: None, at: 0, pending: true, failed: false };
    tell(&mut record.parts[0], 1, &told, 1_000_000);
    assert!(names(&record).is_empty());
    tell(&mut record.parts[0], 1, &told, 0);
    assert_eq!(names(&record), ["commerce.refund_order/1/1"]);
}

#[test]
fn what_is_undone_is_closed_in_the_erp_before_its_pieces_are_given_back() {
    let mut record = opened();
    record.cancel("kept", |_| true).unwrap();
    let undo = |record: &Return| {
        let mut plan = Plan::default();
        Journey::undo(record, &mut plan);
        plan.legs.iter().map(Step::name).collect::<Vec<_>>()
    };
    assert_eq!(undo(&record), ["erp.cancel_return/1"]);
    record.parts[0].return_authorization = None;
    assert_eq!(undo(&record), ["erp.create_return/1"], "what may be there is fetched first");
    record.parts[0].erp_closed = true;
    assert_eq!(undo(&record), ["books.give_back/o-1"]);
}
