//! A twin's listener: whole request in, faults, the vendor's own concurrency limit, the answer out, everything logged.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::{BodyExt as _, LengthLimitError, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use retail_runtime::http::{HttpBody, full};
use retail_runtime::{Rng, Runtime};

use crate::clock::TwinClock;
use crate::faults::{Fault, Faults, Kind};
use crate::requests::{Entry, Requests};
use crate::twin::{Answer, Seen, Twin};

/// The largest request any of the vendors takes (NetSuite: 104 MB).
const LARGEST: usize = 110 * 1024 * 1024;

/// One twin with what surrounds it.
pub(crate) struct Stand {
    pub(crate) twin: Arc<dyn Twin>,
    pub(crate) faults: Faults,
    pub(crate) requests: Requests,
    pub(crate) clock: TwinClock,
    pub(crate) rng: Rng,
    pub(crate) base_url: String,
    pub(crate) latency: Duration,
    pub(crate) runtime: Runtime,
    under_way: AtomicUsize,
}

impl Stand {
    pub(crate) fn new(
        runtime: &Runtime,
        clock: &TwinClock,
        twin: Arc<dyn Twin>,
        base_url: String,
        latency: Duration,
    ) -> Self {
        Self {
            twin,
            faults: Faults::default(),
            requests: Requests::default(),
            clock: clock.clone(),
            rng: runtime.rng().clone(),
            base_url,
            latency,
            runtime: runtime.clone(),
            under_way: AtomicUsize::new(0),
        }
    }

    /// Reads the whole request; a body beyond every vendor's limit is refused.
    pub(crate) async fn read(&self, request: http::Request<Incoming>) -> Result<Seen, Answer> {
        let (head, body) = request.into_parts();
        let body = match Limited::new(body, LARGEST).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Err(Answer::empty(413)),
            Err(_) => return Err(Answer::empty(400)),
        };
        Ok(Seen {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers,
            body,
            base_url: self.base_url.clone(),
        })
    }

    /// Answers one request as the vendor would, bad days included.
    pub(crate) async fn answer(self: Arc<Self>, seen: Seen) -> http::Response<HttpBody> {
        let fault = self.faults.strike(&seen, &self.rng);
        if let Some(Fault { kind: Kind::Delay, delay_ms, .. }) = &fault {
            self.runtime.clock().sleep(Duration::from_millis(*delay_ms)).await;
        }
        let others = self.under_way.fetch_add(1, Ordering::Relaxed);
        let leaving = Leaving(&self.under_way);
        if !self.latency.is_zero() {
            self.runtime.clock().sleep(self.latency).await;
        }
        let answer = match self.twin.concurrency() {
            Some((most, refusal)) if others >= most => refusal,
            _ => self.strike_or_handle(&seen, fault.as_ref()),
        };
        drop(leaving);
        self.log(&seen, &answer, fault.as_ref());
        match fault.map(|fault| fault.kind) {
            Some(Kind::ResetAfterCommit | Kind::ResetBefore) => broken(Bytes::new()),
            Some(Kind::Truncate) => broken(answer.body.slice(..answer.body.len() / 2)),
            Some(Kind::Status | Kind::ErrorAfterCommit | Kind::Delay | Kind::ExpireTokens) | None => render(answer),
        }
    }

    fn strike_or_handle(&self, seen: &Seen, fault: Option<&Fault>) -> Answer {
        let now = self.clock.now();
        match fault.map(|fault| fault.kind) {
            Some(Kind::Status) => Answer::empty(fault.map_or(500, |fault| fault.status)),
            Some(Kind::ResetBefore) => Answer::empty(0),
            Some(Kind::ErrorAfterCommit) => {
                let _done = self.twin.handle(seen, now);
                Answer::empty(500)
            }
            Some(Kind::ExpireTokens) => {
                self.twin.expire_tokens();
                self.twin.handle(seen, now)
            }
            Some(Kind::ResetAfterCommit | Kind::Delay | Kind::Truncate) | None => self.twin.handle(seen, now),
        }
    }

    fn log(&self, seen: &Seen, answer: &Answer, fault: Option<&Fault>) {
        self.requests.add(Entry {
            seq: 0,
            at: self.clock.now().to_string(),
            method: seen.method.to_string(),
            path: seen.path.clone(),
            query: seen.query.clone(),
            status: answer.status,
            traceparent: seen.header("traceparent").unwrap_or_default().to_owned(),
            fault: fault.map(|fault| format!("{:?}", fault.kind)).unwrap_or_default(),
        });
    }
}

struct Leaving<'a>(&'a AtomicUsize);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The answer on the wire.
pub(crate) fn render(answer: Answer) -> http::Response<HttpBody> {
    let mut response = http::Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    response.body(full(answer.body)).unwrap_or_else(|error| {
        tracing::error!(%error, "a twin made an answer that HTTP cannot carry");
        http::Response::new(full("the twin made an answer that HTTP cannot carry"))
    })
}

/// A body that breaks off: the connection dies with it.
fn broken(first: Bytes) -> http::Response<HttpBody> {
    let reset = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "planted fault");
    let mut frames: Vec<Result<Frame<Bytes>, retail_runtime::BoxError>> = Vec::new();
    if !first.is_empty() {
        frames.push(Ok(Frame::data(first)));
    }
    frames.push(Err(reset.into()));
    let mut response = http::Response::new(StreamBody::new(futures::stream::iter(frames)).boxed_unsync());
    response.headers_mut().insert("content-length", http::HeaderValue::from_static("1048576"));
    response
}

/// The handler of a twin's listener.
pub(crate) fn handler(
    stand: Arc<Stand>,
    control: Arc<crate::control::Control>,
) -> impl Fn(http::Request<Incoming>, std::net::SocketAddr) -> BoxFuture<'static, http::Response<HttpBody>>
+ Clone
+ Send
+ Sync
+ 'static {
    move |request, _peer| {
        let (stand, control) = (Arc::clone(&stand), Arc::clone(&control));
        Box::pin(async move {
            match stand.read(request).await {
                Ok(seen) if seen.path.starts_with("/__sandbox/") => render(control.answer(&seen)),
                Ok(seen) => stand.answer(seen).await,
                Err(refusal) => render(refusal),
            }
        })
    }
}
