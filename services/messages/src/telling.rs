//! The way of a message as the driver knows it; what comes next stands in `way.rs`. It leaves at most once by itself: a
//! carrier cannot be asked what became of it, and whoever is told twice is told wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use prost::Message as _;
use retail_flow::{Attempt, Failure, Kept, Ledger, Next, Parked, Personal, Process, Summary, Verdict, kept};
use retail_proto::notify::v1::notify_service_client::NotifyServiceClient;
use retail_proto::notify::v1::{SendMessageRequest, SendMessageResponse};
use retail_proto::orders::v1::orders_service_client::OrdersServiceClient;
use retail_proto::orders::v1::{GetOrderRequest, Order};
use retail_proto::returns::v1::Return;
use retail_proto::types::v1::{OutcomeState, Ref};
use retail_runtime::{Peer, Timestamp};
use retail_store::{Draft, Store};
use serde::{Deserialize, Serialize};

use crate::LARGEST_ANSWER;
use crate::config::Config;
use crate::record::{Correspondence, Message, State};
use crate::seal::seal;
use crate::way::{Deed, SEND, is_uncertain};
use crate::words::at;
use crate::{content, truth, way};

/// What a deed brings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Brought {
    /// What is to be sent.
    Content(#[serde(with = "kept::boxed")] Box<SendMessageRequest>),
    /// The carrier has it, as this record.
    Sent(#[serde(with = "kept::maybe")] Option<Ref>),
    /// It may have been sent: that is settled first.
    Unsure,
}

/// The process of messages.
pub(crate) struct Telling {
    store: Store,
    config: Arc<Config>,
    orders: Peer,
    carriers: BTreeMap<String, Peer>,
}

impl Telling {
    /// Hands over to these carriers.
    pub(crate) fn new(store: &Store, config: Arc<Config>, orders: Peer, carriers: BTreeMap<String, Peer>) -> Arc<Self> {
        Arc::new(Self { store: store.clone(), config, orders, carriers })
    }

    /// What the owner last said.
    async fn correspondence(&self, message: &Message) -> Result<Correspondence, Failure> {
        let read = self.store.read::<Correspondence>(&message.correspondence).await;
        let read = read.map_err(|error| Failure::not_done("STORE", error.to_string()))?;
        Ok(read.map(|found| found.doc).unwrap_or_default())
    }

    /// The order or the return, if the fact is still true.
    async fn still_true(&self, message: &Message) -> Result<Told, Failure> {
        let body = self.correspondence(message).await?.body;
        let broken = |error: prost::DecodeError| Failure::refused("EVENT_BROKEN", error.to_string());
        let (told, so) = if Correspondence::is_of_return(&message.correspondence) {
            let record = Return::decode(body).map_err(broken)?;
            let so = truth::of_return(&record, &message.fact);
            (Told::Return(Box::new(record)), so)
        } else {
            let order = Order::decode(body).map_err(broken)?;
            let so = truth::of_order(&order, &message.fact);
            (Told::Order(Box::new(order)), so)
        };
        so.map_err(|why| Failure::refused("NO_LONGER_TRUE", why))?;
        Ok(told)
    }

    async fn word(&self, id: &str, message: &Message) -> Result<Brought, Failure> {
        let worded = match self.still_true(message).await? {
            Told::Order(order) => content::of_order(id, message, &order),
            Told::Return(record) => {
                let order = self.order(&message.order_id).await?;
                content::of_return(id, message, &record, &order)
            }
        };
        if !content::has_address(&worded) {
            return Err(Failure::refused("NO_ADDRESS", "the customer gave neither e-mail nor phone"));
        }
        Ok(Brought::Content(Box::new(worded)))
    }

    /// The order of a return; one that names none is nobody's.
    async fn order(&self, id: &str) -> Result<Order, Failure> {
        if id.is_empty() {
            return Ok(Order::default());
        }
        let mut orders = OrdersServiceClient::new(self.orders.clone()).max_decoding_message_size(LARGEST_ANSWER);
        let answer = orders.get_order(GetOrderRequest { order_id: id.to_owned() }).await?.into_inner();
        Ok(answer.order.unwrap_or_default())
    }

    async fn send(&self, message: &Message) -> Result<Brought, Failure> {
        // Hours may have passed since it was worded.
        self.still_true(message).await?;
        let carrier = &message.carrier;
        let peer = self.carriers.get(carrier).ok_or_else(|| {
            let detail = format!("carrier {carrier} is not configured; set messages.carriers.{carrier}.address");
            Failure::refused("SYSTEM_NOT_CONFIGURED", detail)
        })?;
        let content = message.content.clone().unwrap_or_default();
        let mut client = NotifyServiceClient::new(peer.clone()).max_encoding_message_size(LARGEST_ANSWER);
        judge(client.send_message(content).await?.into_inner())
    }

    /// Too late, unless it may have left.
    async fn lapse(&self, id: &str, message: &Message) -> Result<Brought, Failure> {
        let ledger = self.store.read::<Ledger>(&Ledger::id_of::<Message>(id)).await;
        let ledger = ledger.map_err(|error| Failure::not_done("STORE", error.to_string()))?;
        let sent = ledger.as_ref().and_then(|ledger| ledger.doc.effect(SEND));
        if sent.is_some_and(|effect| is_uncertain(effect.state())) {
            return Ok(Brought::Unsure);
        }
        Err(Failure::refused("TOO_LATE", format!("it could be told until {}", at(message.expires_at))))
    }
}

/// What a message is of.
enum Told {
    Order(Box<Order>),
    Return(Box<Return>),
}

/// What the carrier's answer means. One that is neither done nor refused leaves it open whether the message left: asking
/// again could tell the customer twice.
fn judge(answer: SendMessageResponse) -> Result<Brought, Failure> {
    let unknown = |reason: &str, detail: String| Err(Failure::Unknown { reason: reason.to_owned(), detail });
    let Some(outcome) = answer.outcome else {
        return unknown("BROKEN_ANSWER", "the carrier answered without an outcome".to_owned());
    };
    match outcome.state() {
        OutcomeState::Done => Ok(Brought::Sent(answer.message)),
        OutcomeState::Refused => Err(Failure::refused(outcome.reason, outcome.message)),
        OutcomeState::Pending | OutcomeState::Partial | OutcomeState::Unspecified => {
            unknown("CARRIER_UNDECIDED", format!("the carrier says {:?}: {}", outcome.state(), outcome.message))
        }
    }
}

impl Process for Telling {
    type Doc = Message;
    type Step = Deed;
    type Outcome = Brought;

    fn decide(&self, message: &Message, now: Timestamp) -> Next<Deed> {
        let quiet = self.config.channels.get(&message.channel).and_then(|channel| channel.quiet.as_ref());
        way::next(message, quiet, now)
    }

    async fn perform(&self, id: &str, message: &Message, deed: &Deed, _attempt: Attempt) -> Result<Brought, Failure> {
        match deed {
            Deed::Word => self.word(id, message).await,
            Deed::Send => self.send(message).await,
            Deed::Lapse => self.lapse(id, message).await,
        }
    }

    fn apply(&self, draft: &mut Draft<Message>, _deed: &Deed, brought: &Brought, now: Timestamp) {
        match brought {
            Brought::Content(content) => draft.doc.content = Some((**content).clone()),
            Brought::Sent(record) => {
                record.clone_into(&mut draft.doc.record);
                draft.doc.end(State::Sent, "", now.as_millisecond());
            }
            Brought::Unsure => draft.doc.is_unsure = true,
        }
    }

    fn refused(&self, draft: &mut Draft<Message>, _deed: &Deed, why: &Failure, now: Timestamp) -> Verdict {
        let state = match why.reason() {
            "TOO_LATE" => State::Lapsed,
            "NO_LONGER_TRUE" => State::Skipped,
            "NO_ADDRESS" | "ADDRESS_REFUSED" | "NO_TEMPLATE" | "MESSAGE_REFUSED" => State::NotSent,
            // Nothing is wrong with the message: a person mends what is, and lets it go on.
            _ => return Verdict::Park,
        };
        // A person may have cancelled it meanwhile.
        if !draft.doc.has_ended() {
            draft.doc.end(state, &format!("{}: {}", why.reason(), why.detail()), now.as_millisecond());
        }
        Verdict::Handled
    }

    fn parked(&self, draft: &mut Draft<Message>, why: Option<&Parked>, _now: Timestamp) {
        let message = &mut draft.doc;
        if message.has_ended() {
            return;
        }
        match why {
            Some(parked) => {
                message.set_state(State::Parked);
                message.cause = format!("{}: {}", parked.reason, parked.detail);
            }
            // Whoever let it go on has looked.
            None => {
                message.set_state(State::Waiting);
                message.is_unsure = false;
                message.cause.clear();
            }
        }
    }

    fn seal(&self, draft: &mut Draft<Message>, before: &Message, now: Timestamp) {
        seal(draft, before, now);
    }

    fn kept() -> Option<Kept<Self>> {
        const PERSONAL: &[Personal] = &[Personal::message(&[17], "retail.notify.v1.SendMessageRequest")];
        Some(Kept::with(PERSONAL))
    }

    fn summary(&self, message: &Message) -> Summary {
        Summary { name: message.name(), status: message.status().to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use retail_proto::types::v1::Outcome;

    use super::*;

    fn answered(state: OutcomeState) -> Result<Brought, Failure> {
        let outcome = Outcome { state: i32::from(state), reason: "NO_TEMPLATE".into(), ..Outcome::default() };
        judge(SendMessageResponse { outcome: Some(outcome), message: None })
    }

    #[test]
    fn only_what_the_carrier_has_taken_is_sent_and_only_what_it_refused_is_not() {
        assert!(matches!(answered(OutcomeState::Done), Ok(Brought::Sent(None))));
        assert_eq!(answered(OutcomeState::Refused).unwrap_err(), Failure::refused("NO_TEMPLATE", ""));
    }

    #[test]
    fn an_answer_that_leaves_it_open_is_never_a_reason_to_ask_again() {
        for open in [OutcomeState::Pending, OutcomeState::Partial, OutcomeState::Unspecified] {
            assert!(matches!(answered(open), Err(Failure::Unknown { .. })), "{open:?}");
        }
        assert!(matches!(judge(SendMessageResponse::default()), Err(Failure::Unknown { .. })));
    }
}
