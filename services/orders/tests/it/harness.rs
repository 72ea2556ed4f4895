//! A mesh of one service and five neighbours. Facts are waited for where they appear: in the stream of the order, or in
//! the books of a neighbour.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use retail_orders::{Channel, Config, Screening, Sourcing};
use retail_proto::commerce::v1::commerce_service_server::CommerceServiceServer;
use retail_proto::crm::v1::crm_service_server::CrmServiceServer;
use retail_proto::customers::v1::customers_service_server::CustomersServiceServer;
use retail_proto::erp::v1::erp_service_server::ErpServiceServer;
use retail_proto::inventory::v1::inventory_service_server::InventoryServiceServer;
use retail_proto::inventory::v1::reference_service_server::ReferenceServiceServer;
use retail_proto::orders::v1 as pb;
use retail_proto::orders::v1::orders_service_client::OrdersServiceClient;
use retail_proto::types::v1::{Money, Outcome, OutcomeState, Ref};
use retail_runtime::config::Span;
use retail_runtime::fault::{self, Class, Fault, Refusal};
use retail_runtime::{Clock, Net, Peer, Rng, Runtime};
use retail_store::{Fate, Model, Store};
use tokio::sync::watch;
use tonic::service::Routes;
use tonic::{Response, Status};

use crate::erp::{Erp, Ledgers};
use crate::neighbours::{Crm, People};
use crate::shop::Shop;
use crate::stock::Stock;

/// How long stores keep a pickup.
const WEEK: Span = Span::from_secs(7 * 24 * 3600);

/// A fact that does not come within this is a failure.
const PATIENCE: Duration = Duration::from_secs(30);

/// Books of a neighbour, and the news that something was written.
pub(crate) struct Books<T> {
    pages: Arc<Mutex<T>>,
    written: Arc<watch::Sender<u64>>,
}

impl<T> Clone for Books<T> {
    fn clone(&self) -> Self {
        Self { pages: Arc::clone(&self.pages), written: Arc::clone(&self.written) }
    }
}

impl<T: Default> Default for Books<T> {
    fn default() -> Self {
        Self { pages: Arc::default(), written: Arc::new(watch::Sender::new(0)) }
    }
}

impl<T> Books<T> {
    pub(crate) fn open(&self) -> MutexGuard<'_, T> {
        self.pages.lock().unwrap()
    }

    pub(crate) fn write<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let result = work(&mut self.open());
        self.written.send_modify(|count| *count += 1);
        result
    }

    /// Waits until the books say so.
    pub(crate) async fn until(&self, says: impl Fn(&T) -> bool) {
        let mut written = self.written.subscribe();
        let found = written.wait_for(|_| says(&self.open()));
        assert!(Clock::system().timeout(PATIENCE, found).await.is_ok(), "the books never said so");
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{1}")]
struct Says(Class, &'static str);

impl Fault for Says {
    fn class(&self) -> Class {
        self.0
    }

    fn reason(&self) -> &'static str {
        self.1
    }
}

/// A status as our own rooms give it.
pub(crate) fn refusal(class: Class, reason: &'static str) -> Status {
    fault::status("fake.retail", &Says(class, reason))
}

pub(crate) fn done() -> Option<Outcome> {
    Some(Outcome { state: i32::from(OutcomeState::Done), ..Outcome::default() })
}

pub(crate) fn record(kind: &str, r#type: &str, id: &str) -> Ref {
    Ref { kind: kind.into(), instance: kind.into(), r#type: r#type.into(), id: id.into(), number: String::new() }
}

pub(crate) fn gbp(minor_units: i64) -> Money {
    Money { minor_units, currency: "GBP".into() }
}

/// The service and its neighbours.
pub(crate) struct Mesh {
    pub(crate) erp: Erp,
    pub(crate) stock: Stock,
    pub(crate) crm: Crm,
    pub(crate) shop: Shop,
    /// Commits in the domain of orders, but for the reading of the ERP, which goes on whether orders come or not.
    pub(crate) commits: Arc<AtomicU64>,
    runtime: Runtime,
    peer: Peer,
}

impl Drop for Mesh {
    fn drop(&mut self) {
        self.runtime.stop();
    }
}

async fn serve(runtime: &Runtime, routes: Routes) -> String {
    let listener = runtime.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = format!("http://{}", listener.local_addr());
    let server = runtime.clone();
    runtime.spawn("neighbour", async move { server.serve_grpc(listener, routes).await.unwrap() });
    address
}

pub(crate) async fn mesh() -> Mesh {
    mesh_over(Clock::system(), Net::tcp()).await
}

pub(crate) async fn mesh_over(clock: Clock, net: Net) -> Mesh {
    mesh_sourced(clock, net, Sourcing::default()).await
}

pub(crate) async fn mesh_sourced(clock: Clock, net: Net, sourcing: Sourcing) -> Mesh {
    mesh_with(clock, net, |config| config.sourcing = sourcing).await
}

/// A mesh whose channels hold by these rules.
pub(crate) async fn mesh_screening(screening: Screening) -> Mesh {
    let screen = |config: &mut Config| {
        config.channels.values_mut().for_each(|channel| channel.screening = screening.clone());
    };
    mesh_with(Clock::system(), Net::tcp(), screen).await
}

/// A mesh whose stores keep what is ready for so long.
pub(crate) async fn mesh_keeping(clock: Clock, net: Net, pickup: Span) -> Mesh {
    mesh_with(clock, net, |config| config.pickup = pickup).await
}

/// A mesh whose configuration is changed first.
pub(crate) async fn mesh_with(clock: Clock, net: Net, change: impl FnOnce(&mut Config)) -> Mesh {
    let runtime = Runtime::new("orders-test", clock, Rng::seeded(11), net);
    let (erp, stock, crm, shop) = (Erp::default(), Stock::default(), Crm::default(), Shop::default());
    let stock_routes =
        Routes::new(InventoryServiceServer::new(stock.clone())).add_service(ReferenceServiceServer::new(stock.clone()));
    let crm_address = serve(&runtime, Routes::new(CrmServiceServer::new(crm.clone()))).await;
    let channel = Channel {
        address: serve(&runtime, Routes::new(CommerceServiceServer::new(shop.clone()))).await,
        brand: "acme".into(),
        market: "GB".into(),
        region: "eu".into(),
        erp: "erp".into(),
        crm: "crm".into(),
        time_zone: "Europe/London".into(),
        ..Channel::default()
    };
    let erp_address = serve(&runtime, Routes::new(ErpServiceServer::new(erp.clone()))).await;
    let mut config = Config {
        inventory: serve(&runtime, stock_routes).await,
        customers: serve(&runtime, Routes::new(CustomersServiceServer::new(People))).await,
        channels: BTreeMap::from([
            ("till".to_owned(), Channel { address: String::new(), ..channel.clone() }),
            ("shop".to_owned(), channel),
        ]),
        erps: BTreeMap::from([(
            "erp".to_owned(),
            retail_orders::Erp { address: erp_address, poll: Span::from_millis(50) },
        )]),
        crms: BTreeMap::from([("crm".to_owned(), retail_orders::Crm { address: crm_address })]),
        payments: BTreeMap::new(),
        groups: Vec::new(),
        reservation: Span::from_secs(900),
        pickup: WEEK,
        sourcing: Sourcing::default(),
        sourcing_file: None,
    };
    change(&mut config);
    let (model, commits) = (Model::new(), Arc::new(AtomicU64::new(0)));
    let counted = Arc::clone(&commits);
    model.fate(move |_, commit| {
        let reading = commit.writes.iter().all(|write| write.key.to_string().contains("reading/"));
        if !reading {
            counted.fetch_add(1, Ordering::SeqCst);
        }
        Fate::Lucky
    });
    let store = Store::over(&runtime, Arc::new(model), "orders", "eu");
    let listener = runtime.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let peer = runtime.peer(&format!("http://{}", listener.local_addr())).unwrap();
    let service = runtime.clone();
    runtime.spawn("orders", async move { retail_orders::run(config, service, store, listener).await.unwrap() });
    Mesh { erp, stock, crm, shop, commits, runtime, peer }
}

/// A paid order of two lines: six hearts at 2.55 and six lanterns at 3.39.
pub(crate) fn request(number: u32) -> pb::PlaceOrderRequest {
    let line = |sku: &str, price: &str, channel_line_id: &str| pb::LineInput {
        kind: i32::from(pb::LineKind::Goods),
        sku: sku.into(),
        unit_price: price.into(),
        quantity: "6".into(),
        channel_line_id: channel_line_id.into(),
        ..Default::default()
    };
    pb::PlaceOrderRequest {
        idempotency_key: format!("webhook-{number}"),
        capture: i32::from(pb::Capture::Fact),
        channel: "shop".into(),
        channel_order_id: number.to_string(),
        order_number: format!("#{number}"),
        placed_at: Some(prost_types::Timestamp { seconds: 1_700_000_000 + i64::from(number), nanos: 0 }),
        currency: "GBP".into(),
        lines: vec![line("85123A", "2.55", "91"), line("71053", "3.39", "92")],
        total: Some(gbp(1530 + 2034)),
        payments: vec![pb::Payment {
            tender: 1,
            amount: Some(gbp(1530 + 2034)),
            state: i32::from(pb::PaymentState::Captured),
            reference: format!("ch_{number}"),
            ..Default::default()
        }],
        ..Default::default()
    }
}

impl Mesh {
    pub(crate) fn orders(&self) -> OrdersServiceClient<Peer> {
        OrdersServiceClient::new(self.peer.clone())
    }

    /// Places an order and answers its id.
    pub(crate) async fn place(&self, request: pb::PlaceOrderRequest) -> String {
        self.try_place(request).await.unwrap().order_id
    }

    pub(crate) async fn try_place(&self, request: pb::PlaceOrderRequest) -> Result<pb::Order, Refusal> {
        // What the shop tells of, the shop has sold; a till has no books that anybody could ask.
        if request.channel == "shop" {
            self.shop.books.open().sold.entry(request.channel_order_id.clone()).or_insert_with(|| request.clone());
        }
        let answer = self.orders().place_order(request).await.map_err(|status| Refusal::read(&status))?;
        Ok(answer.into_inner().order.unwrap())
    }

    pub(crate) async fn cancel(&self, order_id: &str) -> Result<pb::Order, Refusal> {
        let request = pb::CancelOrderRequest {
            idempotency_key: format!("cancel-{order_id}"),
            order_id: order_id.into(),
            reason: "no longer wanted".into(),
            line_numbers: Vec::new(),
        };
        let answer = self.orders().cancel_order(request).await.map_err(|status| Refusal::read(&status))?;
        Ok(answer.into_inner().order.unwrap())
    }

    /// Cancels lines while the rest goes on.
    pub(crate) async fn cancel_lines(&self, order_id: &str, lines: &[i32]) -> Result<pb::Order, Refusal> {
        let request = pb::CancelOrderRequest {
            idempotency_key: format!("cancel-{order_id}-{}", lines.len()),
            order_id: order_id.into(),
            reason: "no longer wanted".into(),
            line_numbers: lines.to_vec(),
        };
        let answer = self.orders().cancel_order(request).await.map_err(|status| Refusal::read(&status))?;
        Ok(answer.into_inner().order.unwrap())
    }

    pub(crate) async fn release(&self, order_id: &str, hold_reason: &str) -> Result<pb::Order, Refusal> {
        let request = pb::ReleaseHoldRequest {
            idempotency_key: format!("release-{order_id}"),
            order_id: order_id.into(),
            hold_reason: hold_reason.into(),
            note: "looked at it".into(),
        };
        let answer = self.orders().release_hold(request).await.map_err(|status| Refusal::read(&status))?;
        Ok(answer.into_inner().order.unwrap())
    }

    /// A store says something of a pickup.
    pub(crate) async fn ready(&self, order_id: &str) -> Result<pb::Order, Refusal> {
        let request = pb::MarkReadyForPickupRequest {
            idempotency_key: format!("ready-{order_id}"),
            order_id: order_id.into(),
            note: "shelf 4".into(),
        };
        let answer = self.orders().mark_ready_for_pickup(request).await.map_err(|status| Refusal::read(&status))?;
        Ok(answer.into_inner().order.unwrap())
    }

    pub(crate) async fn hand_over(&self, order_id: &str) -> Result<pb::Order, Refusal> {
        let request = pb::HandOverOrderRequest {
            idempotency_key: format!("hand-over-{order_id}"),
            order_id: order_id.into(),
            collected_by: "Mr Jones".into(),
            note: String::new(),
        };
        let answer = self.orders().hand_over_order(request).await.map_err(|status| Refusal::read(&status))?;
        Ok(answer.into_inner().order.unwrap())
    }

    pub(crate) async fn reject(&self, order_id: &str, location: &str) -> Result<pb::Order, Refusal> {
        let request = pb::RejectPickRequest {
            idempotency_key: format!("reject-{order_id}-{location}"),
            order_id: order_id.into(),
            reason: "not on the shelf".into(),
            location: location.into(),
        };
        let answer = self.orders().reject_pick(request).await.map_err(|status| Refusal::read(&status))?;
        Ok(answer.into_inner().order.unwrap())
    }

    pub(crate) async fn edit(&self, request: pb::EditOrderRequest) -> Result<pb::Order, Refusal> {
        let request = pb::EditOrderRequest { reason: "the customer called".into(), ..request };
        let answer = self.orders().edit_order(request).await.map_err(|status| Refusal::read(&status))?;
        Ok(answer.into_inner().order.unwrap())
    }

    pub(crate) async fn reroute(&self, request: pb::RerouteOrderRequest) -> Result<pb::Order, Refusal> {
        let request = pb::RerouteOrderRequest { reason: "asked the customer".into(), ..request };
        let answer = self.orders().reroute_order(request).await.map_err(|status| Refusal::read(&status))?;
        Ok(answer.into_inner().order.unwrap())
    }

    pub(crate) async fn get(&self, order_id: &str) -> pb::Order {
        let answer = self.orders().get_order(pb::GetOrderRequest { order_id: order_id.into() }).await;
        answer.map(Response::into_inner).unwrap().order.unwrap()
    }

    /// Follows the order until it is as wished; answers every state that was seen.
    pub(crate) async fn until(&self, order_id: &str, wished: impl Fn(&pb::Order) -> bool) -> Vec<pb::Order> {
        let mut seen = Vec::new();
        let found = async {
            let request = pb::WatchOrderRequest { order_id: order_id.into() };
            let mut stream = self.orders().watch_order(request).await.unwrap().into_inner();
            while let Some(message) = stream.message().await.unwrap() {
                let order = message.order.unwrap();
                seen.push(order.clone());
                if wished(&order) {
                    return true;
                }
            }
            false
        };
        let came = Clock::system().timeout(PATIENCE, found).await;
        assert_eq!(
            came,
            Ok(true),
            "never came; last seen {:?}, calls {:?}",
            seen.last(),
            self.stock.books.open().calls
        );
        seen
    }

    pub(crate) async fn until_state(&self, order_id: &str, state: pb::OrderState) -> pb::Order {
        self.until(order_id, |order| order.state() == state).await.pop().unwrap()
    }

    /// Places an order and waits until the ERP has it.
    pub(crate) async fn booked(&self, number: u32) -> String {
        let id = self.place(request(number)).await;
        self.until_state(&id, pb::OrderState::Booked).await;
        id
    }

    /// The warehouse ships all of a standard order, and the books bill it.
    pub(crate) fn ship_all(&self, order_id: &str) {
        self.erp.books.write(|books: &mut Ledgers| books.ship(order_id, &[(1, 6), (2, 6)]));
    }
}
