//! Units of an item: a quantity in one of them becomes one in the base unit, exactly or not at all. Pure.

use retail_proto::Quantity;

use crate::catalogue::Item;

/// A unit beside the base unit: `per` of it are `base` of the base unit. Millionths.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Unit {
    /// Code.
    #[prost(string, tag = "1")]
    pub code: String,
    /// In the base unit.
    #[prost(int64, tag = "2")]
    pub base: i64,
    /// In this unit.
    #[prost(int64, tag = "3")]
    pub per: i64,
}

/// Why a quantity has no base unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// The item has no such unit.
    #[error("{sku} has no unit {unit}; give one of: {known}")]
    Unknown {
        /// Item code.
        sku: String,
        /// Unit as given.
        unit: String,
        /// Units that it has.
        known: String,
    },
    /// It does not come out exactly.
    #[error("{quantity} {unit} of {sku} do not come out exactly in its base unit; give it in {base}")]
    NotExact {
        /// Item code.
        sku: String,
        /// Unit as given.
        unit: String,
        /// Quantity as given.
        quantity: Quantity,
        /// The base unit, in words when it has no code.
        base: String,
    },
}

/// A quantity of an item in its base unit. An empty unit is the base unit; an item that nobody described has no other.
pub(crate) fn in_base_unit(
    item: Option<&Item>,
    sku: &str,
    quantity: Quantity,
    unit: &str,
) -> Result<Quantity, UnitError> {
    let base = item.map(|item| item.unit.as_str()).unwrap_or_default();
    let unit = unit.trim();
    if unit.is_empty() || unit.eq_ignore_ascii_case(base) {
        return Ok(quantity);
    }
    let units = item.map(|item| item.units.as_slice()).unwrap_or_default();
    let Some(known) = units.iter().find(|known| known.code.eq_ignore_ascii_case(unit)) else {
        let codes = units.iter().map(|unit| unit.code.as_str()).chain([base]).filter(|code| !code.is_empty());
        let codes: Vec<&str> = codes.collect();
        let known = if codes.is_empty() { "none, which is its base unit".to_owned() } else { codes.join(", ") };
        return Err(UnitError::Unknown { sku: sku.to_owned(), unit: unit.to_owned(), known });
    };
    let product = i128::from(quantity.millionths()).checked_mul(i128::from(known.base));
    let exact = product.filter(|product| known.per > 0 && product.checked_rem(i128::from(known.per)) == Some(0));
    let exact = exact.and_then(|product| product.checked_div(i128::from(known.per)));
    exact.and_then(|millionths| i64::try_from(millionths).ok()).map(Quantity::from_millionths).ok_or_else(|| {
        let base = if base.is_empty() { "its base unit" } else { base };
        UnitError::NotExact { sku: sku.to_owned(), unit: unit.to_owned(), quantity, base: base.to_owned() }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn item(base: &str, units: &[(&str, i64, i64)]) -> Item {
        let units = units.iter().map(|(code, base, per)| Unit {
            code: (*code).into(),
            base: base * 1_000_000,
            per: per * 1_000_000,
        });
        Item { sku: "A".into(), unit: base.into(), units: units.collect(), ..Item::default() }
    }

    fn turned(item: &Item, quantity: &str, unit: &str) -> Result<String, String> {
        let turned = in_base_unit(Some(item), "A", quantity.parse().unwrap(), unit);
        turned.map(|quantity| quantity.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_case_of_twelve_is_twelve_pieces() {
        let item = item("EA", &[("CASE", 12, 1)]);
        assert_eq!(turned(&item, "3", "case").unwrap(), "36");
        assert_eq!(turned(&item, "3", "ea").unwrap(), "3");
        assert_eq!(turned(&item, "3", "").unwrap(), "3");
    }

    #[test]
    fn pieces_of_an_item_that_is_kept_in_cases_must_fill_them_exactly() {
        let item = item("CASE", &[("EA", 1, 12)]);
        assert_eq!(turned(&item, "36", "EA").unwrap(), "3");
        let refused = turned(&item, "5", "EA").unwrap_err();
        insta::assert_snapshot!(refused, @"5 EA of A do not come out exactly in its base unit; give it in CASE");
    }

    #[test]
    fn a_unit_that_nobody_described_is_refused_with_those_that_are_known() {
        let refused = turned(&item("EA", &[("CASE", 12, 1)]), "1", "PALLET").unwrap_err();
        insta::assert_snapshot!(refused, @"A has no unit PALLET; give one of: CASE, EA");
        let refused = in_base_unit(None, "B", Quantity::ZERO, "CASE").unwrap_err();
        insta::assert_snapshot!(refused, @"B has no unit CASE; give one of: none, which is its base unit");
    }

    proptest! {
        #[test]
        fn what_is_turned_is_exactly_as_much(quantity in 1..1_000_000_000_i64, base in 1..1_000_i64, per in 1..1_000_i64) {
            let item = item("EA", &[("BOX", base, per)]);
            if let Ok(turned) = in_base_unit(Some(&item), "A", Quantity::from_millionths(quantity), "BOX") {
                prop_assert_eq!(i128::from(turned.millionths()) * i128::from(per), i128::from(quantity) * i128::from(base));
            } else {
                prop_assert!(i128::from(quantity) * i128::from(base) % i128::from(per) != 0);
            }
        }
    }
}
