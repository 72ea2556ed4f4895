//! Power cuts and full disks of the nodes of a replicated server and of a Cluster, under load: classes R3 to R5.

use retail_store::{Durability, RedisConfig};

use crate::load::{Found, Load, say};
use crate::loops::Disk;
use crate::power::{LEFT, MEGABYTES, lost_the_end, on};
use crate::servers::{Cluster, Kind, Server, until};

fn says(node: &Server, line: &str) -> bool {
    node.try_ask::<String>(&["INFO", "replication"]).is_ok_and(|said| said.contains(line))
}

/// Primary and replica lose their power at the same instant, and both come back with what was on their disks.
async fn both_cut(class: Durability, fsync: &str) -> Option<Found> {
    let (first, second) = (Disk::new(MEGABYTES)?, Disk::new(MEGABYTES)?);
    let mut primary = on(&first, Kind::Valkey, fsync)?;
    let port = primary.port().to_string();
    let options = ["--appendonly", "yes", "--appendfsync", fsync, "--replicaof", "127.0.0.1", &port];
    let mut replica = Server::start_in(second.path(), Kind::Valkey, &options)?;
    until("a replica that follows", || says(&primary, "state=online"));
    let addresses = vec![primary.address.clone(), replica.address.clone()];
    let load = Load::over(&RedisConfig::at(addresses, class)).await;
    let running = load.begin();
    load.progress(1_000).await;
    let (before, _left) = tokio::task::block_in_place(|| {
        // Stopped, they acknowledge nothing that the images lack, and they are killed before they could go on.
        primary.signal("-STOP");
        replica.signal("-STOP");
        let images = [first.copied(), second.copied()];
        for server in [&mut primary, &mut replica] {
            server.signal("-KILL");
            server.kill();
        }
        let (before, left) = (load.acknowledged(), images.map(|image| Disk::of(&image)));
        primary.restart_in(left[0].path());
        replica.restart_in(left[1].path());
        until("a replica that follows again", || says(&primary, "state=online"));
        (before, left)
    });
    load.progress(100).await;
    load.end(running).await;
    let found = load.check(&format!("{class}, power cut of primary and replica at once, {fsync}")).await;
    assert_eq!((found.twice, found.torn), (0, 0));
    let oldest = lost_the_end(&before, &found);
    if !found.lost.is_empty() {
        say(&format!("{class}: the oldest that the power cut took was acknowledged {oldest} ms before the last"));
    }
    drop((primary, replica));
    Some(found)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_loses_only_its_last_moments_when_the_power_of_both_nodes_goes() {
    let mut lost = 0;
    for _ in 0..3 {
        let Some(found) = both_cut(Durability::R4, "everysec").await else { return };
        lost += found.lost.len();
    }
    // If nothing is ever lost here, the same scene proves nothing for R5.
    assert!(lost > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_loses_nothing_when_the_power_of_both_nodes_goes() {
    if let Some(found) = both_cut(Durability::R5, "always").await {
        found.assert_nothing_lost();
    }
}

/// A Cluster whose first node has a disk of its own.
fn cluster_on(disk: &Disk, fsync: &str) -> Option<Cluster> {
    let elsewhere = || tempfile::tempdir().unwrap().keep();
    let dir = |node| if node == 0 { disk.path() } else { elsewhere() };
    Cluster::start_in(Kind::Valkey, &["--appendonly", "yes", "--appendfsync", fsync], dir)
}

/// The primary of a third of the partitions loses its power, its replica takes over, and it comes back as a replica with
/// what was on its disk.
async fn primary_cut(class: Durability, fsync: &str) -> Option<Found> {
    let disk = Disk::new(MEGABYTES)?;
    let mut cluster = cluster_on(&disk, fsync)?;
    let load = Load::over(&RedisConfig::at(cluster.addresses(), class)).await;
    let running = load.begin();
    load.progress(1_000).await;
    let _left = tokio::task::block_in_place(|| {
        let node = &mut cluster.nodes[0];
        node.signal("-STOP");
        let image = disk.copied();
        node.signal("-KILL");
        node.kill();
        until("a replica that took over", || says(&cluster.nodes[3], "role:master"));
        let left = Disk::of(&image);
        cluster.nodes[0].restart_in(left.path());
        until("a replica of the new primary", || says(&cluster.nodes[3], "state=online"));
        left
    });
    load.progress(300).await;
    load.end(running).await;
    let found = load.check(&format!("{class}, power cut of a primary of a Cluster, its replica took over")).await;
    assert_eq!((found.twice, found.torn), (0, 0));
    drop(cluster);
    Some(found)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r3_may_lose_and_r4_and_r5_lose_nothing_when_a_primary_loses_its_power_and_its_replica_takes_over() {
    let Some(_may_lose) = primary_cut(Durability::R3, "everysec").await else { return };
    for (class, fsync) in [(Durability::R4, "everysec"), (Durability::R5, "always")] {
        primary_cut(class, fsync).await.unwrap().assert_nothing_lost();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r4_refuses_while_the_disk_of_a_primary_is_full_and_goes_on_by_itself_when_there_is_room() {
    let Some(disk) = Disk::new(MEGABYTES) else { return };
    let Some(cluster) = cluster_on(&disk, "everysec") else { return };
    let load = Load::over(&RedisConfig::at(cluster.addresses(), Durability::R4)).await;
    let ballast = disk.filled_but(LEFT);
    let running = load.begin();
    let said = load.refusal().await;
    assert!(said.contains("takes no writes"), "{said}");
    ballast.remove();
    load.progress(300).await;
    load.end(running).await;
    load.check("R4, disk of a primary of a Cluster full, everysec").await.assert_nothing_lost();
    drop(cluster);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_loses_nothing_when_a_primary_ends_itself_over_its_full_disk_and_its_replica_takes_over() {
    let Some(disk) = Disk::new(MEGABYTES) else { return };
    let Some(mut cluster) = cluster_on(&disk, "always") else { return };
    let load = Load::over(&RedisConfig::at(cluster.addresses(), Durability::R5)).await;
    let ballast = disk.filled_but(LEFT);
    let running = load.begin();
    tokio::task::block_in_place(|| {
        until("a replica that took over", || says(&cluster.nodes[3], "role:master"));
        ballast.remove();
        cluster.nodes[0].kill_and_restart();
        until("a replica of the new primary", || says(&cluster.nodes[3], "state=online"));
    });
    load.progress(300).await;
    load.end(running).await;
    load.check("R5, disk of a primary of a Cluster full, always: its replica took over").await.assert_nothing_lost();
    drop(cluster);
}
