//! Where a return stands, from what is known of it alone, and in what words. Pure.

use crate::fault::Error;
use crate::line::Line;
use crate::part::Part;
use crate::record::{Bought, Return, State};
use crate::settling::authorize;

impl Return {
    /// True when nothing will happen to it any more by itself.
    #[must_use]
    pub(crate) fn is_over(&self) -> bool {
        match self.state() {
            State::Completed | State::Cancelled | State::Refused => true,
            State::Requested
            | State::Held
            | State::Authorized
            | State::PartlyReceived
            | State::Received
            | State::Cancelling => false,
        }
    }

    /// Moves the state as far as what is known allows. Called after every change.
    pub(crate) fn advance(&mut self) {
        authorize(self);
        let next = match self.state() {
            State::Cancelled => State::Cancelled,
            // The warehouse was faster than the cancellation: what has come back is credited.
            State::Cancelling if !self.has_come_back() => {
                if self.is_undone() {
                    State::Cancelled
                } else {
                    State::Cancelling
                }
            }
            State::Requested
            | State::Held
            | State::Authorized
            | State::PartlyReceived
            | State::Received
            | State::Completed
            | State::Cancelling
            | State::Refused => self.standing(),
        };
        if self.state() == State::Cancelling && next != State::Cancelling && next != State::Cancelled {
            "goods came back before it could be cancelled".clone_into(&mut self.cause);
        }
        self.set_state(next);
    }

    /// Good lines go their way while others wait for a person: a return whose good lines are done and whose other lines
    /// are not stays RECEIVED, and `next` says who is waited for.
    fn standing(&self) -> State {
        let being_settled = self.lines.iter().any(|line| line.is_being_settled() || line.waits_for_order);
        let waiting = self.lines.iter().any(Line::is_exception);
        if self.parts.is_empty() {
            return match (being_settled, waiting) {
                (true, _) => State::Requested,
                (false, true) => State::Held,
                (false, false) => State::Refused,
            };
        }
        if self.lines.iter().any(|line| self.awaited(line) > 0) {
            return if self.has_come_back() { State::PartlyReceived } else { State::Authorized };
        }
        let noted = self.given.as_ref().is_none_or(|given| given.noted);
        let open = being_settled || waiting || self.owes_answer() || !noted;
        if open || !self.parts.iter().all(Part::is_done) {
            return State::Received;
        }
        if self.parts.iter().any(Part::is_to_be_credited) { State::Completed } else { State::Cancelled }
    }

    /// True when any goods have come back.
    #[must_use]
    pub(crate) fn has_come_back(&self) -> bool {
        self.parts.iter().any(|part| !part.receipts.is_empty())
    }

    /// Begins to cancel a return of which nothing has come back; cancelling twice is a no-op. `asked` says of which
    /// parts a return may exist in the ERP although its answer never came.
    pub(crate) fn cancel(&mut self, reason: &str, asked: impl Fn(&Part) -> bool) -> Result<(), Error> {
        match self.state() {
            State::Cancelling | State::Cancelled => Ok(()),
            State::Refused => Err(Error::Ended { id: self.id.clone() }),
            State::PartlyReceived | State::Completed => Err(Error::AlreadyReceived { id: self.id.clone() }),
            State::Requested | State::Held | State::Authorized | State::Received => {
                if self.has_come_back() || self.parts.iter().any(|part| part.settlement.is_some()) {
                    return Err(Error::AlreadyReceived { id: self.id.clone() });
                }
                for part in &mut self.parts {
                    part.erp_asked = part.return_authorization.is_some() || asked(part);
                }
                self.orders.iter_mut().for_each(|order| order.given_back = false);
                reason.clone_into(&mut self.cause);
                self.set_state(State::Cancelling);
                Ok(())
            }
        }
    }

    /// True when no system has anything of it any more.
    fn is_undone(&self) -> bool {
        let closed = self.parts.iter().all(|part| !part.erp_asked || part.erp_closed);
        closed && self.to_give_back().is_empty()
    }

    /// Orders whose claims a cancellation must still give back: every order that a line was found with, because a
    /// claim may have been made although its answer never came.
    #[must_use]
    pub(crate) fn to_give_back(&self) -> Vec<String> {
        let back = |id: &str| self.bought(id).is_some_and(|order| order.given_back);
        let mut orders: Vec<String> = self.lines.iter().map(|line| line.order_id.clone()).collect();
        orders.sort_unstable();
        orders.dedup();
        orders.retain(|id| !id.is_empty() && !back(id));
        orders
    }

    /// Remembers that the claims of an order were given back.
    pub(crate) fn gave_back(&mut self, order_id: &str) {
        if let Some(order) = self.orders.iter_mut().find(|order| order.order_id == order_id) {
            order.given_back = true;
        } else {
            self.orders.push(Bought { order_id: order_id.to_owned(), given_back: true, ..Bought::default() });
        }
    }

    /// The state in plain words.
    #[must_use]
    pub(crate) fn status(&self) -> &'static str {
        match self.state() {
            _ if self.parked => "Waiting for a person",
            State::Requested => "Asked for, being checked",
            State::Held => "On hold",
            State::Authorized => "Authorized, waiting for the goods",
            State::PartlyReceived => "Partly back",
            State::Received if self.parts.iter().all(Part::is_done) => "Good lines credited, others waiting",
            State::Received => "Back, being credited",
            State::Completed => "Credited and refunded",
            State::Cancelling => "Being cancelled",
            State::Cancelled => "Cancelled",
            State::Refused => "Refused",
        }
    }

    /// What happens next, in plain words.
    #[must_use]
    pub(crate) fn next_words(&self) -> String {
        let settles = || match self.open_exceptions() {
            1 => "Somebody settles 1 line".to_owned(),
            lines => format!("Somebody settles {lines} lines"),
        };
        match self.state() {
            _ if self.parked => "Somebody mends the cause and resumes the return".to_owned(),
            State::Requested if self.waiting_since != 0 => "The order is shipped and invoiced".to_owned(),
            State::Requested => "Customer, purchases and eligibility are settled".to_owned(),
            State::Held => settles(),
            State::Authorized | State::PartlyReceived => "The goods come back".to_owned(),
            State::Received if self.parts.iter().all(Part::is_done) && self.waiting_since != 0 => {
                "The order is shipped and invoiced".to_owned()
            }
            State::Received if self.parts.iter().all(Part::is_done) && self.open_exceptions() > 0 => settles(),
            State::Received if self.parts.iter().any(Part::waits_for_money) => {
                "The order's own money is taken; then what came back is credited".to_owned()
            }
            State::Received => "The ERP credits and the shop gives the money back".to_owned(),
            State::Cancelling => "The ERP's returns are closed".to_owned(),
            State::Completed | State::Cancelled | State::Refused => String::new(),
        }
    }
}

#[cfg(test)]
#[path = "standing_tests.rs"]
mod tests;
