//! What runs where: every service, connector and twin is a host of its own, with the code that a real process runs.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use retail_runtime::config::{SecretString, Span};
use retail_runtime::{Listener, Rng, Runtime};
use retail_store::{Backend, Partition, Store};
use retail_weft::config::{self, Config};
use retail_weft::wire::Wire;
use serde_json::Value;
use tonic::service::Routes;

use crate::net;
use crate::scene::Scene;
use crate::shelf::Shelf;
use crate::shown;
use crate::time;
use crate::watch::Watch;
use crate::web;

/// Hosts whose processes may die.
pub(crate) const MORTAL: [&str; 9] =
    ["gateway", "orders", "inventory", "customers", "returns", "cases", "shopify", "netsuite", "salesforce"];
/// The one beside them in worlds with a web shop.
pub(crate) const PAYMENTS: &str = "stripe";
/// Those beside them in worlds whose customers are told by mail.
pub(crate) const POST: [&str; 2] = ["messages", "smtp"];
/// Further replicas, which some worlds have: they share a domain's store and its work, nobody calls them.
pub(crate) const SECONDS: [&str; 5] = ["orders2", "inventory2", "customers2", "returns2", "cases2"];
/// Domains with a store; the last has no process in worlds whose customers are not told.
pub(crate) const DOMAINS: [&str; 6] = ["orders", "inventory", "customers", "returns", "cases", "messages"];
/// Who follows whose feeds.
pub(crate) const FOLLOWED: [(&str, &str); 5] = [
    ("orders", "cases"),
    ("returns", "cases"),
    ("customers", "cases"),
    ("orders", "messages"),
    ("returns", "messages"),
];
/// The vendors' twins share a host: what goes wrong between them and the mesh goes wrong on the wire to it.
pub(crate) const VENDORS: &str = "vendors";
/// Who buys, sells and looks into the books.
pub(crate) const PEOPLE: &str = "people";

const REGION: &str = "local";
/// A payment service beside what the laptop has, and the web shop that is paid there.
const STRIPE: &str = "instance = 'pay'\nsecret_key = 'sk_test_weft_sandbox'\nwebhook_secret = 'whsec_weft_sandbox'\n\
    facts = 'http://orders:7101'\nhttp = { base_url = 'http://127.0.0.1:9104' }";
const STRIPE_CALLS: &str = "kind = 'payments'\nupstream = 'http://stripe:7204'";
const STRIPE_IS_AT: &str = "address = 'http://stripe:7204'";
const MESSAGES: &str = "orders = 'http://orders:7101'\nreturns = 'http://returns:7104'\n\
    carriers = { mail = { address = 'http://smtp:7205' } }\n\
    channels = { shop = { carrier = 'mail' }, web = { carrier = 'mail' } }";
const SMTP: &str = "instance = 'mail'\ndomain = 'mail.example.com'\nsender = { from = 'Shop <orders@example.com>' }\n\
    relay = { host = 'vendors', port = 9105, tls = 'none', allow_plaintext = true }";
/// How long a process that ended by itself stays down.
const RESTART: Duration = Duration::from_secs(1);

/// What every host of a run is made from.
#[derive(Clone)]
pub(crate) struct Estate {
    pub(crate) seed: u64,
    pub(crate) scene: Scene,
    pub(crate) config: Arc<Config>,
    pub(crate) shelves: Arc<BTreeMap<&'static str, Shelf>>,
    pub(crate) watch: Watch,
    /// By how many milliseconds each host's wall clock is ahead.
    pub(crate) ahead: Arc<BTreeMap<&'static str, i64>>,
    /// Hosts whose processes may die.
    pub(crate) mortal: Arc<Vec<&'static str>>,
}

/// The configuration of the laptop, with every part on a host of its own.
pub(crate) fn configuration(scene: &Scene) -> anyhow::Result<Config> {
    let homes = [
        ("7101", "orders"),
        ("7102", "inventory"),
        ("7103", "customers"),
        ("7104", "returns"),
        ("7105", "cases"),
        ("7201", "shopify"),
        ("7202", "netsuite"),
        ("7203", "salesforce"),
        ("8080", "gateway"),
    ];
    let moved = homes.iter().fold(config::BUILTIN.to_owned(), |text, (port, host)| {
        text.replace(&format!("http://127.0.0.1:{port}"), &format!("http://{host}:{port}"))
    });
    let mut config: Config = retail_runtime::config::load(&moved, None, "WEFT_SIM_NOTHING__")?;
    // Everybody in the shop's twin has one address here.
    config.sandbox.dir = None;
    config.sandbox.tick_ms = Some(400);
    // Idle readings were a tenth of a world; a return whose order waits for goods would be asked about for two days.
    config.orders.erps.values_mut().for_each(|erp| erp.poll = Span::from_secs(2));
    config.inventory.check = Span::from_millis(shown::CHECK);
    // Telling agents every few seconds would be most of the time in which a world comes to rest.
    let crm = config.inventory.channels.iter_mut().filter(|channel| channel.instance == "crm");
    crm.for_each(|channel| channel.every = Some(Span::from_secs(1)));
    config.returns.erps.values_mut().for_each(|erp| erp.poll = Span::from_secs(2));
    config.returns.patience = Span::from_secs(60);
    if scene.paid {
        let_customers_pay(&mut config)?;
    }
    if scene.told {
        config.messages = Some(toml::from_str(MESSAGES)?);
        config.smtp = Some(toml::from_str(SMTP)?);
        config.sandbox.smtp = Some(toml::from_str("")?);
        let upstreams = &mut config.gateway.upstreams;
        upstreams.insert("retail.messages.v1.MessagesService".to_owned(), "http://messages:7106".to_owned());
        config.complete();
    }
    Ok(config)
}

fn let_customers_pay(config: &mut Config) -> anyhow::Result<()> {
    config.stripe = Some(toml::from_str(STRIPE)?);
    config.sandbox.stripe = Some(toml::from_str("refund_seconds = 2")?);
    config.gateway.webhooks.insert("pay".to_owned(), toml::from_str(STRIPE_CALLS)?);
    config.orders.payments.insert("pay".to_owned(), toml::from_str(STRIPE_IS_AT)?);
    config.orders.payments.values_mut().for_each(|service| service.poll = Span::from_secs(3));
    config.returns.payments.insert("pay".to_owned(), toml::from_str(STRIPE_IS_AT)?);
    config.returns.payments.values_mut().for_each(|service| service.poll = Span::from_secs(3));
    let mut orders = config.orders.channels.get("shop").context("the laptop's shop")?.clone();
    orders.address.clear();
    orders.gateways.insert("stripe".to_owned(), "pay".to_owned());
    orders.reauthorize = true;
    config.orders.channels.insert(web::CHANNEL.to_owned(), orders);
    let mut returns = config.returns.channels.get("shop").context("the laptop's shop")?.clone();
    returns.address.clear();
    config.returns.channels.insert(web::CHANNEL.to_owned(), returns);
    Ok(())
}

/// A number that differs for every seed, host and start.
fn mixed(seed: u64, host: &str, start: u64) -> u64 {
    let name = host
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ name.wrapping_add(start.wrapping_mul(0xff51_afd7_ed55_8ccd))
}

/// One of these; none of none.
pub(crate) fn one_of<T: Copy>(rng: &Rng, from: &[T]) -> Option<T> {
    let place = rng.below(u64::try_from(from.len()).unwrap_or(0));
    usize::try_from(place).ok().and_then(|place| from.get(place)).copied()
}

/// Chance of one purpose.
pub(crate) fn chance(seed: u64, purpose: &str) -> Rng {
    Rng::seeded(mixed(seed, purpose, 0))
}

impl Estate {
    /// Chance of one purpose.
    pub(crate) fn rng(&self, purpose: &str) -> Rng {
        chance(self.seed, purpose)
    }

    /// The world as this host sees it.
    pub(crate) fn runtime(&self, host: &'static str, start: u64) -> Runtime {
        let ahead = self.ahead.get(host).copied().unwrap_or(0);
        Runtime::new(host, time::clock(ahead), Rng::seeded(mixed(self.seed, host, start)), net::net(host))
    }

    /// Runs a host's process, and again when it ends by itself, as whatever watches over processes does.
    pub(crate) async fn supervise(self, host: &'static str, start: u64) -> turmoil::Result {
        let mut again = 0_u64;
        loop {
            let runtime = self.runtime(host, start.wrapping_mul(1_000).wrapping_add(again));
            if let Err(error) = self.process(host, &runtime).await {
                self.watch.trace().line(host, &format!("process ended: {error:#}"));
                self.watch.count("processes_ended");
            }
            runtime.stop();
            again = again.wrapping_add(1);
            tokio::time::sleep(RESTART).await;
        }
    }

    async fn process(&self, host: &'static str, runtime: &Runtime) -> anyhow::Result<()> {
        let known = &self.config;
        let at = |port: u16| runtime.bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)));
        match host {
            "gateway" => {
                // Nobody reads its documentation here.
                let contracts = retail_proto::BARE_DESCRIPTORS;
                let gateway = retail_gateway::Gateway::new(known.gateway.clone(), runtime, contracts)?;
                Ok(gateway.serve(at(8080).await?).await?)
            }
            "orders" => self.serve(host, runtime, at(7101).await?).await,
            "inventory" => self.serve(host, runtime, at(7102).await?).await,
            "customers" => self.serve(host, runtime, at(7103).await?).await,
            "returns" => self.serve(host, runtime, at(7104).await?).await,
            "cases" => self.serve(host, runtime, at(7105).await?).await,
            "shopify" => {
                let mut shop = known.shopify.clone();
                shop.http.base_url = vendor(9101);
                Ok(retail_shopify::run(shop, runtime.clone(), at(7201).await?).await?)
            }
            "netsuite" => {
                let listener = at(7202).await?;
                let mut account = known.netsuite.clone();
                account.http.base_url = vendor(9102);
                introduce(&mut account, runtime).await?;
                Ok(retail_netsuite::run(account, runtime.clone(), listener).await?)
            }
            "salesforce" => {
                let mut org = known.salesforce.clone();
                org.http.base_url = vendor(9103);
                let salesforce = retail_salesforce::Salesforce::new(runtime, org)?;
                Ok(runtime.serve_grpc(at(7203).await?, Routes::new(salesforce.server())).await?)
            }
            PAYMENTS => {
                let mut account = known.stripe.clone().context("a payment service")?;
                account.http.base_url = vendor(9104);
                Ok(retail_stripe::run(account, runtime.clone(), at(7204).await?).await?)
            }
            "messages" => self.serve(host, runtime, at(7106).await?).await,
            "smtp" => {
                let relay = known.smtp.clone().context("a relay")?;
                Ok(retail_smtp::run(relay, runtime.clone(), at(7205).await?).await?)
            }
            _ if SECONDS.contains(&host) => self.serve(host, runtime, at(7100).await?).await,
            _ => {
                let twins = retail_sandbox::Sandbox::start(runtime, known.sandbox.clone()).await?;
                self.watch.trace().line(host, &format!("the twins are up: {twins:?}"));
                std::future::pending().await
            }
        }
    }

    async fn serve(&self, host: &'static str, runtime: &Runtime, at: Listener) -> anyhow::Result<()> {
        let (known, runtime) = (&self.config, runtime.clone());
        let domain = host.trim_end_matches('2');
        let store = self.store(host, domain, &runtime).await?;
        match domain {
            "orders" => Ok(retail_orders::run(known.orders.clone(), runtime, store, at).await?),
            "inventory" => Ok(retail_inventory::run(known.inventory.clone(), runtime, store, at).await?),
            "customers" => Ok(retail_customers::run(known.customers.clone(), runtime, store, at).await?),
            "returns" => Ok(retail_returns::run(known.returns.clone(), runtime, store, at).await?),
            "messages" => {
                let messages = known.messages.clone().context("a messages service")?;
                Ok(retail_messages::run(messages, runtime, store, at).await?)
            }
            _ => Ok(retail_cases::run(known.cases.clone(), runtime, store, at).await?),
        }
    }

    /// Opens a domain's store as a process does at its start.
    async fn store(&self, host: &'static str, domain: &str, runtime: &Runtime) -> anyhow::Result<Store> {
        let shelf = self.shelves.get(domain).context("a domain without a store")?.seen_by(host);
        let store = Store::over(runtime, Arc::new(shelf) as Arc<dyn Backend>, domain, REGION);
        let store = store.journaled(self.config.store.journal_of(domain));
        for group in self.config.store.groups.get(domain).into_iter().flatten() {
            for partition in Partition::all() {
                store.declare(partition, group).await?;
            }
        }
        Ok(store)
    }
}

/// A vendor's address as the vendor itself knows it: signatures are over it.
fn vendor(port: u16) -> String {
    format!("http://{}", SocketAddr::new(turmoil::lookup(VENDORS), port))
}

/// Gives the connector the key that the twin has made for it.
async fn introduce(account: &mut retail_netsuite::Config, runtime: &Runtime) -> anyhow::Result<()> {
    let wire = Wire::to(runtime, &format!("http://{VENDORS}:9100"))?;
    let asked = runtime.clock().timeout(Duration::from_secs(2), wire.get("/__sandbox/netsuite/certificate")).await;
    let offered = asked??;
    let text = |name: &str| offered.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    account.client_id = text("client_id");
    account.certificate_id = text("certificate_id");
    account.private_key = Some(SecretString::from(text("private_key_pem")));
    Ok(())
}
