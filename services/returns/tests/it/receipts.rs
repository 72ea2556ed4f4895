//! Goods come back: all, some, good and bad, told by us or by the ERP.

use retail_proto::returns::v1::{Disposition, ReturnState};
use retail_runtime::fault::Class;

use crate::books::gbp;
use crate::harness::{mesh, request};

#[tokio::test]
async fn goods_come_back_in_two_parcels_and_are_credited_once() {
    let mesh = mesh().await;
    let id = mesh.authorized(1, &[(1, 6)]).await.return_id;
    mesh.receive(&id, "dock-1", &[(1, 4, Disposition::Restock)]).await.unwrap();
    let record = mesh.until_state(&id, ReturnState::PartlyReceived).await;
    assert_eq!((record.lines[0].received.as_str(), record.parts[0].credit_memo.as_ref()), ("4", None));
    mesh.receive(&id, "dock-2", &[(1, 2, Disposition::Restock)]).await.unwrap();
    let record = mesh.completed(&id).await;
    assert_eq!((record.parts[0].receipts.len(), record.refunded), (2, vec![gbp(1530)]));
    assert_eq!(mesh.stock.on_hand("85123A", "MAIN"), 6);
    mesh.assert_money_law("o-1001");
}

#[tokio::test]
async fn rejected_goods_are_not_credited_and_may_be_brought_again() {
    let mesh = mesh().await;
    let id = mesh.authorized(1, &[(1, 6)]).await.return_id;
    mesh.receive(&id, "dock-1", &[(1, 2, Disposition::Reject), (1, 4, Disposition::Restock)]).await.unwrap();
    let record = mesh.completed(&id).await;
    let line = &record.lines[0];
    assert_eq!([&line.received, &line.accepted, &line.credited], ["6", "4", "4"]);
    assert_eq!(record.refunded, [gbp(1020)]);
    assert_eq!(mesh.erp.books().moods.asked("cancel_return"), 1, "the ERP waits no longer");
    mesh.assert_money_law("o-1001");
    let again = mesh.authorized(2, &[(1, 2)]).await;
    assert_eq!(again.lines[0].amount, Some(gbp(510)));
}

#[tokio::test]
async fn a_return_of_which_everything_is_rejected_ends_without_a_credit() {
    let mesh = mesh().await;
    let id = mesh.authorized(1, &[(1, 1)]).await.return_id;
    mesh.receive(&id, "dock-1", &[(1, 1, Disposition::Reject)]).await.unwrap();
    mesh.until_state(&id, ReturnState::Cancelled).await;
    let erp = mesh.erp.books();
    assert_eq!((erp.moods.asked("post_receipt"), erp.moods.asked("create_credit_memo")), (0, 0));
    assert!(mesh.shop.books.open().refunds.is_empty());
}

#[tokio::test]
async fn broken_goods_are_credited_and_never_sold_again() {
    let mesh = mesh().await;
    let id = mesh.authorized(1, &[(1, 3)]).await.return_id;
    mesh.receive(&id, "dock-1", &[(1, 1, Disposition::Quarantine), (1, 2, Disposition::Discard)]).await.unwrap();
    mesh.completed(&id).await;
    assert!(mesh.stock.books.open().receipts.is_empty());
    let erp = mesh.erp.books();
    assert!(erp.only().told.receipts[0].lines.iter().all(|line| !line.restock));
}

#[tokio::test]
async fn good_and_broken_pieces_of_one_line_are_posted_apart() {
    let mesh = mesh().await;
    let id = mesh.authorized(1, &[(1, 3)]).await.return_id;
    mesh.receive(&id, "dock-1", &[(1, 2, Disposition::Restock), (1, 1, Disposition::Discard)]).await.unwrap();
    let record = mesh.completed(&id).await;
    assert_eq!((record.parts[0].receipts.len(), record.lines[0].credited.as_str()), (2, "3"));
    assert_eq!(mesh.stock.on_hand("85123A", "MAIN"), 2);
}

#[tokio::test]
async fn goods_that_the_erp_took_in_by_itself_are_credited_and_our_stock_follows() {
    let mesh = mesh().await;
    let record = mesh.authorized(1, &[(1, 2)]).await;
    let part = record.parts[0].part_id.clone();
    mesh.erp.books.write(|books| books.receive(&part, &[(1, 2)]));
    let record = mesh.completed(&record.return_id).await;
    assert_eq!(record.parts[0].receipts.len(), 1);
    assert_eq!(mesh.erp.books().moods.asked("post_receipt"), 0);
    assert_eq!(mesh.stock.on_hand("85123A", "MAIN"), 2);
    mesh.assert_money_law("o-1001");
}

#[tokio::test]
async fn what_will_not_come_is_closed_and_what_came_is_credited() {
    let mesh = mesh().await;
    let id = mesh.authorized(1, &[(1, 6)]).await.return_id;
    mesh.receive(&id, "dock-1", &[(1, 2, Disposition::Restock)]).await.unwrap();
    mesh.close(&id).await.unwrap();
    let record = mesh.completed(&id).await;
    assert_eq!((record.refunded.clone(), record.lines[0].credited.as_str()), (vec![gbp(510)], "2"));
    mesh.assert_money_law("o-1001");
    let rest = mesh.authorized(2, &[(1, 4)]).await;
    assert_eq!(rest.lines[0].amount, Some(gbp(1020)), "what did not come may come another time");
}

#[tokio::test]
async fn a_return_that_is_closed_before_anything_came_ends_without_a_credit() {
    let mesh = mesh().await;
    let id = mesh.authorized(1, &[(1, 6)]).await.return_id;
    mesh.close(&id).await.unwrap();
    let record = mesh.until_state(&id, ReturnState::Cancelled).await;
    assert_eq!(record.cause, "the rest will not come");
    assert!(mesh.shop.books.open().refunds.is_empty());
    mesh.authorized(2, &[(1, 6)]).await;
}

#[tokio::test]
async fn a_return_that_people_close_in_the_erp_is_awaited_no_longer() {
    let mesh = mesh().await;
    let record = mesh.authorized(1, &[(1, 6)]).await;
    let part = record.parts[0].part_id.clone();
    mesh.erp.books.write(|books| books.close(&part));
    mesh.until_state(&record.return_id, ReturnState::Cancelled).await;
    mesh.authorized(2, &[(1, 6)]).await;
}

#[tokio::test]
async fn more_than_is_awaited_is_refused_with_what_is() {
    let mesh = mesh().await;
    let id = mesh.authorized(1, &[(1, 2)]).await.return_id;
    let refusal = mesh.receive(&id, "dock-1", &[(1, 3, Disposition::Restock)]).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Precondition, "MORE_THAN_AWAITED"));
    assert_eq!((refusal.metadata("line_number"), refusal.metadata("awaited")), (Some("1"), Some("2")));
}

#[tokio::test]
async fn nothing_is_received_for_a_return_that_nobody_has_authorized() {
    let mesh = mesh().await;
    let id = mesh.start(request(1, &[(9, 1)])).await;
    mesh.until_state(&id, ReturnState::Held).await;
    let refusal = mesh.receive(&id, "dock-1", &[]).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Precondition, "RETURN_NOT_AUTHORIZED"));
}
