//! Transfers: a transfer order with what left and what came, each once, whatever is lost on the way.

use retail_proto::erp::v1 as pb;
use retail_proto::erp::v1::erp_service_server::ErpService;
use retail_proto::types::v1::OutcomeState;
use serde_json::json;
use tonic::Request;

use crate::bench::{Bench, INSTANCE, state};

/// A second place, and other goods to move.
pub(crate) async fn two_places() -> Bench {
    let bench = Bench::start().await;
    let seed = json!({
        "currency": "GBP", "items": [], "stock": [],
        "locations": [{ "code": "SOHO", "name": "Soho" }],
    });
    bench.post("seed", &seed).await;
    bench
}

fn shipment(lines: &[(&str, &str)]) -> pb::ShipTransferRequest {
    let line = |(sku, quantity): &(&str, &str)| pb::TransferLine { sku: (*sku).into(), quantity: (*quantity).into() };
    pb::ShipTransferRequest {
        instance: INSTANCE.into(),
        external_ref: "t-1".into(),
        from_location: "MAIN".into(),
        to_location: "SOHO".into(),
        lines: lines.iter().map(line).collect(),
        ship_date: "2026-11-23".into(),
        expected_date: "2026-11-25".into(),
        memo: String::new(),
    }
}

/// Lines of (item, received, lost, surplus).
fn receipt(id: &str, lines: &[(&str, &str, &str, &str)]) -> pb::ReceiveTransferRequest {
    let line = |(sku, received, lost, surplus): &(&str, &str, &str, &str)| pb::TransferReceiptLine {
        sku: (*sku).into(),
        received: (*received).into(),
        lost: (*lost).into(),
        surplus: (*surplus).into(),
    };
    pb::ReceiveTransferRequest {
        instance: INSTANCE.into(),
        external_ref: id.into(),
        transfer_ref: "t-1".into(),
        to_location: "SOHO".into(),
        lines: lines.iter().map(line).collect(),
        receipt_date: "2026-11-24".into(),
        memo: "LOST_ON_THE_ROAD".into(),
    }
}

async fn ship(bench: &Bench, request: pb::ShipTransferRequest) -> pb::ShipTransferResponse {
    bench.connector.ship_transfer(Request::new(request)).await.unwrap().into_inner()
}

async fn receive(bench: &Bench, request: pb::ReceiveTransferRequest) -> pb::ReceiveTransferResponse {
    bench.connector.receive_transfer(Request::new(request)).await.unwrap().into_inner()
}

async fn on_hand(bench: &Bench) -> Vec<(String, String, String)> {
    let asked = pb::ListStockRequest { instance: INSTANCE.to_owned(), ..Default::default() };
    let rows = bench.connector.list_stock(Request::new(asked)).await.unwrap().into_inner().rows;
    rows.into_iter().map(|row| (row.sku, row.location, row.on_hand)).collect()
}

fn row(sku: &str, location: &str, on_hand: &str) -> (String, String, String) {
    (sku.to_owned(), location.to_owned(), on_hand.to_owned())
}

#[tokio::test]
async fn what_left_is_in_transit_once_and_at_neither_place() {
    let bench = two_places().await;
    for _ in 0..2 {
        let answer = ship(&bench, shipment(&[("MUG", "10"), ("LAMP", "2")])).await;
        assert_eq!(state(&answer.outcome), OutcomeState::Done, "{:?}", answer.outcome);
        let kinds: Vec<&str> = answer.documents.iter().map(|document| document.r#type.as_str()).collect();
        assert_eq!(kinds, ["transferOrder", "itemFulfillment"]);
    }
    let books = bench.books().await;
    assert_eq!(
        (&books["transfer_orders"]["count"], &books["transfer_orders"]["in_transit"]),
        (&json!(1), &json!("12"))
    );
    assert_eq!(on_hand(&bench).await, [row("MUG", "MAIN", "90"), row("LAMP", "MAIN", "1")]);
}

#[tokio::test]
async fn an_answer_that_was_lost_after_each_write_doubles_nothing() {
    let bench = two_places().await;
    for method in ["PUT", "POST"] {
        bench
            .fault(json!({"kind": "reset_after_commit", "method": method, "path_contains": "/record/", "times": 1}))
            .await;
        let asked = Request::new(shipment(&[("MUG", "10")]));
        drop(bench.connector.ship_transfer(asked).await);
    }
    assert_eq!(state(&ship(&bench, shipment(&[("MUG", "10")])).await.outcome), OutcomeState::Done);
    bench.fault(json!({"kind": "reset_after_commit", "method": "POST", "path_contains": "/record/", "times": 1})).await;
    drop(bench.connector.receive_transfer(Request::new(receipt("t-1/r-1", &[("MUG", "10", "0", "0")]))).await);
    bench.forget_faults().await;
    let answer = receive(&bench, receipt("t-1/r-1", &[("MUG", "10", "0", "0")])).await;
    assert_eq!(state(&answer.outcome), OutcomeState::Done, "{:?}", answer.outcome);
    let books = bench.books().await;
    assert_eq!((&books["transfer_orders"]["count"], &books["item_receipts"]["count"]), (&json!(1), &json!(1)));
    assert_eq!(on_hand(&bench).await, [row("MUG", "MAIN", "90"), row("MUG", "SOHO", "10"), row("LAMP", "MAIN", "3")]);
}

#[tokio::test]
async fn what_came_in_parts_is_there_and_what_is_lost_or_beyond_is_adjusted() {
    let bench = two_places().await;
    ship(&bench, shipment(&[("MUG", "10"), ("LAMP", "2")])).await;
    receive(&bench, receipt("t-1/r-1", &[("LAMP", "1", "0", "0")])).await;
    for _ in 0..2 {
        let last = receive(&bench, receipt("t-1/r-2", &[("MUG", "7", "3", "0"), ("LAMP", "1", "0", "1")])).await;
        assert_eq!(state(&last.outcome), OutcomeState::Done, "{:?}", last.outcome);
        let kinds: Vec<&str> = last.documents.iter().map(|document| document.r#type.as_str()).collect();
        assert_eq!(kinds, ["itemReceipt", "inventoryAdjustment"]);
    }
    let books = bench.books().await;
    assert_eq!(books["transfer_orders"]["in_transit"], "0");
    let expected =
        [row("MUG", "MAIN", "90"), row("MUG", "SOHO", "7"), row("LAMP", "MAIN", "1"), row("LAMP", "SOHO", "3")];
    assert_eq!(on_hand(&bench).await, expected);
}

#[tokio::test]
async fn what_the_books_do_not_have_does_not_leave_and_nothing_arrives_before_it_left() {
    let bench = two_places().await;
    let early = receive(&bench, receipt("t-1/r-1", &[("MUG", "1", "0", "0")])).await;
    assert_eq!(early.outcome.unwrap().reason, "ERP_RECORD_MISSING");
    let answer = ship(&bench, shipment(&[("LAMP", "4")])).await;
    assert_eq!(state(&answer.outcome), OutcomeState::Refused, "{:?}", answer.outcome);
    assert_eq!(on_hand(&bench).await, [row("MUG", "MAIN", "100"), row("LAMP", "MAIN", "3")]);
    let unknown =
        ship(&bench, pb::ShipTransferRequest { external_ref: "t-2".into(), ..shipment(&[("CUP", "1")]) }).await;
    assert_eq!(unknown.outcome.unwrap().reason, "ERP_REFERENCE_UNKNOWN");
}
