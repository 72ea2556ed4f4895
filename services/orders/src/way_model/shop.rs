//! The shop that sold the order, and its people: they edit lines and add some while everybody else is at work, and they are
//! told what was edited here, sometimes without an answer.

use std::collections::BTreeMap;

use proptest::prelude::*;
use retail_flow::Failure;
use retail_proto::commerce::v1 as shop;
use retail_proto::inventory::v1 as stock;
use retail_proto::orders::v1 as pb;
use retail_proto::types::v1::{Money, Outcome, OutcomeState};

use super::world::World;
use super::{Event, UNIT};
use crate::journey::Brought;
use crate::record::Order;
use crate::shop_order::{Standing, answered};

/// What its people do to an order: so many pieces of some lines, a line more, or all of it elsewhere.
#[derive(Debug, Clone)]
pub(super) struct Edits {
    set: Vec<(usize, i64)>,
    add: Option<i64>,
}

pub(super) fn edits() -> impl Strategy<Value = Event> {
    let set = prop::collection::vec((0..4_usize, 0..8_i64), 0..3);
    (set, prop::option::weighted(0.3, 1..4_i64)).prop_map(|(set, add)| Event::ShopEdits(Edits { set, add }))
}

#[derive(Debug, Clone)]
struct Shown {
    units: i64,
    /// Of one that its people have added.
    placed: Option<pb::LineInput>,
}

#[derive(Debug, Default)]
pub(super) struct Shop {
    pub(super) cancelled: bool,
    lines: BTreeMap<String, Shown>,
    /// Its id of lines that were added here, by ours.
    ours: BTreeMap<String, String>,
    /// Taken by it, where it says so.
    received: Option<i64>,
    version: u64,
}

impl Shop {
    pub(super) fn sells(&mut self, order: &Order) {
        for line in &order.lines {
            let units = line.quantity / UNIT;
            self.lines.insert(line.channel_line_id.clone(), Shown { units, placed: None });
        }
    }

    pub(super) fn takes_off(&mut self, id: &str, units: i64) {
        if let Some(line) = self.lines.get_mut(id) {
            line.units = units;
        }
    }

    /// Pieces of a line that it shows.
    pub(super) fn units(&self, id: &str) -> Option<i64> {
        self.lines.get(id).map(|line| line.units)
    }

    pub(super) fn is_edited(&mut self, edits: &Edits) {
        let ids: Vec<String> = self.lines.keys().cloned().collect();
        for (place, units) in &edits.set {
            self.takes_off(&ids[place % ids.len()], *units);
        }
        if let Some(pieces) = edits.add {
            let id = format!("8{}", self.lines.len());
            let line = pb::LineInput {
                kind: i32::from(pb::LineKind::Goods),
                sku: "SKU-7".into(),
                quantity: pieces.to_string(),
                unit_price: "1.75".into(),
                channel_line_id: id.clone(),
                ..Default::default()
            };
            self.lines.insert(id, Shown { units: pieces, placed: Some(line) });
        }
    }

    /// The customer pays what the order still lacks.
    pub(super) fn is_paid(&mut self, order: &Order) {
        let captured = order.captured();
        let theirs = order.payments.iter().all(|payment| payment.service.is_empty());
        let elsewhere = order.edits.iter().filter_map(|edit| {
            let came = order.payments.iter().find(|payment| payment.id == edit.payment && payment.is_captured());
            came.map(|payment| payment.minor)
        });
        let missing = order.owed().saturating_sub(captured);
        if theirs && missing > 0 {
            self.received = Some(captured - elsewhere.sum::<i64>() + missing);
        }
    }

    fn shown(&mut self) -> shop::GetOrderResponse {
        self.version += 1;
        let lines = self.lines.iter().map(|(id, line)| pb::ChannelLine {
            channel_line_id: id.clone(),
            ordered: line.units.to_string(),
            is_goods: true,
            line: line.placed.clone(),
            ..Default::default()
        });
        let received = self.received.map(|minor_units| Money { minor_units, currency: "GBP".into() });
        let (cancelled, version) = (self.cancelled, self.version);
        shop::GetOrderResponse { lines: lines.collect(), cancelled, version, received, ..Default::default() }
    }

    /// How the order stands there, as its connector tells it.
    pub(super) fn standing(&mut self, order: &Order) -> Standing {
        let mut told = answered(&self.shown()).unwrap();
        told.forget_known_lines(order);
        for (place, key) in told.unknown_goods() {
            told.know(place, Some(&stock::Item { sku: key.sku, stocked: true, ..Default::default() }));
        }
        told
    }
}

impl World {
    /// The shop is told of an edit. It refuses what its people have changed meanwhile, and its answer may be lost.
    pub(super) fn tell_edit(&mut self, order: &Order, number: usize, luck: u8) -> Result<Brought, Failure> {
        assert!(order.is_of_shop() && order.edit_to_tell() == Some(number), "one after the other, once each is done");
        if luck.is_multiple_of(5) {
            return Err(Failure::refused("LINE_FULFILLED", "some of it is fulfilled there".to_owned()));
        }
        let changed = order.lines_to_show(number);
        for one in &changed {
            let shown = self.shop.units(&one.line).map(|units| units * UNIT);
            if shown.is_some_and(|shown| shown != one.before && shown != one.wanted) {
                return Err(Failure::refused("SHOP_LINE_CHANGED", "people were faster".to_owned()));
            }
        }
        changed.iter().for_each(|one| self.shop.takes_off(&one.line, one.wanted / UNIT));
        let mut added = Vec::new();
        for one in order.lines_to_tell(number) {
            let line = order.line(one.number).unwrap();
            let units = one.quantity / UNIT;
            if one.added.is_some() {
                let fresh = format!("8{}", self.shop.lines.len());
                let id = self.shop.ours.entry(line.id.clone()).or_insert(fresh).clone();
                self.shop.lines.entry(id.clone()).or_insert(Shown { units, placed: None });
                added.push(shop::AddedLine { external_ref: line.id.clone(), line_item_id: id });
            }
        }
        if luck.is_multiple_of(3) && self.unheard.insert(number) {
            return Err(Failure::Unknown { reason: "NO_ANSWER".into(), detail: "lost".into() });
        }
        let outcome = Some(Outcome { state: i32::from(OutcomeState::Done), ..Outcome::default() });
        let order = Some(self.shop.shown());
        Ok(Brought::ShopEdited(Box::new(shop::EditOrderResponse { outcome, order, added })))
    }
}
