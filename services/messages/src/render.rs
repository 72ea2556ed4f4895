//! Messages as callers see them.

use retail_proto::messages::v1 as pb;
use retail_proto::timestamp;

use crate::record::{Message, State};

impl Message {
    /// The message of this id as callers see it.
    pub(crate) fn shown(&self, id: &str) -> pb::Message {
        pb::Message {
            message_id: id.to_owned(),
            order_id: self.order_id.clone(),
            order_number: self.order_number.clone(),
            return_id: self.return_id.clone(),
            return_number: self.return_number.clone(),
            channel: self.channel.clone(),
            occasion: i32::from(self.occasion().pb()),
            fact: self.fact.clone(),
            state: i32::from(match self.state() {
                State::Waiting => pb::MessageState::Waiting,
                State::Parked => pb::MessageState::Parked,
                State::Sent => pb::MessageState::Sent,
                State::NotSent => pb::MessageState::NotSent,
                State::Lapsed => pb::MessageState::Lapsed,
                State::Skipped => pb::MessageState::Skipped,
                State::Cancelled => pb::MessageState::Cancelled,
            }),
            status: self.status().to_owned(),
            cause: self.cause.clone(),
            carrier: self.carrier.clone(),
            recipient: self.content.as_ref().and_then(|content| content.recipient.clone()),
            happened_at: Some(timestamp(self.happened_at)),
            expires_at: Some(timestamp(self.expires_at)),
            written_at: Some(timestamp(self.written_at)),
            ended_at: (self.ended_at != 0).then(|| timestamp(self.ended_at)),
            carrier_record: self.record.clone(),
            resend_of: self.resend_of.clone(),
            asked_by: self.asked_by.clone(),
            version: self.version,
        }
    }
}

/// Our word for the contract's state; `None` for the unspecified one.
pub(crate) fn known_state(asked: pb::MessageState) -> Option<State> {
    match asked {
        pb::MessageState::Unspecified => None,
        pb::MessageState::Waiting => Some(State::Waiting),
        pb::MessageState::Parked => Some(State::Parked),
        pb::MessageState::Sent => Some(State::Sent),
        pb::MessageState::NotSent => Some(State::NotSent),
        pb::MessageState::Lapsed => Some(State::Lapsed),
        pb::MessageState::Skipped => Some(State::Skipped),
        pb::MessageState::Cancelled => Some(State::Cancelled),
    }
}
