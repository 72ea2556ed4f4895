//! How an edit goes on: what each answer means to the order, and what a refusal leaves as it was.

use retail_proto::erp::v1 as erp;
use retail_proto::inventory::v1 as stock;

use super::worth::repriced;
use super::{Edit, EditedLine, Returned, Step};
use crate::credit;
use crate::facts::millionths;
use crate::holding::{Holding, redone_reservation};
use crate::payments;
use crate::pickup::{By, Pickup, Stage};
use crate::record::{Order, State};

/// Holds whose causes are looked at anew once the order is another one.
const ASKED_ANEW: [&str; 8] = [
    "UNKNOWN_ITEM",
    "TOTAL_MISMATCH",
    "INSUFFICIENT_STOCK",
    "RISK_SCORE",
    "TOTAL_ABOVE_LIMIT",
    "ADDRESS_INCOMPLETE",
    credit::OVER,
    credit::CURRENCY,
];

impl Order {
    /// The order is edited before the ERP is told of it.
    #[must_use]
    pub(crate) fn is_edited_before_booking(&self) -> bool {
        self.editing().is_some_and(|(_, edit)| edit.before_booking)
    }

    /// The ERP may have an edit that the order does not show yet.
    #[must_use]
    pub(crate) fn is_edited_at_the_erp(&self) -> bool {
        self.editing().is_some_and(|(_, edit)| edit.step() == Step::Promised && !edit.before_booking)
            || self.is_split_at_the_erp()
    }

    /// An edit goes on once the order's own promise lasts, or at once when the ERP does not have the order. Nothing of it
    /// happens to an order that is held or being cancelled.
    #[must_use]
    pub(crate) fn edit_may_go_on(&self) -> bool {
        match self.state() {
            State::Reserved => self.is_edited_before_booking(),
            State::Booked | State::PartlyShipped | State::Shipped => self.confirmed,
            State::Received
            | State::Held
            | State::Completed
            | State::Cancelling
            | State::Cancelled
            | State::Refused => false,
        }
    }

    /// Takes the steps of an edit that nobody need be asked for. Called after every change.
    pub(crate) fn turn_edit(&mut self) {
        self.settle_credit_mark();
        while let Some((number, edit)) = self.editing().map(|(number, edit)| (number, edit.clone())) {
            if !self.edit_may_go_on() || !self.turn_once(number, &edit) {
                return;
            }
        }
    }

    fn turn_once(&mut self, number: usize, edit: &Edit) -> bool {
        match edit.step() {
            Step::Asked if self.unasked_payments().next().is_some() => return false,
            Step::Asked if self.unpaid(edit, false) > 0 => {
                let missing = self.money(self.unpaid(edit, false)).map(|amount| amount.to_string());
                let missing = missing.unwrap_or_default();
                self.fail_edit(number, &format!("EDIT_NOT_PAID: {missing} of the new total is not authorized"));
            }
            Step::Asked if self.edit_awaits_credit(edit) => return false,
            Step::Asked if !edit.needs_promise() => self.step_edit(number, Step::Promised),
            Step::Promised if edit.before_booking || !edit.concerns_the_erp() => self.edited(number, None, edit.at),
            Step::Changed if edit.returned.is_empty() || self.given_back => self.step_edit(number, Step::Done),
            Step::Withdrawing if !edit.needs_promise() => self.step_edit(number, Step::Failed),
            Step::Asked
            | Step::Held
            | Step::Promised
            | Step::Changed
            | Step::Withdrawing
            | Step::Done
            | Step::Failed => return false,
        }
        true
    }

    /// What it needs further is promised; of what a shop has sold some of it without stock.
    pub(crate) fn edit_promised(&mut self, number: usize, promised: &[stock::ReservedLine]) {
        let ids: Vec<(i32, String)> = self.lines.iter().map(|line| (line.number, line.id.clone())).collect();
        self.with_edit(number, |edit| {
            if edit.step() != Step::Asked {
                return;
            }
            for one in &mut edit.lines {
                let known = ids.iter().find(|(number, _)| *number == one.number).map(|(_, id)| id);
                let id = known.or(one.added.as_ref().map(|line| &line.id));
                let told = promised.iter().find(|told| id == Some(&told.line_id));
                one.shortfall = told.map_or(0, |told| millionths(&told.shortfall));
            }
            edit.set_step(Step::Held);
        });
    }

    /// That promise lasts.
    pub(crate) fn edit_confirmed(&mut self, number: usize) {
        self.step_edit_from(number, Step::Held, Step::Promised);
    }

    /// What it needs further is not there: nothing has changed.
    pub(crate) fn lose_edit(&mut self, number: usize, cause: &str) {
        self.with_edit(number, |edit| {
            if edit.step() == Step::Asked {
                edit.set_step(Step::Failed);
                cause.clone_into(&mut edit.outcome);
            }
        });
    }

    /// Somebody refused: the order stays as it was, and what was promised for nothing is given back.
    pub(crate) fn refuse_edit(&mut self, number: usize, cause: &str) {
        self.with_edit(number, |edit| {
            if !edit.is_over() {
                edit.set_step(Step::Withdrawing);
                cause.clone_into(&mut edit.outcome);
            }
        });
    }

    /// It has come to nothing; what the ERP has of it already stands.
    pub(crate) fn fail_edit(&mut self, number: usize, cause: &str) {
        self.with_edit(number, |edit| {
            if edit.step() == Step::Changed {
                edit.set_step(Step::Done);
                return;
            }
            if edit.outcome.is_empty() {
                cause.clone_into(&mut edit.outcome);
            }
            edit.set_step(Step::Failed);
        });
    }

    /// What was needed no longer is given back: all is done.
    pub(crate) fn edit_released(&mut self, number: usize) {
        self.step_edit_from(number, Step::Changed, Step::Done);
    }

    /// The ERP has it, or will be told of nothing else: the order is as asked.
    pub(crate) fn edited(&mut self, number: usize, told: Option<&erp::SalesOrder>, at: i64) {
        let found = number.checked_sub(1).and_then(|place| self.edits.get(place)).cloned();
        let Some(mut edit) = found.filter(|edit| edit.step() == Step::Promised) else { return };
        if let Some(told) = told {
            self.keep_what_left(&mut edit, told);
        }
        let reservation = self.edited_reservation(number);
        let mut returned = Vec::new();
        for one in &edit.lines {
            returned.extend(self.hold_as_edited(one, &reservation));
        }
        self.put_lines(&edit.lines);
        for one in &edit.lines {
            let Some(line) = self.lines.iter_mut().find(|line| line.number == one.number) else { continue };
            if one.added.is_some() {
                line.reservation.clone_from(&reservation);
            }
            line.reserved = if line.is_goods() { line.quantity } else { 0 };
            line.shortfall = line.shortfall.saturating_add(one.shortfall);
        }
        edit.returned = returned;
        edit.set_step(Step::Changed);
        if edit.by_shop {
            self.is_shown(&edit.lines.iter().map(|one| one.number).collect::<Vec<_>>());
        }
        self.total = edit.total;
        self.with_edit(number, |known| known.clone_from(&edit));
        self.take_whereabouts(&edit, at);
        // What the ERP told of lines that nobody knew is heard again.
        self.erp_etag.clear();
        if self.state() == State::Shipped && self.lines.iter().any(|line| line.is_goods() && line.open() > 0) {
            self.set_state(State::PartlyShipped);
        }
    }

    /// A line was to be taken away, and the ERP has closed it after a parcel with some of it had left: that much stays.
    fn keep_what_left(&self, edit: &mut Edit, told: &erp::SalesOrder) {
        let Ok(currency) = self.currency.parse() else { return };
        let mut kept = 0_i64;
        for one in edit.lines.iter_mut().filter(|one| one.quantity == 0) {
            let parcels = told.fulfilments.iter().filter(|parcel| parcel.shipped).flat_map(|parcel| &parcel.lines);
            let parcels = parcels.filter(|line| line.line_number == one.number);
            let left = parcels.fold(0_i64, |sum, line| sum.saturating_add(millionths(&line.quantity)));
            let Some(stays) =
                self.line(one.number).filter(|_| left > 0).and_then(|line| repriced(line, left, currency))
            else {
                continue;
            };
            (one.quantity, one.amount, one.discount) = (stays.quantity, stays.amount, stays.discount);
            one.taxes.clone_from(&stays.taxes);
            kept = kept.saturating_add(stays.value());
            let words = format!("some of line {} had left already", one.number);
            edit.outcome = if edit.outcome.is_empty() { words } else { format!("{}; {words}", edit.outcome) };
        }
        edit.total = edit.total.saturating_add(kept);
        edit.worth = edit.worth.saturating_add(kept);
    }

    /// An order of which nothing is promised is another one from now on; what was asked about it is asked anew.
    pub(super) fn take_unpromised_edit(&mut self, at: i64) {
        let Some(edit) = self.edits.last().cloned() else { return };
        let number = self.edits.len();
        self.put_lines(&edit.lines);
        self.total = edit.total;
        self.take_whereabouts(&edit, at);
        if let Some(to) = edit.pickup.as_ref().map(|pickup| pickup.location.clone()) {
            self.lines.iter_mut().filter(|line| line.is_goods()).for_each(|line| line.location.clone_from(&to));
        }
        self.step_edit(number, Step::Done);
        self.redone = self.redone.saturating_add(1);
        self.reservation = redone_reservation(&self.id, self.redone);
        self.sourced = None;
        if edit.total > edit.total_before {
            self.forget_credit_release();
        }
        (self.items_known, self.checked) = (false, false);
        for reason in ASKED_ANEW {
            self.lift_hold(reason);
        }
        payments::settle_hold(self, at);
    }

    /// Puts lines as they are after an edit. What has shipped of a line that comes is counted: a parcel may be faster.
    pub(super) fn put_lines(&mut self, edited: &[EditedLine]) {
        for one in edited {
            if let Some(line) = self.lines.iter_mut().find(|line| line.number == one.number) {
                let less = line.quantity.saturating_sub(one.quantity).max(0);
                line.shortfall = line.shortfall.saturating_sub(less).max(0);
                (line.quantity, line.amount, line.discount) = (one.quantity, one.amount, one.discount);
                line.taxes.clone_from(&one.taxes);
                if line.location != one.location {
                    line.location.clone_from(&one.location);
                    line.shortfall = 0;
                }
                line.closed = line.closed || one.quantity == 0;
            } else if let Some(added) = &one.added {
                let parcels = self.shipments.iter().flat_map(|parcel| &parcel.lines);
                let parcels = parcels.filter(|line| line.number == one.number);
                let shipped = parcels.fold(0_i64, |sum, line| sum.saturating_add(line.quantity));
                self.lines.push(crate::record::Line { shipped, ..added.clone() });
            }
        }
    }

    /// Which reservations hold a line after an edit; answers what the former ones give back.
    fn hold_as_edited(&mut self, one: &EditedLine, reservation: &str) -> Vec<Returned> {
        let Some(known) = self.line(one.number).filter(|line| line.is_goods()) else { return Vec::new() };
        let moved = one.location != one.location_before;
        let left = if moved { 0 } else { one.quantity };
        let back = if left < known.quantity { self.holding(known, left, known.quantity) } else { Vec::new() };
        let back = back.into_iter().map(|held| Returned {
            number: one.number,
            reservation: held.reservation,
            quantity: held.quantity,
        });
        let back = back.collect();
        if let Some(line) = self.lines.iter_mut().find(|line| line.number == one.number) {
            if moved {
                reservation.clone_into(&mut line.reservation);
                line.further.clear();
            } else if one.promise > 0 {
                line.further.push(Holding { reservation: reservation.to_owned(), quantity: one.promise });
            } else {
                line.hold_only(one.quantity);
            }
        }
        back
    }

    /// Where it goes, and how.
    fn take_whereabouts(&mut self, edit: &Edit, at: i64) {
        if edit.address.is_some() {
            self.shipping_address.clone_from(&edit.address);
        }
        let by = By { who: &edit.who, at, why: &edit.why };
        let changed = !edit.lines.is_empty();
        match (&mut self.pickup, &edit.pickup) {
            (known, Some(wish)) => {
                let steps = known.as_ref().map(|known| known.steps.clone()).unwrap_or_default();
                let mut pickup = Pickup { steps, ..wish.clone() };
                pickup.rerouted(&wish.location, false, by);
                *known = Some(pickup);
            }
            (Some(known), None) if edit.ship && self.reserved => known.rerouted("", true, by),
            (known, None) if edit.ship => *known = None,
            // What was picked is not what is wanted any more: the store picks again.
            (Some(known), None) if changed && known.stage() == Stage::Ready => {
                let store = known.location.clone();
                known.rerouted(&store, false, by);
            }
            (Some(_) | None, None) => {}
        }
    }

    fn step_edit(&mut self, number: usize, to: Step) {
        self.with_edit(number, |edit| edit.set_step(to));
    }

    /// A late answer changes nothing.
    fn step_edit_from(&mut self, number: usize, from: Step, to: Step) {
        self.with_edit(number, |edit| {
            if edit.step() == from {
                edit.set_step(to);
            }
        });
    }

    pub(crate) fn with_edit(&mut self, number: usize, change: impl FnOnce(&mut Edit)) {
        if let Some(edit) = number.checked_sub(1).and_then(|place| self.edits.get_mut(place)) {
            change(edit);
        }
    }
}
