//! What the NetSuite connector is told at start.

use std::path::PathBuf;

use retail_connect::HttpConfig;
use retail_connect::jwt::Algorithm;
use retail_runtime::config::{SecretString, Span};
use serde::Deserialize;

/// One NetSuite account. Integration record, certificate and role: see the README.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name of this instance in requests and references, for example `netsuite-uk`.
    pub instance: String,
    /// How the account is reached; `base_url` is its SuiteTalk address without a path.
    pub http: HttpConfig,
    /// Client id (consumer key) of the integration record.
    pub client_id: String,
    /// Certificate id that NetSuite shows after the certificate is mapped; becomes `kid`.
    pub certificate_id: String,
    /// Private key of the certificate, PKCS#8 in PEM. Exactly one of this and `private_key_file`.
    #[serde(default)]
    pub private_key: Option<SecretString>,
    /// File that holds the private key.
    #[serde(default)]
    pub private_key_file: Option<PathBuf>,
    /// How assertions are signed: `ES256` or `PS256`; NetSuite refuses `RS256`.
    #[serde(default = "es256")]
    pub algorithm: Algorithm,
    /// Audience of assertions; empty for the token endpoint under `base_url`.
    #[serde(default)]
    pub audience: String,
    /// Base currency of the account, ISO 4217; the only one when the account has no currency table.
    pub currency: String,
    /// Internal id of the subsidiary of new customers and adjustments; empty outside OneWorld.
    #[serde(default)]
    pub subsidiary: String,
    /// Internal id of the account that stock adjustments are booked to; empty refuses adjustments.
    #[serde(default)]
    pub adjustment_account: String,
    /// Internal id of the account that refunds are paid from; empty leaves it to the account's form.
    #[serde(default)]
    pub refund_account: String,
    /// Calls at once to begin with. NetSuite's limit is shared by everything that talks to the account.
    #[serde(default = "four")]
    pub concurrency: usize,
    /// Calls at once that are never exceeded, however well it goes.
    #[serde(default = "four")]
    pub concurrency_ceiling: usize,
    /// How far a poll looks back behind its cursor, for changes that became visible late.
    #[serde(default = "ten_seconds")]
    pub overlap: Span,
    /// Time zone of the user behind the token, IANA name: SuiteQL speaks its local time.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// How long items, locations and currencies are believed.
    #[serde(default = "ten_minutes")]
    pub freshness: Span,
}

fn es256() -> Algorithm {
    Algorithm::Es256
}

fn four() -> usize {
    4
}

fn utc() -> String {
    "UTC".to_owned()
}

fn ten_seconds() -> Span {
    Span::from_secs(10)
}

fn ten_minutes() -> Span {
    Span::from_secs(600)
}
