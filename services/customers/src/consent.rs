//! Consent: every decision is kept, and the latest capture counts per channel and purpose. Pure.
//!
//! Of two decisions captured at one moment the stricter counts: withdrawn before pending before granted. What counts is
//! a function of the set of decisions, so the order of their arrival decides nothing.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use retail_proto::types::v1::Ref;

use crate::survivorship::same_record;

/// Decisions kept for one customer. Withdrawals that change something are taken beyond it: nobody is written to against
/// their will because a list is full.
pub(crate) const MOST: usize = 1_000;

/// What was decided. The numbers are the contract's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum Choice {
    /// Never recorded.
    Unsaid = 0,
    /// May be contacted.
    Granted = 1,
    /// Must not be contacted.
    Withdrawn = 2,
    /// Waits for the customer's confirmation.
    Pending = 3,
}

impl Choice {
    /// The stricter is the greater.
    fn strictness(self) -> u8 {
        match self {
            Self::Unsaid => 0,
            Self::Granted => 1,
            Self::Pending => 2,
            Self::Withdrawn => 3,
        }
    }
}

/// One decision.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Decision {
    /// Channel, as the contract numbers it.
    #[prost(int32, tag = "1")]
    pub(crate) channel: i32,
    /// UPPER_SNAKE_CASE purpose.
    #[prost(string, tag = "2")]
    pub(crate) purpose: String,
    /// What was decided.
    #[prost(enumeration = "Choice", tag = "3")]
    pub(crate) choice: i32,
    /// When the customer decided, microseconds since 1970.
    #[prost(int64, tag = "4")]
    pub(crate) captured_at: i64,
    /// Record that captured it.
    #[prost(message, optional, tag = "5")]
    pub(crate) source: Option<Ref>,
    /// Proof.
    #[prost(string, tag = "6")]
    pub(crate) evidence: String,
    /// When it was recorded here, microseconds since 1970.
    #[prost(int64, tag = "7")]
    pub(crate) recorded_at: i64,
}

impl Decision {
    /// Is it the same decision, told again?
    pub(crate) fn repeats(&self, other: &Self) -> bool {
        let same_source = match (&self.source, &other.source) {
            (Some(one), Some(two)) => same_record(one, two),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        same_source
            && (self.channel, &self.purpose, self.choice, self.captured_at)
                == (other.channel, &other.purpose, other.choice, other.captured_at)
    }

    fn source_id(&self) -> [&str; 4] {
        self.source.as_ref().map_or([""; 4], |source| [&source.kind, &source.instance, &source.r#type, &source.id])
    }

    fn rank(&self) -> (i64, u8, Reverse<[&str; 4]>, Reverse<&str>) {
        (self.captured_at, self.choice().strictness(), Reverse(self.source_id()), Reverse(&self.evidence))
    }
}

/// What counts, one decision per channel and purpose, in their order.
pub(crate) fn counting<'a>(decisions: impl Iterator<Item = &'a Decision>) -> Vec<&'a Decision> {
    let mut counting: BTreeMap<(i32, &str), &Decision> = BTreeMap::new();
    for decision in decisions {
        let best = counting.entry((decision.channel, &decision.purpose)).or_insert(decision);
        if decision.rank() > best.rank() {
            *best = decision;
        }
    }
    counting.into_values().collect()
}

/// The history, newest capture first.
pub(crate) fn history<'a>(decisions: impl Iterator<Item = &'a Decision>) -> Vec<&'a Decision> {
    let mut all: Vec<&Decision> = decisions.collect();
    all.sort_by(|a, b| b.rank().cmp(&a.rank()).then_with(|| (a.channel, &a.purpose).cmp(&(b.channel, &b.purpose))));
    all
}

/// What becomes of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is new.
    New,
    /// It is known already.
    Known,
    /// The history is full.
    Full,
}

/// Judges a decision against the history.
pub(crate) fn judge<'a>(decisions: impl Iterator<Item = &'a Decision> + Clone, new: &Decision) -> Taken {
    if decisions.clone().any(|known| known.repeats(new)) {
        return Taken::Known;
    }
    if decisions.clone().count() < MOST {
        return Taken::New;
    }
    let stands =
        counting(decisions).into_iter().find(|known| (known.channel, &known.purpose) == (new.channel, &new.purpose));
    let withdraws = new.choice() == Choice::Withdrawn
        && stands.is_none_or(|known| known.choice() != Choice::Withdrawn && new.rank() > known.rank());
    if withdraws { Taken::New } else { Taken::Full }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decision(purpose: &str, choice: Choice, captured_at: i64, source: &str) -> Decision {
        Decision {
            channel: 1,
            purpose: purpose.into(),
            choice: i32::from(choice),
            captured_at,
            source: Some(Ref {
                kind: "crm".into(),
                instance: "one".into(),
                r#type: "Contact".into(),
                id: source.into(),
                number: String::new(),
            }),
            evidence: "form".into(),
            recorded_at: 9,
        }
    }

    #[test]
    fn the_latest_capture_counts_and_at_one_moment_the_stricter() {
        let all = [
            decision("MARKETING", Choice::Withdrawn, 1, "a"),
            decision("MARKETING", Choice::Granted, 2, "a"),
            decision("SERVICE", Choice::Granted, 5, "a"),
            decision("SERVICE", Choice::Pending, 5, "b"),
        ];
        let choices: Vec<Choice> = counting(all.iter()).into_iter().map(Decision::choice).collect();
        assert_eq!(choices, [Choice::Granted, Choice::Pending]);
    }

    #[test]
    fn the_history_begins_with_the_newest_capture() {
        let all = [
            decision("A", Choice::Granted, 1, "a"),
            decision("A", Choice::Granted, 3, "a"),
            decision("A", Choice::Withdrawn, 2, "a"),
        ];
        assert_eq!(history(all.iter()).iter().map(|known| known.captured_at).collect::<Vec<_>>(), [3, 2, 1]);
    }

    #[test]
    fn a_full_history_takes_no_grant_but_a_withdrawal_that_changes_something() {
        let full: Vec<Decision> = (0..1_000).map(|at| decision("A", Choice::Granted, at, "a")).collect();
        assert_eq!(judge(full.iter(), &decision("A", Choice::Granted, 2_000, "a")), Taken::Full);
        assert_eq!(judge(full.iter(), &decision("A", Choice::Granted, 7, "a")), Taken::Known);
        assert_eq!(judge(full.iter(), &decision("A", Choice::Withdrawn, 5, "a")), Taken::Full);
        assert_eq!(judge(full.iter(), &decision("A", Choice::Withdrawn, 2_000, "a")), Taken::New);
    }

    proptest! {
        #[test]
        fn the_order_of_arrival_decides_nothing(
            made in prop::collection::vec(("[AB]", 1..4_i32, 0..4_i64, "[ab]"), 1..12),
            seed in any::<u64>(),
        ) {
            let take = |made: &[Decision]| {
                let mut kept: Vec<Decision> = Vec::new();
                for new in made {
                    if judge(kept.iter(), new) == Taken::New {
                        kept.push(new.clone());
                    }
                }
                let counting: Vec<Decision> = counting(kept.iter()).into_iter().cloned().collect();
                let history: Vec<Decision> = history(kept.iter()).into_iter().cloned().collect();
                (counting, history)
            };
            let all: Vec<Decision> = made
                .iter()
                .map(|(purpose, choice, at, source)| decision(purpose, Choice::try_from(*choice).unwrap(), *at, source))
                .collect();
            let mut shuffled: Vec<Decision> = all.iter().chain(&all).cloned().collect();
            shuffled.sort_by_key(|known| crate::survivorship::short(&format!("{seed}{known:?}")));
            prop_assert_eq!(take(&all), take(&shuffled));
        }
    }
}
