//! What requests mean once their items are known: units become base units, kits get their components. Pure.

use std::collections::BTreeMap;

use retail_proto::Quantity;

use crate::books::Count;
use crate::catalogue::Item;
use crate::fault::Error;
use crate::holding::Wish;
use crate::kit;
use crate::reservation::{Lacking, ReservationError};
use crate::units::in_base_unit;

/// Items by code, as far as they are known.
pub(crate) type Items = BTreeMap<String, Item>;

/// Turns the lines of a reservation into base units and says what its kits are made of.
pub(crate) fn settle(wish: &mut Wish, items: &Items) -> Result<(), Error> {
    for ask in wish.lines.values_mut().flatten() {
        let item = items.get(&ask.sku);
        let at = |field: &str| format!("lines[{}].{field}", ask.place);
        let turned = in_base_unit(item, &ask.sku, ask.quantity, &ask.unit);
        ask.quantity = turned.map_err(|source| Error::Unit { field: at("unit"), source })?;
        let turned = in_base_unit(item, &ask.sku, ask.keep_back, &ask.unit);
        ask.keep_back = turned.map_err(|source| Error::Unit { field: at("keep_back"), source })?;
        ask.components = item.map(|item| item.components.clone()).unwrap_or_default();
        // Said here as well, before a reservation over several locations has promised anything at one of them.
        if !ask.components.is_empty() && kit::taken_apart(&ask.components, ask.quantity).is_none() {
            let (line_id, sku, quantity) = (ask.line_id.clone(), ask.sku.clone(), ask.quantity);
            return Err(ReservationError::KitNotWhole { line_id, sku, quantity }.into());
        }
    }
    Ok(())
}

/// The lines of items that nobody knows.
pub(crate) fn unknown(wish: &Wish, items: &Items) -> Vec<Lacking> {
    let unknown = wish.lines.values().flatten().filter(|ask| !items.contains_key(&ask.sku));
    unknown
        .map(|ask| Lacking {
            line_id: ask.line_id.clone(),
            sku: ask.sku.clone(),
            quantity: ask.quantity,
            available: Quantity::ZERO,
            kept_back: Quantity::ZERO,
            expected_at: None,
        })
        .collect()
}

/// A count in the base unit; a kit is not counted.
pub(crate) fn counted(count: &Count, unit: &str, items: &Items) -> Result<Count, Error> {
    let item = items.get(&count.sku);
    if item.is_some_and(Item::is_kit) {
        return Err(Error::KitHasNoStock(count.sku.clone()));
    }
    let quantity = in_base_unit(item, &count.sku, count.quantity, unit)
        .map_err(|source| Error::Unit { field: "unit".to_owned(), source })?;
    Ok(Count { quantity, ..count.clone() })
}

/// Goods with every kit taken apart, each item once.
pub(crate) fn taken_apart(lines: Vec<(String, Quantity)>, items: &Items) -> Result<Vec<(String, Quantity)>, Error> {
    let mut goods: Vec<(String, Quantity)> = Vec::with_capacity(lines.len());
    for (sku, quantity) in lines {
        let parts = match items.get(&sku).filter(|item| item.is_kit()) {
            Some(item) => kit::taken_apart(&item.components, quantity).ok_or(ReservationError::KitNotWhole {
                line_id: sku.clone(),
                sku,
                quantity,
            })?,
            None => vec![(sku, quantity)],
        };
        for (sku, quantity) in parts {
            match goods.iter_mut().find(|(known, _)| *known == sku) {
                Some((_, sum)) => {
                    // A sum that leaves the range is refused by the law of stock, by name.
                    *sum = sum.plus(quantity).unwrap_or(Quantity::from_millionths(i64::MAX));
                }
                None => goods.push((sku, quantity)),
            }
        }
    }
    Ok(goods)
}
