//! Somebody who follows every feed, as another domain would: does it notice when a failover lost or altered what it was
//! told?

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use retail_store::{
    Backend as _, Commit, Entry, Error, Mark, Marked, Model, Outcome, Partition, Position, Refused, Store,
};

use crate::bed::{at, p};
use crate::load::say;

/// What it was told, and of which feeds it knows that their history is another now.
#[derive(Default)]
pub(crate) struct Follower {
    told: BTreeMap<Partition, Vec<Entry>>,
    astray: BTreeSet<Partition>,
}

/// How it noticed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Noticed {
    /// Events it was told that are not there, or are others now.
    pub(crate) altered: usize,
    /// Feeds whose cursor was refused.
    pub(crate) astray: usize,
    /// Aggregates whose inbox mark refused another event of the same version.
    pub(crate) forks: usize,
}

impl Follower {
    /// Reads every feed on from where it is, unless it was told that its place is of another history.
    pub(crate) async fn follow(&mut self, store: &Store) {
        // All at once: those that wait for a replica keep no other waiting.
        let looks = join_all(Partition::all().map(|partition| {
            let cursor =
                self.told.get(&partition).and_then(|told| told.last()).map_or(Position::BEGIN, Entry::position);
            async move { (partition, store.feed(partition, &cursor, 1_000_000).await) }
        }));
        for (partition, look) in looks.await {
            let told = self.told.entry(partition).or_default();
            match look {
                Ok(entries) if !self.astray.contains(&partition) => told.extend(entries),
                Ok(_) => {}
                Err(Error::OutOfRange { .. }) => {
                    self.astray.insert(partition);
                }
                // Nothing is told while no replica has it.
                Err(Error::Unavailable(_)) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }

    /// Compares what it was told with what is there. Whatever differs must have been noticed: the feed by its cursor, and
    /// the aggregate by its inbox mark once all is told anew.
    pub(crate) async fn compare(&self, store: &Store, scene: &str) -> Noticed {
        let mut noticed = Noticed { altered: 0, astray: self.astray.len(), forks: 0 };
        for (partition, told) in &self.told {
            let there = store.feed(*partition, &Position::BEGIN, 1_000_000).await.unwrap();
            let altered = told.iter().filter(|entry| !there.contains(entry)).count();
            assert!(altered == 0 || self.astray.contains(partition), "{partition}: {altered} events altered unseen");
            noticed.altered += altered;
            if !self.astray.contains(partition) {
                assert_eq!(*told, there, "{partition}: events were passed over");
            }
            noticed.forks += forks(told, &there).await;
        }
        let Noticed { altered, astray, forks } = noticed;
        say(&format!(
            "{scene}: a follower was told {altered} events that are not so; cursors refused {astray}, forks {forks}"
        ));
        noticed
    }
}

/// An inbox takes in what was told, then all that is there; answers how many aggregates it found forked, which must be
/// all whose newest event told is another now.
async fn forks(told: &[Entry], there: &[Entry]) -> usize {
    let (inbox, mut forked, mut newest) = (Model::new(), BTreeSet::new(), BTreeMap::new());
    for entry in told.iter().chain(there) {
        let subject = entry.event.subject.clone();
        // A forked aggregate is parked: nothing of it is taken in any more.
        if forked.contains(&subject) {
            continue;
        }
        let mut commit = Commit::new(at(1));
        commit.marks = vec![Mark {
            consumer: subject.to_string(),
            version: entry.event.version,
            event: entry.event.id,
            after: None,
        }];
        match inbox.commit(p(), commit).await {
            Outcome::Committed { .. } => {
                newest.insert(subject, entry.event.id);
            }
            Outcome::Refused(Refused::Mark { marked: Marked::Done, .. }) => {}
            Outcome::Refused(Refused::Mark { marked: Marked::Fork { .. }, .. }) => {
                forked.insert(subject);
            }
            other => panic!("{subject} {}: {other:?}", entry.event.version),
        }
    }
    let gone = newest.iter().filter(|(_, id)| there.iter().all(|entry| entry.event.id != **id));
    assert_eq!(gone.map(|(subject, _)| subject.clone()).collect::<BTreeSet<_>>(), forked);
    forked.len()
}
