//! One configuration for everything: the built-in file suits a laptop and is its own documentation.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use retail_messages::Occasion;
use retail_runtime::config::{self, Span};
use retail_runtime::telemetry::TelemetryConfig;
use retail_store::Journal;
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
    /// Messages to customers; nobody is told anything without this section.
    #[serde(default)]
    pub messages: Option<retail_messages::Config>,
    /// Connector of a Shopify shop.
    pub shopify: retail_shopify::Config,
    /// Connector of a NetSuite account.
    pub netsuite: retail_netsuite::Config,
    /// Connector of a Salesforce org.
    pub salesforce: retail_salesforce::Config,
    /// Connector of a Stripe account; there is none without this section.
    #[serde(default)]
    pub stripe: Option<retail_stripe::Config>,
    /// Carrier of messages over a mail relay; there is none without this section.
    #[serde(default)]
    pub smtp: Option<retail_smtp::Config>,
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
    /// How much of its way a document keeps, so that it can be exported and run again.
    #[serde(default)]
    pub journal: Journal,
    /// The same for single domains, instead.
    #[serde(default)]
    pub journals: BTreeMap<String, Journal>,
}

impl StoreSection {
    /// How much of their way the documents of a domain keep; `None` for nothing.
    #[must_use]
    pub fn journal_of(&self, domain: &str) -> Option<Journal> {
        self.journals.get(domain).copied().unwrap_or(self.journal).kept()
    }
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
    /// Messages, when customers are told.
    pub messages: SocketAddr,
    /// Shopify connector.
    pub shopify: SocketAddr,
    /// NetSuite connector.
    pub netsuite: SocketAddr,
    /// Salesforce connector.
    pub salesforce: SocketAddr,
    /// Stripe connector, when there is one.
    pub stripe: SocketAddr,
    /// SMTP connector, when there is one.
    pub smtp: SocketAddr,
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
            &mut self.messages,
            &mut self.shopify,
            &mut self.netsuite,
            &mut self.salesforce,
            &mut self.stripe,
            &mut self.smtp,
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
    loaded.complete();
    Ok(loaded)
}

impl Config {
    /// What follows from a section that is there: whoever writes messages follows orders and returns, and has routes at
    /// the edge. Doing it twice changes nothing.
    pub fn complete(&mut self) {
        let Some(messages) = &self.messages else { return };
        let follows = |groups: &mut Vec<String>| {
            if !groups.contains(&messages.group) {
                groups.push(messages.group.clone());
            }
        };
        follows(&mut self.orders.groups);
        follows(&mut self.returns.groups);
        for owner in ["orders", "returns"] {
            follows(self.store.groups.entry(owner.to_owned()).or_default());
        }
        self.store.groups.entry("messages".to_owned()).or_insert_with(|| messages.groups.clone());
        let upstream = self.gateway.upstreams.entry("retail.messages.v1.MessagesService".to_owned());
        upstream.or_insert_with(|| format!("http://{}", self.listen.messages));
    }

    /// What is wrong with who tells customers of what: the section itself, and what a shop is asked to tell beside it.
    #[must_use]
    pub fn message_problems(&self) -> Vec<String> {
        let Some(messages) = &self.messages else { return Vec::new() };
        let of_orders = self.orders.channels.iter().filter(|(_, channel)| channel.shop_notifies);
        let orders =
            of_orders.flat_map(|(name, _)| [("orders", name, Occasion::Shipped), ("orders", name, Occasion::Refunded)]);
        let of_returns = self.returns.channels.iter().filter(|(_, channel)| channel.shop_notifies);
        let returns = of_returns.map(|(name, _)| ("returns", name, Occasion::Refunded));
        let twice = orders.chain(returns).filter(|(_, name, occasion)| messages.tells(name, *occasion));
        let twice = twice.map(|(owner, name, occasion)| {
            let word = occasion.word();
            format!(
                "{owner}.channels.{name}.shop_notifies: {word} would be told twice, by the shop and from here; add \
                 {word:?} to messages.channels.{name}.shop_tells"
            )
        });
        messages.problems().into_iter().chain(twice).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGES: &str = r#"
        [messages]
        orders = "http://orders:7101"
        returns = "http://returns:7104"
        [messages.carriers.mail]
        address = "http://smtp:7205"
        [messages.channels.shop]
        carrier = "mail"
    "#;

    fn loaded(text: &str) -> Config {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("weft.toml");
        std::fs::write(&file, text).unwrap();
        load(Some(&file), None).unwrap()
    }

    #[test]
    fn whoever_writes_messages_follows_orders_and_returns_and_has_routes() {
        let config = loaded(MESSAGES);
        assert_eq!(config.orders.groups, ["cases", "messages"]);
        assert_eq!(config.store.groups["returns"], ["cases", "messages"]);
        assert_eq!(config.gateway.upstreams["retail.messages.v1.MessagesService"], "http://127.0.0.1:7106");
        assert_eq!(config.message_problems(), Vec::<String>::new());
    }

    #[test]
    fn without_the_section_nothing_is_different() {
        let config = loaded("");
        assert!(config.messages.is_none() && config.message_problems().is_empty());
        assert_eq!(config.orders.groups, ["cases"]);
        assert!(!config.gateway.upstreams.contains_key("retail.messages.v1.MessagesService"));
    }

    #[test]
    fn a_domain_keeps_as_much_of_its_way_as_is_said_for_it() {
        let config = loaded("[store.journals.orders]\nentries = 7\n[store.journals.cases]\nentries = 0\n");
        assert_eq!(config.store.journal_of("orders").map(|journal| journal.entries), Some(7));
        assert_eq!(config.store.journal_of("cases"), None);
        assert_eq!(config.store.journal_of("returns"), Some(Journal::default()));
    }

    #[test]
    fn what_the_shop_is_asked_to_tell_has_no_second_sender() {
        let notifies = "[orders.channels.shop]\nshop_notifies = true\n[returns.channels.shop]\nshop_notifies = true\n";
        let problems = loaded(&format!("{MESSAGES}\n{notifies}")).message_problems();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[0].starts_with("orders.channels.shop.shop_notifies: shipped would be told twice"));
        let told = format!("{MESSAGES}\nshop_tells = [\"shipped\", \"refunded\"]\n{notifies}");
        assert_eq!(loaded(&told).message_problems(), Vec::<String>::new());
    }
}
