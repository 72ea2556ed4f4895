//! The contract: canonical in, canonical out.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use retail_connect::{CallFault, Held, outcome};
use retail_proto::notify::v1 as pb;
use retail_proto::notify::v1::notify_service_server::NotifyService;
use retail_proto::types::v1::Ref;
use retail_runtime::{Clock, fault};
use tonic::{Request, Response, Status};

use crate::address::{self, Sender};
use crate::describe;
use crate::facts::Facts;
use crate::fault::{Error, OPERATION};
use crate::letter::{self, Letter};
use crate::relay::Connections;
use crate::request::Message;
use crate::verdict::Verdict;
use crate::words::Words;

const DOMAIN: &str = "smtp.retail";

/// One relay as a carrier of messages. Keeps nothing but connections.
#[derive(Clone)]
pub struct Connector(pub(crate) Arc<Carrier>);

/// What a connector is made of.
pub(crate) struct Carrier {
    pub(crate) instance: String,
    /// Right side of a Message-ID.
    pub(crate) domain: String,
    pub(crate) zone: TimeZone,
    pub(crate) sender: Sender,
    pub(crate) brands: BTreeMap<String, Sender>,
    pub(crate) words: Words,
    pub(crate) connections: Connections,
    pub(crate) clock: Clock,
}

/// What is to be done with a message before anybody is asked.
enum Prepared {
    Send(Letter),
    Refuse { reason: &'static str, why: &'static str },
}

type Answer<T> = Result<Response<T>, Status>;

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("instance", &self.0.instance).finish_non_exhaustive()
    }
}

#[tonic::async_trait]
impl NotifyService for Connector {
    async fn describe(&self, _: Request<pb::DescribeRequest>) -> Answer<pb::DescribeResponse> {
        Ok(Response::new(pb::DescribeResponse { description: Some(describe::description()) }))
    }

    async fn send_message(&self, asked: Request<pb::SendMessageRequest>) -> Answer<pb::SendMessageResponse> {
        let asked = asked.into_inner();
        let sent = Box::pin(self.0.send(&asked)).await;
        sent.map(Response::new).map_err(|error| fault::status(DOMAIN, &error))
    }
}

impl Carrier {
    async fn send(&self, asked: &pb::SendMessageRequest) -> Result<pb::SendMessageResponse, Error> {
        let message = Message::read(asked, &self.instance)?;
        let id = letter::message_id(&message.reference, &self.domain);
        let refused = |reason: &str, why: String| {
            tracing::info!(message_id = %id, occasion = message.occasion, reason, "a message was refused");
            Ok(pb::SendMessageResponse { outcome: Some(outcome::refused(reason, why)), message: None })
        };
        let letter = match self.prepare(&message, &id)? {
            Prepared::Send(letter) => letter,
            Prepared::Refuse { reason, why } => return refused(reason, why.to_owned()),
        };
        match self.connections.hand_over(&letter).await {
            Ok(Verdict::Taken) => {
                tracing::info!(message_id = %id, occasion = message.occasion, "a message was handed over");
                let message = Ref {
                    kind: "notify".to_owned(),
                    instance: self.instance.clone(),
                    r#type: "message".to_owned(),
                    id,
                    number: String::new(),
                };
                Ok(pb::SendMessageResponse { outcome: Some(outcome::done()), message: Some(message) })
            }
            Ok(Verdict::Refused { reason, words }) => refused(reason, words),
            Err(Error::Call(CallFault::Unknown { operation, why })) => {
                // Whoever looks for it at the relay or in a mailbox looks for its id.
                tracing::warn!(message_id = %id, occasion = message.occasion, why, "nobody knows whether a message left");
                Err(Error::Call(CallFault::Unknown { operation, why: format!("{why}; Message-ID {id}") }))
            }
            Err(error) => Err(error),
        }
    }

    /// Words a message and addresses it.
    fn prepare(&self, message: &Message, id: &str) -> Result<Prepared, Error> {
        if message.email.trim().is_empty() {
            return Ok(Prepared::Refuse { reason: "NO_ADDRESS", why: "the customer has no e-mail address" });
        }
        let Some(to) = address::address(&message.email) else {
            let why = "the e-mail address is not one that we can send to; nobody was asked";
            return Ok(Prepared::Refuse { reason: "ADDRESS_REFUSED", why });
        };
        let sender = self.brands.get(&message.brand).unwrap_or(&self.sender);
        let name = sender.from.name.clone().unwrap_or_else(|| sender.from.email.to_string());
        let facts = Facts::of(message, &self.zone, &name);
        let words = self.words.word(message.occasion, message.locale.as_ref(), &message.brand, &facts)?;
        let Some(words) = words else {
            let why = "there are no words for this occasion in any of the customer's languages";
            return Ok(Prepared::Refuse { reason: "NO_TEMPLATE", why });
        };
        let written = letter::write(id, sender, (&message.name, &to), words, self.clock.now());
        written
            .map(Prepared::Send)
            .map_err(|error| Error::Call(CallFault::not_sent(OPERATION, Held::Malformed, error.to_string())))
    }
}
