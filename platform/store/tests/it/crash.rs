//! Kills a writing process at random moments, again and again, and checks that what it acknowledged is there.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use futures::future::join_all;
use retail_runtime::{Rng, Runtime};
use retail_store::{BackendConfig, Caller, Config, Draft, Partition, Position, Store};

use crate::bed::Account;

const KILLS: u32 = 24;
const CALLERS: usize = 16;
const DOCUMENTS: usize = 12;

type Never = std::convert::Infallible;

async fn open(dir: &Path) -> Store {
    let config = Config {
        backend: BackendConfig::Embedded { dir: dir.to_owned() },
        domain: "crash".to_owned(),
        region: "local".to_owned(),
        groups: vec![],
        keep: retail_runtime::config::Span::from_secs(3_600),
    };
    Store::open(&Runtime::system("crash"), &config).await.unwrap()
}

fn document(caller: usize, n: u64) -> String {
    format!("d{}", (caller + usize::try_from(n).unwrap() * 7) % DOCUMENTS)
}

fn caller(name: &str) -> Caller {
    Caller::keyed("crash", "Deposit", name, b"")
}

fn deposit(draft: &mut Draft<Account>) -> Result<i64, Never> {
    draft.doc.balance += 1;
    draft.emit("Deposited", draft.doc.balance.to_be_bytes().to_vec());
    draft.index("all", b"x".to_vec(), vec![]);
    Ok(draft.doc.balance)
}

/// Writes until it is killed and says what was acknowledged; does nothing unless another test starts it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_writes_until_it_is_killed() {
    let (Ok(dir), Ok(round)) = (std::env::var("STORE_TEST_CRASH"), std::env::var("STORE_TEST_ROUND")) else { return };
    let store = open(dir.as_ref()).await;
    join_all((0..CALLERS).map(|number| {
        let (store, round) = (store.clone(), round.clone());
        async move {
            for n in 0.. {
                let (id, name) = (document(number, n), format!("{round}/{number}/{n}"));
                let done = store.update(&id, caller(&name), deposit).await.unwrap();
                let mut out = std::io::stdout().lock();
                writeln!(out, "ack {id} {name} {}", done.value).unwrap();
                out.flush().unwrap();
            }
        }
    }))
    .await;
}

/// Deposits that were acknowledged: by name the document and the balance.
pub(crate) type Acknowledged = BTreeMap<String, (String, i64)>;

/// Starts the writer, ends it so after so many acknowledgements, and answers all it had acknowledged.
pub(crate) fn write_until(dir: &Path, round: u32, after: u64, end: impl FnOnce(&mut Child)) -> Acknowledged {
    let mut end = Some(end);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["crash::a_process_that_writes_until_it_is_killed", "--exact", "--nocapture"])
        .env("STORE_TEST_CRASH", dir)
        .env("STORE_TEST_ROUND", round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut acknowledged = Vec::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for line in &mut lines {
        // The last line may be torn by the kill; a whole one ends with its value.
        let Ok(line) = line else { break };
        let words = line.split(' ').collect::<Vec<_>>();
        if let ["ack", id, name, value] = words[..]
            && let Ok(value) = value.parse()
        {
            acknowledged.push((id.to_owned(), name.to_owned(), value));
        }
        if u64::try_from(acknowledged.len()).unwrap() == after
            && let Some(end) = end.take()
        {
            end(&mut child);
        }
    }
    child.wait().unwrap();
    // A value torn at the pipe's end would be shorter than it was.
    acknowledged.pop();
    acknowledged.into_iter().map(|(id, name, value)| (name, (id, value))).collect()
}

/// What was written in all rounds, checked as a whole.
pub(crate) async fn check(dir: &Path, acknowledged: &Acknowledged) -> u64 {
    let store = open(dir).await;
    let mut events: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for partition in Partition::all() {
        let (mut at, mut sequence) = (Position::BEGIN, 0);
        loop {
            let page = store.feed(partition, &at, 1_000).await.unwrap();
            let Some(last) = page.last() else { break };
            at = last.position();
            for entry in page {
                sequence += 1;
                assert_eq!(entry.sequence, sequence, "the feed has a gap");
                events.entry(entry.event.subject.id().to_owned()).or_default().push(entry.event.version);
            }
        }
    }
    let mut highest: BTreeMap<&str, i64> = BTreeMap::new();
    let mut values = BTreeSet::new();
    for (id, value) in acknowledged.values() {
        assert!(values.insert((id, value)), "{id} acknowledged {value} twice");
        let most = highest.entry(id).or_default();
        *most = (*most).max(*value);
    }
    for (id, versions) in &events {
        let document = store.read::<Account>(id).await.unwrap().unwrap();
        assert_eq!(*versions, (1..=document.events).collect::<Vec<_>>(), "events of {id} have a gap");
        assert_eq!(document.version.0, document.events, "document and events of {id} disagree");
        assert_eq!(
            u64::try_from(document.doc.balance).unwrap(),
            document.events,
            "a change of {id} was lost or doubled"
        );
        let acknowledged = highest.get(id.as_str()).copied().unwrap_or(0);
        assert!(document.doc.balance >= acknowledged, "{id} lost acknowledged commits");
    }
    assert_eq!(highest.keys().filter(|id| !events.contains_key(**id)).count(), 0);
    events.values().map(|versions| u64::try_from(versions.len()).unwrap()).sum()
}

/// Every acknowledged commit is known by its id and answers what it answered then.
pub(crate) async fn check_results(dir: &Path, acknowledged: &Acknowledged) {
    let store = open(dir).await;
    for (name, (id, value)) in acknowledged {
        let again = store.update(id, caller(name), deposit).await.unwrap();
        assert_eq!((again.repeated, again.value), (true, *value), "commit {name} was forgotten");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_commits_survive_every_kill() {
    let dir = tempfile::tempdir().unwrap();
    let rng = Rng::system();
    let mut all = BTreeMap::new();
    let mut written = 0;
    for round in 0..KILLS {
        let after = 1 + rng.below(400);
        all.extend(write_until(dir.path(), round, after, |child| child.kill().unwrap()));
        let now = check(dir.path(), &all).await;
        assert!(now >= written, "history shrank from {written} to {now} events");
        written = now;
    }
    check_results(dir.path(), &all).await;
    assert!(written >= u64::try_from(all.len()).unwrap());
}
