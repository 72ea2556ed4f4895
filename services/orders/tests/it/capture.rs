//! What is checked before an order goes on: items, total, stock.

use retail_proto::orders::v1::{Capture, OrderState, PlaceOrderRequest};
use retail_runtime::fault::Class;

use crate::harness::{gbp, mesh, request};

fn asked(number: u32) -> PlaceOrderRequest {
    PlaceOrderRequest { capture: i32::from(Capture::Request), ..request(number) }
}

#[tokio::test]
async fn an_unknown_item_of_a_sold_order_holds_it_until_the_item_is_known() {
    let mesh = mesh().await;
    mesh.stock.books.open().unknown.insert("71053".into());
    let id = mesh.place(request(1001)).await;
    let held = mesh.until_state(&id, OrderState::Held).await;
    assert_eq!(held.holds[0].reason, "UNKNOWN_ITEM");
    assert!(held.holds[0].detail.contains("line 2 (71053)"), "{}", held.holds[0].detail);
    mesh.stock.books.open().unknown.clear();
    mesh.release(&id, "UNKNOWN_ITEM").await.unwrap();
    mesh.until_state(&id, OrderState::Booked).await;
}

#[tokio::test]
async fn releasing_an_item_that_is_still_unknown_holds_the_order_again() {
    let mesh = mesh().await;
    mesh.stock.books.open().unknown.insert("71053".into());
    let id = mesh.place(request(1001)).await;
    let held = mesh.until_state(&id, OrderState::Held).await;
    mesh.release(&id, "UNKNOWN_ITEM").await.unwrap();
    let again = mesh.until(&id, |order| order.version > held.version && order.state() == OrderState::Held).await;
    assert_eq!(again.last().unwrap().holds.len(), 1);
}

#[tokio::test]
async fn an_unknown_item_of_an_asked_order_is_refused_with_the_field_and_nothing_is_stored() {
    let mesh = mesh().await;
    mesh.stock.books.open().unknown.insert("71053".into());
    let refusal = mesh.try_place(asked(1001)).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Invalid, "UNKNOWN_ITEM"));
    assert_eq!(refusal.fields()[0].0, "lines[1].sku");
    mesh.stock.books.open().unknown.clear();
    let id = mesh.place(asked(1001)).await;
    mesh.until_state(&id, OrderState::Booked).await;
}

#[tokio::test]
async fn a_total_that_does_not_follow_from_the_lines_holds_a_sold_order_until_somebody_takes_it_over() {
    let mesh = mesh().await;
    let id = mesh.place(PlaceOrderRequest { total: Some(gbp(3565)), ..request(1001) }).await;
    let held = mesh.until_state(&id, OrderState::Held).await;
    assert_eq!(held.holds[0].reason, "TOTAL_MISMATCH");
    assert!(mesh.erp.books().orders.is_empty());
    mesh.crm.books.until(|desk| desk.contexts.values().any(|seen| seen.status == "On hold")).await;
    mesh.release(&id, "TOTAL_MISMATCH").await.unwrap();
    mesh.until_state(&id, OrderState::Booked).await;
    mesh.ship_all(&id);
    mesh.until_state(&id, OrderState::Completed).await;
}

#[tokio::test]
async fn a_total_that_does_not_follow_from_the_lines_refuses_an_asked_order() {
    let mesh = mesh().await;
    let id = mesh.place(PlaceOrderRequest { total: Some(gbp(3565)), ..asked(1001) }).await;
    let refused = mesh.until_state(&id, OrderState::Refused).await;
    assert!(refused.cause.starts_with("TOTAL_MISMATCH"), "{}", refused.cause);
}

#[tokio::test]
async fn a_hold_that_is_not_there_cannot_be_released() {
    let mesh = mesh().await;
    let id = mesh.booked(1001).await;
    let refusal = mesh.release(&id, "TOTAL_MISMATCH").await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Precondition, "NO_SUCH_HOLD"));
    assert_eq!(refusal.metadata("hold_reason"), Some("TOTAL_MISMATCH"));
}

#[tokio::test]
async fn stock_that_is_not_there_refuses_an_asked_order() {
    let mesh = mesh().await;
    mesh.stock.books.open().lacking.insert("85123A".into());
    let id = mesh.place(asked(1001)).await;
    let refused = mesh.until_state(&id, OrderState::Refused).await;
    assert!(refused.cause.starts_with("INSUFFICIENT_STOCK"), "{}", refused.cause);
    assert!(mesh.erp.books().orders.is_empty());
}

#[tokio::test]
async fn stock_that_is_not_there_does_not_stop_a_sold_order() {
    let mesh = mesh().await;
    mesh.stock.books.open().lacking.insert("85123A".into());
    let id = mesh.booked(1001).await;
    assert_eq!(mesh.get(&id).await.lines[0].shortfall, "6");
}
