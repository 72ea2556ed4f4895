//! Cases. Owns: what a service agent is shown in one call, and what the agent's case is told. Refuses: any fact of its
//! own; everything shown is a projection of its owner's feed. In: gRPC, the feeds of orders, returns and customers
//! (`views.rs`), the CRMs' cases (`poll.rs`). Out: milestones and pointers of cases (`telling.rs`), what agents see of
//! returns (`desk.rs`), events in the feed.
//! Rules (`case.rs`, `milestones.rs`, `promises.rs`, `sections.rs`, `agents.rs`, `keys.rs`, `find.rs`) are pure.

mod agents;
mod api;
mod calls;
mod case;
mod cases;
mod config;
mod context;
mod desk;
mod family;
mod fault;
mod find;
mod gather;
mod keys;
mod linking;
mod lists;
mod milestones;
mod owners;
mod poll;
mod promises;
mod record;
mod seal;
mod sections;
mod seeds;
mod shelf;
mod telling;
mod views;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use retail_flow::{Bundle, DeadLetters, Feed, Inbox, Leases, Ops, Reading, Readings, Replayed, Unreadable, Worker};
use retail_proto::cases::v1::cases_service_server::CasesServiceServer;
use retail_proto::events::v1::feed_service_server::FeedServiceServer;
use retail_proto::ops::v1::ops_service_server::OpsServiceServer;
use retail_runtime::{Listener, Runtime};
use retail_store::{Model, Store};
use tonic::service::Routes;

use crate::api::Api;
use crate::calls::{LARGEST_ANSWER, Peers};
use crate::cases::Cases;
pub use crate::config::{Channel, Config, Crm};
use crate::context::{Contexts, Standings};
use crate::desk::Desk;
pub use crate::fault::Error;
use crate::linking::Linking;
use crate::owners::Owners;
use crate::poll::Facts;
use crate::record::{Kind, View};
use crate::seeds::Seeker;
use crate::telling::Telling;
use crate::views::Views;

/// Runs the cases service until the runtime stops.
///
/// # Errors
/// [`Error`].
pub async fn run(config: Config, runtime: Runtime, store: Store, listener: Listener) -> Result<(), Error> {
    let peers = Peers::new(&config, &runtime)?;
    let clock = runtime.clock().clone();
    let cases = Cases::new(&store, &clock);
    let crms: Vec<String> = config.crms.keys().cloned().collect();
    let mut polled = BTreeMap::new();
    for (name, peer) in &peers.crms {
        let every = config.crms.get(name).map_or_else(Default::default, |crm| crm.poll.get());
        polled.insert(name.clone(), (peer.clone(), every));
    }

    let views = Views::new(&store, &clock, cases.clone(), peers.clone(), config.channels.clone());
    let leases = Leases::start(&runtime, &store).await;
    let inbox = Inbox::new(&runtime, &store, &leases, &config.group, Arc::new(views))
        .follow(Kind::Order.feed(), peers.orders.clone())
        .follow(Kind::Return.feed(), peers.returns.clone())
        .follow(Kind::Customer.feed(), peers.customers.clone());
    let standings = Standings {
        orders: inbox.standing(Kind::Order.feed()),
        returns: inbox.standing(Kind::Return.feed()),
        customers: inbox.standing(Kind::Customer.feed()),
    };

    let readings = Readings::begin(Facts(cases.clone()), polled, &store, clock.now()).await?;
    let worker = Worker::new(&runtime, &store, &leases)
        .with(Telling::new(&store, cases.clone(), peers.crms.clone()))
        .with(Desk::new(peers.crms.clone()))
        .with(readings)
        .with(inbox.replay());
    let ops = Ops::new(&store, &clock, worker.counters());
    let ops = ops.driven::<Telling>(&config).with::<View>().with::<Reading>().with::<DeadLetters>();
    let feed = Feed::new(&runtime, &store, &leases, config.groups.clone());
    worker.start();
    inbox.start();

    let owners = Owners::new(peers, &clock, &config);
    let seeker = Seeker::new(&store, cases.clone(), owners.clone(), crms.clone());
    let linking = Linking::new(&store, cases, owners.clone(), crms.clone());
    let known = (crms, config.group.clone(), config.stale_after.get());
    let contexts = Contexts::new(&store, &clock, seeker.clone(), owners, standings, known);
    let api = CasesServiceServer::new(Api { store, contexts, seeker, linking })
        .max_decoding_message_size(LARGEST_ANSWER)
        .max_encoding_message_size(LARGEST_ANSWER);
    let routes = Routes::new(api).add_service(OpsServiceServer::new(ops)).add_service(FeedServiceServer::new(feed));
    Ok(runtime.serve_grpc(listener, routes).await?)
}

/// Runs a bundle of a case through the rules, by the configuration it holds. Nobody is asked anything.
///
/// # Errors
/// [`Unreadable`].
pub async fn replay(runtime: &Runtime, bundle: &Bundle) -> Result<Replayed, Unreadable> {
    let config: Config = bundle.configured()?;
    let peers = Peers::new(&config, runtime).map_err(|error| Unreadable::Config(error.to_string()))?;
    let store = Store::over(runtime, Arc::new(Model::new()), "cases", "replay");
    let cases = Cases::new(&store, runtime.clock());
    retail_flow::replay(runtime, &Telling::new(&store, cases, peers.crms), bundle).await
}
