//! Small words of the wire: media types, query strings, numbers as decimals.

use std::str::FromStr;

use percent_encoding::percent_decode_str;
use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};
use serde_json::{Number, Value};

use super::fault::Fault;
use crate::twin::{Answer, Seen};

/// Millionths in one unit of a quantity.
pub(super) const MICRO: i64 = 1_000_000;

/// An answer with the vendor's media type of that `type=`.
pub(super) fn typed(status: u16, kind: &str, body: &Value) -> Answer {
    let mut answer = Answer::json(status, body);
    answer.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
    answer.header("Content-Type", &format!("application/vnd.oracle.resource+json; type={kind}"))
}

/// One parameter of the query string, decoded; names match without regard to case.
pub(super) fn parameter(request: &Seen, name: &str) -> Option<String> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(&request.query).unwrap_or_default();
    pairs.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Is this boolean parameter of the query string set?
pub(super) fn flag(request: &Seen, name: &str) -> bool {
    parameter(request, name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// The sublists that the query string asks to replace.
pub(super) fn replaced(request: &Seen) -> Vec<String> {
    let all = parameter(request, "replace").unwrap_or_default();
    all.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// A header as text, empty when absent.
pub(super) fn header<'a>(request: &'a Seen, name: &str) -> &'a str {
    request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Percent-decodes one segment of a path.
pub(super) fn decoded(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

/// `limit` and `offset` under the vendor's rules ("Collection Paging").
pub(super) fn page(request: &Seen) -> Result<(usize, usize), Fault> {
    let read = |name: &'static str, fallback: usize| match parameter(request, name) {
        None => Ok(fallback),
        Some(text) => text
            .parse()
            .map_err(|_| Fault::parameter(name, format!("Invalid value '{text}' of query parameter {name}."))),
    };
    let limit = read("limit", 1000)?;
    let offset = read("offset", 0)?;
    if limit == 0 || limit > 1000 {
        return Err(Fault::parameter("limit", "The limit must be between 1 and 1000."));
    }
    if offset % limit != 0 {
        return Err(Fault::parameter("offset", "The offset must be divisible by the limit."));
    }
    if offset >= 100_000 || offset / limit >= 1000 && limit != 1000 {
        return Err(Fault::parameter("offset", "The offset is past the results that can be returned."));
    }
    Ok((limit, offset))
}

/// A decimal out of a JSON number or its text; never through a float.
pub(super) fn decimal(value: &Value) -> Option<Decimal> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    Decimal::from_str(&text).or_else(|_| Decimal::from_scientific(&text)).ok()
}

/// A decimal as a whole number of `parts`, half away from zero.
pub(super) fn scaled(value: Decimal, parts: i64) -> Option<i64> {
    value.checked_mul(Decimal::from(parts))?.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero).to_i64()
}

/// Hundredths as a decimal with two places.
pub(super) fn cents(amount: i64) -> Decimal {
    Decimal::new(amount, 2)
}

/// Millionths as a decimal without trailing zeros.
pub(super) fn units(quantity: i64) -> Decimal {
    Decimal::new(quantity, 6).normalize()
}

/// A JSON number with exactly these digits.
pub(super) fn number(value: Decimal) -> Value {
    Number::from_str(&value.to_string()).map_or(Value::Null, Value::Number)
}

/// `whole * part / of`, rounded half away from zero; zero when `of` is zero.
pub(super) fn share(whole: i64, part: i64, of: i64) -> i64 {
    Decimal::from(whole)
        .checked_mul(Decimal::from(part))
        .and_then(|product| product.checked_div(Decimal::from(of)))
        .and_then(|value| scaled(value, 1))
        .unwrap_or(0)
}
