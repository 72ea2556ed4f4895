//! An orders service that writes down what it is told and answers as it is bid.

use std::sync::{Arc, Mutex};

use retail_proto::orders::v1 as pb;
use retail_proto::orders::v1::orders_service_server::{OrdersService, OrdersServiceServer};
use retail_runtime::Runtime;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

type Bid = Box<dyn Fn() -> Option<Status> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Orders {
    pub(crate) placed: Arc<Mutex<Vec<pb::PlaceOrderRequest>>>,
    changed: Arc<Mutex<Vec<pb::TakeChannelOrderRequest>>>,
    bid: Arc<Mutex<Bid>>,
    silent: Arc<Mutex<bool>>,
}

impl Orders {
    /// Starts the service and says where it listens.
    pub(crate) async fn start(runtime: &Runtime) -> (Self, String) {
        let orders = Self {
            placed: Arc::default(),
            changed: Arc::default(),
            bid: Arc::new(Mutex::new(Box::new(|| None))),
            silent: Arc::default(),
        };
        let listener = runtime.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = format!("http://{}", listener.local_addr());
        let server = OrdersServiceServer::new(orders.clone()).max_decoding_message_size(16 << 20);
        let own = runtime.named("orders");
        runtime.spawn("orders", async move { own.serve_grpc(listener, Routes::new(server)).await.unwrap() });
        (orders, address)
    }

    /// Every further order is refused like this.
    pub(crate) fn refuse(&self, status: impl Fn() -> Status + Send + Sync + 'static) {
        *self.bid.lock().unwrap() = Box::new(move || Some(status()));
    }

    /// Further orders are never answered.
    pub(crate) fn fall_silent(&self) {
        *self.silent.lock().unwrap() = true;
    }

    /// How it was told that orders stand.
    pub(crate) fn changes(&self) -> Vec<pb::TakeChannelOrderRequest> {
        self.changed.lock().unwrap().clone()
    }

    pub(crate) fn orders(&self) -> Vec<pb::PlaceOrderRequest> {
        self.placed.lock().unwrap().clone()
    }
}

#[tonic::async_trait]
impl OrdersService for Orders {
    async fn place_order(
        &self,
        request: Request<pb::PlaceOrderRequest>,
    ) -> Result<Response<pb::PlaceOrderResponse>, Status> {
        let silent = *self.silent.lock().unwrap();
        if silent {
            std::future::pending::<()>().await;
        }
        if let Some(status) = (self.bid.lock().unwrap())() {
            return Err(status);
        }
        let request = request.into_inner();
        let order_id = format!("order-of-{}", request.channel_order_id);
        self.placed.lock().unwrap().push(request);
        let order = pb::Order { order_id, ..pb::Order::default() };
        Ok(Response::new(pb::PlaceOrderResponse { order: Some(order) }))
    }

    async fn take_channel_order(
        &self,
        request: Request<pb::TakeChannelOrderRequest>,
    ) -> Result<Response<pb::TakeChannelOrderResponse>, Status> {
        if let Some(status) = (self.bid.lock().unwrap())() {
            return Err(status);
        }
        let request = request.into_inner();
        let order_id = format!("order-of-{}", request.channel_order_id);
        self.changed.lock().unwrap().push(request);
        let order = pb::Order { order_id, ..pb::Order::default() };
        Ok(Response::new(pb::TakeChannelOrderResponse { order: Some(order) }))
    }
}
