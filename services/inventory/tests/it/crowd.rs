//! A crowd after the last units: hundreds of buyers at once, over the embedded store and real gRPC, while promises run out
//! to the second and the service dies under them. What was on the shelf is sold, promised or there; nothing else is true.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use retail_inventory::Config;
use retail_proto::inventory::v1 as pb;
use retail_proto::inventory::v1::ReservationState as State;
use retail_proto::inventory::v1::inventory_service_client::InventoryServiceClient;
use retail_proto::inventory::v1::reference_service_client::ReferenceServiceClient;
use retail_runtime::config::Span;
use retail_runtime::fault::{Class, Refusal};
use retail_runtime::{Clock, Net, Peer, Rng, Runtime, TimeSource};
use retail_store::{BackendConfig, Store};
use tokio::sync::oneshot;
use tonic::{Response, Status};

use crate::harness::{Time, at, reserve};

/// What is there at the beginning, whole units.
const SHELF: [(&str, i64); 3] = [("A", 120), ("B", 40), ("C", 30)];
/// Two kits that share both of their components.
const KITS: [(&str, [(&str, i64); 2]); 2] = [("SET", [("A", 2), ("B", 1)]), ("DUO", [("A", 1), ("B", 2)])];
const BUYERS: usize = 400;

/// What one of an item is on the shelf.
fn goods(sku: &str) -> Vec<(&'static str, i64)> {
    let kit = KITS.iter().find(|(kit, _)| *kit == sku).map(|(_, goods)| goods.to_vec());
    kit.unwrap_or_else(|| SHELF.iter().filter(|(known, _)| *known == sku).map(|(known, _)| (*known, 1)).collect())
}

/// The service in a thread of its own.
struct Owner {
    kill: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Owner {
    fn start(dir: &Path, address: SocketAddr, clock: &Clock, seed: u64) -> Self {
        let (kill, killed) = oneshot::channel();
        let (dir, clock) = (dir.to_owned(), clock.clone());
        let life = move || {
            let world = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            world.block_on(async {
                let runtime = Runtime::new("inventory", clock, Rng::seeded(seed), Net::tcp());
                let store = Store::open(&runtime, &kept_in(&dir)).await.unwrap();
                let listener = runtime.bind(address).await.unwrap();
                tokio::select! {
                    ended = retail_inventory::run(alone(), runtime, store, listener) => ended.unwrap(),
                    _ = killed => {}
                }
            });
            // Every task ends where it stands; what the store has been told is on disk.
            drop(world);
        };
        Self { kill, thread: std::thread::spawn(life) }
    }

    fn die(self) {
        self.kill.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

fn kept_in(dir: &Path) -> retail_store::Config {
    retail_store::Config {
        backend: BackendConfig::Embedded { dir: dir.to_owned() },
        domain: "inventory".to_owned(),
        region: "eu".to_owned(),
        groups: vec![],
        keep: Span::from_secs(3_600),
    }
}

/// An inventory without owners: any item is known, and nobody is told.
fn alone() -> Config {
    Config {
        erp: None,
        channels: vec![],
        orders: None,
        authority: BTreeMap::new(),
        on_shortfall: retail_inventory::OnShortfall::Propose,
        default_location: "MAIN".into(),
        refresh: Span::from_secs(3_600),
        check: Span::from_secs(30),
        expected_refresh: Span::from_secs(3_600),
        reservation_ttl: Span::from_secs(900),
        audit: Span::from_secs(3_600),
    }
}

/// The way to the service, whoever runs it.
#[derive(Clone)]
struct Shop {
    peer: Peer,
    clock: Clock,
}

/// What a buyer was told.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Refused,
    Promised,
    Confirmed,
    Released,
    Shipped,
    /// Confirmation came too late and the goods were gone.
    Expired,
    /// Two of the buyer's own hands did different things at once.
    Either,
}

impl Shop {
    fn stock(&self) -> InventoryServiceClient<Peer> {
        InventoryServiceClient::new(self.peer.clone())
    }

    /// Asks again under the same key until the answer is certain.
    async fn certain<T, F>(&self, ask: impl Fn(InventoryServiceClient<Peer>) -> F) -> Result<T, Refusal>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        for _ in 0..3_000 {
            match ask(self.stock()).await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(status) => {
                    let refusal = Refusal::read(&status);
                    if !matches!(refusal.class(), Class::Unavailable | Class::Unknown | Class::Conflict) {
                        return Err(refusal);
                    }
                }
            }
            self.clock.sleep(Duration::from_millis(10)).await;
        }
        panic!("the service never came back");
    }

    async fn reserve(&self, request: pb::ReserveStockRequest) -> pb::ReserveStockResponse {
        let ask = |mut stock: InventoryServiceClient<Peer>| {
            let request = request.clone();
            async move { stock.reserve_stock(request).await }
        };
        self.certain(ask).await.unwrap()
    }

    async fn confirm(&self, id: &str) -> Result<pb::Reservation, Refusal> {
        let request =
            pb::ConfirmReservationRequest { idempotency_key: format!("confirm-{id}"), reservation_id: id.into() };
        let ask = |mut stock: InventoryServiceClient<Peer>| {
            let request = request.clone();
            async move { stock.confirm_reservation(request).await }
        };
        self.certain(ask).await.map(|answer| answer.reservation.unwrap())
    }

    async fn release(&self, id: &str) -> Result<pb::Reservation, Refusal> {
        let request = pb::ReleaseReservationRequest {
            idempotency_key: format!("release-{id}"),
            reservation_id: id.into(),
            lines: vec![],
        };
        let ask = |mut stock: InventoryServiceClient<Peer>| {
            let request = request.clone();
            async move { stock.release_reservation(request).await }
        };
        self.certain(ask).await.map(|answer| answer.reservation.unwrap())
    }

    async fn ship(&self, promised: &pb::Reservation) -> Result<pb::Reservation, Refusal> {
        let id = &promised.reservation_id;
        let lines = promised
            .lines
            .iter()
            .map(|line| pb::ConsumeLine { line_id: line.line_id.clone(), quantity: line.quantity.clone() });
        let request = pb::ConsumeReservationRequest {
            idempotency_key: format!("ship-{id}"),
            reservation_id: id.clone(),
            lines: lines.collect(),
        };
        let ask = |mut stock: InventoryServiceClient<Peer>| {
            let request = request.clone();
            async move { stock.consume_reservation(request).await }
        };
        self.certain(ask).await.map(|answer| answer.reservation.unwrap())
    }

    async fn look(&self, id: &str) -> Result<pb::Reservation, Refusal> {
        let request = pb::GetReservationRequest { reservation_id: id.into() };
        let ask = |mut stock: InventoryServiceClient<Peer>| {
            let request = request.clone();
            async move { stock.get_reservation(request).await }
        };
        self.certain(ask).await.map(|answer| answer.reservation.unwrap())
    }

    async fn rows(&self) -> BTreeMap<String, pb::Availability> {
        let skus = SHELF.map(|(sku, _)| sku.to_owned()).to_vec();
        let request = pb::GetAvailabilityRequest { skus, location: "MAIN".into() };
        let ask = |mut stock: InventoryServiceClient<Peer>| {
            let request = request.clone();
            async move { stock.get_availability(request).await }
        };
        let rows = self.certain(ask).await.unwrap().rows;
        rows.into_iter().map(|row| (row.sku.clone(), row)).collect()
    }

    /// Counts the shelf and says what the kits are made of.
    async fn fill(&self) {
        let rows = SHELF.map(|(sku, quantity)| pb::CountRow {
            sku: sku.into(),
            quantity: quantity.to_string(),
            location: "MAIN".into(),
            ..Default::default()
        });
        let count = pb::CountStockRequest {
            idempotency_key: "count".into(),
            basis: i32::from(pb::CountBasis::OnHand),
            as_of: Some(prost_types::Timestamp { seconds: at(-1).as_second(), nanos: 0 }),
            authority: "store".into(),
            rows: rows.to_vec(),
        };
        let ask = |mut stock: InventoryServiceClient<Peer>| {
            let count = count.clone();
            async move { stock.count_stock(count).await }
        };
        self.certain(ask).await.unwrap();
        for (kit, goods) in KITS {
            let component =
                |(sku, quantity): (&str, i64)| pb::Component { sku: sku.into(), quantity: quantity.to_string() };
            let describe = pb::DescribeItemRequest {
                idempotency_key: format!("kit-{kit}"),
                sku: kit.into(),
                components: goods.map(component).to_vec(),
                units: vec![],
            };
            ReferenceServiceClient::new(self.peer.clone()).describe_item(describe).await.unwrap();
        }
    }

    /// One buyer, from the first look at the shelf to the last word.
    async fn buy(self, number: usize) -> (String, Told) {
        let id = format!("o-{number}");
        let line: &[(&str, &str, &str, &str)] = match number % 7 {
            0 => &[("1", "SET", "", "1")],
            1 => &[("1", "DUO", "", "1")],
            // Two lines of one order share one item, also through a kit.
            2 => &[("1", "A", "", "1"), ("2", "A", "", "1")],
            3 => &[("1", "A", "", "1"), ("2", "SET", "", "1")],
            4 => &[("1", "SET", "", "1"), ("2", "DUO", "", "1"), ("3", "C", "", "1")],
            5 => &[("1", "C", "", "1"), ("2", "B", "", "1")],
            _ => &[("1", "A", "", "1")],
        };
        let seconds = if number.is_multiple_of(3) { 900 } else { i32::try_from(number % 5).unwrap() + 1 };
        let answer = self.reserve(pb::ReserveStockRequest { expires_in_seconds: seconds, ..reserve(&id, line) }).await;
        let Some(promised) = answer.reservation else {
            assert_eq!(answer.outcome.unwrap().reason, "INSUFFICIENT_STOCK", "who gets nothing is told why");
            assert!(!answer.lacking.is_empty(), "and what lacks");
            return (id, Told::Refused);
        };
        let told = match number % 11 {
            // Looks and goes away.
            0 | 1 => Told::Promised,
            2 => {
                self.release(&id).await.unwrap();
                Told::Released
            }
            3 => {
                let (_, released) = futures::join!(self.confirm(&id), self.release(&id));
                released.unwrap();
                Told::Released
            }
            4 => match self.confirm(&id).await {
                Ok(_) => {
                    let (_, _) = futures::join!(self.ship(&promised), self.release(&id));
                    Told::Either
                }
                Err(refusal) => late(&refusal),
            },
            // Waits until about the second in which the promise ends.
            5 | 6 => {
                let until = at(0).checked_add(Duration::from_secs(u64::try_from(seconds.min(5)).unwrap())).unwrap();
                while self.clock.now() < until {
                    self.clock.sleep(Duration::from_millis(5)).await;
                }
                self.confirm(&id).await.map_or_else(|refusal| late(&refusal), |_| Told::Confirmed)
            }
            7 => self.confirm(&id).await.map_or_else(|refusal| late(&refusal), |_| Told::Confirmed),
            _ => match self.confirm(&id).await {
                Ok(_) => {
                    self.ship(&promised).await.unwrap();
                    Told::Shipped
                }
                Err(refusal) => late(&refusal),
            },
        };
        (id, told)
    }
}

fn late(refusal: &Refusal) -> Told {
    assert_eq!(refusal.reason(), "RESERVATION_EXPIRED", "{refusal:?}");
    Told::Expired
}

fn whole(text: &str) -> i64 {
    text.parse().unwrap()
}

/// What of a reservation is shipped and what is still promised, by what lies on the shelf.
fn owned(reservation: &pb::Reservation, shipped: &mut BTreeMap<&str, i64>, promised: &mut BTreeMap<&str, i64>) {
    let stands = matches!(reservation.state(), State::Held | State::Confirmed);
    for line in &reservation.lines {
        let (asked, consumed, released) = (whole(&line.quantity), whole(&line.consumed), whole(&line.released));
        for (sku, each) in goods(&line.sku) {
            *shipped.entry(sku).or_default() += consumed * each;
            *promised.entry(sku).or_default() += if stands { (asked - consumed - released) * each } else { 0 };
        }
    }
}

#[tokio::test]
async fn a_crowd_after_the_last_units_gets_exactly_what_was_there_whoever_dies_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let time = Arc::new(Time::begin());
    let source: Arc<dyn TimeSource> = Arc::<Time>::clone(&time);
    let clock = Clock::new(source);
    let runtime = Runtime::new("crowd", clock.clone(), Rng::seeded(5), Net::tcp());
    let address = {
        let free = runtime.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        free.local_addr()
    };
    let shop = Shop { peer: runtime.peer(&format!("http://{address}")).unwrap(), clock: clock.clone() };
    let mut owner = Owner::start(dir.path(), address, &clock, 1);
    shop.fill().await;

    let mut buyers: FuturesUnordered<_> = (0..BUYERS).map(|number| shop.clone().buy(number)).collect();
    let mut told = BTreeMap::new();
    // Time goes on with the crowd, a second for every forty who are done, and each hundred sees the owner die.
    while let Some((id, what)) = buyers.next().await {
        told.insert(id, what);
        let done = told.len();
        if done.is_multiple_of(40) {
            time.set(at(i64::try_from(done / 40).unwrap()));
        }
        if done.is_multiple_of(100) && done < BUYERS {
            owner.die();
            owner = Owner::start(dir.path(), address, &clock, u64::try_from(done).unwrap());
        }
        if done.is_multiple_of(20) {
            for row in shop.rows().await.values() {
                assert!(whole(&row.available) >= 0 && whole(&row.shortfall) == 0, "oversold: {row:?}");
            }
        }
    }

    // Every promise that nobody confirmed runs out, also those whose owner is dead.
    time.set(at(2_000));
    let mut found = BTreeMap::new();
    for id in told.keys() {
        loop {
            let seen = shop.look(id).await;
            if !seen.as_ref().is_ok_and(|seen| seen.state() == State::Held) {
                found.insert(id.clone(), seen);
                break;
            }
            clock.sleep(Duration::from_millis(20)).await;
        }
    }
    owner.die();
    let owner = Owner::start(dir.path(), address, &clock, 99);

    let (mut shipped, mut promised) = (BTreeMap::new(), BTreeMap::new());
    for (id, what) in &told {
        let found = &found[id];
        let Ok(reservation) = found else {
            assert_eq!(*what, Told::Refused, "{id}: {found:?}");
            assert_eq!(found.as_ref().unwrap_err().reason(), "NO_SUCH_RESERVATION");
            continue;
        };
        let state = reservation.state();
        let fits = match what {
            Told::Refused => false,
            Told::Promised => state == State::Expired,
            Told::Confirmed => state == State::Confirmed,
            Told::Released => state == State::Released,
            Told::Shipped => state == State::Consumed,
            Told::Expired => state == State::Expired,
            Told::Either => matches!(state, State::Consumed | State::Released),
        };
        assert!(fits, "{id} was told {what:?} and is {state:?}");
        owned(reservation, &mut shipped, &mut promised);
    }
    let rows = shop.rows().await;
    for (sku, begin) in SHELF {
        let row = &rows[sku];
        let (on_hand, reserved, available) = (whole(&row.on_hand), whole(&row.reserved), whole(&row.available));
        assert_eq!(on_hand, begin - shipped[sku], "what is gone was shipped: {row:?}");
        assert_eq!(reserved, promised[sku], "what is promised is what reservations hold: {row:?}");
        assert_eq!(available, begin - shipped[sku] - promised[sku], "nothing leaked: {row:?}");
        // And the number can be bought to the last one.
        let all = reserve(&format!("rest-{sku}"), &[("1", sku, "", &row.available)]);
        assert!(available == 0 || shop.reserve(all).await.reservation.is_some(), "{row:?}");
        assert!(shop.reserve(reserve(&format!("more-{sku}"), &[("1", sku, "", "1")])).await.reservation.is_none());
    }
    assert!(told.values().any(|what| *what == Told::Refused), "there were more buyers than goods");
    owner.die();
}
