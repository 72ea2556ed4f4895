//! The contract's requests in, ours out: every wrong field is named, with what to do.

pub(crate) mod describe;
pub(crate) mod expected;
pub(crate) mod transfer;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use retail_proto::Quantity;
use retail_proto::inventory::v1 as pb;
use retail_runtime::Timestamp;
use retail_runtime::fault::{BadShape, Violations};
use sha2::{Digest as _, Sha256};

use crate::books::Count;
use crate::holding::Wish;
use crate::line::Ask;
use crate::receipt::{Arrival, Receipt};
use crate::reference::{ItemKey, code};
use crate::sync::instant;

/// Most lines of a reservation, rows of a count and keys of a resolution.
const MAX_ROWS: usize = 5_000;
/// Most items of a question about availability.
const MAX_SKUS: usize = 500;
/// Longest an unconfirmed promise may last, seconds.
const MAX_EXPIRY: i32 = 604_800;
/// Largest page.
const MAX_PAGE: i32 = 200;
/// Clocks of other systems may be ahead of ours by so much.
pub(crate) const SLACK_MILLISECONDS: i64 = 60_000;
/// Page when the caller does not say.
const PAGE: usize = 50;

/// Lines that cannot be identified as items are told apart from wrong shape: the answer names them.
pub(crate) fn reserve(
    request: &pb::ReserveStockRequest,
    home: &str,
    ttl: Duration,
    now: Timestamp,
) -> Result<Wish, BadShape> {
    let mut bad = Violations::default();
    keyed(&request.idempotency_key, &mut bad);
    bad.require("reservation_id", !request.reservation_id.is_empty(), "give the id of the order");
    rows("lines", request.lines.len(), &mut bad);
    let in_range = (0..=MAX_EXPIRY).contains(&request.expires_in_seconds);
    bad.require("expires_in_seconds", in_range, "give 1 to 604,800 seconds, or 0 for the default");
    let mut seen = BTreeSet::new();
    let mut lines: BTreeMap<String, Vec<Ask>> = BTreeMap::new();
    let mut hash = Sha256::new();
    for (line, place) in request.lines.iter().take(MAX_ROWS).zip(0_usize..) {
        let at = |field: &str| format!("lines[{place}].{field}");
        bad.require(&at("line_id"), !line.line_id.is_empty(), "give the id of the order line");
        let first = seen.insert(line.line_id.as_str());
        bad.require(&at("line_id"), first, "another line has the same id; ids are unique in a reservation");
        let sku = item_code(&line.sku, &at("sku"), &mut bad);
        let quantity = above_zero(&line.quantity, &at("quantity"), &mut bad);
        let keep_back = kept_back(&line.keep_back, &at("keep_back"), request.allow_shortfall, &mut bad);
        let location = or(&line.location, home);
        for part in [line.line_id.as_str(), &sku, &location, &quantity.to_string(), &line.unit] {
            hash.update(part.len().to_be_bytes());
            hash.update(part.as_bytes());
        }
        // A request that keeps nothing back has the digest that it had before lines could say so.
        if keep_back.is_positive() {
            hash.update(format!("keep_back={keep_back}"));
        }
        let (line_id, unit) = (line.line_id.clone(), line.unit.clone());
        let ask = Ask { line_id, sku, quantity, unit, keep_back, place, components: vec![] };
        lines.entry(location).or_default().push(ask);
    }
    hash.update([u8::from(request.allow_shortfall)]);
    bad.check()?;
    let lasting = match u64::try_from(request.expires_in_seconds) {
        Ok(0) | Err(_) => ttl,
        Ok(seconds) => Duration::from_secs(seconds),
    };
    Ok(Wish {
        reservation_id: request.reservation_id.clone(),
        lines,
        expires_at: now.checked_add(lasting).unwrap_or(Timestamp::MAX),
        allow_shortfall: request.allow_shortfall,
        sold_by_channel: request.sold_by_channel.clone(),
        digest: hash.finalize().to_vec(),
    })
}

/// A request that names a reservation, with a key when it changes it.
pub(crate) fn reservation(id: &str, key: Option<&str>) -> Result<(), BadShape> {
    let mut bad = Violations::default();
    if let Some(key) = key {
        keyed(key, &mut bad);
    }
    bad.require("reservation_id", !id.is_empty(), "give the id of the reservation");
    bad.check()
}

pub(crate) fn consume(request: &pb::ConsumeReservationRequest) -> Result<BTreeMap<String, Quantity>, BadShape> {
    let mut bad = Violations::default();
    keyed(&request.idempotency_key, &mut bad);
    bad.require("reservation_id", !request.reservation_id.is_empty(), "give the id of the reservation");
    rows("lines", request.lines.len(), &mut bad);
    let lines = request.lines.iter().map(|line| (line.line_id.as_str(), line.quantity.as_str()));
    let lines = quantities(lines, &mut bad);
    bad.check()?;
    Ok(lines)
}

/// Lines to give back; none for everything that is still promised.
pub(crate) fn release(request: &pb::ReleaseReservationRequest) -> Result<BTreeMap<String, Quantity>, BadShape> {
    let mut bad = Violations::default();
    keyed(&request.idempotency_key, &mut bad);
    bad.require("reservation_id", !request.reservation_id.is_empty(), "give the id of the reservation");
    bad.require("lines", request.lines.len() <= MAX_ROWS, &format!("give at most {MAX_ROWS}"));
    let lines = request.lines.iter().map(|line| (line.line_id.as_str(), line.quantity.as_str()));
    let lines = quantities(lines, &mut bad);
    bad.check()?;
    Ok(lines)
}

/// Quantities by line, each line once.
fn quantities<'a>(given: impl Iterator<Item = (&'a str, &'a str)>, bad: &mut Violations) -> BTreeMap<String, Quantity> {
    let mut lines = BTreeMap::new();
    for ((line_id, quantity), place) in given.take(MAX_ROWS).zip(0_usize..) {
        let at = |field: &str| format!("lines[{place}].{field}");
        bad.require(&at("line_id"), !line_id.is_empty(), "give the id of the order line");
        let quantity = above_zero(quantity, &at("quantity"), bad);
        let first = lines.insert(line_id.to_owned(), quantity).is_none();
        bad.require(&at("line_id"), first, "another line of this request has the same id; add them up");
    }
    lines
}

/// An adjustment as asked for.
pub(crate) struct Adjust {
    pub(crate) sku: String,
    pub(crate) location: String,
    pub(crate) quantity: Quantity,
    pub(crate) happened_at: Timestamp,
}

pub(crate) fn adjust(request: &pb::AdjustStockRequest, home: &str, now: Timestamp) -> Result<Adjust, BadShape> {
    let mut bad = Violations::default();
    keyed(&request.idempotency_key, &mut bad);
    let sku = item_code(&request.sku, "sku", &mut bad);
    let quantity = number(&request.quantity, "quantity", &mut bad);
    bad.require("quantity", !quantity.is_zero(), "a quantity of 0 changes nothing");
    cause(&request.reason, "WRITE_OFF", &mut bad);
    let happened_at = moment(request.happened_at.as_ref(), "happened_at", now, &mut bad);
    bad.check()?;
    Ok(Adjust { sku, location: or(&request.location, home), quantity, happened_at })
}

pub(crate) fn receive(request: &pb::ReceiveStockRequest, home: &str, now: Timestamp) -> Result<Arrival, BadShape> {
    let mut bad = Violations::default();
    keyed(&request.idempotency_key, &mut bad);
    bad.require("receipt_id", !request.receipt_id.is_empty(), "give the id of the receipt, the same at every repeat");
    rows("lines", request.lines.len(), &mut bad);
    cause(&request.reason, "RETURN", &mut bad);
    let happened_at = moment(request.happened_at.as_ref(), "happened_at", now, &mut bad);
    let mut lines: Vec<(String, Quantity)> = Vec::with_capacity(request.lines.len().min(MAX_ROWS));
    for (line, place) in request.lines.iter().take(MAX_ROWS).zip(0_usize..) {
        let at = |field: &str| format!("lines[{place}].{field}");
        let sku = item_code(&line.sku, &at("sku"), &mut bad);
        let quantity = above_zero(&line.quantity, &at("quantity"), &mut bad);
        // Two lines of an order may be of one item: the shelf takes in their sum.
        match lines.iter_mut().find(|(known, _)| *known == sku) {
            Some((_, sum)) => match sum.plus(quantity) {
                Ok(both) => *sum = both,
                Err(error) => bad.add(at("quantity"), error.to_string()),
            },
            None => lines.push((sku, quantity)),
        }
    }
    bad.check()?;
    let mut hash = Sha256::new();
    let moment = happened_at.as_millisecond().to_string();
    let head = [request.location.as_str(), &request.reason, &request.reference, &moment].map(str::to_owned);
    let said = lines.iter().flat_map(|(sku, quantity)| [sku.clone(), quantity.to_string()]);
    for part in head.into_iter().chain(said) {
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    Ok(Arrival {
        receipt: Receipt {
            id: request.receipt_id.clone(),
            location: or(&request.location, home),
            reason: request.reason.clone(),
            reference: request.reference.clone(),
            happened_at: happened_at.as_millisecond(),
            stock: vec![],
        },
        lines,
        digest: hash.finalize().to_vec(),
        expected_id: None,
    })
}

/// When the numbers were true, and each with its unit.
pub(crate) fn count(
    request: &pb::CountStockRequest,
    home: &str,
    now: Timestamp,
) -> Result<(Timestamp, Vec<(Count, String)>), BadShape> {
    let mut bad = Violations::default();
    keyed(&request.idempotency_key, &mut bad);
    let basis = request.basis() == pb::CountBasis::OnHand;
    bad.require("basis", basis, "say COUNT_BASIS_ON_HAND: what is physically there, promised goods included");
    bad.require("authority", !request.authority.is_empty(), "name the system that counted");
    rows("rows", request.rows.len(), &mut bad);
    let as_of = moment(request.as_of.as_ref(), "as_of", now, &mut bad);
    let mut counts = Vec::with_capacity(request.rows.len().min(MAX_ROWS));
    let mut seen = BTreeSet::new();
    for (row, place) in request.rows.iter().take(MAX_ROWS).zip(0_usize..) {
        let at = |field: &str| format!("rows[{place}].{field}");
        let sku = item_code(&row.sku, &at("sku"), &mut bad);
        let quantity = number(&row.quantity, &at("quantity"), &mut bad);
        bad.require(&at("quantity"), !quantity.is_negative(), "a shelf never holds less than nothing");
        let location = or(&row.location, home);
        let first = seen.insert((sku.clone(), location.clone()));
        bad.require(&at("sku"), first, "another row counts the same item at the same location");
        counts.push((Count { sku, location, quantity, committed: None }, row.unit.clone()));
    }
    bad.check()?;
    Ok((as_of, counts))
}

/// A shortfall that is to be acted on: item and location.
pub(crate) fn act(request: &pb::ActOnShortfallRequest, home: &str) -> Result<(String, String), BadShape> {
    let mut bad = Violations::default();
    keyed(&request.idempotency_key, &mut bad);
    let sku = item_code(&request.sku, "sku", &mut bad);
    bad.check()?;
    Ok((sku, or(&request.location, home)))
}

pub(crate) fn availability(request: &pb::GetAvailabilityRequest) -> Result<BTreeSet<String>, BadShape> {
    let mut bad = Violations::default();
    let fits = (1..=MAX_SKUS).contains(&request.skus.len());
    bad.require("skus", fits, "give 1 to 500 item codes");
    let mut skus = BTreeSet::new();
    for (sku, place) in request.skus.iter().take(MAX_SKUS).zip(0_usize..) {
        skus.insert(item_code(sku, &format!("skus[{place}]"), &mut bad));
    }
    bad.check()?;
    Ok(skus)
}

pub(crate) fn keys(request: pb::ResolveItemsRequest) -> Result<Vec<ItemKey>, BadShape> {
    let mut bad = Violations::default();
    rows("keys", request.keys.len(), &mut bad);
    for (key, place) in request.keys.iter().take(MAX_ROWS).zip(0_usize..) {
        let named = !key.sku.trim().is_empty() || key.r#ref.is_some();
        bad.require(&format!("keys[{place}]"), named, "give a code or another system's record");
    }
    bad.check()?;
    Ok(request.keys.into_iter().map(|key| ItemKey { sku: key.sku, record: key.r#ref }).collect())
}

/// A page: how many rows, and after which place.
pub(crate) type Page = (usize, Option<(Vec<u8>, retail_store::Key)>);

pub(crate) fn page(size: i32, token: &str) -> Result<Page, BadShape> {
    let mut bad = Violations::default();
    bad.require("page_size", (0..=MAX_PAGE).contains(&size), "give 1 to 200 rows, or 0 for 50");
    let after = retail_flow::page::read(token, &mut bad);
    bad.check()?;
    Ok((usize::try_from(size).ok().filter(|size| *size > 0).unwrap_or(PAGE), after))
}

pub(crate) fn required(field: &str, value: &str, what: &str) -> Result<(), BadShape> {
    let mut bad = Violations::default();
    bad.require(field, !value.trim().is_empty(), what);
    bad.check()
}

fn keyed(key: &str, bad: &mut Violations) {
    bad.require("idempotency_key", !key.is_empty(), "give a key that is the same at every repeat of this request");
}

fn cause(reason: &str, example: &str, bad: &mut Violations) {
    let word = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let named = !reason.is_empty() && reason.chars().all(word);
    bad.require("reason", named, &format!("give a cause in UPPER_SNAKE_CASE, for example {example}"));
}

fn rows(field: &str, length: usize, bad: &mut Violations) {
    bad.require(field, length > 0, "give at least one");
    bad.require(field, length <= MAX_ROWS, "give at most 5,000");
}

fn item_code(sku: &str, field: &str, bad: &mut Violations) -> String {
    bad.require(field, !sku.trim().is_empty(), "give the item code");
    code(sku)
}

fn number(text: &str, field: &str, bad: &mut Violations) -> Quantity {
    match text.parse::<Quantity>() {
        Ok(quantity) => quantity,
        Err(error) => {
            bad.add(field, error.to_string());
            Quantity::ZERO
        }
    }
}

fn above_zero(text: &str, field: &str, bad: &mut Violations) -> Quantity {
    match text.parse::<Quantity>() {
        Ok(quantity) if quantity.is_positive() => return quantity,
        Ok(_) => bad.add(field, "a quantity is above 0"),
        Err(error) => bad.add(field, error.to_string()),
    }
    Quantity::ZERO
}

/// What a line keeps back. A promise that may be short is never refused, so there is nothing that it could keep.
fn kept_back(text: &str, field: &str, short: bool, bad: &mut Violations) -> Quantity {
    if text.is_empty() {
        return Quantity::ZERO;
    }
    let kept = number(text, field, bad);
    bad.require(field, !kept.is_negative(), "give 0 or above, or leave it out");
    let idle = short && kept.is_positive();
    bad.require(
        field,
        !idle,
        "a promise that may be short keeps nothing back; leave it out, or leave out allow_shortfall",
    );
    kept
}

/// A required moment that is not in the future: a number that is true tomorrow would hide everything until then.
fn moment(at: Option<&prost_types::Timestamp>, field: &str, now: Timestamp, bad: &mut Violations) -> Timestamp {
    let Some(at) = at.and_then(instant) else {
        bad.add(field, "say when; an RFC 3339 time");
        return now;
    };
    let slack = Timestamp::from_millisecond(now.as_millisecond().saturating_add(SLACK_MILLISECONDS)).unwrap_or(now);
    bad.require(field, at <= slack, "is in the future; check the clock of the system that sent it");
    at
}

fn or(given: &str, fallback: &str) -> String {
    if given.is_empty() { fallback.to_owned() } else { given.to_owned() }
}

#[cfg(test)]
mod tests {
    use retail_runtime::fault::Fault as _;

    use super::*;

    fn line(id: &str, quantity: &str) -> pb::ReserveLine {
        pb::ReserveLine { line_id: id.into(), sku: "85123a".into(), quantity: quantity.into(), ..Default::default() }
    }

    fn request(lines: Vec<pb::ReserveLine>) -> pb::ReserveStockRequest {
        pb::ReserveStockRequest {
            idempotency_key: "k".into(),
            reservation_id: "o-1".into(),
            lines,
            ..Default::default()
        }
    }

    fn parse(request: &pb::ReserveStockRequest) -> Result<Wish, Vec<String>> {
        let parsed = reserve(request, "MAIN", Duration::from_secs(900), Timestamp::UNIX_EPOCH);
        parsed.map_err(|bad| bad.fields().into_iter().map(|(field, _)| field).collect())
    }

    #[test]
    fn codes_are_compared_in_upper_case_and_lines_go_to_the_default_location() {
        let wish = parse(&request(vec![line("1", "2")])).unwrap();
        assert_eq!(wish.lines["MAIN"][0].sku, "85123A");
        assert_eq!(wish.expires_at, Timestamp::from_second(900).unwrap());
    }

    #[test]
    fn every_wrong_line_is_named() {
        let fields = parse(&request(vec![line("1", "0"), line("1", "1e9"), line("", "1")])).unwrap_err();
        assert_eq!(fields, ["lines[0].quantity", "lines[1].line_id", "lines[1].quantity", "lines[2].line_id"]);
    }

    #[test]
    fn the_digest_knows_every_field_that_matters() {
        let one = parse(&request(vec![line("1", "2")])).unwrap().digest;
        let other = parse(&request(vec![line("1", "3")])).unwrap().digest;
        let fact = parse(&pb::ReserveStockRequest { allow_shortfall: true, ..request(vec![line("1", "2")]) }).unwrap();
        let case = pb::ReserveLine { unit: "CASE".into(), ..line("1", "2") };
        assert!(one != other && one != fact.digest && one != parse(&request(vec![case])).unwrap().digest);
        assert_eq!(one, parse(&request(vec![line("1", "2.0")])).unwrap().digest);
    }

    #[test]
    fn what_is_kept_back_is_part_of_the_request_and_nothing_kept_is_as_before() {
        let kept = |text: &str| pb::ReserveLine { keep_back: text.into(), ..line("1", "2") };
        let digest = |line: pb::ReserveLine| parse(&request(vec![line])).unwrap().digest;
        assert_eq!(digest(kept("0")), digest(line("1", "2")));
        assert_eq!(digest(kept("3.0")), digest(kept("3")));
        assert!(digest(kept("3")) != digest(kept("2")) && digest(kept("3")) != digest(line("1", "2")));
        assert_eq!(parse(&request(vec![kept("3")])).unwrap().lines["MAIN"][0].keep_back, "3".parse().unwrap());
    }

    #[test]
    fn what_cannot_be_kept_back_is_named() {
        let kept = |text: &str| pb::ReserveLine { keep_back: text.into(), ..line("1", "2") };
        for wrong in ["-1", "many", "99999999999999", "0.0000001"] {
            assert_eq!(parse(&request(vec![kept(wrong)])).unwrap_err(), ["lines[0].keep_back"], "{wrong}");
        }
        let sold = |text: &str| pb::ReserveStockRequest { allow_shortfall: true, ..request(vec![kept(text)]) };
        assert_eq!(parse(&sold("1")).unwrap_err(), ["lines[0].keep_back"], "it is never refused");
        assert!(parse(&sold("0")).is_ok());
    }

    #[test]
    fn a_count_of_tomorrow_is_refused() {
        let tomorrow = prost_types::Timestamp { seconds: 86_400, nanos: 0 };
        let request = pb::CountStockRequest {
            idempotency_key: "k".into(),
            basis: i32::from(pb::CountBasis::OnHand),
            as_of: Some(tomorrow),
            authority: "erp".into(),
            rows: vec![pb::CountRow { sku: "A".into(), quantity: "1".into(), ..Default::default() }],
        };
        let bad = count(&request, "MAIN", Timestamp::UNIX_EPOCH).unwrap_err();
        assert_eq!(bad.fields()[0].0, "as_of");
    }
}
