//! What a mesh did leaves it as bundles, and runs again without it.

use std::collections::BTreeMap;

use retail_proto::ops::v1::ops_service_client::OpsServiceClient;
use retail_proto::ops::v1::{ExportTransactionRequest, ListTransactionsRequest, TransactionState};
use retail_weft::bundles::{self, Bundle};
use retail_weft::mesh::url;
use serde_json::json;

use crate::harness::Mesh;

/// Every bundle that the mesh has, by domain, kind first.
pub(crate) async fn exported(mesh: &Mesh, with_personal_data: bool) -> Vec<Bundle> {
    let mut found = Vec::new();
    for (_, at) in mesh.at.services() {
        let ops = OpsServiceClient::new(mesh.runtime.peer(&url(at)).unwrap());
        let mut ops = ops.max_decoding_message_size(16 << 20);
        for state in [TransactionState::Waiting, TransactionState::Parked, TransactionState::Done] {
            let all = ListTransactionsRequest { state: state.into(), page_size: 200, ..Default::default() };
            for one in ops.list_transactions(all).await.unwrap().into_inner().transactions {
                let request = ExportTransactionRequest { id: one.id.clone(), with_personal_data };
                match ops.export_transaction(request).await {
                    Ok(answer) => found.push(bundles::read(&answer.into_inner().bundle).unwrap()),
                    Err(refused) => assert!(refused.message().contains("keeps no journal"), "{}: {refused}", one.id),
                }
            }
        }
    }
    found
}

/// How many of each kind came to what was recorded; every one must.
pub(crate) async fn replayed(mesh: &Mesh, all: &[Bundle]) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for bundle in all {
        let replayed = bundles::replay(&mesh.runtime, bundle).await.unwrap();
        let id = format!("{}/{}", bundle.kind, bundle.id);
        assert_eq!(replayed.divergence, None, "{id}: {:#?}", replayed.seen);
        assert!(replayed.ran() > 0, "{id}: nothing of it ran again");
        *kinds.entry(bundle.kind.clone()).or_insert(0) += 1;
    }
    kinds
}

#[tokio::test(flavor = "multi_thread")]
async fn every_transaction_of_a_bad_day_leaves_as_a_masked_bundle_and_runs_again() {
    let mesh = Mesh::start().await;
    for fault in [
        json!({"kind": "error_after_commit", "times": 4, "path_contains": "salesOrder", "method": "PUT"}),
        json!({"kind": "reset_after_commit", "times": 3, "path_contains": "customerDeposit", "method": "PUT"}),
        json!({"kind": "status", "status": 429, "times": 5, "path_contains": "/record/v1/"}),
        json!({"kind": "reset_after_commit", "times": 2, "path_contains": "!transform/creditMemo"}),
    ] {
        mesh.plant("netsuite", fault).await;
    }
    mesh.plant("salesforce", json!({"kind": "reset_after_commit", "times": 3, "path_contains": "composite"})).await;
    let report = mesh.feed().await;
    assert!(report.agrees(), "{} {:#?} {:#}", report.line(), report.differences(), report.books);
    let masked = exported(&mesh, false).await;
    let kinds = replayed(&mesh, &masked).await;
    for kind in ["order", "return", "customer", "case"] {
        assert!(kinds.get(kind).is_some_and(|count| *count > 0), "no {kind}: {kinds:?}");
    }
    let orders = masked.iter().filter(|bundle| bundle.kind == "order");
    assert!(orders.clone().all(|order| order.is_whole && !order.changed_since), "an order keeps all of its way");
    assert!(orders.clone().all(|order| !order.effects.is_empty()), "an order has effects");
    let struck = mesh.twins().get("/__sandbox/netsuite/faults").await.unwrap();
    let struck: u64 = struck.as_array().unwrap().iter().map(|fault| fault["struck"].as_u64().unwrap()).sum();
    assert!(struck > 0, "the faults must have struck");
    let whole = exported(&mesh, true).await;
    assert_eq!(replayed(&mesh, &whole).await.get("order"), kinds.get("order"));
    mesh.end().await;
}
