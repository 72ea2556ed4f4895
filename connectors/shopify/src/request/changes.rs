//! The shape of what is asked of orders that change after they were sold.

use std::collections::BTreeMap;

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
        assert_eq!(ready(&pb::MarkReadyForPickupRequest::default()).unwrap_err().fields().len(), 2);
    }
}
