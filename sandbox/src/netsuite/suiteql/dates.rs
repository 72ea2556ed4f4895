//! `TO_DATE` and `TO_CHAR`. A date in the books is `YYYY-MM-DD HH:MM:SS#`: it sorts as text and cannot be mistaken for one.

use jiff::civil::DateTime;
use rusqlite::{Connection, Error, functions::FunctionFlags};

const FORMATS: [(&str, &str); 7] =
    [("YYYY", "%Y"), ("HH24", "%H"), ("MM", "%m"), ("DD", "%d"), ("MI", "%M"), ("SS", "%S"), ("\"T\"", "T")];

/// Teaches a connection the two functions.
pub(in super::super) fn install(db: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    db.create_scalar_function("ns_to_date", 2, flags, |args| {
        let (Some(text), format) = (args.get::<Option<String>>(0)?, args.get::<String>(1)?) else { return Ok(None) };
        parse(&text, &format)
            .map(|at| Some(at.strftime("%Y-%m-%d %H:%M:%S#").to_string()))
            .ok_or_else(|| refused(&text))
    })?;
    db.create_scalar_function("ns_to_char", 2, flags, |args| {
        let (Some(stored), format) = (args.get::<Option<String>>(0)?, args.get::<String>(1)?) else { return Ok(None) };
        match DateTime::strptime("%Y-%m-%d %H:%M:%S#", &stored) {
            Ok(at) => Ok(Some(at.strftime(&pattern(&format)).to_string())),
            Err(_) => Ok(Some(stored)),
        }
    })
}

/// A stored date as the user behind the token reads it; any other text as it is.
pub(super) fn in_user_format(text: &str) -> String {
    match DateTime::strptime("%Y-%m-%d %H:%M:%S#", text) {
        Ok(at) => at.strftime("%-m/%-d/%Y").to_string(),
        Err(_) => text.to_owned(),
    }
}

fn parse(text: &str, format: &str) -> Option<DateTime> {
    let pattern = pattern(format);
    if pattern.contains("%H") {
        return DateTime::strptime(&pattern, text).ok();
    }
    jiff::civil::Date::strptime(&pattern, text).ok().map(|date| date.at(0, 0, 0, 0))
}

fn pattern(format: &str) -> String {
    FORMATS.iter().fold(format.to_owned(), |format, (theirs, ours)| format.replace(theirs, ours))
}

fn refused(text: &str) -> Error {
    Error::UserFunctionError(format!("'{text}' failed with date format").into())
}
