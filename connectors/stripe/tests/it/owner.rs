//! The owner of payment facts, as far as it writes down what it is told.

use std::sync::{Arc, Mutex};

use retail_proto::payments::v1 as pb;
use retail_proto::payments::v1::payment_facts_service_server::{PaymentFactsService, PaymentFactsServiceServer};
use retail_runtime::Runtime;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

type Bid = Box<dyn Fn() -> Option<Status> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Owner {
    taken: Arc<Mutex<Vec<pb::TakePaymentRequest>>>,
    bid: Arc<Mutex<Bid>>,
}

impl Owner {
    pub(crate) async fn start(runtime: &Runtime) -> (Self, String) {
        let owner = Self { taken: Arc::default(), bid: Arc::new(Mutex::new(Box::new(|| None))) };
        let listener = runtime.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = format!("http://{}", listener.local_addr());
        let (routes, own) = (Routes::new(PaymentFactsServiceServer::new(owner.clone())), runtime.named("owner"));
        runtime.spawn("owner", async move { own.serve_grpc(listener, routes).await.unwrap() });
        (owner, address)
    }

    /// Every further fact is refused like this.
    pub(crate) fn refuse(&self, status: impl Fn() -> Option<Status> + Send + Sync + 'static) {
        *self.bid.lock().unwrap() = Box::new(status);
    }

    pub(crate) fn taken(&self) -> Vec<pb::TakePaymentRequest> {
        self.taken.lock().unwrap().clone()
    }
}

#[tonic::async_trait]
impl PaymentFactsService for Owner {
    async fn take_payment(
        &self,
        request: Request<pb::TakePaymentRequest>,
    ) -> Result<Response<pb::TakePaymentResponse>, Status> {
        if let Some(status) = (self.bid.lock().unwrap())() {
            return Err(status);
        }
        self.taken.lock().unwrap().push(request.into_inner());
        Ok(Response::new(pb::TakePaymentResponse { order_id: "order-1".to_owned() }))
    }
}
