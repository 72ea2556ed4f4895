//! What the twins are born with: the same items, places and stock for all of them.

use serde::{Deserialize, Serialize};

/// Goods or charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// Kept in stock.
    Goods,
    /// Postage, fee, manual charge.
    Charge,
}

/// An item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedItem {
    /// Code, upper case.
    pub sku: String,
    /// Text.
    pub description: String,
    /// Goods or charge.
    pub kind: ItemKind,
    /// Base price, decimal text.
    pub price: String,
}

/// A place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedLocation {
    /// Code.
    pub code: String,
    /// Name.
    pub name: String,
}

/// Opening stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedStock {
    /// Item.
    pub sku: String,
    /// Place.
    pub location: String,
    /// Whole units.
    pub quantity: i64,
}

/// A seed. Seeding twice adds what is missing and changes nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// ISO 4217 code.
    pub currency: String,
    /// Items.
    pub items: Vec<SeedItem>,
    /// Places.
    pub locations: Vec<SeedLocation>,
    /// Opening stock.
    pub stock: Vec<SeedStock>,
}
