//! What the inventory service is told at start.

use std::collections::BTreeMap;

use retail_runtime::config::Span;
use serde::Deserialize;

/// Configuration of the inventory service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The ERP that owns items, places and stock. Without one nothing is read, any item code is accepted, and
    /// adjustments stay in our books.
    #[serde(default)]
    pub erp: Option<Erp>,
    /// Shops that are told what may be sold.
    #[serde(default)]
    pub channels: Vec<Channel>,
    /// Code of the location that lines without one are taken from.
    pub default_location: String,
    /// How often items, stock and shown numbers are read from their owners.
    #[serde(default = "default_refresh")]
    pub refresh: Span,
    /// How long a promise lasts when the caller does not say.
    #[serde(default = "default_reservation_ttl")]
    pub reservation_ttl: Span,
    /// How often all stock records are audited against their law and their movements.
    #[serde(default = "default_audit")]
    pub audit: Span,
}

/// The stock authority.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erp {
    /// Its instance name, for example `netsuite`.
    pub instance: String,
    /// Address of its connector, `http://host:port`.
    pub address: String,
}

/// A shop.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Its instance name, for example `shopify`.
    pub instance: String,
    /// Address of its connector, `http://host:port`.
    pub address: String,
    /// Our location code to the shop's location id. Empty: matched by name when read; a shop with one location has the
    /// default one.
    #[serde(default)]
    pub locations: BTreeMap<String, String>,
    /// True when the shop lowers its number at its own sales.
    #[serde(default = "yes")]
    pub subtracts_own_sales: bool,
}

fn yes() -> bool {
    true
}

fn default_refresh() -> Span {
    Span::from_secs(15 * 60)
}

fn default_reservation_ttl() -> Span {
    Span::from_secs(15 * 60)
}

fn default_audit() -> Span {
    Span::from_secs(3600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_and_a_location_are_enough() {
        let text = r#"
            default_location = "MAIN"
            [[channels]]
            instance = "shopify"
            address = "http://127.0.0.1:7201"
        "#;
        let config: Config = retail_runtime::config::load(text, None, "NO_SUCH_PREFIX_").unwrap();
        assert!(config.erp.is_none() && config.channels[0].subtracts_own_sales);
        assert_eq!(config.refresh, Span::from_secs(900));
    }

    #[test]
    fn a_misspelt_key_is_named() {
        let wrong = retail_runtime::config::load::<Config>("default_locaton = \"MAIN\"", None, "NO_SUCH_PREFIX_");
        assert!(wrong.unwrap_err().to_string().contains("default_locaton"));
    }
}
