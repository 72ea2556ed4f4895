//! One configuration for everything: the built-in file suits a laptop and is its own documentation.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use retail_runtime::config::{self, Span};
use retail_runtime::telemetry::TelemetryConfig;
use serde::Deserialize;

/// The built-in configuration.
pub const BUILTIN: &str = include_str!("../weft.toml");

/// Everything a `weft` process may be told.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where data is kept: `<data_dir>/store` and `<data_dir>/sandbox`.
    pub data_dir: PathBuf,
    /// Region of the data.
    pub region: String,
    /// Logs and traces.
    #[serde(default)]
    pub telemetry: TelemetryConfig,
    /// The store.
    pub store: StoreSection,
    /// Where each part listens.
    pub listen: Listen,
    /// The edge.
    pub gateway: retail_gateway::Config,
    /// Orders.
    pub orders: retail_orders::Config,
    /// Inventory.
    pub inventory: retail_inventory::Config,
    /// Customers.
    pub customers: retail_customers::Config,
    /// Returns.
    pub returns: retail_returns::Config,
    /// Cases and their context.
    pub cases: retail_cases::Config,
    /// Connector of a Shopify shop.
    pub shopify: retail_shopify::Config,
    /// Connector of a NetSuite account.
    pub netsuite: retail_netsuite::Config,
    /// Connector of a Salesforce org.
    pub salesforce: retail_salesforce::Config,
    /// Connector of a Stripe account; there is none without this section.
    #[serde(default)]
    pub stripe: Option<retail_stripe::Config>,
    /// The twins.
    pub sandbox: retail_sandbox::Config,
    /// How long a process of `weft run` that was asked to stop still takes work, so that everybody learns that it is not
    /// ready any more.
    pub announce: Span,
    /// How long work under way may take after that.
    pub grace: Span,
}

/// Where domains keep what they know.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreSection {
    /// `embedded` (on this disk), `redis` (shared by many replicas) or `model` (in memory, for trials).
    pub backend: Backend,
    /// The server of back end `redis`.
    #[serde(default)]
    pub redis: Option<retail_store::RedisConfig>,
    /// Groups that follow a domain's feed, by domain.
    #[serde(default)]
    pub groups: BTreeMap<String, Vec<String>>,
    /// How long events stay in a feed although every group has acknowledged them.
    pub keep: Span,
}

/// The store's engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    /// On this disk.
    Embedded,
    /// In memory.
    Model,
    /// In a Redis or Valkey.
    Redis,
}

/// Where each part listens; port 0 takes any. The gateway and the twins have their own sections.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// Orders.
    pub orders: SocketAddr,
    /// Inventory.
    pub inventory: SocketAddr,
    /// Customers.
    pub customers: SocketAddr,
    /// Returns.
    pub returns: SocketAddr,
    /// Cases.
    pub cases: SocketAddr,
    /// Shopify connector.
    pub shopify: SocketAddr,
    /// NetSuite connector.
    pub netsuite: SocketAddr,
    /// Salesforce connector.
    pub salesforce: SocketAddr,
    /// Stripe connector, when there is one.
    pub stripe: SocketAddr,
    /// The figures of the process, `/metrics`.
    pub metrics: SocketAddr,
}

impl Listen {
    /// Any free port for everybody.
    pub fn anywhere(&mut self) {
        let all = [
            &mut self.orders,
            &mut self.inventory,
            &mut self.customers,
            &mut self.returns,
            &mut self.cases,
            &mut self.shopify,
            &mut self.netsuite,
            &mut self.salesforce,
            &mut self.stripe,
            &mut self.metrics,
        ];
        for at in all {
            at.set_port(0);
        }
    }
}

/// Loads the configuration: built-in, file, environment (`WEFT__ORDERS__RESERVATION=5m`), then the command line.
pub fn load(file: Option<&Path>, data_dir: Option<PathBuf>) -> anyhow::Result<Config> {
    let mut loaded: Config = config::load(BUILTIN, file, "WEFT__")?;
    if let Some(data_dir) = data_dir {
        loaded.data_dir = data_dir;
    }
    Ok(loaded)
}
