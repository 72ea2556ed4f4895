//! The owners: their feeds are real, their reads answer from their own books.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use prost::Message;
use retail_flow::{Feed, Leases};
use retail_proto::customers::v1 as people;
use retail_proto::customers::v1::customers_service_server::{CustomersService, CustomersServiceServer};
use retail_proto::events::v1::feed_service_server::FeedServiceServer;
use retail_proto::inventory::v1 as stock;
use retail_proto::inventory::v1::inventory_service_server::InventoryService;
use retail_proto::orders::v1 as orders;
use retail_proto::orders::v1::orders_service_server::{OrdersService, OrdersServiceServer};
use retail_proto::returns::v1 as returns;
use retail_proto::returns::v1::returns_service_server::{ReturnsService, ReturnsServiceServer};
use retail_runtime::fault::Class;
use retail_runtime::{Clock, Net, Rng, Runtime};
use retail_store::{Document, Draft, Model, Partition, Store};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::harness::{Books, refusal};

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
owned!(OwnCustomer, "customer");

/// What an owner answers when it is asked, beside its feed.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) orders: BTreeMap<String, orders::Order>,
    /// Orders that only the shop and the ERP know.
    pub(crate) adoptable: Vec<orders::Order>,
}

/// One owner: its store and its feed. It can go away and come back at the same address.
pub(crate) struct Owner {
    domain: &'static str,
    pub(crate) model: Arc<Model>,
    pub(crate) books: Books<Known>,
    runtime: Runtime,
    store: Store,
    at: SocketAddr,
}

impl Owner {
    pub(crate) async fn open(domain: &'static str) -> Self {
        let model = Arc::new(Model::new());
        let at = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::serve(domain, model, Books::default(), at).await
    }

    async fn serve(domain: &'static str, model: Arc<Model>, books: Books<Known>, at: SocketAddr) -> Self {
        let runtime = Runtime::new(domain, Clock::system(), Rng::seeded(3), Net::tcp());
        let store = Store::over(&runtime, model.clone(), domain, "eu");
        for partition in Partition::all() {
            store.declare(partition, "cases").await.unwrap();
        }
        let listener = runtime.bind(at).await.unwrap();
        let at = listener.local_addr();
        let asked = Asked { books: books.clone() };
        let leases = Leases::start(&runtime, &store).await;
        let routes = Routes::new(FeedServiceServer::new(Feed::new(&runtime, &store, &leases, vec!["cases".into()])))
            .add_service(OrdersServiceServer::new(asked.clone()))
            .add_service(ReturnsServiceServer::new(asked.clone()))
            .add_service(CustomersServiceServer::new(asked));
        let server = runtime.clone();
        runtime.spawn("owner", async move { server.serve_grpc(listener, routes).await.unwrap() });
        Self { domain, model, books, runtime, store, at }
    }

    pub(crate) fn address(&self) -> String {
        format!("http://{}", self.at)
    }

    /// The owner goes away; its store stays.
    pub(crate) async fn leave(&self) {
        self.runtime.stop();
        assert!(self.runtime.drained(Duration::from_secs(30)).await);
    }

    /// The owner is back.
    pub(crate) async fn back(&self) -> Self {
        Self::serve(self.domain, Arc::clone(&self.model), self.books.clone(), self.at).await
    }

    /// Everything said so far is trimmed, whoever has read it or not.
    pub(crate) async fn forget(&self) {
        for partition in Partition::all() {
            self.store.trim(partition, &[], Duration::ZERO, 1_000).await.unwrap();
        }
    }

    async fn say<D: Document + From<Vec<u8>>>(&self, id: &str, make: impl Fn(u64) -> Vec<u8> + Send + 'static) {
        let kind = format!("retail.{}.v1.Changed", self.domain);
        let rule = move |draft: &mut Draft<D>| {
            let body = make(draft.event_version());
            draft.doc = D::from(body.clone());
            draft.emit(kind.clone(), body);
            Ok::<_, Infallible>(())
        };
        self.store.step::<D, _, _>(id, None, rule).await.unwrap();
    }

    /// Orders says how an order stands.
    pub(crate) async fn order(&self, order: &orders::Order) {
        let order = order.clone();
        let make = move |version| orders::Order { version, ..order.clone() }.encode_to_vec();
        self.say::<OwnOrder>(&order_id(&make), make).await;
    }

    /// Returns says how a return stands.
    pub(crate) async fn return_record(&self, record: &returns::Return) {
        let (id, record) = (record.return_id.clone(), record.clone());
        self.say::<OwnReturn>(&id, move |version| returns::Return { version, ..record.clone() }.encode_to_vec()).await;
    }

    /// Customers says how a customer stands.
    pub(crate) async fn customer(&self, customer: &people::Customer) {
        let (id, customer) = (customer.customer_id.clone(), customer.clone());
        let make = move |version| people::Customer { version, ..customer.clone() }.encode_to_vec();
        self.say::<OwnCustomer>(&id, make).await;
    }

    /// Customers says of a former id that it is part of another now, with the other's whole state.
    pub(crate) async fn part(&self, former_id: &str, survivor: &people::Customer) {
        let survivor = survivor.clone();
        self.say::<OwnCustomer>(former_id, move |_| survivor.encode_to_vec()).await;
    }

    /// The owner says something that nobody can read.
    pub(crate) async fn nonsense(&self, order_id: &str) {
        self.say::<OwnOrder>(order_id, |_| vec![0xff, 0xff, 0xff]).await;
    }
}

fn order_id(make: &impl Fn(u64) -> Vec<u8>) -> String {
    orders::Order::decode(make(0).as_slice()).unwrap().order_id
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
        let order = self.books.open().orders.get(&request.get_ref().order_id).cloned();
        let order = Some(order.ok_or_else(|| refusal(Class::NotFound, "NO_SUCH_ORDER"))?);
        Ok(Response::new(orders::GetOrderResponse { order }))
    }

    async fn list_orders(
        &self,
        request: Request<orders::ListOrdersRequest>,
    ) -> Result<Response<orders::ListOrdersResponse>, Status> {
        let number = &request.get_ref().order_number;
        let is_asked = |order: &&orders::Order| number.is_empty() || order.order_number == *number;
        let orders = self.books.open().orders.values().filter(is_asked).cloned().collect();
        Ok(Response::new(orders::ListOrdersResponse { orders, ..Default::default() }))
    }

    async fn adopt_order(
        &self,
        request: Request<orders::AdoptOrderRequest>,
    ) -> Result<Response<orders::AdoptOrderResponse>, Status> {
        let asked = request.into_inner();
        let books = self.books.open();
        let mut adoptable = books.adoptable.iter();
        let found = adoptable.find(|order| order.channel == asked.channel && order.order_number == asked.order_number);
        let order = Some(found.cloned().ok_or_else(|| refusal(Class::NotFound, "NO_SUCH_ORDER"))?);
        Ok(Response::new(orders::AdoptOrderResponse { order }))
    }
}

#[tonic::async_trait]
impl ReturnsService for Asked {
    async fn get_return(
        &self,
        _: Request<returns::GetReturnRequest>,
    ) -> Result<Response<returns::GetReturnResponse>, Status> {
        Err(refusal(Class::NotFound, "NO_SUCH_RETURN"))
    }

    async fn list_returns(
        &self,
        _: Request<returns::ListReturnsRequest>,
    ) -> Result<Response<returns::ListReturnsResponse>, Status> {
        Ok(Response::new(returns::ListReturnsResponse::default()))
    }
}

#[tonic::async_trait]
impl CustomersService for Asked {
    async fn get_customer(
        &self,
        _: Request<people::GetCustomerRequest>,
    ) -> Result<Response<people::GetCustomerResponse>, Status> {
        Err(refusal(Class::NotFound, "NO_SUCH_CUSTOMER"))
    }

    async fn find_customers(
        &self,
        _: Request<people::FindCustomersRequest>,
    ) -> Result<Response<people::FindCustomersResponse>, Status> {
        Ok(Response::new(people::FindCustomersResponse::default()))
    }
}

/// Inventory: five of everything, or no answer at all.
#[derive(Clone, Default)]
pub(crate) struct Inventory {
    pub(crate) hangs: Books<bool>,
}

#[tonic::async_trait]
impl InventoryService for Inventory {
    async fn get_availability(
        &self,
        request: Request<stock::GetAvailabilityRequest>,
    ) -> Result<Response<stock::GetAvailabilityResponse>, Status> {
        if *self.hangs.open() {
            std::future::pending::<()>().await;
        }
        let row = |sku: String| stock::Availability { sku, available: "5".into(), ..Default::default() };
        let rows = request.into_inner().skus.into_iter().map(row).collect();
        Ok(Response::new(stock::GetAvailabilityResponse { rows }))
    }
}
