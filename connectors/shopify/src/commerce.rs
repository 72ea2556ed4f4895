//! The contract: canonical in, canonical out.

use std::collections::BTreeMap;
use std::time::Duration;

use retail_connect::webhook::Secrets;
use retail_proto::commerce::v1 as pb;
use retail_proto::commerce::v1::commerce_service_server::CommerceService;
use retail_proto::customers::v1::customers_service_client::CustomersServiceClient;
use retail_proto::orders::v1::orders_service_client::OrdersServiceClient;
use retail_proto::returns::v1::returns_service_client::ReturnsServiceClient;
use retail_runtime::{Clock, Peer, fault};
use tonic::{Request, Response, Status};

use crate::fault::Error;
use crate::graphql::Admin;
use crate::map::Channel;
use crate::request::changes;
use crate::{describe, request};

const DOMAIN: &str = "shopify.retail";

/// One Shopify shop as a shop front. Keeps nothing.
#[derive(Clone)]
pub struct Connector {
    pub(crate) channel: Channel,
    pub(crate) shop_domain: String,
    /// Our location codes and the shop's ids.
    pub(crate) locations: BTreeMap<String, u64>,
    pub(crate) secrets: Secrets,
    pub(crate) webhook_patience: Duration,
    pub(crate) clock: Clock,
    pub(crate) admin: Admin,
    pub(crate) orders: OrdersServiceClient<Peer>,
    pub(crate) returns: Option<ReturnsServiceClient<Peer>>,
    pub(crate) customers: Option<CustomersServiceClient<Peer>>,
}

type Answer<T> = Result<Response<T>, Status>;

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("instance", &self.channel.instance).finish_non_exhaustive()
    }
}

#[tonic::async_trait]
impl CommerceService for Connector {
    async fn describe(&self, _: Request<pb::DescribeRequest>) -> Answer<pb::DescribeResponse> {
        Ok(Response::new(pb::DescribeResponse { description: Some(describe::description(self.admin.version())) }))
    }

    async fn accept_webhook(&self, asked: Request<pb::AcceptWebhookRequest>) -> Answer<pb::AcceptWebhookResponse> {
        let webhook = asked.into_inner().webhook.unwrap_or_default();
        answer(async {
            self.ours("webhook.instance", &webhook.instance)?;
            Ok(pb::AcceptWebhookResponse { reply: Some(self.accept(&webhook).await) })
        })
        .await
    }

    async fn set_stock(&self, asked: Request<pb::SetStockRequest>) -> Answer<pb::SetStockResponse> {
        let asked = asked.into_inner();
        answer(async {
            self.ours("instance", &asked.instance)?;
            let settings = request::settings(&asked)?;
            let outcome = self.set(&asked.idempotency_key, &settings).await?;
            Ok(pb::SetStockResponse { outcome: Some(outcome) })
        })
        .await
    }

    async fn get_stock(&self, asked: Request<pb::GetStockRequest>) -> Answer<pb::GetStockResponse> {
        let asked = asked.into_inner();
        answer(async {
            self.ours("instance", &asked.instance)?;
            let (items, location) = request::readings(&asked)?;
            Ok(pb::GetStockResponse { readings: self.readings(&items, location).await? })
        })
        .await
    }

    async fn record_fulfilment(
        &self,
        asked: Request<pb::RecordFulfilmentRequest>,
    ) -> Answer<pb::RecordFulfilmentResponse> {
        let asked = asked.into_inner();
        answer(async {
            self.ours("instance", &asked.instance)?;
            let shipment = request::shipment(&asked)?;
            let (outcome, fulfilments) =
                if asked.verify_only { self.find(&shipment).await? } else { self.record(&shipment).await? };
            Ok(pb::RecordFulfilmentResponse { outcome: Some(outcome), fulfilments })
        })
        .await
    }

    async fn cancel_order(&self, asked: Request<pb::CancelOrderRequest>) -> Answer<pb::CancelOrderResponse> {
        let asked = asked.into_inner();
        answer(async {
            self.ours("instance", &asked.instance)?;
            Ok(pb::CancelOrderResponse { outcome: Some(self.cancel(&changes::cancel(&asked)?).await?) })
        })
        .await
    }

    async fn take_off_lines(&self, asked: Request<pb::TakeOffLinesRequest>) -> Answer<pb::TakeOffLinesResponse> {
        let asked = asked.into_inner();
        answer(async {
            self.ours("instance", &asked.instance)?;
            Ok(pb::TakeOffLinesResponse { outcome: Some(self.take_off(&changes::take_off(&asked)?).await?) })
        })
        .await
    }

    async fn edit_order(&self, asked: Request<pb::EditOrderRequest>) -> Answer<pb::EditOrderResponse> {
        let asked = asked.into_inner();
        answer(async {
            self.ours("instance", &asked.instance)?;
            self.edit(&changes::edit(&asked)?).await
        })
        .await
    }

    async fn mark_ready_for_pickup(
        &self,
        asked: Request<pb::MarkReadyForPickupRequest>,
    ) -> Answer<pb::MarkReadyForPickupResponse> {
        let asked = asked.into_inner();
        answer(async {
            self.ours("instance", &asked.instance)?;
            Ok(pb::MarkReadyForPickupResponse { outcome: Some(self.ready(&changes::ready(&asked)?).await?) })
        })
        .await
    }

    async fn refund_order(&self, asked: Request<pb::RefundOrderRequest>) -> Answer<pb::RefundOrderResponse> {
        let asked = asked.into_inner();
        answer(async {
            self.ours("instance", &asked.instance)?;
            let wanted = request::refund(&asked)?;
            let (outcome, refund) =
                if asked.verify_only { self.find_refund(&wanted).await? } else { self.refund(&wanted).await? };
            Ok(pb::RefundOrderResponse { outcome: Some(outcome), refund })
        })
        .await
    }

    async fn get_order(&self, asked: Request<pb::GetOrderRequest>) -> Answer<pb::GetOrderResponse> {
        let asked = asked.into_inner();
        answer(async {
            self.ours("instance", &asked.instance)?;
            self.sold(&request::wanted(&asked)?).await.map(|found| found.told)
        })
        .await
    }

    async fn answer_return(&self, asked: Request<pb::AnswerReturnRequest>) -> Answer<pb::AnswerReturnResponse> {
        let asked = asked.into_inner();
        answer(async {
            self.ours("instance", &asked.instance)?;
            let verdict = request::verdict(&asked)?;
            Ok(pb::AnswerReturnResponse { outcome: Some(self.answer_return_request(&verdict).await?) })
        })
        .await
    }

    async fn list_items(&self, asked: Request<pb::ListItemsRequest>) -> Answer<pb::ListItemsResponse> {
        let asked = asked.into_inner();
        answer(async {
            self.ours("instance", &asked.instance)?;
            let first = request::page_size(asked.page_size)?;
            let (items, next_page_token) = self.items(first, &asked.page_token).await?;
            Ok(pb::ListItemsResponse { items, next_page_token })
        })
        .await
    }

    async fn list_locations(&self, asked: Request<pb::ListLocationsRequest>) -> Answer<pb::ListLocationsResponse> {
        let asked = asked.into_inner();
        answer(async {
            self.ours("instance", &asked.instance)?;
            let now = self.clock.now();
            let as_of = prost_types::Timestamp { seconds: now.as_second(), nanos: now.subsec_nanosecond() };
            Ok(pb::ListLocationsResponse { locations: self.locations().await?, as_of: Some(as_of) })
        })
        .await
    }
}

impl Connector {
    fn ours(&self, field: &str, given: &str) -> Result<(), Error> {
        Ok(request::instance(field, given, &self.channel.instance)?)
    }
}

async fn answer<T>(work: impl Future<Output = Result<T, Error>>) -> Answer<T> {
    Box::pin(work).await.map(Response::new).map_err(|error| fault::status(DOMAIN, &error))
}
