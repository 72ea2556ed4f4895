//! Money taken and authorizations let go: once, whatever is asked again.

use retail_proto::payments::v1 as pb;
use retail_runtime::fault::Class;
use serde_json::json;

use crate::world::*;

#[tokio::test]
async fn an_authorization_is_captured_once_and_a_repeat_finds_it() {
    let world = world().await;
    let id = world.held(2000).await;
    let before = world.payment(&id).await;
    assert_eq!((before.state(), before.capturable), (pb::PaymentState::Authorized, pounds(2000)));
    assert!(before.authorized_until.is_some());
    for _ in 0..2 {
        let taken = world.capture(&capture(&id, "C-1", 1500, true)).await.unwrap();
        assert_eq!(state(taken.outcome), done());
        let payment = taken.payment.unwrap();
        assert_eq!((payment.state(), payment.captured), (pb::PaymentState::Captured, pounds(1500)));
        assert_eq!(payment.captures, [pb::Capture { external_ref: "C-1".to_owned(), amount: pounds(1500) }]);
    }
    let books = world.books().await;
    assert_eq!((&books["payments"]["captures"], &books["payments"]["captured"]), (&json!(1), &json!(1500)));
}

#[tokio::test]
async fn parts_are_captured_one_after_the_other_where_the_card_allows_it() {
    let world = world().await;
    let id = world.pay(json!({"amount": 2000, "currency": "gbp", "several_captures": true})).await;
    assert!(world.payment(&id).await.several_captures);
    let first = world.capture(&capture(&id, "C-1", 700, false)).await.unwrap().payment.unwrap();
    assert_eq!((first.state(), first.capturable), (pb::PaymentState::PartlyCaptured, pounds(1300)));
    let second = world.capture(&capture(&id, "C-2", 700, true)).await.unwrap().payment.unwrap();
    assert_eq!((second.state(), second.captured, second.captures.len()), (pb::PaymentState::Captured, pounds(1400), 2));
    // Both are found for ever.
    for reference in ["C-1", "C-2"] {
        assert_eq!(state(world.capture(&capture(&id, reference, 700, false)).await.unwrap().outcome), done());
    }
    assert_eq!(world.books().await["payments"]["captures"], 2);
}

#[tokio::test]
async fn what_an_authorization_does_not_hold_is_refused_with_a_reason() {
    let world = world().await;
    let id = world.held(2000).await;
    let why = async |ask: pb::CapturePaymentRequest| state(world.capture(&ask).await.unwrap().outcome);
    assert_eq!(why(capture(&id, "C-1", 2001, true)).await, refused("CAPTURE_EXCEEDS_AUTHORIZATION"));
    assert_eq!(why(capture(&id, "C-1", 500, false)).await, refused("ONE_CAPTURE_ONLY"));
    let euros = Some(retail_proto::types::v1::Money { minor_units: 5, currency: "EUR".to_owned() });
    let ask = pb::CapturePaymentRequest { amount: euros, ..capture(&id, "C-1", 5, true) };
    assert_eq!(why(ask).await, refused("CURRENCY_DIFFERS"));
    assert_eq!(why(capture(&id, "C-1", 2000, true)).await, done());
    assert_eq!(why(capture(&id, "C-2", 2000, true)).await, refused("ALREADY_CAPTURED"));
    assert_eq!(world.seen("/capture").await.len(), 1);
}

#[tokio::test]
async fn a_capture_is_looked_for_without_sending_anything() {
    let world = world().await;
    let id = world.held(2000).await;
    let look = pb::CapturePaymentRequest { verify_only: true, ..capture(&id, "C-1", 2000, true) };
    let refusal = world.capture(&look).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::NotFound, "NO_SUCH_CAPTURE"));
    world.capture(&capture(&id, "C-1", 2000, true)).await.unwrap();
    assert_eq!(state(world.capture(&look).await.unwrap().outcome), done());
    let other = pb::CapturePaymentRequest { amount: pounds(1999), ..look };
    assert_eq!(world.capture(&other).await.unwrap_err().reason(), "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test]
async fn an_authorization_that_ran_out_is_expired_and_one_that_was_cancelled_is_not() {
    let world = world().await;
    let (late, unwanted) = (world.held(2000).await, world.held(2000).await);
    let cancelled = world.cancel(&unwanted).await.unwrap();
    assert_eq!(state(cancelled.outcome), done());
    assert_eq!(cancelled.payment.unwrap().state(), pb::PaymentState::Cancelled);
    assert_eq!(state(world.cancel(&unwanted).await.unwrap().outcome), done());
    world.later("168h").await;
    assert_eq!(world.payment(&late).await.state(), pb::PaymentState::Expired);
    let why = async |id: &str| state(world.capture(&capture(id, "C-1", 2000, true)).await.unwrap().outcome);
    assert_eq!(why(&late).await, refused("AUTHORIZATION_EXPIRED"));
    assert_eq!(why(&unwanted).await, refused("AUTHORIZATION_CANCELLED"));
    assert_eq!(state(world.cancel(&late).await.unwrap().outcome), done());
}

#[tokio::test]
async fn what_is_captured_cannot_be_cancelled_and_the_rest_of_it_can() {
    let world = world().await;
    let id = world.held(2000).await;
    world.capture(&capture(&id, "C-1", 2000, true)).await.unwrap();
    assert_eq!(state(world.cancel(&id).await.unwrap().outcome), refused("ALREADY_CAPTURED"));
    let parts = world.pay(json!({"amount": 2000, "currency": "gbp", "several_captures": true})).await;
    world.capture(&capture(&parts, "C-2", 700, false)).await.unwrap();
    assert_eq!(state(world.cancel(&parts).await.unwrap().outcome), done());
    let payment = world.payment(&parts).await;
    assert_eq!((payment.state(), payment.captured), (pb::PaymentState::Captured, pounds(700)));
    // What was let go is no refund.
    assert_eq!((payment.capturable, payment.refunded, payment.refunds.len()), (pounds(0), pounds(0), 0));
}

#[tokio::test]
async fn a_declined_payment_has_failed_and_says_why() {
    let world = world().await;
    let decline = "pm_card_visa_chargeDeclinedInsufficientFunds";
    let ask = json!({"amount": 2000, "currency": "gbp", "payment_method": decline});
    // The shop hears of it with 402; the payment stays.
    let id = world.declined(ask).await["error"]["payment_intent"]["id"].as_str().unwrap().to_owned();
    let payment = world.payment(&id).await;
    assert_eq!((payment.state(), payment.cause.as_str()), (pb::PaymentState::Failed, "insufficient_funds"));
    let outcome = world.capture(&capture(&id, "C-1", 2000, true)).await.unwrap().outcome;
    assert_eq!(state(outcome), refused("NOT_AUTHORIZED"));
}

#[tokio::test]
async fn yen_are_whole_and_kronur_are_hundredfold_at_stripe() {
    let world = world().await;
    for (currency, theirs, ours) in [("jpy", 500, 500), ("isk", 50_000, 500)] {
        let id = world.pay(json!({"amount": theirs, "currency": currency})).await;
        let money = retail_proto::types::v1::Money { minor_units: ours, currency: currency.to_uppercase() };
        let ask = pb::CapturePaymentRequest { amount: Some(money.clone()), ..capture(&id, currency, 1, true) };
        let taken = world.capture(&ask).await.unwrap();
        assert_eq!((state(taken.outcome), taken.payment.unwrap().captured), (done(), Some(money)));
    }
    assert_eq!(world.books().await["payments"]["captured"], 50_500);
}
