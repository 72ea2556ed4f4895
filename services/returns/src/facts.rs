//! What the ERP says of its return is taken over as fact: its document, receipts of its own people, closing, credit
//! memos and refunds of ours whose answers were lost. Pure; taking the same state over twice changes nothing.

use std::collections::BTreeMap;

use retail_proto::erp::v1 as erp;

use crate::line::Line;
use crate::part::{Disposition, Receipt, ReceiptLine, owner_of};
use crate::record::Return;
use crate::sale::millionths;

/// Takes the ERP's state of one part over. Answers whether anything changed. `now` is in milliseconds.
pub(crate) fn take(record: &mut Return, told: &erp::SalesReturn, now: i64) -> bool {
    let Some((_, number)) = owner_of(&told.external_ref) else { return false };
    let Some(part) = record.part(number).filter(|part| part.id == told.external_ref) else { return false };
    if !told.etag.is_empty() && told.etag == part.erp_etag {
        return false;
    }
    let before = record.clone();
    for said in &told.receipts {
        receipt(record, number, said, now);
    }
    if let Some(part) = record.part_mut(number) {
        if part.return_authorization.is_none() {
            part.return_authorization.clone_from(&told.document);
        }
        part.erp_closed |= told.state() == erp::SalesReturnState::Closed;
        let (credit_id, refund_id) = (part.credit_id(), part.refund_document_id());
        let memo = told.credit_memos.iter().find(|memo| memo.external_ref == credit_id);
        if let (Some(memo), true) = (memo, part.credit_memo.is_none()) {
            part.credit_memo.clone_from(&memo.document);
        }
        let refund = told.refunds.iter().find(|refund| refund.external_ref == refund_id);
        if let (Some(refund), true) = (refund, part.refund_document.is_none()) {
            part.refund_document.clone_from(&refund.document);
        }
    }
    record.advance();
    // The stamp alone is not a change that anybody sees, and not worth a commit.
    let changed = *record != before;
    if let (true, Some(part)) = (changed, record.part_mut(number)) {
        part.erp_etag.clone_from(&told.etag);
    }
    changed
}

/// True when nothing of one of our receipts is left to be posted once this is taken over: the ERP's people were faster.
pub(crate) fn is_overtaken(record: &Return, told: &erp::SalesReturn, part: i32, receipt: &str) -> bool {
    let mut after = record.clone();
    take(&mut after, told, 0);
    let posted = after.part(part).and_then(|part| part.receipts.iter().find(|known| known.id == receipt));
    posted.is_some_and(|receipt| !receipt.is_to_be_posted())
}

/// A receipt that we posted is known by its id; one that the ERP's people posted is goods that came back.
fn receipt(record: &mut Return, number: i32, said: &erp::Receipt, now: i64) {
    let Some(document) = &said.document else { return };
    let Some(part) = record.part_mut(number) else { return };
    if let Some(ours) = part.receipts.iter_mut().find(|one| one.id == said.external_ref) {
        ours.document.get_or_insert_with(|| document.clone());
        return;
    }
    let known = |one: &Receipt| one.document.as_ref().is_some_and(|known| known.id == document.id);
    if part.receipts.iter().any(known) {
        return;
    }
    let mut by_location: BTreeMap<String, Vec<ReceiptLine>> = BTreeMap::new();
    for line in &said.lines {
        let disposition = if line.restock { Disposition::Restock } else { Disposition::Quarantine };
        let come = spread(record, number, line.line_number, millionths(&line.quantity));
        let lines = come.into_iter().map(|(number, quantity)| ReceiptLine {
            number,
            quantity,
            disposition: i32::from(disposition),
        });
        by_location.entry(line.location.clone()).or_default().extend(lines);
    }
    let Some(part) = record.part_mut(number) else { return };
    for (location, lines) in by_location.into_iter().filter(|(_, lines)| !lines.is_empty()) {
        part.receipts.push(Receipt {
            id: format!("{}/erp-{}@{location}", part.id, document.id),
            source: document.id.clone(),
            received_at: arrived_at(&said.date).unwrap_or(now),
            location,
            lines,
            document: Some(document.clone()),
            ..Receipt::default()
        });
    }
    give_way(record, number);
}

/// Goods that both we and the ERP's people were told of are the same goods: what was recorded here and is not in the
/// ERP's books yet gives way as far as more would have come back than is awaited.
fn give_way(record: &mut Return, part: i32) {
    let Some(of_part) = record.part(part) else { return };
    let over = |line: &Line| (line.number, record.received(line).saturating_sub(line.authorized).max(0));
    let mut over: BTreeMap<i32, i64> = record.lines_of(of_part).map(over).collect();
    let Some(part) = record.part_mut(part) else { return };
    for receipt in part.receipts.iter_mut().filter(|receipt| receipt.is_to_be_posted()) {
        for line in receipt.lines.iter_mut().filter(|line| line.disposition() != Disposition::Reject) {
            let over = over.entry(line.number).or_default();
            let less = line.quantity.min(*over);
            line.quantity = line.quantity.saturating_sub(less);
            *over = over.saturating_sub(less);
        }
        receipt.lines.retain(|line| line.quantity > 0);
    }
}

/// The ERP knows order lines; ours may have split one. They fill up in order, and the last takes what is over.
fn spread(record: &Return, part: i32, order_line: i32, quantity: i64) -> Vec<(i32, i64)> {
    let Some(part) = record.part(part) else { return Vec::new() };
    let lines: Vec<_> = record.lines_of(part).filter(|line| line.order_line == order_line).collect();
    let (mut left, last) = (quantity, lines.last().map(|line| line.number));
    let mut spread = Vec::new();
    for line in lines {
        let free = line.authorized.saturating_sub(record.received(line)).max(0);
        let take = if Some(line.number) == last { left } else { free.min(left) };
        left = left.saturating_sub(take);
        if take > 0 {
            spread.push((line.number, take));
        }
    }
    spread
}

/// The ERP tells days, not moments.
fn arrived_at(day: &str) -> Option<i64> {
    let midnight: retail_runtime::Timestamp = format!("{day}T00:00:00Z").parse().ok()?;
    Some(midnight.as_millisecond())
}

#[cfg(test)]
mod tests {
    use retail_proto::types::v1::Ref;

    use super::*;
    use crate::record::State;
    use crate::testing::authorized;

    fn record_of(kind: &str, id: &str) -> Option<Ref> {
        Some(Ref { kind: "erp".into(), instance: "erp".into(), r#type: kind.into(), id: id.into(), ..Ref::default() })
    }

    fn received(record: &Return, external_ref: &str, units: i64) -> erp::SalesReturn {
        let line = |line_number: i32| erp::ReceiptLine {
            line_number,
            quantity: units.to_string(),
            restock: true,
            location: "MAIN".into(),
        };
        erp::SalesReturn {
            external_ref: record.parts[0].id.clone(),
            document: record_of("returnAuthorization", "1"),
            etag: format!("e{units}"),
            receipts: vec![erp::Receipt {
                document: record_of("itemReceipt", "2"),
                external_ref: external_ref.into(),
                lines: vec![line(1)],
                date: "2011-06-01".into(),
            }],
            ..erp::SalesReturn::default()
        }
    }

    #[test]
    fn goods_that_the_erp_received_have_come_back_once() {
        let mut record = authorized(&[6]);
        let told = received(&record, "", 4);
        assert!(take(&mut record, &told, 0));
        let mut again = told;
        again.etag = "other".into();
        assert!(!take(&mut record, &again, 0));
        assert_eq!(record.received(&record.lines[0]), 4_000_000);
        assert_eq!(record.state(), State::PartlyReceived);
    }

    #[test]
    fn a_receipt_that_we_posted_is_not_counted_twice() {
        let mut record = authorized(&[6]);
        let all = crate::receiving::Arrival { source: "dock-1".into(), ..Default::default() };
        crate::receiving::receive(&mut record, &all).unwrap();
        let ours = record.parts[0].receipts[0].id.clone();
        let told = received(&record, &ours, 6);
        take(&mut record, &told, 0);
        assert_eq!(record.received(&record.lines[0]), 6_000_000);
        assert!(record.parts[0].receipts[0].document.is_some());
    }

    #[test]
    fn goods_that_the_erps_people_received_meanwhile_are_not_posted_again() {
        let mut record = authorized(&[6]);
        let all = crate::receiving::Arrival { source: "dock-1".into(), ..Default::default() };
        crate::receiving::receive(&mut record, &all).unwrap();
        let four = received(&record, "", 4);
        take(&mut record, &four, 0);
        assert_eq!(record.received(&record.lines[0]), 6_000_000);
        assert!(record.parts[0].receipts[0].is_to_be_posted(), "two pieces are not in the ERP's books");
        let mut rest = received(&record, "", 2);
        rest.receipts[0].document = record_of("itemReceipt", "3");
        take(&mut record, &rest, 0);
        assert_eq!(record.received(&record.lines[0]), 6_000_000);
        assert!(record.parts[0].receipts[0].is_done());
    }

    #[test]
    fn a_return_closed_in_the_erp_is_awaited_no_longer() {
        let mut record = authorized(&[6]);
        let mut told = received(&record, "", 4);
        told.receipts.clear();
        told.set_state(erp::SalesReturnState::Closed);
        take(&mut record, &told, 0);
        assert_eq!(record.awaited(&record.lines[0]), 0);
    }
}
