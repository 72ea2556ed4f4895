//! What the ERP says is taken over as fact: its verdict per line, shipments, invoices, payments. Pure; taking the same
//! state over twice changes nothing, and an older state never takes back what a newer one said.

use retail_proto::erp::v1 as erp;
use retail_proto::{Money, Quantity};

use crate::record::{Invoice, Order, Shipment, ShipmentLine, State};

/// Takes the ERP's state of the sales order over. Answers whether anything changed.
pub(crate) fn take(order: &mut Order, told: &erp::SalesOrder) -> bool {
    if !told.etag.is_empty() && told.etag == order.erp_etag {
        return false;
    }
    let before = order.clone();
    if let Some(document) = &told.document {
        if order.sales_order.is_none() {
            order.sales_order = Some(document.clone());
        }
        order.remember(document);
    }
    for said in &told.lines {
        verdict(order, said);
    }
    for said in &told.fulfilments {
        shipment(order, said);
    }
    for said in &told.invoices {
        invoice(order, said);
    }
    for said in &told.payments {
        payment(order, said);
    }
    if told.state() == erp::SalesOrderState::Closed && !nothing_shipped(order) {
        order.close_open_lines();
    }
    if told.state() == erp::SalesOrderState::Closed && nothing_shipped(order) {
        order.erp_closed = true;
        order.close_open_lines();
        if matches!(order.state(), State::Reserved | State::Booked) {
            "closed in the ERP".clone_into(&mut order.cause);
        }
    }
    order.erp_etag.clone_from(&told.etag);
    order.advance();
    // The stamp alone is not a change that anybody sees, and not worth a commit.
    let stamp = std::mem::replace(&mut order.erp_etag, before.erp_etag.clone());
    let changed = *order != before;
    if changed {
        order.erp_etag = stamp;
    }
    changed
}

fn nothing_shipped(order: &Order) -> bool {
    order.shipments.is_empty()
}

fn verdict(order: &mut Order, said: &erp::SalesOrderLine) {
    let Some(line) = order.lines.iter_mut().find(|line| line.number == said.line_number) else { return };
    line.committed = millionths(&said.committed);
    line.backordered = millionths(&said.backordered);
    line.invoiced = line.invoiced.max(millionths(&said.billed));
    line.closed = line.closed || (said.closed && line.shipped < line.quantity);
    line.expected_date.clone_from(&said.expected_date);
    if let Some(record) = &said.line
        && !line.refs.contains(record)
    {
        line.refs.push(record.clone());
    }
}

fn shipment(order: &mut Order, said: &erp::Fulfilment) {
    let Some(document) = &said.document else { return };
    // Picked and packed goods are still in the house.
    if !said.shipped || order.shipments.iter().any(|known| known.id() == document.id) {
        return;
    }
    let lines: Vec<ShipmentLine> = said
        .lines
        .iter()
        .map(|line| ShipmentLine { number: line.line_number, quantity: millionths(&line.quantity) })
        .collect();
    for shipped in &lines {
        if let Some(line) = order.lines.iter_mut().find(|line| line.number == shipped.number) {
            line.shipped = line.shipped.saturating_add(shipped.quantity);
        }
    }
    order.remember(document);
    order.shipments.push(Shipment {
        document: Some(document.clone()),
        lines,
        tracking: said.tracking_numbers.clone(),
        carrier: said.carrier.clone(),
        ..Shipment::default()
    });
}

fn invoice(order: &mut Order, said: &erp::Invoice) {
    let Some(document) = &said.document else { return };
    let known = order.invoices.iter().any(|known| known.document.as_ref().is_some_and(|doc| doc.id == document.id));
    let amount = said.total.as_ref().and_then(|total| Money::try_from(total).ok());
    let (false, Some(amount)) = (known, amount) else { return };
    order.remember(document);
    order.invoices.push(Invoice { document: Some(document.clone()), minor: amount.minor() });
}

fn payment(order: &mut Order, said: &erp::PaymentDocument) {
    let Some(document) = &said.document else { return };
    if let Some(payment) = order.payments.iter_mut().find(|payment| payment.id == said.external_ref)
        && payment.document.is_none()
    {
        payment.document = Some(document.clone());
        order.remember(document);
    }
}

/// An unreadable number of a vendor is nothing known, never a guess.
fn millionths(text: &str) -> i64 {
    text.parse::<Quantity>().map_or(0, Quantity::millionths)
}

#[cfg(test)]
mod tests {
    use retail_proto::types::v1::{Money as PbMoney, Ref};

    use super::*;
    use crate::testing::order;

    fn document(kind: &str, id: &str) -> Ref {
        Ref { kind: "erp".into(), instance: "netsuite".into(), r#type: kind.into(), id: id.into(), number: id.into() }
    }

    fn shipped_and_billed(order: &Order) -> erp::SalesOrder {
        let lines = order.lines.iter();
        erp::SalesOrder {
            external_ref: order.id.clone(),
            document: Some(document("salesOrder", "1")),
            etag: "e1".into(),
            fulfilments: vec![erp::Fulfilment {
                document: Some(document("itemFulfillment", "2")),
                shipped: true,
                lines: lines
                    .filter(|line| line.is_goods())
                    .map(|line| erp::FulfilmentLine { line_number: line.number, quantity: line.ordered().to_string() })
                    .collect(),
                ..Default::default()
            }],
            invoices: vec![erp::Invoice {
                document: Some(document("invoice", "3")),
                total: Some(PbMoney { minor_units: order.total, currency: order.currency.clone() }),
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    #[test]
    fn the_same_fact_twice_ships_once() {
        let mut order = order().booked();
        let told = shipped_and_billed(&order);
        assert!(take(&mut order, &told));
        let once = order.clone();
        let mut again = told;
        again.etag = "e2".into();
        assert!(!take(&mut order, &again));
        order.erp_etag.clone_from(&once.erp_etag);
        assert_eq!(order, once);
        assert_eq!(order.state(), State::Shipped);
    }

    #[test]
    fn packed_goods_have_not_shipped() {
        let mut order = order().booked();
        let mut told = shipped_and_billed(&order);
        for fulfilment in &mut told.fulfilments {
            fulfilment.shipped = false;
        }
        told.invoices.clear();
        take(&mut order, &told);
        assert_eq!(order.state(), State::Booked);
    }

    #[test]
    fn an_order_closed_in_the_erp_before_shipment_is_cancelled_here() {
        let mut order = order().booked();
        let mut told = shipped_and_billed(&order);
        told.fulfilments.clear();
        told.invoices.clear();
        told.set_state(erp::SalesOrderState::Closed);
        told.lines = order
            .lines
            .iter()
            .map(|line| erp::SalesOrderLine { line_number: line.number, closed: true, ..Default::default() })
            .collect();
        take(&mut order, &told);
        assert_eq!(order.state(), State::Cancelling, "stock is still to be given back");
        order.given_back = true;
        order.advance();
        assert_eq!(order.state(), State::Cancelled);
    }
}
