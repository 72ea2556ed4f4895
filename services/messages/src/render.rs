//! Messages as callers see them.

use retail_proto::messages::v1 as pb;
use retail_proto::timestamp;

use crate::record::{Message, State};

impl From<(&str, &Message)> for pb::Message {
    fn from((id, message): (&str, &Message)) -> Self {
        Self {
            message_id: id.to_owned(),
            order_id: message.order_id.clone(),
            order_number: message.order_number.clone(),
            return_id: message.return_id.clone(),
            return_number: message.return_number.clone(),
            channel: message.channel.clone(),
            occasion: i32::from(message.occasion().pb()),
            fact: message.fact.clone(),
            state: i32::from(match message.state() {
                State::Waiting => pb::MessageState::Waiting,
                State::Parked => pb::MessageState::Parked,
                State::Sent => pb::MessageState::Sent,
                State::NotSent => pb::MessageState::NotSent,
                State::Lapsed => pb::MessageState::Lapsed,
                State::Skipped => pb::MessageState::Skipped,
                State::Cancelled => pb::MessageState::Cancelled,
            }),
            status: message.status().to_owned(),
            cause: message.cause.clone(),
            carrier: message.carrier.clone(),
            recipient: message.content.as_ref().and_then(|content| content.recipient.clone()),
            happened_at: Some(timestamp(message.happened_at)),
            expires_at: Some(timestamp(message.expires_at)),
            written_at: Some(timestamp(message.written_at)),
            ended_at: (message.ended_at != 0).then(|| timestamp(message.ended_at)),
            carrier_record: message.record.clone(),
            resend_of: message.resend_of.clone(),
            asked_by: message.asked_by.clone(),
            version: message.version,
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
