//! A look at a customer's credit in plain words. Pure.

use retail_proto::{Currency, Money};

use super::{Asked, Check, Numbers, Verdict, used};

/// What becomes of an edit that is sold already.
pub(super) const SOLD: &str = "it is sold already and goes on; look at it, then release the hold";

/// What is asked for.
pub(super) fn asked(asked: &Asked) -> String {
    let minor = amount(asked.minor, &asked.currency);
    if asked.edit == 0 { format!("this order {minor}") } else { format!("edit {} adds {minor}", asked.edit) }
}

/// What was found, with its numbers.
pub(super) fn say(check: &Check, asked: &Asked, mixed: bool) -> String {
    let numbers = check.numbers.clone().unwrap_or_default();
    let order = self::asked(asked);
    // What people can do about it: an order waits, an edit does not, and what a shop has sold is no question.
    let mend = |order: &'static str, edit: &'static str| match asked.edit {
        0 => order,
        _ if asked.sold => SOLD,
        _ => edit,
    };
    let told = format!("{}, {order}", figures(&numbers, check.others));
    match check.verdict() {
        Verdict::Within => told,
        Verdict::OverLimit => {
            let over = used(&numbers, check.others)
                .saturating_add(i128::from(asked.minor))
                .saturating_sub(i128::from(numbers.limit.unwrap_or_default()));
            let over = amount(i64::try_from(over).unwrap_or(i64::MAX), &asked.currency);
            let order = "it goes on by itself once there is room, or release or cancel it";
            format!("{told}: {over} over the limit; {}", mend(order, "edit it again once there is room"))
        }
        Verdict::Stopped => {
            let order = "lift it there, or release or cancel the order";
            let mend = mend(order, "lift it there, then edit it again");
            format!("the ERP has the customer on credit hold ({told}); {mend}")
        }
        Verdict::Waived => format!("the ERP lets the customer pass its limit ({told})"),
        Verdict::NoLimit => format!("no limit is set, which lets it pass ({told})"),
        Verdict::LimitMissing => {
            let order = "set one in the ERP, or release or cancel the order";
            format!("no limit is set ({told}); {}", mend(order, "set one in the ERP, then edit it again"))
        }
        Verdict::OtherCurrency if mixed => {
            let mend = mend("it is asked again", "edit it again once they are");
            format!("orders in another currency were taken in and are not in the ERP yet ({told}); {mend}")
        }
        Verdict::OtherCurrency => format!(
            "the ERP keeps the customer in {}, the order is in {} ({told}): {}",
            numbers.currency,
            asked.currency,
            mend(
                "compare them, then release or cancel it",
                "have it paid with the edit, or order it as an order of its own"
            )
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
