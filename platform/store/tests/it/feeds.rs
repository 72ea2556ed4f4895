//! Feeds, groups and trimming.

use std::time::Duration;

use bytes::Bytes;
use retail_runtime::Timestamp;
use retail_store::{Error, GroupOp, Offset, Position, SILENCE, Trim, Trimmed};
use uuid::Uuid;

use crate::bed::{Bed, With as _, at, key, new, p, suite};

suite! {
    events_get_a_gapless_sequence_in_their_order,
    an_event_comes_back_as_it_was_written,
    a_feed_is_read_page_by_page,
    a_cursor_of_another_history_is_out_of_range,
    a_cursor_beyond_the_end_is_out_of_range,
    a_new_group_starts_at_the_oldest_event,
    an_acknowledgement_moves_the_group_forward_and_never_back,
    an_acknowledgement_of_another_event_is_out_of_range,
    a_group_that_was_never_declared_is_unknown,
    declaring_a_known_group_changes_nothing,
    a_feed_is_trimmed_by_the_slowest_declared_group,
    a_group_that_is_not_declared_holds_nothing_back,
    a_declared_group_that_is_not_known_yet_holds_everything,
    trimming_stops_at_its_limit_and_at_young_events,
    a_cursor_before_what_was_trimmed_is_out_of_range,
    the_oldest_place_left_can_be_read_from,
    a_silent_group_is_expired_and_must_resync,
    a_silent_group_that_has_seen_everything_is_not_expired,
    a_group_that_shows_life_is_not_expired,
    sequences_go_on_after_everything_was_trimmed,
    followers_hear_of_events_and_due_entries,
    a_group_lags_by_what_it_has_not_acknowledged,
    an_expired_group_lags_by_all_it_missed,
}

async fn five(bed: &Bed) -> Vec<Position> {
    for version in 1..=5 {
        bed.apply(new().event("a", version)).await;
    }
    positions(bed).await
}

async fn positions(bed: &Bed) -> Vec<Position> {
    let begin = bed.backend.ends(p()).await.unwrap().begin;
    bed.backend.feed(p(), &begin, 100).await.unwrap().iter().map(retail_store::Entry::position).collect()
}

async fn group(bed: &Bed, op: GroupOp, now: Timestamp) -> Result<Offset, Error> {
    bed.backend.group(p(), "g", op, now).await
}

async fn declare(bed: &Bed) -> Offset {
    group(bed, GroupOp::Declare, at(1_000)).await.unwrap()
}

async fn trim(bed: &Bed, groups: &[&str], now: Timestamp, keep: u64, limit: usize) -> Trimmed {
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    bed.backend.trim(p(), Trim { groups, now, keep: Duration::from_secs(keep), limit }).await.unwrap()
}

fn out_of_range(sequence: u64) -> Error {
    Error::OutOfRange { partition: p(), sequence }
}

async fn events_get_a_gapless_sequence_in_their_order(bed: Bed) {
    assert_eq!(bed.apply(new().event("a", 1).event("b", 1)).await, 1);
    assert_eq!(bed.apply(new().write("x", 0, "no event")).await, 3);
    assert_eq!(bed.apply(new().event("a", 2)).await, 3);
    let feed = bed.feed(Position::BEGIN).await;
    let seen = feed.iter().map(|(at, event)| (*at, event.subject.id(), event.version)).collect::<Vec<_>>();
    assert_eq!(seen, [(1, "a", 1), (2, "b", 1), (3, "a", 2)]);
    let ends = bed.backend.ends(p()).await.unwrap();
    assert_eq!((ends.begin, ends.end.sequence, ends.end.event), (Position::BEGIN, 3, Some(feed[2].1.id)));
}

async fn an_event_comes_back_as_it_was_written(bed: Bed) {
    let mut commit = new().event("a", 1);
    let event = &mut commit.events[0];
    event.id = Uuid::from_u128(77);
    event.kind = "retail.test.v1.Opened".into();
    event.subject = key("with/slashes/ä");
    event.time = Timestamp::new(1_234_567, 890_123_456).unwrap();
    event.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into();
    event.body = Bytes::from_static(&[0, 255, 1]);
    let written = event.clone();
    bed.apply(commit).await;
    assert_eq!(bed.feed(Position::BEGIN).await, [(1, written)]);
}

async fn a_feed_is_read_page_by_page(bed: Bed) {
    five(&bed).await;
    let (mut at, mut seen) = (Position::BEGIN, Vec::new());
    loop {
        let page = bed.backend.feed(p(), &at, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        at = last.position();
        seen.push(page.len());
    }
    assert_eq!((seen, at.sequence), (vec![2, 2, 1], 5));
}

async fn a_cursor_of_another_history_is_out_of_range(bed: Bed) {
    five(&bed).await;
    let forked = Position { sequence: 3, event: Some(Uuid::from_u128(404)) };
    assert_eq!(bed.backend.feed(p(), &forked, 10).await, Err(out_of_range(3)));
    assert_eq!(bed.backend.feed(p(), &Position { sequence: 3, event: None }, 10).await, Err(out_of_range(3)));
}

async fn a_cursor_beyond_the_end_is_out_of_range(bed: Bed) {
    let last = five(&bed).await[4];
    let beyond = Position { sequence: 6, ..last };
    assert_eq!(bed.backend.feed(p(), &beyond, 10).await, Err(out_of_range(6)));
    assert_eq!(bed.backend.feed(p(), &last, 10).await, Ok(Vec::new()));
}

async fn a_new_group_starts_at_the_oldest_event(bed: Bed) {
    five(&bed).await;
    trim(&bed, &[], at(5_000), 0, 2).await;
    assert_eq!(declare(&bed).await.position.sequence, 2);
}

async fn an_acknowledgement_moves_the_group_forward_and_never_back(bed: Bed) {
    let at_event = five(&bed).await;
    declare(&bed).await;
    let moved = group(&bed, GroupOp::Acknowledge(at_event[2]), at(1_001)).await.unwrap();
    assert_eq!((moved.position, moved.seen), (at_event[2], at(1_001)));
    let back = group(&bed, GroupOp::Acknowledge(at_event[0]), at(1_002)).await.unwrap();
    assert_eq!((back.position, back.seen), (at_event[2], at(1_002)));
    assert_eq!(bed.backend.offset(p(), "g").await, Ok(Some(back)));
}

async fn an_acknowledgement_of_another_event_is_out_of_range(bed: Bed) {
    let last = five(&bed).await[4];
    declare(&bed).await;
    let forked = Position { sequence: 3, event: Some(Uuid::from_u128(404)) };
    assert_eq!(group(&bed, GroupOp::Acknowledge(forked), at(1)).await, Err(out_of_range(3)));
    let beyond = Position { sequence: 9, ..last };
    assert_eq!(group(&bed, GroupOp::Acknowledge(beyond), at(1)).await, Err(out_of_range(9)));
    assert_eq!(bed.backend.offset(p(), "g").await.unwrap().unwrap().position, Position::BEGIN);
}

async fn a_group_that_was_never_declared_is_unknown(bed: Bed) {
    assert_eq!(bed.backend.offset(p(), "g").await, Ok(None));
    assert_eq!(group(&bed, GroupOp::Touch, at(1)).await, Err(Error::NoSuchGroup("g".into())));
}

async fn declaring_a_known_group_changes_nothing(bed: Bed) {
    let at_event = five(&bed).await;
    declare(&bed).await;
    let moved = group(&bed, GroupOp::Acknowledge(at_event[1]), at(1_001)).await.unwrap();
    assert_eq!(declare(&bed).await, moved);
}

async fn a_feed_is_trimmed_by_the_slowest_declared_group(bed: Bed) {
    let at_event = five(&bed).await;
    declare(&bed).await;
    bed.backend.group(p(), "fast", GroupOp::Declare, at(1_000)).await.unwrap();
    bed.backend.group(p(), "fast", GroupOp::Acknowledge(at_event[4]), at(1_000)).await.unwrap();
    assert_eq!(trim(&bed, &["g", "fast"], at(2_000), 0, 10).await.removed, 0);
    group(&bed, GroupOp::Acknowledge(at_event[2]), at(1_001)).await.unwrap();
    assert_eq!(trim(&bed, &["g", "fast"], at(2_000), 0, 10).await.removed, 3);
    assert_eq!(bed.sequences().await, [4, 5]);
}

async fn a_group_that_is_not_declared_holds_nothing_back(bed: Bed) {
    five(&bed).await;
    declare(&bed).await;
    assert_eq!(trim(&bed, &[], at(2_000), 0, 10).await.removed, 5);
}

async fn a_declared_group_that_is_not_known_yet_holds_everything(bed: Bed) {
    five(&bed).await;
    assert_eq!(trim(&bed, &["g"], at(2_000), 0, 10).await, Trimmed::default());
}

async fn trimming_stops_at_its_limit_and_at_young_events(bed: Bed) {
    five(&bed).await;
    assert_eq!(trim(&bed, &[], at(1_500), 1_000, 10).await.removed, 0);
    assert_eq!(trim(&bed, &[], at(2_000), 1_000, 2).await.removed, 2);
    assert_eq!(trim(&bed, &[], at(2_000), 1_000, 10).await.removed, 3);
}

async fn a_cursor_before_what_was_trimmed_is_out_of_range(bed: Bed) {
    let at_event = five(&bed).await;
    trim(&bed, &[], at(2_000), 0, 3).await;
    assert_eq!(bed.backend.feed(p(), &Position::BEGIN, 10).await, Err(out_of_range(0)));
    assert_eq!(bed.backend.feed(p(), &at_event[1], 10).await, Err(out_of_range(2)));
}

async fn the_oldest_place_left_can_be_read_from(bed: Bed) {
    let at_event = five(&bed).await;
    trim(&bed, &[], at(2_000), 0, 3).await;
    let begin = bed.backend.ends(p()).await.unwrap().begin;
    assert_eq!(begin, at_event[2]);
    assert_eq!(bed.sequences().await, [4, 5]);
    let forked = Position { event: Some(Uuid::from_u128(404)), ..begin };
    assert_eq!(bed.backend.feed(p(), &forked, 10).await, Err(out_of_range(3)));
}

async fn a_silent_group_is_expired_and_must_resync(bed: Bed) {
    let at_event = five(&bed).await;
    declare(&bed).await;
    let late = at(1_001) + SILENCE;
    let trimmed = trim(&bed, &["g"], late, 0, 10).await;
    assert_eq!((trimmed.removed, trimmed.expired), (5, vec!["g".to_owned()]));
    assert!(bed.backend.offset(p(), "g").await.unwrap().unwrap().expired);
    assert_eq!(trim(&bed, &["g"], late, 0, 10).await.expired, Vec::<String>::new());
    assert_eq!(group(&bed, GroupOp::Acknowledge(at_event[4]), late).await, Err(out_of_range(5)));
    let revived = group(&bed, GroupOp::Reset(at_event[4]), late).await.unwrap();
    assert_eq!((revived.expired, revived.position), (false, at_event[4]));
    group(&bed, GroupOp::Acknowledge(at_event[4]), late).await.unwrap();
}

async fn a_silent_group_that_has_seen_everything_is_not_expired(bed: Bed) {
    let at_event = five(&bed).await;
    declare(&bed).await;
    group(&bed, GroupOp::Acknowledge(at_event[4]), at(1_000)).await.unwrap();
    assert!(trim(&bed, &["g"], at(1_001) + SILENCE, 0, 10).await.expired.is_empty());
}

async fn a_group_that_shows_life_is_not_expired(bed: Bed) {
    five(&bed).await;
    declare(&bed).await;
    group(&bed, GroupOp::Touch, at(2_000)).await.unwrap();
    assert_eq!(trim(&bed, &["g"], at(1_001) + SILENCE, 0, 10).await, Trimmed::default());
}

async fn sequences_go_on_after_everything_was_trimmed(bed: Bed) {
    five(&bed).await;
    assert_eq!(trim(&bed, &[], at(2_000), 0, 10).await.removed, 5);
    assert!(bed.sequences().await.is_empty());
    assert_eq!(bed.apply(new().event("a", 6)).await, 6);
    assert_eq!(bed.sequences().await, [6]);
}

async fn followers_hear_of_events_and_due_entries(bed: Bed) {
    let (mut here, mut any) = (bed.backend.hints().partition(p()), bed.backend.hints().any());
    bed.apply(new().event("a", 1)).await;
    here.wait().await;
    // A server that was just connected to may have said anything before.
    assert!(any.wait().await.contains(&p()));
    let mut due = new();
    due.due = vec![(key("a"), Some(at(5)))];
    bed.apply(due).await;
    here.wait().await;
    assert!(any.wait().await.contains(&p()));
}

async fn lag(bed: &Bed) -> Vec<(u64, Option<Timestamp>, bool)> {
    let lags = bed.store().lag("g").await.unwrap();
    assert!(lags.iter().all(|lag| lag.partition == p() && lag.group == "g"));
    lags.into_iter().map(|lag| (lag.entries, lag.oldest, lag.expired)).collect()
}

async fn a_group_lags_by_what_it_has_not_acknowledged(bed: Bed) {
    assert_eq!(lag(&bed).await, []);
    declare(&bed).await;
    assert_eq!(lag(&bed).await, [(0, None, false)]);
    for version in 1..=3 {
        let mut commit = new().event("a", version);
        commit.events[0].time = at(i64::try_from(version).unwrap());
        bed.apply(commit).await;
    }
    assert_eq!(lag(&bed).await, [(3, Some(at(1)), false)]);
    let place = positions(&bed).await[1];
    group(&bed, GroupOp::Acknowledge(place), at(1_000)).await.unwrap();
    assert_eq!(lag(&bed).await, [(1, Some(at(3)), false)]);
}

async fn an_expired_group_lags_by_all_it_missed(bed: Bed) {
    declare(&bed).await;
    five(&bed).await;
    let later = at(1_000) + SILENCE + Duration::from_secs(1);
    assert_eq!(trim(&bed, &["g"], later, 0, 3).await.removed, 3);
    assert_eq!(lag(&bed).await, [(5, Some(at(1_000)), true)]);
}
