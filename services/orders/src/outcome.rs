//! What an answer, or a refusal, means to an order. Pure.

use retail_flow::{Failure, Step as _, Verdict};

use crate::answers::{check_total, know_items, lacking, promise, source};
use crate::credit::CreditRules;
use crate::documents::Shipment;
use crate::journey::Brought;
use crate::leg::Leg;
use crate::record::{Capture, Order, State};
use crate::screening::{Screening, screen};
use crate::shop_policy::ShopRules;
use crate::{again, facts, payments, refunds};

/// What the order's channel says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    /// By how many minor units a total may differ from its lines.
    pub tolerance: u32,
    /// What a person must look at.
    pub screening: Screening,
    /// Lines that the ERP has no stock for are given to another place.
    pub moves_backorders: bool,
    /// Edits between us and the shop.
    pub shop: ShopRules,
    /// What customers may owe; absent when nobody asks.
    pub credit: Option<CreditRules>,
}

/// Takes what a leg has brought into the order.
pub(crate) fn take(order: &mut Order, leg: &Leg, brought: &Brought, rules: &Rules, at: i64) {
    match (leg, brought) {
        // It was asked of the order before that was changed.
        (leg, _) if is_overtaken(order, leg) => {}
        (Leg::Identify, Brought::Customer(customer)) => {
            customer.customer_id.clone_into(&mut order.customer_id);
        }
        (Leg::ResolveItems | Leg::ResolveAnew(_), Brought::Items(items)) => {
            know_items(order, items, at);
            check_total(order, rules.tolerance, at);
            screen(order, &rules.screening, at);
            if rules.credit.is_some() {
                order.needs_credit();
            }
        }
        (Leg::AskCredit(_), Brought::Credit(check)) => {
            order.take_credit(check, &rules.credit.clone().unwrap_or_default(), at)
        }
        (Leg::AskEditCredit(number), Brought::Credit(check)) => order.take_edit_credit(*number, check, at),
        (Leg::Source(_) | Leg::SourceAnew(..), Brought::Decision(decision)) => source(order, decision),
        (Leg::Reserve | Leg::ReserveAt(_) | Leg::ReserveAnew(..), Brought::Reservation(answer)) => {
            promise(order, answer, at)
        }
        (Leg::ErpCustomer, Brought::Record(_)) => order.erp_customer = true,
        (Leg::BookSalesOrder, Brought::SalesOrder(told)) => {
            facts::take(order, told);
        }
        (Leg::AskPayment(id) | Leg::AuthorizeAnew(id), Brought::Paid(told)) => {
            payments::stand(order, id, told, at);
        }
        (Leg::Confirm, _) => order.confirmed = true,
        (Leg::Capture(id), Brought::Paid(told)) => payments::captured(order, id, told, at),
        (Leg::CaptureNow(id), _) => payments::hurry(order, id),
        (Leg::LetPaymentGo(id), Brought::Paid(told)) => payments::let_go(order, id, Some(told), at),
        (Leg::RecordPayment(id), Brought::Payment(document)) => {
            if let Some(payment) = order.payments.iter_mut().find(|payment| payment.id == *id) {
                payment.document.clone_from(&document.document);
            }
            if let Some(document) = &document.document {
                order.remember(document);
            }
        }
        (Leg::Consume(id), _) => with_shipment(order, id, |shipment| shipment.consumed = true),
        (Leg::TellChannel(id), _) => with_shipment(order, id, |shipment| shipment.told = true),
        (Leg::TellCancelled, _) => order.shop_knows = true,
        (Leg::TellLinesCancelled(number), _) => order.told_of_lines(*number),
        (Leg::TellEdit(number), Brought::ShopEdited(told)) => order.edited_at_shop(*number, told, rules.shop, at),
        (Leg::TellEdit(number), _) => order.need_not_tell_edit(*number),
        (Leg::TellReady(times), _) => {
            if let Some(pickup) = &mut order.pickup {
                pickup.told_ready = *times;
            }
        }
        (Leg::TellCrm(stamp), brought) => {
            stamp.clone_into(&mut order.crm_told);
            if let Brought::Record(record) = brought {
                order.remember(record);
            }
        }
        (Leg::CloseSalesOrder, brought) => {
            if let Brought::SalesOrder(told) = brought {
                facts::take(order, told);
            }
            order.erp_closed = true;
            order.close_open_lines();
        }
        (Leg::GiveBack, _) => order.given_back = true,
        (Leg::Resource(number, _), Brought::Decision(decision)) => order.rerouted_to(*number, decision),
        (Leg::PromiseElsewhere(number, _), Brought::Reservation(answer)) => match lacking(answer) {
            Some(cause) => order.lost_elsewhere(*number, &cause),
            None => order.promised_elsewhere(*number),
        },
        (Leg::MoveSalesOrder(number), Brought::SalesOrder(told)) => {
            order.moved(*number);
            facts::take(order, told);
        }
        (Leg::LetGo(number), _) => order.let_go(*number, at),
        (Leg::Withdraw(number), _) => order.fail_reroute(*number, "withdrawn"),
        (Leg::CloseLines(number), Brought::SalesOrder(told)) => {
            order.lines_closed(*number);
            facts::take(order, told);
        }
        (Leg::ReleaseLines(number), _) => order.lines_cancelled(*number),
        (Leg::PromiseEdit(number), Brought::Reservation(answer)) => match lacking(answer) {
            Some(cause) => order.lose_edit(*number, &cause),
            None => {
                let promised = answer.reservation.as_ref().map(|promised| promised.lines.as_slice());
                order.edit_promised(*number, promised.unwrap_or_default());
            }
        },
        (Leg::ConfirmEdit(number), _) => order.edit_confirmed(*number),
        (Leg::ChangeSalesOrder(number), Brought::SalesOrder(told)) => {
            order.edited(*number, Some(told), at);
            facts::take(order, told);
        }
        (Leg::ReleaseEdited(number), _) => order.edit_released(*number),
        (Leg::WithdrawEdit(number), _) => order.fail_edit(*number, "withdrawn"),
        (Leg::ExpireHolds, _) => order.expire_holds(rules.screening.on_expiry, at),
        (Leg::LapsePickup, _) => order.lapse_pickup(at),
        (Leg::ReadRefunds, Brought::ShopRefunds(told)) => refunds::read(order, told, at),
        (Leg::RefundShop(id) | Leg::RefundPayment(id), Brought::Record(record)) => {
            refunds::given(order, id, record, at)
        }
        (Leg::RecordRefund(id), Brought::Record(record)) => refunds::recorded(order, id, record),
        (
            Leg::Identify
            | Leg::ResolveItems
            | Leg::ResolveAnew(_)
            | Leg::AskCredit(_)
            | Leg::Source(_)
            | Leg::SourceAnew(..)
            | Leg::Reserve
            | Leg::ReserveAt(_)
            | Leg::ReserveAnew(..)
            | Leg::Resource(..)
            | Leg::PromiseElsewhere(..)
            | Leg::AskEditCredit(_)
            | Leg::PromiseEdit(_)
            | Leg::ChangeSalesOrder(_)
            | Leg::ErpCustomer,
            _,
        )
        | (Leg::BookSalesOrder | Leg::MoveSalesOrder(_) | Leg::CloseLines(_) | Leg::RecordPayment(_), _)
        | (Leg::AskPayment(_) | Leg::AuthorizeAnew(_) | Leg::Capture(_) | Leg::LetPaymentGo(_), _)
        | (Leg::ReadRefunds | Leg::RefundShop(_) | Leg::RefundPayment(_) | Leg::RecordRefund(_), _) => {
            order.cause = format!("{} brought an answer of another kind; this is a defect of Weft", leg.name());
        }
    }
    order.follow_shop(rules.shop, at);
    order.date_holds(&rules.screening);
    if rules.moves_backorders {
        order.source_backorders_anew(at);
    }
    order.advance();
}

/// Judges a refusal: most wait for a person.
pub(crate) fn refused(order: &mut Order, leg: &Leg, why: &Failure, rules: &Rules, at: i64) -> Verdict {
    let verdict = judge(order, leg, why, at);
    if verdict == Verdict::Handled {
        order.follow_shop(rules.shop, at);
        order.advance();
    }
    verdict
}

/// Was a step of the order as it was, before somebody changed it and everything was asked anew?
fn is_overtaken(order: &Order, leg: &Leg) -> bool {
    match leg {
        Leg::ResolveItems | Leg::Source(_) | Leg::Reserve | Leg::ReserveAt(_) => order.redone > 0,
        Leg::ResolveAnew(redone) | Leg::SourceAnew(redone, _) | Leg::ReserveAnew(redone, _) => *redone != order.redone,
        Leg::Identify
        | Leg::AskCredit(_)
        | Leg::ErpCustomer
        | Leg::BookSalesOrder
        | Leg::AskPayment(_)
        | Leg::AuthorizeAnew(_)
        | Leg::Confirm
        | Leg::Capture(_)
        | Leg::CaptureNow(_)
        | Leg::LetPaymentGo(_)
        | Leg::RecordPayment(_)
        | Leg::Consume(_)
        | Leg::TellChannel(_)
        | Leg::TellCancelled
        | Leg::TellLinesCancelled(_)
        | Leg::TellEdit(_)
        | Leg::TellReady(_)
        | Leg::TellCrm(_)
        | Leg::CloseSalesOrder
        | Leg::GiveBack
        | Leg::Resource(..)
        | Leg::PromiseElsewhere(..)
        | Leg::MoveSalesOrder(_)
        | Leg::LetGo(_)
        | Leg::Withdraw(_)
        | Leg::CloseLines(_)
        | Leg::ReleaseLines(_)
        | Leg::AskEditCredit(_)
        | Leg::PromiseEdit(_)
        | Leg::ConfirmEdit(_)
        | Leg::ChangeSalesOrder(_)
        | Leg::ReleaseEdited(_)
        | Leg::WithdrawEdit(_)
        | Leg::ExpireHolds
        | Leg::LapsePickup
        | Leg::ReadRefunds
        | Leg::RefundShop(_)
        | Leg::RefundPayment(_)
        | Leg::RecordRefund(_) => false,
    }
}

fn judge(order: &mut Order, leg: &Leg, why: &Failure, at: i64) -> Verdict {
    match leg {
        leg if is_overtaken(order, leg) => Verdict::Handled,
        Leg::Reserve | Leg::ReserveAt(_) | Leg::ReserveAnew(..) if order.capture() == Capture::Request => {
            order.refuse(&format!("{}: {}", why.reason(), why.detail()));
            Verdict::Handled
        }
        // The warehouse was faster: the order goes on, and the ERP's facts say how.
        Leg::CloseSalesOrder if why.reason() == "ALREADY_SHIPPED" => {
            "shipped before it could be cancelled".clone_into(&mut order.cause);
            order.set_state(State::Booked);
            Verdict::Handled
        }
        Leg::Resource(number, _) | Leg::PromiseElsewhere(number, _) => {
            order.fail_reroute(*number, &format!("{}: {}", why.reason(), why.detail()));
            Verdict::Handled
        }
        // It has shipped or is being picked: the goods stay where they are.
        Leg::MoveSalesOrder(number) => {
            order.refuse_move(*number, &format!("{}: {}", why.reason(), why.detail()));
            Verdict::Handled
        }
        Leg::CloseLines(number) => {
            order.lines_not_cancelled(*number, &format!("{}: {}", why.reason(), why.detail()));
            Verdict::Handled
        }
        // Who cannot be asked says no yes: the order stays as it was.
        Leg::AskEditCredit(number) | Leg::PromiseEdit(number) => {
            order.lose_edit(*number, &format!("{}: {}", why.reason(), why.detail()));
            Verdict::Handled
        }
        // It has shipped or is being picked, or the promise has run out: the order stays as it was.
        Leg::ConfirmEdit(number) | Leg::ChangeSalesOrder(number) => {
            order.refuse_edit(*number, &format!("{}: {}", why.reason(), why.detail()));
            Verdict::Handled
        }
        Leg::AskPayment(id) => {
            payments::refused(order, id, &format!("{}: {}", why.reason(), why.detail()), at);
            Verdict::Handled
        }
        Leg::AuthorizeAnew(id) => {
            again::refused(order, id, &format!("{}: {}", why.reason(), why.detail()));
            Verdict::Handled
        }
        // Everything else goes on; that the money lacks is shown among the exceptions.
        Leg::Capture(id) => {
            payments::not_captured(order, id, &format!("{}: {}", why.reason(), why.detail()));
            Verdict::Handled
        }
        Leg::LetPaymentGo(id) => {
            payments::let_go(order, id, None, at);
            Verdict::Handled
        }
        Leg::RefundShop(id) | Leg::RefundPayment(id) => {
            refunds::refused(order, id, why.reason());
            Verdict::Park
        }
        // The shop will take them off with their money, or refuse that too.
        Leg::TellLinesCancelled(number) => {
            order.told_of_lines(*number);
            Verdict::Handled
        }
        // It stays as it is here; that the shop shows something else is shown among the exceptions.
        Leg::TellEdit(number) => {
            order.not_edited_at_shop(*number, &format!("{}: {}", why.reason(), why.detail()), at);
            Verdict::Handled
        }
        Leg::TellChannel(id) if order.shop_has_no_use_for(id) => {
            with_shipment(order, id, |shipment| shipment.told = true);
            Verdict::Handled
        }
        // The side must never stop the business: remember the stamp, the next change tells the CRM again.
        Leg::TellCrm(stamp) => {
            stamp.clone_into(&mut order.crm_told);
            Verdict::Handled
        }
        Leg::Identify
        | Leg::ResolveItems
        | Leg::AskCredit(_)
        | Leg::Source(_)
        | Leg::Reserve
        | Leg::ReserveAt(_)
        | Leg::ErpCustomer
        | Leg::BookSalesOrder
        | Leg::Confirm
        | Leg::RecordPayment(_)
        | Leg::Consume(_)
        | Leg::TellChannel(_)
        | Leg::TellCancelled
        | Leg::TellReady(_)
        | Leg::CloseSalesOrder
        | Leg::GiveBack
        | Leg::LetGo(_)
        | Leg::Withdraw(_)
        | Leg::ReleaseLines(_)
        | Leg::ResolveAnew(_)
        | Leg::SourceAnew(..)
        | Leg::ReserveAnew(..)
        | Leg::ReleaseEdited(_)
        | Leg::WithdrawEdit(_)
        | Leg::LapsePickup
        | Leg::ExpireHolds
        | Leg::CaptureNow(_)
        | Leg::ReadRefunds
        | Leg::RecordRefund(_) => Verdict::Park,
    }
}

fn with_shipment(order: &mut Order, id: &str, change: impl FnOnce(&mut Shipment)) {
    if let Some(shipment) = order.shipments.iter_mut().find(|shipment| shipment.id() == id) {
        change(shipment);
    }
}
