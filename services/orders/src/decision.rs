//! Which places an order was given to, and why, as it is stored with it. Plain data; the rule stands in `sourcing.rs`.

/// How an order was given to places (see the contract).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Outcome {
    /// One place has everything.
    Whole = 0,
    /// Several places together have everything.
    Split = 1,
    /// Something waits for stock.
    Backorder = 2,
    /// Nobody can take it.
    Refused = 3,
}

/// What was found of a candidate (see the contract).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Verdict {
    /// It got lines.
    Chosen = 0,
    /// It lacks something that is needed.
    LacksStock = 1,
    /// It does not ship to the destination.
    OutOfReach = 2,
    /// It has as many orders as it can take today.
    AtCapacity = 3,
    /// It could have done what another, ranked before it, does.
    Outranked = 4,
    /// Lines of the order were taken away from it before: it rejected them, had no stock, or a person moved them.
    Rejected = 5,
    /// It does not work on any of the days that are looked at.
    Closed = 6,
}

/// An item that a candidate lacks. Millionths.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Lack {
    /// Item code.
    #[prost(string, tag = "1")]
    pub sku: String,
    /// Needed of it.
    #[prost(int64, tag = "2")]
    pub needed: i64,
    /// May be sold there.
    #[prost(int64, tag = "3")]
    pub available: i64,
    /// Of that, kept back as safety stock.
    #[prost(int64, tag = "4")]
    pub kept_back: i64,
}

/// A place that was looked at.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Considered {
    /// Location code.
    #[prost(string, tag = "1")]
    pub location: String,
    /// What was found.
    #[prost(enumeration = "Verdict", tag = "2")]
    pub verdict: i32,
    /// In plain words, with the numbers.
    #[prost(string, tag = "3")]
    pub why: String,
    /// Lines that it could ship.
    #[prost(uint32, tag = "4")]
    pub lines_in_stock: u32,
    /// The first items that it lacks.
    #[prost(message, repeated, tag = "5")]
    pub lacks: Vec<Lack>,
    /// Cost of a parcel from there, in the policy's unit.
    #[prost(int64, tag = "6")]
    pub cost: i64,
    /// Distance from there, kilometres.
    #[prost(uint32, tag = "7")]
    pub distance_km: u32,
    /// Day it would ship.
    #[prost(string, tag = "8")]
    pub ship_day: String,
    /// Orders it has been given for that day; absent when it has no limit.
    #[prost(uint32, optional, tag = "9")]
    pub orders_taken: Option<u32>,
    /// Orders it can take a day; absent when it has no limit.
    #[prost(uint32, optional, tag = "10")]
    pub orders_per_day: Option<u32>,
}

/// A line, or a part of one, with the place that ships it. Millionths.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Assigned {
    /// Number of the order line; of a part the number that it has from then on.
    #[prost(int32, tag = "1")]
    pub number: i32,
    /// Location code.
    #[prost(string, tag = "2")]
    pub location: String,
    /// Given to the place.
    #[prost(int64, tag = "3")]
    pub quantity: i64,
    /// Of that, not in stock when it was looked.
    #[prost(int64, tag = "4")]
    pub backordered: i64,
    /// The order named the location itself.
    #[prost(bool, tag = "5")]
    pub named: bool,
    /// Number of the line that it is a part of; 0 for a whole line, and for the part that keeps the line's number.
    #[prost(int32, tag = "6")]
    pub split_from: i32,
    /// All of the line that it is a part of; 0 for a whole line.
    #[prost(int64, tag = "7")]
    pub of: i64,
    /// So much of the item must be left at the place when it is promised; 0 where the order names the place itself.
    #[prost(int64, tag = "8")]
    pub kept_back: i64,
}

/// A decision.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Decision {
    /// Name of the policy.
    #[prost(string, tag = "1")]
    pub policy: String,
    /// Its version.
    #[prost(string, tag = "2")]
    pub version: String,
    /// How it ended.
    #[prost(enumeration = "Outcome", tag = "3")]
    pub outcome: i32,
    /// In plain words.
    #[prost(string, tag = "4")]
    pub why: String,
    /// Which place ships which line; empty when nobody does.
    #[prost(message, repeated, tag = "5")]
    pub lines: Vec<Assigned>,
    /// Every place that was looked at, in the policy's order.
    #[prost(message, repeated, tag = "6")]
    pub candidates: Vec<Considered>,
    /// Zone of the destination; empty when no zone fits.
    #[prost(string, tag = "7")]
    pub zone: String,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "8")]
    pub at: i64,
    /// What lacks may wait for stock: the policy says so, or the goods are sold already.
    #[prost(bool, tag = "9")]
    pub may_wait: bool,
}

/// What sourcing knows of an order.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Sourced {
    /// The decision that counts.
    #[prost(message, optional, tag = "1")]
    pub decision: Option<Decision>,
    /// The stock had moved before it could be promised: a new decision is needed.
    #[prost(bool, tag = "2")]
    pub stale: bool,
    /// Decisions that were overtaken, in plain words, oldest first.
    #[prost(string, repeated, tag = "3")]
    pub overtaken: Vec<String>,
}

/// How often stock may move between look and promise before the last decision is taken as it is.
const MOST_OVERTAKEN: usize = 3;

impl Sourced {
    /// The decision to act on; none when one must be made first.
    #[must_use]
    pub fn standing(&self) -> Option<&Decision> {
        self.decision.as_ref().filter(|_| !self.stale)
    }

    /// Which decision is made or acted on now, from 1.
    #[must_use]
    pub fn round(&self) -> usize {
        self.overtaken.len().saturating_add(1)
    }

    /// Stock moved before the decision could be promised. Answers false when that happened too often to decide again.
    pub(crate) fn overtake(&mut self, cause: &str) -> bool {
        let Some(decision) = self.standing() else { return false };
        if self.round() > MOST_OVERTAKEN {
            return false;
        }
        let told = format!("{}; overtaken: {cause}", decision.why);
        self.overtaken.push(told);
        self.stale = true;
        true
    }

    /// Takes a decision.
    pub(crate) fn take(&mut self, decision: &Decision) {
        self.decision = Some(decision.clone());
        self.stale = false;
    }

    /// May what is not there be promised? When the decision counts with it, and when no further one is made.
    #[must_use]
    pub fn allows_shortfall(&self) -> bool {
        let last = self.round() > MOST_OVERTAKEN;
        self.standing().is_some_and(|made| made.outcome() == Outcome::Backorder || (last && made.may_wait))
    }
}

impl Decision {
    /// The place that ships a line.
    #[must_use]
    pub fn place_of(&self, number: i32) -> Option<&str> {
        self.lines.iter().find(|line| line.number == number).map(|line| line.location.as_str())
    }

    /// Which lists of orders taken on a day it stands in: places with a limit, and the day.
    pub(crate) fn counted(&self) -> impl Iterator<Item = (&str, &str)> {
        let chosen = self.candidates.iter().filter(|found| found.verdict() == Verdict::Chosen);
        let limited = chosen.filter(|found| found.orders_per_day.is_some());
        limited.map(|found| (found.location.as_str(), found.ship_day.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stock_that_keeps_moving_ends_the_deciding_after_three_times() {
        let mut sourced = Sourced::default();
        let decision = Decision { why: "MAIN ships the whole order".into(), may_wait: true, ..Decision::default() };
        let mut decided = 0;
        loop {
            assert!(!sourced.allows_shortfall());
            sourced.take(&decision);
            decided += 1;
            if !sourced.overtake("INSUFFICIENT_STOCK") {
                break;
            }
            assert!(sourced.standing().is_none(), "a new one is needed");
        }
        assert_eq!(decided, MOST_OVERTAKEN + 1);
        assert!(sourced.allows_shortfall(), "what is sold is never refused");
        assert_eq!(sourced.overtaken.len(), MOST_OVERTAKEN);
    }
}
