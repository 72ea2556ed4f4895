//! The calls to payment services: is the money held for us, take it, let it go, give it back.

use retail_flow::{Failure, done};
use retail_proto::payments::v1 as pay;
use retail_proto::payments::v1::payments_service_client::PaymentsServiceClient;
use retail_runtime::Peer;

use super::{Calls, broken};
use crate::ask;
use crate::documents::Payment;
use crate::journey::Brought;
use crate::record::Order;

impl Calls {
    /// Our reference on what the customer authorized, so that it is found by it; answers how it stands.
    pub(super) async fn ask_payment(&self, order: &Order, id: &str, key: String) -> Result<Brought, Failure> {
        let (payment, mut service) = self.payment_of(order, id)?;
        let request = pay::AdoptPaymentRequest {
            instance: payment.service.clone(),
            idempotency_key: key,
            payment_id: payment.reference.clone(),
            external_ref: payment.id.clone(),
        };
        let answer = service.adopt_payment(request).await?.into_inner();
        done("payments.AdoptPayment", answer.outcome.as_ref())?;
        standing("payments.AdoptPayment", answer.payment)
    }

    /// Authorizes what is still owed, on what the customer has paid the first time with. What carries our id is a payment like
    /// another, however it stands: a bank's no, and why, are said by its standing.
    pub(super) async fn authorize_anew(&self, order: &Order, id: &str, key: String) -> Result<Brought, Failure> {
        let (payment, mut service) = self.payment_of(order, id)?;
        let (first, _) = self.payment_of(order, &payment.again_of)?;
        let request = pay::AuthorizeAnewRequest {
            instance: payment.service.clone(),
            idempotency_key: key,
            external_ref: payment.id.clone(),
            payment_id: first.reference.clone(),
            amount: Some(ask::money(order, payment.minor)),
            verify_only: false,
        };
        let answer = service.authorize_anew(request).await?.into_inner();
        if let Some(made) = answer.payment.filter(|made| made.external_ref == payment.id) {
            return Ok(Brought::Paid(Box::new(made)));
        }
        done("payments.AuthorizeAnew", answer.outcome.as_ref())?;
        Err(broken("payments.AuthorizeAnew", "payment"))
    }

    pub(super) async fn capture(&self, order: &Order, id: &str, key: String) -> Result<Brought, Failure> {
        let (capture, mut service) = self.payment_of(order, id)?;
        let request = pay::CapturePaymentRequest {
            instance: capture.service.clone(),
            idempotency_key: key,
            external_ref: capture.id.clone(),
            payment_id: capture.reference.clone(),
            amount: Some(ask::money(order, capture.minor)),
            r#final: capture.last,
            verify_only: false,
        };
        let answer = service.capture_payment(request).await?.into_inner();
        done("payments.CapturePayment", answer.outcome.as_ref())?;
        standing("payments.CapturePayment", answer.payment)
    }

    pub(super) async fn let_payment_go(&self, order: &Order, id: &str, key: String) -> Result<Brought, Failure> {
        let (payment, mut service) = self.payment_of(order, id)?;
        let request = pay::CancelAuthorizationRequest {
            instance: payment.service.clone(),
            idempotency_key: key,
            payment_id: payment.reference.clone(),
            reason: i32::from(pay::CancelReason::Abandoned),
        };
        let answer = service.cancel_authorization(request).await?.into_inner();
        let refusal = done("payments.CancelAuthorization", answer.outcome.as_ref());
        match (refusal, answer.payment) {
            // Somebody took it meanwhile: that is how it stands, and there is nothing left to let go.
            (Err(failure), Some(payment)) if failure.reason() == "ALREADY_CAPTURED" => {
                Ok(Brought::Paid(Box::new(payment)))
            }
            (Err(failure), _) => Err(failure),
            (Ok(()), payment) => standing("payments.CancelAuthorization", payment),
        }
    }

    pub(super) async fn refund_payment(&self, order: &Order, id: &str, key: String) -> Result<Brought, Failure> {
        let refund = order.refunds.iter().find(|refund| refund.id == id);
        let refund = refund.ok_or_else(|| Failure::refused("NO_SUCH_REFUND", format!("order has no refund {id}")))?;
        if refund.by_hand {
            let amount = order.money(refund.minor).map(|amount| amount.to_string()).unwrap_or_default();
            let detail = format!("a refund of {amount} came back; give it back by other means, then resume the order");
            return Err(Failure::refused("REFUND_CAME_BACK", detail));
        }
        let (payment, mut service) = self.payment_of(order, &refund.payment)?;
        let request = pay::RefundPaymentRequest {
            instance: payment.service.clone(),
            idempotency_key: key,
            external_ref: refund.id.clone(),
            payment_id: payment.reference.clone(),
            amount: Some(ask::money(order, refund.minor)),
            reason: i32::from(pay::RefundReason::RequestedByCustomer),
            verify_only: false,
        };
        let answer = service.refund_payment(request).await?.into_inner();
        done("payments.RefundPayment", answer.outcome.as_ref())?;
        let record = answer.refund.and_then(|refund| refund.refund);
        record.map(Brought::Record).ok_or_else(|| broken("payments.RefundPayment", "refund.refund"))
    }

    fn payment_of<'a>(
        &self,
        order: &'a Order,
        id: &str,
    ) -> Result<(&'a Payment, PaymentsServiceClient<Peer>), Failure> {
        let found = order.payments.iter().find(|payment| payment.id == id);
        let payment = found.ok_or_else(|| Failure::refused("NO_SUCH_PAYMENT", format!("order has no payment {id}")))?;
        let peer = self.payments.get(&payment.service).ok_or_else(|| {
            let detail = format!(
                "no payment service {:?} is configured; set orders.payments.{}",
                payment.service, payment.service
            );
            Failure::not_done("SYSTEM_NOT_CONFIGURED", detail)
        })?;
        Ok((payment, PaymentsServiceClient::new(peer.clone())))
    }
}

fn standing(who: &str, payment: Option<pay::Payment>) -> Result<Brought, Failure> {
    payment.map(|payment| Brought::Paid(Box::new(payment))).ok_or_else(|| broken(who, "payment"))
}
