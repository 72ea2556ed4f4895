//! What people do with messages.

use retail_proto::messages::v1::{ListMessagesRequest, MessageState as State};
use retail_proto::notify::v1::Occasion;

use crate::carrier::Fate;
use crate::harness::{Mesh, mesh};
use crate::say::{booked, cancelled, shipped};

async fn unsure() -> (Mesh, String) {
    let mesh = mesh().await;
    mesh.carrier.books.write(|post| post.fates.push_back(Fate::AnswerLost));
    mesh.orders.order(&booked(1)).await;
    let id = mesh.until("ordered", State::Parked).await.message_id;
    (mesh, id)
}

#[tokio::test]
async fn a_person_who_has_looked_lets_it_go_again() {
    let (mesh, id) = unsure().await;
    mesh.resume(&id).await;
    let sent = mesh.until("ordered", State::Sent).await;
    assert_eq!(sent.message_id, id, "the same message, under the same id");
    let post = mesh.carrier.books.open();
    assert_eq!(post.told[0].external_ref, post.told[1].external_ref);
}

#[tokio::test]
async fn a_person_who_has_looked_ends_it() {
    let (mesh, id) = unsure().await;
    let ended = mesh.cancel("k1", &id).await.unwrap();
    assert_eq!(ended.state(), State::Cancelled);
    assert!(ended.cause.ends_with("told by phone"), "{}", ended.cause);
    assert_eq!(mesh.cancel("k1", &id).await.unwrap(), ended, "the same request again");
    mesh.orders.order(&shipped(1, &["s1"])).await;
    mesh.until("shipped/s1", State::Sent).await;
    assert_eq!(mesh.carrier.books.open().occasions(), [Occasion::Ordered, Occasion::Shipped]);
    assert!(mesh.parked().await.is_empty());
    assert_eq!(mesh.resend("k2", &id).await.unwrap().resend_of, id, "an ended one may be told again");
}

#[tokio::test]
async fn a_message_that_is_told_again_is_another_one_and_told_once() {
    let mesh = mesh().await;
    mesh.orders.order(&booked(1)).await;
    let first = mesh.until("ordered", State::Sent).await;
    let again = mesh.resend("k1", &first.message_id).await.unwrap();
    assert_ne!(again.message_id, first.message_id);
    assert_eq!(mesh.resend("k1", &first.message_id).await.unwrap().message_id, again.message_id);
    mesh.carrier.books.until(|post| post.told.len() == 2).await;
    mesh.orders.order(&shipped(1, &["s1"])).await;
    mesh.until("shipped/s1", State::Sent).await;
    let post = mesh.carrier.books.open();
    assert_eq!(post.occasions(), [Occasion::Ordered, Occasion::Ordered, Occasion::Shipped]);
    assert_ne!(post.told[0].external_ref, post.told[1].external_ref);
}

#[tokio::test]
async fn nobody_can_be_told_again_what_is_no_longer_true() {
    let mesh = mesh().await;
    mesh.orders.order(&booked(1)).await;
    let first = mesh.until("ordered", State::Sent).await;
    mesh.orders.order(&cancelled(1)).await;
    mesh.until("cancelled", State::Sent).await;
    mesh.resend("k1", &first.message_id).await.unwrap();
    mesh.until("ordered", State::Skipped).await;
    assert_eq!(mesh.carrier.books.open().told.len(), 2);
}

#[tokio::test]
async fn what_has_not_ended_is_not_told_again_and_what_has_ended_is_not_cancelled() {
    let (mesh, id) = unsure().await;
    assert_eq!(mesh.resend("k1", &id).await.unwrap_err().reason(), "MESSAGE_NOT_ENDED");
    mesh.resume(&id).await;
    mesh.until("ordered", State::Sent).await;
    assert_eq!(mesh.cancel("k2", &id).await.unwrap_err().reason(), "MESSAGE_ENDED");
    assert_eq!(mesh.cancel("k3", "nobody").await.unwrap_err().reason(), "NO_SUCH_MESSAGE");
    assert_eq!(mesh.resend("k4", "nobody").await.unwrap_err().reason(), "NO_SUCH_MESSAGE");
}

#[tokio::test]
async fn what_is_being_handed_over_is_not_cancelled() {
    let mesh = mesh().await;
    mesh.carrier.books.write(|post| post.fates.push_back(Fate::Hangs));
    mesh.orders.order(&booked(1)).await;
    mesh.carrier.books.until(|post| post.told.len() == 1).await;
    let id = mesh.until("ordered", State::Waiting).await.message_id;
    assert_eq!(mesh.cancel("k1", &id).await.unwrap_err().reason(), "MESSAGE_BEING_SENT");
    mesh.carrier.books.write(|post| post.released = true);
    mesh.until("ordered", State::Sent).await;
}

#[tokio::test]
async fn a_waiting_message_that_is_cancelled_lets_the_next_one_go() {
    let mesh = mesh().await;
    mesh.carrier.books.write(|post| post.away = true);
    mesh.orders.order(&booked(1)).await;
    mesh.orders.order(&shipped(1, &["s1"])).await;
    mesh.carrier.books.until(|post| post.attempts > 0).await;
    let id = mesh.until("ordered", State::Waiting).await.message_id;
    // Between two attempts: during one it would be refused.
    while mesh.cancel("k1", &id).await.is_err() {}
    mesh.carrier.books.write(|post| post.away = false);
    mesh.until("shipped/s1", State::Sent).await;
    assert_eq!(mesh.carrier.books.open().occasions(), [Occasion::Shipped]);
}

#[tokio::test]
async fn messages_are_found_by_order_and_by_state_page_by_page() {
    let mesh = mesh().await;
    mesh.orders.order(&booked(1)).await;
    mesh.orders.order(&shipped(1, &["s1", "s2"])).await;
    mesh.until("shipped/s2", State::Sent).await;
    let of_order = |order_id: &str| ListMessagesRequest { order_id: order_id.into(), ..Default::default() };
    assert_eq!(mesh.list(of_order("o-1")).await.len(), 3);
    assert!(mesh.list(of_order("o-2")).await.is_empty());
    let sent = ListMessagesRequest { state: i32::from(State::Sent), page_size: 2, ..Default::default() };
    assert_eq!(mesh.list(sent).await.len(), 2);
    let waiting = ListMessagesRequest { state: i32::from(State::Waiting), ..Default::default() };
    assert!(mesh.list(waiting).await.is_empty());
}
