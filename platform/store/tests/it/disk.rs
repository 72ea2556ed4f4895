//! What only the embedded back end can do: keep its data over a restart, share a directory, refuse the wrong one.

use std::process::{Command, Stdio};

use retail_runtime::Runtime;
use retail_store::{BackendConfig, Caller, Config, Document as _, Draft, Embedded, Error, Position, Store};

use crate::bed::Account;

type Never = std::convert::Infallible;

fn deposit(draft: &mut Draft<Account>) -> Result<i64, Never> {
    draft.doc.balance += 1;
    draft.emit("Deposited", vec![]);
    Ok(draft.doc.balance)
}

fn config(dir: &std::path::Path, domain: &str) -> Config {
    Config {
        backend: BackendConfig::Embedded { dir: dir.to_owned() },
        domain: domain.to_owned(),
        region: "eu".to_owned(),
        groups: vec!["stock".to_owned()],
        keep: retail_runtime::config::Span::from_secs(3_600),
    }
}

async fn open(config: &Config) -> Result<Store, Error> {
    Store::open(&Runtime::system("test"), config).await
}

#[tokio::test]
async fn everything_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    for round in 1..=3 {
        let store = open(&config(dir.path(), "orders")).await.unwrap();
        assert_eq!(store.update("a", Caller::Plain, deposit).await.unwrap().value, round);
        let partition = Account::partition("a");
        assert_eq!(store.feed(partition, &Position::BEGIN, 10).await.unwrap().len(), usize::try_from(round).unwrap());
        assert!(store.offset(partition, "stock").await.unwrap().is_some());
    }
}

#[tokio::test]
async fn domains_of_one_process_share_a_directory_and_see_nothing_of_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let (orders, stock) = (config(dir.path(), "orders"), config(dir.path(), "stock"));
    let (orders, stock) = futures::join!(open(&orders), open(&stock));
    let (orders, stock) = (orders.unwrap(), stock.unwrap());
    orders.update("a", Caller::Plain, deposit).await.unwrap();
    assert_eq!(stock.read::<Account>("a").await, Ok(None));
    assert_eq!(stock.update("a", Caller::Plain, deposit).await.unwrap().value, 1);
}

#[tokio::test]
async fn a_store_of_another_region_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path(), "orders");
    drop(open(&config).await.unwrap());
    config.region = "us".to_owned();
    let refused = open(&config).await.unwrap_err();
    insta::assert_snapshot!(refused, @"store was made with region eu, but us is configured; use the store it belongs to");
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_unavailable() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "not a directory").unwrap();
    assert!(matches!(Embedded::open(&file.join("store")).await, Err(Error::Unavailable(_))));
}

/// Holds a directory until it is killed; does nothing unless another test starts it.
#[tokio::test]
async fn a_process_that_holds_a_directory() {
    let Ok(dir) = std::env::var("STORE_TEST_HOLD") else { return };
    let _held = Embedded::open(dir.as_ref()).await.unwrap();
    std::fs::write(std::path::Path::new(&dir).join("held"), "").unwrap();
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
}

#[tokio::test]
async fn a_directory_held_by_another_process_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["disk::a_process_that_holds_a_directory", "--exact"])
        .env("STORE_TEST_HOLD", dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while !dir.path().join("held").exists() {
        assert!(holder.try_wait().unwrap().is_none(), "the holder ended early");
        tokio::task::yield_now().await;
    }
    let refused = Embedded::open(dir.path()).await.unwrap_err();
    let message = refused.to_string().replace(&dir.path().canonicalize().unwrap().display().to_string(), "<dir>");
    insta::assert_snapshot!(message, @"data directory <dir> is in use by another process; stop that process or configure another directory");
    drop(holder.stdin.take());
    assert!(holder.wait().unwrap().success());
    Embedded::open(dir.path()).await.unwrap();
}

/// Copies a directory as a crash would leave it: files as they are, nothing closed.
fn crash_image(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            crash_image(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The only journal of a store, and where what is written in it ends.
fn journal(dir: &std::path::Path) -> (std::path::PathBuf, usize) {
    let journals = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut journals = journals.filter(|path| path.extension().is_some_and(|ext| ext == "jnl"));
    let journal = journals.next().unwrap();
    assert_eq!(journals.next(), None);
    let bytes = std::fs::read(&journal).unwrap();
    (journal, bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1)
}

/// Ways in which a power cut can leave the last, never acknowledged write: cut short, or with a page that never came.
#[derive(Debug, Clone, Copy)]
enum Torn {
    CutAt(usize),
    ZeroFrom(usize),
    HoleOf(usize, usize),
}

#[tokio::test]
async fn a_torn_last_write_is_dropped_and_all_before_it_is_there() {
    let (dir, images) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(&config(dir.path(), "orders")).await.unwrap();
    for _ in 0..20 {
        store.update("a", Caller::Plain, deposit).await.unwrap();
    }
    let (_, before) = journal(dir.path());
    let large = |draft: &mut Draft<Account>| -> Result<(), Never> {
        draft.doc.entries = (0..3_000_u64).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_string()).collect();
        Ok(())
    };
    store.update("b", Caller::Plain, large).await.unwrap();
    let (_, end) = journal(dir.path());
    assert!(end - before > 20_000);
    let torn = [
        Torn::CutAt(before + 1),
        Torn::CutAt(end - 1),
        Torn::CutAt((before + end) / 2),
        Torn::ZeroFrom(before + 3),
        Torn::ZeroFrom((before + end) / 2),
        Torn::ZeroFrom(end - 2),
        Torn::HoleOf((before + end) / 2, 4_096),
        Torn::HoleOf(before, 512),
    ];
    for (number, torn) in torn.into_iter().enumerate() {
        let image = images.path().join(number.to_string());
        crash_image(dir.path(), &image);
        let (path, _) = journal(&image);
        let mut bytes = std::fs::read(&path).unwrap();
        match torn {
            Torn::CutAt(at) => bytes.truncate(at),
            Torn::ZeroFrom(at) => bytes[at..end].fill(0),
            Torn::HoleOf(at, length) => bytes[at..at + length].fill(0),
        }
        std::fs::write(&path, bytes).unwrap();
        let reopened = open(&config(&image, "orders")).await;
        let reopened = reopened.unwrap_or_else(|error| panic!("{torn:?}: {error}"));
        assert_eq!(reopened.read::<Account>("a").await.unwrap().unwrap().doc.balance, 20, "{torn:?}");
        assert_eq!(reopened.read::<Account>("b").await, Ok(None), "{torn:?}");
        assert_eq!(reopened.update("a", Caller::Plain, deposit).await.unwrap().value, 21, "{torn:?}");
    }
}
