//! A service as its callers reach it: gRPC frames, and raw bytes of HTTP/2. What reads as the request of a method is
//! answered or refused with a reason; whatever one connection says, the next is served.

use std::cell::OnceCell;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost_reflect::DynamicMessage;
use retail_runtime::{Accept, Io, Listener, Network};
use retail_store::{Model, Store};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::{Mutex, mpsc};
use tonic::{Code, Status};

use crate::calls::{explained, framed, method};
use crate::script::{Manners, Script};
use crate::world;

/// Where connections come in.
pub(crate) struct Door(mpsc::UnboundedSender<Io>);

struct Threshold(Mutex<mpsc::UnboundedReceiver<Io>>);

impl Accept for Threshold {
    fn local_addr(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 1))
    }

    fn accept(&self) -> BoxFuture<'_, io::Result<(Io, SocketAddr)>> {
        Box::pin(async move {
            match self.0.lock().await.recv().await {
                Some(io) => Ok((io, SocketAddr::from(([127, 0, 0, 1], 2)))),
                None => std::future::pending().await,
            }
        })
    }
}

impl Door {
    /// A door and the listener behind it.
    pub(crate) fn new() -> (Self, Listener) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), Listener::new(Arc::new(Threshold(Mutex::new(receiver)))))
    }

    /// A network in which nobody answers.
    pub(crate) fn nobody_else(&self) -> Arc<dyn Network> {
        Arc::new(Script::new(Manners::Http, Vec::new(), Vec::new()))
    }

    /// A new connection.
    pub(crate) fn knock(&self) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        self.0.send(Io::new(theirs)).unwrap();
        ours
    }
}

struct Service {
    tokio: tokio::runtime::Runtime,
    door: Door,
}

thread_local! {
    static SERVICE: OnceCell<Service> = const { OnceCell::new() };
}

const NAME: &str = "retail.inventory.v1.InventoryService";
/// Longest that anything may take, in a time that jumps.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

impl Service {
    /// The inventory, alone: it has no owner to read from and takes any item.
    fn open() -> Self {
        let tokio = world::tokio();
        let door = tokio.block_on(async {
            let (door, listener) = Door::new();
            let runtime = world::runtime(door.nobody_else());
            let store = Store::over(&runtime, Arc::new(Model::new()), "inventory", "eu");
            let config = toml::from_str("default_location = 'MAIN'").unwrap();
            let serving = runtime.clone();
            runtime.spawn("inventory", async move {
                retail_inventory::run(config, serving, store, listener).await.unwrap();
            });
            door
        });
        Self { tokio, door }
    }

    /// What a method answers to these bytes.
    async fn ask(&self, name: &str, body: Bytes) -> Status {
        let io = TokioIo::new(self.door.knock());
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.expect("a connection is taken");
        let talking = async {
            let request = http::Request::post(format!("http://weft/{NAME}/{name}"))
                .header("content-type", "application/grpc")
                .header("te", "trailers")
                .body(Full::new(body))
                .unwrap();
            let (head, body) = sender.send_request(request).await.expect("a call is answered").into_parts();
            let body = body.collect().await.expect("an answer has an end");
            let told = body.trailers().filter(|told| told.contains_key("grpc-status")).unwrap_or(&head.headers);
            Status::from_header_map(told).expect("an answer has a status")
        };
        let mut talking = pin!(tokio::time::timeout(PATIENCE, talking));
        let status = tokio::select! {
            biased;
            status = &mut talking => status,
            // What came before the end still counts.
            _ended = connection => talking.await,
        };
        status.expect("a call ends")
    }
}

fn with_service(work: impl FnOnce(&Service)) {
    SERVICE.with(|service| work(service.get_or_init(Service::open)));
}

/// The name of a method, a line's end, and the bytes of a gRPC body; `=` before the name puts one whole message into its
/// frame.
pub(crate) fn frames(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let Ok(first) = std::str::from_utf8(&data[..end]) else { return };
    let name = first.trim_start_matches('=');
    let Some(method) = method(NAME, name) else { return };
    let rest = data.get(end + 1..).unwrap_or_default();
    let body = if first.starts_with('=') { framed(rest) } else { Bytes::copy_from_slice(rest) };
    let whole = body.len() >= 5 && body[0] == 0 && framed(&body[5..]) == body;
    let reads = whole && DynamicMessage::decode(method.input(), &body[5..]).is_ok();
    with_service(|service| {
        let status = service.tokio.block_on(service.ask(name, body));
        if reads && status.code() != Code::Ok {
            explained(&status);
        }
    });
}

/// Raw bytes on a connection, after the preface of HTTP/2 unless they begin with `!`.
pub(crate) fn http2(data: &[u8]) {
    let raw = data.strip_prefix(b"!");
    with_service(|service| {
        service.tokio.block_on(async {
            let mut io = service.door.knock();
            let talking = async {
                let mut heard = Vec::new();
                let mut said = if raw.is_some() { Vec::new() } else { PREFACE.to_vec() };
                said.extend_from_slice(raw.unwrap_or(data));
                // Who breaks the rules may be cut off while still talking.
                let _cut = io.write_all(&said).await;
                let _cut = io.shutdown().await;
                let _cut = io.read_to_end(&mut heard).await;
            };
            tokio::time::timeout(PATIENCE, talking).await.expect("a connection that was closed ends");
            let status = service.ask("GetAvailability", framed(b"\x0a\x01A")).await;
            assert_ne!(status.code(), Code::Internal, "{status:?}");
        });
    });
}

/// The preface and empty settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
