//! Charges: what a confirmed payment becomes, with its balance transactions. Members are those of `fixtures3.json`; what
//! this twin never fills is null.

use serde_json::{Value, json};

use super::call::{Call, fill, part, put, text};
use super::cards::Card;
use crate::books::Result;

const CHARGE: &str = r#"{"id":"","object":"charge","amount":0,"amount_captured":0,"amount_refunded":0,"application":null,
"application_fee":null,"application_fee_amount":null,"balance_transaction":null,"billing_details":{"address":{"city":null,
"country":null,"line1":null,"line2":null,"postal_code":null,"state":null},"email":null,"name":null,"phone":null,"tax_id":null},
"calculated_statement_descriptor":null,"captured":false,"created":0,"currency":"","customer":null,"description":null,
"disputed":false,"failure_balance_transaction":null,"failure_code":null,"failure_message":null,"fraud_details":{},
"livemode":false,"metadata":{},"on_behalf_of":null,"outcome":null,"paid":false,"payment_intent":null,"payment_method":null,
"payment_method_details":null,"receipt_email":null,"receipt_number":null,"receipt_url":null,"refunded":false,"review":null,
"shipping":null,"source":null,"source_transfer":null,"statement_descriptor":null,"statement_descriptor_suffix":null,
"status":"","transfer_data":null,"transfer_group":null}"#;

const BALANCE: &str = r#"{"id":"","object":"balance_transaction","amount":0,"available_on":0,"balance_type":"payments",
"created":0,"currency":"","description":null,"exchange_rate":null,"fee":0,"fee_details":[],"net":0,"reporting_category":"",
"source":"","status":"pending","type":""}"#;

/// How an attempt to pay ended.
pub(super) enum Ending {
    /// Paid, and captured at once.
    Captured,
    /// Paid, to be captured before this second.
    Held(i64),
    /// Declined: code and decline code.
    Declined(&'static str, &'static str, &'static str),
}

/// A new charge of an intent.
pub(super) fn make(call: &Call<'_>, intent: &Value, card: Card, ending: &Ending) -> Result<Value> {
    let several = part(intent, "/payment_method_options/card/request_multicapture") == "if_available";
    let available = |is: bool| json!({"status": if is { "available" } else { "unavailable" }});
    let amount = part(intent, "/amount").clone();
    let mut details = json!({
        "amount_authorized": null, "brand": card.brand, "checks": {"address_line1_check": null,
        "address_postal_code_check": null, "cvc_check": "pass"}, "country": "US", "exp_month": 8, "exp_year": 2030,
        "extended_authorization": {"status": "disabled"}, "fingerprint": call.config.fingerprint(card.last4),
        "funding": "credit", "incremental_authorization": {"status": "unavailable"}, "installments": null,
        "last4": card.last4, "mandate": null, "multicapture": available(several), "network": card.brand,
        "network_token": {"used": false}, "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
        "three_d_secure": null, "wallet": null,
    });
    let mut charge = fill(
        CHARGE,
        json!({
            "id": call.id("ch"), "amount": amount, "created": call.seconds(), "currency": part(intent, "/currency"),
            "customer": part(intent, "/customer"), "description": part(intent, "/description"), "metadata": part(intent, "/metadata"),
            "payment_intent": part(intent, "/id"), "payment_method": part(intent, "/payment_method"),
            "statement_descriptor_suffix": part(intent, "/statement_descriptor_suffix"),
        }),
    );
    let outcome = |kind: &str, network: &str, reason: Option<&str>, seller: &str| {
        json!({"advice_code": null, "network_advice_code": null, "network_decline_code": null, "network_status": network,
            "reason": reason, "seller_message": seller, "type": kind})
    };
    match ending {
        Ending::Captured => {
            let entry = balance(call, &charge, amount.as_i64().unwrap_or(0), "charge")?;
            put(&mut charge, json!({"captured": true, "amount_captured": amount, "balance_transaction": entry}));
        }
        Ending::Held(before) => put(&mut details, json!({"capture_before": before, "amount_authorized": amount})),
        Ending::Declined(..) => {}
    }
    if let Ending::Declined(code, decline, words) = ending {
        let told = "The bank did not return any further details.";
        let outcome = outcome("issuer_declined", "declined_by_network", Some(decline), told);
        put(
            &mut charge,
            json!({"status": "failed", "failure_code": code, "failure_message": words, "outcome": outcome}),
        );
    } else {
        let outcome = outcome("authorized", "approved_by_network", None, "Payment complete.");
        put(&mut charge, json!({"status": "succeeded", "paid": true, "outcome": outcome}));
    }
    put(&mut charge, json!({"payment_method_details": {"card": details, "type": "card"}}));
    call.add("charge", &charge)?;
    Ok(charge)
}

/// A movement of money, noted under what it comes from; its id.
pub(super) fn balance(call: &Call<'_>, source: &Value, amount: i64, kind: &str) -> Result<String> {
    let id = call.id("txn");
    let entry = fill(
        BALANCE,
        json!({"id": id, "amount": amount, "net": amount, "available_on": call.seconds(), "created": call.seconds(),
            "currency": part(source, "/currency"), "reporting_category": kind, "source": text(source, "id"), "type": kind}),
    );
    call.add("balance_transaction", &entry)?;
    Ok(id)
}
