//! What comes next for a message, from its state alone. Read `next` top to bottom. Pure.

use std::time::Duration;

use retail_flow::{Class, EffectState, Next, Policy, Step};
use retail_runtime::Timestamp;
use serde::{Deserialize, Serialize};

use crate::quiet::Quiet;
use crate::record::{Message, State};
use crate::words::at;

/// Name of the effect.
pub(crate) const SEND: &str = "notify.send_message";

/// One thing to do for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Deed {
    /// Is it still true, and what is it in full?
    Word,
    /// Hand it over.
    Send,
    /// It is too late.
    Lapse,
}

impl Step for Deed {
    fn name(&self) -> String {
        match self {
            Self::Word => "messages.word".into(),
            Self::Send => SEND.into(),
            Self::Lapse => "messages.lapse".into(),
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Word | Self::Lapse => Class::Call,
            Self::Send => Class::Blind,
        }
    }

    fn policy(&self) -> Policy {
        // The message's own expiry ends it, not a deadline of ours.
        let patient =
            |policy: Policy, cap: u64| Policy { cap: Duration::from_secs(cap), deadline: Duration::MAX, ..policy };
        match self {
            Self::Word | Self::Lapse => patient(Policy::MESH, 60),
            Self::Send => patient(Policy::VENDOR, 300),
        }
    }
}

/// What comes next. `quiet` are the quiet hours of its channel.
pub(crate) fn next(message: &Message, quiet: Option<&Quiet>, now: Timestamp) -> Next<Deed> {
    if message.has_ended() {
        return Next::Done;
    }
    if message.state() == State::Parked {
        return Next::Wait(None);
    }
    if message.is_unsure {
        // The driver knows that it may have been sent, and asks a person instead of sending.
        return Next::Do(vec![Deed::Send]);
    }
    let expires = at(message.expires_at);
    if now >= expires {
        return Next::Do(vec![Deed::Lapse]);
    }
    if !message.has_the_word {
        return Next::Wait(Some(expires));
    }
    if let Some(until) = quiet.and_then(|quiet| quiet.until(now)) {
        return Next::Wait(Some(until.min(expires)));
    }
    if message.content.is_none() {
        return Next::Do(vec![Deed::Word]);
    }
    Next::Do(vec![Deed::Send])
}

/// May an effect that stands like this have happened?
pub(crate) fn is_uncertain(state: EffectState) -> bool {
    match state {
        EffectState::Sent | EffectState::Unknown => true,
        // A person has looked at an exception, or will; the rest is certain.
        EffectState::Planned | EffectState::Confirmed | EffectState::Refused | EffectState::Exception => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENING: &str = "2026-01-05T22:00:00Z";
    const MORNING: &str = "2026-01-06T08:00:00Z";

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn night() -> Quiet {
        Quiet { from: "21:00".into(), until: "08:00".into(), time_zone: "UTC".into() }
    }

    /// Written in the evening, good for a day.
    fn message() -> Message {
        let expires_at = time("2026-01-06T22:00:00Z").as_millisecond();
        Message { has_the_word: true, expires_at, ..Message::default() }
    }

    fn worded() -> Message {
        Message { content: Some(Default::default()), ..message() }
    }

    #[test]
    fn it_is_worded_and_then_sent() {
        assert_eq!(next(&message(), None, time(EVENING)), Next::Do(vec![Deed::Word]));
        assert_eq!(next(&worded(), None, time(EVENING)), Next::Do(vec![Deed::Send]));
    }

    #[test]
    fn at_night_it_waits_for_the_morning_even_when_it_is_worded() {
        let waits = Next::Wait(Some(time(MORNING)));
        assert_eq!(next(&message(), Some(&night()), time(EVENING)), waits);
        assert_eq!(next(&worded(), Some(&night()), time(EVENING)), waits);
        assert_eq!(next(&worded(), Some(&night()), time(MORNING)), Next::Do(vec![Deed::Send]));
    }

    #[test]
    fn the_night_does_not_stop_its_expiry() {
        let expires = time("2026-01-06T03:00:00Z");
        let short = Message { expires_at: expires.as_millisecond(), ..worded() };
        assert_eq!(next(&short, Some(&night()), time(EVENING)), Next::Wait(Some(expires)));
        assert_eq!(next(&short, Some(&night()), expires), Next::Do(vec![Deed::Lapse]));
    }

    #[test]
    fn it_waits_for_those_before_it_and_no_longer_than_it_is_worth_telling() {
        let behind = Message { has_the_word: false, ..worded() };
        assert_eq!(next(&behind, None, time(EVENING)), Next::Wait(Some(at(behind.expires_at))));
        assert_eq!(next(&behind, None, at(behind.expires_at)), Next::Do(vec![Deed::Lapse]));
    }

    #[test]
    fn what_may_have_been_sent_never_lapses_in_silence() {
        let unsure = Message { is_unsure: true, ..worded() };
        assert_eq!(next(&unsure, None, at(unsure.expires_at)), Next::Do(vec![Deed::Send]));
    }

    #[test]
    fn nothing_happens_to_what_has_ended_or_waits_for_a_person() {
        for state in [State::Sent, State::NotSent, State::Lapsed, State::Skipped, State::Cancelled] {
            let ended = Message { state: i32::from(state), ..worded() };
            assert_eq!(next(&ended, None, time(EVENING)), Next::Done, "{state:?}");
        }
        let parked = Message { state: i32::from(State::Parked), ..worded() };
        assert_eq!(next(&parked, None, Timestamp::MAX), Next::Wait(None));
    }

    #[test]
    fn only_handing_it_over_is_an_effect_and_that_leaves_once() {
        assert_eq!(Deed::Send.class(), Class::Blind);
        assert_eq!((Deed::Word.class(), Deed::Lapse.class()), (Class::Call, Class::Call));
    }
}
