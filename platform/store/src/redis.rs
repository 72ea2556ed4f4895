//! The Redis back end: many replicas of a service on one Redis 7 or Valkey, single, replicated or Cluster.
//!
//! All names of a partition share one hash tag and so one slot. A commit is one script that checks everything, then
//! writes everything. What changes something goes over connections of its own, many scripts in one go and one WAIT
//! behind them where the durability class asks for replicas. What was sent and not answered is sent again under the same
//! number, and the script knows it.

use std::sync::Arc;

use retail_runtime::Runtime;
use tokio::sync::watch;

use crate::backend::Hints;
use crate::fault::Error;
use crate::key::Partition;

mod commit;
mod connection;
mod domain;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod listen;
mod names;
mod node;
mod route;
mod script;
#[cfg(test)]
#[path = "../tests/it/servers.rs"]
mod servers;
mod settings;
mod slots;
mod start;
#[cfg(test)]
mod tests;
mod values;

pub use settings::{Durability, RedisConfig};

use connection::Connector;
use names::Names;
use route::Route;

/// Whose time a lease runs by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LeaseTime {
    /// The server's, so that wrong clocks of replicas do no harm.
    #[default]
    Server,
    /// The caller's: for tests that move time themselves.
    Caller,
}

/// One domain's data in Redis. Clones share everything.
#[derive(Clone)]
pub struct Redis {
    inner: Arc<Inner>,
}

struct Inner {
    route: Route,
    region: String,
    domain: String,
    /// By number.
    names: Vec<Names>,
    /// Drawn at start: under this name its commits are known.
    writer: String,
    /// Commits of each partition so far; held while one is under way.
    turns: Vec<tokio::sync::Mutex<u64>>,
    lease_time: LeaseTime,
    hints: Hints,
    _alive: watch::Sender<()>,
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Inner { domain, region, .. } = &*self.inner;
        f.debug_struct("Redis").field("domain", domain).field("region", region).finish_non_exhaustive()
    }
}

impl Redis {
    /// Connects, checks that what is there keeps what the class promises, and finds or makes the domain.
    ///
    /// # Errors
    /// [`Error::Unfit`] when settings, replicas or version do not fit the class, [`Error::Birth`] when the data was made
    /// with another region, partition count or layout, [`Error::Unavailable`] when nobody answers.
    pub async fn open(runtime: &Runtime, config: &RedisConfig, domain: &str, region: &str) -> Result<Self, Error> {
        Self::open_with(runtime, config, domain, region, LeaseTime::default()).await
    }

    /// As [`Redis::open`], with leases by another time.
    ///
    /// # Errors
    /// As [`Redis::open`].
    pub async fn open_with(
        runtime: &Runtime,
        config: &RedisConfig,
        domain: &str,
        region: &str,
        lease_time: LeaseTime,
    ) -> Result<Self, Error> {
        let connector = Arc::new(Connector::new(runtime, config.clone())?);
        let tags = Partition::all().map(|partition| Names::of(partition, region, domain).tag().to_owned());
        let route = Route::new(connector, tags);
        route.refresh().await.map_err(Error::Unavailable)?;
        let first = Partition::all().map(|partition| Names::of(partition, region, domain)).next();
        start::fit(&route, &first.map(|names| names.documents()).unwrap_or_default()).await?;
        start::bear(&route, region, domain).await?;
        let mut nonce = [0; 16];
        runtime.rng().fill(&mut nonce);
        let (alive, ends) = watch::channel(());
        let inner = Arc::new(Inner {
            route,
            region: region.to_owned(),
            domain: domain.to_owned(),
            names: Partition::all().map(|partition| Names::of(partition, region, domain)).collect(),
            writer: uuid::Builder::from_random_bytes(nonce).into_uuid().simple().to_string(),
            turns: Partition::all().map(|_| tokio::sync::Mutex::default()).collect(),
            lease_time,
            hints: Hints::new(),
            _alive: alive,
        });
        runtime.spawn("store.redis.hints", listen::run(Arc::downgrade(&inner), ends));
        Ok(Self { inner })
    }
}
