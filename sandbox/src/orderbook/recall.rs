//! What each cancellation calls back, worked out from the book alone: the oracle that the mesh is held against.
//!
//! The rule: the same customer's purchases of the same code, placed no later than the cancellation, newest first (of two
//! placed in the same minute the higher number first, within an order its lines in order); each gives what earlier
//! cancellations have left of it.

use std::collections::HashMap;

use rust_decimal::{Decimal, RoundingStrategy};

use super::{Order, OrderBook};
use crate::seed::ItemKind;

/// Why a piece cannot be called back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lack {
    /// Nobody knows who bought it.
    NoCustomer,
    /// This customer never bought it before.
    NoEarlierPurchase,
    /// Bought before, but called back already.
    QuantityLeft,
}

/// Pieces of an earlier order that come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Place of the line in the cancellation, from 0.
    pub line: usize,
    /// The earlier order.
    pub order: String,
    /// Pieces.
    pub quantity: i64,
    /// What was paid for them, as the shop sold them.
    pub value: Decimal,
    /// A charge: no goods come back.
    pub is_charge: bool,
}

/// Pieces that no earlier order covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Place of the line in the cancellation, from 0.
    pub line: usize,
    /// Pieces.
    pub quantity: i64,
    /// Why.
    pub lack: Lack,
    /// A charge.
    pub is_charge: bool,
}

/// One cancellation, worked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recall {
    /// The cancellation.
    pub name: String,
    /// What comes back.
    pub taken: Vec<Taken>,
    /// What does not.
    pub missing: Vec<Missing>,
}

impl Recall {
    /// How many earlier orders, and so invoices, it is of.
    #[must_use]
    pub fn orders(&self) -> usize {
        let mut orders: Vec<&str> = self.taken.iter().map(|taken| taken.order.as_str()).collect();
        orders.sort_unstable();
        orders.dedup();
        orders.len()
    }

    /// What is given back for it.
    #[must_use]
    pub fn value(&self) -> Decimal {
        self.taken.iter().fold(Decimal::ZERO, |sum, taken| sum.saturating_add(taken.value))
    }
}

/// A line that was bought, and what is left of it.
struct Bought<'a> {
    order: &'a Order,
    left: i64,
    price: Decimal,
}

impl OrderBook {
    /// Every cancellation in the book's order, worked out.
    #[must_use]
    pub fn recalls(&self) -> Vec<Recall> {
        let mut bought: HashMap<(&str, &str), Vec<Bought<'_>>> = HashMap::new();
        let mut newest_first: Vec<&Order> = self.orders.iter().collect();
        newest_first.sort_by(|a, b| b.placed_at.cmp(&a.placed_at).then_with(|| b.name.cmp(&a.name)));
        for order in newest_first {
            let Some(customer) = order.customer.as_deref() else { continue };
            for line in &order.lines {
                let price = line.price.parse::<Decimal>().unwrap_or_default();
                let price = price.round_dp_with_strategy(2, RoundingStrategy::MidpointNearestEven);
                let left = line.quantity;
                bought.entry((customer, line.sku.as_str())).or_default().push(Bought { order, left, price });
            }
        }
        self.cancellations.iter().map(|cancelled| recall(cancelled, &mut bought)).collect()
    }
}

fn recall<'a>(cancelled: &'a Order, bought: &mut HashMap<(&'a str, &'a str), Vec<Bought<'a>>>) -> Recall {
    let mut recall = Recall { name: cancelled.name.clone(), taken: Vec::new(), missing: Vec::new() };
    for (place, line) in cancelled.lines.iter().enumerate() {
        let is_charge = line.kind == ItemKind::Charge;
        let mut wanted = line.quantity.saturating_neg();
        let mut lack = Lack::NoCustomer;
        if let Some(customer) = cancelled.customer.as_deref() {
            lack = Lack::NoEarlierPurchase;
            let all = bought.get_mut(&(customer, line.sku.as_str())).map(Vec::as_mut_slice).unwrap_or_default();
            for earlier in all.iter_mut().filter(|earlier| earlier.order.placed_at <= cancelled.placed_at) {
                lack = Lack::QuantityLeft;
                let quantity = wanted.min(earlier.left);
                if quantity > 0 {
                    earlier.left = earlier.left.saturating_sub(quantity);
                    wanted = wanted.saturating_sub(quantity);
                    let value = earlier.price.saturating_mul(Decimal::from(quantity));
                    let order = earlier.order.name.clone();
                    recall.taken.push(Taken { line: place, order, quantity, value, is_charge });
                }
            }
        }
        if wanted > 0 {
            recall.missing.push(Missing { line: place, quantity: wanted, lack, is_charge });
        }
    }
    recall
}
