//! The services that take facts of returns and customers, as far as they write down what they are told.

use std::sync::{Arc, Mutex};

use retail_proto::customers::v1 as customers;
use retail_proto::customers::v1::customers_service_server::{CustomersService, CustomersServiceServer};
use retail_proto::returns::v1 as returns;
use retail_proto::returns::v1::returns_service_server::{ReturnsService, ReturnsServiceServer};
use retail_runtime::Runtime;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

type Bid = Box<dyn Fn() -> Option<Status> + Send + Sync>;

/// One server for both services.
#[derive(Clone)]
pub(crate) struct Owners {
    pub(crate) refunds: Arc<Mutex<Vec<returns::TakeRefundRequest>>>,
    pub(crate) returns: Arc<Mutex<Vec<returns::StartReturnRequest>>>,
    pub(crate) customers: Arc<Mutex<Vec<customers::SyncCustomerRequest>>>,
    bid: Arc<Mutex<Bid>>,
}

impl Owners {
    pub(crate) async fn start(runtime: &Runtime) -> (Self, String) {
        let owners = Self {
            refunds: Arc::default(),
            returns: Arc::default(),
            customers: Arc::default(),
            bid: Arc::new(Mutex::new(Box::new(|| None))),
        };
        let listener = runtime.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = format!("http://{}", listener.local_addr());
        let routes = Routes::new(ReturnsServiceServer::new(owners.clone()))
            .add_service(CustomersServiceServer::new(owners.clone()));
        let own = runtime.named("owners");
        runtime.spawn("owners", async move { own.serve_grpc(listener, routes).await.unwrap() });
        (owners, address)
    }

    /// Every further fact is refused like this.
    pub(crate) fn refuse(&self, status: impl Fn() -> Option<Status> + Send + Sync + 'static) {
        *self.bid.lock().unwrap() = Box::new(status);
    }

    pub(crate) fn refunds(&self) -> Vec<returns::TakeRefundRequest> {
        self.refunds.lock().unwrap().clone()
    }

    pub(crate) fn returns(&self) -> Vec<returns::StartReturnRequest> {
        self.returns.lock().unwrap().clone()
    }

    pub(crate) fn customers(&self) -> Vec<customers::SyncCustomerRequest> {
        self.customers.lock().unwrap().clone()
    }

    fn judge(&self) -> Result<(), Status> {
        (self.bid.lock().unwrap())().map_or(Ok(()), Err)
    }
}

#[tonic::async_trait]
impl ReturnsService for Owners {
    async fn take_refund(
        &self,
        request: Request<returns::TakeRefundRequest>,
    ) -> Result<Response<returns::TakeRefundResponse>, Status> {
        self.judge()?;
        let request = request.into_inner();
        let return_id = format!("return-of-{}", request.channel_order_id);
        self.refunds.lock().unwrap().push(request);
        Ok(Response::new(returns::TakeRefundResponse { return_id }))
    }

    async fn start_return(
        &self,
        request: Request<returns::StartReturnRequest>,
    ) -> Result<Response<returns::StartReturnResponse>, Status> {
        self.judge()?;
        let request = request.into_inner();
        let return_id = format!("return-{}", request.source_return_id);
        self.returns.lock().unwrap().push(request);
        let record = returns::Return { return_id, ..returns::Return::default() };
        Ok(Response::new(returns::StartReturnResponse { return_record: Some(record) }))
    }
}

#[tonic::async_trait]
impl CustomersService for Owners {
    async fn sync_customer(
        &self,
        request: Request<customers::SyncCustomerRequest>,
    ) -> Result<Response<customers::SyncCustomerResponse>, Status> {
        self.judge()?;
        let request = request.into_inner();
        let customer_id = format!("customer-{}", request.source.as_ref().unwrap().id);
        self.customers.lock().unwrap().push(request);
        let customer = customers::Customer { customer_id, ..customers::Customer::default() };
        let result = customers::SyncResult::Applied.into();
        Ok(Response::new(customers::SyncCustomerResponse { customer: Some(customer), result }))
    }
}
