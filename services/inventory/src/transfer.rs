//! A transfer: goods that are set aside at one location, leave it, are on the road, and arrive at another, wholly, in part
//! or with a difference. Plain data and its rules, pure. It lies with the location that the goods leave; what has arrived
//! is committed here first and then taken in at the destination, whatever crashes in between.
//!
//! Always `sent = received + lost + on the road`, item by item, and nothing is negative.

use std::collections::BTreeMap;

use retail_proto::Quantity;
use retail_proto::types::v1::Ref;
use retail_runtime::fault::Violations;

use crate::shelf::Shelf;
use crate::stock::Act;
use crate::transfer_fault::{NotFree, TransferError};

/// What the id of a transfer begins with where it is expected.
pub(crate) const TRANSFER: &str = "transfer:";

/// Where a transfer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Road {
    /// Set aside.
    Planned = 0,
    /// Has left, not all has arrived.
    OnTheRoad = 1,
    /// Nothing is on the road any more.
    Arrived = 2,
    /// Called off before it left.
    Cancelled = 3,
}

/// Goods of one item. Millionths of the base unit.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Freight {
    /// Item code.
    #[prost(string, tag = "1")]
    pub sku: String,
    /// Set aside.
    #[prost(int64, tag = "2")]
    pub planned: i64,
    /// Of it, was promised to others.
    #[prost(int64, tag = "3")]
    pub short: i64,
    /// Left.
    #[prost(int64, tag = "4")]
    pub sent: i64,
    /// Of it, arrived.
    #[prost(int64, tag = "5")]
    pub received: i64,
    /// Of it, will not arrive.
    #[prost(int64, tag = "6")]
    pub lost: i64,
    /// Arrived beyond it.
    #[prost(int64, tag = "7")]
    pub surplus: i64,
}

impl Freight {
    /// Left and neither arrived nor lost.
    #[must_use]
    pub(crate) fn on_the_road(&self) -> i64 {
        self.sent.saturating_sub(self.received).saturating_sub(self.lost)
    }
}

/// What came of one item with one receipt. Millionths.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Came {
    /// Item code.
    #[prost(string, tag = "1")]
    pub sku: String,
    /// Of what was on the road, arrived.
    #[prost(int64, tag = "2")]
    pub received: i64,
    /// Of what was on the road, will not arrive.
    #[prost(int64, tag = "3")]
    pub lost: i64,
    /// Beyond what was on the road.
    #[prost(int64, tag = "4")]
    pub surplus: i64,
}

/// A receipt.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Arrival {
    /// The caller's id.
    #[prost(string, tag = "1")]
    pub receipt_id: String,
    /// When it came, milliseconds since 1970.
    #[prost(int64, tag = "2")]
    pub happened_at: i64,
    /// What came.
    #[prost(message, repeated, tag = "3")]
    pub lines: Vec<Came>,
    /// Cause of what is lost or beyond.
    #[prost(string, tag = "4")]
    pub reason: String,
    /// The destination's stock has it.
    #[prost(bool, tag = "5")]
    pub landed: bool,
    /// The ERP has it.
    #[prost(bool, tag = "6")]
    pub posted: bool,
    /// Digest of what was asked.
    #[prost(bytes = "vec", tag = "7")]
    pub digest: Vec<u8>,
}

/// A transfer.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Transfer {
    /// Id.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Where the goods come from.
    #[prost(string, tag = "2")]
    pub from: String,
    /// Where they go.
    #[prost(string, tag = "3")]
    pub to: String,
    /// What goes.
    #[prost(message, repeated, tag = "4")]
    pub lines: Vec<Freight>,
    /// Where it stands.
    #[prost(enumeration = "Road", tag = "5")]
    pub road: i32,
    /// When it is expected to arrive, milliseconds since 1970.
    #[prost(int64, tag = "6")]
    pub expected_at: i64,
    /// When it left, milliseconds since 1970; 0 is not yet.
    #[prost(int64, tag = "7")]
    pub left_at: i64,
    /// Reference for people.
    #[prost(string, tag = "8")]
    pub reference: String,
    /// Receipts, oldest first.
    #[prost(message, repeated, tag = "9")]
    pub arrivals: Vec<Arrival>,
    /// Digest of what was asked for.
    #[prost(bytes = "vec", tag = "10")]
    pub digest: Vec<u8>,
    /// Key of the request that said that it left.
    #[prost(string, tag = "11")]
    pub sent_by: String,
    /// How often what the destination should expect has changed.
    #[prost(uint32, tag = "12")]
    pub word: u32,
    /// Up to which of these the destination was told.
    #[prost(uint32, tag = "13")]
    pub told: u32,
    /// When it changed last, milliseconds since 1970; grows with each change.
    #[prost(int64, tag = "14")]
    pub word_at: i64,
    /// An ERP is to be told.
    #[prost(bool, tag = "15")]
    pub to_post: bool,
    /// The ERP knows that it left.
    #[prost(bool, tag = "16")]
    pub shipped: bool,
    /// The ERP's documents.
    #[prost(message, repeated, tag = "17")]
    pub documents: Vec<Ref>,
    /// Version, from 1.
    #[prost(uint64, tag = "18")]
    pub version: u64,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Id.
    pub id: String,
    /// Where the goods lie.
    pub from: String,
    /// Where they go.
    pub to: String,
    /// Items, each once.
    pub lines: Vec<(String, Quantity)>,
    /// When they are expected, milliseconds since 1970.
    pub expected_at: i64,
    /// Take what is promised to others, too.
    pub force: bool,
    /// Reference for people.
    pub reference: String,
    /// Digest of the request.
    pub digest: Vec<u8>,
    /// An ERP is to be told.
    pub to_post: bool,
}

/// That goods have left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaving {
    /// Key of the request.
    pub key: String,
    /// What left where it is not what was planned.
    pub lines: BTreeMap<String, Quantity>,
    /// When they are expected, milliseconds since 1970; as planned when absent.
    pub expected_at: Option<i64>,
}

/// What has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Coming {
    /// The caller's id of the receipt.
    pub receipt_id: String,
    /// Items, each once; none for all that is on the road.
    pub lines: Vec<(String, Quantity)>,
    /// Nothing more will come.
    pub complete: bool,
    /// Cause of a difference.
    pub reason: String,
    /// Digest of the request.
    pub digest: Vec<u8>,
}

impl Transfer {
    /// Sets the goods aside, all or nothing.
    pub(crate) fn plan(plan: &Plan, shelf: &mut Shelf, act: Act<'_>) -> Result<Self, TransferError> {
        let over = plan.lines.iter().zip(0_usize..).filter_map(|((sku, asked), place)| {
            let free = shelf.sellable(sku);
            let fits = plan.force || asked.millionths() <= free.millionths();
            (!fits).then(|| NotFree { place, sku: sku.clone(), asked: *asked, free })
        });
        let over: Vec<NotFree> = over.collect();
        if !over.is_empty() {
            return Err(TransferError::NotFree { location: plan.from.clone(), lines: over });
        }
        let mut lines = Vec::with_capacity(plan.lines.len());
        for (sku, quantity) in &plan.lines {
            let short = shelf.with(sku, |stock| {
                let (short, movement) = stock.set_aside(*quantity, act)?;
                Ok((short.millionths(), Some(movement)))
            })?;
            lines.push(Freight { sku: sku.clone(), planned: quantity.millionths(), short, ..Freight::default() });
        }
        let mut transfer = Self {
            id: plan.id.clone(),
            from: plan.from.clone(),
            to: plan.to.clone(),
            lines,
            expected_at: plan.expected_at,
            reference: plan.reference.clone(),
            digest: plan.digest.clone(),
            to_post: plan.to_post,
            ..Self::default()
        };
        transfer.changes_its_word(act);
        Ok(transfer)
    }

    /// Takes over that the goods have left; false when the same request said so before. `books` is who keeps the books.
    pub(crate) fn send(
        &mut self,
        leaving: &Leaving,
        books: &str,
        shelf: &mut Shelf,
        act: Act<'_>,
    ) -> Result<bool, TransferError> {
        match self.road() {
            Road::OnTheRoad | Road::Arrived if self.sent_by == leaving.key => return Ok(false),
            Road::OnTheRoad | Road::Arrived => return Err(TransferError::HasLeft(self.id.clone())),
            Road::Cancelled => return Err(self.ended()),
            Road::Planned => {}
        }
        self.must_leave(leaving)?;
        for line in &mut self.lines {
            let left = leaving.lines.get(&line.sku).copied().unwrap_or(Quantity::from_millionths(line.planned));
            line.sent = left.millionths();
            let posts = self.to_post && line.sent > 0;
            shelf.with_all(&line.sku, |stock| {
                let movements = stock.send_off(Quantity::from_millionths(line.planned), left, books, act)?;
                if posts {
                    stock.posting();
                }
                Ok(movements)
            })?;
        }
        self.sent_by.clone_from(&leaving.key);
        self.left_at = act.happened_at.as_millisecond();
        self.expected_at = leaving.expected_at.unwrap_or(self.expected_at);
        self.set_road(Road::OnTheRoad);
        self.changes_its_word(act);
        Ok(true)
    }

    /// Takes over what has come; false when the receipt is known.
    pub(crate) fn arrive(&mut self, coming: &Coming, act: Act<'_>) -> Result<bool, TransferError> {
        if let Some(known) = self.arrivals.iter().find(|arrival| arrival.receipt_id == coming.receipt_id) {
            let same = known.digest == coming.digest;
            return if same { Ok(false) } else { Err(TransferError::ReceiptDiffers(coming.receipt_id.clone())) };
        }
        if self.road() != Road::OnTheRoad {
            return Err(self.ended());
        }
        let came = self.compared(coming)?;
        for came in &came {
            if let Some(line) = self.lines.iter_mut().find(|line| line.sku == came.sku) {
                line.received = line.received.saturating_add(came.received);
                line.lost = line.lost.saturating_add(came.lost);
                line.surplus = line.surplus.saturating_add(came.surplus);
            }
        }
        self.arrivals.push(Arrival {
            receipt_id: coming.receipt_id.clone(),
            happened_at: act.happened_at.as_millisecond(),
            lines: came,
            reason: coming.reason.clone(),
            digest: coming.digest.clone(),
            ..Arrival::default()
        });
        if self.lines.iter().all(|line| line.on_the_road() == 0) {
            self.set_road(Road::Arrived);
        }
        self.version = self.version.saturating_add(1);
        Ok(true)
    }

    /// Gives back what was set aside; false when that was done before.
    pub(crate) fn cancel(&mut self, shelf: &mut Shelf, act: Act<'_>) -> Result<bool, TransferError> {
        match self.road() {
            Road::Cancelled => return Ok(false),
            Road::OnTheRoad | Road::Arrived => return Err(TransferError::HasLeft(self.id.clone())),
            Road::Planned => {}
        }
        for line in &self.lines {
            shelf.with(&line.sku, |stock| {
                Ok(((), Some(stock.set_back(Quantity::from_millionths(line.planned), act)?)))
            })?;
        }
        self.set_road(Road::Cancelled);
        self.changes_its_word(act);
        Ok(true)
    }

    /// Items of all lines.
    pub(crate) fn skus(&self) -> impl Iterator<Item = &String> {
        self.lines.iter().map(|line| &line.sku)
    }

    /// Its id where it is expected.
    #[must_use]
    pub(crate) fn expected_id(&self) -> String {
        format!("{TRANSFER}{}", self.id)
    }

    /// Nothing of it is under way and everybody was told.
    #[must_use]
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.road(), Road::Arrived | Road::Cancelled)
    }

    /// What came, item by item, of what is on the road, and what that leaves.
    fn compared(&self, coming: &Coming) -> Result<Vec<Came>, TransferError> {
        let mut bad = Violations::default();
        for ((sku, _), place) in coming.lines.iter().zip(0_usize..) {
            let known = self.lines.iter().any(|line| line.sku == *sku);
            let what = "was not sent with this transfer; take it in as a receipt of its own";
            bad.require(&format!("lines[{place}].sku"), known, what);
        }
        bad.check()?;
        let said = |sku: &str| coming.lines.iter().find(|(named, _)| named == sku).map(|(_, came)| came.millionths());
        let came = self.lines.iter().filter_map(|line| {
            let road = line.on_the_road();
            let came = if coming.lines.is_empty() { road } else { said(&line.sku).unwrap_or(0) };
            let received = came.min(road);
            let lost = if coming.complete { road.saturating_sub(received) } else { 0 };
            let surplus = came.saturating_sub(received);
            (received > 0 || lost > 0 || surplus > 0).then(|| Came { sku: line.sku.clone(), received, lost, surplus })
        });
        let came: Vec<Came> = came.collect();
        let differs = came.iter().any(|came| came.lost > 0 || came.surplus > 0);
        let mut bad = Violations::default();
        bad.require("lines", !came.is_empty(), "nothing came of it; say `complete` when nothing will");
        let what = "more or less came than was on the road: say why, for example LOST_ON_THE_ROAD";
        bad.require("reason", !differs || !coming.reason.is_empty(), what);
        bad.check()?;
        Ok(came)
    }

    fn must_leave(&self, leaving: &Leaving) -> Result<(), TransferError> {
        let mut bad = Violations::default();
        for (sku, quantity) in &leaving.lines {
            let planned = self.lines.iter().find(|line| line.sku == *sku).map(|line| line.planned);
            let what = format!("{sku} is no item of this transfer");
            bad.require("lines", planned.is_some(), &what);
            let fits = planned.is_none_or(|planned| quantity.millionths() <= planned);
            let what = format!("more of {sku} left than was set aside; the rest is a transfer of its own");
            bad.require("lines", fits, &what);
        }
        let left = |line: &Freight| leaving.lines.get(&line.sku).is_none_or(|quantity| quantity.is_positive());
        bad.require("lines", self.lines.iter().any(left), "nothing left; cancel the transfer instead");
        bad.check()?;
        Ok(())
    }

    fn ended(&self) -> TransferError {
        TransferError::Ended { id: self.id.clone(), road: self.road() }
    }

    fn changes_its_word(&mut self, act: Act<'_>) {
        self.word = self.word.saturating_add(1);
        self.word_at = act.now.as_millisecond().max(self.word_at.saturating_add(1));
        self.version = self.version.saturating_add(1);
    }
}

#[cfg(test)]
#[path = "transfer_tests.rs"]
mod tests;
