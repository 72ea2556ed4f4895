//! Mutations.

use serde_json::{Value, json};

use super::call::{Call, Problem};
use super::inventory::{self, Verb};
use super::once::{self, Key};
use super::plan::Node;
use super::{auth, cancelling, collection, docs, fulfil, ids, moving, order_edit, outbox, refund, refunded, rma};

/// First version whose inventory mutations and refunds demand the directive, and the former the comparison.
const STRICT_SINCE: &str = "2026-04";

/// Carries one mutation out and gives its payload.
pub(super) fn mutate(call: &Call<'_>, node: &Node) -> Result<Value, Problem> {
    auth::scope(call, &node.name)?;
    let argument = |name: &str| node.arguments.get(name).cloned().unwrap_or_default();
    let input = argument("input");
    match node.name.as_str() {
        "inventorySetQuantities" => guarded(call, node, Verb::Set, &input),
        "inventoryAdjustQuantities" => guarded(call, node, Verb::Adjust, &input),
        "fulfillmentCreate" => Ok(fulfil::create(call, &argument("fulfillment"))?),
        "fulfillmentOrderMove" => Ok(moving::relocate(call, &node.arguments)?),
        "fulfillmentOrderLineItemsPreparedForPickup" => Ok(collection::prepare(call, &input)?),
        "orderEditBegin" => Ok(order_edit::begin(call, &node.arguments)?),
        "orderEditSetQuantity" => Ok(order_edit::set_quantity(call, &node.arguments)?),
        "orderEditAddVariant" => Ok(order_edit::add_variant(call, &node.arguments)?),
        "orderEditCommit" => Ok(order_edit::commit(call, &node.arguments)?),
        "orderCancel" => Ok(cancelling::order_cancel(call, &node.arguments)?),
        "refundCreate" => refund(call, node, &input),
        "returnApproveRequest" => Ok(rma::approve(call, &input)?),
        "returnDeclineRequest" => Ok(rma::decline(call, &input)?),
        "webhookSubscriptionCreate" => subscribe(call, &argument("topic"), &argument("webhookSubscription")),
        "webhookSubscriptionDelete" => {
            let id = argument("id");
            let number = id.as_str().and_then(|id| ids::number(id, "WebhookSubscription")).unwrap_or_default();
            let gone = call.run("DELETE FROM subscription WHERE id = ?1 AND by_api = 1", [number])?;
            Ok(if gone == 0 {
                let errors = json!([{"field": ["id"], "message": "Webhook subscription does not exist"}]);
                json!({"deletedWebhookSubscriptionId": null, "userErrors": errors})
            } else {
                json!({"deletedWebhookSubscriptionId": id, "userErrors": []})
            })
        }
        other => Err(Problem::new("BAD_REQUEST", format!("The twin does not know the mutation {other}"))),
    }
}

/// Refuses a mutation without the directive where it is demanded.
fn demand_key(call: &Call<'_>, node: &Node) -> Result<(), Problem> {
    let missing = call.version >= STRICT_SINCE && node.idempotent.is_none();
    let message = "The @idempotent directive is required for this mutation but was not provided.";
    if missing { Err(Problem::new("BAD_REQUEST", message)) } else { Ok(()) }
}

/// `refundCreate`, at most once per key. Its errors have no code in the schema, so that what the directive refuses can
/// only stand beside the data, with the codes of the inventory mutations (an assumption).
fn refund(call: &Call<'_>, node: &Node, input: &Value) -> Result<Value, Problem> {
    demand_key(call, node)?;
    let long = |name: &str| input.get(name).and_then(Value::as_array).map(Vec::len).filter(|length| *length > 250);
    if let Some(length) = long("refundLineItems").or_else(|| long("transactions")) {
        let message = format!("The input array size of {length} is greater than the maximum allowed of 250.");
        return Err(Problem::new("MAX_INPUT_SIZE_EXCEEDED", message));
    }
    let key = node.idempotent.as_deref();
    let digest = match key.map(|key| once::look(call, &node.name, key, input)).transpose()? {
        None => None,
        Some(Key::Fresh { digest }) => Some(digest),
        Some(Key::Refused { code, message }) => return Err(Problem::new(code, message)),
        Some(Key::Done(id)) => return made(call, id),
    };
    let judged = refund::judge(call, input)?;
    let id = judged.as_ref().ok().map(|judged| refund::make(call, judged, None)).transpose()?;
    if let (Some(key), Some(digest)) = (key, digest) {
        once::keep(call, &node.name, key, &digest, id)?;
    }
    match (judged, id) {
        (Ok(_), Some(id)) => made(call, id),
        (Ok(_), None) => Ok(Value::Null),
        (Err((field, message)), _) => {
            Ok(json!({"order": null, "refund": null, "userErrors": [{"field": field, "message": message}]}))
        }
    }
}

/// A refund as it stands now, and its order.
fn made(call: &Call<'_>, id: i64) -> Result<Value, Problem> {
    let refund = refunded::doc(call, id)?.unwrap_or_default();
    let sale = refund.get("_sale").and_then(Value::as_i64).unwrap_or_default();
    Ok(json!({"order": docs::order(call, sale)?, "refund": refund, "userErrors": []}))
}

/// What inventory mutations demand of the document before anything is looked at.
fn guarded(call: &Call<'_>, node: &Node, verb: Verb, input: &Value) -> Result<Value, Problem> {
    demand_key(call, node)?;
    if call.version >= STRICT_SINCE {
        let pairs = input.get(verb.list()).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if pairs.iter().any(|pair| pair.get("changeFromQuantity").is_none()) {
            let message = format!("{} must include the following argument: changeFromQuantity", verb.input());
            return Err(Problem::new("INVALID_FIELD_ARGUMENTS", message));
        }
        if pairs.len() > 250 {
            let message =
                format!("The input array size of {} is greater than the maximum allowed of 250.", pairs.len());
            return Err(Problem::new("MAX_INPUT_SIZE_EXCEEDED", message));
        }
    }
    Ok(inventory::once(call, verb, node.idempotent.as_deref(), input)?)
}

fn subscribe(call: &Call<'_>, topic: &Value, input: &Value) -> Result<Value, Problem> {
    let refused = |message: &str| {
        let errors = json!([{"field": ["webhookSubscription", "uri"], "message": message}]);
        Ok(json!({"webhookSubscription": null, "userErrors": errors}))
    };
    let text = |name: &str| input.get(name).and_then(Value::as_str);
    let Some(url) = text("uri").or(text("callbackUrl")).filter(|url| !url.is_empty()) else {
        return refused("Address can't be blank");
    };
    let host = url.parse::<http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned));
    // The vendor takes https alone; the twin also posts to this machine in the clear.
    let near = matches!(host.as_deref(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let allowed = url.starts_with("https://") || near && url.starts_with("http://");
    if !allowed {
        return refused("Address protocol http:// is not supported");
    }
    let topic = outbox::topic(topic.as_str().unwrap_or_default());
    match outbox::subscribe(call, &topic, url, text("name"), true)? {
        Some(id) => Ok(json!({"webhookSubscription": docs::subscription(call, id)?, "userErrors": []})),
        None => refused("Address for this topic has already been taken"),
    }
}
