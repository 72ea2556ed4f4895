//! Quiet hours: when customers of a channel are not disturbed. Pure.

use retail_runtime::Timestamp;
use serde::{Deserialize, Serialize};

const MINUTES_A_DAY: u64 = 24 * 60;

/// When nobody is disturbed, every day.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// From this time of day on, `HH:MM`.
    pub from: String,
    /// Until this time of day, of the next day when it is earlier than `from`.
    pub until: String,
    /// Whose time of day, IANA name.
    pub time_zone: String,
}

impl Quiet {
    /// When the quiet hours end that a moment lies in; `None` when it lies in none. Clocks that go forward or back make
    /// them shorter or longer.
    #[must_use]
    pub(crate) fn until(&self, now: Timestamp) -> Option<Timestamp> {
        let (from, until) = (time(&self.from)?, time(&self.until)?);
        let here = now.in_tz(&self.time_zone).ok()?;
        let at = (here.hour(), here.minute());
        let over_midnight = from > until;
        let (began, not_over) = (at >= from, at < until);
        let is_quiet = if over_midnight { began || not_over } else { began && not_over };
        if !is_quiet {
            return None;
        }
        let day = if over_midnight && began { here.date().tomorrow().ok()? } else { here.date() };
        let end = day.at(until.0, until.1, 0, 0).in_tz(&self.time_zone).ok()?.timestamp();
        (end > now).then_some(end)
    }

    /// How long they last, seconds.
    pub(crate) fn seconds(&self) -> u64 {
        let minutes = |text: &str| {
            let (hour, minute) = time(text).unwrap_or_default();
            u64::try_from(hour).unwrap_or(0) * 60 + u64::try_from(minute).unwrap_or(0)
        };
        (minutes(&self.until) + MINUTES_A_DAY - minutes(&self.from)) % MINUTES_A_DAY * 60
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (key, text) in [("from", &self.from), ("until", &self.until)] {
            if time(text).is_none() {
                problems.push(format!("quiet.{key}: {text:?} is no time of day; write HH:MM"));
            }
        }
        if self.from == self.until {
            problems.push("quiet.until: it would always be quiet; give another time than from".to_owned());
        }
        if Timestamp::UNIX_EPOCH.in_tz(&self.time_zone).is_err() {
            let zone = &self.time_zone;
            problems.push(format!("quiet.time_zone: {zone:?} is no IANA time zone; write it like Europe/London"));
        }
        problems
    }
}

/// Hour and minute.
fn time(text: &str) -> Option<(i8, i8)> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute): (i8, i8) = (hour.parse().ok()?, minute.parse().ok()?);
    ((0..24).contains(&hour) && (0..60).contains(&minute)).then_some((hour, minute))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quiet(from: &str, until: &str) -> Quiet {
        Quiet { from: from.into(), until: until.into(), time_zone: "Europe/London".into() }
    }

    fn until(quiet: &Quiet, at: &str) -> Option<String> {
        quiet.until(at.parse().unwrap()).map(|end| end.to_string())
    }

    #[test]
    fn a_night_ends_in_the_morning_of_the_zone() {
        let night = quiet("21:00", "08:00");
        // In July London is an hour ahead.
        assert_eq!(until(&night, "2026-07-01T20:00:00Z").as_deref(), Some("2026-07-02T07:00:00Z"));
        assert_eq!(until(&night, "2026-07-02T06:59:59Z").as_deref(), Some("2026-07-02T07:00:00Z"));
        assert_eq!(until(&night, "2026-07-02T07:00:00Z"), None);
        assert_eq!(until(&night, "2026-07-01T19:59:59Z"), None);
    }

    #[test]
    fn hours_within_a_day_end_on_that_day() {
        let rest = quiet("13:00", "15:00");
        assert_eq!(until(&rest, "2026-01-05T14:30:00Z").as_deref(), Some("2026-01-05T15:00:00Z"));
        assert_eq!(until(&rest, "2026-01-05T12:59:00Z"), None);
        assert_eq!(rest.seconds(), 2 * 3_600);
    }

    #[test]
    fn a_night_in_which_clocks_go_forward_still_ends() {
        // 2026-03-29 01:00Z is when London goes from 01:00 to 02:00.
        assert_eq!(until(&quiet("23:00", "01:30"), "2026-03-29T00:30:00Z").as_deref(), Some("2026-03-29T01:30:00Z"));
    }

    #[test]
    fn what_is_no_time_or_no_zone_is_named() {
        let wrong = Quiet { from: "25:00".into(), until: "8".into(), time_zone: "London".into() };
        assert_eq!(wrong.problems().len(), 3);
        assert_eq!(quiet("21:00", "21:00").problems().len(), 1);
        assert!(quiet("21:00", "08:00").problems().is_empty());
    }
}
