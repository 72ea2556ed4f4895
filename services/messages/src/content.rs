//! What a carrier is handed: the fact in the contract's fields. How it is worded is the carrier's. Pure.

use retail_proto::notify::v1::{MessageLine, Recipient, SendMessageRequest};
use retail_proto::orders::v1::{Edit, Line, LineKind, Order, PickupStage};
use retail_proto::returns::v1::{Return, ReturnLine};
use retail_proto::timestamp;
use retail_proto::types::v1::Address;

use crate::facts::expected;
use crate::occasion::Occasion;
use crate::record::Message;
use crate::returned::receipts;
use crate::truth::parts;
use crate::words::{phone, quantity};

/// What the customer is told of an order.
pub(crate) fn of_order(id: &str, message: &Message, order: &Order) -> SendMessageRequest {
    let (kind, which) = parts(&message.fact);
    let is_pickup = order.pickup.as_ref().is_some_and(|pickup| pickup.stage() != PickupStage::Shipping);
    let mut content = SendMessageRequest {
        recipient: Some(recipient(order, is_pickup, message.occasion())),
        ..begun(id, message, order)
    };
    if let Some(pickup) = order.pickup.as_ref().filter(|_| is_pickup) {
        pickup.location.clone_into(&mut content.location);
        content.keep_until = pickup.keep_until.filter(|_| kind == "ready");
    }
    match kind {
        "ordered" | "ready" | "not_collected" => content.lines = goods(order),
        "delayed" => which.clone_into(&mut content.expected_date),
        "rerouted" => {
            let found = order.reroutes.iter().find(|one| one.number.to_string() == which);
            content.lines = found.map(|one| of_lines(order, &one.line_numbers)).unwrap_or_default();
        }
        "edited" => {
            if let Some(edit) = order.edits.iter().find(|one| one.number.to_string() == which) {
                edited(&mut content, order, edit);
            }
        }
        "lines_cancelled" => {
            let found = order.line_cancellations.iter().find(|one| one.number.to_string() == which);
            content.lines = found.map(|one| of_lines(order, &one.line_numbers)).unwrap_or_default();
        }
        "shipped" => {
            let id = |document: Option<&retail_proto::types::v1::Ref>| document.map(|one| one.id.clone());
            if let Some(parcel) = order.shipments.iter().find(|one| id(one.document.as_ref()).as_deref() == Some(which))
            {
                parcel.carrier.clone_into(&mut content.carrier);
                parcel.tracking_numbers.clone_into(&mut content.tracking_numbers);
                let lines = parcel.lines.iter().map(|line| (line.line_number, line.quantity.clone()));
                content.lines = together(order, lines);
            }
        }
        "refunded" => {
            let found = order.refunds.iter().find(|one| one.refund_id == which);
            content.amount = found.and_then(|one| one.amount.clone());
        }
        // Of the whole order.
        _ => {}
    }
    if kind == "ordered" {
        expected(order).unwrap_or_default().clone_into(&mut content.expected_date);
    }
    content
}

/// What the customer is told of a return of an order.
pub(crate) fn of_return(id: &str, message: &Message, record: &Return, order: &Order) -> SendMessageRequest {
    let (kind, which) = parts(&message.fact);
    let line = |number: i32, quantity: &str| {
        record.lines.iter().find(|line| line.number == number).map(|line| MessageLine {
            description: described(order, line),
            sku: line.sku.clone(),
            quantity: quantity.to_owned(),
            quantity_before: String::new(),
        })
    };
    let mut content = SendMessageRequest {
        recipient: Some(recipient(order, false, message.occasion())),
        ..begun(id, message, order)
    };
    match kind {
        "authorized" => {
            let awaited =
                record.lines.iter().filter(|line| !line.is_charge && quantity(&line.authorized).millionths() > 0);
            content.lines = awaited.filter_map(|one| line(one.number, &one.authorized)).collect();
        }
        "received" => {
            let of_receipt = receipts(record).filter(|receipt| receipt.receipt_id == which);
            let lines = of_receipt.flat_map(|receipt| &receipt.lines);
            content.lines = lines.filter_map(|one| line(one.number, &one.quantity)).collect();
        }
        _ => {
            let part = record.parts.iter().find(|part| part.part_id == which);
            content.amount = part.and_then(|part| part.refunded.clone());
        }
    }
    content
}

/// Can anybody be reached?
pub(crate) fn has_address(content: &SendMessageRequest) -> bool {
    content.recipient.as_ref().is_some_and(|one| !one.email.is_empty() || !one.phone.is_empty())
}

fn begun(id: &str, message: &Message, order: &Order) -> SendMessageRequest {
    SendMessageRequest {
        instance: message.carrier.clone(),
        external_ref: id.to_owned(),
        occasion: i32::from(message.occasion().pb()),
        brand: order.brand.clone(),
        market: order.market.clone(),
        order_number: message.order_number.clone(),
        return_number: message.return_number.clone(),
        happened_at: Some(timestamp(message.happened_at)),
        ..SendMessageRequest::default()
    }
}

/// Whoever collects is told of what concerns the pickup, the buyer of everything else. What one of them has not given is
/// taken from the buyer, so that the store does not wait for somebody whom nobody could tell.
fn recipient(order: &Order, is_pickup: bool, occasion: Occasion) -> Recipient {
    let mut told = Recipient { locale: order.locale.clone(), ..Recipient::default() };
    if let Some(buyer) = &order.buyer {
        let name = [buyer.first_name.as_str(), buyer.last_name.as_str()].join(" ");
        let name = name.trim();
        told.name = if name.is_empty() { buyer.company.clone() } else { name.to_owned() };
        told.email = buyer.email.trim().to_owned();
        told.phone = phone(&buyer.phone);
    }
    let of_pickup = match occasion {
        Occasion::ReadyForPickup | Occasion::NotCollected | Occasion::Rerouted => is_pickup,
        Occasion::Ordered
        | Occasion::Edited
        | Occasion::Delayed
        | Occasion::Shipped
        | Occasion::Cancelled
        | Occasion::Refunded
        | Occasion::ReturnAuthorized
        | Occasion::ReturnReceived => false,
    };
    if let Some(pickup) = order.pickup.as_ref().filter(|_| of_pickup) {
        let (email, phone) = (pickup.contact_email.trim().to_owned(), phone(&pickup.contact_phone));
        if !email.is_empty() || !phone.is_empty() {
            pickup.contact_name.clone_into(&mut told.name);
        }
        for (field, given) in [(&mut told.email, email), (&mut told.phone, phone)] {
            if !given.is_empty() {
                *field = given;
            }
        }
    }
    told
}

fn goods(order: &Order) -> Vec<MessageLine> {
    let goods = order.lines.iter().filter(|line| line.kind() == LineKind::Goods && !line.closed);
    together(order, goods.map(|line| (line.number, line.quantity.clone())))
}

/// What an edit has changed for the customer: where goods ship from is ours.
fn edited(content: &mut SendMessageRequest, order: &Order, edit: &Edit) {
    let changed = edit.lines.iter().filter(|one| quantity(&one.quantity) != quantity(&one.quantity_before));
    let mut told: Vec<(i32, MessageLine)> = Vec::new();
    for one in changed {
        let ordered_as = ordered_as(order, one.line_number);
        if let Some((_, known)) = told.iter_mut().find(|(known, _)| *known == ordered_as) {
            known.quantity = sum(&known.quantity, &one.quantity);
            known.quantity_before = sum(&known.quantity_before, &one.quantity_before);
            continue;
        }
        let line = part(order, one.line_number, &one.quantity);
        let line = line.unwrap_or_else(|| MessageLine {
            description: one.sku.clone(),
            sku: one.sku.clone(),
            quantity: one.quantity.clone(),
            quantity_before: String::new(),
        });
        told.push((ordered_as, MessageLine { quantity_before: one.quantity_before.clone(), ..line }));
    }
    // What other places ship of the same line has not changed, and is of it all the same.
    for (number, line) in &mut told {
        let changed = |part: &Line| edit.lines.iter().any(|one| one.line_number == part.number);
        let same = order.lines.iter().filter(|part| ordered_as(order, part.number) == *number && !changed(part));
        for part in same.filter(|part| !part.closed) {
            line.quantity = sum(&line.quantity, &part.quantity);
            line.quantity_before = sum(&line.quantity_before, &part.quantity);
        }
    }
    content.lines = told.into_iter().map(|(_, line)| line).collect();
    let moved = edit.store != edit.store_before;
    content.location = if moved { edit.store.clone() } else { String::new() };
    let delivered = edit.address.as_ref().or_else(|| order.shipping_address.as_ref().filter(|_| moved));
    content.delivery_address = delivered.filter(|_| edit.store.is_empty()).map(one_line).unwrap_or_default();
    content.total = edit.total.clone().filter(|total| edit.total_before.as_ref() != Some(total));
}

/// An address as people write it in a sentence.
fn one_line(address: &Address) -> String {
    let city = [address.postal_code.trim(), address.city.trim()].join(" ");
    let country =
        if address.country_code.is_empty() { address.country_name.trim() } else { address.country_code.trim() };
    let lines = address.lines.iter().map(|line| line.trim());
    let parts = lines.chain([city.trim(), address.region.trim(), country]);
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

fn of_lines(order: &Order, numbers: &[i32]) -> Vec<MessageLine> {
    let lines = order.lines.iter().filter(|line| numbers.contains(&line.number));
    together(order, lines.map(|line| (line.number, open(&line.quantity, &line.shipped))))
}

/// What has not left of a line.
fn open(ordered: &str, shipped: &str) -> String {
    let left = quantity(ordered).millionths().saturating_sub(quantity(shipped).millionths());
    retail_proto::Quantity::from_millionths(left.max(0)).to_string()
}

fn part(order: &Order, number: i32, quantity: &str) -> Option<MessageLine> {
    let line = order.lines.iter().find(|line| line.number == number)?;
    let description = if line.description.is_empty() { &line.sku } else { &line.description };
    Some(MessageLine {
        description: description.clone(),
        sku: line.sku.clone(),
        quantity: quantity.to_owned(),
        quantity_before: String::new(),
    })
}

/// The number under which the customer ordered a line.
fn ordered_as(order: &Order, number: i32) -> i32 {
    let line = order.lines.iter().find(|line| line.number == number);
    line.map(|line| line.split_from).filter(|from| *from != 0).unwrap_or(number)
}

fn sum(one: &str, other: &str) -> String {
    let sum = quantity(one).millionths().saturating_add(quantity(other).millionths());
    retail_proto::Quantity::from_millionths(sum).to_string()
}

/// Lines by their numbers, with how much of each: what several places ship of a line is one line to the customer.
fn together(order: &Order, parts: impl Iterator<Item = (i32, String)>) -> Vec<MessageLine> {
    let mut told: Vec<(i32, MessageLine)> = Vec::new();
    for (number, much) in parts {
        let Some(line) = part(order, number, &much) else { continue };
        let ordered_as = ordered_as(order, number);
        match told.iter_mut().find(|(known, _)| *known == ordered_as) {
            Some((_, known)) => known.quantity = sum(&known.quantity, &much),
            None => told.push((ordered_as, line)),
        }
    }
    told.into_iter().map(|(_, line)| line).collect()
}

/// What people call the goods of a line; one of another order than the one that was fetched is known by its code alone.
fn described(order: &Order, line: &ReturnLine) -> String {
    let of_order = order.lines.iter().filter(|_| order.order_id == line.order_id);
    let found = of_order.filter(|one| !one.description.is_empty()).find(|one| one.number == line.order_line_number);
    found.map_or(&line.sku, |one| &one.description).clone()
}

#[cfg(test)]
#[path = "content_tests.rs"]
mod tests;
