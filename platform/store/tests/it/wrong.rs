//! What callers are told when the store goes wrong. The model goes wrong on command.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use retail_runtime::{Clock, Net, Rng, Runtime};
use retail_store::{
    Backend, Caller, Document as _, Draft, Durability, Error, Fate, Model, Position, Store, UpdateError,
};

use crate::bed::{Account, With as _, at, new, p};
use crate::load;

type Never = std::convert::Infallible;

fn store(model: &Model) -> Store {
    let runtime = Runtime::new("test", Clock::system(), Rng::seeded(7), Net::tcp());
    Store::over(&runtime, Arc::new(model.clone()), "test", "local")
}

fn deposit(draft: &mut Draft<Account>) -> Result<i64, Never> {
    draft.doc.balance += 1;
    Ok(draft.doc.balance)
}

/// The first commits meet these fates, all others are lucky.
fn fates(model: &Model, fates: &'static [Fate]) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    model.fate(move |_, _| fates.get(seen.fetch_add(1, Ordering::Relaxed)).copied().unwrap_or(Fate::Lucky));
    count
}

fn keyed() -> Caller {
    Caller::keyed("tester", "Deposit", "k", b"request")
}

async fn balance(store: &Store) -> i64 {
    store.read::<Account>("a").await.unwrap().map_or(0, |found| found.doc.balance)
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_the_repeat_finds_it() {
    let model = Model::new();
    fates(&model, &[Fate::AnswerLost]);
    let store = store(&model);
    assert_eq!(store.update("a", keyed(), deposit).await, Err(UpdateError::Store(Error::Unknown)));
    let again = store.update("a", keyed(), deposit).await.unwrap();
    assert_eq!((again.value, again.repeated, balance(&store).await), (1, true, 1));
}

#[tokio::test]
async fn a_lost_request_is_unknown_and_the_repeat_does_it() {
    let model = Model::new();
    fates(&model, &[Fate::RequestLost]);
    let store = store(&model);
    assert_eq!(store.update("a", keyed(), deposit).await, Err(UpdateError::Store(Error::Unknown)));
    let again = store.update("a", keyed(), deposit).await.unwrap();
    assert_eq!((again.value, again.repeated, balance(&store).await), (1, false, 1));
}

#[tokio::test]
async fn an_unknown_outcome_is_told_to_all_who_shared_the_commit() {
    let model = Model::new();
    fates(&model, &[Fate::AnswerLost]);
    let store = store(&model);
    let done = join_all((0..10).map(|_| store.update("a", Caller::Plain, deposit))).await;
    assert!(done.iter().all(|done| *done == Err(UpdateError::Store(Error::Unknown))));
    assert_eq!(balance(&store).await, 10);
}

#[tokio::test]
async fn a_conflict_runs_the_rule_again() {
    let model = Model::new();
    let commits = fates(&model, &[Fate::Conflict, Fate::Conflict, Fate::Conflict]);
    let store = store(&model);
    assert_eq!(store.update("a", Caller::Plain, deposit).await.unwrap().value, 1);
    assert_eq!(commits.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn endless_conflicts_are_given_up_and_nothing_is_changed() {
    let model = Model::new();
    model.fate(|_, _| Fate::Conflict);
    let store = store(&model);
    let partition = Account::partition("a");
    assert_eq!(store.update("a", Caller::Plain, deposit).await, Err(UpdateError::Store(Error::Conflict(partition))));
    assert_eq!((balance(&store).await, store.commits()), (0, 0));
}

#[tokio::test]
async fn a_store_that_takes_no_writes_says_so_and_changes_nothing() {
    let model = Model::new();
    fates(&model, &[Fate::Unavailable]);
    let store = store(&model);
    let refused = store.update("a", Caller::Plain, deposit).await;
    assert!(matches!(refused, Err(UpdateError::Store(Error::Unavailable(_)))));
    assert_eq!(store.update("a", Caller::Plain, deposit).await.unwrap().value, 1);
}

#[tokio::test]
async fn a_failover_that_lost_history_shows_in_the_cursor() {
    let model = Model::new();
    model.commit(p(), new().event("a", 1)).await;
    let before = model.moment();
    let mut lost = new().event("a", 2);
    lost.events[0].id = uuid::Uuid::from_u128(1);
    model.commit(p(), lost).await;
    let cursor = model.feed(p(), &Position::BEGIN, 10).await.unwrap()[1].position();
    model.return_to(before);
    assert_eq!(model.feed(p(), &cursor, 10).await, Err(Error::OutOfRange { partition: p(), sequence: 2 }));
    model.commit(p(), new().event("b", 1)).await;
    assert_eq!(model.feed(p(), &cursor, 10).await, Err(Error::OutOfRange { partition: p(), sequence: 2 }));
}

#[tokio::test]
async fn a_forgotten_commit_was_acknowledged_and_is_not_there() {
    let model = Model::new();
    fates(&model, &[Fate::Forgotten]);
    let store = store(&model);
    assert_eq!(store.update("a", Caller::Plain, deposit).await.unwrap().value, 1);
    assert_eq!(balance(&store).await, 0);
}

#[tokio::test]
async fn a_caller_that_went_away_before_its_turn_changes_nothing() {
    let store = store(&Model::new());
    {
        let mut gone = Box::pin(store.update("a", Caller::Plain, deposit));
        assert!(futures::poll!(&mut gone).is_pending());
    }
    let stays = store.update("a", Caller::Plain, deposit).await.unwrap();
    assert_eq!((stays.value, balance(&store).await), (1, 1));
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let store = store(&Model::new());
    let mut waiting = Vec::new();
    for _ in 0..4_096 {
        let mut update = Box::pin(store.update("a", Caller::Plain, deposit));
        assert!(futures::poll!(&mut update).is_pending());
        waiting.push(update);
    }
    let refused = store.update("a", Caller::Plain, deposit).await;
    assert_eq!(refused, Err(UpdateError::Store(Error::Overloaded(Account::partition("a")))));
    assert!(join_all(waiting).await.iter().all(Result::is_ok));
    assert_eq!(balance(&store).await, 4_096);
}

#[tokio::test]
async fn one_malformed_commit_does_not_spoil_those_beside_it() {
    let store = store(&Model::new());
    let monster = |draft: &mut Draft<Account>| -> Result<i64, Never> {
        draft.due(Some(at(1)));
        draft.doc.entries = vec!["x".repeat(retail_store::MAX_BODY + 1)];
        Ok(0)
    };
    let (before, huge, after) = futures::join!(
        store.update("a", Caller::Plain, deposit),
        store.update("a/huge", Caller::Plain, monster),
        store.update("a", Caller::Plain, deposit),
    );
    assert!(before.is_ok() && after.is_ok());
    assert!(matches!(huge, Err(UpdateError::Store(Error::Malformed(_)))));
    assert_eq!(balance(&store).await, 2);
}

#[tokio::test]
async fn a_commit_that_no_replica_has_is_unknown_until_one_has_it() {
    let model = Model::new();
    let store = store(&model);
    model.stall(Durability::R4);
    assert_eq!(store.update("a", keyed(), deposit).await, Err(UpdateError::Store(Error::Unknown)));
    // It is there, but nobody may be told so: a failover now would lose it.
    assert_eq!(balance(&store).await, 1);
    let again = store.update("a", keyed(), deposit).await;
    assert!(matches!(again, Err(UpdateError::Store(Error::Unavailable(_)))), "{again:?}");
    let lease = store.lease_take(p(), [1; 16], std::time::Duration::from_secs(1)).await;
    assert_eq!(lease, Err(Error::Unknown));
    model.catch_up();
    let done = store.update("a", keyed(), deposit).await.unwrap();
    assert_eq!((done.value, done.repeated, balance(&store).await), (1, true, 1));
}

#[tokio::test]
async fn an_event_that_no_replica_has_is_told_to_nobody_until_one_has_it() {
    let model = Model::new();
    let store = store(&model);
    let partition = Account::partition("a");
    store.update("a", Caller::Plain, load::deposit).await.unwrap();
    let begin = store.ends(partition).await.unwrap().begin;
    let first = store.feed(partition, &begin, 10).await.unwrap();
    model.stall(Durability::R4);
    let at = first.last().unwrap().position();
    assert_eq!(store.feed(partition, &at, 10).await, Ok(Vec::new()));
    assert_eq!(store.update("a", Caller::Plain, load::deposit).await, Err(UpdateError::Store(Error::Unknown)));
    let told = store.feed(partition, &at, 10).await;
    assert!(matches!(told, Err(Error::Unavailable(_))), "{told:?}");
    model.catch_up();
    assert_eq!(store.feed(partition, &at, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_failover_loses_what_was_unknown_and_its_repeat_does_it() {
    let model = Model::new();
    let store = store(&model);
    store.update("a", Caller::Plain, deposit).await.unwrap();
    model.stall(Durability::R5);
    assert_eq!(store.update("a", keyed(), deposit).await, Err(UpdateError::Store(Error::Unknown)));
    model.fail_over();
    assert_eq!(balance(&store).await, 1);
    let done = store.update("a", keyed(), deposit).await.unwrap();
    assert_eq!((done.value, done.repeated), (2, false));
}

#[tokio::test]
async fn a_class_that_waits_for_no_replica_acknowledges_what_a_failover_loses() {
    let model = Model::new();
    let store = store(&model);
    model.stall(Durability::R3);
    assert_eq!(store.update("a", keyed(), deposit).await.unwrap().value, 1);
    model.fail_over();
    assert_eq!(balance(&store).await, 0);
    model.stall(Durability::R1);
    assert_eq!(store.update("a", keyed(), deposit).await.unwrap().value, 1);
    model.fail_over();
    assert_eq!(balance(&store).await, 1);
}

#[tokio::test]
async fn a_relaxed_change_waits_for_no_replica() {
    let model = Model::new();
    let store = store(&model);
    model.stall(Durability::R4);
    let relaxed = |draft: &mut Draft<Account>| -> Result<(), Never> {
        draft.doc.balance = 7;
        draft.relaxed();
        Ok(())
    };
    store.step("a", None, relaxed).await.unwrap();
    model.fail_over();
    assert_eq!(balance(&store).await, 0);
}
