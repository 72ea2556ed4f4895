//! Orders. Owns: which step an order is in and what must happen next, from capture to closed books. Refuses: keeping
//! stock, customers or money; their owners do, and are asked. In: gRPC (`api.rs`), facts of ERPs and payment services
//! (`poll.rs`, `payment_facts.rs`).
//! Out: calls of the journey (`way.rs` says which, `calls.rs` makes them), events in the feed, lists.
//! Rules (`way.rs`, `outcome.rs`, `order.rs`, `facts.rs`, `sourcing.rs`, `reroute.rs` and more) are pure.

mod adopt;
mod adoption;
mod again;
mod answers;
mod api;
mod ask;
mod calendar;
mod calls;
mod check;
mod config;
mod credit;
mod decision;
mod documents;
mod edit;
mod edit_request;
mod facts;
mod fault;
mod floor;
mod holding;
mod journey;
mod leg;
mod line_cancel;
mod listing;
mod look;
mod order;
mod orders;
mod outcome;
mod pairing;
mod payment_facts;
mod payments;
mod pickup;
mod place;
mod policies;
mod policy;
mod poll;
mod purchases;
mod record;
mod refunds;
mod render;
mod replaying;
mod requests;
mod reroute;
mod return_credits;
mod screening;
mod seal;
mod sent;
mod shop_money;
mod shop_order;
mod shop_policy;
mod shop_taking;
mod sourcing;
mod split;
#[cfg(test)]
mod testing;
mod told;
mod way;
#[cfg(test)]
mod way_model;

use std::collections::BTreeMap;

use retail_flow::{Feed, Leases, Ops, Reading, Readings, Worker};
use retail_proto::events::v1::feed_service_server::FeedServiceServer;
use retail_proto::ops::v1::ops_service_server::OpsServiceServer;
use retail_proto::orders::v1::orders_service_server::OrdersServiceServer;
use retail_proto::payments::v1::payment_facts_service_server::PaymentFactsServiceServer;
use retail_runtime::{Listener, PeerError, Runtime, ServeError};
use retail_store::Store;
use tonic::service::Routes;

use crate::api::Api;
pub use crate::calendar::{Calendar, Day};
use crate::calls::Calls;
pub use crate::config::{Channel, Config, Crm, Erp, Payments};
pub use crate::credit::{CreditRules, OnSilence, OnUnlimited};
use crate::journey::Journey;
use crate::orders::Orders;
use crate::payment_facts::PaymentFacts;
pub use crate::place::order_id;
use crate::policies::Policies;
pub use crate::policy::{Criterion, OnBackorder, Place, Policy, Reach, RejectedPickup, Shortage, Sourcing, Zone};
use crate::poll::{Facts, reading_of_payments};
pub use crate::replaying::{Item, World, replay, resend, world};
pub use crate::screening::{OnExpiry, Screening};
use crate::seal::Seal;
pub use crate::shop_policy::{OnShopEdit, ShopEdits};

/// A thousand-line order fits several times.
const LARGEST_MESSAGE: usize = 16 << 20;

/// Why the service could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address in the configuration is none.
    #[error("orders configuration")]
    Peer(#[from] PeerError),
    /// A payment would be held by a service that is not configured.
    #[error("{}", .0.join("; "))]
    Gateways(Vec<String>),
    /// Sales on account are configured in a way that cannot be used.
    #[error("{}", .0.join("; "))]
    Credit(Vec<String>),
    /// Sourcing is configured in a way that cannot be used.
    #[error("{}", .0.join("; "))]
    Sourcing(Vec<String>),
    /// The store refused at start.
    #[error("orders store")]
    Store(#[source] retail_store::Error),
    /// The listener ended.
    #[error("orders listener")]
    Serve(#[from] ServeError),
}

/// Runs the orders service until the runtime stops.
///
/// # Errors
/// [`Error`].
pub async fn run(config: Config, runtime: Runtime, store: Store, listener: Listener) -> Result<(), Error> {
    let problems = config.gateway_problems();
    if !problems.is_empty() {
        return Err(Error::Gateways(problems));
    }
    let problems = config.credit_problems();
    if !problems.is_empty() {
        return Err(Error::Credit(problems));
    }
    let policies = Policies::start(&config, &runtime).await.map_err(Error::Sourcing)?;
    let sourcing = policies.now();
    let calls = Calls::new(&config, &runtime, &store, policies)?;
    let orders = Orders::new(&store, runtime.clock(), calls.clone());
    let mut systems = BTreeMap::new();
    for (name, erp) in &config.erps {
        systems.insert(name.clone(), (runtime.peer(&erp.address)?, erp.poll.get()));
    }
    for (name, service) in &config.payments {
        systems.insert(reading_of_payments(name), (runtime.peer(&service.address)?, service.poll.get()));
    }
    let readings = Readings::begin(Facts(orders.clone()), systems, &store, runtime.clock().now()).await;
    let leases = Leases::start(&runtime, &store).await;
    let worker =
        Worker::new(&runtime, &store, &leases).with(Journey::new(calls, Seal)).with(readings.map_err(Error::Store)?);
    // A replay has the policies and not the file.
    let by = Config { sourcing: sourcing.as_ref().clone(), sourcing_file: None, ..config.clone() };
    let ops = Ops::new(&store, runtime.clock(), worker.counters()).driven::<Journey>(&by).with::<Reading>();
    let feed = Feed::new(&runtime, &store, &leases, config.groups.clone());
    worker.start();
    let payments = PaymentFactsServiceServer::new(PaymentFacts(orders.clone()));
    let api = OrdersServiceServer::new(Api::new(&runtime, orders))
        .max_decoding_message_size(LARGEST_MESSAGE)
        .max_encoding_message_size(LARGEST_MESSAGE);
    let routes = Routes::new(api).add_service(payments);
    let routes = routes.add_service(OpsServiceServer::new(ops)).add_service(FeedServiceServer::new(feed));
    Ok(runtime.serve_grpc(listener, routes).await?)
}
