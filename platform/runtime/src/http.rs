//! Public HTTP: hyper with a timer (a half-sent header does not stay open), caps on connections, and a graceful end.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio_util::sync::CancellationToken;

use crate::preface::Timed;
use crate::{Io, Listener, Runtime};

/// Any error of a body.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// A body of an answer.
pub type HttpBody = http_body_util::combinators::UnsyncBoxBody<Bytes, BoxError>;

/// A body of these bytes.
pub fn full(bytes: impl Into<Bytes>) -> HttpBody {
    http_body_util::Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body of nothing.
#[must_use]
pub fn empty() -> HttpBody {
    full(Bytes::new())
}

/// Limits of a public listener.
#[derive(Debug, Clone, Copy)]
pub struct HttpLimits {
    /// A request's header must be there within this.
    pub header_read: Duration,
    /// Bytes of header.
    pub header_bytes: usize,
    /// Number of headers.
    pub headers: usize,
    /// Connections in all.
    pub connections: usize,
    /// Connections of one peer address.
    pub per_peer: usize,
    /// Streams of one HTTP/2 connection.
    pub streams: u32,
    /// How long requests under way may take after the stop.
    pub grace: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            header_read: Duration::from_secs(5),
            header_bytes: 16 * 1024,
            headers: 64,
            connections: 10_000,
            per_peer: 256,
            streams: 128,
            grace: Duration::from_secs(25),
        }
    }
}

/// Connections that are open, by peer.
#[derive(Default)]
struct Open {
    all: usize,
    by_peer: HashMap<IpAddr, usize>,
}

/// A connection's place among the open ones; given up when dropped.
struct Place {
    open: Arc<Mutex<Open>>,
    peer: IpAddr,
}

impl Place {
    fn take(open: &Arc<Mutex<Open>>, peer: IpAddr, limits: &HttpLimits) -> Option<Self> {
        let mut counted = open.lock().unwrap_or_else(PoisonError::into_inner);
        let of_peer = counted.by_peer.get(&peer).copied().unwrap_or(0);
        if counted.all >= limits.connections || of_peer >= limits.per_peer {
            return None;
        }
        counted.all = counted.all.saturating_add(1);
        counted.by_peer.insert(peer, of_peer.saturating_add(1));
        Some(Self { open: Arc::clone(open), peer })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counted = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        counted.all = counted.all.saturating_sub(1);
        let left = counted.by_peer.get(&self.peer).copied().unwrap_or(1).saturating_sub(1);
        if left == 0 {
            counted.by_peer.remove(&self.peer);
        } else {
            counted.by_peer.insert(self.peer, left);
        }
    }
}

pub(crate) async fn serve<H, F>(runtime: &Runtime, listener: Listener, limits: HttpLimits, handler: H)
where
    H: Fn(http::Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = http::Response<HttpBody>> + Send + 'static,
{
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read)
        .max_buf_size(limits.header_bytes.max(8192))
        .max_headers(limits.headers);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .keep_alive_interval(Duration::from_secs(20));
    let graceful = GracefulShutdown::new();
    let cut = CancellationToken::new();
    let open = Arc::default();
    let stopping = runtime.stopping();
    let (clock, announce) = (runtime.clock().clone(), runtime.drain().announce);
    let ended = async move {
        stopping.cancelled().await;
        clock.sleep(announce).await;
    };
    tokio::pin!(ended);
    loop {
        let accepted = tokio::select! {
            () = &mut ended => break,
            accepted = listener.accept() => accepted,
        };
        let (io, peer): (Io, SocketAddr) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                runtime.clock().sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Some(place) = Place::take(&open, peer.ip(), &limits) else {
            tracing::warn!(%peer, "connection refused: too many are open");
            continue;
        };
        let handler = handler.clone();
        let service = hyper::service::service_fn(move |request| {
            let handler = handler.clone();
            async move { Ok::<_, Infallible>(answer(handler, request, peer).await) }
        });
        let connection = builder
            .serve_connection_with_upgrades(TokioIo::new(Timed::new(io, limits.header_read)), service)
            .into_owned();
        let (watched, cut) = (graceful.watch(connection), cut.clone());
        runtime.spawn("http.connection", async move {
            tokio::select! {
                ended = watched => if let Err(error) = ended {
                    tracing::debug!(error = %error, "connection ended");
                },
                () = cut.cancelled() => {}
            }
            drop(place);
        });
    }
    drop(listener);
    if runtime.clock().timeout(limits.grace, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way at the end of the grace period");
        cut.cancel();
    }
}

async fn answer<H, F>(handler: H, request: http::Request<Incoming>, peer: SocketAddr) -> http::Response<HttpBody>
where
    H: Fn(http::Request<Incoming>, SocketAddr) -> F,
    F: Future<Output = http::Response<HttpBody>>,
{
    let path = request.uri().path().to_owned();
    let work = std::panic::AssertUnwindSafe(async move { handler(request, peer).await });
    work.catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!(path, "a handler panicked; this is a defect of Weft");
        let mut failed = http::Response::new(empty());
        *failed.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
        failed
    })
}
