//! Who drives which partition, by real processes over a real server: shared, taken over, given back.

use std::time::Duration;

use retail_crash::fleet::{Fleet, Stored, Wires};
use retail_store::Store;

/// Waits until the partitions are held in these shares, smallest first; answers how long that took.
async fn until(fleet: &Fleet, store: &Store, shares: &[usize]) -> Duration {
    let begun = fleet.runtime.clock().monotonic();
    let mut seen = Vec::new();
    for _ in 0..600 {
        seen = fleet.holders(store).await.into_values().collect();
        seen.sort_unstable();
        if seen == shares {
            return fleet.runtime.clock().monotonic().saturating_sub(begun);
        }
        fleet.runtime.clock().sleep(Duration::from_millis(100)).await;
    }
    panic!("never shared as {shares:?}: {seen:?}\n{}\n{}", fleet.log("orders-1"), fleet.log("orders-2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_shared_taken_over_from_the_dead_and_the_hung_and_given_back_by_those_who_end() {
    let Some(mut fleet) = Fleet::new(crate::weft(), Stored::Redis, Wires::Plain).await else { return };
    let store = fleet.store("orders").await;
    fleet.launch("orders-1");
    until(&fleet, &store, &[64]).await;
    fleet.launch("orders-2");
    let shared = until(&fleet, &store, &[32, 32]).await;

    fleet.kill("orders-1");
    let dead = until(&fleet, &store, &[64]).await;
    fleet.launch("orders-1");
    until(&fleet, &store, &[32, 32]).await;

    fleet.signal("orders-1", "-STOP");
    let hung = until(&fleet, &store, &[64]).await;
    fleet.signal("orders-1", "-CONT");
    until(&fleet, &store, &[32, 32]).await;
    assert!(fleet.log("orders-1").contains("lease lost to another replica"), "it has noticed");

    let status = fleet.end("orders-2").await;
    assert!(status.success(), "{}", fleet.log("orders-2"));
    let ended = until(&fleet, &store, &[64]).await;
    assert!(fleet.log("orders-2").contains("leases given back"));
    crate::replicas::tell(&format!(
        "leases: shared after {shared:.1?}, from the dead after {dead:.1?}, from the hung after {hung:.1?}, \
         from one that ended after {ended:.1?}"
    ));
}
