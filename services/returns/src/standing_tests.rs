//! Where a return stands, and what it says of itself.

use super::*;
use crate::crediting::{Told, settled, tell};
use crate::line::Stage;
use crate::part::{Disposition, ReceiptLine};
use crate::receiving::{Arrival, receive};
use crate::testing::{authorized, record as document};

fn come(record: &mut Return, units: i64) {
    let line = ReceiptLine { number: 1, quantity: units * 1_000_000, disposition: i32::from(Disposition::Discard) };
    let source = format!("dock-{units}");
    receive(record, &Arrival { source, lines: vec![line], ..Arrival::default() }).unwrap();
    record.advance();
}

fn all_documents(record: &mut Return) {
    for number in record.parts.iter().map(|part| part.number).collect::<Vec<_>>() {
        let entry = crate::testing::entry(0, 600);
        settled(record, number, &entry);
        let part = record.part_mut(number).unwrap();
        part.receipts.iter_mut().for_each(|receipt| receipt.document = Some(document("itemReceipt", "1")));
        part.credit_memo = Some(document("creditMemo", "2"));
        let told = Told { record: Some(document("refund", "3")), minor: None, at: 0, pending: false, failed: false };
        tell(part, 1, &told, 0);
        part.refund_document = Some(document("customerRefund", "4"));
    }
    record.advance();
}

#[test]
fn a_return_is_complete_when_no_document_is_open() {
    let mut record = authorized(&[6]);
    come(&mut record, 2);
    assert_eq!(record.state(), State::PartlyReceived);
    come(&mut record, 4);
    assert_eq!(record.state(), State::Received);
    all_documents(&mut record);
    assert_eq!(record.state(), State::Completed);
    record.parts[0].refund_document = None;
    record.advance();
    assert_eq!(record.state(), State::Received, "the ERP does not know of the money yet");
}

#[test]
fn a_line_that_waits_keeps_the_return_open_and_says_who_is_waited_for() {
    let mut record = authorized(&[6, 1]);
    record.lines[1].except("NO_EARLIER_PURCHASE", "");
    record.lines[1].part = 0;
    come(&mut record, 6);
    all_documents(&mut record);
    assert_eq!(record.state(), State::Received);
    assert_eq!(record.next_words(), "Somebody settles 1 line");
    record.lines[1].take_up(Stage::Dismissed);
    record.advance();
    assert_eq!(record.state(), State::Completed);
}

#[test]
fn when_every_line_is_dismissed_the_return_is_refused() {
    let mut record = Return { lines: vec![Line { number: 1, ..Line::default() }], ..Return::default() };
    record.advance();
    assert_eq!(record.state(), State::Requested);
    record.lines[0].except("NO_CUSTOMER", "");
    record.advance();
    assert_eq!((record.state(), record.open_exceptions()), (State::Held, 1));
    record.lines[0].take_up(Stage::Dismissed);
    record.advance();
    assert_eq!(record.state(), State::Refused);
}

#[test]
fn cancelling_twice_changes_nothing_more() {
    let mut record = authorized(&[6]);
    record.cancel("kept", |_| true).unwrap();
    let once = record.clone();
    record.cancel("again", |_| false).unwrap();
    assert_eq!(record, once);
}

#[test]
fn a_cancelled_return_ends_only_when_erp_and_books_have_let_go() {
    let mut record = authorized(&[6]);
    record.cancel("kept", |_| true).unwrap();
    record.gave_back("o-1");
    record.advance();
    assert_eq!(record.state(), State::Cancelling, "the ERP may have it");
    record.parts[0].erp_closed = true;
    record.advance();
    assert_eq!(record.state(), State::Cancelled);
}

#[test]
fn goods_that_came_back_cannot_be_cancelled_away() {
    let mut record = authorized(&[6]);
    come(&mut record, 1);
    let error = record.cancel("kept", |_| true).unwrap_err();
    insta::assert_snapshot!(error, @"something of return r-1 has come back or is being credited; close it instead");
}

#[test]
fn goods_that_come_while_it_is_being_cancelled_are_credited_after_all() {
    let mut record = authorized(&[6]);
    record.cancel("kept", |_| true).unwrap();
    let line = ReceiptLine { number: 1, quantity: 6_000_000, disposition: 0 };
    crate::receiving::arrive(&mut record, &Arrival { lines: vec![line], ..Arrival::default() });
    record.advance();
    assert_eq!(record.state(), State::Received);
    assert_eq!(record.cause, "goods came back before it could be cancelled");
}
