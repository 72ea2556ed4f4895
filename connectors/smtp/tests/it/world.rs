//! The mail server, its operator and the connector that hands mail to it.

use std::net::SocketAddr;

use http::Method;
use retail_connect::{Bearer, Budget, Call, Http, Lanes};
use retail_proto::notify::v1 as pb;
use retail_proto::notify::v1::notify_service_server::NotifyService as _;
use retail_proto::types::v1::{Money, OutcomeState};
use retail_runtime::Runtime;
use retail_runtime::fault::Refusal;
use retail_sandbox::{Listen, Sandbox};
use retail_smtp::{Config, Connector};
use serde_json::{Value, json};
use tonic::Request;

pub(crate) struct World {
    pub(crate) runtime: Runtime,
    pub(crate) smtp: Connector,
    pub(crate) server: SocketAddr,
    pub(crate) operator: Http,
}

/// What a test changes: further settings of the connector, of its relay, and of the mail server.
#[derive(Default)]
pub(crate) struct With<'a> {
    pub(crate) top: &'a str,
    pub(crate) relay: &'a str,
    pub(crate) server: &'a str,
}

pub(crate) fn text(port: u16, with: &With<'_>) -> String {
    let tls = if with.relay.contains("tls =") { "" } else { "tls = 'none'" };
    let host = if with.relay.contains("host =") { "" } else { "host = '127.0.0.1'" };
    format!(
        "instance = 'mail'\ndomain = 'mail.example.com'\n\
         sender = {{ from = 'Möbel & Co <shop@example.com>', return_path = 'bounces@example.com' }}\n{}\n\
         [relay]\nport = {port}\n{host}\n{tls}\n{}",
        with.top, with.relay
    )
}

pub(crate) fn config(port: u16, with: &With<'_>) -> Config {
    toml::from_str(&text(port, with)).unwrap()
}

pub(crate) async fn world() -> World {
    world_with(With::default()).await
}

pub(crate) async fn world_with(with: With<'_>) -> World {
    let runtime = Runtime::system("test");
    let server = Some(toml::from_str(with.server).unwrap());
    let sandbox = retail_sandbox::Config { listen: Listen::anywhere(), smtp: server, ..Default::default() };
    let running = Sandbox::start(&runtime, sandbox).await.unwrap();
    let operator = toml::from_str(&format!("base_url = 'http://{}'", running.control)).unwrap();
    let operator = Http::new(&runtime, operator, Bearer, Budget::Concurrency(Lanes::new(8, 8))).unwrap();
    let server = running.smtp.unwrap();
    let smtp = Connector::new(&config(server.port(), &with), &runtime).unwrap();
    World { runtime, smtp, server, operator }
}

/// A message that a parcel has left.
pub(crate) fn shipped(reference: &str, email: &str) -> pb::SendMessageRequest {
    pb::SendMessageRequest {
        instance: "mail".to_owned(),
        external_ref: reference.to_owned(),
        occasion: pb::Occasion::Shipped.into(),
        recipient: Some(pb::Recipient { email: email.to_owned(), ..pb::Recipient::default() }),
        order_number: "1001".to_owned(),
        carrier: "Parcel Post".to_owned(),
        tracking_numbers: vec!["PP-1".to_owned()],
        happened_at: Some(prost_types::Timestamp { seconds: 1_795_000_000, nanos: 0 }),
        ..pb::SendMessageRequest::default()
    }
}

/// A message with everything.
pub(crate) fn whole(occasion: pb::Occasion) -> pb::SendMessageRequest {
    let line = |description: &str, sku: &str, quantity: &str| pb::MessageLine {
        description: description.to_owned(),
        sku: sku.to_owned(),
        quantity: quantity.to_owned(),
        quantity_before: if quantity.is_empty() { String::new() } else { "3".to_owned() },
    };
    pb::SendMessageRequest {
        occasion: occasion.into(),
        return_number: "R-7".to_owned(),
        lines: vec![line("Kettle", "KET-1", "2"), line("", "CUP-9", "")],
        location: "High Street".to_owned(),
        keep_until: Some(prost_types::Timestamp { seconds: 1_795_888_800, nanos: 0 }),
        expected_date: "2026-12-01".to_owned(),
        amount: Some(Money { minor_units: 1250, currency: "EUR".to_owned() }),
        delivery_address: "1 High Street, LS1 1AA Leeds, GB".to_owned(),
        total: Some(Money { minor_units: 2500, currency: "EUR".to_owned() }),
        ..shipped("whole", "max@example.com")
    }
}

/// The same for somebody with a name and a locale.
pub(crate) fn told(request: pb::SendMessageRequest, name: &str, locale: &str) -> pb::SendMessageRequest {
    let recipient = request.recipient.clone().unwrap_or_default();
    let recipient = pb::Recipient { name: name.to_owned(), locale: locale.to_owned(), ..recipient };
    pb::SendMessageRequest { recipient: Some(recipient), ..request }
}

impl World {
    /// What became of it: `DONE`, the reason of a refusal, or why there is no outcome.
    pub(crate) async fn send(&self, request: &pb::SendMessageRequest) -> String {
        match self.try_send(request).await {
            Ok(sent) => {
                let outcome = sent.outcome.unwrap();
                if outcome.state() == OutcomeState::Done { "DONE".to_owned() } else { outcome.reason }
            }
            Err(refusal) => refusal.reason().to_owned(),
        }
    }

    pub(crate) async fn try_send(&self, request: &pb::SendMessageRequest) -> Result<pb::SendMessageResponse, Refusal> {
        let sent = self.smtp.send_message(Request::new(request.clone())).await;
        sent.map(tonic::Response::into_inner).map_err(|status| Refusal::read(&status))
    }

    pub(crate) async fn operate(&self, method: Method, target: &str, body: Value) -> Vec<u8> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let call = Call::read("operate", method, format!("/__sandbox/smtp/{target}")).body("application/json", body);
        let reply = self.operator.send(call).await.unwrap();
        assert!(reply.status.is_success(), "{target}: {} {:?}", reply.status, reply.body);
        reply.body.to_vec()
    }

    async fn look(&self, target: &str) -> Value {
        serde_json::from_slice(&self.operate(Method::GET, target, Value::Null).await).unwrap()
    }

    /// Plans a fault that strikes once at this step, unless it says otherwise.
    pub(crate) async fn fault(&self, step: &str, mut body: Value) {
        body["path_contains"] = step.into();
        if body["times"].is_null() {
            body["times"] = json!(1);
        }
        self.operate(Method::POST, "faults", body).await;
    }

    pub(crate) async fn mailbox(&self) -> Vec<Value> {
        self.look("mailbox?limit=1000").await.as_array().unwrap().clone()
    }

    /// The one message there is.
    pub(crate) async fn mail(&self) -> Value {
        let mailbox = self.mailbox().await;
        assert_eq!(mailbox.len(), 1, "{mailbox:?}");
        mailbox[0].clone()
    }

    /// Messages, and how many of them were there before.
    pub(crate) async fn counted(&self) -> (u64, u64) {
        let messages = self.look("books").await["messages"].clone();
        (messages["count"].as_u64().unwrap(), messages["duplicates"].as_u64().unwrap())
    }

    pub(crate) async fn raw(&self) -> String {
        String::from_utf8(self.operate(Method::GET, "raw?seq=1", Value::Null).await).unwrap()
    }

    /// How often a step was taken.
    pub(crate) async fn steps(&self, step: &str) -> usize {
        let seen = self.look(&format!("requests?contains={step}")).await;
        seen.as_array().unwrap().len()
    }
}
