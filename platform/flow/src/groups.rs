//! Groups of subscribers: partitions are spread over the members that are there, with whatever replica of the owner;
//! each partition's progress is kept beside its feed. Assignment is for efficiency only, never for safety: handlers
//! dedupe by inbox marks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use retail_proto::events::v1 as pb;
use retail_runtime::fault::{self, Violations};
use retail_store::{Partition, Position};
use tokio::sync::mpsc;
use tonic::{Status, Streaming};

use crate::feed::{BATCH, DOMAIN, Error, Feed, LOOK, read_position};
use crate::roster::{Membership, Replicas};

/// Partitions that are read ahead while a message is on its way.
const AHEAD: usize = 8;

/// How often a member shows that it lives in every partition that it holds: where nothing happens it has nothing to
/// acknowledge, and who is silent for 7 days is waited for no more.
const SIGN_OF_LIFE: Duration = Duration::from_secs(3_600);

/// The groups that may follow, and who their members are.
#[derive(Clone)]
pub(crate) struct Groups {
    declared: Arc<BTreeSet<String>>,
    replicas: Replicas,
}

impl Groups {
    pub(crate) fn new(replicas: &Replicas, declared: Vec<String>) -> Self {
        Self { declared: Arc::new(declared.into_iter().collect()), replicas: replicas.clone() }
    }
}

/// The partitions of a member: every n-th, counted from its place among the members.
fn partitions(membership: &Membership) -> BTreeSet<Partition> {
    let (place, all) = membership.place();
    Partition::all().skip(place).step_by(all.max(1)).collect()
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
        let mut joined = self.groups.replicas.changes();
        let membership = self.groups.replicas.join(&first.group, &first.member);
        let stopping = self.runtime.stopping();
        let mut changed = self.store.changes();
        let mut sent: BTreeMap<Partition, Position> = BTreeMap::new();
        self.take_over(&membership, &mut sent, &to).await.map_err(fail)?;
        let (mut told, clock) = (false, self.runtime.clock());
        let (mut sign, mut next) = (Box::pin(clock.sleep(SIGN_OF_LIFE)), Box::pin(clock.sleep(LOOK)));
        // Where there may be something new.
        let mut look: BTreeSet<Partition> = sent.keys().copied().collect();
        loop {
            look = self.send_new(&mut sent, look, &to).await.map_err(fail)?;
            if look.is_empty() && !told {
                // A member that has left is noticed below.
                let _left = to.send(Ok(pb::SubscribeResponse { complete: true, ..Default::default() })).await;
            }
            told = look.is_empty();
            tokio::select! {
                () = stopping.cancelled() => return Ok(()),
                () = to.closed() => return Ok(()),
                _ = joined.changed() => {
                    self.take_over(&membership, &mut sent, &to).await.map_err(fail)?;
                    look = sent.keys().copied().collect();
                    told = false;
                }
                message = asked.next() => match message.transpose()? {
                    Some(message) => self.acknowledge(membership.group(), &message).await.map_err(fail)?,
                    None => return Ok(()),
                },
                partitions = changed.wait() => look.extend(partitions),
                () = &mut sign => {
                    for partition in sent.keys() {
                        self.store.touch(*partition, membership.group()).await.map_err(|error| fail(error.into()))?;
                    }
                    sign = Box::pin(clock.sleep(SIGN_OF_LIFE));
                }
                () = &mut next => {
                    look = sent.keys().copied().collect();
                    next = Box::pin(clock.sleep(LOOK));
                }
                () = std::future::ready(()), if !look.is_empty() => {}
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
        let held = partitions(membership);
        let before: BTreeSet<Partition> = sent.keys().copied().collect();
        if held == before && !before.is_empty() {
            return Ok(());
        }
        sent.retain(|partition, _| held.contains(partition));
        for partition in held.difference(&before) {
            let offset = self.store.touch(*partition, membership.group()).await?;
            sent.insert(*partition, offset.position);
        }
        let assigned = held.iter().map(|partition| u32::from(partition.number())).collect();
        // A member that has left is noticed by the loop.
        let _left = to.send(Ok(pb::SubscribeResponse { assigned, ..Default::default() })).await;
        Ok(())
    }

    /// Sends what is new in these partitions; answers where there may be more.
    async fn send_new(
        &self,
        sent: &mut BTreeMap<Partition, Position>,
        look: BTreeSet<Partition>,
        to: &mpsc::Sender<Result<pb::SubscribeResponse, Status>>,
    ) -> Result<BTreeSet<Partition>, Error> {
        let mut found = BTreeSet::new();
        let place = |partition| sent.get(&partition).map(|at| (partition, *at));
        let after: Vec<(Partition, Position)> = look.into_iter().filter_map(place).collect();
        let read = |(partition, at): (Partition, Position)| async move {
            (partition, self.store.feed(partition, &at, BATCH).await)
        };
        let mut reads = futures::stream::iter(after.into_iter().map(read)).buffered(AHEAD);
        while let Some((partition, entries)) = reads.next().await {
            let entries = entries?;
            let Some(last) = entries.last() else { continue };
            found.insert(partition);
            sent.insert(partition, last.position());
            let events = entries.iter().map(|entry| self.render(partition, entry)).collect();
            if to.send(Ok(pb::SubscribeResponse { events, ..Default::default() })).await.is_err() {
                return Ok(BTreeSet::new());
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
