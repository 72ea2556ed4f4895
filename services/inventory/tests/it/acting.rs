//! Proposals that are carried out: orders are asked once, and each says what became of it.

use retail_proto::inventory::v1 as pb;
use retail_proto::inventory::v1::ShortfallStepState as State;
use retail_proto::orders::v1::RerouteState;
use retail_runtime::fault::Refusal;

use crate::harness::{Mesh, at, mesh, mesh_that_acts};

async fn promised(mesh: &Mesh, id: &str, second: i64, quantity: &str) {
    mesh.time.set(at(second));
    assert!(mesh.reserve(id, &[("1", "A", "", quantity)]).await.reservation.is_some());
    mesh.confirm(id).await.unwrap();
}

/// Of nine that are promised three are there.
async fn short(mesh: &Mesh) {
    promised(mesh, "o-1", 10, "3").await;
    promised(mesh, "o-2", 20, "4").await;
    promised(mesh, "o-3", 30, "2").await;
    mesh.time.set(at(100));
    let request = pb::CountStockRequest {
        idempotency_key: "k".into(),
        basis: i32::from(pb::CountBasis::OnHand),
        as_of: Some(prost_types::Timestamp { seconds: at(90).as_second(), nanos: 0 }),
        authority: "store".into(),
        rows: vec![pb::CountRow { sku: "A".into(), quantity: "3".into(), ..Default::default() }],
    };
    mesh.stock().count_stock(request).await.unwrap();
}

fn act(key: &str) -> pb::ActOnShortfallRequest {
    pb::ActOnShortfallRequest { idempotency_key: key.into(), sku: "a".into(), location: String::new() }
}

async fn acted(mesh: &Mesh, key: &str) -> pb::ShortfallAction {
    mesh.stock().act_on_shortfall(act(key)).await.unwrap().into_inner().action.unwrap()
}

async fn actions(mesh: &Mesh) -> Vec<pb::ShortfallAction> {
    let request = pb::ListShortfallActionsRequest::default();
    mesh.stock().list_shortfall_actions(request).await.unwrap().into_inner().actions
}

fn told(action: &pb::ShortfallAction) -> Vec<(&str, State)> {
    action.steps.iter().map(|step| (step.reservation_id.as_str(), step.state())).collect()
}

async fn asked(mesh: &Mesh, count: usize) {
    mesh.until(&format!("{count} orders are asked"), || async { mesh.orders.books().reroutes.len() == count }).await;
}

async fn refused(mesh: &Mesh, key: &str) -> String {
    Refusal::read(&mesh.stock().act_on_shortfall(act(key)).await.unwrap_err()).reason().to_owned()
}

#[tokio::test]
async fn every_proposed_order_is_asked_once_and_tells_what_became_of_it() {
    let mesh = mesh().await;
    short(&mesh).await;
    mesh.orders.books().lose_an_answer = true;
    let action = acted(&mesh, "k-1").await;
    assert_eq!((action.shortfall.as_str(), action.by_policy), ("6", false));
    assert_eq!(told(&action), [("o-3", State::Open), ("o-2", State::Open)]);
    asked(&mesh, 2).await;
    assert_eq!(acted(&mesh, "k-1").await.action_id, action.action_id, "a repeat is the same action");
    mesh.orders.ends("o-3", RerouteState::Done, "");
    mesh.orders.ends("o-2", RerouteState::Failed, "no other place has it");
    mesh.until("both have answered", || async { actions(&mesh).await[0].ended }).await;
    let action = actions(&mesh).await.remove(0);
    assert_eq!(told(&action), [("o-3", State::Moved), ("o-2", State::Stays)]);
    assert_eq!(action.steps[1].detail, "no other place has it");
    let books = mesh.orders.books();
    let keys: std::collections::BTreeSet<_> = books.asked.iter().map(|asked| &asked.idempotency_key).collect();
    assert_eq!((keys.len(), books.asked[0].from.as_str()), (2, "MAIN"));
}

#[tokio::test]
async fn an_order_that_cannot_move_stays_and_the_next_is_asked_all_the_same() {
    let mesh = mesh().await;
    short(&mesh).await;
    mesh.orders.books().fixed.push("o-3".into());
    acted(&mesh, "k-1").await;
    asked(&mesh, 1).await;
    let action = actions(&mesh).await.remove(0);
    assert_eq!(action.steps[0].state(), State::Stays);
    assert!(action.steps[0].detail.contains("packed"), "{action:?}");
    assert!(mesh.orders.books().reroutes.contains_key("o-2"));
}

#[tokio::test]
async fn by_hand_nothing_is_done_until_somebody_says_so() {
    let mesh = mesh().await;
    assert_eq!(refused(&mesh, "k-1").await, "NOTHING_TO_REROUTE");
    short(&mesh).await;
    mesh.quiet().await;
    assert!(mesh.orders.books().asked.is_empty() && actions(&mesh).await.is_empty());
}

#[tokio::test]
async fn by_policy_it_is_done_by_itself_and_nobody_is_asked_twice() {
    let mesh = mesh_that_acts().await;
    short(&mesh).await;
    asked(&mesh, 2).await;
    mesh.orders.ends("o-3", RerouteState::Done, "");
    mesh.orders.ends("o-2", RerouteState::Failed, "no other place has it");
    mesh.release("o-3").await.unwrap();
    mesh.until("all have answered", || async { actions(&mesh).await.iter().all(|action| action.ended) }).await;
    mesh.quiet().await;
    assert!(actions(&mesh).await.iter().all(|action| action.by_policy));
    let books = mesh.orders.books();
    let keys: std::collections::BTreeSet<_> = books.asked.iter().map(|asked| &asked.idempotency_key).collect();
    assert_eq!(keys.len(), 2, "o-2 stays with a person, and o-1 keeps its goods");
}
