//! Which promises to serve from elsewhere when less is there than is promised. Pure.
//!
//! The newest go first: whoever was promised first keeps the goods. An older promise that must go anyway may free more
//! than is missing; then newer ones that fit into what is left over stay, so that nobody goes for nothing.

use retail_proto::Quantity;

use crate::line::Line;
use crate::reservation::{Part, State};

/// A promised line of the short item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Id of the reservation.
    pub reservation_id: String,
    /// Id of the order line.
    pub line_id: String,
    /// Item code of the line; a kit when the short item is one of its components.
    pub sku: String,
    /// Still promised, in the unit of the line's item.
    pub open: Quantity,
    /// So much of the short item goes with it, millionths.
    pub frees: i64,
    /// Held or confirmed.
    pub state: State,
    /// When, milliseconds since 1970.
    pub promised_at: i64,
}

/// What to do about a shortfall.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Proposal {
    /// Who goes, the newest first.
    pub reroute: Vec<Claim>,
    /// What stays short, millionths.
    pub uncovered: i64,
}

/// The lines of a reservation that are promised of an item, the last one first.
#[must_use]
pub(crate) fn claims(part: &Part, sku: &str) -> Vec<Claim> {
    if !part.stands() {
        return vec![];
    }
    let claim = |line: &Line| {
        let goods = line.goods(line.open()).ok()?;
        let frees = goods.iter().find(|(good, _)| good == sku).map(|(_, quantity)| quantity.millionths())?;
        (frees > 0).then(|| Claim {
            reservation_id: part.reservation_id.clone(),
            line_id: line.line_id.clone(),
            sku: line.sku.clone(),
            open: line.open(),
            frees,
            state: part.state(),
            promised_at: part.promised_at,
        })
    };
    part.lines.iter().rev().filter_map(claim).collect()
}

/// Proposes who goes. `newest_first` are claims in that order, as many as are needed to cover the shortfall, or all.
#[must_use]
pub(crate) fn propose(shortfall: i64, newest_first: Vec<Claim>) -> Proposal {
    let mut freed = 0_i64;
    let mut picked = vec![];
    for claim in newest_first {
        if freed >= shortfall {
            break;
        }
        freed = freed.saturating_add(claim.frees);
        picked.push(claim);
    }
    // The oldest of them is asked first whether it may stay.
    let mut reroute = vec![];
    for claim in picked.into_iter().rev() {
        let without = freed.saturating_sub(claim.frees);
        if without >= shortfall {
            freed = without;
        } else {
            reroute.push(claim);
        }
    }
    reroute.reverse();
    Proposal { reroute, uncovered: shortfall.saturating_sub(freed).max(0) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn claims_of(units: &[i64]) -> Vec<Claim> {
        let claim = |(place, units): (usize, &i64)| Claim {
            reservation_id: format!("o-{}", 99 - place),
            line_id: "1".into(),
            sku: "A".into(),
            open: Quantity::whole(*units).unwrap(),
            frees: *units,
            state: State::Confirmed,
            promised_at: 99 - i64::try_from(place).unwrap(),
        };
        units.iter().enumerate().map(claim).collect()
    }

    fn go(shortfall: i64, newest_first: &[i64]) -> Vec<i64> {
        propose(shortfall, claims_of(newest_first)).reroute.iter().map(|claim| claim.frees).collect()
    }

    #[test]
    fn the_newest_promises_go_and_the_oldest_keep_their_goods() {
        assert_eq!(go(5, &[3, 2, 4, 1]), [3, 2]);
    }

    #[test]
    fn nobody_goes_for_nothing() {
        assert_eq!(go(5, &[1, 10, 7]), [10], "ten that must go free enough for the one");
        assert!(go(0, &[1, 10]).is_empty());
    }

    #[test]
    fn what_no_promise_covers_is_said() {
        assert_eq!(propose(5, claims_of(&[2])).uncovered, 3);
    }

    proptest! {
        #[test]
        fn a_proposal_covers_what_can_be_covered_and_needs_everybody_it_names(
            shortfall in 0..60_i64, units in prop::collection::vec(1..20_i64, 0..12)
        ) {
            let all = claims_of(&units);
            let proposal = propose(shortfall, all.clone());
            let freed: i64 = proposal.reroute.iter().map(|claim| claim.frees).sum();
            let there: i64 = units.iter().sum();
            prop_assert_eq!(proposal.uncovered, (shortfall - there).max(0));
            prop_assert!(freed + proposal.uncovered >= shortfall);
            for claim in &proposal.reroute {
                prop_assert!(freed - claim.frees < shortfall, "{} goes for nothing", claim.reservation_id);
            }
            // Whoever is older than the oldest that goes was not even asked.
            let oldest = proposal.reroute.last().map(|claim| claim.promised_at);
            let newer: i64 = all.iter().filter(|claim| Some(claim.promised_at) >= oldest).map(|claim| claim.frees).sum();
            let before: i64 = newer - proposal.reroute.last().map_or(0, |claim| claim.frees);
            prop_assert!(proposal.reroute.is_empty() || before < shortfall);
        }
    }
}
