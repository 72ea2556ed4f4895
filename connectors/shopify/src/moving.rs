//! Another location ships than the shop thinks: its fulfilment orders are moved first. Where they lie is read before
//! anything is sent, so that a repeat moves nothing twice. What does not move is a warning and holds up nothing.

use std::collections::{BTreeMap, BTreeSet};

use retail_connect::CallFault;
use serde_json::json;

use crate::allot::{FulfilmentOrder, Standing};
use crate::commerce::Connector;
use crate::document::changing::MOVE;
use crate::fault::Error;
use crate::fulfilment::Shown;
use crate::gid::gid;
use crate::wire::admin::LineQuantity;
use crate::wire::changing::MoveData;

/// How often what was moved is looked at.
const ROUNDS: usize = 4;

/// From which of the shop's locations units of a line item leave.
pub(crate) type Places = BTreeMap<u64, Vec<(u64, i64)>>;

/// Units of one fulfilment order that another location ships.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) order: String,
    pub(crate) movable: bool,
    pub(crate) to: u64,
    /// Lines of the fulfilment order and units.
    pub(crate) lines: Vec<(String, i64)>,
}

/// What must move so that `missing` units ship from their `places`, each with its units. Pure.
pub(crate) fn moves(missing: &BTreeMap<u64, i64>, places: &Places, orders: &[FulfilmentOrder]) -> Vec<Move> {
    let mut moves = Vec::<Move>::new();
    for (item, units) in missing {
        let mut lacking = still_missing(places.get(item).map(Vec::as_slice).unwrap_or_default(), *units);
        // What lies where it is wanted stays there; the rest may go where something lacks.
        let mut spare = Vec::new();
        let open = orders.iter().filter(|order| order.standing == Standing::Open && order.location.is_some());
        for order in open {
            for line in order.lines.iter().filter(|line| line.item == *item && line.remaining > 0) {
                let wanted_here = lacking.iter_mut().find(|(place, _)| order.location == Some(*place));
                let stays = wanted_here.map_or(0, |(_, wanted)| {
                    let stays = line.remaining.min(*wanted);
                    *wanted = wanted.saturating_sub(stays);
                    stays
                });
                spare.push((order, line, line.remaining.saturating_sub(stays)));
            }
        }
        for (to, mut needed) in lacking {
            for (order, line, left) in spare.iter_mut().filter(|(order, ..)| order.location != Some(to)) {
                let part = needed.min(*left);
                if part <= 0 {
                    continue;
                }
                (needed, *left) = (needed.saturating_sub(part), left.saturating_sub(part));
                match moves.iter_mut().find(|one| one.order == order.gid && one.to == to) {
                    Some(known) => known.lines.push((line.gid.clone(), part)),
                    None => moves.push(Move {
                        order: order.gid.clone(),
                        movable: order.movable,
                        to,
                        lines: vec![(line.gid.clone(), part)],
                    }),
                }
            }
        }
    }
    moves
}

/// The places of what is missing: what the shop shows already left the first of them.
fn still_missing(places: &[(u64, i64)], missing: i64) -> Vec<(u64, i64)> {
    let all = places.iter().fold(0_i64, |sum, (_, units)| sum.saturating_add(*units));
    let mut shown = all.saturating_sub(missing).max(0);
    let left = places.iter().map(|(place, units)| {
        let gone = shown.min(*units);
        shown = shown.saturating_sub(gone);
        (*place, units.saturating_sub(gone))
    });
    left.filter(|(_, units)| *units > 0).collect()
}

impl Connector {
    /// The shop's ids of our places by line, and a warning for each that is not configured.
    pub(crate) fn places(&self, codes: &BTreeMap<u64, Vec<(String, i64)>>) -> (Places, Vec<String>) {
        let (mut places, mut unknown) = (Places::new(), BTreeSet::new());
        // Without any the shop is taken at its word where its goods are.
        if self.locations.is_empty() {
            return (places, Vec::new());
        }
        for (item, (code, units)) in codes.iter().flat_map(|(item, all)| all.iter().map(move |one| (item, one))) {
            match self.locations.get(code) {
                Some(location) => places.entry(*item).or_default().push((*location, *units)),
                None => {
                    unknown.insert(code.as_str());
                }
            }
        }
        let warning = |code| format!("no location of the shop is configured for {code}: set locations.{code}");
        (places, unknown.into_iter().map(warning).collect())
    }

    /// Moves what lies elsewhere than it is wanted; answers how the order lies then, and a warning for what stays. A move
    /// whose answer is lost is looked for at once: nothing else was sent yet.
    pub(crate) async fn relocate(
        &self,
        order: u64,
        mut shown: Shown,
        (missing, places): (&BTreeMap<u64, i64>, &Places),
        key: &str,
    ) -> Result<(Shown, Vec<String>), Error> {
        let (mut stay, mut warnings) = (BTreeSet::new(), Vec::new());
        for _ in 0..ROUNDS {
            let mut moves = moves(missing, places, &shown.orders);
            moves.retain(|one| !stay.contains(&one.order));
            if moves.is_empty() {
                return Ok((shown, warnings));
            }
            for one in moves {
                if let Some(why) = self.relocate_one(&one, key).await? {
                    warnings.push(format!("{} stays where it is at the shop: {why}", one.order));
                    stay.insert(one.order);
                }
            }
            // Lines that moved may lie in another fulfilment order now, under other ids.
            shown = self.shown(order).await?;
        }
        warnings.push("the shop does not say whether it has moved the fulfilment".to_owned());
        Ok((shown, warnings))
    }

    /// Why it stays; none when it moved, or when nobody knows.
    async fn relocate_one(&self, one: &Move, key: &str) -> Result<Option<String>, Error> {
        if !one.movable {
            return Ok(Some("it cannot be moved".to_owned()));
        }
        let lines: Vec<LineQuantity> =
            one.lines.iter().map(|(id, quantity)| LineQuantity { id: id.clone(), quantity: *quantity }).collect();
        let variables = json!({"id": one.order, "to": gid("Location", one.to), "lines": lines});
        match self.admin.write::<MoveData>(&MOVE, &variables, key).await {
            Ok(data) => Ok(data.fulfillment_order_move.user_errors.into_iter().next().map(|error| error.message)),
            Err(Error::Refused { code, detail, .. }) => Ok(Some(format!("{code}: {detail}"))),
            Err(Error::Call(CallFault::Unknown { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allot::Line;

    fn order(gid: &str, location: u64, lines: &[(u64, i64)]) -> FulfilmentOrder {
        let lines = lines.iter().map(|(item, left)| Line {
            gid: format!("{gid}/{item}"),
            item: *item,
            total: *left,
            remaining: *left,
        });
        FulfilmentOrder {
            gid: gid.to_owned(),
            standing: Standing::Open,
            location: Some(location),
            movable: true,
            pickup: false,
            lines: lines.collect(),
        }
    }

    fn one(order: &str, to: u64, line: &str, units: i64) -> Move {
        Move { order: order.to_owned(), movable: true, to, lines: vec![(line.to_owned(), units)] }
    }

    #[test]
    fn what_lies_elsewhere_is_moved_and_what_lies_there_is_not() {
        let orders = [order("a", 1, &[(10, 3), (11, 2)]), order("b", 2, &[(12, 1)])];
        let missing = BTreeMap::from([(10, 2), (11, 2), (12, 1)]);
        let places = BTreeMap::from([(10, vec![(2, 2)]), (11, vec![(1, 2)]), (12, vec![(2, 1)])]);
        assert_eq!(moves(&missing, &places, &orders), [one("a", 2, "a/10", 2)]);
    }

    #[test]
    fn only_what_is_lacking_there_is_moved() {
        let orders = [order("a", 1, &[(10, 3)]), order("b", 2, &[(10, 1)])];
        let (missing, places) = (BTreeMap::from([(10, 3)]), BTreeMap::from([(10, vec![(2, 3)])]));
        assert_eq!(moves(&missing, &places, &orders), [one("a", 2, "a/10", 2)]);
        let moved = [order("b", 2, &[(10, 4)])];
        assert!(moves(&missing, &places, &moved).is_empty(), "a repeat moves nothing");
    }

    #[test]
    fn a_line_that_two_places_ship_lies_at_both_and_neither_takes_from_the_other() {
        let orders = [order("a", 1, &[(10, 2)]), order("b", 2, &[(10, 1)]), order("c", 3, &[(10, 2)])];
        let missing = BTreeMap::from([(10, 5)]);
        let places = BTreeMap::from([(10, vec![(1, 2), (2, 3)])]);
        assert_eq!(moves(&missing, &places, &orders), [one("c", 2, "c/10", 2)]);
        let moved = [order("a", 1, &[(10, 2)]), order("b", 2, &[(10, 3)])];
        assert!(moves(&missing, &places, &moved).is_empty(), "a repeat moves nothing");
        // Two of them are shown as shipped already.
        assert!(moves(&BTreeMap::from([(10, 3)]), &places, &[order("b", 2, &[(10, 3)])]).is_empty());
    }
}
