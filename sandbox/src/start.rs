//! Starting the sandbox: its configuration, its listeners, its back office.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use retail_runtime::{HttpLimits, Listener, Runtime};
use serde::Deserialize;

use crate::clock::TwinClock;
use crate::control::Control;
use crate::netsuite;
use crate::salesforce;
use crate::serve::{House, Maker, respond};
use crate::shopify;
use crate::smtp;
use crate::stripe;

/// Real time between two rounds of the back offices, in milliseconds.
const TICK: u64 = 100;

/// Settings of the sandbox.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the books are kept; in memory when absent.
    pub dir: Option<PathBuf>,
    /// Addresses.
    pub listen: Listen,
    /// Milliseconds every vendor takes before it looks at a request.
    pub latency_ms: u64,
    /// Milliseconds between two rounds of the back offices; 100 when absent.
    pub tick_ms: Option<u64>,
    /// The Shopify twin.
    pub shopify: shopify::Config,
    /// The NetSuite twin.
    pub netsuite: netsuite::Config,
    /// The Salesforce twin.
    pub salesforce: salesforce::Config,
    /// The Stripe twin; there is none without this section.
    pub stripe: Option<stripe::Config>,
    /// The mail server; there is none without this section.
    pub smtp: Option<smtp::Config>,
}

/// Where the sandbox listens; port 0 takes a free one.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// The operator's door.
    pub control: SocketAddr,
    /// The shop.
    pub shopify: SocketAddr,
    /// The ERP.
    pub netsuite: SocketAddr,
    /// The CRM.
    pub salesforce: SocketAddr,
    /// The payment service, when there is one.
    pub stripe: SocketAddr,
    /// The mail server, which speaks SMTP, when there is one.
    pub smtp: SocketAddr,
}

impl Default for Listen {
    fn default() -> Listen {
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Listen {
            control: at(9100),
            shopify: at(9101),
            netsuite: at(9102),
            salesforce: at(9103),
            stripe: at(9104),
            smtp: at(9105),
        }
    }
}

impl Listen {
    /// Free ports of the loopback address.
    #[must_use]
    pub fn anywhere() -> Listen {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Listen { control: any, shopify: any, netsuite: any, salesforce: any, stripe: any, smtp: any }
    }
}

/// Why the sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Books cannot be opened; the directory is missing, locked or not writable.
    #[error("cannot open the sandbox's books")]
    Books(#[from] rusqlite::Error),
    /// The directory cannot be made.
    #[error("cannot make the sandbox's directory {0}")]
    Directory(PathBuf, #[source] std::io::Error),
    /// An address cannot be listened on.
    #[error("cannot listen on {0}")]
    Bind(SocketAddr, #[source] std::io::Error),
}

/// Where a started sandbox listens.
#[derive(Debug, Clone, Copy)]
pub struct Running {
    /// The operator's door.
    pub control: SocketAddr,
    /// The shop.
    pub shopify: SocketAddr,
    /// The ERP.
    pub netsuite: SocketAddr,
    /// The CRM.
    pub salesforce: SocketAddr,
    /// The payment service, when there is one.
    pub stripe: Option<SocketAddr>,
    /// The mail server, which speaks SMTP, when there is one.
    pub smtp: Option<SocketAddr>,
}

/// The sandbox.
#[derive(Debug)]
pub struct Sandbox;

impl Sandbox {
    /// Opens the books, listens, and lets the back offices work until the runtime stops.
    ///
    /// # Errors
    /// [`Error`]; nothing listens then.
    pub async fn start(runtime: &Runtime, config: Config) -> Result<Running, Error> {
        let runtime = runtime.named("sandbox");
        if let Some(dir) = &config.dir {
            std::fs::create_dir_all(dir).map_err(|err| Error::Directory(dir.clone(), err))?;
        }
        let clock = TwinClock::open(config.dir.as_deref(), runtime.clock().clone())?;
        let listen = &config.listen;
        let control_door = bind(&runtime, listen.control).await?;
        let mut doors = Vec::new();
        for (make, at) in makers(&runtime, &clock, &config) {
            let latency = Duration::from_millis(config.latency_ms);
            let house = House::open(&runtime, clock.clone(), config.dir.clone(), latency, make)?;
            let door = bind(&runtime, at).await?;
            let _first = house.base_url.set(format!("http://{}", door.local_addr()));
            doors.push((Arc::new(house), door));
        }
        let at = |name: &str| {
            let door = doors.iter().find(|(house, _)| house.name() == name);
            door.map_or_else(|| control_door.local_addr(), |(_, door)| door.local_addr())
        };
        let running = Running {
            control: control_door.local_addr(),
            shopify: at("shopify"),
            netsuite: at("netsuite"),
            salesforce: at("salesforce"),
            stripe: config.stripe.as_ref().map(|_| at("stripe")),
            smtp: config.smtp.as_ref().map(|_| at(smtp::NAME)),
        };
        let houses = doors.iter().map(|(house, _)| Arc::clone(house)).collect();
        let control = Arc::new(Control { houses, clock });
        serve(&runtime, None, control_door, &control);
        for (house, door) in doors {
            match &config.smtp {
                Some(server) if house.name() == smtp::NAME => smtp::door::serve(&runtime, house, door, server.clone()),
                _ => serve(&runtime, Some(house), door, &control),
            }
        }
        let (ticking, stopping) = (runtime.clock().clone(), runtime.stopping());
        let tick = Duration::from_millis(config.tick_ms.unwrap_or(TICK));
        runtime.spawn("sandbox.tick", async move {
            while !stopping.is_cancelled() {
                control.tick();
                let _stopped = ticking.timeout(tick, stopping.cancelled()).await;
            }
        });
        Ok(running)
    }
}

fn makers(runtime: &Runtime, clock: &TwinClock, config: &Config) -> Vec<(Maker, SocketAddr)> {
    let listen = &config.listen;
    let (world, time, dir, shop) = (runtime.clone(), clock.clone(), config.dir.clone(), config.shopify.clone());
    let shopify: Maker = Box::new(move || Ok(shopify::Shopify::start(&world, &time, dir.as_deref(), shop.clone())?));
    let (dir, account) = (config.dir.clone(), config.netsuite.clone());
    let netsuite: Maker = Box::new(move || Ok(Arc::new(netsuite::NetSuite::open(dir.as_deref(), account.clone())?)));
    let (dir, org) = (config.dir.clone(), config.salesforce.clone());
    let salesforce: Maker = Box::new(move || Ok(Arc::new(salesforce::Salesforce::open(dir.as_deref(), org.clone())?)));
    let mut makers = vec![(shopify, listen.shopify), (netsuite, listen.netsuite), (salesforce, listen.salesforce)];
    if let Some(account) = config.stripe.clone() {
        let (world, time, dir) = (runtime.clone(), clock.clone(), config.dir.clone());
        let stripe: Maker =
            Box::new(move || Ok(stripe::Stripe::start(&world, &time, dir.as_deref(), account.clone())?));
        makers.push((stripe, listen.stripe));
    }
    if config.smtp.is_some() {
        let dir = config.dir.clone();
        let server: Maker = Box::new(move || Ok(smtp::Smtp::open(dir.as_deref())?));
        makers.push((server, listen.smtp));
    }
    makers
}

async fn bind(runtime: &Runtime, at: SocketAddr) -> Result<Listener, Error> {
    runtime.bind(at).await.map_err(|err| Error::Bind(at, err))
}

fn serve(runtime: &Runtime, house: Option<Arc<House>>, door: Listener, control: &Arc<Control>) {
    let base_url: Arc<str> = format!("http://{}", door.local_addr()).into();
    let control = Arc::clone(control);
    let handler = move |request: http::Request<hyper::body::Incoming>, _peer: SocketAddr| {
        let (house, control, base_url) = (house.clone(), Arc::clone(&control), Arc::clone(&base_url));
        async move {
            let seen = match House::read(request, &base_url).await {
                Ok(seen) => seen,
                Err(refusal) => return respond(*refusal),
            };
            match house {
                Some(house) if !seen.path.starts_with("/__sandbox") => house.serve(seen).await,
                _ => respond(control.answer(&seen)),
            }
        }
    };
    let world = runtime.clone();
    // A twin is asked by one mesh from one address, and vendors have no cap of ours.
    let limits =
        HttpLimits { per_peer: 4096, header_bytes: 64 * 1024, grace: Duration::from_secs(2), ..HttpLimits::default() };
    runtime.spawn("sandbox.door", async move {
        if let Err(error) = world.serve_http(door, limits, handler).await {
            tracing::error!(%error, "a door of the sandbox closed");
        }
    });
}
