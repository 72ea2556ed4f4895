//! What the Shopify connector is told at start.

use std::collections::BTreeMap;

use retail_connect::HttpConfig;
use retail_runtime::config::{SecretString, Span};
use serde::Deserialize;

/// One shop. App, scopes and webhook subscriptions: see the README.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name of this instance in requests, references and as the channel of its orders, for example `shopify-uk`.
    pub instance: String,
    /// How the shop is reached; `base_url` is `https://{shop}.myshopify.com` without a path.
    pub http: HttpConfig,
    /// Version of the Admin API that is spoken.
    #[serde(default = "october")]
    pub api_version: String,
    /// Client id of the app.
    pub client_id: String,
    /// Client secret of the app: buys tokens and signs webhooks.
    pub client_secret: SecretString,
    /// The secret before the last rotation; the shop may sign with it for an hour.
    #[serde(default)]
    pub previous_secret: Option<SecretString>,
    /// Address of the orders service, `http://host:port`.
    pub orders: String,
    /// Address of the returns service: takes refunds and returns of the shop. Without it they are noted and no more.
    #[serde(default)]
    pub returns: Option<String>,
    /// Address of the customers service: takes changes of the shop's customers. Without it they are noted and no more.
    #[serde(default)]
    pub customers: Option<String>,
    /// Domain that the shop's webhooks must name, for example `demo.myshopify.com`.
    pub shop_domain: String,
    /// Brand of its orders; empty leaves it to the channel's default.
    #[serde(default)]
    pub brand: String,
    /// Market of its orders; empty leaves it to the channel's default.
    #[serde(default)]
    pub market: String,
    /// Our location codes and the shop's ids of the same places. Pickups that the shop sold are taken over where the store
    /// is named here, and shipments are moved to their place at the shop. Empty: neither is done.
    #[serde(default)]
    pub locations: BTreeMap<String, String>,
    /// Longest wait for the owning service before a webhook is answered; the shop gives up after 5 s.
    #[serde(default = "four_seconds")]
    pub webhook_patience: Span,
    /// Points of the cost throttle to begin with. The largest plan's: the shop's first answer lowers them, and a guess
    /// too low would keep sweeps waiting for half of a bucket that is larger than was thought.
    #[serde(default = "forty_thousand")]
    pub points: u32,
    /// Points regained each second to begin with.
    #[serde(default = "two_thousand")]
    pub points_per_second: u32,
}

fn october() -> String {
    "2026-10".to_owned()
}

fn four_seconds() -> Span {
    Span::from_secs(4)
}

fn forty_thousand() -> u32 {
    40_000
}

fn two_thousand() -> u32 {
    2_000
}
