//! Changes out: document flows, cursors, and how many questions they cost.

use retail_proto::erp::v1 as pb;
use retail_proto::erp::v1::erp_service_server::ErpService;
use retail_proto::types::v1::OutcomeState;
use serde_json::json;
use tonic::{Code, Request};

use crate::bench::{Bench, INSTANCE, gbp, order, state};

/// Polls until an order looks as wanted.
async fn until(bench: &Bench, mut cursor: String, wanted: impl Fn(&pb::SalesOrder) -> bool) -> pb::SalesOrder {
    loop {
        let answer = bench.poll(&cursor).await;
        cursor = answer.cursor;
        if let Some(order) = answer.changes.into_iter().filter_map(|change| change.order).find(|order| wanted(order)) {
            return order;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_order_is_followed_to_its_shipment_and_invoice() {
    let bench = Bench::with(json!({ "back_office": true })).await;
    bench.customer().await;
    let start = bench.poll("").await.cursor;
    bench.create(order("o-1", &[("MUG", 4, 255), ("MUG", 2, 255), ("POST", 1, 300)])).await.unwrap();
    let order = until(&bench, start, |order| order.state() == pb::SalesOrderState::Billed).await;
    assert_eq!(order.external_ref, "o-1");
    let fulfilment = &order.fulfilments[0];
    assert!(fulfilment.shipped);
    let shipped: Vec<_> = fulfilment.lines.iter().map(|line| (line.line_number, line.quantity.as_str())).collect();
    assert_eq!(shipped[..2], [(1, "4"), (2, "2")]);
    assert_eq!(fulfilment.tracking_numbers.len(), 1);
    assert_eq!(order.invoices.len(), 1);
    assert_eq!(order.invoices[0].total, gbp(1830));
    let fulfilled: Vec<_> = order.lines.iter().map(|line| (line.fulfilled.as_str(), line.billed.as_str())).collect();
    assert_eq!(fulfilled[..2], [("4", "4"), ("2", "2")]);

    let refused = pb::CancelSalesOrderRequest {
        instance: INSTANCE.to_owned(),
        external_ref: "o-1".to_owned(),
        memo: String::new(),
    };
    let answer = bench.connector.cancel_sales_order(Request::new(refused)).await.unwrap().into_inner();
    assert_eq!(state(&answer.outcome), OutcomeState::Refused);
    assert_eq!(answer.outcome.unwrap().reason, "ALREADY_SHIPPED");
}

#[tokio::test]
async fn a_poll_costs_the_same_questions_for_one_order_as_for_thirty() {
    let bench = Bench::with_customer().await;
    let start = bench.poll("").await.cursor;
    bench.create(order("o-1", &[("MUG", 1, 255)])).await.unwrap();
    let before = bench.requests("suiteql").await;
    assert_eq!(bench.poll(&start).await.changes.len(), 1);
    let one = bench.requests("suiteql").await - before;
    for number in 2..=30 {
        bench.create(order(&format!("o-{number}"), &[("MUG", 1, 255)])).await.unwrap();
    }
    let before = bench.requests("suiteql").await;
    assert_eq!(bench.poll(&start).await.changes.len(), 30);
    assert_eq!(bench.requests("suiteql").await - before, one);
}

#[tokio::test]
async fn small_pages_bring_every_order() {
    let bench = Bench::with_customer().await;
    let start = bench.poll("").await.cursor;
    for number in 1..=7 {
        bench.create(order(&format!("o-{number}"), &[("MUG", 1, 255)])).await.unwrap();
    }
    let (mut cursor, mut found, mut pages) = (start, std::collections::BTreeSet::new(), 0);
    loop {
        let asked = pb::PollChangesRequest { instance: INSTANCE.to_owned(), cursor, limit: 2 };
        let answer = bench.connector.poll_changes(Request::new(asked)).await.unwrap().into_inner();
        assert!(answer.changes.len() <= 2);
        found.extend(answer.changes.into_iter().map(|change| change.external_ref));
        pages += 1;
        cursor = answer.cursor;
        if !answer.more {
            break;
        }
    }
    assert_eq!(found.len(), 7);
    assert_eq!(pages, 4);
}

#[tokio::test]
async fn a_change_of_the_same_second_is_not_left_out() {
    let bench = Bench::with_customer().await;
    let start = bench.poll("").await.cursor;
    bench.create(order("o-1", &[("MUG", 1, 255)])).await.unwrap();
    let cursor = bench.poll(&start).await.cursor;
    bench.create(order("o-2", &[("MUG", 1, 255)])).await.unwrap();
    let found: Vec<_> = bench.poll(&cursor).await.changes.into_iter().map(|change| change.external_ref).collect();
    assert!(found.contains(&"o-2".to_owned()), "{found:?}");
}

#[tokio::test]
async fn a_strange_cursor_is_refused() {
    let bench = Bench::start().await;
    let asked = pb::PollChangesRequest { instance: INSTANCE.to_owned(), cursor: "yesterday".to_owned(), limit: 0 };
    let refused = bench.connector.poll_changes(Request::new(asked)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}
