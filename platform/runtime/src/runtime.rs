//! The runtime that a service lives in: its clock, chance, ids and network, every task it spawned, and its end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

use crate::http::{self, HttpBody, HttpLimits};
use crate::readiness::Readiness;
use crate::{Clock, Condition, Ids, Listener, Metrics, Net, Peer, PeerError, Rng, ServeError, grpc, metrics, peer};

/// How listeners end once the runtime is asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// How long a listener that calls itself not ready still takes new work, so that balancers can notice.
    pub announce: Duration,
    /// How long calls under way may take after that.
    pub grace: Duration,
}

impl Default for Drain {
    fn default() -> Self {
        Self { announce: Duration::ZERO, grace: Duration::from_secs(25) }
    }
}

/// A service's surroundings. Clones share everything.
#[derive(Clone)]
pub struct Runtime {
    name: Arc<str>,
    clock: Clock,
    rng: Rng,
    ids: Ids,
    net: Net,
    tasks: TaskTracker,
    stop: CancellationToken,
    drain: Drain,
    readiness: Readiness,
    metrics: Metrics,
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Runtime({})", self.name)
    }
}

impl Runtime {
    /// The real world.
    #[must_use]
    pub fn system(name: &str) -> Self {
        Self::new(name, Clock::system(), Rng::system(), Net::tcp())
    }

    /// Any world.
    #[must_use]
    pub fn new(name: &str, clock: Clock, rng: Rng, net: Net) -> Self {
        let ids = Ids::new(clock.clone(), rng.clone());
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let (drain, readiness, metrics) = (Drain::default(), Readiness::default(), Metrics::default());
        Self { name: name.into(), clock, rng, ids, net, tasks, stop, drain, readiness, metrics }
    }

    /// The same world whose listeners end in another way.
    #[must_use]
    pub fn draining(&self, drain: Drain) -> Self {
        Self { drain, ..self.clone() }
    }

    /// How listeners end.
    #[must_use]
    pub fn drain(&self) -> Drain {
        self.drain
    }

    /// The same world under another name: stopped and drained together with this one.
    #[must_use]
    pub fn named(&self, name: &str) -> Self {
        Self { name: name.into(), ..self.clone() }
    }

    /// Name for logs.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Chance.
    #[must_use]
    pub fn rng(&self) -> &Rng {
        &self.rng
    }

    /// Ids.
    #[must_use]
    pub fn ids(&self) -> &Ids {
        &self.ids
    }

    /// The network.
    #[must_use]
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// The figures of this process.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Starts work that is counted and waited for at the end. It must end soon after [`Runtime::stopping`] fires.
    #[expect(clippy::disallowed_methods, reason = "the one place that starts tasks")]
    pub fn spawn(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let service = Arc::clone(&self.name);
        let guarded = self.tasks.track_future(std::panic::AssertUnwindSafe(work).catch_unwind().map(move |ended| {
            if ended.is_err() {
                tracing::error!(%service, task = name, "a task panicked; this is a defect of Weft");
            }
        }));
        tokio::spawn(guarded);
    }

    /// Fires when the runtime is asked to stop.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Something this process cannot work without; met to begin with. While it is not, gRPC health says so.
    #[must_use]
    pub fn condition(&self) -> Condition {
        self.readiness.condition()
    }

    pub(crate) fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// Asks everything to end.
    pub fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
    }

    /// Waits until every task has ended; false when the grace period was too short.
    pub async fn drained(&self, grace: Duration) -> bool {
        self.clock.timeout(grace, self.tasks.wait()).await.is_ok()
    }

    /// Waits for SIGTERM or SIGINT, asks everything to end, and says which of the two endings it was: true when all
    /// work was finished. A second signal ends the wait at once.
    ///
    /// # Errors
    /// When signals cannot be received.
    pub async fn run_until_signal(&self, grace: Duration) -> io::Result<bool> {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
            () = self.stop.cancelled() => {}
        }
        tracing::info!(service = %self.name, "stopping: no new work is taken, work under way is finished");
        self.stop();
        let clean = tokio::select! {
            clean = self.drained(grace) => clean,
            _ = term.recv() => false,
            _ = int.recv() => false,
        };
        if clean {
            tracing::info!(service = %self.name, "stopped; nothing was under way");
        } else {
            tracing::warn!(service = %self.name, "stopped before all was finished; work under way goes on after the next start");
        }
        Ok(clean)
    }

    /// A lazy channel to another service, with trace context and deadline on every call: `http://host:port`, several
    /// with commas between. Calls are spread over all replicas that the names lead to.
    ///
    /// # Errors
    /// [`PeerError`] when the address is none.
    pub fn peer(&self, address: &str) -> Result<Peer, PeerError> {
        peer::peer(self, address)
    }

    /// Opens a listener.
    ///
    /// # Errors
    /// Those of the socket.
    pub async fn bind(&self, at: SocketAddr) -> io::Result<Listener> {
        self.net.bind(at).await
    }

    /// Serves gRPC until the runtime stops: with health, reflection, trace and deadline, and a drain.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn serve_grpc(&self, listener: Listener, routes: Routes) -> Result<(), ServeError> {
        tracing::info!(service = %self.name, address = %listener.local_addr(), "serving gRPC");
        grpc::serve(self, listener, routes).await
    }

    /// Serves the figures of this process at `/metrics`, until the runtime stops.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn serve_metrics(&self, listener: Listener) -> Result<(), ServeError> {
        tracing::info!(service = %self.name, address = %listener.local_addr(), "serving metrics");
        metrics::serve(self, listener).await;
        Ok(())
    }

    /// Serves HTTP until the runtime stops: connections are capped and timed, a handler that panics answers 500.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn serve_http<H, F>(&self, listener: Listener, limits: HttpLimits, handler: H) -> Result<(), ServeError>
    where
        H: Fn(::http::Request<hyper::body::Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = ::http::Response<HttpBody>> + Send + 'static,
    {
        tracing::info!(service = %self.name, address = %listener.local_addr(), "serving HTTP");
        http::serve(self, listener, limits, handler).await;
        Ok(())
    }
}
