//! What came back, held against the book: which pieces of which earlier orders, and what waits for a person and why.

use std::collections::BTreeMap;

use retail_proto::Decimal;
use retail_sandbox::orderbook::{Lack, Recall};
use serde_json::Value;

use crate::answer::{list, word};

/// Pieces by their origin: place of the cancelled line, from 1, and the earlier order or the cause.
type Pieces = BTreeMap<(i64, String), i64>;

/// The comparison of all returns.
#[derive(Debug, Clone, Default)]
pub(super) struct Recalled {
    /// Cancellations of the book.
    pub(super) returns: u64,
    /// Earlier orders that give something back, over all cancellations: ERP returns, credit memos.
    pub(super) parts: u64,
    /// Those of them that are worth something: refunds.
    pub(super) paid_parts: u64,
    /// Returns that ended with nothing left for a person.
    pub(super) completed: u64,
    /// What is given back.
    pub(super) value: Decimal,
    /// Lines that wait for a person, by cause.
    pub(super) causes: BTreeMap<String, u64>,
    /// Cancellations whose return is not what the book says, with the difference.
    pub(super) differences: Vec<String>,
}

impl Recalled {
    /// Holds returns against the book, both in the book's order.
    pub(super) fn compare(recalls: &[Recall], returns: &[Value]) -> Self {
        let mut all = Self { returns: count(recalls.len()), ..Self::default() };
        for (recall, one) in recalls.iter().zip(returns) {
            all.parts = all.parts.saturating_add(count(recall.orders()));
            all.value = all.value.saturating_add(recall.value());
            let completed = word(one, "/state") == "RETURN_STATE_COMPLETED";
            all.completed = all.completed.saturating_add(u64::from(completed));
            let mut worth: BTreeMap<&str, Decimal> = BTreeMap::new();
            for taken in &recall.taken {
                let sum = worth.entry(&taken.order).or_default();
                *sum = sum.saturating_add(taken.value);
            }
            let paid = worth.values().filter(|value| !value.is_zero()).count();
            all.paid_parts = all.paid_parts.saturating_add(count(paid));
            for line in list(one, "/lines").filter(|line| !word(line, "/cause").is_empty()) {
                let lines = all.causes.entry(word(line, "/cause")).or_default();
                *lines = lines.saturating_add(1);
            }
            let (expected, found) = (expected(recall), found(one));
            if expected != found {
                all.differences.push(format!("{}: the book says {expected:?}, the return {found:?}", recall.name));
            }
        }
        all
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn expected(recall: &Recall) -> Pieces {
    let place = |line: usize| i64::try_from(line).unwrap_or(i64::MAX).saturating_add(1);
    let mut pieces = Pieces::new();
    for taken in &recall.taken {
        add(&mut pieces, place(taken.line), taken.order.clone(), taken.quantity);
    }
    for missing in &recall.missing {
        let cause = match missing.lack {
            Lack::NoCustomer => "NO_CUSTOMER",
            Lack::NoEarlierPurchase => "NO_EARLIER_PURCHASE",
            Lack::QuantityLeft => "QUANTITY_LEFT",
        };
        add(&mut pieces, place(missing.line), cause.to_owned(), missing.quantity);
    }
    pieces
}

fn found(one: &Value) -> Pieces {
    let mut pieces = Pieces::new();
    for line in list(one, "/lines") {
        let number = |field: &str| word(line, field).parse().unwrap_or(0);
        let cause = word(line, "/cause");
        let (origin, quantity) = if cause.is_empty() {
            // What is credited counts, not what was merely allowed.
            (word(line, "/orderNumber"), number("/credited"))
        } else {
            (cause, number("/requested"))
        };
        add(&mut pieces, number("/inputNumber"), origin, quantity);
    }
    pieces
}

fn add(pieces: &mut Pieces, line: i64, origin: String, quantity: i64) {
    let sum = pieces.entry((line, origin)).or_default();
    *sum = sum.saturating_add(quantity);
}

#[cfg(test)]
mod tests {
    use retail_sandbox::orderbook::{Missing, Taken};
    use serde_json::json;

    use super::*;

    fn recall() -> Recall {
        let taken = Taken { line: 0, order: "#1".into(), quantity: 2, value: Decimal::new(510, 2), is_charge: false };
        let missing = Missing { line: 0, quantity: 1, lack: Lack::QuantityLeft, is_charge: false };
        Recall { name: "#C2".into(), taken: vec![taken], missing: vec![missing] }
    }

    #[test]
    fn a_return_that_gives_back_another_order_is_a_difference() {
        let mut one = json!({"lines": [
            {"inputNumber": 1, "orderNumber": "#1", "credited": "2", "requested": "2"},
            {"inputNumber": 1, "requested": "1", "cause": "QUANTITY_LEFT"},
        ]});
        let same = Recalled::compare(&[recall()], std::slice::from_ref(&one));
        assert!(same.differences.is_empty(), "{:?}", same.differences);
        assert_eq!((same.parts, same.value.to_string(), same.causes["QUANTITY_LEFT"]), (1, "5.10".to_owned(), 1));
        one["lines"][0]["orderNumber"] = json!("#3");
        assert_eq!(Recalled::compare(&[recall()], &[one]).differences.len(), 1);
    }
}
