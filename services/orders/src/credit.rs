//! Credit: whether a customer may owe what is sold to it on account, by the ERP's numbers and by what was let through since.
//! Pure. What was let through stands in `credit/account.rs`, what the order remembers in `credit/standing.rs`, what an edit
//! adds to it in `credit/edited.rs`.

pub(crate) mod account;
mod edited;
mod rules;
mod standing;
mod words;

use retail_proto::erp::v1 as erp;
use retail_proto::types::v1::Money;

use crate::record::Order;
pub use rules::{CreditRules, OnSilence, OnUnlimited};
pub(crate) use standing::Credit;

/// The customer has no credit for it, or nobody sells to it on account.
pub(crate) const OVER: &str = "CREDIT";
/// The ERP keeps the customer in another currency.
pub(crate) const CURRENCY: &str = "CREDIT_CURRENCY";

/// Is it a hold of ours?
fn is_of_credit(reason: &str) -> bool {
    reason == OVER || reason == CURRENCY
}

/// What a look came to (see the contract, whose numbers these are).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Verdict {
    /// None that this release knows: nothing passes by it.
    Unspecified = 0,
    /// The customer has credit for it.
    Within = 1,
    /// More than the limit.
    OverLimit = 2,
    /// The ERP's people sell nothing to it on account.
    Stopped = 3,
    /// They do, whatever the numbers say.
    Waived = 4,
    /// No limit is set, and it may pass.
    NoLimit = 5,
    /// No limit is set, and it may not.
    LimitMissing = 6,
    /// The ERP keeps the customer in another currency.
    OtherCurrency = 7,
    /// The ERP could not say, and it may pass.
    NotSaid = 8,
    /// A person has released it.
    Released = 9,
    /// Nothing of it is on account.
    Paid = 10,
    /// It is held, and the ERP could not say whether that still holds.
    StillUnknown = 11,
}

impl Verdict {
    /// The hold that follows; none when the order goes on, or stays as it is.
    pub(crate) fn hold(self) -> Option<&'static str> {
        match self {
            Self::OverLimit | Self::Stopped | Self::LimitMissing => Some(OVER),
            Self::OtherCurrency => Some(CURRENCY),
            Self::Within
            | Self::Waived
            | Self::NoLimit
            | Self::NotSaid
            | Self::Released
            | Self::Paid
            | Self::StillUnknown
            | Self::Unspecified => None,
        }
    }

    /// Does the order go on?
    pub(crate) fn passes(self) -> bool {
        self.hold().is_none() && self != Self::StillUnknown && self != Self::Unspecified
    }
}

/// The ERP's numbers of a customer, minor units.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Numbers {
    /// Their currency; empty when the ERP does not have the customer.
    #[prost(string, tag = "1")]
    pub currency: String,
    /// Most that the customer may owe; absent when no limit is set.
    #[prost(int64, optional, tag = "2")]
    pub limit: Option<i64>,
    /// What it owes.
    #[prost(int64, tag = "3")]
    pub balance: i64,
    /// What it paid ahead.
    #[prost(int64, tag = "4")]
    pub deposits: i64,
    /// What is ordered and not billed.
    #[prost(int64, tag = "5")]
    pub unbilled: i64,
    /// When they were read, milliseconds since 1970.
    #[prost(int64, tag = "6")]
    pub as_of: i64,
}

/// A look at a customer's credit for one order.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Check {
    /// When, milliseconds since 1970.
    #[prost(int64, tag = "1")]
    pub at: i64,
    /// What it came to.
    #[prost(enumeration = "Verdict", tag = "2")]
    pub verdict: i32,
    /// In plain words, with the numbers.
    #[prost(string, tag = "3")]
    pub why: String,
    /// What of the order is on account, or what an edit adds to that, minor units of its currency.
    #[prost(int64, tag = "4")]
    pub minor: i64,
    /// The ERP's numbers; absent when it did not say them.
    #[prost(message, optional, tag = "5")]
    pub numbers: Option<Numbers>,
    /// Orders that were let through and are not in those numbers, minor units.
    #[prost(int64, tag = "6")]
    pub others: i64,
}

impl Check {
    /// The same was found, whenever.
    fn says_the_same(&self, other: &Self) -> bool {
        let timeless = |check: &Self| {
            let numbers = check.numbers.clone().map(|numbers| Numbers { as_of: 0, ..numbers });
            Self { at: 0, numbers, ..check.clone() }
        };
        timeless(self) == timeless(other)
    }
}

/// What is asked for an order, or for what an edit adds to one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The order.
    pub(crate) order: String,
    /// Its version: what an older one asks for counts no more.
    pub(crate) version: u64,
    /// What of it is on account, or what the edit adds to that, minor units.
    pub(crate) minor: i64,
    /// Its currency.
    pub(crate) currency: String,
    /// A person has released its hold.
    pub(crate) released: bool,
    /// When, milliseconds since 1970.
    pub(crate) at: i64,
    /// The edit, by its number from 1; 0 is the order itself.
    pub(crate) edit: u32,
    /// Of an edit: the ERP hears of it with the order.
    pub(crate) before_booking: bool,
    /// Of an edit: a shop has sold it, so that it counts whatever is found.
    pub(crate) sold: bool,
}

impl Asked {
    /// What is asked for an order as it stands.
    pub(crate) fn of(order: &Order, at: i64) -> Self {
        Self {
            order: order.id.clone(),
            version: order.version,
            minor: order.on_account(),
            currency: order.currency.clone(),
            released: order.released.iter().any(|reason| is_of_credit(reason)),
            at,
            ..Self::default()
        }
    }

    /// It goes on whatever the ERP's numbers are.
    pub(crate) fn needs_no_numbers(&self) -> bool {
        self.minor <= 0 || self.released
    }

    /// A look that came to something.
    pub(crate) fn came_to(&self, verdict: Verdict, why: String) -> Check {
        Check { at: self.at, verdict: i32::from(verdict), why, minor: self.minor, ..Check::default() }
    }
}

/// What the ERP says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Its numbers, what its people have decided, and the orders among those asked about that the numbers hold.
    Says(Numbers, erp::CreditHold, Vec<String>),
    /// It cannot say, and this is why.
    Silent(String),
    /// It was not asked.
    NotAsked,
}

/// Reads an answer; the words say what is wrong with one that cannot be read.
pub(crate) fn read(told: Option<erp::CustomerCredit>) -> Result<Answer, String> {
    let Some(told) = told else {
        // Who is not in its books owes nothing, and nobody has set a limit.
        return Ok(Answer::Says(Numbers::default(), erp::CreditHold::Auto, Vec::new()));
    };
    let hold = told.hold();
    if hold == erp::CreditHold::Unspecified {
        return Err("it does not say whether the customer is on hold".to_owned());
    }
    let currency = told.balance.as_ref().map(|balance| balance.currency.clone()).unwrap_or_default();
    let minor = |name: &str, amount: Option<&Money>| match amount {
        Some(amount) if amount.currency == currency && !currency.is_empty() => Ok(amount.minor_units),
        Some(_) | None => Err(format!("its {name} is missing or in another currency")),
    };
    let numbers = Numbers {
        balance: minor("balance", told.balance.as_ref())?,
        deposits: minor("deposits", told.deposits.as_ref())?,
        unbilled: minor("unbilled_orders", told.unbilled_orders.as_ref())?,
        limit: told.limit.as_ref().map(|limit| minor("limit", Some(limit))).transpose()?,
        as_of: told.as_of.map_or(0, |at| at.seconds.saturating_mul(1000)),
        currency: currency.clone(),
    };
    Ok(Answer::Says(numbers, hold, told.sales_order_refs))
}

/// Judges an order by the ERP's numbers. `others` are orders that were let through and are not in them; none when one of
/// these is in another currency.
pub(crate) fn judge(
    rules: &CreditRules,
    numbers: &Numbers,
    hold: erp::CreditHold,
    others: Option<i64>,
    asked: &Asked,
) -> Check {
    let verdict = match (hold, numbers.limit) {
        (erp::CreditHold::Off, _) => Verdict::Waived,
        (erp::CreditHold::On, _) => Verdict::Stopped,
        (erp::CreditHold::Auto | erp::CreditHold::Unspecified, None) => match rules.without_limit {
            OnUnlimited::GoOn => Verdict::NoLimit,
            OnUnlimited::Hold => Verdict::LimitMissing,
        },
        (erp::CreditHold::Auto | erp::CreditHold::Unspecified, Some(limit)) => match others {
            Some(others) if numbers.currency == asked.currency => {
                let used = used(numbers, others).saturating_add(i128::from(asked.minor));
                let most = i128::from(limit).saturating_add(i128::from(rules.tolerance(&asked.currency)));
                if used > most { Verdict::OverLimit } else { Verdict::Within }
            }
            Some(_) | None => Verdict::OtherCurrency,
        },
    };
    let mut check = Check {
        numbers: Some(numbers.clone()),
        others: others.unwrap_or_default(),
        ..asked.came_to(verdict, String::new())
    };
    check.why = words::say(&check, asked, others.is_none());
    check
}

/// What of the limit is used before an order comes, minor units. What was paid ahead is for orders that are not billed.
fn used(numbers: &Numbers, others: i64) -> i128 {
    let owed = i128::from(numbers.balance).saturating_sub(i128::from(numbers.deposits));
    owed.saturating_add(i128::from(numbers.unbilled)).saturating_add(i128::from(others))
}

#[cfg(test)]
#[path = "credit/tests.rs"]
mod tests;
