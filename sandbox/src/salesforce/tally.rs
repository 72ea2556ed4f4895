//! What the books hold, counted: how many records, and how many that mean the same thing as an earlier one.

use rusqlite::Connection;
use serde_json::{Map, Value, json};

/// Everything Weft writes, and the agents' cases, with their duplicates.
pub(super) fn tally(db: &Connection) -> rusqlite::Result<Value> {
    let mut milestones = of(
        db,
        &["Case_Milestone_Event__c"],
        "json_extract(body, '$.Mesh_Id__c')",
        // Two milestones are one when they say the same of the same document of the same transaction in the same case;
        // without a document the text tells them apart: a return may wait for two causes.
        "json_array(json_extract(body, '$.Case__c'), json_extract(body, '$.Kind__c'), json_extract(body, '$.Order_Mesh_Id__c'),
           json_extract(body, '$.Return_Mesh_Id__c'),
           coalesce(json_extract(body, '$.Document_Number__c'), json_extract(body, '$.Detail__c')))",
    )?;
    super::put(&mut milestones, "by_kind", milestones_by_kind(db)?);
    Ok(json!({
        // Two accounts are one when they carry the same key, or when neither has one and the names agree.
        "accounts": of(db, &["Account"], "coalesce(json_extract(body, '$.Mesh_Id__c'), lower(json_extract(body, '$.Name')))", "NULL")?,
        // Two contacts are one when they carry the same key, or the same e-mail below the same account.
        "contacts": of(
            db,
            &["Contact"],
            "json_extract(body, '$.Mesh_Id__c')",
            "json_extract(body, '$.Email') || ' ' || coalesce(json_extract(body, '$.AccountId'), '')",
        )?,
        // Two order contexts are one when they carry the same key, or the same order number.
        "order_contexts": of(db, &["Order_Context__c"], "json_extract(body, '$.Mesh_Id__c')", "json_extract(body, '$.Order_Number__c')")?,
        // Agents open cases: two alike are two.
        "cases": of(db, &["Case"], "NULL", "NULL")?,
        "case_milestones": milestones,
        // Two returns are one when they carry the same key or the same RMA number, whichever object holds them.
        "returns": of(db, &["Return__c", "ReturnOrder"], "json_extract(body, '$.Mesh_Id__c')", "json_extract(body, '$.Rma_Number__c')")?,
        // Two rows of availability are one when they carry the same key, or are of the same item at the same place.
        "availability": of(
            db,
            &["Availability__c"],
            "json_extract(body, '$.Mesh_Id__c')",
            "json_extract(body, '$.Sku__c') || ' ' || json_extract(body, '$.Location__c')",
        )?,
    }))
}

fn of(db: &Connection, objects: &[&str], first: &str, second: &str) -> rusqlite::Result<Value> {
    let sql = format!(
        "SELECT count(*), coalesce(sum((one IS NOT NULL AND nth_one > 1) OR (two IS NOT NULL AND nth_two > 1)), 0) FROM (
           SELECT one, two, row_number() OVER (PARTITION BY one ORDER BY number) AS nth_one,
                  row_number() OVER (PARTITION BY two ORDER BY number) AS nth_two
           FROM (SELECT number, {first} AS one, {second} AS two FROM record
                 WHERE object IN (SELECT value FROM json_each(?1)) AND deleted = 0))"
    );
    let objects = json!(objects).to_string();
    let (count, duplicates): (i64, i64) =
        db.prepare_cached(&sql)?.query_row([objects], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(json!({"count": count, "duplicates": duplicates}))
}

fn milestones_by_kind(db: &Connection) -> rusqlite::Result<Value> {
    let mut find = db.prepare_cached(
        "SELECT coalesce(json_extract(body, '$.Kind__c'), ''), count(*) FROM record
         WHERE object = 'Case_Milestone_Event__c' AND deleted = 0 GROUP BY 1 ORDER BY 1",
    )?;
    let found = find.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))?;
    let kinds = found.map(|row| row.map(|(kind, count): (String, i64)| (kind, Value::from(count))));
    Ok(Value::Object(kinds.collect::<rusqlite::Result<Map<_, _>>>()?))
}
