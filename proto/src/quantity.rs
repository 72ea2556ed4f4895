//! Quantities: a scaled integer with six places, a decimal string on the wire.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

/// Places after the point.
const PLACES: u32 = 6;
const SCALE: i64 = 1_000_000;

/// Why a quantity cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Not a decimal number.
    #[error("{0:?} is not a decimal number")]
    NotANumber(String),
    /// More than six places.
    #[error("{0:?} has more than 6 decimal places")]
    TooPrecise(String),
    /// Beyond what a quantity can hold.
    #[error("the quantity is too large")]
    Overflow,
}

/// How much of something, exact to a millionth. May be negative where a rule says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Quantity(i64);

impl Quantity {
    /// None.
    pub const ZERO: Self = Self(0);

    /// Whole units.
    pub fn whole(units: i64) -> Result<Self, QuantityError> {
        units.checked_mul(SCALE).map(Self).ok_or(QuantityError::Overflow)
    }

    /// Millionths, as stored.
    #[must_use]
    pub fn from_millionths(millionths: i64) -> Self {
        Self(millionths)
    }

    /// Millionths, to store.
    #[must_use]
    pub fn millionths(self) -> i64 {
        self.0
    }

    /// Whole units, when it has no fraction.
    #[must_use]
    pub fn as_whole(self) -> Option<i64> {
        (self.0 % SCALE == 0).then_some(self.0 / SCALE)
    }

    /// Exact decimal.
    #[must_use]
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.0, PLACES).normalize()
    }

    /// The sum.
    pub fn plus(self, other: Self) -> Result<Self, QuantityError> {
        self.0.checked_add(other.0).map(Self).ok_or(QuantityError::Overflow)
    }

    /// The difference.
    pub fn minus(self, other: Self) -> Result<Self, QuantityError> {
        self.0.checked_sub(other.0).map(Self).ok_or(QuantityError::Overflow)
    }

    /// True above zero.
    #[must_use]
    pub fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// True below zero.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// True at zero.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl FromStr for Quantity {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let decimal = Decimal::from_str_exact(text.trim()).map_err(|_| QuantityError::NotANumber(text.to_owned()))?;
        if decimal.normalize().scale() > PLACES {
            return Err(QuantityError::TooPrecise(text.to_owned()));
        }
        decimal
            .checked_mul(Decimal::from(SCALE))
            .and_then(|scaled| scaled.to_i64())
            .map(Self)
            .ok_or(QuantityError::Overflow)
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_decimal())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_seventh_place_is_refused() {
        assert!("0.000001".parse::<Quantity>().is_ok());
        assert!("0.0000010".parse::<Quantity>().is_ok());
        assert_eq!("0.0000001".parse::<Quantity>(), Err(QuantityError::TooPrecise("0.0000001".into())));
    }

    #[test]
    fn words_and_exponents_are_not_quantities() {
        for text in ["", "six", "1e3", "NaN", "1,5"] {
            assert!(text.parse::<Quantity>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(millionths in any::<i64>()) {
            let quantity = Quantity::from_millionths(millionths);
            prop_assert_eq!(quantity.to_string().parse::<Quantity>().unwrap(), quantity);
        }
    }
}
