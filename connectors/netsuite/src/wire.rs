//! NetSuite's JSON exactly as it is spelt; nothing else.
//!
//! Names: "SuiteTalk REST web services", sections 5 to 14 of the vendor page. `customerDeposit` is not in the schema
//! tables we could read; its names (`customer`, `salesOrder`, `payment`) are SuiteScript's.

pub(crate) mod returns;
pub(crate) mod transfers;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

/// A reference by internal id or by external id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) enum Reference {
    #[serde(rename = "id")]
    Id(String),
    #[serde(rename = "externalId")]
    ExternalId(String),
}

/// A sublist to be written.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Lines<T> {
    pub(crate) items: Vec<T>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CustomerWrite {
    pub(crate) is_person: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) company_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) phone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subsidiary: Option<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address_book: Option<Lines<AddressBookLine>>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AddressBookLine {
    pub(crate) default_billing: bool,
    pub(crate) default_shipping: bool,
    pub(crate) address_book_address: Address,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Address {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) addressee: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) addr1: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) addr2: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) addr3: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) city: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) zip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) country: Option<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) addr_phone: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SalesOrderWrite {
    pub(crate) entity: Reference,
    pub(crate) other_ref_num: String,
    pub(crate) tran_date: String,
    pub(crate) order_status: Reference,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) currency: Option<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memo: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shipping_address: Option<Address>,
    pub(crate) item: Lines<SalesOrderLineWrite>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SalesOrderLineWrite {
    pub(crate) line: i32,
    pub(crate) item: Reference,
    pub(crate) quantity: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) price: Option<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rate: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) amount: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) location: Option<Reference>,
}

/// Closes lines of a sales order or a return.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Closing {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memo: Option<String>,
    pub(crate) item: Lines<CloseLine>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CloseLine {
    pub(crate) line: i32,
    pub(crate) is_closed: bool,
}

/// Changes lines of a sales order. Lines are keyed by `line`: those that are not named stay.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Changing {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shipping_address: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) item: Option<Lines<LineWrite>>,
}

/// A line that is there, or one that comes under a number that is free.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum LineWrite {
    Change(ChangeLine),
    Add(SalesOrderLineWrite),
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChangeLine {
    pub(crate) line: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) location: Option<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) is_closed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) quantity: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rate: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) amount: Option<Number>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DepositWrite {
    pub(crate) customer: Reference,
    pub(crate) sales_order: Reference,
    pub(crate) payment: Number,
    pub(crate) tran_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) currency: Option<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memo: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AdjustmentWrite {
    pub(crate) account: Reference,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subsidiary: Option<Reference>,
    pub(crate) tran_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memo: Option<String>,
    pub(crate) inventory: Lines<AdjustmentLineWrite>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AdjustmentLineWrite {
    pub(crate) item: Reference,
    pub(crate) location: Reference,
    pub(crate) adjust_qty_by: Number,
}

/// Any record as far as every record is alike.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) tran_id: Option<String>,
    #[serde(default)]
    pub(crate) entity_id: Option<String>,
    #[serde(default)]
    pub(crate) payment: Option<Number>,
    #[serde(default)]
    pub(crate) tran_date: String,
    #[serde(default)]
    pub(crate) entity: Option<Pointer>,
    #[serde(default)]
    pub(crate) customer: Option<Pointer>,
    #[serde(default)]
    pub(crate) total: Option<Number>,
    #[serde(default)]
    pub(crate) amount_remaining: Option<Number>,
}

/// A reference or a choice as records show it; a choice may be shown by its id alone.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "Shown")]
pub(crate) struct Pointer {
    pub(crate) id: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Shown {
    Whole { id: String },
    Id(String),
}

impl From<Shown> for Pointer {
    fn from(shown: Shown) -> Self {
        match shown {
            Shown::Whole { id } | Shown::Id(id) => Self { id },
        }
    }
}

/// A SuiteQL question.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Query<'a> {
    pub(crate) q: &'a str,
    pub(crate) params: Vec<Value>,
}

/// A page of SuiteQL: every value is a string, nulls are left out.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rows {
    #[serde(default)]
    pub(crate) has_more: bool,
    #[serde(default)]
    pub(crate) items: Vec<BTreeMap<String, Value>>,
}

/// A token: `expires_in` is a number, from older accounts a string.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct TokenAnswer {
    pub(crate) access_token: secrecy::SecretString,
    pub(crate) expires_in: Value,
}

/// An error body. The sample of the help is not even valid JSON everywhere, so everything is optional.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct ErrorBody {
    #[serde(default)]
    pub(crate) title: String,
    #[serde(default, rename = "o:errorCode")]
    pub(crate) code: String,
    #[serde(default, rename = "o:errorDetails")]
    pub(crate) details: Vec<ErrorDetail>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct ErrorDetail {
    #[serde(default)]
    pub(crate) detail: String,
    #[serde(default, rename = "o:errorCode")]
    pub(crate) code: String,
    #[serde(default, rename = "o:errorPath")]
    pub(crate) path: String,
}
