//! A back end to test, and commits in one line. A new back end joins here and in `suite!`, nowhere else.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use retail_runtime::{Runtime, Timestamp};
use retail_store::{
    Backend, Commit, CommitId, Document, Durability, Embedded, Keyed, LeaseTime, Mark, Model, NewEvent, Outcome,
    Partition, Record, Redis, RedisConfig, Store, Version, Wanted, Write,
};
use retail_store::{Key, Position};
use uuid::Uuid;

use crate::servers::{Cluster, Kind, Server};

/// Runs each test on every back end.
macro_rules! suite {
    ($($name:ident),* $(,)?) => {
        mod model {
            $(#[tokio::test] async fn $name() { super::$name(crate::bed::Bed::model()).await; })*
        }
        mod embedded {
            $(#[tokio::test] async fn $name() { super::$name(crate::bed::Bed::embedded().await).await; })*
        }
        mod redis {
            $(#[tokio::test] async fn $name() {
                if let Some(bed) = crate::bed::Bed::redis().await { super::$name(bed).await; }
            })*
        }
        mod valkey {
            $(#[tokio::test] async fn $name() {
                if let Some(bed) = crate::bed::Bed::valkey().await { super::$name(bed).await; }
            })*
        }
        mod redis_cluster {
            $(#[tokio::test] async fn $name() {
                if let Some(bed) = crate::bed::Bed::redis_cluster().await { super::$name(bed).await; }
            })*
        }
        mod valkey_cluster {
            $(#[tokio::test] async fn $name() {
                if let Some(bed) = crate::bed::Bed::valkey_cluster().await { super::$name(bed).await; }
            })*
        }
    };
}
pub(crate) use suite;

/// A back end with room for its data.
pub(crate) struct Bed {
    pub(crate) backend: Arc<dyn Backend>,
    _dir: Option<tempfile::TempDir>,
}

impl Bed {
    pub(crate) fn model() -> Self {
        Self { backend: Arc::new(Model::new()), _dir: None }
    }

    pub(crate) async fn embedded() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let domain = Embedded::open(dir.path()).await.unwrap().domain("test", "local").await.unwrap();
        Self { backend: Arc::new(domain), _dir: Some(dir) }
    }

    /// One node of the oldest Redis, every write on disk before it is answered.
    pub(crate) async fn redis() -> Option<Self> {
        static SERVER: OnceLock<Option<Server>> = OnceLock::new();
        let options = ["--appendonly", "yes", "--appendfsync", "always"];
        let server = SERVER.get_or_init(|| Server::start(Kind::Redis, &options)).as_ref()?;
        Some(Self::over(RedisConfig::at(vec![server.address.clone()], Durability::R2)).await)
    }

    /// One node of Valkey, on disk every second.
    pub(crate) async fn valkey() -> Option<Self> {
        static SERVER: OnceLock<Option<Server>> = OnceLock::new();
        let server = SERVER.get_or_init(|| Server::start(Kind::Valkey, &["--appendonly", "yes"])).as_ref()?;
        Some(Self::over(RedisConfig::at(vec![server.address.clone()], Durability::R1)).await)
    }

    /// A Cluster of the oldest Redis whose replicas have a commit before it is acknowledged.
    pub(crate) async fn redis_cluster() -> Option<Self> {
        static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
        let cluster = CLUSTER.get_or_init(|| Cluster::start(Kind::Redis, &["--appendonly", "yes"])).as_ref()?;
        Some(Self::over(RedisConfig::at(cluster.addresses(), Durability::R4)).await)
    }

    /// The same of Valkey.
    pub(crate) async fn valkey_cluster() -> Option<Self> {
        static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
        let cluster = CLUSTER.get_or_init(|| Cluster::start(Kind::Valkey, &["--appendonly", "yes"])).as_ref()?;
        Some(Self::over(RedisConfig::at(cluster.addresses(), Durability::R4)).await)
    }

    async fn over(config: RedisConfig) -> Self {
        let backend = Redis::open_with(&runtime(), &config, &fresh_domain(), "local", LeaseTime::Caller).await.unwrap();
        Self { backend: Arc::new(backend), _dir: None }
    }

    pub(crate) fn store(&self) -> Store {
        Store::over(&runtime(), Arc::clone(&self.backend), "test", "local")
    }

    pub(crate) async fn commit(&self, commit: Commit) -> Outcome {
        self.backend.commit(p(), commit).await
    }

    /// Commits and insists.
    pub(crate) async fn apply(&self, commit: Commit) -> u64 {
        match self.commit(commit).await {
            Outcome::Committed { first_sequence } => first_sequence,
            other => panic!("not committed: {other:?}"),
        }
    }

    pub(crate) async fn record(&self, id: &str) -> Option<Record> {
        let wanted = Wanted { keys: vec![key(id)], ..Wanted::default() };
        self.backend.load(p(), wanted).await.unwrap().records.remove(0)
    }

    pub(crate) async fn body(&self, id: &str) -> Option<Bytes> {
        self.record(id).await.map(|record| record.body)
    }

    /// Sequences of all events that can be read.
    pub(crate) async fn sequences(&self) -> Vec<u64> {
        let begin = self.backend.ends(p()).await.unwrap().begin;
        self.feed(begin).await.into_iter().map(|(sequence, _)| sequence).collect()
    }

    pub(crate) async fn feed(&self, after: Position) -> Vec<(u64, NewEvent)> {
        let entries = self.backend.feed(p(), &after, 10_000).await.unwrap();
        entries.into_iter().map(|entry| (entry.sequence, entry.event)).collect()
    }
}

pub(crate) fn runtime() -> Runtime {
    Runtime::system("test")
}

/// A domain that nobody has used: many tests share one server.
pub(crate) fn fresh_domain() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("test{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn p() -> Partition {
    Partition::new(7).unwrap()
}

pub(crate) fn key(id: &str) -> Key {
    Key::new("doc", id)
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

pub(crate) fn new() -> Commit {
    Commit::new(at(1_000))
}

/// Commits, piece by piece.
pub(crate) trait With: Sized {
    fn write(self, id: &str, expected: u64, body: &str) -> Self;
    fn write_schema(self, id: &str, expected: u64, schema: u32) -> Self;
    fn delete(self, id: &str, expected: u64) -> Self;
    fn event(self, subject: &str, version: u64) -> Self;
    fn keyed(self, name: &str, request: &str, result: &str) -> Self;
    fn mark(self, consumer: &str, version: u64, event: u128, after: Option<u64>) -> Self;
}

impl With for Commit {
    fn write(mut self, id: &str, expected: u64, body: &str) -> Self {
        self.writes.push(Write {
            key: key(id),
            expected: Version(expected),
            version: Version(expected + 1),
            events: 0,
            schema: 1,
            body: Some(Bytes::from(body.to_owned())),
        });
        self
    }

    fn write_schema(self, id: &str, expected: u64, schema: u32) -> Self {
        let mut commit = self.write(id, expected, "x");
        commit.writes.last_mut().unwrap().schema = schema;
        commit
    }

    fn delete(self, id: &str, expected: u64) -> Self {
        let mut commit = self.write(id, expected, "");
        commit.writes.last_mut().unwrap().body = None;
        commit
    }

    fn event(mut self, subject: &str, version: u64) -> Self {
        let time = self.at;
        self.events.push(NewEvent {
            id: Uuid::from_u128(u128::from(version) << 64 | u128::from(subject.as_bytes()[0])),
            kind: "Happened".into(),
            subject: key(subject),
            version,
            time,
            traceparent: "00-trace-span-01".into(),
            body: Bytes::from_static(b"state"),
        });
        self
    }

    fn keyed(mut self, name: &str, request: &str, result: &str) -> Self {
        let CommitId(digest) = CommitId::of(&[request]);
        self.keyed.push(Keyed { id: CommitId::of(&[name]), digest, result: Bytes::from(result.to_owned()) });
        self
    }

    fn mark(mut self, consumer: &str, version: u64, event: u128, after: Option<u64>) -> Self {
        self.marks.push(Mark { consumer: consumer.into(), version, event: Uuid::from_u128(event), after });
        self
    }
}

/// A small aggregate.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Account {
    #[prost(int64, tag = "1")]
    pub(crate) balance: i64,
    #[prost(string, repeated, tag = "2")]
    pub(crate) entries: Vec<String>,
}

impl Document for Account {
    const KIND: &'static str = "account";

    fn routing(id: &str) -> &str {
        id.split_once('/').map_or(id, |(bank, _)| bank)
    }
}

/// The same documents as an older release knows them.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct NewAccount {
    #[prost(int64, tag = "1")]
    pub(crate) balance: i64,
    #[prost(string, tag = "9")]
    pub(crate) colour: String,
}

impl Document for NewAccount {
    const KIND: &'static str = "account";
    const SCHEMA: u32 = 2;

    fn routing(id: &str) -> &str {
        Account::routing(id)
    }
}

/// A document that lies beside an account.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Note {
    #[prost(string, tag = "1")]
    pub(crate) text: String,
}

impl Document for Note {
    const KIND: &'static str = "note";
}
