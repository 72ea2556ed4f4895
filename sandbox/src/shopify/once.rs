//! `@idempotent`: what a key did before. Kept for a day; the same key with other parameters is refused, one whose first
//! attempt failed fails for ever ("Implementing idempotency").

use serde_json::Value;

use super::call::Call;
use crate::books::Result;

/// How long a key is remembered, in milliseconds.
const REMEMBERED: i64 = 24 * 3_600_000;

/// What a key says of a mutation.
pub(super) enum Key {
    /// It was never used, or too long ago.
    Fresh {
        /// Of the parameters.
        digest: String,
    },
    /// It made this thing, which is answered as it is now.
    Done(i64),
    /// It cannot be used.
    Refused { code: &'static str, message: &'static str },
}

/// Looks a key up. A key belongs to one operation.
pub(super) fn look(call: &Call<'_>, operation: &str, key: &str, input: &Value) -> Result<Key> {
    call.run("DELETE FROM once WHERE at < ?1", [call.millis().saturating_sub(REMEMBERED)])?;
    let digest = canonical(input);
    let sql = "SELECT digest, adjustment FROM once WHERE key = ?1 AND operation = ?2";
    let earlier: Option<(String, Option<i64>)> =
        call.row(sql, (key, operation), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(match earlier {
        Some((known, _)) if known != digest => Key::Refused {
            code: "IDEMPOTENCY_KEY_PARAMETER_MISMATCH",
            message: "The same idempotency key cannot be used with different operation parameters.",
        },
        Some((_, None)) => Key::Refused {
            code: "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED",
            message: "A previous request with this idempotency key failed. Retry with a new idempotency key.",
        },
        Some((_, Some(id))) => Key::Done(id),
        // The operator may have planned that some keys meet themselves.
        None if call.planned("concurrent")? => Key::Refused {
            code: "IDEMPOTENCY_CONCURRENT_REQUEST",
            message: "A request with this idempotency key is currently in progress. Retry with the same key.",
        },
        None => Key::Fresh { digest },
    })
}

/// Remembers what came of it: the thing that was made, or that it failed.
pub(super) fn keep(call: &Call<'_>, operation: &str, key: &str, digest: &str, made: Option<i64>) -> Result<()> {
    call.run("INSERT INTO once VALUES (?1, ?2, ?3, ?4, ?5)", (key, operation, digest, made, call.millis()))?;
    Ok(())
}

/// JSON with sorted keys, so that the order of fields does not matter.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            let members: Vec<String> = keys
                .iter()
                .map(|key| format!("{key:?}:{}", map.get(*key).map(canonical).unwrap_or_default()))
                .collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(canonical).collect::<Vec<_>>().join(",")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}
