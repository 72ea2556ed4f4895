//! Carriers that are away, refuse, or lose their answers: nobody is told twice.

use retail_proto::messages::v1::MessageState as State;
use retail_proto::notify::v1::Occasion;

use crate::carrier::Fate;
use crate::harness::mesh;
use crate::say::{booked, shipped};

#[tokio::test]
async fn a_message_whose_outcome_nobody_knows_waits_for_a_person_alone() {
    let mesh = mesh().await;
    mesh.carrier.books.write(|post| post.fates.push_back(Fate::AnswerLost));
    mesh.orders.order(&booked(1)).await;
    mesh.orders.order(&shipped(1, &["s1"])).await;
    let unsure = mesh.until("ordered", State::Parked).await;
    assert!(unsure.cause.starts_with("OUTCOME_UNKNOWN"), "{}", unsure.cause);
    mesh.until("shipped/s1", State::Sent).await;
    assert_eq!(mesh.carrier.books.open().occasions(), [Occasion::Ordered, Occasion::Shipped]);
    assert_eq!(mesh.parked().await.len(), 1);
}

#[tokio::test]
async fn a_carrier_that_has_not_decided_is_not_asked_again() {
    let mesh = mesh().await;
    mesh.carrier.books.write(|post| post.fates.push_back(Fate::Undecided));
    mesh.orders.order(&booked(1)).await;
    mesh.until("ordered", State::Parked).await;
    assert_eq!(mesh.carrier.books.open().attempts, 1);
}

#[tokio::test]
async fn a_restart_in_the_middle_of_a_send_sends_nothing_twice() {
    let mut mesh = mesh().await;
    mesh.carrier.books.write(|post| post.fates.push_back(Fate::Hangs));
    mesh.orders.order(&booked(1)).await;
    mesh.carrier.books.until(|post| post.told.len() == 1).await;
    let in_the_middle = mesh.model.moment();
    mesh.carrier.books.write(|post| post.released = true);
    mesh.until("ordered", State::Sent).await;
    mesh.stop().await;
    // What came after the intent is lost with the process.
    mesh.model.return_to(in_the_middle);
    mesh.start().await;
    let unsure = mesh.until("ordered", State::Parked).await;
    assert!(unsure.cause.starts_with("OUTCOME_UNKNOWN"), "{}", unsure.cause);
    assert_eq!(mesh.carrier.books.open().attempts, 1);
}

#[tokio::test]
async fn a_restart_before_a_send_loses_nothing() {
    let mut mesh = mesh().await;
    mesh.carrier.books.write(|post| post.away = true);
    mesh.orders.order(&booked(1)).await;
    mesh.carrier.books.until(|post| post.attempts > 0).await;
    mesh.restart().await;
    mesh.carrier.books.write(|post| post.away = false);
    mesh.until("ordered", State::Sent).await;
    assert_eq!(mesh.carrier.books.open().told.len(), 1);
}

#[tokio::test]
async fn a_carrier_that_is_away_is_asked_again_and_holds_the_order_of_messages() {
    let mesh = mesh().await;
    mesh.carrier.books.write(|post| post.away = true);
    mesh.orders.order(&booked(1)).await;
    mesh.orders.order(&shipped(1, &["s1"])).await;
    mesh.until("shipped/s1", State::Waiting).await;
    mesh.carrier.books.until(|post| post.attempts > 1).await;
    assert!(mesh.parked().await.is_empty(), "being away parks nothing");
    mesh.carrier.books.write(|post| post.away = false);
    mesh.until("shipped/s1", State::Sent).await;
    assert_eq!(mesh.carrier.books.open().occasions(), [Occasion::Ordered, Occasion::Shipped]);
}

#[tokio::test]
async fn the_next_message_of_an_order_waits_until_the_one_before_it_has_ended() {
    let mesh = mesh().await;
    mesh.carrier.books.write(|post| post.fates.push_back(Fate::Hangs));
    mesh.orders.order(&booked(1)).await;
    mesh.carrier.books.until(|post| post.attempts == 1).await;
    mesh.orders.order(&shipped(1, &["s1"])).await;
    mesh.until("shipped/s1", State::Waiting).await;
    // Others are not held up: what comes after it is told before it.
    for number in 2..10 {
        mesh.orders.order(&booked(number)).await;
    }
    mesh.carrier.books.until(|post| post.told.len() >= 9).await;
    assert_eq!(mesh.carrier.books.open().told.iter().filter(|one| one.order_number == "#1").count(), 1);
    mesh.carrier.books.write(|post| post.released = true);
    mesh.until("shipped/s1", State::Sent).await;
    assert_eq!(mesh.carrier.books.open().told.len(), 10);
}

#[tokio::test]
async fn what_the_carrier_refuses_ends_with_its_cause_and_the_next_goes_on() {
    for reason in ["NO_ADDRESS", "ADDRESS_REFUSED", "NO_TEMPLATE", "MESSAGE_REFUSED"] {
        let mesh = mesh().await;
        mesh.carrier.books.write(|post| post.fates.push_back(Fate::Refused(reason)));
        mesh.orders.order(&booked(1)).await;
        mesh.orders.order(&shipped(1, &["s1"])).await;
        let refused = mesh.until("ordered", State::NotSent).await;
        assert!(refused.cause.starts_with(reason), "{}", refused.cause);
        mesh.until("shipped/s1", State::Sent).await;
        assert!(mesh.parked().await.is_empty(), "nobody can mend it");
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_carrier_and_not_with_the_message_waits_for_a_person() {
    let mesh = mesh().await;
    mesh.carrier.books.write(|post| post.fates.push_back(Fate::Misunderstood));
    mesh.orders.order(&booked(1)).await;
    let parked = mesh.until("ordered", State::Parked).await;
    assert!(parked.cause.starts_with("VENDOR_REFUSED_CREDENTIALS"), "{}", parked.cause);
    mesh.resume(&parked.message_id).await;
    let sent = mesh.until("ordered", State::Sent).await;
    assert_eq!((sent.message_id, sent.cause), (parked.message_id, String::new()));
}
