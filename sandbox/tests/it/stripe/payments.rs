//! Payment intents: their states, captures, cancellation, and the end of an authorization.

use super::*;

#[test]
fn a_payment_is_made_confirmed_and_captured_by_the_api_alone() {
    let account = account();
    let (status, made) = account.post(
        "/v1/payment_intents",
        "amount=2000&currency=gbp&capture_method=manual&metadata[order_id]=1001&automatic_payment_methods[enabled]=true",
    );
    assert_eq!((status, &made["status"]), (200, &json!("requires_payment_method")));
    let id = made["id"].as_str().unwrap();
    let (_, held) = account.post(&format!("/v1/payment_intents/{id}/confirm"), "payment_method=pm_card_visa");
    assert_eq!((&held["status"], &held["amount_capturable"]), (&json!("requires_capture"), &json!(2000)));
    let (_, done) = account.post(&format!("/v1/payment_intents/{id}/capture"), "expand[]=latest_charge");
    assert_eq!((&done["status"], &done["amount_received"]), (&json!("succeeded"), &json!(2000)));
    assert_eq!(
        (&done["latest_charge"]["amount_captured"], &done["latest_charge"]["captured"]),
        (&json!(2000), &json!(true))
    );
    assert_eq!(
        account.told(),
        [
            "payment_intent.created",
            "charge.succeeded",
            "payment_intent.amount_capturable_updated",
            "charge.captured",
            "payment_intent.succeeded"
        ]
    );
}

#[test]
fn row_35_amounts_are_integers_in_the_smallest_unit() {
    let account = account();
    let make = |form: &str| account.post("/v1/payment_intents", form);
    assert_eq!(make("amount=500&currency=jpy").0, 200);
    assert_eq!(code(&make("amount=5.00&currency=gbp")), (400, "parameter_invalid_integer"));
    assert_eq!(code(&make("amount=29&currency=gbp")), (400, "amount_too_small"));
    assert_eq!(code(&make("amount=100000000&currency=gbp")), (400, "amount_too_large"));
    assert_eq!(code(&make("amount=5124&currency=kwd")), (400, "parameter_invalid_integer"));
    assert_eq!(code(&make("amount=550&currency=isk")), (400, "parameter_invalid_integer"));
    assert_eq!(code(&make("amount=2000&currency=zzz")), (400, "parameter_invalid_enum"));
}

#[test]
fn what_stripe_does_not_know_is_refused() {
    let account = account();
    let id = account.held(2000);
    assert_eq!(
        code(&account.post("/v1/payment_intents", "amount=2000&currency=gbp&colour=red")),
        (400, "parameter_unknown")
    );
    assert_eq!(code(&account.post("/v1/payment_intents", "currency=gbp")), (400, "parameter_missing"));
    assert_eq!(
        code(&account.post(&format!("/v1/payment_intents/{id}/capture"), "amount=1")),
        (400, "parameter_unknown")
    );
    assert_eq!(code(&account.get("/v1/payment_intents/pi_none")), (404, "resource_missing"));
    let nowhere = account.get("/v1/nowhere");
    assert_eq!((nowhere.0, &nowhere.1["error"]["type"]), (404, &json!("invalid_request_error")));
    let form = "amount=2000&currency=gbp&confirm=true&payment_method=pm_none";
    assert_eq!(code(&account.post("/v1/payment_intents", form)), (400, "resource_missing"));
}

#[test]
fn a_decline_is_a_402_and_leaves_a_failed_charge_behind() {
    let account = account();
    let form = "amount=2000&currency=gbp&confirm=true&payment_method=pm_card_visa_chargeDeclinedInsufficientFunds";
    let (status, said) = account.post("/v1/payment_intents", form);
    assert_eq!((status, &said["error"]["code"]), (402, &json!("card_declined")));
    assert_eq!(said["error"]["decline_code"], "insufficient_funds");
    assert_eq!(said["error"]["payment_intent"]["status"], "requires_payment_method");
    assert_eq!(account.told(), ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]);
    assert_eq!(account.twin.books()["payments"]["captured"], 0);
}

#[test]
fn a_customer_who_is_asked_must_consent() {
    let account = account();
    let ask = json!({"amount": 2000, "currency": "gbp", "payment_method": "pm_card_authenticationRequired"});
    for (consents, status) in [(true, "requires_capture"), (false, "requires_payment_method")] {
        let asked = account.turn("pay", ask.clone());
        assert_eq!(asked["status"], "requires_action");
        let answered = account.turn("authenticate", json!({"payment_intent": asked["id"], "succeeds": consents}));
        assert_eq!(answered["status"], status);
    }
}

#[test]
fn no_more_is_captured_than_is_held_and_once_alone() {
    let account = account();
    let path = format!("/v1/payment_intents/{}/capture", account.held(2000));
    assert_eq!(code(&account.post(&path, "amount_to_capture=2001")), (400, "amount_too_large"));
    assert_eq!(account.post(&path, "amount_to_capture=500&final_capture=false").0, 400);
    let (_, done) = account.post(&path, "amount_to_capture=1500&metadata[note]=x");
    assert_eq!((&done["amount_received"], &done["amount_capturable"]), (&json!(1500), &json!(0)));
    assert_eq!(done["metadata"]["note"], "x");
    assert_eq!(code(&account.post(&path, "")), (400, "payment_intent_unexpected_state"));
}

#[test]
fn a_card_that_allows_it_is_captured_in_parts() {
    let account = account();
    let ask = json!({"amount": 2000, "currency": "gbp", "several_captures": true});
    let held = account.turn("pay", ask);
    let path = format!("/v1/payment_intents/{}/capture", held["id"].as_str().unwrap());
    let (_, first) = account.post(&path, "amount_to_capture=700&final_capture=false");
    assert_eq!((&first["status"], &first["amount_capturable"]), (&json!("requires_capture"), &json!(1300)));
    let (_, last) = account.post(&path, "amount_to_capture=300&final_capture=true");
    assert_eq!((&last["status"], &last["amount_received"]), (&json!("succeeded"), &json!(1000)));
    assert_eq!(account.twin.books()["payments"]["captures"], 2);
}

#[test]
fn what_is_cancelled_is_let_go_and_shows_an_entry_of_which_no_money_moved() {
    let account = account();
    let id = account.held(2000);
    let path = format!("/v1/payment_intents/{id}/cancel");
    assert_eq!(code(&account.post(&path, "cancellation_reason=bored")), (400, "parameter_invalid_enum"));
    let (_, done) = account.post(&path, "cancellation_reason=duplicate");
    assert_eq!((&done["status"], &done["cancellation_reason"]), (&json!("canceled"), &json!("duplicate")));
    let (_, refunds) = account.get(&format!("/v1/refunds?payment_intent={id}"));
    assert_eq!(refunds["data"][0]["balance_transaction"], Value::Null);
    assert_eq!(code(&account.post(&path, "")), (400, "payment_intent_unexpected_state"));
    assert_eq!(account.twin.books()["refunds"]["value"], 0);
}

#[test]
fn an_authorization_ends_at_capture_before_and_not_a_second_earlier() {
    let account = account();
    let id = account.held(2000);
    let (_, held) = account.get(&format!("/v1/payment_intents/{id}?expand[]=latest_charge"));
    let before = held["latest_charge"]["payment_method_details"]["card"]["capture_before"].as_i64().unwrap();
    assert_eq!(before - account.now.get().as_second(), 7 * 86_400);
    account.later(SignedDuration::from_secs(7 * 86_400 - 1));
    assert_eq!(account.get(&format!("/v1/payment_intents/{id}")).1["status"], "requires_capture");
    account.later(SignedDuration::from_secs(1));
    let (_, ended) = account.get(&format!("/v1/payment_intents/{id}"));
    assert_eq!((&ended["status"], &ended["cancellation_reason"]), (&json!("canceled"), &json!("automatic")));
    let told = account.told();
    assert_eq!(told[told.len() - 2..], ["charge.expired", "payment_intent.canceled"]);
    let path = format!("/v1/payment_intents/{id}/capture");
    assert_eq!(code(&account.post(&path, "")), (400, "payment_intent_unexpected_state"));
}
