//! What the cases service is told at start.

use std::collections::BTreeMap;

use retail_runtime::config::Span;
use serde::{Deserialize, Serialize};

/// Configuration of the cases service.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address of the orders service, `http://host:port`.
    pub orders: String,
    /// Address of the returns service.
    pub returns: String,
    /// Address of the customers service.
    pub customers: String,
    /// Address of the inventory service.
    pub inventory: String,
    /// CRMs whose agents work on cases, by instance name.
    #[serde(default)]
    pub crms: BTreeMap<String, Crm>,
    /// Channels, by instance name: whose agents see their returns.
    #[serde(default)]
    pub channels: BTreeMap<String, Channel>,
    /// Groups that may follow the feed of cases.
    #[serde(default)]
    pub groups: Vec<String>,
    /// Name of this service's group at orders, returns and customers: their `groups` must declare it.
    #[serde(default = "default_group")]
    pub group: String,
    /// What is older than this by its owner's last word is shown as stale.
    #[serde(default = "default_stale_after")]
    pub stale_after: Span,
    /// How long the context waits for inventory before it is answered without stock.
    #[serde(default = "default_inventory_patience")]
    pub inventory_patience: Span,
    /// How long an owner is waited for when this service does not know a key itself.
    #[serde(default = "default_owner_patience")]
    pub owner_patience: Span,
}

/// A CRM.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Crm {
    /// Address of its connector.
    pub address: String,
    /// How often it is asked for changed cases.
    #[serde(default = "default_poll")]
    pub poll: Span,
}

/// A channel that orders and returns come from.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// CRM instance whose agents see its returns; empty for none.
    #[serde(default)]
    pub crm: String,
    /// True when an order number that Weft never saw is adopted from this channel. That costs calls of its vendors.
    #[serde(default)]
    pub adopt: bool,
}

fn default_group() -> String {
    "cases".to_owned()
}

fn default_stale_after() -> Span {
    Span::from_secs(60)
}

fn default_inventory_patience() -> Span {
    Span::from_millis(300)
}

fn default_owner_patience() -> Span {
    Span::from_secs(2)
}

fn default_poll() -> Span {
    Span::from_secs(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
        orders = "http://127.0.0.1:7101"
        returns = "http://127.0.0.1:7104"
        customers = "http://127.0.0.1:7103"
        inventory = "http://127.0.0.1:7102"
        [crms.crm]
        address = "http://127.0.0.1:7203"
        [channels.shop]
        crm = "crm"
    "#;

    #[test]
    fn only_addresses_have_no_default() {
        let config: Config = retail_runtime::config::load(WHOLE, None, "NO_SUCH_PREFIX_").unwrap();
        assert_eq!((config.group.as_str(), config.stale_after), ("cases", Span::from_secs(60)));
        assert_eq!(config.inventory_patience, Span::from_millis(300));
        assert!(!config.channels["shop"].adopt);
    }

    #[test]
    fn a_misspelt_key_is_named() {
        let wrong =
            retail_runtime::config::load::<Config>(&format!("stale_atfer = \"8s\"\n{WHOLE}"), None, "NO_SUCH_PREFIX_");
        assert!(wrong.unwrap_err().to_string().contains("stale_atfer"));
    }
}
