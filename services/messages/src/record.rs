//! What this service stores. Plain data: what is known and told of each order and return, and each message.

use bytes::Bytes;
use retail_proto::notify::v1::SendMessageRequest;
use retail_proto::types::v1::Ref;
use retail_runtime::Ids;
use retail_store::Document;

use crate::occasion::Occasion;

/// Since when facts are told. One document, written at the first start and never again.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Beginning {
    /// Milliseconds since 1970.
    #[prost(int64, tag = "1")]
    pub since: i64,
}

impl Beginning {
    /// Its id.
    pub(crate) const ID: &'static str = "beginning";
}

impl Document for Beginning {
    const KIND: &'static str = "beginning";
}

/// A fact that is known: it never becomes a message again.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Known {
    /// The fact, unique in its order or return.
    #[prost(string, tag = "1")]
    pub id: String,
    /// When it happened, milliseconds since 1970.
    #[prost(int64, tag = "2")]
    pub at: i64,
    /// Why no message was written; empty when one was.
    #[prost(string, tag = "3")]
    pub untold: String,
}

/// What is known and told of one order or one return. The id is `order-<id>` or `return-<id>`.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Correspondence {
    /// The owner's public message, as it last came.
    #[prost(bytes = "bytes", tag = "1")]
    pub body: Bytes,
    /// Version that the owner gave it.
    #[prost(uint64, tag = "2")]
    pub version: u64,
    /// When the owner said it, milliseconds since 1970.
    #[prost(int64, tag = "3")]
    pub said_at: i64,
    /// Facts that are known, oldest first.
    #[prost(message, repeated, tag = "4")]
    pub facts: Vec<Known>,
    /// Ids of messages that have neither ended nor wait for a person, in their order. The first has the word.
    #[prost(string, repeated, tag = "5")]
    pub waiting: Vec<String>,
}

impl Document for Correspondence {
    const KIND: &'static str = "correspondence";
}

impl Correspondence {
    /// The id of an order's.
    pub(crate) fn of_order(order_id: &str) -> String {
        format!("order-{order_id}")
    }

    /// The id of a return's.
    pub(crate) fn of_return(return_id: &str) -> String {
        format!("return-{return_id}")
    }

    /// Is it a return's?
    pub(crate) fn is_of_return(id: &str) -> bool {
        id.starts_with("return-")
    }

    /// Is a fact known?
    pub(crate) fn knows(&self, fact: &str) -> bool {
        self.facts.iter().any(|known| known.id == fact)
    }
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum State {
    /// It waits for its time.
    Waiting = 0,
    /// It waits for a person.
    Parked = 1,
    /// The carrier has it.
    Sent = 2,
    /// It cannot be sent.
    NotSent = 3,
    /// It was too late.
    Lapsed = 4,
    /// It was no longer true.
    Skipped = 5,
    /// A person cancelled it.
    Cancelled = 6,
}

/// A message. It lies in the partition of its correspondence.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Message {
    /// Id of its correspondence.
    #[prost(string, tag = "1")]
    pub correspondence: String,
    /// The fact it tells.
    #[prost(string, tag = "2")]
    pub fact: String,
    /// What the customer is told of.
    #[prost(enumeration = "Occasion", tag = "3")]
    pub occasion: i32,
    /// Channel instance.
    #[prost(string, tag = "4")]
    pub channel: String,
    /// Carrier instance.
    #[prost(string, tag = "5")]
    pub carrier: String,
    /// Our id of the order.
    #[prost(string, tag = "6")]
    pub order_id: String,
    /// Number the customer knows.
    #[prost(string, tag = "7")]
    pub order_number: String,
    /// Our id of the return, for those of returns.
    #[prost(string, tag = "8")]
    pub return_id: String,
    /// Number the customer knows of it.
    #[prost(string, tag = "9")]
    pub return_number: String,
    /// Where it stands.
    #[prost(enumeration = "State", tag = "10")]
    pub state: i32,
    /// Why it waits for a person or was not sent.
    #[prost(string, tag = "11")]
    pub cause: String,
    /// When the fact happened, milliseconds since 1970.
    #[prost(int64, tag = "12")]
    pub happened_at: i64,
    /// From then on it is too late, milliseconds since 1970.
    #[prost(int64, tag = "13")]
    pub expires_at: i64,
    /// When it was written, milliseconds since 1970.
    #[prost(int64, tag = "14")]
    pub written_at: i64,
    /// When it ended, milliseconds since 1970; 0 before.
    #[prost(int64, tag = "15")]
    pub ended_at: i64,
    /// Those before it have ended, or wait for a person.
    #[prost(bool, tag = "16")]
    pub has_the_word: bool,
    /// What is sent, once it is worded.
    #[prost(message, optional, tag = "17")]
    pub content: Option<SendMessageRequest>,
    /// The carrier's record.
    #[prost(message, optional, tag = "18")]
    pub record: Option<Ref>,
    /// The message that this one tells again.
    #[prost(string, tag = "19")]
    pub resend_of: String,
    /// Who asked for that.
    #[prost(string, tag = "20")]
    pub asked_by: String,
    /// It may have been sent although no answer says so: its expiry must not hide that.
    #[prost(bool, tag = "21")]
    pub is_unsure: bool,
    /// Version of the public state, from 1.
    #[prost(uint64, tag = "22")]
    pub version: u64,
}

impl Document for Message {
    const KIND: &'static str = "message";

    fn routing(id: &str) -> &str {
        id.rsplit_once('.').map_or(id, |(correspondence, _)| correspondence)
    }
}

impl Message {
    /// The id of the message that tells a fact: the same whenever it is written. `again` tells those apart that a person
    /// asked for.
    pub(crate) fn id(correspondence: &str, fact: &str, again: &str) -> String {
        format!("{correspondence}.{}", Ids::derived("weft.message", &[correspondence, fact, again]))
    }

    /// Nothing happens to it any more.
    pub(crate) fn has_ended(&self) -> bool {
        match self.state() {
            State::Sent | State::NotSent | State::Lapsed | State::Skipped | State::Cancelled => true,
            State::Waiting | State::Parked => false,
        }
    }

    /// Ends it.
    pub(crate) fn end(&mut self, state: State, cause: &str, now: i64) {
        self.set_state(state);
        cause.clone_into(&mut self.cause);
        self.ended_at = now;
    }

    /// Name people use.
    pub(crate) fn name(&self) -> String {
        let number = if self.return_number.is_empty() { &self.order_number } else { &self.return_number };
        format!("{number} {}", self.fact)
    }

    /// Where it stands, for people.
    pub(crate) fn status(&self) -> &'static str {
        match self.state() {
            State::Waiting => "Waiting for its time",
            State::Parked => "Waiting for a person",
            State::Sent => "Sent",
            State::NotSent => "Not sent",
            State::Lapsed => "Not sent: too late",
            State::Skipped => "Not sent: no longer true",
            State::Cancelled => "Cancelled",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_lies_beside_its_correspondence_whatever_the_owners_ids_look_like() {
        for order_id in ["o-1", "a.b.c", "9b1c"] {
            let correspondence = Correspondence::of_order(order_id);
            let message = Message::id(&correspondence, "shipped/a.b", "");
            assert_eq!(Message::routing(&message), correspondence);
            assert_eq!(Message::partition(&message), Correspondence::partition(&correspondence));
        }
    }

    #[test]
    fn the_same_fact_is_the_same_message() {
        let id = |fact: &str, again: &str| Message::id("order-o-1", fact, again);
        assert_eq!(id("shipped/s1", ""), id("shipped/s1", ""));
        assert_ne!(id("shipped/s1", ""), id("shipped/s2", ""));
        assert_ne!(id("shipped/s1", ""), id("shipped/s1", "again"));
    }
}
