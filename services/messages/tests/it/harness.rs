//! The service and its neighbours.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use prost::Message as _;
use retail_messages::{Channel, Config};
use retail_proto::events::v1::feed_service_client::FeedServiceClient;
use retail_proto::events::v1::{Event, TailRequest};
use retail_proto::messages::v1 as pb;
use retail_proto::messages::v1::messages_service_client::MessagesServiceClient;
use retail_proto::notify::v1::notify_service_server::NotifyServiceServer;
use retail_proto::ops::v1 as ops;
use retail_proto::ops::v1::ops_service_client::OpsServiceClient;
use retail_runtime::fault::{self, Class, Fault, Refusal};
use retail_runtime::{Clock, Net, Peer, Rng, Runtime, TimeSource, Timestamp};
use retail_store::{Model, Store};
use tokio::sync::watch;
use tonic::Status;
use tonic::service::Routes;

use crate::carrier::Carrier;
use crate::owners::Owner;
use crate::say::now;

/// A fact that does not come within this is a failure.
const PATIENCE: Duration = Duration::from_secs(30);

/// Books of a neighbour, and the news that something was written.
pub(crate) struct Books<T> {
    pages: Arc<Mutex<T>>,
    written: Arc<watch::Sender<u64>>,
}

impl<T> Clone for Books<T> {
    fn clone(&self) -> Self {
        Self { pages: Arc::clone(&self.pages), written: Arc::clone(&self.written) }
    }
}

impl<T: Default> Default for Books<T> {
    fn default() -> Self {
        Self { pages: Arc::default(), written: Arc::new(watch::Sender::new(0)) }
    }
}

impl<T> Books<T> {
    pub(crate) fn open(&self) -> MutexGuard<'_, T> {
        self.pages.lock().unwrap()
    }

    pub(crate) fn write<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let result = work(&mut self.open());
        self.written.send_modify(|count| *count += 1);
        result
    }

    /// Waits until the books say so.
    pub(crate) async fn until(&self, says: impl Fn(&T) -> bool) {
        let mut written = self.written.subscribe();
        let found = written.wait_for(|_| says(&self.open()));
        assert!(Clock::system().timeout(PATIENCE, found).await.is_ok(), "the books never said so");
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{1}")]
struct Says(Class, &'static str);

impl Fault for Says {
    fn class(&self) -> Class {
        self.0
    }

    fn reason(&self) -> &'static str {
        self.1
    }
}

/// A status as our own rooms give it.
pub(crate) fn refusal(class: Class, reason: &'static str) -> Status {
    fault::status("fake.retail", &Says(class, reason))
}

/// The machine's time, moved on as far as a test says.
#[derive(Clone)]
struct Time {
    machine: Clock,
    later: Arc<AtomicU64>,
}

impl TimeSource for Time {
    fn now(&self) -> Timestamp {
        self.machine.now() + Duration::from_secs(self.later.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        self.machine.monotonic()
    }
}

/// The service and its neighbours.
pub(crate) struct Mesh {
    pub(crate) orders: Owner,
    pub(crate) returns: Owner,
    pub(crate) carrier: Carrier,
    pub(crate) config: Config,
    pub(crate) model: Arc<Model>,
    time: Time,
    neighbours: Runtime,
    service: Runtime,
    peer: Peer,
}

impl Drop for Mesh {
    fn drop(&mut self) {
        self.service.stop();
        self.neighbours.stop();
    }
}

async fn serve(runtime: &Runtime, routes: Routes) -> String {
    let listener = runtime.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = format!("http://{}", listener.local_addr());
    let server = runtime.clone();
    runtime.spawn("neighbour", async move { server.serve_grpc(listener, routes).await.unwrap() });
    address
}

/// What happens from now on does so at a later time than all before.
pub(crate) async fn time_passes() {
    let before = now();
    while now() <= before {
        tokio::task::yield_now().await;
    }
}

async fn start(config: &Config, model: &Arc<Model>, time: &Time) -> (Runtime, Peer) {
    let service = Runtime::new("messages", Clock::new(Arc::new(time.clone())), Rng::seeded(11), Net::tcp());
    let store = Store::over(&service, model.clone(), "messages", "eu");
    let listener = service.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let peer = service.peer(&format!("http://{}", listener.local_addr())).unwrap();
    let (config, running) = (config.clone(), service.clone());
    service.spawn("messages", async move { retail_messages::run(config, running, store, listener).await.unwrap() });
    (service, peer)
}

pub(crate) async fn mesh() -> Mesh {
    mesh_with(|_| {}).await
}

/// A mesh whose channel `shop` is told of as said.
pub(crate) async fn mesh_with(change: impl FnOnce(&mut Channel)) -> Mesh {
    let neighbours = Runtime::new("neighbours", Clock::system(), Rng::seeded(7), Net::tcp());
    let (orders, returns) = (Owner::open("orders").await, Owner::open("returns").await);
    let carrier = Carrier::default();
    let mut channel = Channel { carrier: "mail".into(), ..Channel::default() };
    change(&mut channel);
    let address = serve(&neighbours, Routes::new(NotifyServiceServer::new(carrier.clone()))).await;
    let config = Config {
        orders: orders.address(),
        returns: returns.address(),
        carriers: BTreeMap::from([("mail".to_owned(), retail_messages::Carrier { address })]),
        channels: BTreeMap::from([("shop".to_owned(), channel)]),
        not_before: None,
        groups: Vec::new(),
        group: "messages".into(),
    };
    let model = Arc::new(Model::new());
    let time = Time { machine: Clock::system(), later: Arc::default() };
    let (service, peer) = start(&config, &model, &time).await;
    let mesh = Mesh { orders, returns, carrier, config, model, time, neighbours, service, peer };
    mesh.is_on().await;
    mesh
}

impl Mesh {
    fn messages(&self) -> MessagesServiceClient<Peer> {
        MessagesServiceClient::new(self.peer.clone())
    }

    /// Whoever answers has written down since when customers are told.
    async fn is_on(&self) {
        let request = || pb::GetMessageRequest { message_id: "nobody".into() };
        let ask = async {
            loop {
                let said = self.messages().get_message(request()).await.map_err(|status| Refusal::read(&status));
                if said.is_err_and(|refusal| refusal.reason() == "NO_SUCH_MESSAGE") {
                    return;
                }
                self.service.clock().sleep(Duration::from_millis(5)).await;
            }
        };
        Clock::system().timeout(PATIENCE, ask).await.expect("it never answered");
        time_passes().await;
    }

    /// So many hours pass.
    pub(crate) fn later(&self, hours: u64) {
        self.time.later.fetch_add(hours * 3_600, Ordering::Relaxed);
    }

    /// Runs the service with another configuration until it ends.
    pub(crate) async fn run(&self, config: Config) -> Result<(), retail_messages::Error> {
        let store = Store::over(&self.neighbours, self.model.clone(), "messages", "eu");
        let listener = self.neighbours.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        retail_messages::run(config, self.neighbours.clone(), store, listener).await
    }

    pub(crate) async fn stop(&self) {
        self.service.stop();
        assert!(self.service.drained(PATIENCE).await);
    }

    /// The service starts (again) over its store.
    pub(crate) async fn start(&mut self) {
        (self.service, self.peer) = start(&self.config, &self.model, &self.time).await;
        self.is_on().await;
    }

    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.start().await;
    }

    /// Messages as asked for, newest first.
    pub(crate) async fn list(&self, request: pb::ListMessagesRequest) -> Vec<pb::Message> {
        self.messages().list_messages(request).await.unwrap().into_inner().messages
    }

    /// Facts of order o-1 and its returns with where their messages stand, oldest first.
    pub(crate) async fn stands(&self) -> Vec<(String, pb::MessageState)> {
        let mut all = self.list(pb::ListMessagesRequest { order_id: "o-1".into(), ..Default::default() }).await;
        all.reverse();
        all.into_iter().map(|one| (one.fact.clone(), one.state())).collect()
    }

    /// Asks for the message of a fact of order o-1 until it stands there.
    pub(crate) async fn until(&self, fact: &str, state: pb::MessageState) -> pb::Message {
        let request = pb::ListMessagesRequest { order_id: "o-1".into(), ..Default::default() };
        let last = Mutex::new(Vec::new());
        let ask = async {
            loop {
                let all = self.list(request.clone()).await;
                if let Some(found) = all.iter().find(|one| one.fact == fact && one.state() == state) {
                    return found.clone();
                }
                *last.lock().unwrap() = all;
                self.service.clock().sleep(Duration::from_millis(5)).await;
            }
        };
        let came = Clock::system().timeout(PATIENCE, ask).await;
        came.unwrap_or_else(|_| panic!("{fact} never was {state:?}; last were {:?}", last.lock().unwrap()))
    }

    /// Waits until an order has a message.
    pub(crate) async fn until_some(&self, order_id: &str) {
        let request = pb::ListMessagesRequest { order_id: order_id.into(), ..Default::default() };
        let ask = async {
            while self.list(request.clone()).await.is_empty() {
                self.service.clock().sleep(Duration::from_millis(5)).await;
            }
        };
        Clock::system().timeout(PATIENCE, ask).await.expect("it never had a message");
    }

    pub(crate) async fn resend(&self, key: &str, message_id: &str) -> Result<pb::Message, Refusal> {
        let request = pb::ResendMessageRequest {
            idempotency_key: key.into(),
            message_id: message_id.into(),
            reason: "the customer asked".into(),
        };
        let answer = self.messages().resend_message(request).await.map_err(|status| Refusal::read(&status))?;
        Ok(answer.into_inner().message.unwrap())
    }

    pub(crate) async fn cancel(&self, key: &str, message_id: &str) -> Result<pb::Message, Refusal> {
        let request = pb::CancelMessageRequest {
            idempotency_key: key.into(),
            message_id: message_id.into(),
            reason: "told by phone".into(),
        };
        let answer = self.messages().cancel_message(request).await.map_err(|status| Refusal::read(&status))?;
        Ok(answer.into_inner().message.unwrap())
    }

    /// Transactions that wait for a person: name and cause.
    pub(crate) async fn parked(&self) -> Vec<(String, String)> {
        let state = i32::from(ops::TransactionState::Parked);
        let request = ops::ListTransactionsRequest { state, ..Default::default() };
        let page = OpsServiceClient::new(self.peer.clone()).list_transactions(request).await.unwrap().into_inner();
        page.transactions.into_iter().map(|one| (one.name, one.cause)).collect()
    }

    /// What the feed of messages says of one: version and kind of each event, without the package.
    pub(crate) async fn events(&self, message_id: &str) -> Vec<(u64, String)> {
        let request = TailRequest { until_end: true, ..Default::default() };
        let mut feed = FeedServiceClient::new(self.peer.clone()).tail(request).await.unwrap().into_inner();
        let (mut events, subject) = (Vec::new(), format!("message/{message_id}"));
        while let Some(said) = feed.message().await.unwrap() {
            events.extend(said.events.into_iter().filter(|event| event.subject == subject));
        }
        let told = |event: Event| {
            let said = pb::Message::decode(event.data.as_slice()).unwrap();
            assert_eq!((said.message_id.as_str(), said.version), (message_id, event.version));
            (event.version, event.r#type.rsplit('.').next().unwrap().to_owned())
        };
        events.into_iter().map(told).collect()
    }

    /// A person lets a message go on.
    pub(crate) async fn resume(&self, message_id: &str) {
        let id = format!("message/{message_id}");
        let request = ops::ReplayTransactionRequest { id, note: "looked at the carrier".into() };
        OpsServiceClient::new(self.peer.clone()).replay_transaction(request).await.unwrap();
    }

    /// What the timeline of a message says: what, and in which words.
    pub(crate) async fn timeline(&self, message_id: &str) -> Vec<(String, String)> {
        let request = ops::GetTransactionRequest { id: format!("message/{message_id}") };
        let answer = OpsServiceClient::new(self.peer.clone()).get_transaction(request).await.unwrap().into_inner();
        answer.timeline.into_iter().map(|entry| (entry.what, entry.detail)).collect()
    }
}
