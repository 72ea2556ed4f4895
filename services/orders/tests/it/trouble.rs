//! Neighbours that are away, lose their answers or refuse.

use retail_proto::orders::v1::{OrderState, ResumeOrderRequest};

use crate::erp::Mood;
use crate::harness::{mesh, request};

#[tokio::test]
async fn a_booking_whose_answer_is_lost_is_one_sales_order() {
    let mesh = mesh().await;
    mesh.erp.books().moods.push_back(Mood::BooksAndFallsSilent);
    let id = mesh.booked(1001).await;
    mesh.ship_all(&id);
    mesh.until_state(&id, OrderState::Completed).await;
    assert_eq!(mesh.erp.books().orders.len(), 1);
}

#[tokio::test]
async fn an_erp_that_is_away_for_a_while_gets_the_order_when_it_is_back() {
    let mesh = mesh().await;
    mesh.erp.books().moods.extend([Mood::Away, Mood::Away]);
    mesh.booked(1001).await;
    let erp = mesh.erp.books();
    assert_eq!((erp.create_calls, erp.orders.len()), (3, 1));
}

#[tokio::test]
async fn a_refusal_of_the_erp_parks_the_order_for_a_person_and_the_agents_see_it() {
    let mesh = mesh().await;
    mesh.erp.books().moods.push_back(Mood::Refuses);
    let id = mesh.place(request(1001)).await;
    let parked = mesh.until(&id, |order| order.parked).await.pop().unwrap();
    assert!(parked.cause.starts_with("PERIOD_CLOSED"), "{}", parked.cause);
    mesh.crm.books.until(|desk| desk.contexts.values().any(|seen| seen.status == "Waiting for a person")).await;
    let resume =
        ResumeOrderRequest { idempotency_key: "r-1".into(), order_id: id.clone(), note: "period opened".into() };
    mesh.orders().resume_order(resume.clone()).await.unwrap();
    let booked = mesh.until_state(&id, OrderState::Booked).await;
    assert!(!booked.parked && booked.cause.is_empty());
    let again = ResumeOrderRequest { idempotency_key: "r-2".into(), ..resume };
    let status = mesh.orders().resume_order(again).await.unwrap_err();
    assert_eq!(retail_runtime::fault::Refusal::read(&status).reason(), "NOT_PARKED");
}

#[tokio::test]
async fn agents_learn_of_a_parked_order_even_when_their_system_is_away_at_first() {
    let mesh = mesh().await;
    mesh.erp.books().moods.push_back(Mood::Refuses);
    mesh.crm.books.open().away = true;
    let id = mesh.place(request(1001)).await;
    mesh.until(&id, |order| order.parked).await;
    mesh.crm.books.until(|desk| desk.upserts > 0).await;
    mesh.crm.books.open().away = false;
    mesh.crm.books.until(|desk| desk.contexts.contains_key(&id)).await;
}

#[tokio::test]
async fn a_crm_that_refuses_does_not_stop_the_order() {
    let mesh = mesh().await;
    mesh.crm.books.open().refuses = true;
    let id = mesh.booked(1001).await;
    mesh.ship_all(&id);
    let order = mesh.until_state(&id, OrderState::Completed).await;
    assert!(!order.parked);
    assert!(mesh.crm.books.open().contexts.is_empty());
}

#[tokio::test]
async fn a_shipment_before_the_promise_is_confirmed_is_taken_off_after_it_is() {
    let mesh = mesh().await;
    mesh.stock.books.open().no_confirmations = true;
    let id = mesh.booked(1001).await;
    mesh.ship_all(&id);
    mesh.until_state(&id, OrderState::Shipped).await;
    mesh.stock.books.open().no_confirmations = false;
    let order = mesh.until_state(&id, OrderState::Completed).await;
    assert!(!order.parked);
    assert_eq!(mesh.stock.books.open().consumed.len(), 1);
}

#[tokio::test]
async fn an_order_is_not_complete_before_its_money_is_in_the_books() {
    let mesh = mesh().await;
    mesh.erp.books().no_payments = true;
    let id = mesh.booked(1001).await;
    mesh.ship_all(&id);
    let shipped = mesh.until(&id, |order| order.shipments.first().is_some_and(|one| one.told_channel)).await;
    assert_eq!(shipped.last().unwrap().state(), OrderState::Shipped);
    mesh.erp.books().no_payments = false;
    mesh.until_state(&id, OrderState::Completed).await;
    assert_eq!(mesh.erp.books().deposits.len(), 1);
}
