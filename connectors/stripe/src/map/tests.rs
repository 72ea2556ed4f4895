use serde_json::{Value, json};

use super::*;

fn account() -> Account {
    Account { instance: "pay".to_owned(), shop_order_keys: vec!["order_id".to_owned()], live: false }
}

fn intent(change: Value) -> Intent {
    let mut intent = json!({"id": "pi_1", "object": "payment_intent", "amount": 2000, "amount_capturable": 0,
        "amount_received": 0, "currency": "gbp", "status": "requires_payment_method", "created": 1_763_888_888,
        "metadata": {"order_id": "1001"}, "latest_charge": null, "last_payment_error": null});
    for (key, value) in change.as_object().unwrap() {
        intent[key] = value.clone();
    }
    serde_json::from_value(intent).unwrap()
}

fn standing(change: Value, refunds: Value, disputes: Value) -> Standing {
    Standing {
        intent: intent(change),
        refunds: serde_json::from_value(refunds).unwrap(),
        disputes: serde_json::from_value(disputes).unwrap(),
    }
}

fn stands(change: Value) -> pb::PaymentState {
    state(&standing(change, json!([]), json!([])))
}

fn refunds(all: &[(i64, &str)]) -> Value {
    let one =
        |(amount, status): &(i64, &str)| json!({"id": "re_1", "amount": amount, "currency": "gbp", "status": status});
    all.iter().map(one).collect()
}

#[test]
fn every_status_of_a_payment_intent_has_its_state() {
    use pb::PaymentState as State;
    for (change, state) in [
        (json!({}), State::Pending),
        (json!({"status": "requires_action"}), State::Pending),
        (json!({"status": "processing"}), State::Pending),
        (json!({"status": "a_new_word"}), State::Pending),
        (json!({"last_payment_error": {"type": "card_error"}}), State::Failed),
        (json!({"status": "requires_capture", "amount_capturable": 2000}), State::Authorized),
        (
            json!({"status": "requires_capture", "amount_capturable": 500, "amount_received": 1500}),
            State::PartlyCaptured,
        ),
        (json!({"status": "succeeded", "amount_received": 1500}), State::Captured),
        (json!({"status": "canceled", "cancellation_reason": "duplicate"}), State::Cancelled),
        (json!({"status": "canceled", "cancellation_reason": "automatic"}), State::Expired),
        (json!({"status": "canceled", "cancellation_reason": "automatic", "amount_received": 5}), State::Captured),
    ] {
        assert_eq!(stands(change.clone()), state, "{change}");
    }
}

#[test]
fn refunds_count_unless_they_failed_and_a_dispute_comes_first() {
    let paid = json!({"status": "succeeded", "amount_received": 2000});
    let stands = |refunds: Value, disputes: Value| state(&standing(paid.clone(), refunds, disputes));
    assert_eq!(stands(refunds(&[(500, "succeeded")]), json!([])), pb::PaymentState::PartlyRefunded);
    assert_eq!(stands(refunds(&[(500, "succeeded"), (1500, "pending")]), json!([])), pb::PaymentState::Refunded);
    assert_eq!(stands(refunds(&[(2000, "failed")]), json!([])), pb::PaymentState::Captured);
    let dispute = |status: &str| json!([{"id": "dp_1", "amount": 2000, "currency": "gbp", "status": status}]);
    assert_eq!(stands(refunds(&[(500, "succeeded")]), dispute("needs_response")), pb::PaymentState::Disputed);
    assert_eq!(stands(refunds(&[]), dispute("won")), pb::PaymentState::Captured);
    assert_eq!(stands(refunds(&[]), dispute("warning_needs_response")), pb::PaymentState::Captured);
}

#[test]
fn an_authorized_payment_says_how_long_and_how_often_it_can_be_captured() {
    let card = json!({"capture_before": 1_764_493_688_i64, "multicapture": {"status": "available"}});
    let charge = json!({"id": "ch_1", "payment_method_details": {"type": "card", "card": card}});
    let held = json!({"status": "requires_capture", "amount_capturable": 2000, "latest_charge": charge});
    let payment = account().payment(&standing(held, json!([]), json!([]))).unwrap();
    assert_eq!((payment.tender.as_str(), payment.several_captures), ("card", true));
    assert_eq!(payment.authorized_until.unwrap().seconds, 1_764_493_688);
    assert_eq!((payment.shop_order_ref.as_str(), payment.external_ref.as_str()), ("1001", ""));
    let reference = payment.payment.unwrap();
    assert_eq!(
        (reference.kind.as_str(), reference.instance.as_str(), reference.id.as_str()),
        ("payments", "pay", "pi_1")
    );
}

#[test]
fn the_same_standing_has_the_same_revision_and_another_has_not() {
    let revision = |change: Value, back: Value| account().payment(&standing(change, back, json!([]))).unwrap().revision;
    let paid = json!({"status": "succeeded", "amount_received": 2000});
    let first = revision(paid.clone(), refunds(&[(500, "succeeded")]));
    assert_eq!(first, revision(paid.clone(), refunds(&[(500, "succeeded")])));
    assert_ne!(first, revision(paid.clone(), refunds(&[(500, "failed")])));
    assert_ne!(first, revision(paid, refunds(&[])));
}

#[test]
fn a_decline_says_why_in_the_banks_word() {
    let declined = json!({"last_payment_error":
        {"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds", "message": "no"}});
    let payment = account().payment(&standing(declined, json!([]), json!([]))).unwrap();
    assert_eq!((payment.state(), payment.cause.as_str()), (pb::PaymentState::Failed, "insufficient_funds"));
}

#[test]
fn amounts_are_in_the_currencys_own_minor_units() {
    let yen = json!({"currency": "jpy", "amount": 500, "status": "succeeded", "amount_received": 500});
    let payment = account().payment(&standing(yen, json!([]), json!([]))).unwrap();
    assert_eq!(
        payment.captured.unwrap(),
        retail_proto::types::v1::Money { minor_units: 500, currency: "JPY".to_owned() }
    );
    let krona = json!({"currency": "isk", "amount": 500});
    let payment = account().payment(&standing(krona, json!([]), json!([]))).unwrap();
    assert_eq!(payment.authorized.unwrap().minor_units, 5);
}

#[test]
fn a_dispute_can_be_answered_while_it_is_open() {
    let one = |status: &str| -> Dispute {
        serde_json::from_value(json!({"id": "dp_1", "amount": 1, "currency": "gbp", "status": status,
            "reason": "fraudulent", "created": 1, "evidence_details": {"due_by": 9}}))
        .unwrap()
    };
    let open = account().dispute(&one("needs_response")).unwrap();
    assert_eq!(
        (open.state(), open.cause.as_str(), open.respond_by.unwrap().seconds),
        (pb::DisputeState::Open, "fraudulent", 9)
    );
    assert_eq!(account().dispute(&one("lost")).unwrap().respond_by, None);
}
