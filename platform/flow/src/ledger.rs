//! The ledger of one aggregate: every effect with its intent, attempts and verdict, the timeline people read, and why
//! it is parked. It is a document of its own beside the aggregate, in the same partition and the same commits. Pure.

use std::time::Duration;

use retail_runtime::{Timestamp, sabotage};
use retail_store::Document;

use crate::failure::Failure;
use crate::journal::Shelf;
use crate::step::{Class, Policy};

/// Oldest timeline entries give way beyond this many.
const TIMELINE_CAP: usize = 200;
/// After an unknown outcome of a queryable effect nothing is re-sent before this has passed since the last send:
/// the vendor's longest request plus its search lag (guarantees, section 5).
const QUIET: Duration = Duration::from_secs(120);
/// Two misses this far apart prove that a queryable effect did not happen.
const MISS_GAP: Duration = Duration::from_secs(30);

/// Where an effect stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum EffectState {
    /// Wanted, nothing sent since the last certain answer.
    Planned = 0,
    /// The intent is durable; the request may be on the wire.
    Sent = 1,
    /// The other side confirmed it.
    Confirmed = 2,
    /// The other side refused it.
    Refused = 3,
    /// Sent, and nobody knows.
    Unknown = 4,
    /// Waits for a person.
    Exception = 5,
}

/// One effect or call and what became of it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Effect {
    /// Name of the step, unique in the aggregate, for example `erp.create_sales_order`.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Where it stands.
    #[prost(enumeration = "EffectState", tag = "2")]
    pub state: i32,
    /// Sends so far.
    #[prost(uint32, tag = "3")]
    pub attempts: u32,
    /// First attempt, milliseconds since 1970.
    #[prost(int64, tag = "4")]
    pub first_at: i64,
    /// Last attempt, milliseconds since 1970.
    #[prost(int64, tag = "5")]
    pub last_at: i64,
    /// Not before this time again, milliseconds since 1970.
    #[prost(int64, tag = "6")]
    pub next_at: i64,
    /// Read-backs that found nothing since the last send.
    #[prost(uint32, tag = "7")]
    pub misses: u32,
    /// Last cause.
    #[prost(string, tag = "8")]
    pub reason: String,
}

/// One entry of the timeline.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Entry {
    /// Milliseconds since 1970.
    #[prost(int64, tag = "1")]
    pub at: i64,
    /// UPPER_SNAKE_CASE word, for example `EFFECT_SENT`.
    #[prost(string, tag = "2")]
    pub what: String,
    /// Step or effect.
    #[prost(string, tag = "3")]
    pub subject: String,
    /// For people; never personal data.
    #[prost(string, tag = "4")]
    pub detail: String,
    /// Attempt, for effects.
    #[prost(uint32, tag = "5")]
    pub attempt: u32,
}

/// Why a person is needed.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Parked {
    /// UPPER_SNAKE_CASE cause.
    #[prost(string, tag = "1")]
    pub reason: String,
    /// What is wrong and what to do.
    #[prost(string, tag = "2")]
    pub detail: String,
    /// Step that could not go on.
    #[prost(string, tag = "3")]
    pub step: String,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "4")]
    pub since: i64,
}

/// The ledger.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Ledger {
    /// Effects, oldest first.
    #[prost(message, repeated, tag = "1")]
    pub effects: Vec<Effect>,
    /// Why a person is needed, when one is.
    #[prost(message, optional, tag = "2")]
    pub parked: Option<Parked>,
    /// What happened, oldest first.
    #[prost(message, repeated, tag = "3")]
    pub timeline: Vec<Entry>,
    /// Name people use for the aggregate.
    #[prost(string, tag = "4")]
    pub name: String,
    /// Trace context of the request that began it.
    #[prost(string, tag = "5")]
    pub traceparent: String,
    /// Transaction state as last indexed (see `ops`).
    #[prost(int32, tag = "6")]
    pub indexed_state: i32,
    /// Sort key under which it is indexed.
    #[prost(bytes = "vec", tag = "7")]
    pub indexed_sort: Vec<u8>,
    /// Business state in plain words.
    #[prost(string, tag = "8")]
    pub status: String,
    /// Since when the transaction state is so, milliseconds since 1970.
    #[prost(int64, tag = "9")]
    pub since: i64,
    /// The document shows that it is parked.
    #[prost(bool, tag = "10")]
    pub shown_parked: bool,
    /// The run of a driver's rule that wrote it last: by it a commit whose answer was lost is known again.
    #[prost(fixed64, tag = "11")]
    pub run: u64,
    /// Where the journal of the aggregate stands, when it keeps one.
    #[prost(message, optional, tag = "12")]
    pub journal: Option<Shelf>,
}

/// May a step run now?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Send it; this is the n-th attempt.
    Run(u32),
    /// Do not send: look whether an earlier send arrived.
    Verify(u32),
    /// Not before this time.
    Wait(Timestamp),
    /// Not at all until a person has looked.
    Parked,
}

impl Document for Ledger {
    const KIND: &'static str = "ledger";

    /// A ledger lies in the partition of its aggregate.
    fn routing(id: &str) -> &str {
        id.split_once('|').map_or(id, |(routing, _)| routing)
    }
}

impl Ledger {
    /// The id of the ledger of an aggregate: where it lies, and whose it is.
    #[must_use]
    pub fn id_of<D: Document>(id: &str) -> String {
        format!("{}|{}", D::routing(id), D::key(id))
    }

    /// The effect of a step.
    #[must_use]
    pub fn effect(&self, name: &str) -> Option<&Effect> {
        self.effects.iter().find(|effect| effect.name == name)
    }

    /// May a step have arrived although no answer says so? Not only its last attempt counts: one that certainly was not
    /// executed says nothing about the one before it, whose answer was lost. A refusal does: who refuses has looked.
    #[must_use]
    pub fn may_have_been_sent(&self, step: &str) -> bool {
        let Some(effect) = self.effect(step) else { return false };
        match effect.state() {
            EffectState::Refused => false,
            EffectState::Sent | EffectState::Unknown | EffectState::Confirmed | EffectState::Exception => true,
            EffectState::Planned => {
                let certain = |attempt: u32| {
                    let mut entries = self.timeline.iter();
                    entries.any(|entry| entry.subject == step && entry.attempt == attempt && entry.what == "NOT_DONE")
                };
                (1..=effect.attempts).any(|attempt| !certain(attempt))
            }
        }
    }

    /// Decides whether a step may run, and records the intent of an effect. `now` is also the time of the intent.
    pub fn admit(&mut self, name: &str, class: Class, policy: Policy, now: Timestamp) -> Admission {
        if self.parked.is_some() {
            return Admission::Parked;
        }
        let at = now.as_millisecond();
        if self.effect(name).is_none() {
            self.effects.push(Effect { name: name.to_owned(), first_at: at, ..Effect::default() });
        }
        let Some(effect) = self.effects.iter_mut().find(|effect| effect.name == name) else {
            return Admission::Wait(now);
        };
        if effect.state() == EffectState::Confirmed {
            // Asked for again after it was done: a new round (a reading that goes on for ever), with new deadlines.
            *effect = Effect { name: name.to_owned(), first_at: at, ..Effect::default() };
        }
        let attempt = effect.attempts.saturating_add(1);
        if effect.next_at > at {
            return Admission::Wait(after(effect.next_at));
        }
        let uncertain = matches!(effect.state(), EffectState::Sent | EffectState::Unknown);
        let admission = match class {
            Class::Blind if uncertain => None,
            Class::Queryable if uncertain => {
                let quiet =
                    if sabotage::is_off("quiet_time") { at } else { effect.last_at.saturating_add(millis(QUIET)) };
                let gap = effect.next_at.max(quiet);
                if gap > at {
                    effect.set_state(EffectState::Unknown);
                    effect.next_at = gap;
                    return Admission::Wait(after(gap));
                }
                if effect.misses < misses() { Some(Admission::Verify(attempt)) } else { Some(Admission::Run(attempt)) }
            }
            Class::Call | Class::Keyed | Class::Queryable | Class::Blind => Some(Admission::Run(attempt)),
        };
        let Some(admission) = admission else {
            effect.set_state(EffectState::Exception);
            let detail =
                format!("{name} was sent once and its outcome is unknown; look in the other system, then resume");
            self.park("OUTCOME_UNKNOWN", &detail, name, now);
            return Admission::Parked;
        };
        if at.saturating_sub(effect.first_at) > millis(policy.deadline) {
            let detail = format!("{name} did not succeed within {} s: {}", policy.deadline.as_secs(), effect.reason);
            self.park("DEADLINE_PASSED", &detail, name, now);
            return Admission::Parked;
        }
        if let Admission::Run(_) = admission {
            effect.attempts = attempt;
            effect.last_at = at;
            effect.misses = 0;
            if class != Class::Call {
                effect.set_state(EffectState::Sent);
                self.note(now, "EFFECT_SENT", name, "", attempt);
            }
        }
        admission
    }

    /// As [`Ledger::admit`], for a step on the side: it may leave although the aggregate is parked.
    pub fn admit_beside(&mut self, name: &str, class: Class, policy: Policy, now: Timestamp) -> Admission {
        let parked = self.parked.take();
        let admission = self.admit(name, class, policy, now);
        // The first cause stands.
        self.parked = parked.or(self.parked.take());
        admission
    }

    /// Records a call that was made before its commit: calls of our own services need no intent.
    pub(crate) fn called(&mut self, name: &str, attempt: u32, now: Timestamp) {
        let at = now.as_millisecond();
        if self.effect(name).is_none() {
            self.effects.push(Effect { name: name.to_owned(), first_at: at, ..Effect::default() });
        }
        let Some(effect) = self.effects.iter_mut().find(|effect| effect.name == name) else { return };
        if effect.state() == EffectState::Confirmed {
            *effect = Effect { name: name.to_owned(), first_at: at, ..Effect::default() };
        }
        if effect.attempts < attempt {
            effect.attempts = attempt;
            effect.last_at = at;
        }
    }

    /// Records that a step succeeded. A routine step that succeeds at once leaves no line in the timeline.
    pub fn confirm(&mut self, name: &str, class: Class, routine: bool, now: Timestamp) {
        let mut attempt = 0;
        if let Some(effect) = self.effects.iter_mut().find(|effect| effect.name == name) {
            effect.set_state(EffectState::Confirmed);
            effect.next_at = 0;
            effect.reason.clear();
            attempt = effect.attempts;
        }
        let what = if class == Class::Call { "STEP_DONE" } else { "EFFECT_CONFIRMED" };
        if !routine || attempt > 1 {
            self.note(now, what, name, "", attempt);
        }
    }

    /// Records a failure and when to try again. `jittered` is the wait that was drawn for this attempt.
    pub fn fail(&mut self, name: &str, failure: &Failure, jittered: Duration, now: Timestamp) {
        let at = now.as_millisecond();
        let mut attempt = 0;
        let what = match failure {
            Failure::NotDone { .. } => "NOT_DONE",
            Failure::Unknown { .. } => "OUTCOME_UNKNOWN",
            Failure::Refused { .. } => "REFUSED",
        };
        if let Some(effect) = self.effects.iter_mut().find(|effect| effect.name == name) {
            attempt = effect.attempts;
            failure.reason().clone_into(&mut effect.reason);
            match failure {
                Failure::NotDone { retry_after, .. } => {
                    effect.set_state(EffectState::Planned);
                    effect.next_at = at.saturating_add(millis(retry_after.map_or(jittered, |told| told.max(jittered))));
                }
                Failure::Unknown { .. } => {
                    let planned = sabotage::is_off("unknown");
                    effect.set_state(if planned { EffectState::Planned } else { EffectState::Unknown });
                    effect.next_at = at.saturating_add(millis(jittered));
                }
                Failure::Refused { .. } => effect.set_state(EffectState::Refused),
            }
        }
        self.note(now, what, name, &format!("{}: {}", failure.reason(), failure.detail()), attempt);
    }

    /// Records that a read-back did not come through: what was sent is as unknown as before.
    pub fn unverified(&mut self, name: &str, failure: &Failure, jittered: Duration, now: Timestamp) {
        if let Some(effect) = self.effects.iter_mut().find(|effect| effect.name == name) {
            effect.set_state(EffectState::Unknown);
            failure.reason().clone_into(&mut effect.reason);
            effect.next_at = now.as_millisecond().saturating_add(millis(jittered));
        }
        self.note(now, "READ_BACK_FAILED", name, &format!("{}: {}", failure.reason(), failure.detail()), 0);
        if let Failure::Refused { .. } = failure {
            self.park(failure.reason(), failure.detail(), name, now);
        }
    }

    /// Records that a read-back found nothing.
    pub fn miss(&mut self, name: &str, now: Timestamp) {
        if let Some(effect) = self.effects.iter_mut().find(|effect| effect.name == name) {
            effect.misses = effect.misses.saturating_add(1);
            let gap = if sabotage::is_off("quiet_time") { Duration::ZERO } else { MISS_GAP };
            effect.next_at = now.as_millisecond().saturating_add(millis(gap));
        }
        self.note(now, "NOT_FOUND_ON_READ_BACK", name, "", 0);
    }

    /// Parks the aggregate: nothing runs until a person resumes it.
    pub fn park(&mut self, reason: &str, detail: &str, step: &str, now: Timestamp) {
        self.parked = Some(Parked {
            reason: reason.to_owned(),
            detail: detail.to_owned(),
            step: step.to_owned(),
            since: now.as_millisecond(),
        });
        self.note(now, "PARKED", step, &format!("{reason}: {detail}"), 0);
    }

    /// Lets the aggregate go on. Deadlines start anew; what was sent stays sent.
    pub fn resume(&mut self, note: &str, now: Timestamp) -> bool {
        let Some(parked) = self.parked.take() else { return false };
        let at = now.as_millisecond();
        for effect in &mut self.effects {
            match effect.state() {
                EffectState::Exception | EffectState::Refused => {
                    effect.set_state(EffectState::Planned);
                    effect.first_at = at;
                    effect.next_at = 0;
                }
                EffectState::Planned | EffectState::Unknown | EffectState::Sent => {
                    effect.first_at = at;
                    effect.next_at = 0;
                }
                EffectState::Confirmed => {}
            }
        }
        self.note(now, "RESUMED", &parked.step, note, 0);
        true
    }

    /// Adds an entry to the timeline.
    pub fn note(&mut self, now: Timestamp, what: &str, subject: &str, detail: &str, attempt: u32) {
        if self.timeline.len() >= TIMELINE_CAP {
            self.timeline.remove(0);
        }
        self.timeline.push(Entry {
            at: now.as_millisecond(),
            what: what.to_owned(),
            subject: subject.to_owned(),
            detail: detail.to_owned(),
            attempt,
        });
    }
}

/// Read-backs without a find that prove that nothing was sent.
fn misses() -> u32 {
    if sabotage::is_off("quiet_time") { 1 } else { 2 }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn after(millisecond: i64) -> Timestamp {
    Timestamp::from_millisecond(millisecond).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
