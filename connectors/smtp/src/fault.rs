//! Why a message was not handed over, or why nobody knows. What the relay refuses for good is an outcome: `verdict.rs`.

use std::time::Duration;

use retail_connect::CallFault;
use retail_runtime::fault::{BadShape, Class, Fault};

/// What is done, for logs and figures.
pub(crate) const OPERATION: &str = "message.send";

/// How long to wait after a 4xx. Greylisting lets nobody in within its first minutes (RFC 6647, section 5.5).
const NOT_NOW: Duration = Duration::from_secs(60);

/// Why there is no outcome. But for `VENDOR_OUTCOME_UNKNOWN`, nothing left.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the request is wrong; nobody was asked.
    #[error(transparent)]
    Shape(#[from] BadShape),
    /// The connection failed, before the end of the message or behind it.
    #[error(transparent)]
    Call(#[from] CallFault),
    /// The relay does not take the message now.
    #[error("the relay does not take the message now; at {stage} it said {code} {words}")]
    Deferred {
        /// Where in the dialogue.
        stage: &'static str,
        /// Its reply code.
        code: u16,
        /// Its words, without addresses.
        words: String,
    },
    /// The relay does not talk to us.
    #[error("the relay does not talk to us; at {stage} it said {code} {words}")]
    Refused {
        /// Where in the dialogue.
        stage: &'static str,
        /// Its reply code.
        code: u16,
        /// Its words, without addresses.
        words: String,
    },
    /// The relay does not let us in.
    #[error("the relay does not let us in: {words}")]
    Login {
        /// Its words, or what it lacks.
        words: String,
    },
    /// The relay offers no TLS.
    #[error("the relay offers no STARTTLS, and nothing goes in the clear")]
    WithoutTls,
    /// The relay said something that makes no sense there.
    #[error("the relay answered {stage} with {code}")]
    Unexpected {
        /// Where in the dialogue.
        stage: &'static str,
        /// Its reply code.
        code: u16,
    },
    /// A template cannot be filled in. What it was filled in with is not said: it is personal data.
    #[error("the template {template} cannot be filled in at line {line}: {why}")]
    Template {
        /// Which.
        template: String,
        /// Line in it, from 1.
        line: usize,
        /// The kind of mistake.
        why: String,
    },
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::Shape(shape) => shape.class(),
            Self::Call(call) => call.class(),
            Self::Deferred { .. } => Class::Unavailable,
            Self::Refused { .. }
            | Self::Login { .. }
            | Self::WithoutTls
            | Self::Unexpected { .. }
            | Self::Template { .. } => Class::Precondition,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Shape(shape) => shape.reason(),
            Self::Call(call) => call.reason(),
            Self::Deferred { .. } => "RELAY_DEFERRED",
            Self::Refused { .. } => "VENDOR_REFUSED",
            Self::Login { .. } => "VENDOR_REFUSED_CREDENTIALS",
            Self::WithoutTls => "RELAY_WITHOUT_TLS",
            Self::Unexpected { .. } => "VENDOR_ANSWER_UNEXPECTED",
            Self::Template { .. } => "TEMPLATE_FAILED",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Shape(shape) => shape.metadata(),
            Self::Call(call) => call.metadata(),
            Self::Deferred { stage, code, words } | Self::Refused { stage, code, words } => {
                vec![("stage", (*stage).to_owned()), ("code", code.to_string()), ("words", words.clone())]
            }
            Self::Login { words } => vec![("words", words.clone())],
            Self::WithoutTls => Vec::new(),
            Self::Unexpected { stage, code } => {
                vec![("stage", (*stage).to_owned()), ("code", code.to_string())]
            }
            Self::Template { template, line, why } => {
                vec![("template", template.clone()), ("line", line.to_string()), ("why", why.clone())]
            }
        }
    }

    fn fields(&self) -> Vec<(String, String)> {
        match self {
            Self::Shape(shape) => shape.fields(),
            Self::Call(_)
            | Self::Deferred { .. }
            | Self::Refused { .. }
            | Self::Login { .. }
            | Self::WithoutTls
            | Self::Unexpected { .. }
            | Self::Template { .. } => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Call(call) => call.retry_after(),
            Self::Deferred { .. } => Some(NOT_NOW),
            Self::Shape(_)
            | Self::Refused { .. }
            | Self::Login { .. }
            | Self::WithoutTls
            | Self::Unexpected { .. }
            | Self::Template { .. } => None,
        }
    }
}
