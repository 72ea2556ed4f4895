//! What can go wrong with a return, and what each means to a caller.

use retail_flow::Unclaimed;
use retail_runtime::fault::{BadShape, Class, Fault};
use retail_store as store;

/// Why a request about a return was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A field of the request is wrong; nothing was done.
    #[error(transparent)]
    Shape(#[from] BadShape),
    /// Nobody knows this return.
    #[error("no return {0}")]
    NoSuchReturn(String),
    /// Something has come back.
    #[error("something of return {id} has come back or is being credited; close it instead")]
    AlreadyReceived {
        /// The return.
        id: String,
    },
    /// Nothing of it may come back yet.
    #[error("no line of return {id} is authorized yet; nothing can be received for it")]
    NotAuthorized {
        /// The return.
        id: String,
    },
    /// Everything has come back or was closed.
    #[error("return {id} awaits nothing more")]
    NothingAwaited {
        /// The return.
        id: String,
    },
    /// More comes back than may.
    #[error("return {id} awaits {awaited} of line {line}; more has not been authorized")]
    MoreThanAwaited {
        /// The return.
        id: String,
        /// The line.
        line: i32,
        /// Decimal string.
        awaited: String,
    },
    /// The receipt was told before with other content.
    #[error("receipt {receipt} of return {id} was recorded before with other content; give a new one another id")]
    OtherReceipt {
        /// The return.
        id: String,
        /// The source's id of the receipt.
        receipt: String,
    },
    /// It is over.
    #[error("return {id} has ended; start a new one")]
    Ended {
        /// The return.
        id: String,
    },
    /// The line waits for nobody.
    #[error("line {line} of return {id} does not wait in the exceptions")]
    NoSuchException {
        /// The return.
        id: String,
        /// The line.
        line: i32,
    },
    /// Only a policy can be overridden.
    #[error("{cause} of line {line} of return {id} is no rule of the policy; name the purchase or dismiss the line")]
    NotAPolicyRule {
        /// The return.
        id: String,
        /// The line.
        line: i32,
        /// Its cause.
        cause: String,
    },
    /// Nothing to resume.
    #[error("return {0} is not parked; there is nothing to resume")]
    NotParked(String),
    /// The return was started before with other content.
    #[error("return {id} was started before with other content; cancel it, or give a new one another id")]
    OtherContent {
        /// The return.
        id: String,
    },
    /// The same key was used for another request.
    #[error("idempotency key {key:?} was used for another request; use a new key for a new request")]
    KeyReused {
        /// The key.
        key: String,
    },
    /// The order of a fact is not known yet: told again later, it will be.
    #[error("channel order {order} is not known yet; send the refund again")]
    OrderNotKnown {
        /// The channel's id.
        order: String,
    },
    /// Another service did not answer.
    #[error("cannot reach {0}")]
    Peer(&'static str),
    /// The store cannot be reached or its answer never came; the same key may be sent again.
    #[error("cannot reach the store of returns")]
    Store(#[source] store::Error),
}

impl From<Unclaimed> for Error {
    fn from(unclaimed: Unclaimed) -> Self {
        match unclaimed {
            Unclaimed::KeyReused(key) => Self::KeyReused { key },
            Unclaimed::Store(error) => Self::Store(error),
        }
    }
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::Shape(shape) => shape.class(),
            Self::NoSuchReturn(_) => Class::NotFound,
            Self::AlreadyReceived { .. }
            | Self::NotAuthorized { .. }
            | Self::NothingAwaited { .. }
            | Self::MoreThanAwaited { .. }
            | Self::OtherReceipt { .. }
            | Self::Ended { .. }
            | Self::NoSuchException { .. }
            | Self::NotAPolicyRule { .. }
            | Self::NotParked(_)
            | Self::OtherContent { .. } => Class::Precondition,
            Self::KeyReused { .. } => Class::Invalid,
            Self::OrderNotKnown { .. } | Self::Peer(_) => Class::Unavailable,
            Self::Store(error) => error.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Shape(shape) => shape.reason(),
            Self::NoSuchReturn(_) => "NO_SUCH_RETURN",
            Self::AlreadyReceived { .. } => "ALREADY_RECEIVED",
            Self::NotAuthorized { .. } => "RETURN_NOT_AUTHORIZED",
            Self::NothingAwaited { .. } => "NOTHING_AWAITED",
            Self::MoreThanAwaited { .. } => "MORE_THAN_AWAITED",
            Self::OtherReceipt { .. } => "RECEIPT_DIFFERS",
            Self::Ended { .. } => "RETURN_ENDED",
            Self::NoSuchException { .. } => "NO_SUCH_EXCEPTION",
            Self::NotAPolicyRule { .. } => "NOT_A_POLICY_RULE",
            Self::NotParked(_) => "NOT_PARKED",
            Self::OtherContent { .. } => "OTHER_CONTENT",
            Self::KeyReused { .. } => "IDEMPOTENCY_KEY_REUSED",
            Self::OrderNotKnown { .. } => "ORDER_NOT_KNOWN_YET",
            Self::Peer(_) => "PEER_UNAVAILABLE",
            Self::Store(error) => error.reason(),
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::NoSuchReturn(id)
            | Self::NotParked(id)
            | Self::AlreadyReceived { id }
            | Self::NotAuthorized { id }
            | Self::NothingAwaited { id }
            | Self::Ended { id }
            | Self::OtherContent { id } => vec![("return_id", id.clone())],
            Self::MoreThanAwaited { id, line, awaited } => {
                vec![("return_id", id.clone()), ("line_number", line.to_string()), ("awaited", awaited.clone())]
            }
            Self::OtherReceipt { id, receipt } => vec![("return_id", id.clone()), ("receipt_ref", receipt.clone())],
            Self::NoSuchException { id, line } => {
                vec![("return_id", id.clone()), ("line_number", line.to_string())]
            }
            Self::NotAPolicyRule { id, line, cause } => {
                vec![("return_id", id.clone()), ("line_number", line.to_string()), ("cause", cause.clone())]
            }
            Self::KeyReused { key } => vec![("idempotency_key", key.clone())],
            Self::OrderNotKnown { order } => vec![("channel_order_id", order.clone())],
            Self::Peer(peer) => vec![("peer", (*peer).to_owned())],
            Self::Shape(_) | Self::Store(_) => Vec::new(),
        }
    }

    fn fields(&self) -> Vec<(String, String)> {
        match self {
            Self::Shape(shape) => shape.fields(),
            Self::KeyReused { .. } => vec![("idempotency_key".into(), self.to_string())],
            Self::NoSuchReturn(_)
            | Self::AlreadyReceived { .. }
            | Self::NotAuthorized { .. }
            | Self::NothingAwaited { .. }
            | Self::MoreThanAwaited { .. }
            | Self::OtherReceipt { .. }
            | Self::Ended { .. }
            | Self::NoSuchException { .. }
            | Self::NotAPolicyRule { .. }
            | Self::NotParked(_)
            | Self::OtherContent { .. }
            | Self::OrderNotKnown { .. }
            | Self::Peer(_)
            | Self::Store(_) => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<std::time::Duration> {
        match self {
            Self::Peer(_) | Self::OrderNotKnown { .. } => Some(std::time::Duration::from_secs(1)),
            Self::Store(error) => error.retry_after(),
            Self::Shape(_)
            | Self::NoSuchReturn(_)
            | Self::AlreadyReceived { .. }
            | Self::NotAuthorized { .. }
            | Self::NothingAwaited { .. }
            | Self::MoreThanAwaited { .. }
            | Self::OtherReceipt { .. }
            | Self::Ended { .. }
            | Self::NoSuchException { .. }
            | Self::NotAPolicyRule { .. }
            | Self::NotParked(_)
            | Self::OtherContent { .. }
            | Self::KeyReused { .. } => None,
        }
    }
}
