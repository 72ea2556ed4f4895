//! Tokens: the client credentials grant, and who may do what.

use serde::Deserialize;
use serde_json::{Value, json};

use super::call::{Call, Problem};
use crate::books::Result;
use crate::twin::{Answer, Seen};

/// Seconds a token lives.
const LIFETIME: i64 = 86_399;

#[derive(Deserialize)]
struct Grant {
    client_id: String,
    client_secret: String,
    grant_type: String,
}

/// `POST /admin/oauth/access_token`.
pub(super) fn grant(call: &Call<'_>, seen: &Seen) -> Result<Answer> {
    let form = seen.header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let grant: Option<Grant> =
        if form { serde_urlencoded::from_bytes(&seen.body).ok() } else { serde_json::from_slice(&seen.body).ok() };
    let Some(grant) = grant else {
        return Ok(refused("invalid_request", "client_id, client_secret and grant_type are needed"));
    };
    if grant.grant_type != "client_credentials" {
        return Ok(refused("unsupported_grant_type", "The grant type is not supported"));
    }
    if grant.client_id != call.config.client_id || grant.client_secret != call.config.client_secret {
        return Ok(Answer::json(
            401,
            &json!({"error": "invalid_client", "error_description": "Client authentication failed"}),
        ));
    }
    let mut random = [0; 16];
    call.rng.fill(&mut random);
    let token: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let token = format!("shpat_{token}");
    let expires = call.millis().saturating_add(LIFETIME.saturating_mul(1000));
    call.run("DELETE FROM token WHERE expires < ?1", [call.millis()])?;
    call.run("INSERT INTO token VALUES (?1, ?2)", (&token, expires))?;
    let scope = call.config.scopes.join(",");
    Ok(Answer::json(200, &json!({"access_token": token, "scope": scope, "expires_in": LIFETIME})))
}

fn refused(error: &str, description: &str) -> Answer {
    Answer::json(400, &json!({"error": error, "error_description": description}))
}

/// The refusal of a call without a living token.
pub(super) fn check(call: &Call<'_>, seen: &Seen) -> Result<Option<Answer>> {
    let token = seen.header("x-shopify-access-token").unwrap_or_default();
    let expires: Option<i64> = call.row("SELECT expires FROM token WHERE token = ?1", [token], |row| row.get(0))?;
    if expires.is_some_and(|expires| expires > call.millis()) {
        return Ok(None);
    }
    let body: Value = json!({"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"});
    Ok(Some(Answer::json(401, &body)))
}

/// Refuses a field whose scope the app does not have.
pub(super) fn scope(call: &Call<'_>, field: &str) -> std::result::Result<(), Problem> {
    let needed: &[&str] = match field {
        "location" | "locations" => &["read_locations"],
        "inventoryItem" | "inventoryItems" | "inventoryLevel" => &["read_inventory"],
        "productVariant" | "productVariants" => &["read_products"],
        "order" | "orders" => &["read_orders"],
        "refund" => &["read_orders"],
        "return" => &["read_returns"],
        "refundCreate" | "orderCancel" => &["write_orders"],
        "orderEditBegin" | "orderEditSetQuantity" | "orderEditAddVariant" | "orderEditCommit" => &["write_order_edits"],
        "returnApproveRequest" | "returnDeclineRequest" => &["write_returns"],
        "fulfillmentOrder" | "fulfillmentOrders" => &["read_merchant_managed_fulfillment_orders"],
        "inventorySetQuantities" | "inventoryAdjustQuantities" => &["write_inventory"],
        "fulfillmentCreate" | "fulfillmentOrderMove" | "fulfillmentOrderLineItemsPreparedForPickup" => {
            &["write_merchant_managed_fulfillment_orders"]
        }
        _ => &[],
    };
    let has = |scope: &&str| {
        let writes = scope.replacen("read_", "write_", 1);
        call.config.scopes.iter().any(|given| given == scope || *given == writes)
    };
    match needed.iter().find(|scope| !has(scope)) {
        None => Ok(()),
        Some(missing) => Err(Problem::new(
            "ACCESS_DENIED",
            format!("Access denied for {field} field. Required access: `{missing}` access scope."),
        )),
    }
}
