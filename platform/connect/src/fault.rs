//! Why there is no answer, and whether the vendor may have acted all the same.

use std::time::Duration;

use retail_runtime::fault::{Class, Fault};

/// What kept a call from leaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// No connection: refused, no route, TLS, or a pooled one that had died.
    Connect,
    /// The vendor's budget was taken until the call's time was up.
    Budget,
    /// The breaker of this operation is open.
    Breaker,
    /// The caller's deadline leaves no time for the call.
    Deadline,
    /// No access token could be had, for a passing cause.
    Token,
    /// The request cannot be put on the wire; a bug or a bad setting.
    Malformed,
}

/// Why a call brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallFault {
    /// Certainly not executed: no byte of the request reached the vendor.
    #[error("{operation} was not sent: {why}")]
    NotSent {
        /// The operation.
        operation: &'static str,
        /// What kept it.
        held: Held,
        /// For people.
        why: String,
        /// When to try again.
        retry_after: Option<Duration>,
    },
    /// Certainly not executed: the vendor said so, again and again.
    #[error("{operation} was throttled by the vendor")]
    Throttled {
        /// The operation.
        operation: &'static str,
        /// When to try again.
        retry_after: Option<Duration>,
    },
    /// A write was sent and no whole answer came: it may have been executed.
    #[error("nobody knows whether {operation} was executed: {why}")]
    Unknown {
        /// The operation.
        operation: &'static str,
        /// For people.
        why: String,
    },
    /// A read was sent and no whole answer came.
    #[error("{operation} brought no whole answer: {why}")]
    NoAnswer {
        /// The operation.
        operation: &'static str,
        /// For people.
        why: String,
    },
    /// The answer of a read is larger than the limit; asking again will not help.
    #[error("the answer to {operation} is larger than {limit} bytes")]
    TooLarge {
        /// The operation.
        operation: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The vendor does not accept our credentials, even fresh ones.
    #[error("the vendor refused our credentials for {operation}")]
    Credentials {
        /// The operation.
        operation: &'static str,
    },
}

impl Fault for CallFault {
    fn class(&self) -> Class {
        match self {
            Self::NotSent { held: Held::Malformed, .. } => Class::Internal,
            Self::NotSent { .. } | Self::NoAnswer { .. } => Class::Unavailable,
            Self::Throttled { .. } => Class::Throttled,
            Self::Unknown { .. } => Class::Unknown,
            Self::TooLarge { .. } | Self::Credentials { .. } => Class::Precondition,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NotSent { held, .. } => match held {
                Held::Connect => "VENDOR_UNREACHABLE",
                Held::Budget => "VENDOR_BUDGET_EXHAUSTED",
                Held::Breaker => "VENDOR_BREAKER_OPEN",
                Held::Deadline => "DEADLINE_TOO_SHORT",
                Held::Token => "VENDOR_TOKEN_UNAVAILABLE",
                Held::Malformed => "VENDOR_CALL_MALFORMED",
            },
            Self::Throttled { .. } => "VENDOR_THROTTLED",
            Self::Unknown { .. } => "VENDOR_OUTCOME_UNKNOWN",
            Self::NoAnswer { .. } => "VENDOR_NO_ANSWER",
            Self::TooLarge { .. } => "VENDOR_ANSWER_TOO_LARGE",
            Self::Credentials { .. } => "VENDOR_REFUSED_CREDENTIALS",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        let mut about = vec![("operation", self.operation().to_owned())];
        match self {
            Self::NotSent { why, .. } | Self::Unknown { why, .. } | Self::NoAnswer { why, .. } => {
                about.push(("why", why.clone()));
            }
            Self::TooLarge { limit, .. } => about.push(("limit", limit.to_string())),
            Self::Throttled { .. } | Self::Credentials { .. } => {}
        }
        about
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NotSent { retry_after, .. } | Self::Throttled { retry_after, .. } => {
                Some(retry_after.unwrap_or(Duration::from_secs(1)))
            }
            Self::NoAnswer { .. } | Self::Unknown { .. } => Some(Duration::from_secs(1)),
            Self::TooLarge { .. } | Self::Credentials { .. } => None,
        }
    }
}

impl CallFault {
    /// The operation that failed.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        match self {
            Self::NotSent { operation, .. }
            | Self::Throttled { operation, .. }
            | Self::Unknown { operation, .. }
            | Self::NoAnswer { operation, .. }
            | Self::TooLarge { operation, .. }
            | Self::Credentials { operation } => operation,
        }
    }

    /// A call that did not leave.
    #[must_use]
    pub fn not_sent(operation: &'static str, held: Held, why: impl Into<String>) -> Self {
        Self::NotSent { operation, held, why: why.into(), retry_after: None }
    }
}
