//! From the shop's words to the mesh's. Pure: the same body always becomes the same request.

use std::collections::HashMap;

use jiff::Timestamp;
use retail_proto::orders::v1 as pb;
use retail_proto::types::v1::{self as types, Ref, TaxCollector};
use retail_proto::{Currency, Decimal, Money};
use retail_runtime::fault::{BadShape, Violations};

use crate::wire::Digits;
use crate::wire::order::{Address, DiscountAllocation, LineItem, Order, ShippingLine, TaxLine};

/// The shop as a channel of the mesh.
#[derive(Debug, Clone)]
pub(crate) struct Channel {
    pub(crate) instance: String,
    pub(crate) brand: String,
    pub(crate) market: String,
}

/// Gateways that take cards and wallets, as the shop spells them; any other is OTHER.
const CARDS: [&str; 10] = [
    "adyen",
    "amazon_payments",
    "authorize_net",
    "bogus",
    "braintree",
    "cybersource",
    "paypal",
    "shopify_payments",
    "stripe",
    "worldpay",
];

/// One body being read: its currency and what is wrong with it so far.
struct Reading<'a> {
    order: &'a Order,
    channel: &'a Channel,
    currency: Currency,
    bad: Violations,
}

/// The order as a fact for the orders service. Fields are named as the shop spells them.
pub(crate) fn place_order(order: &Order, channel: &Channel, key: String) -> Result<pb::PlaceOrderRequest, BadShape> {
    let mut bad = Violations::default();
    let currency = match order.currency.parse::<Currency>() {
        Ok(currency) => currency,
        Err(error) => {
            bad.add("currency", error.to_string());
            return Err(bad.into_shape());
        }
    };
    let mut reading = Reading { order, channel, currency, bad };
    let total = reading.money("total_price", &order.total_price);
    let placed_at = reading.placed_at();
    let mut lines: Vec<pb::LineInput> = Vec::with_capacity(order.line_items.len());
    for (index, item) in order.line_items.iter().enumerate() {
        lines.push(reading.item(&format!("line_items[{index}]"), item));
    }
    for (index, line) in order.shipping_lines.iter().enumerate().filter(|(_, line)| !line.is_removed) {
        lines.push(reading.shipping(&format!("shipping_lines[{index}]"), line));
    }
    let payments = reading.payments(total);
    reading.bad.check()?;
    let (billing, shipping) = (order.billing_address.as_ref(), order.shipping_address.as_ref());
    Ok(pb::PlaceOrderRequest {
        idempotency_key: key,
        capture: pb::Capture::Fact.into(),
        channel: channel.instance.clone(),
        channel_order_id: order.id.to_string(),
        order_number: order_number(order),
        placed_at,
        currency: currency.code().to_owned(),
        buyer: buyer(order),
        billing_address: billing.map(address),
        shipping_address: shipping.map(address),
        lines,
        total: Some(total.into()),
        payments,
        taxes_included: order.taxes_included,
        brand: channel.brand.clone(),
        market: channel.market.clone(),
        locale: order.customer_locale.clone(),
        region: String::new(),
        attributes: attributes(order),
        // The webhook does not say it; it stands in the fulfilment order's delivery method, which is read on its own.
        pickup: None,
        // Nor what its fraud analysis found.
        risk_score: None,
    })
}

impl Reading<'_> {
    fn item(&mut self, at: &str, item: &LineItem) -> pb::LineInput {
        let words = [&item.name, &item.title].into_iter().find(|words| !words.is_empty()).cloned().unwrap_or_default();
        let variant = item.variant_id.map(|variant| Ref {
            kind: "commerce".to_owned(),
            instance: self.channel.instance.clone(),
            r#type: "variant".to_owned(),
            id: variant.to_string(),
            number: item.sku.clone(),
        });
        let goods = variant.is_some() || item.requires_shipping.unwrap_or(true);
        let kind = if goods { pb::LineKind::Goods } else { pb::LineKind::Charge };
        // An item that no variant stands behind has at least a name; the mesh holds the order if it knows it not.
        let sku = if item.sku.is_empty() && variant.is_none() { &words } else { &item.sku };
        pb::LineInput {
            kind: kind.into(),
            sku: sku.clone(),
            item: variant,
            description: words,
            quantity: item.quantity.to_string(),
            unit_price: self.price(&format!("{at}.price"), &item.price),
            discount: self.discount(at, &item.discount_allocations),
            taxes: self.taxes(at, &item.tax_lines),
            channel_line_id: item.id.to_string(),
            location: String::new(),
            attributes: HashMap::new(),
        }
    }

    fn shipping(&mut self, at: &str, line: &ShippingLine) -> pb::LineInput {
        let words = [&line.title, &line.code].into_iter().find(|words| !words.is_empty()).cloned().unwrap_or_default();
        let code = [line.code.as_str(), line.title.as_str(), "SHIPPING"].into_iter().find(|code| !code.is_empty());
        pb::LineInput {
            kind: pb::LineKind::Charge.into(),
            sku: code.unwrap_or_default().to_owned(),
            item: None,
            description: words,
            quantity: "1".to_owned(),
            unit_price: self.price(&format!("{at}.price"), &line.price),
            discount: self.discount(at, &line.discount_allocations),
            taxes: self.taxes(at, &line.tax_lines),
            channel_line_id: line.id.to_string(),
            location: String::new(),
            attributes: HashMap::new(),
        }
    }

    fn discount(&mut self, at: &str, allocations: &[DiscountAllocation]) -> Option<types::Money> {
        let mut sum = Money::zero(self.currency);
        for (index, allocation) in allocations.iter().enumerate() {
            let field = format!("{at}.discount_allocations[{index}].amount");
            let amount = self.money(&field, &allocation.amount);
            match sum.plus(amount) {
                Ok(more) => sum = more,
                Err(error) => self.bad.add(field, error.to_string()),
            }
        }
        (!sum.is_zero()).then(|| sum.into())
    }

    fn taxes(&mut self, at: &str, lines: &[TaxLine]) -> Vec<types::TaxLine> {
        let mut taxes = Vec::with_capacity(lines.len());
        for (index, line) in lines.iter().enumerate() {
            let collector = if line.channel_liable { TaxCollector::Channel } else { TaxCollector::Merchant };
            let at = format!("{at}.tax_lines[{index}]");
            taxes.push(types::TaxLine {
                title: line.title.clone(),
                jurisdiction: String::new(),
                rate: self.decimal(&format!("{at}.rate"), &line.rate).normalize().to_string(),
                amount: Some(self.money(&format!("{at}.price"), &line.price).into()),
                included: self.order.taxes_included,
                collected_by: collector.into(),
            });
        }
        taxes
    }

    /// One payment for what was paid: a body names the gateways, not what went through which.
    fn payments(&mut self, total: Money) -> Vec<pb::Payment> {
        let owed = self.order.total_outstanding.as_ref();
        let (state, amount) = match self.order.financial_status.as_str() {
            // What was given back since is a refund's fact, not the order's.
            "paid" | "partially_refunded" | "refunded" => (pb::PaymentState::Captured, total),
            "authorized" => (pb::PaymentState::Authorized, total),
            "partially_paid" => {
                let owed = owed.map_or(total, |owed| self.money("total_outstanding", owed));
                (pb::PaymentState::Captured, total.minus(owed).unwrap_or(Money::zero(self.currency)))
            }
            // Nothing was paid: pending, voided, expired, and whatever word comes next.
            _ => return Vec::new(),
        };
        if amount.minor() <= 0 {
            return Vec::new();
        }
        let gateways = &self.order.payment_gateway_names;
        vec![pb::Payment {
            tender: tender(gateways).into(),
            amount: Some(amount.into()),
            state: state.into(),
            gateway: gateways.join(", "),
            ..pb::Payment::default()
        }]
    }

    fn placed_at(&mut self) -> Option<prost_types::Timestamp> {
        let (field, text) = match (self.order.processed_at.as_str(), self.order.created_at.as_str()) {
            ("", created_at) => ("created_at", created_at),
            (processed_at, _) => ("processed_at", processed_at),
        };
        match text.parse::<Timestamp>() {
            Ok(at) => Some(prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }),
            Err(_) => {
                self.bad.add(field, "is no time with an offset from UTC");
                None
            }
        }
    }

    fn price(&mut self, field: &str, digits: &Digits) -> String {
        self.decimal(field, digits).to_string()
    }

    fn money(&mut self, field: &str, digits: &Digits) -> Money {
        Money::parse(&digits.0, self.currency).unwrap_or_else(|error| {
            self.bad.add(field, error.to_string());
            Money::zero(self.currency)
        })
    }

    fn decimal(&mut self, field: &str, digits: &Digits) -> Decimal {
        let plain = Decimal::from_str_exact(&digits.0).or_else(|_| Decimal::from_scientific(&digits.0));
        plain.unwrap_or_else(|_| {
            self.bad.add(field, format!("{:?} is not a decimal number", digits.0));
            Decimal::ZERO
        })
    }
}

fn order_number(order: &Order) -> String {
    if order.name.is_empty() { order.order_number.unwrap_or(order.id).to_string() } else { order.name.clone() }
}

/// A null customer is an anonymous sale, whatever addresses the body has.
fn buyer(order: &Order) -> Option<pb::Buyer> {
    let customer = order.customer.as_ref()?;
    let own = !customer.email.is_empty();
    let first = |texts: [&String; 2]| texts.into_iter().find(|text| !text.is_empty()).cloned().unwrap_or_default();
    let companies = [order.billing_address.as_ref(), customer.default_address.as_ref()];
    let company = companies.into_iter().flatten().map(|address| &address.company).find(|name| !name.is_empty());
    Some(pb::Buyer {
        channel_customer_id: customer.id.to_string(),
        email: first([&customer.email, &order.email]),
        // What the shop verified is the account's address, not one typed at the till.
        email_verified: own && customer.verified_email,
        phone: first([&customer.phone, &order.phone]),
        first_name: customer.first_name.clone(),
        last_name: customer.last_name.clone(),
        company: company.cloned().unwrap_or_default(),
    })
}

pub(crate) fn address(address: &Address) -> types::Address {
    let person = match (address.name.as_str(), address.first_name.as_str(), address.last_name.as_str()) {
        ("", first, last) => format!("{first} {last}").trim().to_owned(),
        (name, ..) => name.to_owned(),
    };
    let alone = person.is_empty();
    let company = if alone { "" } else { address.company.as_str() };
    let lines = [company, address.address1.as_str(), address.address2.as_str()];
    let region = if address.province_code.is_empty() { &address.province } else { &address.province_code };
    types::Address {
        name: if alone { address.company.clone() } else { person },
        lines: lines.into_iter().filter(|line| !line.is_empty()).map(str::to_owned).collect(),
        city: address.city.clone(),
        region: region.clone(),
        postal_code: address.zip.clone(),
        country_code: address.country_code.to_uppercase(),
        country_name: address.country.clone(),
        phone: address.phone.clone(),
    }
}

fn tender(gateways: &[String]) -> pb::Tender {
    match gateways {
        [only] => match only.to_lowercase().as_str() {
            "gift_card" => pb::Tender::GiftCard,
            "shopify_store_credit" => pb::Tender::StoreCredit,
            name if CARDS.contains(&name) => pb::Tender::Card,
            _ => pb::Tender::Other,
        },
        _ => pb::Tender::Other,
    }
}

/// Where in the shop it was sold: `web`, `pos`, a draft, an app. One entry at most: a map has no order on the wire, and
/// the same body must become the same bytes.
fn attributes(order: &Order) -> HashMap<String, String> {
    let source = (!order.source_name.is_empty()).then(|| ("source_name".to_owned(), order.source_name.clone()));
    source.into_iter().collect()
}

#[cfg(test)]
mod tests;
