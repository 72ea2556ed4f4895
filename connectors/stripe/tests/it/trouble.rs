//! What goes wrong between us and Stripe.

use retail_proto::payments::v1 as pb;
use retail_runtime::fault::{Class, Refusal};
use serde_json::json;

use crate::world::*;

fn unknown(refusal: &Refusal) {
    assert_eq!((refusal.class(), refusal.reason()), (Class::Unknown, "VENDOR_OUTCOME_UNKNOWN"));
}

#[tokio::test]
async fn a_refund_whose_answer_never_came_is_unknown_and_its_repeat_is_one_refund() {
    for kind in ["reset_after_commit", "error_after_commit", "truncate"] {
        let world = world().await;
        let id = world.taken(2000, "pm_card_visa").await;
        world.fault("/v1/refunds", json!({"kind": kind})).await;
        unknown(&world.refund(&refund(&id, "R-1", 500)).await.unwrap_err());
        assert_eq!(state(world.refund(&refund(&id, "R-1", 500)).await.unwrap().outcome), done(), "{kind}");
        assert_eq!(world.books().await["refunds"]["value"], 500, "{kind}");
    }
}

#[tokio::test]
async fn a_capture_whose_answer_never_came_is_unknown_and_its_repeat_is_one_capture() {
    for kind in ["reset_after_commit", "error_after_commit", "truncate", "reset_before"] {
        let world = world().await;
        let id = world.pay(json!({"amount": 2000, "currency": "gbp", "several_captures": true})).await;
        world.fault("/capture", json!({"kind": kind})).await;
        unknown(&world.capture(&capture(&id, "C-1", 700, false)).await.unwrap_err());
        assert_eq!(state(world.capture(&capture(&id, "C-1", 700, false)).await.unwrap().outcome), done(), "{kind}");
        let books = world.books().await;
        assert_eq!(
            (&books["payments"]["captures"], &books["payments"]["captured"]),
            (&json!(1), &json!(700)),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_call_that_arrives_after_it_was_given_up_takes_nothing_twice() {
    let world = world().await;
    let id = world.taken(2000, "pm_card_visa").await;
    world.fault("/v1/refunds", json!({"kind": "late_commit", "ms": 50})).await;
    unknown(&world.refund(&refund(&id, "R-1", 500)).await.unwrap_err());
    // The repeat overtakes the first call: both carry the same key.
    assert_eq!(state(world.refund(&refund(&id, "R-1", 500)).await.unwrap().outcome), done());
    while world.books().await["keys"]["replayed"] != 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.books().await["refunds"]["count"], 1);
}

#[tokio::test]
async fn a_server_error_that_stripe_keeps_is_looked_behind() {
    for executed in [true, false] {
        let world = world().await;
        let id = world.taken(2000, "pm_card_visa").await;
        world.turn("plan", json!({"internal_errors": 1, "executed": executed})).await;
        unknown(&world.refund(&refund(&id, "R-1", 500)).await.unwrap_err());
        // What was carried out is found; what was not is sent under the next key.
        assert_eq!(state(world.refund(&refund(&id, "R-1", 500)).await.unwrap().outcome), done());
        assert_eq!(world.books().await["refunds"]["count"], 1, "{executed}");
    }
}

#[tokio::test]
async fn a_capture_that_stripe_keeps_failing_is_unknown_after_three_keys_and_never_taken_twice() {
    let world = world().await;
    let id = world.held(2000).await;
    world.turn("plan", json!({"internal_errors": 3, "executed": false})).await;
    let ask = capture(&id, "C-1", 2000, true);
    for _ in 0..4 {
        unknown(&world.capture(&ask).await.unwrap_err());
    }
    assert_eq!(world.books().await["payments"]["captures"], 0);
    assert_eq!(world.payment(&id).await.state(), pb::PaymentState::Authorized);
}

#[tokio::test]
async fn a_refund_is_found_long_after_its_key_is_forgotten() {
    let world = world().await;
    let id = world.taken(2000, "pm_card_visa").await;
    world.fault("/v1/refunds", json!({"kind": "reset_after_commit"})).await;
    unknown(&world.refund(&refund(&id, "R-1", 500)).await.unwrap_err());
    world.later("25h").await;
    assert_eq!(state(world.refund(&refund(&id, "R-1", 500)).await.unwrap().outcome), done());
    let books = world.books().await;
    assert_eq!((&books["refunds"]["count"], &books["keys"]["replayed"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn a_capture_is_found_long_after_its_key_is_forgotten() {
    let world = world().await;
    let id = world.pay(json!({"amount": 2000, "currency": "gbp", "several_captures": true})).await;
    world.fault("/capture", json!({"kind": "reset_after_commit"})).await;
    unknown(&world.capture(&capture(&id, "C-1", 700, false)).await.unwrap_err());
    world.later("25h").await;
    assert_eq!(state(world.capture(&capture(&id, "C-1", 700, false)).await.unwrap().outcome), done());
    assert_eq!(world.books().await["payments"]["captures"], 1);
}

#[tokio::test]
async fn a_key_that_was_used_for_something_else_is_a_bug_of_ours_and_moves_nothing() {
    let world = world().await;
    let id = world.taken(2000, "pm_card_visa").await;
    world.refund(&refund(&id, "R-1", 500)).await.unwrap();
    let other = pb::RefundPaymentRequest { idempotency_key: "key-of-R-1".to_owned(), ..refund(&id, "R-2", 500) };
    let refusal = world.refund(&other).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Invalid, "IDEMPOTENCY_KEY_REUSED"));
    assert_eq!(world.books().await["refunds"]["count"], 1);
}

#[tokio::test]
async fn a_key_in_use_is_unknown_and_then_done() {
    let world = world().await;
    let id = world.taken(2000, "pm_card_visa").await;
    world.turn("plan", json!({"in_use": 1})).await;
    unknown(&world.refund(&refund(&id, "R-1", 500)).await.unwrap_err());
    assert_eq!(state(world.refund(&refund(&id, "R-1", 500)).await.unwrap().outcome), done());
}

#[tokio::test]
async fn a_call_that_stripe_did_not_execute_is_sent_again() {
    let world = world().await;
    let id = world.taken(2000, "pm_card_visa").await;
    world.fault("/v1/refunds", json!({"kind": "status", "status": 429, "retry_after": 0})).await;
    assert_eq!(state(world.refund(&refund(&id, "R-1", 500)).await.unwrap().outcome), done());
    assert_eq!(world.stripe.snapshot().throttled, 1);
}

#[tokio::test]
async fn a_read_outlives_a_stripe_that_is_unwell_for_a_moment() {
    let world = world().await;
    let id = world.held(2000).await;
    world.fault("/v1/payment_intents/", json!({"kind": "status", "status": 502, "times": 2, "method": "GET"})).await;
    assert_eq!(world.payment(&id).await.state(), pb::PaymentState::Authorized);
}

#[tokio::test]
async fn cancelling_and_adopting_survive_a_lost_answer_too() {
    let world = world().await;
    let id = world.held(2000).await;
    world.fault("/v1/payment_intents/", json!({"kind": "reset_after_commit"})).await;
    unknown(&world.adopt(&id, "O-1").await.unwrap_err());
    assert_eq!(state(world.adopt(&id, "O-1").await.unwrap().outcome), done());
    world.fault("/cancel", json!({"kind": "error_after_commit"})).await;
    unknown(&world.cancel(&id).await.unwrap_err());
    assert_eq!(state(world.cancel(&id).await.unwrap().outcome), done());
    assert_eq!(world.seen("/cancel").await.len(), 1);
}
