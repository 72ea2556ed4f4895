//! Changed returns out, and orders found by their number.

use retail_proto::erp::v1 as pb;
use retail_proto::erp::v1::erp_service_server::ErpService;
use serde_json::json;
use tonic::Request;

use crate::back::{authorization, receipt, refund};
use crate::bench::{Bench, INSTANCE, gbp, order};

async fn poll(bench: &Bench, cursor: &str) -> pb::PollReturnsResponse {
    let asked = pb::PollReturnsRequest { instance: INSTANCE.to_owned(), cursor: cursor.to_owned(), limit: 0 };
    bench.connector.poll_returns(Request::new(asked)).await.unwrap().into_inner()
}

/// Polls until a return looks as wanted.
async fn until(bench: &Bench, mut cursor: String, wanted: impl Fn(&pb::SalesReturn) -> bool) -> pb::SalesReturn {
    loop {
        let answer = poll(bench, &cursor).await;
        cursor = answer.cursor;
        let found = answer.changes.into_iter().filter_map(|change| change.sales_return).find(|found| wanted(found));
        if let Some(found) = found {
            return found;
        }
        tokio::task::yield_now().await;
    }
}

async fn find(bench: &Bench, number: &str) -> Vec<pb::SalesOrder> {
    let asked = pb::FindSalesOrdersRequest { instance: INSTANCE.to_owned(), order_number: number.to_owned() };
    bench.connector.find_sales_orders(Request::new(asked)).await.unwrap().into_inner().orders
}

#[tokio::test]
async fn what_the_warehouse_receives_in_netsuite_arrives_with_its_lines() {
    let bench = Bench::with(json!({})).await;
    bench.customer().await;
    let start = poll(&bench, "").await.cursor;
    bench.returned().await;
    let came =
        |found: &pb::SalesReturn| found.state() == pb::SalesReturnState::PendingCredit && !found.receipts.is_empty();
    let received = until(&bench, start, came).await;
    assert_eq!(received.external_ref, "r-1");
    let receipt = &received.receipts[0];
    assert_eq!((receipt.external_ref.as_str(), receipt.lines.len()), ("", 1));
    let line = &receipt.lines[0];
    assert_eq!(
        (line.line_number, line.quantity.as_str(), line.restock, line.location.as_str()),
        (1, "2", true, "MAIN")
    );
}

#[tokio::test]
async fn a_refund_is_seen_as_a_change_of_its_return() {
    let bench = Bench::shipping().await;
    let start = poll(&bench, "").await.cursor;
    let memo = bench.credited().await.document.unwrap();
    bench.refund(refund("f-1", memo.clone(), 400)).await.unwrap();
    let paid = until(&bench, start, |found| !found.refunds.is_empty()).await;
    assert_eq!((paid.refunds[0].amount.clone(), paid.refunds[0].applied_to.clone()), (gbp(400), Some(memo)));
    assert_eq!(paid.credit_memos[0].amount_remaining, gbp(410));
    assert_eq!(paid, bench.read_return("r-1").await.unwrap());
}

#[tokio::test]
async fn a_change_of_a_document_alone_brings_its_whole_return() {
    let bench = Bench::shipping().await;
    let mut cursor = poll(&bench, "").await.cursor;
    bench.credited().await;
    let receipt = bench.read_return("r-1").await.unwrap().receipts[0].document.clone().unwrap();
    bench.post("clock", &json!({ "advance": "5s" })).await;
    bench.people("PATCH", &format!("itemReceipt/{}", receipt.id), json!({ "memo": "counted again" })).await;
    // One document a page: the return, its memo, and last of all the receipt that changed alone.
    let mut pages = Vec::new();
    loop {
        let asked = pb::PollReturnsRequest { instance: INSTANCE.to_owned(), cursor, limit: 1 };
        let answer = bench.connector.poll_returns(Request::new(asked)).await.unwrap().into_inner();
        pages.push(answer.changes);
        cursor = answer.cursor;
        if !answer.more {
            break;
        }
    }
    assert_eq!(pages.len(), 3);
    let last = pages[2][0].sales_return.as_ref().unwrap();
    assert_eq!((last.external_ref.as_str(), last.receipts.len(), last.credit_memos.len()), ("r-1", 1, 1));
}

#[tokio::test]
async fn a_return_made_by_people_in_netsuite_is_told_without_an_id_of_ours() {
    let bench = Bench::shipping().await;
    let start = poll(&bench, "").await.cursor;
    let booked = bench.billed().await.document.unwrap();
    let goods = json!({ "orderStatus": { "id": "B" }, "item": { "items": [{ "orderLine": 2, "quantity": 1 }] } });
    let path = format!("salesOrder/{}/!transform/returnAuthorization?replace=item", booked.id);
    bench.people("POST", &path, goods).await;
    let found = until(&bench, start, |_| true).await;
    assert_eq!((found.external_ref.as_str(), found.sales_order.unwrap()), ("", booked));
    assert_eq!((found.lines[0].line_number, found.total), (2, gbp(1250)));
}

#[tokio::test]
async fn a_poll_costs_the_same_questions_for_one_return_as_for_four() {
    let bench = Bench::shipping().await;
    let start = poll(&bench, "").await.cursor;
    let booked = bench.billed().await.document.unwrap();
    let one = |number: usize| {
        let mut asked = authorization(booked.clone());
        asked.external_ref = format!("r-{number}");
        asked.lines.truncate(1);
        asked.lines[0].quantity = "1".to_owned();
        asked
    };
    bench.authorize(one(1)).await.unwrap();
    let before = bench.requests("suiteql").await;
    assert_eq!(poll(&bench, &start).await.changes.len(), 1);
    let cost = bench.requests("suiteql").await - before;
    for number in 2..=4 {
        bench.authorize(one(number)).await.unwrap();
    }
    let before = bench.requests("suiteql").await;
    assert_eq!(poll(&bench, &start).await.changes.len(), 4);
    assert_eq!(bench.requests("suiteql").await - before, cost);
}

#[tokio::test]
async fn a_receipt_is_read_once_however_often_its_return_changes() {
    let bench = Bench::shipping().await;
    bench.returned().await;
    bench.receive(receipt("g-1", "2")).await.unwrap();
    bench.read_return("r-1").await.unwrap();
    let before = bench.requests("itemReceipt/").await;
    bench.read_return("r-1").await.unwrap();
    assert_eq!(bench.requests("itemReceipt/").await, before);
}

#[tokio::test]
async fn an_order_that_weft_never_saw_is_found_by_its_number_with_all_that_followed() {
    let bench = Bench::shipping().await;
    let stranger = json!({ "entity": { "externalId": "CUST:c-1" }, "otherRefNum": "OLD-7", "tranDate": "2026-10-01",
        "orderStatus": { "id": "B" }, "item": { "items": [
            { "item": { "externalId": "MUG" }, "quantity": 3, "rate": 2.5, "description": "blue", "location": { "externalId": "MAIN" } },
            { "item": { "externalId": "POST" }, "quantity": 1, "rate": 3 }] } });
    bench.people("POST", "salesOrder", stranger).await;
    while find(&bench, "OLD-7").await[0].state() != pb::SalesOrderState::Billed {
        tokio::task::yield_now().await;
    }
    let found = find(&bench, "OLD-7").await;
    let [found] = <[pb::SalesOrder; 1]>::try_from(found).unwrap();
    assert_eq!((found.external_ref.as_str(), found.order_number.as_str()), ("", "OLD-7"));
    assert_eq!((found.customer_ref.as_str(), found.order_date.as_str()), ("c-1", "2026-10-01"));
    let mug = &found.lines[0];
    assert_eq!((mug.line_number, mug.sku.as_str(), mug.is_charge), (1, "MUG", false));
    assert_eq!((mug.unit_price.as_str(), mug.amount.clone(), mug.description.as_str()), ("2.5", gbp(750), "blue"));
    assert_eq!((mug.location.as_str(), found.lines[1].is_charge), ("MAIN", true));
    let billed: Vec<_> =
        found.invoices[0].lines.iter().map(|line| (line.line_number, line.quantity.as_str())).collect();
    assert_eq!(billed, [(1, "3"), (2, "1")]);
    assert_eq!((found.invoices[0].date.len(), found.fulfilments[0].date.len()), (10, 10));
    assert_eq!(found.payments, []);
    let apply =
        json!({ "items": [{ "doc": { "id": found.invoices[0].document.as_ref().unwrap().id }, "apply": true }] });
    let payment = json!({ "customer": { "externalId": "CUST:c-1" }, "payment": 10.5, "apply": apply });
    bench.people("POST", "customerPayment", payment).await;
    let paid = find(&bench, "OLD-7").await[0].payments[0].clone();
    assert_eq!((paid.amount, paid.document.unwrap().r#type.as_str()), (gbp(1050), "customerPayment"));
    let answer = bench.authorize(authorization(found.document.unwrap())).await.unwrap().outcome.unwrap();
    assert!(answer.message.contains("has no line 3"), "{}", answer.message);
}

#[tokio::test]
async fn orders_that_share_a_number_come_newest_first_and_an_unknown_number_finds_none() {
    let bench = Bench::with_customer().await;
    for id in ["o-1", "o-2"] {
        let mut asked = order(id, &[("MUG", 1, 255)]);
        asked.order_number = "WEB-7".to_owned();
        bench.create(asked).await.unwrap();
    }
    let found: Vec<_> = find(&bench, "WEB-7").await.into_iter().map(|order| order.external_ref).collect();
    assert_eq!(found, ["o-2", "o-1"]);
    assert_eq!(find(&bench, "WEB-8").await, []);
}
