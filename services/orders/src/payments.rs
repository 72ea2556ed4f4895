//! Money that we take ourselves: what a payment service holds for an order, what of it is taken when, what is let go. Pure.
//!
//! A payment that names a payment service of ours is an authorization. What is taken out of it is a payment of its own
//! (`taken_from`), so that the ERP's books, the refunds and the money law see captures and nothing else. A capture is
//! planned with its amount before it is asked for: a repeat takes the same, whatever was delivered since.

use retail_proto::Currency;
use retail_proto::orders::v1 as pb;
use retail_proto::payments::v1 as pay;
use retail_runtime::fault::Violations;

use crate::config::Channel;
use crate::documents::{Payment, Standing};
use crate::fault::Error;
use crate::pickup::Stage;
use crate::place::parse_payment;
use crate::record::{Line, Order, State};
use crate::refunds::came_back;

/// Hold of an order whose authorizations do not cover it.
pub(crate) const NOT_AUTHORIZED: &str = "PAYMENT_NOT_AUTHORIZED";

/// An authorization that can be captured once is used this long before its end, milliseconds.
const BEFORE_THE_END: i64 = 12 * 3600 * 1000;

/// Captured and pending, as in the contract of orders.
const CAPTURED: i32 = 3;
const PENDING: i32 = 1;

impl Standing {
    /// What of a telling is kept. Amounts in another currency than the order's are none.
    fn of(told: &pay::Payment, currency: &str) -> Self {
        let minor = |amount: &Option<retail_proto::types::v1::Money>| {
            amount.as_ref().filter(|amount| amount.currency == currency).map_or(0, |amount| amount.minor_units)
        };
        Self {
            state: told.state,
            authorized: minor(&told.authorized),
            captured: minor(&told.captured),
            refunded: minor(&told.refunded),
            several: told.several_captures,
            cause: told.cause.clone(),
            revision: told.revision.clone(),
            capturable: minor(&told.capturable),
            reusable: told.reusable,
        }
    }

    fn state(&self) -> pay::PaymentState {
        pay::PaymentState::try_from(self.state).unwrap_or(pay::PaymentState::Pending)
    }

    /// Something can be captured. Of a payment that is captured parcel by parcel some may have been given back before the
    /// last of it is captured.
    pub(crate) fn is_open(&self) -> bool {
        match self.state() {
            pay::PaymentState::Authorized | pay::PaymentState::PartlyCaptured => true,
            pay::PaymentState::PartlyRefunded | pay::PaymentState::Refunded => self.capturable > 0,
            pay::PaymentState::Unspecified
            | pay::PaymentState::Pending
            | pay::PaymentState::Captured
            | pay::PaymentState::Failed
            | pay::PaymentState::Cancelled
            | pay::PaymentState::Expired
            | pay::PaymentState::Disputed => false,
        }
    }

    /// Something can be, or could become, captured.
    fn may_become_open(&self) -> bool {
        self.is_open()
            || matches!(
                self.state(),
                pay::PaymentState::Unspecified | pay::PaymentState::Pending | pay::PaymentState::Failed
            )
    }
}

impl Payment {
    /// True when we take the money.
    #[must_use]
    pub fn is_authorization(&self) -> bool {
        !self.service.is_empty() && self.taken_from.is_empty()
    }

    /// True for a capture that is not known to be taken.
    #[must_use]
    pub fn is_planned(&self) -> bool {
        !self.taken_from.is_empty() && !self.is_captured()
    }

    fn is_unasked(&self) -> bool {
        let unknown = self.standing.is_none() && self.refusal.is_empty() && !self.let_go;
        self.is_authorization() && unknown && !self.is_awaited()
    }
}

impl Order {
    fn authorizations(&self) -> impl DoubleEndedIterator<Item = &Payment> {
        self.payments.iter().filter(|payment| payment.is_authorization())
    }

    fn authorization(&mut self, id: &str) -> Option<&mut Payment> {
        self.payments.iter_mut().find(|payment| payment.is_authorization() && payment.id == id)
    }

    /// Authorizations that nobody has asked the payment service about.
    pub(crate) fn unasked_payments(&self) -> impl Iterator<Item = &Payment> {
        self.payments.iter().filter(|payment| payment.is_unasked())
    }

    /// The capture that is planned; there is one at a time.
    pub(crate) fn planned_capture(&self) -> Option<&Payment> {
        self.payments.iter().find(|payment| payment.is_planned())
    }

    /// What was, or is planned to be, taken out of an authorization, minor units.
    pub(crate) fn taken_out_of(&self, id: &str) -> i64 {
        let taken = self.payments.iter().filter(|payment| payment.taken_from == id);
        taken.fold(0, |sum, payment| sum.saturating_add(payment.minor))
    }

    /// What can still be taken out of an authorization, minor units.
    pub(crate) fn room(&self, authorization: &Payment) -> i64 {
        let ended = self.payments.iter().any(|payment| payment.taken_from == authorization.id && payment.last);
        match &authorization.standing {
            Some(standing)
                if standing.is_open() && !authorization.let_go && authorization.refusal.is_empty() && !ended =>
            {
                standing.authorized.saturating_sub(self.taken_out_of(&authorization.id)).max(0)
            }
            Some(_) | None => 0,
        }
    }

    pub(crate) fn rooms(&self) -> i64 {
        self.authorizations().fold(0, |sum, payment| sum.saturating_add(self.room(payment)))
    }

    /// What the customer owes for the order as it stands now, delivered or not, without what returns have credited before it
    /// was paid, minor units.
    pub(crate) fn owed(&self) -> i64 {
        let worth = self.lines.iter().fold(0_i64, |sum, line| sum.saturating_add(line.part_of(line.value())));
        worth.min(self.total).saturating_sub(self.return_credit()).max(0)
    }

    /// What the customer owes for what was delivered, minor units: goods as they were shipped or handed over, charges with
    /// the first of them; not what returns have credited before it was paid.
    fn earned(&self) -> i64 {
        let collected = self.stage() == Some(Stage::Collected);
        let begun = collected || !self.shipments.is_empty() || (self.has_no_goods() && self.is_invoiced());
        if !begun {
            return 0;
        }
        let worth = self.lines.iter().fold(0_i64, |sum, line| sum.saturating_add(line.earned(collected)));
        worth.min(self.total).saturating_sub(self.return_credit()).max(0)
    }

    /// What is to be taken now, minor units; a capture that is planned is as good as taken.
    pub(crate) fn due(&self) -> i64 {
        let taken = self.payments.iter().filter(|payment| payment.is_captured() || payment.is_planned());
        self.earned().saturating_sub(taken.fold(0, |sum, payment| sum.saturating_add(payment.minor))).max(0)
    }

    fn all_is_delivered(&self) -> bool {
        let collected = self.stage() == Some(Stage::Collected);
        let settled = self.editing().is_none();
        settled && (collected || self.lines.iter().all(|line| !line.is_goods() || line.open() == 0))
    }

    /// Plans the next capture, when something was delivered that is not paid. What can be captured once waits for the last
    /// delivery, or for its own end, unless the rest can be authorized anew.
    pub(crate) fn plan_capture(&mut self) {
        let due = self.due();
        let settling = matches!(self.state(), State::Booked | State::PartlyShipped | State::Shipped);
        if due == 0 || !settling || self.adopted || self.planned_capture().is_some() {
            return;
        }
        let complete = self.all_is_delivered();
        let usable = self.authorizations().find_map(|payment| {
            let several = payment.standing.as_ref().is_some_and(|standing| standing.several);
            let room = self.room(payment);
            let fits = room > 0 && (several || complete || payment.hurried || self.renews(payment));
            fits.then(|| (payment.clone(), due.min(room), !several || (complete && due <= room)))
        });
        let Some((from, minor, last)) = usable else { return };
        let number = from.captures.saturating_add(1);
        if let Some(authorization) = self.authorization(&from.id) {
            authorization.captures = number;
        }
        self.payments.push(Payment {
            id: format!("{}/c{number}", from.id),
            minor,
            last,
            state: PENDING,
            taken_from: from.id,
            tender: from.tender,
            gateway: from.gateway,
            reference: from.reference,
            service: from.service,
            ..Payment::default()
        });
    }

    /// The authorization that can be captured once, will end, and has something to be taken for: with the time when it must
    /// be used, milliseconds since 1970.
    pub(crate) fn capture_by(&self) -> Option<(&Payment, i64)> {
        if self.due() == 0 || self.planned_capture().is_some() {
            return None;
        }
        let ending = self.authorizations().filter(|payment| payment.expires_at != 0 && !payment.hurried);
        let usable = ending.filter(|payment| self.room(payment) > 0);
        usable.map(|payment| (payment, payment.expires_at.saturating_sub(BEFORE_THE_END))).min_by_key(|(_, by)| *by)
    }

    /// Authorizations that hold the customer's money although nothing more will be taken.
    pub(crate) fn idle_authorizations(&self) -> impl Iterator<Item = &Payment> {
        // What may have been taken is known first.
        let settled = !self.money_is_moving();
        let over = match self.state() {
            State::Cancelling | State::Cancelled | State::Refused => settled,
            State::Shipped => self.all_is_delivered() && self.due() == 0 && settled,
            State::Received
            | State::Held
            | State::Reserved
            | State::Booked
            | State::PartlyShipped
            | State::Completed => false,
        };
        self.authorizations().filter(move |payment| over && self.may_take(payment))
    }

    /// True while a payment service may tell something that matters.
    pub(crate) fn is_unsettled(&self) -> bool {
        let mut ours = self.authorizations().peekable();
        ours.peek().is_some() && (!self.is_over() || ours.any(|payment| self.may_take(payment)))
    }

    fn may_take(&self, authorization: &Payment) -> bool {
        let ended = self.payments.iter().any(|payment| payment.taken_from == authorization.id && payment.last);
        let open = authorization.standing.as_ref().is_none_or(Standing::may_become_open);
        open && !ended && !authorization.let_go
    }

    /// True when all that was delivered is paid, as far as we take the money, and nothing of the customer's is held.
    pub(crate) fn is_paid(&self) -> bool {
        self.authorizations().next().is_none()
            || (self.due() == 0 && !self.money_is_moving() && self.idle_authorizations().next().is_none())
    }

    /// What is missing of the money for a booked order, minor units: an authorization ran out, or was declined, and none is
    /// asked for anew.
    #[must_use]
    pub fn lacks_money(&self) -> i64 {
        if self.is_renewing() { 0 } else { self.missing_money() }
    }

    /// What is neither taken nor authorized of the money for a booked order, minor units.
    pub(crate) fn missing_money(&self) -> i64 {
        let settling = matches!(self.state(), State::Booked | State::PartlyShipped | State::Shipped);
        if !settling
            || self.adopted
            || self.authorizations().next().is_none()
            || self.unasked_payments().next().is_some()
        {
            return 0;
        }
        let taken = self.payments.iter().filter(|payment| payment.is_captured() || payment.is_planned());
        let taken = taken.fold(0_i64, |sum, payment| sum.saturating_add(payment.minor));
        self.owed().saturating_sub(taken).saturating_sub(self.rooms()).max(0)
    }

    /// Which authorization gives how much of a refund back, the last first; what remains is the shop's to give.
    pub(crate) fn split_refund(&self, minor: i64) -> (Vec<(String, i64)>, i64) {
        let (mut parts, mut left) = (Vec::new(), minor);
        for payment in self.authorizations().rev() {
            let captured = self.payments.iter().filter(|one| one.taken_from == payment.id && one.is_captured());
            let captured = captured.fold(0_i64, |sum, one| sum.saturating_add(one.minor));
            let back = self.refunds.iter().filter(|refund| refund.payment == payment.id);
            let back = back.fold(0_i64, |sum, refund| sum.saturating_add(refund.minor));
            let part = left.min(captured.saturating_sub(back).max(0));
            if part > 0 {
                parts.push((payment.id.clone(), part));
                left = left.saturating_sub(part);
            }
        }
        (parts, left)
    }
}

impl Line {
    /// What it costs the customer, with the taxes that come on top.
    pub(crate) fn value(&self) -> i64 {
        let on_top = self.taxes.iter().filter(|tax| !tax.included);
        on_top.fold(self.amount, |sum, tax| sum.saturating_add(tax.minor))
    }

    fn earned(&self, collected: bool) -> i64 {
        let delivered = if collected && !self.closed { self.quantity } else { self.shipped };
        if self.is_goods() { self.share(self.value(), delivered) } else { self.part_of(self.value()) }
    }
}

/// Takes over what a payment service says of an authorization. Answers whether anything changed.
pub(crate) fn stand(order: &mut Order, id: &str, told: &pay::Payment, at: i64) -> bool {
    let currency = order.currency.clone();
    let before = order.clone();
    let Some(authorization) = order.authorization(id) else { return false };
    let standing = Standing::of(told, &currency);
    if let Some(made) = told.payment.as_ref().filter(|_| authorization.reference.is_empty()) {
        authorization.reference.clone_from(&made.id);
        // It was asked for anew, and is there although that was given up.
        authorization.let_go = false;
    }
    let known = authorization.standing.as_ref();
    // What was captured never falls: a telling that knows of less is an older one.
    if known.is_some_and(|known| known.captured > standing.captured || known.revision == standing.revision) {
        return false;
    }
    // Whoever looked again may have mended what was refused.
    authorization.refusal.clear();
    authorization.expires_at = told.authorized_until.as_ref().map_or(0, |until| until.seconds.saturating_mul(1000));
    authorization.standing = Some(standing.clone());
    for capture in &told.captures {
        let ours = order.payments.iter_mut().find(|one| one.taken_from == id && one.id == capture.external_ref);
        if let Some(ours) = ours.filter(|one| !one.is_captured()) {
            ours.state = CAPTURED;
            ours.taken_at = at;
        }
    }
    taken_by_others(order, id, standing.captured, at);
    for refund in &told.refunds {
        came_back(order, id, refund);
    }
    settle_hold(order, at);
    *order != before
}

/// What was captured and is none of our captures, by people in the service's own screens or by one that we gave up, is
/// money taken all the same.
fn taken_by_others(order: &mut Order, id: &str, captured: i64, at: i64) {
    let known = order.payments.iter().filter(|one| one.taken_from == id && one.is_captured());
    let more = captured.saturating_sub(known.fold(0, |sum, one| sum.saturating_add(one.minor)));
    let number = order.payments.iter().filter(|one| is_others(id, one)).count().saturating_add(1);
    if more > 0 && order.refunds_known {
        // It is owed back as well: what is given for it is a refund of its own.
        order.refunds_known = false;
        order.refunds_refused = order.refunds_refused.saturating_add(1);
    }
    let Some(from) = order.payments.iter().find(|one| one.id == id).cloned().filter(|_| more > 0) else { return };
    order.payments.push(Payment {
        id: format!("{id}/other{number}"),
        minor: more,
        state: CAPTURED,
        taken_from: from.id,
        taken_at: at,
        tender: from.tender,
        gateway: from.gateway,
        reference: from.reference,
        service: from.service,
        ..Payment::default()
    });
}

fn is_others(id: &str, capture: &Payment) -> bool {
    capture.id.strip_prefix(id).is_some_and(|rest| rest.starts_with("/other"))
}

/// Holds an order that its authorizations do not cover, before it is promised to anybody; releases it once they do.
pub(crate) fn settle_hold(order: &mut Order, at: i64) {
    let early = matches!(order.state(), State::Received | State::Held) && !order.reserved;
    if !early || order.authorizations().next().is_none() || order.unasked_payments().next().is_some() {
        return;
    }
    let captured = order.captured();
    let covered = captured.saturating_add(order.rooms());
    if covered >= order.total {
        order.lift_hold(NOT_AUTHORIZED);
        return;
    }
    let words = |minor| order.money(minor).map(|amount| amount.to_string()).unwrap_or_default();
    let causes: Vec<String> = order.authorizations().filter_map(cause).collect();
    let why = if causes.is_empty() { String::new() } else { format!(" ({})", causes.join(", ")) };
    let detail = format!(
        "{} of {} is authorized{why}; the customer pays at the shop, then it goes on by itself, or cancel it",
        words(covered),
        words(order.total)
    );
    order.hold(NOT_AUTHORIZED, &detail, at);
}

/// Why an authorization is worth nothing, in the payment service's word.
pub(crate) fn cause(payment: &Payment) -> Option<String> {
    let told = payment.standing.as_ref().map(|standing| standing.cause.clone());
    let cause = if payment.refusal.is_empty() { told.unwrap_or_default() } else { payment.refusal.clone() };
    (!cause.is_empty()).then_some(cause)
}

/// A payment service has refused an authorization.
pub(crate) fn refused(order: &mut Order, id: &str, why: &str, at: i64) {
    if let Some(authorization) = order.authorization(id) {
        why.clone_into(&mut authorization.refusal);
    }
    settle_hold(order, at);
}

/// A person releases the hold: the payment services are asked again.
pub(crate) fn ask_again(order: &mut Order) {
    for payment in order.payments.iter_mut().filter(|payment| payment.is_authorization() && !payment.let_go) {
        payment.standing = None;
        payment.refusal.clear();
    }
}

/// A further payment: the customer paid anew, or by other means. One that the payment service has refused is asked again.
pub(crate) fn add(order: &mut Order, asked: &pb::Payment, channel: Option<&Channel>, at: i64) -> Result<(), Error> {
    let status = order.status().to_lowercase();
    let over = matches!(order.state(), State::Cancelling | State::Cancelled | State::Refused | State::Completed);
    if over || order.adopted {
        return Err(Error::PaymentNotAdded { id: order.id.clone(), why: format!("it is {status}") });
    }
    let mut bad = Violations::default();
    let Ok(currency) = order.currency.parse::<Currency>() else {
        return Err(Error::PaymentNotAdded { id: order.id.clone(), why: "its currency cannot be read".to_owned() });
    };
    let named = order.payments.iter().filter(|payment| payment.taken_from.is_empty());
    let number = named.clone().count().saturating_add(1);
    let id = format!("{}/p{number}", order.id);
    let payment = parse_payment(asked, &id, "payment", currency, channel, &mut bad);
    let same =
        |one: &Payment| !asked.reference.is_empty() && one.reference == asked.reference && one.gateway == asked.gateway;
    let known = named.clone().find(|one| same(one)).map(|one| (one.id.clone(), one.refusal.is_empty()));
    bad.require(
        "payment.reference",
        known.as_ref().is_none_or(|(_, sound)| !sound),
        "the order has this payment already",
    );
    bad.check()?;
    if let Some((id, _)) = known {
        // It was refused before; whoever names it again has mended that.
        if let Some(refused) = order.authorization(&id) {
            refused.standing = None;
            refused.refusal.clear();
        }
        return Ok(());
    }
    order.payments.push(payment);
    settle_hold(order, at);
    Ok(())
}

/// A capture was taken.
pub(crate) fn captured(order: &mut Order, id: &str, told: &pay::Payment, at: i64) {
    let Some(capture) = order.payments.iter_mut().find(|one| one.id == id && !one.taken_from.is_empty()) else {
        return;
    };
    capture.state = CAPTURED;
    capture.taken_at = at;
    let from = capture.taken_from.clone();
    stand(order, &from, told, at);
}

/// A capture was certainly not taken: the authorization is worth nothing until somebody has looked.
pub(crate) fn not_captured(order: &mut Order, id: &str, why: &str) {
    let Some(capture) = order.payments.iter().find(|one| one.id == id && one.is_planned()).cloned() else { return };
    order.payments.retain(|one| one.id != id);
    if let Some(authorization) = order.authorization(&capture.taken_from) {
        why.clone_into(&mut authorization.refusal);
    }
}

/// It ends soon: what was delivered by now is taken out of it.
pub(crate) fn hurry(order: &mut Order, id: &str) {
    if let Some(authorization) = order.authorization(id) {
        authorization.hurried = true;
    }
}

/// Nothing more will be taken out of an authorization; `told` is how it stands after that, when the service says so.
pub(crate) fn let_go(order: &mut Order, id: &str, told: Option<&pay::Payment>, at: i64) {
    if let Some(told) = told {
        stand(order, id, told, at);
    }
    if let Some(authorization) = order.authorization(id) {
        authorization.let_go = true;
    }
}

#[cfg(test)]
#[path = "payments_tests.rs"]
mod tests;
