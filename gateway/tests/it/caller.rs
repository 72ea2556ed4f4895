//! A gateway on a free port, and somebody who calls it.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use retail_gateway::{Config, Gateway};
use retail_runtime::Runtime;
use serde_json::Value;
use tokio::net::TcpStream;
use tonic::service::Routes;

/// A gateway in front of services, all in this process, over real sockets.
pub(crate) struct World {
    pub(crate) runtime: Runtime,
    pub(crate) gateway: SocketAddr,
}

/// An answer, read whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|err| panic!("{err}: {:?}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The status and the reason of a problem.
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json");
        (self.status.as_u16(), self.json()["reason"].as_str().unwrap().to_owned())
    }
}

impl World {
    /// Starts services, then a gateway that is told their address as `UPSTREAM`.
    pub(crate) async fn start(descriptors: &[u8], services: Routes, configure: impl FnOnce(&str) -> Config) -> World {
        retail_runtime::telemetry::for_tests();
        let runtime = Runtime::system("test");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = runtime.bind(any).await.unwrap();
        let config = configure(&format!("http://{}", listener.local_addr()));
        let serving = runtime.clone();
        runtime.spawn("services", async move { serving.serve_grpc(listener, services).await.unwrap() });
        let gateway = Gateway::new(config, &runtime, descriptors).unwrap();
        let listener = runtime.bind(any).await.unwrap();
        let at = listener.local_addr();
        runtime.spawn("gateway", async move { gateway.serve(listener).await.unwrap() });
        World { runtime, gateway: at }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Request::get(path).body(Bytes::new()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, key: &str, json: &str) -> Answer {
        let request = Request::post(path).header("content-type", "application/json").header("idempotency-key", key);
        self.call(request.body(Bytes::from(json.to_owned())).unwrap()).await
    }

    pub(crate) async fn call(&self, request: Request<Bytes>) -> Answer {
        let (parts, mut body) = self.open(request.map(Full::new)).await.into_parts();
        let mut whole = Vec::new();
        while let Some(frame) = body.frame().await {
            whole.extend_from_slice(&frame.unwrap().into_data().unwrap());
        }
        Answer { status: parts.status, headers: parts.headers, body: whole.into() }
    }

    /// Calls and leaves the body to be read.
    pub(crate) async fn open<B>(&self, mut request: Request<B>) -> http::Response<hyper::body::Incoming>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let stream = TcpStream::connect(self.gateway).await.unwrap();
        request.headers_mut().insert("host", "somewhere.else".parse().unwrap());
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        self.runtime.spawn("caller", async move { connection.await.unwrap_or_default() });
        sender.send_request(request).await.unwrap()
    }
}
