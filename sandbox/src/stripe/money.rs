//! Amounts that Stripe takes ("Supported currencies", minimum and maximum charge amounts).

use super::fault::Refusal;

const LARGEST: i64 = 99_999_999;
/// Currencies of a sandbox; a subset of Stripe's.
const CURRENCIES: [&str; 20] = [
    "aud", "bhd", "cad", "chf", "clp", "dkk", "eur", "gbp", "isk", "jpy", "krw", "kwd", "mga", "nok", "nzd", "pln",
    "sek", "tnd", "ugx", "usd",
];

/// A currency that is known, in lower case whatever the caller wrote.
pub(super) fn currency(text: &str) -> Result<String, Refusal> {
    let lower = text.to_ascii_lowercase();
    if CURRENCIES.contains(&lower.as_str()) {
        return Ok(lower);
    }
    let message = format!("Invalid currency: {lower}. This sandbox supports: {}", CURRENCIES.join(", "));
    Err(Refusal::parameter("parameter_invalid_enum", "currency", message))
}

/// An amount that may be charged.
pub(super) fn chargeable(amount: i64, currency: &str) -> Result<i64, Refusal> {
    let least = match currency {
        "usd" | "eur" | "aud" | "cad" | "chf" | "jpy" | "nzd" => 50,
        "gbp" => 30,
        "sek" | "nok" => 300,
        "dkk" => 250,
        "pln" => 200,
        _ => 1,
    };
    if amount < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(Refusal::parameter("parameter_invalid_integer", "amount", message));
    }
    if amount < least {
        let message = format!("Amount must be at least {least} {currency} in the smallest unit");
        return Err(Refusal::parameter("amount_too_small", "amount", message));
    }
    if amount > LARGEST {
        let message = format!("Amount must be no more than {LARGEST} in the smallest unit");
        return Err(Refusal::parameter("amount_too_large", "amount", message));
    }
    countable(amount, currency, "amount")
}

/// An amount in steps that the currency has: ISK and UGX keep two decimals that are zeros, and of three decimals the last
/// is 0.
pub(super) fn countable(amount: i64, currency: &str, param: &str) -> Result<i64, Refusal> {
    let step = match currency {
        "isk" | "ugx" => 100,
        "bhd" | "kwd" | "tnd" => 10,
        _ => 1,
    };
    if amount % step == 0 {
        return Ok(amount);
    }
    let message = format!("Invalid amount: {currency} is charged in steps of {step}");
    Err(Refusal::parameter("parameter_invalid_integer", param, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_has_bounds_and_steps() {
        assert!(chargeable(30, "gbp").is_ok() && chargeable(29, "gbp").is_err());
        assert!(chargeable(50, "jpy").is_ok() && chargeable(0, "jpy").is_err());
        assert!(chargeable(500, "isk").is_ok() && chargeable(550, "isk").is_err());
        assert!(chargeable(5_120, "kwd").is_ok() && chargeable(5_124, "kwd").is_err());
        assert!(chargeable(100_000_000, "gbp").is_err());
        assert_eq!(currency("GBP").unwrap(), "gbp");
        assert!(currency("xxx").is_err());
    }
}
