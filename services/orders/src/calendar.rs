//! On which days a place works: closed weekdays, closed dates, and what is otherwise on a single date. Data, and the day that
//! an order of now ships. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::civil::{Date, Weekday};
use retail_runtime::Timestamp;
use serde::{Deserialize, Serialize};

/// Days that are looked at before a place counts as closed.
const MOST_DAYS: usize = 60;
const ONE_DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Closed days that are named one by one.
const MOST_NAMED: usize = 3;

/// The days of a place, in its own time zone. A date goes before a weekday, what `days` says before both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Calendar {
    /// Weekdays on which it does not work, `monday` to `sunday`.
    pub closed_on: Vec<String>,
    /// Dates on which it does not work, `YYYY-MM-DD`.
    pub closed: Vec<String>,
    /// What is otherwise on a date, `YYYY-MM-DD`.
    pub days: BTreeMap<String, Day>,
}

/// What is otherwise on a date.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Day {
    /// True when it works although its weekday or a list says no, false when it does not. Absent: as usual.
    pub open: Option<bool>,
    /// Its cut-off of that day, `HH:MM`. Absent: as usual.
    pub cut_off: Option<String>,
    /// Orders that it can take for that day. Absent: as usual.
    pub orders_per_day: Option<u32>,
}

/// When an order of now ships.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ShipDay {
    /// The day, `YYYY-MM-DD`; empty when it works on none of the days that are looked at.
    pub day: String,
    /// Why it is not today, for people; empty when it is.
    pub delayed: String,
    /// Orders that it can take for that day, when that is another number than usual.
    pub orders: Option<u32>,
}

impl Calendar {
    /// What cannot be used, one sentence each, under the name of the place's table.
    pub(crate) fn problems(&self, at: &str) -> Vec<String> {
        let mut problems = Vec::new();
        for name in self.closed_on.iter().filter(|name| weekday(name).is_none()) {
            problems.push(format!("{at}.closed_on: {name:?} is no weekday; write monday to sunday"));
        }
        let distinct: BTreeSet<i8> =
            self.closed_on.iter().filter_map(|name| weekday(name)).map(Weekday::to_monday_zero_offset).collect();
        if distinct.len() == 7 && !self.days.values().any(|day| day.open == Some(true)) {
            problems.push(format!("{at}.closed_on: it would never work; leave a weekday, or take the place away"));
        }
        for date in self.closed.iter().filter(|date| is_no_date(date)) {
            problems.push(format!("{at}.closed: {date:?} is no date; write YYYY-MM-DD"));
        }
        for (date, day) in &self.days {
            if is_no_date(date) {
                problems.push(format!("{at}.days: {date:?} is no date; write YYYY-MM-DD"));
            }
            if day == &Day::default() {
                problems.push(format!("{at}.days.{date}: says nothing; give open, cut_off or orders_per_day"));
            }
            let shut = day.open == Some(false) && (day.cut_off.is_some() || day.orders_per_day.is_some());
            if shut {
                problems.push(format!("{at}.days.{date}: a day without work has neither cut_off nor orders_per_day"));
            }
            if day.open == Some(true) && self.closed.contains(date) {
                problems.push(format!("{at}.days.{date}: is in {at}.closed as well; say one of both"));
            }
            if let Some(cut_off) = day.cut_off.as_ref().filter(|text| minute_of_day(text).is_none()) {
                problems.push(format!("{at}.days.{date}.cut_off: {cut_off:?} is no time of day; write HH:MM"));
            }
        }
        problems
    }

    /// The first day of work from now on, today only before the cut-off.
    pub(crate) fn ship_day(&self, now: Timestamp, time_zone: &str, cut_off: &str) -> ShipDay {
        let Ok(here) = now.in_tz(time_zone).or_else(|_| now.in_tz("UTC")) else { return ShipDay::default() };
        let minute = u32::try_from(i32::from(here.hour()) * 60 + i32::from(here.minute())).unwrap_or(0);
        let mut day = here.date();
        let (mut late, mut closed) = (false, Vec::new());
        for place in 0..MOST_DAYS {
            let known = self.days.get(&day.to_string());
            if self.works_on(day, known) {
                let ends = known.and_then(|known| known.cut_off.as_deref()).unwrap_or(cut_off);
                if place > 0 || minute_of_day(ends).is_none_or(|ends| minute < ends) {
                    let orders = known.and_then(|known| known.orders_per_day);
                    return ShipDay { day: day.to_string(), delayed: delayed(late, &closed), orders };
                }
                late = true;
            } else {
                closed.push(day.to_string());
            }
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        let delayed = format!("closed on each of the next {MOST_DAYS} days");
        ShipDay { delayed, ..ShipDay::default() }
    }

    /// Until when a place keeps what it has kept from a moment on: days on which it does not work are none of them.
    pub(crate) fn kept_until(&self, from: Timestamp, kept: Duration, time_zone: &str) -> Timestamp {
        let Ok(mut until) = from.checked_add(kept) else { return Timestamp::MAX };
        let date = |at: Timestamp| at.in_tz(time_zone).or_else(|_| at.in_tz("UTC")).map(|here| here.date());
        let Ok(mut day) = date(from) else { return until };
        for _ in 0..MOST_DAYS {
            let Ok(next) = day.tomorrow() else { break };
            day = next;
            if date(until).is_ok_and(|last| day > last) {
                break;
            }
            if !self.works_on(day, self.days.get(&day.to_string())) {
                until = until.checked_add(ONE_DAY).unwrap_or(Timestamp::MAX);
            }
        }
        until
    }

    fn works_on(&self, date: Date, known: Option<&Day>) -> bool {
        if let Some(open) = known.and_then(|known| known.open) {
            return open;
        }
        let is_closed = self.closed.iter().any(|closed| *closed == date.to_string());
        !is_closed && !self.closed_on.iter().any(|name| weekday(name) == Some(date.weekday()))
    }
}

/// Why an order does not ship today, for people.
fn delayed(late: bool, closed: &[String]) -> String {
    let mut words = Vec::new();
    if late {
        words.push("its cut-off of today has passed".to_owned());
    }
    if !closed.is_empty() {
        let named: Vec<&str> = closed.iter().take(MOST_NAMED).map(String::as_str).collect();
        let more = closed.len().saturating_sub(MOST_NAMED);
        let more = if more > 0 { format!(" and {more} days more") } else { String::new() };
        words.push(format!("closed on {}{more}", named.join(", ")));
    }
    words.join(", ")
}

/// Only dates as they are written here are found again.
fn is_no_date(text: &str) -> bool {
    text.parse::<Date>().map(|date| date.to_string()).ok().as_deref() != Some(text)
}

fn weekday(name: &str) -> Option<Weekday> {
    match name {
        "monday" => Some(Weekday::Monday),
        "tuesday" => Some(Weekday::Tuesday),
        "wednesday" => Some(Weekday::Wednesday),
        "thursday" => Some(Weekday::Thursday),
        "friday" => Some(Weekday::Friday),
        "saturday" => Some(Weekday::Saturday),
        "sunday" => Some(Weekday::Sunday),
        _ => None,
    }
}

/// The minute of a day that a text like `16:00` names.
pub(crate) fn minute_of_day(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        closed_on = ["sunday"]
        closed = ["2024-12-25", "2024-12-26"]
        [days."2024-12-22"]
        open = true
        orders_per_day = 5
        [days."2024-12-24"]
        cut_off = "12:00"
        [days."2024-12-27"]
        open = false
    "#;

    fn calendar(text: &str) -> Calendar {
        retail_runtime::config::load(text, None, "NO_SUCH_PREFIX_").unwrap()
    }

    fn ships(at: &str) -> (String, String) {
        let found = calendar(TEXT).ship_day(at.parse().unwrap(), "Europe/London", "16:00");
        (found.day, found.delayed)
    }

    #[test]
    fn an_order_of_a_closed_day_ships_on_the_next_day_of_work() {
        assert_eq!(ships("2024-12-15T10:00:00Z"), ("2024-12-16".into(), "closed on 2024-12-15".into()));
        let over_sunday = "its cut-off of today has passed, closed on 2024-12-15";
        assert_eq!(ships("2024-12-14T17:00:00Z"), ("2024-12-16".into(), over_sunday.into()));
        assert_eq!(ships("2024-12-16T10:00:00Z"), ("2024-12-16".into(), String::new()));
    }

    #[test]
    fn what_is_said_of_a_date_goes_before_the_weekday_and_the_usual_cut_off() {
        let open = calendar(TEXT).ship_day("2024-12-22T10:00:00Z".parse().unwrap(), "Europe/London", "16:00");
        assert_eq!((open.day.as_str(), open.delayed.as_str(), open.orders), ("2024-12-22", "", Some(5)));
        assert_eq!(ships("2024-12-24T11:59:00Z").0, "2024-12-24");
        let holidays = "its cut-off of today has passed, closed on 2024-12-25, 2024-12-26, 2024-12-27";
        assert_eq!(ships("2024-12-24T12:00:00Z"), ("2024-12-28".into(), holidays.into()));
    }

    #[test]
    fn the_day_is_that_of_the_place_and_not_of_the_machine() {
        // Half past eleven at night on Saturday in New York is Sunday in UTC.
        let calendar = calendar("closed_on = [\"sunday\"]");
        let found = calendar.ship_day("2024-12-15T04:30:00Z".parse().unwrap(), "America/New_York", "");
        assert_eq!(found.day, "2024-12-14");
    }

    #[test]
    fn days_without_work_are_none_of_those_that_a_store_keeps_a_pickup() {
        let kept = |from: &str, days: u32| {
            let until = calendar(TEXT).kept_until(from.parse().unwrap(), days * ONE_DAY, "Europe/London");
            until.to_string()
        };
        assert_eq!(kept("2024-12-16T10:00:00Z", 5), "2024-12-21T10:00:00Z", "Monday to Saturday");
        assert_eq!(kept("2024-12-13T10:00:00Z", 5), "2024-12-19T10:00:00Z", "a Sunday between");
        assert_eq!(kept("2024-12-14T10:00:00Z", 1), "2024-12-16T10:00:00Z", "never ends on a Sunday");
        assert_eq!(kept("2024-12-23T10:00:00Z", 2), "2024-12-28T10:00:00Z", "three holidays");
    }

    #[test]
    fn a_place_that_is_closed_for_long_ships_on_no_day() {
        let dates: Vec<String> = (1..=31).map(|day| format!("\"2024-01-{day:02}\"")).collect();
        let more: Vec<String> = (1..=29).map(|day| format!("\"2024-02-{day:02}\"")).collect();
        let calendar = calendar(&format!("closed = [{}, {}]", dates.join(", "), more.join(", ")));
        let found = calendar.ship_day("2024-01-01T10:00:00Z".parse().unwrap(), "UTC", "");
        assert_eq!((found.day.as_str(), found.delayed.as_str()), ("", "closed on each of the next 60 days"));
        let found = calendar.ship_day("2024-01-02T10:00:00Z".parse().unwrap(), "UTC", "");
        assert_eq!(found.day, "2024-03-01");
        assert_eq!(found.delayed, "closed on 2024-01-02, 2024-01-03, 2024-01-04 and 56 days more");
    }

    #[test]
    fn everything_that_cannot_be_used_is_named() {
        assert_eq!(calendar(TEXT).problems("places.SOHO"), Vec::<String>::new());
        let wrong = r#"
            closed_on = ["sunday", "Sun"]
            closed = ["2024-12-25", "25.12.2024", "2024-02-30"]
            [days."2024-12-25"]
            open = true
            [days."2024-12-26"]
            open = false
            cut_off = "12:00"
            [days."2024-12-27"]
            cut_off = "noon"
            [days."2024-12-28"]
            [days.christmas]
            open = false
        "#;
        insta::assert_snapshot!(calendar(wrong).problems("places.SOHO").join("\n"), @r#"
        places.SOHO.closed_on: "Sun" is no weekday; write monday to sunday
        places.SOHO.closed: "25.12.2024" is no date; write YYYY-MM-DD
        places.SOHO.closed: "2024-02-30" is no date; write YYYY-MM-DD
        places.SOHO.days.2024-12-25: is in places.SOHO.closed as well; say one of both
        places.SOHO.days.2024-12-26: a day without work has neither cut_off nor orders_per_day
        places.SOHO.days.2024-12-27.cut_off: "noon" is no time of day; write HH:MM
        places.SOHO.days.2024-12-28: says nothing; give open, cut_off or orders_per_day
        places.SOHO.days: "christmas" is no date; write YYYY-MM-DD
        "#);
        let never = calendar(
            "closed_on = [\"monday\", \"tuesday\", \"wednesday\", \"thursday\", \"friday\", \"saturday\", \"sunday\"]",
        );
        assert!(never.problems("places.SOHO")[0].contains("never work"));
    }
}
