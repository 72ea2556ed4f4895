//! The shape of what is asked: every wrong field at once, then numbers instead of texts.

pub(crate) mod changes;

use std::collections::BTreeMap;

use retail_proto::Money;
use retail_proto::commerce::v1 as pb;
use retail_runtime::fault::{BadShape, Violations};

use crate::gid::plain;
use crate::note;

/// Most settings of one call ("inventorySetQuantities").
const SETTINGS: usize = 250;
const READINGS: usize = 100;
/// The largest page of any connection of the Admin API.
pub(crate) const PAGE: i32 = 250;
/// INVALID_QUANTITY_TOO_HIGH begins above.
const HIGHEST: i64 = 1_000_000_000;

/// A shipment with ids as numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shipment {
    pub(crate) order: u64,
    /// Units by line item.
    pub(crate) lines: BTreeMap<u64, i64>,
    /// Our codes of the places that units of a line item left from, where they are said.
    pub(crate) places: BTreeMap<u64, Vec<(String, i64)>>,
    pub(crate) tracking: Vec<String>,
    pub(crate) carrier: String,
    pub(crate) notify: bool,
    pub(crate) key: String,
}

/// A number to be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) sku: String,
    pub(crate) item: u64,
    pub(crate) location: u64,
    pub(crate) quantity: i64,
    pub(crate) expected: Option<i64>,
}

/// A refund with ids as numbers.
#[derive(Debug, Clone)]
pub(crate) struct Refund {
    pub(crate) order: u64,
    /// Our id of it, kept in the note.
    pub(crate) reference: String,
    /// Line or shipping line, units, and whether the shop takes them off the order.
    pub(crate) lines: Vec<(u64, i64, bool)>,
    pub(crate) amount: Money,
    pub(crate) note: String,
    pub(crate) notify: bool,
    pub(crate) key: String,
}

/// Which order is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    Id(u64),
    Number(String),
}

/// An answer to a return.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    pub(crate) id: u64,
    /// Why it is declined; none approves it.
    pub(crate) declined: Option<String>,
    pub(crate) key: String,
}

/// The instance must be ours.
pub(crate) fn instance(field: &str, given: &str, ours: &str) -> Result<(), BadShape> {
    let mut violations = Violations::default();
    violations.require(field, given == ours, &format!("this connector serves {ours:?}; ask that instance"));
    violations.check()
}

pub(crate) fn settings(request: &pb::SetStockRequest) -> Result<Vec<Setting>, BadShape> {
    let mut violations = Violations::default();
    require_key(&mut violations, &request.idempotency_key);
    let fits = (1..=SETTINGS).contains(&request.settings.len());
    violations.require("settings", fits, &format!("give 1 to {SETTINGS} settings"));
    let mut settings = Vec::with_capacity(request.settings.len());
    for (index, given) in request.settings.iter().enumerate() {
        let at = |name: &str| format!("settings[{index}].{name}");
        settings.push(Setting {
            sku: given.sku.clone(),
            item: number(&mut violations, &at("inventory_item_id"), &given.inventory_item_id),
            location: number(&mut violations, &at("location_id"), &given.location_id),
            quantity: given.quantity,
            expected: given.expected,
        });
        let within = |quantity: i64| (-HIGHEST..=HIGHEST).contains(&quantity);
        violations.require(&at("quantity"), within(given.quantity), "the shop counts to a thousand million");
        let expected = given.expected.is_none_or(within);
        violations.require(&at("expected"), expected, "the shop counts to a thousand million");
    }
    violations.check().map(|()| settings)
}

/// The stocked items and the place that are asked for.
pub(crate) fn readings(request: &pb::GetStockRequest) -> Result<(Vec<u64>, u64), BadShape> {
    let mut violations = Violations::default();
    let fits = request.inventory_item_ids.len() <= READINGS;
    violations.require("inventory_item_ids", fits, &format!("ask for at most {READINGS}"));
    let location = number(&mut violations, "location_id", &request.location_id);
    let ids = request.inventory_item_ids.iter().enumerate();
    let items = ids.map(|(index, id)| number(&mut violations, &format!("inventory_item_ids[{index}]"), id)).collect();
    violations.check().map(|()| (items, location))
}

pub(crate) fn shipment(request: &pb::RecordFulfilmentRequest) -> Result<Shipment, BadShape> {
    let mut violations = Violations::default();
    require_key(&mut violations, &request.idempotency_key);
    let order = number(&mut violations, "order_id", &request.order_id);
    violations.require("lines", !request.lines.is_empty(), "give at least one line");
    let (mut lines, mut places) = (BTreeMap::<u64, i64>::new(), BTreeMap::<u64, Vec<(String, i64)>>::new());
    for (index, line) in request.lines.iter().enumerate() {
        let at = |name: &str| format!("lines[{index}].{name}");
        let id = number(&mut violations, &at("line_item_id"), &line.line_item_id);
        let fits = (1..=HIGHEST).contains(&line.quantity);
        violations.require(&at("quantity"), fits, "must be whole units above 0");
        let units = lines.entry(id).or_default();
        *units = units.saturating_add(line.quantity);
        let code = line.location.trim();
        if code.is_empty() {
            continue;
        }
        // A line that several places ship leaves each of them with units of its own.
        let known = places.entry(id).or_default();
        match known.iter_mut().find(|(known, _)| known == code) {
            Some((_, units)) => *units = units.saturating_add(line.quantity),
            None => known.push((code.to_owned(), line.quantity)),
        }
    }
    let trimmed = request.tracking_numbers.iter().map(|number| number.trim().to_owned());
    let mut tracking: Vec<String> = trimmed.filter(|number| !number.is_empty()).collect();
    tracking.sort();
    tracking.dedup();
    violations.check()?;
    Ok(Shipment {
        order,
        lines,
        places,
        tracking,
        carrier: request.carrier.trim().to_owned(),
        notify: request.notify_customer,
        key: request.idempotency_key.clone(),
    })
}

pub(crate) fn refund(request: &pb::RefundOrderRequest) -> Result<Refund, BadShape> {
    let mut violations = Violations::default();
    require_key(&mut violations, &request.idempotency_key);
    let reference = &request.external_ref;
    let fits = note::is_reference(reference);
    violations.require("external_ref", fits, "give 1 to 100 visible ASCII characters without square brackets");
    let order = number(&mut violations, "order_id", &request.order_id);
    let mut lines = Vec::with_capacity(request.lines.len());
    for (index, line) in request.lines.iter().enumerate() {
        let at = |name: &str| format!("lines[{index}].{name}");
        let id = number(&mut violations, &at("line_item_id"), &line.line_item_id);
        let fits = (1..=HIGHEST).contains(&line.quantity);
        violations.require(&at("quantity"), fits, "must be whole units above 0");
        lines.push((id, line.quantity, line.restock() == pb::Restock::Cancel));
    }
    let amount = request.amount.as_ref().map(Money::try_from);
    let amount = match amount {
        Some(Ok(amount)) if amount.minor() > 0 => Some(amount),
        Some(Err(error)) => {
            violations.add("amount.currency", error.to_string());
            None
        }
        Some(Ok(_)) | None => {
            violations.add("amount", "give an amount above 0");
            None
        }
    };
    match amount {
        Some(amount) => violations.check().map(|()| Refund {
            order,
            reference: reference.clone(),
            lines,
            amount,
            note: request.note.trim().to_owned(),
            notify: request.notify_customer,
            key: request.idempotency_key.clone(),
        }),
        None => Err(violations.into_shape()),
    }
}

pub(crate) fn wanted(request: &pb::GetOrderRequest) -> Result<Wanted, BadShape> {
    let mut violations = Violations::default();
    let (id, name) = (request.order_id.as_str(), request.order_number.trim());
    let wanted = if id.is_empty() {
        violations.require("order_id", !name.is_empty(), "give order_id or order_number");
        // The number stands between quotes in a search.
        let plain = name.chars().all(|letter| !letter.is_control() && !['"', '\\'].contains(&letter));
        violations.require("order_number", plain, "must not contain quotes or backslashes");
        Wanted::Number(name.to_owned())
    } else {
        Wanted::Id(number(&mut violations, "order_id", id))
    };
    violations.check().map(|()| wanted)
}

pub(crate) fn verdict(request: &pb::AnswerReturnRequest) -> Result<Verdict, BadShape> {
    let mut violations = Violations::default();
    require_key(&mut violations, &request.idempotency_key);
    let id = number(&mut violations, "return_id", &request.return_id);
    let reason = request.reason.trim();
    let said = request.approve || !reason.is_empty();
    violations.require("reason", said, "say why it is declined: the customer reads it");
    let declined = (!request.approve).then(|| reason.to_owned());
    violations.check().map(|()| Verdict { id, declined, key: request.idempotency_key.clone() })
}

pub(crate) fn page_size(asked: i32) -> Result<i32, BadShape> {
    let mut violations = Violations::default();
    violations.require("page_size", asked >= 0, "must not be negative; 0 lets the connector choose");
    violations.check()?;
    Ok(if asked == 0 { PAGE } else { asked.min(PAGE) })
}

fn require_key(violations: &mut Violations, key: &str) {
    let fits = (1..=255).contains(&key.len()) && key.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    violations.require("idempotency_key", fits, "give a key of 1 to 255 visible ASCII characters");
}

fn number(violations: &mut Violations, field: &str, text: &str) -> u64 {
    let number = plain(text);
    violations.require(field, number.is_some(), "must be the shop's id: a number in decimal digits");
    number.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use retail_runtime::fault::Fault as _;

    use super::*;

    fn fields(bad: &BadShape) -> Vec<String> {
        bad.fields().into_iter().map(|(field, _)| field).collect()
    }

    #[test]
    fn every_wrong_field_of_a_shipment_is_named_at_once() {
        let request = pb::RecordFulfilmentRequest {
            order_id: "gid://shopify/Order/1".to_owned(),
            lines: vec![pb::FulfilledLine { line_item_id: "x".to_owned(), ..Default::default() }],
            ..pb::RecordFulfilmentRequest::default()
        };
        let bad = shipment(&request).unwrap_err();
        assert_eq!(fields(&bad), ["idempotency_key", "order_id", "lines[0].line_item_id", "lines[0].quantity"]);
    }

    #[test]
    fn tracking_numbers_are_a_set_and_quantities_of_one_line_add_up() {
        let line = || pb::FulfilledLine { line_item_id: "7".to_owned(), quantity: 2, ..Default::default() };
        let request = pb::RecordFulfilmentRequest {
            idempotency_key: "k".to_owned(),
            order_id: "1".to_owned(),
            lines: vec![line(), line()],
            tracking_numbers: ["B", " A", "B", ""].map(str::to_owned).to_vec(),
            ..pb::RecordFulfilmentRequest::default()
        };
        let shipment = shipment(&request).unwrap();
        assert_eq!(shipment.tracking, ["A", "B"]);
        assert_eq!(shipment.lines, BTreeMap::from([(7, 4)]));
    }

    #[test]
    fn a_quantity_that_the_shop_cannot_count_is_named() {
        let setting = pb::StockSetting {
            inventory_item_id: "1".to_owned(),
            location_id: "2".to_owned(),
            quantity: 3_000_000_000,
            ..pb::StockSetting::default()
        };
        let request =
            pb::SetStockRequest { idempotency_key: "k".to_owned(), settings: vec![setting], ..Default::default() };
        assert_eq!(fields(&settings(&request).unwrap_err()), ["settings[0].quantity"]);
        assert_eq!(fields(&settings(&pb::SetStockRequest::default()).unwrap_err()), ["idempotency_key", "settings"]);
    }
}
