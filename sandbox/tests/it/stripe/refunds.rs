//! Refunds and disputes.

use super::*;

#[test]
fn row_40_two_equal_refunds_are_two_and_no_more_goes_back_than_came() {
    let account = account();
    let id = account.taken(1000, "pm_card_visa");
    let form = format!("payment_intent={id}&amount=400&reason=requested_by_customer&metadata[rma]=R1");
    assert_eq!((account.post("/v1/refunds", &form).0, account.post("/v1/refunds", &form).0), (200, 200));
    let (status, said) = account.post("/v1/refunds", &form);
    assert_eq!(status, 400);
    assert!(said["error"]["message"].as_str().unwrap().contains("greater than unrefunded amount"));
    assert_eq!(account.post("/v1/refunds", &format!("payment_intent={id}")).1["amount"], 200);
    assert_eq!(code(&account.post("/v1/refunds", &form)), (400, "charge_already_refunded"));
    assert_eq!(account.twin.books()["refunds"]["value"], 1000);
}

#[test]
fn row_39_a_refund_brings_four_events() {
    let account = account();
    let id = account.taken(1000, "pm_card_visa");
    let before = account.told().len();
    account.post("/v1/refunds", &format!("payment_intent={id}&amount=400"));
    assert_eq!(
        account.told()[before..],
        ["refund.created", "charge.refunded", "charge.refund.updated", "refund.updated"]
    );
}

#[test]
fn what_was_not_captured_is_not_refunded() {
    let account = account();
    let id = account.held(1000);
    let refused = account.post("/v1/refunds", &format!("payment_intent={id}"));
    assert_eq!(code(&refused), (400, "payment_intent_unexpected_state"));
    assert_eq!(code(&account.post("/v1/refunds", "amount=5")), (400, "parameter_missing"));
    assert_eq!(code(&account.post("/v1/refunds", "charge=ch_none")), (400, "resource_missing"));
}

#[test]
fn row_38_a_refund_that_succeeded_fails_days_later_and_the_money_can_go_back_again() {
    let account = account();
    let id = account.taken(1000, "pm_card_refundFail");
    let (_, refund) = account.post("/v1/refunds", &format!("payment_intent={id}"));
    assert_eq!(refund["status"], "succeeded");
    account.later(SignedDuration::from_secs(3 * 86_400));
    let (_, failed) = account.get(&format!("/v1/refunds/{}", refund["id"].as_str().unwrap()));
    assert_eq!((&failed["status"], &failed["failure_reason"]), (&json!("failed"), &json!("expired_or_canceled_card")));
    let told = account.told();
    assert_eq!(told[told.len() - 3..], ["refund.failed", "charge.refund.updated", "refund.updated"]);
    assert_eq!(account.post("/v1/refunds", &format!("payment_intent={id}")).0, 200);
}

#[test]
fn a_slow_refund_is_pending_first() {
    let account = account();
    let id = account.taken(1000, "pm_card_pendingRefund");
    let (_, refund) = account.post("/v1/refunds", &format!("payment_intent={id}"));
    assert_eq!((&refund["status"], &refund["pending_reason"]), (&json!("pending"), &json!("processing")));
    account.later(SignedDuration::from_secs(3 * 86_400));
    assert_eq!(account.get(&format!("/v1/refunds/{}", refund["id"].as_str().unwrap())).1["status"], "succeeded");
}

#[test]
fn row_41_a_dispute_withdraws_the_money_and_blocks_refunds_until_it_is_won() {
    let account = account();
    let id = account.taken(1000, "pm_card_visa");
    let dispute = account.turn("dispute", json!({"payment_intent": id}));
    let refund = || account.post("/v1/refunds", &format!("payment_intent={id}&amount=10"));
    assert_eq!(code(&refund()), (400, "charge_disputed"));
    assert!(account.told().contains(&"charge.dispute.funds_withdrawn".to_owned()));
    let (_, listed) = account.get(&format!("/v1/disputes?payment_intent={id}"));
    assert_eq!((&listed["data"][0]["status"], &listed["data"][0]["amount"]), (&json!("needs_response"), &json!(1000)));
    account.turn("dispute/move", json!({"dispute": dispute["id"], "status": "won"}));
    assert_eq!(refund().0, 200);
    assert!(account.told().contains(&"charge.dispute.funds_reinstated".to_owned()));
}

#[test]
fn row_41_an_inquiry_withdraws_nothing_and_blocks_nothing() {
    let account = account();
    let id = account.taken(1000, "pm_card_visa");
    account.turn("dispute", json!({"payment_intent": id, "inquiry": true}));
    assert!(!account.told().contains(&"charge.dispute.funds_withdrawn".to_owned()));
    assert_eq!(account.post("/v1/refunds", &format!("payment_intent={id}&amount=10")).0, 200);
}
