//! An order as returns see it: what was sold, what has moved, what was billed and paid. Read once from the orders
//! service's answer; an unreadable number of it is nothing known, never a guess. Pure.

use std::collections::BTreeMap;

use retail_proto::Quantity;
use retail_proto::orders::v1 as pb;
use retail_proto::types::v1::{Money, Ref};
use serde::{Deserialize, Serialize};

use crate::start::return_id;

/// A line that was sold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SoldLine {
    pub(crate) number: i32,
    pub(crate) sku: String,
    pub(crate) is_charge: bool,
    /// Millionths.
    pub(crate) ordered: i64,
    /// Millionths; all of a charge once the order has moved or was billed.
    pub(crate) shipped: i64,
    /// Millionths.
    pub(crate) invoiced: i64,
    /// What the whole line cost, taxes on top of it included, minor units.
    pub(crate) value: i64,
    pub(crate) location: String,
    pub(crate) channel_line_id: String,
    /// Number of the customer's line that it is a part of; 0 for a line as ordered.
    pub(crate) split_from: i32,
    pub(crate) attributes: BTreeMap<String, String>,
    /// Day of its last shipment, or of its invoice.
    pub(crate) left_on: String,
}

/// An invoice of the order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bill {
    #[serde(with = "retail_flow::kept")]
    pub(crate) record: Ref,
    /// What is still owed, minor units; `None` when the ERP does not say.
    pub(crate) owed: Option<i64>,
    /// Line number and millionths; empty when the ERP does not say.
    pub(crate) lines: Vec<(i32, i64)>,
}

/// The order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sale {
    pub(crate) order_id: String,
    pub(crate) number: String,
    pub(crate) channel: String,
    pub(crate) channel_order_id: String,
    pub(crate) erp: String,
    pub(crate) currency: String,
    pub(crate) market: String,
    pub(crate) customer_id: String,
    /// Nothing more will be shipped or billed.
    pub(crate) is_over: bool,
    /// It never was, or is no longer, a sale.
    pub(crate) is_cancelled: bool,
    pub(crate) has_open_dispute: bool,
    #[serde(with = "retail_flow::kept::maybe")]
    pub(crate) sales_order: Option<Ref>,
    pub(crate) bills: Vec<Bill>,
    /// Sum of the invoices, minor units.
    pub(crate) invoiced: i64,
    /// Money taken, minor units.
    pub(crate) captured: i64,
    /// Money that the orders service gave back itself, or read that the shop did, minor units.
    pub(crate) refunded: i64,
    /// What of it has a record at the shop: the return that it would be, and minor units. The books may hold it already.
    #[serde(default)]
    pub(crate) refunds: Vec<(String, i64)>,
    /// How most of it was paid, in the ERP's words.
    pub(crate) tender: String,
    /// Money is held for it at a payment service of ours, and not all of it is taken or let go yet.
    pub(crate) is_being_paid: bool,
    /// Payments that Weft took at payment services.
    pub(crate) held: Vec<Held>,
    pub(crate) lines: Vec<SoldLine>,
}

/// A payment that Weft took at a payment service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Held {
    /// Configured instance of the service.
    pub(crate) service: String,
    /// The id the service knows it by.
    pub(crate) reference: String,
}

impl Sale {
    /// What its channel sold under an id: ordered, millionths, and what that cost, minor units. Several places may ship it.
    #[must_use]
    pub(crate) fn sold_as(&self, channel_line_id: &str) -> (i64, i64) {
        let parts = self.lines.iter().filter(|line| line.channel_line_id == channel_line_id);
        parts.fold((0, 0), |(ordered, value), line| {
            (ordered.saturating_add(line.ordered), value.saturating_add(line.value))
        })
    }

    /// The line with a number.
    #[must_use]
    pub(crate) fn line(&self, number: i32) -> Option<&SoldLine> {
        self.lines.iter().find(|line| line.number == number)
    }

    /// What an order does not say itself, its channel does: who books it, and where its goods come back to.
    pub(crate) fn fill_from(&mut self, erp: &str, location: &str) {
        if self.erp.is_empty() {
            erp.clone_into(&mut self.erp);
        }
        for line in self.lines.iter_mut().filter(|line| !line.is_charge && line.location.is_empty()) {
            location.clone_into(&mut line.location);
        }
    }

    /// The invoices of a line with what each bills of it, oldest first. One invoice that names no lines bills them all;
    /// when several name none, nobody can tell them apart and the first stands for them.
    #[must_use]
    pub(crate) fn bills_of(&self, line: &SoldLine) -> Vec<(Ref, i64)> {
        let named = |bill: &Bill| {
            let quantity: i64 = bill.lines.iter().filter(|(number, _)| *number == line.number).map(|(_, q)| q).sum();
            (quantity > 0).then(|| (bill.record.clone(), quantity))
        };
        let bills: Vec<(Ref, i64)> = self.bills.iter().filter_map(named).collect();
        if !bills.is_empty() {
            return bills;
        }
        let silent = self.bills.iter().find(|bill| bill.lines.is_empty());
        silent.map(|bill| (bill.record.clone(), line.ordered)).into_iter().collect()
    }
}

impl From<&pb::Order> for Sale {
    fn from(order: &pb::Order) -> Self {
        let moved = !order.shipments.is_empty() || !order.invoices.is_empty();
        let captured = order.payments.iter().filter(|payment| payment.state() == pb::PaymentState::Captured);
        let tender = captured.clone().max_by_key(|payment| minor(payment.amount.as_ref()));
        let mut sale = Self {
            order_id: order.order_id.clone(),
            number: order.order_number.clone(),
            channel: order.channel.clone(),
            channel_order_id: order.channel_order_id.clone(),
            erp: order.erp.clone(),
            currency: order.total.as_ref().map(|total| total.currency.clone()).unwrap_or_default(),
            market: order.market.clone(),
            customer_id: order.customer_id.clone(),
            is_over: is_over(order.state()),
            is_cancelled: is_cancelled(order.state()),
            has_open_dispute: order.attributes.get("dispute").is_some_and(|state| state == "open")
                || order.payments.iter().any(|payment| payment.state() == pb::PaymentState::Disputed),
            sales_order: order.refs.iter().find(|record| is_sales_order(record)).cloned(),
            bills: order.invoices.iter().map(bill).collect(),
            invoiced: order.invoices.iter().map(|invoice| minor(invoice.total.as_ref())).sum(),
            captured: captured.map(|payment| minor(payment.amount.as_ref())).sum(),
            refunded: order.refunds.iter().map(|refund| minor(refund.amount.as_ref())).sum(),
            refunds: order.refunds.iter().filter_map(|refund| at_the_shop(&order.channel, refund)).collect(),
            tender: tender.map_or("other", |payment| word(payment.tender())).to_owned(),
            is_being_paid: order.payments.iter().any(is_open),
            held: order.payments.iter().filter_map(held).collect(),
            lines: Vec::new(),
        };
        sale.lines = order.lines.iter().map(|line| sold_line(order, &sale, line, moved)).collect();
        sale
    }
}

fn at_the_shop(channel: &str, refund: &pb::Refund) -> Option<(String, i64)> {
    // Of one that is shared the rest is in the books, and this is beside it.
    let record = refund.refund.as_ref().filter(|record| record.kind == "commerce" && !refund.shared)?;
    Some((return_id(channel, &record.id), minor(refund.amount.as_ref())))
}

fn held(payment: &pb::Payment) -> Option<Held> {
    let ours = !payment.service.is_empty() && payment.taken_from.is_empty();
    ours.then(|| Held { service: payment.service.clone(), reference: payment.reference.clone() })
}

/// An authorization of ours of which more may be taken, or a capture of which nobody knows yet whether it was: its
/// authorization may have run out meanwhile, and is asked for anew then. One that is asked for anew has no service before it
/// is known what became of it.
fn is_open(payment: &pb::Payment) -> bool {
    if !payment.taken_from.is_empty() {
        return payment.state() == pb::PaymentState::Pending;
    }
    let ours = !payment.service.is_empty() || !payment.again_of.is_empty();
    ours && matches!(payment.state(), pb::PaymentState::Authorized | pb::PaymentState::Pending)
}

fn sold_line(order: &pb::Order, sale: &Sale, line: &pb::Line, moved: bool) -> SoldLine {
    let is_charge = line.kind() == pb::LineKind::Charge;
    let taxes = line.taxes.iter().filter(|tax| !tax.included).map(|tax| minor(tax.amount.as_ref()));
    let ordered = millionths(&line.quantity);
    let mut sold = SoldLine {
        number: line.number,
        sku: line.sku.clone(),
        is_charge,
        ordered,
        shipped: if is_charge && moved { ordered } else { millionths(&line.shipped) },
        value: minor(line.amount.as_ref()).saturating_add(taxes.sum()),
        location: if is_charge { String::new() } else { line.location.clone() },
        channel_line_id: line.channel_line_id.clone(),
        split_from: line.split_from,
        attributes: line.attributes.clone().into_iter().collect(),
        left_on: left_on(order, line.number),
        ..SoldLine::default()
    };
    // The ERP says it per line, per invoice, or only that there is an invoice: whatever says most stands.
    let billed: i64 = sale.bills_of(&sold).iter().map(|(_, quantity)| quantity).sum();
    sold.invoiced = billed.min(ordered).max(millionths(&line.invoiced));
    sold
}

/// The last day on which the line left the house; the day of its invoice when no shipment says one.
fn left_on(order: &pb::Order, number: i32) -> String {
    let with_line = |shipment: &&pb::Shipment| shipment.lines.iter().any(|line| line.line_number == number);
    let shipped = order.shipments.iter().filter(with_line).map(|shipment| shipment.date.as_str()).max();
    let billing = |invoice: &&pb::Invoice| {
        invoice.lines.is_empty() || invoice.lines.iter().any(|line| line.line_number == number)
    };
    let billed = || order.invoices.iter().filter(billing).map(|invoice| invoice.date.as_str()).max();
    shipped.filter(|day| !day.is_empty()).or_else(billed).unwrap_or_default().to_owned()
}

fn bill(invoice: &pb::Invoice) -> Bill {
    Bill {
        record: invoice.document.clone().unwrap_or_default(),
        owed: invoice.amount_remaining.as_ref().map(|owed| owed.minor_units),
        lines: invoice.lines.iter().map(|line| (line.line_number, millionths(&line.quantity))).collect(),
    }
}

/// Vendors spell it `salesOrder`, `sales-order`, `SalesOrder`.
fn is_sales_order(record: &Ref) -> bool {
    let letters = record.r#type.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase());
    record.kind == "erp" && letters.collect::<String>() == "salesorder"
}

fn is_over(state: pb::OrderState) -> bool {
    match state {
        pb::OrderState::Completed | pb::OrderState::Cancelled | pb::OrderState::Refused => true,
        pb::OrderState::Unspecified
        | pb::OrderState::Received
        | pb::OrderState::Held
        | pb::OrderState::Reserved
        | pb::OrderState::Booked
        | pb::OrderState::PartlyShipped
        | pb::OrderState::Shipped
        | pb::OrderState::Cancelling => false,
    }
}

fn is_cancelled(state: pb::OrderState) -> bool {
    match state {
        pb::OrderState::Cancelled | pb::OrderState::Refused | pb::OrderState::Cancelling => true,
        pb::OrderState::Unspecified
        | pb::OrderState::Received
        | pb::OrderState::Held
        | pb::OrderState::Reserved
        | pb::OrderState::Booked
        | pb::OrderState::PartlyShipped
        | pb::OrderState::Shipped
        | pb::OrderState::Completed => false,
    }
}

fn word(tender: pb::Tender) -> &'static str {
    match tender {
        pb::Tender::Card => "card",
        pb::Tender::GiftCard => "gift_card",
        pb::Tender::StoreCredit => "store_credit",
        pb::Tender::Loyalty => "loyalty",
        pb::Tender::Other | pb::Tender::Unspecified => "other",
    }
}

/// Millionths of a decimal text.
pub(crate) fn millionths(text: &str) -> i64 {
    text.parse::<Quantity>().map_or(0, Quantity::millionths)
}

fn minor(money: Option<&Money>) -> i64 {
    money.map_or(0, |money| money.minor_units)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payment(state: pb::PaymentState, service: &str, again_of: &str, taken_from: &str) -> pb::Payment {
        let (state, service, taken_from) = (i32::from(state), service.into(), taken_from.into());
        pb::Payment { state, service, taken_from, again_of: again_of.into(), ..pb::Payment::default() }
    }

    #[test]
    fn an_order_is_being_paid_as_long_as_money_is_held_for_it_or_asked_for_anew() {
        let of = |payments: Vec<pb::Payment>| Sale::from(&pb::Order { payments, ..pb::Order::default() }).is_being_paid;
        let ran_out = payment(pb::PaymentState::Expired, "pay", "", "");
        assert!(of(vec![payment(pb::PaymentState::Authorized, "pay", "", "")]));
        assert!(of(vec![ran_out.clone(), payment(pb::PaymentState::Pending, "", "p1", "")]));
        assert!(!of(vec![ran_out.clone()]));
        let capture = |state| payment(state, "pay", "", "p1");
        assert!(
            of(vec![ran_out.clone(), capture(pb::PaymentState::Pending)]),
            "it may be taken of another authorization"
        );
        assert!(!of(vec![ran_out.clone(), capture(pb::PaymentState::Settled)]));
        assert!(!of(vec![ran_out, payment(pb::PaymentState::Failed, "", "p1", "")]));
        assert!(
            !of(vec![payment(pb::PaymentState::Pending, "", "", "")]),
            "the shop's own payment is the shop's affair"
        );
    }
}
