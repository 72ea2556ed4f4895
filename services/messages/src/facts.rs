//! What an order says to have happened that its customer may be told of. Pure: the same state has the same facts, and a
//! fact keeps its id for ever.

use retail_proto::orders::v1::{
    EditState, LineCancellationState, LineKind, Order, OrderState, PickupStage, PickupStep, RerouteState,
};

use crate::occasion::Occasion;
use crate::words::{is_day, millis, quantity};

/// Something that has happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fact {
    /// Unique in its order or return, for example `shipped/7781`.
    pub id: String,
    /// What the customer would be told of.
    pub occasion: Occasion,
    /// When, milliseconds since 1970, where the owner says so.
    pub at: Option<i64>,
    /// It cannot have happened before this, milliseconds since 1970.
    pub after: i64,
    /// Why the customer is not told; empty when nothing speaks against it.
    pub silent: &'static str,
}

impl Fact {
    pub(crate) fn new(occasion: Occasion, id: impl Into<String>, after: i64) -> Self {
        Self { id: id.into(), occasion, at: None, after, silent: "" }
    }
}

/// Everything an order says to have happened, in the order of the business.
pub(crate) fn of_order(order: &Order) -> Vec<Fact> {
    let began = millis(order.placed_at.as_ref());
    let mut facts = Vec::new();
    if is_booked(order.state()) {
        facts.push(Fact::new(Occasion::Ordered, "ordered", began));
        let edited = order.edits.iter().filter(|one| one.state() == EditState::Done);
        facts.extend(edited.map(|one| {
            let asked = millis(one.at.as_ref());
            Fact::new(Occasion::Edited, format!("edited/{}", one.number), asked.max(began))
        }));
    }
    let rerouted = order.reroutes.iter().filter(|one| one.state() == RerouteState::Done);
    facts.extend(rerouted.map(|one| {
        let asked = millis(one.at.as_ref());
        Fact::new(Occasion::Rerouted, format!("rerouted/{}", one.number), asked.max(began))
    }));
    facts.extend(expected(order).map(|day| Fact::new(Occasion::Delayed, format!("delayed/{day}"), began)));
    facts.extend(pickup(order, PickupStage::Ready, Occasion::ReadyForPickup, "ready"));
    // What leaves for the shelf of a store is in no parcel.
    let in_store = order.pickup.as_ref().is_some_and(|pickup| pickup.stage() != PickupStage::Shipping);
    let silent = if in_store { "it is handed over in a store" } else { "" };
    let documents = order.shipments.iter().filter_map(|one| one.document.as_ref()).filter(|one| !one.id.is_empty());
    facts.extend(
        documents.map(|one| Fact { silent, ..Fact::new(Occasion::Shipped, format!("shipped/{}", one.id), began) }),
    );
    facts.extend(pickup(order, PickupStage::Lapsed, Occasion::NotCollected, "not_collected"));
    let lines = order.line_cancellations.iter().filter(|one| one.state() == LineCancellationState::Done);
    facts.extend(lines.map(|one| {
        let asked = millis(one.at.as_ref());
        Fact::new(Occasion::Cancelled, format!("lines_cancelled/{}", one.number), asked.max(began))
    }));
    if order.state() == OrderState::Cancelled {
        facts.push(Fact::new(Occasion::Cancelled, "cancelled", began));
    }
    facts.extend(
        order.refunds.iter().map(|one| Fact::new(Occasion::Refunded, format!("refunded/{}", one.refund_id), began)),
    );
    facts
}

/// The last day on which something of an order is expected, `YYYY-MM-DD`; `None` while no day is known.
pub(crate) fn expected(order: &Order) -> Option<&str> {
    if !matches!(order.state(), OrderState::Booked | OrderState::PartlyShipped) {
        return None;
    }
    let awaited = order.lines.iter().filter(|line| {
        line.kind() == LineKind::Goods && !line.closed && quantity(&line.shipped) < quantity(&line.quantity)
    });
    awaited.map(|line| line.expected_date.as_str()).filter(|day| is_day(day)).max()
}

/// Steps of a pickup to a stage, oldest first.
pub(crate) fn steps(order: &Order, stage: PickupStage) -> impl Iterator<Item = &PickupStep> {
    order.pickup.iter().flat_map(|pickup| &pickup.steps).filter(move |step| step.stage() == stage)
}

fn pickup(order: &Order, stage: PickupStage, occasion: Occasion, word: &str) -> impl Iterator<Item = Fact> {
    steps(order, stage).zip(1..).map(move |(step, number): (_, u32)| {
        let at = millis(step.at.as_ref());
        Fact { at: Some(at), ..Fact::new(occasion, format!("{word}/{number}"), at) }
    })
}

fn is_booked(state: OrderState) -> bool {
    match state {
        OrderState::Booked | OrderState::PartlyShipped | OrderState::Shipped | OrderState::Completed => true,
        OrderState::Unspecified
        | OrderState::Received
        | OrderState::Held
        | OrderState::Reserved
        | OrderState::Cancelling
        | OrderState::Cancelled
        | OrderState::Refused => false,
    }
}

#[cfg(test)]
#[path = "facts_tests.rs"]
mod tests;
