//! Messages. Owns: what customers are told of their orders and returns, each fact once, by whom and when. Refuses: words
//! (the carrier's templates have them), facts of its own, and holding up an order. In: the feeds of orders and returns
//! (`following.rs`), gRPC. Out: the carriers (`telling.rs`), events in the feed.
//! Rules (`facts.rs`, `returned.rs`, `news.rs`, `truth.rs`, `way.rs`, `content.rs`, `quiet.rs`) are pure.

mod api;
mod config;
mod content;
mod facts;
mod fault;
mod following;
mod lists;
mod news;
mod occasion;
mod queue;
mod quiet;
mod record;
mod render;
mod requests;
mod returned;
mod seal;
mod telling;
#[cfg(test)]
mod testing;
mod truth;
mod way;
mod words;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use retail_flow::{Bundle, DeadLetters, Feed, Inbox, Leases, Ops, Replayed, Unreadable, Worker};
use retail_proto::events::v1::feed_service_server::FeedServiceServer;
use retail_proto::messages::v1::messages_service_server::MessagesServiceServer;
use retail_proto::ops::v1::ops_service_server::OpsServiceServer;
use retail_runtime::{Listener, Peer, Runtime, Timestamp};
use retail_store::{Draft, Error as StoreError, Model, Store, UpdateError};
use tonic::service::Routes;

use crate::api::Api;
pub use crate::config::{Carrier, Channel, Config};
pub use crate::fault::Error;
use crate::following::{Following, ORDERS, RETURNS};
pub use crate::occasion::Occasion;
pub use crate::quiet::Quiet;
use crate::record::Beginning;
use crate::requests::Requests;
use crate::telling::Telling;

/// A thousand-line order fits many times.
const LARGEST_ANSWER: usize = 64 << 20;

/// Runs the messages service until the runtime stops.
///
/// # Errors
/// [`Error`].
pub async fn run(config: Config, runtime: Runtime, store: Store, listener: Listener) -> Result<(), Error> {
    let problems = config.problems();
    if !problems.is_empty() {
        return Err(Error::Configuration(problems));
    }
    let open = |name: &str, address: &str| -> Result<Peer, Error> {
        runtime.peer(address).map_err(|error| Error::Address(name.to_owned(), error))
    };
    let (orders, returns) = (open("orders", &config.orders)?, open("returns", &config.returns)?);
    let mut carriers = BTreeMap::new();
    for (name, carrier) in &config.carriers {
        carriers.insert(name.clone(), open(name, &carrier.address)?);
    }
    let (config, clock) = (Arc::new(config), runtime.clock().clone());
    let since = switched_on(&store, &config, clock.now()).await?;

    let following = Following::new(&store, &clock, Arc::clone(&config), since, (orders.clone(), returns.clone()));
    let leases = Leases::start(&runtime, &store).await;
    let inbox = Inbox::new(&runtime, &store, &leases, &config.group, Arc::new(following))
        .follow(ORDERS, orders.clone())
        .follow(RETURNS, returns);
    let worker = Worker::new(&runtime, &store, &leases)
        .with(Telling::new(&store, Arc::clone(&config), orders, carriers))
        .with(inbox.replay());
    let ops = Ops::new(&store, &clock, worker.counters()).driven::<Telling>(config.as_ref()).with::<DeadLetters>();
    let feed = Feed::new(&runtime, &store, &leases, config.groups.clone());
    worker.start();
    inbox.start();

    let requests = Requests::new(&store, &clock, config);
    let api = MessagesServiceServer::new(Api { store, requests });
    let routes = Routes::new(api).add_service(OpsServiceServer::new(ops)).add_service(FeedServiceServer::new(feed));
    Ok(runtime.serve_grpc(listener, routes).await?)
}

/// Runs a bundle of a message through the rules, by the configuration it holds. Nobody is asked or told anything.
///
/// # Errors
/// [`Unreadable`].
pub async fn replay(runtime: &Runtime, bundle: &Bundle) -> Result<Replayed, Unreadable> {
    let config: Config = bundle.configured()?;
    let orders = runtime.peer(&config.orders).map_err(|error| Unreadable::Config(error.to_string()))?;
    let store = Store::over(runtime, Arc::new(Model::new()), "messages", "replay");
    let telling = Telling::new(&store, Arc::new(config), orders, BTreeMap::new());
    retail_flow::replay(runtime, &telling, bundle).await
}

/// Since when facts are told, milliseconds since 1970: the first start over this store, or later when the configuration
/// says so.
async fn switched_on(store: &Store, config: &Config, now: Timestamp) -> Result<i64, StoreError> {
    let rule = move |draft: &mut Draft<Beginning>| {
        if !draft.existed {
            draft.doc.since = now.as_millisecond();
        }
        Ok::<_, Infallible>(draft.doc.since)
    };
    let since = match store.step::<Beginning, _, _>(Beginning::ID, None, rule).await {
        Ok(done) => done.value,
        Err(UpdateError::Store(error)) => return Err(error),
        Err(UpdateError::Rule(never)) => match never {},
    };
    Ok(config.not_before.map_or(since, |at| since.max(at.as_millisecond())))
}
