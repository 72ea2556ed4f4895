//! Money as the vendor writes it, from hundredths; and the shop's rounding of prices that are finer.

use rust_decimal::prelude::ToPrimitive as _;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};

/// `12.30`.
pub(super) fn text(minor: i64) -> String {
    Decimal::new(minor, 2).to_string()
}

/// A decimal text in hundredths, half-even, and whether it had to be rounded; `None` when it is no price.
pub(super) fn minor(text: &str) -> Option<(i64, bool)> {
    let exact: Decimal = text.parse().ok()?;
    let rounded = exact.round_dp_with_strategy(2, RoundingStrategy::MidpointNearestEven);
    let minor = rounded.checked_mul(Decimal::ONE_HUNDRED)?.to_i64()?;
    Some((minor, rounded != exact))
}

/// A money set of the webhook bodies; the shop sells in its own currency.
pub(super) fn set(minor: i64, currency: &str) -> Value {
    let money = json!({"amount": text(minor), "currency_code": currency});
    json!({"shop_money": money, "presentment_money": money})
}

/// A money bag of the API.
pub(super) fn bag(minor: i64, currency: &str) -> Value {
    // The API writes amounts without a trailing zero: `12.3`, and one decimal at least.
    let exact = Decimal::new(minor, 2).normalize();
    let amount = if exact.scale() == 0 { format!("{exact}.0") } else { exact.to_string() };
    let money = json!({"amount": amount, "currencyCode": currency});
    json!({"shopMoney": money, "presentmentMoney": money})
}
