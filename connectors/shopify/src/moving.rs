//! Another location ships than the shop thinks: its fulfilment orders are moved first. Where they lie is read before
//! anything is sent, so that a repeat moves nothing twice. What does not move is a warning and holds up nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::allot::{FulfilmentOrder, Standing};
use crate::commerce::Connector;
use crate::document::changing::MOVE;
use crate::fault::Error;
use crate::gid::gid;
use crate::wire::admin::LineQuantity;
use crate::wire::changing::MoveData;

/// Units of one fulfilment order that another location ships.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) order: String,
    pub(crate) movable: bool,
    pub(crate) to: u64,
    /// Lines of the fulfilment order and units.
    pub(crate) lines: Vec<(String, i64)>,
}

/// What must move so that `missing` units ship from their `places`. Pure.
pub(crate) fn moves(
    missing: &BTreeMap<u64, i64>,
    places: &BTreeMap<u64, u64>,
    orders: &[FulfilmentOrder],
) -> Vec<Move> {
    let mut moves = Vec::<Move>::new();
    for (item, units) in missing {
        let Some(to) = places.get(item) else { continue };
        let open = || orders.iter().filter(|order| order.standing == Standing::Open && order.location.is_some());
        let here = |order: &&FulfilmentOrder| order.location == Some(*to);
        let of_item = |order: &FulfilmentOrder| {
            let lines = order.lines.iter().filter(|line| line.item == *item && line.remaining > 0);
            lines.map(|line| (line.gid.clone(), line.remaining)).collect::<Vec<_>>()
        };
        let there = open().filter(here).flat_map(of_item).fold(0_i64, |sum, (_, left)| sum.saturating_add(left));
        let mut needed = units.saturating_sub(there);
        for order in open().filter(|order| !here(order)) {
            for (line, left) in of_item(order) {
                let part = left.min(needed);
                if part <= 0 {
                    continue;
                }
                needed = needed.saturating_sub(part);
                match moves.iter_mut().find(|one| one.order == order.gid && one.to == *to) {
                    Some(known) => known.lines.push((line, part)),
                    None => moves.push(Move {
                        order: order.gid.clone(),
                        movable: order.movable,
                        to: *to,
                        lines: vec![(line, part)],
                    }),
                }
            }
        }
    }
    moves
}

impl Connector {
    /// The shop's ids of our places by line, and a warning for each that is not configured.
    pub(crate) fn places(&self, codes: &BTreeMap<u64, String>) -> (BTreeMap<u64, u64>, Vec<String>) {
        let (mut places, mut unknown) = (BTreeMap::new(), BTreeSet::new());
        // Without any the shop is taken at its word where its goods are.
        if self.locations.is_empty() {
            return (places, Vec::new());
        }
        for (item, code) in codes {
            match self.locations.get(code) {
                Some(location) => {
                    places.insert(*item, *location);
                }
                None => {
                    unknown.insert(code.as_str());
                }
            }
        }
        let warning = |code| format!("no location of the shop is configured for {code}: set locations.{code}");
        (places, unknown.into_iter().map(warning).collect())
    }

    /// Moves what is to be moved; answers whether anything was, and a warning for what stays.
    pub(crate) async fn relocate(&self, moves: &[Move], key: &str) -> Result<(bool, Vec<String>), Error> {
        let (mut any, mut warnings) = (false, Vec::new());
        for one in moves {
            let mut stays = |why: &str| warnings.push(format!("{} stays where it is at the shop: {why}", one.order));
            if !one.movable {
                stays("it cannot be moved");
                continue;
            }
            let lines: Vec<LineQuantity> =
                one.lines.iter().map(|(id, quantity)| LineQuantity { id: id.clone(), quantity: *quantity }).collect();
            let variables = json!({"id": one.order, "to": gid("Location", one.to), "lines": lines});
            match self.admin.write::<MoveData>(&MOVE, &variables, key).await {
                Ok(data) => match data.fulfillment_order_move.user_errors.into_iter().next() {
                    Some(error) => stays(&error.message),
                    None => any = true,
                },
                Err(Error::Refused { code, detail, .. }) => stays(&format!("{code}: {detail}")),
                Err(error) => return Err(error),
            }
        }
        Ok((any, warnings))
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

    fn wanted(moves: &[Move]) -> Vec<(&str, u64, Vec<(&str, i64)>)> {
        moves
            .iter()
            .map(|one| {
                (one.order.as_str(), one.to, one.lines.iter().map(|(line, units)| (line.as_str(), *units)).collect())
            })
            .collect()
    }

    #[test]
    fn what_lies_elsewhere_is_moved_and_what_lies_there_is_not() {
        let orders = [order("a", 1, &[(10, 3), (11, 2)]), order("b", 2, &[(12, 1)])];
        let missing = BTreeMap::from([(10, 2), (11, 2), (12, 1)]);
        let places = BTreeMap::from([(10, 2), (11, 1), (12, 2)]);
        assert_eq!(wanted(&moves(&missing, &places, &orders)), [("a", 2, vec![("a/10", 2)])]);
    }

    #[test]
    fn only_what_is_lacking_there_is_moved() {
        let orders = [order("a", 1, &[(10, 3)]), order("b", 2, &[(10, 1)])];
        let (missing, places) = (BTreeMap::from([(10, 3)]), BTreeMap::from([(10, 2)]));
        assert_eq!(wanted(&moves(&missing, &places, &orders)), [("a", 2, vec![("a/10", 2)])]);
        let moved = [order("b", 2, &[(10, 4)])];
        assert!(moves(&missing, &places, &moved).is_empty(), "a repeat moves nothing");
    }
}
