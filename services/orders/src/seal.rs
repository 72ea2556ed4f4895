//! What every commit of an order carries: its version, its event, its places in the lists. One place, so that no way
//! into the store can forget one.

use std::collections::BTreeSet;

use prost::Message as _;
use retail_proto::orders::v1 as pb;
use retail_runtime::Timestamp;
use retail_store::Draft;

use crate::decision::Decision;
use crate::pickup::Pickup;
use crate::record::{Order, State};
use crate::reroute::Reroute;

/// Seals commits of orders.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seal;

/// Lists that orders stand in.
pub(crate) mod list {
    /// Every order.
    pub(crate) const ALL: &str = "orders";
    /// Orders that wait for a person.
    pub(crate) const EXCEPTIONS: &str = "orders.exceptions";

    /// Orders of which a payment service may still tell something.
    pub(crate) const UNSETTLED: &str = "orders.payments.unsettled";

    /// Orders in a state.
    pub(crate) fn state(state: super::State) -> String {
        format!("orders.state.{}", i32::from(state))
    }

    /// Orders of a channel.
    pub(crate) fn channel(name: &str) -> String {
        format!("orders.channel.{name}")
    }

    /// Orders that another system's record belongs to.
    pub(crate) fn reference(word: &str) -> String {
        format!("orders.reference.{word}")
    }

    /// Orders of a customer.
    pub(crate) fn customer(id: &str) -> String {
        format!("orders.customer.{id}")
    }

    /// Orders that a place has taken for a day.
    pub(crate) fn taken(location: &str, day: &str) -> String {
        format!("orders.taken.{location}.{day}")
    }

    /// Open orders whose pickup stands there, of one store or (empty) of all.
    pub(crate) fn pickup(stage: crate::pickup::Stage, location: &str) -> String {
        format!("orders.pickup.{}.{location}", i32::from(stage))
    }

    /// Orders with a number.
    pub(crate) fn number(number: &str) -> String {
        format!("orders.number.{number}")
    }
}

impl Seal {
    /// Completes a commit that changed an order; does nothing to one that did not.
    pub(crate) fn seal(self, draft: &mut Draft<Order>, before: &Order, now: Timestamp) {
        if draft.doc == *before {
            return;
        }
        let before = draft.existed.then_some(before);
        draft.doc.updated_at = now.as_millisecond();
        draft.doc.version = draft.event_version();
        lists(draft, before);
        let kind = event(before, &draft.doc);
        let body = pb::Order::from(&draft.doc).encode_to_vec();
        draft.emit(kind, body);
    }
}

/// Newest first: the sort key falls as time grows.
pub(crate) fn sort_key(order: &Order) -> Vec<u8> {
    let mut key = newest_first(order.placed_at).to_be_bytes().to_vec();
    key.extend_from_slice(order.id.as_bytes());
    key
}

/// A place in the lists before every order that was placed at or before a time, and after all that were placed later.
pub(crate) fn first_placed_until(millisecond: i64) -> Vec<u8> {
    newest_first(millisecond).to_be_bytes().to_vec()
}

fn newest_first(millisecond: i64) -> u64 {
    u64::MAX.saturating_sub(u64::try_from(millisecond).unwrap_or(0))
}

/// True when a person must look at it.
pub(crate) fn is_exception(order: &Order) -> bool {
    let pickup = order.pickup.as_ref().is_some_and(Pickup::needs_person) && order.rerouting().is_none();
    let person =
        order.parked || order.state() == State::Held || pickup || order.is_stranded() || order.lacks_money() > 0;
    let person = person || order.exceeds_credit();
    (person && !order.is_over()) || order.differs_from_shop()
}

fn lists(draft: &mut Draft<Order>, before: Option<&Order>) {
    let mut now_in = places(&draft.doc);
    let mut was_in = before.map(places).unwrap_or_default();
    now_in.retain(|place| match was_in.iter().position(|was| was == place) {
        Some(index) => {
            was_in.remove(index);
            false
        }
        None => true,
    });
    let sort = sort_key(&draft.doc);
    for place in was_in {
        draft.unindex(&place, sort.clone());
    }
    for place in now_in {
        draft.index(&place, sort.clone(), Vec::new());
    }
}

fn places(order: &Order) -> Vec<String> {
    let mut places = vec![list::ALL.to_owned(), list::number(&order.number), list::state(order.state())];
    places.push(list::channel(&order.channel));
    places.extend(references(order).into_iter().map(|word| list::reference(&word)));
    if !order.customer_id.is_empty() {
        places.push(list::customer(&order.customer_id));
    }
    let stands = order.reserved && !matches!(order.state(), State::Cancelled | State::Refused);
    if stands {
        let decisions = order.decision().into_iter().chain(order.reroutes.iter().filter_map(Reroute::acted_on));
        places.extend(decisions.flat_map(Decision::counted).map(|(location, day)| list::taken(location, day)));
        places.sort_unstable();
        places.dedup();
    }
    if let Some(pickup) = order.pickup.as_ref().filter(|_| !order.is_over()) {
        places.push(list::pickup(pickup.stage(), ""));
        places.push(list::pickup(pickup.stage(), &pickup.location));
    }
    if order.is_unsettled() {
        places.push(list::UNSETTLED.to_owned());
    }
    if is_exception(order) {
        places.push(list::EXCEPTIONS.to_owned());
    }
    places
}

/// What people have in hand when they look for an order: a document's number, a parcel's, the channel's own id.
pub(crate) fn references(order: &Order) -> BTreeSet<String> {
    let invoices = order.invoices.iter().filter_map(|invoice| invoice.document.as_ref());
    let documents = order.sales_order.iter().chain(invoices);
    let words = documents.flat_map(|record| [&record.id, &record.number]);
    let parcels = order.shipments.iter().flat_map(|shipment| &shipment.tracking);
    let all = words.chain(parcels).chain([&order.channel_order_id]);
    all.filter(|word| !word.is_empty()).cloned().collect()
}

/// The event's type, past tense: what the change meant to the business.
fn event(before: Option<&Order>, after: &Order) -> &'static str {
    let Some(before) = before else {
        return if after.adopted { "retail.orders.v1.OrderAdopted" } else { "retail.orders.v1.OrderReceived" };
    };
    if before.adopted && !after.adopted {
        return "retail.orders.v1.OrderReceived";
    }
    if before.parked != after.parked {
        return if after.parked { "retail.orders.v1.OrderParked" } else { "retail.orders.v1.OrderResumed" };
    }
    if before.done_edits().count() < after.done_edits().count() {
        return "retail.orders.v1.OrderEdited";
    }
    if before.state() == after.state() {
        return "retail.orders.v1.OrderUpdated";
    }
    match after.state() {
        State::Received => "retail.orders.v1.OrderReleased",
        State::Held => "retail.orders.v1.OrderHeld",
        State::Reserved => "retail.orders.v1.OrderReserved",
        State::Booked => "retail.orders.v1.OrderBooked",
        State::PartlyShipped => "retail.orders.v1.OrderPartlyShipped",
        State::Shipped => "retail.orders.v1.OrderShipped",
        State::Completed => "retail.orders.v1.OrderCompleted",
        State::Cancelling => "retail.orders.v1.OrderCancellationBegun",
        State::Cancelled => "retail.orders.v1.OrderCancelled",
        State::Refused => "retail.orders.v1.OrderRefused",
    }
}
