//! The return as it is stored. Plain data; what may happen to it stands in `standing.rs`, `settling.rs`, `receiving.rs`
//! and `facts.rs`.

use std::collections::BTreeMap;

use retail_proto::types::v1::Ref;

use crate::line::{Line, Stage};
use crate::part::{Disposition, Part};

/// How a return came (see the contract).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Capture {
    /// Asked for; the policy may refuse lines.
    Request = 0,
    /// Decided already.
    Fact = 1,
}

/// Where a return stands (see the contract).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum State {
    /// Customer, purchases and eligibility are being settled.
    Requested = 0,
    /// Every line waits for a person.
    Held = 1,
    /// The goods are awaited.
    Authorized = 2,
    /// Something has come back.
    PartlyReceived = 3,
    /// All has come back.
    Received = 4,
    /// Every book is closed.
    Completed = 5,
    /// Being undone.
    Cancelling = 6,
    /// Undone.
    Cancelled = 7,
    /// Every line was dismissed.
    Refused = 8,
}

/// What the shop was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Answer {
    /// Nothing yet.
    None = 0,
    /// Approved or declined.
    Given = 1,
}

/// What is kept of an order that a line was bought with.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Bought {
    /// The order.
    #[prost(string, tag = "1")]
    pub(crate) order_id: String,
    /// Number the customer knows.
    #[prost(string, tag = "2")]
    pub(crate) number: String,
    /// Channel it was sold at: its owner refunds.
    #[prost(string, tag = "3")]
    pub(crate) channel: String,
    /// The channel's own id.
    #[prost(string, tag = "4")]
    pub(crate) channel_order_id: String,
    /// ERP that books it.
    #[prost(string, tag = "5")]
    pub(crate) erp: String,
    /// Currency of its amounts.
    #[prost(string, tag = "6")]
    pub(crate) currency: String,
    /// Its customer.
    #[prost(string, tag = "7")]
    pub(crate) customer_id: String,
    /// The ERP's sales order.
    #[prost(message, optional, tag = "8")]
    pub(crate) sales_order: Option<Ref>,
    /// Its invoices.
    #[prost(message, repeated, tag = "9")]
    pub(crate) invoices: Vec<Ref>,
    /// How it was paid, in the ERP's words.
    #[prost(string, tag = "10")]
    pub(crate) tender: String,
    /// A cancellation has given back what was claimed of it.
    #[prost(bool, tag = "11")]
    pub(crate) given_back: bool,
}

/// A refund that the shop made by itself.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Given {
    /// The shop's refund.
    #[prost(message, optional, tag = "1")]
    pub(crate) record: Option<Ref>,
    /// What was given back, minor units; 0 when no money moved.
    #[prost(int64, tag = "2")]
    pub(crate) minor: i64,
    /// When, milliseconds since 1970.
    #[prost(int64, tag = "3")]
    pub(crate) at: i64,
    /// The order.
    #[prost(string, tag = "4")]
    pub(crate) order_id: String,
    /// The books of the order know of it.
    #[prost(bool, tag = "5")]
    pub(crate) noted: bool,
    /// The shop has said since that the money was not given back.
    #[prost(bool, tag = "6")]
    pub(crate) failed: bool,
}

/// A return.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Return {
    /// Id, derived from source and source return id.
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    /// Number the customer knows; empty before it is authorized.
    #[prost(string, tag = "2")]
    pub(crate) rma: String,
    /// How it came.
    #[prost(enumeration = "Capture", tag = "3")]
    pub(crate) capture: i32,
    /// Where it stands.
    #[prost(enumeration = "State", tag = "4")]
    pub(crate) state: i32,
    /// The workflow waits for a person.
    #[prost(bool, tag = "5")]
    pub(crate) parked: bool,
    /// Why it is parked or cancelled.
    #[prost(string, tag = "6")]
    pub(crate) cause: String,
    /// Channel the goods were sold at.
    #[prost(string, tag = "7")]
    pub(crate) channel: String,
    /// Where it was asked for.
    #[prost(string, tag = "8")]
    pub(crate) source: String,
    /// The source's own id.
    #[prost(string, tag = "9")]
    pub(crate) source_return_id: String,
    /// Our customer, once known.
    #[prost(string, tag = "10")]
    pub(crate) customer_id: String,
    /// A system's own record of the customer.
    #[prost(message, optional, tag = "11")]
    pub(crate) customer: Option<Ref>,
    /// Nobody needs to look for the customer any more.
    #[prost(bool, tag = "12")]
    pub(crate) customer_sought: bool,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "13")]
    pub(crate) requested_at: i64,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "14")]
    pub(crate) updated_at: i64,
    /// Lines.
    #[prost(message, repeated, tag = "15")]
    pub(crate) lines: Vec<Line>,
    /// Parts, one per source invoice.
    #[prost(message, repeated, tag = "16")]
    pub(crate) parts: Vec<Part>,
    /// Orders the lines were bought with.
    #[prost(message, repeated, tag = "17")]
    pub(crate) orders: Vec<Bought>,
    /// The CRM's case.
    #[prost(message, optional, tag = "18")]
    pub(crate) case_record: Option<Ref>,
    /// For people.
    #[prost(string, tag = "19")]
    pub(crate) note: String,
    /// The shop shall tell the customer of the refund.
    #[prost(bool, tag = "20")]
    pub(crate) notify: bool,
    /// The retailer's own fields.
    #[prost(btree_map = "string, string", tag = "21")]
    pub(crate) attributes: BTreeMap<String, String>,
    /// Version of the public state, from 1.
    #[prost(uint64, tag = "22")]
    pub(crate) version: u64,
    /// Trace context of the request that started it.
    #[prost(string, tag = "23")]
    pub(crate) traceparent: String,
    /// Digest of the request that started it.
    #[prost(bytes = "vec", tag = "24")]
    pub(crate) digest: Vec<u8>,
    /// A refund that the shop made by itself, when the return came of one.
    #[prost(message, optional, tag = "25")]
    pub(crate) given: Option<Given>,
    /// What the shop was answered.
    #[prost(enumeration = "Answer", tag = "26")]
    pub(crate) answered: i32,
    /// Since when lines wait for their orders, milliseconds since 1970; 0 when none does.
    #[prost(int64, tag = "27")]
    pub(crate) waiting_since: i64,
    /// When those orders are looked at again, milliseconds since 1970.
    #[prost(int64, tag = "28")]
    pub(crate) look_at: i64,
}

impl retail_store::Document for Return {
    const KIND: &'static str = "return";
    const SCHEMA: u32 = 1;
}

impl Return {
    /// The line with a number.
    #[must_use]
    pub(crate) fn line(&self, number: i32) -> Option<&Line> {
        self.lines.iter().find(|line| line.number == number)
    }

    /// The line with a number, to change.
    pub(crate) fn line_mut(&mut self, number: i32) -> Option<&mut Line> {
        self.lines.iter_mut().find(|line| line.number == number)
    }

    /// The number after the last line's.
    #[must_use]
    pub(crate) fn next_number(&self) -> i32 {
        self.lines.iter().map(|line| line.number).max().unwrap_or(0).saturating_add(1)
    }

    /// The part with a number.
    #[must_use]
    pub(crate) fn part(&self, number: i32) -> Option<&Part> {
        self.parts.iter().find(|part| part.number == number)
    }

    /// The part with a number, to change.
    pub(crate) fn part_mut(&mut self, number: i32) -> Option<&mut Part> {
        self.parts.iter_mut().find(|part| part.number == number)
    }

    /// Lines of a part.
    pub(crate) fn lines_of<'a>(&'a self, part: &'a Part) -> impl Iterator<Item = &'a Line> {
        self.lines.iter().filter(|line| line.part == part.number && line.stage() == Stage::Claimed)
    }

    /// What is kept of an order.
    #[must_use]
    pub(crate) fn bought(&self, order_id: &str) -> Option<&Bought> {
        self.orders.iter().find(|order| order.order_id == order_id)
    }

    /// Has come back of a line, millionths.
    #[must_use]
    pub(crate) fn received(&self, line: &Line) -> i64 {
        self.counted(line, |_| true)
    }

    /// Has come back of a line and is good enough, or needs not come back, millionths. A charge (postage) is given
    /// back with the first goods of its part that are accepted (of the return, when its part has none), or at once when
    /// no goods are to come.
    #[must_use]
    pub(crate) fn accepted(&self, line: &Line) -> i64 {
        if line.is_charge {
            let goods = self.goods_with(line);
            let due = goods.is_empty() || goods.iter().any(|one| self.accepted(one) > 0);
            return if due && line.part != 0 { line.authorized } else { 0 };
        }
        // More than was authorized may lie in the ERP's books; more than that is never credited.
        self.counted(line, |disposition| disposition != Disposition::Reject).min(line.authorized)
    }

    /// Goods that decide whether a charge is given back.
    fn goods_with(&self, charge: &Line) -> Vec<&Line> {
        let goods = |line: &&Line| line.stage() == Stage::Claimed && !line.is_charge;
        let all: Vec<&Line> = self.lines.iter().filter(goods).collect();
        let of_part: Vec<&Line> = all.iter().copied().filter(|line| line.part == charge.part).collect();
        if of_part.is_empty() { all } else { of_part }
    }

    /// True when all of a part that will come has come. Charges wait for the goods that decide about them.
    #[must_use]
    pub(crate) fn is_back(&self, part: &Part) -> bool {
        let decided = |charge: &Line| {
            let goods = self.goods_with(charge);
            self.accepted(charge) > 0 || goods.iter().all(|line| self.awaited(line) == 0)
        };
        self.lines_of(part).all(|line| if line.is_charge { decided(line) } else { self.awaited(line) == 0 })
    }

    fn counted(&self, line: &Line, counts: impl Fn(Disposition) -> bool) -> i64 {
        let Some(part) = self.part(line.part) else { return 0 };
        let lines = part.receipts.iter().flat_map(|receipt| &receipt.lines);
        lines.filter(|one| one.number == line.number && counts(one.disposition())).map(|one| one.quantity).sum()
    }

    /// Still awaited of a line, millionths.
    #[must_use]
    pub(crate) fn awaited(&self, line: &Line) -> i64 {
        let ended = self.part(line.part).is_none_or(|part| part.closing || part.erp_closed);
        if ended || line.is_charge { 0 } else { line.authorized.saturating_sub(self.received(line)).max(0) }
    }

    /// Credited of a line, millionths.
    #[must_use]
    pub(crate) fn credited(&self, line: &Line) -> i64 {
        let part = self.part(line.part).filter(|part| part.credit_memo.is_some());
        let credits = part.and_then(|part| part.settlement.as_ref()).map(|settled| settled.lines.as_slice());
        credits.unwrap_or_default().iter().filter(|one| one.number == line.number).map(|one| one.quantity).sum()
    }

    /// Refunded of a line, millionths.
    #[must_use]
    pub(crate) fn refunded(&self, line: &Line) -> i64 {
        let refunded = self.part(line.part).is_some_and(|part| part.refunded() > 0);
        if refunded { self.credited(line) } else { 0 }
    }

    /// Number of lines that wait for a person; nobody waits in a return that was undone.
    #[must_use]
    pub(crate) fn open_exceptions(&self) -> usize {
        self.exceptions().count()
    }

    /// Lines that wait for a person.
    pub(crate) fn exceptions(&self) -> impl Iterator<Item = &Line> {
        let undone = matches!(self.state(), State::Cancelling | State::Cancelled);
        self.lines.iter().filter(move |line| !undone && line.is_exception())
    }

    /// True when the shop asked and is still to be answered.
    #[must_use]
    pub(crate) fn owes_answer(&self) -> bool {
        let asked_by_shop = self.source == self.channel && self.capture() == Capture::Request && self.given.is_none();
        asked_by_shop && self.answered() == Answer::None
    }

    /// The refund that the shop made by itself, when money moved and was not taken back.
    #[must_use]
    pub(crate) fn gave(&self) -> Option<&Given> {
        self.given.as_ref().filter(|given| given.minor > 0)
    }
}
