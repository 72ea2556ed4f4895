//! A toy process: one parcel that must be announced to a vendor, once.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use retail_flow::{
    Attempt, Class, Failure, Input, Kept, Leases, Ledger, Next, Parked, Personal, Process, Step, Summary, Worker,
};
use retail_proto::types::v1::Address;
use retail_runtime::{Clock, Net, Rng, Runtime, Timestamp};
use retail_store::{Document, Draft, Journal, Model, Store};
use serde::{Deserialize, Serialize};

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Parcel {
    #[prost(bool, tag = "1")]
    pub(crate) announced: bool,
    #[prost(bool, tag = "2")]
    pub(crate) told: bool,
    #[prost(bool, tag = "3")]
    pub(crate) parked: bool,
    #[prost(message, optional, tag = "4")]
    pub(crate) to: Option<Address>,
}

impl Document for Parcel {
    const KIND: &'static str = "parcel";
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Act {
    Announce(Class),
    Tell,
}

impl Step for Act {
    fn name(&self) -> String {
        match self {
            Act::Announce(_) => "carrier.announce".into(),
            Act::Tell => "crm.tell".into(),
        }
    }

    fn class(&self) -> Class {
        match self {
            Act::Announce(class) => *class,
            Act::Tell => Class::Keyed,
        }
    }

    fn lane(&self) -> &'static str {
        match self {
            Act::Announce(_) => "",
            Act::Tell => "side",
        }
    }
}

/// What the vendor does with the next calls, oldest first; afterwards it simply does what it is asked.
#[derive(Debug, Clone)]
pub(crate) enum Mood {
    /// Does it and answers.
    Does,
    /// Does it; the answer is lost.
    DoesAndFallsSilent,
    /// Does nothing; the answer is lost.
    FallsSilent,
    /// Is certainly not there.
    Away,
    /// Refuses.
    Refuses,
    /// Never answers.
    Hangs,
    /// Does it, after five seconds.
    Dawdles,
}

/// The vendor's own books.
#[derive(Default)]
pub(crate) struct Vendor {
    pub(crate) moods: Mutex<Vec<Mood>>,
    /// What it does with the next read-backs; afterwards it answers them.
    pub(crate) look_moods: Mutex<Vec<Mood>>,
    pub(crate) keys: Mutex<Vec<String>>,
    pub(crate) calls: AtomicU32,
    pub(crate) looks: AtomicU32,
    pub(crate) told: AtomicU32,
}

impl Vendor {
    pub(crate) fn moods(moods: &[Mood]) -> Arc<Self> {
        let vendor = Self::default();
        *vendor.moods.lock().unwrap() = moods.iter().rev().cloned().collect();
        Arc::new(vendor)
    }

    /// Distinct effects.
    pub(crate) fn effects(&self) -> usize {
        let mut keys = self.keys.lock().unwrap().clone();
        keys.sort();
        keys.dedup();
        keys.len()
    }
}

pub(crate) struct Toy {
    pub(crate) class: Class,
    pub(crate) vendor: Arc<Vendor>,
    pub(crate) rule: Rule,
}

/// What the rule makes of an announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// What it should.
    Right,
    /// It tells somebody who is not to be told.
    Other,
    /// A defect.
    Panics,
}

impl Process for Toy {
    type Doc = Parcel;
    type Step = Act;
    type Outcome = ();

    fn decide(&self, parcel: &Parcel, _now: Timestamp) -> Next<Act> {
        let mut acts = Vec::new();
        if !parcel.announced {
            acts.push(Act::Announce(self.class));
        }
        if parcel.parked && !parcel.told {
            acts.push(Act::Tell);
        }
        match (acts.is_empty(), parcel.announced) {
            (false, _) => Next::Do(acts),
            (true, true) => Next::Done,
            (true, false) => Next::Wait(None),
        }
    }

    async fn perform(&self, _id: &str, _parcel: &Parcel, act: &Act, attempt: Attempt) -> Result<(), Failure> {
        if *act == Act::Tell {
            self.vendor.told.fetch_add(1, Ordering::SeqCst);
            return Ok(());
        }
        self.vendor.calls.fetch_add(1, Ordering::SeqCst);
        let mood = self.vendor.moods.lock().unwrap().pop().unwrap_or(Mood::Does);
        let does = || self.vendor.keys.lock().unwrap().push(attempt.key.to_string());
        let silent = || Failure::Unknown { reason: "RESET".into(), detail: "connection reset".into() };
        match mood {
            Mood::Does => {
                does();
                Ok(())
            }
            Mood::DoesAndFallsSilent => {
                does();
                Err(silent())
            }
            Mood::FallsSilent => Err(silent()),
            Mood::Away => Err(Failure::not_done("AWAY", "connection refused")),
            Mood::Refuses => Err(Failure::refused("NO_SUCH_ADDRESS", "the address does not exist")),
            Mood::Hangs => std::future::pending().await,
            Mood::Dawdles => {
                tokio::time::sleep(Duration::from_secs(5)).await;
                does();
                Ok(())
            }
        }
    }

    async fn verify(&self, _id: &str, _parcel: &Parcel, _act: &Act) -> Result<Option<()>, Failure> {
        self.vendor.looks.fetch_add(1, Ordering::SeqCst);
        let mood = self.vendor.look_moods.lock().unwrap().pop();
        match mood {
            Some(Mood::Away) => return Err(Failure::not_done("AWAY", "connection refused")),
            Some(Mood::Refuses) => return Err(Failure::refused("NO_PERMISSION", "searching is not allowed")),
            _ => {}
        }
        Ok((!self.vendor.keys.lock().unwrap().is_empty()).then_some(()))
    }

    fn apply(&self, draft: &mut Draft<Parcel>, act: &Act, (): &(), _now: Timestamp) {
        match act {
            Act::Announce(_) => {
                assert_ne!(self.rule, Rule::Panics, "a defect of this test");
                draft.doc.announced = true;
                draft.doc.told |= self.rule == Rule::Other;
            }
            Act::Tell => draft.doc.told = true,
        }
    }

    fn parked(&self, draft: &mut Draft<Parcel>, why: Option<&Parked>, _now: Timestamp) {
        draft.doc.parked = why.is_some();
    }

    fn seal(&self, draft: &mut Draft<Parcel>, _before: &Parcel, _now: Timestamp) {
        draft.emit("toy.ParcelChanged", Vec::new());
    }

    fn kept() -> Option<Kept<Self>> {
        const PERSONAL: &[Personal] = &[Personal::message(&[4], "retail.types.v1.Address")];
        Some(Kept::with(PERSONAL))
    }

    fn summary(&self, parcel: &Parcel) -> Summary {
        Summary { name: "P-1".into(), status: format!("announced: {}", parcel.announced) }
    }
}

/// Time that follows tokio's pausable clock.
struct Paused(tokio::time::Instant);

impl retail_runtime::TimeSource for Paused {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap() + self.0.elapsed()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A world whose parts can be killed while the store stays.
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) model: Arc<Model>,
    pub(crate) runtime: Runtime,
    pub(crate) store: Store,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = Clock::new(Arc::new(Paused(tokio::time::Instant::now())));
        let model = Arc::new(Model::new());
        Self::over(clock, model, 1)
    }

    /// A world whose aggregates keep so much of their way.
    pub(crate) fn journaled(entries: u32) -> Self {
        let world = Self::new();
        let store = world.store.journaled(Some(Journal { entries, ..Journal::default() }));
        Self { store, ..world }
    }

    fn over(clock: Clock, model: Arc<Model>, seed: u64) -> Self {
        let runtime = Runtime::new("toy", clock.clone(), Rng::seeded(seed), Net::tcp());
        let store = Store::over(&runtime, model.clone(), "toys", "local");
        Self { clock, model, runtime, store }
    }

    /// The same store after the process died: another runtime, nothing in memory.
    pub(crate) fn restarted(&self) -> Self {
        Self::over(self.clock.clone(), Arc::clone(&self.model), 2)
    }

    /// Another replica: a process of its own on the same store.
    pub(crate) fn beside(&self, seed: u64) -> Self {
        Self::over(self.clock.clone(), Arc::clone(&self.model), seed)
    }

    pub(crate) async fn place(&self, id: &str) {
        let now = self.clock.now();
        let rule = move |draft: &mut Draft<Parcel>| {
            let to = Address { name: "Ada Byron".into(), city: "Leeds".into(), ..Address::default() };
            draft.doc = Parcel { to: Some(to), ..Parcel::default() };
            retail_flow::begin(draft, "P-1", "", now);
            draft.emit("toy.ParcelPlaced", Vec::new());
            let told = Input { what: "PlaceParcel", kind: "", content: b"for Ada Byron" };
            retail_flow::record(draft, told, now);
            Ok::<_, Infallible>(())
        };
        self.store.step::<Parcel, _, _>(id, None, rule).await.unwrap();
    }

    pub(crate) async fn work(&self, class: Class, vendor: &Arc<Vendor>) -> Leases {
        self.work_by(Rule::Right, class, vendor).await
    }

    pub(crate) async fn work_by(&self, rule: Rule, class: Class, vendor: &Arc<Vendor>) -> Leases {
        let leases = Leases::start(&self.runtime, &self.store).await;
        let toy = Toy { class, vendor: Arc::clone(vendor), rule };
        Worker::new(&self.runtime, &self.store, &leases).with(Arc::new(toy)).start();
        leases
    }

    pub(crate) async fn parcel(&self, id: &str) -> Parcel {
        self.store.read::<Parcel>(id).await.unwrap().unwrap().doc
    }

    pub(crate) async fn ledger(&self, id: &str) -> Ledger {
        self.store.read::<Ledger>(&Ledger::id_of::<Parcel>(id)).await.unwrap().unwrap().doc
    }

    /// Waits until the parcel is as wished, for at most a day of paused time.
    pub(crate) async fn until(&self, id: &str, wished: impl Fn(&Parcel) -> bool) -> Parcel {
        for _ in 0..200_000 {
            let parcel = self.parcel(id).await;
            if wished(&parcel) {
                return parcel;
            }
            self.clock.sleep(Duration::from_millis(500)).await;
        }
        panic!("never came: {:?}", self.ledger(id).await);
    }
}
