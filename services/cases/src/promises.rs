//! What was promised and has not happened yet, from the states of orders and returns alone. Pure.

use retail_proto::cases::v1::Promise;
use retail_proto::orders::v1::{LineKind, Order, OrderState};
use retail_proto::returns::v1::{Return, ReturnState};

use crate::words::{amount, millis, quantity};

/// Open promises of these transactions, the longest awaited first.
pub(crate) fn open(orders: &[Order], returns: &[Return]) -> Vec<Promise> {
    let mut promises: Vec<Promise> = orders.iter().flat_map(of_order).collect();
    promises.extend(returns.iter().flat_map(of_return));
    promises.sort_by_key(|promise| millis(promise.since.as_ref()));
    promises
}

fn of_order(order: &Order) -> Vec<Promise> {
    let name = &order.order_number;
    let promise = |kind: &str, text: String, since: Option<prost_types::Timestamp>| Promise {
        kind: kind.to_owned(),
        text: format!("Order {name}: {text}"),
        order_id: order.order_id.clone(),
        since,
        ..Promise::default()
    };
    let person = |text: String, since| Promise { needs_person: true, ..promise("PERSON", text, since) };
    let mut open: Vec<Promise> = order
        .holds
        .iter()
        .map(|hold| person(format!("somebody looks at the hold {}", hold.reason), hold.since))
        .collect();
    if order.parked {
        open.push(person(format!("somebody mends what it is parked for: {}", order.cause), order.updated_at));
    }
    match order.state() {
        OrderState::Received | OrderState::Reserved | OrderState::Booked | OrderState::PartlyShipped => {
            let due_date = expected(order);
            open.push(Promise { due_date, ..promise("SHIPMENT", "the warehouse ships".to_owned(), order.placed_at) });
        }
        OrderState::Shipped => open.push(promise("INVOICE", "the ERP invoices".to_owned(), order.updated_at)),
        OrderState::Unspecified
        | OrderState::Held
        | OrderState::Completed
        | OrderState::Cancelling
        | OrderState::Cancelled
        | OrderState::Refused => {}
    }
    let owed = order.refunds.iter().filter(|refund| refund.refund.is_none());
    open.extend(owed.map(|refund| {
        promise("REFUND", format!("{} is given back", amount(refund.amount.as_ref())), order.updated_at)
    }));
    open
}

/// The first day on which something that has not shipped is expected to.
fn expected(order: &Order) -> String {
    let goods = order.lines.iter().filter(|line| line.kind() == LineKind::Goods && !line.expected_date.is_empty());
    let awaited = goods.filter(|line| quantity(&line.shipped) < quantity(&line.quantity));
    awaited.map(|line| line.expected_date.as_str()).min().unwrap_or_default().to_owned()
}

fn of_return(record: &Return) -> Vec<Promise> {
    let rma = &record.rma_number;
    let name = if rma.is_empty() { "Return".to_owned() } else { format!("RMA {rma}") };
    let promise = |kind: &str, text: &str, since: Option<prost_types::Timestamp>| Promise {
        kind: kind.to_owned(),
        text: format!("{name}: {text}"),
        return_id: record.return_id.clone(),
        since,
        ..Promise::default()
    };
    let person = |text: &str, since| Promise { needs_person: true, ..promise("PERSON", text, since) };
    let mut open = Vec::new();
    if record.open_exceptions > 0 || record.state() == ReturnState::Held {
        open.push(person("somebody settles what waits in the exceptions", record.requested_at));
    }
    if record.parked {
        open.push(person(&format!("somebody mends what it is parked for: {}", record.cause), record.updated_at));
    }
    match record.state() {
        ReturnState::Authorized | ReturnState::PartlyReceived => {
            open.push(promise("RETURN_RECEIPT", "the goods come back", record.requested_at));
        }
        ReturnState::Unspecified
        | ReturnState::Requested
        | ReturnState::Held
        | ReturnState::Received
        | ReturnState::Completed
        | ReturnState::Cancelling
        | ReturnState::Cancelled
        | ReturnState::Refused => {}
    }
    let is_over = match record.state() {
        ReturnState::Completed | ReturnState::Cancelling | ReturnState::Cancelled | ReturnState::Refused => true,
        ReturnState::Unspecified
        | ReturnState::Requested
        | ReturnState::Held
        | ReturnState::Authorized
        | ReturnState::PartlyReceived
        | ReturnState::Received => false,
    };
    for part in record.parts.iter().filter(|_| !is_over) {
        let received = part.receipts.iter().filter_map(|receipt| receipt.received_at).min_by_key(|at| millis(Some(at)));
        if part.credit_memo.is_none() && received.is_some() {
            open.push(promise("CREDIT", "the ERP credits what came back", received));
        }
        if part.credit_memo.is_some() && part.refund.is_none() && !nothing(part.credited.as_ref()) {
            let text = format!("{} is given back", amount(part.credited.as_ref()));
            open.push(promise("REFUND", &text, received.or(record.updated_at)));
        }
    }
    open
}

fn nothing(money: Option<&retail_proto::types::v1::Money>) -> bool {
    money.is_none_or(|money| money.minor_units == 0)
}

#[cfg(test)]
#[path = "promises_tests.rs"]
mod tests;
