//! Answers about an edit of an order.

use serde::Deserialize;

use super::admin::{Connection, Named, UserError};
use super::money::Bag;
use super::{flag, listed, text};

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct IsEdited {
    #[serde(default, deserialize_with = "flag")]
    pub(crate) edited: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BeginData {
    pub(crate) order_edit_begin: BeginPayload,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BeginPayload {
    #[serde(default)]
    pub(crate) calculated_order: Option<Calculated>,
    #[serde(default, deserialize_with = "listed")]
    pub(crate) user_errors: Vec<UserError>,
}

/// "CalculatedOrder".
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Calculated {
    pub(crate) id: String,
    pub(crate) line_items: Connection<CalculatedLine>,
}

/// "CalculatedLineItem": one that was there before the edit has the number of its line.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CalculatedLine {
    pub(crate) id: String,
    pub(crate) quantity: i64,
    pub(crate) editable_quantity: i64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SetData {
    pub(crate) order_edit_set_quantity: SetPayload,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SetPayload {
    #[serde(default, deserialize_with = "listed")]
    pub(crate) user_errors: Vec<UserError>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AddData {
    pub(crate) order_edit_add_variant: AddPayload,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AddPayload {
    #[serde(default)]
    pub(crate) calculated_line_item: Option<Priced>,
    #[serde(default, deserialize_with = "listed")]
    pub(crate) user_errors: Vec<UserError>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Priced {
    pub(crate) original_unit_price_set: Bag,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommitData {
    pub(crate) order_edit_commit: CommitPayload,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommitPayload {
    #[serde(default)]
    pub(crate) order: Option<Named>,
    #[serde(default, deserialize_with = "listed")]
    pub(crate) user_errors: Vec<UserError>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VariantsFound {
    pub(crate) product_variants: Connection<VariantFound>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct VariantFound {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) sku: String,
}
