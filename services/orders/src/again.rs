//! Money authorized anew: an authorization that can be captured once, or ran out, leaves goods to be delivered that nobody
//! has promised to pay. Where the channel allows it and the customer let his card be used without him, what is still owed is
//! authorized on it again. Pure.
//!
//! It is planned with its number and amount before it is asked for, like a capture; there is one at a time, and none while
//! a capture or another authorization of the same card is open. All of them together never hold or take more than the
//! customer has authorized himself.

use retail_proto::orders::v1 as pb;
use retail_proto::payments::v1 as pay;

use crate::documents::{Payment, Standing};
use crate::record::Order;

/// Reason of a refusal that only says that the time was over.
const RAN_OUT: &str = "AUTHORIZATION_EXPIRED";

/// What becomes of an authorization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// Something can be, or may become, taken out of it.
    Open,
    /// All that it was good for was taken, or it ran out.
    Ended,
    /// Somebody said no: what comes next is for people to say.
    Refused,
}

impl Payment {
    /// True for an authorization that is asked for anew, as long as nobody knows what became of it.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        let unknown = self.reference.is_empty() && self.standing.is_none() && self.refusal.is_empty();
        !self.again_of.is_empty() && unknown && !self.let_go
    }

    /// True when what it leaves unpaid may be authorized anew: by the channel's rules, and by what the customer agreed to.
    fn may_renew(&self) -> bool {
        self.renews && self.standing.as_ref().is_some_and(|standing| standing.reusable)
    }
}

impl Order {
    /// Plans what is to be taken, then what is to be authorized anew.
    pub(crate) fn plan_payments(&mut self) {
        self.plan_capture();
        self.plan_again();
    }

    /// The authorization that is asked for anew; there is one at a time.
    pub(crate) fn awaited_authorization(&self) -> Option<&Payment> {
        self.payments.iter().find(|payment| payment.is_awaited())
    }

    /// True while somebody is asked for what is still owed, or will be once a capture is taken.
    pub(crate) fn is_renewing(&self) -> bool {
        let planned = self.planned_capture().map(|capture| &capture.taken_from);
        let from = planned.and_then(|from| self.payments.iter().find(|one| one.id == *from));
        self.awaited_authorization().is_some() || from.is_some_and(|from| self.renews(from))
    }

    /// True when nobody knows yet what became of a capture, or of an authorization that is asked for anew.
    pub(crate) fn money_is_moving(&self) -> bool {
        self.planned_capture().is_some() || self.awaited_authorization().is_some()
    }

    /// True when this authorization need not be kept for the last parcel: the rest is authorized anew.
    pub(crate) fn renews(&self, authorization: &Payment) -> bool {
        let first = if authorization.again_of.is_empty() { &authorization.id } else { &authorization.again_of };
        self.payments.iter().any(|payment| payment.id == *first && payment.may_renew())
    }

    /// Plans to authorize what is still owed.
    fn plan_again(&mut self) {
        let missing = self.missing_money();
        // While the order changes nobody knows what will be owed.
        let settled = self.editing().is_none() && self.cancelling_lines().is_none();
        if missing == 0 || !settled || self.money_is_moving() {
            return;
        }
        let mut firsts = self.payments.iter().filter(|payment| payment.again_of.is_empty() && payment.may_renew());
        let usable = firsts.find_map(|first| {
            let minor = missing.min(self.left_of_consent(first));
            (minor > 0).then(|| (first.clone(), minor))
        });
        let Some((first, minor)) = usable else { return };
        let named = self.payments.iter().filter(|payment| payment.taken_from.is_empty()).count();
        self.payments.push(Payment {
            id: format!("{}/p{}", self.id, named.saturating_add(1)),
            minor,
            state: i32::from(pb::PaymentState::Pending),
            tender: first.tender,
            gateway: first.gateway,
            service: first.service,
            again_of: first.id,
            ..Payment::default()
        });
    }

    /// What may be authorized anew for an authorization, minor units: nothing before it and all that followed it have
    /// ended, and no more in all than it was good for.
    fn left_of_consent(&self, first: &Payment) -> i64 {
        let family = || self.payments.iter().filter(|one| one.id == first.id || one.again_of == first.id);
        if family().any(|one| self.life(one) != Life::Ended) {
            return 0;
        }
        let authorized = first.standing.as_ref().map_or(0, |standing| standing.authorized);
        let taken = family().fold(0_i64, |sum, one| sum.saturating_add(self.taken_out_of(&one.id)));
        authorized.saturating_sub(taken).max(0)
    }

    fn life(&self, authorization: &Payment) -> Life {
        let standing = authorization.standing.as_ref();
        let state = standing.map(|one| pay::PaymentState::try_from(one.state).unwrap_or(pay::PaymentState::Pending));
        if state == Some(pay::PaymentState::Disputed) {
            return Life::Refused;
        }
        if !authorization.refusal.is_empty() {
            return if authorization.refusal.starts_with(RAN_OUT) { Life::Ended } else { Life::Refused };
        }
        if self.payments.iter().any(|one| one.taken_from == authorization.id && one.last) {
            return Life::Ended;
        }
        if authorization.let_go {
            // The order was cancelled, and goods have left all the same.
            return Life::Refused;
        }
        match state {
            None
            | Some(pay::PaymentState::Unspecified)
            | Some(pay::PaymentState::Pending)
            | Some(pay::PaymentState::Authorized)
            | Some(pay::PaymentState::PartlyCaptured) => Life::Open,
            Some(pay::PaymentState::PartlyRefunded) | Some(pay::PaymentState::Refunded)
                if standing.is_some_and(Standing::is_open) =>
            {
                Life::Open
            }
            Some(pay::PaymentState::Expired)
            | Some(pay::PaymentState::Captured)
            | Some(pay::PaymentState::PartlyRefunded)
            | Some(pay::PaymentState::Refunded) => Life::Ended,
            // Whoever cancelled it meant it, and a bank's no is the customer's to mend.
            Some(pay::PaymentState::Failed)
            | Some(pay::PaymentState::Cancelled)
            | Some(pay::PaymentState::Disputed) => Life::Refused,
        }
    }
}

/// The payment service has nothing that could be used: what it was asked for is not there, and never will be.
pub(crate) fn refused(order: &mut Order, id: &str, why: &str) {
    if let Some(asked) = order.payments.iter_mut().find(|payment| payment.id == id && payment.is_awaited()) {
        why.clone_into(&mut asked.refusal);
        asked.let_go = true;
        asked.state = i32::from(pb::PaymentState::Failed);
    }
}

/// The order is cancelled before it was asked for at all.
pub(crate) fn never_asked(order: &mut Order, id: &str) {
    if let Some(awaited) = order.payments.iter_mut().find(|payment| payment.id == id && payment.is_awaited()) {
        awaited.let_go = true;
        awaited.state = i32::from(pb::PaymentState::Voided);
    }
}

#[cfg(test)]
#[path = "again_tests.rs"]
mod tests;
