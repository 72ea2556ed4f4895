//! What the Stripe connector is told at start.

use retail_connect::HttpConfig;
use retail_runtime::config::{SecretString, Span};
use serde::Deserialize;

/// One Stripe account. Keys, permissions and the webhook endpoint: see the README.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name of this instance in requests and references, for example `stripe-uk`.
    pub instance: String,
    /// How Stripe is reached; `base_url` is `https://api.stripe.com` without a path.
    pub http: HttpConfig,
    /// Version of the API that is spoken, sent as `Stripe-Version`.
    #[serde(default = "october")]
    pub api_version: String,
    /// Secret or restricted key of the account: `sk_...` or `rk_...`. Without it the connector does not start.
    #[serde(default = "none")]
    pub secret_key: SecretString,
    /// Secret of the webhook endpoint, the whole `whsec_...`. Without it the connector does not start.
    #[serde(default = "none")]
    pub webhook_secret: SecretString,
    /// The secret before the last roll; Stripe signs with both for as long as the roll says, a day at most.
    #[serde(default)]
    pub previous_webhook_secret: Option<SecretString>,
    /// Oldest signature that is believed.
    #[serde(default = "five_minutes")]
    pub tolerance: Span,
    /// Address of the owner of payment facts, `http://host:port`. Without it webhooks are noted and no more.
    #[serde(default)]
    pub facts: Option<String>,
    /// Longest wait for that owner before a webhook is answered.
    #[serde(default = "eight_seconds")]
    pub webhook_patience: Span,
    /// Metadata keys under which the shop leaves its own number of the order, the likeliest first.
    #[serde(default = "order_id")]
    pub shop_order_keys: Vec<String>,
    /// Calls a second; Stripe allows 100 in live mode and 25 in a sandbox, unless the account has more.
    #[serde(default = "twenty_five")]
    pub calls_per_second: u32,
    /// How far behind now a list of changes that is caught up begins again.
    #[serde(default = "two_minutes")]
    pub overlap: Span,
}

/// Secrets come from the environment; that they are there is seen at the start.
fn none() -> SecretString {
    String::new().into()
}

fn october() -> String {
    "2026-10-28.endive".to_owned()
}

fn five_minutes() -> Span {
    Span::from_secs(300)
}

fn eight_seconds() -> Span {
    Span::from_secs(8)
}

fn order_id() -> Vec<String> {
    vec!["order_id".to_owned()]
}

fn twenty_five() -> u32 {
    25
}

fn two_minutes() -> Span {
    Span::from_secs(120)
}
