//! One twin behind its listener: the log, the faults, the crowd at the door, and then the twin.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use http::{HeaderName, HeaderValue, Response};
use http_body_util::{BodyExt as _, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use retail_runtime::http::full;
use retail_runtime::{BoxError, HttpBody, Rng, Runtime};

use crate::books::{Books, Result};
use crate::clock::TwinClock;
use crate::faults::{Faults, Kind};
use crate::requests::Requests;
use crate::twin::{Answer, Seen, Twin};

/// Largest body a twin reads: Salesforce takes 100 MB of bulk data, and some are slightly larger in transit.
const LARGEST_BODY: usize = 110_000_000;

/// Makes a twin over its books as they are.
pub(crate) type Maker = Box<dyn Fn() -> Result<Arc<dyn Twin>> + Send + Sync>;

/// A twin and all that stands before it.
pub(crate) struct House {
    name: &'static str,
    twin: RwLock<Arc<dyn Twin>>,
    make: Maker,
    dir: Option<PathBuf>,
    pub(crate) faults: Faults,
    pub(crate) requests: Requests,
    in_flight: AtomicUsize,
    latency: Duration,
    pub(crate) base_url: OnceLock<String>,
    clock: TwinClock,
    rng: Rng,
    runtime: Runtime,
}

/// What the caller gets to see of an answer.
enum Fate {
    Whole(Answer),
    Half(Answer),
    Nothing,
}

/// One of those in the twin's room; leaves when dropped.
struct Guest<'a>(&'a AtomicUsize);

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl House {
    pub(crate) fn open(
        runtime: &Runtime,
        clock: TwinClock,
        dir: Option<PathBuf>,
        latency: Duration,
        make: Maker,
    ) -> Result<House> {
        let twin = make()?;
        let name = twin.name();
        Ok(House {
            name,
            twin: RwLock::new(twin),
            make,
            faults: Faults::open(dir.as_deref(), name)?,
            requests: Requests::open(dir.as_deref(), name)?,
            dir,
            in_flight: AtomicUsize::new(0),
            latency,
            base_url: OnceLock::new(),
            clock,
            rng: runtime.rng().clone(),
            runtime: runtime.clone(),
        })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// The twin as it is now.
    pub(crate) fn twin(&self) -> Arc<dyn Twin> {
        Arc::clone(&self.twin.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Empty books and no faults; the log of requests stays.
    pub(crate) fn reset(&self) -> std::result::Result<(), String> {
        let mut twin = self.twin.write().unwrap_or_else(PoisonError::into_inner);
        self.faults.drop_planned(None).map_err(|err| err.to_string())?;
        Books::forget(self.dir.as_deref(), self.name).map_err(|err| err.to_string())?;
        *twin = (self.make)().map_err(|err| err.to_string())?;
        Ok(())
    }

    /// Reads a whole request.
    pub(crate) async fn read(
        request: http::Request<Incoming>,
        base_url: &str,
    ) -> std::result::Result<Seen, Box<Answer>> {
        let (head, body) = request.into_parts();
        let body = Limited::new(body, LARGEST_BODY).collect().await.map_err(|err| {
            tracing::debug!(%err, "a request's body was not read");
            Box::new(Answer::empty(413))
        })?;
        Ok(Seen {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers,
            body: body.to_bytes(),
            base_url: base_url.to_owned(),
        })
    }

    /// Serves one request to the vendor's door.
    pub(crate) async fn serve(&self, mut seen: Seen) -> Response<HttpBody> {
        let now = self.clock.now();
        let twin = self.twin();
        let in_flight = self.in_flight.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        let _guest = Guest(&self.in_flight);
        if let Some((most, refusal)) = twin.concurrency()
            && in_flight > most
        {
            self.requests.note(&seen, now, refusal.status, Some("concurrency"));
            return respond(refusal);
        }
        let fault = self.struck(&seen).await;
        let word = fault.as_ref().map(Kind::word);
        match fault {
            Some(Kind::ExpireTokens) => twin.expire_tokens(),
            Some(Kind::StaleSearch) => {
                seen.headers.insert("x-sandbox-fault", HeaderValue::from_static("stale_search"));
            }
            _ => {}
        }
        let handle = |seen: &Seen| twin.handle(seen, self.clock.now());
        let fate = match fault {
            Some(Kind::Status { status, retry_after }) => Fate::Whole(planned(status, retry_after)),
            Some(Kind::ResetBefore) => Fate::Nothing,
            Some(Kind::LateCommit { ms }) => {
                self.handle_later(Arc::clone(&twin), seen.clone(), Duration::from_millis(ms));
                Fate::Nothing
            }
            Some(Kind::ResetAfterCommit) => {
                let answer = handle(&seen);
                self.requests.note(&seen, now, answer.status, word);
                return lost();
            }
            Some(Kind::ErrorAfterCommit) => {
                let _unheard = handle(&seen);
                Fate::Whole(planned(500, None))
            }
            Some(Kind::Truncate) => Fate::Half(handle(&seen)),
            Some(Kind::Delay { .. } | Kind::ExpireTokens | Kind::StaleSearch) | None => Fate::Whole(handle(&seen)),
        };
        match fate {
            Fate::Whole(answer) => {
                self.requests.note(&seen, now, answer.status, word);
                respond(answer)
            }
            Fate::Half(answer) => {
                self.requests.note(&seen, now, answer.status, word);
                half(answer, self.runtime.clock().clone())
            }
            Fate::Nothing => {
                self.requests.note(&seen, now, 0, word);
                lost()
            }
        }
    }
}

impl House {
    /// What strikes this request, after the wait that it brings; for a door that speaks no HTTP.
    pub(crate) async fn struck(&self, seen: &Seen) -> Option<Kind> {
        let fault = self.faults.strike(seen, &self.rng);
        let wait = match fault {
            Some(Kind::Delay { ms }) => self.latency.saturating_add(Duration::from_millis(ms)),
            _ => self.latency,
        };
        if !wait.is_zero() {
            self.runtime.clock().sleep(wait).await;
        }
        fault
    }

    /// What the twin answers now.
    pub(crate) fn handle(&self, seen: &Seen) -> Answer {
        self.twin().handle(seen, self.clock.now())
    }

    /// Notes one request and what became of it.
    pub(crate) fn note(&self, seen: &Seen, status: u16, fault: Option<&str>) {
        self.requests.note(seen, self.clock.now(), status, fault);
    }

    /// A request that its caller has given up and that arrives all the same.
    pub(crate) fn handle_later(&self, twin: Arc<dyn Twin>, seen: Seen, wait: Duration) {
        let (time, clock) = (self.runtime.clock().clone(), self.clock.clone());
        self.runtime.spawn("sandbox.late", async move {
            time.sleep(wait).await;
            let answer = twin.handle(&seen, clock.now());
            tracing::info!(twin = twin.name(), status = answer.status, path = seen.path, "a late request arrived");
        });
    }
}

fn planned(status: u16, retry_after: Option<u32>) -> Answer {
    let answer = Answer::json(status, &serde_json::json!({"errors": "planned by the sandbox"}));
    match retry_after {
        Some(seconds) => answer.header("Retry-After", &seconds.to_string()),
        None => answer,
    }
}

/// The answer as hyper sends it.
pub(crate) fn respond(answer: Answer) -> Response<HttpBody> {
    let Answer { status, headers, body } = answer;
    head(status, headers, full(body))
}

fn head(status: u16, headers: Vec<(String, String)>, body: HttpBody) -> Response<HttpBody> {
    let mut response = Response::new(body);
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        match (HeaderName::try_from(&name), HeaderValue::try_from(&value)) {
            (Ok(name), Ok(value)) => {
                response.headers_mut().append(name, value);
            }
            _ => tracing::error!(name, "a twin answered with a header that is none"),
        }
    }
    response
}

/// No answer at all: the body fails before the head was flushed, and hyper ends the connection.
fn lost() -> Response<HttpBody> {
    let broken = futures::stream::once(async { Err::<Frame<Bytes>, BoxError>("dropped by the sandbox".into()) });
    head(200, Vec::new(), StreamBody::new(broken).boxed_unsync())
}

/// Half of the body under a length that promises all of it.
fn half(answer: Answer, clock: retail_runtime::Clock) -> Response<HttpBody> {
    let Answer { status, mut headers, body } = answer;
    headers.push(("Content-Length".to_owned(), body.len().to_string()));
    let part = body.slice(..body.len() / 2);
    let sent = futures::stream::once(async move { Ok::<_, BoxError>(Frame::data(part)) });
    let broken = futures::stream::once(async move {
        // Head and first half leave in a flush of their own.
        clock.sleep(Duration::from_millis(5)).await;
        Err::<Frame<Bytes>, BoxError>("cut off by the sandbox".into())
    });
    head(status, headers, StreamBody::new(sent.chain(broken)).boxed_unsync())
}
