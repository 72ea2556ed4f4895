//! What may happen to an order. Pure: no await, no clock, no I/O; time comes in with the command.

use retail_proto::types::v1::Ref;

use crate::fault::Error;
use crate::payments::{self, NOT_AUTHORIZED};
use crate::pickup::{Pickup, Stage};
use crate::record::{Capture, Hold, Line, Order, State};
use crate::screening::TAKEN_OVER;
use crate::shop_order::Finding;

impl Order {
    /// True when nothing will happen to it any more by itself.
    #[must_use]
    pub fn is_over(&self) -> bool {
        match self.state() {
            State::Completed | State::Cancelled | State::Refused => true,
            State::Received
            | State::Held
            | State::Reserved
            | State::Booked
            | State::PartlyShipped
            | State::Shipped
            | State::Cancelling => false,
        }
    }

    /// Puts an order that has not been booked on hold, unless that hold was released before. An order that is being
    /// cancelled meanwhile stays so.
    pub fn hold(&mut self, reason: &str, detail: &str, at: i64) {
        if !matches!(self.state(), State::Received | State::Held) {
            return;
        }
        let known = self.holds.iter().any(|hold| hold.reason == reason);
        if known || self.released.iter().any(|released| released == reason) {
            return;
        }
        self.holds.push(Hold { reason: reason.to_owned(), detail: detail.to_owned(), since: at, expires_at: 0 });
        self.set_state(State::Held);
    }

    /// A person wants to look at it first. Only what is not booked can wait; holding twice is a no-op.
    pub fn hold_by_person(&mut self, note: &str, at: i64) -> Result<(), Error> {
        if !matches!(self.state(), State::Received | State::Held) || self.reserved {
            let status = self.status().to_lowercase();
            return Err(Error::TooLateToHold { id: self.id.clone(), status });
        }
        // Whoever holds it again after a release means it.
        self.released.retain(|reason| reason != "HELD_BY_PERSON");
        self.hold("HELD_BY_PERSON", note, at);
        Ok(())
    }

    /// Releases one hold; the order goes on when it was the last.
    pub fn release_hold(&mut self, reason: &str) -> Result<(), Error> {
        if self.released.iter().any(|released| released == reason) {
            return Ok(());
        }
        if !self.lift_hold(reason) {
            return Err(Error::NoSuchHold { id: self.id.clone(), reason: reason.to_owned() });
        }
        match reason {
            // The person has looked and takes it over as it is.
            reason if TAKEN_OVER.contains(&reason) => self.released.push(reason.to_owned()),
            "UNKNOWN_ITEM" => self.items_known = false,
            reason if Finding::is(reason) => self.acknowledge_shop(reason),
            NOT_AUTHORIZED => payments::ask_again(self),
            // Asked again, never waved through: what still lacks holds the order again.
            _ => {}
        }
        Ok(())
    }

    /// Takes a hold away; the order goes on when it was the last. Answers whether there was one.
    pub(crate) fn lift_hold(&mut self, reason: &str) -> bool {
        let before = self.holds.len();
        self.holds.retain(|hold| hold.reason != reason);
        if self.holds.is_empty() && self.state() == State::Held {
            self.set_state(State::Received);
        }
        self.holds.len() < before
    }

    /// Begins to cancel an order of which nothing has shipped; cancelling twice is a no-op. `erp_asked` says whether
    /// a sales order may exist although its answer never came.
    pub fn cancel(&mut self, reason: &str, erp_asked: bool) -> Result<(), Error> {
        match self.state() {
            State::Booked if self.adopted => Err(Error::Adopted { id: self.id.clone() }),
            State::Cancelling | State::Cancelled => Ok(()),
            State::PartlyShipped | State::Shipped | State::Completed => {
                Err(Error::AlreadyShipped { id: self.id.clone() })
            }
            State::Refused => Err(Error::AlreadyRefused { id: self.id.clone() }),
            // The ERP has not shipped it yet; the customer has it all the same.
            State::Booked if self.stage() == Some(Stage::Collected) => {
                Err(Error::AlreadyShipped { id: self.id.clone() })
            }
            State::Received | State::Held | State::Reserved | State::Booked => {
                self.holds.clear();
                self.erp_asked = erp_asked || self.sales_order.is_some();
                reason.clone_into(&mut self.cause);
                self.set_state(State::Cancelling);
                Ok(())
            }
        }
    }

    /// Refuses an order that was only asked for.
    pub fn refuse(&mut self, cause: &str) {
        if self.capture() == Capture::Request && self.state() == State::Received {
            cause.clone_into(&mut self.cause);
            self.set_state(State::Refused);
        }
    }

    /// Moves the state as far as what is known allows. Called after every change.
    pub fn advance(&mut self) {
        if self.adopted {
            self.set_state(self.adopted_state());
            return;
        }
        self.turn_edit();
        self.plan_payments();
        // The ERP may have more of it than is known here.
        let goods_done =
            self.lines.iter().all(|line| !line.is_goods() || line.open() == 0) && !self.is_edited_at_the_erp();
        let any_shipped = !self.shipments.is_empty();
        let next = match self.state() {
            State::Received if self.reserved => State::Reserved,
            State::Reserved if self.sales_order.is_some() => State::Booked,
            State::Booked | State::PartlyShipped if any_shipped && goods_done => State::Shipped,
            State::Booked if any_shipped => State::PartlyShipped,
            State::Booked if goods_done && self.is_invoiced() && self.has_no_goods() => State::Shipped,
            State::Booked if self.erp_closed => State::Cancelling,
            // The warehouse was faster than the cancellation; the ERP has closed what was left.
            State::Cancelling if any_shipped && self.erp_closed => State::PartlyShipped,
            State::Shipped if self.is_settled() => State::Completed,
            State::Cancelling if self.has_let_go() && self.money_is_back() => State::Cancelled,
            same @ (State::Received
            | State::Held
            | State::Reserved
            | State::Booked
            | State::PartlyShipped
            | State::Shipped
            | State::Completed
            | State::Cancelling
            | State::Cancelled
            | State::Refused) => same,
        };
        if next != self.state() {
            self.set_state(next);
            if next == State::Cancelled {
                self.end_what_is_under_way("the order was cancelled");
            }
            self.advance();
        }
    }

    /// Nothing of it goes anywhere any more.
    fn end_what_is_under_way(&mut self, cause: &str) {
        if let Some((number, _)) = self.rerouting() {
            self.fail_reroute(number, cause);
        }
        if let Some((number, _)) = self.cancelling_lines() {
            self.lines_not_cancelled(number, cause);
        }
        if let Some((number, _)) = self.editing() {
            self.fail_edit(number, cause);
        }
    }

    /// True for an order that was adopted and that nobody has booked: whoever sold it is only about to say so.
    #[must_use]
    pub fn is_early(&self) -> bool {
        self.adopted && self.sales_order.is_none() && self.state() == State::Booked
    }

    /// Where an order stands that others look after: what the facts say, and nothing waits for us.
    fn adopted_state(&self) -> State {
        let goods_done = self.lines.iter().all(|line| !line.is_goods() || line.open() == 0);
        match (self.shipments.is_empty(), goods_done) {
            (true, _) if self.erp_closed => State::Cancelled,
            (true, _) if self.has_no_goods() && self.is_invoiced() => State::Completed,
            (true, _) => State::Booked,
            (false, false) => State::PartlyShipped,
            (false, true) if self.is_invoiced() => State::Completed,
            (false, true) => State::Shipped,
        }
    }

    /// True when neither the ERP nor the stock nor the shop holds anything for a cancelled order any more.
    fn has_let_go(&self) -> bool {
        self.given_back && (self.erp_closed || !self.erp_asked) && self.shop_has_let_go()
    }

    /// True when every line is a charge.
    #[must_use]
    pub fn has_no_goods(&self) -> bool {
        self.lines.iter().all(|line| !line.is_goods())
    }

    /// True when the invoices cover what was not closed unshipped.
    #[must_use]
    pub fn is_invoiced(&self) -> bool {
        let invoiced: i64 = self.invoices.iter().map(|invoice| invoice.minor).sum();
        // What the ERP was asked to sell: taxes on top and a total that somebody took over are not in its lines.
        let expected: i64 = self.lines.iter().map(Line::to_invoice).sum();
        !self.invoices.is_empty() && (invoiced >= expected || self.is_billed_as_edited())
    }

    /// True when something was closed unshipped although something else has shipped: its goods are still promised.
    #[must_use]
    pub fn has_leftovers(&self) -> bool {
        self.lines.iter().any(|line| line.is_goods() && line.closed && line.shipped < line.quantity)
    }

    /// True when no line is on its way to another place, into another quantity or out of the order.
    #[must_use]
    pub(crate) fn lines_are_at_rest(&self) -> bool {
        self.rerouting().is_none() && self.cancelling_lines().is_none() && self.editing().is_none()
    }

    /// True when shipment, invoice, payment and every system agree.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.is_invoiced()
            && self.shipments.iter().all(|shipment| shipment.consumed && shipment.told)
            && self.pickup.as_ref().is_none_or(Pickup::is_over)
            && self.lines_are_at_rest()
            && self.shop_knows_of_lines()
            && self.is_paid()
            && (!self.has_leftovers() || (self.given_back && self.money_is_back()))
            && (!self.is_overpaid() || self.money_is_back())
            && self.payments.iter().all(|payment| !payment.is_captured() || payment.document.is_some())
    }

    /// What must be told to the CRM, as a stamp that changes when it does; `None` while the order is only passing
    /// through. Completed reads like shipped and invoiced: the agent sees no difference.
    #[must_use]
    pub fn crm_stamp(&self) -> Option<String> {
        let holds: Vec<&str> = self.holds.iter().map(|hold| hold.reason.as_str()).collect();
        let word = match self.state() {
            State::Received | State::Reserved | State::Cancelling if !self.parked => return None,
            State::Received | State::Reserved | State::Cancelling => "waiting",
            State::Held => "held",
            State::Booked => "booked",
            State::PartlyShipped | State::Shipped | State::Completed => "shipped",
            State::Cancelled => "cancelled",
            State::Refused => "refused",
        };
        let parked = if self.parked { "+parked" } else { "" };
        let pickup = self.stage().map(|stage| format!("/{}", stage.word())).unwrap_or_default();
        let ended = self.reroutes.iter().filter(|reroute| reroute.is_over()).count();
        let ended = ended + self.line_cancels.iter().filter(|cancel| cancel.is_over()).count();
        let ended = ended + self.edits.iter().filter(|edit| edit.is_over()).count();
        let moved = if ended > 0 { format!("/c{ended}") } else { String::new() };
        let (shipments, invoices) = (self.shipments.len(), self.invoices.len());
        let unpaid = if self.lacks_money() > 0 { "/unpaid" } else { "" };
        Some(format!("{word}{parked}/{}s{shipments}i{invoices}{pickup}{moved}{unpaid}", holds.join("+")))
    }

    /// Remembers a record of another system, once.
    pub fn remember(&mut self, record: &Ref) {
        let known = self.refs.iter().any(|known| {
            known.kind == record.kind
                && known.instance == record.instance
                && known.r#type == record.r#type
                && known.id == record.id
        });
        if !known {
            self.refs.push(record.clone());
        }
    }

    /// Where its pickup stands; none when it is shipped.
    #[must_use]
    pub fn stage(&self) -> Option<Stage> {
        self.pickup.as_ref().map(Pickup::stage)
    }

    /// The state of an order that is booked and goes another way than from a shelf into a parcel: what its pickup or its
    /// rerouting says.
    fn special_words(&self) -> Option<(&'static str, &'static str)> {
        if self.parked || !matches!(self.state(), State::Booked | State::PartlyShipped | State::Shipped) {
            return None;
        }
        if self.rerouting().is_some() {
            return Some(("Booked, going to another place", "Another place takes it, and the ERP is told"));
        }
        if self.editing().is_some() {
            return Some(("Booked, being changed", "Goods are promised as changed, and the ERP is told"));
        }
        if self.lacks_money() > 0 {
            return Some(("Booked, and not paid", "The customer pays anew, or somebody cancels it"));
        }
        if let Some(words) = self.found_words() {
            return Some(words);
        }
        if self.is_stranded() && self.pickup.is_none() {
            return Some(("Rejected by its place", "Somebody names another place, or cancels it"));
        }
        match self.stage()? {
            Stage::Awaited => Some(("Booked, being picked in the store", "The store picks it")),
            Stage::Ready => Some(("Ready for pickup", "The customer collects it")),
            Stage::Rejected if self.state() == State::Shipped => Some((
                "Rejected by the store, shipped in the ERP",
                "Somebody hands it over or takes it back in the ERP",
            )),
            Stage::Rejected => Some(("Rejected by the store", "Somebody moves it, ships it or cancels it")),
            Stage::Lapsed => Some(("Not collected in time", "Somebody hands it over or takes it back in the ERP")),
            Stage::Collected | Stage::Shipping => None,
        }
    }

    /// The state in plain words.
    #[must_use]
    pub fn status(&self) -> &'static str {
        if let Some((status, _)) = self.special_words() {
            return status;
        }
        match self.state() {
            _ if self.parked => "Waiting for a person",
            State::Received => "Received, being checked",
            State::Held => "On hold",
            State::Reserved => "Stock promised, being booked",
            State::Booked if self.adopted => "Booked elsewhere, waiting for shipment",
            State::Booked => "Booked, waiting for shipment",
            State::PartlyShipped => "Partly shipped",
            State::Shipped if self.is_invoiced() => "Shipped and invoiced",
            State::Shipped => "Shipped, waiting for the invoice",
            State::Completed => "Shipped and invoiced",
            State::Cancelling => "Being cancelled",
            State::Cancelled => "Cancelled",
            State::Refused => "Refused",
        }
    }

    /// What happens next, in plain words.
    #[must_use]
    pub fn next_words(&self) -> &'static str {
        if let Some((_, next)) = self.special_words() {
            return next;
        }
        match self.state() {
            _ if self.parked => "Somebody mends the cause and resumes the order",
            State::Received => "Customer, items, price and stock are settled",
            State::Held => "Somebody looks at the hold and releases it, or cancels the order",
            State::Reserved => "The ERP takes the sales order",
            State::Booked | State::PartlyShipped => "The warehouse ships",
            State::Shipped if self.is_invoiced() => "The last systems are told",
            State::Shipped => "The ERP invoices",
            State::Cancelling => "The ERP's order is closed, stock and money are given back",
            State::Completed | State::Cancelled | State::Refused => "",
        }
    }
}

impl Line {
    /// The part of the amount that the ERP will invoice: all of it, unless the line was closed before all had shipped.
    fn to_invoice(&self) -> i64 {
        self.part_of(self.amount)
    }

    /// The part of an amount of the line that belongs to what was delivered: all of it, unless the line was closed
    /// before. A charge moves no stock: what was billed of it counts.
    pub(crate) fn part_of(&self, minor: i64) -> i64 {
        if !self.closed {
            return minor;
        }
        self.share(minor, if self.is_goods() { self.shipped } else { self.invoiced })
    }

    /// The share of an amount of the line that belongs to a quantity of it, never more than the amount.
    pub(crate) fn share(&self, minor: i64, quantity: i64) -> i64 {
        if self.quantity == 0 {
            return minor;
        }
        let part = i128::from(minor) * i128::from(quantity.min(self.quantity)) / i128::from(self.quantity);
        i64::try_from(part).unwrap_or(minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::order;

    #[test]
    fn a_shipped_order_cannot_be_cancelled() {
        let mut order = order().shipped();
        insta::assert_snapshot!(order.cancel("no longer wanted", false).unwrap_err(), @"order o-1 has shipped; open a return instead");
    }

    #[test]
    fn cancelling_twice_changes_nothing_more() {
        let mut order = order().booked();
        order.cancel("no longer wanted", false).unwrap();
        let once = order.clone();
        order.cancel("again", true).unwrap();
        assert_eq!(order, once);
    }

    #[test]
    fn a_cancelled_order_ends_only_when_erp_and_stock_have_let_go() {
        let mut order = order().booked();
        order.payments.clear();
        order.cancel("no longer wanted", false).unwrap();
        order.given_back = true;
        order.advance();
        assert_eq!(order.state(), State::Cancelling, "the ERP still has it");
        order.erp_closed = true;
        order.advance();
        assert_eq!(order.state(), State::Cancelled);
    }

    #[test]
    fn an_order_that_may_have_reached_the_erp_waits_for_the_erp_to_close_it() {
        let mut order = order().reserved();
        order.cancel("no longer wanted", true).unwrap();
        order.given_back = true;
        order.advance();
        assert_eq!(order.state(), State::Cancelling);
    }

    #[test]
    fn a_released_hold_does_not_come_back() {
        let mut order = order().received();
        order.hold("TOTAL_MISMATCH", "1.00 too much", 1);
        assert_eq!(order.state(), State::Held);
        order.release_hold("TOTAL_MISMATCH").unwrap();
        assert_eq!(order.state(), State::Received);
        order.hold("TOTAL_MISMATCH", "1.00 too much", 2);
        assert_eq!(order.state(), State::Received);
    }

    #[test]
    fn a_hold_that_a_person_cannot_wave_through_comes_back_while_its_cause_lasts() {
        let mut order = order().received();
        order.hold("INSUFFICIENT_STOCK", "line 1", 1);
        order.release_hold("INSUFFICIENT_STOCK").unwrap();
        order.hold("INSUFFICIENT_STOCK", "line 1", 2);
        assert_eq!(order.state(), State::Held);
    }

    #[test]
    fn an_answer_that_comes_after_the_cancellation_does_not_hold_the_order() {
        let mut order = order().received();
        order.cancel("no longer wanted", false).unwrap();
        order.hold("UNKNOWN_ITEM", "line 1", 1);
        assert_eq!(order.state(), State::Cancelling);
    }

    #[test]
    fn a_line_closed_half_shipped_is_invoiced_by_half() {
        let mut order = order().shipped();
        order.lines[0].shipped = order.lines[0].quantity / 2;
        order.lines[0].closed = true;
        let expected = order.lines[0].amount / 2 + order.lines[1].amount;
        order.invoices.push(crate::documents::Invoice { minor: expected, ..Default::default() });
        assert!(order.is_invoiced());
        assert!(!order.is_settled(), "its goods are still promised");
    }

    #[test]
    fn releasing_an_unknown_item_asks_for_the_item_again() {
        let mut order = order().received();
        order.items_known = true;
        order.hold("UNKNOWN_ITEM", "line 1", 1);
        order.release_hold("UNKNOWN_ITEM").unwrap();
        assert!(!order.items_known);
    }

    #[test]
    fn an_adopted_order_is_cancelled_where_it_was_sold() {
        let mut order = order().booked();
        order.adopted = true;
        insta::assert_snapshot!(order.cancel("no longer wanted", false).unwrap_err(), @"order o-1 was adopted: Weft does nothing for it by itself; cancel it where it was sold");
    }

    #[test]
    fn only_an_order_that_was_asked_for_can_be_refused() {
        let mut fact = order().received();
        fact.set_capture(Capture::Fact);
        fact.refuse("INSUFFICIENT_STOCK");
        assert_eq!(fact.state(), State::Received);
        let mut request = order().received();
        request.set_capture(Capture::Request);
        request.refuse("INSUFFICIENT_STOCK");
        assert_eq!(request.state(), State::Refused);
    }

    #[test]
    fn an_order_is_complete_when_every_book_is_closed() {
        let mut order = order().shipped();
        order.advance();
        assert_eq!(order.state(), State::Shipped, "no invoice yet");
        let order = order.invoiced_and_told();
        assert_eq!(order.state(), State::Completed);
    }
}
