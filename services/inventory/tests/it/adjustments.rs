//! Adjustments and the authority that is told of them.

use retail_proto::inventory::v1 as pb;
use retail_runtime::fault::Refusal;

use crate::harness::{Mesh, at, mesh};

fn adjust(key: &str, quantity: &str) -> pb::AdjustStockRequest {
    pb::AdjustStockRequest {
        idempotency_key: key.into(),
        sku: "A".into(),
        quantity: quantity.into(),
        reason: "WRITE_OFF".into(),
        happened_at: Some(prost_types::Timestamp { seconds: at(0).as_second(), nanos: 0 }),
        ..Default::default()
    }
}

async fn posted(mesh: &Mesh, count: usize) {
    mesh.until("the ERP has the adjustment", || async { mesh.erp.books().adjustments.len() == count }).await;
}

#[tokio::test]
async fn a_write_off_lowers_our_stock_the_shop_and_the_erp() {
    let mesh = mesh().await;
    let answer = mesh.stock().adjust_stock(adjust("k-1", "-2")).await.unwrap().into_inner();
    assert_eq!(answer.availability.unwrap().available, "8");
    posted(&mesh, 1).await;
    assert_eq!(mesh.erp.books().stock[&("A".into(), "MAIN".into())], 8);
    mesh.until("the shop shows 8", || async { mesh.shop.shown("A") == 8 }).await;
}

#[tokio::test]
async fn a_repeat_is_answered_with_the_first_answer_and_posted_once() {
    let mesh = mesh().await;
    mesh.erp.books().lose_an_answer = true;
    let first = mesh.stock().adjust_stock(adjust("k-1", "-2")).await.unwrap().into_inner();
    mesh.reserve("o-1", &[("1", "A", "", "1")]).await;
    let again = mesh.stock().adjust_stock(adjust("k-1", "-2")).await.unwrap().into_inner();
    assert_eq!(first, again);
    mesh.until("the lost answer was asked for again", || async { mesh.erp.books().adjust_calls >= 2 }).await;
    assert_eq!(mesh.erp.books().stock[&("A".into(), "MAIN".into())], 8);
}

#[tokio::test]
async fn the_same_key_with_another_quantity_is_refused() {
    let mesh = mesh().await;
    mesh.stock().adjust_stock(adjust("k-1", "-2")).await.unwrap();
    let status = mesh.stock().adjust_stock(adjust("k-1", "-3")).await.unwrap_err();
    assert_eq!(Refusal::read(&status).reason(), "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test]
async fn more_than_is_on_hand_is_refused() {
    let mesh = mesh().await;
    let status = mesh.stock().adjust_stock(adjust("k-1", "-11")).await.unwrap_err();
    let refusal = Refusal::read(&status);
    assert_eq!((refusal.reason(), refusal.metadata("on_hand")), ("NOT_ON_HAND", Some("10")));
}

#[tokio::test]
async fn an_adjustment_survives_the_reading_of_books_that_do_not_have_it_yet() {
    let mesh = mesh().await;
    mesh.erp.books().away = true;
    mesh.stock().adjust_stock(adjust("k-1", "-2")).await.unwrap();
    mesh.time.set(at(60));
    // The ERP is back for readings and still slow with postings: its number lacks the write-off.
    mesh.erp.books().away = false;
    let request = pb::SyncReferenceRequest { idempotency_key: "k".into(), include_stock: true };
    mesh.reference().sync_reference(request.clone()).await.unwrap();
    assert_eq!(mesh.available("A", "MAIN").await.as_deref(), Some("8"));
    posted(&mesh, 1).await;
    mesh.until("the next reading takes the ERP's number over", || {
        let request = request.clone();
        async {
            mesh.time.set(at(120));
            mesh.erp.books().stock.insert(("A".into(), "MAIN".into()), 6);
            mesh.reference().sync_reference(request).await.unwrap();
            mesh.available("A", "MAIN").await.as_deref() == Some("6")
        }
    })
    .await;
}
