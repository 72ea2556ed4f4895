//! Money authorized anew on what the customer let the shop keep: once, whatever is asked again.

use retail_proto::payments::v1 as pb;
use retail_proto::types::v1::OutcomeState;
use retail_runtime::fault::Class;
use serde_json::{Value, json};

use crate::world::*;

const CREATE: &str = "/v1/payment_intents";

/// A payment whose card the customer let the shop keep.
async fn kept(world: &World, card: &str) -> String {
    world.pay(saved(card)).await
}

fn saved(card: &str) -> Value {
    json!({"amount": 2000, "currency": "gbp", "payment_method": card, "customer": "cus_1", "setup_future_usage": "off_session"})
}

#[tokio::test]
async fn a_saved_card_is_authorized_anew_once_and_a_repeat_finds_it() {
    let world = world().await;
    let earlier = kept(&world, "pm_card_visa").await;
    assert!(world.payment(&earlier).await.reusable);
    world.capture(&capture(&earlier, "C-1", 700, true)).await.unwrap();
    for _ in 0..2 {
        let answer = world.anew(&anew(&earlier, "O-1/p2", 1300)).await.unwrap();
        assert_eq!(state(answer.outcome), done());
        let payment = answer.payment.unwrap();
        assert_eq!((payment.state(), payment.authorized), (pb::PaymentState::Authorized, pounds(1300)));
        assert_eq!(payment.external_ref, "O-1/p2");
        assert!(payment.authorized_until.is_some() && !payment.reusable);
    }
    let books = world.books().await;
    assert_eq!((&books["payments"]["count"], &books["payments"]["capturable"]), (&json!(2), &json!(1300)));
}

#[tokio::test]
async fn what_is_authorized_anew_is_captured_like_any_other() {
    let world = world().await;
    let earlier = kept(&world, "pm_card_visa").await;
    let payment = world.anew(&anew(&earlier, "O-1/p2", 1300)).await.unwrap().payment.unwrap();
    let id = payment.payment.unwrap().id;
    assert_eq!(state(world.capture(&capture(&id, "O-1/p2/c1", 1300, true)).await.unwrap().outcome), done());
    let again = world.anew(&anew(&earlier, "O-1/p2", 1300)).await.unwrap();
    assert_eq!((state(again.outcome), again.payment.unwrap().captured), (done(), pounds(1300)));
}

#[tokio::test]
async fn nothing_is_sent_for_a_card_that_nobody_saved() {
    let world = world().await;
    let on_session =
        json!({"amount": 2000, "currency": "gbp", "customer": "cus_1", "setup_future_usage": "on_session"});
    for earlier in [world.held(2000).await, world.pay(on_session).await] {
        assert!(!world.payment(&earlier).await.reusable);
        let answer = world.anew(&anew(&earlier, "O-1/p2", 1300)).await.unwrap();
        assert_eq!((state(answer.outcome), answer.payment), (refused("NO_SAVED_METHOD"), None));
    }
    assert_eq!(world.books().await["payments"]["count"], 2);
}

#[tokio::test]
async fn a_bank_that_declines_or_wants_the_customer_says_so_again_and_again() {
    let world = world().await;
    let declines = kept(&world, "pm_card_chargeCustomerFail").await;
    let asks = kept(&world, "pm_card_authenticationRequired").await;
    world.turn("authenticate", json!({"payment_intent": asks})).await;
    let reasons = [("CARD_DECLINED", "generic_decline"), ("AUTHENTICATION_REQUIRED", "authentication_required")];
    for (earlier, (reason, cause)) in [declines, asks].into_iter().zip(reasons) {
        for _ in 0..2 {
            let answer = world.anew(&anew(&earlier, reason, 1300)).await.unwrap();
            assert_eq!(state(answer.outcome), refused(reason));
            let payment = answer.payment.unwrap();
            assert_eq!((payment.state(), payment.cause.as_str()), (pb::PaymentState::Failed, cause));
        }
    }
    assert_eq!(world.books().await["payments"]["count"], 4, "each was tried once");
}

#[tokio::test]
async fn a_card_that_asks_until_it_is_saved_asks_no_more() {
    let world = world().await;
    let earlier = kept(&world, "pm_card_authenticationRequiredOnSetup").await;
    world.turn("authenticate", json!({"payment_intent": earlier})).await;
    assert_eq!(state(world.anew(&anew(&earlier, "O-1/p2", 1300)).await.unwrap().outcome), done());
}

#[tokio::test]
async fn an_answer_that_was_lost_is_found_by_our_id_long_after_the_key_is_forgotten() {
    for kind in ["reset_after_commit", "error_after_commit", "truncate", "reset_before"] {
        let world = world().await;
        let earlier = kept(&world, "pm_card_visa").await;
        world.fault(CREATE, json!({"kind": kind})).await;
        let lost = world.anew(&anew(&earlier, "O-1/p2", 1300)).await;
        assert_eq!(lost.unwrap_err().reason(), "VENDOR_OUTCOME_UNKNOWN", "{kind}");
        world.later("49h").await;
        assert_eq!(state(world.anew(&anew(&earlier, "O-1/p2", 1300)).await.unwrap().outcome), done(), "{kind}");
        let books = world.books().await;
        assert_eq!((&books["payments"]["count"], &books["payments"]["duplicates"]), (&json!(2), &json!(0)), "{kind}");
    }
}

#[tokio::test]
async fn a_failure_that_stripe_keeps_is_looked_behind_before_anything_is_sent_again() {
    for executed in [true, false] {
        let world = world().await;
        let earlier = kept(&world, "pm_card_visa").await;
        world.turn("plan", json!({"internal_errors": 1, "executed": executed})).await;
        let failed = world.anew(&anew(&earlier, "O-1/p2", 1300)).await;
        assert_eq!(failed.unwrap_err().reason(), "VENDOR_OUTCOME_UNKNOWN");
        assert_eq!(state(world.anew(&anew(&earlier, "O-1/p2", 1300)).await.unwrap().outcome), done());
        assert_eq!(world.books().await["payments"]["count"], 2, "executed: {executed}");
    }
}

#[tokio::test]
async fn a_payment_is_looked_for_without_sending_anything() {
    let world = world().await;
    let earlier = kept(&world, "pm_card_visa").await;
    let look = pb::AuthorizeAnewRequest { verify_only: true, ..anew(&earlier, "O-1/p2", 1300) };
    let refusal = world.anew(&look).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::NotFound, "NO_SUCH_PAYMENT"));
    world.anew(&anew(&earlier, "O-1/p2", 1300)).await.unwrap();
    assert_eq!(state(world.anew(&look).await.unwrap().outcome), done());
    let other = pb::AuthorizeAnewRequest { amount: pounds(1299), ..look };
    assert_eq!(world.anew(&other).await.unwrap_err().reason(), "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test]
async fn what_ran_out_since_is_refused_and_an_amount_in_another_currency_too() {
    let world = world().await;
    let earlier = kept(&world, "pm_card_visa").await;
    let euros = Some(retail_proto::types::v1::Money { minor_units: 5, currency: "EUR".to_owned() });
    let ask = pb::AuthorizeAnewRequest { amount: euros, ..anew(&earlier, "O-1/p9", 5) };
    assert_eq!(state(world.anew(&ask).await.unwrap().outcome), refused("CURRENCY_DIFFERS"));
    world.anew(&anew(&earlier, "O-1/p2", 1300)).await.unwrap();
    world.later("168h").await;
    let (state, reason) = state(world.anew(&anew(&earlier, "O-1/p2", 1300)).await.unwrap().outcome);
    assert_eq!((state, reason.as_str()), (OutcomeState::Refused, "AUTHORIZATION_EXPIRED"));
}
