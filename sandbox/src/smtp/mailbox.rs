//! What was taken: as it came, and as a mail program reads it.

use jiff::Timestamp;
use mail_parser::{Address, MessageParser, PartType};
use rusqlite::{Connection, OptionalExtension as _};
use serde_json::{Value, json};

use crate::books::Result;
use crate::twin::{Answer, Seen};

pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS mail(seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, message_id TEXT NOT NULL,
  mail_from TEXT NOT NULL, rcpt TEXT NOT NULL, from_header TEXT NOT NULL, to_header TEXT NOT NULL, subject TEXT NOT NULL,
  text TEXT NOT NULL, html TEXT, raw BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS mail_id ON mail(message_id);";

/// Most messages one answer lists.
const PAGE: i64 = 10_000;

/// Keeps a message: the envelope is in the query, the message is the body. Gives its number.
pub(super) fn keep(db: &Connection, seen: &Seen, now: Timestamp) -> Result<i64> {
    let envelope: Vec<(String, String)> = serde_urlencoded::from_str(&seen.query).unwrap_or_default();
    let named = |name: &str| {
        let values = envelope.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone());
        values.collect::<Vec<_>>()
    };
    let raw = seen.body.as_ref();
    // What has no headers at all is no message to a mail program, and is kept all the same.
    let message = MessageParser::default().parse(raw);
    let message = message.as_ref();
    let html = message.and_then(|message| {
        message.parts.iter().find_map(|part| {
            if let PartType::Html(html) = &part.body { Some(html.replace("\r\n", "\n")) } else { None }
        })
    });
    let text = message.and_then(|message| message.body_text(0)).unwrap_or_default().replace("\r\n", "\n");
    db.prepare_cached(
        "INSERT INTO mail(at, message_id, mail_from, rcpt, from_header, to_header, subject, text, html, raw)
         VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
    )?
    .execute((
        now.to_string(),
        message.and_then(|message| message.message_id()).unwrap_or_default(),
        named("from").concat(),
        json!(named("to")).to_string(),
        person(message.and_then(|message| message.from())),
        person(message.and_then(|message| message.to())),
        message.and_then(|message| message.subject()).unwrap_or_default(),
        text,
        html,
        raw,
    ))?;
    Ok(db.last_insert_rowid())
}

/// `Name <address>` of the first.
fn person(address: Option<&Address<'_>>) -> String {
    let Some(one) = address.and_then(Address::first) else { return String::new() };
    let address = one.address().unwrap_or_default();
    match one.name() {
        Some(name) => format!("{name} <{address}>"),
        None => address.to_owned(),
    }
}

/// Messages, oldest first: `?to=` a recipient, `?message_id=` without brackets, `?after=` a number, `?limit=`.
pub(super) fn list(db: &Connection, seen: &Seen) -> Result<Value> {
    let text = |name: &str| seen.parameter(name).unwrap_or_default();
    let number =
        |name: &str, otherwise: i64| seen.parameter(name).and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let mut statement = db.prepare_cached(
        "SELECT seq, at, message_id, mail_from, rcpt, from_header, to_header, subject, text, html, length(raw) FROM mail
         WHERE (?1 = '' OR instr(rcpt, '\"' || ?1 || '\"') > 0) AND (?2 = '' OR message_id = ?2) AND seq > ?3
         ORDER BY seq LIMIT ?4",
    )?;
    let asked = (text("to"), text("message_id"), number("after", 0), number("limit", 100).clamp(1, PAGE));
    let rows = statement.query_map(asked, |row| {
        let at = |at: usize| row.get::<_, String>(at);
        let to: Value = serde_json::from_str(&at(4)?).unwrap_or_default();
        Ok(json!({
            "seq": row.get::<_, i64>(0)?, "at": at(1)?, "message_id": at(2)?, "envelope": {"from": at(3)?, "to": to},
            "from": at(5)?, "to": at(6)?, "subject": at(7)?, "text": at(8)?, "html": row.get::<_, Option<String>>(9)?,
            "size": row.get::<_, i64>(10)?,
        }))
    })?;
    Ok(Value::Array(rows.collect::<Result<_>>()?))
}

/// One message as it came: `?seq=`.
pub(super) fn raw(db: &Connection, seen: &Seen) -> Result<Answer> {
    let seq: i64 = seen.parameter("seq").and_then(|text| text.parse().ok()).unwrap_or_default();
    let raw = db.query_row("SELECT raw FROM mail WHERE seq = ?1", [seq], |row| row.get::<_, Vec<u8>>(0)).optional()?;
    Ok(match raw {
        Some(raw) => Answer {
            status: 200,
            headers: vec![("Content-Type".to_owned(), "message/rfc822".to_owned())],
            body: raw.into(),
        },
        None => Answer::json(404, &json!({"error": "no such message; give ?seq= of the mailbox"})),
    })
}

/// Counts. A duplicate is a further message under a Message-ID that was taken before.
pub(super) fn tally(db: &Connection) -> Result<Value> {
    db.query_row(
        "SELECT COUNT(*), COUNT(DISTINCT NULLIF(message_id, '')), COALESCE(SUM(message_id = ''), 0),
           COALESCE(SUM(length(raw)), 0) FROM mail",
        [],
        |row| {
            let at = |at: usize| row.get::<_, i64>(at);
            let (count, distinct, nameless) = (at(0)?, at(1)?, at(2)?);
            let duplicates = count.saturating_sub(nameless).saturating_sub(distinct);
            Ok(json!({"messages": {"count": count, "distinct": distinct, "duplicates": duplicates, "without_id": nameless},
                "bytes": at(3)?}))
        },
    )
}
