//! A feed of stock: how far it has come, which rows did not go in, and the rule that takes the rows of one location in.
//! Pure.
//!
//! A row counts once, by its feed and number. Numbers grow through a feed, so one mark a location says which of its rows
//! are behind it; the mark changes in the commit that changes the stock. The feed's own document follows: it may be one
//! message behind after a crash, and then the marks say which rows of that message went in.

use std::collections::BTreeMap;

use retail_proto::Quantity;
use retail_proto::inventory::v1 as pb;
use retail_runtime::Timestamp;

use crate::shelf::Shelf;
use crate::stock::{Act, Counted, Counter, Stock, StockError};

/// What rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Rows {
    /// Seen at the shelf.
    Counts = 0,
    /// From the books of the authority.
    Snapshot = 1,
    /// Came or left.
    Deltas = 2,
}

/// What became of the rows of one location, each row in one of them.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(crate) struct Tally {
    /// Changed stock.
    #[prost(uint64, tag = "1")]
    pub applied: u64,
    /// Said what was known.
    #[prost(uint64, tag = "2")]
    pub unchanged: u64,
    /// Overtaken.
    #[prost(uint64, tag = "3")]
    pub late: u64,
    /// Bad.
    #[prost(uint64, tag = "4")]
    pub refused: u64,
}

/// A feed.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct StockFeed {
    /// Id as given.
    #[prost(string, tag = "1")]
    pub id: String,
    /// What its rows are.
    #[prost(enumeration = "Rows", tag = "2")]
    pub rows: i32,
    /// Who says so.
    #[prost(string, tag = "3")]
    pub authority: String,
    /// When rows without a time were true, milliseconds since 1970; 0 when each says so itself.
    #[prost(int64, tag = "4")]
    pub valid_at: i64,
    /// Every row up to this number is settled.
    #[prost(uint64, tag = "5")]
    pub settled_through: u64,
    /// Each location's mark as last seen.
    #[prost(btree_map = "string, message", tag = "6")]
    pub places: BTreeMap<String, Tally>,
    /// Rows that were bad before they came to a location.
    #[prost(uint64, tag = "7")]
    pub bad: u64,
    /// Sent to its end.
    #[prost(bool, tag = "8")]
    pub finished: bool,
    /// Opened first, milliseconds since 1970.
    #[prost(int64, tag = "9")]
    pub opened_at: i64,
    /// Last came on, milliseconds since 1970.
    #[prost(int64, tag = "10")]
    pub updated_at: i64,
}

impl Tally {
    /// All rows.
    #[must_use]
    pub(crate) fn rows(&self) -> u64 {
        [self.unchanged, self.late, self.refused].into_iter().fold(self.applied, u64::saturating_add)
    }
}

impl StockFeed {
    /// True when it is opened again as it was opened first.
    #[must_use]
    pub(crate) fn opens_as(&self, other: &Self) -> bool {
        (self.rows, &self.authority, self.valid_at) == (other.rows, &other.authority, other.valid_at)
    }

    /// All locations together, and what never came to one.
    #[must_use]
    pub(crate) fn tally(&self) -> Tally {
        let first = Tally { refused: self.bad, ..Tally::default() };
        self.places.values().fold(first, |sum, place| Tally {
            applied: sum.applied.saturating_add(place.applied),
            unchanged: sum.unchanged.saturating_add(place.unchanged),
            late: sum.late.saturating_add(place.late),
            refused: sum.refused.saturating_add(place.refused),
        })
    }
}

/// A row that did not go in.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct RowFault {
    /// Its number.
    #[prost(uint64, tag = "1")]
    pub row: u64,
    /// Item code as given.
    #[prost(string, tag = "2")]
    pub sku: String,
    /// Location as given.
    #[prost(string, tag = "3")]
    pub location: String,
    /// The wrong field.
    #[prost(string, tag = "4")]
    pub field: String,
    /// UPPER_SNAKE_CASE.
    #[prost(string, tag = "5")]
    pub reason: String,
    /// What is wrong and what to do.
    #[prost(string, tag = "6")]
    pub message: String,
    /// Overtaken rather than wrong.
    #[prost(bool, tag = "7")]
    pub late: bool,
}

/// How far a feed has come at one location.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct FeedMark {
    /// Every row up to this number is behind it.
    #[prost(uint64, tag = "1")]
    pub through: u64,
    /// What became of them.
    #[prost(message, optional, tag = "2")]
    pub tally: Option<Tally>,
    /// Those that did not go in and that the feed may not have heard of.
    #[prost(message, repeated, tag = "3")]
    pub faults: Vec<RowFault>,
}

/// A good row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// Its number.
    pub row: u64,
    /// Item code.
    pub sku: String,
    /// In the base unit.
    pub quantity: Quantity,
    /// When it was true or happened.
    pub valid_at: Timestamp,
}

/// What rows are taken in as.
#[derive(Debug, Clone)]
pub(crate) struct Taking {
    /// Id of the feed.
    pub feed_id: String,
    /// What they are.
    pub rows: Rows,
    /// Who says so.
    pub authority: String,
    /// Rows up to here are settled in the feed's own document.
    pub settled_through: u64,
}

/// What a message brought at one location.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Brought {
    /// All that the feed has brought there.
    pub tally: Tally,
    /// Rows of this message that were behind the mark.
    pub repeated: u64,
    /// Rows of this message that did not go in, now or before.
    pub faults: Vec<RowFault>,
}

/// What became of one row.
enum Fell {
    Applied,
    Unchanged,
    Late(&'static str, &'static str),
    Refused(&'static str, String),
}

impl FeedMark {
    /// Takes the rows of one location in, in their order; those behind the mark change nothing.
    pub(crate) fn take(
        &mut self,
        taking: &Taking,
        rows: &[Row],
        shelf: &mut Shelf,
        now: Timestamp,
    ) -> Result<Brought, StockError> {
        self.faults.retain(|fault| fault.row > taking.settled_through);
        let mut brought = Brought::default();
        let mut tally = self.tally.unwrap_or_default();
        for row in rows {
            if row.row <= self.through {
                brought.repeated = brought.repeated.saturating_add(1);
                brought.faults.extend(self.faults.iter().find(|fault| fault.row == row.row).cloned());
                continue;
            }
            self.through = row.row;
            let act = Act { cause: &taking.feed_id, happened_at: row.valid_at, now };
            let (term, reason, message, late) = match fall(taking, row, shelf, act)? {
                Fell::Applied => (&mut tally.applied, "", String::new(), false),
                Fell::Unchanged => (&mut tally.unchanged, "", String::new(), false),
                Fell::Late(reason, message) => (&mut tally.late, reason, message.to_owned(), true),
                Fell::Refused(reason, message) => (&mut tally.refused, reason, message, false),
            };
            *term = term.saturating_add(1);
            if !reason.is_empty() {
                let (sku, location) = (row.sku.clone(), shelf.location().to_owned());
                let field = if late { "valid_at" } else { "quantity" }.to_owned();
                let fault = RowFault { row: row.row, sku, location, field, reason: reason.to_owned(), message, late };
                self.faults.push(fault.clone());
                brought.faults.push(fault);
            }
        }
        self.tally = Some(tally);
        brought.tally = tally;
        Ok(brought)
    }
}

fn fall(taking: &Taking, row: &Row, shelf: &mut Shelf, act: Act<'_>) -> Result<Fell, StockError> {
    let authority = taking.authority.as_str();
    let fell = shelf.with(&row.sku, |stock| match taking.rows {
        Rows::Counts => counted(stock, row, authority, Counter::Shelf, act),
        Rows::Snapshot => counted(stock, row, authority, Counter::Books, act),
        Rows::Deltas => Ok(match stock.told(row.quantity, authority, act)? {
            Some(movement) => (Fell::Applied, Some(movement)),
            None => (
                Fell::Late("LATE_MOVEMENT", "the last count was true after this movement and has it; nothing to do"),
                None,
            ),
        }),
    });
    match fell {
        Ok(fell) => Ok(fell),
        Err(error @ StockError::NotOnHand { .. }) => {
            Ok(Fell::Refused("NOT_ON_HAND", format!("{error}; send what came in first, or count the shelf")))
        }
        // Numbers that leave the range are refused as they are; anything else of the law is a defect.
        Err(StockError::LawBroken { what: "on_hand" | "available", sku, location }) => {
            Ok(Fell::Refused("BAD_ROW", format!("the stock of {sku} at {location} would be too large a number")))
        }
        Err(error @ StockError::LawBroken { .. }) => Err(error),
    }
}

type Fallen = Result<(Fell, Option<crate::movement::Movement>), StockError>;

fn counted(stock: &mut Stock, row: &Row, authority: &str, counter: Counter, act: Act<'_>) -> Fallen {
    Ok(match stock.count(row.quantity, authority, counter, act)? {
        Counted::Taken(Some(movement)) => (Fell::Applied, Some(*movement)),
        Counted::Taken(None) => (Fell::Unchanged, None),
        Counted::Stale => (Fell::Late("STALE_COUNT", "a newer count of this item is known; nothing to do"), None),
        Counted::Unsettled => {
            let told = "an adjustment or receipt of ours may be missing in these books; the next snapshot settles it";
            (Fell::Refused("COUNT_UNSETTLED", told.to_owned()), None)
        }
    })
}

impl From<&StockFeed> for pb::StockFeed {
    fn from(feed: &StockFeed) -> Self {
        let tally = feed.tally();
        let kind = match feed.rows() {
            Rows::Counts => pb::StockFeedKind::Count,
            Rows::Snapshot => pb::StockFeedKind::Snapshot,
            Rows::Deltas => pb::StockFeedKind::Delta,
        };
        Self {
            feed_id: feed.id.clone(),
            kind: i32::from(kind),
            authority: feed.authority.clone(),
            settled_through: feed.settled_through,
            applied: tally.applied,
            unchanged: tally.unchanged,
            late: tally.late,
            refused: tally.refused,
            finished: feed.finished,
            opened_at: Some(retail_proto::timestamp(feed.opened_at)),
            updated_at: Some(retail_proto::timestamp(feed.updated_at)),
        }
    }
}

impl From<RowFault> for pb::FeedError {
    fn from(fault: RowFault) -> Self {
        let RowFault { row, sku, location, field, reason, message, late } = fault;
        Self { row, sku, location, field, reason, message, late }
    }
}

#[cfg(test)]
#[path = "stock_feed_tests.rs"]
mod tests;
