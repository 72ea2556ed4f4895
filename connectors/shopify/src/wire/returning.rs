//! Answers about returns.

use serde::Deserialize;

use super::admin::{Connection, Named, UserError};
use super::{listed, text};

/// Of a return whatever was asked about it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ReturnData<T> {
    #[serde(rename = "return")]
    pub(crate) found: Option<T>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Status {
    pub(crate) status: String,
}

/// A return with its lines.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Whole {
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) created_at: String,
    pub(crate) order: ReturnedOrder,
    pub(crate) return_line_items: Connection<Line>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ReturnedOrder {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) customer: Option<Named>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Line {
    pub(crate) id: String,
    pub(crate) quantity: i64,
    #[serde(default, deserialize_with = "text")]
    pub(crate) customer_note: String,
    #[serde(default)]
    pub(crate) return_reason_definition: Option<Reason>,
    /// None of a line that no purchase stands behind ("UnverifiedReturnLineItem").
    #[serde(default)]
    pub(crate) fulfillment_line_item: Option<Fulfilled>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Reason {
    pub(crate) handle: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Fulfilled {
    pub(crate) line_item: Bought,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Bought {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) sku: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct AnswerData {
    #[serde(alias = "returnApproveRequest", alias = "returnDeclineRequest")]
    pub(crate) answer: AnswerPayload,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AnswerPayload {
    #[serde(default, rename = "return")]
    pub(crate) answered: Option<Status>,
    #[serde(default, deserialize_with = "listed")]
    pub(crate) user_errors: Vec<UserError>,
}
