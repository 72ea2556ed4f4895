//! What the account's books come to, in Stripe's smallest units.

use rusqlite::Connection;
use serde_json::{Map, Value, json};

use crate::books::Result;

fn number(db: &Connection, sql: &str) -> Result<i64> {
    db.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)).map(Option::unwrap_or_default)
}

/// The summary that tests assert on.
pub(super) fn tally(db: &Connection) -> Result<Value> {
    let sum = |what: &str, kind: &str, when: &str| {
        number(db, &format!("SELECT SUM(json_extract(body, '$.{what}')) FROM object WHERE kind = '{kind}' AND {when}"))
    };
    let count =
        |kind: &str, when: &str| number(db, &format!("SELECT COUNT(*) FROM object WHERE kind = '{kind}' AND {when}"));
    let moved = "json_extract(body, '$.balance_transaction') IS NOT NULL";
    let failed = "json_extract(body, '$.status') = 'failed'";
    let mut statuses = Map::new();
    let mut found = db.prepare_cached(
        "SELECT json_extract(body, '$.status'), COUNT(*) FROM object WHERE kind = 'payment_intent' GROUP BY 1 ORDER BY 1",
    )?;
    for row in found.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))? {
        let (status, count) = row?;
        statuses.insert(status, count.into());
    }
    // A refund told twice: a further one of the same payment with the same metadata, of which money went back, too.
    let duplicates = format!(
        "SELECT COUNT(*) - COUNT(DISTINCT intent || json_extract(body, '$.metadata')) FROM object
         WHERE kind = 'refund' AND {moved} AND NOT {failed} AND json_extract(body, '$.metadata') <> '{{}}'"
    );
    // A payment made twice: a further one with the same id of ours.
    let twice = "SELECT COUNT(*) - COUNT(DISTINCT json_extract(body, '$.metadata.weft_ref')) FROM object
         WHERE kind = 'payment_intent' AND json_extract(body, '$.metadata.weft_ref') IS NOT NULL";
    Ok(json!({
        "payments": {
            "count": count("payment_intent", "1")?,
            "duplicates": number(db, twice)?,
            "captured": sum("amount_received", "payment_intent", "1")?,
            "capturable": sum("amount_capturable", "payment_intent", "1")?,
            "captures": number(db, "SELECT count FROM tally WHERE name = 'captures' UNION ALL SELECT 0 LIMIT 1")?,
        },
        "statuses": statuses,
        "refunds": {
            "count": count("refund", moved)?,
            "value": sum("amount", "refund", &format!("{moved} AND NOT {failed}"))?,
            "failed": count("refund", failed)?,
            "failed_references": references(db, failed)?,
            "duplicates": number(db, &duplicates)?,
        },
        "disputes": {"count": count("dispute", "1")?},
        "keys": {
            "kept": number(db, "SELECT COUNT(*) FROM once")?,
            "replayed": number(db, "SELECT count FROM tally WHERE name = 'replayed' UNION ALL SELECT 0 LIMIT 1")?,
        },
        "events": {"count": number(db, "SELECT COUNT(*) FROM event")?},
        "webhooks": webhooks(db)?,
    }))
}

/// References of ours of some refunds.
fn references(db: &Connection, when: &str) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT json_extract(body, '$.metadata.weft_ref') AS ours FROM object WHERE kind = 'refund' AND {when}
         AND ours IS NOT NULL ORDER BY ours"
    );
    let mut found = db.prepare_cached(&sql)?;
    found.query_map([], |row| row.get(0))?.collect()
}

/// Deliveries by what became of them; `sent` counts attempts.
fn webhooks(db: &Connection) -> Result<Value> {
    db.query_row(
        "SELECT COALESCE(SUM(attempts), 0), COALESCE(SUM(state = 'acknowledged'), 0), COALESCE(SUM(duplicate), 0),
           COALESCE(SUM(late), 0), COALESCE(SUM(state = 'pending'), 0), COALESCE(SUM(state = 'given_up'), 0) FROM delivery",
        [],
        |row| {
            let at = |at: usize| row.get::<_, i64>(at);
            Ok(json!({"sent": at(0)?, "acknowledged": at(1)?, "duplicated": at(2)?, "reordered": at(3)?,
                "pending": at(4)?, "given_up": at(5)?}))
        },
    )
}

/// Whether anything is still to be sent.
pub(super) fn progress(db: &Connection) -> Result<Value> {
    let pending = number(db, "SELECT COUNT(*) FROM delivery WHERE state = 'pending'")?;
    Ok(json!({"pending": pending, "idle": pending == 0}))
}
