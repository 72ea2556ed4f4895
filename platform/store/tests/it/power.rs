//! Power cuts and full disks under load: what was acknowledged, lost and done twice, for each class that one node keeps.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;

use retail_runtime::config::Span;
use retail_store::{Caller, Durability, Embedded, RedisConfig, Store};

use crate::bed::runtime;
use crate::crash;
use crate::load::{Deposit, Found, Load, deposit, say};
use crate::loops::Disk;
use crate::servers::{Kind, Server, until};

pub(crate) const MEGABYTES: usize = 48;

pub(crate) fn on(disk: &Disk, kind: Kind, fsync: &str) -> Option<Server> {
    Server::start_in(disk.path(), kind, &["--appendonly", "yes", "--appendfsync", fsync])
}

/// What was lost is the end of history: of each document only its last deposits. Answers how long before the cut the
/// oldest of them was acknowledged, in milliseconds.
pub(crate) fn lost_the_end(before: &BTreeMap<String, Deposit>, found: &Found) -> u128 {
    let mut kept: BTreeMap<&str, i64> = BTreeMap::new();
    for (_, deposit) in before.iter().filter(|(name, _)| !found.lost.contains(name)) {
        let most = kept.entry(&deposit.id).or_default();
        *most = (*most).max(deposit.value);
    }
    let lost = || found.lost.iter().filter_map(|name| before.get(name));
    for deposit in lost() {
        let kept = kept.get(deposit.id.as_str()).copied().unwrap_or(0);
        assert!(deposit.value > kept, "deposit {} of {} is lost, {kept} is not", deposit.value, deposit.id);
    }
    let cut = before.values().map(|deposit| deposit.at).max().unwrap_or_default();
    lost().map(|deposit| cut.saturating_sub(deposit.at).as_millis()).max().unwrap_or(0)
}

/// The power goes at one instant, and the server comes back with what was on the disk; `None` when the machine cannot
/// play it.
async fn cut(class: Durability, kind: Kind, fsync: &str) -> Option<Found> {
    let disk = Disk::new(MEGABYTES)?;
    let mut server = on(&disk, kind, fsync)?;
    let load = Load::over(&RedisConfig::at(vec![server.address.clone()], class)).await;
    let running = load.begin();
    load.progress(1_000).await;
    let (before, _left) = tokio::task::block_in_place(|| {
        // Stopped, it acknowledges nothing that the image lacks, and it is killed before it could go on.
        server.signal("-STOP");
        let image = disk.copied();
        server.signal("-KILL");
        server.kill();
        let (before, left) = (load.acknowledged(), Disk::of(&image));
        server.restart_in(left.path());
        (before, left)
    });
    load.progress(100).await;
    load.end(running).await;
    let found = load.check(&format!("{class}, power cut under {kind:?} {fsync}")).await;
    assert_eq!((found.twice, found.torn), (0, 0));
    let oldest = lost_the_end(&before, &found);
    if !found.lost.is_empty() {
        say(&format!("{class}: the oldest that the power cut took was acknowledged {oldest} ms before the last"));
    }
    drop(server);
    Some(found)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r1_loses_only_its_last_moments_when_the_power_goes() {
    let mut lost = 0;
    for _ in 0..3 {
        let Some(found) = cut(Durability::R1, Kind::Redis, "everysec").await else { return };
        lost += found.lost.len();
    }
    // If nothing is ever lost here, the same scene proves nothing for the classes that lose nothing.
    assert!(lost > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r2_loses_nothing_when_the_power_goes() {
    for kind in [Kind::Redis, Kind::Valkey] {
        let Some(found) = cut(Durability::R2, kind, "always").await else { return };
        found.assert_nothing_lost();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e1_loses_nothing_when_the_power_goes() {
    let Some(mut disk) = Disk::new(MEGABYTES) else { return };
    let mut all = crash::Acknowledged::new();
    for round in 0..3 {
        let mut image = Vec::new();
        let written = crash::write_until(&disk.path(), round, 300, |writer| {
            let stopped = Command::new("kill").args(["-STOP", &writer.id().to_string()]).status();
            assert!(stopped.unwrap().success());
            image = disk.copied();
            writer.kill().unwrap();
        });
        all.extend(written);
        disk = Disk::of(&image);
        crash::check(&disk.path(), &all).await;
    }
    crash::check_results(&disk.path(), &all).await;
    say(&format!("E1, power cut 3 times under the embedded store: acknowledged {}, lost 0, done twice 0", all.len()));
}

/// How much of the disk is left before the load begins, in kilobytes.
pub(crate) const LEFT: usize = 512;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r1_refuses_while_the_disk_is_full_and_goes_on_by_itself_when_there_is_room() {
    let Some(disk) = Disk::new(MEGABYTES) else { return };
    let Some(server) = on(&disk, Kind::Redis, "everysec") else { return };
    let load = Load::over(&RedisConfig::at(vec![server.address.clone()], Durability::R1)).await;
    let ballast = disk.filled_but(LEFT);
    let running = load.begin();
    let said = load.refusal().await;
    assert!(said.contains("takes no writes"), "{said}");
    ballast.remove();
    load.progress(100).await;
    load.end(running).await;
    load.check("R1, disk full under Redis everysec").await.assert_nothing_lost();
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r2_loses_nothing_when_the_disk_is_full_though_the_server_ends_itself() {
    for kind in [Kind::Redis, Kind::Valkey] {
        let Some(disk) = Disk::new(MEGABYTES) else { return };
        let Some(mut server) = on(&disk, kind, "always") else { return };
        let config = RedisConfig {
            patience: Span::from_millis(300),
            ..RedisConfig::at(vec![server.address.clone()], Durability::R2)
        };
        let load = Load::over(&config).await;
        let ballast = disk.filled_but(LEFT);
        let running = load.begin();
        let said = load.refusal().await;
        assert!(said.contains("unavailable"), "{said}");
        tokio::task::block_in_place(|| {
            until("a server that ends itself", || std::net::TcpStream::connect(&server.address).is_err());
            ballast.remove();
            server.kill_and_restart();
        });
        load.progress(100).await;
        load.end(running).await;
        load.check(&format!("R2, disk full under {kind:?} always")).await.assert_nothing_lost();
        drop(server);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e1_takes_no_writes_once_the_disk_was_full_and_has_everything_after_a_restart() {
    let Some(disk) = Disk::new(MEGABYTES) else { return };
    let open = async || {
        let embedded = Embedded::open(&disk.path()).await.unwrap().domain("full", "local").await.unwrap();
        Store::over(&runtime(), Arc::new(embedded), "full", "local")
    };
    let load = Load::of(open().await);
    let ballast = disk.filled_but(LEFT);
    let running = load.begin();
    load.refusal().await;
    ballast.remove();
    // What is on disk and what is in memory may differ now: only a restart reads the disk anew.
    let said = load.refusal().await;
    assert!(said.contains("unavailable"), "{said}");
    load.end(running).await;
    let so_far = load.so_far();
    drop(load);
    // As long as somebody still holds the old one, opening the folder answers it.
    let store = loop {
        let store = open().await;
        if store.update("probe", Caller::Plain, deposit).await.is_ok() {
            break store;
        }
    };
    let load = Load::again(store, so_far);
    load.check("E1, disk full under the embedded store").await.assert_nothing_lost();
}
