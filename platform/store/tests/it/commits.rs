//! Documents, results, marks: what a commit checks and writes.

use std::time::Duration;

use retail_store::{CommitId, Marked, Outcome, RESULTS_KEPT, Refused, Version, Wanted};
use uuid::Uuid;

use crate::bed::{Bed, With as _, at, key, new, p, suite};

suite! {
    a_committed_document_reads_back_with_its_version,
    a_commit_at_another_version_conflicts_and_changes_nothing,
    a_document_that_must_not_exist_conflicts_when_it_does,
    a_document_that_was_read_and_has_changed_conflicts,
    what_was_read_before_another_wrote_counts_no_more,
    a_result_that_was_missed_before_it_was_stored_is_found,
    a_deleted_document_is_absent,
    a_commit_id_sent_again_answers_the_first_result_and_changes_nothing,
    a_commit_id_is_recognised_even_when_the_versions_no_longer_fit,
    a_commit_id_with_another_request_is_refused,
    one_known_commit_id_of_several_stops_the_commit,
    results_are_swept_after_eight_days,
    a_mark_is_set_with_the_change_it_stands_for,
    a_handled_event_changes_nothing_again,
    an_event_out_of_turn_waits,
    a_vouched_gap_is_taken,
    another_event_of_the_same_version_is_a_fork,
    marks_of_one_commit_follow_each_other,
    a_document_of_a_newer_release_is_not_overwritten,
    a_commit_that_contradicts_itself_is_refused,
    partitions_are_apart,
}

async fn a_committed_document_reads_back_with_its_version(bed: Bed) {
    bed.apply(new().write("a", 0, "one")).await;
    bed.apply(new().write("a", 1, "two")).await;
    let record = bed.record("a").await.unwrap();
    assert_eq!((record.version, record.schema, &record.body[..]), (Version(2), 1, &b"two"[..]));
    assert_eq!(bed.record("b").await, None);
}

async fn a_commit_at_another_version_conflicts_and_changes_nothing(bed: Bed) {
    bed.apply(new().write("a", 0, "one")).await;
    let stale = new().write("b", 0, "x").write("a", 5, "two").event("a", 1).keyed("k", "r", "s");
    assert_eq!(bed.commit(stale).await, Outcome::Conflict);
    assert_eq!(bed.body("a").await.unwrap(), "one");
    assert_eq!(bed.body("b").await, None);
    assert!(bed.sequences().await.is_empty());
    bed.apply(new().keyed("k", "r", "s")).await;
}

async fn a_document_that_must_not_exist_conflicts_when_it_does(bed: Bed) {
    bed.apply(new().write("a", 0, "one")).await;
    assert_eq!(bed.commit(new().write("a", 0, "other")).await, Outcome::Conflict);
}

async fn a_document_that_was_read_and_has_changed_conflicts(bed: Bed) {
    bed.apply(new().write("a", 0, "one")).await;
    let mut commit = new().write("b", 0, "x");
    commit.checks = vec![(key("a"), Version(1)), (key("nothing"), Version::ABSENT)];
    bed.apply(commit).await;
    let mut commit = new().write("b", 1, "y");
    commit.checks = vec![(key("a"), Version(2))];
    assert_eq!(bed.commit(commit).await, Outcome::Conflict);
}

async fn what_was_read_before_another_wrote_counts_no_more(bed: Bed) {
    bed.apply(new().write("a", 0, "one")).await;
    assert_eq!(bed.record("a").await.unwrap().version, Version(1));
    assert_eq!(bed.record("b").await, None);
    bed.apply(new().write("a", 1, "two").write("b", 0, "x")).await;
    assert_eq!(bed.commit(new().write("a", 1, "other")).await, Outcome::Conflict);
    let mut commit = new().write("c", 0, "y");
    commit.checks = vec![(key("b"), Version::ABSENT)];
    assert_eq!(bed.commit(commit).await, Outcome::Conflict);
    assert_eq!(bed.body("a").await.unwrap(), "two");
}

async fn a_result_that_was_missed_before_it_was_stored_is_found(bed: Bed) {
    let wanted = Wanted { results: vec![CommitId::of(&["k"])], ..Wanted::default() };
    assert_eq!(bed.backend.load(p(), wanted).await.unwrap().results, [None]);
    let commit = new().keyed("k", "request", "result");
    bed.apply(commit.clone()).await;
    assert!(matches!(bed.commit(commit).await, Outcome::Already(_)));
}

async fn a_deleted_document_is_absent(bed: Bed) {
    bed.apply(new().write("a", 0, "one")).await;
    bed.apply(new().delete("a", 1)).await;
    assert_eq!(bed.record("a").await, None);
    bed.apply(new().write("a", 0, "again")).await;
    assert_eq!(bed.record("a").await.unwrap().version, Version(1));
}

async fn a_commit_id_sent_again_answers_the_first_result_and_changes_nothing(bed: Bed) {
    let commit = new().keyed("k", "request", "result").event("a", 1);
    bed.apply(commit.clone()).await;
    let Outcome::Already(stored) = bed.commit(commit).await else { panic!("applied twice") };
    assert_eq!(stored.len(), 1);
    assert_eq!((stored[0].0, &stored[0].1.result[..]), (CommitId::of(&["k"]), &b"result"[..]));
    assert_eq!(bed.sequences().await, [1]);
}

async fn a_commit_id_is_recognised_even_when_the_versions_no_longer_fit(bed: Bed) {
    let commit = new().keyed("k", "request", "result").write("a", 0, "one");
    bed.apply(commit.clone()).await;
    assert!(matches!(bed.commit(commit).await, Outcome::Already(_)));
}

async fn a_commit_id_with_another_request_is_refused(bed: Bed) {
    bed.apply(new().keyed("k", "request", "result")).await;
    let refused = Outcome::Refused(Refused::Digest(CommitId::of(&["k"])));
    assert_eq!(bed.commit(new().keyed("k", "other", "result").write("a", 0, "x")).await, refused);
    assert_eq!(bed.record("a").await, None);
}

async fn one_known_commit_id_of_several_stops_the_commit(bed: Bed) {
    bed.apply(new().keyed("k1", "r", "first")).await;
    let both = new().keyed("k1", "r", "second").keyed("k2", "r", "second").write("a", 0, "x");
    let Outcome::Already(stored) = bed.commit(both).await else { panic!("applied") };
    assert_eq!(stored.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [CommitId::of(&["k1"])]);
    assert_eq!(bed.record("a").await, None);
    bed.apply(new().keyed("k2", "r", "third")).await;
}

async fn results_are_swept_after_eight_days(bed: Bed) {
    let day = |days: u64| at(1_000) + Duration::from_secs(days * 24 * 3600);
    let mut young = new().keyed("young", "r", "s");
    young.at = day(1);
    bed.apply(new().keyed("old", "r", "s")).await;
    bed.apply(new().keyed("older", "r", "s")).await;
    bed.apply(young).await;
    assert_eq!(bed.backend.sweep(p(), day(7), 10).await, Ok(0));
    assert_eq!(bed.backend.sweep(p(), at(1_000) + RESULTS_KEPT, 1).await, Ok(1));
    assert_eq!(bed.backend.sweep(p(), at(1_000) + RESULTS_KEPT, 10).await, Ok(1));
    assert_eq!(bed.backend.sweep(p(), at(1_000) + RESULTS_KEPT, 10).await, Ok(0));
    let results = ["old", "older", "young"].map(|name| CommitId::of(&[name])).to_vec();
    let loaded = bed.backend.load(p(), Wanted { results, ..Wanted::default() }).await.unwrap();
    assert_eq!(loaded.results.iter().map(Option::is_some).collect::<Vec<_>>(), [false, false, true]);
}

async fn a_mark_is_set_with_the_change_it_stands_for(bed: Bed) {
    bed.apply(new().mark("c", 1, 1, None).write("a", 0, "x")).await;
    let marks = vec!["c".to_owned(), "other".to_owned()];
    let loaded = bed.backend.load(p(), Wanted { marks, ..Wanted::default() }).await.unwrap();
    let mark = loaded.marks[0].unwrap();
    assert_eq!((mark.version, mark.event), (1, Uuid::from_u128(1)));
    assert_eq!(loaded.marks[1], None);
}

async fn refused_mark(bed: &Bed, version: u64, event: u128, after: Option<u64>) -> Marked {
    let outcome = bed.commit(new().write("z", 0, "x").event("z", 1).mark("c", version, event, after)).await;
    assert_eq!(bed.record("z").await, None);
    match outcome {
        Outcome::Refused(Refused::Mark { consumer, marked }) if consumer == "c" => marked,
        other => panic!("not refused by the mark: {other:?}"),
    }
}

async fn a_handled_event_changes_nothing_again(bed: Bed) {
    bed.apply(new().mark("c", 1, 1, None)).await;
    bed.apply(new().mark("c", 2, 2, None)).await;
    assert_eq!(refused_mark(&bed, 2, 2, None).await, Marked::Done);
    assert_eq!(refused_mark(&bed, 1, 1, None).await, Marked::Done);
}

async fn an_event_out_of_turn_waits(bed: Bed) {
    assert_eq!(refused_mark(&bed, 2, 2, None).await, Marked::Gap { have: 0 });
    bed.apply(new().mark("c", 1, 1, None)).await;
    assert_eq!(refused_mark(&bed, 3, 3, None).await, Marked::Gap { have: 1 });
}

async fn a_vouched_gap_is_taken(bed: Bed) {
    bed.apply(new().mark("c", 7, 7, Some(0))).await;
    bed.apply(new().mark("c", 12, 12, Some(7))).await;
    assert_eq!(refused_mark(&bed, 20, 20, Some(13)).await, Marked::Gap { have: 12 });
}

async fn another_event_of_the_same_version_is_a_fork(bed: Bed) {
    bed.apply(new().mark("c", 1, 1, None)).await;
    assert_eq!(refused_mark(&bed, 1, 99, None).await, Marked::Fork { have: Uuid::from_u128(1) });
}

async fn marks_of_one_commit_follow_each_other(bed: Bed) {
    bed.apply(new().mark("c", 1, 1, None).mark("c", 2, 2, None).mark("d", 1, 1, None)).await;
    assert_eq!(refused_mark(&bed, 2, 2, None).await, Marked::Done);
    let twice = new().mark("e", 1, 1, None).mark("e", 1, 1, None);
    assert!(matches!(bed.commit(twice).await, Outcome::Refused(Refused::Mark { .. })));
}

async fn a_document_of_a_newer_release_is_not_overwritten(bed: Bed) {
    bed.apply(new().write_schema("a", 0, 2)).await;
    assert_eq!(bed.commit(new().write_schema("a", 1, 1)).await, Outcome::Refused(Refused::Schema(key("a"))));
    bed.apply(new().write_schema("a", 1, 2)).await;
    bed.apply(new().write_schema("a", 2, 3)).await;
}

async fn a_commit_that_contradicts_itself_is_refused(bed: Bed) {
    let twice = new().write("a", 0, "x").write("a", 1, "y");
    assert!(matches!(bed.commit(twice).await, Outcome::Refused(Refused::Malformed(_))));
    let mut still = new().write("a", 0, "x");
    still.writes[0].version = Version(0);
    assert!(matches!(bed.commit(still).await, Outcome::Refused(Refused::Malformed(_))));
    let id_twice = new().keyed("k", "r", "s").keyed("k", "r", "s");
    assert!(matches!(bed.commit(id_twice).await, Outcome::Refused(Refused::Malformed(_))));
    let long = new().write(&"x".repeat(2_000), 0, "x");
    assert!(matches!(bed.commit(long).await, Outcome::Refused(Refused::Malformed(_))));
    assert_eq!(bed.record("a").await, None);
}

async fn partitions_are_apart(bed: Bed) {
    let other = retail_store::Partition::new(8).unwrap();
    bed.apply(new().write("a", 0, "here").event("a", 1)).await;
    let there = bed.backend.commit(other, new().write("a", 0, "there").event("a", 1)).await;
    assert_eq!(there, Outcome::Committed { first_sequence: 1 });
    assert_eq!(bed.body("a").await.unwrap(), "here");
    assert_eq!(bed.sequences().await, [1]);
}
