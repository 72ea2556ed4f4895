//! Looks at a customer's credit as callers see them.

use retail_proto::orders::v1 as pb;
use retail_proto::timestamp;
use retail_proto::types::v1::Money;

use crate::credit::Check;
use crate::record::Order;

pub(super) fn credit_check(order: &Order, check: &Check) -> pb::CreditCheck {
    // Who is not in the ERP's books has no numbers there.
    let numbers = check.numbers.as_ref().filter(|numbers| !numbers.currency.is_empty());
    let theirs = |minor: i64| numbers.map(|numbers| Money { minor_units: minor, currency: numbers.currency.clone() });
    let ours = |minor: i64| Money { minor_units: minor, currency: order.currency.clone() };
    pb::CreditCheck {
        at: Some(timestamp(check.at)),
        // The same numbers as in the contract.
        verdict: check.verdict,
        why: check.why.clone(),
        order: Some(ours(check.minor)),
        limit: numbers.and_then(|numbers| numbers.limit).and_then(theirs),
        balance: numbers.map(|numbers| numbers.balance).and_then(theirs),
        deposits: numbers.map(|numbers| numbers.deposits).and_then(theirs),
        unbilled_orders: numbers.map(|numbers| numbers.unbilled).and_then(theirs),
        other_orders: check.numbers.as_ref().map(|_| ours(check.others)),
        as_of: numbers.map(|numbers| timestamp(numbers.as_of)),
    }
}
