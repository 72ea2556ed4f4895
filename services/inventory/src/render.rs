//! Ours in, the contract's messages out.

use retail_proto::inventory::v1 as pb;
use retail_proto::types::v1::{Outcome, OutcomeState};
use retail_proto::{Quantity, timestamp};
use retail_runtime::Timestamp;

use crate::expected::{Coming, Expected, Source, Standing};
use crate::reservation::{Lacking, Part, State};
use crate::shortage::Proposal;
use crate::stock::Stock;

/// Lines that are told of in words; the answer has all of them.
const MOST_TOLD: usize = 5;

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
            kit: false,
            expected: quantity(stock.expected()),
            arrivals: stock.coming.iter().map(Into::into).collect(),
            in_transit: quantity(stock.in_transit()),
        }
    }
}

impl From<&Coming> for pb::ExpectedArrival {
    fn from(coming: &Coming) -> Self {
        Self {
            expected_id: coming.expected_id.clone(),
            quantity: quantity(coming.quantity),
            expected_at: Some(timestamp(coming.at)),
            in_transit: coming.transit,
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
            kept_back: lacking.kept_back.to_string(),
            expected_at: lacking.expected_at.map(|at| timestamp(at.as_millisecond())),
        }
    }
}

/// Why a promise was refused, and what of it is there and kept back.
#[must_use]
pub(crate) fn not_there(lines: &[Lacking]) -> String {
    let kept = lines.iter().filter(|line| line.kept_back.is_positive()).take(MOST_TOLD);
    let kept: Vec<String> = kept
        .map(|line| {
            let missing = line.quantity.minus(line.available).unwrap_or(line.quantity);
            format!("{} of the missing {missing} of {} are kept back", line.kept_back, line.sku)
        })
        .collect();
    let lacks = "not everything is in stock";
    if kept.is_empty() { lacks.to_owned() } else { format!("{lacks}; {}", kept.join(", ")) }
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
            components: line.components.iter().map(Into::into).collect(),
            expected_at: None,
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

/// What to do about a shortfall.
#[must_use]
pub(crate) fn proposal(row: &Stock, proposal: Proposal) -> pb::ShortfallProposal {
    let reroute = proposal.reroute.into_iter().map(|claim| pb::PromiseToReroute {
        reservation_id: claim.reservation_id,
        line_id: claim.line_id,
        sku: claim.sku,
        quantity: claim.open.to_string(),
        frees: quantity(claim.frees),
        state: i32::from(pb::ReservationState::from(claim.state)),
        promised_at: Some(timestamp(claim.promised_at)),
    });
    pb::ShortfallProposal {
        sku: row.sku.clone(),
        location: row.location.clone(),
        reroute: reroute.collect(),
        uncovered: quantity(proposal.uncovered),
    }
}

/// What is expected, late or not.
#[must_use]
pub(crate) fn expected(expected: &Expected, now: Timestamp) -> pb::ExpectedStock {
    let source = match expected.source() {
        Source::Purchase => pb::ExpectedSource::Purchase,
        Source::Transfer => pb::ExpectedSource::Transfer,
    };
    let state = match expected.standing() {
        Standing::Open => pb::ExpectedState::Open,
        Standing::Arrived => pb::ExpectedState::Arrived,
        Standing::Cancelled => pb::ExpectedState::Cancelled,
    };
    let lines = expected.lines.iter().map(|line| pb::ExpectedLine {
        sku: line.sku.clone(),
        quantity: quantity(line.quantity),
        unit: String::new(),
        received: quantity(line.come()),
    });
    pb::ExpectedStock {
        expected_id: expected.id.clone(),
        location: expected.location.clone(),
        source: i32::from(source),
        lines: lines.collect(),
        expected_at: Some(timestamp(expected.expected_at)),
        state: i32::from(state),
        late: expected.late(now),
        as_of: Some(timestamp(expected.as_of)),
        version: expected.version,
        in_transit: expected.transit,
    }
}
