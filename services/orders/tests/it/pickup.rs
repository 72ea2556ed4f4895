//! Orders that customers collect in a store.

use retail_proto::inventory::v1::ReservationState;
use retail_proto::orders::v1::{ListOrdersRequest, Order};
use retail_proto::orders::v1::{OrderState, PickupInput, PickupStage, PlaceOrderRequest};
use retail_runtime::config::Span;
use retail_runtime::{Clock, Net};

use crate::harness::{Mesh, mesh, mesh_keeping, request};

fn collected(number: u32) -> PlaceOrderRequest {
    let pickup = PickupInput { location: "SOHO".into(), contact_name: "Mr Jones".into(), ..Default::default() };
    PlaceOrderRequest { pickup: Some(pickup), ..request(number) }
}

async fn booked(mesh: &Mesh) -> String {
    let id = mesh.place(collected(1001)).await;
    mesh.until_state(&id, OrderState::Booked).await;
    id
}

async fn waiting(mesh: &Mesh, stage: PickupStage, location: &str) -> usize {
    let request = ListOrdersRequest {
        pickup_stage: i32::from(stage),
        pickup_location: location.into(),
        ..ListOrdersRequest::default()
    };
    mesh.orders().list_orders(request).await.unwrap().into_inner().orders.len()
}

fn stage(order: &Order) -> PickupStage {
    order.pickup.as_ref().unwrap().stage()
}

#[tokio::test]
async fn a_pickup_is_picked_in_its_store_and_is_complete_when_the_customer_has_it() {
    let mesh = mesh().await;
    let id = booked(&mesh).await;
    assert!(mesh.get(&id).await.lines.iter().all(|line| line.location == "SOHO"));
    assert_eq!(waiting(&mesh, PickupStage::Awaited, "SOHO").await, 1);
    let ready = mesh.ready(&id).await.unwrap();
    assert_eq!((stage(&ready), ready.status.as_str()), (PickupStage::Ready, "Ready for pickup"));
    assert_eq!(
        (waiting(&mesh, PickupStage::Ready, "").await, waiting(&mesh, PickupStage::Ready, "MAIN").await),
        (1, 0)
    );
    mesh.ship_all(&id);
    let shipped = mesh.until_state(&id, OrderState::Shipped).await;
    assert_eq!(stage(&shipped), PickupStage::Ready, "what has left the books still waits for the customer");
    mesh.hand_over(&id).await.unwrap();
    let done = mesh.until_state(&id, OrderState::Completed).await;
    let pickup = done.pickup.unwrap();
    assert_eq!(
        (pickup.stage(), pickup.collected_by.as_str(), pickup.steps.len()),
        (PickupStage::Collected, "Mr Jones", 2)
    );
    assert_eq!(waiting(&mesh, PickupStage::Collected, "").await, 0, "nobody waits for what is over");
}

#[tokio::test]
async fn what_does_not_fit_where_a_pickup_stands_is_refused_with_the_reason() {
    let mesh = mesh().await;
    let id = booked(&mesh).await;
    let refusal = mesh.hand_over(&id).await.unwrap_err();
    assert_eq!(refusal.reason(), "PICKUP_REFUSED");
    let shipped = mesh.booked(1002).await;
    assert_eq!(mesh.ready(&shipped).await.unwrap_err().reason(), "PICKUP_REFUSED");
}

#[tokio::test]
async fn a_pickup_that_nobody_collects_is_cancelled_after_its_time_and_its_goods_are_given_back() {
    let mesh = mesh_keeping(Clock::system(), Net::tcp(), Span::from_millis(300)).await;
    let id = booked(&mesh).await;
    mesh.ready(&id).await.unwrap();
    let order = mesh.until_state(&id, OrderState::Cancelled).await;
    assert_eq!((stage(&order), order.cause.as_str()), (PickupStage::Lapsed, "not collected in time"));
    assert_eq!(mesh.stock.state(&id), Some(ReservationState::Released));
    assert_eq!(mesh.erp.books().unapplied(&id), 0, "and the money");
}
