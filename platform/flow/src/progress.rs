//! How far one partition of a followed feed is handled. Events end in any order; what is acknowledged is always a prefix.
//! Pure.

use std::collections::VecDeque;

use retail_proto::events::v1 as pb;

/// An event under way.
#[derive(Debug)]
struct Open {
    place: pb::Position,
    done: bool,
}

/// The events of one partition from the first unhandled one on.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    open: VecDeque<Open>,
    /// The newest place up to which all is handled and which the owner does not know yet.
    behind: Option<pb::Position>,
}

impl Progress {
    /// An event has come. One that came before means that the owner begins again behind what it has acknowledged.
    pub(crate) fn begin(&mut self, event: &pb::Event) {
        if self.open.back().is_some_and(|last| last.place.sequence >= event.sequence) {
            self.open.clear();
        }
        let place = pb::Position { partition: event.partition, sequence: event.sequence, event_id: event.id.clone() };
        self.open.push_back(Open { place, done: false });
    }

    /// An event is handled; answers how many more may be acknowledged now.
    pub(crate) fn done(&mut self, sequence: u64) -> usize {
        let place = self.open.binary_search_by_key(&sequence, |open| open.place.sequence);
        if let Some(open) = place.ok().and_then(|place| self.open.get_mut(place)) {
            open.done = true;
        }
        let mut more = 0_usize;
        while self.open.front().is_some_and(|open| open.done) {
            self.behind = self.open.pop_front().map(|open| open.place);
            more = more.saturating_add(1);
        }
        more
    }

    /// The place to acknowledge, when there is a new one.
    pub(crate) fn take(&mut self) -> Option<pb::Position> {
        self.behind.take()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(sequence: u64) -> pb::Event {
        pb::Event { sequence, id: format!("e{sequence}"), ..Default::default() }
    }

    fn place(progress: &mut Progress) -> Option<u64> {
        progress.take().map(|place| place.sequence)
    }

    #[test]
    fn nothing_is_acknowledged_before_what_stands_in_front_of_it() {
        let mut progress = Progress::default();
        (5..8).for_each(|sequence| progress.begin(&event(sequence)));
        assert_eq!(progress.done(6), 0);
        assert_eq!(place(&mut progress), None);
        assert_eq!(progress.done(5), 2);
        assert_eq!(place(&mut progress), Some(6));
        assert_eq!(place(&mut progress), None, "once is enough");
    }

    #[test]
    fn a_feed_that_begins_again_is_followed_from_there() {
        let mut progress = Progress::default();
        (5..8).for_each(|sequence| progress.begin(&event(sequence)));
        progress.begin(&event(6));
        progress.done(7);
        progress.done(5);
        assert_eq!(place(&mut progress), None);
        progress.done(6);
        assert_eq!(place(&mut progress), Some(6));
    }

    proptest! {
        #[test]
        fn whatever_the_order_of_endings_all_is_acknowledged_at_the_end(order in Just((1..40_u64).collect::<Vec<_>>()).prop_shuffle()) {
            let mut progress = Progress::default();
            (1..40).for_each(|sequence| progress.begin(&event(sequence)));
            let mut ended = std::collections::BTreeSet::new();
            let mut last = 0;
            for sequence in order {
                ended.insert(sequence);
                progress.done(sequence);
                if let Some(place) = place(&mut progress) {
                    prop_assert!((1..=place).all(|before| ended.contains(&before)));
                    last = place;
                }
            }
            prop_assert_eq!(last, 39);
        }
    }
}
