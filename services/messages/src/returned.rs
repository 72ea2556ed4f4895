//! What a return says to have happened that its customer may be told of. Pure, like `facts.rs`.

use retail_proto::returns::v1::{Return, ReturnCapture, ReturnReceipt, ReturnState};

use crate::facts::Fact;
use crate::occasion::Occasion;
use crate::words::millis;

/// Everything a return says to have happened, in the order of the business.
pub(crate) fn of_return(record: &Return) -> Vec<Fact> {
    let began = millis(record.requested_at.as_ref());
    let mut facts = Vec::new();
    if is_authorized(record.state()) && !record.rma_number.is_empty() {
        let decided = record.capture() == ReturnCapture::Fact;
        let silent = if decided { "whoever decided it has told the customer" } else { "" };
        facts.push(Fact { silent, ..Fact::new(Occasion::ReturnAuthorized, "authorized", began) });
    }
    for receipt in receipts(record) {
        let at = Some(millis(receipt.received_at.as_ref())).filter(|at| *at > 0);
        let id = format!("received/{}", receipt.receipt_id);
        // What came back to several invoices at once has a receipt in each part.
        if !facts.iter().any(|fact| fact.id == id) {
            facts.push(Fact { at, ..Fact::new(Occasion::ReturnReceived, id, began) });
        }
    }
    let refunded = record.parts.iter().filter(|part| part.refund.is_some());
    let silent = if record.notify_customer { "the shop was asked to tell the customer" } else { "" };
    facts.extend(refunded.map(|part| {
        let id = format!("refunded/{}", part.part_id);
        Fact { silent, ..Fact::new(Occasion::Refunded, id, began) }
    }));
    facts
}

/// Receipts of all parts.
pub(crate) fn receipts(record: &Return) -> impl Iterator<Item = &ReturnReceipt> {
    record.parts.iter().flat_map(|part| &part.receipts)
}

/// The order that a return is of, as far as one message can name it: our id, and the number the customer knows.
pub(crate) fn order_of(record: &Return) -> (&str, &str) {
    let lines = record.lines.iter().map(|line| (line.order_id.as_str(), line.order_number.as_str()));
    let parts = record.parts.iter().map(|part| (part.order_id.as_str(), part.order_number.as_str()));
    parts.chain(lines).find(|(id, _)| !id.is_empty()).unwrap_or(("", ""))
}

fn is_authorized(state: ReturnState) -> bool {
    match state {
        ReturnState::Authorized | ReturnState::PartlyReceived | ReturnState::Received | ReturnState::Completed => true,
        ReturnState::Unspecified
        | ReturnState::Requested
        | ReturnState::Held
        | ReturnState::Cancelling
        | ReturnState::Cancelled
        | ReturnState::Refused => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{authorized, received, refunded};

    fn ids(record: &Return) -> Vec<String> {
        of_return(record).into_iter().map(|fact| fact.id).collect()
    }

    #[test]
    fn a_return_tells_its_authorization_each_receipt_and_each_refund() {
        assert_eq!(ids(&authorized()), ["authorized"]);
        assert_eq!(ids(&received()), ["authorized", "received/w1"]);
        assert_eq!(ids(&refunded()), ["authorized", "received/w1", "refunded/p1"]);
    }

    #[test]
    fn a_receipt_in_several_parts_is_one_fact() {
        let mut record = received();
        let again = record.parts[0].clone();
        record.parts.push(again);
        assert_eq!(ids(&record), ["authorized", "received/w1"]);
    }

    #[test]
    fn what_was_decided_elsewhere_is_not_told_as_news() {
        let record = Return { capture: i32::from(ReturnCapture::Fact), ..authorized() };
        assert_ne!(of_return(&record)[0].silent, "");
    }

    #[test]
    fn what_is_still_being_settled_has_nothing_to_tell() {
        assert!(ids(&Return { state: i32::from(ReturnState::Requested), ..authorized() }).is_empty());
        assert!(ids(&Return { rma_number: String::new(), ..authorized() }).is_empty());
    }
}
