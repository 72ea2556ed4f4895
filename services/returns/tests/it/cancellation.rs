//! Cancelling, at every moment.

use retail_proto::erp::v1::SalesReturnState;
use retail_proto::returns::v1::{CancelReturnRequest, Disposition, ReturnState};
use retail_runtime::fault::Class;

use crate::books::Mood;
use crate::harness::{mesh, request};

#[tokio::test]
async fn a_held_return_is_cancelled_and_the_erp_never_hears_of_it() {
    let mesh = mesh().await;
    let id = mesh.start(request(1, &[(9, 1)])).await;
    mesh.until_state(&id, ReturnState::Held).await;
    mesh.cancel(&id).await.unwrap();
    let record = mesh.until_state(&id, ReturnState::Cancelled).await;
    assert_eq!((record.cause.as_str(), record.open_exceptions), ("keeps it after all", 0));
    assert!(mesh.erp.books().returns.is_empty());
}

#[tokio::test]
async fn an_authorized_return_is_closed_in_the_erp_and_its_pieces_are_free_again() {
    let mesh = mesh().await;
    let id = mesh.authorized(1, &[(1, 6)]).await.return_id;
    mesh.cancel(&id).await.unwrap();
    mesh.until_state(&id, ReturnState::Cancelled).await;
    assert_eq!(mesh.erp.books().only().told.state(), SalesReturnState::Closed);
    let another = mesh.authorized(2, &[(1, 6)]).await;
    assert_eq!(another.lines[0].authorized, "6");
}

#[tokio::test]
async fn a_cancellation_while_the_erps_answer_is_lost_finds_the_return_and_closes_it() {
    let mesh = mesh().await;
    // The ERP has the return, but says so neither to the request nor to the reading.
    mesh.erp.books.write(|erp| {
        erp.moods.plan("create_return", &[Mood::FallsSilent]);
        erp.hidden = true;
    });
    let id = mesh.start(request(1, &[(1, 6)])).await;
    mesh.erp.books.until(|erp| erp.moods.asked("create_return") > 0).await;
    mesh.cancel(&id).await.unwrap();
    mesh.until_state(&id, ReturnState::Cancelled).await;
    assert_eq!(mesh.erp.books().only().told.state(), SalesReturnState::Closed);
}

#[tokio::test]
async fn a_return_that_the_erp_refused_is_cancelled_with_its_cause() {
    let mesh = mesh().await;
    mesh.erp.books.write(|erp| erp.moods.plan("create_return", &[Mood::Refuses("PERIOD_CLOSED")]));
    let id = mesh.start(request(1, &[(1, 6)])).await;
    mesh.until(&id, |record| record.parked).await;
    assert!(!mesh.cancel(&id).await.unwrap().parked);
    let record = mesh.until_state(&id, ReturnState::Cancelled).await;
    assert_eq!(record.cause, "keeps it after all");
    assert!(mesh.erp.books().returns.is_empty());
}

#[tokio::test]
async fn a_return_of_which_something_came_back_cannot_be_cancelled() {
    let mesh = mesh().await;
    let id = mesh.authorized(1, &[(1, 6)]).await.return_id;
    mesh.receive(&id, "dock-1", &[(1, 1, Disposition::Restock)]).await.unwrap();
    let refusal = mesh.cancel(&id).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Precondition, "ALREADY_RECEIVED"));
    assert_eq!(refusal.metadata("return_id"), Some(id.as_str()));
}

#[tokio::test]
async fn a_cancellation_that_the_warehouse_overtakes_ends_with_a_credit() {
    let mesh = mesh().await;
    let record = mesh.authorized(1, &[(1, 6)]).await;
    // The goods arrive, and before the news of it is read the customer cancels.
    mesh.erp.books.write(|erp| {
        erp.receive(&record.parts[0].part_id, &[(1, 6)]);
        erp.hidden = true;
    });
    mesh.cancel(&record.return_id).await.unwrap();
    let record = mesh.completed(&record.return_id).await;
    assert_eq!(record.lines[0].credited, "6");
    mesh.assert_money_law("o-1001");
}

#[tokio::test]
async fn cancelling_twice_is_one_cancellation() {
    let mesh = mesh().await;
    let id = mesh.authorized(1, &[(1, 6)]).await.return_id;
    mesh.cancel(&id).await.unwrap();
    mesh.cancel(&id).await.unwrap();
    mesh.until_state(&id, ReturnState::Cancelled).await;
    let again =
        CancelReturnRequest { idempotency_key: "another".into(), return_id: id.clone(), reason: "really".into() };
    mesh.returns().cancel_return(again).await.unwrap();
    assert_eq!(mesh.get(&id).await.cause, "keeps it after all");
    assert_eq!(mesh.erp.books().moods.asked("cancel_return"), 1);
}
