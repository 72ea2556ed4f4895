//! What can go wrong with an order, and what each means to a caller.

use retail_flow::Unclaimed;
use retail_runtime::fault::{BadShape, Class, Fault};
use retail_store as store;

/// Why a request about an order was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the request is wrong; nothing was done.
    #[error(transparent)]
    Shape(#[from] BadShape),
    /// Nobody knows this order.
    #[error("no order {0}")]
    NoSuchOrder(String),
    /// The goods have left.
    #[error("order {id} has shipped; open a return instead")]
    AlreadyShipped {
        /// The order.
        id: String,
    },
    /// It never became an order.
    #[error("order {id} was refused at capture; there is nothing to cancel")]
    AlreadyRefused {
        /// The order.
        id: String,
    },
    /// Others look after it.
    #[error("order {id} was adopted: Weft does nothing for it by itself; cancel it where it was sold")]
    Adopted {
        /// The order.
        id: String,
    },
    /// Several orders may be the one that is asked for.
    #[error("{count} orders of {system} have number {number:?} and none fits better; ask by the channel's order id")]
    AmbiguousOrder {
        /// The number.
        number: String,
        /// Who knows them: an ERP's or a channel's instance.
        system: String,
        /// How many fit alike.
        count: usize,
    },
    /// Nobody knows an order by what was asked.
    #[error("no order {what} at {channel}, in its shop or in its ERP")]
    NobodyKnows {
        /// Id or number that was asked for.
        what: String,
        /// The channel.
        channel: String,
    },
    /// What another system says of an order cannot be kept as one.
    #[error("cannot read order {what} of {system}: {detail}")]
    Unreadable {
        /// Id or number.
        what: String,
        /// The system's instance.
        system: String,
        /// What is wrong with it.
        detail: String,
    },
    /// More orders than are looked through.
    #[error("customer {customer_id} has more than {limit} orders that may hold it; ask for the order by its number")]
    TooManyOrders {
        /// The customer.
        customer_id: String,
        /// How many are looked through.
        limit: usize,
    },
    /// It does not wait for that.
    #[error("order {id} has no open hold {reason}")]
    NoSuchHold {
        /// The order.
        id: String,
        /// The hold that was named.
        reason: String,
    },
    /// A store's word does not fit where the order stands.
    #[error("order {id} cannot be {wish}: {why}")]
    PickupRefused {
        /// The order.
        id: String,
        /// What was asked.
        wish: &'static str,
        /// Why not.
        why: String,
    },
    /// It is booked, or over.
    #[error("order {id} cannot be held any more: {status}")]
    TooLateToHold {
        /// The order.
        id: String,
        /// Where it stands.
        status: String,
    },
    /// Some lines cannot be cancelled.
    #[error("lines of order {id} cannot be cancelled: {why}")]
    LinesNotCancelled {
        /// The order.
        id: String,
        /// Why not.
        why: String,
    },
    /// It takes no further payment.
    #[error("no payment can be added to order {id}: {why}")]
    PaymentNotAdded {
        /// The order.
        id: String,
        /// Why not.
        why: String,
    },
    /// Nobody knows what is taken of the customer's money.
    #[error("money of order {id} is being taken; ask again when that is over")]
    MoneyIsMoving {
        /// The order.
        id: String,
    },
    /// The order cannot go to another place.
    #[error("order {id} cannot be moved: {why}")]
    RerouteRefused {
        /// The order.
        id: String,
        /// Why not.
        why: String,
    },
    /// An order that must not be changed, or not so.
    #[error("order {id} cannot be changed: {field}: {why}")]
    EditRefused {
        /// The order.
        id: String,
        /// The field of the request.
        field: String,
        /// Why not, and what to do instead.
        why: String,
    },
    /// Somebody else has changed it meanwhile, or is about to.
    #[error("order {id} was changed meanwhile: {what}")]
    EditConflict {
        /// The order.
        id: String,
        /// Who changed what.
        what: String,
    },
    /// The changed order would cost more than is paid.
    #[error("order {id} would cost {total}, of which {missing} is not paid; give a payment that covers it")]
    EditNotPaid {
        /// The order.
        id: String,
        /// What lacks.
        missing: String,
        /// The new total.
        total: String,
    },
    /// Nothing to resume.
    #[error("order {0} is not parked; there is nothing to resume")]
    NotParked(String),
    /// The channel order was placed before with other content.
    #[error("order {id} was placed before with other content; send the change as a cancellation or an edit")]
    OtherContent {
        /// The order.
        id: String,
    },
    /// The same key was used for another request.
    #[error("idempotency key {key:?} was used for another request; use a new key for a new request")]
    KeyReused {
        /// The key.
        key: String,
    },
    /// Goods that nobody knows.
    #[error("no item is known for {what}")]
    UnknownItem {
        /// Lines and codes.
        what: String,
        /// Fields of the request.
        fields: Vec<(String, String)>,
    },
    /// Another service did not answer.
    #[error("cannot reach {0}")]
    Peer(String),
    /// The store cannot be reached or its answer never came; the same key may be sent again.
    #[error("cannot reach the order store")]
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
            Self::NoSuchOrder(_) | Self::NobodyKnows { .. } => Class::NotFound,
            Self::AlreadyShipped { .. }
            | Self::AlreadyRefused { .. }
            | Self::Adopted { .. }
            | Self::AmbiguousOrder { .. }
            | Self::Unreadable { .. }
            | Self::TooManyOrders { .. }
            | Self::NoSuchHold { .. }
            | Self::PickupRefused { .. }
            | Self::RerouteRefused { .. }
            | Self::PaymentNotAdded { .. }
            | Self::MoneyIsMoving { .. }
            | Self::LinesNotCancelled { .. }
            | Self::EditRefused { .. }
            | Self::EditNotPaid { .. }
            | Self::TooLateToHold { .. }
            | Self::NotParked(_)
            | Self::OtherContent { .. } => Class::Precondition,
            Self::EditConflict { .. } => Class::Conflict,
            Self::KeyReused { .. } | Self::UnknownItem { .. } => Class::Invalid,
            Self::Peer(_) => Class::Unavailable,
            Self::Store(error) => error.class(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Shape(shape) => shape.reason(),
            Self::NoSuchOrder(_) | Self::NobodyKnows { .. } => "NO_SUCH_ORDER",
            Self::Adopted { .. } => "ORDER_ADOPTED",
            Self::AmbiguousOrder { .. } => "AMBIGUOUS_ORDER",
            Self::Unreadable { .. } => "ORDER_UNREADABLE",
            Self::TooManyOrders { .. } => "TOO_MANY_ORDERS",
            Self::AlreadyShipped { .. } => "ALREADY_SHIPPED",
            Self::AlreadyRefused { .. } => "ALREADY_REFUSED",
            Self::NoSuchHold { .. } => "NO_SUCH_HOLD",
            Self::PickupRefused { .. } => "PICKUP_REFUSED",
            Self::RerouteRefused { .. } => "REROUTE_REFUSED",
            Self::PaymentNotAdded { .. } => "PAYMENT_NOT_ADDED",
            Self::MoneyIsMoving { .. } => "MONEY_IS_MOVING",
            Self::LinesNotCancelled { .. } => "LINES_NOT_CANCELLED",
            Self::EditRefused { .. } => "EDIT_REFUSED",
            Self::EditConflict { .. } => "EDIT_CONFLICT",
            Self::EditNotPaid { .. } => "EDIT_NOT_PAID",
            Self::TooLateToHold { .. } => "TOO_LATE_TO_HOLD",
            Self::NotParked(_) => "NOT_PARKED",
            Self::OtherContent { .. } => "OTHER_CONTENT",
            Self::KeyReused { .. } => "IDEMPOTENCY_KEY_REUSED",
            Self::UnknownItem { .. } => "UNKNOWN_ITEM",
            Self::Peer(_) => "PEER_UNAVAILABLE",
            Self::Store(error) => error.reason(),
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::NoSuchOrder(id)
            | Self::NotParked(id)
            | Self::AlreadyShipped { id }
            | Self::AlreadyRefused { id }
            | Self::Adopted { id }
            | Self::MoneyIsMoving { id }
            | Self::OtherContent { id } => vec![("order_id", id.clone())],
            Self::TooLateToHold { id, status } => vec![("order_id", id.clone()), ("status", status.clone())],
            Self::RerouteRefused { id, why }
            | Self::LinesNotCancelled { id, why }
            | Self::PaymentNotAdded { id, why } => {
                vec![("order_id", id.clone()), ("why", why.clone())]
            }
            Self::EditRefused { id, field, why } => {
                vec![("order_id", id.clone()), ("field", field.clone()), ("why", why.clone())]
            }
            Self::EditConflict { id, what } => vec![("order_id", id.clone()), ("what", what.clone())],
            Self::EditNotPaid { id, missing, total } => {
                vec![("order_id", id.clone()), ("missing", missing.clone()), ("total", total.clone())]
            }
            Self::PickupRefused { id, wish, why } => {
                vec![("order_id", id.clone()), ("wish", (*wish).to_owned()), ("why", why.clone())]
            }
            Self::NoSuchHold { id, reason } => vec![("order_id", id.clone()), ("hold_reason", reason.clone())],
            Self::AmbiguousOrder { number, system, count } => {
                vec![("order_number", number.clone()), ("system", system.clone()), ("count", count.to_string())]
            }
            Self::NobodyKnows { what, channel } => vec![("order", what.clone()), ("channel", channel.clone())],
            Self::Unreadable { what, system, detail } => {
                vec![("order", what.clone()), ("system", system.clone()), ("detail", detail.clone())]
            }
            Self::TooManyOrders { customer_id, limit } => {
                vec![("customer_id", customer_id.clone()), ("limit", limit.to_string())]
            }
            Self::KeyReused { key } => vec![("idempotency_key", key.clone())],
            Self::UnknownItem { what, .. } => vec![("items", what.clone())],
            Self::Peer(peer) => vec![("peer", peer.clone())],
            Self::Shape(_) | Self::Store(_) => Vec::new(),
        }
    }

    fn fields(&self) -> Vec<(String, String)> {
        match self {
            Self::Shape(shape) => shape.fields(),
            Self::UnknownItem { fields, .. } => fields.clone(),
            Self::EditRefused { field, why, .. } => vec![(field.clone(), why.clone())],
            Self::EditNotPaid { .. } => vec![("payment".into(), self.to_string())],
            Self::KeyReused { .. } => vec![("idempotency_key".into(), self.to_string())],
            Self::NoSuchOrder(_)
            | Self::AlreadyShipped { .. }
            | Self::AlreadyRefused { .. }
            | Self::Adopted { .. }
            | Self::MoneyIsMoving { .. }
            | Self::AmbiguousOrder { .. }
            | Self::NobodyKnows { .. }
            | Self::Unreadable { .. }
            | Self::TooManyOrders { .. }
            | Self::NoSuchHold { .. }
            | Self::PickupRefused { .. }
            | Self::RerouteRefused { .. }
            | Self::PaymentNotAdded { .. }
            | Self::LinesNotCancelled { .. }
            | Self::EditConflict { .. }
            | Self::TooLateToHold { .. }
            | Self::NotParked(_)
            | Self::OtherContent { .. }
            | Self::Peer(_)
            | Self::Store(_) => Vec::new(),
        }
    }

    fn retry_after(&self) -> Option<std::time::Duration> {
        match self {
            Self::Peer(_) => Some(std::time::Duration::from_secs(1)),
            Self::Store(error) => error.retry_after(),
            Self::Shape(_)
            | Self::NoSuchOrder(_)
            | Self::AlreadyShipped { .. }
            | Self::AlreadyRefused { .. }
            | Self::Adopted { .. }
            | Self::MoneyIsMoving { .. }
            | Self::AmbiguousOrder { .. }
            | Self::NobodyKnows { .. }
            | Self::Unreadable { .. }
            | Self::TooManyOrders { .. }
            | Self::NoSuchHold { .. }
            | Self::PickupRefused { .. }
            | Self::RerouteRefused { .. }
            | Self::PaymentNotAdded { .. }
            | Self::LinesNotCancelled { .. }
            | Self::EditRefused { .. }
            | Self::EditConflict { .. }
            | Self::EditNotPaid { .. }
            | Self::TooLateToHold { .. }
            | Self::NotParked(_)
            | Self::OtherContent { .. }
            | Self::KeyReused { .. }
            | Self::UnknownItem { .. } => None,
        }
    }
}
