//! What is said of an item beside its owner.

use std::collections::BTreeSet;

use retail_proto::Quantity;
use retail_proto::inventory::v1 as pb;
use retail_runtime::fault::{BadShape, Violations};

use super::{above_zero, item_code, keyed};
use crate::kit::Component;
use crate::reference::Described;
use crate::units::Unit;

/// Most components of a kit.
const MAX_COMPONENTS: usize = 100;
/// Most units of an item.
const MAX_UNITS: usize = 50;

pub(crate) fn describe(request: &pb::DescribeItemRequest) -> Result<Described, BadShape> {
    let mut bad = Violations::default();
    keyed(&request.idempotency_key, &mut bad);
    let sku = item_code(&request.sku, "sku", &mut bad);
    bad.require("components", request.components.len() <= MAX_COMPONENTS, "give at most 100");
    bad.require("units", request.units.len() <= MAX_UNITS, "give at most 50");
    let mut seen = BTreeSet::new();
    let mut components = vec![];
    for (component, place) in request.components.iter().take(MAX_COMPONENTS).zip(0_usize..) {
        let at = |field: &str| format!("components[{place}].{field}");
        let part = item_code(&component.sku, &at("sku"), &mut bad);
        bad.require(&at("sku"), part != sku, "an item is no component of itself");
        bad.require(&at("sku"), seen.insert(part.clone()), "another component is the same item; add them up");
        let quantity = above_zero(&component.quantity, &at("quantity"), &mut bad).millionths();
        components.push(Component { sku: part, quantity });
    }
    let mut seen = BTreeSet::new();
    let mut units = vec![];
    for (unit, place) in request.units.iter().take(MAX_UNITS).zip(0_usize..) {
        let at = |field: &str| format!("units[{place}].{field}");
        let code = unit.code.trim().to_uppercase();
        bad.require(&at("code"), !code.is_empty(), "give the code of the unit, for example CASE");
        bad.require(&at("code"), seen.insert(code.clone()), "another unit has the same code");
        let base = above_zero(&unit.base, &at("base"), &mut bad).millionths();
        let one = Quantity::whole(1).unwrap_or(Quantity::ZERO);
        let per = if unit.per.is_empty() { one } else { above_zero(&unit.per, &at("per"), &mut bad) };
        units.push(Unit { code, base, per: per.millionths() });
    }
    bad.check()?;
    Ok(Described { sku, components, units })
}

#[cfg(test)]
mod tests {
    use retail_runtime::fault::Fault as _;

    use super::*;

    #[test]
    fn every_wrong_component_and_unit_is_named() {
        let component = |sku: &str, quantity: &str| pb::Component { sku: sku.into(), quantity: quantity.into() };
        let unit = |code: &str, base: &str| pb::Unit { code: code.into(), base: base.into(), per: String::new() };
        let request = pb::DescribeItemRequest {
            idempotency_key: "k".into(),
            sku: "set".into(),
            components: vec![component("SET", "1"), component("CUP", "0"), component("cup", "1")],
            units: vec![unit("CASE", "12"), unit("case", "6"), unit("", "x")],
        };
        let fields: Vec<String> =
            describe(&request).unwrap_err().fields().into_iter().map(|(field, _)| field).collect();
        let expected = ["components[0].sku", "components[1].quantity", "components[2].sku", "units[1].code"];
        assert_eq!(fields[..4], expected);
        assert_eq!(fields[4..], ["units[2].code", "units[2].base"]);
    }
}
