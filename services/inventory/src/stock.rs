//! Stock of one item at one location: the balance, its law, and every way it may change. Pure.
//!
//! `on_hand + shortfall = available + reserved + allocated + blocked`, every term >= 0, and a shortfall leaves nothing
//! available. What is available and what is short follow from the other four terms, so every change goes through
//! [`Stock::change`], which settles them, checks the law and says what moved.

use retail_proto::Quantity;
use retail_runtime::{Timestamp, sabotage};

use crate::allocation::Committed;
use crate::expected::Coming;
use crate::kit::Component;
use crate::movement::{Balance, Kind, Movement};
use crate::publication::Shown;

/// Movements remembered to be re-applied on top of a count; older ones are folded away.
const RECENT_CAP: usize = 256;

/// Why a rule refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StockError {
    /// More would leave the shelf than is on it.
    #[error("{sku} at {location} has {on_hand} on hand, {asked} cannot be taken away")]
    NotOnHand {
        /// Item code.
        sku: String,
        /// Location code.
        location: String,
        /// On hand.
        on_hand: Quantity,
        /// Asked to take away.
        asked: Quantity,
    },
    /// A number left the range that quantities have, or a bucket would have gone below zero.
    #[error("{sku} at {location} would break the law of stock: {what}")]
    LawBroken {
        /// Item code.
        sku: String,
        /// Location code.
        location: String,
        /// Which term.
        what: &'static str,
    },
}

/// What became of a count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Taken over.
    Taken(Option<Box<Movement>>),
    /// Older than the last count, or than what can still be re-applied exactly.
    Stale,
    /// An adjustment is under way to the authority: nobody knows whether this number has it. Ask again later.
    Unsettled,
}

/// Who says a counted number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counter {
    /// People or devices at the shelf: what they saw stands.
    Shelf,
    /// The books of the stock authority, to which our adjustments are posted.
    Books,
}

/// A change of on hand that a later count may not have seen.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Recent {
    /// Milliseconds since 1970.
    #[prost(int64, tag = "1")]
    pub happened_at: i64,
    /// Millionths.
    #[prost(int64, tag = "2")]
    pub on_hand: i64,
}

/// Stock of one item at one location. Quantities are millionths.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Stock {
    /// Item code.
    #[prost(string, tag = "1")]
    pub sku: String,
    /// Location code.
    #[prost(string, tag = "2")]
    pub location: String,
    /// Physically there.
    #[prost(int64, tag = "3")]
    pub on_hand: i64,
    /// May be sold.
    #[prost(int64, tag = "4")]
    pub available: i64,
    /// Promised by Weft.
    #[prost(int64, tag = "5")]
    pub reserved: i64,
    /// Promised, and committed by the ERP.
    #[prost(int64, tag = "6")]
    pub allocated: i64,
    /// There, not for sale.
    #[prost(int64, tag = "7")]
    pub blocked: i64,
    /// Promised, not there.
    #[prost(int64, tag = "8")]
    pub shortfall: i64,
    /// Version, from 1.
    #[prost(uint64, tag = "9")]
    pub version: u64,
    /// Sequence of the last movement.
    #[prost(uint64, tag = "10")]
    pub moved: u64,
    /// When the last count was true, milliseconds since 1970; 0 is never.
    #[prost(int64, tag = "11")]
    pub counted_at: i64,
    /// Who counted last.
    #[prost(string, tag = "12")]
    pub authority: String,
    /// Changes of on hand since the last count.
    #[prost(message, repeated, tag = "13")]
    pub recent: Vec<Recent>,
    /// Changes up to this time are no longer in `recent`, milliseconds since 1970.
    #[prost(int64, tag = "14")]
    pub folded_until: i64,
    /// Adjustments that the authority has not confirmed.
    #[prost(uint32, tag = "15")]
    pub unposted: u32,
    /// When the authority last confirmed one, milliseconds since 1970.
    #[prost(int64, tag = "16")]
    pub posted_at: i64,
    /// What each channel shows.
    #[prost(message, repeated, tag = "17")]
    pub shown: Vec<Shown>,
    /// What is expected to come in, the earliest first.
    #[prost(message, repeated, tag = "18")]
    pub coming: Vec<Coming>,
    /// Found because they left without being on hand: a receipt that we hear of later may be theirs.
    #[prost(int64, tag = "19")]
    pub ahead: i64,
    /// Kits that a channel shows here and that it is a component of.
    #[prost(string, repeated, tag = "20")]
    pub kits: Vec<String>,
    /// Of a kit that a channel shows here: what one is made of.
    #[prost(message, repeated, tag = "21")]
    pub parts: Vec<Component>,
    /// Of such a kit: how many whole ones its components make.
    #[prost(int64, tag = "22")]
    pub makes: i64,
    /// Of what is allocated, what the ERP has committed to orders of ours.
    #[prost(message, repeated, tag = "23")]
    pub committed: Vec<Committed>,
}

/// Why and when something is done to stock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Act<'a> {
    /// Id of the reservation, adjustment, count or receipt.
    pub cause: &'a str,
    /// When it happened in the world.
    pub happened_at: Timestamp,
    /// When we do it.
    pub now: Timestamp,
}

/// A change of the free terms, millionths.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Change {
    pub on_hand: i64,
    pub reserved: i64,
    pub allocated: i64,
    pub blocked: i64,
}

impl Stock {
    /// An empty record.
    #[must_use]
    pub(crate) fn empty(location: &str, sku: &str) -> Self {
        Self { sku: sku.to_owned(), location: location.to_owned(), ..Self::default() }
    }

    /// All terms.
    #[must_use]
    pub(crate) fn balance(&self) -> Balance {
        Balance {
            on_hand: self.on_hand,
            available: self.available,
            reserved: self.reserved,
            allocated: self.allocated,
            blocked: self.blocked,
            shortfall: self.shortfall,
        }
    }

    /// May be sold.
    #[must_use]
    pub(crate) fn sellable(&self) -> Quantity {
        Quantity::from_millionths(self.available)
    }

    /// Promises goods, there or not: the caller has decided whether a shortfall is allowed. Answers how much of it is
    /// promised without stock.
    pub(crate) fn promise(
        &mut self,
        quantity: Quantity,
        kind: Kind,
        act: Act<'_>,
    ) -> Result<(Quantity, Movement), StockError> {
        let short = quantity.millionths().saturating_sub(self.available).max(0);
        let movement = self.change(Change { reserved: quantity.millionths(), ..Change::default() }, kind, act)?;
        Ok((Quantity::from_millionths(short), movement))
    }

    /// Ends a promise without goods leaving.
    pub(crate) fn give_back(&mut self, quantity: Quantity, kind: Kind, act: Act<'_>) -> Result<Movement, StockError> {
        let ended = self.ended(quantity, act)?;
        self.change(ended, kind, act)
    }

    /// Takes promised goods off the shelf. Goods that left without being on hand must have been there: they are found
    /// first, as a movement of their own.
    pub(crate) fn take_off(&mut self, quantity: Quantity, act: Act<'_>) -> Result<Vec<Movement>, StockError> {
        let leaving = quantity.millionths();
        let missing = leaving.saturating_sub(self.on_hand);
        let mut movements = Vec::with_capacity(2);
        if missing > 0 {
            movements.push(self.change(Change { on_hand: missing, ..Change::default() }, Kind::Found, act)?);
            self.ahead = self.ahead.saturating_add(missing);
        }
        let gone = Change { on_hand: self.negated(leaving)?, ..self.ended(quantity, act)? };
        movements.push(self.change(gone, Kind::Consume, act)?);
        Ok(movements)
    }

    /// Adds stock or takes it away. Promised goods may be taken away; that is a shortfall.
    pub(crate) fn adjust(&mut self, quantity: Quantity, act: Act<'_>) -> Result<Movement, StockError> {
        self.must_have(quantity)?;
        self.change(Change { on_hand: quantity.millionths(), ..Change::default() }, Kind::Adjust, act)
    }

    /// Takes goods in whose receipt the authority has posted already. What is promised without stock is filled first.
    ///
    /// A number of the authority's books that was true before we heard may have the goods or not; as after a posted
    /// adjustment, only a younger one is taken over.
    ///
    /// Goods that came back and left again before we heard of their receipt were found when they left: they are not there
    /// twice. If they were others after all, the next count says so, and until then too little is sold, not too much.
    pub(crate) fn receive(&mut self, quantity: Quantity, act: Act<'_>) -> Result<Movement, StockError> {
        let known = self.ahead.min(quantity.millionths()).max(0);
        self.ahead = self.ahead.saturating_sub(known);
        let come = quantity.millionths().saturating_sub(known);
        let movement = self.change(Change { on_hand: come, ..Change::default() }, Kind::Receive, act)?;
        self.posted_at = self.posted_at.max(act.now.as_millisecond());
        Ok(movement)
    }

    /// Takes over what another system says came (above 0) or left (below 0) at `act.happened_at`. `None`: the last count
    /// was true later and has it.
    ///
    /// Books of the system that says so have it by its time; those of another may lack it, so of these only younger ones
    /// are taken over.
    pub(crate) fn told(
        &mut self,
        quantity: Quantity,
        authority: &str,
        act: Act<'_>,
    ) -> Result<Option<Movement>, StockError> {
        if self.counted_at != 0 && act.happened_at.as_millisecond() <= self.counted_at {
            return Ok(None);
        }
        self.must_have(quantity)?;
        let movement = self.change(Change { on_hand: quantity.millionths(), ..Change::default() }, Kind::Told, act)?;
        if self.authority != authority {
            self.posted_at = self.posted_at.max(act.now.as_millisecond());
        }
        Ok(Some(movement))
    }

    /// Takes a counted number over: on hand becomes the number plus what we moved after it was true.
    /// `act.happened_at` is when the number was true.
    pub(crate) fn count(
        &mut self,
        counted: Quantity,
        authority: &str,
        counter: Counter,
        act: Act<'_>,
    ) -> Result<Counted, StockError> {
        let as_of = act.happened_at.as_millisecond();
        if (self.counted_at != 0 && as_of < self.counted_at) || as_of < self.folded_until {
            return Ok(Counted::Stale);
        }
        if counter == Counter::Books && (self.unposted > 0 || as_of <= self.posted_at) {
            return Ok(Counted::Unsettled);
        }
        let mut on_hand = counted.millionths();
        for moved in self.recent.iter().filter(|moved| moved.happened_at > as_of) {
            on_hand = on_hand.checked_add(moved.on_hand).ok_or_else(|| self.broken("on_hand"))?;
        }
        let on_hand = on_hand.max(0);
        let delta = on_hand.checked_sub(self.on_hand).ok_or_else(|| self.broken("on_hand"))?;
        let first = self.counted_at == 0;
        self.recent.retain(|moved| moved.happened_at > as_of);
        self.counted_at = as_of;
        self.ahead = 0;
        authority.clone_into(&mut self.authority);
        if delta == 0 && !first {
            return Ok(Counted::Taken(None));
        }
        let movement = self.change(Change { on_hand: delta, ..Change::default() }, Kind::Count, act)?;
        Ok(Counted::Taken(Some(Box::new(movement))))
    }

    /// Notes that an adjustment is under way to the authority.
    pub(crate) fn posting(&mut self) {
        self.unposted = self.unposted.saturating_add(1);
    }

    /// Notes that the authority has an adjustment, or never will.
    pub(crate) fn posted(&mut self, now: Timestamp) {
        self.unposted = self.unposted.saturating_sub(1);
        self.posted_at = self.posted_at.max(now.as_millisecond());
    }

    /// Checks the law.
    pub(crate) fn check(&self) -> Result<(), StockError> {
        if sabotage::is_off("stock_law") {
            return Ok(());
        }
        let terms = [
            (self.on_hand, "on_hand"),
            (self.available, "available"),
            (self.reserved, "reserved"),
            (self.allocated, "allocated"),
            (self.blocked, "blocked"),
            (self.shortfall, "shortfall"),
        ];
        if let Some((_, what)) = terms.into_iter().find(|(term, _)| *term < 0) {
            return Err(self.broken(what));
        }
        let there = i128::from(self.on_hand) + i128::from(self.shortfall);
        let spoken_for = i128::from(self.available)
            + i128::from(self.reserved)
            + i128::from(self.allocated)
            + i128::from(self.blocked);
        if there != spoken_for {
            return Err(self.broken("the two sides differ"));
        }
        if self.shortfall > 0 && self.available > 0 {
            return Err(self.broken("available beside a shortfall"));
        }
        Ok(())
    }

    /// The only door: changes the free terms, settles the two that follow, checks the law.
    pub(crate) fn change(&mut self, change: Change, kind: Kind, act: Act<'_>) -> Result<Movement, StockError> {
        let before = self.balance();
        let mut after = self.clone();
        after.on_hand = self.on_hand.checked_add(change.on_hand).ok_or_else(|| self.broken("on_hand"))?;
        after.reserved = self.reserved.checked_add(change.reserved).ok_or_else(|| self.broken("reserved"))?;
        after.allocated = self.allocated.checked_add(change.allocated).ok_or_else(|| self.broken("allocated"))?;
        after.blocked = self.blocked.checked_add(change.blocked).ok_or_else(|| self.broken("blocked"))?;
        let free = after
            .reserved
            .checked_add(after.allocated)
            .and_then(|promised| promised.checked_add(after.blocked))
            .and_then(|promised| after.on_hand.checked_sub(promised))
            .ok_or_else(|| self.broken("available"))?;
        after.available = if sabotage::is_off("stock_law") { free } else { free.max(0) };
        after.shortfall = free.min(0).checked_neg().ok_or_else(|| self.broken("shortfall"))?;
        after.check()?;
        after.moved = after.moved.saturating_add(1);
        if change.on_hand != 0 && kind != Kind::Count {
            after.remember(Recent { happened_at: act.happened_at.as_millisecond(), on_hand: change.on_hand });
        }
        let movement = Movement {
            sku: after.sku.clone(),
            location: after.location.clone(),
            sequence: after.moved,
            kind: i32::from(kind),
            delta: Some(after.balance().minus(before)),
            closing: Some(after.balance()),
            cause: act.cause.to_owned(),
            happened_at: act.happened_at.as_millisecond(),
            recorded_at: act.now.as_millisecond(),
        };
        *self = after;
        Ok(movement)
    }

    fn remember(&mut self, recent: Recent) {
        self.recent.push(recent);
        self.recent.sort_by_key(|moved| moved.happened_at);
        if self.recent.len() > RECENT_CAP {
            let folded = self.recent.remove(0);
            self.folded_until = self.folded_until.max(folded.happened_at);
        }
    }

    /// Refuses to take away more than is on hand.
    fn must_have(&self, quantity: Quantity) -> Result<(), StockError> {
        let after = self.on_hand.checked_add(quantity.millionths()).ok_or_else(|| self.broken("on_hand"))?;
        if after < 0 {
            return Err(StockError::NotOnHand {
                sku: self.sku.clone(),
                location: self.location.clone(),
                on_hand: Quantity::from_millionths(self.on_hand),
                asked: Quantity::from_millionths(self.negated(quantity.millionths())?),
            });
        }
        Ok(())
    }

    pub(crate) fn negated(&self, millionths: i64) -> Result<i64, StockError> {
        millionths.checked_neg().ok_or_else(|| self.broken("quantity"))
    }

    fn broken(&self, what: &'static str) -> StockError {
        StockError::LawBroken { sku: self.sku.clone(), location: self.location.clone(), what }
    }
}

#[cfg(test)]
#[path = "stock_tests.rs"]
mod tests;
