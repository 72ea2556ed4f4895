//! gRPC in: parse, call, render.

use retail_flow::MESH;
use retail_proto::orders::v1 as pb;
use retail_proto::orders::v1::orders_service_server::OrdersService;
use retail_runtime::{Runtime, fault};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataValue;
use tonic::{Request, Response, Status, async_trait};

use crate::orders::Orders;
use crate::record::Order;

const DOMAIN: &str = "orders.retail";
/// Says that an answer is the first one of a repeated request.
const REPLAYED: &str = "x-idempotency-replayed";
/// Who calls, as the edge has verified.
const PRINCIPAL: &str = "x-principal";

/// The service's face.
#[derive(Clone)]
pub(crate) struct Api {
    runtime: Runtime,
    orders: Orders,
}

impl Api {
    /// A face over these orders.
    #[must_use]
    pub(crate) fn new(runtime: &Runtime, orders: Orders) -> Self {
        Self { runtime: runtime.clone(), orders }
    }

    async fn watch(&self, id: String, to: mpsc::Sender<Result<pb::WatchOrderResponse, Status>>) {
        let mut changed = self.orders.store().changed(self.orders.store().partition_of(&id));
        let stopping = self.runtime.stopping();
        let mut shown = 0;
        loop {
            match self.orders.get(&id).await {
                Ok(order) if order.version > shown => {
                    shown = order.version;
                    let over = order.is_over();
                    let message = pb::WatchOrderResponse { order: Some((&order).into()) };
                    if to.send(Ok(message)).await.is_err() || over {
                        return;
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    // A reader that has left needs no reason.
                    let _left = to.send(Err(fault::status(DOMAIN, &error))).await;
                    return;
                }
            }
            tokio::select! {
                () = stopping.cancelled() => return,
                () = to.closed() => return,
                () = changed.wait() => {}
                () = self.runtime.clock().sleep(std::time::Duration::from_secs(1)) => {}
            }
        }
    }
}

fn principal<T>(request: &Request<T>) -> String {
    let named = request.metadata().get(PRINCIPAL).and_then(|value| value.to_str().ok());
    named.unwrap_or(MESH).to_owned()
}

fn answer<T>(message: T, repeated: bool) -> Response<T> {
    let mut response = Response::new(message);
    if repeated {
        response.metadata_mut().insert(REPLAYED, MetadataValue::from_static("true"));
    }
    response
}

fn shown(order: &Order) -> Option<pb::Order> {
    Some(order.into())
}

#[async_trait]
impl OrdersService for Api {
    async fn place_order(
        &self,
        request: Request<pb::PlaceOrderRequest>,
    ) -> Result<Response<pb::PlaceOrderResponse>, Status> {
        let placed = self.orders.place(&principal(&request), request.get_ref()).await;
        let (order, repeated) = placed.map_err(|error| fault::status(DOMAIN, &error))?;
        Ok(answer(pb::PlaceOrderResponse { order: shown(&order) }, repeated))
    }

    async fn get_order(&self, request: Request<pb::GetOrderRequest>) -> Result<Response<pb::GetOrderResponse>, Status> {
        let order =
            self.orders.get(&request.get_ref().order_id).await.map_err(|error| fault::status(DOMAIN, &error))?;
        Ok(Response::new(pb::GetOrderResponse { order: shown(&order) }))
    }

    async fn list_orders(
        &self,
        request: Request<pb::ListOrdersRequest>,
    ) -> Result<Response<pb::ListOrdersResponse>, Status> {
        let listed = self.orders.list(request.get_ref()).await;
        let (orders, next_page_token) = listed.map_err(|error| fault::status(DOMAIN, &error))?;
        Ok(Response::new(pb::ListOrdersResponse { orders: orders.iter().map(Into::into).collect(), next_page_token }))
    }

    async fn watch_order(
        &self,
        request: Request<pb::WatchOrderRequest>,
    ) -> Result<Response<tonic::codegen::BoxStream<pb::WatchOrderResponse>>, Status> {
        let id = request.into_inner().order_id;
        self.orders.get(&id).await.map_err(|error| fault::status(DOMAIN, &error))?;
        let (to, stream) = mpsc::channel(4);
        let api = self.clone();
        self.runtime.spawn("orders.watch", async move { api.watch(id, to).await });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn cancel_order(
        &self,
        request: Request<pb::CancelOrderRequest>,
    ) -> Result<Response<pb::CancelOrderResponse>, Status> {
        let cancelled = self.orders.cancel(&principal(&request), request.get_ref()).await;
        let (order, repeated) = cancelled.map_err(|error| fault::status(DOMAIN, &error))?;
        Ok(answer(pb::CancelOrderResponse { order: shown(&order) }, repeated))
    }

    async fn hold_order(
        &self,
        request: Request<pb::HoldOrderRequest>,
    ) -> Result<Response<pb::HoldOrderResponse>, Status> {
        let held = self.orders.hold(&principal(&request), request.get_ref()).await;
        let (order, repeated) = held.map_err(|error| fault::status(DOMAIN, &error))?;
        Ok(answer(pb::HoldOrderResponse { order: shown(&order) }, repeated))
    }

    async fn release_hold(
        &self,
        request: Request<pb::ReleaseHoldRequest>,
    ) -> Result<Response<pb::ReleaseHoldResponse>, Status> {
        let released = self.orders.release(&principal(&request), request.get_ref()).await;
        let (order, repeated) = released.map_err(|error| fault::status(DOMAIN, &error))?;
        Ok(answer(pb::ReleaseHoldResponse { order: shown(&order) }, repeated))
    }

    async fn resume_order(
        &self,
        request: Request<pb::ResumeOrderRequest>,
    ) -> Result<Response<pb::ResumeOrderResponse>, Status> {
        let resumed = self.orders.resume(&principal(&request), request.get_ref()).await;
        let (order, repeated) = resumed.map_err(|error| fault::status(DOMAIN, &error))?;
        Ok(answer(pb::ResumeOrderResponse { order: shown(&order) }, repeated))
    }

    async fn mark_ready_for_pickup(
        &self,
        request: Request<pb::MarkReadyForPickupRequest>,
    ) -> Result<Response<pb::MarkReadyForPickupResponse>, Status> {
        let marked = self.orders.mark_ready(&principal(&request), request.get_ref()).await;
        let (order, repeated) = marked.map_err(|error| fault::status(DOMAIN, &error))?;
        Ok(answer(pb::MarkReadyForPickupResponse { order: shown(&order) }, repeated))
    }

    async fn hand_over_order(
        &self,
        request: Request<pb::HandOverOrderRequest>,
    ) -> Result<Response<pb::HandOverOrderResponse>, Status> {
        let handed = self.orders.hand_over(&principal(&request), request.get_ref()).await;
        let (order, repeated) = handed.map_err(|error| fault::status(DOMAIN, &error))?;
        Ok(answer(pb::HandOverOrderResponse { order: shown(&order) }, repeated))
    }

    async fn reject_pick(
        &self,
        request: Request<pb::RejectPickRequest>,
    ) -> Result<Response<pb::RejectPickResponse>, Status> {
        let rejected = self.orders.reject_pick(&principal(&request), request.get_ref()).await;
        let (order, repeated) = rejected.map_err(|error| fault::status(DOMAIN, &error))?;
        Ok(answer(pb::RejectPickResponse { order: shown(&order) }, repeated))
    }

    async fn reroute_order(
        &self,
        request: Request<pb::RerouteOrderRequest>,
    ) -> Result<Response<pb::RerouteOrderResponse>, Status> {
        let rerouted = self.orders.reroute(&principal(&request), request.get_ref()).await;
        let (order, repeated) = rerouted.map_err(|error| fault::status(DOMAIN, &error))?;
        Ok(answer(pb::RerouteOrderResponse { order: shown(&order) }, repeated))
    }

    async fn edit_order(
        &self,
        request: Request<pb::EditOrderRequest>,
    ) -> Result<Response<pb::EditOrderResponse>, Status> {
        let edited = self.orders.edit(&principal(&request), request.get_ref()).await;
        let (order, repeated) = edited.map_err(|error| fault::status(DOMAIN, &error))?;
        Ok(answer(pb::EditOrderResponse { order: shown(&order) }, repeated))
    }

    async fn add_payment(
        &self,
        request: Request<pb::AddPaymentRequest>,
    ) -> Result<Response<pb::AddPaymentResponse>, Status> {
        let added = self.orders.add_payment(&principal(&request), request.get_ref()).await;
        let (order, repeated) = added.map_err(|error| fault::status(DOMAIN, &error))?;
        Ok(answer(pb::AddPaymentResponse { order: shown(&order) }, repeated))
    }

    async fn take_return_credit(
        &self,
        request: Request<pb::TakeReturnCreditRequest>,
    ) -> Result<Response<pb::TakeReturnCreditResponse>, Status> {
        let taken = self.orders.take_return_credit(&principal(&request), request.get_ref()).await;
        let (taken_off, repeated) = taken.map_err(|error| fault::status(DOMAIN, &error))?;
        Ok(answer(pb::TakeReturnCreditResponse { taken_off: Some(taken_off) }, repeated))
    }

    async fn take_channel_order(
        &self,
        request: Request<pb::TakeChannelOrderRequest>,
    ) -> Result<Response<pb::TakeChannelOrderResponse>, Status> {
        let taken = self.orders.take_channel_order(&principal(&request), request.get_ref()).await;
        let (order, repeated) = taken.map_err(|error| fault::status(DOMAIN, &error))?;
        Ok(answer(pb::TakeChannelOrderResponse { order: shown(&order) }, repeated))
    }

    async fn adopt_order(
        &self,
        request: Request<pb::AdoptOrderRequest>,
    ) -> Result<Response<pb::AdoptOrderResponse>, Status> {
        let adopted = Box::pin(self.orders.adopt(&principal(&request), request.get_ref())).await;
        let (order, repeated) = adopted.map_err(|error| fault::status(DOMAIN, &error))?;
        Ok(answer(pb::AdoptOrderResponse { order: shown(&order) }, repeated))
    }

    async fn find_purchases(
        &self,
        request: Request<pb::FindPurchasesRequest>,
    ) -> Result<Response<pb::FindPurchasesResponse>, Status> {
        let found = self.orders.find_purchases(request.get_ref()).await;
        let purchases = found.map_err(|error| fault::status(DOMAIN, &error))?;
        Ok(Response::new(pb::FindPurchasesResponse { purchases }))
    }
}
