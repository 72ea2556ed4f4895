//! Lost answers, limits and dead tokens: exactly one effect, and never a false word about it.

use futures::future::join_all;
use retail_proto::types::v1::OutcomeState;
use retail_runtime::fault::{Class, Refusal};
use serde_json::json;

use crate::bench::{Bench, order, state};

async fn lost_answer(kind: &str) {
    let bench = Bench::with_customer().await;
    bench.fault(json!({ "kind": kind, "path_contains": "salesOrder/eid:", "method": "PUT", "times": 1 })).await;
    let asked = order("o-1", &[("MUG", 4, 255)]);
    let refusal = Refusal::read(&bench.create(asked.clone()).await.unwrap_err());
    assert_eq!((refusal.class(), refusal.reason()), (Class::Unknown, "VENDOR_OUTCOME_UNKNOWN"));
    let again = bench.create(asked).await.unwrap();
    assert_eq!(state(&again.outcome), OutcomeState::Done);
    let books = bench.books().await;
    assert_eq!(books["sales_orders"], json!({ "count": 1, "lines": 1, "value": "10.20", "duplicates": 0 }));
}

#[tokio::test]
async fn an_order_whose_answer_was_reset_is_unknown_and_then_found() {
    lost_answer("reset_after_commit").await;
}

#[tokio::test]
async fn an_order_answered_with_500_after_the_commit_is_unknown_and_then_found() {
    lost_answer("error_after_commit").await;
}

#[tokio::test]
async fn an_order_booked_but_not_read_back_is_unknown_and_not_called_unavailable() {
    let bench = Bench::with_customer().await;
    bench.fault(json!({ "kind": "status", "status": 503, "path_contains": "expandSubResources", "times": 4 })).await;
    let asked = order("o-1", &[("MUG", 4, 255)]);
    let refusal = Refusal::read(&bench.create(asked.clone()).await.unwrap_err());
    assert_eq!(refusal.reason(), "VENDOR_OUTCOME_UNKNOWN");
    assert_eq!(state(&bench.create(asked).await.unwrap().outcome), OutcomeState::Done);
    assert_eq!(bench.books().await["sales_orders"]["count"], 1);
}

#[tokio::test]
async fn a_look_up_that_fails_is_unavailable_because_nothing_was_sent() {
    let bench = Bench::with_customer().await;
    bench
        .fault(json!({ "kind": "reset_before", "path_contains": "salesOrder/eid:", "method": "GET", "times": 4 }))
        .await;
    let refusal = Refusal::read(&bench.create(order("o-1", &[("MUG", 4, 255)])).await.unwrap_err());
    assert_eq!(refusal.class(), Class::Unavailable);
    assert_eq!(bench.books().await["sales_orders"]["count"], 0);
}

#[tokio::test]
async fn a_refusal_for_concurrency_is_waited_out() {
    let bench = Bench::with_customer().await;
    bench.fault(json!({ "kind": "status", "status": 429, "path_contains": "salesOrder/eid:", "times": 2 })).await;
    let booked = bench.create(order("o-1", &[("MUG", 4, 255)])).await.unwrap();
    assert_eq!(state(&booked.outcome), OutcomeState::Done);
    assert_eq!(bench.connector.snapshot().throttled, 2);
}

#[tokio::test]
async fn tokens_that_die_in_between_are_renewed_unseen() {
    let bench = Bench::with_customer().await;
    bench
        .fault(json!({ "kind": "expire_tokens", "path_contains": "salesOrder/eid:", "method": "PUT", "times": 1 }))
        .await;
    let booked = bench.create(order("o-1", &[("MUG", 4, 255)])).await.unwrap();
    assert_eq!(state(&booked.outcome), OutcomeState::Done);
    assert_eq!(bench.connector.snapshot().refused_tokens, 1);
    assert_eq!(bench.books().await["sales_orders"]["count"], 1);
}

#[tokio::test]
async fn forty_orders_at_once_stay_within_the_accounts_limit_and_are_all_booked() {
    let bench = Bench::with_customer().await;
    let booked = join_all((0..40).map(|number| bench.create(order(&format!("o-{number}"), &[("MUG", 1, 255)])))).await;
    assert!(booked.iter().all(|answer| state(&answer.as_ref().unwrap().outcome) == OutcomeState::Done));
    assert_eq!(bench.connector.snapshot().throttled, 0);
    assert_eq!(bench.books().await["sales_orders"]["count"], 40);
}

#[tokio::test]
async fn the_same_order_asked_for_ten_times_at_once_is_booked_once_with_its_own_lines() {
    let bench = Bench::with_customer().await;
    let asked = order("o-1", &[("MUG", 4, 255), ("LAMP", 1, 1250)]);
    let booked = join_all((0..10).map(|_| bench.create(asked.clone()))).await;
    assert!(booked.iter().all(|answer| state(&answer.as_ref().unwrap().outcome) == OutcomeState::Done));
    assert_eq!(bench.books().await["sales_orders"]["lines"], 2);
    assert_eq!(bench.books().await["sales_orders"]["count"], 1);
}
