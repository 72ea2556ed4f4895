//! Calls to another service, which may have several replicas: named one by one, or all behind one name. Each call goes
//! to the replica with the fewest calls under way; one that cannot be reached is left out at once, and a call that never
//! left goes to the next.

mod replica;

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::uri::{Authority, Uri};
use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;
use tonic::service::interceptor::InterceptedService;

use self::replica::{Replica, Unanswered};
use crate::grpc::Outbound;
use crate::{Runtime, deadline};

/// A channel to another service, connected when it is needed: `OrdersServiceClient::new(peer)`.
pub type Peer = InterceptedService<Balanced, Outbound>;

/// Names are looked up again this often: replicas come and go behind them.
const LOOK_UP: Duration = Duration::from_secs(5);

/// An address that cannot be one.
#[derive(Debug, thiserror::Error)]
#[error(
    "{address:?} is not an address of a service; write it like http://host:port, several with commas between: \
     http://one:7101,http://two:7101"
)]
pub struct PeerError {
    address: String,
}

/// All replicas of a service. Clones share their connections.
#[derive(Clone)]
pub struct Balanced(Arc<Shared>);

struct Shared {
    runtime: Runtime,
    /// As configured.
    named: Vec<Authority>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    replicas: Vec<Arc<Replica>>,
    /// When the names are due to be looked up; `None` when that never is.
    due: Option<Duration>,
}

impl std::fmt::Debug for Balanced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Balanced").field(&self.0.named).finish()
    }
}

/// Reads `http://host:port`, several with commas between.
pub(crate) fn peer(runtime: &Runtime, address: &str) -> Result<Peer, PeerError> {
    let named: Option<Vec<Authority>> = address.split(',').map(authority).collect();
    let named = named.ok_or_else(|| PeerError { address: address.to_owned() })?;
    let mut known = Known::default();
    if named.iter().all(|name| is_number(name.host())) {
        let replica = |name: &Authority| Arc::new(Replica::new(bare(name.host()).to_owned(), name.clone()));
        known.replicas = named.iter().map(replica).collect();
    } else {
        known.due = Some(Duration::ZERO);
    }
    let shared = Shared { runtime: runtime.clone(), named, known: Mutex::new(known) };
    Ok(InterceptedService::new(Balanced(Arc::new(shared)), Outbound))
}

fn authority(address: &str) -> Option<Authority> {
    let uri: Uri = address.trim().parse().ok()?;
    let path = uri.path();
    let whole = uri.scheme_str() == Some("http") && uri.port_u16().is_some() && (path.is_empty() || path == "/");
    uri.authority().filter(|name| whole && !name.host().is_empty()).cloned()
}

/// A host without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

fn is_number(host: &str) -> bool {
    bare(host).parse::<IpAddr>().is_ok()
}

impl Balanced {
    async fn send(self, request: Request<Body>) -> Result<Response<Body>, Status> {
        self.know().await;
        let limit = request.headers().get("grpc-timeout").and_then(|value| value.to_str().ok());
        let limit = limit.and_then(deadline::parse_grpc_timeout);
        let work = self.try_each(request);
        match limit {
            Some(limit) => self.0.runtime.clock().timeout(limit, work).await.unwrap_or_else(|_| Err(too_late())),
            None => work.await,
        }
    }

    async fn try_each(&self, mut request: Request<Body>) -> Result<Response<Body>, Status> {
        let mut why = "its name leads nowhere".to_owned();
        for replica in self.in_order() {
            match replica.send(&self.0.runtime, request).await {
                Ok(response) => return Ok(response),
                Err(Unanswered::Unsent(back, reason)) => {
                    tracing::debug!(peer = replica.name(), reason, "not reached; left out until it has rested");
                    (request, why) = (*back, reason);
                    // Perhaps it has moved.
                    self.hurry();
                }
                Err(Unanswered::Lost(status)) => return Err(status),
            }
        }
        let names: Vec<&str> = self.0.named.iter().map(Authority::as_str).collect();
        let error = format!("nobody answers at {}: {why}", names.join(", "));
        Err(Status::from_error(Box::new(tonic::ConnectError(error.into()))))
    }

    /// Those that rest last, otherwise those with the fewest calls under way first, equals by chance.
    fn in_order(&self) -> Vec<Arc<Replica>> {
        let now = self.0.runtime.clock().monotonic();
        let known = self.lock().replicas.clone();
        if known.len() < 2 {
            return known;
        }
        let rank = |one: Arc<Replica>| ((one.rests(now), one.under_way(), self.0.runtime.rng().below(1 << 32)), one);
        let mut ranked: Vec<_> = known.into_iter().map(rank).collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        ranked.into_iter().map(|(_, one)| one).collect()
    }

    /// Sees to it that the replicas behind the names are known. Only the first call waits for that.
    async fn know(&self) {
        let (due, first) = {
            let mut known = self.lock();
            let now = self.0.runtime.clock().monotonic();
            let due = known.due.is_some_and(|due| due <= now);
            if due {
                known.due = Some(now.saturating_add(LOOK_UP));
            }
            (due, known.replicas.is_empty() && known.due.is_some())
        };
        if first {
            self.look_up().await;
        } else if due {
            let all = self.clone();
            self.0.runtime.spawn("peer.names", async move { all.look_up().await });
        }
    }

    fn hurry(&self) {
        let mut known = self.lock();
        known.due = known.due.map(|_| Duration::ZERO);
    }

    /// Asks for every name. One that cannot be asked for keeps the replicas it had.
    async fn look_up(&self) {
        let mut found: Vec<(String, Authority)> = Vec::new();
        for name in &self.0.named {
            let asked = self.0.runtime.net().resolve(bare(name.host()), name.port_u16().unwrap_or_default());
            match self.0.runtime.clock().timeout(LOOK_UP, asked).await {
                Ok(Ok(hosts)) => found.extend(hosts.into_iter().map(|host| (host, name.clone()))),
                Ok(Err(_)) | Err(_) => {
                    tracing::debug!(%name, "no address is known for this name; those known before are kept");
                    let known = self.lock();
                    let before = known.replicas.iter().filter(|one| one.authority() == name);
                    found.extend(before.map(|one| (one.host().to_owned(), name.clone())));
                }
            }
        }
        let mut known = self.lock();
        let before = std::mem::take(&mut known.replicas);
        let same = |(host, name): &(String, Authority)| {
            let one = before.iter().find(|one| one.host() == host && one.authority() == name);
            one.cloned().unwrap_or_else(|| Arc::new(Replica::new(host.clone(), name.clone())))
        };
        known.replicas = found.iter().map(same).collect();
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn too_late() -> Status {
    Status::from_error(Box::new(tonic::TimeoutExpired(())))
}

impl tower_service::Service<Request<Body>> for Balanced {
    type Response = Response<Body>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Status>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.clone().send(request))
    }
}
