//! What may have reached another system although no answer says so. Whoever undoes something asks here first.

use retail_flow::{EffectState, Ledger};
use retail_store::Draft;

use crate::record::Order;

/// May a step have arrived? Not only its last attempt counts: one that certainly was not executed says nothing about the
/// one before it, whose answer was lost. A refusal does: the connector looks first and answers what is there.
pub(crate) fn may_have_arrived(draft: &mut Draft<Order>, step: &str) -> bool {
    let ledger = draft.get::<Ledger>(&Ledger::id_of::<Order>(draft.id())).unwrap_or_default();
    ledger_says(&ledger, step)
}

fn ledger_says(ledger: &Ledger, step: &str) -> bool {
    let Some(effect) = ledger.effect(step) else { return false };
    match effect.state() {
        EffectState::Refused => false,
        EffectState::Sent | EffectState::Unknown | EffectState::Confirmed | EffectState::Exception => true,
        EffectState::Planned => {
            let certain = |attempt: u32| {
                let mut entries = ledger.timeline.iter();
                entries.any(|entry| entry.subject == step && entry.attempt == attempt && entry.what == "NOT_DONE")
            };
            (1..=effect.attempts).any(|attempt| !certain(attempt))
        }
    }
}

/// Marks the payments that the ERP may have in its books: they are resolved before their money goes back.
pub(crate) fn ask_for_payments(draft: &mut Draft<Order>) {
    let open = draft.doc.payments.iter().filter(|payment| payment.is_captured() && payment.document.is_none());
    let open: Vec<String> = open.map(|payment| payment.id.clone()).collect();
    for id in open {
        let asked = may_have_arrived(draft, &format!("erp.record_payment/{id}"));
        if let Some(payment) = draft.doc.payments.iter_mut().find(|payment| payment.id == id) {
            payment.asked = payment.asked || asked;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use retail_flow::{Class, Failure, Policy};
    use retail_runtime::Timestamp;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn send(ledger: &mut Ledger, second: i64, failure: Option<&Failure>) {
        ledger.admit("erp.step", Class::Keyed, Policy::VENDOR, at(second));
        if let Some(failure) = failure {
            ledger.fail("erp.step", failure, Duration::ZERO, at(second));
        }
    }

    fn unknown() -> Failure {
        Failure::Unknown { reason: "NO_ANSWER".into(), detail: String::new() }
    }

    #[test]
    fn what_was_never_sent_or_certainly_not_executed_has_not_arrived() {
        let mut ledger = Ledger::default();
        assert!(!ledger_says(&ledger, "erp.step"));
        send(&mut ledger, 1, Some(&Failure::not_done("AWAY", "")));
        send(&mut ledger, 2, Some(&Failure::not_done("AWAY", "")));
        assert!(!ledger_says(&ledger, "erp.step"));
    }

    #[test]
    fn what_is_under_way_or_unknown_may_have_arrived() {
        let mut ledger = Ledger::default();
        send(&mut ledger, 1, None);
        assert!(ledger_says(&ledger, "erp.step"));
        ledger.fail("erp.step", &unknown(), Duration::ZERO, at(1));
        assert!(ledger_says(&ledger, "erp.step"));
    }

    #[test]
    fn a_later_attempt_that_was_not_executed_does_not_settle_an_earlier_one() {
        let mut ledger = Ledger::default();
        send(&mut ledger, 1, Some(&unknown()));
        send(&mut ledger, 2, Some(&Failure::not_done("AWAY", "")));
        assert!(ledger_says(&ledger, "erp.step"));
    }

    #[test]
    fn an_attempt_that_a_crash_cut_off_may_have_arrived() {
        let mut ledger = Ledger::default();
        send(&mut ledger, 1, None);
        send(&mut ledger, 2, Some(&Failure::not_done("AWAY", "")));
        assert!(ledger_says(&ledger, "erp.step"));
    }
}
