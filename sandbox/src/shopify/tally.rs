//! What the shop's books come to.

use std::collections::HashSet;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::money;
use crate::books::Result;

/// The summary that tests assert on.
pub(super) fn tally(db: &Connection) -> Result<Value> {
    let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)).map(Option::unwrap_or_default);
    let counted = |name: &str| number(&format!("SELECT COALESCE((SELECT count FROM tally WHERE name = '{name}'), 0)"));
    let lines = number("SELECT COUNT(*) FROM sale_line")?.saturating_add(number("SELECT COUNT(*) FROM shipping")?);
    Ok(json!({
        "orders": {
            "count": number("SELECT COUNT(*) FROM sale")?,
            "lines": lines,
            "value": money::text(number("SELECT SUM(total) FROM sale")?),
            "duplicates": number("SELECT COUNT(*) - COUNT(DISTINCT name) FROM sale")?,
            "cancelled": number("SELECT COUNT(*) FROM sale WHERE cancelled IS NOT NULL")?,
            "fulfilled": number("SELECT COUNT(*) FROM sale WHERE fulfilled = 'full'")?,
            "partial": number("SELECT COUNT(*) FROM sale WHERE fulfilled = 'partial'")?,
            "edited": counted("orders.edited")?,
            "nothing_to_ship": number("SELECT COUNT(*) FROM sale WHERE fulfilled = 'nothing'")?,
        },
        "fulfillments": {
            "count": number("SELECT COUNT(*) FROM parcel")?,
            "units": number("SELECT SUM(quantity) FROM parcel_line")?,
            // A parcel told twice: a line of it again from the same place under the same tracking number. A parcel of more
            // lines than one call takes is told in several, each with lines of its own; so is a line of which the shop
            // expects a part from elsewhere.
            "duplicates": number(
                "SELECT COUNT(*) - COUNT(DISTINCT p.sale || '/' || p.number || '/' || p.location || '/' || l.line) FROM parcel p \
                 JOIN parcel_line l ON l.parcel = p.id WHERE p.number <> ''",
            )?,
        },
        "fulfillment_orders": {
            "moved": counted("fulfillment_orders.moved")?,
            "ready": number("SELECT COUNT(*) FROM collection WHERE ready IS NOT NULL")?,
            // Messages to customers that their goods wait for them.
            "ready_notices": counted("fulfillment_orders.ready_notices")?,
        },
        "refunds": refunds(db)?,
        "captured_value": money::text(number("SELECT SUM(amount) FROM payment WHERE kind IN ('SALE', 'CAPTURE') AND status = 'SUCCESS'")?),
        "refunded_value": money::text(number("SELECT SUM(amount) FROM payment WHERE kind = 'REFUND' AND status = 'SUCCESS'")?),
        "returns": {
            "count": number("SELECT COUNT(*) FROM rma")?,
            "requested": number("SELECT COUNT(*) FROM rma WHERE status = 'REQUESTED'")?,
            "open": number("SELECT COUNT(*) FROM rma WHERE status = 'OPEN'")?,
            "declined": number("SELECT COUNT(*) FROM rma WHERE status = 'DECLINED'")?,
        },
        "webhooks": webhooks(db)?,
        "inventory": {
            "sets": counted("inventory.sets")?,
            "stale": counted("inventory.stale")?,
            "on_hand": number("SELECT SUM(on_hand) FROM level")?.to_string(),
            "committed": number("SELECT SUM(committed) FROM level")?.to_string(),
        },
    }))
}

/// Refunds and what they gave back. An app that marks its refunds writes its reference in square brackets at the end of
/// the note; a duplicate is a further refund of the same order with the same reference of which money went back, too.
fn refunds(db: &Connection) -> Result<Value> {
    let number = |sql: &str| db.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)).map(Option::unwrap_or_default);
    let sql = "SELECT sale, note FROM refund r WHERE note LIKE '%[%]'
        AND EXISTS (SELECT 1 FROM payment p WHERE p.refund = r.id AND p.status = 'SUCCESS')";
    let mut marked = db.prepare_cached(sql)?;
    let marked = marked.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
    let (mut seen, mut duplicates) = (HashSet::new(), 0_u64);
    for refund in marked {
        let (sale, note) = refund?;
        let reference = note.rsplit_once('[').map(|(_, reference)| reference.to_owned());
        duplicates = duplicates.saturating_add(u64::from(!seen.insert((sale, reference))));
    }
    Ok(json!({
        "count": number("SELECT COUNT(*) FROM refund")?,
        "lines": number("SELECT COUNT(*) FROM refund_line")?,
        "value": money::text(number("SELECT SUM(amount) FROM payment WHERE kind = 'REFUND' AND status = 'SUCCESS'")?),
        "duplicates": duplicates,
        "pending": number("SELECT COUNT(*) FROM payment WHERE kind = 'REFUND' AND status = 'PENDING'")?,
        "failed": number("SELECT COUNT(*) FROM payment WHERE kind = 'REFUND' AND status = 'FAILURE'")?,
    }))
}

/// Deliveries by what became of them; `sent` counts attempts.
pub(super) fn webhooks(db: &Connection) -> Result<Value> {
    db.query_row(
        "SELECT COALESCE(SUM(sent), 0), COALESCE(SUM(state = 'acknowledged'), 0), COALESCE(SUM(duplicate), 0), COALESCE(SUM(late), 0),
           COALESCE(SUM(MAX(sent - 1, 0)), 0), COALESCE(SUM(state = 'pending'), 0), COALESCE(SUM(state = 'given_up'), 0) FROM delivery",
        [],
        |row| {
            let at = |at: usize| row.get::<_, i64>(at);
            Ok(json!({"sent": at(0)?, "acknowledged": at(1)?, "duplicated": at(2)?, "reordered": at(3)?, "retried": at(4)?,
                "pending": at(5)?, "given_up": at(6)?}))
        },
    )
}
