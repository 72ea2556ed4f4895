//! Price and tax check: does the customer's total follow from the lines? Nothing is recomputed silently; a difference
//! is named. Pure.

use retail_proto::{Currency, Money, MoneyError};

use crate::record::{Line, Order};

/// What the check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// The total follows from the lines, within the tolerance.
    Agrees,
    /// It does not.
    Differs {
        /// What the lines add up to.
        computed: Money,
        /// What the customer was shown.
        shown: Money,
    },
}

/// What a line costs: unit price times quantity, rounded half-even once, less the discount.
pub(crate) fn line_amount(line: &Line, currency: Currency) -> Result<Money, MoneyError> {
    let gross = Money::of_line(line.price(), line.ordered(), currency)?;
    gross.minus(Money::from_minor(line.discount, currency))
}

/// What the lines add up to: their amounts and the taxes that are not included in them, whoever collects those: the
/// customer was shown them all.
pub(crate) fn computed_total(lines: &[Line], currency: Currency) -> Result<Money, MoneyError> {
    lines.iter().try_fold(Money::zero(currency), |sum, line| {
        let with_line = sum.plus(line_amount(line, currency)?)?;
        line.taxes
            .iter()
            .filter(|tax| !tax.included)
            .try_fold(with_line, |sum, tax| sum.plus(Money::from_minor(tax.minor, currency)))
    })
}

/// Compares the shown total with the computed one. `tolerance` is in minor units.
pub(crate) fn total(order: &Order, tolerance: u32) -> Result<Finding, MoneyError> {
    let currency: Currency = order.currency.parse()?;
    let shown = Money::from_minor(order.total, currency);
    let computed = computed_total(&order.lines, currency)?;
    let apart = shown.minus(computed)?.minor().unsigned_abs();
    Ok(if apart <= u64::from(tolerance) { Finding::Agrees } else { Finding::Differs { computed, shown } })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::Tax;
    use crate::testing::{line, order};

    fn gbp() -> Currency {
        "GBP".parse().unwrap()
    }

    #[test]
    fn a_penny_too_much_is_found_and_named() {
        let mut order = order().received();
        order.total += 1;
        let Finding::Differs { computed, shown } = total(&order, 0).unwrap() else { panic!("not found") };
        assert_eq!(shown.minus(computed).unwrap().minor(), 1);
        assert_eq!(total(&order, 1).unwrap(), Finding::Agrees);
    }

    #[test]
    fn a_tax_on_top_belongs_to_the_total_and_an_included_one_does_not() {
        let mut taxed = line(1, "10.00", 1);
        taxed.taxes.push(Tax { minor: 200, included: false, ..Tax::default() });
        taxed.taxes.push(Tax { minor: 150, included: true, ..Tax::default() });
        assert_eq!(computed_total(&[taxed], gbp()).unwrap().minor(), 1200);
    }

    #[test]
    fn a_thousandth_of_a_pound_rounds_to_the_even_penny() {
        assert_eq!(line_amount(&line(1, "0.001", 1), gbp()).unwrap().minor(), 0);
        assert_eq!(line_amount(&line(1, "0.001", 5), gbp()).unwrap().minor(), 0);
        assert_eq!(line_amount(&line(1, "0.001", 15), gbp()).unwrap().minor(), 2);
    }

    proptest! {
        #[test]
        fn the_sum_of_the_lines_agrees_and_any_difference_is_found(
            lines in proptest::collection::vec((0_i64..1_000_000, 1_i64..500, 0_i64..100), 1..40),
            off in -500_i64..500,
        ) {
            let mut order = order().received();
            order.lines = lines.iter().zip(1..).map(|((pence, units, discount), number)| {
                let mut line = line(number, &Money::from_minor(*pence, gbp()).to_decimal().to_string(), *units);
                line.discount = (*discount).min(pence * units);
                line
            }).collect();
            order.total = computed_total(&order.lines, gbp()).unwrap().minor() + off;
            prop_assert_eq!(total(&order, 0).unwrap() == Finding::Agrees, off == 0);
        }
    }
}
