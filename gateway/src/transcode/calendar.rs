//! Timestamps and durations as ProtoJSON spells them: RFC 3339 in years 1 to 9999, and `1.5s`.

use std::io::Write as _;

/// Seconds and nanoseconds, as the messages hold them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Moment {
    pub(crate) seconds: i64,
    pub(crate) nanos: i32,
}

const FIRST_SECOND: i64 = -62_135_596_800;
const LAST_SECOND: i64 = 253_402_300_799;
const MOST_SECONDS: i64 = 315_576_000_000;
const DAY: i64 = 86_400;

/// Reads `2024-02-29T12:00:00.5+01:00`.
pub(crate) fn read_timestamp(text: &str) -> Option<Moment> {
    let bytes = text.as_bytes();
    let mark = |at: usize, marks: &[u8]| bytes.get(at).is_some_and(|byte| marks.contains(byte));
    if !(mark(4, b"-") && mark(7, b"-") && mark(10, b"Tt") && mark(13, b":") && mark(16, b":")) {
        return None;
    }
    let (year, month, day) = (digits(text, 0, 4)?, digits(text, 5, 2)?, digits(text, 8, 2)?);
    let (hour, minute, second) = (digits(text, 11, 2)?, digits(text, 14, 2)?, digits(text, 17, 2)?);
    if !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (nanos, zone) = fraction(text.get(19..)?)?;
    let offset = match zone.as_bytes() {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes) = (digits(zone, 1, 2)?, digits(zone, 4, 2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let seconds = hours * 3_600 + minutes * 60;
            if *sign == b'-' { -seconds } else { seconds }
        }
        _ => return None,
    };
    let seconds = days_from_civil(year, month, day) * DAY + hour * 3_600 + minute * 60 + second - offset;
    (FIRST_SECOND..=LAST_SECOND).contains(&seconds).then_some(Moment { seconds, nanos })
}

/// Writes a timestamp in UTC with 0, 3, 6 or 9 places; `None` outside years 1 to 9999.
pub(crate) fn put_timestamp(out: &mut Vec<u8>, moment: Moment) -> Option<()> {
    if !(FIRST_SECOND..=LAST_SECOND).contains(&moment.seconds) || !(0..1_000_000_000).contains(&moment.nanos) {
        return None;
    }
    let (year, month, day) = civil_from_days(moment.seconds.div_euclid(DAY));
    let clock = moment.seconds.rem_euclid(DAY);
    let (hour, minute, second) = (clock / 3_600, clock / 60 % 60, clock % 60);
    write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}").ok()?;
    put_fraction(out, moment.nanos)?;
    out.push(b'Z');
    Some(())
}

/// Reads `-1.5s`.
pub(crate) fn read_duration(text: &str) -> Option<Moment> {
    let negative = text.starts_with('-');
    let number = text.strip_suffix('s')?;
    let number = number.strip_prefix('-').unwrap_or(number);
    let whole = number.bytes().take_while(u8::is_ascii_digit).count();
    let seconds: i64 = number.get(..whole)?.parse().ok()?;
    let (nanos, rest) = fraction(number.get(whole..)?)?;
    if !rest.is_empty() || seconds > MOST_SECONDS || (seconds == MOST_SECONDS && nanos > 0) {
        return None;
    }
    Some(if negative { Moment { seconds: -seconds, nanos: -nanos } } else { Moment { seconds, nanos } })
}

/// Writes a duration; `None` when it is out of range or its parts have different signs.
pub(crate) fn put_duration(out: &mut Vec<u8>, moment: Moment) -> Option<()> {
    let Moment { seconds, nanos } = moment;
    let one_sign = (seconds >= 0 && nanos >= 0) || (seconds <= 0 && nanos <= 0);
    if !one_sign || seconds.abs() > MOST_SECONDS || nanos.unsigned_abs() > 999_999_999 {
        return None;
    }
    if seconds < 0 || nanos < 0 {
        out.push(b'-');
    }
    write!(out, "{}", seconds.unsigned_abs()).ok()?;
    put_fraction(out, nanos.checked_abs()?)?;
    out.push(b's');
    Some(())
}

/// Nanoseconds of `.5` and what follows it.
fn fraction(text: &str) -> Option<(i32, &str)> {
    let Some(text) = text.strip_prefix('.') else {
        return Some((0, text));
    };
    let places = text.bytes().take_while(u8::is_ascii_digit).count();
    if places == 0 || places > 9 {
        return None;
    }
    let mut nanos: i32 = text.get(..places)?.parse().ok()?;
    for _ in places..9 {
        nanos *= 10;
    }
    Some((nanos, text.get(places..)?))
}

fn put_fraction(out: &mut Vec<u8>, nanos: i32) -> Option<()> {
    match nanos {
        0 => Some(()),
        _ if nanos % 1_000_000 == 0 => write!(out, ".{:03}", nanos / 1_000_000).ok(),
        _ if nanos % 1_000 == 0 => write!(out, ".{:06}", nanos / 1_000).ok(),
        _ => write!(out, ".{nanos:09}").ok(),
    }
}

fn digits(text: &str, at: usize, count: usize) -> Option<i64> {
    let digits = text.get(at..at + count)?;
    if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar; years begin in March so that leap days come last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spelt(moment: Moment) -> String {
        let mut out = Vec::new();
        put_timestamp(&mut out, moment).unwrap();
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #[test]
        fn a_timestamp_survives_its_text(seconds in FIRST_SECOND..=LAST_SECOND, nanos in 0..1_000_000_000_i32) {
            let moment = Moment { seconds, nanos };
            prop_assert_eq!(read_timestamp(&spelt(moment)), Some(moment));
        }

        #[test]
        fn a_duration_survives_its_text(seconds in 0..MOST_SECONDS, nanos in 0..1_000_000_000_i32, back: bool) {
            let moment = if back { Moment { seconds: -seconds, nanos: -nanos } } else { Moment { seconds, nanos } };
            let mut out = Vec::new();
            put_duration(&mut out, moment).unwrap();
            prop_assert_eq!(read_duration(&String::from_utf8(out).unwrap()), Some(moment));
        }
    }

    #[test]
    fn offsets_and_fractions_are_understood() {
        assert_eq!(spelt(read_timestamp("2024-02-29T01:00:00.250+02:00").unwrap()), "2024-02-28T23:00:00.250Z");
        assert_eq!(spelt(read_timestamp("0001-01-01T00:00:00Z").unwrap()), "0001-01-01T00:00:00Z");
        assert_eq!(spelt(read_timestamp("9999-12-31T23:59:59.999999999Z").unwrap()), "9999-12-31T23:59:59.999999999Z");
    }

    #[test]
    fn dates_that_do_not_exist_are_refused() {
        let bad =
            ["2023-02-29T00:00:00Z", "2024-13-01T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:00:00", "2024-1-1"];
        for text in
            bad.into_iter().chain(["0001-01-01T00:00:00+01:00", "2024-01-01T00:00:00.Z", "2024-01-01 00:00:00Z"])
        {
            assert_eq!(read_timestamp(text), None, "{text}");
        }
        for text in ["1", "s", "1.5", "1.0000000001s", "315576000001s", "--1s", "+1s"] {
            assert_eq!(read_duration(text), None, "{text}");
        }
    }
}
