//! A second toy process: errands of one aggregate, in lanes, some of which blow up.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use retail_flow::{Attempt, Class, Failure, Leases, Ledger, Next, Process, Step, Summary, Worker};
use retail_runtime::Timestamp;
use retail_store::{Document, Draft};

use crate::toy::World;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct List {
    #[prost(string, repeated, tag = "1")]
    pub(crate) wanted: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(crate) done: Vec<String>,
}

impl Document for List {
    const KIND: &'static str = "list";
}

/// An errand, `lane:name`. Calls are to our own services; a claim goes by what they brought.
#[derive(Debug, Clone)]
pub(crate) struct Errand(String);

impl Step for Errand {
    fn name(&self) -> String {
        self.0.clone()
    }

    fn class(&self) -> Class {
        if self.0.starts_with("call:") || self.commits_first() { Class::Call } else { Class::Keyed }
    }

    fn commits_first(&self) -> bool {
        self.0.starts_with("claim:")
    }

    fn lane(&self) -> &'static str {
        if self.0.starts_with("side:") { "side" } else { "" }
    }
}

/// Who runs the errands, and how many ran at once.
#[derive(Default)]
pub(crate) struct Runner {
    side: AtomicU32,
    free: AtomicU32,
    pub(crate) most_on_the_side: AtomicU32,
    pub(crate) most_free: AtomicU32,
    pub(crate) fuses: AtomicU32,
}

impl Process for Runner {
    type Doc = List;
    type Step = Errand;
    type Outcome = ();

    fn decide(&self, list: &List, _now: Timestamp) -> Next<Errand> {
        let open = list.wanted.iter().filter(|name| !list.done.contains(name));
        let mut open: Vec<_> = open.cloned().map(Errand).collect();
        if open.iter().any(|errand| errand.0.starts_with("call:")) {
            open.retain(|errand| !errand.commits_first());
        }
        if open.is_empty() { Next::Done } else { Next::Do(open) }
    }

    async fn perform(&self, _id: &str, _list: &List, errand: &Errand, attempt: Attempt) -> Result<(), Failure> {
        assert!(errand.0 != "fuse" || attempt.number > 1, "blows up once");
        let (running, most, takes) = match errand.lane() {
            "side" => (&self.side, &self.most_on_the_side, 1_000),
            _ => (&self.free, &self.most_free, 300),
        };
        most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(takes)).await;
        running.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    }

    fn apply(&self, draft: &mut Draft<List>, errand: &Errand, (): &(), _now: Timestamp) {
        if errand.0 == "bomb" && self.fuses.load(Ordering::SeqCst) > 0 {
            panic!("a rule that blows up");
        }
        draft.doc.done.push(errand.0.clone());
    }

    fn seal(&self, draft: &mut Draft<List>, _before: &List, _now: Timestamp) {
        draft.emit("toy.ListChanged", Vec::new());
    }

    fn summary(&self, list: &List) -> Summary {
        Summary { name: "L-1".into(), status: format!("{} done", list.done.len()) }
    }
}

impl World {
    pub(crate) async fn wish(&self, id: &str, wanted: &[&str]) {
        let now = self.clock.now();
        let wanted: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
        let rule = move |draft: &mut Draft<List>| {
            draft.doc.wanted.clone_from(&wanted);
            retail_flow::begin(draft, "L-1", "", now);
            Ok::<_, Infallible>(())
        };
        self.store.step::<List, _, _>(id, None, rule).await.unwrap();
    }

    pub(crate) async fn run(&self, runner: &Arc<Runner>) -> Leases {
        let leases = Leases::start(&self.runtime, &self.store).await;
        Worker::new(&self.runtime, &self.store, &leases).with(Arc::clone(runner)).start();
        leases
    }

    pub(crate) async fn list_ledger(&self, id: &str) -> Ledger {
        self.store.read::<Ledger>(&Ledger::id_of::<List>(id)).await.unwrap().unwrap().doc
    }

    /// Waits until so many errands of a list are done.
    pub(crate) async fn until_done(&self, id: &str, count: usize) -> List {
        for _ in 0..10_000 {
            let list = self.store.read::<List>(id).await.unwrap().unwrap().doc;
            if list.done.len() == count {
                return list;
            }
            self.clock.sleep(Duration::from_millis(100)).await;
        }
        panic!("never done: {:?}", self.list_ledger(id).await);
    }
}
