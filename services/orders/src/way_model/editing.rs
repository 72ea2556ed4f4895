//! People who edit: other quantities, a further line, another store, and a payment for what makes it dearer, sometimes too
//! much, sometimes declined.

use proptest::prelude::*;
use retail_proto::Quantity;
use retail_proto::inventory::v1 as stock;
use retail_proto::orders::v1 as pb;

use super::purse::Purse;
use super::world::World;
use super::{Event, PLACES};
use crate::config::Channel;
use crate::edit::{Asked, Circumstances};
use crate::pickup::{By, Pickup};
use crate::record::Order;

/// An edit that somebody wishes for.
#[derive(Debug, Clone)]
pub(super) struct Edited {
    quantities: Vec<(i32, i64)>,
    further: Option<i64>,
    store: Option<usize>,
    ship: bool,
    /// A payment comes with it: 90.00, or 25.00, which our service declines at first.
    paid: Option<bool>,
}

pub(super) fn edited() -> impl Strategy<Value = Event> {
    let quantities = prop::collection::vec((1..5_i32, 0..9_i64), 0..3);
    let goods = (quantities, prop::option::weighted(0.3, 1..4_i64));
    let where_to = (prop::option::weighted(0.2, 0..3_usize), prop::bool::weighted(0.1));
    (goods, where_to, prop::option::weighted(0.7, any::<bool>())).prop_map(
        |((quantities, further), (store, ship), paid)| Event::Edit(Edited { quantities, further, store, ship, paid }),
    )
}

/// Somebody edits the order; what may not be changes nothing.
pub(super) fn edit(order: &mut Order, world: &mut World, wish: &Edited, by: By<'_>) {
    let mut quantities: Vec<(i32, Quantity)> = Vec::new();
    for (number, pieces) in &wish.quantities {
        if !quantities.iter().any(|(known, _)| known == number) {
            quantities.push((*number, Quantity::whole(*pieces).unwrap()));
        }
    }
    let line = |pieces: &i64| pb::LineInput {
        kind: i32::from(pb::LineKind::Goods),
        sku: "SKU-9".into(),
        quantity: pieces.to_string(),
        unit_price: "1.25".into(),
        ..Default::default()
    };
    let item = |_: &i64| stock::Item { sku: "SKU-9".into(), stocked: true, ..Default::default() };
    let pickup = wish.store.filter(|_| !wish.ship).map(|place| Pickup {
        location: PLACES[place].to_owned(),
        contact_name: "Mr Jones".into(),
        ..Pickup::default()
    });
    // The shop takes its money itself, we take ours: never both.
    let ours = order.payments.iter().any(|payment| !payment.service.is_empty());
    let reference =
        if ours { format!("pi-{}", world.purse.count() + 1) } else { format!("shop-{}", order.payments.len()) };
    // What is on account is paid at the ERP, which is none of ours.
    let paid = wish.paid.filter(|_| order.credit.is_none());
    let payment = paid.map(|well| {
        let told = Purse::payment(&reference, if well { 9_000 } else { 2_500 });
        let captured = i32::from(pb::PaymentState::Captured);
        if ours {
            told
        } else {
            pb::Payment { gateway: "shop".into(), state: captured, reference: reference.clone(), ..told }
        }
    });
    let asked = Asked {
        quantities,
        new_lines: wish.further.iter().map(line).collect(),
        items: wish.further.iter().map(item).collect(),
        pickup,
        ship: wish.ship,
        payment,
        ..Asked::default()
    };
    let channel = Channel { address: "http://shop".into(), ..Purse::channel() };
    let known = Circumstances {
        channel: Some(&channel),
        booking_sent: world.booked,
        tells: true,
        floors: None,
        asks_credit: order.credit.is_some() || world.asks_credit,
    };
    let before = order.edits.len();
    if order.edit(&asked, known, by).is_err() || order.edits.len() == before {
        return;
    }
    if let Some(well) = paid.filter(|_| ours) {
        world.purse.pays(&reference, if well { 9_000 } else { 2_500 }, true, !well);
    }
    order.advance();
}
