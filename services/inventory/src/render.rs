//! Ours in, the contract's messages out.

use retail_proto::inventory::v1 as pb;
use retail_proto::types::v1::{Outcome, OutcomeState};
use retail_proto::{Quantity, timestamp};

use crate::reservation::{Lacking, Part, State};
use crate::stock::Stock;

/// Decimal text of stored millionths.
#[must_use]
pub(crate) fn quantity(millionths: i64) -> String {
    Quantity::from_millionths(millionths).to_string()
}

/// Done.
#[must_use]
pub(crate) fn done() -> Outcome {
    Outcome { state: i32::from(OutcomeState::Done), ..Outcome::default() }
}

/// Refused, with its reason.
#[must_use]
pub(crate) fn refused(reason: &str, message: impl Into<String>) -> Outcome {
    let state = i32::from(OutcomeState::Refused);
    Outcome { state, reason: reason.to_owned(), message: message.into(), warnings: vec![] }
}

impl From<&Stock> for pb::Availability {
    fn from(stock: &Stock) -> Self {
        Self {
            sku: stock.sku.clone(),
            location: stock.location.clone(),
            on_hand: quantity(stock.on_hand),
            available: quantity(stock.available),
            reserved: quantity(stock.reserved),
            allocated: quantity(stock.allocated),
            blocked: quantity(stock.blocked),
            shortfall: quantity(stock.shortfall),
            version: stock.version,
            counted_at: (stock.counted_at != 0).then(|| timestamp(stock.counted_at)),
        }
    }
}

impl From<State> for pb::ReservationState {
    fn from(state: State) -> Self {
        match state {
            State::Held => Self::Held,
            State::Confirmed => Self::Confirmed,
            State::Consumed => Self::Consumed,
            State::Released => Self::Released,
            State::Expired => Self::Expired,
        }
    }
}

impl From<&Part> for pb::Reservation {
    fn from(part: &Part) -> Self {
        merged(std::slice::from_ref(part))
    }
}

impl From<Lacking> for pb::LackingLine {
    fn from(lacking: Lacking) -> Self {
        Self {
            line_id: lacking.line_id,
            sku: lacking.sku,
            quantity: lacking.quantity.to_string(),
            available: lacking.available.to_string(),
        }
    }
}

/// One reservation from its parts. It stands where its least advanced part stands; its version is the sum of theirs,
/// which grows with every change.
#[must_use]
pub(crate) fn merged(parts: &[Part]) -> pb::Reservation {
    let order = [State::Held, State::Expired, State::Confirmed, State::Consumed, State::Released];
    let state = order.into_iter().find(|state| parts.iter().any(|part| part.state() == *state));
    let lines = parts.iter().flat_map(|part| {
        part.lines.iter().map(|line| pb::ReservedLine {
            line_id: line.line_id.clone(),
            sku: line.sku.clone(),
            location: part.location.clone(),
            quantity: quantity(line.quantity),
            shortfall: quantity(line.shortfall),
            consumed: quantity(line.consumed),
            released: quantity(line.released),
        })
    });
    let held = parts.iter().filter(|part| part.state() == State::Held);
    pb::Reservation {
        reservation_id: parts.first().map(|part| part.reservation_id.clone()).unwrap_or_default(),
        state: state.map_or(0, |state| i32::from(pb::ReservationState::from(state))),
        lines: lines.collect(),
        expires_at: held.map(|part| part.expires_at).min().map(timestamp),
        version: parts.iter().map(|part| part.version).fold(0, u64::saturating_add),
    }
}
