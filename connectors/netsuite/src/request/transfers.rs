//! Requests about goods on their way, checked.

use retail_proto::Quantity;
use retail_proto::erp::v1 as pb;
use retail_runtime::fault::{BadShape, Violations};

use super::{require_day, require_ref};

/// Most documents that may be named.
const DOCUMENTS: usize = 100;

/// What arrived of an item.
#[derive(Debug, Clone)]
pub(crate) struct Arrived {
    pub(crate) sku: String,
    pub(crate) received: Quantity,
    pub(crate) lost: Quantity,
    pub(crate) surplus: Quantity,
}

/// What left, item by item.
pub(crate) fn shipment(request: &pb::ShipTransferRequest) -> Result<Vec<(String, Quantity)>, BadShape> {
    let mut violations = Violations::default();
    require_ref(&mut violations, "external_ref", &request.external_ref);
    violations.require("from_location", !request.from_location.trim().is_empty(), "is required");
    violations.require("to_location", !request.to_location.trim().is_empty(), "is required");
    require_day(&mut violations, "ship_date", &request.ship_date);
    if !request.expected_date.is_empty() {
        require_day(&mut violations, "expected_date", &request.expected_date);
    }
    violations.require("lines", !request.lines.is_empty(), "at least one line is required");
    let mut goods = Vec::new();
    for (line, index) in request.lines.iter().zip(0_usize..) {
        let field = |name: &str| format!("lines[{index}].{name}");
        let fresh = !line.sku.trim().is_empty() && goods.iter().all(|(sku, _)| *sku != line.sku);
        violations.require(&field("sku"), fresh, "is required, each item once");
        let quantity = line.quantity.parse::<Quantity>().ok().filter(|quantity| quantity.is_positive());
        violations.require(&field("quantity"), quantity.is_some(), "must be a decimal above 0 with at most 6 places");
        goods.extend(quantity.map(|quantity| (line.sku.clone(), quantity)));
    }
    violations.check().map(|()| goods)
}

/// What arrived, item by item.
pub(crate) fn receipt(request: &pb::ReceiveTransferRequest) -> Result<Vec<Arrived>, BadShape> {
    let mut violations = Violations::default();
    require_ref(&mut violations, "external_ref", &request.external_ref);
    require_ref(&mut violations, "transfer_ref", &request.transfer_ref);
    violations.require("to_location", !request.to_location.trim().is_empty(), "is required");
    require_day(&mut violations, "receipt_date", &request.receipt_date);
    violations.require("lines", !request.lines.is_empty(), "at least one line is required");
    let mut goods: Vec<Arrived> = Vec::new();
    for (line, index) in request.lines.iter().zip(0_usize..) {
        let field = |name: &str| format!("lines[{index}].{name}");
        let fresh = !line.sku.trim().is_empty() && goods.iter().all(|known| known.sku != line.sku);
        violations.require(&field("sku"), fresh, "is required, each item once");
        let mut part = |name: &str, text: &str| {
            let given = if text.is_empty() { Some(Quantity::ZERO) } else { text.parse::<Quantity>().ok() };
            let quantity = given.filter(|quantity| !quantity.is_negative());
            violations.require(
                &field(name),
                quantity.is_some(),
                "must be a decimal, not negative, with at most 6 places",
            );
            quantity.unwrap_or(Quantity::ZERO)
        };
        let arrived = Arrived {
            sku: line.sku.clone(),
            received: part("received", &line.received),
            lost: part("lost", &line.lost),
            surplus: part("surplus", &line.surplus),
        };
        goods.push(arrived);
    }
    violations.check().map(|()| goods)
}

/// Internal ids of documents.
pub(crate) fn documents(given: &[String]) -> Result<Vec<i64>, BadShape> {
    let mut violations = Violations::default();
    violations.require("document_ids", given.len() <= DOCUMENTS, "give at most 100");
    let mut ids = Vec::new();
    for (text, index) in given.iter().zip(0_usize..) {
        match text.parse::<i64>() {
            Ok(id) if id > 0 => ids.push(id),
            Ok(_) | Err(_) => violations.add(format!("document_ids[{index}]"), "is no id of this ERP"),
        }
    }
    violations.check().map(|()| ids)
}
