//! What the books hold, counted: how many records, and how many that mean the same thing as an earlier one.

use rusqlite::Connection;
use serde_json::{Value, json};

/// Accounts, contacts and order contexts with their duplicates.
pub(super) fn tally(db: &Connection) -> rusqlite::Result<Value> {
    Ok(json!({
        // Two accounts are one when they carry the same key, or when neither has one and the names agree.
        "accounts": of(db, "Account", "coalesce(json_extract(body, '$.Mesh_Id__c'), lower(json_extract(body, '$.Name')))", "NULL")?,
        // Two contacts are one when they carry the same key, or the same e-mail below the same account.
        "contacts": of(
            db,
            "Contact",
            "json_extract(body, '$.Mesh_Id__c')",
            "json_extract(body, '$.Email') || ' ' || coalesce(json_extract(body, '$.AccountId'), '')",
        )?,
        // Two order contexts are one when they carry the same key, or the same order number.
        "order_contexts": of(db, "Order_Context__c", "json_extract(body, '$.Mesh_Id__c')", "json_extract(body, '$.Order_Number__c')")?,
    }))
}

fn of(db: &Connection, object: &str, first: &str, second: &str) -> rusqlite::Result<Value> {
    let sql = format!(
        "SELECT count(*), coalesce(sum((one IS NOT NULL AND nth_one > 1) OR (two IS NOT NULL AND nth_two > 1)), 0) FROM (
           SELECT one, two, row_number() OVER (PARTITION BY one ORDER BY number) AS nth_one,
                  row_number() OVER (PARTITION BY two ORDER BY number) AS nth_two
           FROM (SELECT number, {first} AS one, {second} AS two FROM record WHERE object = ?1 AND deleted = 0))"
    );
    let (count, duplicates): (i64, i64) =
        db.prepare_cached(&sql)?.query_row([object], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(json!({"count": count, "duplicates": duplicates}))
}
