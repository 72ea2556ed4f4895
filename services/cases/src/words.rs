//! Small readings of the contract's messages: times, quantities, records. Pure.

use retail_proto::Quantity;
use retail_proto::types::v1::{Money, Ref};
use retail_runtime::Timestamp;

/// Milliseconds since 1970 of a time; 0 when there is none.
pub(crate) fn millis(time: Option<&prost_types::Timestamp>) -> i64 {
    time.map_or(0, |time| {
        time.seconds.saturating_mul(1_000).saturating_add(i64::from(time.nanos).div_euclid(1_000_000))
    })
}

/// The beginning of a day `YYYY-MM-DD`, milliseconds since 1970; `None` when it is no day.
pub(crate) fn day(text: &str) -> Option<i64> {
    format!("{text}T00:00:00Z").parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

/// A decimal string as a quantity; one that cannot be read counts as nothing.
pub(crate) fn quantity(text: &str) -> Quantity {
    text.parse().unwrap_or_default()
}

/// `3 pieces`, `1 piece`.
pub(crate) fn pieces(quantities: impl Iterator<Item = Quantity>) -> String {
    let sum = quantities.fold(0_i64, |sum, quantity| sum.saturating_add(quantity.millionths()));
    let sum = Quantity::from_millionths(sum);
    if sum.as_whole() == Some(1) { "1 piece".to_owned() } else { format!("{sum} pieces") }
}

/// An amount as people read it; empty when there is none.
pub(crate) fn amount(money: Option<&Money>) -> String {
    money.and_then(|money| retail_proto::Money::try_from(money).ok()).map(|money| money.to_string()).unwrap_or_default()
}

/// The number people read of a document, or its id when it has none.
pub(crate) fn number(document: Option<&Ref>) -> &str {
    document.map_or("", |one| if one.number.is_empty() { one.id.as_str() } else { one.number.as_str() })
}

/// Each once, in the order in which they first come; empty ones are left out.
pub(crate) fn distinct<'a>(ids: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for id in ids {
        if !id.is_empty() && !seen.iter().any(|known| known == id) {
            seen.push(id.to_owned());
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_days_read_back() {
        assert_eq!(millis(Some(&retail_proto::timestamp(1_700_000_000_123))), 1_700_000_000_123);
        assert_eq!(day("2011-12-01"), Some(1_322_697_600_000));
        assert_eq!(day("yesterday"), None);
    }

    #[test]
    fn one_piece_is_not_pieces() {
        assert_eq!(pieces([quantity("1")].into_iter()), "1 piece");
        assert_eq!(pieces([quantity("1"), quantity("2.5")].into_iter()), "3.5 pieces");
    }
}
