//! The journey of an order, from capture to closed books: what comes next, from the state alone. Read `decide` top to
//! bottom; that is the business process. The calls themselves stand in `calls.rs`.

use std::sync::Arc;

use std::time::Duration;

use retail_flow::{Attempt, Class, Failure, Next, Parked, Policy, Process, Step, Summary, Verdict};
use retail_proto::customers::v1::Customer;
use retail_proto::erp::v1 as erp;
use retail_proto::inventory::v1 as stock;
use retail_proto::types::v1::Ref;
use retail_runtime::Timestamp;
use retail_store::Draft;

use crate::calls::Calls;
use crate::check::{self, Finding};
use crate::record::{Capture, Order, State};
use crate::{facts, seal};

/// One thing the journey asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leg {
    /// Who is the customer? (customers)
    Identify,
    /// What are the items? (inventory's reference data)
    ResolveItems,
    /// Promise the goods. (inventory)
    Reserve,
    /// The ERP must know the customer. (customers)
    ErpCustomer,
    /// The sales order. (ERP)
    BookSalesOrder,
    /// Make the promise last. (inventory)
    Confirm,
    /// Money that was taken belongs into the ERP's books. (ERP)
    RecordPayment(String),
    /// Take shipped goods off shelf and promise. (inventory)
    Consume(String),
    /// The shop shows the shipment to the customer. (commerce)
    TellChannel(String),
    /// What agents see, on the side. (CRM)
    TellCrm(String),
    /// Close the sales order. (ERP)
    CloseSalesOrder,
    /// Give back what is still promised. (inventory)
    GiveBack,
}

impl Step for Leg {
    fn name(&self) -> String {
        match self {
            Self::Identify => "customers.resolve".into(),
            Self::ResolveItems => "reference.resolve_items".into(),
            Self::Reserve => "inventory.reserve".into(),
            Self::ErpCustomer => "customers.ensure_erp".into(),
            Self::BookSalesOrder => "erp.create_sales_order".into(),
            Self::Confirm => "inventory.confirm".into(),
            Self::RecordPayment(id) => format!("erp.record_payment/{id}"),
            Self::Consume(id) => format!("inventory.consume/{id}"),
            Self::TellChannel(id) => format!("commerce.record_fulfilment/{id}"),
            Self::TellCrm(stamp) => format!("crm.order_context/{stamp}"),
            Self::CloseSalesOrder => "erp.cancel_sales_order".into(),
            Self::GiveBack => "inventory.release".into(),
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Identify
            | Self::ResolveItems
            | Self::Reserve
            | Self::ErpCustomer
            | Self::Confirm
            | Self::Consume(_)
            | Self::GiveBack => Class::Call,
            Self::BookSalesOrder | Self::RecordPayment(_) | Self::TellCrm(_) | Self::CloseSalesOrder => Class::Keyed,
            Self::TellChannel(_) => Class::Queryable,
        }
    }

    fn policy(&self) -> Policy {
        let usual = if self.class() == Class::Call { Policy::MESH } else { Policy::VENDOR };
        match self {
            // Agents are told whenever their system is back; an order never waits for that.
            Self::TellCrm(_) => Policy { deadline: Duration::MAX, ..usual },
            Self::Identify
            | Self::ResolveItems
            | Self::Reserve
            | Self::ErpCustomer
            | Self::BookSalesOrder
            | Self::Confirm
            | Self::RecordPayment(_)
            | Self::Consume(_)
            | Self::TellChannel(_)
            | Self::CloseSalesOrder
            | Self::GiveBack => usual,
        }
    }

    fn lane(&self) -> &'static str {
        match self {
            Self::TellCrm(_) => "crm",
            Self::Identify
            | Self::ResolveItems
            | Self::Reserve
            | Self::ErpCustomer
            | Self::BookSalesOrder
            | Self::Confirm
            | Self::RecordPayment(_)
            | Self::Consume(_)
            | Self::TellChannel(_)
            | Self::CloseSalesOrder
            | Self::GiveBack => "",
        }
    }
}

/// What a leg brings.
#[derive(Debug, Clone)]
pub(crate) enum Brought {
    /// The customer.
    Customer(Box<Customer>),
    /// One answer per goods line, in order.
    Items(Vec<stock::ResolvedItem>),
    /// The promise, or what is lacking.
    Reservation(stock::ReserveStockResponse),
    /// The sales order as it stands.
    SalesOrder(Box<erp::SalesOrder>),
    /// The ERP's document of a payment.
    Payment(erp::PaymentDocument),
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

    /// The way back: what a cancellation must undo, last things first. Goods are given back only when the ERP cannot
    /// ship them any more.
    fn undo(order: &Order) -> Vec<Leg> {
        if order.erp_asked && !order.erp_closed {
            // A sales order whose answer never came is fetched first: what is not known cannot be closed.
            return vec![if order.sales_order.is_some() { Leg::CloseSalesOrder } else { Leg::BookSalesOrder }];
        }
        if order.given_back { Vec::new() } else { vec![Leg::GiveBack] }
    }

    /// The way forward after the ERP has the order.
    fn settle(&self, order: &Order) -> Vec<Leg> {
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
        let all_taken = order.confirmed && order.shipments.iter().all(|shipment| shipment.consumed);
        if order.state() == State::Shipped && all_taken && order.has_leftovers() && !order.given_back {
            legs.push(Leg::GiveBack);
        }
        legs
    }
}

impl Process for Journey {
    type Doc = Order;
    type Step = Leg;
    type Outcome = Brought;

    fn decide(&self, order: &Order, _now: Timestamp) -> Next<Leg> {
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
            State::Received => vec![Leg::Reserve],
            State::Reserved if !order.erp_customer => vec![Leg::ErpCustomer],
            State::Reserved => vec![Leg::BookSalesOrder],
            State::Booked | State::PartlyShipped | State::Shipped => self.settle(order),
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
            (true, false) => Next::Wait(None),
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
        let order = &mut draft.doc;
        match (leg, brought) {
            (Leg::Identify, Brought::Customer(customer)) => {
                customer.customer_id.clone_into(&mut order.customer_id);
            }
            (Leg::ResolveItems, Brought::Items(items)) => {
                know_items(order, items, at);
                check_total(order, tolerance, at);
            }
            (Leg::Reserve, Brought::Reservation(answer)) => promise(order, answer, at),
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
            (Leg::Identify | Leg::ResolveItems | Leg::Reserve | Leg::ErpCustomer, _)
            | (Leg::BookSalesOrder | Leg::RecordPayment(_), _) => {
                order.cause = format!("{} brought an answer of another kind; this is a defect of Weft", leg.name());
            }
        }
        order.advance();
    }

    fn refused(&self, draft: &mut Draft<Order>, leg: &Leg, why: &Failure, _now: Timestamp) -> Verdict {
        let order = &mut draft.doc;
        match leg {
            Leg::Reserve if order.capture() == Capture::Request => {
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
            // The side must never stop the business: remember the stamp, the next change tells the CRM again.
            Leg::TellCrm(stamp) => {
                stamp.clone_into(&mut order.crm_told);
                Verdict::Handled
            }
            Leg::Identify
            | Leg::ResolveItems
            | Leg::Reserve
            | Leg::ErpCustomer
            | Leg::BookSalesOrder
            | Leg::Confirm
            | Leg::RecordPayment(_)
            | Leg::Consume(_)
            | Leg::TellChannel(_)
            | Leg::CloseSalesOrder
            | Leg::GiveBack => Verdict::Park,
        }
    }

    fn parked(&self, draft: &mut Draft<Order>, why: Option<&Parked>, _now: Timestamp) {
        let order = &mut draft.doc;
        match why {
            Some(parked) => order.cause = format!("{}: {}", parked.reason, parked.detail),
            // Whoever let it go on may have given another cause since.
            None if order.parked => order.cause.clear(),
            None => {}
        }
        order.parked = why.is_some();
    }

    fn seal(&self, draft: &mut Draft<Order>, before: &Order, now: Timestamp) {
        self.seal.seal(draft, before, now);
    }

    fn summary(&self, order: &Order) -> Summary {
        Summary { name: order.number.clone(), status: order.status().to_owned() }
    }
}

fn with_shipment(order: &mut Order, id: &str, change: impl FnOnce(&mut crate::record::Shipment)) {
    if let Some(shipment) = order.shipments.iter_mut().find(|shipment| shipment.id() == id) {
        change(shipment);
    }
}

/// Takes the resolved codes over; a line whose item nobody knows holds the order, by line and code.
fn know_items(order: &mut Order, items: &[stock::ResolvedItem], at: i64) {
    let mut unknown = Vec::new();
    for (line, resolved) in order.lines.iter_mut().filter(|line| line.is_goods()).zip(items) {
        match &resolved.item {
            Some(item) if item.stocked => item.sku.clone_into(&mut line.sku),
            // The owner of the catalogue says that no stock is kept: a charge, whatever the channel calls it.
            Some(item) => {
                item.sku.clone_into(&mut line.sku);
                line.set_kind(crate::record::LineKind::Charge);
            }
            None => unknown.push(format!("line {} ({})", line.number, line.sku)),
        }
    }
    order.items_known = unknown.is_empty();
    if !unknown.is_empty() {
        let detail = format!("no item is known for {}; import it, then release the hold", unknown.join(", "));
        if order.capture() == Capture::Request {
            order.refuse(&format!("UNKNOWN_ITEM: {detail}"));
        } else {
            order.hold("UNKNOWN_ITEM", &detail, at);
        }
    }
}

fn check_total(order: &mut Order, tolerance: u32, at: i64) {
    if order.state() != State::Received {
        return;
    }
    order.checked = true;
    let problem = match check::total(order, tolerance) {
        Ok(Finding::Agrees) => return,
        Ok(Finding::Differs { computed, shown }) => {
            format!("the lines add up to {computed}, the customer was shown {shown}")
        }
        Err(error) => error.to_string(),
    };
    if order.capture() == Capture::Request {
        order.refuse(&format!("TOTAL_MISMATCH: {problem}"));
    } else {
        order.hold("TOTAL_MISMATCH", &problem, at);
    }
}

fn promise(order: &mut Order, answer: &stock::ReserveStockResponse, at: i64) {
    let Some(reservation) = &answer.reservation else {
        let lacking: Vec<String> = answer
            .lacking
            .iter()
            .map(|line| format!("{} of {} (available {})", line.quantity, line.sku, line.available))
            .collect();
        let reason = answer.outcome.as_ref().map_or("INSUFFICIENT_STOCK", |outcome| outcome.reason.as_str());
        let cause = format!("{reason}: {}", lacking.join(", "));
        if order.capture() == Capture::Request {
            order.refuse(&cause);
        } else {
            order.hold(reason, &cause, at);
        }
        return;
    };
    for promised in &reservation.lines {
        let Some(line) = order.lines.iter_mut().find(|line| line.id == promised.line_id) else { continue };
        line.location.clone_from(&promised.location);
        line.reserved = line.quantity;
        line.shortfall =
            promised.shortfall.parse::<retail_proto::Quantity>().map_or(0, retail_proto::Quantity::millionths);
    }
    order.reserved = true;
    // Charges move no stock: there is no promise to confirm.
    order.confirmed = order.confirmed || order.has_no_goods();
}
