//! Goods that the ERP expects, read from it: dates, parts that came, orders that ended, in whichever order it is heard.

use retail_proto::erp::v1 as erp;
use retail_proto::inventory::v1 as pb;
use retail_proto::types::v1::Ref;
use retail_runtime::Timestamp;

use crate::harness::{Mesh, mesh};

fn line(sku: &str, quantity: &str, received: &str, day: &str) -> erp::ExpectedReceiptLine {
    erp::ExpectedReceiptLine {
        sku: sku.into(),
        location: "MAIN".into(),
        quantity: quantity.into(),
        received: received.into(),
        closed: false,
        expected_date: day.into(),
    }
}

fn paper(id: &str, version: i64, lines: Vec<erp::ExpectedReceiptLine>) -> erp::ExpectedReceipt {
    let number = format!("PO-{id}");
    let document =
        Ref { kind: "erp".into(), instance: "erp".into(), r#type: "purchaseOrder".into(), id: id.into(), number };
    erp::ExpectedReceipt {
        document: Some(document),
        source: erp::ExpectedReceiptSource::Purchase.into(),
        lines,
        changed_at: Some(prost_types::Timestamp { seconds: 1_600_000_000 + version, nanos: 0 }),
        ..Default::default()
    }
}

/// The ERP has exactly these, and is read.
async fn read(mesh: &Mesh, papers: Vec<erp::ExpectedReceipt>) -> i32 {
    mesh.erp.books().papers = papers;
    let request = pb::SyncReferenceRequest { idempotency_key: "k".into(), include_stock: true };
    mesh.reference().sync_reference(request).await.unwrap().into_inner().expected
}

async fn row(mesh: &Mesh, sku: &str, location: &str) -> pb::Availability {
    mesh.rows(sku).await.into_iter().find(|row| row.location == location).unwrap_or_default()
}

async fn listed(mesh: &Mesh) -> Vec<(String, String)> {
    let list = mesh.stock().list_expected_stock(pb::ListExpectedStockRequest::default()).await.unwrap().into_inner();
    list.expected.into_iter().map(|expected| (expected.expected_id, expected.lines[0].quantity.clone())).collect()
}

fn pair(id: &str, quantity: &str) -> (String, String) {
    (id.to_owned(), quantity.to_owned())
}

fn end_of(day: &str) -> Option<prost_types::Timestamp> {
    let at: Timestamp = format!("{day}T23:59:59Z").parse().unwrap();
    Some(prost_types::Timestamp { seconds: at.as_second(), nanos: 0 })
}

#[tokio::test]
async fn a_purchase_order_dates_what_is_short_and_a_new_date_counts() {
    let mesh = mesh().await;
    let papers = ["1", "2", "3"].map(|id| paper(id, 1, vec![line("C", "2", "0", "2033-01-05")]));
    assert_eq!(read(&mesh, papers.to_vec()).await, 3, "page by page");
    let answer = mesh.reserve("o-1", &[("1", "C", "", "5")]).await;
    assert_eq!(answer.lacking[0].expected_at, end_of("2033-01-05"));
    read(&mesh, vec![paper("1", 2, vec![line("C", "6", "0", "2033-02-05")])]).await;
    let answer = mesh.reserve("o-1", &[("1", "C", "", "5")]).await;
    assert_eq!(answer.lacking[0].expected_at, end_of("2033-02-05"));
}

#[tokio::test]
async fn an_older_reading_that_comes_late_changes_nothing() {
    let mesh = mesh().await;
    read(&mesh, vec![paper("1", 5, vec![line("C", "6", "0", "2033-01-05")])]).await;
    read(&mesh, vec![paper("1", 4, vec![line("C", "9", "0", "2033-01-05")])]).await;
    assert_eq!(row(&mesh, "C", "MAIN").await.expected, "6");
}

#[tokio::test]
async fn what_came_in_part_is_on_hand_by_the_count_and_no_longer_expected_once() {
    let mesh = mesh().await;
    read(&mesh, vec![paper("1", 1, vec![line("C", "6", "0", "2033-01-05")])]).await;
    mesh.erp.books().stock.insert(("C".into(), "MAIN".into()), 4);
    mesh.time.set(crate::harness::at(60));
    read(&mesh, vec![paper("1", 2, vec![line("C", "6", "4", "2033-01-05")])]).await;
    let stock = row(&mesh, "C", "MAIN").await;
    assert_eq!((stock.on_hand.as_str(), stock.expected.as_str()), ("4", "2"));
    // The warehouse tells us of the same four as well: they were taken off what is expected once.
    let request = pb::ReceiveExpectedStockRequest {
        idempotency_key: "k".into(),
        expected_id: "PO-1".into(),
        receipt_id: "r-1".into(),
        lines: vec![pb::ReceiveLine { sku: "C".into(), quantity: "1".into() }],
        happened_at: Some(prost_types::Timestamp { seconds: crate::harness::at(50).as_second(), nanos: 0 }),
        ..Default::default()
    };
    mesh.stock().receive_expected_stock(request).await.unwrap();
    assert_eq!(row(&mesh, "C", "MAIN").await.expected, "2");
}

#[tokio::test]
async fn what_was_closed_and_what_is_gone_is_expected_no_more() {
    let mesh = mesh().await;
    let open = |id: &str| paper(id, 1, vec![line("C", "6", "1", "2033-01-05")]);
    read(&mesh, vec![open("1"), open("2"), open("3")]).await;
    assert_eq!(row(&mesh, "C", "MAIN").await.expected, "15");
    let mut closed =
        paper("1", 2, vec![erp::ExpectedReceiptLine { closed: true, ..line("C", "6", "1", "2033-01-05") }]);
    closed.ended = true;
    assert_eq!(read(&mesh, vec![closed, open("3")]).await, 1, "2 was deleted");
    assert_eq!(listed(&mesh).await, [pair("PO-3", "6")]);
    assert_eq!(row(&mesh, "C", "MAIN").await.expected, "5");
}

#[tokio::test]
async fn what_goes_to_another_place_or_comes_on_another_day_is_expected_there_and_then_only() {
    let mesh = mesh().await;
    read(&mesh, vec![paper("1", 1, vec![line("A", "6", "0", "2033-01-05")])]).await;
    let elsewhere = erp::ExpectedReceiptLine { location: "SIDE".into(), ..line("A", "6", "0", "2033-01-05") };
    read(&mesh, vec![paper("1", 2, vec![elsewhere.clone()])]).await;
    let expected = |row: pb::Availability| row.expected;
    assert_eq!(
        (expected(row(&mesh, "A", "MAIN").await), expected(row(&mesh, "A", "SIDE").await)),
        ("0".into(), "6".into())
    );
    let later =
        erp::ExpectedReceiptLine { quantity: "2".into(), expected_date: "2033-03-01".into(), ..elsewhere.clone() };
    read(&mesh, vec![paper("1", 3, vec![elsewhere, later])]).await;
    assert_eq!(row(&mesh, "A", "SIDE").await.arrivals.len(), 2);
    assert_eq!(expected(row(&mesh, "A", "SIDE").await), "8");
}

#[tokio::test]
async fn a_transfer_of_people_is_on_the_road_and_one_of_ours_is_not_expected_twice() {
    let mesh = mesh().await;
    let mut theirs = paper("1", 1, vec![line("A", "3", "0", "2033-01-05")]);
    theirs.source = erp::ExpectedReceiptSource::Transfer.into();
    let ours = erp::ExpectedReceipt { external_ref: "t-1".into(), ..theirs.clone() };
    let ours = erp::ExpectedReceipt { document: paper("2", 1, vec![]).document, ..ours };
    assert_eq!(read(&mesh, vec![theirs, ours]).await, 1);
    let stock = row(&mesh, "A", "MAIN").await;
    assert_eq!((stock.expected.as_str(), stock.in_transit.as_str()), ("3", "3"));
}

#[tokio::test]
async fn what_people_said_under_the_number_of_the_order_is_overtaken_by_the_owners_word() {
    let mesh = mesh().await;
    let request = pb::ExpectStockRequest {
        idempotency_key: "k".into(),
        expected_id: "PO-1".into(),
        source: i32::from(pb::ExpectedSource::Purchase),
        lines: vec![pb::ExpectedLine { sku: "C".into(), quantity: "9".into(), ..Default::default() }],
        expected_at: end_of("2033-01-01"),
        as_of: Some(prost_types::Timestamp { seconds: 1_500_000_000, nanos: 0 }),
        ..Default::default()
    };
    mesh.stock().expect_stock(request).await.unwrap();
    read(&mesh, vec![paper("1", 1, vec![line("C", "6", "0", "2033-01-05")])]).await;
    assert_eq!(listed(&mesh).await, [pair("PO-1", "6")]);
}
