//! Returns, receipts, credit memos and refunds as NetSuite spells them ("Retail records and their true field names").
//!
//! Lines of a return and of a memo carry `orderDoc` and `orderLine`, which the schema names: with `?replace=item` they are
//! what ties a line to the document it comes from.

use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::{Lines, Pointer, Reference};

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReturnWrite {
    pub(crate) external_id: String,
    pub(crate) tran_date: String,
    pub(crate) other_ref_num: String,
    pub(crate) order_status: Reference,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memo: Option<String>,
    pub(crate) item: Lines<BackLine>,
}

/// A line of a return or of a credit memo.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BackLine {
    pub(crate) order_doc: Reference,
    pub(crate) order_line: i32,
    pub(crate) item: Reference,
    pub(crate) quantity: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rate: Option<Number>,
    pub(crate) amount: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) location: Option<Reference>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReceiptWrite {
    pub(crate) external_id: String,
    pub(crate) tran_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memo: Option<String>,
    pub(crate) item: Lines<TakenLine>,
}

/// A line of a receipt. A line that is not mentioned is received in full, so every open line is named.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TakenLine {
    pub(crate) order_line: i32,
    pub(crate) item_receive: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) quantity: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) location: Option<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) restock: Option<bool>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreditWrite {
    pub(crate) external_id: String,
    pub(crate) tran_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memo: Option<String>,
    pub(crate) item: Lines<BackLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) apply: Option<Lines<Application>>,
}

/// Money of one document applied to another.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Application {
    pub(crate) doc: Reference,
    pub(crate) apply: bool,
    pub(crate) amount: Number,
}

/// A refund names its `customer`, not its `entity`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefundWrite {
    pub(crate) external_id: String,
    pub(crate) customer: Reference,
    pub(crate) tran_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) currency: Option<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memo: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) apply: Option<Lines<Application>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deposit: Option<Lines<Application>>,
}

/// A return with its lines, as far as we read it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ReturnRecord {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) currency: Option<Pointer>,
    #[serde(default)]
    pub(crate) memo: String,
    #[serde(default)]
    pub(crate) item: ReturnLines,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct ReturnLines {
    #[serde(default)]
    pub(crate) items: Vec<ReturnLineRecord>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReturnLineRecord {
    pub(crate) line: Number,
    pub(crate) order_line: Option<Number>,
    pub(crate) item: Option<Pointer>,
    pub(crate) item_type: Option<Pointer>,
    pub(crate) quantity: Option<Number>,
    pub(crate) quantity_received: Option<Number>,
    pub(crate) quantity_billed: Option<Number>,
    #[serde(default)]
    pub(crate) is_closed: bool,
}

/// A receipt with its lines.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReceiptRecord {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) tran_id: String,
    #[serde(default)]
    pub(crate) external_id: String,
    #[serde(default)]
    pub(crate) tran_date: String,
    #[serde(default)]
    pub(crate) item: ReceiptLines,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct ReceiptLines {
    #[serde(default)]
    pub(crate) items: Vec<ReceiptLineRecord>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReceiptLineRecord {
    pub(crate) order_line: Option<Number>,
    pub(crate) quantity: Option<Number>,
    pub(crate) location: Option<Pointer>,
    #[serde(default)]
    pub(crate) restock: bool,
}
