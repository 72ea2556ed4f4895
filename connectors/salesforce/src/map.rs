//! Canonical customers and order contexts to Salesforce's records and back. Pure.

pub(crate) mod availability;
pub(crate) mod returns;
pub(crate) mod service;

use std::str::FromStr as _;

use jiff::Timestamp;
use retail_proto::crm::v1 as pb;
use retail_proto::types::v1::Address;
use retail_proto::{Currency, Decimal, Money};
use retail_runtime::fault::{BadShape, Violations};
use serde_json::Number;

use crate::wire;

/// Objects we write.
pub(crate) const ACCOUNT: &str = "Account";
pub(crate) const CONTACT: &str = "Contact";
pub(crate) const ORDER_CONTEXT: &str = "Order_Context__c";
/// The external id of every object we write.
pub(crate) const KEY: &str = "Mesh_Id__c";

const LONGEST_KEY: usize = 64;
const BETWEEN: &str = ", ";

/// The records a customer becomes.
#[derive(Debug)]
pub(crate) struct Customer {
    pub(crate) key: String,
    pub(crate) account: wire::Account,
    /// People have one; companies and the anonymous customer do not.
    pub(crate) contact: Option<wire::Contact>,
    pub(crate) warnings: Vec<String>,
}

/// The record an order context becomes.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) key: String,
    pub(crate) body: wire::OrderContext,
    pub(crate) warnings: Vec<String>,
}

/// Why a record of the org cannot be read as what it stands for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the record {id} has no usable {column}")]
pub struct Unreadable {
    /// The record.
    pub id: String,
    /// The column.
    pub column: &'static str,
}

/// A customer as an account, and a contact below it for a person.
pub(crate) fn customer(record: Option<pb::CustomerRecord>) -> Result<Customer, BadShape> {
    let mut wrong = Violations::default();
    let Some(record) = record else {
        wrong.add("customer", "is missing");
        return Err(wrong.into_shape());
    };
    key(&mut wrong, "customer.external_ref", &record.external_ref);
    wrong.require(
        "customer.last_name",
        !record.last_name.trim().is_empty(),
        "is missing; for companies it is the company's name",
    );
    wrong.check()?;
    let mut cut = Cutter::default();
    let address = record.address.unwrap_or_default();
    let name = [record.first_name.trim(), record.last_name.trim()];
    let name = name.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    let account = wire::Account {
        name: cut.required("Name", 255, &name),
        phone: cut.optional("Phone", 40, &record.phone),
        billing_street: cut.optional("BillingStreet", 255, &street(&address)),
        billing_city: cut.optional("BillingCity", 40, &address.city),
        billing_state: cut.optional("BillingState", 80, &address.region),
        billing_postal_code: cut.optional("BillingPostalCode", 20, &address.postal_code),
        billing_country: cut.optional("BillingCountry", 80, country(&address)),
        mesh_version: record.version,
    };
    let contact = record.is_person.then(|| wire::Contact {
        last_name: cut.required("LastName", 80, &record.last_name),
        first_name: cut.optional("FirstName", 40, &record.first_name),
        // Never cut: half an address is another address. The org refuses one that is too long.
        email: Some(record.email.trim().to_owned()).filter(|email| !email.is_empty()),
        phone: account.phone.clone(),
        mailing_street: account.billing_street.clone(),
        mailing_city: account.billing_city.clone(),
        mailing_state: account.billing_state.clone(),
        mailing_postal_code: account.billing_postal_code.clone(),
        mailing_country: account.billing_country.clone(),
        account: wire::Key { mesh_id: Some(record.external_ref.clone()) },
        mesh_version: record.version,
    });
    Ok(Customer { key: record.external_ref, account, contact, warnings: cut.warnings })
}

/// An order context as its record, below the records of its customer.
pub(crate) fn context(context: Option<pb::OrderContext>, customer: &Customer) -> Result<Context, BadShape> {
    let mut wrong = Violations::default();
    let Some(context) = context else {
        wrong.add("context", "is missing");
        return Err(wrong.into_shape());
    };
    key(&mut wrong, "context.external_ref", &context.external_ref);
    wrong.require("context.order_number", !context.order_number.is_empty(), "is missing");
    wrong.require("context.status", !context.status.is_empty(), "is missing");
    wrong.require("context.version", context.version > 0, "is missing; versions begin at 1");
    wrong.require("context.customer_ref", context.customer_ref == customer.key, "is not the customer given beside it");
    let total = context.total.as_ref().map(Money::try_from);
    let placed = context.placed_at.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok());
    let (total, placed) = match (total, placed) {
        (Some(Ok(total)), Some(placed)) => (total, placed),
        (total, placed) => {
            wrong.require("context.total", matches!(total, Some(Ok(_))), "is missing or of no known currency");
            wrong.require("context.placed_at", placed.is_some(), "is missing or out of range");
            return Err(wrong.into_shape());
        }
    };
    wrong.check()?;
    let mut cut = Cutter::default();
    let parent = || wire::Key { mesh_id: Some(customer.key.clone()) };
    let body = wire::OrderContext {
        order_number: cut.required("Order_Number__c", 64, &context.order_number),
        account: parent(),
        contact: customer.contact.as_ref().map(|_| parent()),
        status: cut.required("Status__c", 120, &context.status),
        next: cut.optional("Next__c", 255, &context.next),
        cause: cut.optional("Cause__c", 255, &context.cause),
        total: number(total.to_decimal()),
        currency: total.currency().code().to_owned(),
        erp_number: cut.optional("Erp_Number__c", 64, &context.erp_number),
        invoice_numbers: cut.optional("Invoice_Numbers__c", 4_000, &context.invoice_numbers.join(BETWEEN)),
        tracking_numbers: cut.optional("Tracking_Numbers__c", 4_000, &context.tracking_numbers.join(BETWEEN)),
        placed_at: placed.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        line_count: context.line_count,
        mesh_version: context.version,
    };
    Ok(Context { key: context.external_ref, body, warnings: cut.warnings })
}

/// A record as the order context it stands for.
pub(crate) fn read(row: wire::OrderContextRow) -> Result<pb::OrderContext, Unreadable> {
    let lacks = |column| Unreadable { id: row.id.clone(), column };
    let currency =
        row.currency.as_deref().and_then(|code| Currency::from_str(code).ok()).ok_or_else(|| lacks("Currency__c"))?;
    let total = row.total.as_ref().and_then(decimal).ok_or_else(|| lacks("Total__c"))?;
    let total = Money::exact(total, currency).map_err(|_| lacks("Total__c"))?;
    let placed =
        row.placed_at.as_deref().and_then(|at| at.parse::<Timestamp>().ok()).ok_or_else(|| lacks("Placed_At__c"))?;
    let version = row.mesh_version.as_ref().and_then(decimal).and_then(|version| u64::try_from(version).ok());
    let lines = row.line_count.as_ref().and_then(decimal).and_then(|lines| i32::try_from(lines).ok());
    let many = |joined: Option<String>| -> Vec<String> {
        joined.unwrap_or_default().split(BETWEEN).filter(|one| !one.is_empty()).map(str::to_owned).collect()
    };
    Ok(pb::OrderContext {
        order_number: row.order_number.clone().ok_or_else(|| lacks("Order_Number__c"))?,
        customer_ref: row
            .account
            .clone()
            .and_then(|account| account.mesh_id)
            .ok_or_else(|| lacks("Account__r.Mesh_Id__c"))?,
        version: version.ok_or_else(|| lacks("Mesh_Version__c"))?,
        line_count: lines.unwrap_or_default(),
        external_ref: row.mesh_id,
        status: row.status.unwrap_or_default(),
        next: row.next.unwrap_or_default(),
        cause: row.cause.unwrap_or_default(),
        total: Some(total.into()),
        erp_number: row.erp_number.unwrap_or_default(),
        invoice_numbers: many(row.invoice_numbers),
        tracking_numbers: many(row.tracking_numbers),
        placed_at: Some(prost_types::Timestamp { seconds: placed.as_second(), nanos: 0 }),
    })
}

/// Whether a text can be an external id: it stands in a path, where the service loses slashes and dots at the end.
pub(crate) fn key(wrong: &mut Violations, field: &str, value: &str) {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.');
    let sound = !value.is_empty() && value.len() <= LONGEST_KEY && value.chars().all(plain) && !value.contains('@');
    wrong.require(field, sound, "must be 1 to 64 letters, digits, '-', '_', ':' or '.'");
}

/// A text between single quotes of SOQL.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn street(address: &Address) -> String {
    address.lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn country(address: &Address) -> &str {
    if address.country_name.is_empty() { &address.country_code } else { &address.country_name }
}

/// A moment as requests spell it, in whole seconds.
fn moment(at: Option<prost_types::Timestamp>) -> Option<String> {
    let at = at.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok())?;
    Some(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// A decimal as a JSON number, digit for digit.
fn number(value: Decimal) -> Number {
    serde_json::from_str(&value.to_string()).unwrap_or_else(|_| Number::from(0))
}

/// A JSON number as a decimal: doubles come as `5.0` or `9.12E8`.
fn decimal(value: &Number) -> Option<Decimal> {
    let text = value.to_string();
    Decimal::from_str(&text).or_else(|_| Decimal::from_scientific(&text)).ok()
}

/// Cuts what a column cannot hold, and says so.
#[derive(Default)]
struct Cutter {
    warnings: Vec<String>,
}

impl Cutter {
    fn required(&mut self, column: &str, most: usize, value: &str) -> String {
        let value = value.trim();
        if value.chars().count() <= most {
            return value.to_owned();
        }
        self.warnings.push(format!("{column} was cut to {most} characters"));
        value.chars().take(most.saturating_sub(1)).chain(['…']).collect()
    }

    fn optional(&mut self, column: &str, most: usize, value: &str) -> Option<String> {
        Some(self.required(column, most, value)).filter(|kept| !kept.is_empty())
    }
}

#[cfg(test)]
mod tests;
