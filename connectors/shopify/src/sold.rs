//! Reading an order as it would have been placed. The answer of the API becomes the body that its webhook would have
//! had, and that goes through the one map.

use jiff::Timestamp;
use retail_proto::commerce::v1 as pb;
use retail_proto::{Currency, Decimal, Money};
use retail_runtime::fault::Fault as _;
use serde_json::json;

use crate::commerce::Connector;
use crate::document::refund::REFUNDS;
use crate::document::sold::{FIND, LINES, WHOLE};
use crate::fault::Error;
use crate::gid::{gid, number};
use crate::graphql::next;
use crate::map;
use crate::request::Wanted;
use crate::standing::{self, Seen};
use crate::wire::admin::Named;
use crate::wire::money::{Bag, OrderData};
use crate::wire::sold::{self, FoundData, MoreLines, Sold};
use crate::wire::{Digits, order};

/// No order has that many pages of lines.
const PAGES: usize = 250;

/// An order of the shop.
pub(crate) struct Whole {
    pub(crate) told: pb::GetOrderResponse,
    /// When the shop made it.
    pub(crate) created_at: String,
}

impl Connector {
    /// The order with its refunds, and how it stands now.
    pub(crate) async fn sold(&self, wanted: &Wanted) -> Result<Whole, Error> {
        let id = match wanted {
            Wanted::Id(id) => *id,
            Wanted::Number(name) => self.numbered(name).await?,
        };
        let data: OrderData<Sold> = self.admin.read(&WHOLE, &json!({"id": gid("Order", id)}), "").await?;
        let mut found = data.order.ok_or(Error::NoSuchOrder(id))?;
        let unread = |why: String| Error::Unreadable { operation: WHOLE.operation, why };
        if found.shipping_lines.page_info.has_next_page {
            return Err(unread("more shipping lines than are read".to_owned()));
        }
        let mut lines = std::mem::take(&mut found.line_items.nodes);
        let mut after = next(WHOLE.operation, &found.line_items)?;
        for _ in 0..PAGES {
            let Some(cursor) = after.take() else { break };
            let variables = json!({"id": found.id, "after": cursor});
            let data: OrderData<MoreLines> = self.admin.read(&LINES, &variables, "").await?;
            let page = data.order.ok_or(Error::NoSuchOrder(id))?.line_items;
            after = next(LINES.operation, &page)?;
            lines.extend(page.nodes);
        }
        if after.is_some() {
            return Err(unread(format!("more than {PAGES} pages of lines")));
        }
        let (cancelled, cancel_reason) = (!found.cancelled_at.is_empty(), found.cancel_reason.to_lowercase());
        let changed = found.updated_at.parse::<Timestamp>().ok();
        let version = changed.and_then(|at| u64::try_from(at.as_millisecond()).ok()).unwrap_or_default();
        let money = money(&found);
        let seen = lines.iter().map(seen).collect::<Result<Vec<Seen>, String>>().map_err(unread)?;
        let created_at = found.created_at.clone();
        let body = body(id, found, lines).map_err(unread)?;
        let mut order = map::place_order(&body, &self.channel, String::new()).map_err(|bad| {
            let fields: Vec<String> = bad.fields().into_iter().map(|(field, what)| format!("{field} {what}")).collect();
            unread(fields.join("; "))
        })?;
        if !self.collect(&mut order, id).await? {
            return Err(unread("the shop has not decided yet where it is fulfilled".to_owned()));
        }
        let heads = self.refunds_of(id).await?.refunds;
        if heads.len() >= REFUNDS {
            return Err(unread(format!("{REFUNDS} refunds or more")));
        }
        let mut refunds = Vec::with_capacity(heads.len());
        for head in heads {
            refunds.push(self.whole_refund(&head.id).await?.canonical(&self.channel.instance));
        }
        let mut lines = standing::lines(seen, &refunds);
        standing::placed(&mut lines, &order);
        let (currency, received, outstanding) = money.map_err(unread)?;
        let minor = |minor| Some(Money::from_minor(minor, currency).into());
        let told = pb::GetOrderResponse {
            order: Some(order),
            cancelled,
            lines,
            version,
            cancel_reason,
            received: Some(received.into()),
            outstanding: Some(outstanding.into()),
            given_back: minor(standing::given_back(&refunds, currency)),
            refunds,
        };
        Ok(Whole { told, created_at })
    }

    /// The order of this number. The search takes words that merely begin alike for hits: what it finds is compared.
    async fn numbered(&self, name: &str) -> Result<u64, Error> {
        let data: FoundData = self.admin.read(&FIND, &json!({"query": format!("name:\"{name}\"")}), "").await?;
        let is = |found: &&sold::Found| found.name == name || found.name.strip_prefix('#') == Some(name);
        let found = data.orders.nodes.iter().find(is).ok_or_else(|| Error::NoSuchNumber(name.to_owned()))?;
        let unread = || Error::Unreadable { operation: FIND.operation, why: format!("{} is no order", found.id) };
        number(&found.id, "Order").ok_or_else(unread)
    }
}

/// The order as its webhook would have told it, or an id that is none.
fn body(id: u64, found: Sold, lines: Vec<sold::LineItem>) -> Result<order::Order, String> {
    let decimals = found.currency_code.parse::<Currency>().map_or(0, |currency| currency.decimals());
    let lines = lines.into_iter().map(|one| line(one, decimals)).collect::<Result<_, String>>()?;
    let shipping = found.shipping_lines.nodes.into_iter();
    let shipping = shipping.map(|line| self::shipping(line, decimals)).collect::<Result<_, String>>()?;
    Ok(order::Order {
        id,
        name: found.name,
        order_number: None,
        created_at: found.created_at,
        processed_at: found.processed_at,
        currency: found.currency_code,
        total_price: found.total_price_set.into(),
        total_outstanding: Some(found.total_outstanding_set.into()),
        taxes_included: found.taxes_included,
        financial_status: found.display_financial_status.to_lowercase(),
        payment_gateway_names: found.payment_gateway_names,
        source_name: found.source_name,
        customer_locale: found.customer_locale,
        email: found.email,
        phone: found.phone,
        customer: found.customer.map(customer).transpose()?,
        billing_address: found.billing_address.map(address),
        shipping_address: found.shipping_address.map(address),
        line_items: lines,
        shipping_lines: shipping,
    })
}

/// What was taken for it, and what is owed for it.
fn money(found: &Sold) -> Result<(Currency, Money, Money), String> {
    let currency: Currency = found.currency_code.parse().map_err(|error| format!("currencyCode: {error}"))?;
    let read = |bag: &Bag| Money::parse(&bag.shop_money.amount.0, currency).map_err(|error| error.to_string());
    Ok((currency, read(&found.total_received_set)?, read(&found.total_outstanding_set)?))
}

/// A line as the shop shows it now.
fn seen(line: &sold::LineItem) -> Result<Seen, String> {
    Ok(Seen {
        id: numbered(&line.id, "LineItem")?,
        sku: line.sku.clone(),
        description: if line.name.is_empty() { line.title.clone() } else { line.name.clone() },
        ordered: i64::try_from(line.quantity).unwrap_or(i64::MAX),
        current: line.current_quantity,
        is_goods: line.variant.is_some() || line.requires_shipping,
    })
}

fn numbered(gid: &str, kind: &str) -> Result<u64, String> {
    number(gid, kind).ok_or_else(|| format!("{gid} is no id of a {kind}"))
}

fn line(line: sold::LineItem, decimals: u32) -> Result<order::LineItem, String> {
    Ok(order::LineItem {
        id: numbered(&line.id, "LineItem")?,
        variant_id: line.variant.map(|Named { id }| numbered(&id, "ProductVariant")).transpose()?,
        sku: line.sku,
        name: line.name,
        title: line.title,
        quantity: line.quantity,
        price: price(line.original_unit_price_set.into(), decimals),
        requires_shipping: Some(line.requires_shipping),
        tax_lines: line.tax_lines.into_iter().map(tax).collect(),
        discount_allocations: line.discount_allocations.into_iter().map(discount).collect(),
    })
}

fn shipping(line: sold::ShippingLine, decimals: u32) -> Result<order::ShippingLine, String> {
    Ok(order::ShippingLine {
        id: numbered(&line.id, "ShippingLine")?,
        code: line.code,
        title: line.title,
        price: price(line.original_price_set.into(), decimals),
        is_removed: line.is_removed,
        tax_lines: line.tax_lines.into_iter().map(tax).collect(),
        discount_allocations: line.discount_allocations.into_iter().map(discount).collect(),
    })
}

/// Bodies write the decimals of a currency, `2.50` and `400`, the API at least one and no zero behind it, `2.5` and
/// `400.0`: an order must come out the same whichever way it was read.
fn price(digits: Digits, decimals: u32) -> Digits {
    let Ok(price) = Decimal::from_str_exact(&digits.0) else { return digits };
    let mut price = price.normalize();
    if price.scale() < decimals {
        price.rescale(decimals);
    }
    Digits(price.to_string())
}

fn tax(line: sold::TaxLine) -> order::TaxLine {
    order::TaxLine {
        title: line.title,
        rate: line.rate.unwrap_or_else(|| Digits("0".to_owned())),
        price: line.price_set.into(),
        channel_liable: line.channel_liable,
    }
}

fn discount(allocation: sold::Allocation) -> order::DiscountAllocation {
    order::DiscountAllocation { amount: allocation.allocated_amount_set.into() }
}

fn customer(customer: sold::Customer) -> Result<order::Customer, String> {
    Ok(order::Customer {
        id: numbered(&customer.id, "Customer")?,
        email: customer.default_email_address.map(|email| email.email_address).unwrap_or_default(),
        verified_email: customer.verified_email,
        phone: customer.default_phone_number.map(|phone| phone.phone_number).unwrap_or_default(),
        first_name: customer.first_name,
        last_name: customer.last_name,
        default_address: customer.default_address.map(address),
        updated_at: String::new(),
    })
}

fn address(address: sold::Address) -> order::Address {
    order::Address {
        name: address.name,
        first_name: address.first_name,
        last_name: address.last_name,
        company: address.company,
        address1: address.address1,
        address2: address.address2,
        city: address.city,
        province: address.province,
        province_code: address.province_code,
        zip: address.zip,
        country: address.country,
        country_code: address.country_code_v2,
        phone: address.phone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_spelt_as_bodies_spell_it() {
        let spelt = |text: &str, decimals| price(Digits(text.to_owned()), decimals).0;
        assert_eq!(spelt("2.5", 2), "2.50");
        assert_eq!(spelt("400.0", 0), "400");
        assert_eq!(spelt("0.125", 2), "0.125");
        assert_eq!(spelt("dear", 2), "dear");
    }
}
