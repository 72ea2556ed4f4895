//! What an item has in a location: on hand, committed to orders, and what is left to sell.

use serde_json::{Value, json};

use super::call::{Call, body_time};
use super::{ids, outbox};
use crate::books::Result;

/// An item in a location.
#[derive(Debug, Clone, Copy)]
pub(super) struct Level {
    pub(super) on_hand: i64,
    pub(super) committed: i64,
}

impl Level {
    pub(super) fn available(self) -> i64 {
        self.on_hand.saturating_sub(self.committed)
    }
}

/// The level, if the item is stocked there.
pub(super) fn level(call: &Call<'_>, item: i64, location: i64) -> Result<Option<Level>> {
    call.row("SELECT on_hand, committed FROM level WHERE item = ?1 AND location = ?2", (item, location), |row| {
        Ok(Level { on_hand: row.get(0)?, committed: row.get(1)? })
    })
}

/// Goods come or go: what is left to sell moves with them.
pub(super) fn on_hand(call: &Call<'_>, item: i64, location: i64, delta: i64) -> Result<Level> {
    change(call, item, location, delta, 0)
}

/// An order takes goods: they stay on hand and can no longer be sold.
pub(super) fn commit(call: &Call<'_>, item: i64, location: i64, quantity: i64) -> Result<Level> {
    change(call, item, location, 0, quantity)
}

/// Committed goods leave the house.
pub(super) fn ship(call: &Call<'_>, item: i64, location: i64, quantity: i64) -> Result<Level> {
    let gone = quantity.saturating_neg();
    change(call, item, location, gone, gone)
}

fn change(call: &Call<'_>, item: i64, location: i64, on_hand: i64, committed: i64) -> Result<Level> {
    call.db
        .prepare_cached(
            "UPDATE level SET on_hand = on_hand + ?3, committed = committed + ?4, updated = ?5 WHERE item = ?1 AND location = ?2
             RETURNING on_hand, committed",
        )?
        .query_row((item, location, on_hand, committed, call.millis()), |row| {
            Ok(Level { on_hand: row.get(0)?, committed: row.get(1)? })
        })
}

/// `inventory_levels/update` for each; it also fires for the caller's own writes.
pub(super) fn announce(call: &Call<'_>, touched: &[(i64, i64)]) -> Result<()> {
    for (item, location) in touched {
        outbox::post(call, &["inventory_levels/update"], None, || body(call, *item, *location))?;
    }
    Ok(())
}

fn body(call: &Call<'_>, item: i64, location: i64) -> Result<Value> {
    let available = level(call, item, location)?.map(Level::available);
    Ok(json!({"inventory_item_id": item, "location_id": location, "available": available,
        "updated_at": body_time(call.millis()), "admin_graphql_api_id": ids::level_gid(item, location)}))
}
