//! What stores, places and agents ask of an order beyond placing it, each a few lines around a pure rule: into the order,
//! its timeline and its audit.

use prost::Message as _;
use retail_flow::Asked;
use retail_proto::orders::v1 as pb;
use retail_proto::types::v1::Money;
use retail_runtime::Timestamp;
use retail_runtime::fault::Violations;
use retail_store::Draft;

use crate::fault::Error;
use crate::orders::{Changed, Orders, existing, key_shape};
use crate::payments;
use crate::pickup::By;
use crate::record::Order;
use crate::reroute::Wish;

impl Orders {
    /// It waits for the customer.
    pub(crate) async fn mark_ready(
        &self,
        principal: &str,
        request: &pb::MarkReadyForPickupRequest,
    ) -> Result<(Order, bool), Error> {
        key_shape(&request.idempotency_key)?;
        let asked = Asked::new(principal, "MarkReadyForPickup", &request.idempotency_key, request.encode_to_vec());
        let sources = self.calls.sources.clone();
        let rule = move |order: &mut Order, by: By<'_>| order.ready_for_pickup(sources.kept_until(order, by.at), by);
        self.say(&request.order_id, asked, ("READY_FOR_PICKUP", &request.note), rule).await
    }

    /// The customer has it.
    pub(crate) async fn hand_over(
        &self,
        principal: &str,
        request: &pb::HandOverOrderRequest,
    ) -> Result<(Order, bool), Error> {
        key_shape(&request.idempotency_key)?;
        let mut bad = Violations::default();
        bad.require("collected_by", !request.collected_by.is_empty(), "say who got it");
        bad.check()?;
        let asked = Asked::new(principal, "HandOverOrder", &request.idempotency_key, request.encode_to_vec());
        let to = request.collected_by.clone();
        let rule = move |order: &mut Order, by: By<'_>| order.hand_over(&to, by);
        self.say(&request.order_id, asked, ("HANDED_OVER", &request.note), rule).await
    }

    /// A place cannot fulfil what it was given. What is shipped goes to another place by the policy; a pickup where the
    /// policy says, else a person decides.
    pub(crate) async fn reject_pick(
        &self,
        principal: &str,
        request: &pb::RejectPickRequest,
    ) -> Result<(Order, bool), Error> {
        key_shape(&request.idempotency_key)?;
        let mut bad = Violations::default();
        bad.require("reason", !request.reason.is_empty(), "say why; people read it");
        bad.check()?;
        let asked = Asked::new(principal, "RejectPick", &request.idempotency_key, request.encode_to_vec());
        let (sources, location) = (self.calls.sources.clone(), request.location.clone());
        let rule = move |order: &mut Order, by: By<'_>| {
            let (fits, pickup) = (sources.fits(order), sources.rejected_pickup(order));
            order.reject(&location, fits, pickup, by)
        };
        self.say(&request.order_id, asked, ("PICK_REJECTED", &request.reason), rule).await
    }

    /// Lines go to another place, or a pickup is shipped.
    pub(crate) async fn reroute(
        &self,
        principal: &str,
        request: &pb::RerouteOrderRequest,
    ) -> Result<(Order, bool), Error> {
        key_shape(&request.idempotency_key)?;
        let mut bad = Violations::default();
        bad.require("reason", !request.reason.is_empty(), "say why; people read it");
        bad.require("to", request.to.is_empty() || !request.ship, "a pickup that is shipped goes where sourcing says");
        bad.check()?;
        let asked = Asked::new(principal, "RerouteOrder", &request.idempotency_key, request.encode_to_vec());
        let wish = Wish { from: request.from.clone(), to: request.to.clone(), ship: request.ship };
        let sources = self.calls.sources.clone();
        let rule = move |order: &mut Order, by: By<'_>| order.reroute(&wish, sources.fits(order), by);
        self.say(&request.order_id, asked, ("REROUTE_ASKED", &request.reason), rule).await
    }

    /// Some lines are cancelled while the rest goes on.
    pub(crate) async fn cancel_lines(
        &self,
        principal: &str,
        request: &pb::CancelOrderRequest,
    ) -> Result<(Order, bool), Error> {
        let asked = Asked::new(principal, "CancelOrder", &request.idempotency_key, request.encode_to_vec());
        let lines = request.line_numbers.clone();
        let rule = move |order: &mut Order, by: By<'_>| order.cancel_lines(&lines, by);
        self.say(&request.order_id, asked, ("CANCEL_LINES_ASKED", &request.reason), rule).await
    }

    /// A person wants to look at it first.
    pub(crate) async fn hold(&self, principal: &str, request: &pb::HoldOrderRequest) -> Result<(Order, bool), Error> {
        key_shape(&request.idempotency_key)?;
        let mut bad = Violations::default();
        bad.require("note", !request.note.is_empty(), "say why; people read it");
        bad.check()?;
        let asked = Asked::new(principal, "HoldOrder", &request.idempotency_key, request.encode_to_vec());
        let note = request.note.clone();
        let calls = self.calls.clone();
        let rule = move |order: &mut Order, by: By<'_>| {
            order.hold_by_person(&note, by.at)?;
            order.date_holds(&calls.rules(order).screening);
            Ok(())
        };
        self.say(&request.order_id, asked, ("HELD", &request.note), rule).await
    }

    /// The customer paid anew, or by other means.
    pub(crate) async fn add_payment(
        &self,
        principal: &str,
        request: &pb::AddPaymentRequest,
    ) -> Result<(Order, bool), Error> {
        key_shape(&request.idempotency_key)?;
        let mut bad = Violations::default();
        bad.require("reason", !request.reason.is_empty(), "say why; people read it");
        bad.require("payment", request.payment.is_some(), "give the payment");
        bad.check()?;
        let asked = Asked::new(principal, "AddPayment", &request.idempotency_key, request.encode_to_vec());
        let (calls, payment) = (self.calls.clone(), request.payment.clone().unwrap_or_default());
        let rule = move |order: &mut Order, by: By<'_>| {
            let channel = calls.channel(&order.channel).cloned();
            payments::add(order, &payment, channel.as_ref(), by.at)
        };
        self.say(&request.order_id, asked, ("PAYMENT_ADDED", &request.reason), rule).await
    }

    /// A return credits goods that are not paid; answers what of it is not taken any more, minor units.
    pub(crate) async fn take_return_credit(
        &self,
        principal: &str,
        request: &pb::TakeReturnCreditRequest,
    ) -> Result<(Money, bool), Error> {
        key_shape(&request.idempotency_key)?;
        let mut bad = Violations::default();
        bad.require("reference", !request.reference.is_empty(), "give the return's id of the credit");
        let amount = request.amount.clone().unwrap_or_default();
        bad.require("amount", amount.minor_units > 0, "give what of the credit would pay the invoice, above 0");
        bad.check()?;
        let asked = Asked::new(principal, "TakeReturnCredit", &request.idempotency_key, request.encode_to_vec());
        let (reference, asked_for) = (request.reference.clone(), amount.minor_units);
        let rule = move |order: &mut Order, _: By<'_>| {
            let mut bad = Violations::default();
            let same = amount.currency == order.currency;
            bad.require("amount", same, &format!("give it in the order's currency, {}", order.currency));
            bad.check()?;
            order.take_return_credit(&reference, asked_for)
        };
        let (order, repeated) =
            self.say(&request.order_id, asked, ("RETURN_CREDITED", &request.reference), rule).await?;
        let unwritten = if order.adopted { asked_for } else { 0 };
        let minor_units = order.taken_off_by(&request.reference).unwrap_or(unwritten);
        Ok((Money { minor_units, currency: order.currency }, repeated))
    }

    async fn say(
        &self,
        id: &str,
        asked: Asked,
        (what, why): (&'static str, &str),
        step: impl Fn(&mut Order, By<'_>) -> Result<(), Error> + Send + 'static,
    ) -> Result<(Order, bool), Error> {
        let (now, seal): (Timestamp, _) = (self.clock.now(), self.seal);
        let (who, why) = (asked.principal().to_owned(), why.to_owned());
        let rule = move |draft: &mut Draft<Order>| {
            existing(draft)?;
            let before = draft.doc.clone();
            step(&mut draft.doc, By { who: &who, at: now.as_millisecond(), why: &why })?;
            draft.doc.advance();
            if draft.doc != before {
                retail_flow::note(draft, what, &format!("{who}: {why}"), now);
                retail_flow::wake(draft, now);
                seal.seal(draft, &before, now);
            }
            Ok(Changed { id: draft.id().to_owned() })
        };
        self.change(id, asked, rule).await
    }
}
