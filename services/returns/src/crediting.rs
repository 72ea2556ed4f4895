//! How a part ends in money: what is credited, what of it is given back, and what the owner of the refund says. Pure.

use retail_proto::types::v1::Ref;
use serde::{Deserialize, Serialize};

use crate::allowance::{Entry, Settling};
use crate::part::{Credit, Part, Refund, Settlement};
use crate::record::Return;
use crate::share::share;

/// The soonest and the latest that the owner of a pending refund is asked again, milliseconds.
const LOOKS: (i64, i64) = (1_000, 3_600_000);
/// The soonest and the latest that an order whose money is being taken is looked at again, milliseconds.
const SETTLE_LOOKS: (i64, i64) = (500, 300_000);

/// What is credited of a part: of each line what was accepted, at its share of what was authorized.
pub(crate) fn credits(record: &Return, part: &Part) -> Vec<Credit> {
    let credit = |line: &crate::line::Line| {
        let quantity = record.accepted(line);
        Credit { number: line.number, quantity, amount: share(line.amount, quantity, line.authorized) }
    };
    record.lines_of(part).map(credit).filter(|credit| credit.quantity > 0).collect()
}

/// What the order's books are asked when a part is settled.
pub(crate) fn settling(record: &Return, part: &Part) -> Settling {
    Settling {
        id: part.id.clone(),
        return_id: record.id.clone(),
        lines: credits(record, part),
        invoice: part.invoice.clone(),
        is_given: record.gave().is_some(),
        accepted: record
            .lines_of(part)
            .map(|line| (line.claimed_as, line.invoice.clone(), record.accepted(line), line.authorized))
            .collect(),
    }
}

/// The order's own money comes first: looked at again more seldom the longer that takes.
pub(crate) fn settle_later(part: &mut Part, now: i64) {
    if part.settle_since == 0 {
        part.settle_since = now;
    }
    let waited = now.saturating_sub(part.settle_since);
    part.settle_at = now.saturating_add((waited / 2).clamp(SETTLE_LOOKS.0, SETTLE_LOOKS.1));
}

/// Takes the books' decision over.
pub(crate) fn settled(record: &mut Return, number: i32, entry: &Entry) {
    let given = record.gave().cloned();
    let Some(part) = record.part_mut(number).filter(|part| part.settlement.is_none()) else { return };
    let mut settlement = Settlement {
        lines: entry.lines.clone(),
        credited: entry.credited,
        applied: entry.applied,
        refund: entry.refund,
        told: false,
    };
    let stays = stays_as_credit(entry).filter(|_| given.is_none());
    if let Some(given) = given {
        // The shop was first: its refund is this part's, as far as the part goes.
        settlement.refund = entry.credited;
        part.refund = Some(Refund {
            attempt: 1,
            record: given.record,
            minor: if given.failed { 0 } else { entry.credited },
            at: given.at,
            failed: given.failed,
            ..Refund::default()
        });
    }
    part.settlement = Some(settlement);
    if let Some(stays) = stays {
        record.cause = stays;
    }
}

/// The order knows what of the credit pays its invoice: no more than it still had to take.
pub(crate) fn told_order(record: &mut Return, number: i32, entry: &Entry) {
    let settlement = record.part_mut(number).and_then(|part| part.settlement.as_mut());
    let Some(settlement) = settlement.filter(|settlement| !settlement.told) else { return };
    (settlement.applied, settlement.refund, settlement.told) = (entry.applied, entry.refund, true);
    if let Some(stays) = stays_as_credit(entry) {
        record.cause = stays;
    }
}

/// Words for what of a credit neither pays an invoice nor is given back; `None` when there is nothing of it.
fn stays_as_credit(entry: &Entry) -> Option<String> {
    let left = entry.credited.saturating_sub(entry.applied).saturating_sub(entry.refund);
    (left > 0).then(|| {
        format!(
            "{left} minor units stay as credit in the ERP: no more of the order's money can be given back at its shop"
        )
    })
}

/// What an owner says of a refund.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Told {
    /// The owner's record.
    #[serde(with = "retail_flow::kept::maybe")]
    pub(crate) record: Option<Ref>,
    /// What was given back, minor units; `None` when the owner does not say. Of one that failed, what came through
    /// nevertheless: one payment gave, another did not.
    pub(crate) minor: Option<i64>,
    /// When, milliseconds since 1970.
    pub(crate) at: i64,
    /// The owner works on it.
    pub(crate) pending: bool,
    /// It was not given back, and will not be.
    pub(crate) failed: bool,
}

/// Takes over what an owner says of the refund of a part, at a business attempt. What is said of another attempt, or
/// after this one has failed or was left to a person, changes nothing: a failure is final for its attempt. An attempt that
/// gave back less than it was to has failed too: what it gave counts, the rest is for another.
pub(crate) fn tell(part: &mut Part, attempt: i32, told: &Told, now: i64) {
    let by_hand = part.refund.as_ref().is_some_and(|refund| refund.by_hand);
    if attempt != part.attempt() || part.has_failed_refund() || by_hand {
        return;
    }
    let due = part.still_due();
    let known = part.refund.take().unwrap_or_default();
    if told.pending && known.is_done() {
        // An older answer that comes late.
        part.refund = Some(known);
        return;
    }
    let gave = match (told.pending, told.failed) {
        (true, _) => 0,
        (false, true) => told.minor.unwrap_or(0),
        (false, false) => told.minor.unwrap_or(due),
    };
    let failed = !told.pending && (told.failed || gave < due);
    if failed {
        part.refunded_before = part.refunded_before.saturating_add(gave);
    }
    let since = if known.since == 0 { now } else { known.since };
    let waited = now.saturating_sub(since);
    let look_at = now.saturating_add((waited / 2).clamp(LOOKS.0, LOOKS.1));
    part.refund = Some(Refund {
        attempt,
        record: told.record.clone().or(known.record),
        minor: if failed { 0 } else { gave },
        at: told.at,
        pending: told.pending && !failed,
        look_at: if told.pending { look_at } else { 0 },
        since: if told.pending { since } else { 0 },
        failed,
        by_hand: false,
    });
}

/// Nobody but a person can give it back: no connector leads to where it was paid.
pub(crate) fn leave_to_a_person(part: &mut Part, attempt: i32) {
    if attempt == part.attempt() && part.refund.as_ref().is_none_or(|refund| !refund.is_done()) {
        part.refund = Some(Refund { attempt, by_hand: true, ..Refund::default() });
    }
}

/// A payment service says that money it had given back under a reference did not arrive: it is a person's to give, and the
/// return is not over until then. True when that is news.
pub(crate) fn came_back(part: &mut Part, reference: &str, minor: i64) -> bool {
    let is_of_this_attempt = reference.strip_prefix(&part.refund_id()).is_some_and(|rest| rest.starts_with('/'));
    let counts = part.refund.as_ref().is_some_and(Refund::is_done) || part.waits_for_what_came_back();
    if !is_of_this_attempt || !counts || part.came_back.iter().any(|known| known == reference) {
        return false;
    }
    part.refunded_before = part.refunded().saturating_sub(minor).max(0);
    part.refund = Some(Refund { attempt: part.attempt(), by_hand: true, ..Refund::default() });
    part.came_back.push(reference.to_owned());
    true
}

/// A person lets the return go on. What only a person could give back is given back then; what failed is given back once
/// more: another attempt, with another id and another key.
pub(crate) fn try_again(record: &mut Return, at: i64) {
    for part in &mut record.parts {
        let due = part.still_due();
        if let Some(refund) = part.refund.as_mut().filter(|refund| refund.by_hand && refund.at == 0) {
            (refund.minor, refund.at) = (due, at);
        }
    }
    for part in record.parts.iter_mut().filter(|part| part.has_failed_refund()) {
        part.refund = Some(Refund { attempt: part.attempt().saturating_add(1), ..Refund::default() });
    }
}

/// The shop takes its word back: the money of its own refund was not given after all.
pub(crate) fn not_given(record: &mut Return) {
    if let Some(given) = &mut record.given {
        given.failed = true;
    }
    for refund in record.parts.iter_mut().filter_map(|part| part.refund.as_mut()).filter(|one| one.attempt == 1) {
        refund.failed = true;
        refund.minor = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::authorized;

    fn told(pending: bool, failed: bool) -> Told {
        let record = Some(Ref { id: "r-9".into(), ..Ref::default() });
        Told { record, minor: Some(500).filter(|_| !failed), at: 7, pending, failed }
    }

    fn part() -> Part {
        let mut record = authorized(&[2]);
        settled(&mut record, 1, &Entry { credited: 500, refund: 500, ..Entry::default() });
        record.parts.remove(0)
    }

    #[test]
    fn pending_money_is_not_refunded_and_is_asked_for_again() {
        let mut part = part();
        tell(&mut part, 1, &told(true, false), 10);
        assert_eq!((part.refunded(), part.is_done()), (0, false));
        assert!(part.refund.as_ref().unwrap().look_at > 10);
        tell(&mut part, 1, &told(false, false), 20);
        assert_eq!(part.refunded(), 500);
    }

    #[test]
    fn a_failed_refund_never_counts_even_when_an_older_answer_says_done() {
        let mut part = part();
        tell(&mut part, 1, &told(false, false), 10);
        tell(&mut part, 1, &told(false, true), 20);
        tell(&mut part, 1, &told(false, false), 30);
        assert_eq!(part.refunded(), 0);
        assert!(part.has_failed_refund());
    }

    #[test]
    fn an_attempt_that_gave_only_some_leaves_the_rest_to_another() {
        let mut record = authorized(&[2]);
        settled(&mut record, 1, &Entry { credited: 500, refund: 500, ..Entry::default() });
        tell(&mut record.parts[0], 1, &Told { minor: Some(300), ..told(false, false) }, 10);
        assert_eq!((record.parts[0].refunded(), record.parts[0].has_failed_refund()), (300, true));
        try_again(&mut record, 15);
        assert_eq!(record.parts[0].still_due(), 200);
        tell(&mut record.parts[0], 2, &Told { minor: Some(200), ..told(false, false) }, 20);
        assert_eq!((record.parts[0].refunded(), record.parts[0].has_failed_refund()), (500, false));
    }

    #[test]
    fn what_one_payment_gave_counts_although_another_failed() {
        let mut record = authorized(&[2]);
        settled(&mut record, 1, &Entry { credited: 500, refund: 500, ..Entry::default() });
        tell(&mut record.parts[0], 1, &Told { minor: Some(300), ..told(false, true) }, 10);
        assert_eq!((record.parts[0].refunded(), record.parts[0].has_failed_refund()), (300, true));
        try_again(&mut record, 15);
        assert_eq!(record.parts[0].still_due(), 200);
    }

    #[test]
    fn what_only_a_person_can_give_back_is_given_once_he_says_so() {
        let mut record = authorized(&[2]);
        settled(&mut record, 1, &Entry { credited: 500, refund: 500, ..Entry::default() });
        leave_to_a_person(&mut record.parts[0], 1);
        assert_eq!((record.parts[0].refunded(), record.parts[0].is_done()), (0, false));
        try_again(&mut record, 15);
        assert_eq!((record.parts[0].refunded(), record.parts[0].refund.as_ref().unwrap().is_done()), (500, true));
        leave_to_a_person(&mut record.parts[0], 1);
        try_again(&mut record, 25);
        assert_eq!(record.parts[0].refund.as_ref().unwrap().at, 15, "given is given");
    }

    #[test]
    fn what_can_neither_be_applied_nor_given_back_is_said_whenever_it_is_decided() {
        let mut record = authorized(&[2]);
        let entry = Entry { credited: 500, applied: 500, ..Entry::default() };
        settled(&mut record, 1, &entry);
        assert_eq!((record.cause.as_str(), record.parts[0].owes_the_order_word()), ("", true));
        told_order(&mut record, 1, &Entry { applied: 100, refund: 300, ..entry.clone() });
        assert!(record.cause.starts_with("100 minor units stay as credit in the ERP"), "{}", record.cause);
        told_order(&mut record, 1, &entry);
        let settlement = record.parts[0].settlement.clone().unwrap();
        assert_eq!((settlement.applied, settlement.refund, settlement.told), (100, 300, true), "it is told once");
    }

    #[test]
    fn money_that_came_back_days_later_is_given_by_a_person_once() {
        let mut record = authorized(&[2]);
        settled(&mut record, 1, &Entry { credited: 500, refund: 500, ..Entry::default() });
        tell(&mut record.parts[0], 1, &told(false, false), 10);
        let id = record.parts[0].refund_id();
        let (first, second) = (format!("{id}/pi_1"), format!("{id}/pi_2"));
        assert!(came_back(&mut record.parts[0], &first, 200));
        assert!(!came_back(&mut record.parts[0], &first, 200), "told twice");
        assert_eq!((record.parts[0].refunded(), record.parts[0].still_due()), (300, 200));
        assert!(came_back(&mut record.parts[0], &second, 100), "that of another payment as well");
        tell(&mut record.parts[0], 1, &told(false, false), 12);
        assert_eq!((record.parts[0].refunded(), record.parts[0].still_due()), (200, 300), "an older answer");
        try_again(&mut record, 15);
        assert_eq!((record.parts[0].refunded(), record.parts[0].refund.as_ref().unwrap().is_done()), (500, true));
        assert!(!came_back(&mut record.parts[0], &second, 100), "given by hand is given");
    }

    #[test]
    fn a_refund_that_was_never_given_does_not_come_back() {
        let mut part = part();
        let reference = format!("{}/pi_1", part.refund_id());
        assert!(!came_back(&mut part, &reference, 500));
        tell(&mut part, 1, &told(false, true), 10);
        assert!(!came_back(&mut part, &reference, 500));
        assert!(!came_back(&mut part, "r-1/1/refund-10/pi_1", 500), "and one attempt is not another");
    }

    #[test]
    fn another_attempt_has_another_id_and_is_deaf_to_the_first() {
        let mut record = authorized(&[2]);
        settled(&mut record, 1, &Entry { credited: 500, refund: 500, ..Entry::default() });
        let first = record.parts[0].refund_id();
        tell(&mut record.parts[0], 1, &told(false, true), 10);
        try_again(&mut record, 15);
        assert_ne!(record.parts[0].refund_id(), first);
        tell(&mut record.parts[0], 1, &told(false, true), 20);
        assert!(!record.parts[0].has_failed_refund());
    }

    #[test]
    fn a_pending_answer_that_comes_late_takes_nothing_back() {
        let mut part = part();
        tell(&mut part, 1, &told(false, false), 10);
        tell(&mut part, 1, &told(true, false), 20);
        assert_eq!(part.refunded(), 500);
    }
}
