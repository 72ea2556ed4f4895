//! The order as it is stored. Plain data; what may happen to it stands in `order.rs`, `check.rs` and `facts.rs`.

use std::collections::BTreeMap;

use retail_proto::types::v1::{Address, Ref};
use retail_proto::{Currency, Decimal, Money, Quantity};

use crate::credit::Credit;
use crate::decision::{Decision, Sourced};
use crate::documents::{Invoice, Payment, Refund, ReturnCredit, Shipment};
use crate::edit::Edit;
use crate::holding::Holding;
use crate::line_cancel::LineCancel;
use crate::pickup::Pickup;
use crate::reroute::Reroute;
use crate::shop_order::Standing;

/// How an order came (see the contract).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Capture {
    /// Asked for; may be refused.
    Request = 0,
    /// Already sold; never refused.
    Fact = 1,
}

/// Where an order stands (see the contract).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum State {
    /// Taken in; identity, items, price and stock are being settled.
    Received = 0,
    /// Waits for a person.
    Held = 1,
    /// Stock is promised.
    Reserved = 2,
    /// The ERP has it.
    Booked = 3,
    /// Partly shipped.
    PartlyShipped = 4,
    /// All shipped.
    Shipped = 5,
    /// All done.
    Completed = 6,
    /// Being undone.
    Cancelling = 7,
    /// Undone.
    Cancelled = 8,
    /// Refused at capture.
    Refused = 9,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum LineKind {
    /// Goods kept in stock.
    Goods = 0,
    /// A charge: no stock moves.
    Charge = 1,
}

/// One tax as given.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Tax {
    /// Name.
    #[prost(string, tag = "1")]
    pub title: String,
    /// Jurisdiction.
    #[prost(string, tag = "2")]
    pub jurisdiction: String,
    /// Rate, decimal text.
    #[prost(string, tag = "3")]
    pub rate: String,
    /// Minor units of the order's currency.
    #[prost(int64, tag = "4")]
    pub minor: i64,
    /// Already in the line's amount.
    #[prost(bool, tag = "5")]
    pub included: bool,
    /// Collected by the channel, not by the merchant.
    #[prost(bool, tag = "6")]
    pub by_channel: bool,
}

/// One line.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Line {
    /// Id, unique for ever.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Number, from 1.
    #[prost(int32, tag = "2")]
    pub number: i32,
    /// Goods or charge.
    #[prost(enumeration = "LineKind", tag = "3")]
    pub kind: i32,
    /// Item code; settled by the reference service.
    #[prost(string, tag = "4")]
    pub sku: String,
    /// The channel's record of the item.
    #[prost(message, optional, tag = "5")]
    pub item: Option<Ref>,
    /// Text.
    #[prost(string, tag = "6")]
    pub description: String,
    /// Ordered, millionths.
    #[prost(int64, tag = "7")]
    pub quantity: i64,
    /// Price of one unit, decimal text.
    #[prost(string, tag = "8")]
    pub unit_price: String,
    /// Discount on the line, minor units.
    #[prost(int64, tag = "9")]
    pub discount: i64,
    /// What the line costs, minor units.
    #[prost(int64, tag = "10")]
    pub amount: i64,
    /// Taxes.
    #[prost(message, repeated, tag = "11")]
    pub taxes: Vec<Tax>,
    /// Where it ships from.
    #[prost(string, tag = "12")]
    pub location: String,
    /// The channel's id of the line.
    #[prost(string, tag = "13")]
    pub channel_line_id: String,
    /// Promised, millionths.
    #[prost(int64, tag = "14")]
    pub reserved: i64,
    /// Promised without stock, millionths.
    #[prost(int64, tag = "15")]
    pub shortfall: i64,
    /// Committed by the ERP, millionths.
    #[prost(int64, tag = "16")]
    pub committed: i64,
    /// Backordered by the ERP, millionths.
    #[prost(int64, tag = "17")]
    pub backordered: i64,
    /// Shipped, millionths.
    #[prost(int64, tag = "18")]
    pub shipped: i64,
    /// Invoiced, millionths.
    #[prost(int64, tag = "19")]
    pub invoiced: i64,
    /// Closed unshipped by the ERP's people or a cancellation.
    #[prost(bool, tag = "20")]
    pub closed: bool,
    /// Day the ERP expects to ship.
    #[prost(string, tag = "21")]
    pub expected_date: String,
    /// Records of other systems.
    #[prost(message, repeated, tag = "22")]
    pub refs: Vec<Ref>,
    /// The retailer's own fields.
    #[prost(btree_map = "string, string", tag = "23")]
    pub attributes: BTreeMap<String, String>,
    /// The reservation that holds it, once it was rerouted; empty for the order's own.
    #[prost(string, tag = "24")]
    pub reservation: String,
    /// Further reservations that hold parts of it, since more of it was ordered; the rest is held by the first.
    #[prost(message, repeated, tag = "25")]
    pub further: Vec<Holding>,
    /// Number of the customer's line that it is a part of, because no single place had all of it; 0 for a line as ordered.
    #[prost(int32, tag = "26")]
    pub split_from: i32,
    /// What its channel sold of it, millionths, once it was split; absent while that follows from its quantity and its edits.
    #[prost(int64, optional, tag = "27")]
    pub sold: Option<i64>,
}

/// Why an order waits for a person.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Hold {
    /// UPPER_SNAKE_CASE cause.
    #[prost(string, tag = "1")]
    pub reason: String,
    /// What is wrong and what to do.
    #[prost(string, tag = "2")]
    pub detail: String,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "3")]
    pub since: i64,
    /// When it runs out, milliseconds since 1970; 0 is never.
    #[prost(int64, tag = "4")]
    pub expires_at: i64,
}

/// Who buys.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Buyer {
    /// The channel's customer id.
    #[prost(string, tag = "1")]
    pub channel_customer_id: String,
    /// E-mail.
    #[prost(string, tag = "2")]
    pub email: String,
    /// The channel has verified it.
    #[prost(bool, tag = "3")]
    pub email_verified: bool,
    /// Phone.
    #[prost(string, tag = "4")]
    pub phone: String,
    /// First name.
    #[prost(string, tag = "5")]
    pub first_name: String,
    /// Last name.
    #[prost(string, tag = "6")]
    pub last_name: String,
    /// Company.
    #[prost(string, tag = "7")]
    pub company: String,
}

/// An order.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Order {
    /// Id, derived from channel and channel order id.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Number the customer knows.
    #[prost(string, tag = "2")]
    pub number: String,
    /// Channel instance.
    #[prost(string, tag = "3")]
    pub channel: String,
    /// The channel's id.
    #[prost(string, tag = "4")]
    pub channel_order_id: String,
    /// How it came.
    #[prost(enumeration = "Capture", tag = "5")]
    pub capture: i32,
    /// Where it stands.
    #[prost(enumeration = "State", tag = "6")]
    pub state: i32,
    /// Open holds.
    #[prost(message, repeated, tag = "7")]
    pub holds: Vec<Hold>,
    /// Holds that a person has released, by reason.
    #[prost(string, repeated, tag = "8")]
    pub released: Vec<String>,
    /// The workflow waits for a person.
    #[prost(bool, tag = "9")]
    pub parked: bool,
    /// Why it is parked, refused or cancelled.
    #[prost(string, tag = "10")]
    pub cause: String,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "11")]
    pub placed_at: i64,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "12")]
    pub updated_at: i64,
    /// Our customer.
    #[prost(string, tag = "13")]
    pub customer_id: String,
    /// Who buys.
    #[prost(message, optional, tag = "14")]
    pub buyer: Option<Buyer>,
    /// Billing address.
    #[prost(message, optional, tag = "15")]
    pub billing_address: Option<Address>,
    /// Shipping address.
    #[prost(message, optional, tag = "16")]
    pub shipping_address: Option<Address>,
    /// Lines in the customer's order.
    #[prost(message, repeated, tag = "17")]
    pub lines: Vec<Line>,
    /// ISO 4217 code of every amount.
    #[prost(string, tag = "18")]
    pub currency: String,
    /// Total the customer was shown, minor units.
    #[prost(int64, tag = "19")]
    pub total: i64,
    /// Payments.
    #[prost(message, repeated, tag = "20")]
    pub payments: Vec<Payment>,
    /// Records of other systems.
    #[prost(message, repeated, tag = "21")]
    pub refs: Vec<Ref>,
    /// Shipments.
    #[prost(message, repeated, tag = "22")]
    pub shipments: Vec<Shipment>,
    /// Invoices.
    #[prost(message, repeated, tag = "23")]
    pub invoices: Vec<Invoice>,
    /// Brand.
    #[prost(string, tag = "24")]
    pub brand: String,
    /// Market.
    #[prost(string, tag = "25")]
    pub market: String,
    /// Locale.
    #[prost(string, tag = "26")]
    pub locale: String,
    /// Home region.
    #[prost(string, tag = "27")]
    pub region: String,
    /// The retailer's own fields.
    #[prost(btree_map = "string, string", tag = "28")]
    pub attributes: BTreeMap<String, String>,
    /// Version of the public state, from 1.
    #[prost(uint64, tag = "29")]
    pub version: u64,
    /// Trace context of the request that placed it.
    #[prost(string, tag = "30")]
    pub traceparent: String,
    /// Prices contain the taxes.
    #[prost(bool, tag = "31")]
    pub taxes_included: bool,
    /// Items are resolved.
    #[prost(bool, tag = "32")]
    pub items_known: bool,
    /// Price and tax are checked.
    #[prost(bool, tag = "33")]
    pub checked: bool,
    /// The ERP has the customer.
    #[prost(bool, tag = "34")]
    pub erp_customer: bool,
    /// The reservation stands.
    #[prost(bool, tag = "35")]
    pub reserved: bool,
    /// The reservation is lasting.
    #[prost(bool, tag = "36")]
    pub confirmed: bool,
    /// The sales order in the ERP.
    #[prost(message, optional, tag = "37")]
    pub sales_order: Option<Ref>,
    /// Stamp of the ERP's state that was last taken over.
    #[prost(string, tag = "38")]
    pub erp_etag: String,
    /// Stamp of the state that the CRM was last told.
    #[prost(string, tag = "39")]
    pub crm_told: String,
    /// A cancellation found that the ERP may have been asked for a sales order.
    #[prost(bool, tag = "40")]
    pub erp_asked: bool,
    /// The ERP has closed the sales order, or never had it.
    #[prost(bool, tag = "41")]
    pub erp_closed: bool,
    /// What was still promised is given back.
    #[prost(bool, tag = "42")]
    pub given_back: bool,
    /// Digest of the request that placed it: the same channel order with other content is a conflict.
    #[prost(bytes = "vec", tag = "43")]
    pub digest: Vec<u8>,
    /// ERP instance that books it.
    #[prost(string, tag = "44")]
    pub erp: String,
    /// Rebuilt from other systems: nothing is done for it.
    #[prost(bool, tag = "45")]
    pub adopted: bool,
    /// Money given back, or to be given back, because nothing will be delivered for it.
    #[prost(message, repeated, tag = "46")]
    pub refunds: Vec<Refund>,
    /// What the shop has given back by itself is known, and what is owed beyond it is among the refunds.
    #[prost(bool, tag = "47")]
    pub refunds_known: bool,
    /// How often refunds were planned anew, because one was refused or more was captured: the next one has another number.
    #[prost(uint32, tag = "48")]
    pub refunds_refused: u32,
    /// Which places it was given to, and why; absent when it was not sourced.
    #[prost(message, optional, tag = "49")]
    pub sourced: Option<Sourced>,
    /// Where the customer collects it; absent when it is shipped.
    #[prost(message, optional, tag = "50")]
    pub pickup: Option<Pickup>,
    /// Lines that went to another place, oldest first; only the last may be under way.
    #[prost(message, repeated, tag = "51")]
    pub reroutes: Vec<Reroute>,
    /// Lines that were cancelled while the rest went on, oldest first; only the last may be under way.
    #[prost(message, repeated, tag = "52")]
    pub line_cancels: Vec<LineCancel>,
    /// Risk of fraud, 0 to 100; absent when it was not assessed.
    #[prost(uint32, optional, tag = "53")]
    pub risk_score: Option<u32>,
    /// How the shop says that it stands, once that is another thing than how it was sold.
    #[prost(message, optional, tag = "60")]
    pub shop: Option<Standing>,
    /// The shop knows that it is cancelled: it said so, or was told.
    #[prost(bool, tag = "61")]
    pub shop_knows: bool,
    /// Changes that were made to it, oldest first; only the last may be under way.
    #[prost(message, repeated, tag = "62")]
    pub edits: Vec<Edit>,
    /// How often it was changed before anything was promised: each time it is promised under another name.
    #[prost(uint32, tag = "63")]
    pub redone: u32,
    /// The reservation of the whole order; empty when it has the order's own id.
    #[prost(string, tag = "64")]
    pub reservation: String,
    /// Where it stands with its customer's credit; absent when its channel does not ask.
    #[prost(message, optional, tag = "65")]
    pub credit: Option<Credit>,
    /// What returns have credited of it before it was paid, oldest first.
    #[prost(message, repeated, tag = "66")]
    pub return_credits: Vec<ReturnCredit>,
}

impl retail_store::Document for Order {
    const KIND: &'static str = "order";
    const SCHEMA: u32 = 1;
}

impl Line {
    /// Ordered.
    #[must_use]
    pub fn ordered(&self) -> Quantity {
        Quantity::from_millionths(self.quantity)
    }

    /// Price of one unit. Parsed at the door, so it always reads.
    #[must_use]
    pub fn price(&self) -> Decimal {
        Decimal::from_str_exact(&self.unit_price).unwrap_or_default()
    }

    /// True when stock moves.
    #[must_use]
    pub fn is_goods(&self) -> bool {
        self.kind() == LineKind::Goods
    }

    /// Goods that are to be promised: of a line that was taken away nothing is.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.is_goods() && self.quantity > 0
    }

    /// Nothing of it has shipped, and nothing was closed.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        !self.closed && self.shipped == 0
    }

    /// Still to be shipped, millionths.
    #[must_use]
    pub fn open(&self) -> i64 {
        if self.closed { 0 } else { self.quantity.saturating_sub(self.shipped).max(0) }
    }
}

impl Order {
    /// The currency. Parsed at the door, so it always reads.
    #[must_use]
    pub fn money(&self, minor: i64) -> Option<Money> {
        self.currency.parse::<Currency>().ok().map(|currency| Money::from_minor(minor, currency))
    }

    /// The ERP instance that has it. Orders of older releases say so with their sales order only.
    #[must_use]
    pub fn erp(&self) -> &str {
        match &self.sales_order {
            Some(document) if self.erp.is_empty() => &document.instance,
            Some(_) | None => &self.erp,
        }
    }

    /// Closes what has not shipped: nothing more will.
    pub(crate) fn close_open_lines(&mut self) {
        for line in self.lines.iter_mut().filter(|line| line.shipped < line.quantity) {
            line.closed = true;
        }
    }

    /// The sourcing decision that stands.
    #[must_use]
    pub fn decision(&self) -> Option<&Decision> {
        self.sourced.as_ref().and_then(Sourced::standing)
    }

    /// The place that ships a line: as decided, else as the line says.
    #[must_use]
    pub fn place_of<'a>(&'a self, line: &'a Line) -> &'a str {
        self.decision().and_then(|decision| decision.place_of(line.number)).unwrap_or(&line.location)
    }

    /// May stock be promised that is not there?
    #[must_use]
    pub fn allows_shortfall(&self) -> bool {
        let unsourced = self.decision().is_none() && self.capture() == Capture::Fact;
        unsourced || self.sourced.as_ref().is_some_and(Sourced::allows_shortfall)
    }

    /// The line with a number.
    #[must_use]
    pub fn line(&self, number: i32) -> Option<&Line> {
        self.lines.iter().find(|line| line.number == number)
    }
}
