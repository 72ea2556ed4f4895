//! The daily allowance of calls: a rolling day in hourly buckets, told on every counted answer.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde_json::json;

use super::Call;
use super::fault::Problem;
use super::rest::Reply;

/// Tables of the allowance.
pub(super) const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS usage (hour INTEGER PRIMARY KEY, calls INTEGER NOT NULL);";

/// Counts one call; the calls of the last 24 hours with it.
pub(super) fn count(db: &Connection, now: Timestamp, calls: i64) -> rusqlite::Result<i64> {
    db.prepare_cached(
        "INSERT INTO usage (hour, calls) VALUES (?1, ?2) ON CONFLICT (hour) DO UPDATE SET calls = calls + ?2",
    )?
    .execute(params![hour(now), calls])?;
    used(db, now)
}

/// Calls of the last 24 hours.
pub(super) fn used(db: &Connection, now: Timestamp) -> rusqlite::Result<i64> {
    db.prepare_cached("SELECT coalesce(sum(calls), 0) FROM usage WHERE hour > ?1")?
        .query_row([hour(now).saturating_sub(24)], |row| row.get(0))
}

/// What a call beyond the allowance gets.
pub(super) fn exceeded() -> Problem {
    Problem::new(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
}

/// What a call gets while too many long ones run.
pub(super) fn too_many_at_once() -> Problem {
    Problem::new(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded.")
}

/// `GET /limits`.
pub(super) fn list(call: &Call<'_>) -> Result<Reply, Problem> {
    let remaining = call.daily_requests.saturating_sub(used(call.db, call.now)?).max(0);
    Ok(Reply::ok(json!({
        "DailyApiRequests": {"Max": call.daily_requests, "Remaining": remaining},
        "DataStorageMB": {"Max": 10_240, "Remaining": 10_240},
    })))
}

fn hour(now: Timestamp) -> i64 {
    now.as_second().div_euclid(3600)
}
