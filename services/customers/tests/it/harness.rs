//! A mesh of one service with two honest neighbours.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use prost::Message as _;
use retail_customers::{Config, System};
use retail_proto::crm::v1 as crm;
use retail_proto::crm::v1::crm_service_server::{CrmService, CrmServiceServer};
use retail_proto::customers::v1 as pb;
use retail_proto::customers::v1::customers_service_client::CustomersServiceClient;
use retail_proto::erp::v1 as erp;
use retail_proto::erp::v1::erp_service_server::{ErpService, ErpServiceServer};
use retail_proto::types::v1::{Outcome, OutcomeState, Ref};
use retail_runtime::config::Span;
use retail_runtime::fault::Refusal;
use retail_runtime::{Clock, Net, Peer, Rng, Runtime};
use retail_store::{Model, Position, Store};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

/// What a system knows: records by our id, and how often it was asked.
#[derive(Default)]
pub(crate) struct Books {
    pub(crate) customers: BTreeMap<String, erp::CustomerRecord>,
    pub(crate) calls: usize,
    pub(crate) away: bool,
    /// Refuses everybody with this reason.
    pub(crate) refuses: Option<String>,
    /// The next record is written, and its answer is lost.
    pub(crate) lose_an_answer: bool,
}

#[derive(Clone, Default)]
pub(crate) struct Fake {
    books: Arc<Mutex<Books>>,
}

impl Fake {
    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    fn upsert(&self, record: erp::CustomerRecord) -> Result<Outcome, Status> {
        let mut books = self.books();
        books.calls += 1;
        if books.away {
            return Err(Status::unavailable("closed for the night"));
        }
        if let Some(reason) = &books.refuses {
            let state = i32::from(OutcomeState::Refused);
            return Ok(Outcome {
                state,
                reason: reason.clone(),
                message: "no such subsidiary".into(),
                warnings: vec![],
            });
        }
        let known = books.customers.get(&record.external_ref).map_or(0, |known| known.version);
        if record.version >= known {
            books.customers.insert(record.external_ref.clone(), record);
        }
        if std::mem::take(&mut books.lose_an_answer) {
            return Err(Status::deadline_exceeded("answer lost"));
        }
        Ok(Outcome { state: i32::from(OutcomeState::Done), ..Outcome::default() })
    }
}

fn record(kind: &str, r#type: &str, id: &str) -> Ref {
    Ref {
        kind: kind.into(),
        instance: "x".into(),
        r#type: r#type.into(),
        id: format!("{type}-{id}"),
        number: String::new(),
    }
}

#[tonic::async_trait]
impl ErpService for Fake {
    async fn upsert_customer(
        &self,
        request: Request<erp::UpsertCustomerRequest>,
    ) -> Result<Response<erp::UpsertCustomerResponse>, Status> {
        let asked = request.into_inner().customer.unwrap();
        let id = asked.external_ref.clone();
        let outcome = Some(self.upsert(asked)?);
        Ok(Response::new(erp::UpsertCustomerResponse { outcome, customer: Some(record("erp", "customer", &id)) }))
    }
}

#[tonic::async_trait]
impl CrmService for Fake {
    async fn upsert_customer(
        &self,
        request: Request<crm::UpsertCustomerRequest>,
    ) -> Result<Response<crm::UpsertCustomerResponse>, Status> {
        let asked = request.into_inner().customer.unwrap();
        let id = asked.external_ref.clone();
        let outcome = Some(self.upsert(erp::CustomerRecord {
            external_ref: asked.external_ref,
            is_person: asked.is_person,
            first_name: asked.first_name,
            last_name: asked.last_name,
            email: asked.email,
            phone: asked.phone,
            address: asked.address,
            version: asked.version,
        })?);
        let records = vec![record("crm", "Account", &id), record("crm", "Contact", &id)];
        Ok(Response::new(crm::UpsertCustomerResponse { outcome, records }))
    }
}

/// The service and its neighbours.
pub(crate) struct Mesh {
    pub(crate) erp: Fake,
    pub(crate) crm: Fake,
    pub(crate) store: Store,
    pub(crate) model: Model,
    runtime: Runtime,
    peer: Peer,
}

impl Drop for Mesh {
    fn drop(&mut self) {
        self.runtime.stop();
    }
}

async fn serve(runtime: &Runtime, routes: Routes) -> System {
    let listener = runtime.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = format!("http://{}", listener.local_addr());
    let server = runtime.clone();
    runtime.spawn("neighbour", async move { server.serve_grpc(listener, routes).await.unwrap() });
    System { address }
}

pub(crate) async fn mesh() -> Mesh {
    let runtime = Runtime::new("customers-test", Clock::system(), Rng::seeded(7), Net::tcp());
    let (erp, crm) = (Fake::default(), Fake::default());
    let config = Config {
        erps: BTreeMap::from([(
            "netsuite".into(),
            serve(&runtime, Routes::new(ErpServiceServer::new(erp.clone()))).await,
        )]),
        crms: BTreeMap::from([(
            "salesforce".into(),
            serve(&runtime, Routes::new(CrmServiceServer::new(crm.clone()))).await,
        )]),
        groups: vec!["cases".into()],
        patience: Span::from_secs(5),
    };
    let model = Model::new();
    let store = Store::over(&runtime, Arc::new(model.clone()), "customers", "eu");
    let listener = runtime.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let peer = runtime.peer(&format!("http://{}", listener.local_addr())).unwrap();
    let (service, own_store) = (runtime.clone(), store.clone());
    runtime.spawn("customers", async move {
        retail_customers::run(config, service, own_store, listener).await.unwrap();
    });
    Mesh { erp, crm, store, model, runtime, peer }
}

pub(crate) fn ada() -> pb::ResolveCustomerRequest {
    pb::ResolveCustomerRequest {
        idempotency_key: "k".into(),
        system_id: Some(Ref {
            kind: "commerce".into(),
            instance: "shop".into(),
            r#type: "customer".into(),
            id: "7".into(),
            number: String::new(),
        }),
        email: "Ada@Lovelace.org".into(),
        email_verified: true,
        phone: "+44 20 7946 0958".into(),
        profile: Some(pb::Profile { first_name: "Ada".into(), last_name: "Lovelace".into(), ..Default::default() }),
        brand: "acme".into(),
    }
}

/// The same person as another shop knows her, under nothing that both know.
pub(crate) fn augusta() -> pb::ResolveCustomerRequest {
    let system_id = ada().system_id.map(|record| Ref { id: "8".into(), ..record });
    pb::ResolveCustomerRequest {
        system_id,
        email: "augusta@byron.org".into(),
        phone: "+44 20 7946 0321".into(),
        profile: Some(pb::Profile { first_name: "Augusta".into(), company: "Engines".into(), ..Default::default() }),
        ..ada()
    }
}

/// What a record of a system says: its n-th version, changed n seconds after now.
pub(crate) fn says(source: Ref, version: u32, profile: pb::Profile) -> pb::SyncCustomerRequest {
    let now = Clock::system().now();
    pb::SyncCustomerRequest {
        idempotency_key: format!("{}-{}-{version}", source.kind, source.id),
        source: Some(source),
        source_version: u64::from(version),
        profile: Some(profile),
        changed_at: Some(prost_types::Timestamp { seconds: now.as_second() + i64::from(version), nanos: 0 }),
        ..Default::default()
    }
}

pub(crate) fn contact(id: &str) -> Ref {
    Ref {
        kind: "crm".into(),
        instance: "salesforce".into(),
        r#type: "Contact".into(),
        id: id.into(),
        number: String::new(),
    }
}

pub(crate) fn merge_of(key: &str, survivor: &str, merged: &str) -> pb::MergeCustomersRequest {
    pb::MergeCustomersRequest {
        idempotency_key: key.into(),
        survivor_id: survivor.into(),
        merged_id: merged.into(),
        note: "she said so on the phone".into(),
    }
}

pub(crate) fn unmerge_of(key: &str, survivor: &str, merged: &str) -> pb::UnmergeCustomersRequest {
    pb::UnmergeCustomersRequest {
        idempotency_key: key.into(),
        survivor_id: survivor.into(),
        merged_id: merged.into(),
        note: "mother and daughter".into(),
    }
}

/// Only known by her address.
pub(crate) fn ada_as_guest() -> pb::ResolveCustomerRequest {
    pb::ResolveCustomerRequest { system_id: None, phone: String::new(), ..ada() }
}

impl Mesh {
    pub(crate) fn client(&self) -> CustomersServiceClient<Peer> {
        CustomersServiceClient::new(self.peer.clone())
    }

    pub(crate) async fn resolve(&self, request: pb::ResolveCustomerRequest) -> pb::ResolveCustomerResponse {
        self.client().resolve_customer(request).await.unwrap().into_inner()
    }

    pub(crate) async fn customer(&self, id: &str) -> pb::Customer {
        let request = pb::GetCustomerRequest { customer_id: id.into() };
        self.client().get_customer(request).await.unwrap().into_inner().customer.unwrap()
    }

    /// Two customers, told to every system.
    pub(crate) async fn two(&self) -> (String, String) {
        let one = self.resolve(ada()).await.customer.unwrap().customer_id;
        let two = self.resolve(augusta()).await.customer.unwrap().customer_id;
        for id in [&one, &two] {
            for (kind, instance) in [("erp", "netsuite"), ("crm", "salesforce")] {
                self.reference(id, kind, instance, Duration::from_secs(10)).await.unwrap();
            }
        }
        (one, two)
    }

    pub(crate) async fn merge(&self, request: pb::MergeCustomersRequest) -> Result<pb::Customer, Refusal> {
        let answer = self.client().merge_customers(request).await.map_err(|status| Refusal::read(&status))?;
        Ok(answer.into_inner().customer.unwrap())
    }

    pub(crate) async fn unmerge(
        &self,
        request: pb::UnmergeCustomersRequest,
    ) -> Result<(pb::Customer, pb::Customer), Refusal> {
        let answer = self.client().unmerge_customers(request).await.map_err(|status| Refusal::read(&status))?;
        let answer = answer.into_inner();
        Ok((answer.survivor.unwrap(), answer.restored.unwrap()))
    }

    pub(crate) async fn sync(&self, request: pb::SyncCustomerRequest) -> Result<pb::SyncCustomerResponse, Refusal> {
        let answer = self.client().sync_customer(request).await.map_err(|status| Refusal::read(&status))?;
        Ok(answer.into_inner())
    }

    pub(crate) async fn find(&self, request: pb::FindCustomersRequest) -> Result<Vec<pb::Customer>, Refusal> {
        let answer = self.client().find_customers(request).await.map_err(|status| Refusal::read(&status))?;
        Ok(answer.into_inner().customers)
    }

    pub(crate) async fn candidates(&self) -> Vec<pb::MergeCandidate> {
        let request = pb::ListMergeCandidatesRequest::default();
        self.client().list_merge_candidates(request).await.unwrap().into_inner().candidates
    }

    /// Events of an id, oldest first: what each is called, and whom it shows.
    pub(crate) async fn events(&self, id: &str) -> Vec<(String, pb::Customer)> {
        let partition = retail_store::Partition::of(id);
        let entries = self.store.feed(partition, &Position::default(), 1_000).await.unwrap();
        let subject = format!("customer/{id}");
        let own = entries.into_iter().map(|entry| entry.event).filter(|event| event.subject.to_string() == subject);
        own.map(|event| (event.kind.clone(), pb::Customer::decode(event.body.clone()).unwrap())).collect()
    }

    pub(crate) async fn reference(&self, id: &str, kind: &str, instance: &str, wait: Duration) -> Result<Ref, Refusal> {
        let mut request = Request::new(pb::EnsureReferenceRequest {
            customer_id: id.into(),
            kind: kind.into(),
            instance: instance.into(),
        });
        request.set_timeout(wait);
        let answer = self.client().ensure_reference(request).await.map_err(|status| Refusal::read(&status))?;
        Ok(answer.into_inner().r#ref.unwrap())
    }

    /// Waits for a fact; a fact that does not come is a failure with its name.
    pub(crate) async fn until<F: Future<Output = bool>>(&self, fact: &str, mut holds: impl FnMut() -> F) {
        for _ in 0..500 {
            if holds().await {
                return;
            }
            self.runtime.clock().sleep(Duration::from_millis(20)).await;
        }
        panic!("never came true: {fact}");
    }

    /// Waits until nothing is written any more.
    pub(crate) async fn quiet(&self) -> u64 {
        loop {
            let before = self.store.commits();
            self.runtime.clock().sleep(Duration::from_millis(700)).await;
            if self.store.commits() == before {
                return before;
            }
        }
    }
}
