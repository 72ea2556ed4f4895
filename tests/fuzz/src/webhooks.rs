//! Webhooks of shop and payment service: a topic or a signature header, a body, and what the vendor answers when asked.
//! Only what is signed is believed; what is refused says which field; nothing is taken while its owner is away.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use retail_proto::commerce::v1 as shop;
use retail_proto::commerce::v1::commerce_service_server::CommerceService as _;
use retail_proto::payments::v1 as pay;
use retail_proto::payments::v1::payments_service_server::PaymentsService as _;
use retail_proto::types::v1::{Header, WebhookReply, WebhookRequest};
use serde_json::Value;
use sha2::Sha256;

use crate::calls::Play;
use crate::script::{Manners, Script};
use crate::vendors::{self, SECRET};
use crate::world::{self, BEGIN};

fn mac(parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// First line, second line, and a vendor that says the rest.
fn taken_apart(data: &[u8]) -> (String, &[u8], Script) {
    let (first, rest) = split(data);
    let body = split(rest).0;
    let play = Play::read(rest);
    let script = Script::new(Manners::Http, play.answers, play.tokens);
    (String::from_utf8_lossy(first).into_owned(), body, script)
}

fn split(data: &[u8]) -> (&[u8], &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    (&data[..end], data.get(end + 1..).unwrap_or_default())
}

fn header(name: &str, value: impl Into<String>) -> Header {
    Header { name: name.to_owned(), value: value.into() }
}

/// A reply is one that the vendor understands; a refusal of a body names its fields.
fn judged(reply: &WebhookReply) -> i32 {
    let said: Value = serde_json::from_slice(&reply.body).expect("a reply is JSON");
    assert!([200, 400, 401, 422, 503].contains(&reply.status), "{reply:?}");
    if reply.status != 200 {
        assert!(said["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "a refusal without a reason: {said}");
    }
    if let Some(fields) = said["fields"].as_array().filter(|_| [400, 422].contains(&reply.status)) {
        let told = |field: &Value, name: &str| field[name].as_str().is_some_and(|text| !text.is_empty());
        assert!(!fields.is_empty(), "a refused body without a wrong field: {said}");
        assert!(fields.iter().all(|field| told(field, "field") && told(field, "problem")), "{said}");
    }
    reply.status
}

async fn shop_says(shop: &retail_shopify::Connector, topic: &str, signature: &str, body: &[u8]) -> WebhookReply {
    let webhook = WebhookRequest {
        instance: "shop".to_owned(),
        method: "POST".to_owned(),
        headers: vec![
            header("x-shopify-topic", topic),
            header("x-shopify-shop-domain", "demo.myshopify.com"),
            header("x-shopify-webhook-id", "w-1"),
            header("x-shopify-hmac-sha256", signature),
        ],
        body: body.to_vec(),
        ..WebhookRequest::default()
    };
    let request = shop::AcceptWebhookRequest { webhook: Some(webhook) };
    shop.accept_webhook(tonic::Request::new(request)).await.unwrap().into_inner().reply.unwrap()
}

/// Webhooks of the shop: a topic, a body, what the shop answers.
pub(crate) fn shopify(data: &[u8]) {
    let (topic, body, script) = taken_apart(data);
    world::tokio().block_on(async {
        let shop = vendors::shop(&world::runtime(Arc::new(script)));
        let signature = STANDARD.encode(mac(&[body]));
        let status = judged(&shop_says(&shop, &topic, &signature, body).await);
        // Nobody who owns orders has committed anything.
        assert!(topic != "orders/create" || status != 200, "an order was taken that nobody has");
        let mut other = body.to_vec();
        match other.first_mut() {
            Some(first) => *first ^= 1,
            None => other.push(b' '),
        }
        assert_eq!(shop_says(&shop, &topic, &signature, &other).await.status, 401, "another body was believed");
    });
}

async fn stripe_says(pay: &retail_stripe::Connector, signature: &str, body: &[u8]) -> WebhookReply {
    let webhook = WebhookRequest {
        instance: "pay".to_owned(),
        method: "POST".to_owned(),
        headers: vec![header("Stripe-Signature", signature)],
        body: body.to_vec(),
        ..WebhookRequest::default()
    };
    let request = pay::AcceptWebhookRequest { webhook: Some(webhook) };
    pay.accept_webhook(tonic::Request::new(request)).await.unwrap().into_inner().reply.unwrap()
}

/// Webhooks of the payment service: a signature header, in which `@` stands for the right signature of the begin of the
/// run, a body, what the payment service answers.
pub(crate) fn stripe(data: &[u8]) {
    let (template, body, script) = taken_apart(data);
    let hex: String =
        mac(&[BEGIN.to_string().as_bytes(), b".", body]).iter().map(|byte| format!("{byte:02x}")).collect();
    world::tokio().block_on(async {
        let pay = vendors::pay(&world::runtime(Arc::new(script)));
        let reply = stripe_says(&pay, &template.replace('@', &hex), body).await;
        let status = judged(&reply);
        let honest = template.contains('@') && template.contains(&format!("t={BEGIN}"));
        assert!(honest || status == 401, "{template:?} was believed");
        if template == "@" {
            return;
        }
        let good = format!("t={BEGIN},v1={hex}");
        assert_ne!(reason(&stripe_says(&pay, &good, body).await), "BAD_SIGNATURE", "a good signature was not believed");
        let mut other = body.to_vec();
        other.push(b' ');
        assert_eq!(stripe_says(&pay, &good, &other).await.status, 401, "another body was believed");
    });
}

fn reason(reply: &WebhookReply) -> String {
    let said: Value = serde_json::from_slice(&reply.body).unwrap();
    said["reason"].as_str().unwrap_or_default().to_owned()
}
