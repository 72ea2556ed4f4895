//! The customer's account in the model: sometimes there is room, sometimes not, sometimes the ERP cannot say.

use retail_proto::erp::v1::CreditHold;

use super::world::World;
use crate::credit::{Answer, Asked, CreditRules, Numbers};
use crate::journey::Brought;
use crate::leg::Look;
use crate::record::{Order, State};

impl World {
    pub(super) fn ask_credit(&mut self, order: &Order, look: Look, luck: u8) -> Brought {
        let asked = Asked::of(order, self.now);
        let held = order.state() == State::Held;
        assert!(held == (look == Look::Again), "asked {look:?} in {:?}", order.state());
        let numbers = |limit| Numbers { currency: "GBP".into(), limit: Some(limit), ..Numbers::default() };
        let answer = match luck % 4 {
            0 if held => Answer::Silent("VENDOR_UNREACHABLE".into()),
            0 | 1 => Answer::Says(numbers(1), CreditHold::Auto, Vec::new()),
            _ => Answer::Says(numbers(1_000_000), CreditHold::Auto, Vec::new()),
        };
        let left = self.account.left;
        let check = self.account.decide(&CreditRules::default(), &asked, &answer, left).unwrap();
        Brought::Credit(Box::new(check))
    }

    /// Whatever goes to the ERP on account counts on the customer's account by then.
    pub(super) fn counts_what_is_booked(&self, order: &Order) {
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
    }
}
