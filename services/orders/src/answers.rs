//! What the answers of our own services mean to an order: its items, its total, its promise of stock. Pure.

use retail_proto::inventory::v1 as stock;

use crate::check::{self, Finding};
use crate::decision::{Decision, Outcome};
use crate::record::{Capture, LineKind, Order, State};

/// Takes the resolved codes over; a line whose item nobody knows holds the order, by line and code.
pub(crate) fn know_items(order: &mut Order, items: &[stock::ResolvedItem], at: i64) {
    let mut unknown = Vec::new();
    for (line, resolved) in order.lines.iter_mut().filter(|line| line.is_wanted()).zip(items) {
        match &resolved.item {
            Some(item) if item.stocked => item.sku.clone_into(&mut line.sku),
            // The owner of the catalogue says that no stock is kept: a charge, whatever the channel calls it.
            Some(item) => {
                item.sku.clone_into(&mut line.sku);
                line.set_kind(LineKind::Charge);
            }
            None => unknown.push(format!("line {} ({})", line.number, line.sku)),
        }
    }
    order.items_known = unknown.is_empty();
    if !unknown.is_empty() {
        let detail = format!("no item is known for {}; import it, then release the hold", unknown.join(", "));
        if order.capture() == Capture::Request {
            order.refuse(&format!("UNKNOWN_ITEM: {detail}"));
        } else {
            order.hold("UNKNOWN_ITEM", &detail, at);
        }
    }
}

pub(crate) fn check_total(order: &mut Order, tolerance: u32, at: i64) {
    if order.state() != State::Received {
        return;
    }
    order.checked = true;
    let problem = match check::total(order, tolerance) {
        Ok(Finding::Agrees) => return,
        Ok(Finding::Differs { computed, shown }) => {
            format!("the lines add up to {computed}, the customer was shown {shown}")
        }
        Err(error) => error.to_string(),
    };
    if order.capture() == Capture::Request {
        order.refuse(&format!("TOTAL_MISMATCH: {problem}"));
    } else {
        order.hold("TOTAL_MISMATCH", &problem, at);
    }
}

/// Takes a decision over; an order that nobody can take is refused with its reason.
pub(crate) fn source(order: &mut Order, decision: &Decision) {
    order.sourced.get_or_insert_default().take(decision);
    if decision.outcome() == Outcome::Refused {
        order.refuse(&format!("INSUFFICIENT_STOCK: {}", decision.why));
    }
}

/// What a promise lacks, for people; none when everything is promised.
pub(crate) fn lacking(answer: &stock::ReserveStockResponse) -> Option<String> {
    answer.reservation.is_none().then(|| told(answer))
}

fn reason(answer: &stock::ReserveStockResponse) -> &str {
    answer.outcome.as_ref().map_or("INSUFFICIENT_STOCK", |outcome| outcome.reason.as_str())
}

fn told(answer: &stock::ReserveStockResponse) -> String {
    let lines = answer.lacking.iter();
    let lines = lines.map(|line| {
        let kept = match line.kept_back.as_str() {
            "" | "0" => String::new(),
            kept => format!(", {kept} more kept back"),
        };
        format!("{} of {} (available {}{kept})", line.quantity, line.sku, line.available)
    });
    format!("{}: {}", reason(answer), lines.collect::<Vec<_>>().join(", "))
}

pub(crate) fn promise(order: &mut Order, answer: &stock::ReserveStockResponse, at: i64) {
    let Some(reservation) = &answer.reservation else {
        let reason = reason(answer);
        let cause = told(answer);
        if let Some(sourced) = &mut order.sourced {
            // Stock has moved between look and promise: look again.
            if reason == "INSUFFICIENT_STOCK" && sourced.overtake(&cause) {
                return;
            }
            sourced.stale = true;
        }
        if order.capture() == Capture::Request {
            order.refuse(&cause);
        } else {
            order.hold(reason, &cause, at);
        }
        return;
    };
    if let Some(decision) = order.decision() {
        order.lines = order.lines_as_given(decision);
    }
    for promised in &reservation.lines {
        let Some(line) = order.lines.iter_mut().find(|line| line.id == promised.line_id) else { continue };
        line.location.clone_from(&promised.location);
        line.reserved = line.quantity;
        line.shortfall =
            promised.shortfall.parse::<retail_proto::Quantity>().map_or(0, retail_proto::Quantity::millionths);
    }
    order.reserved = true;
    // Charges move no stock: there is no promise to confirm.
    order.confirmed = order.confirmed || order.has_no_goods();
}
