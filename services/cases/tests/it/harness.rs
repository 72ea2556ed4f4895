//! The service and its neighbours.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use retail_cases::{Channel, Config};
use retail_proto::cases::v1 as pb;
use retail_proto::cases::v1::cases_service_client::CasesServiceClient;
use retail_proto::crm::v1::crm_service_server::CrmServiceServer;
use retail_proto::inventory::v1::inventory_service_server::InventoryServiceServer;
use retail_proto::ops::v1 as ops;
use retail_proto::ops::v1::ops_service_client::OpsServiceClient;
use retail_runtime::config::Span;
use retail_runtime::fault::{self, Class, Fault, Refusal};
use retail_runtime::{Clock, Net, Peer, Rng, Runtime};
use retail_store::{Model, Store};
use tokio::sync::watch;
use tonic::Status;
use tonic::service::Routes;

use crate::crm::Crm;
use crate::owners::{Inventory, Owner};

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

/// The service and its neighbours.
pub(crate) struct Mesh {
    pub(crate) orders: Owner,
    pub(crate) returns: Owner,
    pub(crate) customers: Owner,
    pub(crate) crm: Crm,
    pub(crate) inventory: Inventory,
    config: Config,
    model: Arc<Model>,
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

async fn start(config: &Config, model: &Arc<Model>) -> (Runtime, Peer) {
    let service = Runtime::new("cases", Clock::system(), Rng::seeded(11), Net::tcp());
    let store = Store::over(&service, model.clone(), "cases", "eu");
    let listener = service.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let peer = service.peer(&format!("http://{}", listener.local_addr())).unwrap();
    let (config, running) = (config.clone(), service.clone());
    service.spawn("cases", async move { retail_cases::run(config, running, store, listener).await.unwrap() });
    (service, peer)
}

pub(crate) async fn mesh() -> Mesh {
    mesh_with(|_| {}).await
}

pub(crate) async fn mesh_with(change: impl FnOnce(&mut Config)) -> Mesh {
    let neighbours = Runtime::new("neighbours", Clock::system(), Rng::seeded(7), Net::tcp());
    let (orders, returns) = (Owner::open("orders").await, Owner::open("returns").await);
    let customers = Owner::open("customers").await;
    let (crm, inventory) = (Crm::default(), Inventory::default());
    let mut config = Config {
        orders: orders.address(),
        returns: returns.address(),
        customers: customers.address(),
        inventory: serve(&neighbours, Routes::new(InventoryServiceServer::new(inventory.clone()))).await,
        crms: BTreeMap::from([(
            "crm".to_owned(),
            retail_cases::Crm {
                address: serve(&neighbours, Routes::new(CrmServiceServer::new(crm.clone()))).await,
                poll: Span::from_millis(20),
            },
        )]),
        channels: BTreeMap::from([("shop".to_owned(), Channel { crm: "crm".into(), adopt: false })]),
        groups: Vec::new(),
        group: "cases".into(),
        stale_after: Span::from_secs(60),
        inventory_patience: Span::from_millis(300),
        owner_patience: Span::from_secs(2),
    };
    change(&mut config);
    let model = Arc::new(Model::new());
    let (service, peer) = start(&config, &model).await;
    Mesh { orders, returns, customers, crm, inventory, config, model, neighbours, service, peer }
}

impl Mesh {
    pub(crate) fn cases(&self) -> CasesServiceClient<Peer> {
        CasesServiceClient::new(self.peer.clone())
    }

    pub(crate) async fn stop(&self) {
        self.service.stop();
        assert!(self.service.drained(PATIENCE).await);
    }

    /// The service dies and starts anew over the same store.
    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        (self.service, self.peer) = start(&self.config, &self.model).await;
    }

    pub(crate) async fn context(&self, request: &pb::GetContextRequest) -> Result<pb::Context, Refusal> {
        let answer = self.cases().get_context(request.clone()).await.map_err(|status| Refusal::read(&status))?;
        Ok(answer.into_inner().context.unwrap())
    }

    /// Asks for context until it is as wished.
    pub(crate) async fn until(
        &self,
        request: &pb::GetContextRequest,
        wished: impl Fn(&pb::Context) -> bool,
    ) -> pb::Context {
        let last = Mutex::new(None);
        let ask = async {
            loop {
                match self.context(request).await {
                    Ok(context) if wished(&context) => return context,
                    other => *last.lock().unwrap() = Some(other),
                }
                self.service.clock().sleep(Duration::from_millis(5)).await;
            }
        };
        let came = Clock::system().timeout(PATIENCE, ask).await;
        came.unwrap_or_else(|_| panic!("never came; last was {:?}", last.lock().unwrap()))
    }

    pub(crate) async fn case(&self, case_id: &str) -> Result<pb::LinkedCase, Refusal> {
        let answer = self.cases().get_case(pb::GetCaseRequest { case_id: case_id.into() }).await;
        Ok(answer.map_err(|status| Refusal::read(&status))?.into_inner().linked_case.unwrap())
    }

    /// Asks for a case until it is as wished.
    pub(crate) async fn until_case(&self, id: &str, wished: impl Fn(&pb::LinkedCase) -> bool) -> pb::LinkedCase {
        let ask = || async { self.case(id).await.ok().filter(|case| wished(case)) };
        self.until_some(ask).await
    }

    /// Asks until there is an answer.
    pub(crate) async fn until_some<T, F: Future<Output = Option<T>>>(&self, ask: impl Fn() -> F) -> T {
        let work = async {
            loop {
                if let Some(found) = ask().await {
                    return found;
                }
                self.service.clock().sleep(Duration::from_millis(5)).await;
            }
        };
        Clock::system().timeout(PATIENCE, work).await.expect("never came")
    }

    pub(crate) async fn link(&self, case_id: &str, order_id: &str, return_id: &str) -> Result<pb::LinkedCase, Refusal> {
        let request = pb::LinkCaseRequest {
            idempotency_key: format!("link-{case_id}-{order_id}-{return_id}"),
            case_id: case_id.into(),
            order_id: order_id.into(),
            return_id: return_id.into(),
            ..Default::default()
        };
        let answer = self.cases().link_case(request).await.map_err(|status| Refusal::read(&status))?;
        Ok(answer.into_inner().linked_case.unwrap())
    }

    /// Transactions that wait for a person: name and cause.
    pub(crate) async fn parked(&self) -> Vec<(String, String)> {
        let state = i32::from(ops::TransactionState::Parked);
        let request = ops::ListTransactionsRequest { state, ..Default::default() };
        let page = OpsServiceClient::new(self.peer.clone()).list_transactions(request).await.unwrap().into_inner();
        page.transactions.into_iter().map(|one| (one.name, one.cause)).collect()
    }
}
