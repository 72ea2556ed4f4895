//! Money: minor units and a currency, exact.

use std::fmt;
use std::str::FromStr;

use rust_decimal::prelude::ToPrimitive as _;
use rust_decimal::{Decimal, RoundingStrategy};

use crate::Quantity;
use crate::types::v1 as pb;

/// Why an amount cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not an active ISO 4217 code.
    #[error("{0:?} is not an ISO 4217 currency code")]
    UnknownCurrency(String),
    /// Two currencies in one sum.
    #[error("cannot combine {0} with {1}")]
    MixedCurrencies(Currency, Currency),
    /// Beyond what minor units can hold.
    #[error("the amount is too large")]
    Overflow,
    /// Not a decimal number.
    #[error("{0:?} is not a decimal number")]
    NotANumber(String),
    /// More decimals than the currency has.
    #[error("{0} has more decimals than {1} knows")]
    TooPrecise(Decimal, Currency),
}

/// An ISO 4217 currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

/// Active ISO 4217 currencies with other than two decimals.
const OTHER_DECIMALS: &[(&str, u32)] = &[
    ("BIF", 0),
    ("CLP", 0),
    ("DJF", 0),
    ("GNF", 0),
    ("ISK", 0),
    ("JPY", 0),
    ("KMF", 0),
    ("KRW", 0),
    ("PYG", 0),
    ("RWF", 0),
    ("UGX", 0),
    ("UYI", 0),
    ("VND", 0),
    ("VUV", 0),
    ("XAF", 0),
    ("XOF", 0),
    ("XPF", 0),
    ("BHD", 3),
    ("IQD", 3),
    ("JOD", 3),
    ("KWD", 3),
    ("LYD", 3),
    ("OMR", 3),
    ("TND", 3),
    ("CLF", 4),
    ("UYW", 4),
];

/// Active ISO 4217 currencies with two decimals.
const TWO_DECIMALS: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD \
CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR \
ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN \
NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC \
SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG";

impl Currency {
    /// The code, upper case.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// How many decimals its minor unit has.
    #[must_use]
    pub fn decimals(&self) -> u32 {
        OTHER_DECIMALS.iter().find(|(code, _)| *code == self.code()).map_or(2, |(_, decimals)| *decimals)
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let known = OTHER_DECIMALS.iter().any(|(code, _)| *code == text)
            || (text.len() == 3 && TWO_DECIMALS.split(' ').any(|code| code == text));
        match (known, <[u8; 3]>::try_from(text.as_bytes())) {
            (true, Ok(code)) => Ok(Self(code)),
            _ => Err(MoneyError::UnknownCurrency(text.to_owned())),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount in minor units of one currency. Sums are checked; currencies never mix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// An amount of minor units.
    #[must_use]
    pub fn from_minor(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in a currency.
    #[must_use]
    pub fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// An amount from major units, refused when it has more decimals than the currency.
    pub fn exact(amount: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        let rounded = Self::rounded(amount, currency)?;
        if rounded.to_decimal() == amount { Ok(rounded) } else { Err(MoneyError::TooPrecise(amount, currency)) }
    }

    /// An amount from major units, rounded half-even to the currency's decimals.
    pub fn rounded(amount: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        let decimals = currency.decimals();
        let scale = Decimal::from(10_u64.pow(decimals));
        let minor = amount
            .round_dp_with_strategy(decimals, RoundingStrategy::MidpointNearestEven)
            .checked_mul(scale)
            .and_then(|minor| minor.to_i64())
            .ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, currency })
    }

    /// Parses major units such as `12.50`; more decimals than the currency has are refused.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let amount = Decimal::from_str_exact(text.trim()).map_err(|_| MoneyError::NotANumber(text.to_owned()))?;
        Self::exact(amount, currency)
    }

    /// A unit price times a quantity, rounded half-even once.
    pub fn of_line(unit_price: Decimal, quantity: Quantity, currency: Currency) -> Result<Self, MoneyError> {
        let product = unit_price.checked_mul(quantity.to_decimal()).ok_or(MoneyError::Overflow)?;
        Self::rounded(product, currency)
    }

    /// Minor units.
    #[must_use]
    pub fn minor(&self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// True below zero.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.minor < 0
    }

    /// True at zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.minor == 0
    }

    /// Major units, exact.
    #[must_use]
    pub fn to_decimal(&self) -> Decimal {
        Decimal::new(self.minor, self.currency.decimals())
    }

    /// The sum; refused over two currencies.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.same(other)?;
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// The difference; refused over two currencies.
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.same(other)?;
        let minor = self.minor.checked_sub(other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    fn same(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::MixedCurrencies(self.currency, other.currency))
        }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_decimal(), self.currency)
    }
}

impl From<Money> for pb::Money {
    fn from(money: Money) -> Self {
        Self { minor_units: money.minor, currency: money.currency.code().to_owned() }
    }
}

impl TryFrom<&pb::Money> for Money {
    type Error = MoneyError;

    fn try_from(money: &pb::Money) -> Result<Self, MoneyError> {
        Ok(Self { minor: money.minor_units, currency: money.currency.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn gbp() -> Currency {
        "GBP".parse().unwrap()
    }

    #[test]
    fn half_a_penny_goes_to_the_even_side() {
        for (amount, minor) in [("0.005", 0), ("0.015", 2), ("0.025", 2), ("-0.005", 0), ("-0.015", -2)] {
            let amount: Decimal = amount.parse().unwrap();
            assert_eq!(Money::rounded(amount, gbp()).unwrap().minor(), minor, "{amount}");
        }
    }

    #[test]
    fn yen_have_no_decimals_and_dinars_three() {
        assert_eq!(Money::parse("12", "JPY".parse().unwrap()).unwrap().minor(), 12);
        assert_eq!(Money::parse("1.234", "KWD".parse().unwrap()).unwrap().minor(), 1234);
        assert!(Money::parse("12.5", "JPY".parse().unwrap()).is_err());
    }

    #[test]
    fn an_unknown_currency_is_named() {
        assert_eq!("XYZ".parse::<Currency>(), Err(MoneyError::UnknownCurrency("XYZ".into())));
        assert!("gbp".parse::<Currency>().is_err());
        assert!("GB".parse::<Currency>().is_err());
    }

    #[test]
    fn pounds_and_euros_do_not_add() {
        let eur = Money::from_minor(1, "EUR".parse().unwrap());
        assert!(Money::from_minor(1, gbp()).plus(eur).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(minor in any::<i64>()) {
            let money = Money::from_minor(minor, gbp());
            prop_assert_eq!(Money::parse(&money.to_decimal().to_string(), gbp()).unwrap(), money);
            prop_assert_eq!(Money::try_from(&pb::Money::from(money)).unwrap(), money);
        }

        #[test]
        fn adding_and_taking_away_is_nothing(a in -1_000_000_000_i64..1_000_000_000, b in -1_000_000_000_i64..1_000_000_000) {
            let (a, b) = (Money::from_minor(a, gbp()), Money::from_minor(b, gbp()));
            prop_assert_eq!(a.plus(b).unwrap().minus(b).unwrap(), a);
        }

        #[test]
        fn a_line_is_never_off_by_more_than_half_a_penny(price in 0_i64..10_000_000, units in 1_i64..100_000) {
            let price = Decimal::new(price, 4);
            let quantity = Quantity::whole(units).unwrap();
            let line = Money::of_line(price, quantity, gbp()).unwrap();
            let exact = price * Decimal::from(units);
            prop_assert!((line.to_decimal() - exact).abs() <= Decimal::new(5, 3));
        }
    }
}
