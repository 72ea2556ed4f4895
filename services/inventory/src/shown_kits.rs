//! Numbers of kits to channels: at each location what its components make, reckoned anew in the commit that changes one of
//! them. A channel shows kits and single pieces out of the same numbers; each for itself.

use std::collections::{BTreeMap, BTreeSet};

use retail_store::{Document, Draft};

use crate::keys::stock_id;
use crate::kit::{self, Component};
use crate::shelf::Shelf;
use crate::stock::{Stock, StockError};

impl Stock {
    /// What a channel may be told: what may be sold, or of a kit how many its components make.
    #[must_use]
    pub(crate) fn for_sale(&self) -> i64 {
        if self.parts.is_empty() { self.available } else { self.makes }
    }
}

/// Ties a kit that a channel shows at a location to its components there, or unties what is no kit any more. A kit none of
/// whose components was ever there is left alone: nobody has said that there is or is not any.
pub(crate) fn tie(shelf: &mut Shelf, sku: &str, parts: &[Component]) -> Result<(), StockError> {
    let was = shelf.row(sku).map(|row| row.parts.clone()).unwrap_or_default();
    if was == parts || was.is_empty() && !parts.iter().any(|part| shelf.row(&part.sku).is_some()) {
        return Ok(());
    }
    for part in &was {
        shelf.with(&part.sku, |stock| {
            stock.kits.retain(|kit| kit != sku);
            Ok(((), None))
        })?;
    }
    for part in parts {
        shelf.with(&part.sku, |stock| {
            stock.kits.push(sku.to_owned());
            Ok(((), None))
        })?;
    }
    shelf.with(sku, |stock| {
        stock.parts = parts.to_vec();
        stock.makes = 0;
        Ok(((), None))
    })
}

/// Reckons every kit anew that one of these records belongs to; such kits are added to the records.
pub(crate) fn remake<D: Document>(draft: &mut Draft<D>, location: &str, rows: &mut BTreeMap<String, Stock>) {
    let kits = rows.values().flat_map(|row| &row.kits).filter(|kit| !rows.contains_key(*kit)).cloned().collect();
    rows.extend(load(draft, location, &kits));
    let parts = rows.values().flat_map(|row| &row.parts).map(|part| part.sku.clone());
    let others = parts.filter(|sku| !rows.contains_key(sku)).collect();
    let others = load(draft, location, &others);
    let left: BTreeMap<String, i64> =
        rows.iter().chain(&others).map(|(sku, row)| (sku.clone(), row.available)).collect();
    for row in rows.values_mut().filter(|row| !row.parts.is_empty()) {
        row.makes = kit::whole(&row.parts, |sku| left.get(sku).copied().unwrap_or(0));
    }
}

fn load<D: Document>(draft: &mut Draft<D>, location: &str, skus: &BTreeSet<String>) -> BTreeMap<String, Stock> {
    let found: Vec<Option<Stock>> = skus.iter().map(|sku| draft.get::<Stock>(&stock_id(location, sku))).collect();
    found.into_iter().flatten().map(|row| (row.sku.clone(), row)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(sku: &str, units: i64) -> Component {
        Component { sku: sku.into(), quantity: units * 1_000_000 }
    }

    fn shelf() -> Shelf {
        Shelf::new("MAIN", [Stock::empty("MAIN", "CUP")])
    }

    #[test]
    fn a_kit_is_tied_to_its_components_and_untied_when_it_is_made_of_others() {
        let mut shelf = shelf();
        tie(&mut shelf, "SET", &[part("CUP", 2), part("POT", 1)]).unwrap();
        tie(&mut shelf, "SET", &[part("POT", 1)]).unwrap();
        let kits = |sku: &str| shelf.row(sku).unwrap().kits.clone();
        assert_eq!((kits("CUP"), kits("POT")), (vec![], vec!["SET".to_owned()]));
        assert_eq!(shelf.row("SET").unwrap().parts, [part("POT", 1)]);
    }

    #[test]
    fn a_kit_whose_components_were_never_there_is_left_alone() {
        let mut shelf = shelf();
        tie(&mut shelf, "SET", &[part("JUG", 1)]).unwrap();
        assert!(shelf.row("SET").is_none() && shelf.row("JUG").is_none());
    }
}
