//! What can go wrong with cases and their context, and what each means to a caller.

use std::time::Duration;

use retail_flow::Unclaimed;
use retail_runtime::fault::{BadShape, Class, Fault};
use retail_runtime::{PeerError, ServeError};
use retail_store as store;

/// Why a request about cases was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the request is wrong; nothing was done.
    #[error(transparent)]
    Shape(#[from] BadShape),
    /// Neither this service nor any CRM knows it.
    #[error("no case {0}")]
    NoSuchCase(String),
    /// Neither this service nor its owner knows it.
    #[error("no order {0}")]
    NoSuchOrder(String),
    /// Neither this service nor its owner knows it.
    #[error("no return {0}")]
    NoSuchReturn(String),
    /// Neither this service nor its owner knows anybody under this key. The key itself is not repeated: it may be
    /// personal.
    #[error("nobody is known by this {0}")]
    NoSuchCustomer(&'static str),
    /// Nobody told us of this CRM.
    #[error("no crm {instance:?} is configured; name one of {configured}")]
    SystemNotConfigured {
        /// The instance that was named.
        instance: String,
        /// Those that could be.
        configured: String,
    },
    /// The same key was used for another request.
    #[error("idempotency key {key:?} was used for another request; use a new key for a new request")]
    KeyReused {
        /// The key.
        key: String,
    },
    /// Another service or a CRM did not answer.
    #[error("cannot reach {0}")]
    Peer(String),
    /// The store cannot be reached or its answer never came; the same request may be sent again.
    #[error("cannot reach the case store")]
    Store(#[from] store::Error),
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
            Self::NoSuchCase(_) | Self::NoSuchOrder(_) | Self::NoSuchReturn(_) | Self::NoSuchCustomer(_) => {
                Class::NotFound
            }
            Self::SystemNotConfigured { .. } => Class::Precondition,
            Self::KeyReused { .. } => Class::Invalid,
            Self::Peer(_) => Class::Unavailable,
            Self::Store(error) => error.class(),
            Self::Address(..) | Self::Serve(_) => Class::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Shape(shape) => shape.reason(),
            Self::NoSuchCase(_) => "NO_SUCH_CASE",
            Self::NoSuchOrder(_) => "NO_SUCH_ORDER",
            Self::NoSuchReturn(_) => "NO_SUCH_RETURN",
            Self::NoSuchCustomer(_) => "NO_SUCH_CUSTOMER",
            Self::SystemNotConfigured { .. } => "SYSTEM_NOT_CONFIGURED",
            Self::KeyReused { .. } => "IDEMPOTENCY_KEY_REUSED",
            Self::Peer(_) => "PEER_UNAVAILABLE",
            Self::Store(error) => error.reason(),
            Self::Address(..) => "BAD_ADDRESS",
            Self::Serve(_) => "CANNOT_SERVE",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::NoSuchCase(case) => vec![("case", case.clone())],
            Self::NoSuchOrder(order) => vec![("order", order.clone())],
            Self::NoSuchReturn(record) => vec![("return", record.clone())],
            Self::NoSuchCustomer(key) => vec![("key", (*key).to_owned())],
            Self::SystemNotConfigured { instance, configured } => {
                vec![("instance", instance.clone()), ("configured", configured.clone())]
            }
            Self::KeyReused { key } => vec![("idempotency_key", key.clone())],
            Self::Peer(peer) => vec![("peer", peer.clone())],
            Self::Store(error) => error.metadata(),
            Self::Shape(_) | Self::Address(..) | Self::Serve(_) => Vec::new(),
        }
    }

    fn fields(&self) -> Vec<(String, String)> {
        match self {
            Self::Shape(shape) => shape.fields(),
            Self::KeyReused { .. } => vec![("idempotency_key".into(), self.to_string())],
            Self::NoSuchCase(_)
            | Self::NoSuchOrder(_)
            | Self::NoSuchReturn(_)
            | Self::NoSuchCustomer(_)
            | Self::SystemNotConfigured { .. }
            | Self::Peer(_)
            | Self::Store(_)
            | Self::Address(..)
            | Self::Serve(_) => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Peer(_) => Some(Duration::from_secs(1)),
            Self::Store(error) => error.retry_after(),
            Self::Shape(_)
            | Self::NoSuchCase(_)
            | Self::NoSuchOrder(_)
            | Self::NoSuchReturn(_)
            | Self::NoSuchCustomer(_)
            | Self::SystemNotConfigured { .. }
            | Self::KeyReused { .. }
            | Self::Address(..)
            | Self::Serve(_) => None,
        }
    }
}
