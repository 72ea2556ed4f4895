//! What the shop that sold an order has taken for it since, what is still owed there and what went back. Pure.
//!
//! The shop's money is the shop's to take: what an edit adds is paid there, now or later, and is a payment of its own here
//! once it is. What an edit takes off goes back there, by the shop or in the end by us.

use retail_proto::orders::v1::PaymentState;

use crate::documents::Payment;
use crate::record::{Order, State};

impl Order {
    /// What the order comes to at the shop, minor units; none when the shop does not say. What was received, and what is
    /// still owed, less what went back for goods that it no longer has.
    #[must_use]
    pub(crate) fn shop_total(&self) -> Option<i64> {
        let standing = self.shop.as_ref().filter(|standing| standing.currency == self.currency)?;
        let gross = standing.received?.saturating_add(standing.outstanding?);
        Some(gross.saturating_sub(standing.given_back))
    }

    /// What the shop has given back for goods that the order no longer has, minor units.
    #[must_use]
    pub(crate) fn shop_gave_back(&self) -> i64 {
        let standing = self.shop.as_ref().filter(|standing| standing.currency == self.currency);
        standing.map_or(0, |standing| standing.given_back)
    }

    /// Takes over what the shop has taken beyond the payments that are known. Money that comes with an edit made here was
    /// taken elsewhere and is none of it.
    pub(crate) fn take_shop_money(&mut self, at: i64) {
        let Some(standing) = self.shop.as_ref().filter(|standing| standing.currency == self.currency) else { return };
        let Some(received) = standing.received else { return };
        let over = matches!(self.state(), State::Cancelling | State::Cancelled | State::Refused);
        if self.adopted || over || self.payments.iter().any(|payment| !payment.service.is_empty()) {
            return;
        }
        if standing.given_back > self.refunded() {
            // Refunds that were made since are read before anything is settled.
            self.refunds_known = false;
        }
        let elsewhere = |payment: &Payment| self.edits.iter().any(|edit| edit.payment == payment.id);
        let shops = self.payments.iter().filter(|payment| payment.is_captured() && !elsewhere(payment));
        let known = shops.fold(0_i64, |sum, payment| sum.saturating_add(payment.minor));
        let minor = received.saturating_sub(known);
        if minor <= 0 {
            return;
        }
        let captured = i32::from(PaymentState::Captured);
        let number = self.payments.len().saturating_add(1);
        let open = [i32::from(PaymentState::Pending), i32::from(PaymentState::Authorized)];
        let promised = self.payments.iter_mut().find(|payment| open.contains(&payment.state) && payment.minor == minor);
        if let Some(promised) = promised {
            promised.state = captured;
            promised.taken_at = at;
        } else {
            let like = self.payments.first().cloned().unwrap_or_default();
            self.payments.push(Payment {
                id: format!("{}/p{number}", self.id),
                minor,
                state: captured,
                tender: like.tender,
                gateway: like.gateway,
                reference: format!("{}/{number}", self.channel_order_id),
                taken_at: at,
                ..Payment::default()
            });
        }
        // It belongs into the ERP's books whenever it comes.
        if self.state() == State::Completed {
            self.set_state(State::Shipped);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shop_order::Standing;
    use crate::testing::order;

    fn told(mut order: Order, received: i64, outstanding: i64) -> Order {
        let (currency, received, outstanding) = (order.currency.clone(), Some(received), Some(outstanding));
        order.shop = Some(Standing { currency, received, outstanding, ..Standing::default() });
        order.take_shop_money(9);
        order
    }

    #[test]
    fn what_the_shop_took_later_is_a_payment_of_its_own_and_once() {
        let total = order().booked().total;
        let mut order = told(order().booked(), total + 600, 0);
        let seen: Vec<_> = order.payments.iter().map(|one| (one.id.as_str(), one.minor, one.is_captured())).collect();
        assert_eq!(seen, [("o-1/p1", total, true), ("o-1/p2", 600, true)]);
        let once = order.clone();
        order.take_shop_money(10);
        assert_eq!(order, once);
    }

    #[test]
    fn what_is_only_due_is_no_payment() {
        let total = order().booked().total;
        let order = told(order().booked(), total, 600);
        assert_eq!((order.payments.len(), order.shop_total()), (1, Some(total + 600)));
    }

    #[test]
    fn an_authorization_that_the_shop_has_captured_is_taken() {
        let mut waiting = order().booked();
        waiting.payments[0].state = i32::from(PaymentState::Authorized);
        let order = told(waiting.clone(), waiting.total, 0);
        assert_eq!((order.payments.len(), order.payments[0].is_captured()), (1, true));
    }

    #[test]
    fn money_that_comes_when_all_is_done_opens_the_books_again() {
        let done = order().shipped().invoiced_and_told();
        let total = done.total;
        assert_eq!(told(done, total + 100, 0).state(), State::Shipped);
    }

    #[test]
    fn money_that_came_with_an_edit_of_ours_is_not_the_shops() {
        let mut order = order().booked();
        order.payments.push(Payment { id: "o-1/p2".into(), minor: 510, state: 3, ..Payment::default() });
        order.edits.push(crate::edit::Edit { payment: "o-1/p2".into(), ..Default::default() });
        let total = order.total;
        let order = told(order, total + 100, 0);
        assert_eq!((order.payments.len(), order.payments[2].minor), (3, 100));
    }
}
