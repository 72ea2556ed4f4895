//! What operators see and do.

use std::sync::Arc;

use retail_flow::{Class, Counters, Ops};
use retail_proto::ops::v1 as pb;
use retail_proto::ops::v1::ops_service_server::OpsService as _;
use retail_runtime::fault::{Class as Kind, Refusal};
use tonic::{Request, Status};

use crate::toy::{Mood, Parcel, Vendor, World};

fn ops(world: &World) -> Ops {
    Ops::new(&world.store, &world.clock, Arc::<Counters>::default()).with::<Parcel>()
}

/// A world with one parcel that waits for a person and one that is done.
async fn world() -> (World, Arc<Vendor>) {
    let (world, vendor) = (World::new(), Vendor::moods(&[Mood::Refuses]));
    world.place("p1").await;
    world.work(Class::Keyed, &vendor).await;
    world.until("p1", |parcel| parcel.parked && parcel.told).await;
    world.place("p2").await;
    world.until("p2", |parcel| parcel.announced).await;
    (world, vendor)
}

async fn listed(ops: &Ops, state: pb::TransactionState) -> Vec<String> {
    let request = pb::ListTransactionsRequest { state: i32::from(state), ..Default::default() };
    let answer = ops.list_transactions(Request::new(request)).await.unwrap().into_inner();
    answer.transactions.into_iter().map(|transaction| transaction.id).collect()
}

async fn replay(ops: &Ops, id: &str, note: &str) -> Result<pb::Transaction, Status> {
    let request = pb::ReplayTransactionRequest { id: id.into(), note: note.into() };
    Ok(ops.replay_transaction(Request::new(request)).await?.into_inner().transaction.unwrap())
}

fn get(id: &str) -> Request<pb::GetTransactionRequest> {
    Request::new(pb::GetTransactionRequest { id: id.into() })
}

#[tokio::test(start_paused = true)]
async fn transactions_are_listed_by_state() {
    let (world, _) = world().await;
    let ops = ops(&world);
    assert_eq!(listed(&ops, pb::TransactionState::Parked).await, ["parcel/p1"]);
    assert_eq!(listed(&ops, pb::TransactionState::Done).await, ["parcel/p2"]);
    assert!(listed(&ops, pb::TransactionState::Running).await.is_empty());
    assert!(listed(&ops, pb::TransactionState::Waiting).await.is_empty());
    let stats = ops.get_stats(Request::new(pb::GetStatsRequest {})).await.unwrap().into_inner();
    assert_eq!((stats.parked, stats.open), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_list_goes_on_where_its_page_ended() {
    let (world, vendor) = (World::new(), Vendor::moods(&[]));
    world.work(Class::Keyed, &vendor).await;
    let mut expected = Vec::new();
    for number in 0..5 {
        let id = format!("p{number}");
        world.place(&id).await;
        world.until(&id, |parcel| parcel.announced).await;
        expected.push(format!("parcel/{id}"));
    }
    let (ops, mut found, mut page_token) = (ops(&world), Vec::new(), String::new());
    loop {
        let state = i32::from(pb::TransactionState::Done);
        let request = pb::ListTransactionsRequest { state, page_size: 2, page_token };
        let page = ops.list_transactions(Request::new(request)).await.unwrap().into_inner();
        found.extend(page.transactions.into_iter().map(|transaction| transaction.id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(found, expected, "longest in its state first");
}

#[tokio::test(start_paused = true)]
async fn a_transaction_is_found_by_key_and_by_name_with_its_timeline_and_cause() {
    let (world, _) = world().await;
    let ops = ops(&world);
    let found = ops.get_transaction(get("parcel/p1")).await.unwrap().into_inner();
    let transaction = found.transaction.unwrap();
    assert_eq!(transaction.state(), pb::TransactionState::Parked);
    assert_eq!(transaction.cause, "NO_SUCH_ADDRESS: the address does not exist");
    let what: Vec<_> = found.timeline.iter().map(|entry| entry.what.as_str()).collect();
    assert_eq!(what[..4], ["BEGUN", "EFFECT_SENT", "REFUSED", "PARKED"]);
    let by_name = ops.get_transaction(get("P-1")).await.unwrap().into_inner().transaction.unwrap();
    assert_eq!(by_name.name, "P-1");
}

#[tokio::test(start_paused = true)]
async fn what_is_parked_is_replayed_once_and_goes_on() {
    let (world, vendor) = world().await;
    let ops = ops(&world);
    replay(&ops, "parcel/p1", "address corrected").await.unwrap();
    let parcel = world.until("p1", |parcel| parcel.announced).await;
    assert!(!parcel.parked);
    assert_eq!(vendor.effects(), 2, "one for each parcel");
    let timeline = world.ledger("p1").await.timeline;
    assert!(timeline.iter().any(|entry| entry.what == "RESUMED" && entry.detail == "address corrected"));
    let refusal = Refusal::read(&replay(&ops, "parcel/p1", "again").await.unwrap_err());
    assert_eq!((refusal.class(), refusal.reason()), (Kind::Precondition, "NOT_PARKED"));
}

#[tokio::test(start_paused = true)]
async fn what_is_parked_is_replayed_by_its_name() {
    let (world, vendor) = (World::new(), Vendor::moods(&[Mood::Refuses]));
    world.place("p1").await;
    world.work(Class::Keyed, &vendor).await;
    world.until("p1", |parcel| parcel.parked).await;
    replay(&ops(&world), "P-1", "address corrected").await.unwrap();
    world.until("p1", |parcel| parcel.announced).await;
}

#[tokio::test(start_paused = true)]
async fn what_nobody_knows_is_not_found() {
    let (world, _) = world().await;
    let ops = ops(&world);
    for id in ["parcel/none", "nothing/p1", "#404", ""] {
        let refusal = Refusal::read(&ops.get_transaction(get(id)).await.unwrap_err());
        assert_eq!((refusal.class(), refusal.reason()), (Kind::NotFound, "NO_SUCH_TRANSACTION"), "{id}");
        let refusal = Refusal::read(&replay(&ops, id, "mended").await.unwrap_err());
        assert_eq!(refusal.class(), Kind::NotFound, "{id}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_question_names_its_field() {
    let (world, _) = world().await;
    let ops = ops(&world);
    let refusal = Refusal::read(&replay(&ops, "parcel/p1", "").await.unwrap_err());
    assert_eq!((refusal.class(), refusal.fields()[0].0.as_str()), (Kind::Invalid, "note"));
    let request = pb::ListTransactionsRequest { page_size: 9_999, page_token: "x".into(), ..Default::default() };
    let refusal = Refusal::read(&ops.list_transactions(Request::new(request)).await.unwrap_err());
    let fields: Vec<_> = refusal.fields().iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["page_size", "state", "page_token"]);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_behind_shows_with_its_entries_and_their_age() {
    let runtime = retail_runtime::Runtime::system("test");
    let config = retail_store::Config {
        backend: retail_store::BackendConfig::Model,
        domain: "toy".into(),
        region: "local".into(),
        groups: vec!["search".into()],
        keep: retail_runtime::config::Span::from_secs(3_600),
    };
    let store = retail_store::Store::open(&runtime, &config).await.unwrap();
    let ops = Ops::new(&store, runtime.clock(), Arc::<Counters>::default()).with::<Parcel>();
    let lags = async || ops.get_lag(Request::new(pb::GetLagRequest {})).await.unwrap().into_inner().lags;
    assert_eq!(lags().await, []);
    for _ in 0..3 {
        let rule = |draft: &mut retail_store::Draft<Parcel>| {
            draft.emit("Moved", vec![]);
            Ok::<_, std::convert::Infallible>(())
        };
        store.step("p1", None, rule).await.unwrap();
    }
    let partition = store.partition_of("p1");
    let first = store.feed(partition, &retail_store::Position::BEGIN, 1).await.unwrap().remove(0);
    let found = lags().await;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].group.as_str(), found[0].entries, found[0].expired), ("search", 3, false));
    assert_eq!(found[0].partition, u32::from(partition.number()));
    assert_eq!(found[0].oldest.unwrap().seconds, first.event.time.as_second());
    let end = store.ends(partition).await.unwrap().end;
    store.acknowledge(partition, "search", end).await.unwrap();
    assert_eq!(lags().await, []);
}
