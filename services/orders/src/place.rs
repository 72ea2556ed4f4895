//! Taking an order in: the request's shape is checked field by field, then it becomes an order of ours. Pure.

use std::collections::BTreeMap;

use retail_proto::orders::v1 as pb;
use retail_proto::types::v1::TaxCollector;
use retail_proto::{Currency, Decimal, Money, Quantity};
use retail_runtime::fault::{BadShape, Violations};
use retail_runtime::{Ids, Timestamp};

use crate::check;
use crate::config::Channel;
use crate::documents::Payment;
use crate::pickup::Pickup;
use crate::record::{Buyer, Capture, Line, LineKind, Order, Tax};

/// More lines than any customer ever sent; the largest known real order has 1,114.
const MAX_LINES: usize = 5_000;

/// The id of the order that a channel knows under its own id: the same for every request about it.
#[must_use]
pub fn order_id(channel: &str, channel_order_id: &str) -> String {
    Ids::derived("weft.order", &[channel, channel_order_id]).to_string()
}

/// Parses a request into an order in state RECEIVED, with every amount computed and every id derived.
pub(crate) fn parse(
    request: &pb::PlaceOrderRequest,
    channel: Option<&Channel>,
    now: Timestamp,
) -> Result<Order, BadShape> {
    let mut bad = Violations::default();
    let capture = match request.capture() {
        pb::Capture::Request => Capture::Request,
        pb::Capture::Fact => Capture::Fact,
        pb::Capture::Unspecified => {
            bad.add("capture", "say CAPTURE_REQUEST or CAPTURE_FACT");
            Capture::Request
        }
    };
    let known = channel.is_some();
    bad.require("channel", known, &format!("no channel {:?} is configured", request.channel));
    bad.require("channel_order_id", !request.channel_order_id.is_empty(), "give the channel's own id of the order");
    bad.require("order_number", !request.order_number.is_empty(), "give the number the customer knows");
    let placed_at = request
        .placed_at
        .as_ref()
        .map(|at| at.seconds.saturating_mul(1000).saturating_add(i64::from(at.nanos) / 1_000_000));
    bad.require("placed_at", placed_at.is_some(), "say when the customer placed the order");
    let currency = match request.currency.parse::<Currency>() {
        Ok(currency) => Some(currency),
        Err(error) => {
            bad.add("currency", error.to_string());
            None
        }
    };
    bad.require("lines", !request.lines.is_empty(), "give at least one line");
    bad.require("lines", request.lines.len() <= MAX_LINES, &format!("an order has at most {MAX_LINES} lines"));
    // Without a currency no amount can be judged: say what is known so far.
    let Some(currency) = currency else { return Err(bad.into_shape()) };
    let id = order_id(&request.channel, &request.channel_order_id);
    let score = request.risk_score.is_none_or(|score| (0..=100).contains(&score));
    bad.require("risk_score", score, "give 0 to 100, or none");
    let pickup = request.pickup.as_ref().map(|asked| parse_pickup(asked, &mut bad));
    let numbered = request.lines.iter().zip(1..).zip(0_usize..);
    let mut lines: Vec<Line> = numbered
        .map(|((line, number), place)| parse_line(line, number, &id, ("lines", place), currency, &mut bad))
        .collect();
    for (line, place) in lines.iter_mut().zip(0_usize..).filter(|(line, _)| line.is_goods()) {
        let Some(store) = pickup.as_ref().map(|pickup| &pickup.location) else { break };
        let field = format!("lines[{place}].location");
        bad.require(&field, line.location.is_empty() || line.location == *store, "the order is collected elsewhere");
        line.location.clone_from(store);
    }
    let total = amount(request.total.as_ref(), "total", currency, &mut bad);
    bad.require("total", total >= 0, "the total is negative");
    let payments = request
        .payments
        .iter()
        .zip(1_usize..)
        .map(|(payment, place)| {
            let field = format!("payments[{}]", place.saturating_sub(1));
            parse_payment(payment, &format!("{id}/p{place}"), &field, currency, channel, &mut bad)
        })
        .collect();
    bad.check()?;
    let fallback = Channel::default();
    let channel = channel.unwrap_or(&fallback);
    Ok(Order {
        id,
        number: request.order_number.clone(),
        channel: request.channel.clone(),
        channel_order_id: request.channel_order_id.clone(),
        capture: i32::from(capture),
        placed_at: placed_at.unwrap_or_default(),
        updated_at: now.as_millisecond(),
        buyer: request.buyer.as_ref().map(parse_buyer),
        billing_address: request.billing_address.clone(),
        shipping_address: request.shipping_address.clone(),
        lines,
        currency: currency.code().to_owned(),
        total,
        payments,
        brand: or(&request.brand, &channel.brand),
        market: or(&request.market, &channel.market),
        locale: request.locale.clone(),
        region: or(&request.region, &channel.region),
        attributes: request.attributes.clone().into_iter().collect::<BTreeMap<_, _>>(),
        taxes_included: request.taxes_included,
        erp: channel.erp.clone(),
        pickup,
        risk_score: request.risk_score.and_then(|score| u32::try_from(score).ok()),
        ..Order::default()
    })
}

fn or(given: &str, fallback: &str) -> String {
    if given.is_empty() { fallback.to_owned() } else { given.to_owned() }
}

/// A line under a number of ours; `list` and `place` name it when something of it is wrong.
pub(crate) fn parse_line(
    line: &pb::LineInput,
    number: i32,
    order_id: &str,
    (list, place): (&str, usize),
    currency: Currency,
    bad: &mut Violations,
) -> Line {
    let at = |field: &str| format!("{list}[{place}].{field}");
    let kind = match line.kind() {
        pb::LineKind::Goods => LineKind::Goods,
        pb::LineKind::Charge => LineKind::Charge,
        pb::LineKind::Unspecified => {
            bad.add(at("kind"), "say LINE_KIND_GOODS or LINE_KIND_CHARGE");
            LineKind::Goods
        }
    };
    bad.require(&at("sku"), !line.sku.is_empty() || line.item.is_some(), "give the item code or the channel's item");
    let quantity = match line.quantity.parse::<Quantity>() {
        Ok(quantity) => {
            bad.require(
                &at("quantity"),
                quantity.is_positive(),
                "a quantity is above 0; goods that come back are a return",
            );
            quantity
        }
        Err(error) => {
            bad.add(at("quantity"), error.to_string());
            Quantity::ZERO
        }
    };
    match Decimal::from_str_exact(line.unit_price.trim()) {
        Ok(price) => bad.require(&at("unit_price"), !price.is_sign_negative(), "a price is not negative; use discount"),
        Err(_) => bad.add(at("unit_price"), format!("{:?} is not a decimal number", line.unit_price)),
    }
    let discount = line.discount.as_ref().map_or(0, |_| amount(line.discount.as_ref(), &at("discount"), currency, bad));
    bad.require(&at("discount"), discount >= 0, "a discount is given as a positive amount");
    let taxes = line
        .taxes
        .iter()
        .zip(0_usize..)
        .map(|(tax, place)| Tax {
            title: tax.title.clone(),
            jurisdiction: tax.jurisdiction.clone(),
            rate: tax.rate.clone(),
            minor: amount(tax.amount.as_ref(), &at(&format!("taxes[{place}].amount")), currency, bad),
            included: tax.included,
            by_channel: tax.collected_by() == TaxCollector::Channel,
        })
        .collect();
    let mut parsed = Line {
        id: format!("{order_id}/{number}"),
        number,
        kind: i32::from(kind),
        sku: line.sku.trim().to_uppercase(),
        item: line.item.clone(),
        description: line.description.clone(),
        quantity: quantity.millionths(),
        unit_price: line.unit_price.trim().to_owned(),
        discount,
        taxes,
        location: line.location.clone(),
        channel_line_id: line.channel_line_id.clone(),
        attributes: line.attributes.clone().into_iter().collect(),
        ..Line::default()
    };
    match check::line_amount(&parsed, currency) {
        Ok(amount) => {
            let too_much = amount.is_negative() && quantity.is_positive();
            bad.require(&at("discount"), !too_much, "the discount is larger than the line");
            parsed.amount = amount.minor();
        }
        Err(error) => bad.add(at("unit_price"), error.to_string()),
    }
    parsed
}

/// A pickup as it is asked for.
pub(crate) fn parse_pickup(asked: &pb::PickupInput, bad: &mut Violations) -> Pickup {
    bad.require("pickup.location", !asked.location.is_empty(), "give the store's location code");
    bad.require("pickup.contact_name", !asked.contact_name.is_empty(), "say who collects");
    Pickup {
        location: asked.location.clone(),
        contact_name: asked.contact_name.clone(),
        contact_phone: asked.contact_phone.clone(),
        contact_email: asked.contact_email.clone(),
        ..Pickup::default()
    }
}

fn parse_buyer(buyer: &pb::Buyer) -> Buyer {
    Buyer {
        channel_customer_id: buyer.channel_customer_id.clone(),
        email: buyer.email.clone(),
        email_verified: buyer.email_verified,
        phone: buyer.phone.clone(),
        first_name: buyer.first_name.clone(),
        last_name: buyer.last_name.clone(),
        company: buyer.company.clone(),
    }
}

/// A payment under an id of ours. One whose gateway is a payment service of ours is an authorization, whatever the channel
/// says of it: the service is asked.
pub(crate) fn parse_payment(
    payment: &pb::Payment,
    id: &str,
    field: &str,
    currency: Currency,
    channel: Option<&Channel>,
    bad: &mut Violations,
) -> Payment {
    let at = format!("{field}.amount");
    let minor = amount(payment.amount.as_ref(), &at, currency, bad);
    bad.require(&at, minor > 0, "a payment is above 0");
    let told = !matches!(
        payment.state(),
        pb::PaymentState::Failed
            | pb::PaymentState::Expired
            | pb::PaymentState::Settled
            | pb::PaymentState::PartlyRefunded
            | pb::PaymentState::Refunded
            | pb::PaymentState::Disputed
    );
    bad.require(&format!("{field}.state"), told, "say PENDING, AUTHORIZED, CAPTURED or VOIDED; others are answers");
    let voided = payment.state() == pb::PaymentState::Voided;
    let service = channel.and_then(|channel| channel.gateways.get(&payment.gateway)).filter(|_| !voided);
    if let Some(service) = service {
        let named = !payment.reference.is_empty();
        bad.require(&format!("{field}.reference"), named, &format!("give the id that {service} knows it by"));
    }
    Payment {
        id: id.to_owned(),
        tender: payment.tender,
        minor,
        state: if service.is_some() { i32::from(pb::PaymentState::Pending) } else { payment.state },
        service: service.cloned().unwrap_or_default(),
        renews: service.is_some() && channel.is_some_and(|channel| channel.reauthorize),
        gateway: payment.gateway.clone(),
        reference: payment.reference.clone(),
        expires_at: payment.authorization_expires_at.as_ref().map_or(0, |at| at.seconds.saturating_mul(1000)),
        ..Payment::default()
    }
}

/// An amount in the order's currency, or 0 and a violation.
pub(crate) fn amount(
    given: Option<&retail_proto::types::v1::Money>,
    field: &str,
    currency: Currency,
    bad: &mut Violations,
) -> i64 {
    let problem = match given.map(Money::try_from) {
        Some(Ok(money)) if money.currency() == currency => return money.minor(),
        Some(Ok(money)) => format!("is in {}, the order is in {currency}", money.currency()),
        Some(Err(error)) => error.to_string(),
        None => "is required".to_owned(),
    };
    bad.add(field, problem);
    0
}

#[cfg(test)]
mod tests {
    use retail_runtime::fault::Fault as _;

    use super::*;
    use crate::testing::{channel, request};

    fn fields(request: &pb::PlaceOrderRequest) -> Vec<String> {
        let bad = parse(request, Some(&channel()), Timestamp::UNIX_EPOCH).unwrap_err();
        bad.fields().into_iter().map(|(field, _)| field).collect()
    }

    #[test]
    fn a_good_request_becomes_an_order_with_computed_amounts() {
        let order = parse(&request(), Some(&channel()), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(order.lines.iter().map(|line| line.amount).sum::<i64>(), order.total);
        assert_eq!(order.id, order_id(&order.channel, &order.channel_order_id));
    }

    #[test]
    fn a_negative_quantity_is_named_with_its_line() {
        let mut request = request();
        request.lines[1].quantity = "-1".into();
        assert_eq!(fields(&request), ["lines[1].quantity"]);
    }

    #[test]
    fn an_unknown_currency_is_named() {
        let mut request = request();
        request.currency = "XYZ".into();
        assert_eq!(fields(&request), ["currency"]);
    }

    #[test]
    fn amounts_of_another_currency_are_refused() {
        let mut request = request();
        request.total.as_mut().unwrap().currency = "EUR".into();
        assert_eq!(fields(&request), ["total"]);
    }

    #[test]
    fn a_discount_above_the_line_is_refused() {
        let mut request = request();
        request.lines[0].discount =
            Some(retail_proto::types::v1::Money { minor_units: 1_000_000, currency: "GBP".into() });
        assert_eq!(fields(&request), ["lines[0].discount"]);
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let mut request = request();
        request.order_number.clear();
        request.lines[0].unit_price = "cheap".into();
        request.lines[0].quantity = "0".into();
        assert_eq!(
            fields(&request),
            ["order_number", "lines[0].quantity", "lines[0].unit_price", "lines[0].unit_price"]
                .into_iter()
                .take(3)
                .collect::<Vec<_>>()
        );
    }

    #[test]
    fn an_order_that_is_collected_is_taken_from_its_store() {
        let mut request = request();
        let pickup = pb::PickupInput { location: "SOHO".into(), contact_name: "Mr Jones".into(), ..Default::default() };
        request.pickup = Some(pickup);
        let order = parse(&request, Some(&channel()), Timestamp::UNIX_EPOCH).unwrap();
        assert!(order.lines.iter().all(|line| line.location == "SOHO"));
        request.lines[1].location = "MAIN".into();
        request.pickup.as_mut().unwrap().contact_name.clear();
        assert_eq!(fields(&request), ["pickup.contact_name", "lines[1].location"]);
    }

    #[test]
    fn a_channel_nobody_configured_is_named() {
        let bad = parse(&request(), None, Timestamp::UNIX_EPOCH).unwrap_err();
        assert_eq!(bad.fields()[0].0, "channel");
    }
}
