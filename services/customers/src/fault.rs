//! What can go wrong with a customer, and what each means to a caller.

use std::time::Duration;

use retail_flow::Unclaimed;
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
    /// The key belongs to another request.
    #[error("idempotency key {0:?} was used for another request; use a new key for a new request")]
    KeyReused(String),
    /// Both are one customer already, so that neither can become part of the other.
    #[error("both ids stand for customer {0}; a customer cannot become part of itself")]
    SameCustomer(String),
    /// It is part of somebody else.
    #[error("customer {customer_id} is part of customer {survivor_id}; merge that one, or unmerge first")]
    AlreadyMerged {
        /// The customer that was to be merged.
        customer_id: String,
        /// Whose part it is.
        survivor_id: String,
    },
    /// It is no part of it.
    #[error("customer {merged_id} is no part of customer {survivor_id}")]
    NotMerged {
        /// The customer that stayed.
        survivor_id: String,
        /// The customer that was to be restored.
        merged_id: String,
    },
    /// It holds as many former customers as one can.
    #[error("customer {0} was made of 50 customers already")]
    TooManyMerged(String),
    /// Another merge came first, and this one was given up.
    #[error("another merge of {survivor_id} or {merged_id} came first; ask again under a new key")]
    MergeGivenUp {
        /// The customer that was to stay.
        survivor_id: String,
        /// The customer that was to become part of it.
        merged_id: String,
    },
    /// The history of consent is full.
    #[error("customer {0} has 1000 decisions about consent; no more are kept")]
    ConsentHistoryFull(String),
    /// The record may be the one that we are just writing.
    #[error("{kind} {instance} is being told of a customer who may be this record; say it again when that is done")]
    RecordExpected {
        /// Kind.
        kind: String,
        /// Instance.
        instance: String,
    },
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

impl From<Unclaimed> for Error {
    fn from(unclaimed: Unclaimed) -> Self {
        match unclaimed {
            Unclaimed::KeyReused(key) => Self::KeyReused(key),
            Unclaimed::Store(error) => Self::Store(error),
        }
    }
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::Shape(shape) => shape.class(),
            Self::NoSuchCustomer(_) => Class::NotFound,
            Self::Anonymous(_)
            | Self::SystemNotConfigured { .. }
            | Self::Refused { .. }
            | Self::SameCustomer(_)
            | Self::AlreadyMerged { .. }
            | Self::NotMerged { .. }
            | Self::TooManyMerged(_)
            | Self::ConsentHistoryFull(_) => Class::Precondition,
            Self::KeyReused(_) => Class::Invalid,
            Self::Pending { .. } | Self::RecordExpected { .. } => Class::Unavailable,
            Self::Contended | Self::MergeGivenUp { .. } => Class::Conflict,
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
            Self::KeyReused(_) => "IDEMPOTENCY_KEY_REUSED",
            Self::SameCustomer(_) => "SAME_CUSTOMER",
            Self::AlreadyMerged { .. } => "ALREADY_MERGED",
            Self::NotMerged { .. } => "NOT_MERGED",
            Self::TooManyMerged(_) => "TOO_MANY_MERGED",
            Self::MergeGivenUp { .. } => "MERGE_GIVEN_UP",
            Self::ConsentHistoryFull(_) => "CONSENT_HISTORY_FULL",
            Self::RecordExpected { .. } => "RECORD_EXPECTED",
            Self::Store(error) => error.reason(),
            Self::Address(..) => "BAD_ADDRESS",
            Self::Serve(_) => "CANNOT_SERVE",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::NoSuchCustomer(id)
            | Self::Anonymous(id)
            | Self::SameCustomer(id)
            | Self::TooManyMerged(id)
            | Self::ConsentHistoryFull(id) => vec![("customer_id", id.clone())],
            Self::KeyReused(key) => vec![("idempotency_key", key.clone())],
            Self::AlreadyMerged { customer_id, survivor_id } => {
                vec![("customer_id", customer_id.clone()), ("survivor_id", survivor_id.clone())]
            }
            Self::NotMerged { survivor_id, merged_id } | Self::MergeGivenUp { survivor_id, merged_id } => {
                vec![("survivor_id", survivor_id.clone()), ("merged_id", merged_id.clone())]
            }
            Self::SystemNotConfigured { kind, instance } | Self::RecordExpected { kind, instance } => {
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
            Self::KeyReused(_) => vec![("idempotency_key".into(), self.to_string())],
            Self::NoSuchCustomer(_)
            | Self::Anonymous(_)
            | Self::SystemNotConfigured { .. }
            | Self::Refused { .. }
            | Self::Pending { .. }
            | Self::Contended
            | Self::SameCustomer(_)
            | Self::AlreadyMerged { .. }
            | Self::NotMerged { .. }
            | Self::TooManyMerged(_)
            | Self::MergeGivenUp { .. }
            | Self::ConsentHistoryFull(_)
            | Self::RecordExpected { .. }
            | Self::Store(_)
            | Self::Address(..)
            | Self::Serve(_) => vec![],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Pending { .. } | Self::RecordExpected { .. } => Some(Duration::from_secs(2)),
            Self::Contended => Some(Duration::from_millis(100)),
            Self::Store(error) => error.retry_after(),
            Self::Shape(_)
            | Self::NoSuchCustomer(_)
            | Self::Anonymous(_)
            | Self::SystemNotConfigured { .. }
            | Self::Refused { .. }
            | Self::KeyReused(_)
            | Self::SameCustomer(_)
            | Self::AlreadyMerged { .. }
            | Self::NotMerged { .. }
            | Self::TooManyMerged(_)
            | Self::MergeGivenUp { .. }
            | Self::ConsentHistoryFull(_)
            | Self::Address(..)
            | Self::Serve(_) => None,
        }
    }
}
