//! What a carrier is handed: the fact in the contract's fields. How it is worded is the carrier's. Pure.

use retail_proto::notify::v1::{MessageLine, Recipient, SendMessageRequest};
use retail_proto::orders::v1::{LineKind, Order, PickupStage};
use retail_proto::returns::v1::{Return, ReturnLine};
use retail_proto::timestamp;

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

fn of_lines(order: &Order, numbers: &[i32]) -> Vec<MessageLine> {
    let lines = order.lines.iter().filter(|line| numbers.contains(&line.number));
    together(order, lines.map(|line| (line.number, open(&line.quantity, &line.shipped))))
}

/// What has not left of a line.
fn open(ordered: &str, shipped: &str) -> String {
    let left = quantity(ordered).millionths().saturating_sub(quantity(shipped).millionths());
    retail_proto::Quantity::from_millionths(left.max(0)).to_string()
}

/// Lines by their numbers, with how much of each: what several places ship of a line is one line to the customer.
fn together(order: &Order, parts: impl Iterator<Item = (i32, String)>) -> Vec<MessageLine> {
    let mut told: Vec<(i32, MessageLine)> = Vec::new();
    for (number, much) in parts {
        let Some(line) = order.lines.iter().find(|line| line.number == number) else { continue };
        let ordered_as = if line.split_from == 0 { number } else { line.split_from };
        if let Some((_, known)) = told.iter_mut().find(|(known, _)| *known == ordered_as) {
            let sum = quantity(&known.quantity).millionths().saturating_add(quantity(&much).millionths());
            known.quantity = retail_proto::Quantity::from_millionths(sum).to_string();
            continue;
        }
        let description = if line.description.is_empty() { &line.sku } else { &line.description };
        let (description, sku) = (description.clone(), line.sku.clone());
        told.push((ordered_as, MessageLine { description, sku, quantity: much }));
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
