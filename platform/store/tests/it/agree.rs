//! Random commits and operations: all back ends answer as the model does and hold the same at the end.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use retail_store::{
    Backend, Commit, CommitId, Embedded, Fence, GroupOp, Index, IndexQuery, LeaseOp, Model, Position, Trim, Version,
    Wanted, Write,
};
use uuid::Uuid;

use crate::bed::{Bed, With as _, at, key, p};

/// One thing that is done to a store. Small alphabets make collisions likely.
#[derive(Debug, Clone)]
enum Deed {
    Commit { writes: Vec<(u8, u64, bool)>, checks: Vec<(u8, u64)>, extras: Extras },
    Take { who: u8, now: i64 },
    Renew { epoch: u64, who: u8, now: i64 },
    Release { epoch: u64, who: u8 },
    Declare { group: u8 },
    Acknowledge { group: u8, sequence: u64, reset: bool, now: i64 },
    Trim { groups: u8, now: i64, keep: u64, limit: usize },
    Sweep { now: i64, limit: usize },
}

#[derive(Debug, Clone)]
struct Extras {
    key: Option<(u8, u8)>,
    events: u8,
    mark: Option<(u64, u8, Option<u64>)>,
    due: Vec<(u8, Option<i64>)>,
    index: Vec<(Vec<u8>, u8, bool)>,
    fence: Option<(u64, u8)>,
    now: i64,
}

const DAY: i64 = 24 * 3600;

fn extras() -> impl Strategy<Value = Extras> {
    (
        prop::option::weighted(0.3, (0_u8..6, 0_u8..2)),
        0_u8..3,
        prop::option::weighted(0.2, (0_u64..6, 0_u8..2, prop::option::of(0_u64..4))),
        prop::collection::vec((0_u8..5, prop::option::of(-20_i64..50)), 0..3),
        prop::collection::vec((prop::collection::vec(0_u8..3, 0..3), 0_u8..3, any::<bool>()), 0..3),
        prop::option::weighted(0.2, (0_u64..4, 0_u8..2)),
        0..20 * DAY,
    )
        .prop_map(|(key, events, mark, due, index, fence, now)| Extras {
            key,
            events,
            mark,
            due,
            index,
            fence,
            now,
        })
}

fn deed() -> impl Strategy<Value = Deed> {
    let write = (0_u8..5, 0_u64..4, prop::bool::weighted(0.8));
    let commit = (prop::collection::vec(write, 0..3), prop::collection::vec((0_u8..5, 0_u64..3), 0..2), extras())
        .prop_map(|(writes, checks, extras)| Deed::Commit { writes, checks, extras });
    prop_oneof![
        12 => commit,
        1 => (0_u8..3, 0_i64..60).prop_map(|(who, now)| Deed::Take { who, now }),
        1 => (0_u64..4, 0_u8..3, 0_i64..60).prop_map(|(epoch, who, now)| Deed::Renew { epoch, who, now }),
        1 => (0_u64..4, 0_u8..3).prop_map(|(epoch, who)| Deed::Release { epoch, who }),
        1 => (0_u8..2).prop_map(|group| Deed::Declare { group }),
        2 => (0_u8..3, 0_u64..20, any::<bool>(), 0..20 * DAY)
            .prop_map(|(group, sequence, reset, now)| Deed::Acknowledge { group, sequence, reset, now }),
        1 => (0_u8..4, 0..20 * DAY, 0_u64..1_000_000, 0_usize..5)
            .prop_map(|(groups, now, keep, limit)| Deed::Trim { groups, now, keep, limit }),
        1 => (0..20 * DAY, 0_usize..4).prop_map(|(now, limit)| Deed::Sweep { now, limit }),
    ]
}

fn commit(number: usize, writes: &[(u8, u64, bool)], checks: &[(u8, u64)], extras: &Extras) -> Commit {
    let mut commit = Commit::new(at(extras.now));
    for (id, expected, present) in writes {
        commit.writes.push(Write {
            key: key(&id.to_string()),
            expected: Version(*expected),
            version: Version(expected + 1),
            events: *expected,
            schema: u32::from(*id),
            body: present.then(|| Bytes::from(format!("{number}"))),
        });
    }
    commit.checks = checks.iter().map(|(id, version)| (key(&id.to_string()), Version(*version))).collect();
    for n in 0..extras.events {
        commit = commit.event("s", u64::from(n));
        commit.events.last_mut().unwrap().id = Uuid::from_u128(u128::try_from(number).unwrap() * 10 + u128::from(n));
    }
    if let Some((name, request)) = extras.key {
        commit = commit.keyed(&name.to_string(), &request.to_string(), &number.to_string());
    }
    if let Some((version, event, after)) = extras.mark {
        commit = commit.mark("c", version, u128::from(event), after);
    }
    commit.due = extras.due.iter().map(|(id, time)| (key(&id.to_string()), time.map(at))).collect();
    for (sort, id, present) in &extras.index {
        let (name, value) = ("i".to_owned(), Bytes::from(number.to_string()));
        commit.index.push(Index { name, sort: sort.clone(), key: key(&id.to_string()), value, present: *present });
    }
    commit.fences = extras.fence.iter().map(|(epoch, who)| Fence { epoch: *epoch, nonce: [*who; 16] }).collect();
    commit
}

/// Does it, and answers in words what came of it.
async fn act(backend: &dyn Backend, number: usize, deed: &Deed) -> String {
    let group = |number: u8| format!("g{number}");
    let fence = |epoch: u64, who: u8| Fence { epoch, nonce: [who; 16] };
    let ttl = Duration::from_secs(10);
    match deed {
        Deed::Commit { writes, checks, extras } => {
            format!("{:?}", backend.commit(p(), commit(number, writes, checks, extras)).await)
        }
        Deed::Take { who, now } => {
            format!("{:?}", backend.lease(p(), LeaseOp::Take { nonce: [*who; 16], ttl, now: at(*now) }).await)
        }
        Deed::Renew { epoch, who, now } => {
            let op = LeaseOp::Renew { fence: fence(*epoch, *who), ttl, now: at(*now) };
            format!("{:?}", backend.lease(p(), op).await)
        }
        Deed::Release { epoch, who } => {
            format!("{:?}", backend.lease(p(), LeaseOp::Release { fence: fence(*epoch, *who) }).await)
        }
        Deed::Declare { group: g } => format!("{:?}", backend.group(p(), &group(*g), GroupOp::Declare, at(0)).await),
        Deed::Acknowledge { group: g, sequence, reset, now } => {
            let ends = backend.ends(p()).await.unwrap();
            let entries = backend.feed(p(), &ends.begin, 100).await.unwrap();
            let place = entries.iter().find(|entry| entry.sequence == *sequence).map(|entry| entry.position());
            let place = place.unwrap_or(Position { sequence: *sequence, event: None });
            let op = if *reset { GroupOp::Reset(place) } else { GroupOp::Acknowledge(place) };
            format!("{:?}", backend.group(p(), &group(*g), op, at(*now)).await)
        }
        Deed::Trim { groups, now, keep, limit } => {
            let groups = (0..*groups).map(group).collect();
            let trim = Trim { groups, now: at(*now), keep: Duration::from_secs(*keep), limit: *limit };
            format!("{:?}", backend.trim(p(), trim).await)
        }
        Deed::Sweep { now, limit } => format!("{:?}", backend.sweep(p(), at(*now), *limit).await),
    }
}

/// Everything a store holds, in words.
async fn everything(backend: &dyn Backend) -> Vec<String> {
    let wanted = Wanted {
        keys: (0..5).map(|id| key(&id.to_string())).collect(),
        results: (0..6).map(|name: u8| CommitId::of(&[&name.to_string()])).collect(),
        marks: vec!["c".into()],
        lease: true,
    };
    let ends = backend.ends(p()).await.unwrap();
    let query = IndexQuery { name: "i".into(), prefix: vec![], after: None, limit: 100 };
    vec![
        format!("{:?}", backend.load(p(), wanted).await),
        format!("{:?}", backend.scan(p(), "doc/", None, 100).await),
        format!("{:?} {:?}", backend.index(p(), &query).await, backend.count(p(), &query.name).await),
        format!("{:?}", backend.index(p(), &IndexQuery { prefix: vec![1], limit: 2, ..query }).await),
        format!("{:?}", backend.due(p(), "doc", at(10), 100).await),
        format!("{:?}", backend.due(p(), "doc", at(100), 3).await),
        format!("{ends:?} {:?}", backend.feed(p(), &ends.begin, 100).await),
        format!("{:?} {:?}", backend.offset(p(), "g0").await, backend.offset(p(), "g1").await),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn model_and_embedded_agree(deeds in prop::collection::vec(deed(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let dir = tempfile::tempdir().unwrap();
            let (model, database) = (Model::new(), Embedded::open(dir.path()).await.unwrap());
            let embedded = database.domain("test", "local").await.unwrap();
            for (number, deed) in deeds.iter().enumerate() {
                let expected = act(&model, number, deed).await;
                prop_assert_eq!(act(&embedded, number, deed).await, expected, "after {:?}", deed);
                if number % 10 == 0 {
                    prop_assert_eq!(everything(&embedded).await, everything(&model).await);
                }
            }
            prop_assert_eq!(everything(&embedded).await, everything(&model).await);
            // What is held survives closing and opening.
            drop((embedded, database));
            let reopened = Embedded::open(dir.path()).await.unwrap().domain("test", "local").await.unwrap();
            prop_assert_eq!(everything(&reopened).await, everything(&model).await);
            Ok(())
        })?;
    }

    #[test]
    fn model_and_redis_agree(deeds in prop::collection::vec(deed(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let Some(bed) = Bed::valkey().await else { return Ok(()) };
            let model = Model::new();
            for (number, deed) in deeds.iter().enumerate() {
                let expected = act(&model, number, deed).await;
                prop_assert_eq!(act(bed.backend.as_ref(), number, deed).await, expected, "after {:?}", deed);
            }
            prop_assert_eq!(everything(bed.backend.as_ref()).await, everything(&model).await);
            Ok(())
        })?;
    }
}
