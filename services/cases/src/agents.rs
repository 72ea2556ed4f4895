//! What agents see of a return in their own system. Pure.

use prost::Message as _;
use retail_proto::crm::v1 as crm;
use retail_proto::returns::v1::{Return, ReturnState};
use sha2::{Digest as _, Sha256};

use crate::words::{distinct, number};

/// The return as the CRM is told.
pub(crate) fn context(record: &Return) -> crm::ReturnContext {
    let line = |line: &retail_proto::returns::v1::ReturnLine| crm::ReturnContextLine {
        number: line.number,
        sku: line.sku.clone(),
        requested: line.requested.clone(),
        received: line.received.clone(),
        reason: line.reason.clone(),
        cause: line.cause.clone(),
    };
    let memos = record.parts.iter().filter(|part| part.credit_memo.is_some());
    crm::ReturnContext {
        external_ref: record.return_id.clone(),
        rma_number: record.rma_number.clone(),
        customer_ref: record.customer_id.clone(),
        order_refs: orders(record),
        case_record: record.case_record.clone(),
        status: record.status.clone(),
        next: record.next.clone(),
        cause: cause(record),
        // Agents see one sum; a return over two currencies shows the first.
        credited: record.credited.first().cloned(),
        refunded: record.refunded.first().cloned(),
        credit_memo_numbers: memos.map(|part| number(part.credit_memo.as_ref()).to_owned()).collect(),
        requested_at: record.requested_at,
        lines: record.lines.iter().map(line).collect(),
        version: record.version,
    }
}

/// Our ids of the orders that a return is of.
pub(crate) fn orders(record: &Return) -> Vec<String> {
    let lines = record.lines.iter().map(|line| line.order_id.as_str());
    distinct(lines.chain(record.parts.iter().map(|part| part.order_id.as_str())))
}

/// A stamp that differs when agents would see a difference; empty while nothing is settled that they could tell anybody.
pub(crate) fn stamp(record: &Return) -> String {
    let is_passing = match record.state() {
        ReturnState::Unspecified | ReturnState::Requested | ReturnState::Cancelling => true,
        ReturnState::Held
        | ReturnState::Authorized
        | ReturnState::PartlyReceived
        | ReturnState::Received
        | ReturnState::Completed
        | ReturnState::Cancelled
        | ReturnState::Refused => false,
    };
    if is_passing && !record.parked && record.open_exceptions == 0 {
        return String::new();
    }
    let seen = crm::ReturnContext { version: 0, ..context(record) };
    Sha256::digest(seen.encode_to_vec()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn cause(record: &Return) -> String {
    if !record.cause.is_empty() {
        return record.cause.clone();
    }
    let waiting = record.lines.iter().find(|line| !line.cause.is_empty() && !line.dismissed);
    waiting.map(|line| format!("{}: {}", line.cause, line.cause_detail)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use retail_proto::returns::v1::ReturnLine;

    use super::*;

    fn record(state: ReturnState) -> Return {
        let line =
            |order_id: &str| ReturnLine { order_id: order_id.into(), sku: "85123A".into(), ..Default::default() };
        Return {
            return_id: "r-1".into(),
            state: i32::from(state),
            lines: vec![line("o-1"), line("o-1"), line("")],
            version: 3,
            ..Default::default()
        }
    }

    #[test]
    fn a_new_version_that_shows_nothing_new_is_not_told() {
        let before = record(ReturnState::Authorized);
        let after = Return { version: 4, trace_id: "t".into(), ..before.clone() };
        assert_eq!(stamp(&before), stamp(&after));
        assert_ne!(stamp(&before), stamp(&Return { rma_number: "R-1".into(), ..before.clone() }));
    }

    #[test]
    fn what_is_still_being_settled_is_not_told_unless_it_waits_for_a_person() {
        let settling = record(ReturnState::Requested);
        assert_eq!(stamp(&settling), "");
        assert_ne!(stamp(&Return { open_exceptions: 1, ..settling.clone() }), "");
        assert_ne!(stamp(&Return { parked: true, ..settling }), "");
    }

    #[test]
    fn an_order_is_named_once_however_many_lines_it_has() {
        assert_eq!(context(&record(ReturnState::Authorized)).order_refs, ["o-1"]);
    }
}
