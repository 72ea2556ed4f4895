//! What the journey asks of others, made from the order. Pure.

use std::collections::BTreeMap;

use retail_flow::Failure;
use retail_proto::commerce::v1 as shop;
use retail_proto::crm::v1 as crm;
use retail_proto::customers::v1 as people;
use retail_proto::erp::v1 as erp;
use retail_proto::inventory::v1 as stock;
use retail_proto::types::v1::{Address, Money, Outcome, OutcomeState, Ref};
use retail_proto::{Decimal, Quantity, timestamp};
use retail_runtime::Timestamp;

use crate::documents::Payment;
use crate::holding::by_reservation;
use crate::line_cancel::LineCancel;
use crate::record::{Line, Order};
use crate::reroute::Reroute;
use crate::split::left_of;

pub(crate) fn item_keys(order: &Order) -> Vec<stock::ItemKey> {
    let goods = order.lines.iter().filter(|line| line.is_wanted());
    goods.map(|line| stock::ItemKey { sku: line.sku.clone(), r#ref: line.item.clone() }).collect()
}

pub(crate) fn customer(order: &Order, key: String) -> people::ResolveCustomerRequest {
    let buyer = order.buyer.clone().unwrap_or_default();
    let system_id = (!buyer.channel_customer_id.is_empty()).then(|| Ref {
        kind: "commerce".into(),
        instance: order.channel.clone(),
        r#type: "customer".into(),
        id: buyer.channel_customer_id.clone(),
        number: String::new(),
    });
    people::ResolveCustomerRequest {
        idempotency_key: key,
        system_id,
        email: buyer.email.clone(),
        email_verified: buyer.email_verified,
        phone: buyer.phone.clone(),
        brand: order.brand.clone(),
        profile: Some(people::Profile {
            first_name: buyer.first_name,
            last_name: buyer.last_name,
            company: buyer.company,
            email: buyer.email,
            phone: buyer.phone,
            address: order.billing_address.clone().or_else(|| order.shipping_address.clone()),
        }),
    }
}

pub(crate) fn reserve_lines(order: &Order) -> Vec<stock::ReserveLine> {
    let lines = order.decision().map_or_else(|| order.lines.clone(), |decision| order.lines_as_given(decision));
    let goods = lines.iter().filter(|line| line.is_wanted());
    goods
        .map(|line| stock::ReserveLine {
            line_id: line.id.clone(),
            sku: line.sku.clone(),
            location: order.place_of(line).to_owned(),
            quantity: line.ordered().to_string(),
            keep_back: kept_back(order.keeps_back(line)),
            ..Default::default()
        })
        .collect()
}

/// Said only where something is kept back.
pub(crate) fn kept_back(millionths: i64) -> String {
    if millionths > 0 { Quantity::from_millionths(millionths).to_string() } else { String::new() }
}

/// An order of charges alone needs no stock.
pub(crate) fn nothing_to_promise(order: &Order) -> stock::ReserveStockResponse {
    stock::ReserveStockResponse {
        outcome: Some(Outcome { state: i32::from(OutcomeState::Done), ..Outcome::default() }),
        reservation: Some(stock::Reservation {
            reservation_id: order.own_reservation().to_owned(),
            ..Default::default()
        }),
        lacking: Vec::new(),
    }
}

/// The goods of a rerouting at the places that take over.
pub(crate) fn rerouted_lines(order: &Order, reroute: &Reroute) -> Vec<stock::ReserveLine> {
    let Some(decision) = &reroute.decision else { return Vec::new() };
    let lines = order.lines_as_given(decision);
    let lines = decision.lines.iter().filter_map(|given| {
        let line = lines.iter().find(|line| line.number == given.number)?;
        Some(stock::ReserveLine {
            line_id: line.id.clone(),
            sku: line.sku.clone(),
            location: given.location.clone(),
            quantity: line.ordered().to_string(),
            keep_back: kept_back(given.kept_back),
            ..Default::default()
        })
    });
    lines.collect()
}

/// What the ERP shall ship from where: of a line that is split from there on it has less, and further lines for the rest.
pub(crate) fn moved(order: &Order, reroute: &Reroute, instance: String) -> erp::ChangeSalesOrderRequest {
    let (mut lines, mut added) = (Vec::new(), Vec::new());
    let decision = reroute.decision.clone().unwrap_or_default();
    let after = order.lines_as_given(&decision);
    for given in &decision.lines {
        let Some(line) = after.iter().find(|line| line.number == given.number) else { continue };
        if given.split_from != 0 {
            let part = Line { location: given.location.clone(), ..line.clone() };
            added.push(sales_line(order, &part));
            continue;
        }
        let left = left_of(given);
        lines.push(erp::SalesOrderLineChange {
            line_number: given.number,
            location: given.location.clone(),
            close: false,
            quantity: left.map(|_| line.ordered().to_string()).unwrap_or_default(),
            amount: left.map(|_| money(order, line.amount)),
        });
    }
    erp::ChangeSalesOrderRequest { instance, external_ref: order.id.clone(), lines, added, shipping_address: None }
}

/// What the former promises of a rerouting held, by reservation.
pub(crate) fn former_lines(order: &Order, reroute: &Reroute) -> BTreeMap<String, Vec<stock::ReleaseLine>> {
    let former = reroute.former.iter().filter_map(|former| {
        let line = order.line(former.number)?;
        let quantity = if former.quantity == 0 { line.quantity } else { former.quantity };
        Some((former.reservation.clone(), release(line, quantity)))
    });
    by_reservation(former.collect())
}

pub(crate) fn release(line: &Line, quantity: i64) -> stock::ReleaseLine {
    stock::ReleaseLine { line_id: line.id.clone(), quantity: Quantity::from_millionths(quantity).to_string() }
}

/// Lines that the ERP shall close.
pub(crate) fn closed_lines(cancel: &LineCancel) -> Vec<erp::SalesOrderLineChange> {
    let lines = cancel.lines.iter();
    let close = |number: &i32| erp::SalesOrderLineChange { line_number: *number, close: true, ..Default::default() };
    lines.map(close).collect()
}

/// What is still promised of cancelled lines, by reservation. What has shipped of them is taken off on its own.
pub(crate) fn cancelled_lines(order: &Order, cancel: &LineCancel) -> BTreeMap<String, Vec<stock::ReleaseLine>> {
    let lines = cancel.lines.iter().filter_map(|number| order.line(*number));
    let goods = lines.filter(|line| line.is_goods() && line.shipped < line.quantity);
    let parts = goods.flat_map(|line| {
        let held = order.holding(line, line.shipped, line.quantity).into_iter();
        held.map(|one| (one.reservation, release(line, one.quantity)))
    });
    by_reservation(parts.collect())
}

/// What a shipment takes off, by the reservation that holds it.
pub(crate) fn consume_lines(order: &Order, shipment: &str) -> BTreeMap<String, Vec<stock::ConsumeLine>> {
    let found = order.shipments.iter().find(|known| known.id() == shipment);
    let mut parts = Vec::new();
    for shipped in found.iter().flat_map(|found| &found.lines) {
        let Some(line) = order.line(shipped.number).filter(|line| line.is_goods()) else { continue };
        let from = order.shipped_before(line.number, shipment);
        for one in order.holding(line, from, from.saturating_add(shipped.quantity)) {
            let quantity = Quantity::from_millionths(one.quantity).to_string();
            parts.push((one.reservation, stock::ConsumeLine { line_id: line.id.clone(), quantity }));
        }
    }
    by_reservation(parts)
}

pub(crate) fn fulfilment(order: &Order, shipment: &str, key: String) -> shop::RecordFulfilmentRequest {
    let found = order.shipments.iter().find(|known| known.id() == shipment).cloned().unwrap_or_default();
    let lines = found
        .lines
        .iter()
        .filter_map(|shipped| {
            let line = order.line(shipped.number).filter(|line| line.is_goods() && !line.channel_line_id.is_empty())?;
            // What was ordered on top the shop never sold: there is nothing it could show.
            let from = order.shipped_before(line.number, shipment);
            let sold = order.sold_by_channel(line).saturating_sub(from).clamp(0, shipped.quantity);
            let quantity = Quantity::from_millionths(sold).as_whole().filter(|quantity| *quantity > 0)?;
            Some(shop::FulfilledLine {
                line_item_id: line.channel_line_id.clone(),
                quantity,
                location: line.location.clone(),
            })
        })
        .collect();
    shop::RecordFulfilmentRequest {
        instance: order.channel.clone(),
        idempotency_key: key,
        order_id: order.channel_order_id.clone(),
        lines,
        tracking_numbers: found.tracking,
        carrier: found.carrier,
        notify_customer: false,
        verify_only: false,
    }
}

pub(crate) fn sales_order(order: &Order, zone: &str) -> Result<erp::SalesOrderInput, Failure> {
    Ok(erp::SalesOrderInput {
        external_ref: order.id.clone(),
        order_number: order.number.clone(),
        customer_ref: order.customer_id.clone(),
        order_date: day(order.placed_at, zone)?,
        lines: order.lines.iter().filter(|line| line.quantity > 0).map(|line| sales_line(order, line)).collect(),
        total: Some(money(order, order.lines.iter().map(|line| line.amount).sum())),
        shipping_address: order.shipping_address.clone(),
        pricing: i32::from(erp::Pricing::Freeze),
        memo: String::new(),
    })
}

pub(crate) fn sales_line(order: &Order, line: &Line) -> erp::SalesOrderLineInput {
    erp::SalesOrderLineInput {
        line_number: line.number,
        sku: line.sku.clone(),
        is_charge: !line.is_goods(),
        description: line.description.clone(),
        quantity: line.ordered().to_string(),
        unit_price: effective_price(order, line).to_string(),
        amount: Some(money(order, line.amount)),
        location: line.location.clone(),
        taxes: Vec::new(),
    }
}

/// The ERP's rate is what the customer paid for one unit; a discount lowers it. The line's amount is what counts.
fn effective_price(order: &Order, line: &Line) -> Decimal {
    if line.discount == 0 {
        return line.price();
    }
    let quantity = line.ordered().to_decimal();
    let each = order.money(line.discount).and_then(|discount| discount.to_decimal().checked_div(quantity));
    each.map_or(line.price(), |each| (line.price() - each).round_dp(8).normalize())
}

pub(crate) fn payment(
    order: &Order,
    id: &str,
    instance: String,
    zone: &str,
) -> Result<erp::RecordPaymentRequest, Failure> {
    let payment = order.payments.iter().find(|payment| payment.id == id);
    let payment = payment.ok_or_else(|| Failure::refused("NO_SUCH_PAYMENT", format!("order has no payment {id}")))?;
    Ok(erp::RecordPaymentRequest {
        instance,
        external_ref: payment.id.clone(),
        order_ref: order.id.clone(),
        customer_ref: order.customer_id.clone(),
        amount: Some(money(order, payment.minor)),
        payment_date: day(if payment.taken_at == 0 { order.placed_at } else { payment.taken_at }, zone)?,
        tender: tender(payment).to_owned(),
        reference: payment.reference.clone(),
    })
}

fn tender(payment: &Payment) -> &'static str {
    match payment.tender {
        1 => "card",
        2 => "gift_card",
        3 => "store_credit",
        4 => "loyalty",
        _ => "other",
    }
}

pub(crate) fn refund(order: &Order, id: &str, key: String) -> Result<shop::RefundOrderRequest, Failure> {
    let refund = order.refunds.iter().find(|refund| refund.id == id);
    let refund = refund.ok_or_else(|| Failure::refused("NO_SUCH_REFUND", format!("order has no refund {id}")))?;
    let lines = refund.lines.iter().map(|line| shop::RefundLine {
        line_item_id: line.channel_line_id.clone(),
        quantity: line.units,
        restock: i32::from(shop::Restock::Cancel),
    });
    Ok(shop::RefundOrderRequest {
        instance: order.channel.clone(),
        idempotency_key: key,
        external_ref: refund.id.clone(),
        order_id: order.channel_order_id.clone(),
        lines: lines.collect(),
        amount: Some(money(order, refund.minor)),
        note: order.cause.clone(),
        notify_customer: false,
        verify_only: false,
    })
}

/// The money that went out of one payment, as the ERP shall record it. Of the day of the last refund: the same at every
/// repeat, because nothing is refunded after it.
pub(crate) fn erp_refund(
    order: &Order,
    payment_id: &str,
    instance: String,
    zone: &str,
) -> Result<erp::RecordRefundRequest, Failure> {
    let payment = order.payments.iter().find(|payment| payment.id == payment_id);
    let missing = || Failure::refused("NO_SUCH_PAYMENT", format!("order has no payment {payment_id}"));
    let payment = payment.ok_or_else(missing)?;
    let last = order.refunds.iter().max_by_key(|refund| refund.given_at);
    let record = last.and_then(|refund| refund.record.as_ref());
    Ok(erp::RecordRefundRequest {
        instance,
        external_ref: format!("{}/refund", payment.id),
        customer_ref: order.customer_id.clone(),
        apply_to: payment.document.clone(),
        amount: Some(money(order, order.refund_out_of(payment_id))),
        refund_date: day(last.map_or(order.placed_at, |refund| refund.given_at), zone)?,
        tender: tender(payment).to_owned(),
        reference: record.map(|record| record.id.clone()).unwrap_or_default(),
    })
}

pub(crate) fn context(order: &Order) -> crm::OrderContext {
    let number = |record: &Option<Ref>| record.as_ref().map(|record| record.number.clone()).unwrap_or_default();
    crm::OrderContext {
        external_ref: order.id.clone(),
        order_number: order.number.clone(),
        customer_ref: order.customer_id.clone(),
        status: order.status().to_owned(),
        next: order.next_words().to_owned(),
        cause: match order.holds.first() {
            Some(hold) => format!("{}: {}", hold.reason, hold.detail),
            None => order.cause.clone(),
        },
        total: Some(money(order, order.total)),
        erp_number: number(&order.sales_order),
        invoice_numbers: order.invoices.iter().map(|invoice| number(&invoice.document)).collect(),
        tracking_numbers: order.shipments.iter().flat_map(|shipment| shipment.tracking.clone()).collect(),
        placed_at: Some(timestamp(order.placed_at)),
        line_count: i32::try_from(order.lines.len()).unwrap_or(i32::MAX),
        version: order.version,
    }
}

pub(crate) fn crm_customer(customer: &people::Customer) -> crm::CustomerRecord {
    let profile = customer.profile.clone().unwrap_or_default();
    let person = customer.kind() != people::CustomerKind::Anonymous && profile.company.is_empty();
    crm::CustomerRecord {
        external_ref: customer.customer_id.clone(),
        is_person: person,
        first_name: profile.first_name,
        last_name: match (person, profile.last_name.is_empty(), profile.company.is_empty()) {
            (true, false, _) => profile.last_name,
            (true, true, _) => "(no name)".to_owned(),
            (false, _, false) => profile.company,
            (false, _, true) => "Anonymous customers".to_owned(),
        },
        email: profile.email,
        phone: profile.phone,
        address: profile.address.or_else(|| Some(Address::default())),
        version: customer.version,
    }
}

pub(crate) fn money(order: &Order, minor: i64) -> Money {
    Money { minor_units: minor, currency: order.currency.clone() }
}

/// The day in the retailer's calendar.
pub(crate) fn day(millisecond: i64, zone: &str) -> Result<String, Failure> {
    let wrong = |what: String| Failure::refused("BAD_TIME", what);
    let at = Timestamp::from_millisecond(millisecond).map_err(|error| wrong(error.to_string()))?;
    let zoned = at.in_tz(zone).map_err(|error| wrong(format!("channel time zone {zone}: {error}")))?;
    Ok(zoned.date().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::order;

    #[test]
    fn a_sale_after_midnight_in_london_is_of_that_day() {
        // 2011-06-01T23:30:00Z is already the second of June in London.
        assert_eq!(day(1_306_971_000_000, "Europe/London").unwrap(), "2011-06-02");
        assert_eq!(day(1_306_971_000_000, "UTC").unwrap(), "2011-06-01");
    }

    #[test]
    fn the_lines_of_the_sales_order_add_up_to_its_total() {
        let input = sales_order(&order().reserved(), "UTC").unwrap();
        let sum: i64 = input.lines.iter().map(|line| line.amount.as_ref().unwrap().minor_units).sum();
        assert_eq!(sum, input.total.unwrap().minor_units);
    }

    #[test]
    fn milliseconds_before_1970_keep_their_fraction_positive() {
        let before = timestamp(-1);
        assert_eq!((before.seconds, before.nanos), (-1, 999_000_000));
    }
}
