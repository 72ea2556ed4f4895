//! The operator's verbs of the account: pay, authenticate, expire, dispute and how it goes on, how a refund ends, webhooks,
//! redeliver, progress, plan, object.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::fault::{Done, Refusal, Stop};
use super::params::Params;
use super::{disputes, events, intents, lists, refunds, tally};
use crate::books::Result;
use crate::twin::{Answer, Seen};

/// A payment as a shop makes it: created and confirmed in one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pay {
    amount: i64,
    currency: String,
    #[serde(default = "visa")]
    payment_method: String,
    /// `automatic` or `manual`.
    #[serde(default = "manual")]
    capture_method: String,
    /// Asks for several captures.
    #[serde(default)]
    several_captures: bool,
    /// Whose it is, as the shop names him; with `setup_future_usage` his method is kept.
    customer: Option<String>,
    /// `off_session` or `on_session`.
    setup_future_usage: Option<String>,
    #[serde(default)]
    metadata: Map<String, Value>,
}

fn visa() -> String {
    "pm_card_visa".to_owned()
}

fn manual() -> String {
    "manual".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Authenticate {
    payment_intent: String,
    #[serde(default = "yes")]
    succeeds: bool,
}

fn yes() -> bool {
    true
}

/// An authorization that runs out before its time, with nobody else's clock moved.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expire {
    payment_intent: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Open {
    payment_intent: String,
    amount: Option<i64>,
    #[serde(default = "fraudulent")]
    reason: String,
    /// A question only: no money is withdrawn.
    #[serde(default)]
    inquiry: bool,
}

fn fraudulent() -> String {
    "fraudulent".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    dispute: String,
    /// `under_review`, `won`, `lost`, `warning_closed`, `needs_response`.
    status: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    refund: String,
    /// Why it fails; without it, it succeeds.
    failure_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Webhooks {
    url: Option<String>,
    secret: Option<String>,
    /// The secret that is being rolled; an empty one ends the roll.
    previous_secret: Option<String>,
    types: Option<Vec<String>>,
    duplicates_per_mille: Option<u32>,
    reorder_per_mille: Option<u32>,
    retry_gap_ms: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    /// So many writes end in a server error that is kept under their key.
    #[serde(default)]
    internal_errors: Option<u32>,
    /// Whether those are carried out all the same.
    #[serde(default)]
    executed: Option<bool>,
    /// So many keys meet themselves.
    #[serde(default)]
    in_use: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Again {
    event: String,
}

/// A verb of the operator; `None` when there is no such.
pub(super) fn turn(call: &Call<'_>, verb: &str, seen: &Seen) -> Result<Option<Answer>> {
    let done = match (seen.method.as_str(), verb) {
        ("POST", "pay") => read(seen).and_then(|ask| pay(call, ask)),
        ("POST", "authenticate") => {
            read(seen).and_then(|ask: Authenticate| intents::authenticated(call, &ask.payment_intent, ask.succeeds))
        }
        ("POST", "expire") => read(seen).and_then(|ask: Expire| expire(call, &ask)),
        ("POST", "dispute") => read(seen).and_then(|ask| open(call, ask)),
        ("POST", "dispute/move") => read(seen).and_then(|ask: Move| moved(call, &ask)),
        ("POST", "refund/end") => read(seen).and_then(|ask: End| ended(call, &ask)),
        ("POST", "webhooks") => read(seen).and_then(|ask: Webhooks| Ok(webhooks(call, ask)?)),
        ("POST", "plan") => read(seen).and_then(|ask: Plan| Ok(plan(call, &ask)?)),
        ("POST", "redeliver") => read(seen).and_then(|ask: Again| again(call, &ask.event)),
        ("GET", "object") => object(call, &seen.parameter("id").unwrap_or_default()),
        ("GET", "progress") => Ok(tally::progress(call.db)?),
        _ => return Ok(None),
    };
    match done {
        Ok(body) => Ok(Some(Answer::json(200, &body))),
        Err(Stop::Refused(refusal)) => Ok(Some(Answer::json(refusal.status, &refusal.body()))),
        Err(Stop::Books(err)) => Err(err),
    }
}

fn read<'a, T: Deserialize<'a>>(seen: &'a Seen) -> Done<T> {
    serde_json::from_slice(&seen.body)
        .map_err(|err| Refusal::parameter("parameter_invalid_enum", "body", err.to_string()).into())
}

fn pay(call: &Call<'_>, ask: Pay) -> Done {
    let mut params = Params::of(&[
        ("amount", ask.amount.to_string()),
        ("currency", ask.currency),
        ("payment_method", ask.payment_method),
        ("capture_method", ask.capture_method),
        ("confirm", "true".to_owned()),
    ]);
    for (key, value) in &ask.metadata {
        params.push(&format!("metadata[{key}]"), value.as_str().unwrap_or_default());
    }
    if ask.several_captures {
        params.push("payment_method_options[card][request_multicapture]", "if_available");
    }
    for (name, value) in [("customer", &ask.customer), ("setup_future_usage", &ask.setup_future_usage)] {
        if let Some(value) = value {
            params.push(name, value);
        }
    }
    intents::create(call, &params)
}

fn expire(call: &Call<'_>, ask: &Expire) -> Done {
    let intent = intents::the(call, &ask.payment_intent)?;
    intents::unless(&intent, &["requires_capture"], "expired")?;
    intents::ran_out(call, intent)
}

fn open(call: &Call<'_>, ask: Open) -> Done {
    let intent = intents::the(call, &ask.payment_intent)?;
    let charge = call.load("charge", super::call::text(&intent, "latest_charge"))?;
    let charge = charge.ok_or_else(|| Refusal::missing("charge", &ask.payment_intent, "payment_intent", false))?;
    let amount = ask.amount.unwrap_or_else(|| super::call::number(&charge, "amount_captured"));
    disputes::open(call, &charge, amount, &ask.reason, ask.inquiry)
}

fn moved(call: &Call<'_>, ask: &Move) -> Done {
    let known = ["needs_response", "under_review", "won", "lost", "warning_under_review", "warning_closed"];
    if !known.contains(&ask.status.as_str()) {
        return Err(Refusal::parameter("parameter_invalid_enum", "status", known.join(", ")).into());
    }
    disputes::moves(call, &ask.dispute, &ask.status)
}

fn ended(call: &Call<'_>, ask: &End) -> Done {
    let refund = call.load("refund", &ask.refund)?;
    let refund = refund.ok_or_else(|| Refusal::missing("refund", &ask.refund, "refund", true))?;
    refunds::ends(call, refund, ask.failure_reason.as_deref())
}

fn webhooks(call: &Call<'_>, ask: Webhooks) -> Result<Value> {
    let settings = [
        ("url", ask.url),
        ("webhook_secret", ask.secret),
        ("previous_secret", ask.previous_secret),
        ("types", ask.types.map(|types| types.join(","))),
        ("duplicates_per_mille", ask.duplicates_per_mille.map(|rate| rate.to_string())),
        ("reorder_per_mille", ask.reorder_per_mille.map(|rate| rate.to_string())),
        ("retry_gap_ms", ask.retry_gap_ms.map(|gap| gap.to_string())),
    ];
    for (name, value) in settings {
        if let Some(value) = value {
            call.set(name, &value)?;
        }
    }
    Ok(json!({"url": call.setting("url")?}))
}

fn plan(call: &Call<'_>, ask: &Plan) -> Result<Value> {
    let settings = [
        ("internal_errors", ask.internal_errors.map(|count| count.to_string())),
        ("executed", ask.executed.map(|is| is.to_string())),
        ("in_use", ask.in_use.map(|count| count.to_string())),
    ];
    for (name, value) in settings {
        if let Some(value) = value {
            call.set(name, &value)?;
        }
    }
    Ok(json!({"planned": true}))
}

fn again(call: &Call<'_>, event: &str) -> Done {
    let sql = "SELECT seq FROM event WHERE id = ?1";
    let mut found = call.db.prepare_cached(sql)?;
    let mut rows = found.query([event])?;
    let Some(row) = rows.next()? else { return Err(Refusal::missing("event", event, "event", true).into()) };
    events::deliver(call, row.get(0)?, false, true)?;
    Ok(json!({"redelivered": event}))
}

/// Whatever has this id, for assertions.
fn object(call: &Call<'_>, id: &str) -> Done {
    if id.starts_with("evt_") {
        return lists::event(call, id);
    }
    for kind in ["payment_intent", "charge", "refund", "dispute", "balance_transaction"] {
        if let Some(object) = call.load(kind, id)? {
            return Ok(object);
        }
    }
    Err(Refusal::missing("object", id, "id", true).into())
}
