//! A part of a return as it is stored: what one invoice gave rise to, with its documents.

use retail_proto::types::v1::Ref;

/// What happens to goods that came back (see the contract).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Disposition {
    /// Back into stock that may be sold; also when nothing was said.
    Restock = 0,
    /// Kept aside.
    Quarantine = 1,
    /// Thrown away.
    Discard = 2,
    /// Sent back to the customer: not accepted.
    Reject = 3,
}

/// A line of a receipt.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ReceiptLine {
    /// Number of the line in the return.
    #[prost(int32, tag = "1")]
    pub(crate) number: i32,
    /// Millionths.
    #[prost(int64, tag = "2")]
    pub(crate) quantity: i64,
    /// What happens to it.
    #[prost(enumeration = "Disposition", tag = "3")]
    pub(crate) disposition: i32,
}

/// What came back at one time to one location.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Receipt {
    /// Our id; the ERP's document carries it when we posted it.
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    /// The warehouse's own id, or the ERP's document that told of it.
    #[prost(string, tag = "2")]
    pub(crate) source: String,
    /// Digest of what the warehouse said: the same receipt with other content is a conflict.
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) digest: Vec<u8>,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "4")]
    pub(crate) received_at: i64,
    /// Location that took it in.
    #[prost(string, tag = "5")]
    pub(crate) location: String,
    /// Lines.
    #[prost(message, repeated, tag = "6")]
    pub(crate) lines: Vec<ReceiptLine>,
    /// The ERP's document.
    #[prost(message, optional, tag = "7")]
    pub(crate) document: Option<Ref>,
    /// Our own stock has followed.
    #[prost(bool, tag = "8")]
    pub(crate) restocked: bool,
}

impl Receipt {
    /// True when the ERP must still be told: rejected goods are not taken in and told to nobody.
    #[must_use]
    pub(crate) fn is_to_be_posted(&self) -> bool {
        self.document.is_none() && self.lines.iter().any(|line| line.disposition() != Disposition::Reject)
    }

    /// True when our stock must still follow the ERP's.
    #[must_use]
    pub(crate) fn is_to_be_restocked(&self) -> bool {
        let back = self.lines.iter().any(|line| line.disposition() == Disposition::Restock);
        self.document.is_some() && !self.restocked && back
    }

    /// True when nothing is left to do for it.
    #[must_use]
    pub(crate) fn is_done(&self) -> bool {
        !self.is_to_be_posted() && !self.is_to_be_restocked()
    }
}

/// What is credited for one line.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Credit {
    /// Number of the line in the return.
    #[prost(int32, tag = "1")]
    pub(crate) number: i32,
    /// Millionths.
    #[prost(int64, tag = "2")]
    pub(crate) quantity: i64,
    /// Minor units.
    #[prost(int64, tag = "3")]
    pub(crate) amount: i64,
}

/// How a part ends in money: decided once, in the books of its order, before any other system is told.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Settlement {
    /// What is credited.
    #[prost(message, repeated, tag = "1")]
    pub(crate) lines: Vec<Credit>,
    /// Sum of it, minor units.
    #[prost(int64, tag = "2")]
    pub(crate) credited: i64,
    /// What of it pays the invoice that is still owed, minor units.
    #[prost(int64, tag = "3")]
    pub(crate) applied: i64,
    /// What of it is given back, minor units.
    #[prost(int64, tag = "4")]
    pub(crate) refund: i64,
    /// The order knows what of it pays the invoice, and does not take that any more.
    #[prost(bool, tag = "5")]
    pub(crate) told: bool,
}

/// A refund at its owner.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Refund {
    /// Which business attempt this is, from 1: a repeat after a failed refund is another one, with another id.
    #[prost(int32, tag = "1")]
    pub(crate) attempt: i32,
    /// The owner's record.
    #[prost(message, optional, tag = "2")]
    pub(crate) record: Option<Ref>,
    /// What was given back, minor units; 0 before.
    #[prost(int64, tag = "3")]
    pub(crate) minor: i64,
    /// When, milliseconds since 1970.
    #[prost(int64, tag = "4")]
    pub(crate) at: i64,
    /// The owner works on it.
    #[prost(bool, tag = "5")]
    pub(crate) pending: bool,
    /// When the owner is asked again, milliseconds since 1970.
    #[prost(int64, tag = "6")]
    pub(crate) look_at: i64,
    /// Since when it is pending, milliseconds since 1970.
    #[prost(int64, tag = "7")]
    pub(crate) since: i64,
    /// It was not given back, and will not be by this attempt.
    #[prost(bool, tag = "8")]
    pub(crate) failed: bool,
    /// Nobody but a person can give it back.
    #[prost(bool, tag = "9")]
    pub(crate) by_hand: bool,
}

impl Refund {
    /// True when the money is given back.
    #[must_use]
    pub(crate) fn is_done(&self) -> bool {
        let is_given = self.record.is_some() || (self.by_hand && self.at > 0);
        is_given && !self.pending && !self.failed
    }
}

/// A part.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Part {
    /// Number in the return, from 1.
    #[prost(int32, tag = "1")]
    pub(crate) number: i32,
    /// Id: the ERP's return carries it.
    #[prost(string, tag = "2")]
    pub(crate) id: String,
    /// The order.
    #[prost(string, tag = "3")]
    pub(crate) order_id: String,
    /// The invoice.
    #[prost(message, optional, tag = "4")]
    pub(crate) invoice: Option<Ref>,
    /// The ERP's return.
    #[prost(message, optional, tag = "5")]
    pub(crate) return_authorization: Option<Ref>,
    /// Stamp of the ERP's state that was last taken over.
    #[prost(string, tag = "6")]
    pub(crate) erp_etag: String,
    /// A cancellation found that the ERP may have been asked for it.
    #[prost(bool, tag = "7")]
    pub(crate) erp_asked: bool,
    /// The ERP awaits nothing more for it.
    #[prost(bool, tag = "8")]
    pub(crate) erp_closed: bool,
    /// Nothing more is awaited: what has come is credited, the rest is closed.
    #[prost(bool, tag = "14")]
    pub(crate) closing: bool,
    /// Receipts, oldest first.
    #[prost(message, repeated, tag = "9")]
    pub(crate) receipts: Vec<Receipt>,
    /// How it ends in money.
    #[prost(message, optional, tag = "10")]
    pub(crate) settlement: Option<Settlement>,
    /// The ERP's credit memo.
    #[prost(message, optional, tag = "11")]
    pub(crate) credit_memo: Option<Ref>,
    /// The refund.
    #[prost(message, optional, tag = "12")]
    pub(crate) refund: Option<Refund>,
    /// What earlier attempts gave back although they did not come through whole, minor units.
    #[prost(int64, tag = "15")]
    pub(crate) refunded_before: i64,
    /// The ERP's customer refund.
    #[prost(message, optional, tag = "13")]
    pub(crate) refund_document: Option<Ref>,
    /// Since when its money waits for the order's own, milliseconds since 1970; 0 when it does not.
    #[prost(int64, tag = "16")]
    pub(crate) settle_since: i64,
    /// When it is looked at again then, milliseconds since 1970.
    #[prost(int64, tag = "17")]
    pub(crate) settle_at: i64,
    /// References of refunds of payment services that were given and failed days later: a person gave them then.
    #[prost(string, repeated, tag = "18")]
    pub(crate) came_back: Vec<String>,
}

impl Part {
    /// Our id of its credit memo.
    #[must_use]
    pub(crate) fn credit_id(&self) -> String {
        format!("{}/credit", self.id)
    }

    /// Our id of the ERP's customer refund.
    #[must_use]
    pub(crate) fn refund_document_id(&self) -> String {
        format!("{}/refund", self.id)
    }

    /// Our id of the refund at its owner, at the current business attempt.
    #[must_use]
    pub(crate) fn refund_id(&self) -> String {
        format!("{}/refund-{}", self.id, self.attempt())
    }

    /// The current business attempt of the refund, from 1.
    #[must_use]
    pub(crate) fn attempt(&self) -> i32 {
        self.refund.as_ref().map_or(1, |refund| refund.attempt.max(1))
    }

    /// What is to be given back, minor units; 0 before it is settled.
    #[must_use]
    pub(crate) fn refund_due(&self) -> i64 {
        self.settlement.as_ref().map_or(0, |settlement| settlement.refund)
    }

    /// What the current attempt is to give back, minor units.
    #[must_use]
    pub(crate) fn still_due(&self) -> i64 {
        self.refund_due().saturating_sub(self.refunded_before)
    }

    /// What was given back, minor units.
    #[must_use]
    pub(crate) fn refunded(&self) -> i64 {
        let now = self.refund.as_ref().filter(|refund| refund.is_done()).map_or(0, |refund| refund.minor);
        self.refunded_before.saturating_add(now)
    }

    /// True when it cannot be said yet how it ends in money.
    #[must_use]
    pub(crate) fn waits_for_money(&self) -> bool {
        (self.settlement.is_none() || self.owes_the_order_word()) && self.settle_since != 0
    }

    /// True when the order must hear that some of the credit pays its invoice, before the ERP does.
    #[must_use]
    pub(crate) fn owes_the_order_word(&self) -> bool {
        let applied = self.settlement.as_ref().is_some_and(|settlement| settlement.applied > 0 && !settlement.told);
        applied && self.credit_memo.is_none()
    }

    /// True when the owner says that the last refund did not come through.
    #[must_use]
    pub(crate) fn has_failed_refund(&self) -> bool {
        self.refund.as_ref().is_some_and(|refund| refund.failed)
    }

    /// True when money of it came back days after it was given, and nobody has given it by another way yet.
    #[must_use]
    pub(crate) fn waits_for_what_came_back(&self) -> bool {
        let by_hand = self.refund.as_ref().is_some_and(|refund| refund.by_hand && refund.at == 0);
        by_hand && !self.came_back.is_empty()
    }

    /// True when a credit memo is wanted.
    #[must_use]
    pub(crate) fn is_to_be_credited(&self) -> bool {
        self.settlement.as_ref().is_some_and(|settlement| !settlement.lines.is_empty())
    }

    /// True when no document of it is open.
    #[must_use]
    pub(crate) fn is_done(&self) -> bool {
        let credited = !self.is_to_be_credited() || self.credit_memo.is_some();
        let given_back = self.refund_due() == 0 || self.refund.as_ref().is_some_and(Refund::is_done);
        let recorded = self.refunded() == 0 || self.refund_document.is_some();
        let received = self.receipts.iter().all(Receipt::is_done);
        self.settlement.is_some() && received && credited && given_back && recorded
    }
}

/// The return id and the part number of one of our ids: those of parts, receipts, credits and refunds begin alike.
#[must_use]
pub(crate) fn owner_of(id: &str) -> Option<(&str, i32)> {
    let mut pieces = id.split('/');
    let return_id = pieces.next().filter(|piece| !piece.is_empty())?;
    Some((return_id, pieces.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_of_a_part_leads_back_to_it() {
        let part = Part { id: "r-1/2".into(), number: 2, ..Part::default() };
        for id in [part.id.clone(), part.credit_id(), part.refund_id(), part.refund_document_id()] {
            assert_eq!(owner_of(&id), Some(("r-1", 2)), "{id}");
        }
        assert_eq!(owner_of("o-1/p1"), None);
        assert_eq!(owner_of(""), None);
    }
}
