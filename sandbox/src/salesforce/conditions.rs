//! Conditional requests: entity tags on Account rows only, modification times everywhere. REST API Developer Guide,
//! "Conditional Request Headers".

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::fault::Problem;
use super::rest::{Ask, Reply};
use super::rows::Record;

/// Answers a read, or 304 when the reader already has it.
pub(super) fn read(
    ask: &Ask<'_>,
    record: &Record,
    render: impl FnOnce(&Record) -> Result<Value, Problem>,
) -> Result<Reply, Problem> {
    let tag = tag(record);
    if let (Some(tag), Some(held)) = (&tag, ask.header("if-none-match"))
        && held.split(',').any(|held| held.trim() == tag)
    {
        return Ok(Reply::empty(304));
    }
    if not_modified_since(ask, record.modified) {
        return Ok(Reply::empty(304));
    }
    let mut reply = Reply::ok(render(record)?);
    if let Some(tag) = tag {
        reply.headers.push(("ETag".to_owned(), tag));
        reply.headers.push(("Last-Modified".to_owned(), http_date(record.modified)));
    }
    Ok(reply)
}

/// Whether `If-Modified-Since` says that the reader has what changed last at `modified`.
pub(super) fn not_modified_since(ask: &Ask<'_>, modified: i64) -> bool {
    // A read with an unreadable date is answered in full.
    ask.header("if-modified-since").and_then(parse).is_some_and(|since| modified.div_euclid(1000) <= since.as_second())
}

/// Refuses a write whose precondition does not hold.
pub(super) fn write(ask: &Ask<'_>, record: &Record) -> Result<(), Problem> {
    let failed = || Problem::new(412, "PRECONDITION_FAILED", "The precondition of the request does not hold");
    let invalid =
        |name: &str| Problem::bad("INVALID_CONDITIONAL_HEADER", format!("The value of the header {name} is not valid"));
    if let Some(since) = ask.header("if-unmodified-since") {
        let since = parse(since).ok_or_else(|| invalid("If-Unmodified-Since"))?;
        // One second is the finest the header can say, so two writes within one second both pass.
        if record.modified.div_euclid(1000) > since.as_second() {
            return Err(failed());
        }
    }
    if let (Some(tag), Some(wanted)) = (tag(record), ask.header("if-match")) {
        if !wanted.split(',').all(|one| one.trim() == "*" || one.trim().starts_with('"')) {
            return Err(invalid("If-Match"));
        }
        if !wanted.split(',').any(|one| one.trim() == "*" || one.trim() == tag) {
            return Err(failed());
        }
    }
    Ok(())
}

/// A moment as HTTP writes it.
pub(super) fn http_date(millis: i64) -> String {
    let at = Timestamp::from_millisecond(millis).unwrap_or_default();
    rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).unwrap_or_default()
}

fn parse(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

fn tag(record: &Record) -> Option<String> {
    let hash = || URL_SAFE.encode(Sha256::digest(format!("{}{}{}", record.id, record.modified, record.body.len())));
    (record.object.name == "Account").then(|| format!("\"{}-gzip\"", hash()))
}
