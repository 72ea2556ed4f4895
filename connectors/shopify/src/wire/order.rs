//! The body of `orders/create`: "Webhooks", topic orders/create; REST shape. `customers/*` bodies are its customer. Plain amounts are in the shop's currency;
//! the `_set` fields repeat them with the buyer's currency beside and are not read.

use serde::Deserialize;

use super::{Digits, flag, listed, text};

/// What the mesh reads of an order.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: u64,
    #[serde(default, deserialize_with = "text")]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) order_number: Option<u64>,
    #[serde(default, deserialize_with = "text")]
    pub(crate) created_at: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) processed_at: String,
    pub(crate) currency: String,
    pub(crate) total_price: Digits,
    #[serde(default)]
    pub(crate) total_outstanding: Option<Digits>,
    #[serde(default, deserialize_with = "flag")]
    pub(crate) taxes_included: bool,
    #[serde(default, deserialize_with = "text")]
    pub(crate) financial_status: String,
    #[serde(default, deserialize_with = "listed")]
    pub(crate) payment_gateway_names: Vec<String>,
    #[serde(default, deserialize_with = "text")]
    pub(crate) source_name: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) customer_locale: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) email: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) phone: String,
    #[serde(default)]
    pub(crate) customer: Option<Customer>,
    #[serde(default)]
    pub(crate) billing_address: Option<Address>,
    #[serde(default)]
    pub(crate) shipping_address: Option<Address>,
    #[serde(deserialize_with = "listed")]
    pub(crate) line_items: Vec<LineItem>,
    #[serde(default, deserialize_with = "listed")]
    pub(crate) shipping_lines: Vec<ShippingLine>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Customer {
    pub(crate) id: u64,
    #[serde(default, deserialize_with = "text")]
    pub(crate) email: String,
    #[serde(default, deserialize_with = "flag")]
    pub(crate) verified_email: bool,
    #[serde(default, deserialize_with = "text")]
    pub(crate) phone: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) first_name: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) last_name: String,
    #[serde(default)]
    pub(crate) default_address: Option<Address>,
    #[serde(default, deserialize_with = "text")]
    pub(crate) updated_at: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Address {
    #[serde(default, deserialize_with = "text")]
    pub(crate) name: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) first_name: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) last_name: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) company: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) address1: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) address2: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) city: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) province: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) province_code: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) zip: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) country: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) country_code: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) phone: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct LineItem {
    pub(crate) id: u64,
    #[serde(default)]
    pub(crate) variant_id: Option<u64>,
    #[serde(default, deserialize_with = "text")]
    pub(crate) sku: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) name: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) title: String,
    pub(crate) quantity: u64,
    pub(crate) price: Digits,
    /// Absent counts as goods that ship.
    #[serde(default)]
    pub(crate) requires_shipping: Option<bool>,
    #[serde(default, deserialize_with = "listed")]
    pub(crate) tax_lines: Vec<TaxLine>,
    #[serde(default, deserialize_with = "listed")]
    pub(crate) discount_allocations: Vec<DiscountAllocation>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ShippingLine {
    pub(crate) id: u64,
    #[serde(default, deserialize_with = "text")]
    pub(crate) code: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) title: String,
    pub(crate) price: Digits,
    #[serde(default, deserialize_with = "flag")]
    pub(crate) is_removed: bool,
    #[serde(default, deserialize_with = "listed")]
    pub(crate) tax_lines: Vec<TaxLine>,
    #[serde(default, deserialize_with = "listed")]
    pub(crate) discount_allocations: Vec<DiscountAllocation>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct TaxLine {
    #[serde(default, deserialize_with = "text")]
    pub(crate) title: String,
    pub(crate) rate: Digits,
    pub(crate) price: Digits,
    #[serde(default, deserialize_with = "flag")]
    pub(crate) channel_liable: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct DiscountAllocation {
    pub(crate) amount: Digits,
}
