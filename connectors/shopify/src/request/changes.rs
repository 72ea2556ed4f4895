//! The shape of what is asked of orders that change after they were sold.

use std::collections::{BTreeMap, BTreeSet};

use retail_proto::Decimal;
use retail_proto::commerce::v1 as pb;
use retail_runtime::fault::{BadShape, Violations};

use super::{HIGHEST, number, require_key};
use crate::note;

/// A cancellation.
#[derive(Debug, Clone)]
pub(crate) struct Cancel {
    pub(crate) order: u64,
    pub(crate) note: String,
    pub(crate) notify: bool,
    pub(crate) key: String,
}

/// Units that will not ship.
#[derive(Debug, Clone)]
pub(crate) struct TakeOff {
    pub(crate) order: u64,
    /// Our id of it, kept in the note of the shop's record.
    pub(crate) reference: String,
    /// Units by line item.
    pub(crate) lines: BTreeMap<u64, i64>,
    pub(crate) note: String,
    pub(crate) key: String,
}

/// An edit that was made here.
#[derive(Debug, Clone)]
pub(crate) struct Edit {
    pub(crate) order: u64,
    pub(crate) lines: Vec<LineEdit>,
    pub(crate) additions: Vec<Addition>,
    /// Ids of the shop's lines that are known here.
    pub(crate) known: BTreeSet<String>,
    pub(crate) note: String,
    pub(crate) notify: bool,
    pub(crate) key: String,
}

/// Another quantity of a line, in units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LineEdit {
    pub(crate) id: u64,
    pub(crate) expected: i64,
    pub(crate) quantity: i64,
}

/// A line that comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Addition {
    pub(crate) reference: String,
    pub(crate) sku: String,
    pub(crate) variant: Option<u64>,
    pub(crate) quantity: i64,
    pub(crate) price: Decimal,
}

/// Goods that wait in a store.
#[derive(Debug, Clone)]
pub(crate) struct Ready {
    pub(crate) order: u64,
    /// Our code of the store; empty leaves it to the shop.
    pub(crate) place: String,
    pub(crate) key: String,
}

pub(crate) fn cancel(request: &pb::CancelOrderRequest) -> Result<Cancel, BadShape> {
    let mut violations = Violations::default();
    require_key(&mut violations, &request.idempotency_key);
    let order = number(&mut violations, "order_id", &request.order_id);
    violations.check()?;
    let (note, key) = (request.note.trim().to_owned(), request.idempotency_key.clone());
    Ok(Cancel { order, note, notify: request.notify_customer, key })
}

pub(crate) fn take_off(request: &pb::TakeOffLinesRequest) -> Result<TakeOff, BadShape> {
    let mut violations = Violations::default();
    require_key(&mut violations, &request.idempotency_key);
    let fits = note::is_reference(&request.external_ref);
    violations.require("external_ref", fits, "give 1 to 100 visible ASCII characters without square brackets");
    let order = number(&mut violations, "order_id", &request.order_id);
    violations.require("lines", !request.lines.is_empty(), "give at least one line");
    let mut lines = BTreeMap::<u64, i64>::new();
    for (index, line) in request.lines.iter().enumerate() {
        let at = |name: &str| format!("lines[{index}].{name}");
        let id = number(&mut violations, &at("line_item_id"), &line.line_item_id);
        let fits = (1..=HIGHEST).contains(&line.quantity);
        violations.require(&at("quantity"), fits, "must be whole units above 0");
        let units = lines.entry(id).or_default();
        *units = units.saturating_add(line.quantity);
    }
    violations.check()?;
    let (reference, note) = (request.external_ref.clone(), request.note.trim().to_owned());
    Ok(TakeOff { order, reference, lines, note, key: request.idempotency_key.clone() })
}

pub(crate) fn edit(request: &pb::EditOrderRequest) -> Result<Edit, BadShape> {
    let mut violations = Violations::default();
    require_key(&mut violations, &request.idempotency_key);
    let order = number(&mut violations, "order_id", &request.order_id);
    let any = !request.lines.is_empty() || !request.additions.is_empty();
    violations.require("lines", any, "say what shall change: lines or additions");
    let (mut lines, mut additions) = (Vec::<LineEdit>::new(), Vec::new());
    for (index, line) in request.lines.iter().enumerate() {
        let at = |name: &str| format!("lines[{index}].{name}");
        let id = number(&mut violations, &at("line_item_id"), &line.line_item_id);
        let once = !lines.iter().any(|known| known.id == id);
        violations.require(&at("line_item_id"), once, "name each line once");
        violations.require(&at("quantity"), (0..=HIGHEST).contains(&line.quantity), "must be whole units, 0 or above");
        lines.push(LineEdit { id, expected: line.expected, quantity: line.quantity });
    }
    for (index, line) in request.additions.iter().enumerate() {
        let at = |name: &str| format!("additions[{index}].{name}");
        violations.require(&at("external_ref"), !line.external_ref.is_empty(), "give your own id of the line");
        // The code stands between quotes in a search.
        let plain = line.sku.chars().all(|letter| !letter.is_control() && !['"', '\\'].contains(&letter));
        let named = !line.variant_id.is_empty() || (plain && !line.sku.trim().is_empty());
        violations.require(&at("sku"), named, "give a code without quotes and backslashes, or variant_id");
        let given = !line.variant_id.is_empty();
        let variant = given.then(|| number(&mut violations, &at("variant_id"), &line.variant_id));
        violations.require(&at("quantity"), (1..=HIGHEST).contains(&line.quantity), "must be whole units above 0");
        let price = Decimal::from_str_exact(line.unit_price.trim());
        violations.require(&at("unit_price"), price.is_ok(), "must be a decimal number");
        additions.push(Addition {
            reference: line.external_ref.clone(),
            sku: line.sku.trim().to_owned(),
            variant,
            quantity: line.quantity,
            price: price.unwrap_or_default(),
        });
    }
    violations.check()?;
    Ok(Edit {
        order,
        lines,
        additions,
        known: request.known_lines.iter().cloned().collect(),
        note: request.note.trim().to_owned(),
        notify: request.notify_customer,
        key: request.idempotency_key.clone(),
    })
}

pub(crate) fn ready(request: &pb::MarkReadyForPickupRequest) -> Result<Ready, BadShape> {
    let mut violations = Violations::default();
    require_key(&mut violations, &request.idempotency_key);
    let order = number(&mut violations, "order_id", &request.order_id);
    violations.check()?;
    Ok(Ready { order, place: request.location.trim().to_owned(), key: request.idempotency_key.clone() })
}

#[cfg(test)]
mod tests {
    use retail_runtime::fault::Fault as _;

    use super::*;

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let request = pb::TakeOffLinesRequest {
            lines: vec![pb::LineOff { line_item_id: "x".to_owned(), quantity: 0 }],
            ..pb::TakeOffLinesRequest::default()
        };
        let fields: Vec<String> =
            take_off(&request).unwrap_err().fields().into_iter().map(|(field, _)| field).collect();
        let wanted = ["idempotency_key", "external_ref", "order_id", "lines[0].line_item_id", "lines[0].quantity"];
        assert_eq!(fields, wanted);
        assert_eq!(cancel(&pb::CancelOrderRequest::default()).unwrap_err().fields().len(), 2);
        let addition = pb::LineAddition { unit_price: "dear".to_owned(), ..pb::LineAddition::default() };
        let line = pb::LineEdit { line_item_id: "x".to_owned(), quantity: -1, ..pb::LineEdit::default() };
        let request = pb::EditOrderRequest {
            idempotency_key: "k".to_owned(),
            order_id: "1".to_owned(),
            lines: vec![line],
            additions: vec![addition],
            ..pb::EditOrderRequest::default()
        };
        let fields: Vec<String> = edit(&request).unwrap_err().fields().into_iter().map(|(field, _)| field).collect();
        let of_addition = ["external_ref", "sku", "quantity", "unit_price"].map(|name| format!("additions[0].{name}"));
        let of_line = ["lines[0].line_item_id", "lines[0].quantity"].map(str::to_owned);
        assert_eq!(fields, [of_line.as_slice(), of_addition.as_slice()].concat());
        assert_eq!(ready(&pb::MarkReadyForPickupRequest::default()).unwrap_err().fields().len(), 2);
    }
}
