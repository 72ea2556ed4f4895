//! Answers of the GraphQL Admin API, as our documents ask for them.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::changing::{Action, Assigned, Method};
use super::{Digits, listed, text};

/// A token.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Granted {
    pub(crate) access_token: SecretString,
    pub(crate) expires_in: u64,
}

/// The data of an answer.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Answer<T> {
    pub(crate) data: Option<T>,
}

/// What stands beside the data of an answer.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Margin {
    #[serde(default, deserialize_with = "listed")]
    pub(crate) errors: Vec<TopError>,
    #[serde(default)]
    pub(crate) extensions: Option<Extensions>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct TopError {
    #[serde(default, deserialize_with = "text")]
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) extensions: Option<ErrorExtensions>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct ErrorExtensions {
    #[serde(default, deserialize_with = "text")]
    pub(crate) code: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Extensions {
    #[serde(default)]
    pub(crate) cost: Option<Cost>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cost {
    #[serde(default)]
    pub(crate) requested_query_cost: Option<Digits>,
    pub(crate) throttle_status: ThrottleStatus,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThrottleStatus {
    pub(crate) maximum_available: Digits,
    pub(crate) currently_available: Digits,
    pub(crate) restore_rate: Digits,
}

/// A refusal of a mutation: HTTP 200, and yet a failed business call.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct UserError {
    #[serde(default, deserialize_with = "listed")]
    pub(crate) field: Vec<String>,
    #[serde(default, deserialize_with = "text")]
    pub(crate) message: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) code: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Connection<T> {
    pub(crate) nodes: Vec<T>,
    pub(crate) page_info: PageInfo,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PageInfo {
    pub(crate) has_next_page: bool,
    #[serde(default)]
    pub(crate) end_cursor: Option<String>,
}

/// Anything of which the id is asked.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Named {
    pub(crate) id: String,
}

/// A look at one thing by its gid.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct NodeData<T> {
    pub(crate) node: Option<T>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct NodesData<T> {
    pub(crate) nodes: Vec<Option<T>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VariantsData {
    pub(crate) product_variants: Connection<Variant>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Variant {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) sku: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) display_name: String,
    pub(crate) inventory_item: Named,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct LocationsData {
    pub(crate) locations: Connection<Location>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Location {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) is_active: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StockedItem {
    pub(crate) id: String,
    pub(crate) inventory_level: Option<Level>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Level {
    pub(crate) quantities: Vec<LevelQuantity>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct LevelQuantity {
    pub(crate) name: String,
    pub(crate) quantity: i64,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SetQuantities {
    pub(crate) name: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) reference_document_uri: String,
    pub(crate) quantities: Vec<Quantity>,
}

/// `changeFromQuantity` is nullable in the schema and yet refused when it is left out: `null` skips the comparison.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Quantity {
    pub(crate) inventory_item_id: String,
    pub(crate) location_id: String,
    pub(crate) quantity: i64,
    pub(crate) change_from_quantity: Option<i64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SetData {
    pub(crate) inventory_set_quantities: Payload,
}

/// Of a payload whose result is not read.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Payload {
    #[serde(default, deserialize_with = "listed")]
    pub(crate) user_errors: Vec<UserError>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct OrderData {
    pub(crate) order: Option<Shipping>,
}

/// What of an order is about shipping.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shipping {
    pub(crate) fulfillments: Vec<Fulfillment>,
    pub(crate) fulfillment_orders: Connection<FulfillmentOrder>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Fulfillment {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) name: String,
    pub(crate) status: String,
    #[serde(default, deserialize_with = "listed")]
    pub(crate) tracking_info: Vec<Tracking>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Tracking {
    #[serde(default, deserialize_with = "text")]
    pub(crate) number: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FulfillmentOrder {
    pub(crate) id: String,
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) assigned_location: Assigned,
    #[serde(default)]
    pub(crate) delivery_method: Option<Method>,
    #[serde(default, deserialize_with = "listed")]
    pub(crate) supported_actions: Vec<Action>,
    pub(crate) line_items: Connection<OpenLine>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OpenLine {
    pub(crate) id: String,
    pub(crate) total_quantity: i64,
    pub(crate) remaining_quantity: i64,
    pub(crate) line_item: Named,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OpenLines {
    pub(crate) line_items: Connection<OpenLine>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FulfilledLines {
    pub(crate) fulfillment_line_items: Connection<FulfilledLine>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FulfilledLine {
    #[serde(default)]
    pub(crate) quantity: Option<i64>,
    pub(crate) line_item: Named,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FulfillmentInput {
    pub(crate) line_items_by_fulfillment_order: Vec<OrderLines>,
    pub(crate) notify_customer: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tracking_info: Option<TrackingInput>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderLines {
    pub(crate) fulfillment_order_id: String,
    pub(crate) fulfillment_order_line_items: Vec<LineQuantity>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct LineQuantity {
    pub(crate) id: String,
    pub(crate) quantity: i64,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct TrackingInput {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) company: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) numbers: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateData {
    pub(crate) fulfillment_create: CreatePayload,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreatePayload {
    #[serde(default)]
    pub(crate) fulfillment: Option<Created>,
    #[serde(default, deserialize_with = "listed")]
    pub(crate) user_errors: Vec<UserError>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Created {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) name: String,
}
