//! Money given back: once, never more than came, and seen when it comes to nothing later.

use retail_proto::payments::v1 as pb;
use retail_proto::types::v1::OutcomeState;
use retail_runtime::fault::Class;
use serde_json::json;

use crate::world::*;

#[tokio::test]
async fn a_refund_is_given_once_and_a_repeat_finds_it() {
    let world = world().await;
    let id = world.taken(2000, "pm_card_visa").await;
    for _ in 0..2 {
        let back = world.refund(&refund(&id, "R-1", 500)).await.unwrap();
        assert_eq!(state(back.outcome), done());
        let given = back.refund.unwrap();
        assert_eq!(
            (given.external_ref.as_str(), given.amount.clone(), given.state()),
            ("R-1", pounds(500), pb::RefundState::Done)
        );
        let payment = back.payment.unwrap();
        assert_eq!((payment.state(), payment.refunded), (pb::PaymentState::PartlyRefunded, pounds(500)));
    }
    let books = world.books().await;
    assert_eq!((&books["refunds"]["count"], &books["refunds"]["value"]), (&json!(1), &json!(500)));
}

#[tokio::test]
async fn two_refunds_of_equal_amount_are_both_paid_and_no_more_than_is_left() {
    let world = world().await;
    let id = world.taken(1000, "pm_card_visa").await;
    for reference in ["R-1", "R-2"] {
        assert_eq!(state(world.refund(&refund(&id, reference, 500)).await.unwrap().outcome), done());
    }
    let outcome = world.refund(&refund(&id, "R-3", 1)).await.unwrap().outcome;
    assert_eq!(state(outcome), refused("REFUND_EXCEEDS_PAYMENT"));
    let payment = world.payment(&id).await;
    assert_eq!((payment.state(), payment.refunded), (pb::PaymentState::Refunded, pounds(1000)));
}

#[tokio::test]
async fn what_was_never_captured_is_not_given_back() {
    let world = world().await;
    let id = world.held(1000).await;
    let outcome = world.refund(&refund(&id, "R-1", 500)).await.unwrap().outcome;
    assert_eq!(state(outcome), refused("NOTHING_CAPTURED"));
}

#[tokio::test]
async fn a_slow_refund_is_pending_until_it_is_done() {
    let world = world().await;
    let id = world.taken(1000, "pm_card_pendingRefund").await;
    let ask = refund(&id, "R-1", 1000);
    let outcome = world.refund(&ask).await.unwrap().outcome;
    assert_eq!(state(outcome), (OutcomeState::Pending, "REFUND_PENDING".to_owned()));
    world.later("72h").await;
    assert_eq!(state(world.refund(&ask).await.unwrap().outcome), done());
}

#[tokio::test]
async fn a_refund_that_fails_days_later_is_no_refund_any_more() {
    let world = world().await;
    let id = world.taken(1000, "pm_card_refundFail").await;
    let ask = refund(&id, "R-1", 1000);
    assert_eq!(state(world.refund(&ask).await.unwrap().outcome), done());
    world.later("72h").await;
    let failed = world.refund(&ask).await.unwrap();
    assert_eq!(state(failed.outcome), refused("REFUND_FAILED"));
    let given = failed.refund.unwrap();
    assert_eq!((given.state(), given.cause.as_str()), (pb::RefundState::Failed, "expired_or_canceled_card"));
    let payment = world.payment(&id).await;
    assert_eq!((payment.state(), payment.refunded), (pb::PaymentState::Captured, pounds(0)));
    // By decision it is given again, under another id.
    assert_eq!(state(world.refund(&refund(&id, "R-2", 1000)).await.unwrap().outcome), done());
    assert_eq!(world.books().await["refunds"]["value"], 1000);
}

#[tokio::test]
async fn a_disputed_payment_is_not_refunded_until_the_dispute_is_won() {
    let world = world().await;
    let id = world.taken(1000, "pm_card_visa").await;
    let dispute = world.turn("dispute", json!({"payment_intent": id})).await;
    let payment = world.payment(&id).await;
    assert_eq!((payment.state(), payment.disputes[0].state()), (pb::PaymentState::Disputed, pb::DisputeState::Open));
    assert!(payment.disputes[0].respond_by.is_some());
    let outcome = world.refund(&refund(&id, "R-1", 10)).await.unwrap().outcome;
    assert_eq!(state(outcome), refused("PAYMENT_DISPUTED"));
    world.turn("dispute/move", json!({"dispute": dispute["id"], "status": "won"})).await;
    assert_eq!(state(world.refund(&refund(&id, "R-1", 10)).await.unwrap().outcome), done());
    let payment = world.payment(&id).await;
    assert_eq!(
        (payment.state(), payment.disputes[0].state()),
        (pb::PaymentState::PartlyRefunded, pb::DisputeState::Won)
    );
}

#[tokio::test]
async fn a_refund_is_looked_for_and_its_id_is_not_used_for_another() {
    let world = world().await;
    let id = world.taken(1000, "pm_card_visa").await;
    let look = pb::RefundPaymentRequest { verify_only: true, ..refund(&id, "R-1", 500) };
    let refusal = world.refund(&look).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::NotFound, "NO_SUCH_REFUND"));
    world.refund(&refund(&id, "R-1", 500)).await.unwrap();
    assert_eq!(state(world.refund(&look).await.unwrap().outcome), done());
    let refusal = world.refund(&refund(&id, "R-1", 501)).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Invalid, "IDEMPOTENCY_KEY_REUSED"));
}
