//! Taking in what other domains say. An event has its effect once: the commit that changes something carries the mark of
//! the event. What cannot be taken in parks its aggregate and nobody else.
//!
//! Every event carries its aggregate's whole public state. So an event that comes before its turn (its feed was trimmed,
//! or begins anew) needs no re-reading: it is vouched for by itself, and those before it are done when they come.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use retail_proto::events::v1 as pb;
use retail_runtime::fault::{Class, Fault as _};
use retail_runtime::metrics::{Counts, Family};
use retail_runtime::{Peer, Runtime, Timestamp, deadline, sabotage, trace};
use retail_store::{Error as StoreError, Mark, Marked, Store, UpdateError};
use tracing::Instrument as _;
use uuid::Uuid;

use crate::failure::Failure;
use crate::follow;
use crate::leases::Leases;
use crate::letters::{self, Replay};
use crate::roster::Replicas;
use crate::standing::Standing;

/// Attempts before an event that may yet succeed waits for a person.
const ATTEMPTS: u32 = 5;
/// Longest single attempt.
const ATTEMPT: Duration = Duration::from_secs(30);
/// First and longest wait after a failed attempt, before jitter.
const WAIT: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

const EVENTS: Family = Family {
    name: "retail_inbox_events_total",
    help: "Events of other domains: taken in (or lying behind one that waits), parked, and attempts that failed",
    labels: &["domain", "feed", "outcome"],
};

/// An event as its owner told it.
#[derive(Debug, Clone)]
pub struct Told {
    /// Name of the feed, as the inbox knows it, for example `orders`.
    pub feed: String,
    /// The event.
    pub event: pb::Event,
    mark: Mark,
}

impl Told {
    /// Reads an event; one that is none is given back with what is wrong with it.
    pub(crate) fn read(consumer: &str, feed: &str, event: pb::Event) -> Result<Self, Box<(pb::Event, String)>> {
        let Ok(id) = Uuid::parse_str(&event.id) else {
            let why = format!("id {:?} is not the id of an event", event.id);
            return Err(Box::new((event, why)));
        };
        if event.version == 0 || !event.subject.contains('/') {
            let why = format!("an event needs a subject and a version from 1; this has {:?}", event.subject);
            return Err(Box::new((event, why)));
        }
        let consumer = format!("{consumer}/{feed}:{}", event.subject);
        let mark = Mark { consumer, version: event.version, event: id, after: None };
        Ok(Self { feed: feed.to_owned(), event, mark })
    }

    /// The mark to put into the commit of whatever the event changes: `draft.mark(told.mark())`.
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.mark.clone()
    }

    /// Id of the aggregate, without its kind.
    #[must_use]
    pub fn id(&self) -> &str {
        self.event.subject.split_once('/').map_or("", |(_, id)| id)
    }

    /// When it happened.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        happened(&self.event)
    }

    /// Everything between this version and the event is known by the event itself.
    pub(crate) fn vouch(&mut self, have: u64) {
        self.mark.after = Some(have);
    }
}

/// When an event happened; the beginning of time when it does not say.
pub(crate) fn happened(event: &pb::Event) -> Timestamp {
    let time = event.time.unwrap_or_default();
    Timestamp::new(time.seconds, time.nanos).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Why an event was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum Untaken {
    /// The store did not take the commit. What may pass is tried again for as long as it takes; an event that is handled
    /// already is done; anything else parks the aggregate.
    #[error("the store did not take the event in")]
    Store(#[from] StoreError),
    /// The handler could not: a refusal parks the aggregate at once, anything else after five attempts.
    #[error("{}: {}", .0.reason(), .0.detail())]
    Failed(Failure),
}

impl From<UpdateError<Infallible>> for Untaken {
    fn from(error: UpdateError<Infallible>) -> Self {
        error.into_one(|never| match never {}, Self::Store)
    }
}

impl From<UpdateError<Failure>> for Untaken {
    fn from(error: UpdateError<Failure>) -> Self {
        error.into_one(Self::Failed, Self::Store)
    }
}

impl From<Untaken> for Failure {
    fn from(untaken: Untaken) -> Self {
        match untaken {
            Untaken::Failed(failure) => failure,
            Untaken::Store(error) if may_pass(&error) => Self::not_done(error.reason(), error.to_string()),
            Untaken::Store(error) => Self::refused(error.reason(), error.to_string()),
        }
    }
}

/// Takes events in.
pub trait Handler: Send + Sync + 'static {
    /// Changes what the event changes, in one commit that carries [`Told::mark`] (one marked commit per target when it
    /// changes several). It comes again until it is taken in, then perhaps once more; the events of one aggregate come
    /// one after the other.
    fn take(&self, told: &Told) -> impl Future<Output = Result<(), Untaken>> + Send;

    /// Called when the owner's feed no longer reaches back to where this group was, before it is followed from its oldest
    /// event on. Aggregates that did not change since are in no event any more: a handler that must know them reads
    /// their state from the owner's own lists here. Does nothing unless it is written.
    fn resync(&self, _feed: &str) -> impl Future<Output = Result<(), Failure>> + Send {
        std::future::ready(Ok(()))
    }
}

/// What takes events in, shared by the readers of all feeds and by replays.
pub(crate) struct Core<H> {
    pub(crate) runtime: Runtime,
    store: Store,
    consumer: String,
    /// This replica's name among the members of its group, the same whenever it joins again.
    member: String,
    replicas: Replicas,
    handler: Arc<H>,
    events: Counts,
}

/// The inbox of one service: the feeds it follows, and the handler that takes their events in.
pub struct Inbox<H> {
    core: Arc<Core<H>>,
    feeds: BTreeMap<String, (Peer, Standing)>,
}

impl<H: Handler> Inbox<H> {
    /// An inbox over the service's own store, followed by all its replicas together. `group` names this service in its
    /// owners' configuration.
    #[must_use]
    pub fn new(runtime: &Runtime, store: &Store, leases: &Leases, group: &str, handler: Arc<H>) -> Self {
        let core = Core {
            runtime: runtime.clone(),
            store: store.clone(),
            consumer: group.to_owned(),
            member: format!("{}-{}", runtime.name(), runtime.ids().next()),
            replicas: leases.replicas().clone(),
            handler,
            events: runtime.metrics().counts(&EVENTS),
        };
        Self { core: Arc::new(core), feeds: BTreeMap::new() }
    }

    /// Also follows the feed of this service, under a name that never changes: the marks carry it.
    #[must_use]
    pub fn follow(mut self, feed: &str, owner: Peer) -> Self {
        let standing = Standing::new(self.core.runtime.clock(), feed, Some(self.core.replicas.clone()));
        self.feeds.insert(feed.to_owned(), (owner, standing));
        self
    }

    /// How fresh a feed is. One that is not followed is never heard.
    #[must_use]
    pub fn standing(&self, feed: &str) -> Standing {
        let never = || Standing::new(self.core.runtime.clock(), feed, None);
        self.feeds.get(feed).map_or_else(never, |(_, standing)| standing.clone())
    }

    /// The process that replays dead letters: give it to the worker, and [`crate::DeadLetters`] to the operations.
    #[must_use]
    pub fn replay(&self) -> Arc<Replay<H>> {
        Arc::new(Replay::new(Arc::clone(&self.core)))
    }

    /// Starts following; ends when the runtime stops.
    pub fn start(self) {
        for (feed, (owner, standing)) in self.feeds {
            let core = Arc::clone(&self.core);
            let runtime = self.core.runtime.clone();
            runtime.spawn("inbox", async move { follow::follow(core, feed, owner, standing).await });
        }
    }
}

/// Does an aggregate of a feed wait in the dead letters? What is shown of it is older than its owner says.
///
/// # Errors
/// Those of the store.
pub async fn is_parked(store: &Store, group: &str, feed: &str, subject: &str) -> Result<bool, StoreError> {
    letters::waits(store, &letters::list_id(group, feed, subject)).await
}

/// What follows an attempt.
enum Then {
    Done,
    Again,
    Count(Failure),
    Park(Failure),
}

impl<H: Handler> Core<H> {
    pub(crate) fn consumer(&self) -> &str {
        &self.consumer
    }

    pub(crate) fn member(&self) -> &str {
        &self.member
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn handler(&self) -> &H {
        &self.handler
    }

    /// Takes an event in, or parks its aggregate; returns when either is durable. False: the runtime stops, and neither
    /// is.
    pub(crate) async fn receive(&self, feed: &str, event: pb::Event) -> bool {
        let list = letters::list_id(&self.consumer, feed, &event.subject);
        let mut told = Told::read(&self.consumer, feed, event);
        let (mut attempts, mut waits) = (0_u32, 0_u32);
        loop {
            let then = match &mut told {
                Ok(told) => self.attempt(&list, told).await,
                Err(broken) => Then::Park(Failure::refused("EVENT_BROKEN", broken.1.clone())),
            };
            let event = told.as_ref().map_or_else(|broken| &broken.0, |told| &told.event);
            let (subject, version) = (&event.subject, event.version);
            let parks = match then {
                Then::Done => {
                    self.count(feed, "taken");
                    return true;
                }
                Then::Again => None,
                Then::Park(failure) => Some(failure),
                Then::Count(failure) => {
                    attempts = attempts.saturating_add(1);
                    self.count(feed, "failed");
                    tracing::warn!(feed, subject, attempts, reason = failure.reason(), "event not taken in");
                    (attempts >= ATTEMPTS).then_some(failure)
                }
            };
            if let Some(failure) = parks {
                let (reason, detail) = (failure.reason(), failure.detail());
                tracing::error!(feed, subject, version, reason, detail, "aggregate parked");
                let now = self.runtime.clock().now();
                match letters::park(&self.store, &list, feed, event, (reason, detail), now).await {
                    Ok(()) => {
                        self.count(feed, "parked");
                        return true;
                    }
                    Err(error) => tracing::warn!(%error, feed, "cannot write the dead letter; trying again"),
                }
            }
            if self.runtime.stopping().is_cancelled() {
                return false;
            }
            let ceiling = WAIT.0.saturating_mul(2_u32.saturating_pow(waits.min(10))).min(WAIT.1);
            waits = waits.saturating_add(1);
            self.runtime.clock().sleep(self.runtime.rng().jitter(ceiling)).await;
        }
    }

    fn count(&self, feed: &str, outcome: &str) {
        self.events.add(&[self.store.domain(), feed, outcome]);
    }

    async fn attempt(&self, list: &str, told: &mut Told) -> Then {
        if !sabotage::is_off("parking") {
            match letters::wait_behind(&self.store, list, &told.feed, &told.event).await {
                Ok(true) => return Then::Done,
                Ok(false) => {}
                Err(error) => return judge_store(error),
            }
        }
        match self.handle(told).await {
            Ok(()) => Then::Done,
            Err(Untaken::Store(StoreError::Marked(Marked::Gap { have }))) => {
                told.vouch(have);
                match self.handle(told).await {
                    Ok(()) => Then::Done,
                    Err(untaken) => judge(untaken),
                }
            }
            Err(untaken) => judge(untaken),
        }
    }

    /// One attempt, bounded, in the trace of what caused the event.
    pub(crate) async fn handle(&self, told: &Told) -> Result<(), Untaken> {
        let span = trace::continue_from(&told.event.traceparent, "event");
        let work = deadline::within(ATTEMPT, self.handler.take(told)).instrument(span);
        let failed = |reason: &str, detail: &str| {
            Err(Untaken::Failed(Failure::Unknown { reason: reason.to_owned(), detail: detail.to_owned() }))
        };
        match self.runtime.clock().timeout(ATTEMPT, AssertUnwindSafe(work).catch_unwind()).await {
            Ok(Ok(taken)) => taken,
            Ok(Err(_)) => failed("HANDLER_PANICKED", "taking the event in panicked; this is a defect of Weft"),
            Err(_) => failed("NO_ANSWER", "taking the event in took too long"),
        }
    }
}

fn judge(untaken: Untaken) -> Then {
    match untaken {
        Untaken::Store(error) => judge_store(error),
        Untaken::Failed(failure @ Failure::Refused { .. }) => Then::Park(failure),
        Untaken::Failed(failure @ (Failure::NotDone { .. } | Failure::Unknown { .. })) => Then::Count(failure),
    }
}

fn judge_store(error: StoreError) -> Then {
    match error {
        StoreError::Marked(Marked::Done) => Then::Done,
        // Handled meanwhile by another member: look again.
        StoreError::Marked(Marked::Gap { .. }) => Then::Again,
        StoreError::Marked(Marked::Fork { .. })
        | StoreError::Unknown
        | StoreError::Unavailable(_)
        | StoreError::Overloaded(_)
        | StoreError::Conflict(_)
        | StoreError::KeyReused
        | StoreError::Fenced(_)
        | StoreError::Newer { .. }
        | StoreError::OutOfRange { .. }
        | StoreError::NoSuchGroup(_)
        | StoreError::Corrupt { .. }
        | StoreError::Malformed(_)
        | StoreError::Misrouted { .. }
        | StoreError::RulePanicked(_)
        | StoreError::Locked(_)
        | StoreError::Birth { .. }
        | StoreError::Unfit(_) => {
            if may_pass(&error) {
                Then::Again
            } else {
                Then::Park(Failure::refused(error.reason(), error.to_string()))
            }
        }
    }
}

/// Will the same commit go through later? A document of a newer release will not, before this release is gone.
fn may_pass(error: &StoreError) -> bool {
    let newer = matches!(error, StoreError::Newer { .. });
    match error.class() {
        Class::Unavailable | Class::Throttled | Class::Conflict | Class::Unknown => !newer,
        Class::Invalid
        | Class::NotFound
        | Class::Exists
        | Class::Precondition
        | Class::Denied
        | Class::Unauthenticated
        | Class::OutOfRange
        | Class::Unimplemented
        | Class::Internal => false,
    }
}
