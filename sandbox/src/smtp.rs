//! A mail server in a sandbox (RFC 5321): it takes messages for anybody and keeps them in a mailbox to look into. Owns what it
//! took, as it came and as a mail program would read it. Refuses what a careful server refuses: commands out of order, bare
//! line feeds, overlong lines, 8-bit data that was not announced, messages above its size, recipients it was told to refuse.
//! Mail enters over SMTP (`door.rs`, `session.rs`); it leaves through the operator's verbs `books`, `mailbox` and `raw`.
//!
//! Faults strike by path: `/greeting`, `/ehlo`, `/auth`, `/mail`, `/rcpt`, `/data`, and `/message` for the end of the message.
//! A `status` of 400 to 599 is the reply; `reset_before` hangs up before the message is kept, `reset_after_commit` after it.
//! It sends nothing on, and offers neither STARTTLS nor SMTPUTF8.

pub(crate) mod door;
mod mailbox;
mod session;

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::books::{Books, Result};
use crate::seed::Seed;
use crate::twin::{Answer, Seen, Twin};

/// Name in the operator's paths.
pub(crate) const NAME: &str = "smtp";
/// Path of the end of a message.
const MESSAGE: &str = "/message";

/// The mail server.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// User that must log in; without one anybody may send.
    pub user: Option<String>,
    /// Password of the user.
    pub password: String,
    /// Largest message in bytes.
    pub largest: usize,
    /// Recipients that are refused for good: addresses, or domains with an `@` before them.
    pub refuse: Vec<String>,
}

impl Default for Config {
    fn default() -> Config {
        Config { user: None, password: String::new(), largest: 10_000_000, refuse: Vec::new() }
    }
}

/// The twin.
#[derive(Debug)]
pub struct Smtp {
    books: Books,
}

impl Smtp {
    /// Opens the mailbox, in memory without a directory.
    ///
    /// # Errors
    /// Those of the books.
    pub fn open(dir: Option<&Path>) -> Result<Arc<Smtp>> {
        Ok(Arc::new(Smtp { books: Books::open(dir, NAME, mailbox::SCHEMA)? }))
    }
}

impl Twin for Smtp {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Keeps a message. A fault may bring other steps here as well, which leave nothing behind.
    fn handle(&self, request: &Seen, now: Timestamp) -> Answer {
        if request.path != MESSAGE {
            return reply(250, "2.0.0 Ok");
        }
        match self.books.with(|db| mailbox::keep(db, request, now)) {
            Ok(seq) => reply(250, &format!("2.0.0 Ok: queued as {seq}")),
            Err(err) => {
                tracing::error!(%err, "the mailbox failed");
                reply(451, "4.3.0 the mailbox failed")
            }
        }
    }

    fn books(&self) -> Value {
        self.books.with(mailbox::tally).unwrap_or_else(|err| json!({"error": err.to_string()}))
    }

    fn seed(&self, _seed: &Seed) {
        // Items and stock are nothing to a mail server.
    }

    fn control(&self, verb: &str, request: &Seen, _now: Timestamp) -> Option<Answer> {
        let answer = match (request.method.as_str(), verb) {
            ("GET", "mailbox") => self.books.with(|db| mailbox::list(db, request)).map(|mail| Answer::json(200, &mail)),
            ("GET", "raw") => self.books.with(|db| mailbox::raw(db, request)),
            _ => return None,
        };
        Some(answer.unwrap_or_else(|err| Answer::json(500, &json!({"error": err.to_string()}))))
    }
}

/// A reply of SMTP as an answer: its code and its words.
fn reply(code: u16, words: &str) -> Answer {
    Answer { status: code, headers: Vec::new(), body: words.to_owned().into() }
}
