//! Counts, and that movements add up.

use retail_proto::inventory::v1 as pb;
use retail_runtime::Timestamp;

use crate::harness::{at, mesh};

fn count(as_of: Timestamp, rows: &[(&str, &str)]) -> pb::CountStockRequest {
    pb::CountStockRequest {
        idempotency_key: "k".into(),
        basis: i32::from(pb::CountBasis::OnHand),
        as_of: Some(prost_types::Timestamp { seconds: as_of.as_second(), nanos: 0 }),
        authority: "store".into(),
        rows: rows
            .iter()
            .map(|(sku, q)| pb::CountRow { sku: (*sku).into(), quantity: (*q).into(), ..Default::default() })
            .collect(),
    }
}

fn reasons(answer: pb::CountStockResponse) -> Vec<String> {
    answer.outcomes.into_iter().map(|row| row.outcome.unwrap().reason).collect()
}

#[tokio::test]
async fn counts_are_taken_over_row_by_row_and_old_ones_are_said_to_be_stale() {
    let mesh = mesh().await;
    mesh.time.set(at(100));
    let answer = mesh.stock().count_stock(count(at(50), &[("A", "8"), ("NOPE", "1")])).await.unwrap().into_inner();
    assert_eq!(reasons(answer), ["", "UNKNOWN_ITEM"]);
    let answer = mesh.stock().count_stock(count(at(40), &[("A", "99"), ("B", "4")])).await.unwrap().into_inner();
    assert_eq!(reasons(answer), ["STALE_COUNT", ""]);
    assert_eq!(mesh.available("A", "MAIN").await.as_deref(), Some("8"));
    assert_eq!(mesh.available("B", "MAIN").await.as_deref(), Some("4"));
}

#[tokio::test]
async fn a_count_below_what_is_promised_is_a_shortfall_and_never_a_negative_number() {
    let mesh = mesh().await;
    mesh.time.set(at(100));
    mesh.reserve("o-1", &[("1", "A", "", "9")]).await;
    mesh.stock().count_stock(count(at(50), &[("A", "4")])).await.unwrap();
    let row = mesh.rows("A").await.into_iter().find(|row| row.location == "MAIN").unwrap();
    assert_eq!((row.on_hand.as_str(), row.available.as_str(), row.shortfall.as_str()), ("4", "0", "5"));
    mesh.until("the shop shows nothing", || async { mesh.shop.shown("A") == 0 }).await;
}

#[tokio::test]
async fn a_shipment_after_the_count_was_true_is_kept_on_top_of_it() {
    let mesh = mesh().await;
    mesh.time.set(at(100));
    mesh.reserve("o-1", &[("1", "A", "", "3")]).await;
    mesh.confirm("o-1").await.unwrap();
    mesh.consume("o-1", "s-1", &[("1", "3")]).await.unwrap();
    mesh.stock().count_stock(count(at(50), &[("A", "10")])).await.unwrap();
    let row = mesh.rows("A").await.into_iter().find(|row| row.location == "MAIN").unwrap();
    assert_eq!((row.on_hand.as_str(), row.available.as_str()), ("7", "7"));
}
