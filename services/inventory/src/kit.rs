//! Kits: items that are made of others and have no stock of their own. What so many of one take off the shelves, and how
//! many whole ones the shelves make. Pure.

use std::collections::BTreeMap;

use retail_proto::Quantity;
use retail_proto::inventory::v1 as pb;

use crate::render::quantity;
use crate::stock::Stock;

const UNIT: i64 = 1_000_000;

/// A part of a kit.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Component {
    /// Item code.
    #[prost(string, tag = "1")]
    pub sku: String,
    /// In one kit, millionths.
    #[prost(int64, tag = "2")]
    pub quantity: i64,
}

/// What so many kits take off the shelves. `None` unless they are whole kits and the numbers fit.
#[must_use]
pub(crate) fn taken_apart(components: &[Component], kits: Quantity) -> Option<Vec<(String, Quantity)>> {
    let kits = kits.as_whole()?;
    let part = |component: &Component| {
        let millionths = component.quantity.checked_mul(kits)?;
        Some((component.sku.clone(), Quantity::from_millionths(millionths)))
    };
    components.iter().map(part).collect()
}

/// How many whole kits there are when so much of each component is left, millionths.
#[must_use]
pub(crate) fn whole(components: &[Component], left: impl Fn(&str) -> i64) -> i64 {
    let of = |component: &Component| left(&component.sku).max(0).checked_div(component.quantity).unwrap_or(0);
    components.iter().map(of).min().unwrap_or(0).saturating_mul(UNIT)
}

/// How many whole kits cannot be made when so much of a component is short, millionths.
#[must_use]
pub(crate) fn incomplete(component: &Component, short: Quantity) -> i64 {
    let (short, one) = (short.millionths(), component.quantity.max(1));
    let begun = i64::from(short.checked_rem(one).unwrap_or(0) > 0);
    short.checked_div(one).unwrap_or(0).saturating_add(begun).saturating_mul(UNIT)
}

/// Availability of a kit at a location from the stock of its components there; `None` where there is none of any.
#[must_use]
pub(crate) fn availability(
    sku: &str,
    location: &str,
    components: &[Component],
    rows: &BTreeMap<String, Stock>,
) -> Option<pb::Availability> {
    if !components.iter().any(|component| rows.contains_key(&component.sku)) {
        return None;
    }
    // Each kit for itself: what is promised of the components is not what is promised of this kit.
    let kits = quantity(whole(components, |sku| rows.get(sku).map_or(0, |row| row.available)));
    let versions = components.iter().filter_map(|component| rows.get(&component.sku)).map(|row| row.version);
    let zero = quantity(0);
    Some(pb::Availability {
        sku: sku.to_owned(),
        location: location.to_owned(),
        on_hand: kits.clone(),
        available: kits,
        reserved: zero.clone(),
        allocated: zero.clone(),
        blocked: zero.clone(),
        shortfall: zero.clone(),
        version: versions.fold(0, u64::saturating_add),
        kit: true,
        expected: zero.clone(),
        in_transit: zero,
        ..pb::Availability::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> Vec<Component> {
        let part = |sku: &str, units: i64| Component { sku: sku.into(), quantity: units * UNIT };
        vec![part("CUP", 2), part("POT", 1)]
    }

    #[test]
    fn the_scarcest_component_says_how_many_kits_there_are() {
        let left = |sku: &str| if sku == "CUP" { 5 * UNIT } else { 9 * UNIT };
        assert_eq!(whole(&set(), left), 2 * UNIT, "a fifth cup makes no kit");
        assert_eq!(whole(&set(), |_| -3 * UNIT), 0);
        assert_eq!(whole(&[], left), 0);
    }

    #[test]
    fn kits_are_taken_apart_whole_or_not_at_all() {
        let three = taken_apart(&set(), Quantity::whole(3).unwrap()).unwrap();
        assert_eq!(three, [("CUP".into(), Quantity::whole(6).unwrap()), ("POT".into(), Quantity::whole(3).unwrap())]);
        assert_eq!(taken_apart(&set(), "1.5".parse().unwrap()), None);
    }

    #[test]
    fn a_kit_that_lacks_one_cup_is_a_kit_that_cannot_be_made() {
        let cups = &set()[0];
        assert_eq!(incomplete(cups, Quantity::whole(1).unwrap()), UNIT);
        assert_eq!(incomplete(cups, Quantity::whole(3).unwrap()), 2 * UNIT);
        assert_eq!(incomplete(cups, Quantity::ZERO), 0);
    }
}
