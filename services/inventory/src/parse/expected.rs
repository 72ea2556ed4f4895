//! What is said of expected goods.

use std::collections::{BTreeMap, BTreeSet};

use retail_proto::Quantity;
use retail_proto::inventory::v1 as pb;
use retail_runtime::Timestamp;
use retail_runtime::fault::{BadShape, Violations};
use sha2::{Digest as _, Sha256};

use super::{above_zero, item_code, keyed, moment, or};
use crate::expected::{Source, Word};
use crate::receipt::{Arrival, Receipt};
use crate::sync::instant;
use crate::transfer::TRANSFER;

/// Most lines of what is expected under one id.
const MAX_LINES: usize = 1_000;
/// Longest id: it is part of keys of the store.
const MAX_ID: usize = 200;

/// What is expected, each line with its unit.
pub(crate) fn say(
    request: &pb::ExpectStockRequest,
    home: &str,
    now: Timestamp,
) -> Result<(Word, Vec<String>), BadShape> {
    let mut bad = Violations::default();
    keyed(&request.idempotency_key, &mut bad);
    named(&request.expected_id, &mut bad);
    let source = match request.source() {
        pb::ExpectedSource::Purchase => Source::Purchase,
        pb::ExpectedSource::Transfer => Source::Transfer,
        pb::ExpectedSource::Unspecified => {
            bad.add("source", "say where it comes from: PURCHASE or TRANSFER");
            Source::Purchase
        }
    };
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
    let expected_at = request.expected_at.as_ref().and_then(instant);
    bad.require("expected_at", expected_at.is_some(), "say when it is expected; an RFC 3339 time");
    let as_of = moment(request.as_of.as_ref(), "as_of", now, &mut bad);
    bad.check()?;
    let word = Word {
        id: request.expected_id.clone(),
        location: or(&request.location, home),
        source,
        lines,
        expected_at: expected_at.unwrap_or(now),
        as_of,
        come: BTreeMap::new(),
        ended: false,
        transit: false,
    };
    Ok((word, units))
}

/// Expected goods that came.
pub(crate) fn receive(
    request: &pb::ReceiveExpectedStockRequest,
    home: &str,
    now: Timestamp,
) -> Result<Arrival, BadShape> {
    let mut bad = Violations::default();
    keyed(&request.idempotency_key, &mut bad);
    named(&request.expected_id, &mut bad);
    bad.require("receipt_id", !request.receipt_id.is_empty(), "give the id of the receipt, the same at every repeat");
    bad.require("lines", request.lines.len() <= MAX_LINES, "give at most 1,000");
    let happened_at = moment(request.happened_at.as_ref(), "happened_at", now, &mut bad);
    let mut seen = BTreeSet::new();
    let mut lines: Vec<(String, Quantity)> = vec![];
    for (line, place) in request.lines.iter().take(MAX_LINES).zip(0_usize..) {
        let at = |field: &str| format!("lines[{place}].{field}");
        let sku = item_code(&line.sku, &at("sku"), &mut bad);
        bad.require(&at("sku"), seen.insert(sku.clone()), "another line is of the same item; add them up");
        lines.push((sku, above_zero(&line.quantity, &at("quantity"), &mut bad)));
    }
    bad.check()?;
    let location = or(&request.location, home);
    let mut hash = Sha256::new();
    let moment = happened_at.as_millisecond().to_string();
    let said = lines.iter().flat_map(|(sku, quantity)| [sku.clone(), quantity.to_string()]);
    for part in ["EXPECTED", &request.expected_id, &location, &moment].map(str::to_owned).into_iter().chain(said) {
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    Ok(Arrival {
        receipt: Receipt {
            id: request.receipt_id.clone(),
            location,
            reason: "EXPECTED".to_owned(),
            reference: request.expected_id.clone(),
            happened_at: happened_at.as_millisecond(),
            stock: vec![],
        },
        lines,
        digest: hash.finalize().to_vec(),
        expected_id: Some(request.expected_id.clone()),
    })
}

/// A request that cancels: the location it is at.
pub(crate) fn cancel(request: &pb::CancelExpectedStockRequest, home: &str) -> Result<String, BadShape> {
    let mut bad = Violations::default();
    keyed(&request.idempotency_key, &mut bad);
    named(&request.expected_id, &mut bad);
    bad.check()?;
    Ok(or(&request.location, home))
}

fn named(id: &str, bad: &mut Violations) {
    let fits = (1..=MAX_ID).contains(&id.len());
    bad.require("expected_id", fits, "give the id of what is expected, 1 to 200 characters, for example PO-4711");
    let ours = id.starts_with(TRANSFER);
    bad.require(
        "expected_id",
        !ours,
        "belongs to a transfer; say what becomes of it under /v1/transfers/{transfer_id}",
    );
}
