//! What a customer owes and how much credit it has, out of NetSuite's own books.
//!
//! `creditLimit`, `balance` and `depositBalance` are fields of `customer` in the schema ("Retail records and their true field
//! names"); where `unbilledOrders` and `creditHoldOverride` come from, and what of them is unverified, stands in the README. The sales orders are looked for before the record is read: one that is booked in between is in the numbers
//! and not named, so that it counts once more for a while, and is never left out.

use retail_connect::Lane;
use retail_proto::erp::v1 as pb;
use retail_proto::{Currency, Money, timestamp};
use serde::Deserialize;
use serde_json::{Number, Value};

use crate::booking::internal_id;
use crate::client::marks;
use crate::erp::Connector;
use crate::fault::Error;
use crate::map;
use crate::path::eid;
use crate::row::decimal;
use crate::wire;

const GET: &str = "customer.credit";
const FIELDS: &str = "creditLimit,creditHoldOverride,balance,depositBalance,unbilledOrders,currency";
const BOOKED: &str =
    "SELECT t.externalid FROM transaction t WHERE t.type = 'SalesOrd' AND t.externalid IN (#) ORDER BY t.id";

/// A customer's money, as its record shows it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreditRecord {
    #[serde(default)]
    credit_limit: Option<Number>,
    #[serde(default)]
    credit_hold_override: Option<wire::Pointer>,
    #[serde(default)]
    balance: Option<Number>,
    #[serde(default)]
    deposit_balance: Option<Number>,
    #[serde(default)]
    unbilled_orders: Option<Number>,
    #[serde(default)]
    currency: Option<wire::Pointer>,
}

impl Connector {
    /// The credit of a customer of ours; none when NetSuite does not have it.
    pub(crate) async fn credit_of(
        &self,
        customer: &str,
        orders: &[String],
    ) -> Result<Option<pb::CustomerCredit>, Error> {
        let sales_order_refs = self.booked(orders).await?;
        let as_of = self.clock.now();
        let path = format!("{}?fields={FIELDS}", eid("customer", map::CUSTOMER, customer));
        let Some(record) = self.suite.get::<CreditRecord>(GET, &path, Lane::Normal, customer).await? else {
            return Ok(None);
        };
        let currencies = self.catalogue.currencies(Lane::Normal).await?;
        let id = record.currency.as_ref().map(|currency| internal_id(&currency.id)).transpose()?;
        let currency = currencies.of(id).ok_or_else(|| unreadable("currency"))?;
        let amount = |name: &str, number: &Option<Number>| {
            number.as_ref().map(|number| exact(name, number, currency)).transpose()
        };
        // A balance that is not shown is not a balance of nothing: the role may not be allowed to see it.
        let needed = |name: &str, number: &Option<Number>| amount(name, number)?.ok_or_else(|| unreadable(name));
        Ok(Some(pb::CustomerCredit {
            external_ref: customer.to_owned(),
            limit: amount("creditLimit", &record.credit_limit)?.map(Into::into),
            balance: Some(needed("balance", &record.balance)?.into()),
            deposits: Some(amount("depositBalance", &record.deposit_balance)?.unwrap_or(Money::zero(currency)).into()),
            unbilled_orders: Some(needed("unbilledOrders", &record.unbilled_orders)?.into()),
            hold: hold(record.credit_hold_override.as_ref())?.into(),
            as_of: Some(timestamp(as_of.as_millisecond())),
            sales_order_refs,
        }))
    }

    /// Which of our sales orders NetSuite has.
    async fn booked(&self, orders: &[String]) -> Result<Vec<String>, Error> {
        if orders.is_empty() {
            return Ok(Vec::new());
        }
        let question = BOOKED.replace('#', &marks(orders.len()));
        let params: Vec<Value> = orders.iter().map(|id| Value::from(format!("{}{id}", map::SALES_ORDER))).collect();
        let rows = self.suite.rows("suiteql.booked", Lane::Normal, &question, &params).await?;
        let found = rows.iter().map(|row| row.text("externalid"));
        Ok(found.filter_map(|id| id.strip_prefix(map::SALES_ORDER).map(str::to_owned)).collect())
    }
}

/// What the account's people have decided. A word that nobody knows is told, never guessed.
fn hold(shown: Option<&wire::Pointer>) -> Result<pb::CreditHold, Error> {
    let word = shown.map(|shown| shown.id.to_uppercase());
    match word.as_deref() {
        None | Some("AUTO") => Ok(pb::CreditHold::Auto),
        Some("ON") => Ok(pb::CreditHold::On),
        Some("OFF") => Ok(pb::CreditHold::Off),
        Some(_) => Err(unreadable("creditHoldOverride")),
    }
}

fn exact(name: &str, number: &Number, currency: Currency) -> Result<Money, Error> {
    let amount = decimal(&number.to_string()).and_then(|amount| Money::exact(amount.normalize(), currency).ok());
    amount.ok_or_else(|| unreadable(name))
}

fn unreadable(what: &str) -> Error {
    Error::Unreadable { operation: GET, why: format!("{what} is missing or malformed") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(id: &str) -> wire::Pointer {
        serde_json::from_value(serde_json::json!({ "id": id, "refName": "so" })).unwrap()
    }

    #[test]
    fn a_hold_is_read_however_it_is_spelt_and_a_word_nobody_knows_is_told() {
        assert_eq!(hold(Some(&shown("ON"))).unwrap(), pb::CreditHold::On);
        assert_eq!(hold(Some(&shown("Off"))).unwrap(), pb::CreditHold::Off);
        assert_eq!(hold(None).unwrap(), pb::CreditHold::Auto);
        assert!(hold(Some(&shown("MAYBE"))).is_err());
    }
}
