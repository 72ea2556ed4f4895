//! The client: one vendor, one budget, one policy of repeating.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderName, HeaderValue, USER_AGENT};
use http::{HeaderMap, StatusCode, Uri};
use http_body_util::Full;
use retail_runtime::config::Span;
use retail_runtime::{Clock, Rng, Runtime, deadline, trace};
use serde::Deserialize;
use tracing::Instrument;

use crate::breaker::Breaker;
use crate::budget::Budget;
use crate::call::{Call, Kind, Reply};
use crate::counters::{Counters, Snapshot};
use crate::fault::{CallFault, Held};
use crate::figures::Figures;
use crate::policy::{Dialect, Verdict};
use crate::pool::{Broken, Pool};
use crate::secure::Secure;
use crate::tokens::{Issued, Tokens};

/// Tokens that one call may see refused: one of several may be ended in the moment in which it is used.
const RENEWALS: u32 = 3;
const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");

/// How a vendor is reached.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// Address that every path is joined to, for example `https://1234567.suitetalk.api.netsuite.com`.
    pub base_url: String,
    /// Longest time from the first byte sent to the last byte received.
    #[serde(default = "thirty_seconds")]
    pub timeout: Span,
    /// Longest time to make a connection.
    #[serde(default = "five_seconds")]
    pub connect_timeout: Span,
    /// Longest time for a call with its waiting and repeats; the caller's deadline may be shorter.
    #[serde(default = "one_minute")]
    pub patience: Span,
    /// Largest answer in bytes.
    #[serde(default = "sixteen_mebibytes")]
    pub max_body: usize,
    /// Most connections kept open while nothing happens.
    #[serde(default = "sixteen")]
    pub connections: usize,
    /// A connection that rested longer is not used again.
    #[serde(default = "fifteen_seconds")]
    pub idle: Span,
    /// Most attempts of one call.
    #[serde(default = "four")]
    pub attempts: u32,
    /// Upper end of the first random pause before a repeat; it doubles with each.
    #[serde(default = "quarter_second")]
    pub backoff: Span,
    /// Upper end that the pauses never exceed.
    #[serde(default = "ten_seconds")]
    pub backoff_cap: Span,
    /// PEM file of the certificates to trust; required for `https`.
    #[serde(default)]
    pub roots: Option<PathBuf>,
}

/// Why a client cannot be made of its configuration.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Not an address.
    #[error("base_url {0:?} is not of the form http(s)://host[:port][/path]")]
    BaseUrl(String),
    /// No certificates to trust.
    #[error("https needs `roots`, a PEM file of certificates to trust, for example /etc/ssl/certs/ca-certificates.crt")]
    NoRoots,
    /// The file of certificates cannot be used.
    #[error("cannot read certificates from {file}: {why}", file = file.display())]
    Roots {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// A client of one vendor account. Clones share connections, budget, breakers and counters.
#[derive(Clone)]
pub struct Http {
    shared: Arc<Shared>,
    tokens: Option<Tokens>,
}

struct Shared {
    config: HttpConfig,
    base: Uri,
    prefix: String,
    host: HeaderValue,
    pool: Pool,
    dialect: Box<dyn Dialect>,
    budget: Budget,
    breaker: Breaker,
    counters: Counters,
    figures: Figures,
    clock: Clock,
    rng: Rng,
}

/// What to do after an attempt.
enum Next {
    Done(Reply),
    Fail(CallFault),
    /// Repeat after a pause; this is what to answer when there is no time for it.
    Again {
        wait: Option<Duration>,
        otherwise: Result<Reply, CallFault>,
    },
    Renew(Issued),
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").field("base", &self.shared.base).finish_non_exhaustive()
    }
}

impl Http {
    /// A client without credentials.
    pub fn new(
        runtime: &Runtime,
        config: HttpConfig,
        dialect: impl Dialect,
        budget: Budget,
    ) -> Result<Self, SetupError> {
        let bad = || SetupError::BaseUrl(config.base_url.clone());
        let base: Uri = config.base_url.parse().map_err(|_| bad())?;
        let authority = base.authority().ok_or_else(bad)?;
        let (secure, port) = match base.scheme_str() {
            Some("https") => (Some(Secure::new(config.roots.as_deref().ok_or(SetupError::NoRoots)?)?), 443),
            Some("http") => (None, 80),
            Some(_) | None => return Err(bad()),
        };
        if base.query().is_some() || authority.as_str().contains('@') {
            return Err(bad());
        }
        let pool = Pool {
            net: runtime.net().clone(),
            host: authority.host().to_owned(),
            port: authority.port_u16().unwrap_or(port),
            secure,
            keep: config.connections,
            idle: config.idle.into(),
            resting: Mutex::default(),
        };
        let shared = Shared {
            prefix: base.path().trim_end_matches('/').to_owned(),
            host: HeaderValue::from_str(authority.as_str()).map_err(|_| bad())?,
            base: base.clone(),
            pool,
            dialect: Box::new(dialect),
            budget,
            breaker: Breaker::default(),
            counters: Counters::default(),
            figures: Figures::new(runtime),
            clock: runtime.clock().clone(),
            rng: runtime.rng().clone(),
            config,
        };
        Ok(Self { shared: Arc::new(shared), tokens: None })
    }

    /// The same client that puts a token on every call.
    #[must_use]
    pub fn with_tokens(&self, tokens: Tokens) -> Self {
        Self { shared: Arc::clone(&self.shared), tokens: Some(tokens) }
    }

    /// The vendor's base address.
    #[must_use]
    pub fn base(&self) -> &Uri {
        &self.shared.base
    }

    /// What the client did so far and the state of its budget.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let (in_flight, limit, waiting) = self.shared.budget.reading();
        Snapshot {
            breakers_open: count(self.shared.breaker.open().len()),
            in_flight: count(in_flight),
            limit: count(limit),
            waiting: count(waiting),
            ..self.shared.counters.snapshot()
        }
    }

    /// Sends a call and brings its whole answer.
    ///
    /// Reads are repeated while the vendor is away or unwell; reads and writes alike are repeated after an answer that
    /// the vendor documents as not executed, and after a refused token. Every other outcome of a write goes back
    /// at once: [`CallFault::Unknown`] says that it may have been executed.
    pub async fn send(&self, call: Call) -> Result<Reply, CallFault> {
        let span = tracing::info_span!("vendor.call", operation = call.operation, correlation = %call.correlation);
        Box::pin(self.repeat(call)).instrument(span).await
    }

    async fn repeat(&self, call: Call) -> Result<Reply, CallFault> {
        let shared = &*self.shared;
        let patience: Duration = shared.config.patience.into();
        let patience = deadline::remaining().map_or(patience, |left| left.min(patience));
        let until = shared.clock.monotonic().saturating_add(patience);
        let (mut attempt, mut renewals) = (0_u32, 0_u32);
        loop {
            attempt = attempt.saturating_add(1);
            if attempt > 1 {
                Counters::add(&shared.counters.repeated);
            }
            let left = until.saturating_sub(shared.clock.monotonic());
            match self.attempt(&call, attempt, left).await {
                Next::Done(reply) => return Ok(reply),
                Next::Fail(fault) => return Err(fault),
                Next::Renew(_) if renewals >= RENEWALS => {
                    return Err(CallFault::Credentials { operation: call.operation });
                }
                Next::Renew(refused) => {
                    renewals = renewals.saturating_add(1);
                    Counters::add(&shared.counters.refused_tokens);
                    if let Some(tokens) = &self.tokens {
                        tokens.refused(&refused);
                    }
                }
                Next::Again { wait, otherwise } => {
                    let wait = wait.unwrap_or_else(|| self.pause(attempt));
                    let over = shared.clock.monotonic().saturating_add(wait) >= until;
                    if over || attempt >= shared.config.attempts {
                        return otherwise;
                    }
                    shared.clock.sleep(wait).await;
                }
            }
        }
    }

    async fn attempt(&self, call: &Call, attempt: u32, left: Duration) -> Next {
        let shared = &*self.shared;
        let fail = |fault| {
            Counters::add(&shared.counters.not_sent);
            shared.figures.ended(call.operation, "held_back");
            Next::Fail(fault)
        };
        if left.is_zero() {
            return fail(CallFault::not_sent(call.operation, Held::Deadline, "the caller's time is up"));
        }
        let token = match self.token(call, left).await {
            Ok(token) => token,
            Err(fault) => return fail(fault),
        };
        let request = match self.request(call, token.as_ref()) {
            Ok(request) => request,
            Err(why) => return fail(CallFault::not_sent(call.operation, Held::Malformed, why)),
        };
        let started = shared.clock.monotonic();
        let ticket = match shared.breaker.enter(call.operation, started) {
            Ok(ticket) => ticket,
            Err(rest) => {
                return fail(CallFault::NotSent {
                    operation: call.operation,
                    held: Held::Breaker,
                    why: "it failed too often just now".to_owned(),
                    retry_after: Some(rest),
                });
            }
        };
        let permit = match shared.budget.acquire(&shared.clock, call, left).await {
            Ok(permit) => permit,
            Err(fault) => return fail(fault),
        };
        let sent_at = shared.clock.monotonic();
        let waited = sent_at.saturating_sub(started);
        let outcome = self.exchange(request, call.kind, left.saturating_sub(waited)).await;
        let now = shared.clock.monotonic();
        let milliseconds = u64::try_from(now.saturating_sub(sent_at).as_millis()).unwrap_or(u64::MAX);
        match outcome {
            Ok(reply) => {
                Counters::add(&shared.counters.answered);
                let verdict = shared.dialect.verdict(&reply);
                let status = reply.status.as_u16();
                tracing::debug!(operation = call.operation, status, attempt, milliseconds, "vendor answered");
                if verdict == Verdict::Unwell {
                    ticket.failed(now)
                } else {
                    ticket.answered(now)
                }
                match verdict {
                    Verdict::NotExecuted { wait } => shared.budget.throttled(now, wait),
                    Verdict::Answer | Verdict::Unauthorized | Verdict::Unwell => {
                        shared.budget.served(now, shared.dialect.standing(&reply));
                    }
                }
                drop(permit);
                shared.figures.answered(call.operation, now.saturating_sub(sent_at));
                shared.figures.ended(call.operation, said(&reply, verdict));
                self.judge(call, reply, verdict, token)
            }
            Err(broken) => {
                ticket.failed(now);
                drop(permit);
                tracing::warn!(operation = call.operation, attempt, milliseconds, ?broken, "vendor did not answer");
                self.broken(call, broken)
            }
        }
    }

    fn judge(&self, call: &Call, reply: Reply, verdict: Verdict, token: Option<Issued>) -> Next {
        match (verdict, token) {
            (Verdict::Answer, _) => Next::Done(reply),
            (Verdict::Unauthorized, Some(token)) => Next::Renew(token),
            (Verdict::Unauthorized, None) => Next::Done(reply),
            (Verdict::Unwell, _) => match call.kind {
                Kind::Read => Next::Again { wait: reply.retry_after(), otherwise: Ok(reply) },
                Kind::Write => Next::Done(reply),
            },
            (Verdict::NotExecuted { wait }, _) => {
                Counters::add(&self.shared.counters.throttled);
                let otherwise = Err(CallFault::Throttled { operation: call.operation, retry_after: wait });
                Next::Again { wait, otherwise }
            }
        }
    }

    fn broken(&self, call: &Call, broken: Broken) -> Next {
        let operation = call.operation;
        let counters = &self.shared.counters;
        self.shared.figures.ended(operation, lost(&broken, call.kind));
        match (broken, call.kind) {
            (Broken::NotSent(why), kind) => {
                Counters::add(&counters.not_sent);
                let fault = CallFault::not_sent(operation, Held::Connect, why);
                match kind {
                    Kind::Read => Next::Again { wait: None, otherwise: Err(fault) },
                    Kind::Write => Next::Fail(fault),
                }
            }
            (Broken::Lost(why), Kind::Read) => {
                Next::Again { wait: None, otherwise: Err(CallFault::NoAnswer { operation, why }) }
            }
            (Broken::TooLarge, Kind::Read) => {
                Next::Fail(CallFault::TooLarge { operation, limit: self.shared.config.max_body })
            }
            (Broken::Lost(why), Kind::Write) => {
                Counters::add(&counters.unknown);
                Next::Fail(CallFault::Unknown { operation, why })
            }
            (Broken::TooLarge, Kind::Write) => {
                Counters::add(&counters.unknown);
                let why = format!("the answer is larger than {} bytes", self.shared.config.max_body);
                Next::Fail(CallFault::Unknown { operation, why })
            }
        }
    }

    async fn exchange(&self, request: http::Request<Full<Bytes>>, kind: Kind, left: Duration) -> Result<Reply, Broken> {
        let shared = &*self.shared;
        let started = shared.clock.monotonic();
        let connecting = shared.pool.connection(started);
        let connection = match shared.clock.timeout(left.min(shared.config.connect_timeout.into()), connecting).await {
            Ok(connection) => connection.map_err(Broken::NotSent)?,
            Err(_) => return Err(Broken::NotSent("no connection in time".to_owned())),
        };
        // A write that has left is heard out, whatever the caller's deadline: only its answer says what happened.
        let timeout: Duration = shared.config.timeout.into();
        let timeout = match kind {
            Kind::Read => timeout.min(left.saturating_sub(shared.clock.monotonic().saturating_sub(started))),
            Kind::Write => timeout,
        };
        Counters::add(&shared.counters.sent);
        let (reply, connection) = shared
            .clock
            .timeout(timeout, connection.exchange(request, shared.config.max_body))
            .await
            .map_err(|_| Broken::Lost(format!("no whole answer within {} ms", timeout.as_millis())))??;
        if connection.reusable() {
            shared.pool.rest(shared.clock.monotonic(), connection);
        }
        Ok(reply)
    }

    async fn token(&self, call: &Call, left: Duration) -> Result<Option<Issued>, CallFault> {
        let Some(tokens) = &self.tokens else { return Ok(None) };
        match self.shared.clock.timeout(left, tokens.current()).await {
            Ok(Ok(token)) => Ok(Some(token)),
            Ok(Err(CallFault::Credentials { .. })) => Err(CallFault::Credentials { operation: call.operation }),
            Ok(Err(fault)) => Err(CallFault::not_sent(call.operation, Held::Token, fault.to_string())),
            Err(_) => Err(CallFault::not_sent(call.operation, Held::Token, "no token in time")),
        }
    }

    fn request(&self, call: &Call, token: Option<&Issued>) -> Result<http::Request<Full<Bytes>>, String> {
        let shared = &*self.shared;
        let mut headers: HeaderMap = call.headers.clone();
        headers.insert(HOST, shared.host.clone());
        headers.entry(USER_AGENT).or_insert(HeaderValue::from_static("weft"));
        if !call.correlation.is_empty() {
            let key = HeaderValue::from_str(&call.correlation).map_err(|err| err.to_string())?;
            headers.insert(CORRELATION, key);
        }
        if let Some(token) = token {
            shared.dialect.authorize(&mut headers, &token.secret).map_err(|err| err.to_string())?;
        }
        trace::inject(&mut headers);
        let mut request = http::Request::builder()
            .method(call.method.clone())
            .uri(format!("{}{}", shared.prefix, call.path_and_query))
            .body(Full::new(call.body.clone()))
            .map_err(|err| err.to_string())?;
        *request.headers_mut() = headers;
        Ok(request)
    }

    fn pause(&self, attempt: u32) -> Duration {
        let first: Duration = self.shared.config.backoff.into();
        let doubled = first.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1).min(16)));
        self.shared.rng.jitter(doubled.min(self.shared.config.backoff_cap.into()))
    }
}

/// What a vendor said, in one word.
fn said(reply: &Reply, verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Answer if reply.status == StatusCode::NOT_FOUND => "not_found",
        Verdict::Answer if reply.status.is_client_error() => "refused",
        Verdict::Answer => "answered",
        Verdict::Unauthorized => "unauthorized",
        Verdict::Unwell => "unwell",
        Verdict::NotExecuted { .. } => "throttled",
    }
}

/// How a call broke, in one word.
fn lost(broken: &Broken, kind: Kind) -> &'static str {
    match (broken, kind) {
        (Broken::NotSent(_), _) => "not_sent",
        (Broken::Lost(_) | Broken::TooLarge, Kind::Write) => "unknown",
        (Broken::Lost(_) | Broken::TooLarge, Kind::Read) => "no_answer",
    }
}

fn quarter_second() -> Span {
    Span::from_millis(250)
}

fn five_seconds() -> Span {
    Span::from_secs(5)
}

fn ten_seconds() -> Span {
    Span::from_secs(10)
}

fn fifteen_seconds() -> Span {
    Span::from_secs(15)
}

fn thirty_seconds() -> Span {
    Span::from_secs(30)
}

fn one_minute() -> Span {
    Span::from_secs(60)
}

fn sixteen_mebibytes() -> usize {
    16 * 1024 * 1024
}

fn sixteen() -> usize {
    16
}

fn four() -> u32 {
    4
}
