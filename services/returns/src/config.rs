//! What the returns service is told at start.

use std::collections::BTreeMap;

use retail_runtime::config::Span;
use serde::{Deserialize, Serialize};

/// Configuration of the returns service.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address of the orders service, `http://host:port`.
    pub orders: String,
    /// Address of the customers service.
    pub customers: String,
    /// Address of the inventory service.
    pub inventory: String,
    /// Channels that goods were sold at, by instance name.
    pub channels: BTreeMap<String, Channel>,
    /// ERPs, by instance name.
    pub erps: BTreeMap<String, Erp>,
    /// Payment services that give money back which Weft took there, by instance name: those of the orders service.
    #[serde(default)]
    pub payments: BTreeMap<String, Payments>,
    /// What may come back, by name; see [`Policy`] for which one a line is judged by.
    #[serde(default)]
    pub policies: BTreeMap<String, Policy>,
    /// Groups that may follow the feed of returns.
    #[serde(default)]
    pub groups: Vec<String>,
    /// How long a line waits for its order to be shipped and invoiced before a person is asked.
    #[serde(default = "default_patience")]
    pub patience: Span,
}

/// A channel that goods were sold at.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Channel {
    /// Address of its connector, which gives money back; empty when it has none: refunds then wait for a person.
    pub address: String,
    /// ERP instance that books its orders, for orders that do not say.
    pub erp: String,
    /// Location that goods come back to when neither the order line nor the receipt names one. Optional; some ERPs take
    /// no return without one.
    pub location: String,
    /// Time zone of the retailer's calendar for this channel, IANA name.
    pub time_zone: String,
    /// Policy of its lines that no more specific policy names. Optional.
    pub policy: String,
    /// Market of its orders that name none. Optional.
    pub market: String,
    /// True when the shop tells the customer of every refund, whatever the request says.
    pub shop_notifies: bool,
}

impl Default for Channel {
    fn default() -> Self {
        Self {
            address: String::new(),
            erp: String::new(),
            location: String::new(),
            time_zone: "UTC".to_owned(),
            policy: String::new(),
            market: String::new(),
            shop_notifies: false,
        }
    }
}

/// An ERP.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Erp {
    /// Address of its connector.
    pub address: String,
    /// How often it is asked for changed returns.
    #[serde(default = "default_poll")]
    pub poll: Span,
}

/// A payment service.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Payments {
    /// Address of its connector.
    pub address: String,
    /// How often it is asked for refunds that failed after they were given.
    #[serde(default = "default_backfill")]
    pub poll: Span,
}

/// What may come back. A line is judged by the first policy, in the order of their names, that fits, the most specific
/// first: one that names the line's category (attribute `category` of the order line); then the channel's own; then
/// one that names the market and no category; then the one called `default`; then the values given here as defaults.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Markets it is for; empty for all.
    pub markets: Vec<String>,
    /// Categories it is for; empty when it is not for categories.
    pub categories: Vec<String>,
    /// Days after the goods left (or were invoiced) within which they may come back.
    pub window_days: u32,
    /// Items that never come back.
    pub final_sale_skus: Vec<String>,
    /// Attribute of an order line that makes it a final sale when it is `true`.
    pub final_sale_attribute: String,
    /// Conditions in which goods are taken: `NEW`, `USED`, `DAMAGED`.
    pub conditions: Vec<AcceptedCondition>,
}

/// A condition in which goods are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AcceptedCondition {
    /// As sold.
    New,
    /// Opened or used.
    Used,
    /// Damaged or faulty.
    Damaged,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            markets: Vec::new(),
            categories: Vec::new(),
            window_days: 30,
            final_sale_skus: Vec::new(),
            final_sale_attribute: "final_sale".to_owned(),
            conditions: vec![AcceptedCondition::New, AcceptedCondition::Damaged],
        }
    }
}

fn default_poll() -> Span {
    Span::from_secs(2)
}

fn default_backfill() -> Span {
    Span::from_secs(60)
}

fn default_patience() -> Span {
    Span::from_secs(2 * 24 * 3600)
}
