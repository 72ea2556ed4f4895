//! The journey of an order, from capture to closed books: what comes next, from the state alone. Read `decide` top to
//! bottom; that is the business process. The calls themselves stand in `calls.rs`.

use std::sync::Arc;

use retail_flow::{Attempt, Failure, Next, Parked, Process, Step as _, Summary, Verdict};
use retail_proto::commerce::v1 as shop;
use retail_proto::customers::v1::Customer;
use retail_proto::erp::v1 as erp;
use retail_proto::inventory::v1 as stock;
use retail_proto::types::v1::Ref;
use retail_runtime::Timestamp;
use retail_store::Draft;

use crate::answers::{check_total, know_items, lacking, promise, source};
use crate::calls::Calls;
use crate::decision::{Decision, Sourced};
use crate::documents::Shipment;
use crate::leg::Leg;
use crate::record::{Capture, Order, State};
use crate::reroute::Step;
use crate::{facts, refunds, seal, sent};

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
    /// What the shop has given back by itself, and whether it has cancelled the order.
    ShopRefunds(Box<shop::GetOrderResponse>),
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

    /// The way to the promise: a place for every line first, where a policy says how.
    fn reserve(&self, order: &Order) -> Leg {
        let round = order.sourced.as_ref().map_or(1, Sourced::round);
        match order.decision() {
            Some(_) => Leg::ReserveAt(round),
            None if self.calls.sources.wants(order) => Leg::Source(round),
            None => Leg::Reserve,
        }
    }

    /// The way back: what a cancellation must undo, last things first. Goods are given back only when the ERP cannot
    /// ship them any more, money only when goods are.
    fn undo(order: &Order) -> Vec<Leg> {
        let open = order.erp_asked && !order.erp_closed;
        if open && order.sales_order.is_none() {
            // A sales order whose answer never came is fetched first: what is not known cannot be closed.
            return vec![Leg::BookSalesOrder];
        }
        // The same for money: a payment that the ERP may have in its books is not known until it answers.
        let mut legs: Vec<Leg> =
            order.unresolved_payments().map(|payment| Leg::RecordPayment(payment.id.clone())).collect();
        if open {
            if legs.is_empty() {
                legs.push(Leg::CloseSalesOrder);
            }
            return legs;
        }
        if !order.given_back {
            legs.push(Leg::GiveBack);
        }
        if legs.is_empty() { Self::give_money_back(order) } else { legs }
    }

    /// The way of the money: what the shop has given back by itself, then the rest of it, then the ERP's books.
    fn give_money_back(order: &Order) -> Vec<Leg> {
        if order.captured() == 0 {
            return Vec::new();
        }
        if !order.refunds_known {
            return vec![Leg::ReadRefunds];
        }
        if let Some(planned) = order.refunds.iter().find(|refund| !refund.given) {
            return vec![Leg::RefundShop(planned.id.clone())];
        }
        let unrecorded = order.payments.iter().filter(|payment| order.refund_is_unrecorded(payment));
        unrecorded.map(|payment| Leg::RecordRefund(payment.id.clone())).collect()
    }

    /// The way forward after the ERP has the order.
    fn settle(order: &Order, now: Timestamp) -> Vec<Leg> {
        let mut legs = Vec::new();
        if order.reserved && !order.confirmed {
            legs.push(Leg::Confirm);
        }
        let unrecorded = order.payments.iter().filter(|payment| payment.is_captured() && payment.document.is_none());
        legs.extend(unrecorded.map(|payment| Leg::RecordPayment(payment.id.clone())));
        for shipment in &order.shipments {
            // What is not confirmed cannot be taken off, even when it has left already.
            if !shipment.consumed && order.confirmed {
                legs.push(Leg::Consume(shipment.id().to_owned()));
            }
            if !shipment.told {
                legs.push(Leg::TellChannel(shipment.id().to_owned()));
            }
        }
        legs.extend(Self::reroute(order));
        let all_taken = order.confirmed && order.shipments.iter().all(|shipment| shipment.consumed);
        if order.state() == State::Shipped
            && all_taken
            && order.has_leftovers()
            && !order.given_back
            && order.rerouting().is_none()
        {
            legs.push(Leg::GiveBack);
        }
        if order.leftovers_are_settled() {
            legs.extend(Self::give_money_back(order));
        }
        if order.pickup_lapses_at().is_some_and(|until| until <= now.as_millisecond()) {
            legs.push(Leg::LapsePickup);
        }
        legs
    }
}

impl Journey {
    /// The way to another place: the goods are promised there and the ERP is told before the old promise is given back.
    fn reroute(order: &Order) -> Option<Leg> {
        // A promise that is not lasting yet is made so first.
        let (number, reroute) = order.rerouting().filter(|_| order.confirmed)?;
        match reroute.step() {
            Step::Asked => Some(Leg::Resource(number, reroute.round())),
            Step::Decided => Some(Leg::PromiseElsewhere(number, reroute.round())),
            Step::Promised => Some(Leg::MoveSalesOrder(number)),
            Step::Moved => Some(Leg::LetGo(number)),
            Step::Withdrawing => Some(Leg::Withdraw(number)),
            Step::Done | Step::Failed => None,
        }
    }
}

impl Process for Journey {
    type Doc = Order;
    type Step = Leg;
    type Outcome = Brought;

    fn decide(&self, order: &Order, now: Timestamp) -> Next<Leg> {
        if order.adopted {
            // Others do everything for it; nothing may leave from here.
            return Next::Done;
        }
        let mut legs = match order.state() {
            State::Received if order.customer_id.is_empty() || !order.items_known => {
                let mut legs = Vec::new();
                if order.customer_id.is_empty() {
                    legs.push(Leg::Identify);
                }
                if !order.items_known {
                    legs.push(Leg::ResolveItems);
                }
                legs
            }
            State::Received => vec![self.reserve(order)],
            State::Reserved if !order.erp_customer => vec![Leg::ErpCustomer],
            State::Reserved => vec![Leg::BookSalesOrder],
            State::Booked | State::PartlyShipped | State::Shipped => Self::settle(order, now),
            State::Cancelling => Self::undo(order),
            State::Held | State::Completed | State::Cancelled | State::Refused => Vec::new(),
        };
        if let Some(stamp) = order.crm_stamp()
            && stamp != order.crm_told
            && !order.customer_id.is_empty()
            && self.calls.has_crm(order)
        {
            legs.push(Leg::TellCrm(stamp));
        }
        match (legs.is_empty(), order.is_over()) {
            (false, _) => Next::Do(legs),
            (true, true) => Next::Done,
            (true, false) => {
                Next::Wait(order.pickup_lapses_at().and_then(|until| Timestamp::from_millisecond(until).ok()))
            }
        }
    }

    async fn perform(&self, _id: &str, order: &Order, leg: &Leg, attempt: Attempt) -> Result<Brought, Failure> {
        self.calls.perform(order, leg, &attempt).await
    }

    async fn verify(&self, _id: &str, order: &Order, leg: &Leg) -> Result<Option<Brought>, Failure> {
        self.calls.verify(order, leg).await
    }

    fn apply(&self, draft: &mut Draft<Order>, leg: &Leg, brought: &Brought, now: Timestamp) {
        let at = now.as_millisecond();
        let tolerance = self.calls.tolerance(&draft.doc);
        let was = draft.doc.state();
        let order = &mut draft.doc;
        match (leg, brought) {
            (Leg::Identify, Brought::Customer(customer)) => {
                customer.customer_id.clone_into(&mut order.customer_id);
            }
            (Leg::ResolveItems, Brought::Items(items)) => {
                know_items(order, items, at);
                check_total(order, tolerance, at);
            }
            (Leg::Source(_), Brought::Decision(decision)) => source(order, decision),
            (Leg::Reserve | Leg::ReserveAt(_), Brought::Reservation(answer)) => promise(order, answer, at),
            (Leg::ErpCustomer, Brought::Record(_)) => order.erp_customer = true,
            (Leg::BookSalesOrder, Brought::SalesOrder(told)) => {
                facts::take(order, told);
            }
            (Leg::Confirm, _) => order.confirmed = true,
            (Leg::RecordPayment(id), Brought::Payment(document)) => {
                if let Some(payment) = order.payments.iter_mut().find(|payment| payment.id == *id) {
                    payment.document.clone_from(&document.document);
                }
                if let Some(document) = &document.document {
                    order.remember(document);
                }
            }
            (Leg::Consume(id), _) => with_shipment(order, id, |shipment| shipment.consumed = true),
            (Leg::TellChannel(id), _) => with_shipment(order, id, |shipment| shipment.told = true),
            (Leg::TellCrm(stamp), brought) => {
                stamp.clone_into(&mut order.crm_told);
                if let Brought::Record(record) = brought {
                    order.remember(record);
                }
            }
            (Leg::CloseSalesOrder, brought) => {
                if let Brought::SalesOrder(told) = brought {
                    facts::take(order, told);
                }
                order.erp_closed = true;
                order.close_open_lines();
            }
            (Leg::GiveBack, _) => order.given_back = true,
            (Leg::Resource(number, _), Brought::Decision(decision)) => order.rerouted_to(*number, decision),
            (Leg::PromiseElsewhere(number, _), Brought::Reservation(answer)) => match lacking(answer) {
                Some(cause) => order.lost_elsewhere(*number, &cause),
                None => order.promised_elsewhere(*number),
            },
            (Leg::MoveSalesOrder(number), Brought::SalesOrder(told)) => {
                order.moved(*number);
                facts::take(order, told);
            }
            (Leg::LetGo(number), _) => order.let_go(*number, at),
            (Leg::Withdraw(number), _) => order.fail_reroute(*number, "withdrawn"),
            (Leg::LapsePickup, _) => order.lapse_pickup(at),
            (Leg::ReadRefunds, Brought::ShopRefunds(told)) => refunds::read(order, told, at),
            (Leg::RefundShop(id), Brought::Record(record)) => refunds::given(order, id, record, at),
            (Leg::RecordRefund(id), Brought::Record(record)) => refunds::recorded(order, id, record),
            (
                Leg::Identify
                | Leg::ResolveItems
                | Leg::Source(_)
                | Leg::Reserve
                | Leg::ReserveAt(_)
                | Leg::Resource(..)
                | Leg::PromiseElsewhere(..)
                | Leg::ErpCustomer,
                _,
            )
            | (Leg::BookSalesOrder | Leg::MoveSalesOrder(_) | Leg::RecordPayment(_), _)
            | (Leg::ReadRefunds | Leg::RefundShop(_) | Leg::RecordRefund(_), _) => {
                order.cause = format!("{} brought an answer of another kind; this is a defect of Weft", leg.name());
            }
        }
        order.advance();
        if was != State::Cancelling && draft.doc.state() == State::Cancelling {
            sent::ask_for_payments(draft);
        }
    }

    fn refused(&self, draft: &mut Draft<Order>, leg: &Leg, why: &Failure, _now: Timestamp) -> Verdict {
        let order = &mut draft.doc;
        match leg {
            Leg::Reserve | Leg::ReserveAt(_) if order.capture() == Capture::Request => {
                order.refuse(&format!("{}: {}", why.reason(), why.detail()));
                Verdict::Handled
            }
            // The warehouse was faster: the order goes on, and the ERP's facts say how.
            Leg::CloseSalesOrder if why.reason() == "ALREADY_SHIPPED" => {
                "shipped before it could be cancelled".clone_into(&mut order.cause);
                order.set_state(State::Booked);
                order.advance();
                Verdict::Handled
            }
            Leg::Resource(number, _) | Leg::PromiseElsewhere(number, _) => {
                order.fail_reroute(*number, &format!("{}: {}", why.reason(), why.detail()));
                Verdict::Handled
            }
            // It has shipped or is being picked: the goods stay where they are.
            Leg::MoveSalesOrder(number) => {
                order.refuse_move(*number, &format!("{}: {}", why.reason(), why.detail()));
                Verdict::Handled
            }
            Leg::RefundShop(id) => {
                refunds::refused(order, id, why.reason());
                Verdict::Park
            }
            // The side must never stop the business: remember the stamp, the next change tells the CRM again.
            Leg::TellCrm(stamp) => {
                stamp.clone_into(&mut order.crm_told);
                Verdict::Handled
            }
            Leg::Identify
            | Leg::ResolveItems
            | Leg::Source(_)
            | Leg::Reserve
            | Leg::ReserveAt(_)
            | Leg::ErpCustomer
            | Leg::BookSalesOrder
            | Leg::Confirm
            | Leg::RecordPayment(_)
            | Leg::Consume(_)
            | Leg::TellChannel(_)
            | Leg::CloseSalesOrder
            | Leg::GiveBack
            | Leg::LetGo(_)
            | Leg::Withdraw(_)
            | Leg::LapsePickup
            | Leg::ReadRefunds
            | Leg::RecordRefund(_) => Verdict::Park,
        }
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

fn with_shipment(order: &mut Order, id: &str, change: impl FnOnce(&mut Shipment)) {
    if let Some(shipment) = order.shipments.iter_mut().find(|shipment| shipment.id() == id) {
        change(shipment);
    }
}
