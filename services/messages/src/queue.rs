//! The order of messages: of one order or return they are sent one after the other, as their facts happened. One that
//! waits for a person holds up nobody. Every change is part of the commit that writes, ends or parks a message.

use prost::Message as _;
use retail_flow::Ledger;
use retail_runtime::Timestamp;
use retail_store::Draft;

use crate::record::{Correspondence, Message};
use crate::seal;

/// Writes a message behind those that wait. `why` is for the audit, when a person asked for it.
pub(crate) fn join(
    draft: &mut Draft<Correspondence>,
    id: &str,
    message: Message,
    (traceparent, why): (&str, &str),
    now: Timestamp,
) {
    let message = Message { has_the_word: draft.doc.waiting.is_empty(), version: 1, ..message };
    draft.put::<Message>(id, &message);
    let mut ledger = Ledger { traceparent: traceparent.to_owned(), ..Ledger::default() };
    ledger.note(now, "BEGUN", &message.fact, why, 0);
    draft.put::<Ledger>(&Ledger::id_of::<Message>(id), &ledger);
    draft.due_on::<Message>(id, Some(now));
    for place in seal::places(&message) {
        draft.index_on::<Message>(id, &place, seal::sort_key(&message, id), Some(bytes::Bytes::new()));
    }
    draft.emit_on::<Message>(id, seal::WRITTEN, message.shown(id).encode_to_vec());
    draft.doc.waiting.push(id.to_owned());
}

/// A message has ended or waits for a person: the next one has the word.
pub(crate) fn leave(draft: &mut Draft<Message>, now: Timestamp) {
    let (id, correspondence) = (draft.id().to_owned(), draft.doc.correspondence.clone());
    let Some(mut queue) = draft.get::<Correspondence>(&correspondence) else { return };
    if !queue.waiting.contains(&id) {
        // It had left before, when it was parked.
        return;
    }
    queue.waiting.retain(|waits| *waits != id);
    draft.put::<Correspondence>(&correspondence, &queue);
    let Some(next) = queue.waiting.first() else { return };
    if let Some(mut message) = draft.get::<Message>(next).filter(|message| !message.has_the_word) {
        message.has_the_word = true;
        draft.put::<Message>(next, &message);
        draft.due_on::<Message>(next, Some(now));
    }
}
