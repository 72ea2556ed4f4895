//! Which tender gets how much of a refund, and what of its lines is refunded already. Pure: the oldest tender first,
//! never more than it has left.

use std::collections::BTreeMap;

use retail_proto::{Currency, Money, MoneyError};

use crate::gid::number;
use crate::wire::money::Transaction;

/// Money that came in and was not given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Capture {
    /// The shop's id of the sale or capture.
    pub(crate) gid: String,
    pub(crate) gateway: String,
    pub(crate) left: Money,
}

/// What is left of each capture, oldest first. Money on its way back is gone already; a failed refund took nothing.
pub(crate) fn captures(transactions: &[Transaction], currency: Currency) -> Result<Vec<Capture>, MoneyError> {
    let mut captures = BTreeMap::new();
    for transaction in transactions {
        let came = matches!(transaction.kind.as_str(), "SALE" | "CAPTURE") && transaction.status == "SUCCESS";
        let Some(id) = number(&transaction.id, "OrderTransaction").filter(|_| came) else { continue };
        let left = Money::parse(&transaction.amount_set.shop_money.amount.0, currency)?;
        captures.insert(id, Capture { gid: transaction.id.clone(), gateway: transaction.gateway.clone(), left });
    }
    for transaction in transactions.iter().filter(|one| one.kind == "REFUND" && !is_over(&one.status)) {
        let parent = transaction.parent_transaction.as_ref().and_then(|one| number(&one.id, "OrderTransaction"));
        if let Some(capture) = parent.and_then(|id| captures.get_mut(&id)) {
            let given = Money::parse(&transaction.amount_set.shop_money.amount.0, currency)?;
            capture.left = capture.left.minus(given)?;
        }
    }
    Ok(captures.into_values().filter(|capture| capture.left.minor() > 0).collect())
}

/// True when a transaction ended without moving money. A status nobody knows may still move it.
pub(crate) fn is_over(status: &str) -> bool {
    matches!(status, "FAILURE" | "ERROR")
}

/// What each capture gives back; the sum that is left when it is not enough.
pub(crate) fn split(amount: Money, captures: &[Capture]) -> Result<Vec<(&Capture, Money)>, Money> {
    let (mut wanted, mut parts) = (amount.minor(), Vec::new());
    for capture in captures {
        let part = capture.left.minor().min(wanted);
        if part > 0 {
            wanted = wanted.saturating_sub(part);
            parts.push((capture, Money::from_minor(part, amount.currency())));
        }
    }
    if wanted == 0 {
        return Ok(parts);
    }
    Err(Money::from_minor(amount.minor().saturating_sub(wanted), amount.currency()))
}

/// Takes off the lines what tries that came to nothing have refunded of them already, where less is left for that very
/// reason. What is short for any other reason stays: the shop refuses it.
pub(crate) fn unspent(lines: &mut Vec<(u64, i64, bool)>, left: &BTreeMap<u64, i64>, spent: &BTreeMap<u64, i64>) {
    let mut left = left.clone();
    for (id, asked, _) in lines.iter_mut() {
        let (Some(left), Some(spent)) = (left.get_mut(id), spent.get(id)) else { continue };
        let short = asked.saturating_sub(*left);
        if (1..=*spent).contains(&short) {
            *asked = asked.saturating_sub(*spent);
        }
        *left = left.saturating_sub(*asked);
    }
    lines.retain(|(_, asked, _)| *asked > 0);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn pounds() -> Currency {
        "GBP".parse().unwrap()
    }

    fn transaction(id: u64, kind: &str, status: &str, amount: &str, parent: Option<u64>) -> Transaction {
        let gid = |id: u64| format!("gid://shopify/OrderTransaction/{id}");
        let parent = parent.map(|id| json!({"id": gid(id)}));
        let shown = json!({"id": gid(id), "kind": kind, "status": status, "gateway": "g", "parentTransaction": parent,
            "amountSet": {"shopMoney": {"amount": amount}}});
        serde_json::from_value(shown).unwrap()
    }

    fn left(transactions: &[Transaction]) -> Vec<(String, i64)> {
        let captures = captures(transactions, pounds()).unwrap();
        captures.into_iter().map(|one| (one.gid.rsplit('/').next().unwrap().to_owned(), one.left.minor())).collect()
    }

    #[test]
    fn only_money_that_came_in_can_go_back_and_what_is_on_its_way_is_gone() {
        let all = [
            transaction(9, "SALE", "SUCCESS", "7.5", None),
            transaction(2, "CAPTURE", "SUCCESS", "5.0", Some(1)),
            transaction(1, "AUTHORIZATION", "SUCCESS", "5.0", None),
            transaction(3, "SALE", "FAILURE", "8.0", None),
            transaction(10, "REFUND", "SUCCESS", "1.0", Some(2)),
            transaction(11, "REFUND", "PENDING", "2.0", Some(9)),
            transaction(12, "REFUND", "FAILURE", "4.0", Some(9)),
            transaction(13, "REFUND", "A_NEW_WORD", "0.5", Some(9)),
        ];
        assert_eq!(left(&all), [("2".to_owned(), 400), ("9".to_owned(), 500)]);
    }

    #[test]
    fn a_capture_that_is_given_back_is_not_offered_again() {
        let all = [transaction(1, "SALE", "SUCCESS", "5", None), transaction(2, "REFUND", "SUCCESS", "5.00", Some(1))];
        assert!(left(&all).is_empty());
    }

    #[test]
    fn lines_are_short_only_of_what_a_failed_try_has_spent() {
        let rest = |asked: i64, left: i64, spent: &[(u64, i64)]| {
            let mut lines = vec![(7, asked, false)];
            unspent(&mut lines, &BTreeMap::from([(7, left)]), &spent.iter().copied().collect());
            lines.first().map(|(_, asked, _)| *asked)
        };
        assert_eq!(rest(2, 0, &[(7, 2)]), None);
        assert_eq!(rest(2, 1, &[(7, 2)]), None, "the one that is left is none of these two");
        assert_eq!(rest(3, 1, &[(7, 2)]), Some(1));
        assert_eq!(rest(2, 2, &[(7, 2)]), Some(2), "enough is left: this is another return");
        assert_eq!(rest(3, 0, &[(7, 2)]), Some(3), "the shop is to refuse it");
        assert_eq!(rest(2, 0, &[(8, 2)]), Some(2));
    }

    proptest! {
        #[test]
        fn the_parts_add_up_and_none_is_more_than_its_capture(
            amounts in prop::collection::vec(1_i64..10_000, 1..6), wanted in 1_i64..60_000,
        ) {
            let money = |minor| Money::from_minor(minor, pounds());
            let captures: Vec<Capture> = amounts.iter().enumerate().map(|(at, minor)| Capture {
                gid: at.to_string(), gateway: String::new(), left: money(*minor),
            }).collect();
            match split(money(wanted), &captures) {
                Ok(parts) => {
                    prop_assert_eq!(parts.iter().map(|(_, part)| part.minor()).sum::<i64>(), wanted);
                    prop_assert!(parts.iter().all(|(capture, part)| part.minor() <= capture.left.minor()));
                    // Every capture but the last is emptied.
                    prop_assert!(parts.iter().rev().skip(1).all(|(capture, part)| capture.left == *part));
                }
                Err(left) => {
                    prop_assert_eq!(left.minor(), amounts.iter().sum::<i64>());
                    prop_assert!(left.minor() < wanted);
                }
            }
        }
    }
}
