//! Orders that customers collect: the fulfilment order's delivery method is PICK_UP, its location is the store, and the
//! order has no shipping address. `fulfillmentOrderLineItemsPreparedForPickup` says that they wait there.

use serde_json::{Value, json};

use super::call::Call;
use super::ids;
use crate::books::Result;

/// The fulfilment orders of a sale are collected.
pub(super) fn open(call: &Call<'_>, sale: i64) -> Result<()> {
    call.run("INSERT INTO collection SELECT id, NULL FROM demand WHERE sale = ?1", [sale])?;
    Ok(())
}

/// A fulfilment order that goes on as another one is collected as it was.
pub(super) fn follow(call: &Call<'_>, from: i64, to: i64) -> Result<()> {
    call.run("INSERT OR IGNORE INTO collection SELECT ?2, NULL FROM collection WHERE demand = ?1", (from, to))?;
    Ok(())
}

/// True when the customer collects it.
pub(super) fn is_collected(call: &Call<'_>, sale: i64) -> Result<bool> {
    let sql = "SELECT 1 FROM collection c JOIN demand d ON d.id = c.demand WHERE d.sale = ?1 LIMIT 1";
    Ok(call.row(sql, [sale], |_| Ok(()))?.is_some())
}

/// `methodType` of a fulfilment order.
pub(super) fn method(call: &Call<'_>, demand: i64) -> Result<&'static str> {
    let found = call.row("SELECT 1 FROM collection WHERE demand = ?1", [demand], |_| Ok(()))?;
    Ok(if found.is_some() { "PICK_UP" } else { "SHIPPING" })
}

/// `fulfillmentOrderLineItemsPreparedForPickup`: all of them or none; each makes the shop write to its customer.
pub(super) fn prepare(call: &Call<'_>, input: &Value) -> Result<Value> {
    let groups =
        input.get("lineItemsByFulfillmentOrder").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut ready = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        let refused = |code: &str, message: &str| {
            let field = ["input", "lineItemsByFulfillmentOrder", &at.to_string(), "fulfillmentOrderId"];
            json!({"userErrors": [{"field": field, "message": message, "code": code}]})
        };
        let gid = group.get("fulfillmentOrderId").and_then(Value::as_str).unwrap_or_default();
        let id = ids::number(gid, "FulfillmentOrder").unwrap_or_default();
        let sql = "SELECT c.ready, d.status, (SELECT SUM(remaining) FROM demand_line n WHERE n.demand = d.id)
            FROM collection c JOIN demand d ON d.id = c.demand WHERE d.id = ?1";
        let found: Option<(Option<i64>, String, i64)> =
            call.row(sql, [id], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<i64>>(2)?.unwrap_or(0))))?;
        match found {
            None => return Ok(refused("FULFILLMENT_ORDER_INVALID", "Invalid fulfillment order ID provided.")),
            Some((None, status, left)) if (status == "OPEN" || status == "IN_PROGRESS") && left > 0 => ready.push(id),
            Some(_) => {
                let message = "The fulfillment order does not have any line items that can be prepared.";
                return Ok(refused("NO_LINE_ITEMS_TO_PREPARE_FOR_FULFILLMENT_ORDER", message));
            }
        }
    }
    for id in ready {
        call.run("UPDATE collection SET ready = ?2 WHERE demand = ?1", (id, call.millis()))?;
        call.run("UPDATE demand SET updated = ?2 WHERE id = ?1", (id, call.millis()))?;
        call.count("fulfillment_orders.ready_notices", 1)?;
    }
    Ok(json!({"userErrors": []}))
}
