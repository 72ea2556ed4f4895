//! A mesh of one service with two honest neighbours.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use retail_inventory::{Authority, Channel, Config, Erp, Kind, Limits, OnShortfall};
use retail_proto::commerce::v1 as shop;
use retail_proto::commerce::v1::commerce_service_server::{CommerceService, CommerceServiceServer};
use retail_proto::crm::v1::crm_service_server::CrmServiceServer;
use retail_proto::erp::v1::erp_service_server::ErpServiceServer;
use retail_proto::inventory::v1 as pb;
use retail_proto::inventory::v1::inventory_service_client::InventoryServiceClient;
use retail_proto::inventory::v1::reference_service_client::ReferenceServiceClient;
use retail_proto::orders::v1::orders_service_server::OrdersServiceServer;
use retail_proto::types::v1::{Outcome, OutcomeState};
use retail_runtime::config::Span;
use retail_runtime::fault::Refusal;
use retail_runtime::{Clock, Net, Peer, Rng, Runtime, TimeSource, Timestamp};
use retail_store::{Model, Store};
use tonic::service::Routes;
use tonic::{Request, Response, Status};

use crate::crm_fake::FakeCrm;
use crate::erp_fake::FakeErp;
use crate::orders_fake::FakeOrders;

pub(crate) fn done() -> Option<Outcome> {
    Some(Outcome { state: i32::from(OutcomeState::Done), ..Outcome::default() })
}

/// Two rows a page, so that every reading has several.
pub(crate) fn page<T: Clone>(rows: &[T], token: &str) -> (Vec<T>, String) {
    let start: usize = if token.is_empty() { 0 } else { token.parse().unwrap() };
    let end = (start + 2).min(rows.len());
    (rows[start..end].to_vec(), if end < rows.len() { end.to_string() } else { String::new() })
}

/// What the shop shows.
#[derive(Default)]
pub(crate) struct ShopBooks {
    /// Item code, stocked item.
    pub(crate) items: Vec<(String, String)>,
    pub(crate) shown: BTreeMap<String, i64>,
    pub(crate) sets: Vec<shop::SetStockRequest>,
    pub(crate) away: bool,
    /// The next setting is done, and its answer is lost.
    pub(crate) lose_an_answer: bool,
    /// Sales that happen right before each of the next settings.
    pub(crate) sales: Vec<(String, i64)>,
    pub(crate) stale_answers: usize,
}

#[derive(Clone, Default)]
pub(crate) struct FakeShop {
    books: Arc<Mutex<ShopBooks>>,
}

impl FakeShop {
    pub(crate) fn books(&self) -> MutexGuard<'_, ShopBooks> {
        self.books.lock().unwrap()
    }

    pub(crate) fn shown(&self, sku: &str) -> i64 {
        self.books().shown[&format!("inv-{sku}")]
    }

    fn there(&self) -> Result<(), Status> {
        if self.books().away { Err(Status::unavailable("closed for the night")) } else { Ok(()) }
    }
}

#[tonic::async_trait]
impl CommerceService for FakeShop {
    async fn list_items(
        &self,
        request: Request<shop::ListItemsRequest>,
    ) -> Result<Response<shop::ListItemsResponse>, Status> {
        self.there()?;
        let (rows, next_page_token) = page(&self.books().items, &request.get_ref().page_token);
        let items = rows.into_iter().map(|(sku, inventory_item_id)| shop::Item {
            variant_id: format!("var-{sku}"),
            sku,
            inventory_item_id,
            title: String::new(),
        });
        Ok(Response::new(shop::ListItemsResponse { items: items.collect(), next_page_token }))
    }

    async fn list_locations(
        &self,
        _: Request<shop::ListLocationsRequest>,
    ) -> Result<Response<shop::ListLocationsResponse>, Status> {
        self.there()?;
        let only = shop::Location { location_id: "loc-1".into(), name: "Shop location".into(), active: true };
        Ok(Response::new(shop::ListLocationsResponse { locations: vec![only], as_of: None }))
    }

    async fn get_stock(
        &self,
        request: Request<shop::GetStockRequest>,
    ) -> Result<Response<shop::GetStockResponse>, Status> {
        self.there()?;
        let books = self.books();
        let readings = request.get_ref().inventory_item_ids.iter().filter_map(|id| {
            let available = *books.shown.get(id)?;
            Some(shop::StockReading { inventory_item_id: id.clone(), available, on_hand: available })
        });
        Ok(Response::new(shop::GetStockResponse { readings: readings.collect() }))
    }

    async fn set_stock(
        &self,
        request: Request<shop::SetStockRequest>,
    ) -> Result<Response<shop::SetStockResponse>, Status> {
        self.there()?;
        let request = request.into_inner();
        let mut books = self.books();
        let repeated = books.sets.iter().any(|set| set.idempotency_key == request.idempotency_key);
        if !repeated {
            if !books.sales.is_empty() {
                let (item, sold) = books.sales.remove(0);
                *books.shown.get_mut(&item).unwrap() -= sold;
            }
            let stale =
                |setting: &shop::StockSetting| setting.expected != books.shown.get(&setting.inventory_item_id).copied();
            if request.settings.iter().any(stale) {
                books.stale_answers += 1;
                let outcome = Outcome {
                    state: i32::from(OutcomeState::Refused),
                    reason: "CHANGE_FROM_QUANTITY_STALE".into(),
                    ..Outcome::default()
                };
                return Ok(Response::new(shop::SetStockResponse { outcome: Some(outcome) }));
            }
            for setting in &request.settings {
                books.shown.insert(setting.inventory_item_id.clone(), setting.quantity);
            }
            books.sets.push(request);
        }
        if std::mem::take(&mut books.lose_an_answer) {
            return Err(Status::deadline_exceeded("answer lost"));
        }
        Ok(Response::new(shop::SetStockResponse { outcome: done() }))
    }
}

/// A clock that runs, and can be put ahead.
pub(crate) struct Time {
    start: tokio::time::Instant,
    ahead: Mutex<Duration>,
}

impl Time {
    /// Begins now, which is called [`at`]`(0)`.
    pub(crate) fn begin() -> Self {
        Self { start: tokio::time::Instant::now(), ahead: Mutex::default() }
    }

    /// Puts the wall clock to at least this time.
    pub(crate) fn set(&self, to: Timestamp) {
        *self.ahead.lock().unwrap() = to.duration_since(at(0)).unsigned_abs();
    }
}

impl TimeSource for Time {
    fn now(&self) -> Timestamp {
        at(0).checked_add(self.start.elapsed() + *self.ahead.lock().unwrap()).unwrap()
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }
}

/// The service and its neighbours.
pub(crate) struct Mesh {
    pub(crate) erp: FakeErp,
    pub(crate) shop: FakeShop,
    pub(crate) orders: FakeOrders,
    pub(crate) time: Arc<Time>,
    pub(crate) store: Store,
    pub(crate) model: Model,
    runtime: Runtime,
    peer: Peer,
}

impl Drop for Mesh {
    fn drop(&mut self) {
        self.runtime.stop();
    }
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

async fn serve(runtime: &Runtime, routes: Routes) -> String {
    let listener = runtime.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = format!("http://{}", listener.local_addr());
    let server = runtime.clone();
    runtime.spawn("neighbour", async move { server.serve_grpc(listener, routes).await.unwrap() });
    address
}

/// A mesh whose owners know item A (10 at MAIN, 4 at SIDE), B (5 at MAIN) and C (0 at MAIN).
pub(crate) async fn mesh() -> Mesh {
    let mesh = mesh_unread(|_| {}).await;
    mesh.until("the owners are read", || async { mesh.available("B", "MAIN").await.as_deref() == Some("5") }).await;
    mesh.until("the shop is right", || async { mesh.shop.shown("C") == 0 && mesh.shop.shown("A") == 10 }).await;
    mesh
}

pub(crate) async fn mesh_unread(prepare: impl FnOnce(&FakeErp)) -> Mesh {
    mesh_limited(prepare, Limits::default()).await
}

/// A mesh whose shop gets no more than its limits leave it.
pub(crate) async fn mesh_limited(prepare: impl FnOnce(&FakeErp), limits: Limits) -> Mesh {
    mesh_with(prepare, limits, OnShortfall::Propose).await
}

/// A mesh that acts on shortfalls by itself.
pub(crate) async fn mesh_that_acts() -> Mesh {
    let mesh = mesh_with(|_| {}, Limits::default(), OnShortfall::Reroute).await;
    mesh.until("the owners are read", || async { mesh.available("B", "MAIN").await.as_deref() == Some("5") }).await;
    mesh
}

/// A mesh whose service agents see in their CRM what may be sold, told twice a second at most.
pub(crate) async fn mesh_seen(prepare: impl FnOnce(&FakeErp), crm: &FakeCrm) -> Mesh {
    let mesh = mesh_told(prepare, Limits::default(), OnShortfall::Propose, Some(crm)).await;
    mesh.until("the owners are read", || async { mesh.available("B", "MAIN").await.as_deref() == Some("5") }).await;
    mesh
}

async fn mesh_with(prepare: impl FnOnce(&FakeErp), limits: Limits, on_shortfall: OnShortfall) -> Mesh {
    mesh_told(prepare, limits, on_shortfall, None).await
}

async fn mesh_told(
    prepare: impl FnOnce(&FakeErp),
    limits: Limits,
    on_shortfall: OnShortfall,
    crm: Option<&FakeCrm>,
) -> Mesh {
    let time = Arc::new(Time::begin());
    let source: Arc<dyn TimeSource> = Arc::<Time>::clone(&time);
    let clock = Clock::new(source);
    let runtime = Runtime::new("inventory-test", clock.clone(), Rng::seeded(7), Net::tcp());
    let erp = FakeErp::new(clock);
    {
        let mut books = erp.books();
        books.items = ["A", "B", "C"].map(String::from).to_vec();
        books.locations = [("MAIN", "Hub"), ("SIDE", "Paris")].map(|(code, name)| (code.into(), name.into())).to_vec();
        for (sku, location, on_hand) in [("A", "MAIN", 10), ("A", "SIDE", 4), ("B", "MAIN", 5), ("C", "MAIN", 0)] {
            books.stock.insert((sku.into(), location.into()), on_hand);
        }
    }
    prepare(&erp);
    let shop = FakeShop::default();
    {
        let mut books = shop.books();
        books.items = ["A", "B", "C", "Z"].map(|sku| (sku.to_lowercase(), format!("inv-{sku}"))).to_vec();
        books.shown = ["A", "B", "C", "Z"].map(|sku| (format!("inv-{sku}"), 7)).into();
    }
    let erp_address = serve(&runtime, Routes::new(ErpServiceServer::new(erp.clone()))).await;
    let shop_address = serve(&runtime, Routes::new(CommerceServiceServer::new(shop.clone()))).await;
    let orders = FakeOrders::default();
    let orders_address = serve(&runtime, Routes::new(OrdersServiceServer::new(orders.clone()))).await;
    let mut channels =
        vec![Channel { instance: "commerce".into(), address: shop_address, limits, ..Channel::default() }];
    channels[0].subtracts_own_sales = true;
    if let Some(crm) = crm {
        let address = serve(&runtime, Routes::new(CrmServiceServer::new(crm.clone()))).await;
        let every = Some(Span::from_millis(500));
        channels.push(Channel { instance: "crm".into(), kind: Kind::Crm, address, every, ..Channel::default() });
    }
    let model = Model::new();
    let store = Store::over(&runtime, Arc::new(model.clone()), "inventory", "eu");
    let config = Config {
        erp: Some(Erp { instance: "erp".into(), address: erp_address }),
        channels,
        orders: Some(orders_address),
        authority: [("SIDE".to_owned(), Authority::Erp)].into(),
        on_shortfall,
        default_location: "MAIN".into(),
        refresh: Span::from_secs(3600),
        check: Span::from_secs(1),
        expected_refresh: Span::from_secs(3600),
        reservation_ttl: Span::from_secs(900),
        audit: Span::from_secs(3600),
    };
    let listener = runtime.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let peer = runtime.peer(&format!("http://{}", listener.local_addr())).unwrap();
    let (service, own_store) = (runtime.clone(), store.clone());
    runtime.spawn("inventory", async move {
        retail_inventory::run(config, service, own_store, listener).await.unwrap();
    });
    Mesh { erp, shop, orders, time, store, model, runtime, peer }
}

impl Mesh {
    pub(crate) fn stock(&self) -> InventoryServiceClient<Peer> {
        InventoryServiceClient::new(self.peer.clone())
    }

    pub(crate) fn reference(&self) -> ReferenceServiceClient<Peer> {
        ReferenceServiceClient::new(self.peer.clone())
    }

    /// Waits for a fact; a fact that does not come is a failure with its name.
    pub(crate) async fn until<F: Future<Output = bool>>(&self, fact: &str, mut holds: impl FnMut() -> F) {
        for _ in 0..500 {
            if holds().await {
                return;
            }
            self.runtime.clock().sleep(Duration::from_millis(20)).await;
        }
        panic!("never came true: {fact}");
    }

    /// Waits until nothing is written any more.
    pub(crate) async fn quiet(&self) -> u64 {
        loop {
            let before = self.store.commits();
            self.runtime.clock().sleep(Duration::from_millis(700)).await;
            if self.store.commits() == before {
                return before;
            }
        }
    }

    pub(crate) async fn rows(&self, sku: &str) -> Vec<pb::Availability> {
        let request = pb::GetAvailabilityRequest { skus: vec![sku.into()], location: String::new() };
        self.stock().get_availability(request).await.map(|answer| answer.into_inner().rows).unwrap_or_default()
    }

    pub(crate) async fn available(&self, sku: &str, location: &str) -> Option<String> {
        self.rows(sku).await.into_iter().find(|row| row.location == location).map(|row| row.available)
    }

    pub(crate) async fn reserve(&self, id: &str, lines: &[(&str, &str, &str, &str)]) -> pb::ReserveStockResponse {
        self.try_reserve(reserve(id, lines)).await.unwrap()
    }

    pub(crate) async fn try_reserve(
        &self,
        request: pb::ReserveStockRequest,
    ) -> Result<pb::ReserveStockResponse, Refusal> {
        self.stock().reserve_stock(request).await.map(Response::into_inner).map_err(|status| Refusal::read(&status))
    }

    pub(crate) async fn confirm(&self, id: &str) -> Result<pb::Reservation, Refusal> {
        let request = pb::ConfirmReservationRequest { idempotency_key: "k".into(), reservation_id: id.into() };
        let answer = self.stock().confirm_reservation(request).await.map_err(|status| Refusal::read(&status))?;
        Ok(answer.into_inner().reservation.unwrap())
    }

    pub(crate) async fn release(&self, id: &str) -> Result<pb::Reservation, Refusal> {
        let request =
            pb::ReleaseReservationRequest { idempotency_key: "k".into(), reservation_id: id.into(), lines: vec![] };
        let answer = self.stock().release_reservation(request).await.map_err(|status| Refusal::read(&status))?;
        Ok(answer.into_inner().reservation.unwrap())
    }

    pub(crate) async fn consume(
        &self,
        id: &str,
        key: &str,
        lines: &[(&str, &str)],
    ) -> Result<pb::Reservation, Refusal> {
        let lines = lines.iter().map(|(id, q)| pb::ConsumeLine { line_id: (*id).into(), quantity: (*q).into() });
        let request = pb::ConsumeReservationRequest {
            idempotency_key: key.into(),
            reservation_id: id.into(),
            lines: lines.collect(),
        };
        let answer = self.stock().consume_reservation(request).await.map_err(|status| Refusal::read(&status))?;
        Ok(answer.into_inner().reservation.unwrap())
    }
}

/// Lines: id, item, location (empty is the default), quantity.
pub(crate) fn reserve(id: &str, lines: &[(&str, &str, &str, &str)]) -> pb::ReserveStockRequest {
    let lines = lines.iter().map(|(line_id, sku, location, quantity)| pb::ReserveLine {
        line_id: (*line_id).into(),
        sku: (*sku).into(),
        location: (*location).into(),
        quantity: (*quantity).into(),
        ..Default::default()
    });
    pb::ReserveStockRequest {
        idempotency_key: format!("key-{id}"),
        reservation_id: id.into(),
        lines: lines.collect(),
        ..Default::default()
    }
}
