//! Everything in one process: listeners first, so that ports may be 0; then the twins, the services, the connectors
//! and the gateway, over real gRPC on loopback.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use retail_runtime::{Listener, Runtime};
use retail_sandbox::Sandbox;
use retail_store::{BackendConfig, Store};
use serde::{Deserialize, Serialize};

use crate::config::{Backend, Config};
use crate::keys;

/// Where everything listens; kept in the data directory for the other verbs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Addresses {
    /// REST and webhooks.
    pub gateway: SocketAddr,
    /// gRPC of orders.
    pub orders: SocketAddr,
    /// gRPC of inventory and reference data.
    pub inventory: SocketAddr,
    /// gRPC of customers.
    pub customers: SocketAddr,
    /// gRPC of returns.
    pub returns: SocketAddr,
    /// gRPC of cases.
    pub cases: SocketAddr,
    /// gRPC of messages, when customers are told.
    #[serde(default)]
    pub messages: Option<SocketAddr>,
    /// gRPC of the Shopify connector.
    pub shopify: SocketAddr,
    /// gRPC of the NetSuite connector.
    pub netsuite: SocketAddr,
    /// gRPC of the Salesforce connector.
    pub salesforce: SocketAddr,
    /// gRPC of the Stripe connector, when there is one.
    #[serde(default)]
    pub stripe: Option<SocketAddr>,
    /// gRPC of the SMTP connector, when there is one.
    #[serde(default)]
    pub smtp: Option<SocketAddr>,
    /// Control of the twins.
    pub sandbox: SocketAddr,
    /// The figures, `/metrics`.
    pub metrics: SocketAddr,
}

impl Addresses {
    /// What a running `weft all` wrote, or else what the configuration says.
    pub fn known(config: &Config) -> Self {
        let written = std::fs::read(file(&config.data_dir)).ok().and_then(|text| serde_json::from_slice(&text).ok());
        written.unwrap_or(Self {
            gateway: config.gateway.listen,
            orders: config.listen.orders,
            inventory: config.listen.inventory,
            customers: config.listen.customers,
            returns: config.listen.returns,
            cases: config.listen.cases,
            messages: config.messages.as_ref().map(|_| config.listen.messages),
            shopify: config.listen.shopify,
            netsuite: config.listen.netsuite,
            salesforce: config.listen.salesforce,
            stripe: config.stripe.as_ref().map(|_| config.listen.stripe),
            smtp: config.smtp.as_ref().map(|_| config.listen.smtp),
            sandbox: config.sandbox.listen.control,
            metrics: config.listen.metrics,
        })
    }

    /// Every service that answers for its own transactions.
    #[must_use]
    pub fn services(&self) -> Vec<(&'static str, SocketAddr)> {
        let mut all = vec![
            ("orders", self.orders),
            ("returns", self.returns),
            ("inventory", self.inventory),
            ("customers", self.customers),
            ("cases", self.cases),
        ];
        all.extend(self.messages.map(|messages| ("messages", messages)));
        all
    }
}

fn file(data_dir: &Path) -> std::path::PathBuf {
    data_dir.join("addresses.json")
}

/// The address as a client writes it.
pub fn url(at: SocketAddr) -> String {
    format!("http://{at}")
}

/// Opens one domain's store.
pub async fn open_store(config: &Config, runtime: &Runtime, domain: &str) -> anyhow::Result<Store> {
    let backend = match config.store.backend {
        Backend::Embedded => BackendConfig::Embedded { dir: config.data_dir.join("store") },
        Backend::Model => BackendConfig::Model,
        Backend::Redis => {
            let redis = config.store.redis.clone().context("store.backend is redis, but there is no [store.redis]")?;
            BackendConfig::Redis(Box::new(redis))
        }
    };
    let groups = config.store.groups.get(domain).cloned().unwrap_or_default();
    let (domain_name, region, keep) = (domain.to_owned(), config.region.clone(), config.store.keep);
    let store = retail_store::Config { backend, domain: domain_name, region, groups, keep };
    let journal = config.store.journal_of(domain);
    let opened = Store::open(runtime, &store).await;
    Ok(opened.with_context(|| format!("cannot open the store of {domain}"))?.journaled(journal))
}

/// Logs how a part ended: a part that ends before the stop takes the process down, so that somebody starts it again.
fn part<E: std::fmt::Display + Send>(
    runtime: &Runtime,
    name: &'static str,
    work: impl Future<Output = Result<(), E>> + Send + 'static,
) {
    let world = runtime.clone();
    runtime.spawn(name, async move {
        match work.await {
            Ok(()) => tracing::debug!(part = name, "ended"),
            Err(error) => {
                tracing::error!(part = name, %error, "ended; stopping everything");
                world.stop();
            }
        }
    });
}

/// Starts everything; it ends with the runtime.
pub async fn start(mut config: Config, runtime: &Runtime) -> anyhow::Result<Addresses> {
    config.complete();
    let problems = config.message_problems();
    anyhow::ensure!(problems.is_empty(), problems.join("\n"));
    std::fs::create_dir_all(&config.data_dir)
        .with_context(|| format!("cannot make the data directory {}", config.data_dir.display()))?;
    let bind = |at: SocketAddr| async move {
        runtime.bind(at).await.with_context(|| format!("cannot listen on {at}; is another weft running?"))
    };
    let gateway = bind(config.gateway.listen).await?;
    let orders = bind(config.listen.orders).await?;
    let inventory = bind(config.listen.inventory).await?;
    let customers = bind(config.listen.customers).await?;
    let returns = bind(config.listen.returns).await?;
    let cases = bind(config.listen.cases).await?;
    let messages = match &config.messages {
        Some(_) => Some(bind(config.listen.messages).await?),
        None => None,
    };
    let shopify = bind(config.listen.shopify).await?;
    let netsuite = bind(config.listen.netsuite).await?;
    let salesforce = bind(config.listen.salesforce).await?;
    let smtp = match &config.smtp {
        Some(_) => Some(bind(config.listen.smtp).await?),
        None => None,
    };
    let stripe = match &config.stripe {
        Some(_) => Some(bind(config.listen.stripe).await?),
        None => None,
    };
    let metrics = bind(config.listen.metrics).await?;

    if config.sandbox.dir.is_none() && config.store.backend == Backend::Embedded {
        config.sandbox.dir = Some(config.data_dir.join("sandbox"));
    }
    let sandbox = runtime.named("sandbox");
    let twins = Sandbox::start(&sandbox, config.sandbox.clone()).await.context("cannot start the twins")?;
    let addresses = Addresses {
        gateway: gateway.local_addr(),
        orders: orders.local_addr(),
        inventory: inventory.local_addr(),
        customers: customers.local_addr(),
        returns: returns.local_addr(),
        cases: cases.local_addr(),
        messages: messages.as_ref().map(Listener::local_addr),
        shopify: shopify.local_addr(),
        netsuite: netsuite.local_addr(),
        salesforce: salesforce.local_addr(),
        stripe: stripe.as_ref().map(Listener::local_addr),
        smtp: smtp.as_ref().map(Listener::local_addr),
        sandbox: twins.control,
        metrics: metrics.local_addr(),
    };
    point_at_each_other(&mut config, &addresses, &twins);
    keys::introduce(&mut config, runtime, twins.control).await?;

    serve_connectors(&config, runtime, shopify, netsuite, salesforce)?;
    if let (Some(relay), Some(at)) = (config.smtp.clone(), smtp) {
        part(runtime, "smtp", retail_smtp::run(relay, runtime.named("smtp"), at));
    }
    if let (Some(account), Some(at)) = (config.stripe.clone(), stripe) {
        part(runtime, "stripe", retail_stripe::run(account, runtime.named("stripe"), at));
    }
    serve_services(&config, runtime, Ports { orders, inventory, customers, returns, cases }).await?;
    if let (Some(known), Some(at)) = (config.messages.clone(), messages) {
        let shelf = open_store(&config, runtime, "messages").await?;
        part(runtime, "messages", retail_messages::run(known, runtime.named("messages"), shelf, at));
    }
    let edge = runtime.named("gateway");
    part(runtime, "gateway", serve_gateway(config.gateway.clone(), edge, gateway));
    part(runtime, "metrics", serve_metrics(runtime.clone(), metrics));

    let text = serde_json::to_vec_pretty(&addresses)?;
    std::fs::write(file(&config.data_dir), text).context("cannot write addresses.json into the data directory")?;
    Ok(addresses)
}

/// Serves the edge on a listener that is open already.
pub async fn serve_gateway(config: retail_gateway::Config, runtime: Runtime, at: Listener) -> anyhow::Result<()> {
    let gateway = retail_gateway::Gateway::new(config, &runtime, retail_proto::DESCRIPTORS)?;
    Ok(gateway.serve(at).await?)
}

/// Serves the figures of this process on a listener that is open already.
pub async fn serve_metrics(runtime: Runtime, at: Listener) -> anyhow::Result<()> {
    Ok(runtime.serve_metrics(at).await?)
}

/// Serves the CRM connector on a listener that is open already.
pub async fn serve_salesforce(config: retail_salesforce::Config, runtime: Runtime, at: Listener) -> anyhow::Result<()> {
    let salesforce = retail_salesforce::Salesforce::new(&runtime, config)?;
    Ok(runtime.serve_grpc(at, tonic::service::Routes::new(salesforce.server())).await?)
}

/// Replaces configured addresses by the ones that were given, for everything that runs in this process.
fn point_at_each_other(config: &mut Config, at: &Addresses, twins: &retail_sandbox::Running) {
    config.gateway.public_url = url(at.gateway);
    for (service, upstream) in &mut config.gateway.upstreams {
        *upstream = url(match (service.as_str(), at.messages) {
            ("retail.messages.v1.MessagesService", Some(messages)) => messages,
            ("retail.orders.v1.OrdersService", _) => at.orders,
            ("retail.customers.v1.CustomersService", _) => at.customers,
            ("retail.returns.v1.ReturnsService", _) => at.returns,
            ("retail.cases.v1.CasesService", _) => at.cases,
            _ => at.inventory,
        });
    }
    for webhook in config.gateway.webhooks.values_mut() {
        webhook.upstream = url(match (webhook.kind.as_str(), at.stripe) {
            ("payments", Some(stripe)) => stripe,
            _ => at.shopify,
        });
    }
    config.orders.inventory = url(at.inventory);
    config.orders.customers = url(at.customers);
    for channel in config.orders.channels.values_mut().filter(|channel| !channel.address.is_empty()) {
        channel.address = url(at.shopify);
    }
    for erp in config.orders.erps.values_mut() {
        erp.address = url(at.netsuite);
    }
    for crm in config.orders.crms.values_mut() {
        crm.address = url(at.salesforce);
    }
    if let Some(erp) = &mut config.inventory.erp {
        erp.address = url(at.netsuite);
    }
    config.inventory.orders = Some(url(at.orders));
    for channel in &mut config.inventory.channels {
        channel.address = url(match channel.kind {
            retail_inventory::Kind::Shop => at.shopify,
            retail_inventory::Kind::Crm => at.salesforce,
        });
    }
    for erp in config.customers.erps.values_mut() {
        erp.address = url(at.netsuite);
    }
    for crm in config.customers.crms.values_mut() {
        crm.address = url(at.salesforce);
    }
    point_returns(&mut config.returns, at);
    point_cases(&mut config.cases, at);
    if let Some(messages) = &mut config.messages {
        messages.orders = url(at.orders);
        messages.returns = url(at.returns);
    }
    config.shopify.http.base_url = url(twins.shopify);
    config.shopify.orders = url(at.orders);
    config.shopify.returns = Some(url(at.returns));
    config.shopify.customers = Some(url(at.customers));
    config.netsuite.http.base_url = url(twins.netsuite);
    config.salesforce.http.base_url = url(twins.salesforce);
    if let (Some(account), Some(twin)) = (&mut config.stripe, twins.stripe) {
        account.http.base_url = url(twin);
    }
    if let (Some(known), Some(carrier), Some(at_smtp)) = (&mut config.messages, &config.smtp, at.smtp) {
        for (_, one) in known.carriers.iter_mut().filter(|(name, _)| **name == carrier.instance) {
            one.address = url(at_smtp);
        }
    }
    if let (Some(carrier), Some(twin)) = (&mut config.smtp, twins.smtp) {
        carrier.relay.host = twin.ip().to_string();
        carrier.relay.port = twin.port();
    }
    if let (Some(account), Some(at_stripe)) = (&mut config.stripe, at.stripe) {
        account.facts = Some(url(at.orders));
        for service in config.orders.payments.values_mut() {
            service.address = url(at_stripe);
        }
        for service in config.returns.payments.values_mut() {
            service.address = url(at_stripe);
        }
    }
}

fn point_returns(config: &mut retail_returns::Config, at: &Addresses) {
    config.orders = url(at.orders);
    config.customers = url(at.customers);
    config.inventory = url(at.inventory);
    for channel in config.channels.values_mut().filter(|channel| !channel.address.is_empty()) {
        channel.address = url(at.shopify);
    }
    for erp in config.erps.values_mut() {
        erp.address = url(at.netsuite);
    }
}

fn point_cases(config: &mut retail_cases::Config, at: &Addresses) {
    config.orders = url(at.orders);
    config.returns = url(at.returns);
    config.customers = url(at.customers);
    config.inventory = url(at.inventory);
    for crm in config.crms.values_mut() {
        crm.address = url(at.salesforce);
    }
}

fn serve_connectors(
    config: &Config,
    runtime: &Runtime,
    shopify: Listener,
    netsuite: Listener,
    salesforce: Listener,
) -> anyhow::Result<()> {
    let world = |name: &str| runtime.named(name);
    part(runtime, "shopify", retail_shopify::run(config.shopify.clone(), world("shopify"), shopify));
    part(runtime, "netsuite", retail_netsuite::run(config.netsuite.clone(), world("netsuite"), netsuite));
    part(runtime, "salesforce", serve_salesforce(config.salesforce.clone(), world("salesforce"), salesforce));
    Ok(())
}

/// Where the services listen.
struct Ports {
    orders: Listener,
    inventory: Listener,
    customers: Listener,
    returns: Listener,
    cases: Listener,
}

async fn serve_services(config: &Config, runtime: &Runtime, at: Ports) -> anyhow::Result<()> {
    let world = |name: &str| runtime.named(name);
    let store = |name: &'static str| open_store(config, runtime, name);
    let (known, shelf) = (config.inventory.clone(), store("inventory").await?);
    part(runtime, "inventory", retail_inventory::run(known, world("inventory"), shelf, at.inventory));
    let (known, shelf) = (config.customers.clone(), store("customers").await?);
    part(runtime, "customers", retail_customers::run(known, world("customers"), shelf, at.customers));
    let (known, shelf) = (config.orders.clone(), store("orders").await?);
    part(runtime, "orders", retail_orders::run(known, world("orders"), shelf, at.orders));
    let (known, shelf) = (config.returns.clone(), store("returns").await?);
    part(runtime, "returns", retail_returns::run(known, world("returns"), shelf, at.returns));
    let (known, shelf) = (config.cases.clone(), store("cases").await?);
    part(runtime, "cases", retail_cases::run(known, world("cases"), shelf, at.cases));
    Ok(())
}

/// What `weft doctor` looks at: every address with the name people use.
pub fn named(at: &Addresses) -> BTreeMap<&'static str, SocketAddr> {
    let mut all = BTreeMap::from([
        ("gateway", at.gateway),
        ("orders", at.orders),
        ("inventory", at.inventory),
        ("customers", at.customers),
        ("returns", at.returns),
        ("cases", at.cases),
        ("connector shopify", at.shopify),
        ("connector netsuite", at.netsuite),
        ("connector salesforce", at.salesforce),
        ("sandbox", at.sandbox),
    ]);
    all.extend(at.messages.map(|messages| ("messages", messages)));
    all.extend(at.stripe.map(|stripe| ("connector stripe", stripe)));
    all.extend(at.smtp.map(|smtp| ("connector smtp", smtp)));
    all
}
