//! The replicas of a service know of each other through one document of its store: who is there, whom each serves the
//! feed to, and how far each has followed the feeds of others. It is for efficiency only: what must be exclusive is so by
//! leases and marks. A lone replica reads it now and then and writes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use retail_runtime::{Runtime, Timestamp};
use retail_store::{Document, Draft, Error, Store, UpdateError};
use tokio::sync::watch;

use crate::standing::Own;

/// Who has not been seen for so long is not there any more. As long as a lease, so that share and leases end together.
const ABSENT: Duration = Duration::from_secs(10);
/// How often a replica shows itself while there are others.
const SHOW: Duration = Duration::from_secs(2);
/// There is one roster in a store.
const ID: &str = "replicas";

/// Who is there.
#[derive(Clone, PartialEq, prost::Message)]
struct Roster {
    #[prost(btree_map = "string, message", tag = "1")]
    replicas: BTreeMap<String, Entry>,
}

impl Document for Roster {
    const KIND: &'static str = "roster";
    const SCHEMA: u32 = 1;
}

/// A replica.
#[derive(Clone, PartialEq, prost::Message)]
struct Entry {
    /// When it showed itself, milliseconds since 1970.
    #[prost(int64, tag = "1")]
    seen: i64,
    /// Members of groups that it serves.
    #[prost(message, repeated, tag = "2")]
    members: Vec<Member>,
    /// Feeds that it follows.
    #[prost(message, repeated, tag = "3")]
    followed: Vec<Followed>,
}

/// A member of a group.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, prost::Message)]
struct Member {
    #[prost(string, tag = "1")]
    group: String,
    #[prost(string, tag = "2")]
    name: String,
}

/// How far a replica has followed its part of a feed.
#[derive(Clone, PartialEq, prost::Message)]
struct Followed {
    #[prost(string, tag = "1")]
    feed: String,
    /// Everything up to here is taken in, milliseconds since 1970.
    #[prost(int64, optional, tag = "2")]
    as_of: Option<i64>,
    /// A bit for each partition that it holds.
    #[prost(fixed64, tag = "3")]
    partitions: u64,
}

/// This replica's view of all. Clones share it.
#[derive(Clone)]
pub(crate) struct Replicas {
    runtime: Runtime,
    store: Store,
    me: Arc<str>,
    state: Arc<Mutex<State>>,
    /// Changes whenever the members of any group do.
    members: Arc<watch::Sender<u64>>,
}

#[derive(Default)]
struct State {
    roster: Roster,
    /// Members that the others served at the last look.
    others: BTreeSet<Member>,
    /// Members served here, with the number of their connections.
    served: BTreeMap<Member, usize>,
    followed: BTreeMap<String, Own>,
    /// Connections so far.
    joined: u64,
}

/// A connection of a member, given up when dropped.
pub(crate) struct Membership {
    replicas: Replicas,
    member: Member,
}

impl Replicas {
    pub(crate) fn new(runtime: &Runtime, store: &Store, me: &str) -> Self {
        Self {
            runtime: runtime.clone(),
            store: store.clone(),
            me: me.into(),
            state: Arc::default(),
            members: Arc::new(watch::Sender::new(0)),
        }
    }

    /// A member of a group is served here from now on. Who joins under the same name again is the same member.
    pub(crate) fn join(&self, group: &str, name: &str) -> Membership {
        let mut state = self.lock();
        state.joined = state.joined.saturating_add(1);
        let name = if name.is_empty() { format!("{}#{}", self.me, state.joined) } else { name.to_owned() };
        let member = Member { group: group.to_owned(), name };
        let connections = state.served.entry(member.clone()).or_default();
        *connections = connections.saturating_add(1);
        drop(state);
        self.tell();
        Membership { replicas: self.clone(), member }
    }

    /// Tells whenever the members of any group change.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.members.subscribe()
    }

    /// Shows the others how far a feed is followed here.
    pub(crate) fn follow(&self, feed: &str, own: Own) {
        self.lock().followed.insert(feed.to_owned(), own);
    }

    /// How far the other replicas have followed their parts of a feed, present or not: it stays true.
    pub(crate) fn followed(&self, feed: &str) -> Vec<(Option<Timestamp>, u64)> {
        let state = self.lock();
        let others = state.roster.replicas.iter().filter(|(id, _)| **id != *self.me);
        let parts = others.flat_map(|(_, entry)| &entry.followed).filter(|followed| followed.feed == feed);
        let read = |followed: &Followed| {
            (followed.as_of.and_then(|at| Timestamp::from_millisecond(at).ok()), followed.partitions)
        };
        parts.map(read).collect()
    }

    /// This replica's place among those that are there, and how many they are.
    pub(crate) fn place(&self) -> (usize, usize) {
        let now = self.runtime.clock().now();
        let state = self.lock();
        let others = || state.roster.others(&self.me, now).map(|(id, _)| id.as_str());
        (others().filter(|id| *id < &*self.me).count(), others().count().saturating_add(1))
    }

    /// How long until the next of the others is absent, unless it shows itself.
    pub(crate) fn next_absence(&self) -> Option<Duration> {
        let now = self.runtime.clock().now();
        let state = self.lock();
        let left = |entry: &Entry| {
            let left = entry.seen.saturating_add(millis(ABSENT)).saturating_sub(now.as_millisecond());
            Duration::from_millis(u64::try_from(left).unwrap_or(0).saturating_add(1))
        };
        state.roster.others(&self.me, now).map(|(_, entry)| left(entry)).min()
    }

    /// Reads who is there. Shows itself as well when `crowded` (others hold leases) or when others are there.
    pub(crate) async fn look(&self, crowded: bool) -> Result<(), Error> {
        let read = self.store.read::<Roster>(ID).await?.map(|found| found.doc).unwrap_or_default();
        let now = self.runtime.clock().now();
        let accompanied = crowded || read.others(&self.me, now).next().is_some();
        let own = self.own(now);
        let known = read.replicas.get(&*self.me);
        let fresh = known.is_some_and(|entry| {
            entry.members == own.members && entry.seen.saturating_add(millis(SHOW)) > now.as_millisecond()
        });
        let roster = match (accompanied, known.is_some(), fresh) {
            (true, _, false) => self.write(Some(own), now).await?,
            (false, true, _) => self.write(None, now).await?,
            (true, _, true) | (false, false, _) => read,
        };
        let others = roster.served(&self.me, now);
        let mut state = self.lock();
        // Also when nothing was written: whoever is absent has written nothing.
        let changed = state.others != others;
        (state.roster, state.others) = (roster, others);
        drop(state);
        if changed {
            self.tell();
        }
        Ok(())
    }

    /// Is not there any more.
    pub(crate) async fn leave(&self) -> Result<(), Error> {
        if self.lock().roster.replicas.contains_key(&*self.me) {
            self.write(None, self.runtime.clock().now()).await?;
        }
        Ok(())
    }

    /// Replaces the own entry and forgets who has been absent for long.
    async fn write(&self, own: Option<Entry>, now: Timestamp) -> Result<Roster, Error> {
        let me = Arc::clone(&self.me);
        let rule = move |draft: &mut Draft<Roster>| {
            let long_ago = now.as_millisecond().saturating_sub(millis(ABSENT.saturating_mul(6)));
            draft.doc.replicas.retain(|_, entry| entry.seen > long_ago);
            match &own {
                Some(own) => drop(draft.doc.replicas.insert(me.to_string(), own.clone())),
                None => drop(draft.doc.replicas.remove(&*me)),
            }
            Ok::<_, std::convert::Infallible>(draft.doc.clone())
        };
        match self.store.step::<Roster, _, _>(ID, None, rule).await {
            Ok(done) => Ok(done.value),
            Err(UpdateError::Store(error)) => Err(error),
            Err(UpdateError::Rule(never)) => match never {},
        }
    }

    fn own(&self, now: Timestamp) -> Entry {
        let state = self.lock();
        let followed = state.followed.iter().map(|(feed, own)| {
            let (known, partitions) = own.part();
            Followed { feed: feed.clone(), as_of: known.as_of.map(Timestamp::as_millisecond), partitions }
        });
        Entry {
            seen: now.as_millisecond(),
            members: state.served.keys().cloned().collect(),
            followed: followed.collect(),
        }
    }

    fn tell(&self) {
        self.members.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Roster {
    /// The others that are there.
    fn others<'a>(&'a self, me: &'a str, now: Timestamp) -> impl Iterator<Item = (&'a String, &'a Entry)> {
        let since = now.as_millisecond().saturating_sub(millis(ABSENT));
        self.replicas.iter().filter(move |(id, entry)| id.as_str() != me && entry.seen > since)
    }

    /// Members that the others serve.
    fn served(&self, me: &str, now: Timestamp) -> BTreeSet<Member> {
        self.others(me, now).flat_map(|(_, entry)| entry.members.iter().cloned()).collect()
    }
}

impl Membership {
    /// The group.
    pub(crate) fn group(&self) -> &str {
        &self.member.group
    }

    /// This member's place among all members of its group, and how many they are.
    pub(crate) fn place(&self) -> (usize, usize) {
        let state = self.replicas.lock();
        let mut all = state.others.clone();
        all.extend(state.served.keys().cloned());
        let group: Vec<Member> = all.into_iter().filter(|member| member.group == self.member.group).collect();
        let place = group.iter().position(|member| *member == self.member);
        (place.unwrap_or_default(), group.len().max(1))
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut state = self.replicas.lock();
        let connections = state.served.get_mut(&self.member);
        let left = connections.map_or(0, |connections| {
            *connections = connections.saturating_sub(1);
            *connections
        });
        if left == 0 {
            state.served.remove(&self.member);
        }
        drop(state);
        self.replicas.tell();
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use retail_runtime::{Clock, Net, Rng};
    use retail_store::Model;

    use super::*;

    fn replica(clock: &Clock, model: &Arc<Model>, me: &str) -> Replicas {
        let runtime = Runtime::new(me, clock.clone(), Rng::seeded(1), Net::tcp());
        let store = Store::over(&runtime, model.clone(), "toys", "local");
        Replicas::new(&runtime, &store, me)
    }

    #[tokio::test]
    async fn the_members_of_a_replica_that_is_absent_are_forgotten_although_nobody_wrote() {
        let (clock, time) = Clock::manual(Timestamp::UNIX_EPOCH);
        let model = Arc::new(Model::new());
        let (here, dead) = (replica(&clock, &model, "here"), replica(&clock, &model, "dead"));
        let (ours, _theirs) = (here.join("search", "a"), dead.join("search", "b"));
        dead.look(true).await.unwrap();
        here.look(true).await.unwrap();
        assert_eq!((ours.place(), here.place()), ((0, 2), (1, 2)));
        let mut changes = here.changes();
        time.advance(ABSENT);
        here.look(true).await.unwrap();
        assert!(changes.has_changed().unwrap(), "whoever serves the group has to hear of it");
        changes.mark_unchanged();
        assert_eq!((ours.place(), here.place()), ((0, 1), (0, 1)));
    }
}
