//! The sandbox: a local twin of every vendor. Owns: each vendor's true wire, limits, errors, back office and books, and
//! bad days on demand. Refuses: knowing anything of Weft; it is written from the vendors' documents alone, so that a
//! misreading of ours shows. In: HTTP as the vendors speak it, `/__sandbox/` for the people who run it. Out: answers,
//! webhooks.

mod books;
mod clock;
mod control;
mod faults;
mod requests;
mod salesforce;
mod seed;
mod serve;
mod twin;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use retail_runtime::config::Span;
use retail_runtime::{HttpLimits, Listener, Runtime};
use serde::Deserialize;

use crate::clock::TwinClock;
use crate::control::Control;
pub use crate::seed::{ItemKind, Seed, SeedItem, SeedLocation, SeedStock};
use crate::serve::Stand;
use crate::twin::Twin;

/// How often back offices work.
const TICK: Duration = Duration::from_millis(100);

/// Configuration of the sandbox.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the books are kept; in memory without it.
    #[serde(default)]
    pub dir: Option<PathBuf>,
    /// Where the control listens.
    pub control: SocketAddr,
    /// Where the Salesforce twin listens.
    pub salesforce: SocketAddr,
    /// How long each answer takes at least.
    #[serde(default)]
    pub latency: Span,
}

/// Where the twins listen.
#[derive(Debug, Clone, Copy)]
pub struct Running {
    /// The control.
    pub control: SocketAddr,
    /// Salesforce.
    pub salesforce: SocketAddr,
}

/// Why the sandbox could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A listener could not be opened.
    #[error("cannot listen on {at}: is another sandbox running?")]
    Listen {
        /// Where.
        at: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Books could not be opened.
    #[error("cannot open the books of {vendor}")]
    Books {
        /// Whose.
        vendor: &'static str,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// The directory of the books cannot be made.
    #[error("cannot make the directory {} for the books", .dir.display())]
    Directory {
        /// Where.
        dir: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// The sandbox.
#[derive(Debug, Clone, Copy)]
pub struct Sandbox;

impl Sandbox {
    /// Starts every twin and their control; they end with the runtime.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn start(runtime: &Runtime, config: Config) -> Result<Running, Error> {
        if let Some(dir) = &config.dir {
            std::fs::create_dir_all(dir).map_err(|source| Error::Directory { dir: dir.clone(), source })?;
        }
        let clock = TwinClock::new(runtime.clock());
        let control = Arc::new(Control::new(&clock));
        let salesforce_at = listen(runtime, config.salesforce).await?;
        let twin = salesforce::Salesforce::open(config.dir.as_deref(), salesforce::Config::default());
        let twin: Arc<dyn Twin> = Arc::new(twin.map_err(|source| Error::Books { vendor: "salesforce", source })?);
        let latency = config.latency.get();
        let stand =
            Arc::new(Stand::new(runtime, &clock, twin, format!("http://{}", salesforce_at.local_addr()), latency));
        let control_at = listen(runtime, config.control).await?;
        let running = Running { control: control_at.local_addr(), salesforce: salesforce_at.local_addr() };
        control.know(vec![Arc::clone(&stand)]);
        serve(runtime, salesforce_at, stand, &control);
        Ok(running)
    }
}

async fn listen(runtime: &Runtime, at: SocketAddr) -> Result<Listener, Error> {
    runtime.bind(at).await.map_err(|source| Error::Listen { at, source })
}

fn serve(runtime: &Runtime, listener: Listener, stand: Arc<Stand>, control: &Arc<Control>) {
    let handler = serve::handler(stand, Arc::clone(control));
    let limits = HttpLimits { per_peer: 10_000, headers: 100, ..HttpLimits::default() };
    let server = runtime.clone();
    runtime.spawn("twin", async move {
        if let Err(error) = server.serve_http(listener, limits, handler).await {
            tracing::error!(%error, "a twin's listener ended");
        }
    });
}
