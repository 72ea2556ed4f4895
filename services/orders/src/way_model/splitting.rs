//! Lines over several places: an order that was split when it was promised, and lines that are split when they go elsewhere.

use std::collections::BTreeSet;

use proptest::prelude::*;
use retail_flow::Failure;

use super::world::World;
use super::{PLACES, UNIT};
use crate::ask;
use crate::decision::{Assigned, Decision, Outcome, Sourced};
use crate::journey::Brought;
use crate::record::{Line, Order};
use crate::split::splits;
use crate::testing::four_and_two;

/// The order's places are decided already, and its first line is split.
pub(super) fn split(order: &mut Order) {
    order.sourced = Some(Sourced { decision: Some(four_and_two()), ..Sourced::default() });
}

/// What a look for another place finds: nobody, somebody, or two for the first of the lines.
pub(super) fn resource(order: &Order, number: usize, luck: u8) -> Decision {
    let reroute = &order.reroutes[number - 1];
    let place = if reroute.to.is_empty() { PLACES[usize::from(luck) % 3] } else { &reroute.to };
    if place == reroute.from {
        return Decision { outcome: i32::from(Outcome::Refused), ..Decision::default() };
    }
    let mut lines: Vec<Assigned> = Vec::new();
    for number in &reroute.lines {
        lines.push(Assigned { number: *number, location: place.to_owned(), ..Assigned::default() });
    }
    let first = reroute.lines.first().and_then(|number| order.line(*number)).filter(|line| line.quantity > UNIT);
    let Some(line) = first.filter(|_| reroute.to.is_empty() && luck.is_multiple_of(2)) else {
        return Decision { outcome: i32::from(Outcome::Whole), lines, ..Decision::default() };
    };
    let other = PLACES.into_iter().find(|other| *other != place && *other != reroute.from).unwrap();
    (lines[0].quantity, lines[0].of) = (line.quantity - UNIT, line.quantity);
    lines.push(Assigned {
        number: order.next_number(),
        location: other.to_owned(),
        quantity: UNIT,
        split_from: line.number,
        of: line.quantity,
        ..Assigned::default()
    });
    Decision { outcome: i32::from(Outcome::Split), lines, ..Decision::default() }
}

impl World {
    /// The ERP moves lines, and splits them where it is told so; its answer may be lost then.
    pub(super) fn move_lines(&mut self, order: &Order, number: usize, luck: u8) -> Result<Brought, Failure> {
        let reroute = &order.reroutes[number - 1];
        let asked = ask::moved(order, reroute, "erp".to_owned());
        if reroute.decision.as_ref().is_some_and(splits) {
            self.edit(&asked)?;
            if luck.is_multiple_of(3) && self.silent_moves.insert(number) {
                return Err(Failure::Unknown { reason: "NO_ANSWER".into(), detail: "lost".into() });
            }
        } else {
            self.change(&asked.lines)?;
        }
        Ok(Brought::SalesOrder(Box::new(self.told(order))))
    }
}

/// Parts of a line are what was ordered, and each is promised, shipped and cancelled under a number of its own.
pub(super) fn holds_the_laws(order: &Order) -> Result<(), TestCaseError> {
    let mut seen = BTreeSet::new();
    let own = |line: &Line| seen.insert(line.number) && line.id == format!("o-1/{}", line.number);
    let each = order.lines.iter().all(own);
    prop_assert!(each, "a number and an id for each line");
    for part in order.lines.iter().filter(|line| line.split_from != 0) {
        let whole = order.line(part.split_from);
        prop_assert!(
            whole.is_some_and(|whole| whole.split_from == 0 && whole.sku == part.sku),
            "part of a part: {part:?}"
        );
    }
    let untouched = order.edits.is_empty();
    let sum = |number: i32| order.parts_of(number).map(|line| (line.quantity, line.amount));
    let (pieces, minor) = sum(1).fold((0, 0), |all, part| (all.0 + part.0, all.1 + part.1));
    prop_assert!(!untouched || (pieces, minor) == (6 * UNIT, 1530), "{pieces} pieces cost {minor}");
    Ok(())
}
