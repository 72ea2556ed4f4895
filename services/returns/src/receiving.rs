//! Goods come back: receipts of the warehouse, the store or the shop are put down part by part and location by
//! location. Pure.

use std::collections::BTreeMap;

use retail_proto::Quantity;

use crate::fault::Error;
use crate::part::{Disposition, Receipt, ReceiptLine};
use crate::record::{Return, State};

/// What has come, as its source says it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Arrival {
    /// The source's own id of the receipt.
    pub(crate) source: String,
    /// Digest of what the source said.
    pub(crate) digest: Vec<u8>,
    /// Milliseconds since 1970.
    pub(crate) received_at: i64,
    /// Location; empty is where each line was shipped from.
    pub(crate) location: String,
    pub(crate) lines: Vec<ReceiptLine>,
}

/// Takes a receipt in, after a look at whether it may be. Repeating it changes nothing; no lines means all that is
/// awaited, restocked.
pub(crate) fn receive(record: &mut Return, arrival: &Arrival) -> Result<(), Error> {
    let mut known = record.parts.iter().flat_map(|part| &part.receipts);
    if let Some(same) = known.find(|receipt| !receipt.digest.is_empty() && receipt.source == arrival.source) {
        let repeated = same.digest == arrival.digest;
        let id = record.id.clone();
        return if repeated { Ok(()) } else { Err(Error::OtherReceipt { id, receipt: arrival.source.clone() }) };
    }
    may_receive(record)?;
    let awaited = record.lines.iter().map(|line| (line.number, record.awaited(line)));
    let awaited: BTreeMap<i32, i64> = awaited.filter(|(_, quantity)| *quantity > 0).collect();
    let mut arrival = arrival.clone();
    if arrival.lines.is_empty() {
        let all = awaited.iter().map(|(number, quantity)| ReceiptLine {
            number: *number,
            quantity: *quantity,
            disposition: i32::from(Disposition::Restock),
        });
        arrival.lines = all.collect();
    }
    let mut left = awaited;
    for line in &arrival.lines {
        let free = left.entry(line.number).or_insert(0);
        if line.quantity > *free {
            return Err(Error::MoreThanAwaited {
                id: record.id.clone(),
                line: line.number,
                awaited: Quantity::from_millionths(*free).to_string(),
            });
        }
        *free = free.saturating_sub(line.quantity);
    }
    if arrival.lines.is_empty() {
        return Err(Error::NothingAwaited { id: record.id.clone() });
    }
    arrive(record, &arrival);
    Ok(())
}

fn may_receive(record: &Return) -> Result<(), Error> {
    let id = record.id.clone();
    match record.state() {
        State::Requested | State::Held => Err(Error::NotAuthorized { id }),
        State::Completed | State::Cancelling | State::Cancelled | State::Refused => Err(Error::Ended { id }),
        State::Authorized | State::PartlyReceived | State::Received => Ok(()),
    }
}

/// What becomes of goods in the ERP's books: an ERP posts what is sold again and what is not apart, and what is
/// rejected not at all.
fn fate(line: &ReceiptLine) -> u8 {
    match line.disposition() {
        Disposition::Restock => 0,
        Disposition::Quarantine | Disposition::Discard => 1,
        Disposition::Reject => 2,
    }
}

/// Puts what has come down, one receipt per part, location and fate.
pub(crate) fn arrive(record: &mut Return, arrival: &Arrival) {
    let mut by_place: BTreeMap<(i32, String, u8), Vec<ReceiptLine>> = BTreeMap::new();
    for come in &arrival.lines {
        let Some(line) = record.line(come.number).filter(|line| line.part != 0) else { continue };
        let location = if arrival.location.is_empty() { &line.location } else { &arrival.location };
        by_place.entry((line.part, location.clone(), fate(come))).or_default().push(come.clone());
    }
    for ((part, location, _), lines) in by_place {
        let Some(part) = record.part_mut(part) else { continue };
        let number = part.receipts.len().saturating_add(1);
        part.receipts.push(Receipt {
            id: format!("{}/receipt-{number}", part.id),
            source: arrival.source.clone(),
            digest: arrival.digest.clone(),
            received_at: arrival.received_at,
            location,
            lines,
            document: None,
            restocked: false,
        });
    }
}

/// Ends the waiting for goods that will not come. Ending it twice changes nothing.
pub(crate) fn close(record: &mut Return, reason: &str) -> Result<(), Error> {
    may_receive(record)?;
    let awaiting: Vec<i32> =
        record.lines.iter().filter(|line| record.awaited(line) > 0).map(|line| line.part).collect();
    for part in record.parts.iter_mut().filter(|part| awaiting.contains(&part.number)) {
        part.closing = true;
        reason.clone_into(&mut record.cause);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::authorized;

    fn arrival(source: &str, lines: &[(i32, i64, Disposition)]) -> Arrival {
        let line = |(number, units, disposition): &(i32, i64, Disposition)| ReceiptLine {
            number: *number,
            quantity: units * 1_000_000,
            disposition: i32::from(*disposition),
        };
        let lines = lines.iter().map(line).collect();
        Arrival { source: source.into(), digest: source.into(), lines, ..Arrival::default() }
    }

    #[test]
    fn the_same_receipt_twice_is_one_receipt() {
        let mut record = authorized(&[6, 2]);
        receive(&mut record, &arrival("dock-1", &[(1, 4, Disposition::Restock)])).unwrap();
        let once = record.clone();
        receive(&mut record, &arrival("dock-1", &[(1, 4, Disposition::Restock)])).unwrap();
        assert_eq!(record, once);
    }

    #[test]
    fn a_receipt_that_names_no_lines_takes_in_all_that_is_awaited() {
        let mut record = authorized(&[6, 2]);
        receive(&mut record, &arrival("dock-1", &[(1, 4, Disposition::Restock)])).unwrap();
        receive(&mut record, &arrival("dock-2", &[])).unwrap();
        assert!(record.lines.iter().all(|line| record.awaited(line) == 0));
        assert_eq!(record.received(&record.lines[0]), 6_000_000);
    }

    #[test]
    fn more_than_is_awaited_is_refused_with_what_is() {
        let mut record = authorized(&[6]);
        let error = receive(&mut record, &arrival("dock-1", &[(1, 7, Disposition::Restock)])).unwrap_err();
        insta::assert_snapshot!(error, @"return r-1 awaits 6 of line 1; more has not been authorized");
    }

    #[test]
    fn rejected_goods_have_come_back_and_are_not_accepted() {
        let mut record = authorized(&[6]);
        receive(&mut record, &arrival("dock-1", &[(1, 2, Disposition::Reject), (1, 4, Disposition::Discard)])).unwrap();
        let line = &record.lines[0];
        assert_eq!((record.received(line), record.accepted(line)), (6_000_000, 4_000_000));
    }

    #[test]
    fn what_is_closed_is_not_awaited() {
        let mut record = authorized(&[6]);
        close(&mut record, "the customer kept it").unwrap();
        assert_eq!(record.awaited(&record.lines[0]), 0);
    }
}
