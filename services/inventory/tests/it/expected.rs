//! Expected goods through the door.

use retail_proto::inventory::v1 as pb;
use retail_proto::types::v1::OutcomeState;
use retail_runtime::fault::Refusal;

use crate::harness::{Mesh, at, mesh, reserve};

fn time(second: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: at(second).as_second(), nanos: 0 })
}

fn expect(id: &str, lines: &[(&str, &str)], expected_at: i64, as_of: i64) -> pb::ExpectStockRequest {
    let lines = lines.iter().map(|(sku, quantity)| pb::ExpectedLine {
        sku: (*sku).into(),
        quantity: (*quantity).into(),
        ..Default::default()
    });
    pb::ExpectStockRequest {
        idempotency_key: "k".into(),
        expected_id: id.into(),
        source: i32::from(pb::ExpectedSource::Purchase),
        lines: lines.collect(),
        expected_at: time(expected_at),
        as_of: time(as_of),
        ..Default::default()
    }
}

async fn said(mesh: &Mesh, request: pb::ExpectStockRequest) -> pb::ExpectStockResponse {
    mesh.stock().expect_stock(request).await.unwrap().into_inner()
}

fn receive(id: &str, receipt: &str, lines: &[(&str, &str)]) -> pb::ReceiveExpectedStockRequest {
    let lines =
        lines.iter().map(|(sku, quantity)| pb::ReceiveLine { sku: (*sku).into(), quantity: (*quantity).into() });
    pb::ReceiveExpectedStockRequest {
        idempotency_key: "k".into(),
        expected_id: id.into(),
        receipt_id: receipt.into(),
        lines: lines.collect(),
        happened_at: time(1),
        ..Default::default()
    }
}

async fn main_row(mesh: &Mesh, sku: &str) -> pb::Availability {
    mesh.rows(sku).await.into_iter().find(|row| row.location == "MAIN").unwrap()
}

async fn open(mesh: &Mesh) -> Vec<(String, bool)> {
    let request = pb::ListExpectedStockRequest { location: "MAIN".into(), ..Default::default() };
    let open = mesh.stock().list_expected_stock(request).await.unwrap().into_inner().expected;
    open.into_iter().map(|one| (one.expected_id, one.late)).collect()
}

#[tokio::test]
async fn what_is_expected_is_told_apart_and_may_not_be_sold() {
    let mesh = mesh().await;
    said(&mesh, expect("po-2", &[("A", "7")], 2_000, 0)).await;
    said(&mesh, expect("po-1", &[("a", "5"), ("C", "2")], 1_000, 0)).await;
    let row = main_row(&mesh, "A").await;
    assert_eq!((row.available.as_str(), row.expected.as_str()), ("10", "12"));
    let arrivals: Vec<_> = row.arrivals.iter().map(|one| (one.expected_id.as_str(), one.quantity.as_str())).collect();
    assert_eq!(arrivals, [("po-1", "5"), ("po-2", "7")]);
    assert_eq!(open(&mesh).await, [("po-1".to_owned(), false), ("po-2".to_owned(), false)]);
}

#[tokio::test]
async fn a_refusal_names_the_date_at_which_there_will_be_enough() {
    let mesh = mesh().await;
    said(&mesh, expect("po-1", &[("B", "3")], 1_000, 0)).await;
    said(&mesh, expect("po-2", &[("B", "3")], 2_000, 0)).await;
    let answer = mesh.reserve("o-1", &[("1", "B", "", "9")]).await;
    assert_eq!(answer.outcome.unwrap().state(), OutcomeState::Refused);
    assert_eq!(answer.lacking[0].expected_at, time(2_000));
    let never = mesh.reserve("o-2", &[("1", "B", "", "50")]).await;
    assert_eq!(never.lacking[0].expected_at, None);
}

#[tokio::test]
async fn a_backorder_names_its_date_and_the_date_moves_with_what_is_expected() {
    let mesh = mesh().await;
    said(&mesh, expect("po-1", &[("B", "3")], 1_000, 0)).await;
    let sold = pb::ReserveStockRequest { allow_shortfall: true, ..reserve("o-1", &[("1", "B", "", "7")]) };
    let line = mesh.try_reserve(sold).await.unwrap().reservation.unwrap().lines.remove(0);
    assert_eq!((line.shortfall.as_str(), line.expected_at), ("2", time(1_000)));
    let date = || async {
        let request = pb::GetReservationRequest { reservation_id: "o-1".into() };
        mesh.stock().get_reservation(request).await.unwrap().into_inner().reservation.unwrap().lines[0].expected_at
    };
    mesh.time.set(at(20));
    said(&mesh, expect("po-1", &[("B", "3")], 5_000, 10)).await;
    assert_eq!(date().await, time(5_000), "the supplier is late");
    let cancel = pb::CancelExpectedStockRequest {
        idempotency_key: "k".into(),
        expected_id: "po-1".into(),
        location: String::new(),
    };
    mesh.stock().cancel_expected_stock(cancel).await.unwrap();
    assert_eq!(date().await, None, "nobody knows any more");
}

#[tokio::test]
async fn goods_that_come_are_on_hand_and_no_longer_expected_once() {
    let mesh = mesh().await;
    said(&mesh, expect("po-1", &[("A", "5"), ("B", "2")], 1_000, 0)).await;
    let part = receive("po-1", "r-1", &[("A", "4")]);
    let first = mesh.stock().receive_expected_stock(part.clone()).await.unwrap().into_inner();
    let again = mesh.stock().receive_expected_stock(part).await.unwrap().into_inner();
    assert_eq!(first, again);
    let row = main_row(&mesh, "A").await;
    assert_eq!((row.on_hand.as_str(), row.expected.as_str()), ("14", "1"));
    let rest = mesh.stock().receive_expected_stock(receive("po-1", "r-2", &[])).await.unwrap().into_inner();
    assert_eq!(rest.expected.unwrap().state(), pb::ExpectedState::Arrived);
    assert_eq!((main_row(&mesh, "A").await.on_hand, main_row(&mesh, "B").await.on_hand), ("15".into(), "7".into()));
    assert!(open(&mesh).await.is_empty());
}

#[tokio::test]
async fn goods_that_come_fill_what_was_short_first() {
    let mesh = mesh().await;
    let sold = pb::ReserveStockRequest { allow_shortfall: true, ..reserve("o-1", &[("1", "C", "", "3")]) };
    mesh.try_reserve(sold).await.unwrap();
    said(&mesh, expect("po-1", &[("C", "5")], 1_000, 0)).await;
    mesh.stock().receive_expected_stock(receive("po-1", "r-1", &[])).await.unwrap();
    let row = main_row(&mesh, "C").await;
    assert_eq!((row.available.as_str(), row.shortfall.as_str(), row.expected.as_str()), ("2", "0", "0"));
}

#[tokio::test]
async fn an_older_word_changes_nothing_and_says_so() {
    let mesh = mesh().await;
    mesh.time.set(at(100));
    assert!(!said(&mesh, expect("po-1", &[("A", "5")], 2_000, 20)).await.outdated);
    let older = said(&mesh, expect("po-1", &[("A", "9")], 1_000, 10)).await;
    assert!(older.outdated);
    assert_eq!(main_row(&mesh, "A").await.expected, "5");
}

#[tokio::test]
async fn what_did_not_come_in_time_is_late() {
    let mesh = mesh().await;
    said(&mesh, expect("po-1", &[("A", "5")], 50, 0)).await;
    mesh.time.set(at(60));
    assert_eq!(open(&mesh).await, [("po-1".to_owned(), true)]);
}

#[tokio::test]
async fn what_nobody_expects_is_not_found_and_leaves_the_receipt_free() {
    let mesh = mesh().await;
    let status = mesh.stock().receive_expected_stock(receive("po-9", "r-1", &[])).await.unwrap_err();
    assert_eq!(Refusal::read(&status).reason(), "NO_SUCH_EXPECTED");
    said(&mesh, expect("po-1", &[("A", "5")], 1_000, 0)).await;
    mesh.stock().receive_expected_stock(receive("po-1", "r-1", &[])).await.unwrap();
    assert_eq!(main_row(&mesh, "A").await.on_hand, "15");
}
