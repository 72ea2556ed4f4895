//! The journey of a return, from the customer's wish to closed books: what comes next, from the state alone. Read
//! `decide` top to bottom; that is the business process. The calls themselves stand in `calls.rs`.

use std::collections::BTreeSet;
use std::sync::Arc;

use prost::Message as _;
use retail_flow::{Attempt, Failure, Kept, Next, Parked, Personal, Process, Retold, Step as _, Summary, Verdict};
use retail_proto::erp::v1 as erp;
use retail_proto::payments::v1 as pay;
use retail_runtime::Timestamp;
use retail_store::Draft;

use crate::calls::Calls;
use crate::leg::{Brought, Leg};
use crate::line::Stage;
use crate::part::Part;
use crate::payment_facts::{REFUND_FACT, refund_fact};
use crate::record::{Answer, Return, State};
use crate::returns::{ERP_FACTS, erp_facts};
use crate::seal::Seal;
use crate::{crediting, facts, locate, settling};

/// The process of returns.
pub(crate) struct Journey {
    calls: Calls,
    seal: Seal,
}

/// Legs that may go now, and when to look again if there are none.
#[derive(Default)]
struct Plan {
    legs: Vec<Leg>,
    look_at: Option<Timestamp>,
}

impl Plan {
    /// Does a leg at its time, milliseconds since 1970.
    fn at(&mut self, at: i64, now: Timestamp, leg: Leg) {
        if at <= now.as_millisecond() {
            self.legs.push(leg);
            return;
        }
        let at = Timestamp::from_millisecond(at).unwrap_or(Timestamp::MAX);
        self.look_at = Some(self.look_at.map_or(at, |known| known.min(at)));
    }

    fn next(self, over: bool) -> Next<Leg> {
        match (self.legs.is_empty(), over, self.look_at) {
            (false, _, _) => Next::Do(self.legs),
            (true, true, _) => Next::Done,
            (true, false, look_at) => Next::Wait(look_at),
        }
    }
}

impl Journey {
    /// A journey over these peers.
    #[must_use]
    pub(crate) fn new(calls: Calls, seal: Seal) -> Arc<Self> {
        Arc::new(Self { calls, seal })
    }

    /// Every line gets its purchase, its judgement and its claim.
    fn settle_lines(record: &Return, now: Timestamp, plan: &mut Plan) {
        if record.customer.is_some() && record.customer_id.is_empty() && !record.customer_sought {
            plan.legs.push(Leg::Identify);
            return;
        }
        if record.lines.iter().any(|line| line.stage() == Stage::Wanted) {
            plan.legs.push(Leg::Locate);
        }
        let located = || record.lines.iter().filter(|line| line.stage() == Stage::Located);
        let ready: BTreeSet<&str> =
            located().filter(|line| !line.waits_for_order).map(|line| line.order_id.as_str()).collect();
        let waiting: BTreeSet<&str> =
            located().filter(|line| line.waits_for_order).map(|line| line.order_id.as_str()).collect();
        plan.legs.extend(ready.iter().map(|order| Leg::Judge((*order).to_owned())));
        for order in waiting.difference(&ready) {
            plan.at(record.look_at, now, Leg::Judge((*order).to_owned()));
        }
    }

    /// One part, from the ERP's return to the last document.
    fn settle_part(record: &Return, part: &Part, now: Timestamp, plan: &mut Plan) {
        let number = part.number;
        if part.return_authorization.is_none() {
            plan.legs.push(Leg::OpenReturn(number));
            return;
        }
        for receipt in &part.receipts {
            if receipt.is_to_be_posted() {
                plan.legs.push(Leg::PostReceipt(number, receipt.id.clone()));
            } else if receipt.is_to_be_restocked() {
                plan.legs.push(Leg::Restock(number, receipt.id.clone()));
            }
        }
        if !record.is_back(part) || part.receipts.iter().any(crate::part::Receipt::is_to_be_posted) {
            return;
        }
        let missing = |line: &crate::line::Line| !line.is_charge && record.accepted(line) < line.authorized;
        if !part.erp_closed && record.lines_of(part).any(missing) {
            plan.legs.push(Leg::CloseReturn(number));
            return;
        }
        if part.settlement.is_none() {
            plan.at(part.settle_at, now, Leg::Settle(number));
            return;
        }
        if part.owes_the_order_word() {
            plan.at(part.settle_at, now, Leg::TellOrder(number));
            return;
        }
        if part.is_to_be_credited() && part.credit_memo.is_none() {
            plan.legs.push(Leg::CreditMemo(number));
            return;
        }
        let given_back = part.refund.as_ref().is_some_and(crate::part::Refund::is_done);
        if part.refund_due() > 0 && !given_back {
            let look_at = part.refund.as_ref().filter(|refund| refund.pending).map_or(0, |refund| refund.look_at);
            plan.at(look_at, now, Leg::Refund(number, part.attempt()));
            return;
        }
        if part.refunded() > 0 && part.refund_document.is_none() {
            plan.legs.push(Leg::RecordRefund(number));
        }
    }

    /// The way back: what a cancellation must undo, last things first. Claims are given back only when the ERP awaits
    /// no goods any more.
    fn undo(record: &Return, plan: &mut Plan) {
        for part in record.parts.iter().filter(|part| part.erp_asked && !part.erp_closed) {
            // A return whose answer never came is fetched first: what is not known cannot be closed.
            let known = part.return_authorization.is_some();
            plan.legs.push(if known { Leg::CloseReturn(part.number) } else { Leg::OpenReturn(part.number) });
        }
        if plan.legs.is_empty() {
            plan.legs.extend(record.to_give_back().into_iter().map(Leg::GiveBack));
        }
    }

    /// A shop that asked is answered when it is decided whether anything may come back.
    fn answer(record: &Return, plan: &mut Plan) {
        if !record.owes_answer() {
            return;
        }
        match record.state() {
            State::Authorized | State::PartlyReceived | State::Received | State::Completed => {
                plan.legs.push(Leg::AnswerShop(true));
            }
            State::Refused | State::Cancelled => plan.legs.push(Leg::AnswerShop(false)),
            State::Requested | State::Held | State::Cancelling => {}
        }
    }

    /// What comes next.
    pub(crate) fn next(record: &Return, now: Timestamp) -> Next<Leg> {
        let mut plan = Plan::default();
        if record.given.as_ref().is_some_and(|given| !given.noted) {
            plan.legs.push(Leg::NoteGiven);
        }
        match record.state() {
            State::Requested | State::Held | State::Authorized | State::PartlyReceived | State::Received => {
                Self::settle_lines(record, now, &mut plan);
                for part in &record.parts {
                    Self::settle_part(record, part, now, &mut plan);
                }
            }
            State::Cancelling => Self::undo(record, &mut plan),
            State::Completed | State::Cancelled | State::Refused => {}
        }
        Self::answer(record, &mut plan);
        plan.next(record.is_over())
    }

    /// Takes over what a leg brought. `at` is in milliseconds.
    pub(crate) fn take(record: &mut Return, leg: &Leg, brought: &Brought, at: i64) {
        match (leg, brought) {
            (Leg::Identify, Brought::Customer(customer)) => {
                record.customer_sought = true;
                record.customer_id = customer.clone().unwrap_or_default();
            }
            (Leg::Locate, Brought::Found(found)) => locate::locate(record, found.as_ref().clone()),
            (Leg::Judge(_), Brought::Judged(Some(sale), judged)) => settling::take(record, sale, judged, at),
            (Leg::Judge(order), Brought::Judged(None, _)) => settling::order_is_gone(record, order),
            (Leg::AnswerShop(_), _) => record.set_answered(Answer::Given),
            (Leg::NoteGiven, _) => {
                if let Some(given) = &mut record.given {
                    given.noted = true;
                }
            }
            (Leg::OpenReturn(_) | Leg::PostReceipt(..), Brought::SalesReturn(told)) => {
                facts::take(record, told, at);
            }
            (Leg::CloseReturn(part), brought) => {
                if let Brought::SalesReturn(told) = brought {
                    facts::take(record, told, at);
                }
                with_part(record, *part, |part| part.erp_closed = true);
            }
            (Leg::PostReceipt(part, _), Brought::Receipt(said)) => facts::posted(record, *part, said),
            // Kept by a version that did not remember what was taken in.
            (Leg::PostReceipt(part, id), Brought::Record(document)) => {
                let (external_ref, document) = (id.clone(), Some(document.clone()));
                facts::posted(record, *part, &erp::Receipt { document, external_ref, ..erp::Receipt::default() });
            }
            (Leg::Restock(part, id), _) => with_receipt(record, *part, id, |receipt| receipt.restocked = true),
            (Leg::Settle(part), Brought::Settled(entry)) => {
                if record.state() == State::Cancelling {
                    // What was decided meanwhile is given back with the claims.
                    record.orders.iter_mut().for_each(|order| order.given_back = false);
                } else {
                    crediting::settled(record, *part, entry);
                }
            }
            (Leg::TellOrder(part), Brought::Settled(entry)) => crediting::told_order(record, *part, entry),
            (Leg::Settle(part) | Leg::TellOrder(part), Brought::NotYet) => {
                with_part(record, *part, |part| crediting::settle_later(part, at));
            }
            (Leg::CreditMemo(part), Brought::Record(document)) => with_part(record, *part, |part| {
                part.credit_memo.get_or_insert_with(|| document.clone());
            }),
            (Leg::Refund(part, attempt), Brought::Refund(told)) => {
                with_part(record, *part, |part| crediting::tell(part, *attempt, told, at));
            }
            (Leg::RecordRefund(part), Brought::Record(document)) => with_part(record, *part, |part| {
                part.refund_document.get_or_insert_with(|| document.clone());
            }),
            (Leg::GiveBack(order), _) => record.gave_back(order),
            (Leg::Identify | Leg::Locate | Leg::Judge(_) | Leg::OpenReturn(_) | Leg::PostReceipt(..), _)
            | (Leg::Settle(_) | Leg::TellOrder(_) | Leg::CreditMemo(_) | Leg::Refund(..) | Leg::RecordRefund(_), _) => {
                record.cause = format!("{} brought an answer of another kind; this is a defect of Weft", leg.name());
            }
        }
        record.advance();
    }

    /// Takes over that a leg was refused; a person looks at it in any case. `at` is in milliseconds.
    pub(crate) fn refuse(record: &mut Return, leg: &Leg, why: &Failure, at: i64) {
        let Leg::Refund(part, attempt) = leg else { return };
        match why.reason() {
            "REFUND_FAILED" => {
                let failed = crediting::Told { at, failed: true, ..crediting::Told::default() };
                with_part(record, *part, |part| crediting::tell(part, *attempt, &failed, at));
            }
            "REFUND_NOT_POSSIBLE" => with_part(record, *part, |part| crediting::leave_to_a_person(part, *attempt)),
            _ => {}
        }
    }

    /// Waits for a person, or goes on. `at` is in milliseconds.
    pub(crate) fn park(record: &mut Return, why: Option<String>, at: i64) {
        match &why {
            Some(cause) => record.cause.clone_from(cause),
            // Whoever let it go on may have given another cause since.
            None if record.parked => record.cause.clear(),
            None => {}
        }
        record.parked = why.is_some();
        if why.is_none() {
            crediting::try_again(record, at);
        }
    }
}

impl Process for Journey {
    type Doc = Return;
    type Step = Leg;
    type Outcome = Brought;

    fn decide(&self, record: &Return, now: Timestamp) -> Next<Leg> {
        Self::next(record, now)
    }

    async fn perform(&self, _id: &str, record: &Return, leg: &Leg, attempt: Attempt) -> Result<Brought, Failure> {
        self.calls.perform(record, leg, &attempt).await
    }

    fn apply(&self, draft: &mut Draft<Return>, leg: &Leg, brought: &Brought, now: Timestamp) {
        Self::take(&mut draft.doc, leg, brought, now.as_millisecond());
    }

    fn refused(&self, draft: &mut Draft<Return>, leg: &Leg, why: &Failure, now: Timestamp) -> Verdict {
        Self::refuse(&mut draft.doc, leg, why, now.as_millisecond());
        Verdict::Park
    }

    fn parked(&self, draft: &mut Draft<Return>, why: Option<&Parked>, now: Timestamp) {
        let why = why.map(|parked| format!("{}: {}", parked.reason, parked.detail));
        Self::park(&mut draft.doc, why, now.as_millisecond());
    }

    fn seal(&self, draft: &mut Draft<Return>, before: &Return, now: Timestamp) {
        self.seal.seal(draft, before, now);
    }

    fn kept() -> Option<Kept<Self>> {
        // A return names a customer by id alone; the digest of what was told could be guessed at.
        const PERSONAL: &[Personal] = &[Personal::text(&[24])];
        Some(Kept::with(PERSONAL))
    }

    fn retell(&self, draft: &mut Draft<Return>, told: &Retold<'_, Return>) -> Option<Result<(), String>> {
        match told.what {
            ERP_FACTS => {
                let facts = erp::SalesReturn::decode(told.content).map_err(|error| error.to_string());
                Some(facts.map(|facts| erp_facts(draft, &facts, self.seal, told.now)))
            }
            REFUND_FACT => {
                let fact = pay::Refund::decode(told.content).map_err(|error| error.to_string());
                Some(fact.map(|fact| refund_fact(draft, &fact, told.now)))
            }
            _ => None,
        }
    }

    fn summary(&self, record: &Return) -> Summary {
        Summary { name: record.name(), status: record.status().to_owned() }
    }
}

fn with_part(record: &mut Return, number: i32, change: impl FnOnce(&mut Part)) {
    if let Some(part) = record.part_mut(number) {
        change(part);
    }
}

fn with_receipt(record: &mut Return, part: i32, id: &str, change: impl FnOnce(&mut crate::part::Receipt)) {
    let part = record.part_mut(part);
    if let Some(receipt) = part.and_then(|part| part.receipts.iter_mut().find(|receipt| receipt.id == id)) {
        change(receipt);
    }
}

#[cfg(test)]
#[path = "journey_tests.rs"]
mod tests;
