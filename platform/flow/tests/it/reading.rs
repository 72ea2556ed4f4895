//! A third toy: a register whose changes are read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use retail_flow::{Changes, Counters, Failure, Leases, Ledger, Ops, Reading, Readings, Source, System, Worker};
use retail_proto::ops::v1 as pb;
use retail_proto::ops::v1::ops_service_server::OpsService as _;
use retail_runtime::Peer;
use tonic::Request;

use crate::toy::World;

/// Its entries, and what was asked and taken in.
#[derive(Default)]
struct Books {
    entries: Vec<String>,
    asked: Vec<String>,
    taken: Vec<String>,
    /// An entry that cannot be taken in the first time.
    sticky: Option<String>,
    /// How often the next questions are refused.
    refusals: u32,
}

/// Two entries an answer.
#[derive(Clone, Default)]
struct Register(Arc<Mutex<Books>>);

impl Source for Register {
    type Change = String;
    const CALL: &'static str = "register.changes";
    const NAME: &'static str = "reading of the register";

    async fn ask(&self, _system: System<'_>, cursor: &str) -> Result<Changes<String>, Failure> {
        let mut books = self.0.lock().unwrap();
        books.asked.push(cursor.to_owned());
        if let Some(left) = books.refusals.checked_sub(1) {
            books.refusals = left;
            return Err(Failure::refused("CREDENTIALS", "not to you"));
        }
        let start: usize = cursor.parse().unwrap_or(0);
        let end = (start + 2).min(books.entries.len());
        let newest = books.entries[start..end].iter().map(|entry| (entry.clone(), entry.clone())).collect();
        Ok(Changes { newest, cursor: end.to_string(), more: end < books.entries.len() })
    }

    async fn take(&self, _system: System<'_>, change: String) -> Result<(), Failure> {
        let mut books = self.0.lock().unwrap();
        if books.sticky.take_if(|sticky| *sticky == change).is_some() {
            return Err(Failure::not_done("STORE", "not now"));
        }
        books.taken.push(change);
        Ok(())
    }
}

impl Register {
    fn holding(entries: &[&str]) -> Self {
        let register = Self::default();
        register.0.lock().unwrap().entries = entries.iter().map(|entry| (*entry).to_owned()).collect();
        register
    }

    /// Reads the register under this name until the world stops.
    async fn read(&self, world: &World, names: &[&str]) {
        let nobody: Peer = world.runtime.peer("http://127.0.0.1:1").unwrap();
        let every = Duration::from_secs(60);
        let systems: BTreeMap<_, _> = names.iter().map(|name| ((*name).to_owned(), (nobody.clone(), every))).collect();
        let readings = Readings::begin(self.clone(), systems, &world.store, world.clock.now()).await.unwrap();
        let leases = Leases::start(&world.runtime, &world.store).await;
        Worker::new(&world.runtime, &world.store, &leases).with(readings).start();
    }

    async fn until(&self, world: &World, wished: impl Fn(&Books) -> bool) {
        while !wished(&self.0.lock().unwrap()) {
            world.clock.sleep(Duration::from_secs(1)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn everything_there_is_is_read_at_once_and_what_comes_later_at_its_time() {
    let (world, register) = (World::new(), Register::holding(&["a", "b", "c"]));
    let began = world.clock.now();
    register.read(&world, &["town"]).await;
    register.until(&world, |books| books.taken.len() == 3).await;
    assert!(world.clock.now().duration_since(began).as_secs() < 60);
    register.0.lock().unwrap().entries.push("d".to_owned());
    register.until(&world, |books| books.taken.len() == 4).await;
    assert!(world.clock.now().duration_since(began).as_secs() >= 60);
    let reading = world.store.read::<Reading>("town").await.unwrap().unwrap().doc;
    assert!(reading.read_at >= began.as_millisecond());
}

#[tokio::test(start_paused = true)]
async fn the_cursor_waits_for_every_change_of_an_answer() {
    let (world, register) = (World::new(), Register::holding(&["a", "b", "c"]));
    register.0.lock().unwrap().sticky = Some("b".to_owned());
    register.read(&world, &["town"]).await;
    register.until(&world, |books| books.taken.iter().any(|entry| entry == "c")).await;
    let books = register.0.lock().unwrap();
    assert_eq!(books.asked, ["", "", "2"]);
    assert!(books.taken.iter().any(|entry| entry == "b"), "{:?}", books.taken);
}

#[tokio::test(start_paused = true)]
async fn a_reading_that_is_refused_is_asked_again_and_never_waits_for_a_person() {
    let (world, register) = (World::new(), Register::holding(&["a"]));
    register.0.lock().unwrap().refusals = 3;
    let began = world.clock.now();
    register.read(&world, &["town"]).await;
    register.until(&world, |books| books.taken.len() == 1).await;
    assert!(world.clock.now().duration_since(began).as_secs() >= 90, "a refusal is no invitation");
    assert_eq!(register.0.lock().unwrap().asked, ["", "", "", ""]);
}

#[tokio::test(start_paused = true)]
async fn a_reading_goes_on_where_it_was_when_the_process_comes_back() {
    let (world, register) = (World::new(), Register::holding(&["a", "b"]));
    register.read(&world, &["town"]).await;
    register.until(&world, |books| books.taken.len() == 2).await;
    world.runtime.stop();
    assert!(world.runtime.drained(Duration::from_secs(60)).await);
    register.0.lock().unwrap().entries.push("c".to_owned());
    let next = world.restarted();
    register.read(&next, &["town"]).await;
    register.until(&next, |books| books.taken.len() > 2).await;
    assert_eq!(register.0.lock().unwrap().taken[2..], ["c"]);
}

#[tokio::test(start_paused = true)]
async fn a_system_that_was_taken_out_of_the_configuration_waits_for_a_person() {
    let (world, register) = (World::new(), Register::holding(&["a"]));
    register.read(&world, &["town"]).await;
    register.until(&world, |books| books.taken.len() == 1).await;
    world.runtime.stop();
    assert!(world.runtime.drained(Duration::from_secs(60)).await);
    let next = world.restarted();
    register.read(&next, &[]).await;
    loop {
        let ledger = next.store.read::<Ledger>(&Ledger::id_of::<Reading>("town")).await.unwrap().unwrap().doc;
        if let Some(parked) = ledger.parked {
            assert_eq!(parked.reason, "SYSTEM_NOT_CONFIGURED");
            break;
        }
        next.clock.sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_reading_is_listed_as_such_and_is_no_open_work() {
    let (world, register) = (World::new(), Register::holding(&["a"]));
    register.read(&world, &["town"]).await;
    register.until(&world, |books| books.taken.len() == 1).await;
    let ops = Ops::new(&world.store, &world.clock, Arc::<Counters>::default()).with::<Reading>();
    let request = pb::ListTransactionsRequest { state: pb::TransactionState::Reading.into(), ..Default::default() };
    let listed = ops.list_transactions(Request::new(request)).await.unwrap().into_inner().transactions;
    assert_eq!(listed.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(), ["reading/town"]);
    assert_eq!(listed[0].state(), pb::TransactionState::Reading);
    assert_eq!(ops.get_stats(Request::new(pb::GetStatsRequest {})).await.unwrap().into_inner().open, 0);
}
