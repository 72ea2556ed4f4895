//! Returns without a receipt: the purchase is found by who brings the goods and what they are.

use std::sync::{Arc, Mutex};

use retail_proto::returns::v1::{ResolveExceptionRequest, ReturnLineInput, ReturnState, StartReturnRequest};
use retail_proto::types::v1::Ref;
use retail_store::Fate;

use crate::books::{gbp, record, units};
use crate::harness::{Mesh, mesh, request};
use crate::orders::{START, order};

/// Asks for units of an item, by customer alone.
fn brings(number: u32, customer_id: &str, sku: &str, units: i64) -> StartReturnRequest {
    let line = ReturnLineInput { sku: sku.into(), quantity: units.to_string(), ..Default::default() };
    StartReturnRequest { customer_id: customer_id.into(), lines: vec![line], ..request(number, &[]) }
}

async fn split(mesh: &Mesh, id: &str) -> Vec<(String, i64, String)> {
    let settled = mesh.until(id, |record| record.state() != ReturnState::Requested).await;
    settled.lines.into_iter().map(|line| (line.order_number, units(&line.requested), line.cause)).collect()
}

#[tokio::test]
async fn goods_of_two_purchases_are_credited_against_both_the_newest_first() {
    let mesh = mesh().await;
    mesh.sell(order(1002));
    let id = mesh.start(brings(1, "c-1", "85123A", 8)).await;
    let none = String::new();
    assert_eq!(split(&mesh, &id).await, [("#1002".into(), 6, none.clone()), ("#1001".into(), 2, none)]);
    mesh.receive_all(&id).await;
    let record = mesh.completed(&id).await;
    assert_eq!((record.parts.len(), record.refunded), (2, vec![gbp(1530 + 510)]));
    mesh.assert_money_law("o-1001");
    mesh.assert_money_law("o-1002");
}

#[tokio::test]
async fn purchases_that_were_found_are_durable_before_they_are_claimed() {
    let mesh = mesh().await;
    mesh.sell(order(1002));
    // Whose documents each commit wrote, and whether a worker made it.
    let commits = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&commits);
    mesh.model.fate(move |_, commit| {
        let kinds: Vec<String> = commit.writes.iter().map(|write| write.key.kind().to_owned()).collect();
        seen.lock().unwrap().push((kinds, !commit.fences.is_empty()));
        Fate::Lucky
    });
    let id = mesh.start(brings(1, "c-1", "85123A", 8)).await;
    assert_eq!(split(&mesh, &id).await.len(), 2);
    let commits = commits.lock().unwrap();
    let first = |kind: &str| commits.iter().position(|(kinds, _)| kinds.iter().any(|one| one == kind)).unwrap();
    let found = commits.iter().position(|(kinds, by_worker)| *by_worker && kinds.iter().any(|one| one == "return"));
    assert!(found.unwrap() < first("allowance"), "{commits:?}");
}

#[tokio::test]
async fn purchases_under_a_former_id_of_the_customer_count() {
    let mesh = mesh().await;
    let mut before = order(1002);
    before.customer_id = "c-0".into();
    mesh.sell(before);
    let id = mesh.start(brings(1, "c-1", "85123A", 12)).await;
    assert_eq!(split(&mesh, &id).await.len(), 2);
    let by_former_id = mesh.start(brings(2, "c-0", "71053", 12)).await;
    assert_eq!(split(&mesh, &by_former_id).await.len(), 2);
    assert_eq!(mesh.get(&by_former_id).await.customer_id, "c-1");
}

#[tokio::test]
async fn an_item_that_was_never_bought_waits_for_a_person_who_names_its_purchase() {
    let mesh = mesh().await;
    let mut gift = order(1002);
    gift.customer_id = "c-2".into();
    gift.lines[0].sku = "GIFT".into();
    mesh.sell(gift);
    let id = mesh.start(brings(1, "c-1", "GIFT", 1)).await;
    assert_eq!(split(&mesh, &id).await, [(String::new(), 1, "NO_EARLIER_PURCHASE".to_owned())]);
    assert_eq!(mesh.get(&id).await.state(), ReturnState::Held);
    let named = ResolveExceptionRequest { order_id: "o-1002".into(), order_line_number: 1, ..Default::default() };
    mesh.resolve(&id, 1, named).await.unwrap();
    mesh.until_state(&id, ReturnState::Authorized).await;
    mesh.receive_all(&id).await;
    mesh.completed(&id).await;
    mesh.assert_money_law("o-1002");
}

#[tokio::test]
async fn a_purchase_made_after_the_wish_is_no_earlier_purchase() {
    let mesh = mesh().await;
    let early = Some(prost_types::Timestamp { seconds: START, nanos: 0 });
    let id = mesh.start(StartReturnRequest { requested_at: early, ..brings(1, "c-1", "85123A", 1) }).await;
    assert_eq!(split(&mesh, &id).await[0].2, "NO_EARLIER_PURCHASE");
}

#[tokio::test]
async fn more_than_was_bought_waits_for_a_person_and_holds_up_nothing_else() {
    let mesh = mesh().await;
    let id = mesh.start(brings(1, "c-1", "85123A", 7)).await;
    assert_eq!(split(&mesh, &id).await[1], (String::new(), 1, "QUANTITY_LEFT".to_owned()));
    mesh.receive_all(&id).await;
    let waiting = mesh.until(&id, |record| record.next == "Somebody settles 1 line").await;
    assert_eq!((waiting.state(), waiting.refunded.clone()), (ReturnState::Received, vec![gbp(1530)]));
    mesh.dismiss(&id, 2).await.unwrap();
    let record = mesh.completed(&id).await;
    assert!(record.lines[1].dismissed && record.open_exceptions == 0);
}

#[tokio::test]
async fn a_customer_is_found_by_the_record_of_the_till_and_never_made() {
    let mesh = mesh().await;
    let by = |number: u32, id: &str| {
        let customer = Some(Ref { id: id.into(), ..record("pos", "member", id) });
        StartReturnRequest { customer, ..brings(number, "", "85123A", 1) }
    };
    let known = mesh.start(by(1, "7")).await;
    mesh.until_state(&known, ReturnState::Authorized).await;
    let stranger = mesh.start(by(2, "8")).await;
    assert_eq!(split(&mesh, &stranger).await[0].2, "NO_EARLIER_PURCHASE");
}

#[tokio::test]
async fn of_two_returns_that_race_for_the_last_pieces_together_they_get_no_more_than_there_are() {
    let mesh = mesh().await;
    let (one, two) = tokio::join!(mesh.start(brings(1, "c-1", "85123A", 4)), mesh.start(brings(2, "c-1", "85123A", 4)));
    let mut lines = split(&mesh, &one).await;
    lines.extend(split(&mesh, &two).await);
    let good: i64 = lines.iter().filter(|(_, _, cause)| cause.is_empty()).map(|(_, units, _)| units).sum();
    let lacking: i64 = lines.iter().filter(|(_, _, cause)| cause == "QUANTITY_LEFT").map(|(_, units, _)| units).sum();
    assert_eq!((good, lacking), (6, 2));
    mesh.receive_all(&one).await;
    mesh.receive_all(&two).await;
    let refunded = |record: &retail_proto::returns::v1::Return| !record.refunded.is_empty();
    mesh.until(&one, refunded).await;
    mesh.until(&two, refunded).await;
    mesh.assert_money_law("o-1001");
}
