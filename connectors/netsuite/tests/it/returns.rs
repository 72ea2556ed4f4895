//! Returns in, and their cancellation.

use retail_proto::erp::v1 as pb;
use retail_proto::types::v1::OutcomeState;
use retail_runtime::fault::Refusal;
use serde_json::json;
use tonic::Code;

use crate::back::{authorization, credit, receipt};
use crate::bench::{Bench, gbp, state};

#[tokio::test]
async fn a_return_takes_the_named_lines_and_is_made_once_however_often_it_is_asked_for() {
    let bench = Bench::shipping().await;
    let order = bench.billed().await.document.unwrap();
    let first = bench.authorize(authorization(order.clone())).await.unwrap();
    let outcome = first.outcome.clone().unwrap();
    assert_eq!((outcome.state(), outcome.warnings), (OutcomeState::Done, vec![]), "{}", outcome.message);
    let second = bench.authorize(authorization(order.clone())).await.unwrap();
    let (first, second) = (first.sales_return.unwrap(), second.sales_return.unwrap());
    assert_eq!(first, second);
    assert_eq!(first.sales_order.as_ref().unwrap().id, order.id);
    assert_eq!((first.state(), first.total.clone()), (pb::SalesReturnState::PendingReceipt, gbp(810)));
    let lines: Vec<_> = first.lines.iter().map(|line| (line.line_number, line.quantity.as_str())).collect();
    assert_eq!(lines, [(1, "2"), (3, "1")]);
    assert_eq!(
        bench.books().await["return_authorizations"],
        json!({ "count": 1, "lines": 2, "value": "8.10", "duplicates": 0 })
    );
}

#[tokio::test]
async fn the_return_as_made_and_as_asked_for_later_carry_the_same_stamp() {
    let bench = Bench::shipping().await;
    let made = bench.returned().await;
    assert_eq!(bench.read_return("r-1").await.unwrap(), made);
}

#[tokio::test]
async fn a_return_of_an_order_changes_nothing_in_how_the_order_reads() {
    let bench = Bench::shipping().await;
    let before = bench.billed().await;
    bench.authorize(authorization(before.document.clone().unwrap())).await.unwrap();
    bench.receive(receipt("g-1", "2")).await.unwrap();
    assert_eq!(bench.read("o-1").await.unwrap(), before);
}

#[tokio::test]
async fn lines_orders_and_places_that_netsuite_does_not_have_are_refused_by_name() {
    let bench = Bench::shipping().await;
    let order = bench.billed().await.document.unwrap();
    let mut asked = authorization(order.clone());
    asked.lines[0].line_number = 7;
    let outcome = bench.authorize(asked).await.unwrap().outcome.unwrap();
    assert_eq!(outcome.reason, "ERP_REFERENCE_UNKNOWN");
    assert_eq!(outcome.message, format!("sales order {} has no line 7", order.id));
    let mut asked = authorization(order.clone());
    asked.lines[0].location = "MOON".to_owned();
    let outcome = bench.authorize(asked).await.unwrap().outcome.unwrap();
    assert_eq!(outcome.message, "NetSuite does not know location MOON");
    let mut asked = authorization(order);
    asked.sales_order.as_mut().unwrap().id = "99999".to_owned();
    let outcome = bench.authorize(asked).await.unwrap().outcome.unwrap();
    assert_eq!(outcome.reason, "ERP_RECORD_MISSING");
    assert_eq!(bench.books().await["return_authorizations"]["count"], 0);
}

#[tokio::test]
async fn a_return_or_a_credit_in_another_currency_is_refused() {
    let bench = Bench::shipping().await;
    let mut asked = authorization(bench.billed().await.document.unwrap());
    let eur = |pence| Some(retail_proto::types::v1::Money { minor_units: pence, currency: "EUR".to_owned() });
    for line in &mut asked.lines {
        line.amount = eur(100);
    }
    let sales_order = asked.sales_order.clone().unwrap();
    let outcome = bench.authorize(asked).await.unwrap().outcome.unwrap();
    assert_eq!(outcome.reason, "ERP_CURRENCY_DIFFERS");
    assert_eq!(outcome.message, format!("sales order {} is in GBP, the return in EUR", sales_order.id));
    bench.authorize(authorization(sales_order)).await.unwrap();
    let mut asked = credit("m-1");
    for line in &mut asked.lines {
        line.amount = eur(100);
    }
    asked.total = eur(200);
    assert_eq!(bench.credit(asked).await.unwrap().outcome.unwrap().reason, "ERP_CURRENCY_DIFFERS");
}

#[tokio::test]
async fn more_than_has_shipped_is_refused_with_netsuites_words() {
    let bench = Bench::shipping().await;
    let mut asked = authorization(bench.billed().await.document.unwrap());
    asked.lines[0].quantity = "5".to_owned();
    let outcome = bench.authorize(asked).await.unwrap().outcome.unwrap();
    assert_eq!((outcome.state(), outcome.reason.as_str()), (OutcomeState::Refused, "ERP_RULE_REFUSED"));
    assert!(outcome.message.contains("line 1 has 4 left to return and cannot take 5"), "{}", outcome.message);
}

#[tokio::test]
async fn wrong_fields_are_named_all_at_once_and_netsuite_is_not_asked() {
    let bench = Bench::start().await;
    let mut asked = authorization(retail_proto::types::v1::Ref {
        instance: "netsuite-us".to_owned(),
        r#type: "salesOrder".to_owned(),
        id: "1".to_owned(),
        ..Default::default()
    });
    asked.lines[0].quantity = "-1".to_owned();
    asked.lines[1].line_number = 1;
    asked.lines[1].is_charge = false;
    asked.rma_number = String::new();
    let refused = bench.authorize(asked).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    for field in [
        "input.sales_order",
        "input.lines[0].quantity",
        "input.lines[1].line_number",
        "input.lines[1].location",
        "input.rma_number",
    ] {
        assert!(refused.message().contains(field), "{field}: {}", refused.message());
    }
    assert_eq!(bench.requests("").await, 0);
}

#[tokio::test]
async fn a_return_that_nobody_made_is_not_found() {
    let bench = Bench::start().await;
    let refused = bench.read_return("r-404").await.unwrap_err();
    assert_eq!((refused.code(), Refusal::read(&refused).reason()), (Code::NotFound, "NO_SUCH_SALES_RETURN"));
}

#[tokio::test]
async fn cancelling_twice_closes_every_line_once() {
    let bench = Bench::shipping().await;
    bench.returned().await;
    let first = bench.cancel_return("r-1").await;
    assert_eq!(state(&first.outcome), OutcomeState::Done, "{:?}", first.outcome);
    let closed = first.sales_return.unwrap();
    assert_eq!(closed.state(), pb::SalesReturnState::Closed);
    assert!(closed.lines.iter().all(|line| line.closed));
    let second = bench.cancel_return("r-1").await;
    assert_eq!((state(&second.outcome), second.sales_return.unwrap()), (OutcomeState::Done, closed));
}

#[tokio::test]
async fn cancelling_after_a_part_came_closes_the_rest_and_leaves_the_part_to_be_credited() {
    let bench = Bench::shipping().await;
    bench.returned().await;
    bench.receive(receipt("g-1", "1")).await.unwrap();
    for _ in 0..2 {
        let answer = bench.cancel_return("r-1").await;
        assert_eq!(state(&answer.outcome), OutcomeState::Done, "{:?}", answer.outcome);
        let left = answer.sales_return.unwrap();
        let closed: Vec<_> = left.lines.iter().map(|line| (line.line_number, line.closed)).collect();
        assert_eq!((left.state(), closed), (pb::SalesReturnState::PendingCredit, vec![(1, true), (3, false)]));
    }
}

#[tokio::test]
async fn cancelling_what_has_all_come_back_is_refused() {
    let bench = Bench::shipping().await;
    bench.returned().await;
    bench.receive(receipt("g-1", "2")).await.unwrap();
    let answer = bench.cancel_return("r-1").await;
    assert_eq!(answer.outcome.unwrap().reason, "ALREADY_RECEIVED");
    assert!(answer.sales_return.is_some());
}

#[tokio::test]
async fn cancelling_what_was_never_made_is_done_without_a_return() {
    let bench = Bench::start().await;
    let answer = bench.cancel_return("r-404").await;
    assert_eq!((state(&answer.outcome), answer.sales_return), (OutcomeState::Done, None));
}
