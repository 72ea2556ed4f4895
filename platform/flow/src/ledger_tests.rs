//! The ledger alone: what may leave when, by class, state and time.

use proptest::prelude::*;

use super::*;

const NAME: &str = "carrier.announce";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn lost() -> Failure {
    Failure::Unknown { reason: "RESET".into(), detail: "connection reset".into() }
}

fn admit(ledger: &mut Ledger, class: Class, second: i64) -> Admission {
    ledger.admit(NAME, class, Policy::VENDOR, at(second))
}

fn state(ledger: &Ledger) -> EffectState {
    ledger.effect(NAME).unwrap().state()
}

/// A ledger whose effect was sent at 0 and whose outcome is unknown.
fn unknown(class: Class) -> Ledger {
    let mut ledger = Ledger::default();
    assert_eq!(admit(&mut ledger, class, 0), Admission::Run(1));
    ledger.fail(NAME, &lost(), Duration::from_secs(1), at(0));
    ledger
}

#[test]
fn an_effect_is_sent_when_it_is_admitted_and_a_call_leaves_no_intent() {
    let mut ledger = Ledger::default();
    admit(&mut ledger, Class::Keyed, 0);
    assert_eq!(state(&ledger), EffectState::Sent);
    assert_eq!(ledger.timeline[0].what, "EFFECT_SENT");
    let mut ledger = Ledger::default();
    admit(&mut ledger, Class::Call, 0);
    assert_eq!(state(&ledger), EffectState::Planned);
    assert!(ledger.timeline.is_empty());
}

#[test]
fn an_unknown_keyed_effect_waits_and_is_sent_again() {
    let mut ledger = unknown(Class::Keyed);
    assert_eq!(admit(&mut ledger, Class::Keyed, 0), Admission::Wait(at(1)));
    assert_eq!(admit(&mut ledger, Class::Keyed, 1), Admission::Run(2));
}

#[test]
fn an_unknown_queryable_effect_is_looked_for_twice_before_it_is_sent_again() {
    let mut ledger = unknown(Class::Queryable);
    assert_eq!(admit(&mut ledger, Class::Queryable, 1), Admission::Wait(at(120)));
    assert_eq!(admit(&mut ledger, Class::Queryable, 120), Admission::Verify(2));
    ledger.miss(NAME, at(121));
    assert_eq!(admit(&mut ledger, Class::Queryable, 122), Admission::Wait(at(151)));
    assert_eq!(admit(&mut ledger, Class::Queryable, 151), Admission::Verify(2));
    ledger.miss(NAME, at(152));
    assert_eq!(admit(&mut ledger, Class::Queryable, 182), Admission::Run(2));
    assert_eq!(ledger.effect(NAME).unwrap().misses, 0, "misses count since the last send");
}

#[test]
fn a_queryable_effect_whose_sender_died_is_looked_for_too() {
    let mut ledger = Ledger::default();
    admit(&mut ledger, Class::Queryable, 0);
    assert_eq!(admit(&mut ledger, Class::Queryable, 10), Admission::Wait(at(120)));
    assert_eq!(admit(&mut ledger, Class::Queryable, 120), Admission::Verify(2));
}

#[test]
fn a_read_back_that_fails_leaves_the_effect_unknown() {
    let mut ledger = unknown(Class::Queryable);
    assert_eq!(admit(&mut ledger, Class::Queryable, 120), Admission::Verify(2));
    ledger.unverified(NAME, &Failure::not_done("AWAY", "refused"), Duration::from_secs(2), at(121));
    assert_eq!(state(&ledger), EffectState::Unknown);
    assert_eq!(admit(&mut ledger, Class::Queryable, 123), Admission::Verify(2));
}

#[test]
fn a_blind_effect_that_was_sent_is_never_sent_again_by_itself() {
    let mut ledger = unknown(Class::Blind);
    assert_eq!(admit(&mut ledger, Class::Blind, 5), Admission::Parked);
    assert_eq!(state(&ledger), EffectState::Exception);
    assert_eq!(ledger.parked.unwrap().reason, "OUTCOME_UNKNOWN");
}

#[test]
fn a_blind_effect_that_was_certainly_not_done_may_be_sent_again() {
    let mut ledger = Ledger::default();
    admit(&mut ledger, Class::Blind, 0);
    ledger.fail(NAME, &Failure::not_done("AWAY", "refused"), Duration::from_secs(1), at(0));
    assert_eq!(admit(&mut ledger, Class::Blind, 1), Admission::Run(2));
}

#[test]
fn the_other_side_is_given_the_time_it_asked_for() {
    let mut ledger = Ledger::default();
    admit(&mut ledger, Class::Keyed, 0);
    let retry_after = Some(Duration::from_secs(30));
    let throttled = Failure::NotDone { reason: "THROTTLED".into(), detail: String::new(), retry_after };
    ledger.fail(NAME, &throttled, Duration::from_secs(1), at(0));
    assert_eq!(admit(&mut ledger, Class::Keyed, 1), Admission::Wait(at(30)));
}

#[test]
fn past_its_deadline_an_effect_parks_and_a_resume_starts_it_anew() {
    let mut ledger = unknown(Class::Keyed);
    let past = 4 * 3600 + 1;
    assert_eq!(admit(&mut ledger, Class::Keyed, past), Admission::Parked);
    assert_eq!(ledger.parked.as_ref().unwrap().reason, "DEADLINE_PASSED");
    assert!(ledger.resume("vendor is back", at(past)));
    assert!(!ledger.resume("again", at(past)));
    assert_eq!(admit(&mut ledger, Class::Keyed, past), Admission::Run(2));
}

#[test]
fn nothing_leaves_while_parked_but_what_is_told_on_the_side() {
    let mut ledger = Ledger::default();
    ledger.park("NO_SUCH_ADDRESS", "corrected by hand", NAME, at(0));
    assert_eq!(admit(&mut ledger, Class::Keyed, 1), Admission::Parked);
    assert_eq!(ledger.admit_beside("crm.tell", Class::Keyed, Policy::VENDOR, at(1)), Admission::Run(1));
    assert_eq!(ledger.parked.unwrap().reason, "NO_SUCH_ADDRESS");
}

#[test]
fn a_step_asked_for_again_after_it_was_done_has_a_new_deadline() {
    let mut ledger = Ledger::default();
    ledger.called(NAME, 1, at(0));
    ledger.confirm(NAME, Class::Call, true, at(0));
    let day = 24 * 3600;
    ledger.called(NAME, 1, at(day));
    ledger.fail(NAME, &Failure::not_done("AWAY", "refused"), Duration::from_secs(1), at(day));
    assert_eq!(ledger.admit(NAME, Class::Call, Policy::MESH, at(day + 1)), Admission::Run(2));
}

#[test]
fn the_timeline_keeps_its_newest_entries() {
    let mut ledger = Ledger::default();
    for second in 0..250 {
        ledger.note(at(second), "NOTE", "", &second.to_string(), 0);
    }
    assert_eq!(ledger.timeline.len(), TIMELINE_CAP);
    assert_eq!((ledger.timeline[0].detail.as_str(), ledger.timeline[199].detail.as_str()), ("50", "249"));
}

#[test]
fn a_ledger_lies_where_its_aggregate_lies() {
    let id = Ledger::id_of::<Ledger>("o-1");
    assert_eq!(Ledger::routing(&id), "o-1");
}

/// What may happen to an effect between two looks.
#[derive(Debug, Clone, Copy)]
enum Event {
    Lost,
    Away,
    Missed,
    LookFailed,
    Died,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![Just(Event::Lost), Just(Event::Away), Just(Event::Missed), Just(Event::LookFailed), Just(Event::Died)]
}

fn send(ledger: &mut Ledger, second: i64, failure: Option<&Failure>) {
    admit(ledger, Class::Keyed, second);
    if let Some(failure) = failure {
        ledger.fail(NAME, failure, Duration::ZERO, at(second));
    }
}

#[test]
fn what_was_never_sent_or_certainly_not_executed_has_not_arrived() {
    let mut ledger = Ledger::default();
    assert!(!ledger.may_have_been_sent(NAME));
    send(&mut ledger, 1, Some(&Failure::not_done("AWAY", "")));
    send(&mut ledger, 2, Some(&Failure::not_done("AWAY", "")));
    assert!(!ledger.may_have_been_sent(NAME));
}

#[test]
fn what_is_under_way_or_unknown_may_have_arrived() {
    let mut ledger = Ledger::default();
    send(&mut ledger, 1, None);
    assert!(ledger.may_have_been_sent(NAME));
    ledger.fail(NAME, &lost(), Duration::ZERO, at(1));
    assert!(ledger.may_have_been_sent(NAME));
}

#[test]
fn a_later_attempt_that_was_not_executed_does_not_settle_an_earlier_one() {
    let mut ledger = Ledger::default();
    send(&mut ledger, 1, Some(&lost()));
    send(&mut ledger, 2, Some(&Failure::not_done("AWAY", "")));
    assert!(ledger.may_have_been_sent(NAME));
}

#[test]
fn an_attempt_that_a_crash_cut_off_may_have_arrived() {
    let mut ledger = Ledger::default();
    send(&mut ledger, 1, None);
    send(&mut ledger, 2, Some(&Failure::not_done("AWAY", "")));
    assert!(ledger.may_have_been_sent(NAME));
}

proptest! {
    /// Whatever happens, a blind effect never leaves twice unless the first was certainly not done, and a queryable
    /// one never without the quiet time and two misses since its last send.
    #[test]
    fn an_uncertain_effect_is_not_sent_again_without_proof(
        blind in any::<bool>(),
        events in proptest::collection::vec((event(), 0_i64..200), 1..40),
    ) {
        let class = if blind { Class::Blind } else { Class::Queryable };
        let (mut ledger, mut now, mut misses, mut sent_at, mut uncertain) = (Ledger::default(), 0, 0, 0, false);
        for (event, wait) in events {
            let admission = admit(&mut ledger, class, now);
            match admission {
                Admission::Run(_) => {
                    let proven = !blind && misses >= 2 && now - sent_at >= 120;
                    prop_assert!(!uncertain || proven, "sent again at {now} after {misses} misses");
                    (uncertain, misses, sent_at) = (true, 0, now);
                    match event {
                        Event::Away => {
                            ledger.fail(NAME, &Failure::not_done("AWAY", ""), Duration::from_secs(1), at(now));
                            uncertain = false;
                        }
                        Event::Died => {}
                        Event::Lost | Event::Missed | Event::LookFailed => {
                            ledger.fail(NAME, &lost(), Duration::from_secs(1), at(now));
                        }
                    }
                }
                Admission::Verify(_) => match event {
                    Event::Missed => {
                        ledger.miss(NAME, at(now));
                        misses += 1;
                    }
                    Event::Died => {}
                    Event::Lost | Event::Away | Event::LookFailed => {
                        ledger.unverified(NAME, &Failure::not_done("AWAY", ""), Duration::from_secs(1), at(now));
                    }
                },
                Admission::Wait(until) => prop_assert!(until > at(now)),
                Admission::Parked => break,
            }
            now += wait;
        }
    }
}
