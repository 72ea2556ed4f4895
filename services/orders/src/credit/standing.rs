//! What an order remembers of its customer's credit, and what follows. Pure.

use super::{CURRENCY, Check, CreditRules, OVER, Verdict, is_of_credit};
use crate::record::{Order, State};

/// Looks that are kept; older ones give way.
const KEPT: usize = 10;

/// Where an order, or an edit of it, stands with its customer's credit; absent when its channel does not ask.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Credit {
    /// What of it went on, minor units; absent before.
    #[prost(int64, optional, tag = "1")]
    pub passed: Option<i64>,
    /// While it is held: when the ERP is asked again, milliseconds since 1970.
    #[prost(int64, tag = "2")]
    pub ask_at: i64,
    /// Looks that held it, one after the other.
    #[prost(uint32, tag = "3")]
    pub looks: u32,
    /// What was found, oldest first, each time that something else was.
    #[prost(message, repeated, tag = "4")]
    pub checks: Vec<Check>,
}

impl Credit {
    /// Keeps what was found, when it is something else than before.
    pub(super) fn keep(&mut self, check: &Check) {
        if !self.checks.last().is_some_and(|last| last.says_the_same(check)) {
            self.checks.push(check.clone());
            let many = self.checks.len().saturating_sub(KEPT);
            self.checks.drain(..many);
        }
    }
}

impl Order {
    /// What of it is sold on account: neither taken nor authorized, minor units.
    #[must_use]
    pub(crate) fn on_account(&self) -> i64 {
        self.total.saturating_sub(self.covered(false)).max(0)
    }

    /// Its channel asks for credit: from now on it does not go on without.
    pub(crate) fn needs_credit(&mut self) {
        let credit = self.credit.get_or_insert_default();
        (credit.passed, credit.ask_at, credit.looks) = (None, 0, 0);
    }

    /// More of it is on account than its customer's credit was asked for.
    #[must_use]
    pub(crate) fn awaits_credit(&self) -> bool {
        let on_account = self.on_account();
        let credit = self.credit.as_ref().filter(|_| on_account > 0);
        credit.is_some_and(|credit| credit.passed.is_none_or(|passed| passed < on_account))
    }

    /// When the ERP is asked again whether it has room now, milliseconds since 1970. Whatever else holds it comes first: what
    /// goes on takes up room.
    #[must_use]
    pub(crate) fn asks_credit_at(&self) -> Option<i64> {
        let alone = self.state() == State::Held && self.holds.iter().all(|hold| is_of_credit(&hold.reason));
        let credit = self.credit.as_ref().filter(|_| alone)?;
        // It was paid meanwhile.
        Some(if self.on_account() == 0 { 0 } else { credit.ask_at })
    }

    /// Takes what was found. What was asked of the order as it was before is asked anew.
    pub(crate) fn take_credit(&mut self, check: &Check, rules: &CreditRules, at: i64) {
        let early = matches!(self.state(), State::Received | State::Held) && !self.reserved;
        if !early || check.minor != self.on_account() {
            return;
        }
        let verdict = check.verdict();
        let credit = self.credit.get_or_insert_default();
        if verdict.passes() {
            (credit.passed, credit.ask_at, credit.looks) = (Some(check.minor), 0, 0);
        } else {
            credit.passed = None;
            credit.looks = credit.looks.saturating_add(1);
            credit.ask_at = at.saturating_add(rules.wait(credit.looks));
        }
        credit.keep(check);
        match verdict.hold() {
            Some(reason) => self.hold_for_credit(reason, &check.why, at),
            None if verdict == Verdict::StillUnknown => {}
            None => {
                self.lift_hold(OVER);
                self.lift_hold(CURRENCY);
            }
        }
    }

    /// Holds it, or says what holds it now. What a person has released meanwhile is not held for the other reason either.
    fn hold_for_credit(&mut self, reason: &str, why: &str, at: i64) {
        if self.released.iter().any(|reason| is_of_credit(reason)) {
            return;
        }
        let open = self.holds.iter_mut().find(|hold| is_of_credit(&hold.reason));
        match open {
            Some(hold) => {
                reason.clone_into(&mut hold.reason);
                why.clone_into(&mut hold.detail);
            }
            None => self.hold(reason, why, at),
        }
    }

    /// The ERP has it, or never will: it needs no room on its customer's account here.
    #[must_use]
    pub(crate) fn has_left_the_account(&self) -> bool {
        self.is_undone() || self.sales_order.is_some()
    }

    /// Nothing more of it is or comes to be owed than the ERP says.
    pub(super) fn is_undone(&self) -> bool {
        self.is_over() || (self.state() == State::Cancelling && (self.erp_closed || !self.erp_asked))
    }
}
