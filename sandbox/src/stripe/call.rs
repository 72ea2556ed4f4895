//! One request's view of the account: books, time, chance, and the request that what happens is written down to.

use jiff::Timestamp;
use retail_runtime::Rng;
use rusqlite::{Connection, OptionalExtension as _, Params as SqlParams};
use serde_json::{Map, Value};

use super::Config;
use crate::books::Result;

const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Books, time and settings.
pub(super) struct Call<'a> {
    pub(super) db: &'a Connection,
    pub(super) now: Timestamp,
    pub(super) config: &'a Config,
    pub(super) rng: &'a Rng,
    /// `req_...`; none of what the back office does.
    pub(super) request: Option<String>,
    /// The key the caller gave.
    pub(super) key: Option<String>,
}

impl Call<'_> {
    pub(super) fn millis(&self) -> i64 {
        self.now.as_millisecond()
    }

    pub(super) fn seconds(&self) -> i64 {
        self.now.as_second()
    }

    /// A new id: `pi_` and letters nobody can guess.
    pub(super) fn id(&self, prefix: &str) -> String {
        let letter = |_| {
            let at = usize::try_from(self.rng.below(62)).unwrap_or(0);
            LETTERS.get(at).copied().map_or('0', char::from)
        };
        format!("{prefix}_{}", (0..24).map(letter).collect::<String>())
    }

    pub(super) fn run(&self, sql: &str, params: impl SqlParams) -> Result<usize> {
        self.db.prepare_cached(sql)?.execute(params)
    }

    /// An object by its id, if it is of this kind.
    pub(super) fn load(&self, kind: &str, id: &str) -> Result<Option<Value>> {
        let sql = "SELECT body FROM object WHERE id = ?1 AND kind = ?2";
        let body: Option<String> = self.db.prepare_cached(sql)?.query_row((id, kind), |row| row.get(0)).optional()?;
        Ok(body.and_then(|body| serde_json::from_str(&body).ok()))
    }

    /// Objects of a kind that hang on an intent, oldest first.
    pub(super) fn of_intent(&self, kind: &str, intent: &str) -> Result<Vec<Value>> {
        let sql = "SELECT body FROM object WHERE intent = ?1 AND kind = ?2 ORDER BY seq";
        let mut found = self.db.prepare_cached(sql)?;
        let bodies = found.query_map((intent, kind), |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>>>()?;
        Ok(bodies.iter().filter_map(|body| serde_json::from_str(body).ok()).collect())
    }

    /// A new object.
    pub(super) fn add(&self, kind: &str, object: &Value) -> Result<()> {
        let intent = if kind == "payment_intent" { text(object, "id") } else { text(object, "payment_intent") };
        self.run(
            "INSERT INTO object(id, kind, intent, charge, created, updated, body) VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6)",
            (text(object, "id"), kind, intent, text(object, "charge"), self.millis(), object.to_string()),
        )?;
        Ok(())
    }

    /// An object as it is now.
    pub(super) fn save(&self, object: &Value) -> Result<()> {
        let sql = "UPDATE object SET body = ?2, updated = ?3 WHERE id = ?1";
        self.run(sql, (text(object, "id"), object.to_string(), self.millis()))?;
        Ok(())
    }

    /// When the back office shall look at an object, in Stripe's seconds; never again without a time.
    pub(super) fn due(&self, object: &Value, seconds: Option<i64>) -> Result<()> {
        let millis = seconds.map(|seconds| seconds.saturating_mul(1000));
        self.run("UPDATE object SET due = ?2 WHERE id = ?1", (text(object, "id"), millis))?;
        Ok(())
    }

    pub(super) fn setting(&self, name: &str) -> Result<Option<String>> {
        let sql = "SELECT value FROM setting WHERE name = ?1";
        self.db.prepare_cached(sql)?.query_row([name], |row| row.get(0)).optional()
    }

    pub(super) fn set(&self, name: &str, value: &str) -> Result<()> {
        self.run("INSERT INTO setting VALUES (?1, ?2) ON CONFLICT(name) DO UPDATE SET value = ?2", [name, value])?;
        Ok(())
    }

    /// Uses up one of the times that the operator planned something for.
    pub(super) fn planned(&self, name: &str) -> Result<bool> {
        let left: i64 = self.setting(name)?.and_then(|left| left.parse().ok()).unwrap_or(0);
        if left > 0 {
            self.set(name, &left.saturating_sub(1).to_string())?;
        }
        Ok(left > 0)
    }

    /// True in so many of a thousand, as a setting says.
    pub(super) fn chance(&self, setting: &str) -> Result<bool> {
        let rate = self.setting(setting)?.and_then(|rate| rate.parse().ok()).unwrap_or(0);
        Ok(rate > 0 && self.rng.chance(rate))
    }

    /// Counts something for the books.
    pub(super) fn count(&self, name: &str) -> Result<()> {
        self.run("INSERT INTO tally VALUES (?1, 1) ON CONFLICT(name) DO UPDATE SET count = count + 1", [name])?;
        Ok(())
    }
}

/// A member's text; empty when it has none.
pub(super) fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A member's number; 0 when it has none.
pub(super) fn number(object: &Value, name: &str) -> i64 {
    object.get(name).and_then(Value::as_i64).unwrap_or(0)
}

/// A member's truth; false when it has none.
pub(super) fn truth(object: &Value, name: &str) -> bool {
    object.get(name).and_then(Value::as_bool).unwrap_or(false)
}

/// A member of a member, by its path; null when there is none.
pub(super) fn part<'a>(object: &'a Value, path: &str) -> &'a Value {
    static NONE: Value = Value::Null;
    object.pointer(path).unwrap_or(&NONE)
}

/// Changes members of an object.
pub(super) fn put(object: &mut Value, changes: Value) {
    if let (Some(object), Value::Object(changes)) = (object.as_object_mut(), changes) {
        object.extend(changes);
    }
}

/// A blank form of an object with what is known of it.
pub(super) fn fill(blank: &str, known: Value) -> Value {
    let mut object: Value = serde_json::from_str(blank).unwrap_or_else(|_| Value::Object(Map::new()));
    put(&mut object, known);
    object
}

/// Metadata after a change: an empty value takes a key away.
pub(super) fn noted(object: &Value, changes: std::collections::BTreeMap<String, String>) -> Value {
    let mut metadata = object.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
    for (key, value) in changes {
        if value.is_empty() {
            metadata.remove(&key);
        } else {
            metadata.insert(key, value.into());
        }
    }
    Value::Object(metadata)
}
