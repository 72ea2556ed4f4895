//! An order as the Admin API answers it.

use serde::Deserialize;

use super::admin::{Connection, Named};
use super::money::{Amount, Bag};
use super::{Digits, flag, listed, text};

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct FoundData {
    pub(crate) orders: Connection<Found>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Found {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) name: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sold {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) name: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) created_at: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) processed_at: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) updated_at: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) cancelled_at: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) cancel_reason: String,
    pub(crate) currency_code: String,
    #[serde(default, deserialize_with = "flag")]
    pub(crate) taxes_included: bool,
    #[serde(default, deserialize_with = "text")]
    pub(crate) display_financial_status: String,
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
    pub(crate) total_price_set: Bag,
    pub(crate) total_outstanding_set: Bag,
    pub(crate) total_received_set: Bag,
    #[serde(default)]
    pub(crate) customer: Option<Customer>,
    #[serde(default)]
    pub(crate) billing_address: Option<Address>,
    #[serde(default)]
    pub(crate) shipping_address: Option<Address>,
    pub(crate) shipping_lines: Connection<ShippingLine>,
    pub(crate) line_items: Connection<LineItem>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MoreLines {
    pub(crate) line_items: Connection<LineItem>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Customer {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) first_name: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) last_name: String,
    #[serde(default, deserialize_with = "flag")]
    pub(crate) verified_email: bool,
    #[serde(default)]
    pub(crate) default_email_address: Option<Email>,
    #[serde(default)]
    pub(crate) default_phone_number: Option<Phone>,
    #[serde(default)]
    pub(crate) default_address: Option<Address>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Email {
    pub(crate) email_address: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Phone {
    pub(crate) phone_number: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
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
    pub(crate) country_code_v2: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) phone: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LineItem {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) sku: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) name: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) title: String,
    pub(crate) quantity: u64,
    pub(crate) current_quantity: i64,
    pub(crate) requires_shipping: bool,
    #[serde(default)]
    pub(crate) variant: Option<Named>,
    pub(crate) original_unit_price_set: Bag,
    #[serde(default, deserialize_with = "listed")]
    pub(crate) tax_lines: Vec<TaxLine>,
    #[serde(default, deserialize_with = "listed")]
    pub(crate) discount_allocations: Vec<Allocation>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShippingLine {
    pub(crate) id: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) code: String,
    #[serde(default, deserialize_with = "text")]
    pub(crate) title: String,
    #[serde(default, deserialize_with = "flag")]
    pub(crate) is_removed: bool,
    pub(crate) original_price_set: Bag,
    #[serde(default, deserialize_with = "listed")]
    pub(crate) tax_lines: Vec<TaxLine>,
    #[serde(default, deserialize_with = "listed")]
    pub(crate) discount_allocations: Vec<Allocation>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaxLine {
    #[serde(default, deserialize_with = "text")]
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) rate: Option<Digits>,
    #[serde(default, deserialize_with = "flag")]
    pub(crate) channel_liable: bool,
    pub(crate) price_set: Bag,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Allocation {
    pub(crate) allocated_amount_set: Bag,
}

impl From<Bag> for Digits {
    fn from(bag: Bag) -> Self {
        let Amount { amount } = bag.shop_money;
        amount
    }
}
