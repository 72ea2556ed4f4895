//! A look at a customer's credit in plain words. Pure.

use retail_proto::{Currency, Money};

use super::{Asked, Check, Numbers, Verdict, used};

/// What was found, with its numbers.
pub(super) fn say(check: &Check, asked: &Asked, mixed: bool) -> String {
    let numbers = check.numbers.clone().unwrap_or_default();
    let order = format!("this order {}", amount(asked.minor, &asked.currency));
    let told = format!("{}, {order}", figures(&numbers, check.others));
    match check.verdict() {
        Verdict::Within => told,
        Verdict::OverLimit => {
            let over = used(&numbers, check.others)
                .saturating_add(i128::from(asked.minor))
                .saturating_sub(i128::from(numbers.limit.unwrap_or_default()));
            let over = amount(i64::try_from(over).unwrap_or(i64::MAX), &asked.currency);
            format!("{told}: {over} over the limit; it goes on by itself once there is room, or release or cancel it")
        }
        Verdict::Stopped => {
            format!("the ERP has the customer on credit hold ({told}); lift it there, or release or cancel the order")
        }
        Verdict::Waived => format!("the ERP lets the customer pass its limit ({told})"),
        Verdict::NoLimit => format!("no limit is set, which lets it pass ({told})"),
        Verdict::LimitMissing => {
            format!("no limit is set ({told}); set one in the ERP, or release or cancel the order")
        }
        Verdict::OtherCurrency if mixed => {
            format!("orders in another currency were taken in and are not in the ERP yet ({told}); it is asked again")
        }
        Verdict::OtherCurrency => format!(
            "the ERP keeps the customer in {}, the order is in {} ({told}): compare them, then release or cancel it",
            numbers.currency, asked.currency
        ),
        Verdict::NotSaid | Verdict::Released | Verdict::Paid | Verdict::StillUnknown | Verdict::Unspecified => order,
    }
}

/// The ERP's numbers; those that are nothing are left out, but for the balance.
fn figures(numbers: &Numbers, others: i64) -> String {
    if numbers.currency.is_empty() {
        return "the ERP does not have the customer".to_owned();
    }
    let named = [
        ("limit", numbers.limit),
        ("balance", Some(numbers.balance)),
        ("paid ahead", Some(numbers.deposits).filter(|minor| *minor != 0)),
        ("unbilled", Some(numbers.unbilled).filter(|minor| *minor != 0)),
        ("not in the ERP yet", Some(others).filter(|minor| *minor != 0)),
    ];
    let named = named.into_iter().filter_map(|(name, minor)| Some((name, minor?)));
    let words: Vec<String> =
        named.map(|(name, minor)| format!("{name} {}", amount(minor, &numbers.currency))).collect();
    words.join(", ")
}

pub(super) fn amount(minor: i64, currency: &str) -> String {
    let known = currency.parse::<Currency>();
    known.map_or_else(|_| format!("{minor} {currency}"), |currency| Money::from_minor(minor, currency).to_string())
}
