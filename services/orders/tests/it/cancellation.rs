//! Cancelling, at every moment.

use retail_proto::inventory::v1::ReservationState;
use retail_proto::orders::v1::{CancelOrderRequest, LineCancellationState, Order, OrderState, PlaceOrderRequest};
use retail_runtime::fault::Class;
use tonic::Code;

use crate::erp::{Ledgers, Mood};
use crate::harness::{gbp, mesh, request};

#[tokio::test]
async fn a_held_order_is_cancelled_and_nobody_ever_books_it() {
    let mesh = mesh().await;
    let id = mesh.place(PlaceOrderRequest { total: Some(gbp(1)), ..request(1001) }).await;
    mesh.until_state(&id, OrderState::Held).await;
    mesh.cancel(&id).await.unwrap();
    let order = mesh.until_state(&id, OrderState::Cancelled).await;
    assert_eq!(order.cause, "no longer wanted");
    assert_eq!(mesh.erp.books().create_calls, 0);
}

#[tokio::test]
async fn an_order_that_the_erp_refused_is_cancelled_with_its_cause_and_its_goods_given_back() {
    let mesh = mesh().await;
    mesh.erp.books().moods.push_back(Mood::Refuses);
    let id = mesh.place(request(1001)).await;
    mesh.until(&id, |order| order.parked).await;
    let cancelled = mesh.cancel(&id).await.unwrap();
    assert!(!cancelled.parked);
    let order = mesh.until_state(&id, OrderState::Cancelled).await;
    assert_eq!(order.cause, "no longer wanted");
    assert_eq!(mesh.stock.state(&id), Some(ReservationState::Released));
    let erp = mesh.erp.books();
    assert_eq!((erp.create_calls, erp.close_calls), (1, 0));
}

#[tokio::test]
async fn a_cancellation_while_the_booking_is_unknown_finds_the_sales_order_and_closes_it() {
    let mesh = mesh().await;
    // The ERP has the order, but says so neither to the booking nor to the reading.
    mesh.erp.books.write(|erp| {
        erp.moods.push_back(Mood::BooksAndFallsSilent);
        erp.hidden = true;
    });
    let id = mesh.place(request(1001)).await;
    mesh.erp.books.until(|erp| erp.create_calls > 0).await;
    mesh.cancel(&id).await.unwrap();
    mesh.until_state(&id, OrderState::Cancelled).await;
    let erp = mesh.erp.books();
    assert_eq!((erp.orders.len(), erp.close_calls), (1, 1));
    assert_eq!(erp.orders[&id].state(), retail_proto::erp::v1::SalesOrderState::Closed);
    assert_eq!(mesh.stock.state(&id), Some(ReservationState::Released));
}

#[tokio::test]
async fn an_attempt_that_certainly_failed_does_not_hide_an_earlier_one_that_booked() {
    let mesh = mesh().await;
    mesh.erp.books.write(|erp| {
        erp.moods.push_back(Mood::BooksAndFallsSilent);
        erp.moods.extend([Mood::Away; 3]);
        erp.hidden = true;
    });
    let id = mesh.place(request(1001)).await;
    mesh.erp.books.until(|erp| erp.create_calls > 1).await;
    mesh.cancel(&id).await.unwrap();
    mesh.until_state(&id, OrderState::Cancelled).await;
    assert_eq!(mesh.erp.books().orders[&id].state(), retail_proto::erp::v1::SalesOrderState::Closed);
}

#[tokio::test]
async fn a_booked_order_is_closed_in_the_erp_before_its_goods_are_given_back() {
    let mesh = mesh().await;
    let id = mesh.booked(1001).await;
    mesh.cancel(&id).await.unwrap();
    let order = mesh.until_state(&id, OrderState::Cancelled).await;
    assert_eq!(order.cause, "no longer wanted");
    assert_eq!(mesh.erp.books().close_calls, 1);
    assert_eq!(mesh.stock.state(&id), Some(ReservationState::Released));
    mesh.crm.books.until(|desk| desk.contexts.values().any(|seen| seen.status == "Cancelled")).await;
}

#[tokio::test]
async fn cancelling_twice_is_one_cancellation() {
    let mesh = mesh().await;
    let id = mesh.booked(1001).await;
    mesh.cancel(&id).await.unwrap();
    mesh.cancel(&id).await.unwrap();
    mesh.until_state(&id, OrderState::Cancelled).await;
    let (key, reason) = ("another".to_owned(), "really".to_owned());
    let again = CancelOrderRequest { idempotency_key: key, order_id: id.clone(), reason, line_numbers: Vec::new() };
    mesh.orders().cancel_order(again).await.unwrap();
    assert_eq!(mesh.get(&id).await.cause, "no longer wanted");
    assert_eq!(mesh.erp.books().close_calls, 1);
}

#[tokio::test]
async fn a_shipped_order_cannot_be_cancelled() {
    let mesh = mesh().await;
    let id = mesh.booked(1001).await;
    mesh.ship_all(&id);
    mesh.until_state(&id, OrderState::Completed).await;
    let refusal = mesh.cancel(&id).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Precondition, "ALREADY_SHIPPED"));
    assert_eq!(refusal.metadata("order_id"), Some(id.as_str()));
}

#[tokio::test]
async fn a_cancellation_that_the_warehouse_overtakes_ends_as_a_shipped_order() {
    let mesh = mesh().await;
    let id = mesh.booked(1001).await;
    // The parcel leaves, and before the news of it is read the customer cancels.
    mesh.erp.books.write(|erp| {
        erp.ship(&id, &[(1, 6), (2, 6)]);
        erp.hidden = true;
    });
    mesh.cancel(&id).await.unwrap();
    mesh.erp.books.until(|erp| erp.close_calls > 0).await;
    mesh.erp.books().hidden = false;
    let order = mesh.until_state(&id, OrderState::Completed).await;
    assert!(!order.parked);
    assert_eq!(mesh.stock.books.open().calls, ["reserve", "confirm", "consume"]);
}

#[tokio::test]
async fn an_order_that_nobody_knows_cannot_be_cancelled() {
    let mesh = mesh().await;
    let refusal = mesh.cancel("0190-none").await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::NotFound, "NO_SUCH_ORDER"));
    let nameless = CancelOrderRequest { idempotency_key: "k".into(), ..Default::default() };
    let status = mesh.orders().cancel_order(nameless).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

fn over(order: &Order) -> bool {
    order.line_cancellations.last().is_some_and(|last| last.state() != LineCancellationState::Open)
}

#[tokio::test]
async fn a_line_is_cancelled_while_the_rest_ships_and_its_money_goes_back_in_the_end() {
    let mesh = mesh().await;
    let id = mesh.booked(1001).await;
    mesh.until(&id, |order| order.payments.iter().all(|payment| payment.document.is_some())).await;
    mesh.cancel_lines(&id, &[2]).await.unwrap();
    let order = mesh.until(&id, over).await.pop().unwrap();
    assert_eq!(order.line_cancellations[0].state(), LineCancellationState::Done);
    assert_eq!(order.lines.iter().map(|line| line.closed).collect::<Vec<_>>(), [false, true]);
    assert_eq!(order.state(), OrderState::Booked, "the rest goes on");
    let released: Vec<_> = {
        let books = mesh.stock.books.open();
        books.reservations[&id].lines.iter().map(|line| line.released.clone()).collect()
    };
    assert_eq!(released, ["0", "6"]);
    mesh.erp.books.write(|books: &mut Ledgers| books.ship(&id, &[(1, 6)]));
    mesh.until_state(&id, OrderState::Completed).await;
    assert_eq!(mesh.shop.books.open().given_back("1001"), 2034, "what line 2 cost");
    assert_eq!(mesh.erp.books().unapplied(&id), 0);
}

#[tokio::test]
async fn a_line_that_the_erp_does_not_close_any_more_goes_on() {
    let mesh = mesh().await;
    let id = mesh.booked(1001).await;
    mesh.erp.books().picking = true;
    mesh.cancel_lines(&id, &[2]).await.unwrap();
    let order = mesh.until(&id, over).await.pop().unwrap();
    let cancel = &order.line_cancellations[0];
    assert_eq!(cancel.state(), LineCancellationState::Failed);
    assert!(cancel.outcome.contains("being picked"), "{}", cancel.outcome);
    mesh.ship_all(&id);
    mesh.until_state(&id, OrderState::Completed).await;
    assert_eq!(mesh.shop.books.open().refund_calls, 0);
}

#[tokio::test]
async fn the_rest_of_an_order_that_has_begun_to_ship_is_cancelled_by_its_lines() {
    let mesh = mesh().await;
    let id = mesh.booked(1001).await;
    mesh.until(&id, |order| order.payments.iter().all(|payment| payment.document.is_some())).await;
    mesh.erp.books.write(|books: &mut Ledgers| books.ship(&id, &[(1, 4)]));
    mesh.until_state(&id, OrderState::PartlyShipped).await;
    let refusal = mesh.cancel(&id).await.unwrap_err();
    assert_eq!(refusal.reason(), "ALREADY_SHIPPED");
    mesh.cancel_lines(&id, &[1, 2]).await.unwrap();
    mesh.until_state(&id, OrderState::Completed).await;
    // Two hearts at 2.55 and six lanterns at 3.39.
    assert_eq!(mesh.shop.books.open().given_back("1001"), 510 + 2034);
    assert_eq!(mesh.erp.books().unapplied(&id), 0);
}
