//! The stock records of one location that a rule works on, and the movements it makes. Pure: the shell fills it before
//! the rule and stores what changed after it, or throws it away when the rule refused.

use std::collections::BTreeMap;

use retail_proto::Quantity;
use retail_runtime::Timestamp;

use crate::movement::{Kind, Movement};
use crate::stock::{Act, Stock, StockError};

/// Stock of one location.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shelf {
    location: String,
    rows: BTreeMap<String, Stock>,
    movements: Vec<Movement>,
}

impl Shelf {
    /// A shelf with the records that exist.
    pub(crate) fn new(location: &str, rows: impl IntoIterator<Item = Stock>) -> Self {
        Self {
            location: location.to_owned(),
            rows: rows.into_iter().map(|row| (row.sku.clone(), row)).collect(),
            movements: vec![],
        }
    }

    /// The location.
    #[must_use]
    pub(crate) fn location(&self) -> &str {
        &self.location
    }

    /// What may be sold of an item.
    #[must_use]
    pub(crate) fn sellable(&self, sku: &str) -> Quantity {
        self.rows.get(sku).map_or(Quantity::ZERO, Stock::sellable)
    }

    /// When so much more of an item is expected, millionths, when anybody knows.
    #[must_use]
    pub(crate) fn expected_by(&self, sku: &str, missing: i64, now: Timestamp) -> Option<Timestamp> {
        self.rows.get(sku).and_then(|row| row.expected_by(missing, now))
    }

    /// The record of an item.
    #[must_use]
    pub(crate) fn row(&self, sku: &str) -> Option<&Stock> {
        self.rows.get(sku)
    }

    /// Movements made so far.
    #[cfg(test)]
    pub(crate) fn movements(&self) -> &[Movement] {
        &self.movements
    }

    /// Promises goods; answers how much of it is promised without stock.
    pub(crate) fn promise(
        &mut self,
        sku: &str,
        quantity: Quantity,
        kind: Kind,
        sold_by: &str,
        act: Act<'_>,
    ) -> Result<Quantity, StockError> {
        let row = self.row_mut(sku);
        let (short, movement) = row.promise(quantity, kind, act)?;
        if !sold_by.is_empty() {
            row.sold_by(sold_by, quantity);
        }
        self.movements.push(movement);
        Ok(short)
    }

    /// Takes over that a channel sold a kit: its own number of the kit is lower already.
    pub(crate) fn kit_sold_by(&mut self, sku: &str, channel: &str, kits: Quantity) {
        if let Some(row) = self.rows.get_mut(sku) {
            row.sold_by(channel, kits);
        }
    }

    /// Ends a promise without goods leaving.
    pub(crate) fn give_back(
        &mut self,
        sku: &str,
        quantity: Quantity,
        kind: Kind,
        act: Act<'_>,
    ) -> Result<(), StockError> {
        let movement = self.row_mut(sku).give_back(quantity, kind, act)?;
        self.movements.push(movement);
        Ok(())
    }

    /// Takes promised goods off.
    pub(crate) fn take_off(&mut self, sku: &str, quantity: Quantity, act: Act<'_>) -> Result<(), StockError> {
        let movements = self.row_mut(sku).take_off(quantity, act)?;
        self.movements.extend(movements);
        Ok(())
    }

    /// Works on one record with its own rule and keeps what moved.
    pub(crate) fn with<R>(
        &mut self,
        sku: &str,
        rule: impl FnOnce(&mut Stock) -> Result<(R, Option<Movement>), StockError>,
    ) -> Result<R, StockError> {
        let (answer, movement) = rule(self.row_mut(sku))?;
        self.movements.extend(movement);
        Ok(answer)
    }

    /// As [`Self::with`], for rules that move more than once.
    pub(crate) fn with_all(
        &mut self,
        sku: &str,
        rule: impl FnOnce(&mut Stock) -> Result<Vec<Movement>, StockError>,
    ) -> Result<(), StockError> {
        let movements = rule(self.row_mut(sku))?;
        self.movements.extend(movements);
        Ok(())
    }

    /// The records and the movements, to be stored.
    #[must_use]
    pub(crate) fn into_parts(self) -> (BTreeMap<String, Stock>, Vec<Movement>) {
        (self.rows, self.movements)
    }

    fn row_mut(&mut self, sku: &str) -> &mut Stock {
        let location = &self.location;
        self.rows.entry(sku.to_owned()).or_insert_with(|| Stock::empty(location, sku))
    }
}
