//! Real HTTP to and from a running sandbox.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what tests build on fails loudly")]

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use retail_runtime::{BoxError, HttpLimits, Runtime};
use retail_sandbox::{Config, Listen, Running, Sandbox};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// What came over the wire.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// A running sandbox; ended when dropped.
pub(crate) struct Lab {
    pub(crate) runtime: Runtime,
    pub(crate) at: Running,
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.runtime.stop();
    }
}

impl Lab {
    pub(crate) async fn start(dir: Option<PathBuf>) -> Lab {
        let runtime = Runtime::system("test");
        let config = Config { dir, listen: Listen::anywhere(), ..Config::default() };
        let at = Sandbox::start(&runtime, config).await.unwrap();
        Lab { runtime, at }
    }

    /// Ends it and waits until nothing holds its files.
    pub(crate) async fn end(self) {
        self.runtime.stop();
        assert!(self.runtime.drained(Duration::from_secs(20)).await);
    }

    pub(crate) async fn send(
        &self,
        at: SocketAddr,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Result<Got, BoxError> {
        let io = self.runtime.net().connect("127.0.0.1", at.port()).await?;
        let (mut connection, work) = handshake(TokioIo::new(io)).await?;
        self.runtime.spawn("test.connection", async move {
            let _ended = work.await;
        });
        let mut request = http::Request::builder().method(method).uri(target).header("host", at.to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = connection.send_request(request.body(Full::new(Bytes::from(body)))?).await?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Got { status: head.status.as_u16(), headers: head.headers, body })
    }

    pub(crate) async fn control(&self, method: Method, target: &str, body: Value) -> Got {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.send(self.at.control, method, &format!("/__sandbox/{target}"), &[], body).await.unwrap()
    }

    pub(crate) async fn turn(&self, target: &str, body: Value) -> Value {
        let got = self.control(Method::POST, target, body).await;
        assert!((200..300).contains(&got.status), "{target}: {got:?}");
        got.json()
    }

    pub(crate) async fn look(&self, target: &str) -> Value {
        self.control(Method::GET, target, Value::Null).await.json()
    }

    /// Looks until it is so; the books decide, not the time.
    pub(crate) async fn until(&self, target: &str, so: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..20_000 {
            let seen = self.look(target).await;
            if so(&seen) {
                return seen;
            }
        }
        panic!("{target} never became so: {}", self.look(target).await);
    }

    /// Somebody who takes webhooks and answers with a status that can be changed.
    pub(crate) async fn receiver(&self) -> Receiver {
        let door = self.runtime.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
        let url = format!("http://{}/hooks/shopify", door.local_addr());
        let (told, heard) = mpsc::unbounded_channel();
        let status = Arc::new(AtomicU16::new(200));
        let (answer, world) = (Arc::clone(&status), self.runtime.clone());
        let handler = move |request: http::Request<hyper::body::Incoming>, _| {
            let (told, answer) = (told.clone(), Arc::clone(&answer));
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let _gone = told.send(Got { status: 0, headers: head.headers, body });
                let mut response = http::Response::new(retail_runtime::http::empty());
                *response.status_mut() = http::StatusCode::from_u16(answer.load(Ordering::SeqCst)).unwrap();
                response
            }
        };
        let limits = HttpLimits { grace: Duration::from_secs(1), ..HttpLimits::default() };
        self.runtime.spawn("test.receiver", async move {
            world.serve_http(door, limits, handler).await.unwrap();
        });
        Receiver { url, heard, status }
    }

    /// An access token of the shop.
    pub(crate) async fn token(&self) -> String {
        let grant = json!({"client_id": "weft-sandbox", "client_secret": "weft-sandbox-secret", "grant_type": "client_credentials"});
        let headers = [("content-type", "application/json")];
        let got =
            self.send(self.at.shopify, Method::POST, "/admin/oauth/access_token", &headers, grant.to_string()).await;
        got.unwrap().json()["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn graphql(&self, token: &str, query: &str) -> Result<Got, BoxError> {
        let headers = [
            ("content-type", "application/json"),
            ("x-shopify-access-token", token),
            ("traceparent", "00-11111111111111111111111111111111-2222222222222222-01"),
        ];
        let body = json!({"query": query}).to_string();
        self.send(self.at.shopify, Method::POST, "/admin/api/2026-10/graphql.json", &headers, body).await
    }
}

/// Where webhooks arrive.
pub(crate) struct Receiver {
    pub(crate) url: String,
    heard: mpsc::UnboundedReceiver<Got>,
    status: Arc<AtomicU16>,
}

impl Receiver {
    pub(crate) async fn next(&mut self) -> Got {
        self.heard.recv().await.unwrap()
    }

    pub(crate) fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }
}
