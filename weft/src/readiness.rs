//! Readiness of a service that runs alone: whoever cannot reach its store is given no work, and lives on.

use std::time::Duration;

use futures::future::select_ok;
use retail_runtime::Runtime;
use retail_store::{Partition, Store};

/// How often the store is asked.
const EVERY: Duration = Duration::from_secs(2);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Calls the process ready only while the store answers for some partition. One is enough: a shard that is away is away
/// for every replica, and without any of them the others' partitions would be away too.
pub(crate) fn follow(runtime: &Runtime, store: &Store) {
    let mut answers = runtime.condition();
    let (world, store, stopping) = (runtime.clone(), store.clone(), runtime.stopping());
    runtime.spawn("readiness", async move {
        while !stopping.is_cancelled() {
            let asked = select_ok(Partition::all().map(|partition| Box::pin(store.lease(partition))));
            let answered = world.clock().timeout(PATIENCE, asked).await.is_ok_and(|first| first.is_ok());
            if answers.set(answered) {
                if answered {
                    tracing::info!("the store answers again: ready");
                } else {
                    tracing::error!("the store does not answer: not ready");
                }
            }
            let _stopped = world.clock().timeout(EVERY, stopping.cancelled()).await;
        }
    });
}
