//! Orders that a person must look at before they go to the warehouse.

use std::collections::BTreeMap;

use retail_orders::{OnExpiry, Screening};
use retail_proto::orders::v1::{HoldOrderRequest, OrderState, PlaceOrderRequest};
use retail_runtime::config::Span;
use retail_runtime::fault::Refusal;

use crate::harness::{Mesh, mesh_screening, request};

fn rules(kept: Option<Span>, on_expiry: OnExpiry) -> Screening {
    Screening {
        risk_above: Some(70),
        total_above: BTreeMap::from([("GBP".to_owned(), 1_000_000)]),
        expires_after: kept,
        on_expiry,
        ..Screening::default()
    }
}

fn risky(number: u32) -> PlaceOrderRequest {
    PlaceOrderRequest { risk_score: Some(88), ..request(number) }
}

async fn held(mesh: &Mesh, number: u32) -> String {
    let id = mesh.place(risky(number)).await;
    let order = mesh.until_state(&id, OrderState::Held).await;
    assert_eq!((order.holds[0].reason.as_str(), order.risk_score), ("RISK_SCORE", Some(88)));
    id
}

#[tokio::test]
async fn a_risky_order_waits_for_a_person_and_goes_on_once_released() {
    let mesh = mesh_screening(rules(None, OnExpiry::Cancel)).await;
    let id = held(&mesh, 1001).await;
    assert!(mesh.erp.books().orders.is_empty());
    mesh.release(&id, "RISK_SCORE").await.unwrap();
    mesh.until_state(&id, OrderState::Booked).await;
    let harmless = mesh.place(PlaceOrderRequest { risk_score: Some(70), ..request(1002) }).await;
    mesh.until_state(&harmless, OrderState::Booked).await;
}

#[tokio::test]
async fn a_hold_that_nobody_looks_at_is_cancelled_in_its_time_and_the_money_given_back() {
    let mesh = mesh_screening(rules(Some(Span::from_millis(400)), OnExpiry::Cancel)).await;
    let id = held(&mesh, 1001).await;
    assert!(mesh.get(&id).await.holds.first().is_none_or(|hold| hold.expires_at.is_some()));
    let order = mesh.until_state(&id, OrderState::Cancelled).await;
    assert_eq!(order.cause, "held for RISK_SCORE and not released in time");
    assert_eq!(mesh.shop.books.open().given_back("1001"), 3564);
    assert!(mesh.erp.books().orders.is_empty());
}

#[tokio::test]
async fn a_hold_that_nobody_looks_at_is_released_where_the_channel_says_so() {
    let mesh = mesh_screening(rules(Some(Span::from_millis(400)), OnExpiry::Release)).await;
    let id = held(&mesh, 1001).await;
    mesh.until_state(&id, OrderState::Booked).await;
}

#[tokio::test]
async fn a_person_holds_what_is_not_booked_and_nothing_else() {
    let mesh = mesh_screening(rules(None, OnExpiry::Cancel)).await;
    let id = held(&mesh, 1001).await;
    let hold = |key: &str, id: &str| HoldOrderRequest {
        idempotency_key: key.into(),
        order_id: id.into(),
        note: "the buyer called".into(),
    };
    let order = mesh.orders().hold_order(hold("h-1", &id)).await.unwrap().into_inner().order.unwrap();
    assert_eq!(
        order.holds.iter().map(|hold| hold.reason.as_str()).collect::<Vec<_>>(),
        ["RISK_SCORE", "HELD_BY_PERSON"]
    );
    mesh.release(&id, "RISK_SCORE").await.unwrap();
    assert_eq!(mesh.get(&id).await.state(), OrderState::Held, "one hold is left");
    let booked = mesh.booked(1002).await;
    let refusal = Refusal::read(&mesh.orders().hold_order(hold("h-2", &booked)).await.unwrap_err());
    assert_eq!(refusal.reason(), "TOO_LATE_TO_HOLD");
}
