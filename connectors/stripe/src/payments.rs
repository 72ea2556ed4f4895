//! The contract: canonical in, canonical out.

use std::time::Duration;

use retail_connect::webhook::Secrets;
use retail_proto::payments::v1 as pb;
use retail_proto::payments::v1::payment_facts_service_client::PaymentFactsServiceClient;
use retail_proto::payments::v1::payments_service_server::PaymentsService;
use retail_runtime::{Clock, Peer, fault};
use tonic::{Request, Response, Status};

use crate::api::Api;
use crate::fault::Error;
use crate::map::Account;
use crate::{describe, request};

const DOMAIN: &str = "stripe.retail";

/// One Stripe account as a payment service. Keeps nothing.
#[derive(Clone)]
pub struct Connector {
    pub(crate) account: Account,
    pub(crate) secrets: Secrets,
    pub(crate) tolerance: Duration,
    pub(crate) webhook_patience: Duration,
    pub(crate) overlap: Duration,
    pub(crate) clock: Clock,
    pub(crate) api: Api,
    pub(crate) facts: Option<PaymentFactsServiceClient<Peer>>,
}

type Answer<T> = Result<Response<T>, Status>;

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("instance", &self.account.instance).finish_non_exhaustive()
    }
}

#[tonic::async_trait]
impl PaymentsService for Connector {
    async fn describe(&self, _: Request<pb::DescribeRequest>) -> Answer<pb::DescribeResponse> {
        Ok(Response::new(pb::DescribeResponse { description: Some(describe::description(self.api.version())) }))
    }

    async fn get_payment(&self, asked: Request<pb::GetPaymentRequest>) -> Answer<pb::GetPaymentResponse> {
        let asked = asked.into_inner();
        answer(async {
            self.ours("instance", &asked.instance)?;
            request::payment_id(&asked.payment_id)?;
            let standing = self.standing(&asked.payment_id).await?;
            Ok(pb::GetPaymentResponse { payment: Some(self.account.payment(&standing)?) })
        })
        .await
    }

    async fn find_payments(&self, asked: Request<pb::FindPaymentsRequest>) -> Answer<pb::FindPaymentsResponse> {
        let asked = asked.into_inner();
        answer(async {
            self.ours("instance", &asked.instance)?;
            let wanted = request::wanted(&asked)?;
            Ok(pb::FindPaymentsResponse { payments: self.find(&wanted).await? })
        })
        .await
    }

    async fn adopt_payment(&self, asked: Request<pb::AdoptPaymentRequest>) -> Answer<pb::AdoptPaymentResponse> {
        let asked = asked.into_inner();
        answer(async {
            self.ours("instance", &asked.instance)?;
            let adoption = request::adoption(&asked)?;
            let (outcome, payment) = self.adopt(&adoption).await?;
            Ok(pb::AdoptPaymentResponse { outcome: Some(outcome), payment: Some(payment) })
        })
        .await
    }

    async fn capture_payment(&self, asked: Request<pb::CapturePaymentRequest>) -> Answer<pb::CapturePaymentResponse> {
        let asked = asked.into_inner();
        answer(async {
            self.ours("instance", &asked.instance)?;
            let wanted = request::capture(&asked)?;
            let (outcome, payment) = self.capture(&wanted).await?;
            Ok(pb::CapturePaymentResponse { outcome: Some(outcome), payment: Some(payment) })
        })
        .await
    }

    async fn cancel_authorization(
        &self,
        asked: Request<pb::CancelAuthorizationRequest>,
    ) -> Answer<pb::CancelAuthorizationResponse> {
        let asked = asked.into_inner();
        answer(async {
            self.ours("instance", &asked.instance)?;
            let wanted = request::cancellation(&asked)?;
            let (outcome, payment) = self.cancel(&wanted).await?;
            Ok(pb::CancelAuthorizationResponse { outcome: Some(outcome), payment: Some(payment) })
        })
        .await
    }

    async fn authorize_anew(&self, asked: Request<pb::AuthorizeAnewRequest>) -> Answer<pb::AuthorizeAnewResponse> {
        let asked = asked.into_inner();
        answer(async {
            self.ours("instance", &asked.instance)?;
            let wanted = request::anew(&asked)?;
            let (outcome, payment) = self.anew(&wanted).await?;
            Ok(pb::AuthorizeAnewResponse { outcome: Some(outcome), payment })
        })
        .await
    }

    async fn refund_payment(&self, asked: Request<pb::RefundPaymentRequest>) -> Answer<pb::RefundPaymentResponse> {
        let asked = asked.into_inner();
        answer(async {
            self.ours("instance", &asked.instance)?;
            let wanted = request::refund(&asked)?;
            let (outcome, refund, payment) = self.refund(&wanted).await?;
            Ok(pb::RefundPaymentResponse { outcome: Some(outcome), refund, payment: Some(payment) })
        })
        .await
    }

    async fn list_changes(&self, asked: Request<pb::ListChangesRequest>) -> Answer<pb::ListChangesResponse> {
        let asked = asked.into_inner();
        answer(async {
            self.ours("instance", &asked.instance)?;
            let (cursor, limit) = request::changes(&asked)?;
            self.changes(cursor, limit).await
        })
        .await
    }

    async fn accept_webhook(&self, asked: Request<pb::AcceptWebhookRequest>) -> Answer<pb::AcceptWebhookResponse> {
        let webhook = asked.into_inner().webhook.unwrap_or_default();
        answer(async {
            self.ours("webhook.instance", &webhook.instance)?;
            Ok(pb::AcceptWebhookResponse { reply: Some(self.accept(&webhook).await) })
        })
        .await
    }
}

impl Connector {
    fn ours(&self, field: &str, given: &str) -> Result<(), Error> {
        Ok(request::instance(field, given, &self.account.instance)?)
    }
}

async fn answer<T>(work: impl Future<Output = Result<T, Error>>) -> Answer<T> {
    Box::pin(work).await.map(Response::new).map_err(|error| fault::status(DOMAIN, &error))
}
