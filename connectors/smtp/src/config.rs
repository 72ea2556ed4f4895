//! What the SMTP connector is told at start.

use std::collections::BTreeMap;
use std::path::PathBuf;

use retail_runtime::config::{SecretString, Span};
use serde::Deserialize;

/// One relay, who mail comes from, and the words.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name of this instance in requests and references, for example `mail-uk`.
    pub instance: String,
    /// Domain of ours: the right side of every Message-ID. Changing it makes copies of earlier messages look new.
    pub domain: String,
    /// Where messages are handed over.
    pub relay: Relay,
    /// Who messages come from, unless their brand says otherwise.
    pub sender: Sender,
    /// Brands with a sender or words of their own, by the name in requests.
    #[serde(default)]
    pub brands: BTreeMap<String, Brand>,
    /// BCP 47 locale of customers that have none, or one without words.
    #[serde(default = "english")]
    pub default_locale: String,
    /// IANA time zone in which words tell the time.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// Folder of templates, `<occasion>.<locale>.txt` and `.html`.
    #[serde(default)]
    pub templates: Option<PathBuf>,
    /// Templates given here; they win over those of the folder.
    #[serde(default)]
    pub words: Vec<Wording>,
    /// Whether plain English is there for what has no words of yours. Without it that is refused: `NO_TEMPLATE`.
    #[serde(default = "yes")]
    pub built_in_words: bool,
}

/// The relay: a mail server that takes our messages on.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relay {
    /// Host name or address; under TLS the name that its certificate must carry.
    pub host: String,
    /// Port: usually 587 with `starttls`, 465 with `implicit`.
    pub port: u16,
    /// How the way there is protected.
    #[serde(default)]
    pub tls: Tls,
    /// PEM file of certificates to trust; required unless `tls` is `none`.
    #[serde(default)]
    pub roots: Option<PathBuf>,
    /// Lets `tls = "none"` leave this machine: for a relay behind a proxy that protects the way itself.
    #[serde(default)]
    pub allow_plaintext: bool,
    /// User; without one we do not log in.
    #[serde(default)]
    pub user: Option<String>,
    /// Password of the user. Better from the environment, or from `password_file`.
    #[serde(default = "none")]
    pub password: SecretString,
    /// File with the password, read once at start; ends of lines behind it do not count.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// Name we greet the relay with; the domain without one.
    #[serde(default)]
    pub hello: Option<String>,
    /// Most connections at once. Further messages wait for one.
    #[serde(default = "four")]
    pub connections: usize,
    /// How long a connection is kept for the next message; `0s` makes one for each.
    #[serde(default = "fifteen_seconds")]
    pub keep: Span,
    /// Longest time for one message, from asking for a connection to the relay's last word.
    #[serde(default = "twenty_five_seconds")]
    pub timeout: Span,
    /// Part of `timeout` that is kept for the relay's last word. When less is left, the end of the message is not sent.
    #[serde(default = "ten_seconds")]
    pub reply_wait: Span,
}

/// How the way to the relay is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// In the clear at first, then `STARTTLS`; a relay that does not offer it gets nothing.
    #[default]
    Starttls,
    /// From the first byte.
    Implicit,
    /// Not at all: only to this machine, unless `allow_plaintext`.
    None,
}

/// Who a message comes from.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sender {
    /// `Name <address>` or an address.
    pub from: String,
    /// Where answers go, in the same form; to `from` without it.
    #[serde(default)]
    pub reply_to: Option<String>,
    /// Address where bounces go; to that of `from` without it.
    #[serde(default)]
    pub return_path: Option<String>,
}

/// What a brand has of its own.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brand {
    /// Who its messages come from.
    pub sender: Sender,
    /// Folder of its templates.
    #[serde(default)]
    pub templates: Option<PathBuf>,
    /// Its templates given here.
    #[serde(default)]
    pub words: Vec<Wording>,
}

/// The words for one occasion in one locale, as Jinja templates.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wording {
    /// Occasion, such as `ready_for_pickup`.
    pub occasion: String,
    /// BCP 47 locale, such as `de` or `de-AT`.
    pub locale: String,
    /// Subject, one line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML beside the text; values are escaped.
    #[serde(default)]
    pub html: Option<String>,
}

fn none() -> SecretString {
    String::new().into()
}

fn english() -> String {
    "en".to_owned()
}

fn utc() -> String {
    "UTC".to_owned()
}

fn yes() -> bool {
    true
}

fn four() -> usize {
    4
}

fn fifteen_seconds() -> Span {
    Span::from_secs(15)
}

fn twenty_five_seconds() -> Span {
    Span::from_secs(25)
}

fn ten_seconds() -> Span {
    Span::from_secs(10)
}
