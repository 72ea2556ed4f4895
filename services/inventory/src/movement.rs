//! Movements: one entry per change of a stock record. Their sum is the balance, and each carries the balance after it,
//! so that the books can be checked from any point on.

/// All terms of a stock record, or a difference of two. Millionths.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(crate) struct Balance {
    /// Physically there.
    #[prost(int64, tag = "1")]
    pub on_hand: i64,
    /// May be sold.
    #[prost(int64, tag = "2")]
    pub available: i64,
    /// Promised by Weft.
    #[prost(int64, tag = "3")]
    pub reserved: i64,
    /// Promised, and committed by the ERP.
    #[prost(int64, tag = "4")]
    pub allocated: i64,
    /// There, not for sale.
    #[prost(int64, tag = "5")]
    pub blocked: i64,
    /// Promised, not there.
    #[prost(int64, tag = "6")]
    pub shortfall: i64,
}

impl Balance {
    /// The sum, term by term. Terms that obey the law of stock cannot overflow here.
    #[must_use]
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            on_hand: self.on_hand.saturating_add(other.on_hand),
            available: self.available.saturating_add(other.available),
            reserved: self.reserved.saturating_add(other.reserved),
            allocated: self.allocated.saturating_add(other.allocated),
            blocked: self.blocked.saturating_add(other.blocked),
            shortfall: self.shortfall.saturating_add(other.shortfall),
        }
    }

    /// The difference, term by term.
    #[must_use]
    pub(crate) fn minus(self, other: Self) -> Self {
        Self {
            on_hand: self.on_hand.saturating_sub(other.on_hand),
            available: self.available.saturating_sub(other.available),
            reserved: self.reserved.saturating_sub(other.reserved),
            allocated: self.allocated.saturating_sub(other.allocated),
            blocked: self.blocked.saturating_sub(other.blocked),
            shortfall: self.shortfall.saturating_sub(other.shortfall),
        }
    }
}

/// Why stock moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Kind {
    /// Promised.
    Reserve = 0,
    /// Given back.
    Release = 1,
    /// Ran out before it was confirmed.
    Expire = 2,
    /// Promised anew by a confirmation that came after expiry.
    TakeAgain = 3,
    /// Shipped.
    Consume = 4,
    /// Must have been there: it was shipped.
    Found = 5,
    /// Adjusted.
    Adjust = 6,
    /// Counted.
    Count = 7,
    /// Came in, and the authority has posted it already.
    Receive = 8,
    /// Came or left, as another system says.
    Told = 9,
    /// Set aside to go to another location.
    SetAside = 10,
    /// No longer set aside.
    SetBack = 11,
    /// Left for another location.
    SendOff = 12,
    /// Came from another location.
    MoveIn = 13,
    /// The ERP's own promises, as its books say: ours that it has are no longer subtracted beside them.
    Allocate = 14,
}

/// One change of a stock record.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Movement {
    /// Item code.
    #[prost(string, tag = "1")]
    pub sku: String,
    /// Location code.
    #[prost(string, tag = "2")]
    pub location: String,
    /// Sequence in the stock record, gapless from 1.
    #[prost(uint64, tag = "3")]
    pub sequence: u64,
    /// Why.
    #[prost(enumeration = "Kind", tag = "4")]
    pub kind: i32,
    /// What changed.
    #[prost(message, optional, tag = "5")]
    pub delta: Option<Balance>,
    /// The balance after it.
    #[prost(message, optional, tag = "6")]
    pub closing: Option<Balance>,
    /// Id of the reservation, adjustment, count, receipt or transfer.
    #[prost(string, tag = "7")]
    pub cause: String,
    /// When it happened, milliseconds since 1970.
    #[prost(int64, tag = "8")]
    pub happened_at: i64,
    /// When it was recorded, milliseconds since 1970.
    #[prost(int64, tag = "9")]
    pub recorded_at: i64,
}
