//! Edits of orders on account, against the customer's credit in the ERP.

use retail_orders::OnSilence;
use retail_proto::inventory::v1::ReservationState;
use retail_proto::orders::v1::{CreditVerdict, Edit, EditOrderRequest, EditState, LineQuantity, Order, OrderState};

use crate::credit::{ONE, held, mesh, on_account, verdict};
use crate::harness::{Mesh, gbp};
use crate::shop_edits::{standing, told};

/// What two pieces more of the first line cost.
const TWO_MORE: i64 = 510;

/// So many pieces of the first line instead of six.
fn pieces(id: &str, key: &str, quantity: &str) -> EditOrderRequest {
    EditOrderRequest {
        idempotency_key: key.into(),
        order_id: id.to_owned(),
        quantities: vec![LineQuantity { line_number: 1, quantity: quantity.into() }],
        ..EditOrderRequest::default()
    }
}

async fn edit(mesh: &Mesh, id: &str, key: &str, quantity: &str) {
    mesh.edit(pieces(id, key, quantity)).await.unwrap();
}

/// The last of so many edits, once it has ended.
async fn ended(mesh: &Mesh, id: &str, edits: usize) -> Order {
    let over = |order: &Order| {
        order.edits.len() == edits && order.edits.last().is_some_and(|last| last.state() != EditState::Open)
    };
    mesh.until(id, over).await.pop().unwrap()
}

fn last(order: &Order) -> &Edit {
    order.edits.last().unwrap()
}

async fn booked(mesh: &Mesh, number: u32) -> String {
    let id = mesh.place(on_account(number)).await;
    let order = mesh.until_state(&id, OrderState::Booked).await;
    assert!(order.credit_checks.iter().all(|check| check.verdict() == CreditVerdict::Within), "{order:?}");
    id
}

/// Who is let through: an order that is booked, or the last edit of one that is done.
async fn go_on(mesh: &Mesh, order: &str, edited: &str) -> (bool, bool) {
    let decided = |order: &Order| matches!(order.state(), OrderState::Booked | OrderState::Held);
    let order = mesh.until(order, decided).await.pop().unwrap();
    (order.state() == OrderState::Booked, last(&ended(mesh, edited, 1).await).state() == EditState::Done)
}

#[tokio::test]
async fn an_edit_that_there_is_room_for_comes_about_and_counts_for_the_next() {
    let mesh = mesh(2 * ONE + TWO_MORE - 1, OnSilence::Wait).await;
    let id = booked(&mesh, 1001).await;
    edit(&mesh, &id, "e-1", "8").await;
    let order = ended(&mesh, &id, 1).await;
    let check = &last(&order).credit_checks[0];
    assert_eq!((last(&order).state(), check.verdict()), (EditState::Done, CreditVerdict::Within));
    assert_eq!((check.order.clone(), check.unbilled_orders.clone()), (Some(gbp(TWO_MORE)), Some(gbp(ONE))));
    assert_eq!((order.total, order.credit_checks.len()), (Some(gbp(ONE + TWO_MORE)), 1));
    held(&mesh, 1002).await;
}

#[tokio::test]
async fn an_edit_without_room_is_refused_with_every_number_and_may_be_asked_again_once_there_is() {
    let mesh = mesh(ONE + TWO_MORE - 10, OnSilence::Wait).await;
    let id = booked(&mesh, 1001).await;
    edit(&mesh, &id, "e-1", "8").await;
    let order = ended(&mesh, &id, 1).await;
    assert_eq!(
        (last(&order).state(), last(&order).credit_checks[0].verdict()),
        (EditState::Failed, CreditVerdict::OverLimit)
    );
    assert_eq!(
        last(&order).outcome,
        "CREDIT: limit 40.64 GBP, balance 0.00 GBP, unbilled 35.64 GBP, edit 1 adds 5.10 GBP: 0.10 GBP over the limit; edit it again once there is room"
    );
    assert_eq!((order.state(), &order.total, order.holds.len()), (OrderState::Booked, &Some(gbp(ONE)), 0));
    assert_eq!((order.lines[0].quantity.as_str(), mesh.erp.books().change_calls), ("6", 0));
    assert_eq!(mesh.stock.state(&format!("{id}/e1")), None, "nothing was promised for it");
    mesh.erp.books().credit.paid = 10;
    edit(&mesh, &id, "e-2", "8").await;
    assert_eq!(last(&ended(&mesh, &id, 2).await).state(), EditState::Done);
    assert_eq!(mesh.stock.state(&format!("{id}/e2")), Some(ReservationState::Confirmed));
}

#[tokio::test]
async fn of_two_edits_at_once_for_the_last_room_one_comes_about_and_the_other_is_told() {
    let mesh = mesh(2 * ONE + TWO_MORE + 100, OnSilence::Wait).await;
    let (left, right) = (booked(&mesh, 1001).await, booked(&mesh, 1002).await);
    tokio::join!(edit(&mesh, &left, "e-1", "8"), edit(&mesh, &right, "e-2", "8"));
    let (one, other) = tokio::join!(ended(&mesh, &left, 1), ended(&mesh, &right, 1));
    let done = [&one, &other].iter().filter(|order| last(order).state() == EditState::Done).count();
    assert_eq!((done, mesh.erp.books().change_calls), (1, 1), "{:?} {:?}", one.edits, other.edits);
    let refused = if last(&one).state() == EditState::Failed { &one } else { &other };
    assert!(last(refused).outcome.starts_with("CREDIT: limit"), "{:?}", refused.edits);
}

#[tokio::test]
async fn of_an_edit_and_an_order_at_once_one_goes_first() {
    let mesh = mesh(2 * ONE + TWO_MORE - 1, OnSilence::Wait).await;
    let id = booked(&mesh, 1001).await;
    let ((), next) = tokio::join!(edit(&mesh, &id, "e-1", "8"), mesh.place(on_account(1002)));
    let (ordered, edited) = go_on(&mesh, &next, &id).await;
    assert!(ordered != edited, "order {ordered}, edit {edited}");
}

#[tokio::test]
async fn an_edit_before_the_erp_has_the_order_counts_as_well() {
    let mesh = mesh(2 * ONE + TWO_MORE - 1, OnSilence::Wait).await;
    mesh.erp.books().closed_for_the_night = true;
    let id = mesh.place(on_account(1001)).await;
    mesh.until_state(&id, OrderState::Reserved).await;
    edit(&mesh, &id, "e-1", "8").await;
    let next = mesh.place(on_account(1002)).await;
    mesh.erp.books().closed_for_the_night = false;
    mesh.until_state(&id, OrderState::Booked).await;
    let (ordered, edited) = go_on(&mesh, &next, &id).await;
    assert!(ordered != edited, "order {ordered}, edit {edited}");
}

#[tokio::test]
async fn what_an_edit_takes_off_makes_room_for_others_once_the_erp_has_it() {
    let mesh = mesh(2 * ONE - TWO_MORE, OnSilence::Wait).await;
    let id = booked(&mesh, 1001).await;
    let next = held(&mesh, 1002).await;
    mesh.erp.books().picking = true;
    edit(&mesh, &id, "e-1", "4").await;
    assert_eq!(last(&ended(&mesh, &id, 1).await).state(), EditState::Failed);
    assert_eq!(mesh.get(&next).await.state(), OrderState::Held, "what the ERP refuses gives nothing back");
    mesh.erp.books().picking = false;
    edit(&mesh, &id, "e-2", "4").await;
    mesh.until_state(&next, OrderState::Booked).await;
    assert!(last(&mesh.get(&id).await).credit_checks.is_empty(), "nobody asks for less");
}

#[tokio::test]
async fn an_edit_whose_answer_is_lost_counts_once() {
    let mesh = mesh(2 * ONE + 2 * TWO_MORE, OnSilence::Wait).await;
    let (first, second) = (booked(&mesh, 1001).await, booked(&mesh, 1002).await);
    mesh.erp.books().change_falls_silent = true;
    edit(&mesh, &first, "e-1", "8").await;
    mesh.erp.books.until(|books| books.change_calls == 1).await;
    // The ERP has the first, which counts here as well until that is known: that refuses nobody.
    edit(&mesh, &second, "e-2", "8").await;
    assert_eq!(last(&ended(&mesh, &second, 1).await).state(), EditState::Done);
    assert_eq!(last(&ended(&mesh, &first, 1).await).state(), EditState::Done);
    edit(&mesh, &first, "e-3", "9").await;
    assert_eq!(last(&ended(&mesh, &first, 2).await).state(), EditState::Failed, "no room is left");
}

#[tokio::test]
async fn an_order_that_is_cancelled_after_an_edit_leaves_no_room_taken() {
    let mesh = mesh(ONE + TWO_MORE, OnSilence::Wait).await;
    let first = booked(&mesh, 1001).await;
    edit(&mesh, &first, "e-1", "8").await;
    assert_eq!(last(&ended(&mesh, &first, 1).await).state(), EditState::Done);
    mesh.cancel(&first).await.unwrap();
    mesh.until_state(&first, OrderState::Cancelled).await;
    let second = booked(&mesh, 1002).await;
    edit(&mesh, &second, "e-2", "8").await;
    assert_eq!(last(&ended(&mesh, &second, 1).await).state(), EditState::Done);
}

#[tokio::test]
async fn an_edit_that_lacks_stock_gives_its_room_back() {
    let mesh = mesh(2 * ONE + TWO_MORE, OnSilence::Wait).await;
    let (first, second) = (booked(&mesh, 1001).await, booked(&mesh, 1002).await);
    mesh.stock.books.open().lacking.insert("85123A".into());
    edit(&mesh, &first, "e-1", "8").await;
    assert!(last(&ended(&mesh, &first, 1).await).outcome.starts_with("INSUFFICIENT_STOCK"));
    mesh.stock.books.open().lacking.clear();
    edit(&mesh, &second, "e-2", "8").await;
    assert_eq!(last(&ended(&mesh, &second, 1).await).state(), EditState::Done);
}

#[tokio::test]
async fn an_erp_that_cannot_say_says_no_yes_to_an_edit() {
    let mesh = mesh(ONE + TWO_MORE, OnSilence::Wait).await;
    let id = booked(&mesh, 1001).await;
    let asked = mesh.erp.books().credit.asked;
    mesh.erp.books().credit.away = true;
    edit(&mesh, &id, "e-1", "8").await;
    mesh.erp.books.until(|books| books.credit.asked > asked + 2).await;
    let order = mesh.get(&id).await;
    assert_eq!(
        (last(&order).state(), last(&order).next.as_str()),
        (EditState::Open, "Its customer's credit is asked for")
    );
    assert_eq!((mesh.stock.state(&format!("{id}/e1")), mesh.erp.books().change_calls), (None, 0));
    mesh.erp.books().credit.away = false;
    assert_eq!(last(&ended(&mesh, &id, 1).await).state(), EditState::Done);
    mesh.erp.books().credit.unable = true;
    edit(&mesh, &id, "e-2", "9").await;
    let order = ended(&mesh, &id, 2).await;
    assert!(last(&order).outcome.starts_with("CREDIT_NOT_SUPPORTED: the connector of erp"), "{:?}", order.edits);
    assert!(!order.parked, "the order goes on as it was");
}

#[tokio::test]
async fn what_the_shop_has_sold_is_carried_out_counts_and_is_marked_until_a_person_has_looked_at_it() {
    let mesh = mesh(ONE + TWO_MORE - 10, OnSilence::Wait).await;
    let id = booked(&mesh, 1001).await;
    told(&mesh, standing(1, &[("91", 8), ("92", 6)], (0, ONE + TWO_MORE, 0))).await;
    let order = ended(&mesh, &id, 1).await;
    assert_eq!((last(&order).state(), last(&order).who.as_str()), (EditState::Done, "shop"));
    assert_eq!((order.total.clone(), order.state()), (Some(gbp(ONE + TWO_MORE)), OrderState::Booked));
    assert_eq!((order.holds[0].reason.as_str(), order.status.as_str()), ("CREDIT", "Over its customer's credit"));
    assert!(order.holds[0].detail.contains("0.10 GBP over the limit; it is sold already"), "{:?}", order.holds);
    let next = held(&mesh, 1002).await;
    assert_eq!(mesh.get(&next).await.credit_checks[0].unbilled_orders, Some(gbp(ONE + TWO_MORE)));
    let released = mesh.release(&id, "CREDIT").await.unwrap();
    assert!(released.holds.is_empty());
    mesh.erp.books.write(|books| books.ship(&id, &[(1, 8), (2, 6)]));
    mesh.until_state(&id, OrderState::Completed).await;
}

#[tokio::test]
async fn what_the_shop_has_sold_waits_for_no_erp_that_cannot_say() {
    let mesh = mesh(ONE + TWO_MORE, OnSilence::Wait).await;
    let id = booked(&mesh, 1001).await;
    mesh.erp.books().credit.away = true;
    told(&mesh, standing(1, &[("91", 8), ("92", 6)], (0, ONE + TWO_MORE, 0))).await;
    let order = ended(&mesh, &id, 1).await;
    assert_eq!((last(&order).state(), order.holds[0].reason.as_str()), (EditState::Done, "CREDIT"));
    assert_eq!(last(&order).credit_checks[0].verdict(), CreditVerdict::StillUnknown);
    assert_eq!(verdict(&order), CreditVerdict::Within, "that of the order is its own");
}
