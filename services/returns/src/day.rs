//! Days of the retailer's calendar, and moments in stored milliseconds. Pure.

use retail_runtime::Timestamp;

const SECONDS_A_DAY: i64 = 86_400;

/// The day of a moment in a time zone, `YYYY-MM-DD`. Zones are checked at start; one that is unknown reads as UTC.
#[must_use]
pub(crate) fn day(millisecond: i64, zone: &str) -> String {
    let at = Timestamp::from_millisecond(millisecond).unwrap_or(Timestamp::UNIX_EPOCH);
    at.in_tz(zone).or_else(|_| at.in_tz("UTC")).map(|zoned| zoned.date().to_string()).unwrap_or_default()
}

/// True when a time zone is known by its IANA name.
#[must_use]
pub(crate) fn zone_is_known(zone: &str) -> bool {
    Timestamp::UNIX_EPOCH.in_tz(zone).is_ok()
}

/// Days from one day to another; `None` when one of them is no day.
#[must_use]
pub(crate) fn days_between(from: &str, to: &str) -> Option<i64> {
    Some(number(to)?.saturating_sub(number(from)?))
}

fn number(day: &str) -> Option<i64> {
    let midnight: Timestamp = format!("{day}T00:00:00Z").parse().ok()?;
    Some(midnight.as_second().div_euclid(SECONDS_A_DAY))
}

/// Our stored milliseconds of a protobuf time.
#[must_use]
pub(crate) fn millisecond(at: &prost_types::Timestamp) -> i64 {
    at.seconds.saturating_mul(1000).saturating_add(i64::from(at.nanos) / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_after_midnight_in_london_is_of_that_day() {
        // 2011-06-01T23:30:00Z is already the second of June in London.
        assert_eq!(day(1_306_971_000_000, "Europe/London"), "2011-06-02");
        assert_eq!(day(1_306_971_000_000, "UTC"), "2011-06-01");
    }

    #[test]
    fn days_are_counted_over_the_end_of_february() {
        assert_eq!(days_between("2012-02-28", "2012-03-01"), Some(2));
        assert_eq!(days_between("2011-12-09", "2011-12-01"), Some(-8));
        assert_eq!(days_between("soon", "2011-12-01"), None);
    }

    #[test]
    fn milliseconds_before_1970_keep_their_fraction_positive() {
        let before = retail_proto::timestamp(-1);
        assert_eq!((before.seconds, before.nanos), (-1, 999_000_000));
        assert_eq!(millisecond(&before), -1);
    }
}
