//! Returns. Owns: which step a return is in and what must happen next, from the customer's wish to closed books, and
//! what is left of every order. Refuses: keeping stock, orders, customers or money; their owners do, and are asked.
//! In: gRPC (`api.rs`), the facts of ERPs and payment services (`poll.rs`, `payment_facts.rs`), the shop's refunds
//! (`taking.rs`). Out: calls of the journey (`journey.rs` says which, `calls.rs` makes them), events in the feed, lists.
//! Everything else here is a pure rule.

mod allowance;
mod api;
mod ask;
mod books;
mod calls;
mod commands;
mod config;
mod crediting;
mod day;
mod eligibility;
mod eligible;
mod facts;
mod fault;
mod finding;
mod journey;
mod leg;
#[cfg(test)]
mod life_model;
mod line;
mod locate;
mod part;
mod payment_facts;
mod policy;
mod poll;
mod receiving;
mod record;
mod refunding;
mod render;
mod resolving;
mod returns;
mod rma;
mod sale;
mod seal;
mod settling;
mod share;
mod shop_refund;
mod standing;
mod start;
mod taking;
mod terms;
#[cfg(test)]
mod testing;

use std::collections::BTreeMap;
use std::sync::Arc;

use retail_flow::{Bundle, Feed, Leases, Ops, Reading, Readings, Replayed, Unreadable, Worker};
use retail_proto::events::v1::feed_service_server::FeedServiceServer;
use retail_proto::ops::v1::ops_service_server::OpsServiceServer;
use retail_proto::returns::v1::returns_service_server::ReturnsServiceServer;
use retail_runtime::{Listener, PeerError, Runtime, ServeError};
use retail_store::{Model, Store};
use tonic::service::Routes;

use crate::api::Api;
use crate::books::Books;
use crate::calls::Calls;
pub use crate::config::{AcceptedCondition, Channel, Config, Erp, Payments, Policy};
use crate::finding::Finder;
use crate::journey::Journey;
use crate::poll::{Facts, reading_of_payments};
use crate::returns::Returns;
use crate::seal::Seal;
pub use crate::start::return_id;
use crate::terms::Terms;

/// A thousand-line return fits several times.
const LARGEST_MESSAGE: usize = 16 << 20;

/// Why the service could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address in the configuration is none.
    #[error("returns configuration")]
    Peer(#[from] PeerError),
    /// A channel's time zone is unknown.
    #[error("returns.channels.{channel}.time_zone: {zone:?} is no IANA time zone; write it like Europe/London")]
    TimeZone {
        /// The channel.
        channel: String,
        /// What was given.
        zone: String,
    },
    /// The store refused at start.
    #[error("returns store")]
    Store(#[source] retail_store::Error),
    /// The listener ended.
    #[error("returns listener")]
    Serve(#[from] ServeError),
}

/// Runs the returns service until the runtime stops.
///
/// # Errors
/// [`Error`].
pub async fn run(config: Config, runtime: Runtime, store: Store, listener: Listener) -> Result<(), Error> {
    check_zones(&config)?;
    let terms = Terms::new(&config);
    let books = Books::new(&store, terms.clone());
    let finder = Finder::new(&config, &runtime, books.clone())?;
    let calls = Calls::new(&config, &runtime, finder.clone(), books.clone(), terms.clone())?;
    let returns = Returns::new(&store, runtime.clock(), finder, books, terms);
    let mut tellers = BTreeMap::new();
    for (name, erp) in &config.erps {
        tellers.insert(name.clone(), (runtime.peer(&erp.address)?, erp.poll.get()));
    }
    for (name, service) in &config.payments {
        tellers.insert(reading_of_payments(name), (runtime.peer(&service.address)?, service.poll.get()));
    }
    let readings = Readings::begin(Facts(returns.clone()), tellers, &store, runtime.clock().now()).await;
    let leases = Leases::start(&runtime, &store).await;
    let worker =
        Worker::new(&runtime, &store, &leases).with(Journey::new(calls, Seal)).with(readings.map_err(Error::Store)?);
    let ops = Ops::new(&store, runtime.clock(), worker.counters()).driven::<Journey>(&config).with::<Reading>();
    let feed = Feed::new(&runtime, &store, &leases, config.groups.clone());
    worker.start();
    let api = ReturnsServiceServer::new(Api::new(&runtime, returns))
        .max_decoding_message_size(LARGEST_MESSAGE)
        .max_encoding_message_size(LARGEST_MESSAGE);
    let routes = Routes::new(api).add_service(OpsServiceServer::new(ops)).add_service(FeedServiceServer::new(feed));
    Ok(runtime.serve_grpc(listener, routes).await?)
}

/// Runs a bundle of a return through the rules, by the configuration it holds. Nobody is asked anything.
///
/// # Errors
/// [`Unreadable`].
pub async fn replay(runtime: &Runtime, bundle: &Bundle) -> Result<Replayed, Unreadable> {
    let config: Config = bundle.configured()?;
    let wrong = |error: PeerError| Unreadable::Config(error.to_string());
    let store = Store::over(runtime, Arc::new(Model::new()), "returns", "replay");
    let terms = Terms::new(&config);
    let books = Books::new(&store, terms.clone());
    let finder = Finder::new(&config, runtime, books.clone()).map_err(wrong)?;
    let calls = Calls::new(&config, runtime, finder, books, terms).map_err(wrong)?;
    retail_flow::replay(runtime, &Journey::new(calls, Seal), bundle).await
}

fn check_zones(config: &Config) -> Result<(), Error> {
    match config.channels.iter().find(|(_, channel)| !day::zone_is_known(&channel.time_zone)) {
        Some((channel, found)) => Err(Error::TimeZone { channel: channel.clone(), zone: found.time_zone.clone() }),
        None => Ok(()),
    }
}
