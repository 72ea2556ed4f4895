//! The account the twin pretends to be.

use std::path::PathBuf;

use serde::Deserialize;

/// Settings of the NetSuite twin.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Account id in its original form, such as `1234567_SB1`.
    pub account: String,
    /// Client id (consumer key) of the integration record that may sign in.
    pub client_id: String,
    /// Public keys that may sign assertions; without any, the twin makes a development key at its first start.
    pub certificates: Vec<Certificate>,
    /// Where to write the private half of the development key as PEM; not written when absent.
    pub development_key: Option<PathBuf>,
    /// Requests served at once; one more is refused with 429.
    pub concurrency: usize,
    /// Is the role behind the token an administrator's (may it read `governanceLimits`)?
    pub administrator: bool,
    /// Must a customer name a subsidiary (OneWorld)?
    pub one_world: bool,
    /// Custom fields the account has, such as `custbody_weft_order`.
    pub custom_fields: Vec<String>,
    /// Does the back office ship, bill and receive by itself?
    pub back_office: bool,
    /// Seconds between an order's goods being committed and their shipment.
    pub ship_after: u64,
    /// Pieces of a line that fit one parcel; 0 ships everything committed in one. The next parcel takes `ship_after` again.
    pub parcel_pieces: u32,
    /// Seconds between a shipment and its invoice.
    pub bill_after: u64,
    /// Does the back office receive returned goods? If not, they wait for a receipt by the API. The control verb
    /// `receiving` stops and starts it in between.
    pub receives: bool,
    /// Seconds between a return's approval and the receipt of its goods.
    pub receive_after: u64,
    /// Orders that one tick ships at most, bills at most, and returns that it receives at most.
    pub per_tick: u32,
}

/// A certificate mapped in the account.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The certificate id, sent as `kid`.
    pub id: String,
    /// `BEGIN PUBLIC KEY` or `BEGIN CERTIFICATE`; RSA or P-256 or P-384.
    pub pem: String,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            account: "1234567_SB1".to_owned(),
            client_id: "weft-sandbox-client".to_owned(),
            certificates: Vec::new(),
            development_key: None,
            concurrency: 5,
            administrator: true,
            one_world: false,
            custom_fields: Vec::new(),
            back_office: true,
            ship_after: 0,
            parcel_pieces: 0,
            bill_after: 0,
            receives: true,
            receive_after: 0,
            per_tick: 50,
        }
    }
}
