//! The journey of an order, from capture to closed books, as the driver knows it. What comes next stands in `way.rs`, what
//! an answer means in `outcome.rs`, the calls in `calls.rs`.

use std::sync::Arc;

use retail_flow::{Attempt, Failure, Next, Parked, Process, Summary, Verdict};
use retail_proto::commerce::v1 as shop;
use retail_proto::customers::v1::Customer;
use retail_proto::erp::v1 as erp;
use retail_proto::inventory::v1 as stock;
use retail_proto::payments::v1 as pay;
use retail_proto::types::v1::Ref;
use retail_runtime::Timestamp;
use retail_store::Draft;

use crate::calls::Calls;
use crate::decision::Decision;
use crate::leg::Leg;
use crate::record::{Order, State};
use crate::{outcome, refunds, seal, sent, way};

/// What a leg brings.
#[derive(Debug, Clone)]
pub(crate) enum Brought {
    /// The customer.
    Customer(Box<Customer>),
    /// One answer per goods line, in order.
    Items(Vec<stock::ResolvedItem>),
    /// Which places fulfil it.
    Decision(Box<Decision>),
    /// The promise, or what is lacking.
    Reservation(stock::ReserveStockResponse),
    /// The sales order as it stands.
    SalesOrder(Box<erp::SalesOrder>),
    /// The ERP's document of a payment.
    Payment(erp::PaymentDocument),
    /// An authorization as it stands.
    Paid(Box<pay::Payment>),
    /// What the shop has given back by itself, and whether it has cancelled the order.
    ShopRefunds(Box<shop::GetOrderResponse>),
    /// The order as the shop shows it after an edit of ours.
    ShopEdited(Box<shop::EditOrderResponse>),
    /// A record of another system.
    Record(Ref),
    /// Done, nothing to remember.
    Done,
}

/// The process of orders.
pub(crate) struct Journey {
    calls: Calls,
    seal: seal::Seal,
}

impl Journey {
    /// A journey over these peers.
    #[must_use]
    pub(crate) fn new(calls: Calls, seal: seal::Seal) -> Arc<Self> {
        Arc::new(Self { calls, seal })
    }
}

impl Process for Journey {
    type Doc = Order;
    type Step = Leg;
    type Outcome = Brought;

    fn decide(&self, order: &Order, now: Timestamp) -> Next<Leg> {
        way::next(order, self.calls.sources.wants(order), self.calls.has_crm(order), now)
    }

    async fn perform(&self, _id: &str, order: &Order, leg: &Leg, attempt: Attempt) -> Result<Brought, Failure> {
        self.calls.perform(order, leg, &attempt).await
    }

    async fn verify(&self, _id: &str, order: &Order, leg: &Leg) -> Result<Option<Brought>, Failure> {
        self.calls.verify(order, leg).await
    }

    fn apply(&self, draft: &mut Draft<Order>, leg: &Leg, brought: &Brought, now: Timestamp) {
        let at = now.as_millisecond();
        let rules = self.calls.rules(&draft.doc);
        let was = draft.doc.state();
        outcome::take(&mut draft.doc, leg, brought, &rules, at);
        if was != State::Cancelling && draft.doc.state() == State::Cancelling {
            sent::ask_for_payments(draft);
        }
    }

    fn refused(&self, draft: &mut Draft<Order>, leg: &Leg, why: &Failure, now: Timestamp) -> Verdict {
        let was = draft.doc.state();
        let rules = self.calls.rules(&draft.doc);
        let verdict = outcome::refused(&mut draft.doc, leg, why, &rules, now.as_millisecond());
        if was != State::Cancelling && draft.doc.state() == State::Cancelling {
            sent::ask_for_payments(draft);
        }
        verdict
    }

    fn parked(&self, draft: &mut Draft<Order>, why: Option<&Parked>, now: Timestamp) {
        let order = &mut draft.doc;
        match why {
            Some(parked) => order.cause = format!("{}: {}", parked.reason, parked.detail),
            // Whoever let it go on may have given another cause since.
            None if order.parked => order.cause.clear(),
            None => {}
        }
        order.parked = why.is_some();
        if why.is_none() {
            refunds::resumed(order, now.as_millisecond());
            order.advance();
        }
    }

    fn seal(&self, draft: &mut Draft<Order>, before: &Order, now: Timestamp) {
        self.seal.seal(draft, before, now);
    }

    fn summary(&self, order: &Order) -> Summary {
        Summary { name: order.number.clone(), status: order.status().to_owned() }
    }
}
