//! Strong and relaxed changes: what may be relaxed, what is refused, and what a failover does to it.

use std::sync::Arc;

use retail_runtime::config::Span;
use retail_store::{
    Caller, Document as _, Draft, Durability, Error, Fence, Mark, Marked, Model, Outcome, Redis, RedisConfig, Refused,
    Store, Strength, UpdateError,
};
use uuid::Uuid;

use crate::bed::{Account, Bed, Note, With as _, at, fresh_domain, new, runtime, suite};
use crate::load::deposit;
use crate::servers::{Kind, Server, until};

suite! {
    a_relaxed_change_is_read_back,
    a_relaxed_change_beside_a_strong_one_is_written_with_it,
    a_relaxed_change_that_others_build_on_is_refused,
    a_relaxed_commit_that_others_build_on_is_malformed,
}

type Never = std::convert::Infallible;

fn jot(text: &'static str) -> impl Fn(&mut Draft<Note>) -> Result<(), Never> + Send + 'static {
    move |draft| {
        draft.doc.text = text.to_owned();
        draft.relaxed();
        Ok(())
    }
}

async fn jotted(store: &Store, id: &str) -> Option<String> {
    store.read::<Note>(id).await.unwrap().map(|note| note.doc.text)
}

async fn a_relaxed_change_is_read_back(bed: Bed) {
    let store = bed.store();
    store.step("n", None, jot("one")).await.unwrap();
    store.step("n", None, jot("two")).await.unwrap();
    assert_eq!(jotted(&store, "n").await.as_deref(), Some("two"));
}

async fn a_relaxed_change_beside_a_strong_one_is_written_with_it(bed: Bed) {
    let store = bed.store();
    let (strong, relaxed) =
        futures::join!(store.update("n", Caller::Plain, deposit), store.step("n", None, jot("beside")));
    assert!(strong.is_ok() && relaxed.is_ok());
    assert_eq!(jotted(&store, "n").await.as_deref(), Some("beside"));
    assert_eq!(store.read::<Account>("n").await.unwrap().unwrap().doc.balance, 1);
}

async fn a_relaxed_change_that_others_build_on_is_refused(bed: Bed) {
    let store = bed.store();
    type Rule = fn(&mut Draft<Note>);
    let rules: [Rule; 3] = [
        |draft| {
            draft.emit("Jotted", vec![]);
        },
        |draft| draft.due(Some(at(1))),
        |draft| draft.mark(Mark { consumer: "c".into(), version: 1, event: Uuid::from_u128(1), after: None }),
    ];
    for rule in rules {
        let relaxed = move |draft: &mut Draft<Note>| -> Result<(), Never> {
            draft.relaxed();
            rule(draft);
            Ok(())
        };
        let refused = store.step("n", None, relaxed).await;
        assert!(matches!(refused, Err(UpdateError::Store(Error::Malformed(_)))), "{refused:?}");
    }
    let keyed = Caller::keyed("t", "Jot", "k", b"");
    let refused = store.update("n", keyed, jot("keyed")).await;
    assert!(matches!(refused, Err(UpdateError::Store(Error::Malformed(_)))), "{refused:?}");
    assert_eq!(jotted(&store, "n").await, None);
}

async fn a_relaxed_commit_that_others_build_on_is_malformed(bed: Bed) {
    let mut fenced = new().write("a", 0, "x");
    fenced.fences = vec![Fence { epoch: 1, nonce: [1; 16] }];
    let mut due = new();
    due.due = vec![(crate::bed::key("a"), Some(at(1)))];
    for mut commit in [new().event("a", 1), new().keyed("k", "r", "s"), new().mark("c", 1, 1, None), fenced, due] {
        commit.strength = Strength::Relaxed;
        let refused = bed.commit(commit).await;
        assert!(matches!(refused, Outcome::Refused(Refused::Malformed(_))), "{refused:?}");
    }
}

/// A primary whose replica can be stalled and made primary.
struct Pair {
    primary: Server,
    replica: Server,
    domain: String,
}

impl Pair {
    fn start() -> Option<Self> {
        let primary = Server::start(Kind::Valkey, &["--appendonly", "yes"])?;
        let port = primary.port().to_string();
        let replica = Server::start(Kind::Valkey, &["--appendonly", "yes", "--replicaof", "127.0.0.1", &port]).unwrap();
        until("a replica that follows", || primary.ask::<String>(&["INFO", "replication"]).contains("state=online"));
        Some(Self { primary, replica, domain: fresh_domain() })
    }

    async fn store(&self, server: &Server, class: Durability) -> Store {
        let config = RedisConfig {
            wait: Span::from_millis(50),
            // A busy machine needs its time; only what is never replicated waits it out.
            patience: Span::from_secs(4),
            ..RedisConfig::at(vec![server.address.clone()], class)
        };
        let redis = Redis::open(&runtime(), &config, &self.domain, "local").await.unwrap();
        Store::over(&runtime(), Arc::new(redis), &self.domain, "local")
    }

    /// The replica hears nothing more, however long it is asked for.
    fn stall(&self) {
        self.replica.signal("-STOP");
        self.primary.ask::<()>(&["CLIENT", "KILL", "TYPE", "replica"]);
    }

    /// The primary is gone, and the replica takes its place.
    async fn fail_over(&mut self) -> Store {
        self.primary.kill();
        self.replica.signal("-CONT");
        self.replica.ask::<()>(&["REPLICAOF", "NO", "ONE"]);
        self.store(&self.replica, Durability::R1).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relaxed_change_on_redis_waits_for_no_replica_and_a_failover_may_lose_it() {
    let Some(mut pair) = Pair::start() else { return };
    let store = pair.store(&pair.primary, Durability::R4).await;
    store.step("n", None, jot("replicated")).await.unwrap();
    // A strong change behind it takes it along.
    store.update("n", Caller::Plain, deposit).await.unwrap();
    pair.stall();
    store.step("n", None, jot("alone")).await.unwrap();
    assert_eq!(jotted(&store, "n").await.as_deref(), Some("alone"));
    assert_eq!(store.update("n", Caller::Plain, deposit).await, Err(UpdateError::Store(Error::Unknown)));
    let store = pair.fail_over().await;
    assert_eq!(jotted(&store, "n").await.as_deref(), Some("replicated"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_on_redis_is_told_when_a_replica_has_it() {
    let Some(pair) = Pair::start() else { return };
    let store = pair.store(&pair.primary, Durability::R4).await;
    let partition = Account::partition("a");
    store.update("a", Caller::Plain, deposit).await.unwrap();
    let begin = store.ends(partition).await.unwrap().begin;
    let at = store.feed(partition, &begin, 10).await.unwrap().last().unwrap().position();
    pair.stall();
    assert_eq!(store.feed(partition, &at, 10).await, Ok(Vec::new()));
    assert_eq!(store.update("a", Caller::Plain, deposit).await, Err(UpdateError::Store(Error::Unknown)));
    let told = store.feed(partition, &at, 10).await;
    assert!(matches!(told, Err(Error::Unavailable(_))), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledgement_that_a_failover_lost_brings_its_events_again_and_each_has_its_effect_once() {
    let Some(mut pair) = Pair::start() else { return };
    let owner = pair.store(&pair.primary, Durability::R4).await;
    let consumer = Store::over(&runtime(), Arc::new(Model::new()), "consumer", "local");
    let partition = Account::partition("a");
    owner.declare(partition, "g").await.unwrap();
    for _ in 0..3 {
        owner.update("a", Caller::Plain, deposit).await.unwrap();
    }
    assert_eq!(take(&owner, &consumer).await, [Ok(1), Ok(2), Ok(3)]);
    pair.stall();
    // It is answered though no replica has it.
    let end = owner.ends(partition).await.unwrap().end;
    assert_eq!(owner.acknowledge(partition, "g", end).await.unwrap().position, end);
    let owner = pair.fail_over().await;
    assert_eq!(owner.offset(partition, "g").await.unwrap().unwrap().position.sequence, 0);
    let done = || Err::<i64, _>(Error::Marked(Marked::Done));
    assert_eq!(take(&owner, &consumer).await, [done(), done(), done()]);
    assert_eq!(consumer.read::<Account>("taken").await.unwrap().unwrap().doc.balance, 3);
}

/// Takes in what the group has not acknowledged: counted, and marked in the same change.
async fn take(owner: &Store, consumer: &Store) -> Vec<Result<i64, Error>> {
    let partition = Account::partition("a");
    let from = owner.offset(partition, "g").await.unwrap().unwrap().position;
    let mut taken = Vec::new();
    for entry in owner.feed(partition, &from, 100).await.unwrap() {
        let mark = Mark { consumer: "g/a".into(), version: entry.event.version, event: entry.event.id, after: None };
        let rule = move |draft: &mut Draft<Account>| -> Result<i64, Never> {
            draft.mark(mark.clone());
            draft.doc.balance += 1;
            Ok(draft.doc.balance)
        };
        taken.push(match consumer.update("taken", Caller::Plain, rule).await {
            Ok(done) => Ok(done.value),
            Err(UpdateError::Store(error)) => Err(error),
            Err(UpdateError::Rule(never)) => match never {},
        });
    }
    taken
}
