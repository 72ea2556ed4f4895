//! Money that goes back because nothing will be delivered for it: how much, by whom, and whether it is all back. Pure.
//!
//! The law: what was captured less what went back is what was invoiced, with the taxes on top of what was delivered:
//! those are in the customer's total and not in the ERP's invoices. A cancelled order owes back all that was captured;
//! an order whose rest was closed owes what was paid for its lines less what was invoiced of them. The invoices decide,
//! not a computation of ours, so that no penny of rounding stays behind.

use retail_proto::commerce::v1 as shop;
use retail_proto::payments::v1 as pay;
use retail_proto::types::v1::Ref;
use retail_proto::{Money, Quantity};

use crate::documents::{Payment, Refund, RefundLine};
use crate::record::{Order, State};

const UNIT: i64 = 1_000_000;

impl Order {
    /// What was taken from the customer, minor units.
    #[must_use]
    pub fn captured(&self) -> i64 {
        self.payments.iter().filter(|payment| payment.is_captured()).fold(0, |sum, one| sum.saturating_add(one.minor))
    }

    /// What was taken out of authorizations of ours, minor units.
    fn captured_by_us(&self) -> i64 {
        let ours = self.payments.iter().filter(|payment| payment.is_captured() && !payment.taken_from.is_empty());
        ours.fold(0, |sum, one| sum.saturating_add(one.minor))
    }

    /// True when an edit has set money free, some of it went back already, or more was taken out of authorizations than is
    /// owed: somebody captured one in the service's own screens while another one was used.
    #[must_use]
    pub(crate) fn is_overpaid(&self) -> bool {
        let gone = self.shop_gave_back() > 0 || !self.refunds.is_empty();
        self.set_free() > 0 || gone || self.captured_by_us() > self.owed()
    }

    /// Payments that the ERP may have in its books although it never said so.
    pub(crate) fn unresolved_payments(&self) -> impl Iterator<Item = &Payment> {
        self.payments.iter().filter(|payment| payment.is_captured() && payment.asked && payment.document.is_none())
    }

    /// True when it is known what lines that were closed unshipped, or that an edit took away, cost the customer for nothing: the rest has
    /// shipped and is invoiced, and every payment is in the ERP's books.
    pub(crate) fn leftovers_are_settled(&self) -> bool {
        let recorded = self.payments.iter().all(|payment| !payment.is_captured() || payment.document.is_some());
        let taken = !self.money_is_moving();
        let free = self.has_leftovers() || self.is_overpaid();
        // What somebody captured meanwhile shows when an authorization is let go.
        let held = self.idle_authorizations().next().is_some();
        let settled = free && recorded && taken && !held && self.editing().is_none();
        self.state() == State::Shipped && settled && self.is_invoiced()
    }

    /// True when no money waits to be given back, at the shop and in the ERP's books.
    #[must_use]
    pub fn money_is_back(&self) -> bool {
        let held = self.money_is_moving() || self.idle_authorizations().next().is_some();
        (self.captured() == 0 && !held)
            || (self.refunds_known
                && self.refunds.iter().all(|refund| refund.given)
                && !held
                && self.unresolved_payments().next().is_none()
                && !self.payments.iter().any(|payment| self.refund_is_unrecorded(payment)))
    }

    /// True when money went back out of a payment and the ERP's books still hold it.
    pub(crate) fn refund_is_unrecorded(&self, payment: &Payment) -> bool {
        payment.refund_document.is_none() && self.refund_out_of(&payment.id) > 0
    }

    /// What goes out of the ERP's record of a payment, minor units: 0 when the ERP never had the payment. The last
    /// payments give first, because invoices use up the first deposits first.
    #[must_use]
    pub fn refund_out_of(&self, payment_id: &str) -> i64 {
        let mut left = self.refunded();
        for payment in self.payments.iter().rev().filter(|payment| payment.is_captured()) {
            let out = left.min(payment.minor);
            if payment.id == payment_id {
                return if payment.document.is_some() { out } else { 0 };
            }
            left = left.saturating_sub(out);
        }
        0
    }

    /// What is owed back beyond the refunds that are known, minor units.
    fn owed_back(&self) -> i64 {
        let invoiced = self.invoices.iter().fold(0_i64, |sum, invoice| sum.saturating_add(invoice.minor));
        let (paid, earned) = if self.state() == State::Cancelling {
            // What was invoiced before it was cancelled stays until somebody credits it.
            (self.captured(), invoiced)
        } else {
            let (mut worth, mut earned) = (0_i64, invoiced);
            for line in &self.lines {
                let on_top = line.taxes.iter().filter(|tax| !tax.included);
                let taxes = on_top.fold(0_i64, |sum, tax| sum.saturating_add(tax.minor));
                worth = worth.saturating_add(line.amount).saturating_add(taxes);
                earned = earned.saturating_add(line.part_of(taxes));
            }
            // More than the lines cost was paid knowingly (somebody took the total over): it is not of the lines. What
            // an edit has set free was paid for lines all the same, and what we take ourselves is never more than owed.
            let ours = self.captured_by_us();
            let theirs = self.captured().saturating_sub(ours).min(worth.saturating_add(self.set_free()));
            // What a return credited before it was paid has paid that much of the invoices.
            (theirs.saturating_add(ours), earned.saturating_sub(self.return_credit()))
        };
        paid.saturating_sub(earned).saturating_sub(self.refunded()).max(0)
    }

    /// What went back, or is planned to, minor units.
    pub(crate) fn refunded(&self) -> i64 {
        self.refunds.iter().fold(0, |sum, refund| sum.saturating_add(refund.minor))
    }
}

/// Takes over what the shop has given back by itself, and plans what is owed beyond it.
pub(crate) fn read(order: &mut Order, told: &shop::GetOrderResponse, at: i64) {
    for refund in told.refunds.iter().filter(|refund| counts(refund)) {
        if is_for_what_never_ships(order, refund) {
            let most = is_of_a_return_as_well(order, refund).then(|| order.owed_back());
            take_at_most(order, refund, most, at);
        }
    }
    order.refunds_known = true;
    let minor = order.owed_back();
    if minor == 0 {
        return;
    }
    // A refund that was refused and is asked for again is another one, with a key of its own.
    let id = format!("{}/r{}", order.id, order.refunds_refused.saturating_add(1));
    let (parts, rest) = order.split_refund(minor);
    if rest > 0 {
        let lines = lines_to_take_off(order, told);
        order.refunds.push(Refund { id: id.clone(), minor: rest, lines, ..Refund::default() });
    }
    for ((payment, minor), part) in parts.into_iter().zip(1_usize..) {
        order.refunds.push(Refund { id: format!("{id}/p{part}"), minor, payment, ..Refund::default() });
    }
}

/// What a payment service says of a refund. One that was given and failed days later is a person's to give, and the order
/// is not over until then.
pub(crate) fn came_back(order: &mut Order, payment: &str, told: &pay::Refund) {
    let ours = order.refunds.iter_mut().find(|refund| refund.payment == payment && refund.id == told.external_ref);
    let Some(refund) = ours.filter(|refund| refund.given && !refund.by_hand) else { return };
    if told.state() != pay::RefundState::Failed {
        return;
    }
    refund.given = false;
    refund.by_hand = true;
    let reopened = match order.state() {
        State::Cancelled => State::Cancelling,
        State::Completed => State::Shipped,
        state @ (State::Received
        | State::Held
        | State::Reserved
        | State::Booked
        | State::PartlyShipped
        | State::Shipped
        | State::Cancelling
        | State::Refused) => state,
    };
    order.set_state(reopened);
}

/// A refund of the shop as a refund of ours; one that is known changes nothing.
pub(crate) fn take(order: &mut Order, told: &shop::Refund, at: i64) {
    take_at_most(order, told, None, at);
}

/// `most` is given when the rest is a return's.
fn take_at_most(order: &mut Order, told: &shop::Refund, most: Option<i64>, at: i64) {
    let Some(record) = &told.refund else { return };
    // What is not in the order's currency cannot be set against what is owed; the shop refuses what would be too much.
    let amount = told.amount.as_ref().and_then(|amount| Money::try_from(amount).ok());
    let amount = amount.filter(|amount| amount.currency().code() == order.currency);
    let known = order.refunds.iter().any(|refund| refund.record.as_ref().is_some_and(|known| known.id == record.id));
    // A refund that only took lines off gave nothing back.
    let (false, Some(amount)) = (known, amount.filter(|amount| amount.minor() != 0 && most != Some(0))) else { return };
    let id = if told.external_ref.is_empty() {
        format!("{}/shop/{}", order.id, record.id)
    } else {
        told.external_ref.clone()
    };
    let given_at = told.refunded_at.as_ref().map_or(at, |made| made.seconds.saturating_mul(1000));
    order.remember(record);
    order.refunds.push(Refund {
        id,
        minor: most.map_or(amount.minor(), |most| most.min(amount.minor())),
        shared: most.is_some(),
        record: Some(record.clone()),
        given: true,
        given_at,
        ..Refund::default()
    });
}

/// Money on its way counts as given back: giving it again would be twice. A failed refund never counts.
pub(crate) fn counts(told: &shop::Refund) -> bool {
    match told.state() {
        shop::RefundState::Done | shop::RefundState::Pending | shop::RefundState::Unspecified => true,
        shop::RefundState::Failed => false,
    }
}

/// Of a cancelled order every refund is. Beside shipped goods there are refunds of returns too, which answer to credits
/// and not to what was closed: only ours and those that took lines off the order count then.
fn is_for_what_never_ships(order: &Order, told: &shop::Refund) -> bool {
    if order.state() == State::Cancelling {
        return true;
    }
    let ours = told.external_ref.strip_prefix(&order.id).is_some_and(|rest| rest.starts_with("/r"));
    let took_off = told.lines.iter().any(|line| line.restock() == shop::Restock::Cancel);
    ours || (told.external_ref.is_empty() && (took_off || told.of_order))
}

/// Goods that came back and goods that never left, given back in one: of the money what never left is worth is the order's,
/// the rest is the return's.
fn is_of_a_return_as_well(order: &Order, told: &shop::Refund) -> bool {
    let cancelled = |line: &shop::RefundLine| line.restock() == shop::Restock::Cancel;
    let mixed = told.lines.iter().any(cancelled) && !told.lines.iter().all(cancelled);
    order.state() != State::Cancelling && told.external_ref.is_empty() && !told.of_order && mixed
}

/// What the shop still shows as ordered of what will never ship. A shop that has cancelled the order itself shows
/// nothing any more; charges and parts of a unit are given back as money alone.
fn lines_to_take_off(order: &Order, told: &shop::GetOrderResponse) -> Vec<RefundLine> {
    if told.cancelled {
        return Vec::new();
    }
    let taken_off = |id: &str| -> i64 {
        let lines = told.refunds.iter().filter(|refund| counts(refund)).flat_map(|refund| &refund.lines);
        let refunded =
            lines.filter(|line| line.line_item_id == id).fold(0_i64, |sum, line| sum.saturating_add(line.quantity));
        // What people edited away is in no refund.
        let shown = told.lines.iter().find(|line| line.channel_line_id == id);
        let removed = shown.and_then(|line| line.removed.parse::<Quantity>().ok()).and_then(Quantity::as_whole);
        removed.unwrap_or_default().max(refunded)
    };
    let goods = order.lines.iter().filter(|line| line.is_goods() && !line.channel_line_id.is_empty());
    // The shop knows a line that several places ship as one.
    let mut all: Vec<(&str, i64)> = Vec::new();
    for line in goods {
        let stays = if order.state() == State::Cancelling || line.closed { line.shipped } else { line.quantity };
        let gone = order.sold_by_channel(line).saturating_sub(stays);
        match all.iter_mut().find(|(id, _)| *id == line.channel_line_id) {
            Some((_, sum)) => *sum = sum.saturating_add(gone),
            None => all.push((&line.channel_line_id, gone)),
        }
    }
    let lines = all.into_iter().map(|(id, gone)| RefundLine {
        channel_line_id: id.to_owned(),
        units: (gone.max(0) / UNIT).saturating_sub(taken_off(id)),
    });
    lines.filter(|line| line.units > 0).collect()
}

/// The shop has given a refund back.
pub(crate) fn given(order: &mut Order, id: &str, record: &Ref, at: i64) {
    if let Some(refund) = order.refunds.iter_mut().find(|refund| refund.id == id) {
        refund.given = true;
        refund.given_at = at;
        refund.record = Some(record.clone());
    }
    order.remember(record);
}

/// The ERP has it in its books that money went out of a payment.
pub(crate) fn recorded(order: &mut Order, payment_id: &str, record: &Ref) {
    if let Some(payment) = order.payments.iter_mut().find(|payment| payment.id == payment_id) {
        payment.refund_document = Some(record.clone());
    }
    order.remember(record);
}

/// A refund was certainly not made. With a shop, a person looks there: what was given back meanwhile is read when the
/// order is resumed, and the rest is a refund of its own. Without a shop, the person gives the money back.
pub(crate) fn refused(order: &mut Order, id: &str, reason: &str) {
    if matches!(reason, "REFUND_NOT_POSSIBLE" | "REFUND_CAME_BACK") {
        for refund in order.refunds.iter_mut().filter(|refund| refund.id == id) {
            refund.by_hand = true;
        }
        return;
    }
    order.refunds.retain(|refund| refund.id != id || refund.given);
    order.refunds_refused = order.refunds_refused.saturating_add(1);
    order.refunds_known = false;
}

/// A person lets the order go on: what only a person could give back is given back.
pub(crate) fn resumed(order: &mut Order, at: i64) {
    for refund in order.refunds.iter_mut().filter(|refund| refund.by_hand && !refund.given) {
        refund.given = true;
        refund.given_at = at;
    }
}

#[cfg(test)]
#[path = "refunds_tests.rs"]
mod tests;
