//! Money back by the way it came: out of the payments that Weft has taken itself, the last first, then by the shop. What a
//! refund of ours has given already is read before anything is asked for, so that a repeat gives only the rest.

use retail_flow::{Failure, done};
use retail_proto::payments::v1 as pay;
use retail_proto::payments::v1::payments_service_client::PaymentsServiceClient;
use retail_proto::types::v1::{Money, Ref};
use retail_runtime::Peer;

use crate::ask::Of;
use crate::calls::{Calls, broken};
use crate::crediting::Told;
use crate::day::millisecond;
use crate::sale::{Held, Sale};

impl Calls {
    /// Gives back what a part is due.
    pub(crate) async fn refund_held(&self, of: &Of<'_>, sale: &Sale, key: &str) -> Result<Told, Failure> {
        let id = of.part.refund_id();
        let mut giving = Giving { left: of.part.still_due(), at: self.now(), ..Giving::default() };
        let mut elsewhere = sale.captured;
        for held in sale.held.iter().rev() {
            let (external_ref, key) = (format!("{id}/{}", held.reference), format!("{key}/{}", held.reference));
            let mut service = self.service(held)?;
            let request = pay::GetPaymentRequest { instance: held.service.clone(), payment_id: held.reference.clone() };
            let payment = service.get_payment(request).await?.into_inner().payment;
            let payment = payment.ok_or_else(|| broken("payments.GetPayment", "payment"))?;
            elsewhere = elsewhere.saturating_sub(minor(payment.captured.as_ref()));
            let known = payment.refunds.iter().find(|refund| refund.external_ref == external_ref).cloned();
            let refund = match (known, giving.next(room(&payment))) {
                (Some(refund), _) => refund,
                (None, None) => continue,
                (None, Some(part)) => {
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
            giving.take(refund);
        }
        if let Some(part) = giving.next(elsewhere) {
            self.refund_elsewhere(of, &mut giving, part, key).await?;
        }
        giving.told(&of.order.number)
    }

    /// What came in by another way than our payments goes back by the shop.
    async fn refund_elsewhere(&self, of: &Of<'_>, giving: &mut Giving, part: i64, key: &str) -> Result<(), Failure> {
        let mut request = self.refund_request(of, format!("{key}/shop"));
        request.external_ref.push_str("/shop");
        request.amount = Some(of.money(part));
        match self.refund_at_the_shop(of, request).await {
            Ok(told) => giving.take_elsewhere(told, part),
            // What is under way may fail as well: then a person has to give more.
            Err(why) if why.reason() == "REFUND_NOT_POSSIBLE" && giving.pending => {}
            Err(why) if why.reason() == "REFUND_FAILED" => giving.failed = Some(why),
            // Anything else is asked again under the same reference: nobody says that nothing was given.
            Err(why) => return Err(why),
        }
        Ok(())
    }

    fn service(&self, held: &Held) -> Result<PaymentsServiceClient<Peer>, Failure> {
        let peer = self.payments.get(&held.service).ok_or_else(|| {
            let detail = format!("no payment service {:?} is configured; set returns.payments.{0}", held.service);
            Failure::not_done("SYSTEM_NOT_CONFIGURED", detail)
        })?;
        Ok(PaymentsServiceClient::new(peer.clone()))
    }
}

/// What was given so far of one refund, minor units.
#[derive(Default)]
struct Giving {
    left: i64,
    gave: i64,
    at: i64,
    pending: bool,
    record: Option<Ref>,
    /// Why one of them gave nothing.
    failed: Option<Failure>,
}

impl Giving {
    /// What the next payment is asked for, if it has `room`. Nothing once one has failed: a person decides how it goes on.
    fn next(&self, room: i64) -> Option<i64> {
        Some(self.left.min(room)).filter(|part| *part > 0 && self.failed.is_none())
    }

    fn take(&mut self, refund: pay::Refund) {
        if refund.state() == pay::RefundState::Failed {
            self.failed = Some(Failure::refused("REFUND_FAILED", refund.cause));
            return;
        }
        self.pending |= refund.state() != pay::RefundState::Done;
        self.at = refund.refunded_at.as_ref().map_or(self.at, millisecond);
        self.given(minor(refund.amount.as_ref()), refund.refund);
    }

    fn take_elsewhere(&mut self, told: Told, asked: i64) {
        self.pending |= told.pending;
        self.at = told.at;
        self.given(told.minor.unwrap_or(asked), told.record);
    }

    fn given(&mut self, part: i64, record: Option<Ref>) {
        self.left = self.left.saturating_sub(part);
        self.gave = self.gave.saturating_add(part);
        self.record = self.record.take().or(record);
    }

    /// What came of it. One that failed is told when the others have ended: what they gave counts.
    fn told(self, order: &str) -> Result<Told, Failure> {
        match self.failed {
            Some(why) if self.gave == 0 => return Err(why),
            None if self.record.is_none() => {
                let detail = format!("nothing that was taken for order {order} is left to give back");
                return Err(Failure::refused("REFUND_EXCEEDS_PAYMENT", detail));
            }
            Some(_) | None => {}
        }
        Ok(Told {
            record: self.record,
            minor: Some(self.gave),
            at: self.at,
            pending: self.pending,
            failed: self.failed.is_some() && !self.pending,
        })
    }
}

/// What can still be given back of a payment, minor units: a failed refund gave nothing.
fn room(payment: &pay::Payment) -> i64 {
    let given = payment.refunds.iter().filter(|refund| refund.state() != pay::RefundState::Failed);
    let given = given.fold(0_i64, |sum, refund| sum.saturating_add(minor(refund.amount.as_ref())));
    minor(payment.captured.as_ref()).saturating_sub(given)
}

fn minor(money: Option<&Money>) -> i64 {
    money.map_or(0, |money| money.minor_units)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refund(minor_units: i64, state: pay::RefundState) -> pay::Refund {
        let amount = Some(Money { currency: "GBP".into(), minor_units });
        let refund = Some(Ref { id: "re-1".into(), ..Ref::default() });
        pay::Refund { state: i32::from(state), amount, refund, ..pay::Refund::default() }
    }

    fn giving(left: i64) -> Giving {
        Giving { left, ..Giving::default() }
    }

    #[test]
    fn each_payment_gives_what_it_has_until_all_is_given() {
        let mut giving = giving(800);
        assert_eq!(giving.next(300), Some(300));
        giving.take(refund(300, pay::RefundState::Done));
        assert_eq!((giving.next(0), giving.next(1_000)), (None, Some(500)));
        giving.take(refund(500, pay::RefundState::Done));
        assert_eq!(giving.next(1_000), None);
        let told = giving.told("#1").unwrap();
        assert_eq!((told.minor, told.pending, told.failed), (Some(800), false, false));
    }

    #[test]
    fn what_one_gave_before_another_failed_is_told_once_all_have_ended() {
        let after = |first: pay::RefundState| {
            let mut giving = giving(800);
            giving.take(refund(300, first));
            giving.take(refund(500, pay::RefundState::Failed));
            assert_eq!(giving.next(1_000), None, "nobody else is asked then");
            giving.told("#1").unwrap()
        };
        let told = after(pay::RefundState::Done);
        assert_eq!((told.minor, told.pending, told.failed), (Some(300), false, true));
        let told = after(pay::RefundState::Pending);
        assert_eq!((told.pending, told.failed), (true, false), "it may fail as well");
    }

    #[test]
    fn of_payments_that_gave_nothing_it_is_said_why() {
        let mut failed = giving(800);
        failed.take(refund(800, pay::RefundState::Failed));
        assert_eq!(failed.told("#1").unwrap_err().reason(), "REFUND_FAILED");
        assert_eq!(giving(800).told("#1").unwrap_err().reason(), "REFUND_EXCEEDS_PAYMENT");
    }
}
