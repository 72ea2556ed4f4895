//! The journey of an order, from capture to closed books, as the driver knows it. What comes next stands in `way.rs`, what
//! an answer means in `outcome.rs`, the calls in `calls.rs`.

use std::sync::Arc;

use retail_flow::{Attempt, Failure, Kept, Next, Parked, Personal, Process, Retold, Summary, Verdict, kept};
use retail_proto::commerce::v1 as shop;
use retail_proto::customers::v1::Customer;
use retail_proto::erp::v1 as erp;
use retail_proto::inventory::v1 as stock;
use retail_proto::payments::v1 as pay;
use retail_proto::types::v1::Ref;
use retail_runtime::Timestamp;
use retail_store::Draft;
use serde::{Deserialize, Serialize};

use crate::calls::Calls;
use crate::credit::Check;
use crate::decision::Decision;
use crate::leg::Leg;
use crate::record::{Order, State};
use crate::{outcome, refunds, seal, sent, told, way};

/// What a leg brings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Brought {
    /// The customer.
    Customer(#[serde(with = "kept::boxed")] Box<Customer>),
    /// One answer per goods line, in order.
    Items(#[serde(with = "kept::list")] Vec<stock::ResolvedItem>),
    /// Whether the customer may owe it.
    Credit(#[serde(with = "kept::own")] Box<Check>),
    /// Which places fulfil it.
    Decision(#[serde(with = "kept::own")] Box<Decision>),
    /// The promise, or what is lacking.
    Reservation(#[serde(with = "kept")] stock::ReserveStockResponse),
    /// The sales order as it stands.
    SalesOrder(#[serde(with = "kept::boxed")] Box<erp::SalesOrder>),
    /// The ERP's document of a payment.
    Payment(#[serde(with = "kept")] erp::PaymentDocument),
    /// An authorization as it stands.
    Paid(#[serde(with = "kept::boxed")] Box<pay::Payment>),
    /// What the shop has given back by itself, and whether it has cancelled the order.
    ShopRefunds(#[serde(with = "kept::boxed")] Box<shop::GetOrderResponse>),
    /// The order as the shop shows it after an edit of ours.
    ShopEdited(#[serde(with = "kept::boxed")] Box<shop::EditOrderResponse>),
    /// A record of another system.
    Record(#[serde(with = "kept")] Ref),
    /// Done, nothing to remember.
    Done,
}

/// Where an order holds personal data.
const PERSONAL: &[Personal] = &[
    // Of the buyer: e-mail, phone, names.
    Personal::text(&[14, 2]),
    Personal::text(&[14, 4]),
    Personal::text(&[14, 5]),
    Personal::text(&[14, 6]),
    Personal::message(&[15], "retail.types.v1.Address"),
    Personal::message(&[16], "retail.types.v1.Address"),
    // Of what was told: a digest that could be guessed at.
    Personal::text(&[43]),
    // Of a pickup: who is written to, and who came.
    Personal::text(&[50, 2]),
    Personal::text(&[50, 3]),
    Personal::text(&[50, 4]),
    Personal::text(&[50, 7]),
    // Of edits: addresses before and after, another pickup.
    Personal::message(&[62, 7], "retail.types.v1.Address"),
    Personal::message(&[62, 8], "retail.types.v1.Address"),
    Personal::text(&[62, 10, 2]),
    Personal::text(&[62, 10, 3]),
    Personal::text(&[62, 10, 4]),
    Personal::text(&[62, 10, 7]),
];

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

    fn kept() -> Option<Kept<Self>> {
        Some(Kept::with(PERSONAL))
    }

    fn retell(&self, draft: &mut Draft<Order>, told: &Retold<'_, Order>) -> Option<Result<(), String>> {
        told::again(&self.calls, draft, told)
    }

    fn summary(&self, order: &Order) -> Summary {
        Summary { name: order.number.clone(), status: order.status().to_owned() }
    }
}
