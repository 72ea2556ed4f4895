//! What the world holds before the first order.

use serde::{Deserialize, Serialize};

/// Items, locations and opening stock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// Currency of all prices, such as `GBP`.
    pub currency: String,
    /// What can be on an order's line.
    pub items: Vec<SeedItem>,
    /// Where stock lies.
    pub locations: Vec<SeedLocation>,
    /// Opening stock.
    pub stock: Vec<SeedStock>,
}

/// An item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedItem {
    /// Its code, in upper case.
    pub sku: String,
    /// What people call it; may be empty.
    pub description: String,
    /// Goods or a charge.
    pub kind: ItemKind,
    /// List price as a decimal string.
    pub price: String,
}

/// Whether an item has stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// Has stock and is shipped.
    Goods,
    /// Postage, fees, discounts: has no stock.
    Charge,
}

/// A place with stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedLocation {
    /// Code, such as `MAIN`.
    pub code: String,
    /// Name.
    pub name: String,
}

/// Opening stock of one item in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedStock {
    /// The item's code.
    pub sku: String,
    /// The location's code.
    pub location: String,
    /// Whole pieces.
    pub quantity: i64,
}
