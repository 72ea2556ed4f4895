//! The good days of an order.

use std::sync::atomic::Ordering;

use retail_proto::crm::v1::OrderContext;
use retail_proto::inventory::v1::ReservationState;
use retail_proto::orders::v1::{LineInput, OrderState};

use crate::harness::{gbp, mesh, mesh_over, request};
use crate::wires::still;

/// Commits of a whole order in the domain of orders: see docs/decisions/0005-ten-commits.md.
const COMMITS: u64 = 7;

#[tokio::test]
async fn an_order_goes_from_received_to_completed_and_every_book_has_it_once() {
    let mesh = mesh().await;
    let id = mesh.booked(1001).await;
    mesh.ship_all(&id);
    let order = mesh.until_state(&id, OrderState::Completed).await;
    assert_eq!(order.shipments.len(), 1);
    assert!(order.shipments[0].told_channel);
    mesh.crm.books.until(|desk| desk.contexts.values().any(|seen| seen.status == "Shipped and invoiced")).await;
    let erp = mesh.erp.books();
    assert_eq!((erp.orders.len(), erp.create_calls), (1, 1));
    assert_eq!(erp.deposits.len(), 1);
    assert_eq!(erp.deposits.values().next().unwrap().amount, Some(gbp(3564)));
    assert_eq!(mesh.crm.books.open().contexts.len(), 1);
    assert_eq!(mesh.shop.books.open().fulfilments.len(), 1);
    let stock = mesh.stock.books.open();
    assert_eq!((stock.reservations.len(), stock.consumed.len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_order_of_two_lines_takes_seven_commits_in_the_domain_of_orders() {
    let (clock, net) = still();
    let mesh = mesh_over(clock, net).await;
    let id = mesh.booked(1001).await;
    mesh.crm.books.until(|desk| !desk.contexts.is_empty()).await;
    mesh.until(&id, |order| order.payments[0].document.is_some()).await;
    mesh.ship_all(&id);
    mesh.until_state(&id, OrderState::Completed).await;
    let told = |context: &OrderContext| context.status == "Shipped and invoiced";
    mesh.crm.books.until(|desk| desk.contexts.values().any(told)).await;
    let commits = mesh.commits.load(Ordering::SeqCst);
    assert!(commits <= COMMITS, "{commits} commits");
}

#[tokio::test]
async fn the_erp_gets_the_lines_the_day_and_the_customer_of_the_order() {
    let mesh = mesh().await;
    let id = mesh.booked(1001).await;
    let erp = mesh.erp.books();
    let input = &erp.inputs[&id];
    assert_eq!((input.order_number.as_str(), input.customer_ref.as_str()), ("#1001", "c-1"));
    assert_eq!(input.order_date, "2023-11-14");
    let lines: Vec<_> = input.lines.iter().map(|line| (line.sku.as_str(), line.amount.clone())).collect();
    assert_eq!(lines, [("85123A", Some(gbp(1530))), ("71053", Some(gbp(2034)))]);
}

#[tokio::test]
async fn a_part_ships_and_then_the_rest() {
    let mesh = mesh().await;
    let id = mesh.booked(1001).await;
    mesh.erp.books.write(|books| books.ship(&id, &[(1, 6), (2, 2)]));
    let order = mesh.until_state(&id, OrderState::PartlyShipped).await;
    assert_eq!(order.shipments.len(), 1);
    mesh.erp.books.write(|books| books.ship(&id, &[(2, 4)]));
    let order = mesh.until_state(&id, OrderState::Completed).await;
    assert_eq!((order.shipments.len(), order.invoices.len()), (2, 2));
    assert_eq!(mesh.shop.books.open().fulfilments.len(), 2);
    assert_eq!(mesh.stock.books.open().consumed.len(), 2);
}

#[tokio::test]
async fn a_part_ships_the_rest_is_closed_and_its_goods_are_given_back() {
    let mesh = mesh().await;
    let id = mesh.booked(1001).await;
    mesh.erp.books.write(|books| books.ship(&id, &[(1, 6), (2, 2)]));
    mesh.until_state(&id, OrderState::PartlyShipped).await;
    mesh.erp.books.write(|books| books.close(&id));
    mesh.until_state(&id, OrderState::Completed).await;
    let calls = mesh.stock.books.open().calls.clone();
    assert_eq!(calls, ["reserve", "confirm", "consume", "release"]);
}

#[tokio::test]
async fn the_erp_closes_the_order_itself_and_the_goods_are_given_back() {
    let mesh = mesh().await;
    let id = mesh.booked(1001).await;
    mesh.erp.books.write(|books| books.close(&id));
    let order = mesh.until_state(&id, OrderState::Cancelled).await;
    assert_eq!(order.cause, "closed in the ERP");
    assert_eq!(mesh.stock.state(&id), Some(ReservationState::Released));
    assert_eq!(mesh.erp.books().close_calls, 0);
}

#[tokio::test]
async fn a_charge_rides_along_and_an_order_of_charges_alone_needs_no_stock() {
    let mesh = mesh().await;
    let mut charges = request(1001);
    charges.lines.truncate(1);
    let kind = i32::from(retail_proto::orders::v1::LineKind::Charge);
    charges.lines[0] = LineInput { kind, sku: "POST".into(), quantity: "1".into(), ..charges.lines[0].clone() };
    charges.total = Some(gbp(255));
    charges.payments[0].amount = Some(gbp(255));
    let id = mesh.place(charges).await;
    mesh.until_state(&id, OrderState::Booked).await;
    mesh.until(&id, |order| order.payments[0].document.is_some()).await;
    assert!(!mesh.get(&id).await.parked);
    assert!(mesh.stock.books.open().reservations.is_empty());
}

#[tokio::test]
async fn a_tax_on_top_does_not_keep_the_books_open() {
    let mesh = mesh().await;
    let mut taxed = request(1001);
    taxed.lines[0].taxes = vec![retail_proto::types::v1::TaxLine { amount: Some(gbp(306)), ..Default::default() }];
    taxed.total = Some(gbp(3564 + 306));
    let id = mesh.place(taxed).await;
    mesh.until_state(&id, OrderState::Booked).await;
    mesh.ship_all(&id);
    mesh.until_state(&id, OrderState::Completed).await;
}
