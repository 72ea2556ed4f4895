//! `POST /v1/payment_intents/{id}/capture`: once, or several times where the card allows it ("Capture a payment multiple
//! times"). What the last capture leaves is let go; no document says how the charge shows that, and here it does not.

use serde_json::{Value, json};

use super::call::{Call, noted, number, part, put, text};
use super::fault::{Done, Refusal};
use super::intents::{the, unless};
use super::params::Params;
use super::{charges, events, money};

/// "up to 50 times for a single PaymentIntent".
const MOST: i64 = 50;

pub(super) fn capture(call: &Call<'_>, id: &str, params: &Params) -> Done {
    params.known(&["amount_to_capture", "expand", "final_capture", "metadata"])?;
    let asked = params.integer("amount_to_capture")?;
    let asked_final = params.boolean("final_capture")?;
    let changes = params.map("metadata")?;
    let mut intent = the(call, id)?;
    unless(&intent, &["requires_capture"], "captured")?;
    let Some(mut charge) = call.load("charge", text(&intent, "latest_charge"))? else {
        return Err(Refusal::internal().into());
    };
    let left = number(&intent, "amount_capturable");
    let amount = asked.unwrap_or(left);
    if amount < 1 {
        let message = "This value must be greater than or equal to 1.";
        return Err(Refusal::parameter("parameter_invalid_integer", "amount_to_capture", message).into());
    }
    money::countable(amount, text(&intent, "currency"), "amount_to_capture")?;
    if amount > left {
        let message =
            format!("The amount to capture ({amount}) is greater than the amount that can be captured ({left}).");
        return Err(Refusal::ruled(Some("amount_too_large"), message).with("param", "amount_to_capture").into());
    }
    let several = part(&charge, "/payment_method_details/card/multicapture/status") == "available";
    if asked_final == Some(false) && !several {
        let message = "final_capture=false can only be used when multicapture is available for this PaymentIntent.";
        return Err(Refusal::ruled(None, message).with("param", "final_capture").into());
    }
    let taken = captures(call, &charge)?;
    if taken >= MOST {
        return Err(Refusal::ruled(None, format!("A PaymentIntent can be captured at most {MOST} times.")).into());
    }
    let last = asked_final.unwrap_or(true) || amount == left;
    let entry = charges::balance(call, &charge, amount, "charge")?;
    let captured = number(&charge, "amount_captured").saturating_add(amount);
    put(&mut charge, json!({"captured": true, "amount_captured": captured, "balance_transaction": entry}));
    call.save(&charge)?;
    let received = number(&intent, "amount_received").saturating_add(amount);
    let metadata = noted(&intent, changes);
    let rest = if last { 0 } else { left.saturating_sub(amount) };
    put(
        &mut intent,
        json!({"amount_received": received, "amount_capturable": rest, "metadata": metadata,
            "status": if last { "succeeded" } else { "requires_capture" }}),
    );
    call.save(&intent)?;
    call.count("captures")?;
    events::post(
        call,
        "charge.captured",
        &charge,
        Some(json!({ "amount_captured": captured.saturating_sub(amount) })),
    )?;
    if last {
        call.due(&intent, None)?;
        events::post(call, "payment_intent.succeeded", &intent, None)?;
    } else {
        events::post(call, "payment_intent.amount_capturable_updated", &intent, None)?;
    }
    Ok(intent)
}

/// How often a charge was captured.
fn captures(call: &Call<'_>, charge: &Value) -> crate::books::Result<i64> {
    let sql = "SELECT COUNT(*) FROM object WHERE kind = 'balance_transaction' AND json_extract(body, '$.source') = ?1";
    call.db.prepare_cached(sql)?.query_row([text(charge, "id")], |row| row.get(0))
}
