//! Mutations.

use serde_json::{Value, json};

use super::call::{Call, Problem};
use super::inventory::{self, Verb};
use super::plan::Node;
use super::{auth, docs, fulfil, ids, outbox};

/// First version whose inventory mutations demand the directive and the comparison.
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

/// What inventory mutations demand of the document before anything is looked at.
fn guarded(call: &Call<'_>, node: &Node, verb: Verb, input: &Value) -> Result<Value, Problem> {
    if call.version >= STRICT_SINCE {
        if node.idempotent.is_none() {
            return Err(Problem::new(
                "BAD_REQUEST",
                "The @idempotent directive is required for this mutation but was not provided.",
            ));
        }
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
