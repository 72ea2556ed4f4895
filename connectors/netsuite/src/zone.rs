//! SuiteQL speaks the local time of the user behind the token.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use retail_runtime::Timestamp;

use crate::fault::Error;

/// How dates are asked for and given: `YYYY-MM-DD HH24:MI:SS`.
const FORMAT: &str = "%Y-%m-%d %H:%M:%S";

/// The time zone of the user.
#[derive(Debug, Clone)]
pub(crate) struct Zone(pub(crate) TimeZone);

impl Zone {
    /// The instant of a local time. Of two instants in the repeated hour of autumn, the first.
    pub(crate) fn timestamp(&self, text: &str) -> Result<Timestamp, Error> {
        let wrong = || Error::Unreadable { operation: "suiteql", why: format!("{text:?} is no local time") };
        let local = parse(text).ok_or_else(wrong)?;
        self.0.to_ambiguous_timestamp(local).compatible().map_err(|_| wrong())
    }

    /// The local time of an instant.
    pub(crate) fn local(&self, at: Timestamp) -> String {
        self.0.to_datetime(at).strftime(FORMAT).to_string()
    }
}

/// A local time as SuiteQL gives it.
pub(crate) fn parse(text: &str) -> Option<DateTime> {
    DateTime::strptime(FORMAT, text).ok()
}

/// A local time as SuiteQL takes it.
pub(crate) fn render(at: DateTime) -> String {
    at.strftime(FORMAT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_time_of_london_summer_is_an_hour_before_utc() {
        let zone = Zone(TimeZone::get("Europe/London").unwrap());
        let instant = zone.timestamp("2026-07-01 12:00:00").unwrap();
        assert_eq!(instant.to_string(), "2026-07-01T11:00:00Z");
        assert_eq!(zone.local(instant), "2026-07-01 12:00:00");
        assert!(zone.timestamp("07/01/2026").is_err());
    }
}
