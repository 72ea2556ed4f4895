//! Disputes: opened and decided at the operator's door, since it is banks that make them. Money is withdrawn with the
//! dispute and reinstated when it is won; an inquiry withdraws nothing.

use serde_json::{Value, json};

use super::call::{Call, fill, number, part, put, text};
use super::fault::{Done, Refusal};
use super::{charges, events};
use crate::books::Result;

const DISPUTE: &str = r#"{"id":"","object":"dispute","amount":0,"balance_transactions":[],"charge":"","created":0,
"currency":"","enhanced_eligibility_types":[],"evidence":{},"evidence_details":{"due_by":null,"enhanced_eligibility":{},
"has_evidence":false,"past_due":false,"submission_count":0},"is_charge_refundable":false,"livemode":false,"metadata":{},
"payment_intent":null,"payment_method_details":{"card":{"brand":"visa","case_type":"chargeback","network":"visa",
"network_reason_code":"10.4"},"type":"card"},"reason":"","status":""}"#;

/// Evidence is taken for so many seconds.
const ANSWERABLE: i64 = 9 * 86_400;

/// A customer asks his bank.
pub(super) fn open(call: &Call<'_>, charge: &Value, amount: i64, reason: &str, inquiry: bool) -> Done {
    if number(charge, "amount_captured") == 0 {
        return Err(Refusal::ruled(None, "Only what was captured can be disputed.").into());
    }
    let mut dispute = fill(
        DISPUTE,
        json!({"id": call.id("dp"), "amount": amount, "charge": part(charge, "/id"), "created": call.seconds(),
            "currency": part(charge, "/currency"), "payment_intent": part(charge, "/payment_intent"), "reason": reason,
            "is_charge_refundable": inquiry,
            "status": if inquiry { "warning_needs_response" } else { "needs_response" }}),
    );
    let mut evidence = part(&dispute, "/evidence_details").clone();
    put(&mut evidence, json!({"due_by": call.seconds().saturating_add(ANSWERABLE)}));
    put(&mut dispute, json!({ "evidence_details": evidence }));
    if !inquiry {
        charges::balance(call, charge, amount.saturating_neg(), "adjustment")?;
    }
    call.add("dispute", &dispute)?;
    let mut charge = charge.clone();
    put(&mut charge, json!({ "disputed": true }));
    call.save(&charge)?;
    events::post(call, "charge.dispute.created", &dispute, None)?;
    if !inquiry {
        events::post(call, "charge.dispute.funds_withdrawn", &dispute, None)?;
    }
    events::post(call, "charge.updated", &charge, Some(json!({ "disputed": false })))?;
    Ok(dispute)
}

/// The bank, or the retailer, moves a dispute on.
pub(super) fn moves(call: &Call<'_>, id: &str, status: &str) -> Done {
    let mut dispute = call.load("dispute", id)?.ok_or_else(|| Refusal::missing("dispute", id, "dispute", true))?;
    let before = text(&dispute, "status").to_owned();
    if ["won", "lost", "warning_closed"].contains(&before.as_str()) {
        return Err(Refusal::ruled(None, format!("The dispute is {before} already.")).into());
    }
    put(&mut dispute, json!({ "status": status }));
    call.save(&dispute)?;
    let previous = Some(json!({ "status": before }));
    if ["won", "lost", "warning_closed"].contains(&status) {
        events::post(call, "charge.dispute.closed", &dispute, previous)?;
    } else {
        events::post(call, "charge.dispute.updated", &dispute, previous)?;
    }
    if status == "won" {
        if let Some(charge) = call.load("charge", text(&dispute, "charge"))? {
            charges::balance(call, &charge, number(&dispute, "amount"), "adjustment")?;
        }
        events::post(call, "charge.dispute.funds_reinstated", &dispute, None)?;
    }
    Ok(dispute)
}

/// True when a charge cannot be refunded because of a dispute.
pub(super) fn blocks(call: &Call<'_>, charge: &str) -> Result<bool> {
    let sql = "SELECT COUNT(*) FROM object WHERE kind = 'dispute' AND charge = ?1
        AND json_extract(body, '$.status') IN ('needs_response', 'under_review', 'lost')";
    let open: i64 = call.db.prepare_cached(sql)?.query_row([charge], |row| row.get(0))?;
    Ok(open > 0)
}
