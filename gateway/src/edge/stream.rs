//! Server streams: each item goes out when it comes, as a server-sent event or a line of JSON.

use std::pin::Pin;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use retail_runtime::{BoxError, HttpBody};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};
use tracing::Span;

use super::Gateway;
use crate::fault::Error;
use crate::problem::Problem;
use crate::routes::Route;

/// How items are separated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// `text/event-stream`: `data: {...}`, `event: error` at a bad end, `event: end` at a good one.
    Events,
    /// `application/x-ndjson`: one object a line, `{"error": {...}}` at a bad end.
    Lines,
}

/// A stream under way.
struct Tail {
    gateway: Gateway,
    route: usize,
    framing: Framing,
    source: Streaming<Bytes>,
    /// The item that was waited for before the status line went out.
    first: Option<Bytes>,
    over: Pin<Box<dyn Future<Output = ()> + Send>>,
    stopping: CancellationToken,
    span: Span,
    ended: bool,
    _permit: OwnedSemaphorePermit,
}

/// What comes next on a stream.
enum Next {
    Item(Result<Option<Bytes>, Status>),
    Over(Error),
    Silence,
}

impl Gateway {
    /// Calls the method and waits for its first item or error, so that a stream that fails at once has an honest status
    /// line. A stream that stays silent for the heartbeat begins without an item.
    pub(super) async fn open(
        &self,
        index: usize,
        route: &Route,
        request: tonic::Request<Bytes>,
        accept: &str,
        permit: OwnedSemaphorePermit,
    ) -> Result<Response<HttpBody>, Problem> {
        let (clock, limits) = (self.0.runtime.clock(), &self.0.config.limits);
        let mut source = self.0.upstreams.stream(&route.rpc.service, &route.rpc.path, request).await?.into_inner();
        let first = clock.timeout(limits.stream_heartbeat.get(), source.message()).await;
        let (first, ended) = match first {
            Ok(item) => {
                let item = item?;
                let ended = item.is_none();
                (item, ended)
            }
            Err(_) => (None, false),
        };
        let events = accept.contains("text/event-stream");
        let framing = if events { Framing::Events } else { Framing::Lines };
        let (longest, sleeper) = (limits.stream.get(), clock.clone());
        let tail = Tail {
            gateway: self.clone(),
            route: index,
            framing,
            source,
            first,
            over: Box::pin(async move { sleeper.sleep(longest).await }),
            stopping: self.0.runtime.stopping(),
            span: Span::current(),
            ended: false,
            _permit: permit,
        };
        // An empty stream is over before it began; its end is still said.
        let items = futures::stream::unfold((tail, ended), |(mut tail, empty)| async move {
            let bytes = if empty { tail.end() } else { tail.next().await? };
            Some((Ok::<_, BoxError>(Frame::data(bytes)), (tail, false)))
        });
        let mut response = Response::new(StreamBody::new(items).boxed_unsync());
        let kind = if events { "text/event-stream" } else { "application/x-ndjson" };
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }
}

impl Tail {
    /// The bytes that go out next; `None` when the stream is over.
    async fn next(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        if let Some(item) = self.first.take() {
            return Some(self.item(&item));
        }
        let heartbeat = self.gateway.0.config.limits.stream_heartbeat.get();
        let clock = self.gateway.0.runtime.clock().clone();
        loop {
            let next = tokio::select! {
                biased;
                item = self.source.message() => Next::Item(item),
                () = self.stopping.cancelled() => Next::Over(Error::Stopping),
                () = &mut self.over => Next::Over(Error::StreamOver),
                () = clock.sleep(heartbeat) => Next::Silence,
            };
            return Some(match next {
                Next::Item(Ok(Some(item))) => self.item(&item),
                Next::Item(Ok(None)) => self.end(),
                Next::Item(Err(status)) => self.problem(|| status.into()),
                Next::Over(error) => self.problem(|| error.into()),
                Next::Silence if self.framing == Framing::Events => Bytes::from_static(b": alive\n\n"),
                Next::Silence => continue,
            });
        }
    }

    fn item(&mut self, bytes: &[u8]) -> Bytes {
        let gateway = self.gateway.clone();
        let Some(route) = gateway.0.routes.get(self.route) else {
            return self.end();
        };
        match gateway.json(route, bytes) {
            Ok(json) => match self.framing {
                Framing::Events => [b"data: ", json.as_slice(), b"\n\n"].concat().into(),
                Framing::Lines => [json.as_slice(), b"\n"].concat().into(),
            },
            Err(error) => self.problem(|| error.into()),
        }
    }

    fn end(&mut self) -> Bytes {
        self.ended = true;
        match self.framing {
            Framing::Events => Bytes::from_static(b"event: end\ndata: {}\n\n"),
            Framing::Lines => Bytes::new(),
        }
    }

    fn problem(&mut self, problem: impl FnOnce() -> Problem) -> Bytes {
        self.ended = true;
        let json = self.span.in_scope(problem).json();
        match self.framing {
            Framing::Events => [b"event: error\ndata: ".as_slice(), &json, b"\n\n"].concat().into(),
            Framing::Lines => [b"{\"error\":".as_slice(), &json, b"}\n"].concat().into(),
        }
    }
}
