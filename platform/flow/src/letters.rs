//! Dead letters: events of other domains that could not be taken in. One document an aggregate: the event that failed and
//! all that came behind it, in order. It is a transaction of its own, parked with its cause: `OpsService` lists it, and
//! replaying it takes the events in through the same inbox.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use retail_proto::events::v1 as pb;
use retail_runtime::Timestamp;
use retail_store::{Document, Draft, Error as StoreError, Marked, Store, UpdateError};

use crate::failure::Failure;
use crate::inbox::{Core, Handler, Told, Untaken};
use crate::ledger::Ledger;
use crate::process::{Attempt, Process, Summary};
use crate::step::{Class, Next, Policy, Step};
use crate::transactions;

/// One event that waits.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Queued {
    /// Version of the aggregate that it carries.
    #[prost(uint64, tag = "1")]
    pub version: u64,
    /// Its id.
    #[prost(string, tag = "2")]
    pub event_id: String,
}

/// The events of one aggregate of another domain that wait for a person. Empty once they are taken in.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct DeadLetters {
    /// Name of the feed.
    #[prost(string, tag = "1")]
    pub feed: String,
    /// The aggregate.
    #[prost(string, tag = "2")]
    pub subject: String,
    /// Events in the order in which they came, the one that failed first.
    #[prost(message, repeated, tag = "3")]
    pub queued: Vec<Queued>,
}

/// A whole event. A document of its own: an aggregate's events together may be larger than one document.
#[derive(Clone, PartialEq, Eq, prost::Message)]
struct Letter {
    #[prost(bytes = "vec", tag = "1")]
    event: Vec<u8>,
}

impl Document for DeadLetters {
    const KIND: &'static str = "dead-letters";
}

impl Document for Letter {
    const KIND: &'static str = "letter";

    /// A letter lies beside its list.
    fn routing(id: &str) -> &str {
        id.rsplit_once('|').map_or(id, |(list, _)| list)
    }
}

/// The list of an aggregate's dead letters. No `|`: it parts an id from what lies beside it.
pub(crate) fn list_id(consumer: &str, feed: &str, subject: &str) -> String {
    format!("{consumer}/{feed}/{subject}").replace('%', "%25").replace('|', "%7C")
}

fn letter_id(list: &str, queued: &Queued) -> String {
    format!("{list}|{:020}-{}", queued.version, queued.event_id)
}

/// Puts an event at the end of the list, once.
fn put(draft: &mut Draft<DeadLetters>, feed: &str, event: &pb::Event) {
    feed.clone_into(&mut draft.doc.feed);
    event.subject.clone_into(&mut draft.doc.subject);
    if draft.doc.queued.iter().any(|queued| queued.event_id == event.id) {
        return;
    }
    let queued = Queued { version: event.version, event_id: event.id.clone() };
    let id = letter_id(draft.id(), &queued);
    draft.put::<Letter>(&id, &Letter { event: event.encode_to_vec() });
    draft.doc.queued.push(queued);
}

/// Parks the aggregate of an event: the event waits for a person, and so does all that comes behind it.
pub(crate) async fn park(
    store: &Store,
    list: &str,
    feed: &str,
    event: &pb::Event,
    (reason, detail): (&str, &str),
    now: Timestamp,
) -> Result<(), StoreError> {
    let (feed, event) = (feed.to_owned(), event.clone());
    let (reason, detail) = (reason.to_owned(), detail.to_owned());
    let rule = move |draft: &mut Draft<DeadLetters>| {
        put(draft, &feed, &event);
        let ledger_id = Ledger::id_of::<DeadLetters>(draft.id());
        let mut ledger: Ledger = draft.get(&ledger_id).unwrap_or_default();
        if ledger.parked.is_none() {
            event.traceparent.clone_into(&mut ledger.traceparent);
            ledger.park(&reason, &detail, REPLAY, now);
        }
        transactions::index(draft, &mut ledger, &summary(&draft.doc), false, false, now);
        draft.due(None);
        draft.put(&ledger_id, &ledger);
        Ok::<_, Infallible>(())
    };
    step(store, list, rule).await
}

/// Lets an event wait behind those of its aggregate that wait already; false when none does.
pub(crate) async fn wait_behind(store: &Store, list: &str, feed: &str, event: &pb::Event) -> Result<bool, StoreError> {
    if !waits(store, list).await? {
        return Ok(false);
    }
    let (feed, event) = (feed.to_owned(), event.clone());
    let rule = move |draft: &mut Draft<DeadLetters>| {
        // A replay may have emptied the list since.
        let waits = !draft.doc.queued.is_empty();
        if waits {
            put(draft, &feed, &event);
        }
        Ok::<_, Infallible>(waits)
    };
    step(store, list, rule).await
}

/// Does anything wait in this list?
pub(crate) async fn waits(store: &Store, list: &str) -> Result<bool, StoreError> {
    Ok(store.read::<DeadLetters>(list).await?.is_some_and(|list| !list.doc.queued.is_empty()))
}

async fn step<R: Send + 'static>(
    store: &Store,
    list: &str,
    rule: impl Fn(&mut Draft<DeadLetters>) -> Result<R, Infallible> + Send + 'static,
) -> Result<R, StoreError> {
    match store.step::<DeadLetters, _, _>(list, None, rule).await {
        Ok(done) => Ok(done.value),
        Err(UpdateError::Store(error)) => Err(error),
        Err(UpdateError::Rule(never)) => match never {},
    }
}

fn summary(list: &DeadLetters) -> Summary {
    let status = match list.queued.len() {
        0 => "Taken in".to_owned(),
        1 => "1 event waits".to_owned(),
        many => format!("{many} events wait"),
    };
    Summary { name: format!("{} {}", list.feed, list.subject), status }
}

const REPLAY: &str = "inbox.replay";

/// Take the waiting events in, oldest first.
#[derive(Debug, Clone)]
pub struct ReplayLetters;

impl Step for ReplayLetters {
    fn name(&self) -> String {
        REPLAY.to_owned()
    }

    fn class(&self) -> Class {
        Class::Call
    }

    fn policy(&self) -> Policy {
        Policy { attempt: Duration::from_secs(60), ..Policy::MESH }
    }
}

/// The process of dead letters: it does nothing until a person asks for a replay.
pub struct Replay<H>(Arc<Core<H>>);

impl<H: Handler> Replay<H> {
    pub(crate) fn new(core: Arc<Core<H>>) -> Self {
        Self(core)
    }

    async fn take(&self, feed: &str, event: pb::Event, is_last: bool) -> Result<(), Failure> {
        let mut told =
            Told::read(self.0.consumer(), feed, event).map_err(|broken| Failure::refused("EVENT_BROKEN", broken.1))?;
        loop {
            match self.0.handle(&told).await {
                Ok(()) | Err(Untaken::Store(StoreError::Marked(Marked::Done))) => return Ok(()),
                Err(Untaken::Store(StoreError::Marked(Marked::Gap { have }))) => told.vouch(have),
                // The owner lost the history that this event belongs to; what it said later is its truth now.
                Err(Untaken::Store(StoreError::Marked(Marked::Fork { .. }))) if !is_last => return Ok(()),
                Err(untaken) => return Err(untaken.into()),
            }
        }
    }
}

impl<H: Handler> Process for Replay<H> {
    type Doc = DeadLetters;
    type Step = ReplayLetters;
    type Outcome = Vec<String>;

    fn decide(&self, list: &DeadLetters, _now: Timestamp) -> Next<ReplayLetters> {
        if list.queued.is_empty() { Next::Done } else { Next::Do(vec![ReplayLetters]) }
    }

    async fn perform(
        &self,
        id: &str,
        list: &DeadLetters,
        _step: &ReplayLetters,
        _attempt: Attempt,
    ) -> Result<Vec<String>, Failure> {
        let mut taken = Vec::new();
        for (place, queued) in list.queued.iter().enumerate() {
            let found = self.0.store().read::<Letter>(&letter_id(id, queued)).await;
            let letter = found.map_err(|error| Failure::not_done("STORE", error.to_string()))?;
            if let Some(letter) = letter {
                let event = pb::Event::decode(letter.doc.event.as_slice())
                    .map_err(|error| Failure::refused("EVENT_BROKEN", error.to_string()))?;
                self.take(&list.feed, event, place.saturating_add(1) == list.queued.len()).await?;
            }
            taken.push(queued.event_id.clone());
        }
        Ok(taken)
    }

    fn apply(&self, draft: &mut Draft<DeadLetters>, _step: &ReplayLetters, taken: &Vec<String>, _now: Timestamp) {
        let list = draft.id().to_owned();
        let (done, left) = draft.doc.queued.drain(..).partition(|queued| taken.contains(&queued.event_id));
        draft.doc.queued = left;
        let done: Vec<Queued> = done;
        for queued in &done {
            draft.remove::<Letter>(&letter_id(&list, queued));
        }
    }

    fn seal(&self, _draft: &mut Draft<DeadLetters>, _before: &DeadLetters, _now: Timestamp) {}

    fn summary(&self, list: &DeadLetters) -> Summary {
        summary(list)
    }
}
