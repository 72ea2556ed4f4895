//! The embedded store's journal, torn or flipped. What opens again is what some moment left behind, whole: never a panic,
//! never a mixture, never another number.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use retail_runtime::Runtime;
use retail_store::{BackendConfig, Caller, Config, Document, Draft, Error, Position, Store};
use tempfile::TempDir;

/// Commits that were acknowledged.
const COMMITS: usize = 24;

/// A balance and the entries that it is the sum of.
#[derive(Clone, PartialEq, prost::Message)]
struct Account {
    #[prost(int64, tag = "1")]
    balance: i64,
    #[prost(int64, repeated, tag = "2")]
    entries: Vec<i64>,
}

impl Document for Account {
    const KIND: &'static str = "account";
}

fn config(dir: &Path) -> Config {
    Config {
        backend: BackendConfig::Embedded { dir: dir.to_owned() },
        domain: "accounts".to_owned(),
        region: "eu".to_owned(),
        groups: Vec::new(),
        keep: retail_runtime::config::Span::from_secs(3_600),
    }
}

fn deposit(draft: &mut Draft<Account>) -> Result<i64, std::convert::Infallible> {
    let next = i64::try_from(draft.doc.entries.len()).unwrap() + 1;
    draft.doc.balance += next;
    draft.doc.entries.push(next);
    draft.emit("Deposited", next.to_be_bytes().to_vec());
    Ok(draft.doc.balance)
}

/// In memory where the machine has such a place.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory).unwrap() } else { TempDir::new().unwrap() }
}

fn world() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A store that was killed, and how long its journal is.
static KILLED: LazyLock<(TempDir, PathBuf, usize)> = LazyLock::new(|| {
    let (living, image) = (folder(), folder());
    world().block_on(async {
        let store = Store::open(&Runtime::system("fuzz"), &config(living.path())).await.unwrap();
        for _ in 0..COMMITS {
            store.update("a", Caller::Plain, deposit).await.unwrap();
        }
        copied(living.path(), image.path());
    });
    let entries = std::fs::read_dir(image.path()).unwrap().map(|entry| entry.unwrap().path());
    let journal = entries.into_iter().find(|path| path.extension().is_some_and(|kind| kind == "jnl")).unwrap();
    let bytes = std::fs::read(&journal).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    // It was made with room for more than anybody wants to copy again and again.
    std::fs::write(&journal, &bytes[..(end + 4_096).min(bytes.len())]).unwrap();
    let name = journal.file_name().unwrap().into();
    (image, name, end)
});

fn copied(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copied(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Changes to the journal, four bytes each: what is done, where (two bytes, of the length), and with what.
pub(crate) fn journal(data: &[u8]) {
    let (image, name, end) = &*KILLED;
    let dir = folder();
    copied(image.path(), dir.path());
    let path = dir.path().join(name);
    let mut bytes = std::fs::read(&path).unwrap();
    for change in data.chunks_exact(4).take(8) {
        let at = usize::from(u16::from_be_bytes([change[1], change[2]])) * end / 65_536;
        match change[0] % 5 {
            0 => bytes[at] ^= change[3].max(1),
            1 => bytes[at] = change[3],
            2 => bytes[at..*end].fill(0),
            3 => {
                let until = (at + usize::from(change[3]) * 8).min(*end);
                bytes[at..until].fill(0);
            }
            _ => bytes.copy_within(at.., at.saturating_sub(usize::from(change[3]))),
        }
    }
    std::fs::write(&path, bytes).unwrap();
    world().block_on(async {
        let store = match Store::open(&Runtime::system("fuzz"), &config(dir.path())).await {
            Ok(store) => store,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                return;
            }
        };
        let found = store.read::<Account>("a").await;
        let events = store.feed(Account::partition("a"), &Position::BEGIN, COMMITS + 1).await;
        let (found, events) = match (found, events) {
            (Ok(found), Ok(events)) => (found, events),
            (Err(error), _) | (_, Err(error)) => {
                assert!(matches!(error, Error::Corrupt { .. }), "{error}");
                return;
            }
        };
        let (account, version) = found.map_or_else(Default::default, |found| (found.doc, found.version.0));
        let count = account.entries.len();
        assert!(count <= COMMITS, "{count} entries");
        let whole = (1..=i64::try_from(count).unwrap()).collect::<Vec<_>>();
        assert_eq!(account.entries, whole, "another history");
        assert_eq!(account.balance, whole.iter().sum::<i64>(), "another number");
        assert_eq!(version, u64::try_from(count).unwrap(), "a document of another moment");
        assert_eq!(events.len(), count, "a feed of another moment");
    });
}
