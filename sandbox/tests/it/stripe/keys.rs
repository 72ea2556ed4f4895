//! Idempotency keys of API v1, and who may call at all.

use super::*;

#[test]
fn row_36_a_repeat_gets_the_first_answer_and_is_told_so() {
    let account = account();
    let id = account.taken(2000, "pm_card_visa");
    let form = format!("payment_intent={id}&amount=500");
    let first = account.keyed("/v1/refunds", &form, "k1");
    let again = account.keyed("/v1/refunds", &format!("amount=500&payment_intent={id}"), "k1");
    assert_eq!((first.status, again.status), (200, 200));
    assert_eq!(body(&first), body(&again));
    assert_eq!((header(&first, "idempotent-replayed"), header(&again, "idempotent-replayed")), (None, Some("true")));
    assert_eq!(header(&again, "original-request"), header(&first, "request-id"));
    assert_eq!(account.twin.books()["refunds"]["count"], 1);
}

#[test]
fn row_36_a_key_is_for_one_request_with_its_parameters() {
    let account = account();
    let id = account.taken(2000, "pm_card_visa");
    account.keyed("/v1/refunds", &format!("payment_intent={id}&amount=500"), "k1");
    for (path, form) in [
        ("/v1/refunds".to_owned(), format!("payment_intent={id}&amount=501")),
        (format!("/v1/payment_intents/{id}"), format!("payment_intent={id}&amount=500")),
    ] {
        let answer = account.keyed(&path, &form, "k1");
        assert_eq!((answer.status, &body(&answer)["error"]["type"]), (400, &json!("idempotency_error")));
    }
}

#[test]
fn row_36_a_server_error_is_kept_whether_or_not_it_was_carried_out() {
    for executed in [false, true] {
        let account = account();
        let id = account.taken(2000, "pm_card_visa");
        account.turn("plan", json!({"internal_errors": 1, "executed": executed}));
        let form = format!("payment_intent={id}&amount=500");
        let first = account.keyed("/v1/refunds", &form, "k1");
        let again = account.keyed("/v1/refunds", &form, "k1");
        assert_eq!((first.status, again.status, header(&again, "idempotent-replayed")), (500, 500, Some("true")));
        assert_eq!(account.twin.books()["refunds"]["count"], i64::from(executed));
    }
}

#[test]
fn row_36_a_failed_validation_keeps_nothing_and_a_refused_rule_is_kept() {
    let account = account();
    let id = account.taken(2000, "pm_card_visa");
    assert_eq!(account.keyed("/v1/refunds", "amount=x", "k1").status, 400);
    assert_eq!(account.keyed("/v1/refunds", &format!("payment_intent={id}&amount=500"), "k1").status, 200);
    let too_much = format!("payment_intent={id}&amount=1501");
    assert_eq!(account.keyed("/v1/refunds", &too_much, "k2").status, 400);
    assert_eq!(header(&account.keyed("/v1/refunds", &too_much, "k2"), "idempotent-replayed"), Some("true"));
}

#[test]
fn row_36_a_key_is_forgotten_after_a_day_and_not_before() {
    let account = account();
    let id = account.taken(2000, "pm_card_visa");
    let form = format!("payment_intent={id}&amount=500");
    let again = || header(&account.keyed("/v1/refunds", &form, "k1"), "idempotent-replayed").is_some();
    assert!(!again());
    account.later(SignedDuration::from_secs(24 * 3600 - 1));
    assert!(again());
    account.later(SignedDuration::from_secs(1));
    assert!(!again(), "then it is a fresh request");
    assert_eq!(account.twin.books()["refunds"]["count"], 2);
}

#[test]
fn row_37_a_key_in_use_is_answered_409_and_may_be_tried_again() {
    let account = account();
    let id = account.taken(2000, "pm_card_visa");
    account.turn("plan", json!({"in_use": 1}));
    let form = format!("payment_intent={id}&amount=500");
    let busy = account.keyed("/v1/refunds", &form, "k1");
    assert_eq!((busy.status, header(&busy, "stripe-should-retry")), (409, Some("true")));
    assert_eq!(body(&busy)["error"]["code"], "idempotency_key_in_use");
    assert_eq!(account.keyed("/v1/refunds", &form, "k1").status, 200);
}

#[test]
fn nobody_without_the_key_is_let_in_and_both_spellings_of_it_are() {
    let account = account();
    let status =
        |given: &str| account.handle(&seen(Method::GET, "/v1/refunds", "", &[("authorization", given)])).status;
    assert_eq!(status("Bearer sk_test_weft_sandbox"), 200);
    assert_eq!(status("Basic c2tfdGVzdF93ZWZ0X3NhbmRib3g6"), 200);
    for wrong in ["Bearer sk_test_other", "Bearer ", "sk_test_weft_sandbox", "Basic AAAA"] {
        assert_eq!(status(wrong), 401, "{wrong}");
    }
}

#[test]
fn a_version_is_a_date_and_is_told_back() {
    let account = account();
    let ask = |version: &str| account.handle(&seen(Method::GET, "/v1/refunds", "", &[("stripe-version", version)]));
    assert_eq!(header(&ask("2026-10-28.endive"), "stripe-version"), Some("2026-10-28.endive"));
    assert_eq!(ask("latest").status, 400);
}
