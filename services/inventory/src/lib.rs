//! Stock: what is there, what is promised, what may be sold, and what each channel is told of it. Owns: balances with
//! their movements, reservations, adjustments, receipts, counts, feeds, expected goods, transfers, publications, items (kits
//! and units too) and places with their cross-references.
//! Refuses: stock truth (the authority counts, we re-apply what it has not seen), prices and tax. In: gRPC from other
//! services, pages read from the ERP, shops and CRMs. Out: the feed, numbers to them, adjustments and
//! transfers to the ERP.

mod acting;
mod action_api;
mod adjustment;
mod agents;
mod allocation;
mod api;
mod arrivals;
mod aside;
mod audit;
mod books;
mod carrying;
mod catalogue;
mod checking;
mod config;
mod door;
mod expected;
mod expecting;
mod expiry;
mod fault;
mod feed_api;
mod feed_rows;
mod feeding;
mod floor;
mod holding;
mod inbound;
mod keys;
mod kit;
mod landing;
mod line;
mod movement;
mod moving;
mod owners;
mod parse;
mod places;
mod proposing;
mod publication;
mod publish;
mod reads;
mod receipt;
mod reference;
mod reference_api;
mod render;
mod rerouting;
mod reservation;
mod shelf;
mod shortage;
mod shown_kits;
mod site;
mod stock;
mod stock_feed;
mod sync;
mod transfer;
mod transfer_api;
mod transfer_fault;
mod units;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;

use retail_flow::{Bundle, Feed, Leases, Ops, Replayed, Unreadable, Worker};
use retail_proto::events::v1::feed_service_server::FeedServiceServer;
use retail_proto::inventory::v1::inventory_service_server::InventoryServiceServer;
use retail_proto::inventory::v1::reference_service_server::ReferenceServiceServer;
use retail_proto::ops::v1::ops_service_server::OpsServiceServer;
use retail_runtime::{Listener, Peer, Runtime};
use retail_store::{Document as _, Model, Store};
use tonic::service::Routes;

pub use config::{Authority, Channel, Config, Erp, Kind, Limits, OnShortfall, Share};
pub use fault::Error;
pub use reservation::{Lacking, ReservationError, State};
pub use stock::StockError;
pub use transfer::Road;
pub use transfer_fault::{NotFree, TransferError};
pub use units::UnitError;

use acting::{Acting, Action};
use adjustment::{Adjustment, Posting};
use api::Api;
use audit::Audit;
use books::Books;
use carrying::Carrying;
use checking::{Checking, Doubts};
use expecting::Expecting;
use expiry::Expiry;
use feeding::Feeding;
use holding::Holding;
use inbound::Inbound;
use landing::Landings;
use moving::Moving;
use proposing::Proposing;
use publish::{Outlet, Publication, Publish};
use reference::Reference;
use reference_api::ReferenceApi;
use rerouting::Rerouting;
use reservation::Part;
use sync::Sync;

/// A request may carry 5,000 lines.
const MAX_REQUEST_BYTES: usize = 4 << 20;

/// Serves inventory until the runtime stops.
pub async fn run(config: Config, runtime: Runtime, store: Store, listener: Listener) -> Result<(), Error> {
    let erp = match &config.erp {
        Some(erp) => Some((erp.instance.clone(), peer(&runtime, &erp.instance, &erp.address)?)),
        None => None,
    };
    let mut connected: Vec<(Channel, Peer)> = vec![];
    for channel in &config.channels {
        if channel.kind == Kind::Crm && !channel.locations.is_empty() {
            return Err(Error::LocationsOfCrm(channel.instance.clone()));
        }
        connected.push((channel.clone(), peer(&runtime, &channel.instance, &channel.address)?));
    }
    let channels: Arc<Vec<String>> = Arc::new(connected.iter().map(|(channel, _)| channel.instance.clone()).collect());
    let outlets: BTreeMap<String, Outlet> = connected.iter().map(|(channel, peer)| outlet(channel, peer)).collect();

    let clock = runtime.clock().clone();
    let home: Arc<str> = config.default_location.as_str().into();
    let reference = Reference::new(store.clone(), clock.clone());
    let books = Books::new(store.clone(), clock.clone(), Arc::clone(&channels), erp.is_some());
    let doubts = Doubts::default();
    let holding = Holding::new(store.clone(), clock.clone(), Arc::clone(&channels), &home, doubts.clone());
    let expecting = Expecting::new(store.clone(), clock.clone(), Arc::clone(&channels));
    let orders = match &config.orders {
        Some(address) => Some(peer(&runtime, "orders", address)?),
        None if config.on_shortfall == OnShortfall::Reroute => return Err(Error::NoOrders),
        None => None,
    };
    let acting = Acting::new(store.clone(), clock.clone(), Proposing::new(store.clone()), orders.is_some());
    let keeper = erp.as_ref().map_or("", |(instance, _)| instance.as_str());
    let moving = Moving::new(store.clone(), clock.clone(), Arc::clone(&channels), keeper);
    let landings = Landings::new(store.clone(), clock.clone(), Arc::clone(&channels), keeper);
    let feeding = Feeding::new(
        store.clone(),
        clock.clone(),
        reference.clone(),
        Arc::clone(&channels),
        Arc::clone(&home),
        erp.is_some(),
        runtime.metrics(),
    );
    let inbound = Inbound::new(store.clone(), clock.clone(), expecting.clone(), reference.clone());
    let checking = Checking {
        runtime: runtime.clone(),
        reference: reference.clone(),
        books: books.clone(),
        doubts: doubts.clone(),
        channels: connected.clone(),
        every: config.check.into(),
    };
    let sync = Sync::new(&runtime, &config, (reference.clone(), books.clone(), inbound), erp.clone(), connected);
    reference.put_home(&home).await?;

    let leases = Leases::start(&runtime, &store).await;
    let worker = Worker::new(&runtime, &store, &leases)
        .with(Arc::new(Expiry::new(channels.to_vec())))
        .with(Arc::new(Posting::new(erp.clone())))
        .with(Arc::new(Rerouting::new(orders)))
        .with(Arc::new(Carrying::new(erp.clone(), expecting.clone(), landings)))
        .with(Arc::new(Publish::new(store.clone(), outlets, doubts.clone())));
    let counters = worker.counters();
    worker.start();
    if erp.is_some() {
        runtime.spawn("reference", sync.clone().keep_fresh(leases.clone()));
        runtime.spawn("expected", sync.clone().keep_expecting(leases.clone()));
    }

    if config.on_shortfall == OnShortfall::Reroute {
        runtime.spawn("shortfalls", acting.clone().keep_acting(runtime.clone(), leases.clone()));
    }
    runtime.spawn("checking", checking.keep_looking());
    runtime.spawn("audit", Audit::new(&runtime, &store, &leases, config.audit.into()).keep_looking());
    let api = Api {
        runtime: runtime.clone(),
        store: store.clone(),
        clock: clock.clone(),
        holding,
        books,
        feeding,
        expecting,
        moving,
        acting,
        reference: reference.clone(),
        home: Arc::clone(&home),
        ttl: config.reservation_ttl.into(),
        owned: erp.is_some(),
    };
    let ops = Ops::new(&store, &clock, counters)
        .with::<Part>()
        .with::<Publication>()
        .driven::<Posting>(&config)
        .driven::<Carrying>(&config)
        .driven::<Rerouting>(&config);
    let routes = Routes::new(InventoryServiceServer::new(api).max_decoding_message_size(MAX_REQUEST_BYTES))
        .add_service(
            ReferenceServiceServer::new(ReferenceApi { reference, sync, home, owned: erp.is_some() })
                .max_decoding_message_size(MAX_REQUEST_BYTES),
        )
        .add_service(FeedServiceServer::new(Feed::new(&runtime, &store, &leases, vec![])))
        .add_service(OpsServiceServer::new(ops));
    Ok(runtime.serve_grpc(listener, routes).await?)
}

/// Runs a bundle of an adjustment, a transfer or a shortfall's action through the rules, by the configuration it holds. Nobody
/// is asked anything, and no shelf is there: what the rules change on one is not compared.
///
/// # Errors
/// [`Unreadable`].
pub async fn replay(runtime: &Runtime, bundle: &Bundle) -> Result<Replayed, Unreadable> {
    let store = Store::over(runtime, Arc::new(Model::new()), "inventory", "replay");
    let (clock, channels) = (runtime.clock().clone(), Arc::default());
    match bundle.kind.as_str() {
        Adjustment::KIND => retail_flow::replay(runtime, &Arc::new(Posting::new(None)), bundle).await,
        Action::KIND => retail_flow::replay(runtime, &Arc::new(Rerouting::new(None)), bundle).await,
        _ => {
            let expecting = Expecting::new(store.clone(), clock.clone(), Arc::clone(&channels));
            let landings = Landings::new(store, clock, channels, "");
            retail_flow::replay(runtime, &Arc::new(Carrying::new(None, expecting, landings)), bundle).await
        }
    }
}

fn peer(runtime: &Runtime, name: &str, address: &str) -> Result<Peer, Error> {
    runtime.peer(address).map_err(|error| Error::Address(name.to_owned(), error))
}

fn outlet(channel: &Channel, peer: &Peer) -> (String, Outlet) {
    let outlet = Outlet { peer: peer.clone(), manner: channel.manner(), pause: channel.pause() };
    (channel.instance.clone(), outlet)
}
