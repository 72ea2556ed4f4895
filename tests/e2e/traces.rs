//! One trace from the first request to the last vendor.

use serde_json::Value;

use crate::harness::{Mesh, order};

#[tokio::test(flavor = "multi_thread")]
async fn the_trace_of_a_request_reaches_the_erp_and_the_crm() {
    let mesh = Mesh::start().await;
    mesh.seed().await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    let headers = [("idempotency-key", "traced"), ("traceparent", parent.as_str())];
    let (status, text) = mesh.gateway().raw("POST", "/v1/orders", Some(&order("#42")), &headers).await.unwrap();
    assert_eq!(status, 200, "{text}");
    let placed: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(placed["order"]["traceId"], trace);
    let id = placed["order"]["orderId"].as_str().unwrap();
    mesh.until(id, |order| order["state"] == "ORDER_STATE_COMPLETED").await;
    let seen = mesh.twins().get(&format!("/__sandbox/netsuite/requests?traceparent={trace}")).await.unwrap();
    let paths: Vec<&str> = seen.as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap()).collect();
    assert!(paths.iter().any(|path| path.contains("salesOrder")), "{paths:?}");
    mesh.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trace_of_a_webhook_reaches_the_erp() {
    let mesh = Mesh::start().await;
    let report = mesh.feed().await;
    assert!(report.agrees(), "{} {:#?}", report.line(), report.differences());
    let orders = mesh.gateway().get("/v1/orders?pageSize=3").await.unwrap();
    for order in orders["orders"].as_array().unwrap() {
        let trace = order["traceId"].as_str().unwrap();
        let seen = mesh.twins().get(&format!("/__sandbox/netsuite/requests?traceparent={trace}")).await.unwrap();
        assert!(!seen.as_array().unwrap().is_empty(), "order {} left no trace in the ERP", order["orderNumber"]);
    }
    mesh.end().await;
}
