//! Counts below what is promised, and who is served from elsewhere.

use std::ops::RangeInclusive;

use retail_proto::inventory::v1 as pb;
use retail_runtime::TimeSource as _;

use crate::harness::{Mesh, at, mesh};

async fn count(mesh: &Mesh, sku: &str, quantity: &str) {
    let row = pb::CountRow { sku: sku.into(), quantity: quantity.into(), ..Default::default() };
    let request = pb::CountStockRequest {
        idempotency_key: "k".into(),
        basis: i32::from(pb::CountBasis::OnHand),
        as_of: Some(prost_types::Timestamp { seconds: at(90).as_second(), nanos: 0 }),
        authority: "store".into(),
        rows: vec![row],
    };
    mesh.stock().count_stock(request).await.unwrap();
}

/// Promises at about a second; answers between which two moments. The clock runs on while the machine is busy.
async fn promised(mesh: &Mesh, id: &str, second: i64, lines: &[(&str, &str, &str, &str)]) -> RangeInclusive<i64> {
    mesh.time.set(at(second));
    let begun = mesh.time.now().as_millisecond();
    assert!(mesh.reserve(id, lines).await.reservation.is_some());
    begun..=mesh.time.now().as_millisecond()
}

async fn proposals(mesh: &Mesh) -> Vec<pb::ShortfallProposal> {
    mesh.stock().list_shortfalls(pb::ListShortfallsRequest::default()).await.unwrap().into_inner().proposals
}

fn named(proposal: &pb::ShortfallProposal) -> Vec<(&str, &str, &str)> {
    proposal
        .reroute
        .iter()
        .map(|promise| (promise.reservation_id.as_str(), promise.line_id.as_str(), promise.quantity.as_str()))
        .collect()
}

#[tokio::test]
async fn the_newest_promises_are_proposed_and_the_oldest_keep_their_goods() {
    let mesh = mesh().await;
    promised(&mesh, "o-1", 10, &[("1", "A", "", "4")]).await;
    promised(&mesh, "o-2", 20, &[("1", "B", "", "1"), ("2", "A", "", "3")]).await;
    let when = promised(&mesh, "o-3", 30, &[("1", "A", "", "2")]).await;
    mesh.confirm("o-3").await.unwrap();
    mesh.time.set(at(100));
    count(&mesh, "A", "5").await;
    let proposals = proposals(&mesh).await;
    assert_eq!((proposals.len(), proposals[0].sku.as_str(), proposals[0].uncovered.as_str()), (1, "A", "0"));
    assert_eq!(named(&proposals[0]), [("o-3", "1", "2"), ("o-2", "2", "3")]);
    let states: Vec<_> = proposals[0].reroute.iter().map(pb::PromiseToReroute::state).collect();
    assert_eq!(states, [pb::ReservationState::Confirmed, pb::ReservationState::Held]);
    let told = proposals[0].reroute[0].promised_at.unwrap();
    let told = told.seconds * 1_000 + i64::from(told.nanos) / 1_000_000;
    assert!(when.contains(&told), "{told} is not within {when:?}");
}

#[tokio::test]
async fn what_was_shipped_given_back_or_ran_out_is_not_proposed() {
    let mesh = mesh().await;
    promised(&mesh, "o-1", 10, &[("1", "A", "", "3")]).await;
    promised(&mesh, "o-2", 11, &[("1", "A", "", "2")]).await;
    promised(&mesh, "o-3", 12, &[("1", "A", "", "2")]).await;
    promised(&mesh, "o-4", 13, &[("1", "A", "", "3")]).await;
    mesh.release("o-4").await.unwrap();
    mesh.confirm("o-3").await.unwrap();
    mesh.consume("o-3", "s-1", &[("1", "2")]).await.unwrap();
    mesh.time.set(at(100));
    count(&mesh, "A", "3").await;
    assert_eq!(named(&proposals(&mesh).await[0]), [("o-2", "1", "2")], "of five that are promised three are there");
    mesh.release("o-2").await.unwrap();
    assert!(proposals(&mesh).await.is_empty());
}

#[tokio::test]
async fn when_the_goods_are_found_nothing_is_proposed_any_more() {
    let mesh = mesh().await;
    promised(&mesh, "o-1", 10, &[("1", "A", "", "4")]).await;
    mesh.time.set(at(100));
    count(&mesh, "A", "1").await;
    assert_eq!(named(&proposals(&mesh).await[0]), [("o-1", "1", "4")]);
    count(&mesh, "A", "4").await;
    assert!(proposals(&mesh).await.is_empty());
}
