//! What only Redis has: other replicas, lost connections, forgotten scripts, memory that is full, replicas that stall.

use std::time::Duration;

use retail_runtime::config::Span;
use retail_store::{
    Backend as _, Caller, Document as _, Draft, Durability, Fence, LeaseAnswer, LeaseOp, Outcome, Redis, RedisConfig,
    Store, UpdateError, Wanted,
};

use crate::bed::{Account, With as _, at, fresh_domain, key, new, p, runtime};
use crate::servers::{Kind, Server, until};

type Never = std::convert::Infallible;

fn server() -> Option<Server> {
    Server::start(Kind::Valkey, &["--appendonly", "yes"])
}

fn config(server: &Server) -> RedisConfig {
    RedisConfig::at(vec![server.address.clone()], Durability::R1)
}

async fn open(config: &RedisConfig, domain: &str) -> Redis {
    Redis::open(&runtime(), config, domain, "local").await.unwrap()
}

fn deposit(draft: &mut Draft<Account>) -> Result<i64, Never> {
    draft.doc.balance += 1;
    draft.emit("Deposited", vec![]);
    Ok(draft.doc.balance)
}

async fn balance(store: &Store) -> i64 {
    store.read::<Account>("a").await.unwrap().map_or(0, |found| found.doc.balance)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_replica_hears_of_a_commit() {
    let Some(server) = server() else { return };
    let domain = fresh_domain();
    let (here, there) = (open(&config(&server), &domain).await, open(&config(&server), &domain).await);
    tokio::task::block_in_place(|| {
        until("a replica that listens", || {
            let channels: Vec<String> = server.ask(&["PUBSUB", "SHARDCHANNELS", &format!("{{local:{domain}:p07*")]);
            let heard: Vec<redis::Value> = server.ask(&["PUBSUB", "SHARDNUMSUB", channels.first().map_or("", |it| it)]);
            heard.last() == Some(&redis::Value::Int(2))
        })
    });
    // What it was told when it began to listen is behind it; what comes now is of the commit.
    let mut news = there.hints().partition(p());
    let _drained = tokio::time::timeout(Duration::from_millis(50), news.wait()).await;
    assert!(matches!(here.commit(p(), new().event("a", 1)).await, Outcome::Committed { .. }));
    news.wait().await;
}

#[tokio::test]
async fn two_replicas_lose_no_update() {
    let Some(server) = server() else { return };
    let domain = fresh_domain();
    let store = async || {
        let backend = std::sync::Arc::new(open(&config(&server), &domain).await);
        Store::over(&runtime(), backend, &domain, "local")
    };
    let (here, there) = (store().await, store().await);
    let done = futures::future::join_all((0..200).map(|n| {
        let store = if n % 2 == 0 { &here } else { &there };
        async move {
            loop {
                match store.update("a", Caller::keyed("t", "Deposit", &n.to_string(), b""), deposit).await {
                    Ok(done) => return done.repeated,
                    Err(UpdateError::Store(retail_store::Error::Conflict(_))) => {}
                    Err(other) => panic!("{other}"),
                }
            }
        }
    }));
    assert!(done.await.iter().all(|repeated| !repeated));
    assert_eq!((balance(&here).await, balance(&there).await), (200, 200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_over_connections_that_are_cut_are_applied_once() {
    let Some(server) = server() else { return };
    let domain = fresh_domain();
    let backend = std::sync::Arc::new(open(&config(&server), &domain).await);
    let store = Store::over(&runtime(), backend, &domain, "local");
    let cut = std::thread::spawn({
        let address = server.address.clone();
        move || {
            let mut connection = redis::Client::open(format!("redis://{address}/")).unwrap().get_connection().unwrap();
            for _ in 0..40 {
                let _cut: i64 = redis::cmd("CLIENT")
                    .arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"])
                    .query(&mut connection)
                    .unwrap();
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    });
    let mut acknowledged = 0;
    while !cut.is_finished() {
        // Without a key: only the writer's number tells that a commit was applied before.
        store.update("a", Caller::Plain, deposit).await.unwrap();
        acknowledged += 1;
    }
    cut.join().unwrap();
    assert_eq!(balance(&store).await, acknowledged);
    assert_eq!(
        store.feed(Account::partition("a"), &retail_store::Position::BEGIN, 100_000).await.unwrap().len(),
        usize::try_from(acknowledged).unwrap()
    );
}

#[tokio::test]
async fn a_server_that_forgot_the_scripts_learns_them_again() {
    let Some(server) = server() else { return };
    let backend = open(&config(&server), &fresh_domain()).await;
    for n in 0..3 {
        server.ask::<()>(&["SCRIPT", "FLUSH"]);
        assert!(matches!(backend.commit(p(), new().write("a", n, "x")).await, Outcome::Committed { .. }));
    }
}

#[tokio::test]
async fn a_server_without_memory_takes_no_commit_and_half_of_none() {
    let Some(server) = server() else { return };
    let backend = open(&config(&server), &fresh_domain()).await;
    backend.commit(p(), new().write("a", 0, "before")).await;
    server.ask::<()>(&["CONFIG", "SET", "maxmemory", "1"]);
    let refused = backend.commit(p(), new().write("a", 1, "after").event("a", 1).keyed("k", "r", "s")).await;
    assert_eq!(refused, Outcome::Unavailable);
    assert_eq!(backend.ends(p()).await.unwrap().end.sequence, 0);
    server.ask::<()>(&["CONFIG", "SET", "maxmemory", "0"]);
    let applied = backend.commit(p(), new().write("a", 1, "after").event("a", 1)).await;
    assert_eq!(applied, Outcome::Committed { first_sequence: 1 });
}

#[tokio::test]
async fn a_server_that_is_away_is_unavailable_and_nothing_was_done() {
    let Some(mut server) = server() else { return };
    let config = RedisConfig { patience: Span::from_millis(300), ..config(&server) };
    let backend = open(&config, &fresh_domain()).await;
    server.kill();
    assert_eq!(backend.commit(p(), new().write("a", 0, "x")).await, Outcome::Unavailable);
    let asked = backend.load(p(), Wanted { keys: vec![key("a")], ..Wanted::default() }).await;
    assert!(matches!(asked, Err(retail_store::Error::Unavailable(_))));
}

#[tokio::test]
async fn a_lease_runs_by_the_time_of_the_server() {
    let Some(server) = server() else { return };
    let backend = open(&config(&server), &fresh_domain()).await;
    let ttl = Duration::from_secs(3600);
    let take = async |who: u8, now: i64| {
        backend.lease(p(), LeaseOp::Take { nonce: [who; 16], ttl, now: at(now) }).await.unwrap()
    };
    let LeaseAnswer::Held(lease) = take(1, 1_000).await else { panic!("not taken") };
    assert_eq!(lease.fence, Fence { epoch: 1, nonce: [1; 16] });
    // A replica whose clock is years ahead still finds it taken, for nearly an hour of its own time.
    let LeaseAnswer::Taken { until } = take(2, 500_000_000).await else { panic!("taken from its holder") };
    assert!(until > at(500_000_000 + 3_500) && until <= at(500_000_000 + 3_600));
}

#[tokio::test]
async fn a_commit_that_no_replica_has_is_unknown_and_its_repeat_is_not_answered_before_one_has_it() {
    let Some(primary) = server() else { return };
    let port = primary.port().to_string();
    let replica = Server::start(Kind::Valkey, &["--appendonly", "yes", "--replicaof", "127.0.0.1", &port]).unwrap();
    until("a replica that follows", || primary.ask::<String>(&["INFO", "replication"]).contains("state=online"));
    let config = RedisConfig {
        wait: Span::from_millis(50),
        patience: Span::from_millis(400),
        ..RedisConfig::at(vec![primary.address.clone()], Durability::R4)
    };
    let domain = fresh_domain();
    let store = Store::over(&runtime(), std::sync::Arc::new(open(&config, &domain).await), &domain, "local");
    let keyed = || Caller::keyed("t", "Deposit", "k", b"");
    replica.signal("-STOP");
    let unknown = Err(UpdateError::Store(retail_store::Error::Unknown));
    assert_eq!(store.update("a", keyed(), deposit).await, unknown);
    // It is there, but nobody may be told so: a failover now would lose it.
    assert_eq!(balance(&store).await, 1);
    assert!(store.update("a", keyed(), deposit).await.is_err());
    replica.signal("-CONT");
    let done = loop {
        if let Ok(done) = store.update("a", keyed(), deposit).await {
            break done;
        }
    };
    assert_eq!((done.value, done.repeated, balance(&store).await), (1, true, 1));
}
