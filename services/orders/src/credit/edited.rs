//! What an edit adds to what its customer owes, and what follows: one of ours comes about when there is room for it, one that
//! a shop has sold comes about and is marked. Pure.

use super::account::{Room, Seen};
use super::{Asked, CURRENCY, Check, OVER, is_of_credit};
use crate::edit::{Edit, Step};
use crate::record::{Hold, Order};

impl Asked {
    /// What is asked for an edit, by its number from 1, as the order stands.
    pub(crate) fn of_edit(order: &Order, number: usize, edit: &Edit, at: i64) -> Self {
        Self {
            minor: order.adds_on_account(edit),
            // What a person has let pass was the order as it was.
            released: false,
            edit: u32::try_from(number).unwrap_or(u32::MAX),
            before_booking: edit.before_booking,
            sold: edit.by_shop,
            ..Self::of(order, at)
        }
    }

    /// It is an edit that comes to nothing by what was found.
    pub(crate) fn is_refused(&self, check: &Check) -> bool {
        self.edit != 0 && !self.sold && !check.verdict().passes()
    }
}

impl Order {
    /// What an edit adds to what is on account, minor units: nothing when it makes the order cheaper, or is paid.
    #[must_use]
    pub(crate) fn adds_on_account(&self, edit: &Edit) -> i64 {
        let covered = self.covered(false);
        let before = if edit.payment.is_empty() { covered } else { self.covered_without(&edit.payment) };
        let owed = |total: i64, covered: i64| total.saturating_sub(covered).max(0);
        owed(edit.total, covered).saturating_sub(owed(self.total, before)).max(0)
    }

    /// What was taken or can be taken for it besides a payment.
    fn covered_without(&self, payment: &str) -> i64 {
        let mut order = self.clone();
        order.payments.retain(|known| known.id != payment && known.taken_from != payment);
        order.covered(false)
    }

    /// An edit adds more than its customer's credit was asked for.
    #[must_use]
    pub(crate) fn edit_awaits_credit(&self, edit: &Edit) -> bool {
        let Some(credit) = &edit.credit else { return false };
        let adds = self.adds_on_account(edit);
        adds > 0 && credit.passed.is_none_or(|passed| passed < adds)
    }

    /// Takes what was found for an edit. What was asked of it as it was before is asked anew.
    pub(crate) fn take_edit_credit(&mut self, number: usize, check: &Check, at: i64) {
        let found = number.checked_sub(1).and_then(|place| self.edits.get(place));
        let Some(edit) = found.filter(|edit| edit.step() == Step::Asked) else { return };
        if check.minor != self.adds_on_account(edit) {
            return;
        }
        let (sold, verdict) = (edit.by_shop, check.verdict());
        self.with_edit(number, |edit| {
            let credit = edit.credit.get_or_insert_default();
            credit.keep(check);
            if sold || verdict.passes() {
                credit.passed = Some(check.minor);
            }
        });
        let reason = verdict.hold().unwrap_or(OVER);
        match (verdict.passes(), sold) {
            (true, _) => {}
            (false, true) => self.mark_for_credit(reason, &check.why, at),
            (false, false) => self.lose_edit(number, &format!("{reason}: {}", check.why)),
        }
    }

    /// Says that it is over its customer's credit and goes on all the same, until a person has looked at it. What was released
    /// before was something else.
    fn mark_for_credit(&mut self, reason: &str, why: &str, at: i64) {
        self.forget_credit_release();
        let open = self.holds.iter_mut().find(|hold| is_of_credit(&hold.reason));
        if let Some(hold) = open {
            (hold.reason, hold.detail) = (reason.to_owned(), why.to_owned());
        } else {
            self.holds.push(Hold { reason: reason.to_owned(), detail: why.to_owned(), since: at, expires_at: 0 });
        }
    }

    /// A person has let it pass as it was; it is a dearer one now.
    pub(crate) fn forget_credit_release(&mut self) {
        self.released.retain(|reason| !is_of_credit(reason));
    }

    /// It is over its customer's credit, and waits for it or goes on all the same.
    #[must_use]
    pub(crate) fn exceeds_credit(&self) -> bool {
        self.holds.iter().any(|hold| is_of_credit(&hold.reason))
    }

    /// What is marked is so no longer once all of it is paid, or the edit that did it came to nothing. Called after every
    /// change.
    pub(crate) fn settle_credit_mark(&mut self) {
        // Before the promise it is a hold, which the next look settles.
        if !self.reserved || !self.exceeds_credit() {
            return;
        }
        let over = |edit: &Edit| {
            let last = edit.credit.as_ref().and_then(|credit| credit.checks.last());
            let owed = match edit.step() {
                Step::Asked | Step::Held | Step::Promised => self.adds_on_account(edit) > 0,
                Step::Changed | Step::Done => self.on_account() > 0,
                Step::Withdrawing | Step::Failed => false,
            };
            owed && edit.by_shop && last.is_some_and(|check| !check.verdict().passes())
        };
        if !self.edits.iter().any(over) {
            self.lift_hold(OVER);
            self.lift_hold(CURRENCY);
        }
    }

    /// Where a booked order stands of which something must be looked at, and what comes next.
    pub(crate) fn found_words(&self) -> Option<(&'static str, &'static str)> {
        let over = ("Over its customer's credit", "Somebody looks at the credit, then releases the hold");
        self.shop_words().or_else(|| self.exceeds_credit().then_some(over))
    }

    /// What becomes of the room on its customer's account. `known` is what stands there, by the edit; 0 is the order itself.
    #[must_use]
    pub(crate) fn seen_by_account(&self, known: &[u32]) -> Seen {
        let edited_early = self.edits.iter().any(|edit| edit.before_booking && edit.is_in_the_order());
        let waits = self.reserved && !self.has_left_the_account();
        Seen {
            order: self.id.clone(),
            version: self.version,
            rooms: known.iter().map(|edit| (*edit, self.room_here(*edit))).collect(),
            edited: (edited_early && waits).then(|| self.on_account()),
        }
    }

    fn room_here(&self, edit: u32) -> Room {
        if edit == 0 || self.is_undone() {
            return if self.has_left_the_account() { Room::Left } else { Room::Needed };
        }
        // Edits are never taken out of an order: one that is not there was asked for after the order was read.
        let place = usize::try_from(edit).ok().and_then(|number| number.checked_sub(1));
        match place.and_then(|place| self.edits.get(place)).map(Edit::step) {
            Some(Step::Asked | Step::Held | Step::Promised) | None => Room::Needed,
            Some(Step::Changed | Step::Done) if self.sales_order.is_none() => Room::Joined,
            Some(Step::Changed | Step::Done | Step::Withdrawing | Step::Failed) => Room::Left,
        }
    }
}

#[cfg(test)]
#[path = "edited_tests.rs"]
mod tests;
