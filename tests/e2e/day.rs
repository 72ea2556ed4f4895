//! A trading day: every vendor's books agree with the order book, on good days and bad.

use serde_json::json;

use crate::harness::Mesh;

#[tokio::test(flavor = "multi_thread")]
async fn a_day_with_duplicated_and_reordered_webhooks_ends_with_one_document_for_each_order() {
    let mesh = Mesh::start().await;
    let report = mesh.feed().await;
    assert!(report.agrees(), "{} {:#?} {:#}", report.line(), report.differences(), report.books);
    assert_eq!(report.books["netsuite"]["item_fulfillments"]["duplicates"], 0);
    assert_eq!(report.books["netsuite"]["inventory_adjustments"]["count"], 1, "one write-off");
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_on_which_every_vendor_fails_now_and_then_ends_with_the_same_books() {
    let mesh = Mesh::start().await;
    let record = "/record/v1/";
    for fault in [
        json!({"kind": "error_after_commit", "times": 4, "path_contains": "salesOrder", "method": "PUT"}),
        json!({"kind": "reset_after_commit", "times": 3, "path_contains": "customerDeposit", "method": "PUT"}),
        json!({"kind": "reset_before", "times": 2, "path_contains": "customer/", "method": "PUT"}),
        json!({"kind": "status", "status": 429, "times": 5, "path_contains": record}),
        json!({"kind": "truncate", "times": 2, "path_contains": "suiteql"}),
        // Once: a token that dies again right after its renewal is refused credentials, and that parks by design.
        json!({"kind": "expire_tokens", "times": 1, "path_contains": record}),
    ] {
        mesh.plant("netsuite", fault).await;
    }
    for fault in [
        json!({"kind": "reset_after_commit", "times": 3, "path_contains": "composite"}),
        json!({"kind": "status", "status": 503, "times": 3, "path_contains": "composite"}),
        json!({"kind": "expire_tokens", "times": 1, "path_contains": "composite"}),
    ] {
        mesh.plant("salesforce", fault).await;
    }
    mesh.plant("shopify", json!({"kind": "status", "status": 503, "times": 3, "body_contains": "fulfillmentOrders"}))
        .await;
    let report = mesh.feed().await;
    assert!(report.agrees(), "{} {:#?} {:#}", report.line(), report.differences(), report.books);
    let struck = mesh.twins().get("/__sandbox/netsuite/faults").await.unwrap();
    let sum: u64 = struck.as_array().unwrap().iter().map(|fault| fault["struck"].as_u64().unwrap()).sum();
    assert!(sum >= 10, "the faults must have struck: {struck}");
    mesh.end().await;
}
