//! Editing an order: other quantities, further lines, another address, another store, as one change that comes about whole
//! or not at all. Plain data; what may be asked stands in `asked.rs` and `plan.rs`, what a shop has edited in `by_shop.rs`,
//! how it goes on in `steps.rs`, who is told in `telling.rs`, what it is worth in `worth.rs`. All pure.
//!
//! Before anything is promised the order is simply another one. After that, what is needed further is promised first, then
//! the ERP is told, then what is needed no longer is given back: whatever stops in between, nothing is sold twice, and what
//! the ERP refuses leaves the order as it was.

mod asked;
mod by_shop;
mod parts;
mod plan;
mod steps;
mod telling;
mod worth;

use retail_proto::types::v1::Address;

pub(crate) use self::asked::Asked;
pub(crate) use self::by_shop::ShopEdit;
pub(crate) use self::plan::Circumstances;
use crate::credit::Credit;
use crate::pickup::Pickup;
use crate::record::{Line, Order, Tax};

/// Where an edit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Step {
    /// What it needs further is promised next.
    Asked = 0,
    /// That promise is made lasting next.
    Held = 1,
    /// The ERP is told next; it may have it already.
    Promised = 2,
    /// What is needed no longer is given back next.
    Changed = 3,
    /// All done.
    Done = 4,
    /// It came to nothing: what was promised for it is given back next.
    Withdrawing = 5,
    /// Nothing has changed.
    Failed = 6,
}

/// Whether the shop that sold the order knows of an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Told {
    /// It need not: it shows what it sold.
    Never = 0,
    /// It is told once the edit is done.
    Due = 1,
    /// It knows: it was told, or made the edit itself.
    Done = 2,
    /// It cannot be told.
    Refused = 3,
}

/// A line as an edit changes it. Quantities in millionths, amounts in minor units.
#[derive(Clone, PartialEq, prost::Message)]
pub struct EditedLine {
    /// Number of the line.
    #[prost(int32, tag = "1")]
    pub number: i32,
    /// Ordered before.
    #[prost(int64, tag = "2")]
    pub quantity_before: i64,
    /// Ordered after; 0 takes it away.
    #[prost(int64, tag = "3")]
    pub quantity: i64,
    /// Where it shipped from before.
    #[prost(string, tag = "4")]
    pub location_before: String,
    /// Where it ships from after.
    #[prost(string, tag = "5")]
    pub location: String,
    /// What it cost before.
    #[prost(int64, tag = "6")]
    pub amount_before: i64,
    /// What it costs after.
    #[prost(int64, tag = "7")]
    pub amount: i64,
    /// Discount after.
    #[prost(int64, tag = "8")]
    pub discount: i64,
    /// Taxes after.
    #[prost(message, repeated, tag = "9")]
    pub taxes: Vec<Tax>,
    /// Promised for the edit: all of a line that moves or comes, else what is ordered on top.
    #[prost(int64, tag = "10")]
    pub promise: i64,
    /// The line that comes; absent for one that is there.
    #[prost(message, optional, tag = "11")]
    pub added: Option<Line>,
    /// Item code.
    #[prost(string, tag = "12")]
    pub sku: String,
    /// Promised for the edit without stock, of what a shop has sold.
    #[prost(int64, tag = "13")]
    pub shortfall: i64,
    /// So much of the item must be left at the place when it is promised, millionths.
    #[prost(int64, tag = "14")]
    pub kept_back: i64,
}

/// What is given back of a line once the ERP has the edit.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Returned {
    /// Number of the line.
    #[prost(int32, tag = "1")]
    pub number: i32,
    /// The reservation that held it.
    #[prost(string, tag = "2")]
    pub reservation: String,
    /// Millionths.
    #[prost(int64, tag = "3")]
    pub quantity: i64,
}

/// An edit.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Edit {
    /// Who asked.
    #[prost(string, tag = "1")]
    pub who: String,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "2")]
    pub at: i64,
    /// Why, for people.
    #[prost(string, tag = "3")]
    pub why: String,
    /// Where it stands.
    #[prost(enumeration = "Step", tag = "4")]
    pub step: i32,
    /// What came of it, for people; empty while it is open and when all is well.
    #[prost(string, tag = "5")]
    pub outcome: String,
    /// Lines that it changes.
    #[prost(message, repeated, tag = "6")]
    pub lines: Vec<EditedLine>,
    /// Delivery address before.
    #[prost(message, optional, tag = "7")]
    pub address_before: Option<Address>,
    /// Delivery address after; absent when it stays.
    #[prost(message, optional, tag = "8")]
    pub address: Option<Address>,
    /// Store where it was collected; empty when it was shipped.
    #[prost(string, tag = "9")]
    pub store_before: String,
    /// How it is collected after; absent when that stays.
    #[prost(message, optional, tag = "10")]
    pub pickup: Option<Pickup>,
    /// It is shipped instead of collected.
    #[prost(bool, tag = "11")]
    pub ship: bool,
    /// Total before.
    #[prost(int64, tag = "12")]
    pub total_before: i64,
    /// Total after.
    #[prost(int64, tag = "13")]
    pub total: i64,
    /// What the lines were worth before, with taxes on top.
    #[prost(int64, tag = "14")]
    pub worth_before: i64,
    /// What they are worth after.
    #[prost(int64, tag = "15")]
    pub worth: i64,
    /// Id of the payment that came with it; empty when none did.
    #[prost(string, tag = "16")]
    pub payment: String,
    /// How much of the total was not paid when it was asked for: that much may lack of the new one.
    #[prost(int64, tag = "17")]
    pub lacked: i64,
    /// The ERP does not have the order yet, and is told of it as edited.
    #[prost(bool, tag = "18")]
    pub before_booking: bool,
    /// What is given back.
    #[prost(message, repeated, tag = "19")]
    pub returned: Vec<Returned>,
    /// Version of the order that it changed.
    #[prost(uint64, tag = "20")]
    pub version: u64,
    /// People made it in the shop that sold the order: it is sold already.
    #[prost(bool, tag = "21")]
    pub by_shop: bool,
    /// Whether the shop knows of it.
    #[prost(enumeration = "Told", tag = "22")]
    pub told: i32,
    /// Why the shop could not be told, for people.
    #[prost(string, tag = "23")]
    pub not_told: String,
    /// The shop's version of the order that has it.
    #[prost(uint64, tag = "24")]
    pub shop_version: u64,
    /// Stamp of the ERP's state when it was asked for: one that failed is not tried again before that has changed.
    #[prost(string, tag = "25")]
    pub erp_etag: String,
    /// Where it stands with its customer's credit; absent when its channel does not ask, or nothing was promised yet.
    #[prost(message, optional, tag = "26")]
    pub credit: Option<Credit>,
}

impl Edit {
    /// Nothing happens to it any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.step(), Step::Done | Step::Failed)
    }

    /// The order is as it asks.
    #[must_use]
    pub(crate) fn is_in_the_order(&self) -> bool {
        matches!(self.step(), Step::Changed | Step::Done)
    }

    /// True when something must be promised for it.
    #[must_use]
    pub(crate) fn needs_promise(&self) -> bool {
        self.lines.iter().any(|line| line.promise > 0)
    }

    /// True when the ERP must hear of it: it has neither store nor contact of a pickup, only the places of lines.
    #[must_use]
    pub(crate) fn concerns_the_erp(&self) -> bool {
        !self.lines.is_empty() || self.address.is_some()
    }

    /// The store where it is collected after it; empty when it is shipped.
    #[must_use]
    pub fn store(&self) -> &str {
        match &self.pickup {
            Some(pickup) => &pickup.location,
            None if self.ship => "",
            None => &self.store_before,
        }
    }

    /// What it changes, in words.
    #[must_use]
    pub(crate) fn words(&self) -> String {
        let shown = |quantity| retail_proto::Quantity::from_millionths(quantity).to_string();
        let mut words: Vec<String> = Vec::new();
        for line in self.lines.iter().filter(|line| line.quantity != line.quantity_before) {
            let (before, after) = (shown(line.quantity_before), shown(line.quantity));
            words.push(format!("line {}: {after} instead of {before}", line.number));
        }
        if self.address.is_some() {
            words.push("the delivery address".to_owned());
        }
        if let Some(pickup) = &self.pickup {
            words.push(format!("collected at {}", pickup.location));
        }
        if self.ship {
            words.push("shipped instead of collected".to_owned());
        }
        words.join(", ")
    }
}

impl Order {
    /// The edit under way, and its number from 1.
    #[must_use]
    pub(crate) fn editing(&self) -> Option<(usize, &Edit)> {
        self.edits.last().filter(|last| !last.is_over()).map(|last| (self.edits.len(), last))
    }

    /// Edits that have come about.
    pub(crate) fn done_edits(&self) -> impl Iterator<Item = &Edit> {
        self.edits.iter().filter(|edit| edit.step() == Step::Done)
    }

    /// The id of the reservation that an edit makes.
    #[must_use]
    pub(crate) fn edited_reservation(&self, number: usize) -> String {
        format!("{}/e{number}", self.id)
    }
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;
