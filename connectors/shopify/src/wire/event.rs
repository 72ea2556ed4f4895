//! Bodies of webhooks about refunds, transactions, returns and changed orders: "Webhooks"; REST shape.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Digits, listed, text};

/// The body of `refunds/create`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Refund {
    pub(crate) id: u64,
    pub(crate) order_id: u64,
    #[serde(default, deserialize_with = "text")]
    pub(crate) note: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) created_at: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) processed_at: String,
    #[serde(default)]
    pub(crate) total_duties_set: Option<MoneySet>,
    #[serde(default, deserialize_with = "listed")]
    pub(crate) transactions: Vec<Movement>,
    #[serde(default, deserialize_with = "listed")]
    pub(crate) refund_line_items: Vec<Line>,
    /// Only whether there are any: their shape is not documented.
    #[serde(default, deserialize_with = "listed")]
    pub(crate) refund_shipping_lines: Vec<IgnoredAny>,
    /// Only whether there are any: they say that more or less went back than lines and postage come to.
    #[serde(default, deserialize_with = "listed")]
    pub(crate) order_adjustments: Vec<IgnoredAny>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct MoneySet {
    pub(crate) shop_money: MoneyOf,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct MoneyOf {
    #[serde(default, deserialize_with = "text")]
    pub(crate) currency_code: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Movement {
    #[serde(default, deserialize_with = "text")]
    pub(crate) kind: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) status: String,
    pub(crate) amount: Digits,
    #[serde(default, deserialize_with = "text")]
    pub(crate) currency: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Line {
    pub(crate) line_item_id: u64,
    pub(crate) quantity: i64,
    #[serde(default, deserialize_with = "text")]
    pub(crate) restock_type: String,
}

/// The body of `order_transactions/create`, as far as it says which order is to be looked at.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Transaction {
    pub(crate) id: u64,
    pub(crate) order_id: u64,
    #[serde(default, deserialize_with = "text")]
    pub(crate) kind: String,
}

/// The body of a return's webhook: what else it holds is not documented and not read.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Return {
    pub(crate) id: u64,
}

/// The body of `orders/cancelled` and `orders/updated`, as far as it says whether anything was taken off.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Changed {
    pub(crate) id: u64,
    #[serde(default, deserialize_with = "text")]
    pub(crate) cancelled_at: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) created_at: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) updated_at: String,
    /// Null while nothing has shipped.
    #[serde(default, deserialize_with = "text")]
    pub(crate) fulfillment_status: String,
    /// Only whether there is one.
    #[serde(default)]
    pub(crate) shipping_address: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "listed")]
    pub(crate) line_items: Vec<ChangedLine>,
    #[serde(default, deserialize_with = "listed")]
    pub(crate) refunds: Vec<ChangedRefund>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ChangedLine {
    pub(crate) id: u64,
    pub(crate) quantity: i64,
    #[serde(default)]
    pub(crate) current_quantity: Option<i64>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ChangedRefund {
    #[serde(default, deserialize_with = "listed")]
    pub(crate) refund_line_items: Vec<Line>,
}

/// The body of `orders/edited`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Edited {
    pub(crate) order_edit: OrderEdit,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct OrderEdit {
    pub(crate) order_id: u64,
}
