//! What a section is worth: who says it, how fresh it is, and why it is not fresher. Pure.

use std::time::Duration;

use retail_flow::Known;
use retail_proto::cases::v1 as pb;
use retail_proto::timestamp;
use retail_runtime::Timestamp;

use crate::owners::Silent;

/// How far an owner's word reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// The owner, for example `orders`, `crm/crm`.
    pub(crate) source: String,
    /// When it last said so.
    pub(crate) as_of: Option<Timestamp>,
    /// Why nothing newer is known, if that is so.
    pub(crate) doubt: Option<Silent>,
}

impl Word {
    /// Of a followed feed.
    pub(crate) fn of_feed(source: &str, known: Known) -> Self {
        let (reason, detail) = if known.connected {
            ("FEED_BEHIND", "what was said meanwhile is being read")
        } else {
            ("FEED_DISCONNECTED", "its feed cannot be reached")
        };
        let doubt = Some(Silent { reason: reason.to_owned(), detail: format!("{source}: {detail}") });
        Self { source: source.to_owned(), as_of: known.as_of, doubt }
    }

    /// Of a polled system.
    pub(crate) fn of_poll(source: String, read_at: i64) -> Self {
        let as_of = (read_at > 0).then(|| Timestamp::from_millisecond(read_at).ok()).flatten();
        let detail = format!("{source} does not answer when it is asked for changes");
        Self { source, as_of, doubt: Some(Silent { reason: "POLL_FAILING".to_owned(), detail }) }
    }

    /// Of an owner that was just asked.
    pub(crate) fn said(source: &str, now: Timestamp) -> Self {
        Self { source: source.to_owned(), as_of: Some(now), doubt: None }
    }

    /// Of an owner that was asked in vain.
    pub(crate) fn silent(source: &str, why: Silent) -> Self {
        Self { source: source.to_owned(), as_of: None, doubt: Some(why) }
    }

    fn is_fresh(&self, now: Timestamp, stale_after: Duration) -> bool {
        // A clock that stands a little behind the owner's makes nothing stale.
        self.as_of.is_some_and(|at| {
            now.duration_since(at).as_millis() <= i128::try_from(stale_after.as_millis()).unwrap_or(i128::MAX)
        })
    }
}

/// What a section holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Holds {
    /// Nothing.
    pub(crate) nothing: bool,
    /// There is more than what is shown.
    pub(crate) truncated: bool,
    /// Something of it is older than its owner says, whatever the feed is worth.
    pub(crate) parked: Option<Silent>,
    /// For people, when all is well.
    pub(crate) note: String,
}

/// The section of a name.
pub(crate) fn judge(name: &str, word: &Word, holds: &Holds, now: Timestamp, stale_after: Duration) -> pb::Section {
    let fresh = word.is_fresh(now, stale_after);
    let doubt = if fresh { holds.parked.as_ref() } else { word.doubt.as_ref() };
    let state = match (fresh && holds.parked.is_none(), holds.nothing) {
        (true, true) => pb::SectionState::Empty,
        (true, false) => pb::SectionState::Fresh,
        (false, true) => pb::SectionState::Unavailable,
        (false, false) => pb::SectionState::Stale,
    };
    pb::Section {
        name: name.to_owned(),
        source: word.source.clone(),
        state: i32::from(state),
        as_of: word.as_of.map(|at| timestamp(at.as_millisecond())),
        reason: doubt.map(|why| why.reason.clone()).unwrap_or_default(),
        detail: doubt.map_or_else(|| holds.note.clone(), |why| why.detail.clone()),
        truncated: holds.truncated,
    }
}

/// The worst of several words: what is made of them is no better. The source is the one of all.
pub(crate) fn worst(source: &str, words: &[&Word]) -> Word {
    let oldest = words.iter().min_by_key(|word| word.as_of);
    Word {
        source: source.to_owned(),
        as_of: oldest.and_then(|word| word.as_of),
        doubt: oldest.and_then(|word| word.doubt.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    fn state(as_of: Option<Timestamp>, connected: bool, holds: &Holds) -> (pb::SectionState, String) {
        let word = Word::of_feed("orders", Known { as_of, connected });
        let section = judge("orders", &word, holds, at(0), Duration::from_secs(60));
        (section.state(), section.reason)
    }

    #[test]
    fn what_was_just_said_is_fresh_and_what_is_nothing_is_empty() {
        assert_eq!(state(Some(at(-5)), true, &Holds::default()), (pb::SectionState::Fresh, String::new()));
        let nothing = Holds { nothing: true, ..Holds::default() };
        assert_eq!(state(Some(at(0)), true, &nothing).0, pb::SectionState::Empty);
    }

    #[test]
    fn what_was_said_long_ago_is_stale_with_its_cause() {
        let stale = |connected| state(Some(at(-61)), connected, &Holds::default());
        assert_eq!(stale(false), (pb::SectionState::Stale, "FEED_DISCONNECTED".into()));
        assert_eq!(stale(true), (pb::SectionState::Stale, "FEED_BEHIND".into()));
    }

    #[test]
    fn nothing_from_an_owner_that_is_silent_is_not_empty_but_unavailable() {
        let nothing = Holds { nothing: true, ..Holds::default() };
        assert_eq!(state(None, false, &nothing), (pb::SectionState::Unavailable, "FEED_DISCONNECTED".into()));
    }

    #[test]
    fn a_parked_aggregate_makes_its_section_stale_though_the_feed_is_fresh() {
        let parked = Some(Silent { reason: "EVENT_PARKED".into(), detail: "order/o-1".into() });
        let holds = Holds { parked, ..Holds::default() };
        assert_eq!(state(Some(at(0)), true, &holds), (pb::SectionState::Stale, "EVENT_PARKED".into()));
    }

    #[test]
    fn what_is_made_of_several_is_as_old_as_the_oldest() {
        let old = Word::of_feed("returns", Known { as_of: Some(at(-600)), connected: false });
        let new = Word::said("orders", at(0));
        assert_eq!(worst("weft", &[&new, &old]).as_of, Some(at(-600)));
        let never = Word::of_feed("returns", Known { as_of: None, connected: false });
        assert_eq!(worst("weft", &[&new, &never]).as_of, None);
    }
}
