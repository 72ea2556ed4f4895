//! One replica of a service: its connection, how busy it is, and whether it rests: whoever rests is asked last.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::uri::{Authority, Scheme, Uri};
use http::{HeaderValue, Request, Response, header};
use http_body_util::BodyExt as _;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tonic::body::Body;
use tonic::{Code, Status};

use crate::Runtime;
use crate::grpc::{CONNECTION_WINDOW, STREAM_WINDOW};

/// A connection must be there within this time.
const CONNECT: Duration = Duration::from_secs(3);
/// While calls are under way: how often the other side is asked for a sign of life, and how long it may take.
const LIFE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(5));
/// First and longest time that one is left out after it could not be reached or gave no answer.
const REST: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(8));
const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("weft/", env!("CARGO_PKG_VERSION")));

/// Why a call has no answer.
pub(super) enum Unanswered {
    /// It never left; here it is back, and the reason.
    Unsent(Box<Request<Body>>, String),
    /// It may have arrived.
    Lost(Status),
}

/// One replica.
pub(super) struct Replica {
    host: String,
    authority: Authority,
    connection: tokio::sync::Mutex<Option<SendRequest<Body>>>,
    under_way: AtomicUsize,
    rest: Mutex<Rest>,
}

#[derive(Default)]
struct Rest {
    /// In a row, until an answer came.
    failures: u32,
    until: Duration,
}

/// A call under way, for as long as this lives.
struct UnderWay<'a>(&'a AtomicUsize);

impl<'a> UnderWay<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Replica {
    /// Reached at `host`, and called by the name in the configuration.
    pub(super) fn new(host: String, authority: Authority) -> Self {
        Self {
            host,
            authority,
            connection: tokio::sync::Mutex::default(),
            under_way: AtomicUsize::new(0),
            rest: Mutex::default(),
        }
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// For people.
    pub(super) fn name(&self) -> String {
        format!("{} ({})", self.authority, self.host)
    }

    /// Is it left out now?
    pub(super) fn rests(&self, now: Duration) -> bool {
        self.rest().until > now
    }

    /// Calls under way.
    pub(super) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    /// Sends a call and waits until its answer begins.
    pub(super) async fn send(
        &self,
        runtime: &Runtime,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, Unanswered> {
        let _under_way = UnderWay::begin(&self.under_way);
        let mut connection = match self.connected(runtime).await {
            Ok(connection) => connection,
            Err(why) => return Err(Unanswered::Unsent(Box::new(request), why)),
        };
        self.address(&mut request);
        match connection.try_send_request(request).await {
            Ok(response) => {
                *self.rest() = Rest::default();
                Ok(response.map(|body| Body::new(body.map_err(lost))))
            }
            Err(mut failed) => {
                self.failed(runtime);
                Err(match failed.take_message() {
                    Some(request) => Unanswered::Unsent(Box::new(request), "the connection had ended".to_owned()),
                    None => Unanswered::Lost(lost(failed.into_error())),
                })
            }
        }
    }

    /// Calls carry only their path until here.
    fn address(&self, request: &mut Request<Body>) {
        let mut parts = std::mem::take(request.uri_mut()).into_parts();
        (parts.scheme, parts.authority) = (Some(Scheme::HTTP), Some(self.authority.clone()));
        // What has a path and both of these is an address.
        *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
        request.headers_mut().insert(header::USER_AGENT, USER_AGENT);
    }

    /// The open connection, or a new one.
    async fn connected(&self, runtime: &Runtime) -> Result<SendRequest<Body>, String> {
        let failures = self.rest().failures;
        let mut slot = self.connection.lock().await;
        if let Some(open) = slot.as_ref().filter(|open| !open.is_closed()) {
            return Ok(open.clone());
        }
        *slot = None;
        if self.rest().failures > failures {
            return Err("it could not be reached a moment ago".to_owned());
        }
        match self.connect(runtime).await {
            Ok(open) => Ok(slot.insert(open).clone()),
            Err(why) => {
                self.failed(runtime);
                Err(why)
            }
        }
    }

    async fn connect(&self, runtime: &Runtime) -> Result<SendRequest<Body>, String> {
        let port = self.authority.port_u16().unwrap_or_default();
        let io = match runtime.clock().timeout(CONNECT, runtime.net().connect(&self.host, port)).await {
            Ok(Ok(io)) => io,
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_) => return Err(format!("no connection within {} s", CONNECT.as_secs())),
        };
        let opened = Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .keep_alive_interval(LIFE.0)
            .keep_alive_timeout(LIFE.1)
            .handshake(TokioIo::new(io))
            .await;
        let (open, connection) = opened.map_err(|error| error.to_string())?;
        // As long as somebody may call over it: not counted among the work to drain.
        hyper::rt::Executor::execute(&TokioExecutor::new(), async move {
            // Those who called learn how it ended.
            let _ended = connection.await;
        });
        Ok(open)
    }

    fn failed(&self, runtime: &Runtime) {
        let mut rest = self.rest();
        let ceiling = REST.0.saturating_mul(2_u32.saturating_pow(rest.failures.min(10))).min(REST.1);
        let half = ceiling / 2;
        let wait = half.saturating_add(runtime.rng().jitter(half));
        rest.failures = rest.failures.saturating_add(1);
        rest.until = runtime.clock().monotonic().saturating_add(wait);
    }

    fn rest(&self) -> MutexGuard<'_, Rest> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that broke under a call. Its other end is not there, which tonic knows only of connections that could
/// not be made; of the call it says nothing.
fn lost(error: hyper::Error) -> Status {
    let status = Status::from_error(Box::new(error));
    if status.code() != Code::Unknown {
        return status;
    }
    Status::unavailable(format!("the connection broke before the answer was whole: {}", status.message()))
}
