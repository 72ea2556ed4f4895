//! The owners: their feeds are real, their reads answer from their own books.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use retail_flow::{Feed, Leases};
use retail_proto::events::v1::feed_service_server::FeedServiceServer;
use retail_proto::orders::v1 as orders;
use retail_proto::orders::v1::orders_service_server::{OrdersService, OrdersServiceServer};
use retail_proto::returns::v1 as returns;
use retail_proto::returns::v1::returns_service_server::{ReturnsService, ReturnsServiceServer};
use retail_proto::timestamp;
use retail_runtime::fault::Class;
use retail_runtime::{Clock, Net, Rng, Runtime};
use retail_store::{Document, Draft, Model, Partition, Store};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::harness::{Books, refusal};
use crate::say::now;

const GROUP: &str = "messages";

macro_rules! owned {
    ($name:ident, $kind:literal) => {
        /// What the owner has of one of its own.
        #[derive(Clone, PartialEq, prost::Message)]
        pub(crate) struct $name {
            #[prost(bytes = "vec", tag = "1")]
            body: Vec<u8>,
        }

        impl Document for $name {
            const KIND: &'static str = $kind;
        }

        impl From<Vec<u8>> for $name {
            fn from(body: Vec<u8>) -> Self {
                Self { body }
            }
        }
    };
}

owned!(OwnOrder, "order");
owned!(OwnReturn, "return");

/// What an owner answers when it is asked, beside its feed.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) orders: BTreeMap<String, orders::Order>,
    pub(crate) returns: BTreeMap<String, returns::Return>,
    /// Nobody answers what is asked; the feed goes on.
    pub(crate) away: bool,
}

/// One owner: its store and its feed.
pub(crate) struct Owner {
    domain: &'static str,
    pub(crate) model: Arc<Model>,
    pub(crate) books: Books<Known>,
    runtime: Runtime,
    store: Store,
    at: SocketAddr,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.runtime.stop();
    }
}

impl Owner {
    pub(crate) async fn open(domain: &'static str) -> Self {
        let (model, books) = (Arc::new(Model::new()), Books::default());
        let runtime = Runtime::new(domain, Clock::system(), Rng::seeded(3), Net::tcp());
        let store = Store::over(&runtime, model.clone(), domain, "eu");
        for partition in Partition::all() {
            store.declare(partition, GROUP).await.unwrap();
        }
        let listener = runtime.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let at = listener.local_addr();
        let asked = Asked { books: books.clone() };
        let leases = Leases::start(&runtime, &store).await;
        let routes = Routes::new(FeedServiceServer::new(Feed::new(&runtime, &store, &leases, vec![GROUP.into()])))
            .add_service(OrdersServiceServer::new(asked.clone()))
            .add_service(ReturnsServiceServer::new(asked));
        let server = runtime.clone();
        runtime.spawn("owner", async move { server.serve_grpc(listener, routes).await.unwrap() });
        Self { domain, model, books, runtime, store, at }
    }

    pub(crate) fn address(&self) -> String {
        format!("http://{}", self.at)
    }

    /// Everything said so far is trimmed, whoever has read it or not.
    pub(crate) async fn forget(&self) {
        for partition in Partition::all() {
            self.store.trim(partition, &[], Duration::ZERO, 1_000).await.unwrap();
        }
    }

    async fn say<D: Document + From<Vec<u8>>>(&self, id: &str, make: impl Fn(u64) -> Vec<u8> + Send + 'static) -> u64 {
        let kind = format!("retail.{}.v1.Changed", self.domain);
        let rule = move |draft: &mut Draft<D>| {
            let version = draft.event_version();
            let body = make(version);
            draft.doc = D::from(body.clone());
            draft.emit(kind.clone(), body);
            Ok::<_, Infallible>(version)
        };
        self.store.step::<D, _, _>(id, None, rule).await.unwrap().value
    }

    /// Orders says how an order stands, and answers so from now on.
    pub(crate) async fn order(&self, order: &orders::Order) {
        let said = orders::Order { updated_at: Some(timestamp(now())), ..order.clone() };
        let (id, order) = (order.order_id.clone(), said.clone());
        let make = move |version| orders::Order { version, ..said.clone() }.encode_to_vec();
        let version = self.say::<OwnOrder>(&id, make).await;
        self.books.write(|known| known.orders.insert(id, orders::Order { version, ..order }));
    }

    /// Returns says how a return stands, and answers so from now on.
    pub(crate) async fn return_record(&self, record: &returns::Return) {
        let said = returns::Return { updated_at: Some(timestamp(now())), ..record.clone() };
        let (id, record) = (record.return_id.clone(), said.clone());
        let make = move |version| returns::Return { version, ..said.clone() }.encode_to_vec();
        let version = self.say::<OwnReturn>(&id, make).await;
        self.books.write(|known| known.returns.insert(id, returns::Return { version, ..record }));
    }

    /// The owner says something that nobody can read.
    pub(crate) async fn nonsense(&self, order_id: &str) {
        self.say::<OwnOrder>(order_id, |_| vec![0xff, 0xff, 0xff]).await;
    }
}

/// Answers what is asked beside the feed.
#[derive(Clone)]
struct Asked {
    books: Books<Known>,
}

#[tonic::async_trait]
impl OrdersService for Asked {
    async fn get_order(
        &self,
        request: Request<orders::GetOrderRequest>,
    ) -> Result<Response<orders::GetOrderResponse>, Status> {
        let known = self.books.open();
        if known.away {
            return Err(refusal(Class::Unavailable, "STORE_UNAVAILABLE"));
        }
        let order = known.orders.get(&request.get_ref().order_id).cloned();
        let order = Some(order.ok_or_else(|| refusal(Class::NotFound, "NO_SUCH_ORDER"))?);
        Ok(Response::new(orders::GetOrderResponse { order }))
    }

    async fn list_orders(
        &self,
        _: Request<orders::ListOrdersRequest>,
    ) -> Result<Response<orders::ListOrdersResponse>, Status> {
        let orders = self.books.open().orders.values().cloned().collect();
        Ok(Response::new(orders::ListOrdersResponse { orders, ..Default::default() }))
    }
}

#[tonic::async_trait]
impl ReturnsService for Asked {
    async fn list_returns(
        &self,
        _: Request<returns::ListReturnsRequest>,
    ) -> Result<Response<returns::ListReturnsResponse>, Status> {
        let returns = self.books.open().returns.values().cloned().collect();
        Ok(Response::new(returns::ListReturnsResponse { returns, ..Default::default() }))
    }
}
