//! Events: written down with every change, listed for thirty days, delivered to the endpoint that the operator names.

use serde_json::{Value, json};

use super::call::{Call, put};
use crate::books::Result;

/// Milliseconds within which a delivery that is to come late, or twice, does so.
const LATENESS: u64 = 2_000;

/// Writes an event down and, if there is an endpoint that wants it, a delivery of it.
pub(super) fn post(call: &Call<'_>, kind: &str, object: &Value, previous: Option<Value>) -> Result<()> {
    let mut data = json!({ "object": object });
    if let Some(previous) = previous {
        put(&mut data, json!({ "previous_attributes": previous }));
    }
    let id = call.id("evt");
    let event = json!({
        "id": id, "object": "event", "api_version": call.config.api_version, "created": call.seconds(), "data": data,
        "livemode": false, "request": {"id": call.request, "idempotency_key": call.key}, "type": kind,
    });
    call.run(
        "INSERT INTO event(id, type, created, body) VALUES (?1, ?2, ?3, ?4)",
        (&id, kind, call.seconds(), event.to_string()),
    )?;
    let seq = call.db.last_insert_rowid();
    let wanted = call.setting("types")?.unwrap_or_default();
    let wants = wanted.is_empty() || wanted.split(',').any(|one| one == kind);
    if call.setting("url")?.is_some() && wants {
        let late = call.chance("reorder_per_mille")?;
        deliver(call, seq, late, false)?;
        if call.chance("duplicates_per_mille")? {
            deliver(call, seq, true, true)?;
        }
    }
    Ok(())
}

/// A delivery of an event, now or somewhat later.
pub(super) fn deliver(call: &Call<'_>, event: i64, late: bool, duplicate: bool) -> Result<()> {
    let wait = if late { call.rng.below(LATENESS).saturating_add(1) } else { 0 };
    let due = call.millis().saturating_add(i64::try_from(wait).unwrap_or(0));
    call.run(
        "INSERT INTO delivery(event, state, created, due, late, duplicate) VALUES (?1, 'pending', ?2, ?3, ?4, ?5)",
        (event, call.millis(), due, late, duplicate),
    )?;
    Ok(())
}

/// An event as it is answered: with how many deliveries of it wait.
pub(super) fn shown(call: &Call<'_>, seq: i64, body: &str) -> Result<Value> {
    let sql = "SELECT COUNT(*) FROM delivery WHERE event = ?1 AND state = 'pending'";
    let pending: i64 = call.db.prepare_cached(sql)?.query_row([seq], |row| row.get(0))?;
    let mut event: Value = serde_json::from_str(body).unwrap_or_default();
    put(&mut event, json!({ "pending_webhooks": pending }));
    Ok(event)
}
