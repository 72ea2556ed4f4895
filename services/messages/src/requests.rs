//! What people ask of messages: to read one, to tell again, to cancel.

use std::sync::Arc;

use prost::Message as _;
use retail_flow::{Asked, Input, Ledger};
use retail_proto::messages::v1 as pb;
use retail_runtime::fault::Violations;
use retail_runtime::{Clock, Timestamp, trace};
use retail_store::{Document, Draft, Store, UpdateError};

use crate::config::Config;
use crate::fault::Error;
use crate::queue;
use crate::record::{Correspondence, Message, State};
use crate::seal::seal;
use crate::way::{SEND, is_uncertain};

/// The messages, for callers.
#[derive(Clone)]
pub(crate) struct Requests {
    store: Store,
    clock: Clock,
    config: Arc<Config>,
}

/// What a keyed change stores as its answer: which message; its state is read anew for a repeat.
#[derive(Clone, PartialEq, prost::Message)]
struct Changed {
    #[prost(string, tag = "1")]
    id: String,
}

impl Requests {
    /// Messages in this store.
    pub(crate) fn new(store: &Store, clock: &Clock, config: Arc<Config>) -> Self {
        Self { store: store.clone(), clock: clock.clone(), config }
    }

    /// Reads one.
    pub(crate) async fn get(&self, id: &str) -> Result<pb::Message, Error> {
        let unknown = || Error::NoSuchMessage(id.to_owned());
        if id.is_empty() {
            return Err(unknown());
        }
        let message = self.store.read::<Message>(id).await?.ok_or_else(unknown)?;
        Ok(message.doc.shown(id))
    }

    /// Tells again what a message told, or should have told; answers the new message, and whether this was a repeat.
    pub(crate) async fn resend(
        &self,
        principal: &str,
        request: &pb::ResendMessageRequest,
    ) -> Result<(pb::Message, bool), Error> {
        shape(&request.idempotency_key, &request.message_id, &request.reason)?;
        let asked = Asked::new(principal, "ResendMessage", &request.idempotency_key, request.encode_to_vec());
        let (now, config, id) = (self.clock.now(), Arc::clone(&self.config), request.message_id.clone());
        let (who, again, traceparent) = (principal.to_owned(), asked.name(), trace::traceparent().unwrap_or_default());
        let audit = format!("asked for by {principal}: {}", request.reason);
        let rule = move |draft: &mut Draft<Correspondence>| {
            let old = draft.get::<Message>(&id).ok_or_else(|| Error::NoSuchMessage(id.clone()))?;
            let message = told_again(&id, &old, &config, &who, now)?;
            let new = Message::id(&old.correspondence, &old.fact, &again);
            if draft.get::<Message>(&new).is_some() {
                // The same request, so long after that its answer is forgotten.
                return Ok(Changed { id: new });
            }
            queue::join(draft, &new, message, (&traceparent, &audit), now);
            note(draft, &Ledger::id_of::<Message>(&id), "TOLD_AGAIN", &audit, now);
            Ok(Changed { id: new })
        };
        let correspondence = Message::routing(&request.message_id).to_owned();
        self.change(&correspondence, asked, rule).await
    }

    /// Ends a message that waits; answers it, and whether this was a repeat.
    pub(crate) async fn cancel(
        &self,
        principal: &str,
        request: &pb::CancelMessageRequest,
    ) -> Result<(pb::Message, bool), Error> {
        shape(&request.idempotency_key, &request.message_id, &request.reason)?;
        let asked = Asked::new(principal, "CancelMessage", &request.idempotency_key, request.encode_to_vec());
        let (now, audit) = (self.clock.now(), format!("cancelled by {principal}: {}", request.reason));
        let rule = move |draft: &mut Draft<Message>| {
            let id = draft.id().to_owned();
            if !draft.existed {
                return Err(Error::NoSuchMessage(id));
            }
            if draft.doc.state() == State::Cancelled {
                return Ok(Changed { id });
            }
            if draft.doc.has_ended() {
                return Err(Error::Ended { id, status: draft.doc.status() });
            }
            let ledger = draft.get::<Ledger>(&Ledger::id_of::<Message>(&id)).unwrap_or_default();
            let leaving = ledger.effect(SEND).is_some_and(|effect| is_uncertain(effect.state()));
            if leaving && ledger.parked.is_none() {
                return Err(Error::BeingSent(id));
            }
            let before = draft.doc.clone();
            draft.doc.end(State::Cancelled, &audit, now.as_millisecond());
            retail_flow::note(draft, "CANCELLED", &audit, now);
            retail_flow::resume(draft, "cancelled by a person", now);
            retail_flow::wake(draft, now);
            seal(draft, &before, now);
            Ok(Changed { id })
        };
        self.change(&request.message_id, asked, rule).await
    }

    async fn change<D: Document>(
        &self,
        id: &str,
        asked: Asked,
        rule: impl Fn(&mut Draft<D>) -> Result<Changed, Error> + Send + 'static,
    ) -> Result<(pb::Message, bool), Error> {
        asked.claim(&self.store).await?;
        let (what, content, now) = (asked.method(), asked.content().to_vec(), self.clock.now());
        let kind = format!("retail.messages.v1.{what}Request");
        let rule = move |draft: &mut Draft<D>| {
            let changed = rule(draft)?;
            retail_flow::record(draft, Input { what, kind: &kind, content: &content }, now);
            Ok(changed)
        };
        match self.store.update::<D, Changed, _>(id, asked.caller(), rule).await {
            Ok(done) => Ok((self.get(&done.value.id).await?, done.repeated)),
            Err(UpdateError::Rule(error)) => Err(error),
            Err(UpdateError::Store(error)) => Err(asked.refused(error).into()),
        }
    }
}

/// The message that tells again what one has told.
fn told_again(id: &str, old: &Message, config: &Config, who: &str, now: Timestamp) -> Result<Message, Error> {
    if !old.has_ended() {
        return Err(Error::NotEnded { id: id.to_owned(), status: old.status() });
    }
    let (channel, occasion) = (old.channel.clone(), old.occasion());
    let told = config.channels.get(&channel).filter(|found| found.tells(occasion));
    let told = told.ok_or_else(|| Error::NotTold { channel: channel.clone(), occasion: occasion.word() })?;
    let written_at = now.as_millisecond();
    Ok(Message {
        carrier: told.carrier(occasion).to_owned(),
        state: i32::from(State::Waiting),
        cause: String::new(),
        // Whoever asks for it now wants it told now.
        expires_at: told.expires_at(occasion, written_at).as_millisecond(),
        written_at,
        ended_at: 0,
        content: None,
        record: None,
        resend_of: id.to_owned(),
        asked_by: who.to_owned(),
        is_unsure: false,
        ..old.clone()
    })
}

fn note(draft: &mut Draft<Correspondence>, ledger_id: &str, what: &str, detail: &str, now: Timestamp) {
    let mut ledger = draft.get::<Ledger>(ledger_id).unwrap_or_default();
    ledger.note(now, what, "", detail, 0);
    draft.put::<Ledger>(ledger_id, &ledger);
}

fn shape(key: &str, message_id: &str, reason: &str) -> Result<(), Error> {
    let mut bad = Violations::default();
    let fits = (1..=255).contains(&key.len()) && key.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    bad.require("idempotency_key", fits, "give a key of 1 to 255 visible ASCII characters, the same for every repeat");
    bad.require("message_id", !message_id.is_empty(), "give our id of the message");
    bad.require("reason", !reason.is_empty(), "say why; people read it");
    Ok(bad.check()?)
}
