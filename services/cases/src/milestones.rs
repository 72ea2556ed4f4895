//! What has happened to an order or a return, for the case it belongs to. Pure: a view keeps when each thing was first
//! seen, so a case that is linked late gets all of it, with the right times.

use retail_proto::crm::v1::Milestone;
use retail_proto::orders::v1::{EditState, Order, OrderState};
use retail_proto::returns::v1::{Return, ReturnPart, ReturnReceipt, ReturnState};
use retail_proto::timestamp;
use retail_proto::types::v1::{Money, Ref};
use retail_runtime::Ids;

use crate::record::{Kind, Moment};
use crate::words::{amount, day, millis, number, pieces, quantity};

/// What an order shows to have happened. `said_at` stands for what carries no time of its own.
pub(crate) fn of_order(order: &Order, said_at: i64) -> Vec<Moment> {
    let mut seen = vec![moment("ORDER_PLACED", "", millis(order.placed_at.as_ref()))];
    seen.extend(order.holds.iter().map(|hold| moment("ORDER_HELD", &hold.reason, millis(hold.since.as_ref()))));
    let is_booked = match order.state() {
        OrderState::Booked | OrderState::PartlyShipped | OrderState::Shipped | OrderState::Completed => true,
        OrderState::Unspecified
        | OrderState::Received
        | OrderState::Held
        | OrderState::Reserved
        | OrderState::Cancelling
        | OrderState::Cancelled
        | OrderState::Refused => false,
    };
    // An adopted order is told long after it happened: then the day of a document is nearer to the truth.
    let at = |date: &str| if order.adopted { day(date).unwrap_or(said_at) } else { said_at };
    if is_booked {
        let booked_at = if order.adopted { millis(order.placed_at.as_ref()) } else { said_at };
        seen.push(moment("ORDER_BOOKED", "", booked_at));
    }
    let edits = order.edits.iter().filter(|one| one.state() == EditState::Done);
    seen.extend(edits.map(|one| moment("ORDER_CHANGED", &one.number.to_string(), millis(one.at.as_ref()))));
    let shipments = order.shipments.iter().map(|one| moment("ORDER_SHIPPED", id(one.document.as_ref()), at(&one.date)));
    seen.extend(shipments);
    let invoices = order.invoices.iter().map(|one| moment("ORDER_INVOICED", id(one.document.as_ref()), at(&one.date)));
    seen.extend(invoices);
    if order.state() == OrderState::Cancelled {
        seen.push(moment("ORDER_CANCELLED", "", said_at));
    }
    let refunded = order.refunds.iter().filter(|refund| refund.refund.is_some());
    seen.extend(refunded.map(|refund| moment("ORDER_REFUNDED", &refund.refund_id, said_at)));
    seen
}

/// What a return shows to have happened.
pub(crate) fn of_return(record: &Return, said_at: i64) -> Vec<Moment> {
    let mut seen = vec![moment("RETURN_REQUESTED", "", millis(record.requested_at.as_ref()))];
    let waiting = record.lines.iter().filter(|line| !line.cause.is_empty() && !line.dismissed);
    seen.extend(waiting.map(|line| moment("RETURN_WAITS", &line.cause, said_at)));
    if !record.rma_number.is_empty() {
        seen.push(moment("RETURN_AUTHORIZED", "", said_at));
    }
    let receipts = receipts(record).map(|one| (one, millis(one.received_at.as_ref())));
    seen.extend(
        receipts.map(|(one, at)| moment("RETURN_RECEIVED", &one.receipt_id, if at == 0 { said_at } else { at })),
    );
    for part in &record.parts {
        if part.credit_memo.is_some() {
            seen.push(moment("RETURN_CREDITED", id(part.credit_memo.as_ref()), said_at));
        }
        if part.refund.is_some() {
            seen.push(moment("RETURN_REFUNDED", id(part.refund.as_ref()), said_at));
        }
    }
    match record.state() {
        ReturnState::Completed => seen.push(moment("RETURN_COMPLETED", "", said_at)),
        ReturnState::Cancelled => seen.push(moment("RETURN_CANCELLED", "", said_at)),
        ReturnState::Unspecified
        | ReturnState::Requested
        | ReturnState::Held
        | ReturnState::Authorized
        | ReturnState::PartlyReceived
        | ReturnState::Received
        | ReturnState::Cancelling
        | ReturnState::Refused => {}
    }
    seen
}

/// Adds what was not seen before; what was, keeps its time.
pub(crate) fn remember(known: &mut Vec<Moment>, seen: Vec<Moment>) {
    for moment in seen {
        if !known.iter().any(|old| old.what == moment.what) {
            known.push(moment);
        }
    }
}

/// The milestones of an order for a case (`instance/id`).
pub(crate) fn write_order(case: &str, order: &Order, moments: &[Moment]) -> Vec<Milestone> {
    let write = |moment: &Moment| {
        let (kind, document) = parts(moment);
        let name = &order.order_number;
        let (detail, document_number, sum) = match kind {
            "ORDER_PLACED" => (format!("Order {name} placed"), String::new(), order.total.clone()),
            "ORDER_HELD" => (format!("Order {name} waits for a person: {document}"), String::new(), None),
            "ORDER_BOOKED" => (format!("Order {name} booked"), String::new(), None),
            "ORDER_CHANGED" => {
                let edit = order.edits.iter().find(|one| one.number.to_string() == document);
                let why = edit.map(|one| one.why.as_str()).unwrap_or_default();
                (format!("Order {name} changed: {why}"), String::new(), edit.and_then(|one| one.total.clone()))
            }
            "ORDER_SHIPPED" => {
                let shipment = order.shipments.iter().find(|one| id(one.document.as_ref()) == document);
                let goods = shipment.map(|one| pieces(one.lines.iter().map(|line| quantity(&line.quantity))));
                let tracking = shipment.map(|one| one.tracking_numbers.join(", ")).filter(|text| !text.is_empty());
                let tracking = tracking.map(|text| format!(", tracking {text}")).unwrap_or_default();
                let goods = goods.unwrap_or_else(|| "goods".to_owned());
                let shown = number(shipment.and_then(|one| one.document.as_ref())).to_owned();
                (format!("Order {name} shipped, {goods}{tracking}"), shown, None)
            }
            "ORDER_INVOICED" => {
                let invoice = order.invoices.iter().find(|one| id(one.document.as_ref()) == document);
                let shown = number(invoice.and_then(|one| one.document.as_ref())).to_owned();
                (format!("Order {name} invoiced with {shown}"), shown, invoice.and_then(|one| one.total.clone()))
            }
            "ORDER_CANCELLED" => (format!("Order {name} cancelled"), String::new(), None),
            _ => {
                let refund = order.refunds.iter().find(|one| one.refund_id == document);
                let shown = number(refund.and_then(|one| one.refund.as_ref())).to_owned();
                let sum = refund.and_then(|one| one.amount.clone());
                (format!("Order {name} refunded {}", amount(sum.as_ref())), shown, sum)
            }
        };
        let view = Kind::Order.view(&order.order_id);
        Milestone { order_ref: order.order_id.clone(), ..milestone(case, &view, moment, detail, document_number, sum) }
    };
    moments.iter().map(write).collect()
}

/// The milestones of a return for a case (`instance/id`).
pub(crate) fn write_return(case: &str, record: &Return, moments: &[Moment]) -> Vec<Milestone> {
    let write = |moment: &Moment| {
        let (kind, document) = parts(moment);
        let (detail, document_number, sum) = told_of_return(record, kind, document);
        let view = Kind::Return.view(&record.return_id);
        Milestone {
            return_ref: record.return_id.clone(),
            ..milestone(case, &view, moment, detail, document_number, sum)
        }
    };
    moments.iter().map(write).collect()
}

fn told_of_return(record: &Return, kind: &str, document: &str) -> (String, String, Option<Money>) {
    let rma = &record.rma_number;
    let name = if rma.is_empty() { "Return".to_owned() } else { format!("RMA {rma}") };
    let part = |is: fn(&ReturnPart) -> Option<&Ref>| {
        record.parts.iter().find(|part| is(part).is_some_and(|found| found.id == document))
    };
    match kind {
        "RETURN_REQUESTED" => {
            let goods = pieces(record.lines.iter().map(|line| quantity(&line.requested)));
            (format!("Return asked for, {goods}"), String::new(), None)
        }
        "RETURN_WAITS" => {
            let line = record.lines.iter().find(|line| line.cause == document);
            let why = line.map(|line| line.cause_detail.as_str()).filter(|text| !text.is_empty());
            let why = why.map(|text| format!(": {text}")).unwrap_or_default();
            (format!("{name} waits for a person, {document}{why}"), String::new(), None)
        }
        "RETURN_AUTHORIZED" => {
            let goods = pieces(record.lines.iter().map(|line| quantity(&line.authorized)));
            (format!("{name} authorized, {goods}"), rma.clone(), None)
        }
        "RETURN_RECEIVED" => {
            let receipt = receipts(record).find(|receipt| receipt.receipt_id == document);
            let goods = receipt.map(|one| pieces(one.lines.iter().map(|line| quantity(&line.quantity))));
            let shown = number(receipt.and_then(|one| one.document.as_ref())).to_owned();
            (format!("{name} received, {}", goods.unwrap_or_else(|| "goods".to_owned())), shown, None)
        }
        "RETURN_CREDITED" => {
            let part = part(|part| part.credit_memo.as_ref());
            let shown = number(part.and_then(|part| part.credit_memo.as_ref())).to_owned();
            let sum = part.and_then(|part| part.credited.clone());
            (format!("{name} credited {}", amount(sum.as_ref())), shown, sum)
        }
        "RETURN_REFUNDED" => {
            let part = part(|part| part.refund.as_ref());
            let shown = number(part.and_then(|part| part.refund.as_ref())).to_owned();
            let sum = part.and_then(|part| part.refunded.clone());
            (format!("{name} refunded {}", amount(sum.as_ref())), shown, sum)
        }
        "RETURN_CANCELLED" => (format!("{name} cancelled"), String::new(), None),
        _ => (format!("{name} completed"), String::new(), None),
    }
}

fn milestone(
    case: &str,
    view: &str,
    moment: &Moment,
    detail: String,
    document_number: String,
    amount: Option<Money>,
) -> Milestone {
    Milestone {
        external_ref: Ids::derived("weft.milestone", &[case, view, &moment.what]).to_string(),
        kind: parts(moment).0.to_owned(),
        happened_at: Some(timestamp(moment.at)),
        detail,
        document_number,
        amount,
        ..Milestone::default()
    }
}

/// A receipt may give rise to several parts: the first stands for it.
fn receipts(record: &Return) -> impl Iterator<Item = &ReturnReceipt> {
    record.parts.iter().flat_map(|part| &part.receipts)
}

fn parts(moment: &Moment) -> (&str, &str) {
    moment.what.split_once('/').unwrap_or((moment.what.as_str(), ""))
}

fn moment(kind: &str, document: &str, at: i64) -> Moment {
    Moment { what: if document.is_empty() { kind.to_owned() } else { format!("{kind}/{document}") }, at }
}

fn id(document: Option<&Ref>) -> &str {
    document.map_or("", |document| document.id.as_str())
}

#[cfg(test)]
#[path = "milestones_tests.rs"]
mod tests;
