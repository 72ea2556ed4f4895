//! What a request leaves at a location: of each item the most that any of its lines keeps back. Pure.
//!
//! It counts once all lines are promised, whichever of them is looked at first: a line that keeps nothing back does not take
//! what another one of the same request keeps.

use std::collections::BTreeMap;

use crate::kit::Component;
use crate::line::Ask;

const UNIT: i64 = 1_000_000;

/// What must stay available, by item that lies on a shelf, millionths.
#[derive(Debug, Default)]
pub(crate) struct Floors<'a>(BTreeMap<&'a str, i64>);

impl<'a> Floors<'a> {
    /// Of a request at one location, in base units.
    #[must_use]
    pub(crate) fn of(asks: &'a [Ask]) -> Self {
        let mut floors = Self::default();
        for ask in asks.iter().filter(|ask| ask.keep_back.is_positive()) {
            let kept = ask.keep_back.millionths();
            if ask.components.is_empty() {
                floors.raise(&ask.sku, kept);
            }
            for component in &ask.components {
                floors.raise(&component.sku, in_kits(component, kept));
            }
        }
        floors
    }

    /// What must stay available of an item, millionths.
    #[must_use]
    pub(crate) fn at(&self, sku: &str) -> i64 {
        self.0.get(sku).copied().unwrap_or(0)
    }

    fn raise(&mut self, sku: &'a str, kept: i64) {
        let floor = self.0.entry(sku).or_default();
        *floor = kept.max(*floor);
    }
}

/// What must stay of a component so that so many kits can still be made, millionths each. A part of a kit is a whole one:
/// nobody buys less.
fn in_kits(component: &Component, kept: i64) -> i64 {
    let begun = i64::from(kept.checked_rem(UNIT).unwrap_or(0) > 0);
    let kits = kept.checked_div(UNIT).unwrap_or(0).saturating_add(begun);
    component.quantity.saturating_mul(kits)
}

#[cfg(test)]
mod tests {
    use retail_proto::Quantity;

    use super::*;

    fn ask(sku: &str, keep_back: &str) -> Ask {
        let part = |sku: &str, units: i64| Component { sku: sku.into(), quantity: units * UNIT };
        let components = if sku == "SET" { vec![part("CUP", 2), part("POT", 1)] } else { vec![] };
        let (line_id, unit, keep_back) = (String::new(), String::new(), keep_back.parse().unwrap());
        Ask { line_id, sku: sku.into(), quantity: Quantity::ZERO, unit, keep_back, place: 0, components }
    }

    #[test]
    fn of_lines_of_one_item_the_largest_counts_in_whatever_order_they_come() {
        let mut asks = [ask("CUP", "5"), ask("CUP", "0"), ask("SET", "3"), ask("CUP", "1")];
        assert_eq!((Floors::of(&asks).at("CUP"), Floors::of(&asks).at("POT")), (6 * UNIT, 3 * UNIT));
        asks.reverse();
        assert_eq!((Floors::of(&asks).at("CUP"), Floors::of(&asks).at("SET")), (6 * UNIT, 0));
    }

    #[test]
    fn half_a_kit_is_kept_back_as_a_whole_one() {
        assert_eq!(Floors::of(&[ask("SET", "1.5")]).at("CUP"), 4 * UNIT);
        assert_eq!(Floors::of(&[ask("CUP", "1.5")]).at("CUP"), 1_500_000);
    }
}
