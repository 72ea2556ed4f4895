//! What the orders service is told at start.

use std::collections::BTreeMap;
use std::path::PathBuf;

use retail_runtime::config::Span;
use serde::{Deserialize, Serialize};

use crate::credit::CreditRules;
use crate::policy::Sourcing;
use crate::screening::Screening;

/// Configuration of the orders service.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address of the inventory service, `http://host:port`.
    pub inventory: String,
    /// Address of the customers service.
    pub customers: String,
    /// Channels that orders come from, by instance name.
    pub channels: BTreeMap<String, Channel>,
    /// ERPs, by instance name.
    pub erps: BTreeMap<String, Erp>,
    /// CRMs, by instance name. Optional: without one nobody is told.
    #[serde(default)]
    pub crms: BTreeMap<String, Crm>,
    /// Payment services whose money we take, by instance name. Optional: without one the channels take it.
    #[serde(default)]
    pub payments: BTreeMap<String, Payments>,
    /// Groups that may follow the feed of orders.
    #[serde(default)]
    pub groups: Vec<String>,
    /// How long an unconfirmed promise of stock lasts.
    #[serde(default = "default_reservation")]
    pub reservation: Span,
    /// How long a store keeps what is ready for pickup, unless the order's sourcing policy says otherwise.
    #[serde(default = "default_pickup")]
    pub pickup: Span,
    /// Which place fulfils an order; see [`Sourcing`].
    #[serde(default)]
    pub sourcing: Sourcing,
    /// A file with the same, read again when it changes; instead of `sourcing`.
    #[serde(default)]
    pub sourcing_file: Option<PathBuf>,
}

impl Config {
    /// Gateways that are said to be held by a payment service that is not configured, and channels that would authorize anew
    /// without any, each with its mend.
    #[must_use]
    pub fn gateway_problems(&self) -> Vec<String> {
        let gateways =
            self.channels.iter().flat_map(|(name, channel)| channel.gateways.iter().map(move |one| (name, one)));
        let unknown = gateways.filter(|(_, (_, service))| !self.payments.contains_key(*service));
        let words = |(name, (gateway, service)): (&String, (&String, &String))| {
            format!("orders.channels.{name}.gateways.{gateway} names {service:?}; add orders.payments.{service}")
        };
        let idle = self.channels.iter().filter(|(_, channel)| channel.reauthorize && channel.gateways.is_empty());
        let idle = idle.map(|(name, _)| {
            format!("orders.channels.{name}.reauthorize has no payment of ours; add orders.channels.{name}.gateways")
        });
        unknown.map(words).chain(idle).collect()
    }

    /// Rules of sales on account that cannot be used, each with its mend.
    #[must_use]
    pub fn credit_problems(&self) -> Vec<String> {
        let rules = self.channels.iter().filter_map(|(name, channel)| Some((name, channel, channel.credit.as_ref()?)));
        let problems =
            rules.map(|(name, channel, rules)| rules.problems(&format!("orders.channels.{name}.credit"), &channel.erp));
        problems.flatten().collect()
    }
}

/// A channel that orders come from.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Address of its connector; empty when nobody must be told of shipments.
    #[serde(default)]
    pub address: String,
    /// Brand of its orders, unless they say another.
    #[serde(default)]
    pub brand: String,
    /// Market of its orders, unless they say another.
    #[serde(default)]
    pub market: String,
    /// Home region of its data, unless they say another.
    #[serde(default)]
    pub region: String,
    /// ERP instance that books its orders.
    #[serde(default)]
    pub erp: String,
    /// CRM instance whose agents see its orders; empty for none.
    #[serde(default)]
    pub crm: String,
    /// By how many minor units a total may differ from its lines without a hold.
    #[serde(default)]
    pub tolerance_minor: u32,
    /// True when the shop itself tells the customer of shipments.
    #[serde(default)]
    pub shop_notifies: bool,
    /// True when the shop lowers its own number at a sale.
    #[serde(default = "yes")]
    pub subtracts_own_sales: bool,
    /// Which of our payment services holds the money of a payment, by the channel's name of its gateway. A payment of
    /// another gateway is the channel's to take.
    #[serde(default)]
    pub gateways: BTreeMap<String, String>,
    /// True when what an authorization leaves unpaid is authorized anew on the card that the customer let the shop keep: each
    /// parcel of a payment that can be captured once is taken as it leaves, and what ran out is asked for again. The shop
    /// must have the customer's consent to that. For payments that come from then on.
    #[serde(default)]
    pub reauthorize: bool,
    /// What holds its orders until a person has looked; see [`Screening`].
    #[serde(default)]
    pub screening: Screening,
    /// What customers may owe for its sales on account; see [`CreditRules`]. Absent: nobody asks the ERP.
    #[serde(default)]
    pub credit: Option<CreditRules>,
    /// Time zone of the retailer's calendar for this channel, IANA name.
    #[serde(default = "utc")]
    pub time_zone: String,
}

/// An ERP.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Erp {
    /// Address of its connector.
    pub address: String,
    /// How often it is asked for changes.
    #[serde(default = "default_poll")]
    pub poll: Span,
}

/// A CRM.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Crm {
    /// Address of its connector.
    pub address: String,
}

/// A payment service.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Payments {
    /// Address of its connector.
    pub address: String,
    /// How often it is asked for what its webhooks may not have told.
    #[serde(default = "default_backfill")]
    pub poll: Span,
}

fn yes() -> bool {
    true
}

fn utc() -> String {
    "UTC".to_owned()
}

fn default_poll() -> Span {
    Span::from_secs(2)
}

fn default_backfill() -> Span {
    Span::from_secs(60)
}

fn default_pickup() -> Span {
    Span::from_secs(7 * 24 * 3600)
}

fn default_reservation() -> Span {
    Span::from_secs(15 * 60)
}
