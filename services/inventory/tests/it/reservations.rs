//! Reservations through the door.

use futures::future::join_all;
use retail_proto::inventory::v1 as pb;
use retail_proto::types::v1::OutcomeState;
use retail_runtime::fault::Class;
use retail_store::Fate;

use crate::harness::{at, mesh, reserve};

fn state(reservation: &pb::Reservation) -> pb::ReservationState {
    reservation.state()
}

#[tokio::test]
async fn a_repeat_is_answered_with_the_first_reservation_and_promises_nothing_more() {
    let mesh = mesh().await;
    let first = mesh.reserve("o-1", &[("1", "a", "", "3")]).await;
    let again = mesh.reserve("o-1", &[("1", "A", "", "3")]).await;
    assert_eq!(first, again);
    assert_eq!(mesh.available("A", "MAIN").await.as_deref(), Some("7"));
}

#[tokio::test]
async fn other_content_under_the_same_id_is_refused() {
    let mesh = mesh().await;
    mesh.reserve("o-1", &[("1", "A", "", "3")]).await;
    let refusal = mesh.try_reserve(reserve("o-1", &[("1", "A", "", "4")])).await.unwrap_err();
    assert_eq!(refusal.reason(), "RESERVATION_DIFFERS");
    let refusal = mesh.try_reserve(reserve("o-1", &[("1", "A", "SIDE", "3")])).await.unwrap_err();
    assert_eq!(refusal.reason(), "RESERVATION_DIFFERS");
}

#[tokio::test]
async fn what_lacks_is_named_and_nothing_is_promised() {
    let mesh = mesh().await;
    let answer = mesh.reserve("o-1", &[("1", "A", "", "3"), ("2", "B", "", "6"), ("3", "A", "SIDE", "1")]).await;
    let outcome = answer.outcome.unwrap();
    assert_eq!((outcome.state(), outcome.reason.as_str()), (OutcomeState::Refused, "INSUFFICIENT_STOCK"));
    assert_eq!(answer.lacking.iter().map(|line| line.line_id.as_str()).collect::<Vec<_>>(), ["2"]);
    assert_eq!(mesh.available("A", "MAIN").await.as_deref(), Some("10"));
    assert_eq!(mesh.available("A", "SIDE").await.as_deref(), Some("4"));
    // The same id may be tried again once there is more, or less is wanted.
    let answer = mesh.reserve("o-1", &[("1", "A", "", "3"), ("2", "B", "", "5"), ("3", "A", "SIDE", "1")]).await;
    assert_eq!(answer.reservation.unwrap().lines.len(), 3);
}

#[tokio::test]
async fn an_unknown_item_is_refused_by_name() {
    let mesh = mesh().await;
    let answer = mesh.reserve("o-1", &[("1", "A", "", "1"), ("2", "NOPE", "", "1")]).await;
    assert_eq!(answer.outcome.unwrap().reason, "UNKNOWN_ITEM");
    assert_eq!(answer.lacking[0].sku, "NOPE");
}

#[tokio::test]
async fn a_reservation_over_two_locations_lives_and_dies_as_one() {
    let mesh = mesh().await;
    let lines = [("1", "A", "", "3"), ("2", "A", "SIDE", "2")];
    let reserved = mesh.reserve("o-1", &lines).await;
    assert_eq!(reserved, mesh.reserve("o-1", &lines).await);
    assert_eq!(state(&mesh.confirm("o-1").await.unwrap()), pb::ReservationState::Confirmed);
    let shipped = mesh.consume("o-1", "s-1", &[("1", "3"), ("2", "1")]).await.unwrap();
    assert_eq!(state(&shipped), pb::ReservationState::Confirmed);
    assert_eq!(shipped, mesh.consume("o-1", "s-1", &[("1", "3"), ("2", "1")]).await.unwrap());
    assert_eq!(mesh.available("A", "SIDE").await.as_deref(), Some("2"));
    mesh.release("o-1").await.unwrap();
    assert_eq!(mesh.available("A", "SIDE").await.as_deref(), Some("3"));
}

#[tokio::test]
async fn a_wrong_line_of_a_shipment_over_two_locations_takes_nothing_off() {
    let mesh = mesh().await;
    mesh.reserve("o-1", &[("1", "A", "", "3"), ("2", "A", "SIDE", "2")]).await;
    mesh.confirm("o-1").await.unwrap();
    let refusal = mesh.consume("o-1", "s-1", &[("1", "3"), ("2", "9")]).await.unwrap_err();
    assert_eq!(refusal.reason(), "MORE_THAN_PROMISED");
    assert_eq!(mesh.rows("A").await.iter().map(|row| row.on_hand.clone()).collect::<Vec<_>>(), ["10", "4"]);
}

#[tokio::test]
async fn many_at_once_never_promise_more_than_is_there() {
    let mesh = mesh().await;
    let asked = (0..30).flat_map(|n| {
        let request = reserve(&format!("o-{n}"), &[("1", "A", "", "1"), ("2", "A", "SIDE", "1")]);
        [mesh.try_reserve(request.clone()), mesh.try_reserve(request)]
    });
    let granted = join_all(asked).await.into_iter().filter(|answer| answer.as_ref().unwrap().reservation.is_some());
    assert_eq!(granted.count(), 2 * 4, "4 at the smaller location, each asked for twice");
    assert_eq!(mesh.available("A", "SIDE").await.as_deref(), Some("0"));
    assert_eq!(mesh.available("A", "MAIN").await.as_deref(), Some("6"));
}

#[tokio::test]
async fn an_unconfirmed_promise_ends_in_time_and_its_confirmation_takes_the_goods_again() {
    let mesh = mesh().await;
    let request = pb::ReserveStockRequest { expires_in_seconds: 60, ..reserve("o-1", &[("1", "A", "", "10")]) };
    mesh.try_reserve(request).await.unwrap();
    mesh.time.set(at(61));
    mesh.until("the promise has ended", || async { mesh.available("A", "MAIN").await.as_deref() == Some("10") }).await;
    assert_eq!(state(&mesh.confirm("o-1").await.unwrap()), pb::ReservationState::Confirmed);
    assert_eq!(mesh.available("A", "MAIN").await.as_deref(), Some("0"));
}

#[tokio::test]
async fn an_expired_promise_whose_goods_went_to_another_cannot_be_confirmed() {
    let mesh = mesh().await;
    let request = pb::ReserveStockRequest { expires_in_seconds: 60, ..reserve("o-1", &[("1", "A", "", "10")]) };
    mesh.try_reserve(request).await.unwrap();
    mesh.time.set(at(61));
    mesh.until("the promise has ended", || async { mesh.available("A", "MAIN").await.as_deref() == Some("10") }).await;
    mesh.reserve("o-2", &[("1", "A", "", "1")]).await;
    let refusal = mesh.confirm("o-1").await.unwrap_err();
    assert_eq!((refusal.reason(), refusal.metadata("lacking")), ("RESERVATION_EXPIRED", Some("A")));
}

#[tokio::test]
async fn sold_goods_that_are_not_there_show_up_as_a_shortfall() {
    let mesh = mesh().await;
    let request = pb::ReserveStockRequest { allow_shortfall: true, ..reserve("o-1", &[("1", "B", "", "7")]) };
    let reserved = mesh.try_reserve(request).await.unwrap().reservation.unwrap();
    assert_eq!(reserved.lines[0].shortfall, "2");
    let list = pb::ListShortfallsRequest::default();
    let rows = mesh.stock().list_shortfalls(list.clone()).await.unwrap().into_inner().rows;
    assert_eq!(rows.iter().map(|row| (row.sku.as_str(), row.shortfall.as_str())).collect::<Vec<_>>(), [("B", "2")]);
    mesh.release("o-1").await.unwrap();
    assert!(mesh.stock().list_shortfalls(list).await.unwrap().into_inner().rows.is_empty());
}

#[tokio::test]
async fn nobody_can_act_on_a_reservation_that_is_not_there() {
    let mesh = mesh().await;
    assert_eq!(mesh.confirm("o-9").await.unwrap_err().reason(), "NO_SUCH_RESERVATION");
    assert_eq!(mesh.release("o-9").await.unwrap_err().reason(), "NO_SUCH_RESERVATION");
}

#[tokio::test]
async fn an_order_at_the_default_location_is_three_commits_from_promise_to_shipment() {
    let mesh = mesh().await;
    let before = mesh.quiet().await;
    // Sold by the shop itself: there is nothing to tell it.
    let request = pb::ReserveStockRequest {
        sold_by_channel: "commerce".into(),
        ..reserve("o-1", &[("1", "A", "", "3"), ("2", "B", "", "1")])
    };
    mesh.try_reserve(request).await.unwrap();
    mesh.confirm("o-1").await.unwrap();
    mesh.consume("o-1", "s-1", &[("1", "3"), ("2", "1")]).await.unwrap();
    assert_eq!(mesh.quiet().await, before + 3);
}

#[tokio::test]
async fn every_wrong_field_of_a_request_is_named() {
    let mesh = mesh().await;
    let refusal = mesh.try_reserve(reserve("", &[("1", "A", "", "x")])).await.unwrap_err();
    let fields: Vec<_> = refusal.fields().iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["reservation_id", "lines[0].quantity"]);
}

#[tokio::test]
async fn a_reservation_whose_answer_was_lost_is_promised_once() {
    let mesh = mesh().await;
    mesh.quiet().await;
    for fate in [Fate::AnswerLost, Fate::RequestLost] {
        for lines in [&[("1", "A", "", "1")][..], &[("1", "A", "", "1"), ("2", "A", "SIDE", "1")]] {
            let id = format!("o-{fate:?}-{}", lines.len());
            // The first commit of the request goes wrong, whichever that is.
            let mut once = Some(fate);
            mesh.model.fate(move |_, _| once.take().unwrap_or(Fate::Lucky));
            let refusal = mesh.try_reserve(reserve(&id, lines)).await.unwrap_err();
            assert_eq!((refusal.class(), refusal.reason()), (Class::Unknown, "OUTCOME_UNKNOWN"));
            mesh.reserve(&id, lines).await;
            mesh.reserve(&id, lines).await;
            mesh.quiet().await;
        }
    }
    assert_eq!(mesh.available("A", "MAIN").await.as_deref(), Some("6"));
    assert_eq!(mesh.available("A", "SIDE").await.as_deref(), Some("2"));
}
