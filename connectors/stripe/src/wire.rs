//! Stripe's JSON exactly as it is spelt; nothing else. Fields are those of `fixtures3.json` of stripe/openapi. Numbers are
//! read as integers: Stripe writes no other amounts.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A payment intent, its latest charge expanded.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Intent {
    pub(crate) id: String,
    pub(crate) amount: i64,
    #[serde(default)]
    pub(crate) amount_capturable: i64,
    #[serde(default)]
    pub(crate) amount_received: i64,
    pub(crate) currency: String,
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) cancellation_reason: Option<String>,
    #[serde(default)]
    pub(crate) created: i64,
    #[serde(default)]
    pub(crate) customer: Option<String>,
    #[serde(default)]
    pub(crate) payment_method: Option<String>,
    #[serde(default)]
    pub(crate) setup_future_usage: Option<String>,
    #[serde(default, deserialize_with = "expanded")]
    pub(crate) latest_charge: Option<Charge>,
    #[serde(default)]
    pub(crate) last_payment_error: Option<Problem>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) metadata: BTreeMap<String, String>,
}

/// A charge: one attempt to take a payment's money.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Charge {
    #[serde(default)]
    pub(crate) disputed: bool,
    #[serde(default)]
    pub(crate) payment_method_details: Option<Details>,
}

/// What was paid with.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Details {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) card: Option<Card>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Card {
    #[serde(default)]
    pub(crate) capture_before: Option<i64>,
    #[serde(default)]
    pub(crate) multicapture: Option<Multicapture>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Multicapture {
    pub(crate) status: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) status: String,
    /// Absent of a refund that only let go of an authorization: no money moved.
    #[serde(default)]
    pub(crate) balance_transaction: Option<Value>,
    #[serde(default)]
    pub(crate) failure_reason: Option<String>,
    #[serde(default)]
    pub(crate) pending_reason: Option<String>,
    #[serde(default)]
    pub(crate) created: i64,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) metadata: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Dispute {
    pub(crate) id: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) status: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) reason: String,
    #[serde(default)]
    pub(crate) created: i64,
    #[serde(default)]
    pub(crate) evidence_details: Option<Evidence>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Evidence {
    #[serde(default)]
    pub(crate) due_by: Option<i64>,
}

/// A page of a list or a search.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Page<T> {
    pub(crate) data: Vec<T>,
    #[serde(default)]
    pub(crate) has_more: bool,
}

/// An event, in a list or as the body of a webhook.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Event {
    pub(crate) id: String,
    /// `event`; others carry no data.
    #[serde(default)]
    pub(crate) object: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) livemode: bool,
    #[serde(default)]
    pub(crate) data: Option<EventData>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct EventData {
    pub(crate) object: Value,
}

impl Event {
    /// Id of the payment intent that it speaks of; none when it speaks of something else.
    pub(crate) fn payment_id(&self) -> Option<&str> {
        let about = ["payment_intent.", "charge.", "refund."].iter().any(|kind| self.kind.starts_with(kind));
        let object = &self.data.as_ref().filter(|_| about)?.object;
        let id = match object.get("object").and_then(Value::as_str) {
            Some("payment_intent") => object.get("id"),
            _ => object.get("payment_intent"),
        };
        id.and_then(Value::as_str).filter(|id| !id.is_empty())
    }
}

/// An error's envelope.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Refusal {
    #[serde(default)]
    pub(crate) error: Problem,
}

/// What went wrong: the body of an error, and the last attempt to pay.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Problem {
    #[serde(default, rename = "type", deserialize_with = "or_default")]
    pub(crate) kind: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) code: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) decline_code: String,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) message: String,
}

/// Null reads as nothing.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// An object where it was asked for; an id, or null, is none.
fn expanded<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Charge>, D::Error> {
    let value = Value::deserialize(from)?;
    if value.is_object() { serde_json::from_value(value).map(Some).map_err(serde::de::Error::custom) } else { Ok(None) }
}
