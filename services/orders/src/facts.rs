//! What the ERP says is taken over as fact: its verdict per line, shipments, invoices, payments. Pure; taking the same
//! state over twice changes nothing, and an older state never takes back what a newer one said.

use retail_proto::erp::v1 as erp;
use retail_proto::types::v1::Money as PbMoney;
use retail_proto::{Money, Quantity};

use crate::documents::{Invoice, InvoiceLine, Shipment, ShipmentLine};
use crate::record::{Order, State};

/// Takes the ERP's state of the sales order over. Answers whether anything changed.
pub(crate) fn take(order: &mut Order, told: &erp::SalesOrder) -> bool {
    if !told.etag.is_empty() && told.etag == order.erp_etag {
        return false;
    }
    let before = order.clone();
    if let Some(document) = &told.document {
        if order.sales_order.is_none() {
            order.sales_order = Some(document.clone());
            // The ERP that has it, whatever the channel's configuration says later.
            if !document.instance.is_empty() {
                order.erp.clone_from(&document.instance);
            }
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
        for said in &told.invoices {
            owed(order, said);
        }
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
    if let Some(known) = order.shipments.iter_mut().find(|known| known.id() == document.id) {
        if known.date.is_empty() {
            known.date.clone_from(&said.date);
        }
        return;
    }
    // Picked and packed goods are still in the house.
    if !said.shipped {
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
        date: said.date.clone(),
        ..Shipment::default()
    });
}

/// An invoice is taken over once; what was not known of it is completed by a later telling.
fn invoice(order: &mut Order, said: &erp::Invoice) {
    let Some(document) = &said.document else { return };
    let lines =
        || said.lines.iter().map(|line| InvoiceLine { number: line.line_number, quantity: millionths(&line.quantity) });
    let remaining = minor(said.amount_remaining.as_ref());
    if let Some(known) = known_invoice(order, said) {
        if known.lines.is_empty() {
            known.lines = lines().collect();
        }
        if known.date.is_empty() {
            known.date.clone_from(&said.date);
        }
        // Money that trickles in is not worth a commit and an event each time: only whether anything is owed at all
        // decides what a return does. The exact amount rides along with the next change (`owed`).
        if known.remaining.is_none() || known.remaining.map(|owed| owed > 0) != remaining.map(|owed| owed > 0) {
            known.remaining = remaining.or(known.remaining);
        }
        return;
    }
    let Some(total) = minor(said.total.as_ref()) else { return };
    order.remember(document);
    order.invoices.push(Invoice {
        document: Some(document.clone()),
        minor: total,
        lines: lines().collect(),
        date: said.date.clone(),
        remaining,
    });
}

/// Takes the amount that is still owed over, with a commit that is made anyway.
fn owed(order: &mut Order, said: &erp::Invoice) {
    let remaining = minor(said.amount_remaining.as_ref());
    if let Some(known) = known_invoice(order, said) {
        known.remaining = remaining.or(known.remaining);
    }
}

fn known_invoice<'a>(order: &'a mut Order, said: &erp::Invoice) -> Option<&'a mut Invoice> {
    let id = &said.document.as_ref()?.id;
    order.invoices.iter_mut().find(|known| known.document.as_ref().is_some_and(|document| document.id == *id))
}

/// An amount that cannot be read is nothing known.
fn minor(told: Option<&PbMoney>) -> Option<i64> {
    told.and_then(|told| Money::try_from(told).ok()).map(|money| money.minor())
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
pub(crate) fn millionths(text: &str) -> i64 {
    text.parse::<Quantity>().map_or(0, Quantity::millionths)
}

#[cfg(test)]
mod tests {
    use retail_proto::types::v1::Ref;

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

    fn owing(told: &erp::SalesOrder, etag: &str, owed: i64) -> erp::SalesOrder {
        let mut told = erp::SalesOrder { etag: etag.into(), ..told.clone() };
        for invoice in &mut told.invoices {
            invoice.amount_remaining = Some(PbMoney { minor_units: owed, currency: "GBP".into() });
        }
        told
    }

    #[test]
    fn what_was_not_known_of_an_invoice_is_completed_by_a_later_telling() {
        let mut order = order().booked();
        let told = shipped_and_billed(&order);
        take(&mut order, &told);
        assert_eq!((order.invoices[0].lines.len(), order.invoices[0].remaining), (0, None));
        let mut later = owing(&told, "e2", 0);
        later.invoices[0].lines = vec![erp::InvoiceLine { line_number: 2, quantity: "2".into() }];
        later.invoices[0].date = "2011-12-09".into();
        later.fulfilments[0].date = "2011-12-08".into();
        assert!(take(&mut order, &later));
        let invoice = &order.invoices[0];
        assert_eq!((invoice.lines[0].number, invoice.lines[0].quantity), (2, 2_000_000));
        assert_eq!((invoice.date.as_str(), invoice.remaining), ("2011-12-09", Some(0)));
        assert_eq!(order.shipments[0].date, "2011-12-08");
        later.etag = "e3".into();
        assert!(!take(&mut order, &later), "the same again changes nothing");
    }

    #[test]
    fn money_that_trickles_in_is_no_change_until_nothing_is_owed() {
        let mut order = order().booked();
        let told = owing(&shipped_and_billed(&order), "e1", 500);
        take(&mut order, &told);
        assert!(!take(&mut order, &owing(&told, "e2", 300)));
        assert_eq!(order.invoices[0].remaining, Some(500));
        assert!(take(&mut order, &owing(&told, "e3", 0)));
        assert_eq!(order.invoices[0].remaining, Some(0));
    }

    #[test]
    fn what_is_owed_rides_along_with_another_change() {
        let mut order = order().booked();
        let told = owing(&shipped_and_billed(&order), "e1", 500);
        take(&mut order, &told);
        let mut later = owing(&told, "e2", 300);
        later.fulfilments[0].date = "2011-12-08".into();
        assert!(take(&mut order, &later));
        assert_eq!(order.invoices[0].remaining, Some(300));
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
        order.payments.clear();
        order.advance();
        assert_eq!(order.state(), State::Cancelled);
    }
}
