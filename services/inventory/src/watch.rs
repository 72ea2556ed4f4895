//! Availability as it changes: the rows as they stand, then those that are different, the newest numbers only.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::{Stream, stream};
use retail_proto::inventory::v1 as pb;
use retail_runtime::Runtime;
use retail_store::Changes;
use tonic::Status;

use crate::api::{Api, status};

/// Changes are collected for so long: a hot item is told with its newest number, not with every one.
const PAUSE: Duration = Duration::from_millis(250);
/// Looked at anyway: another replica may have changed something.
const LOOK: Duration = Duration::from_secs(1);

/// One reader.
struct Watch {
    api: Api,
    runtime: Runtime,
    skus: BTreeSet<String>,
    location: String,
    changes: Changes,
    /// Versions that were sent, by item and location; none before the first message.
    sent: Option<BTreeMap<(String, String), u64>>,
}

/// Streams what may be sold of items, until the reader leaves or the service stops.
pub(crate) fn watch(
    api: &Api,
    runtime: &Runtime,
    skus: BTreeSet<String>,
    location: String,
) -> impl Stream<Item = Result<pb::WatchAvailabilityResponse, Status>> + use<> {
    let (api, runtime) = (api.clone(), runtime.clone());
    let changes = api.store.changes();
    let first = Watch { api, runtime, skus, location, changes, sent: None };
    stream::unfold(Some(first), |watch| async move {
        let mut watch = watch?;
        match watch.next().await {
            Ok(rows) => rows.map(|rows| (Ok(pb::WatchAvailabilityResponse { rows }), Some(watch))),
            Err(error) => Some((Err(error), None)),
        }
    })
}

impl Watch {
    /// The next rows to send; none when the service stops.
    async fn next(&mut self) -> Result<Option<Vec<pb::Availability>>, Status> {
        let stopping = self.runtime.stopping();
        loop {
            if self.sent.is_some() {
                tokio::select! {
                    () = stopping.cancelled() => return Ok(None),
                    _ = self.changes.wait() => self.runtime.clock().sleep(PAUSE).await,
                    () = self.runtime.clock().sleep(LOOK) => {}
                }
            }
            let mut rows = self.api.availability(self.skus.clone(), &self.location).await.map_err(status)?;
            let first = self.sent.is_none();
            let sent = self.sent.get_or_insert_default();
            rows.retain(|row| sent.insert((row.sku.clone(), row.location.clone()), row.version) != Some(row.version));
            if first || !rows.is_empty() {
                return Ok(Some(rows));
            }
        }
    }
}
