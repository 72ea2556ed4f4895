//! A message as it goes to the relay: the words, whom they go to, and an id that is the same at every attempt.

use std::time::SystemTime;

use jiff::Timestamp;
use lettre::Address;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart, SinglePart};
use sha2::{Digest as _, Sha256};

use crate::address::Sender;
use crate::words::Worded;

/// Longest name of a customer in a header, in characters.
const LONGEST_NAME: usize = 100;

/// A message ready to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Letter {
    /// With its brackets.
    pub(crate) id: String,
    /// Where bounces go.
    pub(crate) from: String,
    pub(crate) to: String,
    /// Headers and body, lines ending in CRLF.
    pub(crate) bytes: Vec<u8>,
}

/// Tells mail programs not to answer by themselves (RFC 3834, section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// The Message-ID of our reference: of its hash, since it may hold what an id must not.
pub(crate) fn message_id(reference: &str, domain: &str) -> String {
    format!("<{}@{domain}>", hash(reference))
}

/// Writes the letter.
///
/// # Errors
/// When the writer finds a header missing, which would be a defect here.
pub(crate) fn write(
    id: &str,
    sender: &Sender,
    (name, to): (&str, &Address),
    words: Worded,
    now: Timestamp,
) -> Result<Letter, lettre::error::Error> {
    let name = one_line(name, LONGEST_NAME);
    let recipient = Mailbox::new((!name.is_empty()).then_some(name), to.clone());
    let mut builder = Message::builder().from(sender.from.clone()).to(recipient);
    if let Some(reply_to) = &sender.reply_to {
        builder = builder.reply_to(reply_to.clone());
    }
    let builder = builder
        .subject(words.subject)
        .date(SystemTime::try_from(now).unwrap_or(SystemTime::UNIX_EPOCH))
        .message_id(Some(id.to_owned()))
        .header(AutoSubmitted);
    let message = match words.html {
        None => builder.singlepart(SinglePart::plain(words.text))?,
        // A boundary of chance would make two attempts differ in more than their date.
        Some(html) => builder.multipart(
            MultiPart::alternative()
                .boundary(format!("part-{}", hash(id)))
                .singlepart(SinglePart::plain(words.text))
                .singlepart(SinglePart::html(html)),
        )?,
    };
    let bytes = message.formatted();
    Ok(Letter { id: id.to_owned(), from: sender.return_path.to_string(), to: to.to_string(), bytes })
}

/// A text as it may stand in a header: one line, no control characters, blanks in a row as one.
pub(crate) fn one_line(text: &str, longest: usize) -> String {
    let visible: String = text.chars().map(|one| if one.is_control() { ' ' } else { one }).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(longest).collect()
}

/// 160 bits of SHA-256.
fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(20).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
