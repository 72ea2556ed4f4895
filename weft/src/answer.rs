//! Reading what the gateway answers: JSON whose shape the contracts give.

use retail_proto::Money;
use serde_json::Value;

/// The text at a pointer; numbers as they are written; empty when there is none.
pub(crate) fn word(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// The items at a pointer.
pub(crate) fn list<'v>(value: &'v Value, pointer: &str) -> impl Iterator<Item = &'v Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// An amount as people read it, `25.50 GBP`; empty when there is none.
pub(crate) fn amount(value: &Value, pointer: &str) -> String {
    let currency = word(value, &format!("{pointer}/currency"));
    let minor = value
        .pointer(&format!("{pointer}/minorUnits"))
        .map_or(Some(0), |minor| minor.as_str().and_then(|text| text.parse().ok()).or_else(|| minor.as_i64()));
    let money = currency.parse().ok().zip(minor).map(|(currency, minor)| Money::from_minor(minor, currency));
    money.map(|money| format!("{} {currency}", money.to_decimal())).unwrap_or_default()
}

/// An enum's word without its type in front: `RETURN_STATE_HELD` is `held`.
pub(crate) fn state(value: &Value, pointer: &str, prefix: &str) -> String {
    word(value, pointer).trim_start_matches(prefix).to_lowercase().replace('_', " ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        let answer =
            json!({"total": {"minorUnits": "2550", "currency": "GBP"}, "yen": {"minorUnits": 80, "currency": "JPY"}});
        assert_eq!((amount(&answer, "/total"), amount(&answer, "/yen")), ("25.50 GBP".to_owned(), "80 JPY".to_owned()));
        assert_eq!(amount(&answer, "/nothing"), "");
    }
}
