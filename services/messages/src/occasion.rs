//! What customers are told of, as the contract of the carriers names it.

use retail_proto::notify::v1 as notify;
use serde::{Deserialize, Serialize};

use crate::config::Span;

/// What a customer is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, prost::Enumeration)]
#[serde(rename_all = "snake_case")]
#[repr(i32)]
pub enum Occasion {
    /// The order is booked.
    Ordered = 0,
    /// It comes from another place, or waits in another store than was said.
    Rerouted = 1,
    /// It comes later than was said.
    Delayed = 2,
    /// It waits in the store.
    ReadyForPickup = 3,
    /// A parcel has left.
    Shipped = 4,
    /// Nobody collected it in time.
    NotCollected = 5,
    /// The order, or some lines, will not come.
    Cancelled = 6,
    /// Money went back.
    Refunded = 7,
    /// A return was authorized.
    ReturnAuthorized = 8,
    /// Goods of a return have arrived.
    ReturnReceived = 9,
    /// The order was changed: its lines, or where it goes.
    Edited = 10,
}

impl Occasion {
    /// Every one, in the order of the business.
    pub const ALL: [Self; 11] = [
        Self::Ordered,
        Self::Edited,
        Self::Rerouted,
        Self::Delayed,
        Self::ReadyForPickup,
        Self::Shipped,
        Self::NotCollected,
        Self::Cancelled,
        Self::Refunded,
        Self::ReturnAuthorized,
        Self::ReturnReceived,
    ];

    /// The word of the configuration.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ordered => "ordered",
            Self::Rerouted => "rerouted",
            Self::Delayed => "delayed",
            Self::ReadyForPickup => "ready_for_pickup",
            Self::Shipped => "shipped",
            Self::NotCollected => "not_collected",
            Self::Cancelled => "cancelled",
            Self::Refunded => "refunded",
            Self::ReturnAuthorized => "return_authorized",
            Self::ReturnReceived => "return_received",
            Self::Edited => "edited",
        }
    }

    /// How long after it happened it is worth telling, unless the configuration says otherwise.
    pub(crate) fn expires(self) -> Span {
        let days = match self {
            Self::ReadyForPickup | Self::Delayed | Self::Rerouted => 1,
            Self::Ordered | Self::Edited | Self::NotCollected => 2,
            Self::Shipped | Self::ReturnAuthorized | Self::ReturnReceived => 3,
            Self::Cancelled => 7,
            // Whoever waits for money wants to know of it late rather than never.
            Self::Refunded => 14,
        };
        Span::from_secs(days * 24 * 3_600)
    }

    /// The contract's word.
    pub(crate) fn pb(self) -> notify::Occasion {
        match self {
            Self::Ordered => notify::Occasion::Ordered,
            Self::Rerouted => notify::Occasion::Rerouted,
            Self::Delayed => notify::Occasion::Delayed,
            Self::ReadyForPickup => notify::Occasion::ReadyForPickup,
            Self::Shipped => notify::Occasion::Shipped,
            Self::NotCollected => notify::Occasion::NotCollected,
            Self::Cancelled => notify::Occasion::Cancelled,
            Self::Refunded => notify::Occasion::Refunded,
            Self::ReturnAuthorized => notify::Occasion::ReturnAuthorized,
            Self::ReturnReceived => notify::Occasion::ReturnReceived,
            Self::Edited => notify::Occasion::Edited,
        }
    }
}
