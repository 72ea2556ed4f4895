//! Returns as the shop keeps them: asked for by a customer or opened by staff, approved or declined. Goods that come back
//! are not processed here: the twin has no `returnProcess`. Only what was fulfilled and is not refunded can come back.

use serde_json::{Value, json};

use super::call::{Call, api_time};
use super::{body, ids, outbox};
use crate::books::Result;

/// What is wanted back of a line.
pub(super) struct Wish {
    pub(super) line: i64,
    pub(super) quantity: i64,
    /// The handle of a reason.
    pub(super) reason: String,
    pub(super) note: String,
}

/// Writes a return down, REQUESTED as a customer's is or OPEN as one of staff's; answers its number or why not.
pub(super) fn open(
    call: &Call<'_>,
    sale: i64,
    wishes: &[Wish],
    staff: bool,
) -> Result<std::result::Result<i64, String>> {
    let mut parts: Vec<(i64, i64, &Wish)> = Vec::new();
    for wish in wishes {
        let mut wanted = wish.quantity;
        for (parcel_line, left) in returnable(call, wish.line)? {
            let taken: i64 = parts
                .iter()
                .filter(|(known, ..)| *known == parcel_line)
                .fold(0, |sum: i64, (_, units, _)| sum.saturating_add(*units));
            let units = left.saturating_sub(taken).min(wanted);
            if units > 0 {
                wanted = wanted.saturating_sub(units);
                parts.push((parcel_line, units, wish));
            }
        }
        if wish.quantity < 1 || wanted > 0 {
            return Ok(Err(format!("of line item {} less than {} can be returned", wish.line, wish.quantity)));
        }
    }
    if parts.is_empty() {
        return Ok(Err("a return needs a line".to_owned()));
    }
    let id = call.next_id("rma", ids::RETURN)?;
    let approved = staff.then(|| call.millis());
    call.run(
        "INSERT INTO rma SELECT ?1, ?2, name || '-R' || (1 + (SELECT COUNT(*) FROM rma WHERE sale = ?2)), ?3, ?4, ?5, NULL, NULL
         FROM sale WHERE id = ?2",
        (id, sale, if staff { "OPEN" } else { "REQUESTED" }, call.millis(), approved),
    )?;
    for (parcel_line, units, wish) in parts {
        let row = call.next_id("rma_line", ids::RETURN_LINE)?;
        call.run(
            "INSERT INTO rma_line VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            (row, id, parcel_line, wish.line, units, &wish.reason, &wish.note),
        )?;
    }
    told(call, id, sale, if staff { "returns/approve" } else { "returns/request" })?;
    Ok(Ok(id))
}

/// What may come back of a line, by the fulfilment it left with. Refunded units are no longer the customer's.
fn returnable(call: &Call<'_>, line: i64) -> Result<Vec<(i64, i64)>> {
    let refunded: Option<i64> = call
        .row("SELECT SUM(quantity) FROM refund_line WHERE line = ?1 AND restock <> 'CANCEL'", [line], |row| {
            row.get::<_, Option<i64>>(0)
        })?
        .flatten();
    let mut refunded = refunded.unwrap_or(0);
    let rows: Vec<(i64, i64)> = call.rows(
        "SELECT p.id, p.quantity - (SELECT COALESCE(SUM(n.quantity), 0) FROM rma_line n JOIN rma r ON r.id = n.rma
           WHERE n.parcel_line = p.id AND r.status NOT IN ('DECLINED', 'CANCELED')) FROM parcel_line p WHERE p.line = ?1 ORDER BY p.id",
        [line],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(rows
        .into_iter()
        .map(|(id, left)| {
            let gone = refunded.min(left).max(0);
            refunded = refunded.saturating_sub(gone);
            (id, left.saturating_sub(gone))
        })
        .collect())
}

/// `returnApproveRequest`.
pub(super) fn approve(call: &Call<'_>, input: &Value) -> Result<Value> {
    answer(call, input, |call, id| {
        call.run("UPDATE rma SET status = 'OPEN', approved = ?2 WHERE id = ?1", (id, call.millis()))?;
        Ok("returns/approve")
    })
}

/// `returnDeclineRequest`.
pub(super) fn decline(call: &Call<'_>, input: &Value) -> Result<Value> {
    let text = |name: &str| input.get(name).and_then(Value::as_str);
    answer(call, input, |call, id| {
        let said = (id, text("declineReason"), text("declineNote"));
        call.run("UPDATE rma SET status = 'DECLINED', reason = ?2, note = ?3 WHERE id = ?1", said)?;
        Ok("returns/decline")
    })
}

/// Only what was asked for and not answered yet can be answered.
fn answer(call: &Call<'_>, input: &Value, act: impl FnOnce(&Call<'_>, i64) -> Result<&'static str>) -> Result<Value> {
    let refused = |code: &str, message: &str| json!({"return": null, "userErrors": [{"field": ["input", "id"], "message": message, "code": code}]});
    let id = ids::number(input.get("id").and_then(Value::as_str).unwrap_or_default(), "Return").unwrap_or_default();
    let found: Option<(i64, String)> =
        call.row("SELECT sale, status FROM rma WHERE id = ?1", [id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    match found {
        None => Ok(refused("NOT_FOUND", "Return not found.")),
        Some((sale, status)) if status == "REQUESTED" => {
            let topic = act(call, id)?;
            told(call, id, sale, topic)?;
            Ok(json!({"return": doc(call, id)?, "userErrors": []}))
        }
        Some(_) => Ok(refused("INVALID_STATE", "Return status should be REQUESTED.")),
    }
}

/// The body of a return's webhook is documented by its topic alone: ids, name and status are what it surely has.
fn told(call: &Call<'_>, id: i64, sale: i64, topic: &str) -> Result<()> {
    call.run("UPDATE sale SET updated = ?2 WHERE id = ?1", (sale, call.millis()))?;
    outbox::post(call, &[topic], Some(sale), || {
        let sql = "SELECT name, status FROM rma WHERE id = ?1";
        let (name, status): (String, String) = call.db.query_row(sql, [id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(
            json!({"id": id, "admin_graphql_api_id": ids::gid("Return", id), "name": name, "status": status.to_lowercase()}),
        )
    })?;
    outbox::post(call, &["orders/updated"], Some(sale), || body::order(call, sale))
}

/// `returnStatus` of an order.
pub(super) fn status(call: &Call<'_>, sale: i64) -> Result<&'static str> {
    let any = |status: &str| {
        let sql = "SELECT 1 FROM rma WHERE sale = ?1 AND status = ?2 LIMIT 1";
        call.row(sql, (sale, status), |_| Ok(())).map(|found| found.is_some())
    };
    Ok(match () {
        () if any("REQUESTED")? => "RETURN_REQUESTED",
        () if any("OPEN")? => "IN_PROGRESS",
        () => "NO_RETURN",
    })
}

/// A return of the API.
pub(super) fn doc(call: &Call<'_>, id: i64) -> Result<Option<Value>> {
    let sql = "SELECT sale, name, status, created, approved, reason, note, (SELECT SUM(quantity) FROM rma_line n WHERE n.rma = rma.id)
        FROM rma WHERE id = ?1";
    call.row(sql, [id], |row| {
        let (reason, note): (Option<String>, Option<String>) = (row.get(5)?, row.get(6)?);
        let decline = reason.map(|reason| json!({"reason": reason, "note": note}));
        Ok(json!({"__typename": "Return", "_id": id, "_sale": row.get::<_, i64>(0)?, "id": ids::gid("Return", id),
            "name": row.get::<_, String>(1)?, "status": row.get::<_, String>(2)?, "createdAt": api_time(row.get(3)?), "closedAt": null,
            "requestApprovedAt": row.get::<_, Option<i64>>(4)?.map(api_time), "decline": decline, "totalQuantity": row.get::<_, i64>(7)?}))
    })
}

/// A line of it: nothing of it is processed or refunded through the return.
pub(super) fn line(call: &Call<'_>, id: i64) -> Result<Option<Value>> {
    call.row("SELECT parcel_line, quantity, reason, note FROM rma_line WHERE id = ?1", [id], |row| {
        let (quantity, handle): (i64, String) = (row.get(1)?, row.get(2)?);
        let name = handle.replace('-', " ");
        Ok(json!({"__typename": "ReturnLineItem", "_parcel_line": row.get::<_, i64>(0)?, "id": ids::gid("ReturnLineItem", id),
            "customerNote": row.get::<_, String>(3)?, "quantity": quantity, "processableQuantity": quantity, "processedQuantity": 0,
            "refundableQuantity": quantity, "refundedQuantity": 0, "unprocessedQuantity": quantity, "returnReasonNote": "",
            "returnReasonDefinition": {"__typename": "ReturnReasonDefinition", "id": format!("gid://shopify/ReturnReasonDefinition/{handle}"),
                "handle": handle, "name": name, "deleted": false}}))
    })
}
