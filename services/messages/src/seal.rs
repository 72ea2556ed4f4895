//! What every commit of a message carries: its event, its places in the lists, and the word for the next one.

use prost::Message as _;
use retail_proto::messages::v1 as pb;
use retail_runtime::Timestamp;
use retail_store::Draft;

use crate::queue;
use crate::record::{Message, State};

/// The event of a message that begins.
pub(crate) const WRITTEN: &str = "retail.messages.v1.MessageWritten";

/// Lists that messages stand in.
pub(crate) mod list {
    /// Every message.
    pub(crate) const ALL: &str = "messages";

    /// Messages in a state.
    pub(crate) fn state(state: super::State) -> String {
        format!("messages.state.{}", i32::from(state))
    }

    /// Messages of an order and of its returns.
    pub(crate) fn order(id: &str) -> String {
        format!("messages.order.{id}")
    }

    /// Messages of a return.
    pub(crate) fn of_return(id: &str) -> String {
        format!("messages.return.{id}")
    }
}

/// Completes a commit that changed a message. What only the inside of this service sees is told to nobody.
pub(crate) fn seal(draft: &mut Draft<Message>, before: &Message, now: Timestamp) {
    let leaves = |message: &Message| message.has_ended() || message.state() == State::Parked;
    if leaves(&draft.doc) && !leaves(before) {
        queue::leave(draft, now);
    }
    if draft.doc.state() != before.state() {
        let sort = sort_key(&draft.doc, draft.id());
        draft.unindex(&list::state(before.state()), sort.clone());
        let place = list::state(draft.doc.state());
        draft.index(&place, sort, Vec::new());
    }
    let shown = |message: &Message| pb::Message { version: 0, ..message.shown("") };
    if shown(before) == shown(&draft.doc) {
        return;
    }
    draft.doc.version = draft.event_version();
    let kind = event(before, &draft.doc);
    let body = draft.doc.shown(draft.id()).encode_to_vec();
    draft.emit(kind, body);
}

/// Newest first: the sort key falls as time grows.
pub(crate) fn sort_key(message: &Message, id: &str) -> Vec<u8> {
    let newest_first = u64::MAX.saturating_sub(u64::try_from(message.written_at).unwrap_or(0));
    let mut key = newest_first.to_be_bytes().to_vec();
    key.extend_from_slice(id.as_bytes());
    key
}

/// The lists that a message stands in.
pub(crate) fn places(message: &Message) -> Vec<String> {
    let mut places = vec![list::ALL.to_owned(), list::state(message.state())];
    if !message.order_id.is_empty() {
        places.push(list::order(&message.order_id));
    }
    if !message.return_id.is_empty() {
        places.push(list::of_return(&message.return_id));
    }
    places
}

/// The event's type, past tense: what the change meant to the customer.
fn event(before: &Message, after: &Message) -> &'static str {
    if before.state() == after.state() {
        return "retail.messages.v1.MessageWorded";
    }
    match after.state() {
        State::Waiting => "retail.messages.v1.MessageResumed",
        State::Parked => "retail.messages.v1.MessageParked",
        State::Sent => "retail.messages.v1.MessageSent",
        State::NotSent => "retail.messages.v1.MessageNotSent",
        State::Lapsed => "retail.messages.v1.MessageLapsed",
        State::Skipped => "retail.messages.v1.MessageSkipped",
        State::Cancelled => "retail.messages.v1.MessageCancelled",
    }
}
