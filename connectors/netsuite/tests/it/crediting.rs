//! Receipts, credit memos and refunds in.

use retail_proto::erp::v1 as pb;
use retail_proto::erp::v1::erp_service_server::ErpService;
use retail_proto::types::v1::{OutcomeState, Ref};
use serde_json::json;
use tonic::{Code, Request};

use crate::back::{credit, receipt, refund};
use crate::bench::{Bench, INSTANCE, gbp, order, state};

#[tokio::test]
async fn a_receipt_is_posted_once_and_its_goods_are_back_in_stock() {
    let bench = Bench::shipping().await;
    bench.returned().await;
    let first = bench.receive(receipt("g-1", "1")).await.unwrap();
    assert_eq!(state(&first.outcome), OutcomeState::Done, "{:?}", first.outcome);
    let second = bench.receive(receipt("g-1", "1")).await.unwrap();
    let posted = first.receipt.unwrap();
    assert_eq!(second.receipt.unwrap(), posted);
    assert_eq!((posted.external_ref.as_str(), posted.date.as_str()), ("g-1", "2026-11-26"));
    assert_eq!(posted.lines, receipt("g-1", "1").lines);
    let books = bench.books().await;
    assert_eq!(books["item_receipts"], json!({ "count": 1, "lines": 1, "units": "1", "duplicates": 0 }));
    assert_eq!(books["stock"]["on_hand"], "99");
    let flow = bench.read_return("r-1").await.unwrap();
    assert_eq!((flow.state(), flow.receipts), (pb::SalesReturnState::PartlyReceived, vec![posted]));
    assert_eq!(flow.lines[0].received, "1");
}

#[tokio::test]
async fn broken_goods_are_received_and_not_sold_again() {
    let bench = Bench::shipping().await;
    bench.returned().await;
    let mut broken = receipt("g-1", "2");
    broken.lines[0].restock = false;
    broken.lines[0].location = String::new();
    bench.receive(broken).await.unwrap();
    let flow = bench.read_return("r-1").await.unwrap();
    let line = &flow.receipts[0].lines[0];
    assert_eq!((line.restock, line.location.as_str(), line.quantity.as_str()), (false, "MAIN", "2"));
    assert_eq!(bench.books().await["stock"]["on_hand"], "98");
}

#[tokio::test]
async fn a_receipt_beyond_the_return_or_of_no_return_is_refused() {
    let bench = Bench::shipping().await;
    bench.returned().await;
    let much = bench.receive(receipt("g-1", "3")).await.unwrap().outcome.unwrap();
    assert!(much.message.contains("line 1 has 2 left to receive"), "{}", much.message);
    let mut strange = receipt("g-1", "1");
    strange.lines[0].line_number = 2;
    let strange = bench.receive(strange).await.unwrap().outcome.unwrap();
    assert_eq!(strange.message, "return r-1 has no line 2");
    let nowhere = pb::PostReceiptRequest { return_ref: "r-404".to_owned(), ..receipt("g-1", "1") };
    assert_eq!(bench.receive(nowhere).await.unwrap().outcome.unwrap().reason, "ERP_RECORD_MISSING");
    assert_eq!(bench.books().await["item_receipts"]["count"], 0);
}

#[tokio::test]
async fn a_line_named_twice_in_a_receipt_is_told_to_be_two_receipts() {
    let bench = Bench::start().await;
    let mut twice = receipt("g-1", "1");
    twice.lines.push(twice.lines[0].clone());
    let refused = bench.receive(twice).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("lines[1].line_number"), "{}", refused.message());
}

#[tokio::test]
async fn a_credit_memo_is_made_once_and_holds_its_whole_amount() {
    let bench = Bench::shipping().await;
    let memo = bench.credited().await;
    assert_eq!((memo.total.clone(), memo.amount_remaining.clone()), (gbp(810), gbp(810)));
    let again = bench.credit(credit("m-1")).await.unwrap();
    assert_eq!(again.credit_memo.unwrap(), memo);
    let flow = bench.read_return("r-1").await.unwrap();
    assert_eq!((flow.state(), flow.credit_memos), (pb::SalesReturnState::Credited, vec![memo]));
    let credited: Vec<_> = flow.lines.iter().map(|line| line.credited.as_str()).collect();
    assert_eq!(credited, ["2", "1"]);
    assert_eq!(bench.books().await["credit_memos"]["count"], 1);
}

#[tokio::test]
async fn goods_that_have_not_come_are_not_credited_and_charges_are() {
    let bench = Bench::shipping().await;
    bench.returned().await;
    let early = bench.credit(credit("m-1")).await.unwrap().outcome.unwrap();
    assert_eq!((early.state(), early.reason.as_str()), (OutcomeState::Refused, "ERP_RULE_REFUSED"));
    assert!(early.message.contains("line 1 has 0 left to refund"), "{}", early.message);
    let mut postage = credit("m-1");
    postage.lines.remove(0);
    postage.total = gbp(300);
    let memo = bench.credit(postage).await.unwrap().credit_memo.unwrap();
    assert_eq!(memo.total, gbp(300));
}

#[tokio::test]
async fn a_memo_may_go_to_an_invoice_that_is_still_owed() {
    let bench = Bench::shipping().await;
    bench.create(order("o-1", &[("MUG", 4, 255), ("LAMP", 1, 1250), ("POST", 1, 300)])).await.unwrap();
    let booked = bench.order_until(|order| order.state() == pb::SalesOrderState::Billed).await;
    bench.authorize(crate::back::authorization(booked.document.unwrap())).await.unwrap();
    bench.receive(receipt("g-1", "2")).await.unwrap();
    let invoice = booked.invoices[0].document.clone();
    let asked = pb::CreateCreditMemoRequest { apply_to: invoice, ..credit("m-1") };
    let memo = bench.credit(asked).await.unwrap().credit_memo.unwrap();
    assert_eq!((memo.total, memo.amount_remaining), (gbp(810), gbp(0)));
    assert_eq!(bench.read("o-1").await.unwrap().invoices[0].amount_remaining, gbp(1760));
}

#[tokio::test]
async fn an_invoice_that_owes_less_takes_only_a_part_of_the_memo() {
    let bench = Bench::shipping().await;
    bench.create(order("o-1", &[("MUG", 4, 255), ("LAMP", 1, 1250), ("POST", 1, 300)])).await.unwrap();
    let booked = bench.order_until(|order| order.state() == pb::SalesOrderState::Billed).await;
    bench.authorize(crate::back::authorization(booked.document.unwrap())).await.unwrap();
    bench.receive(receipt("g-1", "2")).await.unwrap();
    let apply_to = booked.invoices[0].document.clone();
    let asked = pb::CreateCreditMemoRequest { apply_to, apply_amount: gbp(300), ..credit("m-1") };
    let beyond = pb::CreateCreditMemoRequest { apply_amount: gbp(811), ..asked.clone() };
    assert!(bench.credit(beyond).await.unwrap_err().to_string().contains("apply_amount"));
    let memo = bench.credit(asked).await.unwrap().credit_memo.unwrap();
    assert_eq!((memo.total, memo.amount_remaining), (gbp(810), gbp(510)));
    assert_eq!(bench.read("o-1").await.unwrap().invoices[0].amount_remaining, gbp(2270));
}

#[tokio::test]
async fn a_refund_is_recorded_once_against_its_memo_and_the_money_law_holds() {
    let bench = Bench::shipping().await;
    let memo = bench.credited().await.document.unwrap();
    assert_eq!(bench.books().await["unbalanced_orders"], 1);
    let first = bench.refund(refund("f-1", memo.clone(), 810)).await.unwrap();
    assert_eq!(state(&first.outcome), OutcomeState::Done, "{:?}", first.outcome);
    let second = bench.refund(refund("f-1", memo.clone(), 810)).await.unwrap();
    let paid = first.refund.unwrap();
    assert_eq!(second.refund.unwrap(), paid);
    let flow = bench.read_return("r-1").await.unwrap();
    assert_eq!((&flow.refunds, &flow.credit_memos[0].amount_remaining), (&vec![paid], &gbp(0)));
    let books = bench.books().await;
    assert_eq!(books["customer_refunds"], json!({ "count": 1, "value": "8.10", "duplicates": 0 }));
    assert_eq!(books["unbalanced_orders"], 0);
}

#[tokio::test]
async fn a_refund_beyond_the_memo_is_refused_with_what_it_holds() {
    let bench = Bench::shipping().await;
    let memo = bench.credited().await.document.unwrap();
    let outcome = bench.refund(refund("f-1", memo.clone(), 811)).await.unwrap().outcome.unwrap();
    assert_eq!((outcome.state(), outcome.reason.as_str()), (OutcomeState::Refused, "ERP_REFUND_EXCEEDS_CREDIT"));
    let said = format!("creditMemo {} holds 8.10 GBP, less than the refund of 8.11 GBP", memo.number);
    assert_eq!(outcome.message, said);
    assert_eq!(bench.books().await["customer_refunds"]["count"], 0);
}

#[tokio::test]
async fn money_of_a_cancelled_order_is_refunded_out_of_its_deposit() {
    let bench = Bench::with_customer().await;
    bench.create(order("o-1", &[("MUG", 4, 255)])).await.unwrap();
    let paid = pb::RecordPaymentRequest {
        instance: INSTANCE.to_owned(),
        external_ref: "p-1".to_owned(),
        order_ref: "o-1".to_owned(),
        customer_ref: "c-1".to_owned(),
        amount: gbp(1020),
        payment_date: "2026-11-23".to_owned(),
        ..Default::default()
    };
    let deposit = bench.connector.record_payment(Request::new(paid)).await.unwrap().into_inner().payment.unwrap();
    let cancelled = pb::CancelSalesOrderRequest {
        instance: INSTANCE.to_owned(),
        external_ref: "o-1".to_owned(),
        memo: String::new(),
    };
    bench.connector.cancel_sales_order(Request::new(cancelled)).await.unwrap();
    let deposit = deposit.document.unwrap();
    let much = bench.refund(refund("f-1", deposit.clone(), 1021)).await.unwrap().outcome.unwrap();
    assert!(much.message.contains("10.20 remains"), "{}", much.message);
    for _ in 0..2 {
        let answer = bench.refund(refund("f-1", deposit.clone(), 1020)).await.unwrap();
        assert_eq!(state(&answer.outcome), OutcomeState::Done, "{:?}", answer.outcome);
        assert_eq!(answer.refund.unwrap().applied_to.unwrap(), deposit);
    }
    let books = bench.books().await;
    assert_eq!((&books["customer_refunds"]["count"], &books["unbalanced_orders"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn a_refund_out_of_anything_else_is_not_asked_for() {
    let bench = Bench::start().await;
    let instance = INSTANCE.to_owned();
    let invoice = Ref { instance, r#type: "invoice".to_owned(), id: "7".to_owned(), ..Default::default() };
    let refused = bench.refund(refund("f-1", invoice, 810)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("creditMemo or customerDeposit"), "{}", refused.message());
}
