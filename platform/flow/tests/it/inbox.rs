//! A service that follows: it keeps a diary of every aggregate of another domain.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use retail_flow::{DeadLetters, Failure, Handler, Inbox, Leases, Ops, Told, Untaken, Worker};
use retail_proto::events::v1 as pb;
use retail_proto::events::v1::feed_service_server::{FeedService, FeedServiceServer};
use retail_proto::ops::v1 as ops;
use retail_proto::ops::v1::ops_service_server::OpsService as _;
use retail_runtime::{Net, Peer, Rng, Runtime};
use retail_store::{Document, Draft, Model, Store};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};

use crate::toy::World;

/// Every version that was taken in, in order.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Diary {
    #[prost(uint64, repeated, tag = "1")]
    pub(crate) versions: Vec<u64>,
}

impl Document for Diary {
    const KIND: &'static str = "diary";
}

/// Takes events in, except those that it cannot stomach.
#[derive(Default)]
pub(crate) struct Reader {
    pub(crate) poison: Mutex<BTreeSet<(String, u64)>>,
    pub(crate) resyncs: AtomicUsize,
    /// Trace ids under which events were taken in.
    pub(crate) traces: Mutex<Vec<String>>,
    store: Mutex<Option<Store>>,
}

impl Handler for Reader {
    async fn take(&self, told: &Told) -> Result<(), Untaken> {
        if self.poison.lock().unwrap().contains(&(told.id().to_owned(), told.event.version)) {
            return Err(Untaken::Failed(Failure::refused("UNREADABLE", "cannot be read")));
        }
        self.traces.lock().unwrap().extend(retail_runtime::trace::trace_id());
        let store = self.store.lock().unwrap().clone().unwrap();
        let (mark, version) = (told.mark(), told.event.version);
        let rule = move |draft: &mut Draft<Diary>| {
            draft.mark(mark.clone());
            draft.doc.versions.push(version);
            Ok::<_, Infallible>(())
        };
        store.step::<Diary, _, _>(told.id(), None, rule).await?;
        Ok(())
    }

    async fn resync(&self, _feed: &str) -> Result<(), Failure> {
        self.resyncs.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// The service that follows.
pub(crate) struct Follower {
    pub(crate) model: Arc<Model>,
    pub(crate) store: Store,
    pub(crate) runtime: Runtime,
    pub(crate) reader: Arc<Reader>,
    pub(crate) ops: Ops,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.runtime.stop();
    }
}

/// Follows the feed of `owner` from a store, which may be that of a follower that died.
pub(crate) async fn follow_over(world: &World, owner: &str, model: Arc<Model>, reader: Arc<Reader>) -> Follower {
    let runtime = Runtime::new("follower", world.clock.clone(), Rng::seeded(5), Net::tcp());
    let store = Store::over(&runtime, model.clone(), "diaries", "local");
    *reader.store.lock().unwrap() = Some(store.clone());
    let peer: Peer = runtime.peer(owner).unwrap();
    let leases = Leases::start(&runtime, &store).await;
    let inbox = Inbox::new(&runtime, &store, &leases, "search", Arc::clone(&reader)).follow("toys", peer);
    let worker = Worker::new(&runtime, &store, &leases).with(inbox.replay());
    let ops = Ops::new(&store, runtime.clock(), worker.counters()).with::<DeadLetters>();
    worker.start();
    inbox.start();
    Follower { model, store, runtime, reader, ops }
}

pub(crate) async fn follow(world: &World, owner: &str) -> Follower {
    follow_over(world, owner, Arc::default(), Arc::default()).await
}

impl Follower {
    pub(crate) async fn diary(&self, id: &str) -> Vec<u64> {
        self.store.read::<Diary>(id).await.unwrap().map(|diary| diary.doc.versions).unwrap_or_default()
    }

    /// Waits until the diary of an aggregate has so many entries.
    pub(crate) async fn until(&self, id: &str, entries: usize) -> Vec<u64> {
        for _ in 0..4_000 {
            let diary = self.diary(id).await;
            if diary.len() >= entries {
                return diary;
            }
            self.runtime.clock().sleep(Duration::from_millis(5)).await;
        }
        panic!("never came: {:?}", self.diary(id).await);
    }

    /// What waits for a person: name and cause.
    pub(crate) async fn parked(&self) -> Vec<(String, String)> {
        let request = ops::ListTransactionsRequest { state: 3, ..Default::default() };
        let page = self.ops.list_transactions(Request::new(request)).await.unwrap().into_inner();
        page.transactions.into_iter().map(|one| (one.name, one.cause)).collect()
    }

    pub(crate) async fn until_parked(&self) -> (String, String) {
        for _ in 0..4_000 {
            if let Some(parked) = self.parked().await.pop() {
                return parked;
            }
            self.runtime.clock().sleep(Duration::from_millis(5)).await;
        }
        panic!("nothing was ever parked");
    }

    pub(crate) async fn replay(&self, id: &str) {
        let request = ops::ReplayTransactionRequest { id: id.into(), note: "mended".into() };
        self.ops.replay_transaction(Request::new(request)).await.unwrap();
    }
}

/// A feed that says what a test writes, in any order, and keeps what is acknowledged.
#[derive(Clone)]
pub(crate) struct Script {
    runtime: Runtime,
    events: Arc<Vec<pb::Event>>,
    acknowledged: Arc<watch::Sender<u64>>,
}

/// An event of one parcel, in partition 0.
pub(crate) fn event(sequence: u64, subject: &str, version: u64, id: u128) -> pb::Event {
    pb::Event {
        id: uuid::Uuid::from_u128(id).to_string(),
        source: "weft/toys".into(),
        r#type: "toy.ParcelChanged".into(),
        subject: format!("parcel/{subject}"),
        version,
        sequence,
        ..Default::default()
    }
}

impl Script {
    /// Serves the script; answers it and its address.
    pub(crate) async fn served(world: &World, events: Vec<pb::Event>) -> (Self, String) {
        let runtime = world.runtime.clone();
        let script = Self { runtime, events: Arc::new(events), acknowledged: Arc::new(watch::Sender::new(0)) };
        let listener = world.runtime.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let address = format!("http://{}", listener.local_addr());
        let (server, routes) = (world.runtime.clone(), Routes::new(FeedServiceServer::new(script.clone())));
        world.runtime.spawn("script", async move { server.serve_grpc(listener, routes).await.unwrap() });
        (script, address)
    }

    /// Waits until so much is acknowledged.
    pub(crate) async fn until_acknowledged(&self, sequence: u64) {
        let mut acknowledged = self.acknowledged.subscribe();
        let waited = acknowledged.wait_for(|place| *place >= sequence);
        assert!(tokio::time::timeout(Duration::from_secs(20), waited).await.is_ok(), "never acknowledged");
    }
}

#[tonic::async_trait]
impl FeedService for Script {
    async fn subscribe(
        &self,
        request: Request<Streaming<pb::SubscribeRequest>>,
    ) -> Result<Response<tonic::codegen::BoxStream<pb::SubscribeResponse>>, Status> {
        let (to, stream) = mpsc::channel(4);
        let (script, mut asked) = (self.clone(), request.into_inner());
        self.runtime.spawn("script.member", async move {
            for part in script.events.chunks(200) {
                let message = pb::SubscribeResponse { events: part.to_vec(), assigned: vec![0], complete: false };
                to.send(Ok(message)).await.unwrap();
            }
            while let Ok(Some(message)) = asked.message().await {
                for place in message.acknowledged {
                    script.acknowledged.send_replace(place.sequence);
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }
}
