//! Orders that their place cannot fulfil go to another one: promised there, told to the ERP, given back at the old place.

use retail_proto::inventory::v1::ReservationState;
use retail_proto::orders::v1::{
    ListOrdersRequest, Order, OrderState, PickupInput, PickupStage, PlaceOrderRequest, RerouteOrderRequest,
    RerouteState, SourcingVerdict as Verdict,
};
use retail_proto::types::v1::Address;

use crate::harness::{Mesh, request};
use crate::sourcing::{HEART, LANTERN, POLICY, places, stocked_by};

fn rows(locations: &[&'static str]) -> Vec<(&'static str, &'static str, i64)> {
    locations.iter().flat_map(|location| [(*location, HEART, 9), (*location, LANTERN, 9)]).collect()
}

async fn in_soho() -> (Mesh, String) {
    let mesh = stocked_by(POLICY, &rows(&["MAIN", "SOHO"])).await;
    let id = mesh.place(request(1001)).await;
    let order = mesh.until_state(&id, OrderState::Booked).await;
    assert_eq!(places(&order), ["SOHO", "SOHO"]);
    (mesh, id)
}

async fn ended(mesh: &Mesh, id: &str) -> Order {
    let over = |order: &Order| order.reroutes.last().is_some_and(|last| last.state() != RerouteState::Open);
    mesh.until(id, over).await.pop().unwrap()
}

#[tokio::test]
async fn what_one_place_cannot_fulfil_another_ships_and_the_order_says_why() {
    let (mesh, id) = in_soho().await;
    mesh.erp.books().change_falls_silent = true;
    mesh.reject(&id, "").await.unwrap();
    let order = ended(&mesh, &id).await;
    let reroute = &order.reroutes[0];
    assert_eq!((reroute.state(), reroute.from.as_str(), places(&order)), (RerouteState::Done, "SOHO", vec!["MAIN"; 2]));
    let sourcing = reroute.sourcing.as_ref().unwrap();
    let soho = sourcing.candidates.iter().find(|one| one.location == "SOHO").unwrap();
    assert_eq!(
        (soho.verdict(), soho.why.as_str()),
        (Verdict::Rejected, "lines of the order were taken away from it before")
    );
    assert_eq!(mesh.stock.state(&id), Some(ReservationState::Released));
    assert_eq!(mesh.stock.state(&format!("{id}/m1")), Some(ReservationState::Confirmed));
    assert!(mesh.erp.books().orders[&id].lines.iter().all(|line| line.location == "MAIN"));
    mesh.ship_all(&id);
    mesh.until_state(&id, OrderState::Completed).await;
    assert_eq!(mesh.stock.books.open().consumed.values().map(Vec::len).sum::<usize>(), 2, "taken off once");
}

#[tokio::test]
async fn what_the_erp_refuses_to_move_is_given_back_at_the_new_place_and_waits_for_a_person() {
    let (mesh, id) = in_soho().await;
    mesh.erp.books().picking = true;
    mesh.reject(&id, "SOHO").await.unwrap();
    let order = ended(&mesh, &id).await;
    let reroute = &order.reroutes[0];
    assert_eq!((reroute.state(), places(&order)), (RerouteState::Failed, vec!["SOHO"; 2]));
    assert!(reroute.outcome.contains("being picked"), "{}", reroute.outcome);
    assert_eq!(mesh.stock.state(&format!("{id}/m1")), Some(ReservationState::Released));
    assert_eq!(mesh.stock.state(&id), Some(ReservationState::Confirmed), "still promised where it is");
    let exceptions = ListOrdersRequest { exceptions_only: true, ..ListOrdersRequest::default() };
    let waiting = mesh.orders().list_orders(exceptions.clone()).await.unwrap().into_inner().orders;
    assert_eq!(waiting.len(), 1);
    mesh.ship_all(&id);
    mesh.until_state(&id, OrderState::Completed).await;
    assert!(mesh.orders().list_orders(exceptions).await.unwrap().into_inner().orders.is_empty());
}

#[tokio::test]
async fn a_person_names_the_place_when_nobody_has_everything() {
    let mesh = stocked_by(POLICY, &rows(&["SOHO"])).await;
    let id = mesh.place(request(1001)).await;
    mesh.until_state(&id, OrderState::Booked).await;
    mesh.reject(&id, "SOHO").await.unwrap();
    let order = ended(&mesh, &id).await;
    assert_eq!((order.reroutes[0].state(), order.status.as_str()), (RerouteState::Failed, "Rejected by its place"));
    let wish = RerouteOrderRequest { idempotency_key: "r-1".into(), order_id: id.clone(), ..Default::default() };
    // LEEDS has no row of its own: as much as is asked for.
    mesh.reroute(RerouteOrderRequest { to: "LEEDS".into(), ..wish }).await.unwrap();
    let order = ended(&mesh, &id).await;
    assert_eq!((order.reroutes.len(), places(&order)), (2, vec!["LEEDS"; 2]));
}

#[tokio::test]
async fn an_order_that_is_cancelled_while_it_moves_leaves_no_promise_anywhere() {
    let (mesh, id) = in_soho().await;
    mesh.erp.books().picking = true;
    mesh.reject(&id, "").await.unwrap();
    mesh.cancel(&id).await.unwrap();
    mesh.until_state(&id, OrderState::Cancelled).await;
    let held = |state: &ReservationState| matches!(state, ReservationState::Held | ReservationState::Confirmed);
    let books = mesh.stock.books.open();
    assert!(!books.reservations.values().any(|one| held(&one.state())), "{:?}", books.reservations);
}

#[tokio::test]
async fn a_pickup_that_its_store_rejects_is_shipped_when_the_policy_says_so() {
    let policy = POLICY.replace("split_limit = 2", "split_limit = 2\n    rejected_pickup = \"ship\"");
    let mesh = stocked_by(&policy, &rows(&["MAIN", "SOHO"])).await;
    let pickup = PickupInput { location: "SOHO".into(), contact_name: "Mr Jones".into(), ..Default::default() };
    let address = Address { country_code: "GB".into(), postal_code: "N1 1AA".into(), ..Address::default() };
    let asked = PlaceOrderRequest { pickup: Some(pickup), shipping_address: Some(address), ..request(1001) };
    let id = mesh.place(asked).await;
    mesh.until_state(&id, OrderState::Booked).await;
    mesh.reject(&id, "").await.unwrap();
    let order = ended(&mesh, &id).await;
    let pickup = order.pickup.as_ref().unwrap();
    assert_eq!((pickup.stage(), places(&order)), (PickupStage::Shipping, vec!["MAIN"; 2]));
    let steps: Vec<_> = pickup.steps.iter().map(|step| step.stage()).collect();
    assert_eq!(steps, [PickupStage::Rejected, PickupStage::Shipping]);
    mesh.ship_all(&id);
    mesh.until_state(&id, OrderState::Completed).await;
}

#[tokio::test]
async fn a_rejected_pickup_waits_in_its_queue_until_somebody_moves_it_to_another_store() {
    let mesh = stocked_by(POLICY, &rows(&["MAIN", "SOHO", "LEEDS"])).await;
    let pickup = PickupInput { location: "SOHO".into(), contact_name: "Mr Jones".into(), ..Default::default() };
    let id = mesh.place(PlaceOrderRequest { pickup: Some(pickup), ..request(1001) }).await;
    mesh.until_state(&id, OrderState::Booked).await;
    mesh.reject(&id, "").await.unwrap();
    let queue = ListOrdersRequest { pickup_stage: i32::from(PickupStage::Rejected), ..ListOrdersRequest::default() };
    assert_eq!(mesh.orders().list_orders(queue).await.unwrap().into_inner().orders.len(), 1);
    let wish = RerouteOrderRequest { idempotency_key: "r-1".into(), order_id: id.clone(), ..Default::default() };
    let refusal = mesh.reroute(wish.clone()).await.unwrap_err();
    assert_eq!(refusal.reason(), "REROUTE_REFUSED");
    mesh.reroute(RerouteOrderRequest { idempotency_key: "r-2".into(), to: "LEEDS".into(), ..wish }).await.unwrap();
    let order = ended(&mesh, &id).await;
    let pickup = order.pickup.as_ref().unwrap();
    assert_eq!((pickup.stage(), pickup.location.as_str()), (PickupStage::Awaited, "LEEDS"));
    mesh.ready(&id).await.unwrap();
    mesh.ship_all(&id);
    mesh.hand_over(&id).await.unwrap();
    mesh.until_state(&id, OrderState::Completed).await;
}

#[tokio::test]
async fn what_the_erp_has_no_stock_for_is_shipped_from_a_place_that_has_it() {
    let policy = POLICY.replace("split_limit = 2", "split_limit = 2\n    on_backorder = \"reroute\"");
    let mesh = stocked_by(&policy, &rows(&["MAIN", "SOHO"])).await;
    mesh.erp.books().empty = "SOHO".to_owned();
    let id = mesh.place(request(1001)).await;
    mesh.until(&id, |order| !order.reroutes.is_empty()).await;
    let order = ended(&mesh, &id).await;
    let reroute = &order.reroutes[0];
    assert_eq!((reroute.state(), reroute.who.as_str(), places(&order)), (RerouteState::Done, "weft", vec!["MAIN"; 2]));
    assert_eq!(reroute.why, "the ERP has no stock there for line 1, 2");
    assert!(order.lines.iter().all(|line| line.backordered == "0"));
    mesh.ship_all(&id);
    mesh.until_state(&id, OrderState::Completed).await;
}
