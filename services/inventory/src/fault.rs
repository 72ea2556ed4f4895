//! What can go wrong with stock, and what each means to a caller.

use std::time::Duration;

use retail_flow::Failure;
use retail_runtime::fault::{BadShape, Class, Fault};
use retail_runtime::{PeerError, ServeError};
use retail_store::{self as store, UpdateError};

use crate::reservation::{Lacking, ReservationError, State};
use crate::stock::StockError;
use crate::transfer_fault::TransferError;
use crate::units::UnitError;

/// What it means to a process that our own store could not be read: it is tried again.
pub(crate) fn unread(error: store::Error) -> Failure {
    Failure::not_done(error.reason(), error.to_string())
}

/// Why something about stock was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the request is wrong; nothing was done.
    #[error(transparent)]
    Shape(#[from] BadShape),
    /// Nobody knows this reservation.
    #[error("no reservation {0}")]
    NoSuchReservation(String),
    /// Nobody knows this item.
    #[error("no item {0}")]
    UnknownItem(String),
    /// Nobody knows this location.
    #[error("no location {0}")]
    UnknownLocation(String),
    /// Not everything is there.
    #[error("{} of the lines are not in stock", .0.len())]
    Insufficient(Vec<Lacking>),
    /// Its time ran out and the goods are promised to others.
    #[error("reservation {id} has expired and {} of its lines are no longer in stock; reserve anew", lacking.len())]
    Expired {
        /// Id.
        id: String,
        /// What is lacking.
        lacking: Vec<Lacking>,
    },
    /// A rule of reservations.
    #[error(transparent)]
    Reservation(ReservationError),
    /// A rule of stock.
    #[error(transparent)]
    Stock(StockError),
    /// A rule of transfers.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// The key was used for another request.
    #[error("idempotency key {0:?} was used for another request; use a new key for a new request")]
    KeyReused(String),
    /// The receipt was taken in with other content.
    #[error("receipt {0} was taken in before with other content; a correction is an adjustment")]
    ReceiptDiffers(String),
    /// A unit of the request has no exact meaning.
    #[error("{field}: {source}")]
    Unit {
        /// Field of the request.
        field: String,
        /// What is wrong with it.
        source: UnitError,
    },
    /// A kit has no stock of its own.
    #[error("{0} is a kit and has no stock of its own; name its components")]
    KitHasNoStock(String),
    /// An item cannot be a kit of these components.
    #[error("{sku} cannot be a kit of these: {why}")]
    NotAKit {
        /// Item code.
        sku: String,
        /// Why.
        why: String,
    },
    /// The id belongs to a feed that was opened otherwise.
    #[error("feed {0} was opened before with another kind, authority or time; a new feed has an id of its own")]
    FeedDiffers(String),
    /// Nobody knows this feed.
    #[error("no feed {0}")]
    NoSuchFeed(String),
    /// Nothing is expected under this id.
    #[error("nothing is expected as {id} at {location}")]
    NoSuchExpected {
        /// Id.
        id: String,
        /// Location code.
        location: String,
    },
    /// More is expected of one item than is kept apart.
    #[error("more than 100 arrivals of {sku} are expected at {location}; cancel those that will not come")]
    TooManyExpected {
        /// Item code.
        sku: String,
        /// Location code.
        location: String,
    },
    /// Nothing can be done about a shortfall, or there is none.
    #[error("{sku} at {location}: {why}")]
    NothingToAct {
        /// Item code.
        sku: String,
        /// Location code.
        location: String,
        /// Why.
        why: &'static str,
    },
    /// No orders service is configured to ask.
    #[error("no orders service is configured; set inventory.orders, or reroute the orders one by one")]
    NoOrders,
    /// A CRM has no location ids of its own.
    #[error("inventory.channels: {0} is a CRM and is told our own location codes; remove its locations")]
    LocationsOfCrm(String),
    /// Others keep deciding the same reservation.
    #[error("reservation {0} is being decided by another request")]
    Contended(String),
    /// No ERP is configured to read from.
    #[error("no ERP is configured; there is nothing to read items and stock from")]
    NoOwner,
    /// Another system did not answer.
    #[error("cannot read {system}: {reason}")]
    Upstream {
        /// Which.
        system: String,
        /// Its cause.
        reason: String,
        /// How long to wait.
        retry_after: Option<Duration>,
    },
    /// The store cannot be reached or its answer never came.
    #[error("cannot reach the inventory store")]
    Store(#[from] store::Error),
    /// An address of the configuration cannot be used.
    #[error("cannot use the configured address of {0}")]
    Address(String, #[source] PeerError),
    /// The listener failed.
    #[error("cannot serve")]
    Serve(#[from] ServeError),
}

impl Error {
    /// What a refused or broken call to another system means to our caller.
    pub(crate) fn upstream(system: &str, failure: &Failure) -> Self {
        let retry_after = match failure {
            Failure::NotDone { retry_after, .. } => *retry_after,
            Failure::Unknown { .. } | Failure::Refused { .. } => None,
        };
        Self::Upstream { system: system.to_owned(), reason: failure.reason().to_owned(), retry_after }
    }
}

impl From<ReservationError> for Error {
    fn from(error: ReservationError) -> Self {
        match error {
            ReservationError::Lacking(lacking) => Self::Insufficient(lacking),
            ReservationError::Stock(error) => Self::Stock(error),
            ReservationError::Differs(_)
            | ReservationError::Ended { .. }
            | ReservationError::NotConfirmed(_)
            | ReservationError::NoSuchLine { .. }
            | ReservationError::MoreThanPromised { .. }
            | ReservationError::ShipmentDiffers(_)
            | ReservationError::ReleaseDiffers(_)
            | ReservationError::KitNotWhole { .. } => Self::Reservation(error),
        }
    }
}

impl<E: Into<Self>> From<UpdateError<E>> for Error {
    fn from(error: UpdateError<E>) -> Self {
        error.into_one(Into::into, Self::Store)
    }
}

impl From<StockError> for Error {
    fn from(error: StockError) -> Self {
        Self::Stock(error)
    }
}

impl Fault for Error {
    fn class(&self) -> Class {
        match self {
            Self::Shape(shape) => shape.class(),
            Self::NoSuchReservation(_)
            | Self::UnknownItem(_)
            | Self::UnknownLocation(_)
            | Self::NoSuchFeed(_)
            | Self::NoSuchExpected { .. } => Class::NotFound,
            Self::Insufficient(_)
            | Self::Expired { .. }
            | Self::NoOwner
            | Self::NoOrders
            | Self::LocationsOfCrm(_)
            | Self::NothingToAct { .. }
            | Self::KitHasNoStock(_)
            | Self::NotAKit { .. }
            | Self::TooManyExpected { .. } => Class::Precondition,
            Self::Reservation(error) => reservation_class(error),
            Self::Transfer(error) => error.class(),
            Self::Stock(StockError::NotOnHand { .. }) => Class::Precondition,
            Self::Stock(StockError::LawBroken { .. }) | Self::Address(..) | Self::Serve(_) => Class::Internal,
            Self::KeyReused(_) | Self::Unit { .. } => Class::Invalid,
            Self::ReceiptDiffers(_) | Self::FeedDiffers(_) => Class::Exists,
            Self::Contended(_) => Class::Conflict,
            Self::Upstream { .. } => Class::Unavailable,
            Self::Store(error) => error.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Shape(shape) => shape.reason(),
            Self::NoSuchReservation(_) => "NO_SUCH_RESERVATION",
            Self::UnknownItem(_) => "UNKNOWN_ITEM",
            Self::UnknownLocation(_) => "UNKNOWN_LOCATION",
            Self::Insufficient(_) => "INSUFFICIENT_STOCK",
            Self::Expired { .. } => "RESERVATION_EXPIRED",
            Self::Reservation(error) => reservation_reason(error),
            Self::Transfer(error) => error.reason(),
            Self::Stock(StockError::NotOnHand { .. }) => "NOT_ON_HAND",
            Self::Stock(StockError::LawBroken { .. }) => "STOCK_LAW_BROKEN",
            Self::KeyReused(_) => "IDEMPOTENCY_KEY_REUSED",
            Self::ReceiptDiffers(_) => "RECEIPT_DIFFERS",
            Self::Unit { source: UnitError::Unknown { .. }, .. } => "UNKNOWN_UNIT",
            Self::Unit { source: UnitError::NotExact { .. }, .. } => "UNIT_NOT_EXACT",
            Self::KitHasNoStock(_) => "KIT_HAS_NO_STOCK",
            Self::NotAKit { .. } => "NOT_A_KIT",
            Self::FeedDiffers(_) => "FEED_DIFFERS",
            Self::NoSuchFeed(_) => "NO_SUCH_FEED",
            Self::NoSuchExpected { .. } => "NO_SUCH_EXPECTED",
            Self::TooManyExpected { .. } => "TOO_MANY_EXPECTED",
            Self::Contended(_) => "RESERVATION_CONTENDED",
            Self::NoOwner => "ERP_NOT_CONFIGURED",
            Self::NoOrders => "ORDERS_NOT_CONFIGURED",
            Self::LocationsOfCrm(_) => "CHANNEL_MISCONFIGURED",
            Self::NothingToAct { .. } => "NOTHING_TO_REROUTE",
            Self::Upstream { .. } => "UPSTREAM_UNAVAILABLE",
            Self::Store(error) => error.reason(),
            Self::Address(..) => "BAD_ADDRESS",
            Self::Serve(_) => "CANNOT_SERVE",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::NoSuchReservation(id) | Self::Contended(id) => vec![("reservation_id", id.clone())],
            Self::Expired { id, lacking } => {
                let mut metadata = vec![("reservation_id", id.clone())];
                metadata.extend(lacking_items(lacking));
                metadata
            }
            Self::Insufficient(lacking) => lacking_items(lacking).into_iter().collect(),
            Self::UnknownItem(sku) | Self::KitHasNoStock(sku) | Self::NotAKit { sku, .. } => vec![("sku", sku.clone())],
            Self::Unit {
                source: UnitError::Unknown { sku, unit, .. } | UnitError::NotExact { sku, unit, .. }, ..
            } => {
                vec![("sku", sku.clone()), ("unit", unit.clone())]
            }
            Self::FeedDiffers(id) | Self::NoSuchFeed(id) => vec![("feed_id", id.clone())],
            Self::NoSuchExpected { id, location } => vec![("expected_id", id.clone()), ("location", location.clone())],
            Self::TooManyExpected { sku, location } | Self::NothingToAct { sku, location, .. } => {
                vec![("sku", sku.clone()), ("location", location.clone())]
            }
            Self::UnknownLocation(location) => vec![("location", location.clone())],
            Self::Reservation(error) => reservation_metadata(error),
            Self::Transfer(error) => error.metadata(),
            Self::Stock(StockError::NotOnHand { sku, location, on_hand, asked }) => vec![
                ("sku", sku.clone()),
                ("location", location.clone()),
                ("on_hand", on_hand.to_string()),
                ("asked", asked.to_string()),
            ],
            Self::Stock(StockError::LawBroken { sku, location, .. }) => {
                vec![("sku", sku.clone()), ("location", location.clone())]
            }
            Self::KeyReused(key) => vec![("idempotency_key", key.clone())],
            Self::ReceiptDiffers(id) => vec![("receipt_id", id.clone())],
            Self::Upstream { system, reason, .. } => vec![("system", system.clone()), ("cause", reason.clone())],
            Self::Store(error) => error.metadata(),
            Self::LocationsOfCrm(channel) => vec![("channel", channel.clone())],
            Self::Shape(_) | Self::NoOwner | Self::NoOrders | Self::Address(..) | Self::Serve(_) => vec![],
        }
    }

    fn fields(&self) -> Vec<(String, String)> {
        match self {
            Self::Shape(shape) => shape.fields(),
            Self::Transfer(error) => error.fields(),
            Self::KeyReused(_) => vec![("idempotency_key".to_owned(), self.to_string())],
            Self::Unit { field, source } => vec![(field.clone(), source.to_string())],
            Self::NoSuchReservation(_)
            | Self::UnknownItem(_)
            | Self::UnknownLocation(_)
            | Self::Insufficient(_)
            | Self::Expired { .. }
            | Self::Reservation(_)
            | Self::Stock(_)
            | Self::ReceiptDiffers(_)
            | Self::KitHasNoStock(_)
            | Self::NotAKit { .. }
            | Self::FeedDiffers(_)
            | Self::NoSuchFeed(_)
            | Self::NoSuchExpected { .. }
            | Self::TooManyExpected { .. }
            | Self::Contended(_)
            | Self::NoOwner
            | Self::NoOrders
            | Self::LocationsOfCrm(_)
            | Self::NothingToAct { .. }
            | Self::Upstream { .. }
            | Self::Store(_)
            | Self::Address(..)
            | Self::Serve(_) => vec![],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Contended(_) => Some(Duration::from_millis(100)),
            Self::Upstream { retry_after, .. } => Some(retry_after.unwrap_or(Duration::from_secs(5))),
            Self::Store(error) => error.retry_after(),
            Self::Shape(_)
            | Self::NoSuchReservation(_)
            | Self::UnknownItem(_)
            | Self::UnknownLocation(_)
            | Self::Insufficient(_)
            | Self::Expired { .. }
            | Self::Reservation(_)
            | Self::Stock(_)
            | Self::Transfer(_)
            | Self::KeyReused(_)
            | Self::ReceiptDiffers(_)
            | Self::Unit { .. }
            | Self::KitHasNoStock(_)
            | Self::NotAKit { .. }
            | Self::FeedDiffers(_)
            | Self::NoSuchFeed(_)
            | Self::NoSuchExpected { .. }
            | Self::TooManyExpected { .. }
            | Self::NoOwner
            | Self::NoOrders
            | Self::LocationsOfCrm(_)
            | Self::NothingToAct { .. }
            | Self::Address(..)
            | Self::Serve(_) => None,
        }
    }
}

fn lacking_items(lacking: &[Lacking]) -> Option<(&'static str, String)> {
    let items: Vec<&str> = lacking.iter().take(20).map(|line| line.sku.as_str()).collect();
    (!items.is_empty()).then(|| ("lacking", items.join(",")))
}

fn reservation_class(error: &ReservationError) -> Class {
    match error {
        ReservationError::Differs(_) | ReservationError::ShipmentDiffers(_) | ReservationError::ReleaseDiffers(_) => {
            Class::Exists
        }
        ReservationError::NoSuchLine { .. } => Class::NotFound,
        ReservationError::KitNotWhole { .. } => Class::Invalid,
        ReservationError::Lacking(_)
        | ReservationError::Ended { .. }
        | ReservationError::NotConfirmed(_)
        | ReservationError::MoreThanPromised { .. } => Class::Precondition,
        ReservationError::Stock(_) => Class::Internal,
    }
}

fn reservation_reason(error: &ReservationError) -> &'static str {
    match error {
        ReservationError::Lacking(_) => "INSUFFICIENT_STOCK",
        ReservationError::Differs(_) => "RESERVATION_DIFFERS",
        ReservationError::Ended { state: State::Expired, .. } => "RESERVATION_EXPIRED",
        ReservationError::Ended { .. } => "RESERVATION_ENDED",
        ReservationError::NotConfirmed(_) => "RESERVATION_NOT_CONFIRMED",
        ReservationError::NoSuchLine { .. } => "NO_SUCH_LINE",
        ReservationError::MoreThanPromised { .. } => "MORE_THAN_PROMISED",
        ReservationError::ShipmentDiffers(_) => "SHIPMENT_DIFFERS",
        ReservationError::ReleaseDiffers(_) => "RELEASE_DIFFERS",
        ReservationError::KitNotWhole { .. } => "KIT_NOT_WHOLE",
        ReservationError::Stock(_) => "STOCK_LAW_BROKEN",
    }
}

fn reservation_metadata(error: &ReservationError) -> Vec<(&'static str, String)> {
    match error {
        ReservationError::Differs(id) | ReservationError::NotConfirmed(id) => vec![("reservation_id", id.clone())],
        ReservationError::Ended { id, state } => {
            vec![("reservation_id", id.clone()), ("state", state.word().to_owned())]
        }
        ReservationError::NoSuchLine { id, line_id } => {
            vec![("reservation_id", id.clone()), ("line_id", line_id.clone())]
        }
        ReservationError::MoreThanPromised { id, line_id, open, asked } => vec![
            ("reservation_id", id.clone()),
            ("line_id", line_id.clone()),
            ("open", open.to_string()),
            ("asked", asked.to_string()),
        ],
        ReservationError::KitNotWhole { line_id, sku, quantity } => {
            vec![("line_id", line_id.clone()), ("sku", sku.clone()), ("quantity", quantity.to_string())]
        }
        ReservationError::ShipmentDiffers(key) => vec![("shipment", key.clone())],
        ReservationError::ReleaseDiffers(key) => vec![("release", key.clone())],
        ReservationError::Lacking(_) | ReservationError::Stock(_) => vec![],
    }
}
