//! Customers: one global id per person, and the same person in every system. Owns: ids, keys and who they belong to,
//! profiles, consent, references to other systems, merges. Refuses: guessing who somebody is; only a key that surely
//! belongs to one person joins two sightings, and only people merge customers. In: gRPC. Out: upserts to every configured
//! ERP and CRM, events in the feed. Rules (`keys.rs`, `identity.rs`, `customer.rs`, `survivorship.rs`, `syncing.rs`,
//! `consent.rs`, `bond.rs`) are pure.

mod api;
mod bond;
mod candidates;
mod config;
mod consent;
mod customer;
mod fault;
mod finding;
mod hearing;
mod identity;
mod joining;
mod keys;
mod parse;
mod part;
mod people;
mod reference;
mod render;
mod seal;
mod survivorship;
mod syncing;
mod telling;

use std::collections::BTreeMap;
use std::sync::Arc;

use retail_flow::{Bundle, Feed, Leases, Ops, Replayed, Unreadable, Worker};
use retail_proto::customers::v1::customers_service_server::CustomersServiceServer;
use retail_proto::events::v1::feed_service_server::FeedServiceServer;
use retail_proto::ops::v1::ops_service_server::OpsServiceServer;
use retail_runtime::{Listener, Peer, Runtime};
use retail_store::{Model, Store};
use tonic::service::Routes;

pub use config::{Config, System};
pub use fault::Error;

use api::Api;
use people::People;
use telling::{SystemKind, Telling};

/// Serves customers until the runtime stops.
pub async fn run(config: Config, runtime: Runtime, store: Store, listener: Listener) -> Result<(), Error> {
    let systems = peers(&config, &runtime)?;
    let clock = runtime.clock().clone();
    let people = People::new(store.clone(), clock.clone(), systems.keys().cloned().collect(), config.patience.into());

    let leases = Leases::start(&runtime, &store).await;
    let worker = Worker::new(&runtime, &store, &leases).with(Arc::new(Telling::new(systems, people.joining.clone())));
    let counters = worker.counters();
    worker.start();

    let ops = Ops::new(&store, &clock, counters).driven::<Telling>(&config);
    let routes = Routes::new(CustomersServiceServer::new(Api { people }))
        .add_service(FeedServiceServer::new(Feed::new(&runtime, &store, &leases, config.groups)))
        .add_service(OpsServiceServer::new(ops));
    Ok(runtime.serve_grpc(listener, routes).await?)
}

/// Runs a bundle of a customer through the rules, by the configuration it holds. Nobody is asked anything.
///
/// # Errors
/// [`Unreadable`].
pub async fn replay(runtime: &Runtime, bundle: &Bundle) -> Result<Replayed, Unreadable> {
    let config: Config = bundle.configured()?;
    let systems = peers(&config, runtime).map_err(|error| Unreadable::Config(error.to_string()))?;
    let store = Store::over(runtime, Arc::new(Model::new()), "customers", "replay");
    let people = People::new(store, runtime.clock().clone(), systems.keys().cloned().collect(), config.patience.into());
    retail_flow::replay(runtime, &Arc::new(Telling::new(systems, people.joining)), bundle).await
}

fn peers(config: &Config, runtime: &Runtime) -> Result<BTreeMap<(SystemKind, String), Peer>, Error> {
    let erps = config.erps.iter().map(|(name, system)| (SystemKind::Erp, name, system));
    let crms = config.crms.iter().map(|(name, system)| (SystemKind::Crm, name, system));
    erps.chain(crms)
        .map(|(kind, name, system)| {
            let peer = runtime.peer(&system.address).map_err(|error| Error::Address(name.clone(), error))?;
            Ok(((kind, name.clone()), peer))
        })
        .collect()
}
