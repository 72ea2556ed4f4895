//! `Idempotency-Key` of API v1 ("Idempotent requests"): status and body of the first call are kept for a day once the
//! endpoint had begun, server errors with them; a failed validation keeps nothing.

use rusqlite::OptionalExtension as _;
use serde_json::Value;

use super::call::Call;
use super::fault::{Done, Refusal};
use crate::books::Result;

/// Keys "may be pruned" after 24 hours: these are, to the millisecond.
const REMEMBERED: i64 = 24 * 3_600_000;
const LONGEST: usize = 255;

/// What is kept under a key.
pub(super) struct Kept {
    pub(super) status: u16,
    pub(super) body: String,
    /// The request that it was the answer to.
    pub(super) request: String,
}

/// What a key says of a request.
pub(super) fn look(call: &Call<'_>, key: &str, digest: &str) -> Done<Option<Kept>> {
    if key.len() > LONGEST {
        let message = format!("Idempotency keys can have up to {LONGEST} characters.");
        return Err(Refusal::key(400, None, message).into());
    }
    call.run("DELETE FROM once WHERE at <= ?1", [call.millis().saturating_sub(REMEMBERED)])?;
    let sql = "SELECT digest, status, body, request FROM once WHERE key = ?1";
    let found = call.db.prepare_cached(sql)?.query_row([key], |row| {
        Ok((row.get::<_, String>(0)?, Kept { status: row.get(1)?, body: row.get(2)?, request: row.get(3)? }))
    });
    match found.optional()? {
        Some((known, _)) if known != digest => {
            let message = format!(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '{key}' if you meant to execute a different request."
            );
            Err(Refusal::key(400, None, message).into())
        }
        Some((_, kept)) => Ok(Some(kept)),
        // The operator may have planned that some keys meet themselves.
        None if call.planned("in_use")? => {
            let message = format!(
                "There is currently another in-progress request using this Idempotency Key ({key}). Please try again later."
            );
            Err(Refusal::key(409, Some("idempotency_key_in_use"), message).into())
        }
        None => Ok(None),
    }
}

/// Keeps an answer.
pub(super) fn keep(call: &Call<'_>, key: &str, digest: &str, status: u16, body: &Value) -> Result<()> {
    let request = call.request.clone().unwrap_or_default();
    let row = (key, digest, status, body.to_string(), request, call.millis());
    call.run("INSERT OR IGNORE INTO once VALUES (?1, ?2, ?3, ?4, ?5, ?6)", row)?;
    Ok(())
}
