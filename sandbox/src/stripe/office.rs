//! The back office: what time does by itself. An authorization that is not captured ends at `capture_before` of its charge
//! (config `authorization_days` after it was given); a refund that is slow, or fails late, ends after `refund_seconds`.

use serde_json::Value;

use super::call::{Call, text};
use super::fault::Stop;
use super::{intents, refunds};
use crate::books::Result;

/// Objects whose time has come in one round.
const ROUND: i64 = 100;

pub(super) fn work(call: &Call<'_>) -> Result<()> {
    let sql = "SELECT kind, body FROM object WHERE due <= ?1 ORDER BY due LIMIT ?2";
    let mut found = call.db.prepare_cached(sql)?;
    let rows =
        found.query_map((call.millis(), ROUND), |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    for (kind, body) in rows.collect::<Result<Vec<_>>>()? {
        let object: Value = serde_json::from_str(&body).unwrap_or_default();
        let done = match kind.as_str() {
            "payment_intent" if text(&object, "status") == "requires_capture" => intents::ran_out(call, object.clone()),
            "refund" => refunds::matured(call, object.clone()),
            _ => Ok(object.clone()),
        };
        call.due(&object, None)?;
        match done {
            Ok(_) => {}
            Err(Stop::Books(err)) => return Err(err),
            Err(Stop::Refused(refusal)) => tracing::error!(body = %refusal.body(), "the back office was refused"),
        }
    }
    Ok(())
}
