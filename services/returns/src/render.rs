//! The return as callers see it.

use std::collections::BTreeMap;

use retail_proto::returns::v1 as pb;
use retail_proto::timestamp;
use retail_proto::types::v1::Money;

use crate::ask::quantity;
use crate::line::{Condition, Line, Rule, Stage};
use crate::part::{Disposition, Part, Receipt};
use crate::record::{Capture, Return, State};

impl From<&Return> for pb::Return {
    fn from(record: &Return) -> Self {
        Self {
            return_id: record.id.clone(),
            rma_number: record.rma.clone(),
            capture: i32::from(match record.capture() {
                Capture::Request => pb::ReturnCapture::Request,
                Capture::Fact => pb::ReturnCapture::Fact,
            }),
            state: i32::from(state(record.state())),
            status: record.status().to_owned(),
            next: record.next_words(),
            parked: record.parked,
            cause: record.cause.clone(),
            channel: record.channel.clone(),
            source: record.source.clone(),
            source_return_id: record.source_return_id.clone(),
            customer_id: record.customer_id.clone(),
            requested_at: Some(timestamp(record.requested_at)),
            updated_at: Some(timestamp(record.updated_at)),
            lines: record.lines.iter().map(|one| line(record, one)).collect(),
            parts: record.parts.iter().map(|one| part(record, one)).collect(),
            case_record: record.case_record.clone(),
            credited: sums(record, |part| {
                part.credit_memo.as_ref().and(part.settlement.as_ref()).map_or(0, |it| it.credited)
            }),
            refunded: sums(record, Part::refunded),
            open_exceptions: i32::try_from(record.open_exceptions()).unwrap_or(i32::MAX),
            note: record.note.clone(),
            attributes: record.attributes.clone().into_iter().collect(),
            version: record.version,
            trace_id: record.traceparent.split('-').nth(1).unwrap_or_default().to_owned(),
            notify_customer: record.notify,
        }
    }
}

fn line(record: &Return, line: &Line) -> pb::ReturnLine {
    let of_part = record.part(line.part);
    let mut receipts = of_part.iter().flat_map(|part| &part.receipts).flat_map(|receipt| &receipt.lines);
    let last = receipts.rfind(|one| one.number == line.number);
    pb::ReturnLine {
        number: line.number,
        input_number: line.input_number,
        order_id: line.order_id.clone(),
        order_number: line.order_number.clone(),
        order_line_number: line.order_line,
        sku: line.sku.clone(),
        is_charge: line.is_charge,
        requested: quantity(line.requested),
        authorized: quantity(line.authorized),
        received: quantity(record.received(line)),
        accepted: quantity(record.accepted(line)),
        credited: quantity(record.credited(line)),
        refunded: quantity(record.refunded(line)),
        amount: money(line.amount, &line.currency),
        reason: line.reason.clone(),
        condition: i32::from(match line.condition() {
            Condition::New => pb::Condition::New,
            Condition::Used => pb::Condition::Used,
            Condition::Damaged => pb::Condition::Damaged,
        }),
        disposition: i32::from(last.map_or(pb::Disposition::Unspecified, |one| disposition(one.disposition()))),
        cause: if line.is_exception() { line.cause.clone() } else { String::new() },
        cause_detail: if line.is_exception() { line.cause_detail.clone() } else { String::new() },
        rules: line.rules.iter().map(rule).collect(),
        dismissed: line.stage() == Stage::Dismissed,
    }
}

fn part(record: &Return, part: &Part) -> pb::ReturnPart {
    let order = record.bought(&part.order_id);
    let currency = order.map(|order| order.currency.as_str()).unwrap_or_default();
    let settled = part.settlement.as_ref().filter(|_| part.credit_memo.is_some());
    pb::ReturnPart {
        part_id: part.id.clone(),
        order_id: part.order_id.clone(),
        order_number: order.map(|order| order.number.clone()).unwrap_or_default(),
        invoice: part.invoice.clone(),
        return_authorization: part.return_authorization.clone(),
        receipts: part.receipts.iter().filter(|receipt| !receipt.lines.is_empty()).map(receipt).collect(),
        credit_memo: part.credit_memo.clone(),
        credited: settled.and_then(|settled| money(settled.credited, currency)),
        refund: part.refund.as_ref().filter(|refund| !refund.failed).and_then(|refund| refund.record.clone()),
        refunded: if part.refunded() > 0 { money(part.refunded(), currency) } else { None },
        refund_document: part.refund_document.clone(),
        erp: order.map(|order| order.erp.clone()).unwrap_or_default(),
    }
}

fn receipt(receipt: &Receipt) -> pb::ReturnReceipt {
    pb::ReturnReceipt {
        receipt_id: receipt.id.clone(),
        received_at: Some(timestamp(receipt.received_at)),
        location: receipt.location.clone(),
        lines: receipt
            .lines
            .iter()
            .map(|line| pb::ReturnReceiptLine {
                number: line.number,
                quantity: quantity(line.quantity),
                disposition: i32::from(disposition(line.disposition())),
            })
            .collect(),
        document: receipt.document.clone(),
    }
}

/// A rule as callers see it.
pub(crate) fn rule(rule: &Rule) -> pb::RuleVerdict {
    pb::RuleVerdict {
        rule: rule.rule.clone(),
        passed: rule.passed,
        inputs: rule.inputs.clone().into_iter().collect(),
        detail: rule.detail.clone(),
    }
}

fn money(minor_units: i64, currency: &str) -> Option<Money> {
    (!currency.is_empty()).then(|| Money { minor_units, currency: currency.to_owned() })
}

fn sums(record: &Return, amount: impl Fn(&Part) -> i64) -> Vec<Money> {
    let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
    for part in &record.parts {
        let minor = amount(part);
        if let Some(order) = record.bought(&part.order_id).filter(|_| minor > 0) {
            let sum = sums.entry(order.currency.as_str()).or_insert(0);
            *sum = sum.saturating_add(minor);
        }
    }
    sums.into_iter().filter_map(|(currency, minor)| money(minor, currency)).collect()
}

fn disposition(disposition: Disposition) -> pb::Disposition {
    match disposition {
        Disposition::Restock => pb::Disposition::Restock,
        Disposition::Quarantine => pb::Disposition::Quarantine,
        Disposition::Discard => pb::Disposition::Discard,
        Disposition::Reject => pb::Disposition::Reject,
    }
}

/// Our word for the contract's disposition; what is not said is restocked.
pub(crate) fn known_disposition(said: pb::Disposition) -> Disposition {
    match said {
        pb::Disposition::Unspecified | pb::Disposition::Restock => Disposition::Restock,
        pb::Disposition::Quarantine => Disposition::Quarantine,
        pb::Disposition::Discard => Disposition::Discard,
        pb::Disposition::Reject => Disposition::Reject,
    }
}

fn state(state: State) -> pb::ReturnState {
    match state {
        State::Requested => pb::ReturnState::Requested,
        State::Held => pb::ReturnState::Held,
        State::Authorized => pb::ReturnState::Authorized,
        State::PartlyReceived => pb::ReturnState::PartlyReceived,
        State::Received => pb::ReturnState::Received,
        State::Completed => pb::ReturnState::Completed,
        State::Cancelling => pb::ReturnState::Cancelling,
        State::Cancelled => pb::ReturnState::Cancelled,
        State::Refused => pb::ReturnState::Refused,
    }
}

/// Our word for the contract's state; `None` for the unspecified one.
pub(crate) fn known_state(asked: pb::ReturnState) -> Option<State> {
    match asked {
        pb::ReturnState::Unspecified => None,
        pb::ReturnState::Requested => Some(State::Requested),
        pb::ReturnState::Held => Some(State::Held),
        pb::ReturnState::Authorized => Some(State::Authorized),
        pb::ReturnState::PartlyReceived => Some(State::PartlyReceived),
        pb::ReturnState::Received => Some(State::Received),
        pb::ReturnState::Completed => Some(State::Completed),
        pb::ReturnState::Cancelling => Some(State::Cancelling),
        pb::ReturnState::Cancelled => Some(State::Cancelled),
        pb::ReturnState::Refused => Some(State::Refused),
    }
}
