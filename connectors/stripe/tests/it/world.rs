//! The twin, its operator, the owner of payment facts and the connector between them.

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::Method;
use http_body_util::BodyExt as _;
use retail_connect::{Bearer, Budget, Call, Http, Lanes};
use retail_proto::payments::v1 as pb;
use retail_proto::payments::v1::payments_service_server::PaymentsService as _;
use retail_proto::types::v1::{Header, Money, Outcome, OutcomeState, WebhookReply, WebhookRequest};
use retail_runtime::fault::Refusal;
use retail_runtime::http::full;
use retail_runtime::{HttpLimits, Runtime};
use retail_sandbox::{Listen, Sandbox};
use retail_stripe::{Config, Connector};
use serde_json::{Value, json};
use tonic::{Request, Response, Status};

use crate::owner::Owner;

pub(crate) const SECRET: &str = "whsec_weft_sandbox";

pub(crate) struct World {
    pub(crate) runtime: Runtime,
    pub(crate) owner: Owner,
    pub(crate) stripe: Connector,
    pub(crate) operator: Http,
}

pub(crate) fn config(stripe: &str, facts: &str, more: &str) -> Config {
    let text = format!(
        "instance = 'pay'\nsecret_key = 'sk_test_weft_sandbox'\nwebhook_secret = '{SECRET}'\nfacts = '{facts}'\n\
         calls_per_second = 1000\n{more}\n[http]\nbase_url = '{stripe}'\nbackoff = '1ms'\nconnect_timeout = '2s'"
    );
    toml::from_str(&text).unwrap()
}

pub(crate) async fn world() -> World {
    world_with("", "").await
}

/// With more of the connector's configuration, and of the twin's.
pub(crate) async fn world_with(more: &str, twin: &str) -> World {
    let runtime = Runtime::system("test");
    let (owner, facts) = Owner::start(&runtime).await;
    let twin = Some(toml::from_str(twin).unwrap());
    let sandbox = retail_sandbox::Config { listen: Listen::anywhere(), stripe: twin, ..Default::default() };
    let running = Sandbox::start(&runtime, sandbox).await.unwrap();
    let operator = toml::from_str(&format!("base_url = 'http://{}'", running.control)).unwrap();
    let operator = Http::new(&runtime, operator, Bearer, Budget::Concurrency(Lanes::new(8, 8))).unwrap();
    let config = config(&format!("http://{}", running.stripe.unwrap()), &facts, more);
    let stripe = Connector::new(&config, &runtime).unwrap();
    World { runtime, owner, stripe, operator }
}

pub(crate) fn pounds(minor_units: i64) -> Option<Money> {
    Some(Money { minor_units, currency: "GBP".to_owned() })
}

impl World {
    pub(crate) async fn operate(&self, method: Method, target: &str, body: Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let call = Call::read("operate", method, format!("/__sandbox{target}")).body("application/json", body);
        let reply = self.operator.send(call).await.unwrap();
        assert!(reply.status.is_success(), "{target}: {} {:?}", reply.status, reply.body);
        serde_json::from_slice(&reply.body).unwrap_or(Value::Null)
    }

    pub(crate) async fn turn(&self, verb: &str, body: Value) -> Value {
        self.operate(Method::POST, &format!("/stripe/{verb}"), body).await
    }

    /// Plans a fault that strikes a write of this path once, unless it says otherwise.
    pub(crate) async fn fault(&self, path: &str, mut body: Value) {
        body["path_contains"] = path.into();
        for (name, value) in [("times", json!(1)), ("method", json!("POST"))] {
            if body[name].is_null() {
                body[name] = value;
            }
        }
        self.turn("faults", body).await;
    }

    pub(crate) async fn books(&self) -> Value {
        self.operate(Method::GET, "/stripe/books", Value::Null).await
    }

    pub(crate) async fn later(&self, by: &str) {
        self.operate(Method::POST, "/clock", json!({"advance": by})).await;
    }

    /// Requests of this path that the twin has seen.
    pub(crate) async fn seen(&self, contains: &str) -> Vec<Value> {
        let target = format!("/stripe/requests?contains={contains}");
        self.operate(Method::GET, &target, Value::Null).await.as_array().unwrap().clone()
    }

    /// A payment as the shop makes it.
    pub(crate) async fn pay(&self, ask: Value) -> String {
        self.turn("pay", ask).await["id"].as_str().unwrap().to_owned()
    }

    /// A payment that the bank declines: what the shop hears.
    pub(crate) async fn declined(&self, ask: Value) -> Value {
        let call =
            Call::read("operate", Method::POST, "/__sandbox/stripe/pay").body("application/json", ask.to_string());
        let reply = self.operator.send(call).await.unwrap();
        assert_eq!(reply.status, 402);
        serde_json::from_slice(&reply.body).unwrap()
    }

    /// Pounds that are held.
    pub(crate) async fn held(&self, minor: i64) -> String {
        self.pay(json!({"amount": minor, "currency": "gbp", "metadata": {"order_id": "1001"}})).await
    }

    /// Pounds that are taken, with this card.
    pub(crate) async fn taken(&self, minor: i64, card: &str) -> String {
        let ask = json!({"amount": minor, "currency": "gbp", "capture_method": "automatic", "payment_method": card});
        self.pay(ask).await
    }

    pub(crate) async fn payment(&self, id: &str) -> pb::Payment {
        let request = pb::GetPaymentRequest { instance: "pay".to_owned(), payment_id: id.to_owned() };
        self.stripe.get_payment(Request::new(request)).await.unwrap().into_inner().payment.unwrap()
    }

    pub(crate) async fn capture(&self, ask: &pb::CapturePaymentRequest) -> Result<pb::CapturePaymentResponse, Refusal> {
        inner(self.stripe.capture_payment(Request::new(ask.clone()))).await
    }

    pub(crate) async fn anew(&self, ask: &pb::AuthorizeAnewRequest) -> Result<pb::AuthorizeAnewResponse, Refusal> {
        inner(self.stripe.authorize_anew(Request::new(ask.clone()))).await
    }

    pub(crate) async fn refund(&self, ask: &pb::RefundPaymentRequest) -> Result<pb::RefundPaymentResponse, Refusal> {
        inner(self.stripe.refund_payment(Request::new(ask.clone()))).await
    }

    pub(crate) async fn cancel(&self, id: &str) -> Result<pb::CancelAuthorizationResponse, Refusal> {
        let request = pb::CancelAuthorizationRequest {
            instance: "pay".to_owned(),
            idempotency_key: "cancel-1".to_owned(),
            payment_id: id.to_owned(),
            reason: pb::CancelReason::Abandoned.into(),
        };
        inner(self.stripe.cancel_authorization(Request::new(request))).await
    }

    pub(crate) async fn adopt(&self, id: &str, reference: &str) -> Result<pb::AdoptPaymentResponse, Refusal> {
        let request = pb::AdoptPaymentRequest {
            instance: "pay".to_owned(),
            idempotency_key: format!("adopt-{reference}"),
            payment_id: id.to_owned(),
            external_ref: reference.to_owned(),
        };
        inner(self.stripe.adopt_payment(Request::new(request))).await
    }

    pub(crate) async fn find(&self, ours: &str, shops: &str) -> Vec<pb::Payment> {
        let request = pb::FindPaymentsRequest {
            instance: "pay".to_owned(),
            external_ref: ours.to_owned(),
            shop_order_ref: shops.to_owned(),
        };
        self.stripe.find_payments(Request::new(request)).await.unwrap().into_inner().payments
    }

    pub(crate) async fn changes(&self, cursor: &str, limit: i32) -> pb::ListChangesResponse {
        let request = pb::ListChangesRequest { instance: "pay".to_owned(), cursor: cursor.to_owned(), limit };
        self.stripe.list_changes(Request::new(request)).await.unwrap().into_inner()
    }

    pub(crate) async fn accept(&self, webhook: WebhookRequest) -> WebhookReply {
        let request = Request::new(pb::AcceptWebhookRequest { webhook: Some(webhook) });
        self.stripe.accept_webhook(request).await.unwrap().into_inner().reply.unwrap()
    }

    /// Opens a door that hands webhooks to the connector as the gateway does, and tells Stripe of it.
    pub(crate) async fn open_the_door(&self, more: Value) {
        let listener = self.runtime.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr());
        let (runtime, stripe) = (self.runtime.named("door"), self.stripe.clone());
        self.runtime.spawn("door", async move {
            let handler = move |request: http::Request<hyper::body::Incoming>, _| {
                let stripe = stripe.clone();
                async move {
                    let (parts, body) = request.into_parts();
                    let headers = parts.headers.iter().map(|(name, value)| Header {
                        name: name.as_str().to_owned(),
                        value: value.to_str().unwrap().to_owned(),
                    });
                    let webhook = WebhookRequest {
                        instance: "pay".to_owned(),
                        headers: headers.collect(),
                        body: body.collect().await.unwrap().to_bytes().to_vec(),
                        ..WebhookRequest::default()
                    };
                    let request = Request::new(pb::AcceptWebhookRequest { webhook: Some(webhook) });
                    let reply = stripe.accept_webhook(request).await.unwrap().into_inner().reply.unwrap();
                    let mut response = http::Response::new(full(reply.body));
                    *response.status_mut() = u16::try_from(reply.status).unwrap().try_into().unwrap();
                    response
                }
            };
            runtime.serve_http(listener, HttpLimits::default(), handler).await.unwrap();
        });
        let mut ask = json!({"url": url, "retry_gap_ms": 50});
        for (name, value) in more.as_object().into_iter().flatten() {
            ask[name] = value.clone();
        }
        self.turn("webhooks", ask).await;
    }

    /// Waits until Stripe has nothing left to send.
    pub(crate) async fn delivered(&self) {
        while self.operate(Method::GET, "/stripe/progress", Value::Null).await["idle"] != true {
            tokio::task::yield_now().await;
        }
    }
}

async fn inner<T>(answer: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, Refusal> {
    answer.await.map(Response::into_inner).map_err(|status| Refusal::read(&status))
}

pub(crate) fn capture(id: &str, reference: &str, minor: i64, last: bool) -> pb::CapturePaymentRequest {
    pb::CapturePaymentRequest {
        instance: "pay".to_owned(),
        idempotency_key: format!("key-of-{reference}"),
        external_ref: reference.to_owned(),
        payment_id: id.to_owned(),
        amount: pounds(minor),
        r#final: last,
        verify_only: false,
    }
}

pub(crate) fn anew(earlier: &str, reference: &str, minor: i64) -> pb::AuthorizeAnewRequest {
    pb::AuthorizeAnewRequest {
        instance: "pay".to_owned(),
        idempotency_key: format!("key-of-{reference}"),
        external_ref: reference.to_owned(),
        payment_id: earlier.to_owned(),
        amount: pounds(minor),
        verify_only: false,
    }
}

pub(crate) fn refund(id: &str, reference: &str, minor: i64) -> pb::RefundPaymentRequest {
    pb::RefundPaymentRequest {
        instance: "pay".to_owned(),
        idempotency_key: format!("key-of-{reference}"),
        external_ref: reference.to_owned(),
        payment_id: id.to_owned(),
        amount: pounds(minor),
        reason: pb::RefundReason::RequestedByCustomer.into(),
        verify_only: false,
    }
}

pub(crate) fn state(outcome: Option<Outcome>) -> (OutcomeState, String) {
    let outcome = outcome.unwrap();
    (outcome.state(), outcome.reason)
}

pub(crate) fn done() -> (OutcomeState, String) {
    (OutcomeState::Done, String::new())
}

pub(crate) fn refused(reason: &str) -> (OutcomeState, String) {
    (OutcomeState::Refused, reason.to_owned())
}

pub(crate) fn sign(secret: &str, time: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{time}.").as_bytes());
    mac.update(body);
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={time},v1={hex}")
}

/// A webhook as Stripe would send it now.
pub(crate) fn webhook(world: &World, body: &Value) -> WebhookRequest {
    let body = body.to_string().into_bytes();
    let signature = sign(SECRET, world.runtime.clock().now().as_second(), &body);
    WebhookRequest {
        instance: "pay".to_owned(),
        method: "POST".to_owned(),
        headers: vec![Header { name: "Stripe-Signature".to_owned(), value: signature }],
        body,
        ..WebhookRequest::default()
    }
}

pub(crate) fn said(reply: &WebhookReply) -> (i32, Value) {
    (reply.status, serde_json::from_slice(&reply.body).unwrap())
}
