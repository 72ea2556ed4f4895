//! Sales orders in, their changes, and their cancellation.

use retail_netsuite::Connector;
use retail_proto::erp::v1 as pb;
use retail_proto::erp::v1::erp_service_server::ErpService;
use retail_proto::types::v1::{Address, OutcomeState};
use serde_json::{Value, json};
use tonic::{Code, Request};

use crate::bench::{Bench, INSTANCE, gbp, order, state};

async fn cancel(connector: &Connector, id: &str) -> pb::CancelSalesOrderResponse {
    let asked = pb::CancelSalesOrderRequest {
        instance: INSTANCE.to_owned(),
        external_ref: id.to_owned(),
        memo: "customer changed their mind".to_owned(),
    };
    connector.cancel_sales_order(Request::new(asked)).await.unwrap().into_inner()
}

#[tokio::test]
async fn an_order_is_booked_once_however_often_it_is_asked_for() {
    let bench = Bench::with_customer().await;
    let asked = order("o-1", &[("MUG", 4, 255), ("POST", 1, 300)]);
    let first = bench.create(asked.clone()).await.unwrap();
    let second = bench.create(asked).await.unwrap();
    let outcome = first.outcome.clone().unwrap();
    assert_eq!((outcome.state(), outcome.warnings), (OutcomeState::Done, vec![]));
    let (first, second) = (first.order.unwrap(), second.order.unwrap());
    assert_eq!(first.document, second.document);
    assert_eq!(first.total, gbp(1320));
    let books = bench.books().await;
    assert_eq!(books["sales_orders"], json!({ "count": 1, "lines": 2, "value": "13.20", "duplicates": 0 }));
}

#[tokio::test]
async fn the_order_as_written_and_as_asked_for_later_carry_the_same_stamp() {
    let bench = Bench::with_customer().await;
    let written = bench.create(order("o-1", &[("MUG", 4, 255), ("POST", 1, 300)])).await.unwrap().order.unwrap();
    let read = bench.read("o-1").await.unwrap();
    assert_eq!(written, read);
}

#[tokio::test]
async fn the_verdict_per_line_says_what_is_committed_and_what_waits() {
    let bench = Bench::with_customer().await;
    let booked = bench.create(order("o-1", &[("LAMP", 5, 1250), ("MUG", 2, 255)])).await.unwrap().order.unwrap();
    let verdicts: Vec<_> = booked
        .lines
        .iter()
        .map(|line| (line.line_number, line.committed.as_str(), line.backordered.as_str()))
        .collect();
    assert_eq!(verdicts, [(1, "3", "2"), (2, "2", "0")]);
    assert_eq!(booked.state(), pb::SalesOrderState::Open);
}

#[tokio::test]
async fn unknown_items_and_places_are_refused_by_name_and_nothing_is_booked() {
    let bench = Bench::with_customer().await;
    let mut asked = order("o-1", &[("NO-SUCH", 1, 100), ("MUG", 1, 255)]);
    asked.lines[1].location = "MOON".to_owned();
    let outcome = bench.create(asked).await.unwrap().outcome.unwrap();
    assert_eq!((outcome.state(), outcome.reason.as_str()), (OutcomeState::Refused, "ERP_REFERENCE_UNKNOWN"));
    assert_eq!(outcome.message, "NetSuite does not know line 1: item NO-SUCH; line 2: location MOON");
    assert_eq!(bench.books().await["sales_orders"]["count"], 0);
}

#[tokio::test]
async fn an_order_of_an_unknown_customer_is_refused_with_netsuites_words() {
    let bench = Bench::start().await;
    let outcome = bench.create(order("o-1", &[("MUG", 1, 255)])).await.unwrap().outcome.unwrap();
    assert_eq!((outcome.state(), outcome.reason.as_str()), (OutcomeState::Refused, "ERP_INVALID_CONTENT"));
    assert!(outcome.message.contains("entity"), "{}", outcome.message);
}

#[tokio::test]
async fn wrong_fields_are_named_all_at_once_and_netsuite_is_not_asked() {
    let bench = Bench::start().await;
    let mut asked = order("o-1", &[("MUG", 1, 255), ("MUG", 1, 255)]);
    asked.lines[1].line_number = 1;
    asked.lines[0].quantity = "0".to_owned();
    asked.order_date = "23/11/2026".to_owned();
    let refused = bench.create(asked).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    for field in ["order.lines[1].line_number", "order.lines[0].quantity", "order.order_date"] {
        assert!(refused.message().contains(field), "{}", refused.message());
    }
    assert_eq!(bench.requests("").await, 0);
}

#[tokio::test]
async fn a_total_that_is_not_the_sum_is_refused() {
    let bench = Bench::start().await;
    let mut asked = order("o-1", &[("MUG", 1, 255)]);
    asked.total = gbp(256);
    assert!(bench.create(asked).await.unwrap_err().message().contains("order.total"));
}

#[tokio::test]
async fn a_thousand_lines_are_booked_in_one_write() {
    let bench = Bench::with_customer().await;
    let lines: Vec<_> = (0..1_000).map(|_| ("MUG", 1, 255)).collect();
    let booked = bench.create(order("o-1", &lines)).await.unwrap().order.unwrap();
    assert_eq!(booked.lines.len(), 1_000);
    assert_eq!(booked.total, gbp(255_000));
    assert_eq!(bench.books().await["sales_orders"]["lines"], 1_000);
    assert_eq!(bench.read("o-1").await.unwrap(), booked);
}

#[tokio::test]
async fn cancelling_twice_closes_every_line_once() {
    let bench = Bench::with_customer().await;
    bench.create(order("o-1", &[("MUG", 4, 255), ("LAMP", 1, 1250)])).await.unwrap();
    let first = cancel(&bench.connector, "o-1").await;
    assert_eq!(state(&first.outcome), OutcomeState::Done, "{:?}", first.outcome);
    let order = first.order.unwrap();
    assert_eq!(order.state(), pb::SalesOrderState::Closed);
    assert!(order.lines.iter().all(|line| line.closed));
    let second = cancel(&bench.connector, "o-1").await;
    assert_eq!((state(&second.outcome), second.order.unwrap().etag), (OutcomeState::Done, order.etag));
}

#[tokio::test]
async fn what_ships_while_its_cancellation_is_on_the_way_is_already_shipped() {
    let bench = Bench::with_customer().await;
    let booked = bench.create(order("o-1", &[("MUG", 4, 255)])).await.unwrap().order.unwrap();
    let id = booked.document.unwrap().id;
    bench.fault(json!({"kind": "delay", "ms": 1_500, "times": 1, "method": "PATCH"})).await;
    let people = async {
        // The cancellation has read the order and hangs in its write.
        while bench.get("netsuite/faults").await[0]["struck"] != 1 {
            tokio::task::yield_now().await;
        }
        for (document, body) in [("itemFulfillment", json!({"shipStatus": {"id": "C"}})), ("invoice", json!({}))] {
            let path = format!("salesOrder/{id}/!transform/{document}");
            bench.post("netsuite/people", &json!({"method": "POST", "path": path, "body": body})).await;
        }
    };
    let (answer, ()) = tokio::join!(cancel(&bench.connector, "o-1"), people);
    assert_eq!(answer.outcome.unwrap().reason, "ALREADY_SHIPPED");
    assert_eq!(answer.order.unwrap().state(), pb::SalesOrderState::Billed);
}

async fn change(bench: &Bench, lines: &[(i32, &str)]) -> pb::ChangeSalesOrderResponse {
    let lines = lines.iter().map(|(number, location)| pb::SalesOrderLineChange {
        line_number: *number,
        location: (*location).to_owned(),
        close: location.is_empty(),
        ..pb::SalesOrderLineChange::default()
    });
    ask(bench, pb::ChangeSalesOrderRequest { lines: lines.collect(), ..Default::default() }).await
}

async fn ask(bench: &Bench, asked: pb::ChangeSalesOrderRequest) -> pb::ChangeSalesOrderResponse {
    let asked = pb::ChangeSalesOrderRequest { instance: INSTANCE.to_owned(), external_ref: "o-1".to_owned(), ..asked };
    bench.connector.change_sales_order(Request::new(asked)).await.unwrap().into_inner()
}

/// A line with another quantity, and what it costs then.
fn quantity(line_number: i32, quantity: &str, pence: i64) -> pb::SalesOrderLineChange {
    pb::SalesOrderLineChange { line_number, quantity: quantity.to_owned(), amount: gbp(pence), ..Default::default() }
}

/// A second place.
fn soho(stock: &Value) -> Value {
    let place = json!({ "code": "SOHO", "name": "Soho" });
    json!({ "currency": "GBP", "items": [], "locations": [place], "stock": stock })
}

fn reason(answer: &pb::ChangeSalesOrderResponse) -> &str {
    &answer.outcome.as_ref().unwrap().reason
}

#[tokio::test]
async fn a_line_that_goes_to_another_place_is_committed_there_and_nowhere_else() {
    let bench = Bench::with_customer().await;
    let stock = json!([{ "sku": "LAMP", "location": "SOHO", "quantity": 1 }]);
    bench.post("seed", &soho(&stock)).await;
    bench.create(order("o-1", &[("MUG", 4, 255), ("LAMP", 1, 1250)])).await.unwrap();
    let moved = change(&bench, &[(2, "SOHO")]).await;
    assert_eq!(state(&moved.outcome), OutcomeState::Done, "{:?}", moved.outcome);
    let order = moved.order.unwrap();
    let places: Vec<_> = order.lines.iter().map(|line| (line.location.as_str(), line.committed.as_str())).collect();
    assert_eq!(places, [("MAIN", "4"), ("SOHO", "1")]);
    let again = change(&bench, &[(2, "SOHO")]).await;
    assert_eq!((state(&again.outcome), again.order.unwrap().etag), (OutcomeState::Done, order.etag), "one write");
    assert_eq!(bench.books().await["sales_orders"]["lines"], 2);
}

#[tokio::test]
async fn a_line_can_be_closed_alone() {
    let bench = Bench::with_customer().await;
    bench.create(order("o-1", &[("MUG", 4, 255), ("LAMP", 1, 1250)])).await.unwrap();
    let order = change(&bench, &[(2, "")]).await.order.unwrap();
    assert_eq!(order.lines.iter().map(|line| line.closed).collect::<Vec<_>>(), [false, true]);
    assert_eq!(state(&change(&bench, &[(2, "")]).await.outcome), OutcomeState::Done);
    assert_eq!(reason(&change(&bench, &[(2, "MAIN"), (1, "")]).await), "", "where it is, it stays");
}

#[tokio::test]
async fn what_has_shipped_stays_where_it_shipped_from_and_nothing_else_is_changed() {
    let bench = Bench::with_customer().await;
    bench.post("seed", &soho(&json!([]))).await;
    let booked = bench.create(order("o-1", &[("MUG", 4, 255), ("LAMP", 1, 1250)])).await.unwrap().order.unwrap();
    let path = format!("salesOrder/{}/!transform/itemFulfillment", booked.document.unwrap().id);
    let body = json!({ "shipStatus": { "id": "C" }, "item": { "items": [{ "orderLine": 1, "quantity": 1 }, { "orderLine": 2, "itemReceive": false }] } });
    bench.post("netsuite/people", &json!({"method": "POST", "path": path, "body": body})).await;
    let refused = change(&bench, &[(2, "SOHO"), (1, "SOHO")]).await;
    assert_eq!(reason(&refused), "ALREADY_SHIPPED");
    assert!(refused.order.unwrap().lines.iter().all(|line| line.location == "MAIN"));
    assert_eq!(reason(&change(&bench, &[(1, "NOWHERE")]).await), "ERP_REFERENCE_UNKNOWN");
    assert_eq!(reason(&change(&bench, &[(7, "SOHO")]).await), "ERP_REFERENCE_UNKNOWN");
}

#[tokio::test]
async fn quantities_a_further_line_and_an_address_are_one_write_that_a_repeat_leaves_alone() {
    let bench = Bench::with_customer().await;
    let mut booked = order("o-1", &[("MUG", 4, 255), ("LAMP", 1, 1250)]);
    let lines = vec!["1 Old Street".to_owned(), "Flat 2".to_owned()];
    booked.shipping_address =
        Some(Address { lines, city: "Leeds".into(), country_code: "GB".into(), ..Address::default() });
    bench.create(booked).await.unwrap();
    let further = pb::SalesOrderLineInput {
        line_number: 3,
        sku: "MUG".to_owned(),
        quantity: "2".to_owned(),
        unit_price: "2.50".to_owned(),
        amount: gbp(500),
        location: "MAIN".to_owned(),
        ..Default::default()
    };
    let lines = vec!["9 New Street".to_owned()];
    let address = Address { lines, city: "York".into(), country_code: "GB".into(), ..Address::default() };
    let asked = pb::ChangeSalesOrderRequest {
        lines: vec![
            quantity(1, "6", 1530),
            pb::SalesOrderLineChange { line_number: 2, close: true, ..Default::default() },
        ],
        added: vec![further],
        shipping_address: Some(address),
        ..Default::default()
    };
    // The work is done, and the answer lost.
    bench.fault(json!({"kind": "reset_after_commit", "times": 1, "method": "PATCH"})).await;
    let lost = bench.connector.change_sales_order(Request::new(pb::ChangeSalesOrderRequest {
        instance: INSTANCE.to_owned(),
        external_ref: "o-1".to_owned(),
        ..asked.clone()
    }));
    assert!(lost.await.is_err());
    let answer = ask(&bench, asked).await;
    assert_eq!(state(&answer.outcome), OutcomeState::Done, "{:?}", answer.outcome);
    let order = answer.order.unwrap();
    let seen: Vec<_> =
        order.lines.iter().map(|line| (line.quantity.as_str(), line.closed, line.amount.clone())).collect();
    assert_eq!(seen, [("6", false, gbp(1530)), ("1", true, gbp(1250)), ("2", false, gbp(500))]);
    let books = bench.books().await;
    assert_eq!((&books["sales_orders"]["lines"], &books["sales_orders"]["count"]), (&json!(3), &json!(1)));
    let path = format!("salesOrder/{}?expandSubResources=true", order.document.unwrap().id);
    let shown = bench.post("netsuite/people", &json!({"method": "GET", "path": path, "body": null})).await;
    let to = &shown["shippingAddress"];
    assert_eq!((&to["addr1"], &to["city"]), (&json!("9 New Street"), &json!("York")), "{shown:#}");
    assert!(to.get("addr2").is_none(), "nothing of the old address stays: {to:#}");
}

#[tokio::test]
async fn a_line_never_holds_less_than_has_shipped_of_it() {
    let bench = Bench::with_customer().await;
    let booked = bench.create(order("o-1", &[("MUG", 4, 255), ("LAMP", 1, 1250)])).await.unwrap().order.unwrap();
    let path = format!("salesOrder/{}/!transform", booked.document.unwrap().id);
    let body = json!({ "shipStatus": { "id": "C" }, "item": { "items": [{ "orderLine": 1, "quantity": 3 }, { "orderLine": 2, "itemReceive": false }] } });
    for (document, body) in [("itemFulfillment", body), ("invoice", json!({}))] {
        let path = format!("{path}/{document}");
        bench.post("netsuite/people", &json!({"method": "POST", "path": path, "body": body})).await;
    }
    let to = |line| pb::ChangeSalesOrderRequest { lines: vec![line], ..Default::default() };
    assert_eq!(reason(&ask(&bench, to(quantity(1, "2", 510))).await), "ALREADY_SHIPPED");
    let less = ask(&bench, to(quantity(1, "3", 765))).await;
    assert_eq!(state(&less.outcome), OutcomeState::Done, "{:?}", less.outcome);
    assert_eq!(less.order.unwrap().lines[0].quantity, "3");
    change(&bench, &[(2, "")]).await;
    assert_eq!(reason(&ask(&bench, to(quantity(2, "2", 2500))).await), "ALREADY_CLOSED");
}

#[tokio::test]
async fn a_further_line_whose_number_is_taken_by_another_is_refused() {
    let bench = Bench::with_customer().await;
    bench.create(order("o-1", &[("MUG", 4, 255), ("LAMP", 1, 1250)])).await.unwrap();
    let taken = pb::SalesOrderLineInput {
        line_number: 2,
        sku: "MUG".to_owned(),
        quantity: "1".to_owned(),
        unit_price: "2.55".to_owned(),
        amount: gbp(255),
        location: "MAIN".to_owned(),
        ..Default::default()
    };
    let answer = ask(&bench, pb::ChangeSalesOrderRequest { added: vec![taken], ..Default::default() }).await;
    assert_eq!(reason(&answer), "LINE_DIFFERS");
}

#[tokio::test]
async fn cancelling_what_was_never_booked_is_done_without_an_order() {
    let bench = Bench::start().await;
    let answer = cancel(&bench.connector, "o-404").await;
    assert_eq!((state(&answer.outcome), answer.order), (OutcomeState::Done, None));
}

#[tokio::test]
async fn an_order_that_nobody_booked_is_not_found() {
    let bench = Bench::start().await;
    let refused = bench.read("o-404").await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}
