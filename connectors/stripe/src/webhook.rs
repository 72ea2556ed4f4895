//! Webhooks: verified over the raw bytes, parsed once, and then only a hint which payment to read. Whatever order events
//! come in and however often, the owner is told of the payment as it stands, under a key of that standing. Stripe repeats
//! everything that is not answered 2xx, for up to three days.

use std::time::Duration;

use retail_proto::payments::v1 as pb;
use retail_proto::types::v1::{Header, WebhookReply, WebhookRequest};
use retail_runtime::deadline;
use retail_runtime::fault::{Class, Fault as _, Refusal};
use serde_json::{Value, json};

use crate::fault::Error;
use crate::payments::Connector;
use crate::signature::{self, Doubt};
use crate::wire::Event;

/// What Stripe is told to wait when nobody says more.
const RETRY_AFTER: Duration = Duration::from_secs(10);

impl Connector {
    /// Judges a webhook. The reply is never 2xx before the fact is durable.
    pub(crate) async fn accept(&self, webhook: &WebhookRequest) -> WebhookReply {
        let signature = webhook.headers.iter().find(|header| header.name.eq_ignore_ascii_case("stripe-signature"));
        let signature = signature.map(|header| header.value.as_str()).unwrap_or_default();
        let (now, tolerance) = (self.clock.now().as_second(), seconds(self.tolerance));
        if let Err(doubt) = signature::verify(&self.secrets, signature, &webhook.body, now, tolerance) {
            tracing::warn!(?doubt, "a webhook was not believed");
            return match doubt {
                Doubt::Unsigned | Doubt::Forged => {
                    refusal(401, "BAD_SIGNATURE", "the signature is not the body's under a live secret")
                }
                Doubt::Stale => refusal(401, "STALE_SIGNATURE", "it was signed too long ago"),
            };
        }
        let event: Event = match serde_json::from_slice(&webhook.body) {
            Ok(event) => event,
            Err(error) => {
                tracing::error!(%error, "a webhook cannot be read");
                return refusal(400, "MALFORMED_BODY", "the body is no event");
            }
        };
        if event.livemode != self.account.live {
            tracing::error!(webhook = event.id, live = event.livemode, "a webhook of the other mode was refused");
            return refusal(401, "WRONG_MODE", "this address takes the events of the other mode");
        }
        let Some(id) = event.payment_id().filter(|_| event.object == "event") else {
            tracing::debug!(webhook = event.id, kind = event.kind, object = event.object, "a webhook was noted");
            return reply(200, &json!({"result": "NOTED"}), None);
        };
        let work = deadline::within(self.webhook_patience, Box::pin(self.tell(&event, id)));
        let Ok(reply) = self.clock.timeout(self.webhook_patience, work).await else {
            tracing::warn!(webhook = event.id, "the owner did not answer in time; Stripe repeats");
            return later("DEADLINE_EXCEEDED", RETRY_AFTER);
        };
        reply
    }

    /// Reads the payment and hands it on.
    async fn tell(&self, event: &Event, id: &str) -> WebhookReply {
        let Some(mut facts) = self.facts.clone() else { return reply(200, &json!({"result": "NOTED"}), None) };
        let payment = match self.standing(id).await.and_then(|standing| Ok(self.account.payment(&standing)?)) {
            Ok(payment) => payment,
            Err(error) => return unanswered(event, id, &error),
        };
        let fact = pb::TakePaymentRequest {
            idempotency_key: format!("stripe:{id}:{}", payment.revision),
            instance: self.account.instance.clone(),
            payment: Some(payment),
            occasion: event.kind.clone(),
        };
        match Box::pin(facts.take_payment(fact)).await {
            Ok(taken) => {
                let order = taken.into_inner().order_id;
                tracing::info!(webhook = event.id, kind = event.kind, payment = id, order, "a payment fact was taken");
                reply(200, &json!({"result": "TAKEN", "order_id": order}), None)
            }
            Err(status) => refused(event, id, &Refusal::read(&status)),
        }
    }
}

/// What Stripe hears when the owner says no.
fn refused(event: &Event, payment: &str, refusal: &Refusal) -> WebhookReply {
    let (id, kind, reason) = (&event.id, &event.kind, refusal.reason());
    match refusal.class() {
        // The same standing was told before.
        Class::Exists => reply(200, &json!({"result": "DUPLICATE", "reason": reason}), None),
        Class::Invalid | Class::OutOfRange => {
            let fields = refusal.fields();
            tracing::error!(webhook = id, kind, payment, reason, ?fields, "a payment fact was refused");
            self::refusal(422, reason, refusal.message())
        }
        // Events overtake the order that they belong to.
        Class::NotFound | Class::Unavailable | Class::Throttled | Class::Conflict | Class::Unknown => {
            tracing::warn!(webhook = id, kind, payment, reason, "a payment fact must wait; Stripe repeats");
            later(reason, refusal.retry_after().unwrap_or(RETRY_AFTER))
        }
        Class::Precondition | Class::Denied | Class::Unauthenticated | Class::Unimplemented | Class::Internal => {
            tracing::error!(webhook = id, kind, payment, reason, "a payment fact cannot be taken");
            later(reason, RETRY_AFTER)
        }
    }
}

/// What Stripe hears when it did not answer us, though it wants to be heard.
fn unanswered(event: &Event, payment: &str, error: &Error) -> WebhookReply {
    let (id, reason) = (&event.id, error.reason());
    tracing::warn!(webhook = id, payment, reason, %error, "what a webhook tells of cannot be read; Stripe repeats");
    later(reason, error.retry_after().unwrap_or(RETRY_AFTER))
}

fn later(reason: &str, wait: Duration) -> WebhookReply {
    reply(503, &json!({"reason": reason}), Some(wait))
}

fn refusal(status: i32, reason: &str, message: &str) -> WebhookReply {
    reply(status, &json!({"reason": reason, "message": message}), None)
}

fn reply(status: i32, body: &Value, wait: Option<Duration>) -> WebhookReply {
    let header = |name: &str, value: String| Header { name: name.to_owned(), value };
    let mut headers = vec![header("content-type", "application/json".to_owned())];
    headers.extend(wait.map(|wait| header("retry-after", wait.as_secs().max(1).to_string())));
    WebhookReply { status, headers, body: body.to_string().into_bytes() }
}

fn seconds(span: Duration) -> i64 {
    i64::try_from(span.as_secs()).unwrap_or(i64::MAX)
}
