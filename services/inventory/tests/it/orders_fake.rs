//! An orders service that is asked to serve orders from elsewhere.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use retail_proto::orders::v1 as orders;
use retail_proto::orders::v1::orders_service_server::OrdersService;
use tonic::{Request, Response, Status};

/// Orders that are asked to be served from elsewhere.
#[derive(Default)]
pub(crate) struct OrderBooks {
    /// Reroutings by order.
    pub(crate) reroutes: BTreeMap<String, orders::Reroute>,
    pub(crate) asked: Vec<orders::RerouteOrderRequest>,
    /// Orders that cannot move.
    pub(crate) fixed: Vec<String>,
    /// The next rerouting is taken, and its answer is lost.
    pub(crate) lose_an_answer: bool,
}

#[derive(Clone, Default)]
pub(crate) struct FakeOrders {
    books: Arc<Mutex<OrderBooks>>,
}

impl FakeOrders {
    pub(crate) fn books(&self) -> MutexGuard<'_, OrderBooks> {
        self.books.lock().unwrap()
    }

    /// What is under way with an order ends.
    pub(crate) fn ends(&self, id: &str, state: orders::RerouteState, outcome: &str) {
        let mut books = self.books();
        let reroute = books.reroutes.get_mut(id).unwrap();
        reroute.state = i32::from(state);
        reroute.outcome = outcome.into();
    }

    fn order(&self, id: &str) -> Option<orders::Order> {
        let reroutes = self.books().reroutes.get(id).cloned().into_iter().collect();
        Some(orders::Order { order_id: id.into(), reroutes, ..Default::default() })
    }
}

#[tonic::async_trait]
impl OrdersService for FakeOrders {
    async fn reroute_order(
        &self,
        request: Request<orders::RerouteOrderRequest>,
    ) -> Result<Response<orders::RerouteOrderResponse>, Status> {
        let request = request.into_inner();
        let id = request.order_id.clone();
        if self.books().fixed.contains(&id) {
            return Err(Status::failed_precondition("it is packed"));
        }
        let known = self.books().asked.iter().any(|asked| asked.idempotency_key == request.idempotency_key);
        if !known {
            let reroute = orders::Reroute {
                from: request.from.clone(),
                why: request.reason.clone(),
                state: i32::from(orders::RerouteState::Open),
                ..Default::default()
            };
            self.books().reroutes.insert(id.clone(), reroute);
        }
        self.books().asked.push(request);
        if std::mem::take(&mut self.books().lose_an_answer) {
            return Err(Status::deadline_exceeded("answer lost"));
        }
        Ok(Response::new(orders::RerouteOrderResponse { order: self.order(&id) }))
    }

    async fn get_order(
        &self,
        request: Request<orders::GetOrderRequest>,
    ) -> Result<Response<orders::GetOrderResponse>, Status> {
        Ok(Response::new(orders::GetOrderResponse { order: self.order(&request.into_inner().order_id) }))
    }
}
