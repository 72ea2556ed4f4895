//! Amounts as Stripe counts them. Mostly they are the currency's own minor units; where they are not, a factor of a hundred
//! is at stake ("Supported currencies", zero-decimal, three-decimal and special cases).

use retail_proto::{Currency, Money};

/// Why an amount cannot be told to Stripe or understood from it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadAmount {
    #[error("{0:?} is not a currency that we know")]
    Currency(String),
    #[error("Stripe takes amounts of {0} only in steps of {1} minor units")]
    Step(Currency, i64),
    #[error("the amount is too large")]
    Overflow,
}

/// How a currency's minor units relate to Stripe's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Count {
    Same,
    /// No decimals by ISO 4217, but Stripe still counts two, of which it takes zeros.
    Hundredfold,
    /// Two decimals by ISO 4217, but none at Stripe.
    Hundredth,
    /// Three decimals, of which the last must be 0.
    Tens,
}

fn count(currency: Currency) -> Count {
    match currency.code() {
        "ISK" | "UGX" => Count::Hundredfold,
        "MGA" => Count::Hundredth,
        "BHD" | "JOD" | "KWD" | "OMR" | "TND" => Count::Tens,
        _ => Count::Same,
    }
}

/// What Stripe is told.
pub(crate) fn theirs(money: Money) -> Result<i64, BadAmount> {
    let (minor, currency) = (money.minor(), money.currency());
    match count(currency) {
        Count::Same => Ok(minor),
        Count::Hundredfold => minor.checked_mul(100).ok_or(BadAmount::Overflow),
        Count::Hundredth if minor % 100 == 0 => Ok(minor / 100),
        Count::Hundredth => Err(BadAmount::Step(currency, 100)),
        Count::Tens if minor % 10 == 0 => Ok(minor),
        Count::Tens => Err(BadAmount::Step(currency, 10)),
    }
}

/// What Stripe says; its currencies are in lower case.
pub(crate) fn ours(amount: i64, currency: &str) -> Result<Money, BadAmount> {
    let known = currency.to_ascii_uppercase().parse::<Currency>();
    let currency = known.map_err(|_| BadAmount::Currency(currency.to_owned()))?;
    let minor = match count(currency) {
        Count::Same | Count::Tens => amount,
        Count::Hundredfold if amount % 100 == 0 => amount / 100,
        Count::Hundredfold => return Err(BadAmount::Step(currency, 1)),
        Count::Hundredth => amount.checked_mul(100).ok_or(BadAmount::Overflow)?,
    };
    Ok(Money::from_minor(minor, currency))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn money(minor: i64, code: &str) -> Money {
        Money::from_minor(minor, code.parse().unwrap())
    }

    #[test]
    fn the_yen_has_no_hundredths_and_the_krona_has_them_at_stripe_alone() {
        for (minor, code, theirs_too) in [
            (1099, "GBP", 1099),
            (500, "JPY", 500),
            (5, "ISK", 500),
            (5, "UGX", 500),
            (12_300, "MGA", 123),
            (5_120, "KWD", 5_120),
        ] {
            assert_eq!(theirs(money(minor, code)), Ok(theirs_too), "{code}");
            assert_eq!(ours(theirs_too, &code.to_lowercase()), Ok(money(minor, code)), "{code}");
        }
    }

    #[test]
    fn what_stripe_cannot_count_is_refused_and_never_rounded() {
        assert_eq!(theirs(money(5_124, "KWD")), Err(BadAmount::Step("KWD".parse().unwrap(), 10)));
        assert_eq!(theirs(money(150, "MGA")), Err(BadAmount::Step("MGA".parse().unwrap(), 100)));
        assert!(ours(550, "isk").is_err());
        assert_eq!(ours(1, "zzz"), Err(BadAmount::Currency("zzz".to_owned())));
        assert_eq!(theirs(money(i64::MAX, "ISK")), Err(BadAmount::Overflow));
    }

    proptest! {
        #[test]
        fn what_was_told_is_understood(minor in 0_i64..100_000_000, code in "GBP|USD|JPY|KRW|ISK|UGX|MGA|KWD|TND|CLP") {
            let money = money(minor, &code);
            if let Ok(told) = theirs(money) {
                prop_assert_eq!(ours(told, &code.to_lowercase()), Ok(money));
            }
        }
    }
}
