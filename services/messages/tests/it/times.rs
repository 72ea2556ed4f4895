//! Quiet hours, expiry, and who tells what.

use std::collections::{BTreeMap, BTreeSet};

use retail_messages::{Occasion, Quiet};
use retail_proto::messages::v1::MessageState as State;
use retail_proto::notify::v1 as notify;
use retail_runtime::config::Span;

use crate::carrier::Fate;
use crate::harness::{mesh, mesh_with};
use crate::say::{booked, cancelled, now, shipped};

/// Quiet from two hours ago until in two hours.
fn quiet() -> Quiet {
    let time = |hours: i64| {
        let at = retail_runtime::Timestamp::from_millisecond(now() + hours * 3_600_000).unwrap();
        let here = at.in_tz("UTC").unwrap();
        format!("{:02}:{:02}", here.hour(), here.minute())
    };
    Quiet { from: time(-2), until: time(2), time_zone: "UTC".into() }
}

#[tokio::test]
async fn in_quiet_hours_nobody_is_disturbed_and_afterwards_everybody_is_told() {
    let mesh = mesh_with(|shop| shop.quiet = Some(quiet())).await;
    mesh.orders.order(&booked(1)).await;
    mesh.orders.order(&shipped(1, &["s1"])).await;
    mesh.until("shipped/s1", State::Waiting).await;
    mesh.later(1);
    mesh.orders.order(&booked(2)).await;
    mesh.until_some("o-2").await;
    assert_eq!(mesh.carrier.books.open().attempts, 0);
    mesh.later(2);
    mesh.until("shipped/s1", State::Sent).await;
    mesh.carrier.books.until(|post| post.told.len() == 3).await;
    let post = mesh.carrier.books.open();
    let of_first = post.told.iter().filter(|one| one.order_number == "#1").map(notify::SendMessageRequest::occasion);
    assert_eq!(of_first.collect::<Vec<_>>(), [notify::Occasion::Ordered, notify::Occasion::Shipped]);
}

#[tokio::test]
async fn what_was_not_told_in_time_lapses_and_the_next_goes_on() {
    let mesh = mesh().await;
    mesh.carrier.books.write(|post| post.away = true);
    mesh.orders.order(&booked(1)).await;
    mesh.orders.order(&shipped(1, &["s1"])).await;
    mesh.until("shipped/s1", State::Waiting).await;
    // An order is news for two days, a parcel for three.
    mesh.later(60);
    let lapsed = mesh.until("ordered", State::Lapsed).await;
    assert!(lapsed.cause.starts_with("TOO_LATE"), "{}", lapsed.cause);
    mesh.carrier.books.write(|post| post.away = false);
    mesh.until("shipped/s1", State::Sent).await;
    assert_eq!(mesh.carrier.books.open().occasions(), [notify::Occasion::Shipped]);
}

#[tokio::test]
async fn what_is_worth_telling_for_an_hour_is_not_told_after_two() {
    let expires = BTreeMap::from([(Occasion::Ordered, Span::from_secs(3_600))]);
    let mesh = mesh_with(|shop| shop.expires = expires).await;
    mesh.carrier.books.write(|post| post.away = true);
    mesh.orders.order(&booked(1)).await;
    mesh.carrier.books.until(|post| post.attempts > 0).await;
    mesh.later(2);
    mesh.until("ordered", State::Lapsed).await;
}

#[tokio::test]
async fn what_may_have_been_sent_does_not_lapse_in_silence() {
    let mut mesh = mesh().await;
    mesh.carrier.books.write(|post| post.fates.push_back(Fate::Hangs));
    mesh.orders.order(&booked(1)).await;
    mesh.carrier.books.until(|post| post.told.len() == 1).await;
    let in_the_middle = mesh.model.moment();
    mesh.carrier.books.write(|post| post.released = true);
    mesh.until("ordered", State::Sent).await;
    mesh.stop().await;
    mesh.model.return_to(in_the_middle);
    mesh.later(60);
    mesh.start().await;
    let unsure = mesh.until("ordered", State::Parked).await;
    assert!(unsure.cause.starts_with("OUTCOME_UNKNOWN"), "{}", unsure.cause);
    // A person who lets it go on finds that it is too late.
    mesh.resume(&unsure.message_id).await;
    mesh.until("ordered", State::Lapsed).await;
    assert_eq!(mesh.carrier.books.open().attempts, 1);
}

#[tokio::test]
async fn what_the_shop_tells_is_not_told_from_here() {
    let mesh = mesh_with(|shop| shop.shop_tells = BTreeSet::from([Occasion::Shipped])).await;
    mesh.orders.order(&booked(1)).await;
    mesh.until("ordered", State::Sent).await;
    mesh.orders.order(&shipped(1, &["s1"])).await;
    mesh.orders.order(&cancelled(1)).await;
    mesh.until("cancelled", State::Sent).await;
    let facts: Vec<String> = mesh.stands().await.into_iter().map(|(fact, _)| fact).collect();
    assert_eq!(facts, ["ordered", "cancelled"]);
}

#[tokio::test]
async fn a_configuration_with_two_senders_does_not_start() {
    let mesh = mesh().await;
    let mut config = mesh.config.clone();
    let shop = config.channels.get_mut("shop").unwrap();
    shop.shop_tells = BTreeSet::from([Occasion::Shipped]);
    shop.occasions = Some(BTreeSet::from([Occasion::Shipped]));
    let refused = mesh.run(config).await.unwrap_err();
    assert!(refused.to_string().contains("shipped would be told twice"), "{refused}");
}
