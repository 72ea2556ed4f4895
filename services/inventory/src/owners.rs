//! What the owners of items, places and stock say, in our words. Pure.

use std::collections::BTreeMap;

use retail_proto::Quantity;
use retail_proto::commerce::v1 as shop;
use retail_proto::erp::v1 as erp;
use retail_proto::types::v1::Ref;

use crate::allocation::{Commitments, Committed};
use crate::books::Count;
use crate::catalogue::{Item, Place};
use crate::config::Channel;
use crate::kit::Component;
use crate::reference::code;

/// Our place code to the shop's location id.
pub(crate) fn match_places(
    channel: &Channel,
    found: &[shop::Location],
    known: &[Place],
    home: &str,
) -> BTreeMap<String, String> {
    if !channel.locations.is_empty() {
        return channel.locations.clone();
    }
    let active: Vec<&shop::Location> = found.iter().filter(|location| location.active).collect();
    let named: BTreeMap<String, String> = active
        .iter()
        .filter_map(|location| {
            let same = |text: &str| text.eq_ignore_ascii_case(location.name.trim());
            let place = known.iter().find(|place| same(&place.code) || same(&place.name))?;
            Some((place.code.clone(), location.location_id.clone()))
        })
        .collect();
    match (named.is_empty(), active.as_slice()) {
        (true, [only]) => BTreeMap::from([(home.to_owned(), only.location_id.clone())]),
        _ => named,
    }
}

pub(crate) fn links(instance: &str, items: &[shop::Item]) -> BTreeMap<String, Vec<Ref>> {
    let named = items.iter().filter(|item| !item.sku.trim().is_empty());
    named
        .map(|item| {
            let records = vec![
                record(instance, "variant", &item.variant_id),
                record(instance, "inventoryItem", &item.inventory_item_id),
            ];
            (code(&item.sku), records)
        })
        .collect()
}

pub(crate) fn record(instance: &str, kind: &str, id: &str) -> Ref {
    let (instance, id) = (instance.to_owned(), id.to_owned());
    Ref { kind: "commerce".to_owned(), instance, r#type: kind.to_owned(), id, number: String::new() }
}

pub(crate) fn item(read: erp::Item) -> Item {
    let components: Vec<Component> = read.components.iter().filter_map(component).collect();
    // A kit leaves the house: it is goods, though it keeps no stock of its own.
    let stocked = read.stocked || !components.is_empty();
    Item {
        sku: code(&read.sku),
        description: read.description,
        stocked,
        unit_price: read.unit_price,
        unit: read.unit,
        inactive: read.inactive,
        refs: read.item.into_iter().collect(),
        components,
        ..Item::default()
    }
}

fn component(part: &erp::ItemComponent) -> Option<Component> {
    let quantity = part.quantity.parse::<Quantity>().ok().filter(|quantity| quantity.is_positive())?;
    Some(Component { sku: code(&part.sku), quantity: quantity.millionths() })
}

pub(crate) fn counted(row: &erp::StockRow, asked: bool) -> Option<Count> {
    let quantity: Quantity = row.on_hand.parse().ok()?;
    let named = !row.sku.trim().is_empty() && !row.location.is_empty();
    // An ERP may count below zero; a shelf cannot.
    let quantity = if quantity.is_negative() { Quantity::ZERO } else { quantity };
    let committed = if asked { Some(commitments(row)?) } else { None };
    named.then(|| Count { sku: code(&row.sku), location: row.location.clone(), quantity, committed })
}

fn commitments(row: &erp::StockRow) -> Option<Commitments> {
    let number = |text: &str| text.parse::<Quantity>().ok().map(|quantity| quantity.millionths().max(0));
    let all = if row.committed.is_empty() { 0 } else { number(&row.committed)? };
    let ours = row
        .commitments
        .iter()
        .map(|ours| Some(Committed { order: ours.external_ref.clone(), quantity: number(&ours.quantity)? }));
    Some(Commitments { all, ours: ours.collect::<Option<_>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(id: &str, name: &str) -> shop::Location {
        shop::Location { location_id: id.into(), name: name.into(), active: true }
    }

    fn place(code: &str, name: &str) -> Place {
        Place { code: code.into(), name: name.into(), refs: vec![] }
    }

    #[test]
    fn the_only_location_of_a_shop_is_the_default_one() {
        let matched = match_places(&Channel::default(), &[location("7", "Shop location")], &[place("1", "Hub")], "1");
        assert_eq!(matched, BTreeMap::from([("1".into(), "7".into())]));
    }

    #[test]
    fn several_locations_are_matched_by_name() {
        let known = [place("1", "Hub"), place("2", "Paris")];
        let found = [location("7", "PARIS"), location("8", "Rome")];
        assert_eq!(match_places(&Channel::default(), &found, &known, "1"), BTreeMap::from([("2".into(), "7".into())]));
    }

    #[test]
    fn what_is_configured_stands() {
        let channel = Channel { locations: BTreeMap::from([("1".into(), "9".into())]), ..Channel::default() };
        assert_eq!(match_places(&channel, &[location("7", "Hub")], &[place("1", "Hub")], "1"), channel.locations);
    }

    #[test]
    fn a_negative_number_of_the_books_is_an_empty_shelf() {
        let row = erp::StockRow { sku: "a".into(), location: "1".into(), on_hand: "-3".into(), ..Default::default() };
        let expected = Count { sku: "A".into(), location: "1".into(), quantity: Quantity::ZERO, committed: None };
        assert_eq!(counted(&row, false).unwrap(), expected);
    }
}
