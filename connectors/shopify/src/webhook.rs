//! Webhooks: verified over the raw bytes, parsed once, handed to the owning service, answered after its commit.
//!
//! Each topic has a file of its own below. A repeat carries the same `X-Shopify-Webhook-Id`, which is the key of the
//! commit: it finds the first answer. The shop repeats everything that is not answered 2xx, eight times in four hours.

mod changed;
mod customer;
mod order;
mod refund;
mod returning;

use std::time::Duration;

use retail_proto::types::v1::{Header, WebhookReply, WebhookRequest};
use retail_runtime::deadline;
use retail_runtime::fault::{BadShape, Class, Fault as _, Refusal};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tonic::{Response, Status};

use crate::commerce::Connector;
use crate::fault::Error;
use crate::topic::Topic;

/// What the shop is told to wait when nobody says more.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// A delivery that was let in.
struct Delivery<'a> {
    /// The shop's id of it, the same at every repeat.
    id: &'a str,
    /// What it tells of, for the log: `order`, `refund`.
    fact: &'static str,
    body: &'a [u8],
}

impl Delivery<'_> {
    /// One key for both header families: the shop's deliveries have one id.
    fn key(&self) -> String {
        format!("shopify:{}", self.id)
    }
}

impl Connector {
    /// Judges a webhook. The reply is never 2xx before the fact is durable.
    pub(crate) async fn accept(&self, webhook: &WebhookRequest) -> WebhookReply {
        let header = |name: &str| header(&webhook.headers, name);
        let signed = self.secrets.verify_hmac_sha256_base64(&webhook.body, header("hmac-sha256").unwrap_or_default());
        let id = header("webhook-id").unwrap_or_default().to_owned();
        if !signed {
            tracing::warn!(webhook = %shown(&id), "a webhook without a good signature was refused");
            return refusal(401, "BAD_SIGNATURE", "the signature is not the body's under a live secret", &[]);
        }
        let domain = header("shop-domain").unwrap_or_default();
        if !domain.eq_ignore_ascii_case(&self.shop_domain) {
            tracing::warn!(webhook = %shown(&id), domain = %shown(domain), "a webhook of another shop was refused");
            return refusal(401, "WRONG_SHOP", "this address takes the webhooks of another shop", &[]);
        }
        let topic = header("topic").unwrap_or_default();
        let fits = (1..=200).contains(&id.len()) && id.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
        if topic.is_empty() || !fits {
            let field = if topic.is_empty() { "x-shopify-topic" } else { "x-shopify-webhook-id" };
            return refusal(400, "BAD_HEADER", "a header is missing or malformed", &[(field, "is required")]);
        }
        // The shop waits five seconds for the whole of it, whatever has to be looked up in between.
        let work = deadline::within(self.webhook_patience, Box::pin(self.deliver(topic, &id, &webhook.body)));
        let Ok(reply) = self.clock.timeout(self.webhook_patience, work).await else {
            tracing::warn!(webhook = %id, topic, "the owner did not answer in time; the shop repeats");
            return later("DEADLINE_EXCEEDED", RETRY_AFTER);
        };
        reply
    }

    async fn deliver(&self, topic: &str, id: &str, body: &[u8]) -> WebhookReply {
        let delivery = |fact: &'static str| Delivery { id, fact, body };
        match Topic::of(topic) {
            Topic::OrderCreated => self.order_created(&delivery("order")).await,
            Topic::OrderChanged => self.order_changed(&delivery("order")).await,
            Topic::OrderEdited => self.order_edited(&delivery("edit")).await,
            Topic::OrderPaid => self.order_paid(&delivery("payment")).await,
            Topic::RefundCreated => self.refund_created(&delivery("refund")).await,
            Topic::MoneyMoved => self.money_moved(&delivery("transaction")).await,
            Topic::ReturnRequested => self.return_told(&delivery("return"), false).await,
            Topic::ReturnApproved => self.return_told(&delivery("return"), true).await,
            Topic::Customer => self.customer_told(&delivery("customer")).await,
            Topic::Privacy => {
                tracing::error!(webhook = %id, topic, "a privacy request arrived that a person must act on");
                noted()
            }
            Topic::Noted => {
                tracing::debug!(webhook = %id, topic, "a webhook was noted");
                noted()
            }
            Topic::Unknown => {
                tracing::warn!(webhook = %id, topic = %shown(topic), "a webhook of a topic that nobody asked for");
                reply(200, &json!({"result": "UNKNOWN_TOPIC"}), None)
            }
        }
    }
}

/// A body, or the refusal that names its wrong field.
fn read<T: DeserializeOwned>(delivery: &Delivery<'_>) -> Result<T, WebhookReply> {
    parse(delivery.body).map_err(|(field, what)| malformed(delivery, &[(field, what)]))
}

fn misshapen(delivery: &Delivery<'_>, bad: &BadShape) -> WebhookReply {
    malformed(delivery, &bad.fields())
}

fn malformed(delivery: &Delivery<'_>, fields: &[(String, String)]) -> WebhookReply {
    let (id, fact) = (delivery.id, delivery.fact);
    tracing::error!(webhook = id, fact, ?fields, "a webhook cannot be read");
    let fields: Vec<_> = fields.iter().map(|(field, what)| (field.as_str(), what.as_str())).collect();
    refusal(400, "MALFORMED_BODY", &format!("the body is not what tells of a {fact}"), &fields)
}

/// What the shop hears when the owner has taken the fact, or says no.
fn handed<T>(
    delivery: &Delivery<'_>,
    number: u64,
    answer: Result<Response<T>, Status>,
    said: impl FnOnce(T) -> Value,
) -> WebhookReply {
    match answer {
        Ok(answer) => {
            let said = said(answer.into_inner());
            tracing::info!(webhook = delivery.id, fact = delivery.fact, number, %said, "a fact of the shop was taken");
            reply(200, &said, None)
        }
        Err(status) => refused(delivery, number, &Refusal::read(&status)),
    }
}

/// What the shop hears when the owner says no.
fn refused(delivery: &Delivery<'_>, number: u64, refusal: &Refusal) -> WebhookReply {
    let (id, fact, reason) = (delivery.id, delivery.fact, refusal.reason());
    // The first telling stands; another body under a known fact or key changes nothing and is not repeated.
    if reason == "OTHER_CONTENT" || reason == "IDEMPOTENCY_KEY_REUSED" || refusal.class() == Class::Exists {
        tracing::warn!(webhook = id, fact, number, reason, "the shop tells a fact again with other content");
        return reply(200, &json!({"result": "DUPLICATE", "reason": reason}), None);
    }
    match refusal.class() {
        Class::Invalid | Class::OutOfRange => {
            let fields: Vec<_> = refusal.fields().iter().map(|(field, what)| (field.as_str(), what.as_str())).collect();
            tracing::error!(webhook = id, fact, number, reason, ?fields, "a fact of the shop was refused");
            self::refusal(422, reason, refusal.message(), &fields)
        }
        // Webhooks overtake each other: what this one builds on may still be on its way.
        Class::NotFound | Class::Unavailable | Class::Throttled | Class::Conflict | Class::Unknown => {
            tracing::warn!(webhook = id, fact, number, reason, "a fact of the shop must wait; the shop repeats");
            later(reason, refusal.retry_after().unwrap_or(RETRY_AFTER))
        }
        Class::Exists
        | Class::Precondition
        | Class::Denied
        | Class::Unauthenticated
        | Class::Unimplemented
        | Class::Internal => {
            tracing::error!(webhook = id, fact, number, reason, "a fact of the shop cannot be taken");
            later(reason, RETRY_AFTER)
        }
    }
}

/// What the shop hears when it did not answer us, though it wants to be heard.
fn unanswered(delivery: &Delivery<'_>, number: u64, error: &Error) -> WebhookReply {
    let (id, fact, reason) = (delivery.id, delivery.fact, error.reason());
    tracing::warn!(webhook = id, fact, number, reason, %error, "what a webhook tells of cannot be read; the shop repeats");
    later(reason, error.retry_after().unwrap_or(RETRY_AFTER))
}

/// Of what nobody takes.
fn noted() -> WebhookReply {
    reply(200, &json!({"result": "NOTED"}), None)
}

/// A body, or the field that is wrong and what is wrong with it.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, (String, String)> {
    let mut text = serde_json::Deserializer::from_slice(body);
    let read: T = serde_path_to_error::deserialize(&mut text).map_err(|err| {
        let path = err.path().to_string();
        let inner = err.into_inner();
        let what = if inner.is_data() {
            inner.to_string()
        } else {
            format!("is no JSON from line {}, column {}", inner.line(), inner.column())
        };
        // A missing field is told at its parent; the word is in the message.
        let missing = what.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()).map(str::to_owned);
        // Where no key was read yet the path ends in a question mark.
        let known = path.trim_end_matches('?').trim_end_matches('.');
        let field = match (known, missing) {
            ("", Some(name)) => name,
            ("", None) => "body".to_owned(),
            (path, Some(name)) if !path.ends_with(&name) => format!("{path}.{name}"),
            (path, _) => path.to_owned(),
        };
        (field, what)
    })?;
    text.end().map(|()| read).map_err(|_| ("body".to_owned(), "has more than one JSON value".to_owned()))
}

/// A header of either family: `X-Shopify-Topic` and `shopify-topic` say the same.
fn header<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
    let is = |given: &str| {
        let given = given.to_ascii_lowercase();
        given.strip_prefix("x-").unwrap_or(&given).strip_prefix("shopify-") == Some(name)
    };
    headers.iter().find(|header| is(&header.name)).map(|header| header.value.trim())
}

/// An unverified text, cut for the log.
fn shown(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(64).collect()
}

fn later(reason: &str, wait: Duration) -> WebhookReply {
    reply(503, &json!({"reason": reason}), Some(wait))
}

fn refusal(status: i32, reason: &str, message: &str, fields: &[(&str, &str)]) -> WebhookReply {
    let fields: Vec<Value> = fields.iter().map(|(field, what)| json!({"field": field, "problem": what})).collect();
    reply(status, &json!({"reason": reason, "message": message, "fields": fields}), None)
}

fn reply(status: i32, body: &Value, wait: Option<Duration>) -> WebhookReply {
    let header = |name: &str, value: String| Header { name: name.to_owned(), value };
    let mut headers = vec![header("content-type", "application/json".to_owned())];
    headers.extend(wait.map(|wait| header("retry-after", wait.as_secs().max(1).to_string())));
    WebhookReply { status, headers, body: body.to_string().into_bytes() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::order::Order;

    fn field(body: &str) -> String {
        parse::<Order>(body.as_bytes()).unwrap_err().0
    }

    #[test]
    fn a_malformed_body_names_its_field() {
        assert_eq!(field("{"), "body");
        assert_eq!(field("[]"), "body");
        assert_eq!(field("{}"), "id");
        let order = |lines: &str| format!(r#"{{"id":1,"currency":"GBP","total_price":"1.00","line_items":{lines}}}"#);
        assert_eq!(
            field(&order(r#"[{"id":1,"quantity":1,"price":"1"},{"id":2,"quantity":1}]"#)),
            "line_items[1].price"
        );
        assert_eq!(field(&order(r#"[{"id":1,"quantity":1.5,"price":"1"}]"#)), "line_items[0].quantity");
        assert_eq!(field(&order(r#"[{"id":-1,"quantity":1,"price":"1"}]"#)), "line_items[0].id");
        assert_eq!(field(&order(r#"[{"id":1,"quantity":1,"price":true}]"#)), "line_items[0].price");
        assert_eq!(field(&format!("{} x", order("[]"))), "body");
    }

    #[test]
    fn ids_beyond_the_floats_are_read_to_the_last_digit() {
        let body = r#"{"id":820982911946154508,"currency":"GBP","total_price":12.10,"line_items":null}"#;
        let order = parse::<Order>(body.as_bytes()).unwrap();
        assert_eq!((order.id, order.total_price.0.as_str()), (820_982_911_946_154_508, "12.10"));
    }

    #[test]
    fn both_header_families_are_read_whatever_their_case() {
        let headers = |name: &str| vec![Header { name: name.to_owned(), value: " orders/create ".to_owned() }];
        for name in ["X-Shopify-Topic", "x-shopify-topic", "shopify-topic", "Shopify-Topic"] {
            assert_eq!(header(&headers(name), "topic"), Some("orders/create"), "{name}");
        }
        assert_eq!(header(&headers("x-topic"), "topic"), None);
    }
}
