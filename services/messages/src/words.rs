//! Small readings of the owners' messages: times, quantities, numbers. Pure.

use retail_proto::Quantity;
use retail_runtime::Timestamp;

/// Milliseconds since 1970 of a time; 0 when there is none.
pub(crate) fn millis(time: Option<&prost_types::Timestamp>) -> i64 {
    time.map_or(0, |time| {
        time.seconds.saturating_mul(1_000).saturating_add(i64::from(time.nanos).div_euclid(1_000_000))
    })
}

/// The time of stored milliseconds.
pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
}

/// Is it a day, `YYYY-MM-DD`?
pub(crate) fn is_day(text: &str) -> bool {
    format!("{text}T00:00:00Z").parse::<Timestamp>().is_ok()
}

/// A decimal string as a quantity; one that cannot be read counts as nothing.
pub(crate) fn quantity(text: &str) -> Quantity {
    text.parse().unwrap_or_default()
}

/// A phone number as E.164; empty when it does not read as one, for no carrier could use it.
pub(crate) fn phone(text: &str) -> String {
    let text = text.trim().replace("(0)", "");
    let number: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}')).collect();
    let digits = number.strip_prefix('+').unwrap_or_default();
    let fits = (8..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if fits && !digits.starts_with('0') { format!("+{digits}") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_nobody_could_dial_is_left_out() {
        assert_eq!(phone("+44 (0)20 7946-0958"), "+442079460958");
        assert_eq!((phone("020 7946 0958"), phone("ask Ada")), (String::new(), String::new()));
    }

    #[test]
    fn only_a_day_of_the_calendar_is_one() {
        assert!(is_day("2026-11-27") && !is_day("2026-02-30") && !is_day("soon"));
    }
}
