//! What follows from an order, as it is stored with it: payments, shipments, invoices, refunds. Plain data.

use retail_proto::types::v1::Ref;

/// Captured payment, as in the contract.
const CAPTURED: i32 = 3;

/// A payment by one tender.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Payment {
    /// Id, derived from order and place.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Tender, as in the contract.
    #[prost(int32, tag = "2")]
    pub tender: i32,
    /// Minor units of the order's currency.
    #[prost(int64, tag = "3")]
    pub minor: i64,
    /// State, as in the contract.
    #[prost(int32, tag = "4")]
    pub state: i32,
    /// Payment service.
    #[prost(string, tag = "5")]
    pub gateway: String,
    /// Its reference.
    #[prost(string, tag = "6")]
    pub reference: String,
    /// End of an authorization, milliseconds since 1970, 0 when none is known.
    #[prost(int64, tag = "7")]
    pub expires_at: i64,
    /// The ERP's document.
    #[prost(message, optional, tag = "8")]
    pub document: Option<Ref>,
    /// A cancellation found that the ERP may have been asked to record it.
    #[prost(bool, tag = "9")]
    pub asked: bool,
    /// The ERP's document of the money given back out of it.
    #[prost(message, optional, tag = "10")]
    pub refund_document: Option<Ref>,
    /// The payment service that holds the money, when it is ours to take; empty when the channel takes it.
    #[prost(string, tag = "11")]
    pub service: String,
    /// The authorization that it was, or is to be, taken out of; empty for a payment as the channel told it.
    #[prost(string, tag = "12")]
    pub taken_from: String,
    /// Of an authorization: what the payment service says of it; absent until it was asked.
    #[prost(message, optional, tag = "13")]
    pub standing: Option<Standing>,
    /// Of an authorization: nothing more will be taken.
    #[prost(bool, tag = "14")]
    pub let_go: bool,
    /// Of an authorization: why the payment service refused it, or a capture of it; empty when all is well.
    #[prost(string, tag = "15")]
    pub refusal: String,
    /// Of an authorization: captures that were planned so far. The next one has another number.
    #[prost(uint32, tag = "16")]
    pub captures: u32,
    /// Of an authorization that can be captured once: it ends soon, so that it is used for what was delivered by now.
    #[prost(bool, tag = "17")]
    pub hurried: bool,
    /// Of a capture: it is the last one, and lets the rest of the authorization go.
    #[prost(bool, tag = "18")]
    pub last: bool,
    /// Of a capture: when we learned of it, milliseconds since 1970.
    #[prost(int64, tag = "19")]
    pub taken_at: i64,
    /// Of an authorization that was asked for anew: the one that the customer made, which it goes on for.
    #[prost(string, tag = "20")]
    pub again_of: String,
    /// Of an authorization: the channel's rules let what it leaves unpaid be authorized anew.
    #[prost(bool, tag = "21")]
    pub renews: bool,
}

/// What a payment service says of an authorization; amounts in minor units of the order's currency.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Standing {
    /// Where it stands, as in the contract of payments.
    #[prost(int32, tag = "1")]
    pub state: i32,
    /// What the customer authorized.
    #[prost(int64, tag = "2")]
    pub authorized: i64,
    /// What was captured, by whomever. Never falls.
    #[prost(int64, tag = "3")]
    pub captured: i64,
    /// What was given back, or is on its way.
    #[prost(int64, tag = "4")]
    pub refunded: i64,
    /// It can be captured in several parts.
    #[prost(bool, tag = "5")]
    pub several: bool,
    /// The service's word for a decline or a cancellation.
    #[prost(string, tag = "6")]
    pub cause: String,
    /// The service's stamp of this standing.
    #[prost(string, tag = "7")]
    pub revision: String,
    /// What can be captured now.
    #[prost(int64, tag = "8")]
    pub capturable: i64,
    /// The customer let it be used without him.
    #[prost(bool, tag = "9")]
    pub reusable: bool,
}

impl Payment {
    /// True when the money was taken.
    #[must_use]
    pub fn is_captured(&self) -> bool {
        self.state == CAPTURED
    }
}

/// What a return credits of goods that are not paid: it is not taken any more.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ReturnCredit {
    /// The return's id of it.
    #[prost(string, tag = "1")]
    pub reference: String,
    /// What is not taken, minor units; the rest of the credit was paid already.
    #[prost(int64, tag = "2")]
    pub minor: i64,
}

/// A quantity of a line in a shipment.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ShipmentLine {
    /// Number of the order line.
    #[prost(int32, tag = "1")]
    pub number: i32,
    /// Millionths.
    #[prost(int64, tag = "2")]
    pub quantity: i64,
}

/// A parcel or handover, as the ERP recorded it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Shipment {
    /// The document.
    #[prost(message, optional, tag = "1")]
    pub document: Option<Ref>,
    /// What it holds.
    #[prost(message, repeated, tag = "2")]
    pub lines: Vec<ShipmentLine>,
    /// Tracking numbers.
    #[prost(string, repeated, tag = "3")]
    pub tracking: Vec<String>,
    /// Carrier.
    #[prost(string, tag = "4")]
    pub carrier: String,
    /// Taken off stock and promise.
    #[prost(bool, tag = "5")]
    pub consumed: bool,
    /// The channel was told.
    #[prost(bool, tag = "6")]
    pub told: bool,
    /// Day it left, in the ERP's calendar; empty when it does not say.
    #[prost(string, tag = "7")]
    pub date: String,
}

impl Shipment {
    /// Id of the document.
    #[must_use]
    pub fn id(&self) -> &str {
        self.document.as_ref().map_or("", |document| document.id.as_str())
    }
}

/// A quantity of a line on an invoice.
#[derive(Clone, PartialEq, prost::Message)]
pub struct InvoiceLine {
    /// Number of the order line.
    #[prost(int32, tag = "1")]
    pub number: i32,
    /// Millionths.
    #[prost(int64, tag = "2")]
    pub quantity: i64,
}

/// An invoice of the ERP.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Invoice {
    /// The document.
    #[prost(message, optional, tag = "1")]
    pub document: Option<Ref>,
    /// Minor units of the order's currency.
    #[prost(int64, tag = "2")]
    pub minor: i64,
    /// What it bills; empty when the ERP does not say.
    #[prost(message, repeated, tag = "3")]
    pub lines: Vec<InvoiceLine>,
    /// Day of the document; empty when the ERP does not say.
    #[prost(string, tag = "4")]
    pub date: String,
    /// What was still owed when the ERP last told, minor units.
    #[prost(int64, optional, tag = "5")]
    pub remaining: Option<i64>,
}

/// A quantity that a refund takes off a line of the shop.
#[derive(Clone, PartialEq, prost::Message)]
pub struct RefundLine {
    /// The shop's id of the line.
    #[prost(string, tag = "1")]
    pub channel_line_id: String,
    /// Whole units.
    #[prost(int64, tag = "2")]
    pub units: i64,
}

/// Money given back.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Refund {
    /// Id: the order's with a number, or the shop's own when it was made there.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Minor units of the order's currency.
    #[prost(int64, tag = "2")]
    pub minor: i64,
    /// What it takes off the shop's order.
    #[prost(message, repeated, tag = "3")]
    pub lines: Vec<RefundLine>,
    /// The shop's record.
    #[prost(message, optional, tag = "4")]
    pub record: Option<Ref>,
    /// The money is given back.
    #[prost(bool, tag = "5")]
    pub given: bool,
    /// When we learned of that, milliseconds since 1970.
    #[prost(int64, tag = "6")]
    pub given_at: i64,
    /// Nobody but a person can give it back: whoever resumes the order says that it is done.
    #[prost(bool, tag = "7")]
    pub by_hand: bool,
    /// The authorization whose captures it is given back out of; empty when the shop gives it back.
    #[prost(string, tag = "8")]
    pub payment: String,
    /// The shop gave back more in one, for goods that came back: that is a return's.
    #[prost(bool, tag = "9")]
    pub shared: bool,
}
