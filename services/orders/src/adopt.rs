//! An order that Weft never saw, rebuilt from what the shop and the ERP say of it. Pure.
//!
//! Its id is the one that the channel's order always has when the shop knows it; otherwise it is derived from the channel
//! and the ERP's document. Its lines carry the ERP's line numbers, because later calls name lines by them: where lines of
//! shop and ERP cannot be matched one to one, the ERP's lines stand alone.

use std::collections::BTreeSet;

use retail_proto::commerce::v1 as shop;
use retail_proto::erp::v1 as erp;
use retail_proto::orders::v1 as pb;
use retail_proto::types::v1::Money as PbMoney;
use retail_proto::{Currency, Decimal, Money, Quantity};
use retail_runtime::{Ids, Timestamp, fault::Fault as _};

use crate::config::Channel;
use crate::documents::Payment;
use crate::record::{Capture, Line, LineKind, Order, State};
use crate::{facts, pairing, place, refunds};

/// Tender and state of a payment that only the ERP knows: other, and captured.
const OTHER: i32 = 5;
const CAPTURED: i32 = 3;
const ONE: i64 = 1_000_000;

/// Where an order is adopted.
pub(crate) struct At<'a> {
    /// Name of the channel.
    pub(crate) name: &'a str,
    /// Its configuration.
    pub(crate) channel: &'a Channel,
    /// When.
    pub(crate) now: Timestamp,
}

/// What the shop says, as an order: neither adopted nor booked yet. The error says what cannot be kept.
pub(crate) fn shop_order(at: &At<'_>, told: &pb::PlaceOrderRequest) -> Result<Order, String> {
    let request =
        pb::PlaceOrderRequest { capture: i32::from(pb::Capture::Fact), channel: at.name.to_owned(), ..told.clone() };
    let parsed = place::parse(&request, Some(at.channel), at.now);
    parsed.map_err(|bad| {
        let fields: Vec<String> = bad.fields().into_iter().map(|(field, what)| format!("{field}: {what}")).collect();
        fields.join("; ")
    })
}

/// What the ERP says, as an order of a channel that does not know it (any more).
pub(crate) fn erp_order(at: &At<'_>, number: &str, told: &erp::SalesOrder) -> Result<Order, String> {
    let document = told.document.as_ref().ok_or("it has no document")?;
    let id = Ids::derived("weft.order", &[at.name, "erp", &document.id]).to_string();
    let amounts = told.lines.iter().filter_map(|line| line.amount.as_ref());
    let currency = told.total.iter().chain(amounts).next().map(|amount| amount.currency.parse::<Currency>());
    let currency = currency.ok_or("it says no amount")?.map_err(|error| error.to_string())?;
    let lines = erp_lines(&id, currency, &told.lines)?;
    let sum = lines.iter().fold(0_i64, |sum, line| sum.saturating_add(line.amount));
    let payments = told.payments.iter().zip(1_usize..).map(|(payment, place)| {
        Ok(Payment {
            id: format!("{id}/p{place}"),
            tender: OTHER,
            minor: minor(payment.amount.as_ref(), currency, "a payment")?.ok_or("a payment has no amount")?,
            state: CAPTURED,
            document: payment.document.clone(),
            ..Payment::default()
        })
    });
    Ok(Order {
        number: if told.order_number.is_empty() { number.to_owned() } else { told.order_number.clone() },
        channel: at.name.to_owned(),
        capture: i32::from(Capture::Fact),
        placed_at: placed_at(told, &at.channel.time_zone)?,
        total: minor(told.total.as_ref(), currency, "the total")?.unwrap_or(sum),
        payments: payments.collect::<Result<_, String>>()?,
        lines,
        currency: currency.code().to_owned(),
        brand: at.channel.brand.clone(),
        market: at.channel.market.clone(),
        region: at.channel.region.clone(),
        erp: at.channel.erp.clone(),
        id,
        ..Order::default()
    })
}

/// Makes the order of [`shop_order`] or [`erp_order`] an adopted one, with everything that is known of it.
pub(crate) fn adopt(
    mut order: Order,
    shop: Option<&shop::GetOrderResponse>,
    told: Option<&erp::SalesOrder>,
    now: Timestamp,
) -> Result<Order, String> {
    order.adopted = true;
    order.set_state(State::Booked);
    if let Some(told) = told {
        if shop.is_some() {
            number_lines(&mut order, told)?;
            pair_payments(&mut order, told);
        }
        facts::take(&mut order, told);
    }
    if let Some(shop) = shop {
        for refund in shop.refunds.iter().filter(|refund| refunds::counts(refund)) {
            refunds::take(&mut order, refund, now.as_millisecond());
        }
        if shop.cancelled && order.shipments.is_empty() {
            "cancelled at the shop".clone_into(&mut order.cause);
            order.erp_closed = true;
            order.close_open_lines();
        }
    }
    order.advance();
    Ok(order)
}

/// Gives the shop's lines the ERP's numbers, or takes the ERP's lines instead.
fn number_lines(order: &mut Order, told: &erp::SalesOrder) -> Result<(), String> {
    let paired = pairing::pairs(&order.lines, &told.lines).filter(|paired| are_numbered(paired));
    let Some(paired) = paired else {
        let currency = order.currency.parse::<Currency>().map_err(|error| error.to_string())?;
        order.lines = erp_lines(&order.id, currency, &told.lines)?;
        return Ok(());
    };
    for (line, said) in order.lines.iter_mut().zip(paired) {
        line.number = said.line_number;
        line.id = format!("{}/{}", order.id, said.line_number);
        // The owner of the catalogue says what keeps stock.
        line.set_kind(if said.is_charge { LineKind::Charge } else { LineKind::Goods });
        // Where it was taken from is where it may come back to; a shop does not say.
        line.location.clone_from(&said.location);
    }
    Ok(())
}

fn are_numbered(lines: &[&erp::SalesOrderLine]) -> bool {
    let numbers: BTreeSet<i32> = lines.iter().map(|line| line.line_number).filter(|number| *number > 0).collect();
    numbers.len() == lines.len()
}

/// A deposit that others recorded carries no id of ours: the captured payment of the same amount is the one.
fn pair_payments(order: &mut Order, told: &erp::SalesOrder) {
    for said in &told.payments {
        let amount = said.amount.as_ref().map(|amount| amount.minor_units);
        let mut open = order.payments.iter_mut().filter(|payment| payment.is_captured() && payment.document.is_none());
        if let Some(payment) = open.find(|payment| Some(payment.minor) == amount) {
            payment.document.clone_from(&said.document);
        }
    }
    let documents: Vec<_> = order.payments.iter().filter_map(|payment| payment.document.clone()).collect();
    documents.iter().for_each(|document| order.remember(document));
}

fn erp_lines(order_id: &str, currency: Currency, said: &[erp::SalesOrderLine]) -> Result<Vec<Line>, String> {
    let lines: Vec<Line> =
        said.iter().filter_map(|line| erp_line(order_id, currency, line).transpose()).collect::<Result<_, _>>()?;
    let numbers: BTreeSet<i32> = lines.iter().map(|line| line.number).filter(|number| *number > 0).collect();
    match (lines.is_empty(), numbers.len() == lines.len()) {
        (true, _) => Err("it has no line that was bought".to_owned()),
        (false, false) => Err("its lines have no numbers of their own".to_owned()),
        (false, true) => Ok(lines),
    }
}

/// A line of the ERP; `None` for one that holds nothing, a text or a subtotal.
fn erp_line(order_id: &str, currency: Currency, said: &erp::SalesOrderLine) -> Result<Option<Line>, String> {
    let name = format!("line {}", said.line_number);
    let wrong = |what: &str, error: String| format!("{what} of {name}: {error}");
    let told = said.quantity.parse::<Quantity>();
    let amount = minor(said.amount.as_ref(), currency, &name)?;
    // A fee is often billed without a quantity: it is one.
    let quantity = match told {
        Ok(quantity) if quantity.is_positive() => quantity,
        Ok(_) if said.is_charge && amount.is_some_and(|minor| minor != 0) => Quantity::from_millionths(ONE),
        Ok(_) => return Ok(None),
        Err(error) => return Err(wrong("quantity", error.to_string())),
    };
    let price = match said.unit_price.trim() {
        "" => None,
        text => Some(Decimal::from_str_exact(text).map_err(|error| wrong("unit price", error.to_string()))?),
    };
    let gross =
        |price| Money::of_line(price, quantity, currency).map_err(|error| wrong("unit price", error.to_string()));
    let each = |minor| {
        let whole = Money::from_minor(minor, currency).to_decimal().checked_div(quantity.to_decimal());
        whole.unwrap_or_default().round_dp(8).normalize()
    };
    let (price, amount, discount) = match (price, amount) {
        (None, None) => return Err(format!("{name} has neither a unit price nor an amount")),
        (Some(price), None) => (price, gross(price)?.minor(), 0),
        (None, Some(amount)) => (each(amount), amount, 0),
        (Some(price), Some(amount)) => match gross(price)?.minor().saturating_sub(amount) {
            discount @ 0.. => (price, amount, discount),
            // More than price times quantity is no discount: the amount is what was sold for.
            _ => (each(amount), amount, 0),
        },
    };
    let mut line = Line {
        id: format!("{order_id}/{}", said.line_number),
        number: said.line_number,
        sku: said.sku.trim().to_uppercase(),
        description: said.description.clone(),
        quantity: quantity.millionths(),
        unit_price: price.to_string(),
        discount,
        amount,
        location: said.location.clone(),
        ..Line::default()
    };
    line.set_kind(if said.is_charge { LineKind::Charge } else { LineKind::Goods });
    Ok(Some(line))
}

/// An amount in the order's currency; `None` when the ERP does not say it.
fn minor(told: Option<&PbMoney>, currency: Currency, of: &str) -> Result<Option<i64>, String> {
    match told.map(Money::try_from) {
        None => Ok(None),
        Some(Ok(money)) if money.currency() == currency => Ok(Some(money.minor())),
        Some(Ok(money)) => Err(format!("{of} is in {}, the order is in {currency}", money.currency())),
        Some(Err(error)) => Err(format!("{of}: {error}")),
    }
}

/// The beginning of the day of the order in the channel's calendar; when the ERP says no day, its last change.
fn placed_at(told: &erp::SalesOrder, zone: &str) -> Result<i64, String> {
    if told.order_date.is_empty() {
        let changed = told.changed_at.as_ref().map(|at| at.seconds.saturating_mul(1000));
        return changed.ok_or_else(|| "it says no day".to_owned());
    }
    let midnight = format!("{}T00:00:00Z", told.order_date).parse::<Timestamp>();
    let midnight = midnight.map_err(|_| format!("its day {:?} is none", told.order_date))?;
    let zoned = midnight.in_tz(zone).map_err(|error| format!("channel time zone {zone}: {error}"))?;
    let offset = i64::from(zoned.offset().seconds()).saturating_mul(1000);
    Ok(midnight.as_millisecond().saturating_sub(offset))
}

#[cfg(test)]
#[path = "adopt_tests.rs"]
mod tests;
