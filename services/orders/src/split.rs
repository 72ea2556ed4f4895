//! Lines that several places ship. A part of a line is an order line of its own that remembers whose part it is: to the ERP,
//! the stock and the warehouse it is a line like any other. Whoever speaks of the line as it was ordered (its channel, its
//! customer) means all of its parts. Pure.

use retail_proto::{Currency, Money, Quantity};

use crate::decision::{Assigned, Decision};
use crate::record::{Line, Order};

/// A line as its channel sold it: what its parts are together. Quantities in millionths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Whole {
    /// Number of the line as ordered.
    pub number: i32,
    /// Ordered.
    pub quantity: i64,
    /// Ordered, without what was closed unshipped.
    pub stands: i64,
    /// Sold by the channel, whatever was edited here.
    pub sold: i64,
    /// Shipped.
    pub shipped: i64,
    /// Numbers of the parts that still ship.
    pub open: Vec<i32>,
    /// Nothing more of it ships.
    pub closed: bool,
    /// Stock moves.
    pub goods: bool,
}

impl Line {
    /// The number that the line has as it was ordered.
    #[must_use]
    pub(crate) fn ordered_as(&self) -> i32 {
        if self.split_from == 0 { self.number } else { self.split_from }
    }

    /// Cuts a part off, which ships on its own; what is left is the line. Amount, discount and taxes are shared without a
    /// minor unit lost, and none of them falls below zero.
    fn cut(&mut self, quantity: i64, currency: Option<Currency>) -> Line {
        let before = self.amount.saturating_add(self.discount);
        let price = currency.and_then(|currency| {
            Money::of_line(self.price(), Quantity::from_millionths(quantity), currency).ok().map(|worth| worth.minor())
        });
        let worth = price.unwrap_or_else(|| self.share(before, quantity)).clamp(0, before.max(0));
        let amount = worth.saturating_sub(self.share(self.discount, quantity)).clamp(0, self.amount.max(0));
        let mut part = Line {
            quantity,
            amount,
            discount: worth.saturating_sub(amount),
            split_from: self.ordered_as(),
            refs: Vec::new(),
            reserved: 0,
            shortfall: 0,
            committed: 0,
            backordered: 0,
            shipped: 0,
            invoiced: 0,
            expected_date: String::new(),
            further: Vec::new(),
            ..self.clone()
        };
        for (cut, left) in part.taxes.iter_mut().zip(&mut self.taxes) {
            cut.minor = share(left.minor, quantity, self.quantity);
            left.minor = left.minor.saturating_sub(cut.minor);
        }
        self.quantity = self.quantity.saturating_sub(quantity);
        self.amount = self.amount.saturating_sub(part.amount);
        self.discount = self.discount.saturating_sub(part.discount);
        part
    }
}

impl Order {
    /// A number that no line has.
    #[must_use]
    pub(crate) fn next_number(&self) -> i32 {
        self.lines.iter().map(|line| line.number).max().unwrap_or_default().saturating_add(1)
    }

    /// The lines as a decision gives them to places: what it splits off has a line of its own. One that has it already stays
    /// as it is.
    #[must_use]
    pub(crate) fn lines_as_given(&self, decision: &Decision) -> Vec<Line> {
        let mut lines = self.lines.clone();
        let currency = self.currency.parse().ok();
        for given in decision.lines.iter().filter(|given| given.split_from != 0) {
            if lines.iter().any(|line| line.number == given.number) {
                continue;
            }
            let Some(line) = lines.iter_mut().find(|line| line.number == given.split_from) else { continue };
            let sold = self.sold_by_channel(line);
            let mut part = line.cut(given.quantity, currency);
            part.number = given.number;
            part.id = format!("{}/{}", self.id, given.number);
            let of_part = sold.min(part.quantity);
            (part.sold, line.sold) = (Some(of_part), Some(sold.saturating_sub(of_part)));
            lines.push(part);
        }
        lines
    }

    /// The line as ordered and its parts, in the order of their numbers.
    pub(crate) fn parts_of(&self, number: i32) -> impl DoubleEndedIterator<Item = &Line> {
        let mut parts: Vec<&Line> = self.lines.iter().filter(|line| line.ordered_as() == number).collect();
        parts.sort_by_key(|line| line.number);
        parts.into_iter()
    }

    /// Numbers of lines and of what was split from them: the number of a line as ordered stands for all of it, that of a
    /// part for the part alone. Each once.
    #[must_use]
    pub(crate) fn with_parts(&self, numbers: &[i32]) -> Vec<i32> {
        let mut all: Vec<i32> = Vec::with_capacity(numbers.len());
        for number in numbers {
            let parts = self.parts_of(*number).map(|line| line.number);
            for one in std::iter::once(*number).chain(parts) {
                if !all.contains(&one) {
                    all.push(one);
                }
            }
        }
        all
    }

    /// The line that its channel knows under an id.
    #[must_use]
    pub(crate) fn sold_as(&self, channel_line_id: &str) -> Option<Whole> {
        self.lines.iter().find(|line| line.channel_line_id == channel_line_id).map(|line| self.whole_of(line))
    }

    /// The line that a line is, or is a part of.
    #[must_use]
    pub(crate) fn whole_of(&self, line: &Line) -> Whole {
        let mut whole = Whole { number: line.ordered_as(), closed: true, goods: line.is_goods(), ..Whole::default() };
        for part in self.parts_of(line.ordered_as()) {
            let stands = if part.closed && part.is_goods() { part.shipped } else { part.quantity };
            whole.quantity = whole.quantity.saturating_add(part.quantity);
            whole.stands = whole.stands.saturating_add(stands);
            whole.sold = whole.sold.saturating_add(self.sold_by_channel(part));
            whole.shipped = whole.shipped.saturating_add(part.shipped);
            whole.closed = whole.closed && part.closed;
            if part.open() > 0 {
                whole.open.push(part.number);
            }
        }
        whole
    }

    /// How much of a part there shall be when so much of the whole line is wanted: less is taken off the last part first,
    /// more is added to the first that is open. What was closed counts as far as it shipped.
    #[must_use]
    pub(crate) fn part_when(&self, line: &Line, wanted: i64) -> i64 {
        let parts: Vec<&Line> = self.parts_of(line.ordered_as()).collect();
        let open = || parts.iter().filter(|part| !part.closed);
        let gone: i64 = parts.iter().filter(|part| part.closed).map(|part| part.shipped).sum();
        let stands: i64 = open().map(|part| part.quantity).sum();
        let change = wanted.saturating_sub(gone).saturating_sub(stands);
        let first = open().next().map(|part| part.number);
        if line.closed {
            // Of a line of which nothing is open somebody is told why it stays so.
            return if first.is_none() && line.split_from == 0 {
                line.quantity.saturating_add(change)
            } else {
                line.quantity
            };
        }
        if change >= 0 {
            return line.quantity.saturating_add(if first == Some(line.number) { change } else { 0 });
        }
        let mut less = change.saturating_neg();
        for part in open().rev() {
            let spare = part.quantity.saturating_sub(part.shipped.max(part.invoiced)).max(0);
            // What cannot be taken off is asked of the first part, which says why not.
            let off = if first == Some(part.number) { less } else { less.min(spare) };
            if part.number == line.number {
                return part.quantity.saturating_sub(off);
            }
            less = less.saturating_sub(off);
        }
        line.quantity
    }
}

/// True when a decision splits a line.
#[must_use]
pub(crate) fn splits(decision: &Decision) -> bool {
    decision.lines.iter().any(|given| given.split_from != 0)
}

/// What a decision leaves of a line that it splits; none for a line that stays whole.
pub(crate) fn left_of(given: &Assigned) -> Option<i64> {
    (given.of != 0 && given.split_from == 0).then_some(given.quantity)
}

/// The share of an amount, towards zero.
fn share(minor: i64, quantity: i64, of: i64) -> i64 {
    if of == 0 {
        return 0;
    }
    i64::try_from(i128::from(minor) * i128::from(quantity) / i128::from(of)).unwrap_or_default()
}

#[cfg(test)]
#[path = "split_tests.rs"]
mod tests;
