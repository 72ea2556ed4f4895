//! What can go wrong with messages, and what each means to a caller.

use std::time::Duration;

use retail_flow::Unclaimed;
use retail_runtime::fault::{BadShape, Class, Fault};
use retail_runtime::{PeerError, ServeError};
use retail_store as store;

/// Why a request about messages was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the request is wrong; nothing was done.
    #[error(transparent)]
    Shape(#[from] BadShape),
    /// Nobody knows this message.
    #[error("no message {0}")]
    NoSuchMessage(String),
    /// It does not wait any more.
    #[error("message {id} has ended ({status}); there is nothing to cancel")]
    Ended {
        /// The message.
        id: String,
        /// Where it stands.
        status: &'static str,
    },
    /// It may still be sent.
    #[error("message {id} has not ended ({status}); cancel it, or let it go on, before it is told again")]
    NotEnded {
        /// The message.
        id: String,
        /// Where it stands.
        status: &'static str,
    },
    /// The carrier is being asked.
    #[error("message {0} is being handed to the carrier; ask again in a moment")]
    BeingSent(String),
    /// The configuration does not tell it, or no more.
    #[error("customers of {channel} are not told of {occasion} from here; see messages.channels.{channel}")]
    NotTold {
        /// The channel.
        channel: String,
        /// The occasion.
        occasion: &'static str,
    },
    /// The same key was used for another request.
    #[error("idempotency key {key:?} was used for another request; use a new key for a new request")]
    KeyReused {
        /// The key.
        key: String,
    },
    /// The store cannot be reached or its answer never came; the same request may be sent again.
    #[error("cannot reach the message store")]
    Store(#[from] store::Error),
    /// The configuration cannot be used.
    #[error("{}", .0.join("\n"))]
    Configuration(Vec<String>),
    /// An address of the configuration cannot be used.
    #[error("cannot use the configured address of {0}")]
    Address(String, #[source] PeerError),
    /// The listener failed.
    #[error("cannot serve")]
    Serve(#[from] ServeError),
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
            Self::NoSuchMessage(_) => Class::NotFound,
            Self::Ended { .. } | Self::NotEnded { .. } | Self::NotTold { .. } => Class::Precondition,
            Self::BeingSent(_) => Class::Unavailable,
            Self::KeyReused { .. } => Class::Invalid,
            Self::Store(error) => error.class(),
            Self::Configuration(_) | Self::Address(..) | Self::Serve(_) => Class::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Shape(shape) => shape.reason(),
            Self::NoSuchMessage(_) => "NO_SUCH_MESSAGE",
            Self::Ended { .. } => "MESSAGE_ENDED",
            Self::NotEnded { .. } => "MESSAGE_NOT_ENDED",
            Self::BeingSent(_) => "MESSAGE_BEING_SENT",
            Self::NotTold { .. } => "OCCASION_NOT_TOLD",
            Self::KeyReused { .. } => "IDEMPOTENCY_KEY_REUSED",
            Self::Store(error) => error.reason(),
            Self::Configuration(_) => "CONFIGURATION_UNUSABLE",
            Self::Address(..) => "BAD_ADDRESS",
            Self::Serve(_) => "CANNOT_SERVE",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::NoSuchMessage(id) | Self::BeingSent(id) => vec![("message", id.clone())],
            Self::Ended { id, status } | Self::NotEnded { id, status } => {
                vec![("message", id.clone()), ("status", (*status).to_owned())]
            }
            Self::NotTold { channel, occasion } => {
                vec![("channel", channel.clone()), ("occasion", (*occasion).to_owned())]
            }
            Self::KeyReused { key } => vec![("idempotency_key", key.clone())],
            Self::Store(error) => error.metadata(),
            Self::Shape(_) | Self::Configuration(_) | Self::Address(..) | Self::Serve(_) => Vec::new(),
        }
    }

    fn fields(&self) -> Vec<(String, String)> {
        match self {
            Self::Shape(shape) => shape.fields(),
            Self::KeyReused { .. } => vec![("idempotency_key".into(), self.to_string())],
            Self::NoSuchMessage(_)
            | Self::Ended { .. }
            | Self::NotEnded { .. }
            | Self::BeingSent(_)
            | Self::NotTold { .. }
            | Self::Store(_)
            | Self::Configuration(_)
            | Self::Address(..)
            | Self::Serve(_) => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::BeingSent(_) => Some(Duration::from_secs(1)),
            Self::Store(error) => error.retry_after(),
            Self::Shape(_)
            | Self::NoSuchMessage(_)
            | Self::Ended { .. }
            | Self::NotEnded { .. }
            | Self::NotTold { .. }
            | Self::KeyReused { .. }
            | Self::Configuration(_)
            | Self::Address(..)
            | Self::Serve(_) => None,
        }
    }
}
