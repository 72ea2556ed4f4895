//! The order as callers see it.

mod credit;
mod edit;
mod fulfilment;
mod payment;

use retail_proto::orders::v1 as pb;
use retail_proto::types::v1::{Money, TaxCollector, TaxLine};
use retail_proto::{Quantity, timestamp};

use credit::credit_check;
use edit::edit;
pub(crate) use fulfilment::known_stage;
use fulfilment::{cancelled, pickup, reroute, sourcing};
use payment::payment;

use crate::documents::Refund;
use crate::record::{Capture, Line, LineKind, Order, State};

impl From<&Order> for pb::Order {
    fn from(order: &Order) -> Self {
        let money = |minor: i64| Money { minor_units: minor, currency: order.currency.clone() };
        Self {
            order_id: order.id.clone(),
            order_number: order.number.clone(),
            channel: order.channel.clone(),
            channel_order_id: order.channel_order_id.clone(),
            capture: i32::from(match order.capture() {
                Capture::Request => pb::Capture::Request,
                Capture::Fact => pb::Capture::Fact,
            }),
            state: i32::from(state(order.state())),
            status: order.status().to_owned(),
            next: order.next_words().to_owned(),
            holds: order
                .holds
                .iter()
                .map(|hold| pb::Hold {
                    reason: hold.reason.clone(),
                    detail: hold.detail.clone(),
                    since: Some(timestamp(hold.since)),
                    expires_at: (hold.expires_at != 0).then(|| timestamp(hold.expires_at)),
                })
                .collect(),
            parked: order.parked,
            cause: order.cause.clone(),
            placed_at: Some(timestamp(order.placed_at)),
            updated_at: Some(timestamp(order.updated_at)),
            customer_id: order.customer_id.clone(),
            buyer: order.buyer.as_ref().map(|buyer| pb::Buyer {
                channel_customer_id: buyer.channel_customer_id.clone(),
                email: buyer.email.clone(),
                email_verified: buyer.email_verified,
                phone: buyer.phone.clone(),
                first_name: buyer.first_name.clone(),
                last_name: buyer.last_name.clone(),
                company: buyer.company.clone(),
            }),
            billing_address: order.billing_address.clone(),
            shipping_address: order.shipping_address.clone(),
            lines: order.lines.iter().map(|one| line(order, one)).collect(),
            total: Some(money(order.total)),
            payments: order.payments.iter().map(|one| payment(order, one)).collect(),
            refs: order.refs.clone(),
            shipments: order
                .shipments
                .iter()
                .map(|shipment| pb::Shipment {
                    document: shipment.document.clone(),
                    tracking_numbers: shipment.tracking.clone(),
                    carrier: shipment.carrier.clone(),
                    lines: shipment
                        .lines
                        .iter()
                        .map(|line| pb::ShipmentLine { line_number: line.number, quantity: quantity(line.quantity) })
                        .collect(),
                    told_channel: shipment.told,
                    date: shipment.date.clone(),
                })
                .collect(),
            invoices: order
                .invoices
                .iter()
                .map(|invoice| pb::Invoice {
                    document: invoice.document.clone(),
                    total: Some(money(invoice.minor)),
                    lines: invoice
                        .lines
                        .iter()
                        .map(|line| pb::InvoiceLine { line_number: line.number, quantity: quantity(line.quantity) })
                        .collect(),
                    date: invoice.date.clone(),
                    amount_remaining: invoice.remaining.map(money),
                })
                .collect(),
            brand: order.brand.clone(),
            market: order.market.clone(),
            locale: order.locale.clone(),
            region: order.region.clone(),
            attributes: order.attributes.clone().into_iter().collect(),
            version: order.version,
            trace_id: order.traceparent.split('-').nth(1).unwrap_or_default().to_owned(),
            taxes_included: order.taxes_included,
            erp: order.erp().to_owned(),
            adopted: order.adopted,
            refunds: order.refunds.iter().filter(|refund| refund.given).map(|one| refund(order, one)).collect(),
            sourcing: order.sourced.as_ref().and_then(sourcing),
            risk_score: order.risk_score.and_then(|score| i32::try_from(score).ok()),
            pickup: order.pickup.as_ref().map(pickup),
            line_cancellations: order
                .line_cancels
                .iter()
                .zip(1..)
                .map(|(one, number)| cancelled(one, number))
                .collect(),
            edits: order.edits.iter().zip(1..).map(|(one, number)| edit(order, one, number)).collect(),
            credit_checks: order
                .credit
                .iter()
                .flat_map(|credit| &credit.checks)
                .map(|one| credit_check(order, one))
                .collect(),
            return_credit: (order.return_credit() > 0).then(|| money(order.return_credit())),
            reroutes: order.reroutes.iter().zip(1..).map(|(one, number)| reroute(one, number)).collect(),
        }
    }
}

/// The ERP keeps one record for each payment that the money came from: the first is shown, once all are there; the
/// others stand among the order's records.
fn refund(order: &Order, refund: &Refund) -> pb::Refund {
    let mut recorded = order.payments.iter().filter_map(|payment| payment.refund_document.clone());
    pb::Refund {
        refund_id: refund.id.clone(),
        amount: Some(Money { minor_units: refund.minor, currency: order.currency.clone() }),
        refund: refund.record.clone(),
        document: recorded.next().filter(|_| order.money_is_back()),
        shared: refund.shared,
    }
}

fn line(order: &Order, line: &Line) -> pb::Line {
    let money = |minor: i64| Money { minor_units: minor, currency: order.currency.clone() };
    pb::Line {
        line_id: line.id.clone(),
        number: line.number,
        kind: i32::from(match line.kind() {
            LineKind::Goods => pb::LineKind::Goods,
            LineKind::Charge => pb::LineKind::Charge,
        }),
        sku: line.sku.clone(),
        description: line.description.clone(),
        quantity: quantity(line.quantity),
        unit_price: line.unit_price.clone(),
        discount: Some(money(line.discount)),
        amount: Some(money(line.amount)),
        taxes: line
            .taxes
            .iter()
            .map(|tax| TaxLine {
                title: tax.title.clone(),
                jurisdiction: tax.jurisdiction.clone(),
                rate: tax.rate.clone(),
                amount: Some(money(tax.minor)),
                included: tax.included,
                collected_by: i32::from(if tax.by_channel { TaxCollector::Channel } else { TaxCollector::Merchant }),
            })
            .collect(),
        location: line.location.clone(),
        channel_line_id: line.channel_line_id.clone(),
        reserved: quantity(line.reserved),
        shortfall: quantity(line.shortfall),
        committed: quantity(line.committed),
        backordered: quantity(line.backordered),
        shipped: quantity(line.shipped),
        invoiced: quantity(line.invoiced),
        expected_date: line.expected_date.clone(),
        refs: line.refs.clone(),
        attributes: line.attributes.clone().into_iter().collect(),
        closed: line.closed,
        split_from: line.split_from,
    }
}

fn quantity(millionths: i64) -> String {
    Quantity::from_millionths(millionths).to_string()
}

/// The contract's word for a state.
pub(crate) fn state(state: State) -> pb::OrderState {
    match state {
        State::Received => pb::OrderState::Received,
        State::Held => pb::OrderState::Held,
        State::Reserved => pb::OrderState::Reserved,
        State::Booked => pb::OrderState::Booked,
        State::PartlyShipped => pb::OrderState::PartlyShipped,
        State::Shipped => pb::OrderState::Shipped,
        State::Completed => pb::OrderState::Completed,
        State::Cancelling => pb::OrderState::Cancelling,
        State::Cancelled => pb::OrderState::Cancelled,
        State::Refused => pb::OrderState::Refused,
    }
}

/// Our word for the contract's state; `None` for the unspecified one.
pub(crate) fn known_state(asked: pb::OrderState) -> Option<State> {
    match asked {
        pb::OrderState::Unspecified => None,
        pb::OrderState::Received => Some(State::Received),
        pb::OrderState::Held => Some(State::Held),
        pb::OrderState::Reserved => Some(State::Reserved),
        pb::OrderState::Booked => Some(State::Booked),
        pb::OrderState::PartlyShipped => Some(State::PartlyShipped),
        pb::OrderState::Shipped => Some(State::Shipped),
        pb::OrderState::Completed => Some(State::Completed),
        pb::OrderState::Cancelling => Some(State::Cancelling),
        pb::OrderState::Cancelled => Some(State::Cancelled),
        pb::OrderState::Refused => Some(State::Refused),
    }
}
