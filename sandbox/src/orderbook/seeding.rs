//! What the twins are born with, derived from the book: its items, one place, and stock for everything it sells.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::lines::{Row, kind};
use super::{CURRENCY, LOCATION};
use crate::seed::{ItemKind, Seed, SeedItem, SeedLocation, SeedStock};

#[derive(Default)]
struct Item {
    description: String,
    price: Option<Decimal>,
    sold: i64,
}

#[derive(Default)]
pub(super) struct Seeding {
    items: BTreeMap<String, Item>,
}

impl Seeding {
    /// The first description of a code wins, and the first price of a sale.
    pub(super) fn describe(&mut self, row: &Row) {
        let item = self.items.entry(row.sku.clone()).or_default();
        if item.description.is_empty() {
            item.description.clone_from(&row.description);
        }
        if row.quantity > 0 && item.price.is_none() && row.price > Decimal::ZERO {
            item.price = Some(row.price);
        }
    }

    pub(super) fn sell(&mut self, row: &Row) {
        let item = self.items.entry(row.sku.clone()).or_default();
        item.sold = item.sold.saturating_add(row.quantity);
    }

    pub(super) fn finish(self) -> Seed {
        let mut seed = Seed {
            currency: CURRENCY.to_owned(),
            items: Vec::with_capacity(self.items.len()),
            locations: vec![SeedLocation { code: LOCATION.to_owned(), name: "Main warehouse".to_owned() }],
            stock: Vec::new(),
        };
        for (sku, item) in self.items {
            let kind = kind(&sku);
            if kind == ItemKind::Goods {
                seed.stock.push(SeedStock { sku: sku.clone(), location: LOCATION.to_owned(), quantity: item.sold });
            }
            seed.items.push(SeedItem {
                description: if item.description.is_empty() { sku.clone() } else { item.description },
                sku,
                kind,
                price: item.price.unwrap_or_default().normalize().to_string(),
            });
        }
        seed
    }
}
