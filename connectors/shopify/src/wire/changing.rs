//! Answers about orders that change after they were sold.

use serde::Deserialize;

use super::admin::{Connection, Named, UserError};
use super::{listed, text};

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cancellable {
    #[serde(default, deserialize_with = "text")]
    pub(crate) cancelled_at: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CancelData {
    pub(crate) order_cancel: CancelPayload,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CancelPayload {
    #[serde(default)]
    pub(crate) job_result: Option<CancelJob>,
    #[serde(default, deserialize_with = "listed")]
    pub(crate) order_cancel_user_errors: Vec<UserError>,
}

/// "OrderCancelJobResult".
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct CancelJob {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) status: String,
    #[serde(default, deserialize_with = "listed")]
    pub(crate) errors: Vec<UserError>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Open {
    pub(crate) id: String,
    pub(crate) unfulfilled_quantity: i64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MoveData {
    pub(crate) fulfillment_order_move: Refusals,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReadyData {
    pub(crate) fulfillment_order_line_items_prepared_for_pickup: Refusals,
}

/// Of a payload whose result is not read.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Refusals {
    #[serde(default, deserialize_with = "listed")]
    pub(crate) user_errors: Vec<UserError>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Delivered {
    pub(crate) fulfillment_orders: Connection<Delivery>,
}

/// How a fulfilment order is delivered, and from where.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Delivery {
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) delivery_method: Option<Method>,
    pub(crate) assigned_location: Assigned,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Method {
    #[serde(default, deserialize_with = "text")]
    pub(crate) method_type: String,
}

/// A location that was deleted has none behind its name.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Assigned {
    #[serde(default)]
    pub(crate) location: Option<Named>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Action {
    #[serde(default, deserialize_with = "text")]
    pub(crate) action: String,
}
