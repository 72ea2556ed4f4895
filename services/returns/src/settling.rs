//! How lines become parts: verdicts and claims are taken into the return, and what may come back is put together by
//! order and invoice, one return in the ERP each. Pure.

use serde::{Deserialize, Serialize};

use crate::allowance::Slice;
use crate::eligibility::{Question, Verdict};
use crate::line::{Line, Stage};
use crate::part::{Disposition, Part, ReceiptLine};
use crate::receiving::{Arrival, arrive};
use crate::record::{Bought, Capture, Return, State};
use crate::rma;
use crate::sale::Sale;

/// A purchase that is sought this often in vain is a contradiction between two answers, not a race.
const SOUGHT_AT_MOST: u32 = 8;
/// The soonest and the latest that an order which is on its way is looked at again, milliseconds.
const LOOKS: (i64, i64) = (500, 300_000);

/// A line as it was judged, and what was claimed for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Judged {
    pub(crate) question: Question,
    pub(crate) verdict: Verdict,
    pub(crate) slices: Vec<Slice>,
}

/// What is asked about the lines that were bought with an order and are not judged yet.
pub(crate) fn questions(record: &Return, order_id: &str) -> Vec<Question> {
    let located = record.lines.iter().filter(|line| line.stage() == Stage::Located && line.order_id == order_id);
    located
        .map(|line| Question {
            return_id: record.id.clone(),
            number: line.number,
            order_line: line.order_line,
            quantity: line.requested,
            condition: line.condition,
            requested_at: record.requested_at,
            is_fact: record.capture() == Capture::Fact,
            overridden: line.overridden,
        })
        .collect()
}

/// The order that lines were found with is known to nobody any more.
pub(crate) fn order_is_gone(record: &mut Return, order_id: &str) {
    let located = |line: &&mut Line| line.stage() == Stage::Located && line.order_id == order_id;
    for line in record.lines.iter_mut().filter(located) {
        line.except("NO_SUCH_ORDER", "nobody knows this order; name the order it was bought with, or dismiss the line");
    }
}

/// Takes verdicts and claims over. `now` is in milliseconds.
pub(crate) fn take(record: &mut Return, sale: &Sale, judged: &[Judged], now: i64) {
    keep(record, sale);
    for one in judged {
        let asked = &one.question;
        let Some(line) = record.line(asked.number).filter(|line| is_same(line, sale, asked)).cloned() else { continue };
        let is_given = record.given.is_some();
        let pieces = pieces(line, one, sale, is_given, record.gave().is_some());
        let mut pieces = pieces.into_iter();
        if let (Some(first), Some(line)) = (pieces.next(), record.line_mut(asked.number)) {
            *line = first;
        }
        for mut piece in pieces {
            piece.number = record.next_number();
            record.lines.push(piece);
        }
    }
    look_again(record, now);
}

/// The line is still the one that was judged.
fn is_same(line: &Line, sale: &Sale, asked: &Question) -> bool {
    let place = line.order_id == sale.order_id && line.order_line == asked.order_line;
    line.stage() == Stage::Located && place && line.requested == asked.quantity
}

fn pieces(mut line: Line, judged: &Judged, sale: &Sale, is_given: bool, has_money: bool) -> Vec<Line> {
    let claimed_as = line.number;
    line.rules.clone_from(&judged.verdict.rules);
    if let Some(sold) = sale.line(line.order_line) {
        line.sku.clone_from(&sold.sku);
        line.is_charge = sold.is_charge;
        line.location.clone_from(&sold.location);
        line.channel_line_id.clone_from(&sold.channel_line_id);
        line.currency.clone_from(&sale.currency);
    }
    let mut pieces = Vec::new();
    for slice in &judged.slices {
        let rest = (slice.quantity < line.requested).then(|| line.split_off(slice.quantity, claimed_as));
        line.take_up(Stage::Claimed);
        line.authorized = slice.quantity;
        line.amount = if has_money { line.given } else { slice.value };
        line.invoice.clone_from(&slice.invoice);
        line.claimed_as = claimed_as;
        pieces.push(line);
        match rest {
            Some(rest) => line = rest,
            None => return pieces,
        }
    }
    leave(&mut line, &judged.verdict, is_given);
    pieces.push(line);
    pieces
}

/// What of a line may not come back now: it waits for its order, is sought again, or waits for a person.
fn leave(line: &mut Line, verdict: &Verdict, is_given: bool) {
    if verdict.in_flight {
        line.waits_for_order = true;
        return;
    }
    // Somebody else was faster: what a purchase lacks is sought in the next.
    let lacks = verdict.cause.is_empty() || verdict.cause == "QUANTITY_LEFT";
    if line.by_rule && lacks && line.sought < SOUGHT_AT_MOST {
        line.take_up(Stage::Wanted);
        line.order_id.clear();
        line.order_number.clear();
        line.order_line = 0;
        return;
    }
    match verdict.cause.as_str() {
        "" => line.except("QUANTITY_LEFT", "somebody else took the last of it; dismiss the line or name another order"),
        "SHIPPED" | "PURCHASED" if is_given => {
            let detail = "the shop gave money back for goods that never left; settle it in the ERP, then dismiss";
            line.except("NOT_SHIPPED", detail);
        }
        cause => line.except(cause, format!("{}; dismiss the line or name another order", verdict.detail)),
    }
}

/// Lines that wait for their orders are looked at more seldom the longer they wait.
fn look_again(record: &mut Return, now: i64) {
    if !record.lines.iter().any(|line| line.stage() == Stage::Located && line.waits_for_order) {
        (record.waiting_since, record.look_at) = (0, 0);
        return;
    }
    if record.waiting_since == 0 {
        record.waiting_since = now;
    }
    let waited = now.saturating_sub(record.waiting_since);
    record.look_at = now.saturating_add((waited / 2).clamp(LOOKS.0, LOOKS.1));
}

fn keep(record: &mut Return, sale: &Sale) {
    let kept = Bought {
        order_id: sale.order_id.clone(),
        number: sale.number.clone(),
        channel: sale.channel.clone(),
        channel_order_id: sale.channel_order_id.clone(),
        erp: sale.erp.clone(),
        currency: sale.currency.clone(),
        customer_id: sale.customer_id.clone(),
        sales_order: sale.sales_order.clone(),
        invoices: sale.bills.iter().map(|bill| bill.record.clone()).collect(),
        tender: sale.tender.clone(),
        given_back: false,
    };
    // Whatever was claimed meanwhile is to be given back when the return was cancelled.
    if record.state() == State::Cancelled {
        record.set_state(State::Cancelling);
    }
    match record.orders.iter_mut().find(|known| known.order_id == sale.order_id) {
        Some(known) => *known = kept,
        None => record.orders.push(kept),
    }
    if record.customer_id.is_empty() {
        record.customer_id.clone_from(&sale.customer_id);
    }
}

/// Puts lines that may come back into parts, once no other line is being settled at this moment: lines that wait for
/// their order or for a person hold up nobody, and get a part of their own later.
pub(crate) fn authorize(record: &mut Return) {
    let undone = matches!(record.state(), State::Cancelling | State::Cancelled);
    if undone || record.lines.iter().any(Line::is_being_settled) {
        return;
    }
    let first_new = record.parts.len();
    let unplaced = |line: &&Line| line.stage() == Stage::Claimed && line.part == 0;
    while let Some(line) = record.lines.iter().find(unplaced).cloned() {
        let number = i32::try_from(record.parts.len()).unwrap_or(i32::MAX).saturating_add(1);
        let invoices = record.bought(&line.order_id).map(|order| order.invoices.clone()).unwrap_or_default();
        record.parts.push(Part {
            number,
            id: format!("{}/{number}", record.id),
            order_id: line.order_id.clone(),
            invoice: invoices.into_iter().find(|invoice| invoice.id == line.invoice),
            ..Part::default()
        });
        let together = |other: &&mut Line| {
            let same = other.order_id == line.order_id && other.invoice == line.invoice;
            same && other.stage() == Stage::Claimed && other.part == 0
        };
        record.lines.iter_mut().filter(together).for_each(|line| line.part = number);
    }
    if record.rma.is_empty() && !record.parts.is_empty() {
        record.rma = rma::number(&record.id);
    }
    if record.given.is_some() {
        let new: Vec<i32> = record.parts.iter().skip(first_new).map(|part| part.number).collect();
        new.into_iter().for_each(|number| arrive_at_shop(record, number));
    }
}

/// The shop has said what became of the goods, so nothing is awaited: what it put back is taken in, the rest is taken
/// in as lost, because an ERP credits only what it has received.
fn arrive_at_shop(record: &mut Return, part: i32) {
    let Some(given) = record.given.clone() else { return };
    let Some(goods) = record.part(part) else { return };
    let lines = record.lines_of(goods).filter(|line| !line.is_charge).map(|line| ReceiptLine {
        number: line.number,
        quantity: line.authorized,
        disposition: i32::from(if line.restocked { Disposition::Restock } else { Disposition::Discard }),
    });
    let arrival = Arrival {
        source: given.record.map(|record| record.id).unwrap_or_default(),
        received_at: given.at,
        lines: lines.collect(),
        ..Arrival::default()
    };
    arrive(record, &arrival);
}

#[cfg(test)]
#[path = "settling_tests.rs"]
mod tests;
