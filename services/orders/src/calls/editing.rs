//! The calls of an edit: what it needs further, the ERP's sales order, what is needed no longer.

use retail_flow::{Failure, done};
use retail_proto::erp::v1 as erp;
use retail_proto::inventory::v1 as stock;

use super::{Calls, broken};
use crate::ask::{self, release};
use crate::edit::Edit;
use crate::holding::by_reservation;
use crate::journey::Brought;
use crate::record::Order;

impl Calls {
    /// Promises what an edit needs further. It is made lasting by a call of its own: an order that is cancelled meanwhile
    /// leaves a promise that runs out by itself.
    pub(super) async fn promise_edit(&self, order: &Order, number: usize, key: String) -> Result<Brought, Failure> {
        let edit = edit(order, number)?;
        // What the shop has sold it has subtracted itself, as with the order, and waits for stock where there is none.
        // What is asked for here nobody has sold yet.
        let subtracts = self.channel(&order.channel).is_some_and(|channel| channel.subtracts_own_sales);
        let subtracted = edit.by_shop && subtracts && order.decision().is_none();
        let request = stock::ReserveStockRequest {
            idempotency_key: key,
            reservation_id: order.edited_reservation(number),
            lines: promised_lines(order, edit),
            expires_in_seconds: self.reservation_seconds,
            allow_shortfall: edit.by_shop,
            sold_by_channel: if subtracted { order.channel.clone() } else { String::new() },
        };
        Ok(Brought::Reservation(self.inventory().reserve_stock(request).await?.into_inner()))
    }

    /// Tells the ERP of an edit: all of it in one request.
    pub(super) async fn edit_sales_order(&self, order: &Order, number: usize) -> Result<Brought, Failure> {
        let (instance, mut erp) = self.erp(order)?;
        let answer = erp.change_sales_order(change(order, edit(order, number)?, instance)).await?.into_inner();
        done("erp.ChangeSalesOrder", answer.outcome.as_ref())?;
        let told = answer.order.map(|order| Brought::SalesOrder(Box::new(order)));
        told.ok_or_else(|| broken("erp.ChangeSalesOrder", "order"))
    }

    /// Gives back what an edit has made needless.
    pub(super) async fn release_edited(&self, order: &Order, number: usize, key: String) -> Result<Brought, Failure> {
        for (reservation, lines) in returned_lines(order, edit(order, number)?) {
            self.release(&reservation, key.clone(), lines).await?;
        }
        Ok(Brought::Done)
    }
}

pub(super) fn edit(order: &Order, number: usize) -> Result<&Edit, Failure> {
    let found = number.checked_sub(1).and_then(|place| order.edits.get(place));
    found.ok_or_else(|| Failure::refused("NO_SUCH_EDIT", format!("order has no edit {number}")))
}

/// What an edit needs further.
pub(crate) fn promised_lines(order: &Order, edit: &Edit) -> Vec<stock::ReserveLine> {
    let lines = edit.lines.iter().filter(|line| line.promise > 0);
    let lines = lines.filter_map(|edited| {
        let line = order.line(edited.number).or(edited.added.as_ref())?;
        Some(stock::ReserveLine {
            line_id: line.id.clone(),
            sku: line.sku.clone(),
            location: edited.location.clone(),
            quantity: retail_proto::Quantity::from_millionths(edited.promise).to_string(),
            keep_back: ask::kept_back(edited.kept_back),
            ..Default::default()
        })
    });
    lines.collect()
}

/// What an edit gives back, by the reservation that holds it.
pub(crate) fn returned_lines(
    order: &Order,
    edit: &Edit,
) -> std::collections::BTreeMap<String, Vec<stock::ReleaseLine>> {
    let parts = edit.returned.iter().filter_map(|one| {
        let line = order.line(one.number)?;
        Some((one.reservation.clone(), release(line, one.quantity)))
    });
    by_reservation(parts.collect())
}

/// The sales order as it shall be.
pub(crate) fn change(order: &Order, edit: &Edit, instance: String) -> erp::ChangeSalesOrderRequest {
    let (mut lines, mut added) = (Vec::new(), Vec::new());
    for edited in &edit.lines {
        if let Some(line) = &edited.added {
            added.push(ask::sales_line(order, line));
            continue;
        }
        let close = edited.quantity == 0;
        let requantified = !close && edited.quantity != edited.quantity_before;
        let moved = !close && edited.location != edited.location_before;
        lines.push(erp::SalesOrderLineChange {
            line_number: edited.number,
            location: if moved { edited.location.clone() } else { String::new() },
            close,
            quantity: if requantified {
                retail_proto::Quantity::from_millionths(edited.quantity).to_string()
            } else {
                String::new()
            },
            amount: requantified.then(|| ask::money(order, edited.amount)),
        });
    }
    erp::ChangeSalesOrderRequest {
        instance,
        external_ref: order.id.clone(),
        lines,
        added,
        shipping_address: edit.address.clone(),
    }
}
