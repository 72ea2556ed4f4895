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
use crate::{Clock, Ids, Listener, Net, Peer, PeerError, Rng, ServeError, grpc};

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
        Self { name: name.into(), clock, rng, ids, net, tasks: TaskTracker::new(), stop: CancellationToken::new() }
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

    /// Asks everything to end.
    pub fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
    }

    /// Waits until every task has ended; false when the grace period was too short.
    pub async fn drained(&self, grace: Duration) -> bool {
        self.clock.timeout(grace, self.tasks.wait()).await.is_ok()
    }

    /// Waits for SIGTERM or SIGINT, asks everything to end, and says which of the two endings it was.
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
        let clean = self.drained(grace).await;
        if clean {
            tracing::info!(service = %self.name, "stopped; nothing was under way");
        } else {
            tracing::warn!(service = %self.name, "stopped at the end of the grace period; work under way goes on after the next start");
        }
        Ok(clean)
    }

    /// A lazy channel to another service, with trace context and deadline on every call.
    ///
    /// # Errors
    /// [`PeerError`] when the address is none.
    pub fn peer(&self, address: &str) -> Result<Peer, PeerError> {
        grpc::peer(self, address)
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

    /// Serves HTTP until the runtime stops.
    pub async fn serve_http<H, F>(&self, listener: Listener, limits: HttpLimits, handler: H)
    where
        H: Fn(::http::Request<hyper::body::Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = ::http::Response<HttpBody>> + Send + 'static,
    {
        tracing::info!(service = %self.name, address = %listener.local_addr(), "serving HTTP");
        http::serve(self, listener, limits, handler).await;
    }
}
