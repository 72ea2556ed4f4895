//! Events that come again, that are trimmed, that are from before the switch.

use retail_proto::messages::v1::MessageState as State;
use retail_proto::notify::v1::Occasion;
use retail_proto::orders::v1::Order;
use retail_proto::timestamp;

use crate::harness::mesh;
use crate::say::{booked, cancelled, now, shipped};

#[tokio::test]
async fn nothing_is_told_of_what_happened_before_it_was_switched_on() {
    let mut mesh = mesh().await;
    mesh.stop().await;
    // Another store: this one never knew of anything, and the feed has it all.
    mesh.orders.order(&booked(1)).await;
    mesh.orders.order(&shipped(1, &["s1"])).await;
    mesh.model = std::sync::Arc::new(retail_store::Model::new());
    mesh.start().await;
    mesh.orders.order(&shipped(1, &["s1", "s2"])).await;
    mesh.until("shipped/s2", State::Sent).await;
    assert_eq!(mesh.stands().await, [("shipped/s2".to_owned(), State::Sent)]);
}

#[tokio::test]
async fn an_adopted_order_is_told_only_what_happens_after_it_is_ours() {
    let mesh = mesh().await;
    mesh.orders.order(&Order { adopted: true, ..shipped(1, &["s1"]) }).await;
    mesh.orders.order(&shipped(1, &["s1"])).await;
    mesh.orders.order(&shipped(1, &["s1", "s2"])).await;
    mesh.until("shipped/s2", State::Sent).await;
    assert_eq!(mesh.carrier.books.open().told.len(), 1);
}

#[tokio::test]
async fn events_that_come_again_after_a_crash_are_told_once() {
    let mut mesh = mesh().await;
    mesh.orders.order(&booked(1)).await;
    let unacknowledged = mesh.orders.model.moment();
    mesh.until("ordered", State::Sent).await;
    mesh.stop().await;
    mesh.orders.model.return_to(unacknowledged);
    mesh.start().await;
    mesh.orders.order(&shipped(1, &["s1"])).await;
    mesh.until("shipped/s1", State::Sent).await;
    assert_eq!(mesh.carrier.books.open().occasions(), [Occasion::Ordered, Occasion::Shipped]);
}

#[tokio::test]
async fn what_a_trimmed_feed_has_lost_is_told_from_the_owners_list_once() {
    let mut mesh = mesh().await;
    mesh.orders.order(&booked(1)).await;
    mesh.until("ordered", State::Sent).await;
    mesh.stop().await;
    mesh.orders.order(&shipped(1, &["s1"])).await;
    // Placed while this service was down: nothing of it can be from before the switch.
    mesh.orders.order(&Order { placed_at: Some(timestamp(now())), ..cancelled(2) }).await;
    // Placed long ago, and never heard of: it may have been cancelled before the switch.
    mesh.orders.order(&cancelled(3)).await;
    mesh.orders.order(&cancelled(3)).await;
    mesh.orders.forget().await;
    mesh.start().await;
    mesh.until("shipped/s1", State::Sent).await;
    mesh.carrier.books.until(|post| post.told.len() == 3).await;
    mesh.orders.order(&shipped(1, &["s1", "s2"])).await;
    mesh.until("shipped/s2", State::Sent).await;
    let post = mesh.carrier.books.open();
    let mut told: Vec<_> = post.told.iter().map(|one| (one.order_number.as_str(), one.occasion())).collect();
    told.sort();
    let shipped = ("#1", Occasion::Shipped);
    assert_eq!(told, [("#1", Occasion::Ordered), shipped, shipped, ("#2", Occasion::Cancelled)]);
}

#[tokio::test]
async fn an_event_that_nobody_can_read_parks_its_order_alone() {
    let mesh = mesh().await;
    mesh.orders.nonsense("o-2").await;
    mesh.orders.order(&booked(1)).await;
    mesh.until("ordered", State::Sent).await;
    let parked = mesh.parked().await;
    assert_eq!(parked.len(), 1);
    assert!(parked[0].0 == "orders order/o-2" && parked[0].1.starts_with("EVENT_BROKEN"), "{parked:?}");
}
