//! What is said of transfers.

use std::collections::{BTreeMap, BTreeSet};

use retail_proto::Quantity;
use retail_proto::inventory::v1 as pb;
use retail_runtime::fault::{BadShape, Violations};
use retail_runtime::{Ids, Timestamp};
use sha2::{Digest as _, Sha256};

use super::{above_zero, cause, item_code, keyed, moment, number, or};
use crate::sync::instant;
use crate::transfer::{Coming, Leaving, Plan};

/// Most lines of a transfer.
const MAX_LINES: usize = 1_000;
/// Longest id: it is part of keys of the store and of external ids at the ERP.
const MAX_ID: usize = 150;
/// Longest id of a receipt, for the same reason.
const MAX_RECEIPT: usize = 40;

/// What is asked for: the plan, the unit of each line, and when it left, if it has.
pub(crate) type Asked = (Plan, Vec<String>, Option<(Timestamp, Leaving)>);

/// Goods to be moved.
pub(crate) fn plan(request: &pb::TransferStockRequest, home: &str, now: Timestamp) -> Result<Asked, BadShape> {
    let mut bad = Violations::default();
    keyed(&request.idempotency_key, &mut bad);
    let id = match request.transfer_id.as_str() {
        "" => Ids::derived("weft.transfer", &[&request.idempotency_key]).to_string(),
        given => given.to_owned(),
    };
    named(&id, &mut bad);
    let from = or(&request.from, home);
    bad.require("to", !request.to.is_empty(), "say where the goods go");
    bad.require("to", request.to != from, "the goods lie there already");
    bad.require("lines", (1..=MAX_LINES).contains(&request.lines.len()), "give 1 to 1,000");
    let mut seen = BTreeSet::new();
    let (mut lines, mut units) = (vec![], vec![]);
    for (line, place) in request.lines.iter().take(MAX_LINES).zip(0_usize..) {
        let at = |field: &str| format!("lines[{place}].{field}");
        let sku = item_code(&line.sku, &at("sku"), &mut bad);
        bad.require(&at("sku"), seen.insert(sku.clone()), "another line is of the same item; add them up");
        lines.push((sku, above_zero(&line.quantity, &at("quantity"), &mut bad)));
        units.push(line.unit.clone());
    }
    let expected_at = expected(request.expected_at.as_ref(), &mut bad);
    let left_at = request.left_at.as_ref().map(|at| moment(Some(at), "left_at", now, &mut bad));
    bad.check()?;
    let said =
        lines.iter().zip(&units).flat_map(|((sku, quantity), unit)| [sku.clone(), quantity.to_string(), unit.clone()]);
    let head = [expected_at.unwrap_or_default().to_string(), request.force.to_string(), request.reference.clone()];
    let digest = digest(head.into_iter().chain(said));
    let leaving = left_at.map(|left_at| {
        let key = request.idempotency_key.clone();
        (left_at, Leaving { key, lines: BTreeMap::new(), expected_at: None })
    });
    let plan = Plan {
        id,
        from,
        to: request.to.clone(),
        lines,
        expected_at: expected_at.unwrap_or_default(),
        force: request.force,
        reference: request.reference.clone(),
        digest,
        to_post: false,
    };
    Ok((plan, units, leaving))
}

/// Goods that have left: when, and what of them where it is not what was planned.
pub(crate) fn send(request: &pb::SendTransferRequest, now: Timestamp) -> Result<(Timestamp, Leaving), BadShape> {
    let mut bad = Violations::default();
    keyed(&request.idempotency_key, &mut bad);
    named(&request.transfer_id, &mut bad);
    let lines = quantities(&request.lines, &mut bad).into_iter().collect();
    let left_at = moment(request.left_at.as_ref(), "left_at", now, &mut bad);
    let expected_at = match &request.expected_at {
        None => None,
        Some(at) => expected(Some(at), &mut bad),
    };
    bad.check()?;
    Ok((left_at, Leaving { key: request.idempotency_key.clone(), lines, expected_at }))
}

/// Goods that have come.
pub(crate) fn receive(request: &pb::ReceiveTransferRequest, now: Timestamp) -> Result<(Timestamp, Coming), BadShape> {
    let mut bad = Violations::default();
    keyed(&request.idempotency_key, &mut bad);
    named(&request.transfer_id, &mut bad);
    let receipt = &request.receipt_id;
    let fits = (1..=MAX_RECEIPT).contains(&receipt.len()) && receipt.chars().all(|letter| letter.is_ascii_graphic());
    bad.require(
        "receipt_id",
        fits,
        "give the id of the receipt, 1 to 40 visible ASCII characters, the same at every repeat",
    );
    if !request.reason.is_empty() {
        cause(&request.reason, "LOST_ON_THE_ROAD", &mut bad);
    }
    let lines = quantities(&request.lines, &mut bad);
    let happened_at = moment(request.happened_at.as_ref(), "happened_at", now, &mut bad);
    bad.check()?;
    let said = lines.iter().flat_map(|(sku, quantity)| [sku.clone(), quantity.to_string()]);
    let head = [happened_at.as_millisecond().to_string(), request.complete.to_string(), request.reason.clone()];
    let digest = digest(head.into_iter().chain(said));
    let coming = Coming {
        receipt_id: request.receipt_id.clone(),
        lines,
        complete: request.complete,
        reason: request.reason.clone(),
        digest,
    };
    Ok((happened_at, coming))
}

/// A request that calls a transfer off.
pub(crate) fn cancel(request: &pb::CancelTransferRequest) -> Result<(), BadShape> {
    let mut bad = Violations::default();
    keyed(&request.idempotency_key, &mut bad);
    named(&request.transfer_id, &mut bad);
    bad.check()
}

/// Quantities of items, each item once; nothing of an item is a quantity, too.
fn quantities(given: &[pb::TransferQuantity], bad: &mut Violations) -> Vec<(String, Quantity)> {
    bad.require("lines", given.len() <= MAX_LINES, "give at most 1,000");
    let mut seen = BTreeSet::new();
    let mut lines = vec![];
    for (line, place) in given.iter().take(MAX_LINES).zip(0_usize..) {
        let at = |field: &str| format!("lines[{place}].{field}");
        let sku = item_code(&line.sku, &at("sku"), bad);
        bad.require(&at("sku"), seen.insert(sku.clone()), "another line is of the same item; add them up");
        let quantity = number(&line.quantity, &at("quantity"), bad);
        bad.require(&at("quantity"), !quantity.is_negative(), "less than nothing never moves");
        lines.push((sku, quantity));
    }
    lines
}

fn named(id: &str, bad: &mut Violations) {
    let plain = |letter: char| letter.is_ascii_graphic() && !matches!(letter, '/' | ':');
    let fits = (1..=MAX_ID).contains(&id.len()) && id.chars().all(plain);
    bad.require("transfer_id", fits, "give the id of the transfer, 1 to 150 visible ASCII characters but / and :");
}

fn expected(at: Option<&prost_types::Timestamp>, bad: &mut Violations) -> Option<i64> {
    let at = at.and_then(instant);
    bad.require("expected_at", at.is_some(), "say when the goods are expected to arrive; an RFC 3339 time");
    at.map(Timestamp::as_millisecond)
}

fn digest(parts: impl Iterator<Item = String>) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use retail_runtime::fault::Fault as _;

    use super::*;

    #[test]
    fn every_wrong_field_of_a_transfer_is_named() {
        let line = |sku: &str, quantity: &str| pb::TransferLine {
            sku: sku.into(),
            quantity: quantity.into(),
            ..Default::default()
        };
        let request = pb::TransferStockRequest {
            idempotency_key: "k".into(),
            transfer_id: "two words".into(),
            to: "MAIN".into(),
            lines: vec![line("a", "1"), line("A", "0")],
            ..Default::default()
        };
        let bad = plan(&request, "MAIN", Timestamp::UNIX_EPOCH).unwrap_err();
        let fields: Vec<String> = bad.fields().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["transfer_id", "to", "lines[1].sku", "lines[1].quantity", "expected_at"]);
    }

    #[test]
    fn a_transfer_without_an_id_is_the_same_at_every_repeat_of_its_key() {
        let request = pb::TransferStockRequest {
            idempotency_key: "k".into(),
            to: "SIDE".into(),
            lines: vec![pb::TransferLine { sku: "A".into(), quantity: "1".into(), ..Default::default() }],
            expected_at: Some(prost_types::Timestamp { seconds: 9, nanos: 0 }),
            ..Default::default()
        };
        let id = |request| plan(request, "MAIN", Timestamp::UNIX_EPOCH).unwrap().0.id;
        assert_eq!(id(&request), id(&request));
        assert_ne!(id(&request), id(&pb::TransferStockRequest { idempotency_key: "l".into(), ..request.clone() }));
    }
}
