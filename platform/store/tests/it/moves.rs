//! Slots of a Cluster that move from node to node under load, key by key and at once: nothing is lost, done twice or
//! torn, whatever the nodes answer meanwhile.

use std::collections::BTreeMap;

use retail_store::{Durability, Partition, RedisConfig};

use crate::load::{Load, say};
use crate::servers::{Cluster, Kind, Server, until};

/// What callers are sent elsewhere or put off with.
const ANSWERS: [&str; 3] = ["MOVED", "ASK", "TRYAGAIN"];

/// How often the nodes have answered so.
fn answers(cluster: &Cluster) -> BTreeMap<&'static str, u64> {
    let mut counts = BTreeMap::new();
    for node in &cluster.nodes {
        let said = node.ask::<String>(&["INFO", "errorstats"]);
        for answer in ANSWERS {
            let count = said.lines().find_map(|line| line.strip_prefix(&format!("errorstat_{answer}:count=")));
            *counts.entry(answer).or_default() += count.map_or(0, |count| count.trim().parse::<u64>().unwrap());
        }
    }
    counts
}

/// Slots of the load's partitions that the first node serves at the beginning.
fn slots(cluster: &Cluster, load: &Load) -> Vec<u16> {
    let slot = |partition| cluster.nodes[0].ask::<u16>(&["CLUSTER", "KEYSLOT", &load.store.tag(partition)]);
    Partition::all().map(slot).filter(|slot| *slot <= 5_460).collect()
}

/// One slot, key by key, as `redis-cli --cluster reshard` does.
fn move_keys(cluster: &Cluster, slot: u16, from: &Server, to: &Server) {
    let (slot, port) = (slot.to_string(), to.port().to_string());
    let (source, target) = (from.ask::<String>(&["CLUSTER", "MYID"]), to.ask::<String>(&["CLUSTER", "MYID"]));
    to.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source]);
    from.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target]);
    let mut connection = from.connection();
    loop {
        let keys: Vec<Vec<u8>> =
            redis::cmd("CLUSTER").arg(&["GETKEYSINSLOT", &slot, "20"]).query(&mut connection).unwrap();
        if keys.is_empty() {
            break;
        }
        let mut migrate = redis::cmd("MIGRATE");
        migrate.arg(&["127.0.0.1", &port, "", "0", "5000", "KEYS"]).arg(keys).exec(&mut connection).unwrap();
    }
    // The target first: between the two the slot would be nobody's.
    for node in [to, from].into_iter().chain(&cluster.nodes[..3]) {
        node.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "NODE", &target]);
    }
}

/// Many slots at once, as Valkey 9 can.
fn move_at_once(slots: &[u16], from: &Server, to: &Server) {
    let target = to.ask::<String>(&["CLUSTER", "MYID"]);
    let ranges = slots.iter().flat_map(|slot| [slot.to_string(), slot.to_string()]).collect::<Vec<_>>();
    let mut words = vec!["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE"];
    words.extend(ranges.iter().map(String::as_str));
    words.extend(["NODE", &target]);
    from.ask::<()>(&words);
    until("slots that have moved", || {
        let said = format!("{:?}", from.ask::<redis::Value>(&["CLUSTER", "GETSLOTMIGRATIONS"]));
        assert!(!said.contains("failed"), "{said}");
        said.contains("success")
    });
}

/// Runs a load while slots move, and checks it.
async fn moved(kind: Kind, at_once: bool) -> Option<BTreeMap<&'static str, u64>> {
    let cluster = Cluster::start(kind, &["--appendonly", "yes"])?;
    let load = Load::over(&RedisConfig::at(cluster.addresses(), Durability::R4)).await;
    let running = load.begin();
    load.progress(500).await;
    let (from, to) = (&cluster.nodes[0], &cluster.nodes[1]);
    let slots = slots(&cluster, &load);
    assert!(slots.len() > 4, "too few partitions lie on the first node: {slots:?}");
    if at_once {
        for some in slots.chunks(slots.len().div_ceil(3)) {
            tokio::task::block_in_place(|| move_at_once(some, from, to));
            load.progress(100).await;
        }
    } else {
        for slot in &slots {
            tokio::task::block_in_place(|| move_keys(&cluster, *slot, from, to));
            load.progress(20).await;
        }
    }
    load.progress(200).await;
    load.end(running).await;
    let counts = answers(&cluster);
    let how = if at_once { "at once" } else { "key by key" };
    let found = load.check(&format!("R4, {} slots of {kind:?} moved {how}", slots.len())).await;
    say(&format!("R4, slots moved {how}: nodes answered {counts:?}"));
    found.assert_nothing_lost();
    Some(counts)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_of_a_cluster_that_move_key_by_key_lose_nothing() {
    for kind in [Kind::Redis, Kind::Valkey] {
        let Some(counts) = moved(kind, false).await else { return };
        // If nobody is put off or sent elsewhere here, the scene proves nothing.
        assert!(counts["TRYAGAIN"] + counts["ASK"] > 0 && counts["MOVED"] > 0, "{counts:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_of_a_cluster_that_move_at_once_lose_nothing() {
    if let Some(counts) = moved(Kind::Valkey, true).await {
        assert!(counts["MOVED"] > 0, "{counts:?}");
    }
}
