//! Shares of an amount, exact to the minor unit. Pure.

use std::cmp::Ordering;

/// What `part` of `whole` is worth when the whole is worth `total`, rounded half-even. Nothing of nothing is nothing.
#[must_use]
pub(crate) fn share(total: i64, part: i64, whole: i64) -> i64 {
    if whole <= 0 {
        return 0;
    }
    let (exact, whole) = (i128::from(total) * i128::from(part), i128::from(whole));
    let (floor, rest) = (exact.div_euclid(whole), exact.rem_euclid(whole));
    let up = match (rest * 2).cmp(&whole) {
        Ordering::Less => 0,
        Ordering::Equal => floor.rem_euclid(2),
        Ordering::Greater => 1,
    };
    i64::try_from(floor + up).unwrap_or(total)
}

/// Spreads an amount over weights: each place gets the difference of two cumulative shares, so that they add up.
#[must_use]
pub(crate) fn spread(total: i64, weights: &[i64]) -> Vec<i64> {
    let whole: i64 = weights.iter().sum();
    let (mut passed, mut given) = (0_i64, 0_i64);
    let each = |weight: &i64| {
        passed = passed.saturating_add(*weight);
        let upto = share(total, passed, whole);
        let this = upto.saturating_sub(given);
        given = upto;
        this
    };
    weights.iter().map(each).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn half_a_penny_goes_to_the_even_side() {
        assert_eq!([share(1, 1, 2), share(3, 1, 2), share(5, 1, 2)], [0, 2, 2]);
        assert_eq!([share(10, 1, 3), share(10, 2, 3), share(10, 3, 3)], [3, 7, 10]);
    }

    proptest! {
        #[test]
        fn what_is_spread_adds_up(total in 0_i64..10_000_000, weights in proptest::collection::vec(0_i64..1_000, 1..20)) {
            let parts = spread(total, &weights);
            let whole: i64 = weights.iter().sum();
            prop_assert_eq!(parts.iter().sum::<i64>(), if whole == 0 { 0 } else { total });
            prop_assert!(parts.iter().all(|part| *part >= 0));
        }
    }
}
