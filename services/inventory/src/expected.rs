//! Goods that are expected at a location: what was said of them last, what of it has come, and the date by which so much
//! more of an item will be there. Pure.
//!
//! What is expected stands beside the stock record and never in its sum: nothing of it may be taken off a shelf.

use std::collections::BTreeMap;

use retail_proto::Quantity;
use retail_runtime::Timestamp;

use crate::stock::Stock;

/// Most of what is expected of one item at one location at once.
const MOST: usize = 100;

/// Where goods come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Source {
    /// A supplier.
    Purchase = 0,
    /// Another location.
    Transfer = 1,
}

/// Where they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Standing {
    /// Not all has come.
    Open = 0,
    /// All has come.
    Arrived = 1,
    /// The rest will not come.
    Cancelled = 2,
}

/// A line of expected goods. Millionths of the base unit.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct ExpectedLine {
    /// Item code.
    #[prost(string, tag = "1")]
    pub sku: String,
    /// All that was ordered.
    #[prost(int64, tag = "2")]
    pub quantity: i64,
    /// Come so far, as we took it in.
    #[prost(int64, tag = "3")]
    pub received: i64,
    /// Come so far, as its owner says: the same goods may be in both.
    #[prost(int64, tag = "4")]
    pub told: i64,
}

impl ExpectedLine {
    /// Come so far, whoever said so first.
    #[must_use]
    pub(crate) fn come(&self) -> i64 {
        self.received.max(self.told)
    }

    /// Not come yet.
    #[must_use]
    pub(crate) fn open(&self) -> i64 {
        self.quantity.saturating_sub(self.come()).max(0)
    }
}

/// Goods that are expected.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Expected {
    /// Id, unique at its location.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Location code.
    #[prost(string, tag = "2")]
    pub location: String,
    /// Where they come from.
    #[prost(enumeration = "Source", tag = "3")]
    pub source: i32,
    /// What is expected.
    #[prost(message, repeated, tag = "4")]
    pub lines: Vec<ExpectedLine>,
    /// When, milliseconds since 1970.
    #[prost(int64, tag = "5")]
    pub expected_at: i64,
    /// Where they stand.
    #[prost(enumeration = "Standing", tag = "6")]
    pub standing: i32,
    /// When the last word was true at whoever said it, milliseconds since 1970.
    #[prost(int64, tag = "7")]
    pub as_of: i64,
    /// Version, from 1.
    #[prost(uint64, tag = "8")]
    pub version: u64,
    /// Has left another location and is on the road.
    #[prost(bool, tag = "9")]
    pub transit: bool,
}

/// A part of what is expected of one item, kept beside its stock. Millionths.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Coming {
    /// Id of what is expected.
    #[prost(string, tag = "1")]
    pub expected_id: String,
    /// Not come yet.
    #[prost(int64, tag = "2")]
    pub quantity: i64,
    /// When, milliseconds since 1970.
    #[prost(int64, tag = "3")]
    pub at: i64,
    /// On the road already.
    #[prost(bool, tag = "4")]
    pub transit: bool,
}

/// What of a line of expected goods came to its end with one receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ending {
    /// Item code.
    pub sku: String,
    /// Came, of what was expected.
    pub came: i64,
    /// Will not come.
    pub lost: i64,
}

/// What somebody says is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// Id.
    pub id: String,
    /// Location code.
    pub location: String,
    /// Where it comes from.
    pub source: Source,
    /// Items, each once.
    pub lines: Vec<(String, Quantity)>,
    /// When.
    pub expected_at: Timestamp,
    /// When this was true.
    pub as_of: Timestamp,
    /// What has come by then as whoever speaks knows it, by item.
    pub come: BTreeMap<String, Quantity>,
    /// What has not come will not come.
    pub ended: bool,
    /// It is on the road from another location.
    pub transit: bool,
}

impl Expected {
    /// Takes a word over; false when a newer one is known. A line that has come in part and is not named any more is
    /// expected no more; what has come stays.
    pub(crate) fn say(&mut self, word: &Word) -> bool {
        let as_of = word.as_of.as_millisecond();
        let over = self.standing() == Standing::Cancelled && as_of == self.as_of;
        if self.version > 0 && (as_of < self.as_of || over) {
            return false;
        }
        let before = self.clone();
        let come = |sku: &str| before.lines.iter().find(|line| line.sku == sku).map_or(0, |line| line.received);
        let said = word.lines.iter().map(|(sku, quantity)| ExpectedLine {
            sku: sku.clone(),
            quantity: quantity.millionths(),
            received: come(sku),
            told: word.come.get(sku).map_or(0, |come| come.millionths()),
        });
        let named = |line: &ExpectedLine| word.lines.iter().any(|(sku, _)| *sku == line.sku);
        let gone = before.lines.iter().filter(|line| line.come() > 0 && !named(line));
        let gone = gone.map(|line| ExpectedLine { quantity: line.come(), ..line.clone() });
        self.lines = said.chain(gone).collect();
        self.id.clone_from(&word.id);
        self.location.clone_from(&word.location);
        self.set_source(word.source);
        self.expected_at = word.expected_at.as_millisecond();
        self.as_of = as_of;
        self.transit = word.transit;
        self.set_standing(Standing::Open);
        self.settle();
        if word.ended && self.standing() == Standing::Open {
            self.set_standing(Standing::Cancelled);
        }
        if *self != before {
            self.version = self.version.saturating_add(1);
        }
        true
    }

    /// What has not come, by item.
    #[must_use]
    pub(crate) fn rest(&self) -> Vec<(String, Quantity)> {
        let open = self.lines.iter().filter(|line| line.open() > 0);
        open.map(|line| (line.sku.clone(), Quantity::from_millionths(line.open()))).collect()
    }

    /// Takes over that goods came. What was not expected, or more than was, has come all the same.
    pub(crate) fn arrive(&mut self, lines: &[(String, Quantity)]) {
        for (sku, quantity) in lines {
            if let Some(line) = self.lines.iter_mut().find(|line| line.sku == *sku) {
                line.received = line.received.saturating_add(quantity.millionths());
            }
        }
        self.settle();
        self.version = self.version.saturating_add(1);
    }

    /// Takes over what came and what is known to be lost.
    pub(crate) fn end(&mut self, endings: &[Ending]) {
        for ending in endings {
            if let Some(line) = self.lines.iter_mut().find(|line| line.sku == ending.sku) {
                line.received = line.received.saturating_add(ending.came);
                line.quantity = line.quantity.saturating_sub(ending.lost);
            }
        }
        self.settle();
        self.version = self.version.saturating_add(1);
    }

    /// Takes over that the rest will not come; false when nothing was open.
    pub(crate) fn cancel(&mut self) -> bool {
        let open = self.standing() == Standing::Open;
        if open {
            self.set_standing(Standing::Cancelled);
            self.version = self.version.saturating_add(1);
        }
        open
    }

    /// What of an item is still to come, as it stands beside its stock.
    #[must_use]
    pub(crate) fn coming(&self, sku: &str) -> Option<Coming> {
        let open = self.lines.iter().find(|line| line.sku == sku).map_or(0, ExpectedLine::open);
        let counts = self.standing() == Standing::Open && open > 0;
        counts.then(|| Coming {
            expected_id: self.id.clone(),
            quantity: open,
            at: self.expected_at,
            transit: self.transit,
        })
    }

    /// True when its time has passed and not all has come.
    #[must_use]
    pub(crate) fn late(&self, now: Timestamp) -> bool {
        self.standing() == Standing::Open && self.expected_at < now.as_millisecond()
    }

    fn settle(&mut self) {
        if self.standing() == Standing::Open && !self.lines.is_empty() && self.lines.iter().all(|line| line.open() == 0)
        {
            self.set_standing(Standing::Arrived);
        }
    }
}

impl Stock {
    /// Keeps what is expected of the item under one id; false when too much is expected at once.
    pub(crate) fn expect(&mut self, expected_id: &str, coming: Option<Coming>) -> bool {
        self.coming.retain(|known| known.expected_id != expected_id);
        self.coming.extend(coming);
        self.coming.sort_by(|a, b| (a.at, &a.expected_id).cmp(&(b.at, &b.expected_id)));
        self.coming.len() <= MOST
    }

    /// All that is expected, millionths.
    #[must_use]
    pub(crate) fn expected(&self) -> i64 {
        self.coming.iter().map(|coming| coming.quantity).fold(0, i64::saturating_add)
    }

    /// Of it, what is on the road from another location, millionths.
    #[must_use]
    pub(crate) fn in_transit(&self) -> i64 {
        self.coming.iter().filter(|coming| coming.transit).map(|coming| coming.quantity).fold(0, i64::saturating_add)
    }

    /// When so much more will be there, millionths, and whoever is short already has got his. What is late counts for
    /// nothing: nobody knows its date.
    #[must_use]
    pub(crate) fn expected_by(&self, missing: i64, now: Timestamp) -> Option<Timestamp> {
        let missing = missing.saturating_add(self.shortfall);
        let mut sum = 0_i64;
        let timely = self.coming.iter().filter(|coming| coming.at >= now.as_millisecond());
        let enough = timely.into_iter().find(|coming| {
            sum = sum.saturating_add(coming.quantity);
            sum >= missing
        });
        enough.and_then(|coming| Timestamp::from_millisecond(coming.at).ok())
    }
}

#[cfg(test)]
#[path = "expected_tests.rs"]
mod tests;
