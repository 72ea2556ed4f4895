//! Transfer orders, their fulfilments and receipts as NetSuite spells them: head and lines of a transfer order as in the
//! sample of the help topic "Transfer Order"; what moved of a line (`quantityFulfilled`, `quantityReceived`) as in
//! SuiteScript.

use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::{Lines, Pointer, Reference};

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TransferWrite {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subsidiary: Option<Reference>,
    pub(crate) location: Reference,
    pub(crate) transfer_location: Reference,
    pub(crate) order_status: Reference,
    pub(crate) tran_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memo: Option<String>,
    pub(crate) item: Lines<TransferLineWrite>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TransferLineWrite {
    pub(crate) item: Reference,
    pub(crate) quantity: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expected_receipt_date: Option<String>,
}

/// A fulfilment or a receipt of a transfer.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MoveWrite {
    pub(crate) external_id: String,
    pub(crate) tran_date: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ship_status: Option<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memo: Option<String>,
    pub(crate) item: Lines<MoveLine>,
}

/// A line that is not mentioned moves in full, so every line of the form is named.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MoveLine {
    pub(crate) order_line: Number,
    pub(crate) item_receive: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) quantity: Option<Number>,
}

/// What a transform would make.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct MoveForm {
    #[serde(default)]
    pub(crate) item: FormLines,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct FormLines {
    #[serde(default)]
    pub(crate) items: Vec<FormLine>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FormLine {
    pub(crate) order_line: Option<Number>,
    pub(crate) item: Option<Pointer>,
}

/// A transfer order with its lines, as far as we read it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TransferRecord {
    pub(crate) transfer_location: Option<Pointer>,
    #[serde(default)]
    pub(crate) item: TransferLines,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct TransferLines {
    #[serde(default)]
    pub(crate) items: Vec<TransferLineRecord>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TransferLineRecord {
    pub(crate) item: Option<Pointer>,
    pub(crate) quantity_fulfilled: Option<Number>,
    pub(crate) quantity_received: Option<Number>,
    #[serde(default)]
    pub(crate) expected_receipt_date: String,
}
