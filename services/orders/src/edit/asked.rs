//! An edit as it is asked for, as far as it can be checked without the order.

use std::collections::BTreeSet;

use retail_proto::Quantity;
use retail_proto::inventory::v1 as stock;
use retail_proto::orders::v1 as pb;
use retail_proto::types::v1::{Address, Money};
use retail_runtime::fault::{BadShape, Violations};

use crate::pickup::Pickup;
use crate::place::parse_pickup;

/// What somebody asks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    /// Version that it was made from; 0 is any.
    pub expected_version: u64,
    /// Lines with another quantity, in the order of the request.
    pub quantities: Vec<(i32, Quantity)>,
    /// Further lines.
    pub new_lines: Vec<pb::LineInput>,
    /// What the reference data knows of the goods among them, in their order.
    pub items: Vec<stock::Item>,
    /// Where it is delivered.
    pub address: Option<Address>,
    /// Where it is collected.
    pub pickup: Option<Pickup>,
    /// Delivered instead of collected.
    pub ship: bool,
    /// The place that delivers it then; empty is the store.
    pub ship_from: String,
    /// A payment that covers a higher total.
    pub payment: Option<pb::Payment>,
    /// Total that the customer was shown.
    pub total: Option<Money>,
    /// People have done it in the shop already.
    pub by_shop: bool,
}

impl Asked {
    /// Reads a request. Every wrong field is named at once.
    pub(crate) fn parse(request: &pb::EditOrderRequest) -> Result<Self, BadShape> {
        let mut bad = Violations::default();
        bad.require("reason", !request.reason.is_empty(), "say why; people read it");
        let (mut quantities, mut numbers) = (Vec::new(), BTreeSet::new());
        for (asked, place) in request.quantities.iter().zip(0_usize..) {
            let field = format!("quantities[{place}]");
            let once = numbers.insert(asked.line_number);
            bad.require(&format!("{field}.line_number"), once, "name each line once");
            match asked.quantity.parse::<Quantity>() {
                Ok(quantity) if quantity.is_negative() => {
                    bad.add(format!("{field}.quantity"), "a quantity is 0 or above; goods that come back are a return");
                }
                Ok(quantity) => quantities.push((asked.line_number, quantity)),
                Err(error) => bad.add(format!("{field}.quantity"), error.to_string()),
            }
        }
        let pickup = request.pickup.as_ref().map(|asked| parse_pickup(asked, &mut bad));
        bad.require("ship", !request.ship || pickup.is_none(), "it is either collected or shipped; say one of both");
        let ships = request.ship_from.is_empty() || request.ship;
        bad.require("ship_from", ships, "say `ship` with it; lines that are shipped already are moved by RerouteOrder");
        let changes = !request.quantities.is_empty()
            || !request.new_lines.is_empty()
            || request.shipping_address.is_some()
            || pickup.is_some()
            || request.ship;
        bad.require(
            "quantities",
            changes,
            "say what shall change: quantities, new_lines, shipping_address, pickup or ship",
        );
        bad.check()?;
        Ok(Self {
            expected_version: request.expected_version,
            quantities,
            new_lines: request.new_lines.clone(),
            items: Vec::new(),
            address: request.shipping_address.clone(),
            pickup,
            ship: request.ship,
            ship_from: request.ship_from.clone(),
            payment: request.payment.clone(),
            total: request.total.clone(),
            by_shop: false,
        })
    }

    /// True when it changes what is delivered or from where, and not only where to.
    pub(super) fn moves_goods(&self) -> bool {
        !self.quantities.is_empty()
            || !self.new_lines.is_empty()
            || self.pickup.is_some()
            || self.ship
            || self.payment.is_some()
    }

    /// The goods among the further lines, by their place in the request.
    pub(crate) fn new_goods(&self) -> Vec<(usize, stock::ItemKey)> {
        let lines = self.new_lines.iter().zip(0_usize..);
        let goods = lines.filter(|(line, _)| line.kind() == pb::LineKind::Goods);
        goods
            .map(|(line, place)| {
                let sku = line.sku.trim().to_uppercase();
                (place, stock::ItemKey { sku, r#ref: line.item.clone() })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use retail_runtime::fault::Fault as _;

    use super::*;

    #[test]
    fn every_wrong_field_of_an_edit_is_named_at_once() {
        let quantity = |quantity: &str| pb::LineQuantity { line_number: 1, quantity: quantity.into() };
        let request = pb::EditOrderRequest {
            quantities: vec![quantity("-1"), quantity("many")],
            pickup: Some(pb::PickupInput::default()),
            ship: true,
            ..Default::default()
        };
        let bad = Asked::parse(&request).unwrap_err();
        let fields: Vec<String> = bad.fields().into_iter().map(|(field, _)| field).collect();
        let expected = [
            "reason",
            "quantities[0].quantity",
            "quantities[1].line_number",
            "quantities[1].quantity",
            "pickup.location",
            "pickup.contact_name",
            "ship",
        ];
        assert_eq!(fields, expected);
    }

    #[test]
    fn an_edit_that_changes_nothing_is_refused() {
        let request = pb::EditOrderRequest { reason: "so".into(), ..Default::default() };
        insta::assert_snapshot!(Asked::parse(&request).unwrap_err(), @"the request is not valid: quantities: say what shall change: quantities, new_lines, shipping_address, pickup or ship");
    }
}
