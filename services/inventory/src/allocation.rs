//! Promises of the ERP itself, where its books say what is available: all that it has committed is allocated, and what it has
//! committed to orders of ours is no longer reserved beside it. Pure.
//!
//! A promise of ours is in one of the two terms, never in both: what the ERP says of an order counts up to what we still
//! promise to it, whichever of us hears first that it was booked, shipped or given back.

use retail_proto::Quantity;

use crate::movement::{Kind, Movement};
use crate::stock::{Act, Change, Stock, StockError};

/// What the ERP has committed to an order of ours, millionths; never more than we promise to it.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Committed {
    /// Our order id.
    #[prost(string, tag = "1")]
    pub order: String,
    /// So much.
    #[prost(int64, tag = "2")]
    pub quantity: i64,
}

/// What the books of the ERP say of one item at one location.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Commitments {
    /// Everything that it has committed, millionths.
    pub all: i64,
    /// Of it, what is committed to orders of ours, each once.
    pub ours: Vec<Committed>,
}

/// The order that a reservation belongs to: what a rerouting or an edit promised has a number behind a slash.
#[must_use]
pub(crate) fn order_of(reservation_id: &str) -> &str {
    reservation_id.split_once('/').map_or(reservation_id, |(order, _)| order)
}

impl Stock {
    /// Takes the ERP's own promises over. `open` is what we still promise to an order. `None` when nothing changes.
    pub(crate) fn allocate(
        &mut self,
        said: &Commitments,
        open: impl Fn(&str) -> i64,
        act: Act<'_>,
    ) -> Result<Option<Movement>, StockError> {
        let theirs = said.ours.iter().map(|ours| ours.quantity).fold(said.all, i64::saturating_sub).max(0);
        let covered =
            said.ours.iter().map(|ours| Committed { quantity: ours.quantity.min(open(&ours.order)), ..ours.clone() });
        let mut covered: Vec<Committed> = covered.filter(|ours| ours.quantity > 0).collect();
        let before = self.committed.iter().map(|ours| ours.quantity).fold(0, i64::saturating_add);
        let promised = self.reserved.saturating_add(before);
        // Of all that we promise no more can be covered.
        let mut left = promised;
        for ours in &mut covered {
            ours.quantity = ours.quantity.min(left);
            left = left.saturating_sub(ours.quantity);
        }
        let ours = promised.saturating_sub(left);
        let change = Change {
            reserved: left.saturating_sub(self.reserved),
            allocated: theirs.saturating_add(ours).saturating_sub(self.allocated),
            ..Change::default()
        };
        let same = (change.reserved, change.allocated) == (0, 0);
        let movement = if same { None } else { Some(self.change(change, Kind::Allocate, act)?) };
        self.committed = covered;
        Ok(movement)
    }

    /// So much of a promise ends: first what the ERP has committed to its order, then what we reserve for it.
    pub(crate) fn ended(&mut self, quantity: Quantity, act: Act<'_>) -> Result<Change, StockError> {
        let order = order_of(act.cause);
        let mut covered = 0;
        if let Some(ours) = self.committed.iter_mut().find(|ours| ours.order == order) {
            covered = ours.quantity.min(quantity.millionths()).max(0);
            ours.quantity = ours.quantity.saturating_sub(covered);
        }
        self.committed.retain(|ours| ours.quantity > 0);
        let reserved = self.negated(quantity.millionths().saturating_sub(covered))?;
        Ok(Change { reserved, allocated: self.negated(covered)?, ..Change::default() })
    }
}

#[cfg(test)]
#[path = "allocation_tests.rs"]
mod tests;
