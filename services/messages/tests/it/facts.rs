//! Each fact is told once, in the order in which it happened.

use retail_proto::messages::v1::MessageState as State;
use retail_proto::notify::v1::Occasion;
use retail_proto::orders::v1::{Order, PickupStage, Refund};
use retail_proto::returns::v1::Return;

use crate::harness::mesh;
use crate::say::{authorized, booked, cancelled, gbp, pickup, refunded, shipped};

#[tokio::test]
async fn an_order_is_told_from_its_booking_to_its_last_parcel() {
    let mesh = mesh().await;
    mesh.orders.order(&booked(1)).await;
    mesh.orders.order(&shipped(1, &["s1"])).await;
    mesh.orders.order(&shipped(1, &["s1", "s2"])).await;
    mesh.until("shipped/s2", State::Sent).await;
    let facts: Vec<String> = mesh.stands().await.into_iter().map(|(fact, _)| fact).collect();
    assert_eq!(facts.len(), 3);
    let post = mesh.carrier.books.open();
    assert_eq!(post.occasions(), [Occasion::Ordered, Occasion::Shipped, Occasion::Shipped]);
    let told = &post.told[0];
    assert_eq!((told.instance.as_str(), told.order_number.as_str()), ("mail", "#1"));
    assert_eq!(told.recipient.as_ref().unwrap().email, "ada@example.com");
}

#[tokio::test]
async fn a_new_version_that_says_nothing_new_is_told_to_nobody() {
    let mesh = mesh().await;
    for _ in 0..3 {
        mesh.orders.order(&booked(1)).await;
    }
    mesh.until("ordered", State::Sent).await;
    mesh.orders.order(&cancelled(1)).await;
    mesh.until("cancelled", State::Sent).await;
    assert_eq!(mesh.carrier.books.open().occasions(), [Occasion::Ordered, Occasion::Cancelled]);
}

#[tokio::test]
async fn what_came_to_nothing_before_it_was_told_is_left_out_with_the_reason() {
    let mesh = mesh().await;
    mesh.carrier.books.write(|post| post.away = true);
    let ready = pickup(1, &[PickupStage::Ready]);
    mesh.orders.order(&ready).await;
    mesh.carrier.books.until(|post| post.attempts > 0).await;
    let mut rejected = ready;
    let held = rejected.pickup.as_mut().unwrap();
    held.set_stage(PickupStage::Rejected);
    let refund = Refund { refund_id: "f1".into(), amount: gbp(100), ..Refund::default() };
    rejected.refunds = vec![refund];
    mesh.orders.order(&rejected).await;
    mesh.until("refunded/f1", State::Waiting).await;
    mesh.carrier.books.write(|post| post.away = false);
    let skipped = mesh.until("ready/1", State::Skipped).await;
    assert_eq!(skipped.cause, "NO_LONGER_TRUE: it is rejected by the store");
    let timeline = mesh.timeline(&skipped.message_id).await;
    let said = |(what, why): &(String, String)| what == "REFUSED" && why.contains("rejected by the store");
    assert!(timeline.iter().any(said), "{timeline:?}");
    mesh.until("refunded/f1", State::Sent).await;
    assert_eq!(mesh.carrier.books.open().occasions(), [Occasion::Ordered, Occasion::Refunded]);
}

#[tokio::test]
async fn what_came_to_nothing_between_two_attempts_is_left_out_too() {
    let mesh = mesh().await;
    mesh.carrier.books.write(|post| post.away = true);
    mesh.orders.order(&booked(1)).await;
    mesh.carrier.books.until(|post| post.attempts > 0).await;
    mesh.orders.order(&cancelled(1)).await;
    mesh.until("cancelled", State::Waiting).await;
    mesh.carrier.books.write(|post| post.away = false);
    mesh.until("cancelled", State::Sent).await;
    mesh.until("ordered", State::Skipped).await;
    assert_eq!(mesh.carrier.books.open().occasions(), [Occasion::Cancelled]);
}

#[tokio::test]
async fn whoever_follows_messages_sees_each_from_its_writing_to_its_end() {
    let mesh = mesh().await;
    mesh.orders.order(&booked(1)).await;
    mesh.orders.order(&shipped(1, &["s1"])).await;
    mesh.until("shipped/s1", State::Sent).await;
    for message in mesh.list(Default::default()).await {
        let events = mesh.events(&message.message_id).await;
        let expected = [(1, "MessageWritten"), (2, "MessageWorded"), (3, "MessageSent")];
        assert_eq!(events, expected.map(|(version, kind)| (version, kind.to_owned())), "{}", message.fact);
    }
}

#[tokio::test]
async fn a_return_is_told_to_whoever_bought_it() {
    let mesh = mesh().await;
    mesh.orders.order(&booked(1)).await;
    mesh.until("ordered", State::Sent).await;
    mesh.returns.return_record(&authorized()).await;
    mesh.until("authorized", State::Sent).await;
    mesh.returns.return_record(&refunded()).await;
    mesh.until("refunded/p1", State::Sent).await;
    let post = mesh.carrier.books.open();
    let occasions = [Occasion::Ordered, Occasion::ReturnAuthorized, Occasion::ReturnReceived, Occasion::Refunded];
    assert_eq!(post.occasions(), occasions);
    let told = &post.told[1];
    assert_eq!((told.return_number.as_str(), told.order_number.as_str()), ("R-1", "#1"));
    assert_eq!(told.recipient.as_ref().unwrap().email, "ada@example.com");
}

#[tokio::test]
async fn a_return_waits_for_its_order_to_be_readable() {
    let mesh = mesh().await;
    mesh.orders.order(&booked(1)).await;
    mesh.until("ordered", State::Sent).await;
    mesh.orders.books.write(|known| known.away = true);
    mesh.returns.return_record(&authorized()).await;
    mesh.until("authorized", State::Waiting).await;
    assert!(mesh.parked().await.is_empty());
    mesh.orders.books.write(|known| known.away = false);
    mesh.until("authorized", State::Sent).await;
}

#[tokio::test]
async fn whoever_gave_no_address_is_not_told_and_nobody_is_asked() {
    let mesh = mesh().await;
    mesh.orders.order(&Order { buyer: None, ..booked(1) }).await;
    let message = mesh.until("ordered", State::NotSent).await;
    assert!(message.cause.starts_with("NO_ADDRESS"), "{}", message.cause);
    assert_eq!(mesh.carrier.books.open().attempts, 0);
}

#[tokio::test]
async fn customers_of_another_channel_are_told_nothing() {
    let mesh = mesh().await;
    mesh.orders.order(&Order { channel: "till".into(), ..booked(2) }).await;
    mesh.returns.return_record(&Return { channel: "till".into(), return_id: "r-2".into(), ..authorized() }).await;
    mesh.orders.order(&booked(1)).await;
    mesh.until("ordered", State::Sent).await;
    let all = mesh.list(Default::default()).await;
    assert!(all.iter().all(|message| message.channel == "shop"), "{all:?}");
}
