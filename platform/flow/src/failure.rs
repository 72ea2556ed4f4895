//! What a step that did not succeed tells the engine: not what went wrong, but what may be done next.

use std::time::Duration;

use retail_runtime::fault::{Class, Refusal};
use serde::{Deserialize, Serialize};
use tonic::Status;

/// Why a step brought no outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// Certainly not executed: try again later.
    NotDone {
        /// UPPER_SNAKE_CASE cause.
        reason: String,
        /// For people.
        detail: String,
        /// How long the other side asked us to wait.
        retry_after: Option<Duration>,
    },
    /// Nobody knows whether it was executed: resolve by the step's class.
    Unknown {
        /// UPPER_SNAKE_CASE cause.
        reason: String,
        /// For people.
        detail: String,
    },
    /// Refused by a rule: repeating it unchanged is useless; the process decides what follows.
    Refused {
        /// UPPER_SNAKE_CASE cause.
        reason: String,
        /// For people.
        detail: String,
    },
}

impl Failure {
    /// A refusal.
    pub fn refused(reason: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Refused { reason: reason.into(), detail: detail.into() }
    }

    /// Certainly not executed.
    pub fn not_done(reason: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::NotDone { reason: reason.into(), detail: detail.into(), retry_after: None }
    }

    /// The cause.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::NotDone { reason, .. } | Self::Unknown { reason, .. } | Self::Refused { reason, .. } => reason,
        }
    }

    /// The words for people.
    #[must_use]
    pub fn detail(&self) -> &str {
        match self {
            Self::NotDone { detail, .. } | Self::Unknown { detail, .. } | Self::Refused { detail, .. } => detail,
        }
    }
}

impl From<Status> for Failure {
    /// Reads class and reason back from a status. A status that says nothing about execution is unknown.
    fn from(status: Status) -> Self {
        let refusal = Refusal::read(&status);
        let (reason, detail) = (refusal.reason().to_owned(), refusal.message().to_owned());
        match refusal.class() {
            Class::Unavailable | Class::Throttled | Class::Conflict => {
                Self::NotDone { reason, detail, retry_after: refusal.retry_after() }
            }
            Class::Unknown | Class::Internal => Self::Unknown { reason, detail },
            Class::Invalid
            | Class::NotFound
            | Class::Exists
            | Class::Precondition
            | Class::Denied
            | Class::Unauthenticated
            | Class::OutOfRange
            | Class::Unimplemented => Self::Refused { reason, detail },
        }
    }
}
