//! `replays`: when everything rests, every transaction that keeps a journal leaves as a masked bundle and comes to the same
//! states when its rules run again.

use std::time::Duration;

use retail_proto::ops::v1::ExportTransactionRequest;
use retail_proto::ops::v1::TransactionState;
use retail_proto::ops::v1::ops_service_client::OpsServiceClient;
use retail_runtime::fault::Refusal;
use retail_weft::bundles;

use crate::people::People;
use crate::settle::{self, port};

/// An export that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs every transaction again.
pub(crate) async fn run(people: &People) -> anyhow::Result<()> {
    for state in [TransactionState::Waiting, TransactionState::Parked, TransactionState::Done] {
        for (domain, one) in settle::listed(people, state).await? {
            let peer = people.runtime.peer(&format!("http://{domain}:{}", port(domain)))?;
            let mut ops = OpsServiceClient::new(peer).max_decoding_message_size(16 << 20);
            let request = ExportTransactionRequest { id: one.id.clone(), with_personal_data: false };
            let asked = people.runtime.clock().timeout(PATIENCE, ops.export_transaction(request)).await?;
            let answer = match asked {
                Ok(answer) => answer,
                // Kinds that keep no journal say so.
                Err(status) if Refusal::read(&status).reason() == "NOT_JOURNALED" => {
                    people.watch.count("not_journaled");
                    continue;
                }
                Err(status) => {
                    people.watch.violated("replays", format!("{domain} {} cannot be exported: {status}", one.id));
                    continue;
                }
            };
            let bundle = bundles::read(&answer.into_inner().bundle)?;
            let replayed = bundles::replay(&people.runtime, &bundle).await?;
            people.watch.count("replayed");
            if let Some(divergence) = replayed.divergence {
                people.watch.violated("replays", format!("{domain} {}: {divergence:?}", one.id));
            }
        }
    }
    Ok(())
}
