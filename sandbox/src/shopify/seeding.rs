//! The seed as the shop's products: goods are variants with stock; charges are not products.

use super::call::Call;
use super::{ids, money};
use crate::books::Result;
use crate::seed::{ItemKind, Seed};

/// Adds what is not there yet.
pub(super) fn seed(call: &Call<'_>, seed: &Seed) -> Result<()> {
    if !seed.currency.is_empty() {
        call.set("currency", &seed.currency)?;
    }
    for location in &seed.locations {
        let id = call.next_id("location", ids::LOCATION)?;
        call.run("INSERT OR IGNORE INTO location VALUES (?1, ?2, ?3)", (id, &location.code, &location.name))?;
    }
    let policy = if call.config.oversell { "CONTINUE" } else { "DENY" };
    for item in seed.items.iter().filter(|item| item.kind == ItemKind::Goods) {
        let id = call.next_id("variant", ids::VARIANT)?;
        let nth = id.saturating_sub(ids::VARIANT);
        let (product, stock) = (ids::PRODUCT.saturating_add(nth), ids::ITEM.saturating_add(nth));
        let title = if item.description.is_empty() { &item.sku } else { &item.description };
        let price = money::minor(&item.price).map_or_else(|| "0.00".to_owned(), |(price, _)| money::text(price));
        call.run(
            "INSERT OR IGNORE INTO variant VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            (id, product, stock, &item.sku, title, price, policy),
        )?;
    }
    // Everything is stocked everywhere, with nothing there unless the seed says so.
    call.run(
        "INSERT OR IGNORE INTO level(item, location, on_hand, updated) SELECT v.item, l.id, 0, ?1 FROM variant v, location l",
        [call.millis()],
    )?;
    for stock in &seed.stock {
        call.run(
            "UPDATE level SET on_hand = ?3 WHERE item = (SELECT item FROM variant WHERE sku = ?1)
               AND location = (SELECT id FROM location WHERE code = ?2) AND on_hand = 0 AND committed = 0 AND updated = ?4",
            (&stock.sku, &stock.location, stock.quantity, call.millis()),
        )?;
    }
    Ok(())
}
