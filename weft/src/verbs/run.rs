//! `weft run`: one service or connector, as deployed.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args as ClapArgs, ValueEnum};
use retail_runtime::{Drain, Runtime, telemetry};
use retail_store::Store;

use crate::config::Config;
use crate::mesh::{self, open_store};
use crate::readiness;

/// Arguments of `weft run`.
#[derive(ClapArgs)]
pub(crate) struct Args {
    /// What to run: a service, or `connector` followed by the vendor.
    what: What,
    /// The vendor, after `connector`.
    vendor: Option<Vendor>,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    Gateway,
    Orders,
    Inventory,
    Customers,
    Returns,
    Cases,
    Messages,
    Connector,
}

#[derive(Clone, Copy, ValueEnum)]
enum Vendor {
    Shopify,
    Netsuite,
    Salesforce,
    Stripe,
    Smtp,
}

impl Args {
    /// What is run.
    pub(crate) fn name(&self) -> anyhow::Result<&'static str> {
        Ok(match (self.what, self.vendor) {
            (What::Gateway, None) => "gateway",
            (What::Orders, None) => "orders",
            (What::Inventory, None) => "inventory",
            (What::Customers, None) => "customers",
            (What::Returns, None) => "returns",
            (What::Cases, None) => "cases",
            (What::Messages, None) => "messages",
            (What::Connector, Some(Vendor::Shopify)) => "shopify",
            (What::Connector, Some(Vendor::Netsuite)) => "netsuite",
            (What::Connector, Some(Vendor::Salesforce)) => "salesforce",
            (What::Connector, Some(Vendor::Stripe)) => "stripe",
            (What::Connector, Some(Vendor::Smtp)) => "smtp",
            (What::Connector, None) => {
                anyhow::bail!("say which connector: shopify, netsuite, salesforce, stripe or smtp")
            }
            (_, Some(_)) => anyhow::bail!("only `connector` takes a vendor"),
        })
    }
}

/// Opens a domain's store; from now on the process is ready only while it answers.
async fn shelf(config: &Config, world: &Runtime, name: &str) -> anyhow::Result<Store> {
    let store = open_store(config, world, name).await?;
    readiness::follow(world, &store);
    Ok(store)
}

/// Runs the verb until a signal.
pub(crate) async fn run(mut config: Config, args: Args) -> anyhow::Result<ExitCode> {
    let name = args.name()?;
    config.telemetry.service = format!("weft-{name}");
    let _telemetry = telemetry::start(&config.telemetry)?;
    let (announce, grace) = (config.announce.get(), config.grace.get());
    let runtime = Runtime::system(name).draining(Drain { announce, grace });
    // A service that runs alone keeps its own directory: the embedded store has one replica and one process.
    config.data_dir = config.data_dir.join(name);
    let (world, figures) = (runtime.clone(), runtime.clone());
    let metrics = runtime.bind(config.listen.metrics).await.context("cannot listen for /metrics")?;
    runtime.spawn("metrics", async move {
        if let Err(error) = mesh::serve_metrics(figures, metrics).await {
            tracing::error!(%error, "no figures are served any more");
        }
    });
    let work = async move {
        match name {
            "gateway" => {
                let at = world.bind(config.gateway.listen).await?;
                mesh::serve_gateway(config.gateway, world, at).await?;
            }
            "orders" => {
                let (store, at) = (shelf(&config, &world, name).await?, world.bind(config.listen.orders).await?);
                retail_orders::run(config.orders, world, store, at).await?;
            }
            "inventory" => {
                let (store, at) = (shelf(&config, &world, name).await?, world.bind(config.listen.inventory).await?);
                retail_inventory::run(config.inventory, world, store, at).await?;
            }
            "customers" => {
                let (store, at) = (shelf(&config, &world, name).await?, world.bind(config.listen.customers).await?);
                retail_customers::run(config.customers, world, store, at).await?;
            }
            "returns" => {
                let (store, at) = (shelf(&config, &world, name).await?, world.bind(config.listen.returns).await?);
                retail_returns::run(config.returns, world, store, at).await?;
            }
            "cases" => {
                let (store, at) = (shelf(&config, &world, name).await?, world.bind(config.listen.cases).await?);
                retail_cases::run(config.cases, world, store, at).await?;
            }
            "messages" => {
                let problems = config.message_problems();
                anyhow::ensure!(problems.is_empty(), problems.join("\n"));
                let told = config.messages.clone().context("there is no [messages] in the configuration; add it")?;
                let (store, at) = (shelf(&config, &world, name).await?, world.bind(config.listen.messages).await?);
                retail_messages::run(told, world, store, at).await?;
            }
            "shopify" => {
                let at = world.bind(config.listen.shopify).await?;
                retail_shopify::run(config.shopify, world, at).await?;
            }
            "netsuite" => {
                let at = world.bind(config.listen.netsuite).await?;
                retail_netsuite::run(config.netsuite, world, at).await?;
            }
            "smtp" => {
                let relay = config.smtp.context("there is no [smtp] in the configuration; add it")?;
                let at = world.bind(config.listen.smtp).await?;
                retail_smtp::run(relay, world, at).await?;
            }
            "stripe" => {
                let account = config.stripe.context("there is no [stripe] in the configuration; add it")?;
                let at = world.bind(config.listen.stripe).await?;
                retail_stripe::run(account, world, at).await?;
            }
            _ => {
                let at = world.bind(config.listen.salesforce).await?;
                mesh::serve_salesforce(config.salesforce, world, at).await?;
            }
        }
        anyhow::Ok(())
    };
    let world = runtime.clone();
    let (told, mut failed) = tokio::sync::oneshot::channel();
    runtime.spawn(name, async move {
        if let Err(error) = work.await {
            // Nobody asks any more once a second signal has ended the wait.
            let _told = told.send(error);
            world.stop();
        }
    });
    let clean = runtime.run_until_signal(announce.saturating_add(grace)).await?;
    if let Ok(error) = failed.try_recv() {
        return Err(error.context(format!("{name} could not run")));
    }
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
