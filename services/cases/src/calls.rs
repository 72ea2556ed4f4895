//! Channels to everybody this service asks, and how their answers are read.

use std::collections::BTreeMap;

use retail_flow::Failure;
use retail_proto::types::v1::Outcome;
use retail_runtime::{Peer, Runtime};

use crate::config::Config;
use crate::fault::Error;

/// A thousand-line order fits many times.
pub(crate) const LARGEST_ANSWER: usize = 64 << 20;

/// Channels to the owners.
#[derive(Clone)]
pub(crate) struct Peers {
    pub(crate) orders: Peer,
    pub(crate) returns: Peer,
    pub(crate) customers: Peer,
    pub(crate) inventory: Peer,
    pub(crate) crms: BTreeMap<String, Peer>,
}

impl Peers {
    /// Opens a lazy channel to each peer of the configuration.
    pub(crate) fn new(config: &Config, runtime: &Runtime) -> Result<Self, Error> {
        let open =
            |name: &str, address: &str| runtime.peer(address).map_err(|error| Error::Address(name.to_owned(), error));
        let mut crms = BTreeMap::new();
        for (name, crm) in &config.crms {
            crms.insert(name.clone(), open(name, &crm.address)?);
        }
        Ok(Self {
            orders: open("orders", &config.orders)?,
            returns: open("returns", &config.returns)?,
            customers: open("customers", &config.customers)?,
            inventory: open("inventory", &config.inventory)?,
            crms,
        })
    }
}

/// Reads the outcome of a change. Every write here may be repeated: what is partly done is asked for again until it is
/// whole.
pub(crate) fn done(who: &str, outcome: Option<&Outcome>) -> Result<(), Failure> {
    retail_flow::done(who, outcome).map_err(|failure| match failure.reason() {
        "PARTIAL_OUTCOME" => Failure::not_done("PARTIAL_OUTCOME", failure.detail()),
        _ => failure,
    })
}
