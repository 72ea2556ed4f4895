//! Following the feed of another domain as a member of a group: events of one aggregate one after the other, many
//! aggregates side by side, acknowledged in batches and only when durable.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use retail_proto::events::v1 as pb;
use retail_proto::events::v1::feed_service_client::FeedServiceClient;
use retail_runtime::fault::{Class, Refusal};
use retail_runtime::{Peer, Timestamp};
use retail_store::Partition;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::inbox::{Core, Handler, happened};
use crate::progress::Progress;
use crate::standing::Standing;

/// Aggregates whose events are taken in side by side: enough to fill the commits of every partition.
const SIDE_BY_SIDE: usize = 256;
/// Events in memory; beyond it the reading pauses, and the owner with it.
const MOST_PENDING: usize = 4_096;
/// What is handled is acknowledged this often, or when so many events are.
const EVERY: Duration = Duration::from_millis(100);
const MANY: usize = 512;
/// How long the owner may take to hear the last acknowledgement.
const LAST_WORD: Duration = Duration::from_secs(1);
/// A message may hold two hundred thousand-line orders.
const LARGEST_MESSAGE: usize = 256 << 20;
/// First and longest wait before joining again, before jitter.
const WAIT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(15));

/// Follows until the runtime stops, whatever happens to the connection.
pub(crate) async fn follow<H: Handler>(core: Arc<Core<H>>, feed: String, owner: Peer, standing: Standing) {
    let stopping = core.runtime.stopping();
    let (mut failures, mut anew) = (0_u32, false);
    while !stopping.is_cancelled() {
        let mut member = Member::new(&core, &feed, &standing);
        let ended = member.run(owner.clone(), anew).await;
        standing.own().lost();
        if member.heard {
            (failures, anew) = (0, false);
        }
        let Err(status) = ended else { continue };
        let refusal = Refusal::read(&status);
        let (reason, detail) = (refusal.reason().to_owned(), refusal.message().to_owned());
        tracing::warn!(feed, reason, detail, "feed lost; joining again");
        if refusal.class() == Class::OutOfRange {
            tracing::error!(
                feed,
                "the feed no longer reaches back to this group; it is followed from its oldest event"
            );
            match core.handler().resync(&feed).await {
                Ok(()) => anew = true,
                Err(failure) => tracing::warn!(feed, reason = failure.reason(), detail = failure.detail(), "no resync"),
            }
        }
        let ceiling = WAIT.0.saturating_mul(2_u32.saturating_pow(failures.min(10))).min(WAIT.1);
        failures = failures.saturating_add(1);
        let half = ceiling / 2;
        let wait = half.saturating_add(core.runtime.rng().jitter(half));
        tokio::select! {
            () = stopping.cancelled() => {}
            () = core.runtime.clock().sleep(wait) => {}
        }
    }
}

/// An event that has been dealt with.
struct Dealt {
    subject: String,
    partition: u32,
    sequence: u64,
    at: Timestamp,
    /// Taken in or parked; false when the runtime stops before either.
    durable: bool,
}

/// A member of the group, for as long as one connection to the owner lasts.
struct Member<'a, H> {
    core: &'a Arc<Core<H>>,
    feed: &'a str,
    standing: &'a Standing,
    /// Has the owner said anything?
    heard: bool,
    /// By partition held.
    progress: BTreeMap<u32, Progress>,
    /// Of every aggregate with an event under way, or about to be: the events behind it.
    queues: HashMap<String, VecDeque<pb::Event>>,
    /// Events that may begin.
    ready: VecDeque<pb::Event>,
    pending: usize,
    /// Events that may be acknowledged and are not yet.
    unsaid: usize,
}

impl<'a, H: Handler> Member<'a, H> {
    fn new(core: &'a Arc<Core<H>>, feed: &'a str, standing: &'a Standing) -> Self {
        Self {
            core,
            feed,
            standing,
            heard: false,
            progress: BTreeMap::new(),
            queues: HashMap::new(),
            ready: VecDeque::new(),
            pending: 0,
            unsaid: 0,
        }
    }

    /// Joins and follows until the connection breaks or the runtime stops; what is under way then is finished and
    /// acknowledged first.
    async fn run(&mut self, owner: Peer, anew: bool) -> Result<(), Status> {
        let stopping = self.core.runtime.stopping();
        let clock = self.core.runtime.clock().clone();
        let (says, said) = mpsc::channel(16);
        let mut hears = tokio::select! {
            () = stopping.cancelled() => return Ok(()),
            joined = join(self.core, owner, anew, &says, said) => joined?,
        };
        let mut under_way = FuturesUnordered::new();
        let mut tick = Box::pin(clock.sleep(EVERY));
        loop {
            while under_way.len() < SIDE_BY_SIDE
                && let Some(event) = self.ready.pop_front()
            {
                under_way.push(deal(Arc::clone(self.core), self.feed.to_owned(), event));
            }
            if self.unsaid >= MANY {
                self.acknowledge(&says);
            }
            tokio::select! {
                () = stopping.cancelled() => break,
                Some(dealt) = under_way.next() => self.settle(dealt),
                message = hears.message(), if self.pending < MOST_PENDING => match message? {
                    Some(message) => self.take(message),
                    None => return Ok(()),
                },
                () = &mut tick => {
                    self.acknowledge(&says);
                    tick = Box::pin(clock.sleep(EVERY));
                }
            }
        }
        while let Some(dealt) = under_way.next().await {
            self.settle(dealt);
        }
        self.acknowledge(&says);
        // The owner hears the last word before the stream is torn down; when it does not, the events come again.
        drop(says);
        let last_word = async { while let Ok(Some(_)) = hears.message().await {} };
        let _unheard = clock.timeout(LAST_WORD, last_word).await;
        Ok(())
    }

    fn take(&mut self, message: pb::SubscribeResponse) {
        self.heard = true;
        if !message.assigned.is_empty() {
            let held: BTreeSet<u32> = message.assigned.into_iter().collect();
            self.standing.own().assigned(held.iter().copied());
            // Whoever holds the others now begins behind what was acknowledged: their events come again, there.
            self.progress.retain(|partition, _| held.contains(partition));
        }
        for event in message.events {
            self.pending = self.pending.saturating_add(1);
            self.progress.entry(event.partition).or_default().begin(&event);
            if let Some(queue) = self.queues.get_mut(&event.subject) {
                queue.push_back(event);
            } else {
                self.queues.insert(event.subject.clone(), VecDeque::new());
                self.ready.push_back(event);
            }
        }
        self.standing.own().heard(self.pending, message.complete);
    }

    fn settle(&mut self, dealt: Dealt) {
        self.pending = self.pending.saturating_sub(1);
        match self.queues.get_mut(&dealt.subject).and_then(VecDeque::pop_front) {
            Some(next) => self.ready.push_back(next),
            None => drop(self.queues.remove(&dealt.subject)),
        }
        if dealt.durable
            && let Some(progress) = self.progress.get_mut(&dealt.partition)
        {
            self.unsaid = self.unsaid.saturating_add(progress.done(dealt.sequence));
            self.standing.own().taken(dealt.at, self.pending);
        }
    }

    /// Says what is handled. When the owner is slow to listen, the next time says it all.
    fn acknowledge(&mut self, says: &mpsc::Sender<pb::SubscribeRequest>) {
        if self.unsaid == 0 {
            return;
        }
        let Ok(room) = says.try_reserve() else { return };
        let acknowledged = self.progress.values_mut().filter_map(Progress::take).collect();
        room.send(pb::SubscribeRequest { acknowledged, ..pb::SubscribeRequest::default() });
        self.unsaid = 0;
    }
}

async fn join<H: Handler>(
    core: &Core<H>,
    owner: Peer,
    anew: bool,
    says: &mpsc::Sender<pb::SubscribeRequest>,
    said: mpsc::Receiver<pb::SubscribeRequest>,
) -> Result<Streaming<pb::SubscribeResponse>, Status> {
    // The beginning, for every partition: the owner puts the group at its oldest event.
    let beginning =
        |partition: Partition| pb::Position { partition: u32::from(partition.number()), ..Default::default() };
    let joins = pb::SubscribeRequest {
        group: core.consumer().to_owned(),
        member: core.member().to_owned(),
        acknowledged: if anew { Partition::all().map(beginning).collect() } else { Vec::new() },
    };
    if says.send(joins).await.is_err() {
        return Err(Status::cancelled("the stream of acknowledgements is closed"));
    }
    let mut client = FeedServiceClient::new(owner).max_decoding_message_size(LARGEST_MESSAGE);
    Ok(client.subscribe(ReceiverStream::new(said)).await?.into_inner())
}

fn deal<H: Handler>(core: Arc<Core<H>>, feed: String, event: pb::Event) -> BoxFuture<'static, Dealt> {
    Box::pin(async move {
        let (subject, partition, sequence) = (event.subject.clone(), event.partition, event.sequence);
        let at = happened(&event);
        let durable = core.receive(&feed, event).await;
        Dealt { subject, partition, sequence, at, durable }
    })
}
