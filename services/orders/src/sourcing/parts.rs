//! The last resort before anything waits: a line that no single place has is given to several, whole pieces to each. As
//! everywhere the fewest places win, and of as many places those that are ranked first; a line is split only when no
//! chosen place has all of it, over as few of them as do, and the best of them takes the most.

use std::collections::BTreeMap;

use super::{Shelf, Table, Wanted, assigned, left_of};
use crate::decision::Assigned;

/// One piece, millionths.
const PIECE: i64 = 1_000_000;

/// How a line may be split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parts {
    /// Over how many places one line may be split.
    pub line_limit: usize,
    /// The least that a place is asked for, millionths; whole pieces.
    pub least: i64,
    /// What the parcels may cost together, in the policy's unit; none for any amount.
    pub most_cost: Option<i64>,
    /// The number of the first part: one that no line of the order has.
    pub next: i32,
}

impl Table<'_> {
    /// A place for every piece over as few places as possible; none when lines may not be split, or when that does not
    /// help.
    pub(super) fn in_parts(&self) -> Option<Vec<Assigned>> {
        let rules = self.terms.parts.as_ref()?;
        let mut needed: BTreeMap<&str, i64> = BTreeMap::new();
        for line in &self.free {
            let sum = needed.entry(&line.sku).or_default();
            *sum = sum.saturating_add(line.quantity);
        }
        let needed: Vec<(&str, i64)> = needed.into_iter().collect();
        let everywhere: Vec<usize> = (0..self.ranked.len()).collect();
        if !self.suffices(&everywhere, &needed) {
            return None;
        }
        let most = self.terms.split_limit.min(self.ranked.len());
        (2..=most).find_map(|size| self.search_parts(rules, &needed, size, 0, &mut Vec::with_capacity(size)))
    }

    /// The first set of so many places, in the order of their ranks, that has everything together.
    fn search_parts(
        &self,
        rules: &Parts,
        needed: &[(&str, i64)],
        size: usize,
        from: usize,
        chosen: &mut Vec<usize>,
    ) -> Option<Vec<Assigned>> {
        if chosen.len() == size {
            let worth_it =
                self.suffices(chosen, needed) && rules.most_cost.is_none_or(|most| self.cost(chosen) <= most);
            return if worth_it { self.assign_parts(rules, chosen) } else { None };
        }
        for place in from..self.ranked.len() {
            chosen.push(place);
            let next = place.saturating_add(1);
            let found =
                if self.fits_the_limit(chosen) { self.search_parts(rules, needed, size, next, chosen) } else { None };
            chosen.pop();
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Do these places have enough of every item, all together?
    fn suffices(&self, chosen: &[usize], needed: &[(&str, i64)]) -> bool {
        needed.iter().all(|(sku, needed)| {
            let there = chosen.iter().filter_map(|place| self.ranked.get(*place)).map(|(_, left)| left_of(left, sku));
            there.fold(0_i64, i64::saturating_add) >= *needed
        })
    }

    /// What the parcels from these places and from those that the order names cost.
    fn cost(&self, chosen: &[usize]) -> i64 {
        let named = |place: &str| self.named.iter().any(|line| line.location == place);
        let parcels = self.ranked.iter().zip(0_usize..);
        let parcels = parcels.filter(|((one, _), place)| chosen.contains(place) || named(&one.location));
        parcels.filter_map(|((one, _), _)| one.reach).fold(0_i64, |sum, reach| sum.saturating_add(reach.cost))
    }

    /// Whole lines first, then what is left in parts; none when a line is left.
    fn assign_parts(&self, rules: &Parts, chosen: &[usize]) -> Option<Vec<Assigned>> {
        let mut shelves = self.shelves(chosen);
        let (mut given, open) = self.give_from(&mut shelves);
        let mut next = rules.next;
        for line in open {
            for (place, quantity) in split(line, &shelves, rules)? {
                let (one, left) = shelves.get_mut(place)?;
                left.entry(&line.sku).and_modify(|left| *left = left.saturating_sub(quantity));
                let mut part = Assigned { quantity, of: line.quantity, ..assigned(line, &one.location, 0, false) };
                if given.iter().any(|known: &Assigned| known.number == line.number) {
                    (part.number, part.split_from) = (next, line.number);
                    next = next.saturating_add(1);
                }
                given.push(part);
            }
        }
        given.extend(self.named.iter().map(|line| assigned(line, &line.location, 0, true)));
        given.sort_by_key(|line| line.number);
        Some(given)
    }
}

/// How much of a line each of some places takes, over as few of them as possible. What is no number of whole pieces is never
/// split: half a metre here and half a metre there are no metre.
fn split(line: &Wanted, shelves: &[Shelf<'_>], rules: &Parts) -> Option<Vec<(usize, i64)>> {
    if line.quantity.rem_euclid(PIECE) != 0 {
        return None;
    }
    let pieces = |left: i64| left.saturating_sub(left.rem_euclid(PIECE)).max(0);
    let stock = shelves.iter().map(|(_, left)| pieces(left_of(left, &line.sku)));
    let stock: Vec<(usize, i64)> = (0..).zip(stock).collect();
    (2..=rules.line_limit.min(stock.len())).find_map(|count| choose(&stock, count, &mut Vec::new(), line, rules))
}

/// The first so many of some places, in their order, that have all of a line.
fn choose(
    stock: &[(usize, i64)],
    count: usize,
    chosen: &mut Vec<(usize, i64)>,
    line: &Wanted,
    rules: &Parts,
) -> Option<Vec<(usize, i64)>> {
    if chosen.len() == count {
        return fill(chosen, line.quantity, rules.least);
    }
    for (place, one) in stock.iter().enumerate() {
        chosen.push(*one);
        let rest = stock.get(place.saturating_add(1)..).unwrap_or_default();
        let found = choose(rest, count, chosen, line, rules);
        chosen.pop();
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Each takes what it has, and leaves the least that is worth a parcel to each after it; none when they have not enough.
fn fill(places: &[(usize, i64)], quantity: i64, least: i64) -> Option<Vec<(usize, i64)>> {
    let mut left = quantity;
    let mut parts = Vec::with_capacity(places.len());
    for ((place, there), after) in places.iter().zip((0..places.len()).rev()) {
        let kept = least.saturating_mul(i64::try_from(after).unwrap_or(i64::MAX));
        let part = left.saturating_sub(kept).min(*there);
        if part < least {
            return None;
        }
        left = left.saturating_sub(part);
        parts.push((*place, part));
    }
    (left == 0).then_some(parts)
}

#[cfg(test)]
#[path = "parts_tests.rs"]
mod tests;
