//! Answers about payments and refunds.

use serde::{Deserialize, Serialize};

use super::admin::{Connection, Named, UserError};
use super::{Digits, listed, text};

/// Money in the shop's currency; the buyer's is not asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Bag {
    pub(crate) shop_money: Amount,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Amount {
    pub(crate) amount: Digits,
}

/// Of an order whatever was asked about it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct OrderData<T> {
    pub(crate) order: Option<T>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Refunds {
    pub(crate) refunds: Vec<Listed>,
}

/// A refund by which it is found: its note and its transactions.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Listed {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) note: String,
    pub(crate) transactions: Connection<Ended>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Ended {
    pub(crate) id: String,
    pub(crate) status: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Refundable {
    pub(crate) id: String,
    pub(crate) refundable_quantity: i64,
}

/// A refund without its lines.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Head {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) note: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) created_at: String,
    pub(crate) transactions: Connection<Movement>,
}

/// A transaction of a refund.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Movement {
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) amount_set: Bag,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RefundData {
    pub(crate) refund: Option<Whole>,
}

/// A refund with its lines.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Whole {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) note: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) created_at: String,
    pub(crate) order: RefundedOrder,
    pub(crate) transactions: Connection<Movement>,
    pub(crate) order_adjustments: Connection<Named>,
    pub(crate) refund_line_items: Connection<RefundedLine>,
    pub(crate) refund_shipping_lines: Connection<RefundedShipping>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefundedOrder {
    pub(crate) id: String,
    pub(crate) currency_code: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefundedLine {
    pub(crate) quantity: i64,
    pub(crate) restock_type: String,
    pub(crate) line_item: Named,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefundedShipping {
    pub(crate) subtotal_amount_set: Bag,
    pub(crate) shipping_line: PricedShipping,
}

/// A shipping line; one that was never saved has no id.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PricedShipping {
    #[serde(default, deserialize_with = "text")]
    pub(crate) id: String,
    pub(crate) discounted_price_set: Bag,
}

/// What an order was paid with.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tenders {
    pub(crate) currency_code: String,
    pub(crate) presentment_currency_code: String,
    pub(crate) total_refunded_shipping_set: Bag,
    pub(crate) transactions: Vec<Transaction>,
    pub(crate) shipping_lines: Connection<PricedShipping>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Transaction {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) status: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) gateway: String,
    pub(crate) amount_set: Bag,
    #[serde(default)]
    pub(crate) parent_transaction: Option<Named>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefundInput {
    pub(crate) order_id: String,
    pub(crate) note: String,
    pub(crate) notify: bool,
    pub(crate) refund_line_items: Vec<RefundLineInput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shipping: Option<ShippingInput>,
    pub(crate) transactions: Vec<TransactionInput>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefundLineInput {
    pub(crate) line_item_id: String,
    pub(crate) quantity: i64,
    pub(crate) restock_type: &'static str,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct ShippingInput {
    pub(crate) amount: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TransactionInput {
    pub(crate) order_id: String,
    pub(crate) parent_id: String,
    pub(crate) kind: &'static str,
    pub(crate) gateway: String,
    pub(crate) amount: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateData {
    pub(crate) refund_create: CreatePayload,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreatePayload {
    #[serde(default)]
    pub(crate) refund: Option<Head>,
    #[serde(default, deserialize_with = "listed")]
    pub(crate) user_errors: Vec<UserError>,
}
