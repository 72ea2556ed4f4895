//! The cost throttle: a bucket of points per app and shop, filled at the plan's rate on the twin's clock.

use serde_json::{Value, json};

use super::call::Call;
use crate::books::Result;

/// The bucket holds what this many seconds restore (4,000 at 200 a second, recorded).
const SECONDS: i64 = 20;

/// The bucket now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    available_milli: i64,
    rate: i64,
}

impl Bucket {
    /// The bucket filled up to now.
    pub(super) fn read(call: &Call<'_>) -> Result<Bucket> {
        let rate = match call.setting("restore_rate")? {
            Some(rate) => rate.parse().unwrap_or(call.config.restore_rate),
            None => call.config.restore_rate,
        };
        let most = rate.saturating_mul(SECONDS).saturating_mul(1000);
        let (available, at): (i64, i64) = call
            .row("SELECT available_milli, at FROM bucket", [], |row| Ok((row.get(0)?, row.get(1)?)))?
            .unwrap_or((-1, 0));
        let restored = call.millis().saturating_sub(at).max(0).saturating_mul(rate);
        // A bucket never used is full.
        let available = if available < 0 { most } else { available.saturating_add(restored).min(most) };
        Ok(Bucket { available_milli: available, rate })
    }

    /// Whether so many points are there.
    pub(super) fn holds(&self, points: u64) -> bool {
        i64::try_from(points).is_ok_and(|points| points.saturating_mul(1000) <= self.available_milli)
    }

    /// Takes points out.
    pub(super) fn take(&mut self, call: &Call<'_>, points: u64) -> Result<()> {
        let points = i64::try_from(points).unwrap_or(i64::MAX).saturating_mul(1000);
        self.available_milli = self.available_milli.saturating_sub(points).max(0);
        call.run("UPDATE bucket SET available_milli = ?1, at = ?2", (self.available_milli, call.millis()))?;
        Ok(())
    }

    /// `extensions.cost`.
    pub(super) fn cost(&self, requested: u64, actual: Option<u64>) -> Value {
        json!({"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": {
            "maximumAvailable": self.rate.saturating_mul(SECONDS),
            "currentlyAvailable": self.available_milli / 1000,
            "restoreRate": self.rate,
        }})
    }
}
