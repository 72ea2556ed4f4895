//! Groups of subscribers: partitions are spread over the members that are there; each partition's progress is kept
//! beside its feed. Assignment is for efficiency only, never for safety: handlers dedupe by inbox marks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt as _;
use retail_proto::events::v1 as pb;
use retail_runtime::fault::{self, Violations};
use retail_store::{Partition, Position};
use tokio::sync::{mpsc, watch};
use tonic::{Status, Streaming};

use crate::feed::{BATCH, DOMAIN, Error, Feed, LOOK, read_position};

/// Who is subscribed to which group.
#[derive(Clone)]
pub(crate) struct Groups {
    declared: Arc<BTreeSet<String>>,
    members: Arc<Mutex<BTreeMap<String, BTreeSet<u64>>>>,
    joined: Arc<watch::Sender<u64>>,
}

impl Groups {
    pub(crate) fn new(declared: Vec<String>) -> Self {
        Self {
            declared: Arc::new(declared.into_iter().collect()),
            members: Arc::default(),
            joined: Arc::new(watch::Sender::new(0)),
        }
    }

    fn join(&self, group: &str) -> Membership {
        let mut number = 0;
        self.joined.send_modify(|count| {
            *count = count.wrapping_add(1);
            number = *count;
        });
        self.lock().entry(group.to_owned()).or_default().insert(number);
        self.joined.send_modify(|count| *count = count.wrapping_add(1));
        Membership { groups: self.clone(), group: group.to_owned(), number }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, BTreeSet<u64>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One member's place in its group, given up when dropped.
struct Membership {
    groups: Groups,
    group: String,
    number: u64,
}

impl Membership {
    /// The partitions of this member: every n-th, counted from its place among the members.
    fn partitions(&self) -> BTreeSet<Partition> {
        let members = self.groups.lock();
        let Some(all) = members.get(&self.group) else { return BTreeSet::new() };
        let Some(place) = all.iter().position(|number| *number == self.number) else { return BTreeSet::new() };
        Partition::all().skip(place).step_by(all.len().max(1)).collect()
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        let mut members = self.groups.lock();
        if let Some(all) = members.get_mut(&self.group) {
            all.remove(&self.number);
        }
        drop(members);
        self.groups.joined.send_modify(|count| *count = count.wrapping_add(1));
    }
}

impl Feed {
    /// Serves one member until it leaves or the service stops.
    pub(crate) async fn member(
        &self,
        mut asked: Streaming<pb::SubscribeRequest>,
        to: mpsc::Sender<Result<pb::SubscribeResponse, Status>>,
    ) -> Result<(), Status> {
        let fail = |error: Error| fault::status(DOMAIN, &error);
        let Some(first) = asked.next().await.transpose()? else { return Ok(()) };
        if first.group.is_empty() {
            return Err(fail(Error::NotJoined));
        }
        if !self.groups.declared.contains(&first.group) {
            return Err(fail(Error::NoSuchGroup(first.group)));
        }
        self.begin_again(&first).await.map_err(fail)?;
        let membership = self.groups.join(&first.group);
        let mut joined = self.groups.joined.subscribe();
        let stopping = self.runtime.stopping();
        let mut changed = self.store.changes();
        let mut sent: BTreeMap<Partition, Position> = BTreeMap::new();
        self.take_over(&membership, &mut sent, &to).await.map_err(fail)?;
        let mut told = false;
        loop {
            let more = self.send_new(&mut sent, &to).await.map_err(fail)?;
            if !more && !told {
                // A member that has left is noticed below.
                let _left = to.send(Ok(pb::SubscribeResponse { complete: true, ..Default::default() })).await;
            }
            told = !more;
            tokio::select! {
                () = stopping.cancelled() => return Ok(()),
                () = to.closed() => return Ok(()),
                _ = joined.changed() => {
                    self.take_over(&membership, &mut sent, &to).await.map_err(fail)?;
                    told = false;
                }
                message = asked.next() => match message.transpose()? {
                    Some(message) => self.acknowledge(&membership.group, &message).await.map_err(fail)?,
                    None => return Ok(()),
                },
                () = changed.wait() => {}
                () = self.runtime.clock().sleep(LOOK), if !more => {}
                () = std::future::ready(()), if more => {}
            }
        }
    }

    /// Starts each newly held partition behind what the group has acknowledged, and tells the member what it holds.
    async fn take_over(
        &self,
        membership: &Membership,
        sent: &mut BTreeMap<Partition, Position>,
        to: &mpsc::Sender<Result<pb::SubscribeResponse, Status>>,
    ) -> Result<(), Error> {
        let held = membership.partitions();
        let before: BTreeSet<Partition> = sent.keys().copied().collect();
        if held == before && !before.is_empty() {
            return Ok(());
        }
        sent.retain(|partition, _| held.contains(partition));
        for partition in held.difference(&before) {
            let offset = self.store.touch(*partition, &membership.group).await?;
            sent.insert(*partition, offset.position);
        }
        let assigned = held.iter().map(|partition| u32::from(partition.number())).collect();
        // A member that has left is noticed by the loop.
        let _left = to.send(Ok(pb::SubscribeResponse { assigned, ..Default::default() })).await;
        Ok(())
    }

    async fn send_new(
        &self,
        sent: &mut BTreeMap<Partition, Position>,
        to: &mpsc::Sender<Result<pb::SubscribeResponse, Status>>,
    ) -> Result<bool, Error> {
        let mut found = false;
        for (partition, position) in sent {
            let entries = self.store.feed(*partition, position, BATCH).await?;
            let Some(last) = entries.last() else { continue };
            found = true;
            *position = last.position();
            let events = entries.iter().map(|entry| self.render(*partition, entry)).collect();
            if to.send(Ok(pb::SubscribeResponse { events, ..Default::default() })).await.is_err() {
                return Ok(false);
            }
        }
        Ok(found)
    }

    /// A member that joins with places has lost its way (its group was out of range) and found it again: the group goes
    /// on behind them. The place 0 is the oldest event there is. What comes again by it is done by its inbox mark.
    async fn begin_again(&self, first: &pb::SubscribeRequest) -> Result<(), Error> {
        for (partition, at) in places(first)? {
            let at = if at.sequence == 0 { self.store.ends(partition).await?.begin } else { at };
            self.store.reset(partition, &first.group, at).await?;
        }
        Ok(())
    }

    async fn acknowledge(&self, group: &str, message: &pb::SubscribeRequest) -> Result<(), Error> {
        for (partition, position) in places(message)? {
            self.store.acknowledge(partition, group, position).await?;
        }
        Ok(())
    }
}

/// The places that a message names.
fn places(message: &pb::SubscribeRequest) -> Result<Vec<(Partition, Position)>, Error> {
    let mut bad = Violations::default();
    let read = |(place, position)| read_position(position, &format!("acknowledged[{place}]"), &mut bad);
    let places = message.acknowledged.iter().enumerate().filter_map(read).collect();
    bad.check()?;
    Ok(places)
}
