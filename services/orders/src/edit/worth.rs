//! What an edit is worth: lines at their price, discount and taxes with the quantity, and whether the new total is paid.

use retail_proto::Currency;

use super::{Edit, Step};
use crate::check;
use crate::documents::Payment;
use crate::record::{Line, Order};

/// Authorized, as in the contract of orders.
const AUTHORIZED: i32 = 2;

/// A line with another quantity: its discount and its taxes in proportion, each rounded half-even to the minor unit. None
/// when the numbers are too large.
pub(super) fn repriced(line: &Line, quantity: i64, currency: Currency) -> Option<Line> {
    let part = |minor: i64| in_proportion(minor, quantity, line.quantity);
    let mut changed = Line { quantity, discount: part(line.discount)?, ..line.clone() };
    for tax in &mut changed.taxes {
        tax.minor = part(tax.minor)?;
    }
    // Rounding may leave a discount of a penny on a line that costs none.
    let amount = check::line_amount(&changed, currency).ok()?.minor();
    changed.discount = changed.discount.saturating_add(amount.min(0));
    changed.amount = amount.max(0);
    Some(changed)
}

/// The part of an amount that belongs to one quantity of another, half-even.
pub(super) fn in_proportion(minor: i64, quantity: i64, of: i64) -> Option<i64> {
    if of == 0 {
        return Some(0);
    }
    let (dividend, divisor) = (i128::from(minor) * i128::from(quantity), i128::from(of));
    let (whole, rest) = (dividend.div_euclid(divisor), dividend.rem_euclid(divisor));
    let up = match (rest * 2).cmp(&divisor) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => whole.rem_euclid(2) == 1,
    };
    i64::try_from(whole + i128::from(up)).ok()
}

impl Order {
    /// What was taken or can be taken for the order, minor units. Authorizations that nobody was asked about count as the
    /// channel told of them when `hoped` says so.
    pub(crate) fn covered(&self, hoped: bool) -> i64 {
        let counts = |payment: &Payment| {
            let theirs = payment.service.is_empty() && payment.state == AUTHORIZED;
            payment.is_captured() || payment.is_planned() || theirs
        };
        let told = self.payments.iter().filter(|payment| counts(payment));
        let told = told.fold(0_i64, |sum, payment| sum.saturating_add(payment.minor));
        let unasked = self.unasked_payments().chain(self.awaited_authorization()).filter(|_| hoped);
        let unasked = unasked.fold(0_i64, |sum, payment| sum.saturating_add(payment.minor));
        told.saturating_add(unasked).saturating_add(self.rooms())
    }

    /// What lacks of the total of an edit beyond what lacked before, minor units. What was sold without any payment is
    /// sold on account, and may be more.
    pub(super) fn unpaid(&self, edit: &Edit, hoped: bool) -> i64 {
        // What a shop has sold is paid there, or due there; only where we take the money ourselves it must be ours to take.
        let theirs = edit.by_shop && !self.payments.iter().any(Payment::is_authorization);
        if edit.total <= edit.total_before || self.payments.is_empty() || theirs {
            return 0;
        }
        edit.total.saturating_sub(edit.lacked).saturating_sub(self.covered(hoped)).max(0)
    }

    /// True when an order that was edited is billed to the last piece: of a line that changed between two invoices these may
    /// add up to a penny less than it costs.
    #[must_use]
    pub(crate) fn is_billed_as_edited(&self) -> bool {
        let due = |line: &Line| if line.closed && line.is_goods() { line.shipped } else { line.quantity };
        let billed = |line: &Line| line.invoiced >= due(line) || (line.closed && !line.is_goods());
        self.done_edits().next().is_some() && self.lines.iter().all(billed)
    }

    /// Money that edits have set free: the customer paid for what is not of the order any more, or for an edit that came
    /// to nothing. An edit that makes the order dearer uses it up first.
    #[must_use]
    pub(crate) fn set_free(&self) -> i64 {
        let ended = self.edits.iter().filter(|edit| matches!(edit.step(), Step::Changed | Step::Done | Step::Failed));
        ended.fold(0_i64, |free, edit| {
            let paid = self.payments.iter().find(|payment| payment.id == edit.payment && payment.is_captured());
            let cheaper = if edit.step() == Step::Failed { 0 } else { edit.worth_before.saturating_sub(edit.worth) };
            free.saturating_add(paid.map_or(0, |payment| payment.minor)).saturating_add(cheaper).max(0)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::Tax;
    use crate::testing::line;

    fn gbp() -> Currency {
        "GBP".parse().unwrap()
    }

    #[test]
    fn discount_and_taxes_go_with_the_quantity() {
        let mut line = line(1, "2.50", 4);
        line.discount = 100;
        line.taxes = vec![Tax { minor: 150, ..Tax::default() }];
        let half = repriced(&line, 2_000_000, gbp()).unwrap();
        assert_eq!((half.amount, half.discount, half.taxes[0].minor), (450, 50, 75));
        let more = repriced(&line, 6_000_000, gbp()).unwrap();
        assert_eq!((more.amount, more.discount, more.taxes[0].minor), (1350, 150, 225));
        let none = repriced(&line, 0, gbp()).unwrap();
        assert_eq!((none.amount, none.discount, none.taxes[0].minor), (0, 0, 0));
    }

    #[test]
    fn half_a_penny_goes_to_the_even_one() {
        assert_eq!([1, 3, 5].map(|minor| in_proportion(minor, 1, 2).unwrap()), [0, 2, 2]);
    }

    proptest! {
        #[test]
        fn no_line_is_ever_cheaper_than_nothing(pence in 0_i64..10_000, units in 1_i64..50, off in 0_i64..20_000, left in 0_i64..60) {
            let mut line = line(1, &format!("{}.{:02}", pence / 100, pence % 100), units);
            line.discount = off.min(line.amount);
            line.amount -= line.discount;
            let changed = repriced(&line, left * 1_000_000, gbp()).unwrap();
            prop_assert!(changed.amount >= 0 && changed.discount >= 0);
            prop_assert_eq!(check::line_amount(&changed, gbp()).unwrap().minor(), changed.amount);
        }
    }
}
