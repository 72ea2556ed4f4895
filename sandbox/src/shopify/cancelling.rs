//! Calling an order off: by hand in the admin, or by `orderCancel`, whose job does it. What a job waits for and how it
//! fails the operator plans; without a plan it is done before the answer leaves.

use serde_json::{Map, Value, json};

use super::call::Call;
use super::{body, ids, office, outbox, stock};
use crate::books::Result;

/// How an order is called off.
#[derive(Clone, Copy)]
pub(super) struct Wish<'a> {
    pub(super) reason: &'a str,
    /// The goods can be sold again.
    pub(super) restock: bool,
    /// All that was paid goes back.
    pub(super) refund: bool,
}

/// Why an order cannot be cancelled ("orderCancel": what it must meet); none when it can.
fn obstacle(call: &Call<'_>, sale: i64) -> Result<Option<&'static str>> {
    let found: Option<(String, Option<i64>)> =
        call.row("SELECT fulfilled, cancelled FROM sale WHERE id = ?1", [sale], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let any = |sql: &str| call.row(sql, [sale], |_| Ok(())).map(|found| found.is_some());
    Ok(match found {
        None => Some("Order does not exist"),
        Some((_, Some(_))) => Some("the order is cancelled already"),
        Some((fulfilled, _)) if fulfilled == "partial" || fulfilled == "full" => Some("the order has fulfilments"),
        Some(_) if any("SELECT 1 FROM rma WHERE sale = ?1 AND status IN ('REQUESTED', 'OPEN') LIMIT 1")? => {
            Some("the order has active returns")
        }
        Some(_)
            if any(
                "SELECT 1 FROM payment WHERE sale = ?1 AND kind = 'AUTHORIZATION' AND status = 'PENDING' LIMIT 1",
            )? =>
        {
            Some("the order has pending authorizations")
        }
        Some(_) => None,
    })
}

/// Calls an order off, or says why not.
pub(super) fn cancel(call: &Call<'_>, sale: i64, wish: Wish<'_>) -> Result<std::result::Result<(), String>> {
    if let Some(why) = obstacle(call, sale)? {
        return Ok(Err(why.to_owned()));
    }
    if wish.refund
        && let Err(why) = office::give_all_back(call, sale, wish.restock)?
    {
        return Ok(Err(why));
    }
    let held: Vec<(i64, i64, i64)> = call.rows(
        "SELECT l.item, d.location, n.remaining FROM demand_line n JOIN demand d ON d.id = n.demand JOIN sale_line l ON l.id = n.line
         WHERE d.sale = ?1 AND d.status <> 'CANCELLED' AND l.item IS NOT NULL AND n.remaining > 0",
        [sale],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    for (item, location, quantity) in &held {
        if wish.restock {
            stock::commit(call, *item, *location, quantity.saturating_neg())?;
        } else {
            stock::ship(call, *item, *location, *quantity)?;
        }
    }
    call.run("UPDATE demand SET status = 'CANCELLED', updated = ?2 WHERE sale = ?1", (sale, call.millis()))?;
    call.run("UPDATE sale_line SET cancelled = quantity WHERE sale = ?1", [sale])?;
    call.run(
        "UPDATE sale SET cancelled = ?2, closed = ?2, updated = ?2, cancel_reason = ?3 WHERE id = ?1",
        (sale, call.millis(), wish.reason),
    )?;
    let mut touched: Vec<(i64, i64)> = held.iter().map(|(item, location, _)| (*item, *location)).collect();
    touched.sort_unstable();
    touched.dedup();
    stock::announce(call, &touched)?;
    outbox::post(call, &["orders/cancelled", "orders/updated"], Some(sale), || body::order(call, sale))?;
    Ok(Ok(()))
}

/// `orderCancel`. The money stays where it is unless the order is told otherwise.
pub(super) fn order_cancel(call: &Call<'_>, arguments: &Map<String, Value>) -> Result<Value> {
    let text = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
    let flag = |value: Option<&Value>| value.and_then(Value::as_bool).unwrap_or(false);
    let sale = ids::number(text("orderId"), "Order").unwrap_or_default();
    if let Some(why) = obstacle(call, sale)? {
        let code = if why == "Order does not exist" { "NOT_FOUND" } else { "INVALID" };
        let error = json!({"field": ["orderId"], "message": why, "code": code});
        return Ok(json!({"job": null, "jobResult": null, "orderCancelUserErrors": [error], "userErrors": [error]}));
    }
    let method = arguments.get("refundMethod").and_then(|method| method.get("originalPaymentMethodsRefund"));
    let refund = flag(method) || flag(arguments.get("refund"));
    let looks: u32 = call.setting("slow_jobs")?.and_then(|looks| looks.parse().ok()).unwrap_or(0);
    call.set("slow_jobs", "0")?;
    let id = call.next_id("cancel_job", ids::CANCEL_JOB)?;
    call.run(
        "INSERT INTO cancel_job VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'STARTED', NULL)",
        (id, sale, text("reason"), flag(arguments.get("restock")), refund, looks),
    )?;
    if looks == 0 {
        work(call, id)?;
    }
    let result = job(call, id)?.unwrap_or_default();
    let done = result.get("done").cloned().unwrap_or_default();
    let job = json!({"__typename": "Job", "id": ids::gid("Job", id), "done": done});
    Ok(json!({"job": job, "jobResult": result, "orderCancelUserErrors": [], "userErrors": []}))
}

/// A job does what it is there for, once.
fn work(call: &Call<'_>, id: i64) -> Result<()> {
    let (sale, reason, restock, refund): (i64, String, bool, bool) =
        call.db.query_row("SELECT sale, reason, restock, refund FROM cancel_job WHERE id = ?1", [id], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
    let done = if call.planned("fail_jobs")? {
        Err("Something went wrong while the order was cancelled".to_owned())
    } else {
        cancel(call, sale, Wish { reason: &reason, restock, refund })?
    };
    let (status, error) = match done {
        Ok(()) => ("SUCCEEDED", None),
        Err(why) => ("FAILED", Some(why)),
    };
    call.run("UPDATE cancel_job SET status = ?2, error = ?3 WHERE id = ?1", (id, status, error))?;
    Ok(())
}

/// A job as it stands. Each look brings a slow one nearer to its end.
pub(super) fn look(call: &Call<'_>, id: i64) -> Result<Option<Value>> {
    let started = "UPDATE cancel_job SET looks = looks - 1 WHERE id = ?1 AND status = 'STARTED' RETURNING looks";
    let left: Option<i64> = call.row(started, [id], |row| row.get(0))?;
    if left.is_some_and(|left| left <= 0) {
        work(call, id)?;
    }
    job(call, id)
}

fn job(call: &Call<'_>, id: i64) -> Result<Option<Value>> {
    call.row("SELECT sale, status, error FROM cancel_job WHERE id = ?1", [id], |row| {
        let (status, error): (String, Option<String>) = (row.get(1)?, row.get(2)?);
        let errors: Vec<Value> =
            error.into_iter().map(|why| json!({"field": null, "message": why, "code": "INVALID"})).collect();
        Ok(json!({"__typename": "OrderCancelJobResult", "_sale": row.get::<_, i64>(0)?, "id": ids::gid("OrderCancelJobResult", id),
            "done": status != "STARTED", "status": status, "errors": errors}))
    })
}
