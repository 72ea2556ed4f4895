//! What every commit of a return carries: its version, its event, its places in the lists. One place, so that no way
//! into the store can forget one.

use std::collections::BTreeSet;

use prost::Message as _;
use retail_proto::returns::v1 as pb;
use retail_runtime::Timestamp;
use retail_store::Draft;

use crate::part::Part;
use crate::record::{Return, State};

/// Seals commits of returns.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seal;

/// Lists that returns stand in.
pub(crate) mod list {
    /// Every return.
    pub(crate) const ALL: &str = "returns";
    /// Returns that wait for a person.
    pub(crate) const EXCEPTIONS: &str = "returns.exceptions";

    /// Returns in a state.
    pub(crate) fn state(state: super::State) -> String {
        format!("returns.state.{}", i32::from(state))
    }

    /// Returns of a customer.
    pub(crate) fn customer(id: &str) -> String {
        format!("returns.customer.{id}")
    }

    /// Returns of an order.
    pub(crate) fn order(id: &str) -> String {
        format!("returns.order.{id}")
    }

    /// Returns with an RMA number.
    pub(crate) fn rma(number: &str) -> String {
        format!("returns.rma.{number}")
    }

    /// Returns with a line that waits for a person for a cause.
    pub(crate) fn cause(cause: &str) -> String {
        format!("returns.cause.{cause}")
    }

    /// The return of a source, as `source/source_return_id`.
    pub(crate) fn source(source_ref: &str) -> String {
        format!("returns.source.{source_ref}")
    }
}

impl Seal {
    /// Completes a commit that changed a return; does nothing to one that did not.
    pub(crate) fn seal(self, draft: &mut Draft<Return>, before: &Return, now: Timestamp) {
        if draft.doc == *before {
            return;
        }
        let before = draft.existed.then_some(before);
        draft.doc.updated_at = now.as_millisecond();
        draft.doc.version = draft.event_version();
        lists(draft, before);
        let kind = format!("retail.returns.v1.{}", event(before, &draft.doc));
        let body = pb::Return::from(&draft.doc).encode_to_vec();
        draft.emit(kind, body);
    }
}

/// Newest first: the sort key falls as time grows.
fn sort_key(record: &Return) -> Vec<u8> {
    let newest_first = u64::MAX.saturating_sub(u64::try_from(record.requested_at).unwrap_or(0));
    let mut key = newest_first.to_be_bytes().to_vec();
    key.extend_from_slice(record.id.as_bytes());
    key
}

fn lists(draft: &mut Draft<Return>, before: Option<&Return>) {
    let now_in = places(&draft.doc);
    let was_in = before.map(places).unwrap_or_default();
    let sort = sort_key(&draft.doc);
    for place in was_in.difference(&now_in) {
        draft.unindex(place, sort.clone());
    }
    for place in now_in.difference(&was_in) {
        draft.index(place, sort.clone(), Vec::new());
    }
}

fn places(record: &Return) -> BTreeSet<String> {
    let mut places = BTreeSet::from([
        list::ALL.to_owned(),
        list::state(record.state()),
        list::source(&format!("{}/{}", record.source, record.source_return_id)),
    ]);
    let orders = record.lines.iter().filter(|line| !line.order_id.is_empty());
    places.extend(orders.map(|line| list::order(&line.order_id)));
    places.extend(record.exceptions().map(|line| list::cause(&line.cause)));
    if !record.customer_id.is_empty() {
        places.insert(list::customer(&record.customer_id));
    }
    if !record.rma.is_empty() {
        places.insert(list::rma(&record.rma));
    }
    if record.parked || record.open_exceptions() > 0 {
        places.insert(list::EXCEPTIONS.to_owned());
    }
    places
}

/// The event's type, past tense: what the change meant to the business. Money speaks before states: it is what a
/// customer asks about.
fn event(before: Option<&Return>, after: &Return) -> &'static str {
    let Some(before) = before else { return "ReturnRequested" };
    if before.parked != after.parked {
        return if after.parked { "ReturnParked" } else { "ReturnResumed" };
    }
    let grew = |count: fn(&Part) -> usize| {
        let of = |record: &Return| record.parts.iter().map(count).sum::<usize>();
        of(after) > of(before)
    };
    let moved = before.state() != after.state();
    match after.state() {
        State::Completed if moved => "ReturnCompleted",
        State::Cancelled if moved => "ReturnCancelled",
        State::Cancelling if moved => "ReturnCancellationBegun",
        State::Refused if moved => "ReturnRefused",
        State::Held if moved => "ReturnHeld",
        State::Requested
        | State::Held
        | State::Authorized
        | State::PartlyReceived
        | State::Received
        | State::Completed
        | State::Cancelling
        | State::Cancelled
        | State::Refused => {
            if grew(|part| usize::from(part.refunded() > 0)) {
                "ReturnRefunded"
            } else if grew(|part| usize::from(part.credit_memo.is_some())) {
                "ReturnCredited"
            } else if grew(|part| part.receipts.len()) {
                "ReturnReceived"
            } else if after.parts.len() > before.parts.len() {
                "ReturnAuthorized"
            } else {
                "ReturnUpdated"
            }
        }
    }
}
