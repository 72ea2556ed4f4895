//! Refunds: `POST /v1/refunds`, the four events that each brings, and those that turn out otherwise later.

use serde_json::{Value, json};

use super::call::{Call, fill, noted, number, part, put, text, truth};
use super::cards::Behaviour;
use super::fault::{Done, Refusal};
use super::params::Params;
use super::{charges, disputes, events, money, saved};
use crate::books::Result;

const REFUND: &str = r#"{"id":"","object":"refund","amount":0,"balance_transaction":null,"charge":null,"created":0,
"currency":"","customer":null,"customer_account":null,"destination_details":{"card":{"type":"refund"},"type":"card"},
"metadata":{},"payment_intent":null,"payment_method":null,"reason":null,"receipt_number":null,
"source_transfer_reversal":null,"status":"succeeded","transfer_reversal":null}"#;

/// `POST /v1/refunds`.
pub(super) fn create(call: &Call<'_>, params: &Params) -> Done {
    params.known(&["amount", "charge", "expand", "metadata", "payment_intent", "reason"])?;
    let asked = params.integer("amount")?;
    let reason = params.word("reason", &["duplicate", "fraudulent", "requested_by_customer"])?;
    let metadata = params.map("metadata")?;
    let mut charge = charge_of(call, params)?;
    let id = text(&charge, "id").to_owned();
    if !truth(&charge, "captured") {
        let message = format!("Charge {id} has not been captured: cancel its PaymentIntent instead.");
        return Err(Refusal::ruled(Some("payment_intent_unexpected_state"), message).into());
    }
    if disputes::blocks(call, &id)? {
        let message = format!("Charge {id} has been charged back; cannot issue a refund.");
        return Err(Refusal::ruled(Some("charge_disputed"), message).into());
    }
    let left = number(&charge, "amount_captured").saturating_sub(given_back(call, &charge)?);
    if left <= 0 {
        let message = format!("Charge {id} has already been refunded.");
        return Err(Refusal::ruled(Some("charge_already_refunded"), message).into());
    }
    let amount = asked.unwrap_or(left);
    if amount < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(Refusal::parameter("parameter_invalid_integer", "amount", message).into());
    }
    money::countable(amount, text(&charge, "currency"), "amount")?;
    if amount > left {
        let message = format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({left})");
        return Err(Refusal::ruled(None, message).with("param", "amount").into());
    }
    let behaviour = saved::card(call, text(&charge, "payment_method"))?.map_or(Behaviour::Pays, |card| card.behaviour);
    let slow = behaviour == Behaviour::RefundsSlowly;
    let entry = charges::balance(call, &charge, amount.saturating_neg(), "refund")?;
    let mut refund = fill(
        REFUND,
        json!({"id": call.id("re"), "amount": amount, "balance_transaction": entry, "charge": id, "created": call.seconds(),
            "currency": part(&charge, "/currency"), "payment_intent": part(&charge, "/payment_intent"), "reason": reason,
            "status": if slow { "pending" } else { "succeeded" }}),
    );
    let metadata = noted(&refund, metadata);
    put(&mut refund, json!({ "metadata": metadata }));
    if slow {
        put(&mut refund, json!({"pending_reason": "processing"}));
    }
    call.add("refund", &refund)?;
    if matches!(behaviour, Behaviour::RefundsSlowly | Behaviour::RefundsFail) {
        call.due(&refund, Some(call.seconds().saturating_add(call.config.refund_seconds)))?;
    }
    count_back(call, &mut charge)?;
    events::post(call, "refund.created", &refund, None)?;
    let before = number(&charge, "amount_refunded").saturating_sub(amount);
    events::post(call, "charge.refunded", &charge, Some(json!({ "amount_refunded": before })))?;
    events::post(call, "charge.refund.updated", &refund, None)?;
    events::post(call, "refund.updated", &refund, None)?;
    Ok(refund)
}

/// `POST /v1/refunds/{id}`.
pub(super) fn update(call: &Call<'_>, id: &str, params: &Params) -> Done {
    params.known(&["expand", "metadata"])?;
    let changes = params.map("metadata")?;
    let mut refund = call.load("refund", id)?.ok_or_else(|| Refusal::missing("refund", id, "id", true))?;
    let metadata = noted(&refund, changes);
    put(&mut refund, json!({ "metadata": metadata }));
    call.save(&refund)?;
    events::post(call, "refund.updated", &refund, None)?;
    Ok(refund)
}

/// What was authorized and not captured goes back: an entry of which no money moved.
pub(super) fn release(call: &Call<'_>, charge: &Value, amount: i64, reason: Option<&str>) -> Result<()> {
    let refund = fill(
        REFUND,
        json!({"id": call.id("re"), "amount": amount, "charge": part(charge, "/id"), "created": call.seconds(),
            "currency": part(charge, "/currency"), "payment_intent": part(charge, "/payment_intent"), "reason": reason,
            "destination_details": {"card": {"type": "reversal"}, "type": "card"}}),
    );
    call.add("refund", &refund)
}

/// A refund ends otherwise than it seemed: with a cause it fails, without one it succeeds.
pub(super) fn ends(call: &Call<'_>, mut refund: Value, cause: Option<&str>) -> Done {
    call.due(&refund, None)?;
    let ended = text(&refund, "status") == "failed" || (cause.is_none() && text(&refund, "status") == "succeeded");
    if ended {
        return Ok(refund);
    }
    let Some(cause) = cause else {
        put(&mut refund, json!({"status": "succeeded", "pending_reason": null}));
        call.save(&refund)?;
        events::post(call, "charge.refund.updated", &refund, None)?;
        events::post(call, "refund.updated", &refund, None)?;
        return Ok(refund);
    };
    let entry = charges::balance(call, &refund, number(&refund, "amount"), "refund_failure")?;
    put(
        &mut refund,
        json!({"status": "failed", "failure_reason": cause, "failure_balance_transaction": entry, "pending_reason": null}),
    );
    call.save(&refund)?;
    if let Some(mut charge) = call.load("charge", text(&refund, "charge"))? {
        count_back(call, &mut charge)?;
    }
    events::post(call, "refund.failed", &refund, None)?;
    events::post(call, "charge.refund.updated", &refund, None)?;
    events::post(call, "refund.updated", &refund, None)?;
    Ok(refund)
}

/// What the back office does with a refund whose time has come.
pub(super) fn matured(call: &Call<'_>, refund: Value) -> Done {
    let slow = text(&refund, "status") == "pending";
    ends(call, refund, if slow { None } else { Some("expired_or_canceled_card") })
}

fn charge_of(call: &Call<'_>, params: &Params) -> Done {
    match (params.text("charge"), params.text("payment_intent")) {
        (Some(id), _) => {
            let charge = call.load("charge", id)?;
            charge.ok_or_else(|| Refusal::missing("charge", id, "charge", false).into())
        }
        (None, Some(id)) => {
            let intent = call.load("payment_intent", id)?;
            let intent = intent.ok_or_else(|| Refusal::missing("payment_intent", id, "payment_intent", false))?;
            let charge = call.load("charge", text(&intent, "latest_charge"))?.filter(|charge| truth(charge, "paid"));
            charge.ok_or_else(|| {
                let message = format!("This PaymentIntent ({id}) does not have a successful charge to refund.");
                Refusal::ruled(Some("payment_intent_unexpected_state"), message).into()
            })
        }
        (None, None) => {
            let message = "One of the following params should be provided for this request: payment_intent or charge.";
            Err(Refusal::parameter("parameter_missing", "payment_intent", message).into())
        }
    }
}

/// What is back or on its way of what was captured.
fn given_back(call: &Call<'_>, charge: &Value) -> Result<i64> {
    let refunds = call.of_intent("refund", text(charge, "payment_intent"))?;
    let counts =
        |refund: &&Value| text(refund, "status") != "failed" && !part(refund, "/balance_transaction").is_null();
    Ok(refunds.iter().filter(counts).fold(0, |sum: i64, refund| sum.saturating_add(number(refund, "amount"))))
}

/// The charge says what was given back of it.
fn count_back(call: &Call<'_>, charge: &mut Value) -> Result<()> {
    let back = given_back(call, charge)?;
    let whole = back >= number(charge, "amount_captured");
    put(charge, json!({"amount_refunded": back, "refunded": whole}));
    call.save(charge)
}
