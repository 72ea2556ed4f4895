//! Which sales order is the shop's order, and which of its lines are the same. Pure.

use std::collections::BTreeMap;

use retail_proto::erp::v1 as erp;
use retail_proto::{Decimal, Quantity};

use crate::ask;
use crate::record::{Line, Order};

/// The sales order that fits best; `Err` says how many fit alike. `order` is the shop's, when the shop has one: then
/// something beside the number must agree, because numbers of different channels meet in one ERP.
pub(crate) fn best<'a>(
    candidates: &'a [erp::SalesOrder],
    order: Option<&Order>,
    zone: &str,
) -> Result<Option<&'a erp::SalesOrder>, usize> {
    let scored: Vec<(u32, &erp::SalesOrder)> =
        candidates.iter().filter_map(|told| Some((score(told, order, zone)?, told))).collect();
    let Some(highest) = scored.iter().map(|(score, _)| *score).max() else { return Ok(None) };
    let mut fitting = scored.iter().filter(|(score, _)| *score == highest).map(|(_, told)| *told);
    match (fitting.next(), fitting.count()) {
        (first, 0) => Ok(first),
        (_, others) => Err(others.saturating_add(1)),
    }
}

/// How well a sales order fits; `None` when it is another order.
fn score(told: &erp::SalesOrder, order: Option<&Order>, zone: &str) -> Option<u32> {
    told.document.as_ref()?;
    // Among orders that fit alike, one that was closed is the one that was entered again.
    let alive = u32::from(told.state() != erp::SalesOrderState::Closed || !told.fulfilments.is_empty());
    let Some(order) = order else { return Some(alive) };
    let ours = told.external_ref == order.id;
    let total = told.total.as_ref();
    if !ours && total.is_some_and(|total| total.currency != order.currency) {
        return None;
    }
    // The ERP's total may leave out taxes that the customer saw on top.
    let lines = order.lines.iter().fold(0_i64, |sum, line| sum.saturating_add(line.amount));
    let same_total = total.is_some_and(|total| [order.total, lines].contains(&total.minor_units));
    let same_lines = pairs(&order.lines, &told.lines).is_some();
    let same_day = ask::day(order.placed_at, zone).is_ok_and(|day| day == told.order_date);
    let fits = [(ours, 16), (same_total, 8), (same_lines, 4), (same_day, 2)];
    let points =
        fits.into_iter().filter(|(agrees, _)| *agrees).fold(0, |sum: u32, (_, points)| sum.saturating_add(points));
    (points > 0).then(|| points.saturating_add(alive))
}

/// For each of our lines the ERP's line that is the same: same item, quantity and price, one to one. `None` when they
/// cannot all be matched. Lines that are alike in all three are alike, whichever is which.
pub(crate) fn pairs<'a>(ours: &[Line], theirs: &'a [erp::SalesOrderLine]) -> Option<Vec<&'a erp::SalesOrderLine>> {
    if ours.len() != theirs.len() {
        return None;
    }
    let mut open: BTreeMap<(String, i64), Vec<&erp::SalesOrderLine>> = BTreeMap::new();
    for line in theirs {
        let quantity = line.quantity.parse::<Quantity>().ok()?;
        open.entry((line.sku.trim().to_uppercase(), quantity.millionths())).or_default().push(line);
    }
    ours.iter()
        .map(|line| {
            let alike = open.get_mut(&(line.sku.clone(), line.quantity))?;
            let place = alike.iter().position(|said| same_price(line, said))?;
            Some(alike.remove(place))
        })
        .collect()
}

/// The amount decides when the ERP says it: it holds the discount. A price that the ERP does not say agrees with any.
fn same_price(line: &Line, said: &erp::SalesOrderLine) -> bool {
    if let Some(amount) = &said.amount {
        return amount.minor_units == line.amount;
    }
    said.unit_price.is_empty()
        || Decimal::from_str_exact(said.unit_price.trim()).is_ok_and(|price| price == line.price())
}

#[cfg(test)]
mod tests {
    use retail_proto::types::v1::Money;

    use super::*;
    use crate::testing::{order, record};

    fn said(number: i32, sku: &str, quantity: &str, pence: i64) -> erp::SalesOrderLine {
        erp::SalesOrderLine {
            line_number: number,
            sku: sku.into(),
            quantity: quantity.into(),
            amount: Some(Money { minor_units: pence, currency: "GBP".into() }),
            ..Default::default()
        }
    }

    fn told(id: &str, pence: i64) -> erp::SalesOrder {
        erp::SalesOrder {
            document: Some(record("salesOrder", id)),
            total: Some(Money { minor_units: pence, currency: "GBP".into() }),
            state: i32::from(erp::SalesOrderState::Open),
            ..Default::default()
        }
    }

    fn found(candidates: &[erp::SalesOrder], order: Option<&Order>) -> Result<Option<String>, usize> {
        let best = best(candidates, order, "UTC")?;
        Ok(best.and_then(|told| told.document.clone()).map(|document| document.id))
    }

    #[test]
    fn lines_are_paired_by_item_quantity_and_price_in_whichever_order_they_stand() {
        let ours = order().received().lines;
        let theirs = [said(10, "sku-2", "2.0", 678), said(20, "SKU-1", "6", 1530)];
        let numbers: Vec<i32> = pairs(&ours, &theirs).unwrap().iter().map(|line| line.line_number).collect();
        assert_eq!(numbers, [20, 10]);
    }

    #[test]
    fn lines_that_differ_in_price_or_number_are_not_paired() {
        let ours = order().received().lines;
        assert!(pairs(&ours, &[said(1, "SKU-1", "6", 1531), said(2, "SKU-2", "2", 678)]).is_none());
        assert!(pairs(&ours, &[said(1, "SKU-1", "6", 1530)]).is_none());
    }

    #[test]
    fn two_lines_alike_take_two_lines_of_the_erp() {
        let mut ours = order().received().lines;
        ours[1] = Line { id: "o-1/2".into(), number: 2, ..ours[0].clone() };
        let twice = [said(1, "SKU-1", "6", 1530), said(2, "SKU-1", "6", 1530)];
        assert_eq!(pairs(&ours, &twice).unwrap().len(), 2);
        assert!(pairs(&ours, &[said(1, "SKU-1", "6", 1530), said(2, "SKU-1", "3", 1530)]).is_none());
    }

    #[test]
    fn the_sales_order_with_the_total_of_the_shop_is_the_one() {
        let order = order().received();
        let candidates = [told("1", 999), told("2", order.total)];
        assert_eq!(found(&candidates, Some(&order)), Ok(Some("2".into())));
    }

    #[test]
    fn two_that_fit_alike_are_ambiguous_with_and_without_the_shop() {
        let order = order().received();
        let candidates = [told("1", order.total), told("2", order.total)];
        assert_eq!(found(&candidates, Some(&order)), Err(2));
        assert_eq!(found(&candidates, None), Err(2));
    }

    #[test]
    fn of_two_alike_the_one_that_was_closed_is_not_meant() {
        let mut closed = told("1", 100);
        closed.set_state(erp::SalesOrderState::Closed);
        assert_eq!(found(&[closed, told("2", 100)], None), Ok(Some("2".into())));
    }

    #[test]
    fn another_channels_order_of_the_same_number_is_another_order() {
        let order = order().received();
        let mut abroad = told("1", order.total);
        abroad.total.as_mut().unwrap().currency = "EUR".into();
        assert_eq!(found(&[abroad], Some(&order)), Ok(None));
        assert_eq!(found(&[told("2", 999)], Some(&order)), Ok(None));
    }
}
