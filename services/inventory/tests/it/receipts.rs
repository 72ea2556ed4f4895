//! Goods that came in and are posted already.

use retail_proto::inventory::v1 as pb;
use retail_runtime::fault::Refusal;

use crate::harness::{Mesh, at, mesh};

fn receive(id: &str, lines: &[(&str, &str)]) -> pb::ReceiveStockRequest {
    let lines =
        lines.iter().map(|(sku, quantity)| pb::ReceiveLine { sku: (*sku).into(), quantity: (*quantity).into() });
    pb::ReceiveStockRequest {
        idempotency_key: format!("key-{id}"),
        receipt_id: id.into(),
        lines: lines.collect(),
        reason: "RETURN".into(),
        reference: "RMA-1".into(),
        happened_at: Some(prost_types::Timestamp { seconds: at(0).as_second(), nanos: 0 }),
        ..Default::default()
    }
}

async fn taken(mesh: &Mesh, request: pb::ReceiveStockRequest) -> Vec<(String, String, String)> {
    let rows = mesh.stock().receive_stock(request).await.unwrap().into_inner().availability;
    rows.into_iter().map(|row| (row.sku, row.on_hand, row.available)).collect()
}

async fn refused(mesh: &Mesh, request: pb::ReceiveStockRequest) -> Refusal {
    Refusal::read(&mesh.stock().receive_stock(request).await.unwrap_err())
}

fn row(sku: &str, on_hand: &str, available: &str) -> (String, String, String) {
    (sku.into(), on_hand.into(), available.into())
}

#[tokio::test]
async fn returned_goods_may_be_sold_again_and_the_erp_is_not_told() {
    let mesh = mesh().await;
    let rows = taken(&mesh, receive("r-1", &[("b", "2"), ("A", "1.5")])).await;
    assert_eq!(rows, [row("B", "7", "7"), row("A", "11.5", "11.5")]);
    mesh.until("the shop shows it", || async { mesh.shop.shown("B") == 7 && mesh.shop.shown("A") == 11 }).await;
    mesh.quiet().await;
    assert_eq!(mesh.erp.books().adjust_calls, 0);
}

#[tokio::test]
async fn a_receipt_comes_in_once_under_whichever_key() {
    let mesh = mesh().await;
    let first = taken(&mesh, receive("r-1", &[("A", "2")])).await;
    mesh.reserve("o-1", &[("1", "A", "", "1")]).await;
    let again = pb::ReceiveStockRequest { idempotency_key: "another".into(), ..receive("r-1", &[("A", "2")]) };
    assert_eq!(taken(&mesh, again).await, first, "a repeat is answered with the first answer");
    assert_eq!(mesh.available("A", "MAIN").await.as_deref(), Some("11"));
}

#[tokio::test]
async fn the_same_receipt_with_other_content_or_at_another_place_is_refused() {
    let mesh = mesh().await;
    taken(&mesh, receive("r-1", &[("A", "2")])).await;
    let more = refused(&mesh, receive("r-1", &[("A", "3")])).await;
    assert_eq!((more.reason(), more.metadata("receipt_id")), ("RECEIPT_DIFFERS", Some("r-1")));
    let elsewhere = pb::ReceiveStockRequest { location: "SIDE".into(), ..receive("r-1", &[("A", "2")]) };
    assert_eq!(refused(&mesh, elsewhere).await.reason(), "RECEIPT_DIFFERS");
    assert_eq!(mesh.available("A", "SIDE").await.as_deref(), Some("4"));
}

#[tokio::test]
async fn two_lines_of_one_item_are_taken_in_together() {
    let mesh = mesh().await;
    let rows = taken(&mesh, receive("r-1", &[("A", "1"), ("B", "1"), ("a", "2")])).await;
    assert_eq!(rows, [row("A", "13", "13"), row("B", "6", "6")]);
}

#[tokio::test]
async fn what_was_sold_without_stock_is_filled_first() {
    let mesh = mesh().await;
    let sold =
        pb::ReserveStockRequest { allow_shortfall: true, ..crate::harness::reserve("o-1", &[("1", "C", "", "3")]) };
    mesh.try_reserve(sold).await.unwrap();
    taken(&mesh, receive("r-1", &[("C", "4")])).await;
    let rows = mesh.rows("C").await;
    assert_eq!((rows[0].available.as_str(), rows[0].shortfall.as_str()), ("1", "0"));
}

#[tokio::test]
async fn unknown_items_and_places_are_refused_by_name_and_nothing_comes_in() {
    let mesh = mesh().await;
    let item = refused(&mesh, receive("r-1", &[("A", "1"), ("NONE", "1")])).await;
    assert_eq!((item.reason(), item.metadata("sku")), ("UNKNOWN_ITEM", Some("NONE")));
    let place = pb::ReceiveStockRequest { location: "MOON".into(), ..receive("r-1", &[("A", "1")]) };
    let place = refused(&mesh, place).await;
    assert_eq!((place.reason(), place.metadata("location")), ("UNKNOWN_LOCATION", Some("MOON")));
    assert_eq!(mesh.available("A", "MAIN").await.as_deref(), Some("10"));
}

#[tokio::test]
async fn every_wrong_field_is_named() {
    let mesh = mesh().await;
    let wrong = pb::ReceiveStockRequest { reason: "came back".into(), ..receive("", &[("A", "0"), ("", "1")]) };
    let fields: Vec<String> = refused(&mesh, wrong).await.fields().iter().map(|(field, _)| field.clone()).collect();
    assert_eq!(fields, ["receipt_id", "reason", "lines[0].quantity", "lines[1].sku"]);
}

#[tokio::test]
async fn a_reading_of_books_that_may_lack_the_goods_does_not_take_them_away() {
    let mesh = mesh().await;
    mesh.time.set(at(60));
    taken(&mesh, receive("r-1", &[("A", "2")])).await;
    assert_eq!(mesh.available("A", "MAIN").await.as_deref(), Some("12"));
    // The authority's books have it, and the next reading says so: not two more.
    mesh.erp.books().stock.insert(("A".into(), "MAIN".into()), 12);
    mesh.time.set(at(120));
    let request = pb::SyncReferenceRequest { idempotency_key: "k".into(), include_stock: true };
    mesh.reference().sync_reference(request).await.unwrap();
    assert_eq!(mesh.available("A", "MAIN").await.as_deref(), Some("12"));
}
