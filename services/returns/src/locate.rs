//! Which purchase a line is of. Pure.
//!
//! The rule for lines that name no order: the newest purchase first (of two placed at the same moment the higher order
//! number first, within an order its lines in order); a line takes
//! as much as is left of each and is split over several purchases when one does not suffice. What no purchase covers
//! becomes a line of its own: NO_EARLIER_PURCHASE when the item was never bought before, QUANTITY_LEFT when too little
//! of it is left.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::line::{Line, Stage};
use crate::record::Return;
use crate::sale::{Sale, SoldLine};

/// A line that was bought before, with what may still come back of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Purchase {
    pub(crate) order_id: String,
    pub(crate) order_number: String,
    pub(crate) order_line: i32,
    pub(crate) sku: String,
    /// Milliseconds since 1970.
    pub(crate) placed_at: i64,
    /// Bought, millionths.
    pub(crate) bought: i64,
    /// Millionths.
    pub(crate) left: i64,
}

/// What was found out about the purchases of a return.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Found {
    /// Orders that lines named, under the words they named them by.
    #[serde(with = "retail_flow::kept::pairs")]
    pub(crate) named: BTreeMap<Named, Option<Sale>>,
    /// The customer, when known; the survivor, when it was merged.
    pub(crate) customer_id: Option<String>,
    /// What the customer bought of the items, and what is left of it.
    pub(crate) purchases: Vec<Purchase>,
    /// What is left of the lines of named orders, by order and line, millionths.
    #[serde(with = "retail_flow::kept::pairs")]
    pub(crate) left: BTreeMap<(String, i32), i64>,
}

/// How a line names its order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Named {
    /// By our id.
    Id(String),
    /// By the number the customer knows.
    Number(String),
}

impl Line {
    /// How the line names its order, if it does.
    #[must_use]
    pub(crate) fn named(&self) -> Option<Named> {
        let wish = self.wish.as_ref()?;
        if !wish.order_id.is_empty() {
            return Some(Named::Id(wish.order_id.clone()));
        }
        (!wish.order_number.is_empty()).then(|| Named::Number(wish.order_number.clone()))
    }
}

/// Gives every wanted line its purchase, or its cause.
pub(crate) fn locate(record: &mut Return, mut found: Found) {
    found.purchases.sort_by(|a, b| {
        let newest_first = b.placed_at.cmp(&a.placed_at);
        let higher_number = b.order_number.cmp(&a.order_number);
        let by_line = a.order_id.cmp(&b.order_id).then_with(|| a.order_line.cmp(&b.order_line));
        newest_first.then(higher_number).then(by_line)
    });
    if let Some(customer_id) = &found.customer_id {
        record.customer_id.clone_from(customer_id);
    }
    take_own(record, &mut found);
    let wanted: Vec<i32> =
        record.lines.iter().filter(|line| line.stage() == Stage::Wanted).map(|line| line.number).collect();
    for number in wanted {
        let Some(line) = record.line(number).cloned() else { continue };
        let pieces = match line.named() {
            Some(named) => in_order(line, found.named.get(&named).and_then(Option::as_ref), &mut found.left),
            None if found.customer_id.is_none() => vec![of_nobody(line, record.customer.is_some())],
            None => in_history(line, &mut found, record.next_number()),
        };
        let mut pieces = pieces.into_iter();
        if let (Some(first), Some(line)) = (pieces.next(), record.line_mut(number)) {
            *line = first;
        }
        for mut piece in pieces {
            piece.number = record.next_number();
            record.lines.push(piece);
        }
    }
}

/// Lines of this return that have a purchase and have not claimed it yet take it before others do.
fn take_own(record: &Return, found: &mut Found) {
    for line in record.lines.iter().filter(|line| line.stage() == Stage::Located) {
        let same = |one: &&mut Purchase| one.order_id == line.order_id && one.order_line == line.order_line;
        if let Some(purchase) = found.purchases.iter_mut().find(same) {
            purchase.left = purchase.left.saturating_sub(line.requested);
        }
        if let Some(left) = found.left.get_mut(&(line.order_id.clone(), line.order_line)) {
            *left = left.saturating_sub(line.requested);
        }
    }
}

/// The line of a named order: by number, by the channel's id, or by item; an item on several lines is spread over them, and
/// so is a line that several places shipped: what has left comes first.
fn in_order(mut line: Line, sale: Option<&Sale>, left: &mut BTreeMap<(String, i32), i64>) -> Vec<Line> {
    let Some(sale) = sale else {
        line.except("NO_SUCH_ORDER", "nobody knows this order; name the order it was bought with, or dismiss the line");
        return vec![line];
    };
    let fitting = candidates(&line, sale);
    let Some(last) = fitting.last() else {
        line.order_id.clone_from(&sale.order_id);
        line.order_number.clone_from(&sale.number);
        let what = if line.sku.is_empty() { "such line".to_owned() } else { format!("line with item {}", line.sku) };
        line.except("PURCHASED", format!("order {} has no {what}; name the line it was bought with", sale.number));
        return vec![line];
    };
    let mut pieces = Vec::new();
    for sold in &fitting {
        let free = left.entry((sale.order_id.clone(), sold.number)).or_insert(sold.ordered);
        let is_last = sold.number == last.number;
        // More than is left stays on the last line: the judgement says why it may not come back.
        let take = if is_last { line.requested } else { (*free).clamp(0, line.requested) };
        *free = free.saturating_sub(take);
        if take == 0 && !is_last {
            continue;
        }
        let (whole, number) = (take == line.requested, line.number);
        let rest = line.split_off(take, number);
        line.sku.clone_from(&sold.sku);
        place(&mut line, &sale.order_id, &sale.number, sold.number);
        pieces.push(line);
        if whole {
            return pieces;
        }
        line = rest;
    }
    pieces
}

fn candidates<'a>(line: &Line, sale: &'a Sale) -> Vec<&'a SoldLine> {
    let wish = line.wish.clone().unwrap_or_default();
    let fits = |sold: &&SoldLine| {
        if wish.order_line != 0 {
            sold.number == wish.order_line || sold.split_from == wish.order_line
        } else if !wish.channel_line_id.is_empty() {
            sold.channel_line_id == wish.channel_line_id
        } else {
            sold.sku == line.sku
        }
    };
    let mut fitting: Vec<&SoldLine> = sale.lines.iter().filter(fits).collect();
    fitting.sort_by_key(|sold| sold.shipped == 0);
    fitting
}

/// The line of somebody who never bought here under the record that was named, or of nobody at all.
fn of_nobody(mut line: Line, is_named: bool) -> Line {
    if is_named {
        line.except(
            "NO_EARLIER_PURCHASE",
            "nobody ever bought under this customer's record; name the order, or dismiss",
        );
    } else {
        line.except("NO_CUSTOMER", "without an order or a customer no purchase can be found; name the order");
    }
    line
}

fn in_history(mut line: Line, found: &mut Found, next: i32) -> Vec<Line> {
    let (mut pieces, sku) = (Vec::new(), line.sku.clone());
    for purchase in found.purchases.iter_mut().filter(|purchase| purchase.sku == sku) {
        let take = purchase.left.clamp(0, line.requested);
        if take == 0 {
            continue;
        }
        purchase.left = purchase.left.saturating_sub(take);
        let rest = (take < line.requested).then(|| line.split_off(take, next));
        place(&mut line, &purchase.order_id, &purchase.order_number, purchase.order_line);
        line.by_rule = true;
        pieces.push(line);
        match rest {
            Some(rest) => line = rest,
            None => return pieces,
        }
    }
    if found.purchases.iter().any(|purchase| purchase.sku == sku) {
        line.except("QUANTITY_LEFT", "more comes back than was bought before and has not come back yet");
    } else {
        line.except("NO_EARLIER_PURCHASE", "this customer never bought the item before; name the order, or dismiss");
    }
    pieces.push(line);
    pieces
}

fn place(line: &mut Line, order_id: &str, order_number: &str, order_line: i32) {
    line.take_up(Stage::Located);
    line.sought = line.sought.saturating_add(1);
    order_id.clone_into(&mut line.order_id);
    order_number.clone_into(&mut line.order_number);
    line.order_line = order_line;
}

#[cfg(test)]
#[path = "locate_tests.rs"]
mod tests;
