//! The customer's account in the model: sometimes there is room, sometimes not, sometimes the ERP cannot say.

use retail_flow::Failure;
use retail_proto::erp::v1::CreditHold;

use super::world::World;
use crate::credit::account::LetThrough;
use crate::credit::{Answer, Asked, CreditRules, Numbers};
use crate::journey::Brought;
use crate::leg::Look;
use crate::record::{Order, State};

impl World {
    pub(super) fn ask_credit(&mut self, order: &Order, look: Look, luck: u8) -> Brought {
        let asked = Asked::of(order, self.now);
        let held = order.state() == State::Held;
        assert!(held == (look == Look::Again), "asked {look:?} in {:?}", order.state());
        self.decide(&asked, luck, held)
    }

    /// The same for what an edit adds. Whoever cannot be asked at all says so.
    pub(super) fn ask_edit_credit(&mut self, order: &Order, number: usize, luck: u8) -> Result<Brought, Failure> {
        let edit = &order.edits[number - 1];
        let asked = Asked::of_edit(order, number, edit, self.now);
        assert!(asked.minor > 0 && edit.credit.is_some(), "asked for nothing: {edit:?}");
        if luck.is_multiple_of(9) && !asked.sold {
            return Err(Failure::refused("CREDIT_NOT_SUPPORTED", "take credit out of the channel"));
        }
        self.look(order);
        Ok(self.decide(&asked, luck, asked.sold))
    }

    fn decide(&mut self, asked: &Asked, luck: u8, may_be_silent: bool) -> Brought {
        let numbers = |limit| Numbers { currency: "GBP".into(), limit: Some(limit), ..Numbers::default() };
        let answer = match luck % 4 {
            0 if may_be_silent => Answer::Silent("VENDOR_UNREACHABLE".into()),
            0 | 1 => Answer::Says(numbers(1), CreditHold::Auto, Vec::new()),
            _ => Answer::Says(numbers(1_000_000), CreditHold::Auto, Vec::new()),
        };
        let left = self.account.left;
        let check = self.account.decide(&CreditRules::default(), asked, &answer, left).unwrap();
        Brought::Credit(Box::new(check))
    }

    /// Somebody looks after the account.
    pub(super) fn look(&mut self, order: &Order) {
        let known: Vec<u32> = self.account.orders.iter().map(|known| known.edit).collect();
        self.account.see(&[order.seen_by_account(&known)]);
    }

    /// What the account counts for the order.
    fn counted(&self) -> i64 {
        self.account.orders.iter().map(LetThrough::minor).sum()
    }

    /// Whatever an edit adds at the ERP counts on the customer's account by then. An authorization may run out in between; that
    /// is none of the edit's doing.
    pub(super) fn counts_what_is_edited(&self, order: &Order, number: usize) {
        let (edit, adds) = (&order.edits[number - 1], order.adds_on_account(&order.edits[number - 1]));
        let known = self.account.orders.iter().find(|known| usize::try_from(known.edit) == Ok(number));
        let counts = known.map_or(0, LetThrough::minor);
        let asked = edit.credit.is_some() && order.payments.is_empty();
        assert!(!asked || counts >= adds, "{adds} are added, {counts} count: {:?}", self.account);
    }

    /// Whatever goes to the ERP on account counts on the customer's account by then.
    pub(super) fn counts_what_is_booked(&mut self, order: &Order) {
        if order.state() != State::Cancelling {
            self.look(order);
        }
        let Some(passed) = order.credit.as_ref().and_then(|credit| credit.passed) else {
            let needed = order.credit.is_some() && order.on_account() > 0 && order.state() != State::Cancelling;
            assert!(!needed || self.booked, "booked without credit");
            return;
        };
        let counts =
            self.account.orders.iter().any(|known| {
                known.order == order.id && known.check.as_ref().is_some_and(|check| check.minor == passed)
            });
        assert!(counts, "{passed} went on and counts nowhere: {:?}", self.account);
        let (counted, booked) = (self.counted(), order.on_account());
        assert!(counted >= booked, "{booked} are booked, {counted} count: {:?}", self.account);
    }
}
