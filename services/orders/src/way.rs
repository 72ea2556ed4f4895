//! What comes next for an order, from the state alone. Read `next` top to bottom; that is the business process. Pure.

use retail_flow::Next;
use retail_runtime::Timestamp;

use crate::decision::Sourced;
use crate::edit::Step as Editing;
use crate::leg::{Leg, Look};
use crate::line_cancel::Step as Closing;
use crate::pickup::Pickup;
use crate::record::{Order, State};
use crate::reroute::Step;

/// What comes next. `sourced` says whether places must be found for it, `crm` whether agents see it.
pub(crate) fn next(order: &Order, sourced: bool, crm: bool, now: Timestamp) -> Next<Leg> {
    if order.adopted {
        // Others do everything for it; nothing may leave from here.
        return Next::Done;
    }
    let mut legs = match order.state() {
        State::Received
            if order.customer_id.is_empty() || !order.items_known || order.unasked_payments().next().is_some() =>
        {
            let mut legs = ask_payments(order);
            if order.customer_id.is_empty() {
                legs.push(Leg::Identify);
            }
            if !order.items_known {
                legs.push(resolve(order));
            }
            legs
        }
        State::Received if order.awaits_credit() => vec![Leg::AskCredit(Look::First)],
        State::Received => vec![reserve(order, sourced)],
        // The ERP is told of the order as it was changed, not of both.
        State::Reserved if order.is_edited_before_booking() => {
            let mut legs = ask_payments(order);
            legs.extend(edit(order));
            legs
        }
        State::Reserved if !order.erp_customer => vec![Leg::ErpCustomer],
        State::Reserved => vec![Leg::BookSalesOrder],
        State::Booked | State::PartlyShipped | State::Shipped => settle(order, now),
        State::Cancelling => undo(order),
        State::Held if order.holds_expire_at().is_some_and(|until| until <= now.as_millisecond()) => {
            vec![Leg::ExpireHolds]
        }
        State::Cancelled | State::Refused => let_payments_go(order),
        State::Held => wait_for_release(order, now),
        State::Completed => Vec::new(),
    };
    if let Some(stamp) = order.crm_stamp()
        && stamp != order.crm_told
        && !order.customer_id.is_empty()
        && crm
    {
        legs.push(Leg::TellCrm(stamp));
    }
    match (legs.is_empty(), order.is_over()) {
        (false, _) => Next::Do(legs),
        (true, true) => Next::Done,
        (true, false) => {
            let by = order.capture_by().map(|(_, by)| by);
            let until = [order.holds_expire_at(), order.asks_credit_at(), order.pickup_lapses_at(), by]
                .into_iter()
                .flatten()
                .min();
            Next::Wait(until.and_then(|until| Timestamp::from_millisecond(until).ok()))
        }
    }
}

/// What was asked before the order was changed is asked anew, under a name of its own: late answers change nothing.
fn resolve(order: &Order) -> Leg {
    if order.redone > 0 { Leg::ResolveAnew(order.redone) } else { Leg::ResolveItems }
}

/// The way to the promise: a place for every line first, where a policy says how.
fn reserve(order: &Order, sourced: bool) -> Leg {
    let round = order.sourced.as_ref().map_or(1, Sourced::round);
    match (order.decision(), order.redone) {
        (Some(_), 0) => Leg::ReserveAt(round),
        (Some(_), redone) => Leg::ReserveAnew(redone, round),
        (None, 0) if sourced => Leg::Source(round),
        (None, redone) if sourced => Leg::SourceAnew(redone, round),
        (None, 0) => Leg::Reserve,
        (None, redone) => Leg::ReserveAnew(redone, 0),
    }
}

/// The way forward after the ERP has the order.
fn settle(order: &Order, now: Timestamp) -> Vec<Leg> {
    let mut legs = Vec::new();
    if order.reserved && !order.confirmed {
        legs.push(Leg::Confirm);
    }
    legs.extend(ask_payments(order));
    legs.extend(order.planned_capture().map(|capture| Leg::Capture(capture.id.clone())));
    legs.extend(authorize_anew(order));
    legs.extend(let_payments_go(order));
    let unrecorded = order.payments.iter().filter(|payment| payment.is_captured() && payment.document.is_none());
    legs.extend(unrecorded.map(|payment| Leg::RecordPayment(payment.id.clone())));
    // While the ERP may have more than we know of, a parcel may hold it: it is taken off once that is known.
    for shipment in order.shipments.iter().filter(|_| !order.is_edited_at_the_erp()) {
        // What is not confirmed cannot be taken off, even when it has left already.
        if !shipment.consumed && order.confirmed {
            legs.push(Leg::Consume(shipment.id().to_owned()));
        }
        // What is collected is fulfilled when the customer has it.
        // What was edited the shop shows first: it has no room for goods that it never sold.
        let shown = order.edit_to_tell().is_none();
        if !shipment.told && shown && order.pickup.as_ref().is_none_or(Pickup::is_over) {
            legs.push(Leg::TellChannel(shipment.id().to_owned()));
        }
    }
    legs.extend(order.untold_pickup().map(Leg::TellReady));
    match order.edit_to_tell() {
        Some(number) => legs.push(Leg::TellEdit(number)),
        None => legs.extend(order.untold_line_cancels().map(Leg::TellLinesCancelled)),
    }
    legs.extend(reroute(order));
    legs.extend(cancel_lines(order));
    legs.extend(edit(order));
    let all_taken = order.confirmed && order.shipments.iter().all(|shipment| shipment.consumed);
    if order.state() == State::Shipped
        && all_taken
        && order.has_leftovers()
        && !order.given_back
        && order.lines_are_at_rest()
    {
        legs.push(Leg::GiveBack);
    }
    // What is taken off the order at the shop is not taken off once more with its money.
    let told = order.lines_are_at_rest() && order.shop_knows_of_lines();
    if order.leftovers_are_settled() && told {
        legs.extend(give_money_back(order));
    }
    if order.pickup_lapses_at().is_some_and(|until| until <= now.as_millisecond()) {
        legs.push(Leg::LapsePickup);
    }
    let ending = order.capture_by().filter(|(_, by)| *by <= now.as_millisecond());
    legs.extend(ending.map(|(payment, _)| Leg::CaptureNow(payment.id.clone())));
    legs
}

/// Is the money there that we shall take?
fn ask_payments(order: &Order) -> Vec<Leg> {
    order.unasked_payments().map(|payment| Leg::AskPayment(payment.id.clone())).collect()
}

/// What is still owed, on the card that the customer let the shop keep.
fn authorize_anew(order: &Order) -> Option<Leg> {
    order.awaited_authorization().map(|payment| Leg::AuthorizeAnew(payment.id.clone()))
}

/// While it is held: a payment that was added may be what it waits for, or room on the customer's account.
fn wait_for_release(order: &Order, now: Timestamp) -> Vec<Leg> {
    let mut legs = ask_payments(order);
    if let Some(at) = order.asks_credit_at() {
        // Whoever sets a limit needs a customer to set it for.
        if !order.erp_customer {
            legs.push(Leg::ErpCustomer);
        }
        if at <= now.as_millisecond() {
            legs.push(Leg::AskCredit(Look::Again));
        }
    }
    legs
}

/// Nothing more will be taken of these.
fn let_payments_go(order: &Order) -> Vec<Leg> {
    order.idle_authorizations().map(|payment| Leg::LetPaymentGo(payment.id.clone())).collect()
}

/// The way to another place: the goods are promised there and the ERP is told before the old promise is given back.
fn reroute(order: &Order) -> Option<Leg> {
    // A promise that is not lasting yet is made so first.
    let (number, reroute) = order.rerouting().filter(|_| order.confirmed)?;
    match reroute.step() {
        Step::Asked => Some(Leg::Resource(number, reroute.round())),
        Step::Decided => Some(Leg::PromiseElsewhere(number, reroute.round())),
        Step::Promised => Some(Leg::MoveSalesOrder(number)),
        Step::Moved => Some(Leg::LetGo(number)),
        Step::Withdrawing => Some(Leg::Withdraw(number)),
        Step::Done | Step::Failed => None,
    }
}

/// The way of lines that are cancelled while the rest goes on.
fn cancel_lines(order: &Order) -> Option<Leg> {
    let (number, cancel) = order.cancelling_lines().filter(|_| order.confirmed)?;
    match cancel.step() {
        Closing::Asked => Some(Leg::CloseLines(number)),
        Closing::Closed => Some(Leg::ReleaseLines(number)),
        Closing::Done | Closing::Failed => None,
    }
}

/// The way of an edit: what it adds on account is asked for first, what it needs further is promised before the ERP is told,
/// and what it no longer needs is given back after that.
fn edit(order: &Order) -> Option<Leg> {
    let (number, edit) = order.editing().filter(|_| order.edit_may_go_on())?;
    match edit.step() {
        Editing::Asked if order.unasked_payments().next().is_some() || order.awaited_authorization().is_some() => None,
        Editing::Asked if order.edit_awaits_credit(edit) => Some(Leg::AskEditCredit(number)),
        Editing::Asked => Some(Leg::PromiseEdit(number)),
        Editing::Held => Some(Leg::ConfirmEdit(number)),
        Editing::Promised => Some(Leg::ChangeSalesOrder(number)),
        Editing::Changed => Some(Leg::ReleaseEdited(number)),
        Editing::Withdrawing => Some(Leg::WithdrawEdit(number)),
        Editing::Done | Editing::Failed => None,
    }
}

/// The way back: what a cancellation must undo, last things first. Goods are given back only when the ERP cannot
/// ship them any more, money only when goods are.
fn undo(order: &Order) -> Vec<Leg> {
    let open = order.erp_asked && !order.erp_closed;
    if open && order.sales_order.is_none() {
        // A sales order whose answer never came is fetched first: what is not known cannot be closed.
        return vec![Leg::BookSalesOrder];
    }
    // The same for money: a payment that the ERP may have in its books is not known until it answers.
    let mut legs: Vec<Leg> =
        order.unresolved_payments().map(|payment| Leg::RecordPayment(payment.id.clone())).collect();
    if open {
        if legs.is_empty() {
            legs.push(Leg::CloseSalesOrder);
        }
        return legs;
    }
    if !order.given_back {
        legs.push(Leg::GiveBack);
    }
    // The shop sells nothing more of it before its money goes back: what it has cancelled it shows as cancelled, and what it
    // cannot cancel, because goods left by another hand, a person looks at before anything is paid.
    if !order.shop_has_let_go() {
        legs.push(Leg::TellCancelled);
    }
    // A capture that may have been taken is asked for until it is known; what was taken goes back.
    legs.extend(order.planned_capture().map(|capture| Leg::Capture(capture.id.clone())));
    // So is an authorization that may have been made; what is made is let go.
    legs.extend(authorize_anew(order));
    // What somebody captured meanwhile shows when the authorization is let go, and is given back after that.
    legs.extend(let_payments_go(order));
    if legs.is_empty() { give_money_back(order) } else { legs }
}

/// The way of the money: what the shop has given back by itself, then the rest of it, then the ERP's books.
fn give_money_back(order: &Order) -> Vec<Leg> {
    if order.captured() == 0 {
        return Vec::new();
    }
    if !order.refunds_known {
        return vec![Leg::ReadRefunds];
    }
    if let Some(planned) = order.refunds.iter().find(|refund| !refund.given) {
        let id = planned.id.clone();
        return vec![if planned.payment.is_empty() { Leg::RefundShop(id) } else { Leg::RefundPayment(id) }];
    }
    let unrecorded = order.payments.iter().filter(|payment| order.refund_is_unrecorded(payment));
    unrecorded.map(|payment| Leg::RecordRefund(payment.id.clone())).collect()
}
