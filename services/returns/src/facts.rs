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
    // Ours first: what lies in the ERP's books gives way to nothing.
    let is_ours = |said: &&erp::Receipt| part.receipts.iter().any(|one| one.id == said.external_ref);
    let (ours, theirs): (Vec<_>, Vec<_>) = told.receipts.iter().partition(is_ours);
    for said in ours {
        bind(record, number, said);
    }
    for said in theirs {
        receipt(record, number, said, now);
    }
    give_way(record, number);
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

/// True when less of one of our receipts is left to be posted once this is taken over: the ERP's people were faster.
pub(crate) fn is_overtaken(record: &Return, told: &erp::SalesReturn, part: i32, receipt: &str) -> bool {
    let left = |record: &Return| {
        let receipt = record.part(part)?.receipts.iter().find(|known| known.id == receipt)?;
        Some(receipt.lines.iter().filter(|_| receipt.is_to_be_posted()).map(|line| line.quantity).sum::<i64>())
    };
    let mut after = record.clone();
    take(&mut after, told, 0);
    left(&after) < left(record)
}

/// The ERP has taken in one of our receipts, as it says.
pub(crate) fn posted(record: &mut Return, part: i32, said: &erp::Receipt) {
    bind(record, part, said);
    give_way(record, part);
}

/// A receipt that we posted is known by its id. What the ERP took in of it counts: it may have given way here, to goods
/// that the ERP's people took in, while the ERP was taking in the whole of it.
fn bind(record: &mut Return, number: i32, said: &erp::Receipt) {
    let Some(ours) = ours_of(record, number, said).filter(|ours| ours.document.is_none()) else { return };
    ours.document.clone_from(&said.document);
    let before = ours.lines.clone();
    if said.document.is_none() || said.lines.is_empty() || by_order_line(record, &before) == by_order_line_said(said) {
        return;
    }
    // What the ERP took in comes instead of what it was to take in.
    ours_of(record, number, said).into_iter().for_each(|ours| ours.lines.clear());
    let mut lines: Vec<ReceiptLine> =
        on_our_lines(record, number, &said.lines).into_iter().map(|(_, line)| line).collect();
    for line in &mut lines {
        // The ERP knows what is sold again, and not whether the rest is kept aside or thrown away.
        if let Some(known) = before.iter().find(|known| known.number == line.number) {
            line.disposition = known.disposition;
        }
    }
    ours_of(record, number, said).into_iter().for_each(|ours| ours.lines.clone_from(&lines));
}

fn ours_of<'a>(record: &'a mut Return, number: i32, said: &erp::Receipt) -> Option<&'a mut Receipt> {
    record.part_mut(number)?.receipts.iter_mut().find(|one| one.id == said.external_ref)
}

/// A receipt that the ERP's people posted is goods that came back.
fn receipt(record: &mut Return, number: i32, said: &erp::Receipt, now: i64) {
    let (Some(document), Some(part)) = (&said.document, record.part(number)) else { return };
    let known = |one: &Receipt| one.document.as_ref().is_some_and(|known| known.id == document.id);
    if part.receipts.iter().any(known) {
        return;
    }
    let mut by_location: BTreeMap<String, Vec<ReceiptLine>> = BTreeMap::new();
    for (location, line) in on_our_lines(record, number, &said.lines) {
        by_location.entry(location).or_default().push(line);
    }
    let Some(part) = record.part_mut(number) else { return };
    for (location, lines) in by_location {
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

/// What the ERP took in, on our lines, with where. The ERP knows order lines; ours may have split one. They fill up in
/// order, and the last takes what is over.
fn on_our_lines(record: &Return, part: i32, said: &[erp::ReceiptLine]) -> Vec<(String, ReceiptLine)> {
    let Some(part) = record.part(part) else { return Vec::new() };
    let free = |line: &Line| (line.number, line.authorized.saturating_sub(record.received(line)).max(0));
    let mut free: BTreeMap<i32, i64> = record.lines_of(part).map(free).collect();
    let mut taken_in = Vec::new();
    for said in said {
        let disposition = if said.restock { Disposition::Restock } else { Disposition::Quarantine };
        let lines: Vec<i32> =
            record.lines_of(part).filter(|line| line.order_line == said.line_number).map(|line| line.number).collect();
        let mut left = millionths(&said.quantity);
        for number in &lines {
            let free = free.entry(*number).or_default();
            let quantity = if Some(number) == lines.last() { left } else { left.min(*free) };
            left = left.saturating_sub(quantity);
            *free = free.saturating_sub(quantity).max(0);
            if quantity > 0 {
                let line = ReceiptLine { number: *number, quantity, disposition: i32::from(disposition) };
                taken_in.push((said.location.clone(), line));
            }
        }
    }
    taken_in
}

fn by_order_line(record: &Return, lines: &[ReceiptLine]) -> BTreeMap<i32, i64> {
    sums(lines.iter().filter_map(|come| Some((record.line(come.number)?.order_line, come.quantity))))
}

fn by_order_line_said(said: &erp::Receipt) -> BTreeMap<i32, i64> {
    sums(said.lines.iter().map(|line| (line.line_number, millionths(&line.quantity))))
}

fn sums(quantities: impl Iterator<Item = (i32, i64)>) -> BTreeMap<i32, i64> {
    let mut sums = BTreeMap::new();
    for (line, quantity) in quantities {
        let sum: &mut i64 = sums.entry(line).or_default();
        *sum = sum.saturating_add(quantity);
    }
    sums
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
    use crate::receiving::{Arrival, receive};
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
        let all = Arrival { source: "dock-1".into(), ..Default::default() };
        receive(&mut record, &all).unwrap();
        let ours = record.parts[0].receipts[0].id.clone();
        let told = received(&record, &ours, 6);
        take(&mut record, &told, 0);
        assert_eq!(record.received(&record.lines[0]), 6_000_000);
        assert!(record.parts[0].receipts[0].document.is_some());
    }

    #[test]
    fn goods_that_the_erps_people_received_meanwhile_are_not_posted_again() {
        let mut record = authorized(&[6]);
        let all = Arrival { source: "dock-1".into(), ..Default::default() };
        receive(&mut record, &all).unwrap();
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
    fn what_the_erp_took_in_of_a_receipt_of_ours_counts_although_it_had_given_way() {
        let mut record = authorized(&[6]);
        for source in ["dock-1", "dock-2"] {
            let lines = vec![ReceiptLine { number: 1, quantity: 3_000_000, ..Default::default() }];
            let three = Arrival { source: source.into(), digest: source.into(), lines, ..Default::default() };
            receive(&mut record, &three).unwrap();
        }
        let ours = record.parts[0].receipts[0].id.clone();
        // The first is on its way when a reading without it is taken over.
        let told = received(&record, "", 2);
        take(&mut record, &told, 0);
        assert_eq!(record.parts[0].receipts[0].lines[0].quantity, 1_000_000);
        let mut posted_whole = received(&record, &ours, 3).receipts.remove(0);
        posted_whole.document = record_of("itemReceipt", "3");
        posted(&mut record, 1, &posted_whole);
        let quantities: Vec<i64> =
            record.parts[0].receipts.iter().flat_map(|one| &one.lines).map(|line| line.quantity).collect();
        assert_eq!(quantities, [3_000_000, 1_000_000, 2_000_000], "the second gives way instead");
    }

    #[test]
    fn an_order_line_that_is_two_of_ours_fills_them_up_one_behind_the_other() {
        let mut record = authorized(&[2, 3]);
        record.lines[1].order_line = record.lines[0].order_line;
        let mut told = received(&record, "", 2);
        let aside = erp::ReceiptLine { restock: false, ..told.receipts[0].lines[0].clone() };
        told.receipts[0].lines.push(aside);
        take(&mut record, &told, 0);
        let came: Vec<i64> = record.lines.iter().map(|line| record.accepted(line)).collect();
        assert_eq!(came, [2_000_000, 2_000_000]);
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
