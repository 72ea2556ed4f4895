//! Servers killed under load: what was acknowledged, lost and done twice, for each class of the durability table.

use std::time::Duration;

use retail_store::{Durability, RedisConfig};

use crate::follower::{Follower, Noticed};
use crate::load::{Found, Load};
use crate::servers::{Cluster, Kind, Server, until};

/// The server is killed and comes back with its data, several times under load.
async fn killed(kind: Kind, class: Durability, fsync: &str) -> Option<Found> {
    let mut server = Server::start(kind, &["--appendonly", "yes", "--appendfsync", fsync])?;
    let load = Load::over(&RedisConfig::at(vec![server.address.clone()], class)).await;
    let running = load.begin();
    for _ in 0..5 {
        load.progress(1_000).await;
        tokio::task::block_in_place(|| server.kill_and_restart());
    }
    load.progress(100).await;
    load.end(running).await;
    Some(load.check(&format!("{class}, {kind:?} killed 5 times")).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r1_loses_only_what_a_slow_fsync_held_up_when_the_process_is_killed() {
    // While an fsync is under way the server keeps what it acknowledges in memory, for up to two seconds: on a disk that
    // is busy enough something is lost here, on any other nothing.
    if let Some(found) = killed(Kind::Redis, Durability::R1, "everysec").await {
        assert_eq!((found.twice, found.torn), (0, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r2_loses_nothing_when_the_process_is_killed() {
    if let Some(found) = killed(Kind::Valkey, Durability::R2, "always").await {
        found.assert_nothing_lost();
    }
}

/// A primary is killed while its replica lags, and the replica takes over.
async fn failed_over(class: Durability, fsync: &str) -> Option<(Found, Noticed)> {
    let mut cluster = Cluster::start(Kind::Valkey, &["--appendonly", "yes", "--appendfsync", fsync])?;
    let load = Load::over(&RedisConfig::at(cluster.addresses(), class)).await;
    let mut follower = Follower::default();
    let running = load.begin();
    load.progress(2_000).await;
    // Out of reach, not only slow: what waits in its socket would still reach it.
    cluster.nodes[3].signal("-STOP");
    cluster.nodes[0].ask::<()>(&["CLIENT", "KILL", "TYPE", "replica"]);
    tokio::time::sleep(Duration::from_millis(400)).await;
    // Whoever follows the feeds has heard of what is about to be lost, if it is told what no replica has.
    let _told = tokio::time::timeout(Duration::from_secs(2), follower.follow(&load.store)).await;
    tokio::task::block_in_place(|| {
        cluster.nodes[0].kill();
        cluster.nodes[3].signal("-CONT");
        let says = |node: &Server, line: &str| node.ask::<String>(&["INFO", "replication"]).contains(line);
        until("a replica that took over", || says(&cluster.nodes[3], "role:master"));
        // Whoever was killed comes back, as a replica now.
        cluster.nodes[0].restart();
        until("a replica of the new primary", || says(&cluster.nodes[3], "state=online"));
    });
    load.progress(300).await;
    load.end(running).await;
    let found = load.check(&format!("{class}, primary killed, its replica out of reach for 0.4 s")).await;
    assert_eq!((found.twice, found.torn), (0, 0));
    follower.follow(&load.store).await;
    Some((found, follower.compare(&load.store, &class.to_string()).await))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r3_may_lose_what_its_replica_did_not_have_and_every_follower_notices() {
    if let Some((found, noticed)) = failed_over(Durability::R3, "everysec").await {
        // If nothing is lost here, the same scene proves nothing for the classes below.
        assert!(!found.lost.is_empty());
        assert!(noticed.altered > 0 && noticed.astray > 0 && noticed.forks > 0, "{noticed:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_loses_nothing_when_a_replica_takes_over() {
    if let Some((found, noticed)) = failed_over(Durability::R4, "everysec").await {
        found.assert_nothing_lost();
        assert_eq!(noticed, Noticed { altered: 0, astray: 0, forks: 0 }, "events were told that no replica had");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_loses_nothing_when_a_replica_takes_over() {
    if let Some((found, noticed)) = failed_over(Durability::R5, "always").await {
        found.assert_nothing_lost();
        assert_eq!(noticed, Noticed { altered: 0, astray: 0, forks: 0 }, "events were told that no replica had");
    }
}
