//! Money back at a payment service, for orders whose payments Weft has taken there itself. What a refund of ours has given
//! already is read before anything is asked for, so that a repeat gives only the rest.

use retail_flow::{Failure, done};
use retail_proto::payments::v1 as pay;
use retail_proto::payments::v1::payments_service_client::PaymentsServiceClient;
use retail_runtime::Peer;

use crate::ask::Of;
use crate::calls::{Calls, broken};
use crate::crediting::Told;
use crate::day::millisecond;
use crate::sale::{Held, Sale};

impl Calls {
    /// Gives back what a part is due, out of the order's authorizations, the last first.
    pub(crate) async fn refund_held(&self, of: &Of<'_>, sale: &Sale, key: &str) -> Result<Told, Failure> {
        let (id, mut left) = (of.part.refund_id(), of.part.still_due());
        let mut told = Told { at: self.now(), ..Told::default() };
        let mut gave = 0_i64;
        for (held, place) in sale.held.iter().rev().zip(1_usize..) {
            let (external_ref, key) = (format!("{id}/{place}"), format!("{key}/{place}"));
            let mut service = self.service(held)?;
            let request = pay::GetPaymentRequest { instance: held.service.clone(), payment_id: held.reference.clone() };
            let payment = service.get_payment(request).await?.into_inner().payment;
            let payment = payment.ok_or_else(|| broken("payments.GetPayment", "payment"))?;
            let known = payment.refunds.iter().find(|refund| refund.external_ref == external_ref).cloned();
            let refund = match known {
                Some(refund) => refund,
                None => {
                    let part = left.min(room(&payment));
                    if part <= 0 {
                        continue;
                    }
                    let request = pay::RefundPaymentRequest {
                        instance: held.service.clone(),
                        idempotency_key: key,
                        external_ref,
                        payment_id: held.reference.clone(),
                        amount: Some(of.money(part)),
                        reason: i32::from(pay::RefundReason::RequestedByCustomer),
                        verify_only: false,
                    };
                    let answer = service.refund_payment(request).await?.into_inner();
                    match answer.refund {
                        Some(refund) => refund,
                        None => {
                            done("payments.RefundPayment", answer.outcome.as_ref())?;
                            return Err(broken("payments.RefundPayment", "refund"));
                        }
                    }
                }
            };
            if refund.state() == pay::RefundState::Failed {
                return Err(Failure::refused("REFUND_FAILED", refund.cause));
            }
            told.pending |= refund.state() != pay::RefundState::Done;
            let part = refund.amount.map_or(0, |amount| amount.minor_units);
            left = left.saturating_sub(part);
            gave = gave.saturating_add(part);
            told.at = refund.refunded_at.as_ref().map_or(told.at, millisecond);
            told.record = told.record.or(refund.refund);
        }
        if told.record.is_none() {
            let detail = format!("nothing that was taken for order {} is left to give back", of.order.number);
            return Err(Failure::refused("REFUND_EXCEEDS_PAYMENT", detail));
        }
        told.minor = Some(gave);
        Ok(told)
    }

    fn service(&self, held: &Held) -> Result<PaymentsServiceClient<Peer>, Failure> {
        let peer = self.payments.get(&held.service).ok_or_else(|| {
            let detail = format!("no payment service {:?} is configured; set returns.payments.{0}", held.service);
            Failure::not_done("SYSTEM_NOT_CONFIGURED", detail)
        })?;
        Ok(PaymentsServiceClient::new(peer.clone()))
    }
}

/// What can still be given back of a payment, minor units: a failed refund gave nothing.
fn room(payment: &pay::Payment) -> i64 {
    let minor = |amount: &Option<retail_proto::types::v1::Money>| amount.as_ref().map_or(0, |money| money.minor_units);
    let given = payment.refunds.iter().filter(|refund| refund.state() != pay::RefundState::Failed);
    let given = given.fold(0_i64, |sum, refund| sum.saturating_add(minor(&refund.amount)));
    minor(&payment.captured).saturating_sub(given)
}
