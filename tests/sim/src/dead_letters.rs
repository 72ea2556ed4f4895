//! Events that could not be taken in: they and all that comes behind them wait until the cause is gone and a person lets
//! them in.

use std::time::Duration;

use retail_proto::ops::v1::ops_service_client::OpsServiceClient;
use retail_proto::ops::v1::{ReplayTransactionRequest, TransactionState};

use crate::people::People;
use crate::settle::{self, port};

/// How long an operator waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Takes the causes away and lets in what waits; answers whether anything did.
pub(crate) async fn are_opened(people: &People) -> bool {
    let cured = people.shelves.values().filter(|shelf| shelf.cure()).count();
    if cured == 0 {
        return false;
    }
    let Ok(parked) = settle::listed(people, TransactionState::Parked).await else { return true };
    for (domain, one) in parked.into_iter().filter(|(_, one)| one.id.starts_with("dead-letters/")) {
        let Ok(peer) = people.runtime.peer(&format!("http://{domain}:{}", port(domain))) else { continue };
        let request = ReplayTransactionRequest { id: one.id.clone(), note: "its cause is gone".to_owned() };
        let mut ops = OpsServiceClient::new(peer);
        let asked = people.runtime.clock().timeout(PATIENCE, ops.replay_transaction(request)).await;
        let answer = asked.map(|asked| asked.map(|_| ()).map_err(|status| status.message().to_owned()));
        people.say(&format!("lets {domain} {} in: {answer:?}", one.id));
        people.watch.count("letters_opened");
    }
    true
}
