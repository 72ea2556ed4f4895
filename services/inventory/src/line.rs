//! A line of a reservation: as it is asked for, and as it is promised. Pure.

use retail_proto::Quantity;

use crate::kit::{self, Component};
use crate::reservation::ReservationError;

/// A line as it is asked for, in base units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask {
    /// Id of the order line.
    pub line_id: String,
    /// Item code.
    pub sku: String,
    /// How much, in the unit; in the base unit once the door has let it in.
    pub quantity: Quantity,
    /// Unit as given; empty for the base unit.
    pub unit: String,
    /// So much must stay available, in the unit; in the base unit once the door has let it in.
    pub keep_back: Quantity,
    /// Its place in the request.
    pub place: usize,
    /// What one kit is made of; empty for an item that lies on a shelf itself.
    pub components: Vec<Component>,
}

impl Ask {
    /// The items whose stock it is about.
    pub(crate) fn shelved(&self) -> impl Iterator<Item = &str> {
        shelved(&self.sku, &self.components)
    }
}

/// A promised line. Millionths.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Line {
    /// Id of the order line.
    #[prost(string, tag = "1")]
    pub line_id: String,
    /// Item code.
    #[prost(string, tag = "2")]
    pub sku: String,
    /// Asked for.
    #[prost(int64, tag = "3")]
    pub quantity: i64,
    /// Promised without stock.
    #[prost(int64, tag = "4")]
    pub shortfall: i64,
    /// Shipped.
    #[prost(int64, tag = "5")]
    pub consumed: i64,
    /// Given back line by line.
    #[prost(int64, tag = "6")]
    pub released: i64,
    /// What one kit was made of when it was promised; empty for an item that lies on a shelf itself.
    #[prost(message, repeated, tag = "7")]
    pub components: Vec<Component>,
}

impl Line {
    /// Still promised.
    #[must_use]
    pub(crate) fn open(&self) -> Quantity {
        let gone = self.consumed.saturating_add(self.released);
        Quantity::from_millionths(self.quantity.saturating_sub(gone).max(0))
    }

    /// What so much of the line is on the shelves: the item itself, or the components of a kit.
    pub(crate) fn goods(&self, quantity: Quantity) -> Result<Vec<(String, Quantity)>, ReservationError> {
        if self.components.is_empty() {
            return Ok(vec![(self.sku.clone(), quantity)]);
        }
        kit::taken_apart(&self.components, quantity).ok_or_else(|| ReservationError::KitNotWhole {
            line_id: self.line_id.clone(),
            sku: self.sku.clone(),
            quantity,
        })
    }

    /// The items whose stock it is about.
    pub(crate) fn shelved(&self) -> impl Iterator<Item = &str> {
        shelved(&self.sku, &self.components)
    }
}

/// The item itself, or the components of a kit.
fn shelved<'a>(sku: &'a str, components: &'a [Component]) -> impl Iterator<Item = &'a str> {
    let own = components.is_empty().then_some(sku);
    own.into_iter().chain(components.iter().map(|component| component.sku.as_str()))
}
