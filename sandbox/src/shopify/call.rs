//! One request's view of the shop, and how it goes wrong.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Params, Row};
use serde_json::Value;

use super::Config;
use super::schema::Schema;
use crate::books::Result;

/// A field that cannot be answered.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Problem {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Problem {
        Problem { code, message: message.into() }
    }
}

impl From<rusqlite::Error> for Problem {
    fn from(err: rusqlite::Error) -> Problem {
        tracing::error!(%err, "the shop's books failed");
        Problem::new("INTERNAL_SERVER_ERROR", "Internal error. Looks like something went wrong on our end.")
    }
}

/// Books, time and settings.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) db: &'a Connection,
    pub(super) now: Timestamp,
    pub(super) config: &'a Config,
    pub(super) schema: &'a Schema,
    pub(super) rng: &'a retail_runtime::Rng,
    pub(super) version: &'a str,
}

impl Call<'_> {
    /// Now in milliseconds.
    pub(super) fn millis(&self) -> i64 {
        self.now.as_millisecond()
    }

    /// Runs a cached statement.
    pub(super) fn run(&self, sql: &str, params: impl Params) -> Result<usize> {
        self.db.prepare_cached(sql)?.execute(params)
    }

    /// Adds a row and gives its id, the first one given when the table is empty.
    pub(super) fn next_id(&self, table: &str, first: i64) -> Result<i64> {
        let sql = format!("SELECT COALESCE(MAX(id) + 1, {first}) FROM {table}");
        self.db.prepare_cached(&sql)?.query_row([], |row| row.get(0))
    }

    /// The first row, if any.
    pub(super) fn row<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        self.db.prepare_cached(sql)?.query_row(params, read).optional()
    }

    /// All rows.
    pub(super) fn rows<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.db.prepare_cached(sql)?.query_map(params, read)?.collect()
    }

    /// A setting that was changed while the shop was open.
    pub(super) fn setting(&self, name: &str) -> Result<Option<String>> {
        self.row("SELECT value FROM setting WHERE name = ?1", [name], |row| row.get(0))
    }

    /// Changes a setting.
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

    /// Counts something for the books.
    pub(super) fn count(&self, name: &str, by: i64) -> Result<()> {
        self.run("INSERT INTO tally VALUES (?1, ?2) ON CONFLICT(name) DO UPDATE SET count = count + ?2", (name, by))?;
        Ok(())
    }

    /// The currency everything is sold in.
    pub(super) fn currency(&self) -> Result<String> {
        Ok(self.setting("currency")?.unwrap_or_else(|| self.config.currency.clone()))
    }
}

fn seconds(millis: i64) -> Timestamp {
    Timestamp::from_second(millis.div_euclid(1000)).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A time as the API writes it: `2026-11-20T09:00:03Z`.
pub(super) fn api_time(millis: i64) -> Value {
    seconds(millis).to_string().into()
}

/// A time as webhook bodies write it: `2026-11-20T09:00:03+00:00`.
pub(super) fn body_time(millis: i64) -> Value {
    seconds(millis).strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string().into()
}
