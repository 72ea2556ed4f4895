//! What can go wrong with a customer, and what each means to a caller.

use std::time::Duration;

use retail_runtime::fault::{BadShape, Class, Fault};
use retail_runtime::{PeerError, ServeError};
use retail_store::{self as store, UpdateError};

/// Why something about a customer was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the request is wrong; nothing was done.
    #[error(transparent)]
    Shape(#[from] BadShape),
    /// Nobody knows this customer.
    #[error("no customer {0}")]
    NoSuchCustomer(String),
    /// The anonymous customer of a brand has no profile.
    #[error("customer {0} stands for everybody without a name; it has no profile to change")]
    Anonymous(String),
    /// Nobody told us of this system.
    #[error("no {kind} {instance} is configured")]
    SystemNotConfigured {
        /// Kind.
        kind: String,
        /// Instance.
        instance: String,
    },
    /// The system refuses the customer.
    #[error("{kind} {instance} refuses customer {customer_id}: {reason} {detail}")]
    Refused {
        /// Our id.
        customer_id: String,
        /// Kind.
        kind: String,
        /// Instance.
        instance: String,
        /// Its cause.
        reason: String,
        /// Its words.
        detail: String,
    },
    /// The system does not have the customer yet.
    #[error("{kind} {instance} does not have customer {customer_id} yet")]
    Pending {
        /// Our id.
        customer_id: String,
        /// Kind.
        kind: String,
        /// Instance.
        instance: String,
    },
    /// Others keep deciding the same keys.
    #[error("the keys of this customer are being decided by other requests")]
    Contended,
    /// The store cannot be reached or its answer never came.
    #[error("cannot reach the customer store")]
    Store(#[from] store::Error),
    /// An address of the configuration cannot be used.
    #[error("cannot use the configured address of {0}")]
    Address(String, #[source] PeerError),
    /// The listener failed.
    #[error("cannot serve")]
    Serve(#[from] ServeError),
}

impl<E: Into<Self>> From<UpdateError<E>> for Error {
    fn from(error: UpdateError<E>) -> Self {
        error.into_one(Into::into, Self::Store)
    }
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::Shape(shape) => shape.class(),
            Self::NoSuchCustomer(_) => Class::NotFound,
            Self::Anonymous(_) | Self::SystemNotConfigured { .. } | Self::Refused { .. } => Class::Precondition,
            Self::Pending { .. } => Class::Unavailable,
            Self::Contended => Class::Conflict,
            Self::Store(error) => error.class(),
            Self::Address(..) | Self::Serve(_) => Class::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Shape(shape) => shape.reason(),
            Self::NoSuchCustomer(_) => "NO_SUCH_CUSTOMER",
            Self::Anonymous(_) => "ANONYMOUS_CUSTOMER",
            Self::SystemNotConfigured { .. } => "SYSTEM_NOT_CONFIGURED",
            Self::Refused { .. } => "CUSTOMER_REFUSED",
            Self::Pending { .. } => "REFERENCE_PENDING",
            Self::Contended => "CUSTOMER_CONTENDED",
            Self::Store(error) => error.reason(),
            Self::Address(..) => "BAD_ADDRESS",
            Self::Serve(_) => "CANNOT_SERVE",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::NoSuchCustomer(id) | Self::Anonymous(id) => vec![("customer_id", id.clone())],
            Self::SystemNotConfigured { kind, instance } => {
                vec![("kind", kind.clone()), ("instance", instance.clone())]
            }
            Self::Refused { customer_id, kind, instance, reason, detail } => vec![
                ("customer_id", customer_id.clone()),
                ("kind", kind.clone()),
                ("instance", instance.clone()),
                ("cause", reason.clone()),
                ("detail", detail.clone()),
            ],
            Self::Pending { customer_id, kind, instance } => {
                vec![("customer_id", customer_id.clone()), ("kind", kind.clone()), ("instance", instance.clone())]
            }
            Self::Store(error) => error.metadata(),
            Self::Shape(_) | Self::Contended | Self::Address(..) | Self::Serve(_) => vec![],
        }
    }

    fn fields(&self) -> Vec<(String, String)> {
        match self {
            Self::Shape(shape) => shape.fields(),
            Self::NoSuchCustomer(_)
            | Self::Anonymous(_)
            | Self::SystemNotConfigured { .. }
            | Self::Refused { .. }
            | Self::Pending { .. }
            | Self::Contended
            | Self::Store(_)
            | Self::Address(..)
            | Self::Serve(_) => vec![],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Pending { .. } => Some(Duration::from_secs(2)),
            Self::Contended => Some(Duration::from_millis(100)),
            Self::Store(error) => error.retry_after(),
            Self::Shape(_)
            | Self::NoSuchCustomer(_)
            | Self::Anonymous(_)
            | Self::SystemNotConfigured { .. }
            | Self::Refused { .. }
            | Self::Address(..)
            | Self::Serve(_) => None,
        }
    }
}
