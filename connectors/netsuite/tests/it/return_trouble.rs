//! Lost answers, limits and dead tokens in the life of a return: exactly one of each document.

use futures::future::join_all;
use retail_proto::erp::v1 as pb;
use retail_proto::erp::v1::erp_service_server::ErpService;
use retail_proto::types::v1::OutcomeState;
use retail_runtime::fault::{Class, Refusal};
use serde_json::json;
use tonic::{Request, Status};

use crate::back::{authorization, credit, receipt, refund};
use crate::bench::{Bench, INSTANCE, state};

const LOST: [&str; 2] = ["reset_after_commit", "error_after_commit"];

fn unknown(refused: &Status) {
    let refusal = Refusal::read(refused);
    assert_eq!((refusal.class(), refusal.reason()), (Class::Unknown, "VENDOR_OUTCOME_UNKNOWN"));
}

async fn lose(bench: &Bench, kind: &str, path: &str) {
    bench.fault(json!({ "kind": kind, "path_contains": path, "method": "POST", "times": 1 })).await;
}

#[tokio::test]
async fn a_return_whose_answer_was_lost_is_unknown_and_then_found() {
    for kind in LOST {
        let bench = Bench::shipping().await;
        let asked = authorization(bench.billed().await.document.unwrap());
        lose(&bench, kind, "!transform/returnAuthorization").await;
        unknown(&bench.authorize(asked.clone()).await.unwrap_err());
        assert_eq!(state(&bench.authorize(asked).await.unwrap().outcome), OutcomeState::Done);
        assert_eq!(bench.books().await["return_authorizations"]["count"], 1);
    }
}

#[tokio::test]
async fn a_receipt_whose_answer_was_lost_is_unknown_and_then_found() {
    for kind in LOST {
        let bench = Bench::shipping().await;
        bench.returned().await;
        lose(&bench, kind, "!transform/itemReceipt").await;
        unknown(&bench.receive(receipt("g-1", "1")).await.unwrap_err());
        assert_eq!(state(&bench.receive(receipt("g-1", "1")).await.unwrap().outcome), OutcomeState::Done);
        let books = bench.books().await;
        assert_eq!((&books["item_receipts"]["count"], &books["stock"]["on_hand"]), (&json!(1), &json!("99")));
    }
}

#[tokio::test]
async fn a_credit_memo_whose_answer_was_lost_is_unknown_and_then_found() {
    for kind in LOST {
        let bench = Bench::shipping().await;
        bench.returned().await;
        bench.receive(receipt("g-1", "2")).await.unwrap();
        lose(&bench, kind, "!transform/creditMemo").await;
        unknown(&bench.credit(credit("m-1")).await.unwrap_err());
        assert_eq!(state(&bench.credit(credit("m-1")).await.unwrap().outcome), OutcomeState::Done);
        assert_eq!(bench.books().await["credit_memos"]["value"], "8.10");
    }
}

#[tokio::test]
async fn a_refund_whose_answer_was_lost_is_unknown_and_then_found() {
    for kind in LOST {
        let bench = Bench::shipping().await;
        let memo = bench.credited().await.document.unwrap();
        lose(&bench, kind, "customerRefund").await;
        unknown(&bench.refund(refund("f-1", memo.clone(), 810)).await.unwrap_err());
        assert_eq!(state(&bench.refund(refund("f-1", memo, 810)).await.unwrap().outcome), OutcomeState::Done);
        assert_eq!(bench.books().await["customer_refunds"]["value"], "8.10");
    }
}

#[tokio::test]
async fn a_cancellation_whose_answer_was_lost_is_unknown_and_then_done() {
    let bench = Bench::shipping().await;
    bench.returned().await;
    let fault =
        json!({ "kind": "reset_after_commit", "path_contains": "returnAuthorization", "method": "PATCH", "times": 1 });
    bench.fault(fault).await;
    let asked =
        pb::CancelReturnRequest { instance: INSTANCE.to_owned(), external_ref: "r-1".to_owned(), memo: String::new() };
    unknown(&bench.connector.cancel_return(Request::new(asked)).await.unwrap_err());
    assert_eq!(state(&bench.cancel_return("r-1").await.outcome), OutcomeState::Done);
}

#[tokio::test]
async fn a_return_made_but_not_read_back_is_unknown_and_not_called_unavailable() {
    let bench = Bench::shipping().await;
    let asked = authorization(bench.billed().await.document.unwrap());
    // Of the questions that follow the write, every attempt fails; the one before it (the order's items) passes.
    bench.fault(json!({ "kind": "status", "status": 503, "path_contains": "suiteql", "after": 1, "times": 12 })).await;
    unknown(&bench.authorize(asked.clone()).await.unwrap_err());
    bench.forget_faults().await;
    assert_eq!(state(&bench.authorize(asked).await.unwrap().outcome), OutcomeState::Done);
    assert_eq!(bench.books().await["return_authorizations"]["count"], 1);
}

#[tokio::test]
async fn a_refusal_for_concurrency_is_waited_out() {
    let bench = Bench::shipping().await;
    let asked = authorization(bench.billed().await.document.unwrap());
    bench.fault(json!({ "kind": "status", "status": 429, "path_contains": "!transform", "times": 2 })).await;
    assert_eq!(state(&bench.authorize(asked).await.unwrap().outcome), OutcomeState::Done);
    assert_eq!(bench.connector.snapshot().throttled, 2);
}

#[tokio::test]
async fn tokens_that_die_in_between_are_renewed_unseen() {
    let bench = Bench::shipping().await;
    let memo = bench.credited().await.document.unwrap();
    bench
        .fault(json!({ "kind": "expire_tokens", "path_contains": "customerRefund", "method": "POST", "times": 1 }))
        .await;
    assert_eq!(state(&bench.refund(refund("f-1", memo, 810)).await.unwrap().outcome), OutcomeState::Done);
    assert_eq!(bench.connector.snapshot().refused_tokens, 1);
    assert_eq!(bench.books().await["customer_refunds"]["count"], 1);
}

#[tokio::test]
async fn the_same_documents_asked_for_five_times_at_once_are_made_once() {
    let bench = Bench::shipping().await;
    let asked = authorization(bench.billed().await.document.unwrap());
    let all = join_all((0..5).map(|_| bench.authorize(asked.clone()))).await;
    assert!(all.iter().all(|answer| state(&answer.as_ref().unwrap().outcome) == OutcomeState::Done), "{all:?}");
    let all = join_all((0..5).map(|_| bench.receive(receipt("g-1", "2")))).await;
    assert!(all.iter().all(|answer| state(&answer.as_ref().unwrap().outcome) == OutcomeState::Done), "{all:?}");
    let all = join_all((0..5).map(|_| bench.credit(credit("m-1")))).await;
    assert!(all.iter().all(|answer| state(&answer.as_ref().unwrap().outcome) == OutcomeState::Done), "{all:?}");
    let memo = all[0].as_ref().unwrap().credit_memo.clone().unwrap().document.unwrap();
    let all = join_all((0..5).map(|_| bench.refund(refund("f-1", memo.clone(), 810)))).await;
    assert!(all.iter().all(|answer| state(&answer.as_ref().unwrap().outcome) == OutcomeState::Done), "{all:?}");
    let books = bench.books().await;
    for documents in ["return_authorizations", "item_receipts", "credit_memos", "customer_refunds"] {
        assert_eq!(books[documents]["count"], 1, "{documents}");
    }
}
