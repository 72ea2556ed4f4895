//! What a channel shows of a stock record, and what it should show. Pure.
//!
//! A channel that subtracts its own sales lowers its number before we hear of the sale. We lower our idea of it when the
//! sale is reserved, and when a reading is lower than we thought, the difference is *unseen*: sales on their way to us.
//! Unseen sales are kept back from the target until they are reserved, or until they are too old to be sales.

use std::time::Duration;

use retail_proto::Quantity;
use retail_runtime::Timestamp;

use crate::stock::Stock;

/// Stale answers in a row after which a row is left for the next reading of the shop.
pub(crate) const STALE_LIMIT: u32 = 5;
/// An unseen sale that has not arrived after this was none: somebody changed the number in the shop.
const UNSEEN_FOR: Duration = Duration::from_secs(600);
const UNIT: i64 = 1_000_000;
/// What is shown of an item that a channel has no row of: never what should be shown.
pub(crate) const NOT_SHOWN: i64 = -1;

/// What a channel does with its numbers by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It sells, and lowers its number at its own sales.
    Subtracts,
    /// It sells and leaves its number alone.
    Sells,
    /// It sells nothing: people look at it.
    Shows,
}

/// What a channel gets of what may be sold. Absent: all of it.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(crate) struct Limits {
    /// Whole units of each item that it is never shown: safety stock towards this channel.
    #[prost(int64, tag = "1")]
    pub keep_back: i64,
    /// Its part of the rest, per cent, rounded down.
    #[prost(uint32, tag = "2")]
    pub share: u32,
    /// Most units that it shows at once.
    #[prost(int64, optional, tag = "3")]
    pub cap: Option<i64>,
}

impl From<crate::config::Limits> for Limits {
    fn from(limits: crate::config::Limits) -> Self {
        Self { keep_back: i64::from(limits.keep_back), share: limits.share.percent(), cap: limits.cap.map(i64::from) }
    }
}

impl Limits {
    fn of(&self, free: i64) -> i64 {
        let rest = i128::from(free.saturating_sub(self.keep_back).max(0));
        let part = i64::try_from(rest * i128::from(self.share.min(100)) / 100).unwrap_or(i64::MAX);
        self.cap.map_or(part, |cap| part.min(cap))
    }
}

/// What one channel shows of a stock record. Whole units.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Shown {
    /// The channel's instance.
    #[prost(string, tag = "1")]
    pub channel: String,
    /// The channel's id of the stocked item.
    #[prost(string, tag = "2")]
    pub item_id: String,
    /// The channel's id of the location.
    #[prost(string, tag = "3")]
    pub location_id: String,
    /// The number it shows, as far as we know.
    #[prost(int64, tag = "4")]
    pub quantity: i64,
    /// Sales that the channel has subtracted and we have not reserved.
    #[prost(int64, tag = "5")]
    pub unseen: i64,
    /// Since when there are any, milliseconds since 1970.
    #[prost(int64, tag = "6")]
    pub unseen_since: i64,
    /// Stale answers in a row.
    #[prost(uint32, tag = "7")]
    pub stale: u32,
    /// What it gets, as configured when it was last read.
    #[prost(message, optional, tag = "8")]
    pub limits: Option<Limits>,
    /// Of who sells nothing: stamp of the number, [`Publication::stamp`](crate::publish::Publication::stamp).
    #[prost(uint64, tag = "9")]
    pub stamp: u64,
}

impl Stock {
    /// What a channel shows.
    #[must_use]
    pub(crate) fn shown_by(&self, channel: &str) -> Option<&Shown> {
        self.shown.iter().find(|shown| shown.channel == channel)
    }

    /// The number that a channel should show: whole units of what may be sold, less what it sold unseen, and of that what
    /// its limits leave it; never below 0.
    #[must_use]
    pub(crate) fn target(&self, shown: &Shown) -> i64 {
        let free = self.for_sale().div_euclid(UNIT).saturating_sub(shown.unseen).max(0);
        shown.limits.as_ref().map_or(free, |limits| limits.of(free)).max(0)
    }

    /// True when a channel shows another number than it should, and telling it is not known to be useless.
    #[must_use]
    pub(crate) fn is_dirty(&self, channel: &str) -> bool {
        self.shown_by(channel).is_some_and(|shown| shown.stale < STALE_LIMIT && self.target(shown) != shown.quantity)
    }

    /// Takes over that a channel sold and has subtracted it from the number it shows.
    pub(crate) fn sold_by(&mut self, channel: &str, quantity: Quantity) {
        let units = quantity.millionths().saturating_add(UNIT - 1).div_euclid(UNIT);
        if let Some(shown) = self.shown.iter_mut().find(|shown| shown.channel == channel) {
            let seen = shown.unseen.min(units).max(0);
            shown.unseen = shown.unseen.saturating_sub(seen);
            shown.quantity = shown.quantity.saturating_sub(units.saturating_sub(seen));
        }
    }

    /// Takes over what is shown by who sells nothing, [`NOT_SHOWN`] without a row. A reading that is older than what was
    /// told since says nothing.
    pub(crate) fn read_shown(&mut self, reading: &Shown) {
        let Some(shown) = self.shown.iter_mut().find(|shown| shown.channel == reading.channel) else {
            self.shown.push(reading.clone());
            return;
        };
        shown.limits.clone_from(&reading.limits);
        if reading.quantity == NOT_SHOWN || reading.stamp >= shown.stamp {
            shown.quantity = reading.quantity;
            shown.stamp = shown.stamp.max(reading.stamp);
        }
    }

    /// Takes over that who sells nothing shows this number now.
    pub(crate) fn shows(&mut self, channel: &str, quantity: i64, stamp: u64) {
        if let Some(shown) = self.shown.iter_mut().find(|shown| shown.channel == channel) {
            shown.quantity = quantity;
            shown.stamp = stamp;
            shown.stale = 0;
        }
    }

    /// Takes over what a channel says that it shows. `subtracts` says whether it subtracts its own sales.
    /// Answers true when it was another number than we thought.
    pub(crate) fn read_back(&mut self, reading: &Shown, subtracts: bool, now: Timestamp) -> bool {
        let at = now.as_millisecond();
        let Some(shown) = self.shown.iter_mut().find(|shown| shown.channel == reading.channel) else {
            self.shown.push(Shown { unseen: 0, unseen_since: 0, stale: 0, ..reading.clone() });
            return true;
        };
        let held = i64::try_from(UNSEEN_FOR.as_millis()).unwrap_or(i64::MAX);
        if shown.unseen > 0 && at.saturating_sub(shown.unseen_since) > held {
            shown.unseen = 0;
        }
        let lower = shown.quantity.saturating_sub(reading.quantity);
        if subtracts && lower > 0 {
            if shown.unseen == 0 {
                shown.unseen_since = at;
            }
            shown.unseen = shown.unseen.saturating_add(lower);
        }
        shown.item_id.clone_from(&reading.item_id);
        shown.location_id.clone_from(&reading.location_id);
        shown.quantity = reading.quantity;
        if reading.limits.is_some() {
            shown.limits.clone_from(&reading.limits);
        }
        lower != 0
    }

    /// Takes over that a channel showed `expected` and then the number we sent. What it sold after that may have been
    /// reserved already, so the difference counts, not the number.
    pub(crate) fn published(&mut self, channel: &str, expected: i64, quantity: i64) {
        if let Some(shown) = self.shown.iter_mut().find(|shown| shown.channel == channel) {
            shown.quantity = shown.quantity.saturating_add(quantity.saturating_sub(expected));
            shown.stale = 0;
        }
    }

    /// Counts a stale answer; true when the row is now left for the next reading.
    pub(crate) fn stale_answer(&mut self, channel: &str) -> bool {
        self.shown.iter_mut().find(|shown| shown.channel == channel).is_some_and(|shown| {
            shown.stale = shown.stale.saturating_add(1);
            shown.stale == STALE_LIMIT
        })
    }

    /// Leaves a row alone until the channel is read.
    pub(crate) fn leave(&mut self, channel: &str) {
        if let Some(shown) = self.shown.iter_mut().find(|shown| shown.channel == channel) {
            shown.stale = STALE_LIMIT;
        }
    }

    /// Lets a row that was left be told again.
    pub(crate) fn told_again(&mut self, channel: &str) {
        if let Some(shown) = self.shown.iter_mut().find(|shown| shown.channel == channel) {
            shown.stale = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::movement::Kind;
    use crate::stock::{Act, Counter};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn act(second: i64) -> Act<'static> {
        Act { cause: "test", happened_at: at(second), now: at(second) }
    }

    fn reading(quantity: i64) -> Shown {
        Shown { channel: "shop".into(), item_id: "i".into(), location_id: "l".into(), quantity, ..Shown::default() }
    }

    fn shown(on_hand: i64) -> Stock {
        let mut stock = Stock::empty("MAIN", "85123A");
        stock.count(Quantity::whole(on_hand).unwrap(), "erp", Counter::Books, act(1)).unwrap();
        stock.read_back(&reading(on_hand), true, at(1));
        stock
    }

    fn reserve(stock: &mut Stock, units: i64, by: Option<&str>) {
        let quantity = Quantity::whole(units).unwrap();
        stock.promise(quantity, Kind::Reserve, act(2)).unwrap();
        if let Some(channel) = by {
            stock.sold_by(channel, quantity);
        }
    }

    #[test]
    fn a_sale_of_the_channel_itself_needs_no_telling() {
        let mut stock = shown(10);
        reserve(&mut stock, 3, Some("shop"));
        assert!(!stock.is_dirty("shop"));
        assert_eq!(stock.shown_by("shop").unwrap().quantity, 7);
    }

    #[test]
    fn a_sale_elsewhere_must_be_told() {
        let mut stock = shown(10);
        reserve(&mut stock, 3, Some("marketplace"));
        assert!(stock.is_dirty("shop"));
        assert_eq!(stock.target(stock.shown_by("shop").unwrap()), 7);
    }

    #[test]
    fn a_lower_reading_is_an_unseen_sale_that_is_not_given_back() {
        let mut stock = shown(10);
        assert!(stock.read_back(&reading(8), true, at(3)));
        assert!(!stock.is_dirty("shop"), "10 available, 2 on their way to us, 8 shown");
        reserve(&mut stock, 2, Some("shop"));
        let shown = stock.shown_by("shop").unwrap();
        assert_eq!((shown.quantity, shown.unseen), (8, 0));
        assert!(!stock.is_dirty("shop"));
    }

    #[test]
    fn an_unseen_sale_that_never_arrives_is_let_go() {
        let mut stock = shown(10);
        stock.read_back(&reading(8), true, at(3));
        stock.read_back(&reading(8), true, at(3 + 601));
        assert_eq!(stock.target(stock.shown_by("shop").unwrap()), 10);
    }

    #[test]
    fn a_sale_reserved_while_its_number_was_on_the_way_is_not_forgotten() {
        let mut stock = shown(10);
        reserve(&mut stock, 2, None);
        reserve(&mut stock, 1, Some("shop"));
        stock.published("shop", 10, 8);
        assert_eq!(stock.shown_by("shop").unwrap().quantity, 7);
        assert!(!stock.is_dirty("shop"));
    }

    #[test]
    fn a_fraction_is_never_shown() {
        let mut stock = shown(10);
        stock.promise("0.5".parse().unwrap(), Kind::Reserve, act(2)).unwrap();
        assert_eq!(stock.target(stock.shown_by("shop").unwrap()), 9);
    }

    fn limited(keep_back: i64, share: u32, cap: Option<i64>) -> Shown {
        Shown { limits: Some(Limits { keep_back, share, cap }), ..reading(10) }
    }

    #[test]
    fn a_channel_gets_what_its_limits_leave_it() {
        let mut stock = shown(10);
        let mut target = |limits: Shown| {
            stock.read_back(&limits, true, at(2));
            stock.target(stock.shown_by("shop").unwrap())
        };
        assert_eq!(target(limited(0, 100, None)), 10);
        assert_eq!(target(limited(3, 100, None)), 7);
        assert_eq!(target(limited(3, 50, None)), 3, "half of seven, rounded down");
        assert_eq!(target(limited(0, 100, Some(4))), 4);
        assert_eq!(target(limited(99, 100, Some(4))), 0);
    }

    #[test]
    fn limits_stay_when_a_reading_does_not_say_any() {
        let mut stock = shown(10);
        stock.read_back(&limited(0, 100, Some(4)), true, at(2));
        assert!(stock.is_dirty("shop"), "ten shown, four are its own");
        stock.read_back(&reading(4), true, at(3));
        assert_eq!(stock.target(stock.shown_by("shop").unwrap()), 4);
    }

    #[test]
    fn after_five_stale_answers_the_row_is_left_until_it_is_read() {
        let mut stock = shown(10);
        reserve(&mut stock, 1, None);
        assert_eq!(
            (0..6).map(|_| stock.stale_answer("shop")).collect::<Vec<_>>(),
            [false, false, false, false, true, false]
        );
        assert!(!stock.is_dirty("shop"));
        stock.told_again("shop");
        assert!(stock.is_dirty("shop"));
    }

    fn seen(quantity: i64, stamp: u64) -> Shown {
        Shown { channel: "crm".into(), quantity, stamp, limits: Some(limits()), ..Shown::default() }
    }

    fn limits() -> Limits {
        Limits { keep_back: 0, share: 100, cap: None }
    }

    #[test]
    fn what_nobody_shows_yet_is_told_even_when_it_is_nothing() {
        let mut stock = shown(0);
        stock.read_shown(&seen(NOT_SHOWN, 0));
        assert!(stock.is_dirty("crm"));
        stock.shows("crm", 0, 5);
        assert!(!stock.is_dirty("crm"));
    }

    #[test]
    fn a_reading_of_before_the_last_telling_says_nothing_and_one_of_a_person_is_mended() {
        let mut stock = shown(10);
        stock.read_shown(&seen(NOT_SHOWN, 0));
        stock.shows("crm", 10, 7);
        stock.read_shown(&seen(4, 6));
        assert!(!stock.is_dirty("crm"), "told since");
        stock.read_shown(&seen(4, 7));
        assert!(stock.is_dirty("crm"), "somebody changed the number by hand");
        stock.shows("crm", 10, 8);
        stock.read_shown(&seen(NOT_SHOWN, 0));
        assert!(stock.is_dirty("crm"), "somebody deleted the row");
    }

    proptest! {
        /// A shop that sells by itself, whose orders reach us late: once every order has arrived and every number was
        /// told, it shows what may be sold; and at no moment do shop and promises together exceed the shelf.
        #[test]
        fn the_shop_ends_with_the_right_number(steps in prop::collection::vec((0..4_u8, 1..4_i64), 1..60)) {
            let mut stock = shown(100);
            let mut shop = 100_i64;
            let mut on_the_way = std::collections::VecDeque::new();
            for (step, units) in steps {
                match step {
                    0 if shop >= units => { shop -= units; on_the_way.push_back(units); }
                    1 => if let Some(units) = on_the_way.pop_front() { reserve(&mut stock, units, Some("shop")); },
                    2 => {
                        let there = units.min(stock.available / UNIT).max(0);
                        reserve(&mut stock, there, None);
                    }
                    _ => tell(&mut stock, &mut shop),
                }
            }
            for units in on_the_way { reserve(&mut stock, units, Some("shop")); }
            tell(&mut stock, &mut shop);
            prop_assert_eq!(shop, stock.available / UNIT);
        }
    }

    fn tell(stock: &mut Stock, shop: &mut i64) {
        while stock.is_dirty("shop") {
            let entry = stock.shown_by("shop").unwrap().clone();
            let target = stock.target(&entry);
            if entry.quantity == *shop {
                *shop = target;
                stock.published("shop", entry.quantity, target);
            } else {
                stock.read_back(&reading(*shop), true, at(5));
            }
        }
    }
}
