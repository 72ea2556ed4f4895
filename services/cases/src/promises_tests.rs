//! What is promised and still open.

use retail_proto::orders::v1 as orders;
use retail_proto::returns::v1 as returns;
use retail_proto::timestamp;
use retail_proto::types::v1::{Money, Ref};

use super::*;

fn order(state: OrderState) -> Order {
    let line = |expected: &str, shipped: &str| orders::Line {
        kind: i32::from(LineKind::Goods),
        quantity: "2".into(),
        shipped: shipped.into(),
        expected_date: expected.into(),
        ..Default::default()
    };
    Order {
        order_id: "o-1".into(),
        order_number: "#1001".into(),
        state: i32::from(state),
        placed_at: Some(timestamp(1_000)),
        updated_at: Some(timestamp(9_000)),
        lines: vec![line("2011-12-09", "0"), line("2011-12-01", "2"), line("2011-12-05", "1")],
        ..Default::default()
    }
}

fn record(state: ReturnState) -> Return {
    Return {
        return_id: "r-1".into(),
        rma_number: "R-1".into(),
        state: i32::from(state),
        requested_at: Some(timestamp(5_000)),
        ..Default::default()
    }
}

fn kinds(promises: &[Promise]) -> Vec<&str> {
    promises.iter().map(|promise| promise.kind.as_str()).collect()
}

#[test]
fn a_booked_order_promises_a_shipment_by_the_first_day_that_is_still_awaited() {
    let open = open(&[order(OrderState::Booked)], &[]);
    assert_eq!(kinds(&open), ["SHIPMENT"]);
    assert_eq!((open[0].due_date.as_str(), open[0].text.as_str()), ("2011-12-05", "Order #1001: the warehouse ships"));
}

#[test]
fn what_is_over_promises_nothing() {
    let over = [OrderState::Completed, OrderState::Cancelled, OrderState::Refused].map(order);
    let ended = [ReturnState::Completed, ReturnState::Cancelled, ReturnState::Refused].map(record);
    assert_eq!(open(&over, &ended), []);
}

#[test]
fn a_hold_needs_a_person() {
    let mut held = order(OrderState::Held);
    held.holds =
        vec![orders::Hold { reason: "UNKNOWN_ITEM".into(), since: Some(timestamp(2_000)), ..Default::default() }];
    let open = open(&[held], &[]);
    assert_eq!(kinds(&open), ["PERSON"]);
    assert!(open[0].needs_person && open[0].text.contains("UNKNOWN_ITEM"));
}

#[test]
fn a_return_promises_receipt_then_credit_then_refund() {
    let awaited = record(ReturnState::Authorized);
    assert_eq!(kinds(&open(&[], std::slice::from_ref(&awaited))), ["RETURN_RECEIPT"]);
    let receipt = returns::ReturnReceipt { received_at: Some(timestamp(7_000)), ..Default::default() };
    let mut back = record(ReturnState::Received);
    back.parts = vec![returns::ReturnPart { receipts: vec![receipt], ..Default::default() }];
    assert_eq!(kinds(&open(&[], std::slice::from_ref(&back))), ["CREDIT"]);
    back.parts[0].credit_memo = Some(Ref::default());
    back.parts[0].credited = Some(Money { minor_units: 510, currency: "GBP".into() });
    let owed = open(&[], std::slice::from_ref(&back));
    assert_eq!((kinds(&owed), owed[0].text.as_str()), (vec!["REFUND"], "RMA R-1: 5.10 GBP is given back"));
    back.parts[0].refund = Some(Ref::default());
    assert_eq!(open(&[], &[back]), []);
}

#[test]
fn the_longest_awaited_comes_first() {
    let awaited = open(&[order(OrderState::Shipped), order(OrderState::Booked)], &[record(ReturnState::Authorized)]);
    assert_eq!(kinds(&awaited), ["SHIPMENT", "RETURN_RECEIPT", "INVOICE"]);
}
