//! What goes wrong on purpose: which requests it strikes, how often, and in what way.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use retail_runtime::Rng;
use serde::{Deserialize, Serialize};

use crate::books::{Books, Result};
use crate::twin::Seen;

const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS fault(id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);";

/// In what way it goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Kind {
    /// That status instead of an answer; the twin sees nothing.
    Status {
        #[serde(default = "too_many")]
        status: u16,
        /// Seconds in `Retry-After`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u32>,
    },
    /// The twin does its work, the caller never hears of it.
    ResetAfterCommit,
    /// The twin does its work and the caller hears of status 500.
    ErrorAfterCommit,
    /// The connection ends before the twin sees the request.
    ResetBefore,
    /// The twin answers late.
    Delay {
        #[serde(alias = "delay_ms")]
        ms: u64,
    },
    /// The connection ends before the twin sees the request, which was still on its way: the twin does its work that
    /// much later.
    LateCommit {
        #[serde(alias = "delay_ms")]
        ms: u64,
    },
    /// Half of the answer's body, then the connection ends.
    Truncate,
    /// Every token dies before the request is looked at.
    ExpireTokens,
    /// Twins that search a lagging index do so; others answer as ever.
    StaleSearch,
}

impl Kind {
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Kind::Status { .. } => "status",
            Kind::ResetAfterCommit => "reset_after_commit",
            Kind::ErrorAfterCommit => "error_after_commit",
            Kind::ResetBefore => "reset_before",
            Kind::Delay { .. } => "delay",
            Kind::LateCommit { .. } => "late_commit",
            Kind::Truncate => "truncate",
            Kind::ExpireTokens => "expire_tokens",
            Kind::StaleSearch => "stale_search",
        }
    }
}

/// One planned fault. Without `times` and `per_mille` it strikes every matching request until it is dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fault {
    #[serde(flatten)]
    pub(crate) kind: Kind,
    /// Only requests whose path and query contain this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path_contains: Option<String>,
    /// Only requests whose body contains this; how GraphQL operations are told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body_contains: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// Strikes so often at most; 0 is without end.
    #[serde(default)]
    times: u64,
    /// Strikes this many of a thousand matching requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    per_mille: Option<u32>,
    /// Lets this many matching requests pass first.
    #[serde(default)]
    after: u64,
    /// How often it struck.
    #[serde(default)]
    struck: u64,
}

fn too_many() -> u16 {
    429
}

const FIELDS: [&str; 12] = [
    "kind",
    "status",
    "retry_after",
    "ms",
    "delay_ms",
    "path_contains",
    "body_contains",
    "method",
    "times",
    "per_mille",
    "after",
    "struck",
];

impl Fault {
    /// Reads a fault as an operator writes it.
    pub(crate) fn read(body: &[u8]) -> std::result::Result<Fault, String> {
        let value: serde_json::Value = serde_json::from_slice(body).map_err(|err| err.to_string())?;
        let unknown = value.as_object().and_then(|map| map.keys().find(|key| !FIELDS.contains(&key.as_str())));
        if let Some(unknown) = unknown {
            return Err(format!("unknown field `{unknown}`; known are {}", FIELDS.join(", ")));
        }
        let mut fault: Fault = serde_json::from_value(value).map_err(|err| err.to_string())?;
        if let Kind::Status { status, .. } = fault.kind
            && !(400..=599).contains(&status)
        {
            return Err(format!("status {status} is no error; take 429, 500 or 503"));
        }
        fault.struck = 0;
        Ok(fault)
    }

    fn matches(&self, seen: &Seen) -> bool {
        let contains = |part: &str| seen.path.contains(part) || seen.query.contains(part);
        (self.times == 0 || self.struck < self.times)
            && self.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(seen.method.as_str()))
            && self.path_contains.as_deref().is_none_or(contains)
            && self.body_contains.as_deref().is_none_or(|part| holds(&seen.body, part.as_bytes()))
    }
}

fn holds(body: &[u8], part: &[u8]) -> bool {
    part.is_empty() || body.windows(part.len()).any(|window| window == part)
}

/// A twin's planned faults. They outlive a killed sandbox.
#[derive(Debug)]
pub(crate) struct Faults {
    books: Books,
    plan: Mutex<Vec<(i64, Fault)>>,
}

impl Faults {
    pub(crate) fn open(dir: Option<&Path>, vendor: &str) -> Result<Faults> {
        let books = Books::open(dir, &format!("{vendor}-faults"), SCHEMA)?;
        let plan = books.with(|db| {
            let mut statement = db.prepare("SELECT id, body FROM fault ORDER BY id")?;
            let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
            rows.collect::<Result<Vec<_>>>()
        })?;
        let plan = plan.into_iter().filter_map(|(id, body)| Some((id, serde_json::from_str(&body).ok()?))).collect();
        Ok(Faults { books, plan: Mutex::new(plan) })
    }

    /// Plans one; gives its number.
    pub(crate) fn plan(&self, fault: Fault) -> Result<i64> {
        let body = serde_json::to_string(&fault).unwrap_or_default();
        let id = self.books.with(|db| {
            db.execute("INSERT INTO fault(body) VALUES (?1)", [body])?;
            Ok(db.last_insert_rowid())
        })?;
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).push((id, fault));
        Ok(id)
    }

    /// All, with how often each struck.
    pub(crate) fn list(&self) -> Vec<serde_json::Value> {
        let plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = plan.iter().map(|(id, fault)| {
            let mut value = serde_json::to_value(fault).unwrap_or_default();
            if let Some(map) = value.as_object_mut() {
                map.insert("id".to_owned(), (*id).into());
            }
            value
        });
        shown.collect()
    }

    /// Drops one, or all.
    pub(crate) fn drop_planned(&self, id: Option<i64>) -> Result<usize> {
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        let before = plan.len();
        plan.retain(|(planned, _)| id.is_some_and(|id| id != *planned));
        self.books.with(|db| db.execute("DELETE FROM fault WHERE ?1 IS NULL OR id = ?1", [id]))?;
        Ok(before.saturating_sub(plan.len()))
    }

    /// The fault that strikes this request, the first planned one of those that would.
    pub(crate) fn strike(&self, seen: &Seen, rng: &Rng) -> Option<Kind> {
        let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, fault) in plan.iter_mut() {
            if !fault.matches(seen) {
                continue;
            }
            let passes = fault.after > 0;
            fault.after = fault.after.saturating_sub(1);
            let strikes = !passes && fault.per_mille.is_none_or(|rate| rng.chance(rate));
            if strikes {
                fault.struck = fault.struck.saturating_add(1);
            }
            if passes || strikes {
                let body = serde_json::to_string(fault).unwrap_or_default();
                let saved = self
                    .books
                    .with(|db| db.prepare_cached("UPDATE fault SET body = ?2 WHERE id = ?1")?.execute((*id, body)));
                if let Err(err) = saved {
                    tracing::error!(%err, "cannot save a fault");
                }
            }
            if strikes {
                return Some(fault.kind.clone());
            }
        }
        None
    }
}
