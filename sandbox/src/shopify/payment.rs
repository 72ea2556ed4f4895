//! An order's transactions: what was paid for it, with how many tenders, and what was given back of each.

use serde::Deserialize;
use serde_json::{Value, json};

use super::call::{Call, api_time, body_time};
use super::{body, due, ids, money, outbox};
use crate::books::Result;

/// What an order is paid with unless something else is said.
pub(super) const GATEWAY: &str = "shopify_payments";

/// A part of an order's price and what it was paid with.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tender {
    gateway: String,
    amount: String,
}

/// The payments of an order: the tenders named, and the shop's own gateway for the rest. A free order has none.
pub(super) fn split(total: i64, tenders: &[Tender]) -> std::result::Result<Vec<(String, i64)>, String> {
    let (mut left, mut payments) = (total, Vec::new());
    for tender in tenders {
        let amount = match money::minor(&tender.amount) {
            Some((amount, false)) if amount > 0 => amount,
            _ => return Err(format!("{} of {} is no amount to be paid", tender.amount, tender.gateway)),
        };
        left = left.saturating_sub(amount);
        payments.push((tender.gateway.clone(), amount));
    }
    if left < 0 {
        return Err("the tenders are more than the order's total".to_owned());
    }
    if left > 0 {
        payments.push((GATEWAY.to_owned(), left));
    }
    Ok(payments)
}

/// Takes the money of a sale.
pub(super) fn take(call: &Call<'_>, sale: i64, payments: &[(String, i64)]) -> Result<()> {
    for (gateway, amount) in payments {
        let id = add(call, sale, None, "SALE", "SUCCESS", gateway, *amount)?;
        outbox::post(call, &["order_transactions/create"], Some(sale), || transaction(call, id))?;
    }
    Ok(())
}

/// The customer pays what is still owed for an order; none when nothing is.
pub(super) fn settle_due(call: &Call<'_>, sale: i64) -> Result<Option<i64>> {
    let due = due::sum(call, sale)?.outstanding;
    if due <= 0 {
        return Ok(None);
    }
    take(call, sale, &[(GATEWAY.to_owned(), due)])?;
    call.run("UPDATE sale SET updated = ?2 WHERE id = ?1", (sale, call.millis()))?;
    outbox::post(call, &["orders/paid", "orders/updated"], Some(sale), || body::order(call, sale))?;
    Ok(Some(due))
}

/// Gives money back to the tender of a capture, as part of a refund.
pub(super) fn give(call: &Call<'_>, sale: i64, refund: i64, capture: &Capture, amount: i64) -> Result<()> {
    let status = match () {
        () if call.planned("pend_refunds")? => "PENDING",
        () if call.planned("fail_refunds")? => "FAILURE",
        () => "SUCCESS",
    };
    let id = add(call, sale, Some((refund, capture.id)), "REFUND", status, &capture.gateway, amount)?;
    if status == "PENDING" {
        return Ok(());
    }
    outbox::post(call, &["order_transactions/create"], Some(sale), || transaction(call, id))
}

fn add(
    call: &Call<'_>,
    sale: i64,
    of: Option<(i64, i64)>,
    kind: &str,
    status: &str,
    gateway: &str,
    amount: i64,
) -> Result<i64> {
    let id = call.next_id("payment", ids::PAYMENT)?;
    let (refund, parent) = of.unzip();
    call.run(
        "INSERT INTO payment VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)",
        (id, sale, parent, refund, kind, status, gateway, amount, call.millis()),
    )?;
    Ok(id)
}

/// What became of the pending refunds of an order; answers how many there were.
pub(super) fn settle(call: &Call<'_>, sale: i64, status: &str) -> Result<usize> {
    let pending: Vec<i64> = call.rows(
        "SELECT id FROM payment WHERE sale = ?1 AND kind = 'REFUND' AND status = 'PENDING' ORDER BY id",
        [sale],
        |row| row.get(0),
    )?;
    for id in &pending {
        call.run("UPDATE payment SET status = ?2, processed = ?3 WHERE id = ?1", (id, status, call.millis()))?;
        outbox::post(call, &["order_transactions/create"], Some(sale), || transaction(call, *id))?;
    }
    if !pending.is_empty() {
        call.run("UPDATE sale SET updated = ?2 WHERE id = ?1", (sale, call.millis()))?;
        outbox::post(call, &["orders/updated"], Some(sale), || body::order(call, sale))?;
    }
    Ok(pending.len())
}

/// Money that came in and can be given back.
#[derive(Debug, Clone)]
pub(super) struct Capture {
    pub(super) id: i64,
    pub(super) gateway: String,
    /// Not given back yet, nor on its way.
    pub(super) left: i64,
}

/// The captures of an order, oldest first.
pub(super) fn captures(call: &Call<'_>, sale: i64) -> Result<Vec<Capture>> {
    let sql = "SELECT id, gateway, amount - (SELECT COALESCE(SUM(r.amount), 0) FROM payment r
          WHERE r.sale = p.sale AND r.parent = p.id AND r.kind = 'REFUND' AND r.status IN ('SUCCESS', 'PENDING'))
        FROM payment p WHERE sale = ?1 AND kind IN ('SALE', 'CAPTURE') AND status = 'SUCCESS' ORDER BY id";
    call.rows(sql, [sale], |row| Ok(Capture { id: row.get(0)?, gateway: row.get(1)?, left: row.get(2)? }))
}

/// What came in for an order and what went back; only money that moved counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    pub(super) captured: i64,
    pub(super) refunded: i64,
}

/// How an order stands.
pub(super) fn standing(call: &Call<'_>, sale: i64) -> Result<Standing> {
    let sql = "SELECT COALESCE(SUM(CASE WHEN kind IN ('SALE', 'CAPTURE') THEN amount END), 0),
          COALESCE(SUM(CASE WHEN kind = 'REFUND' THEN amount END), 0) FROM payment WHERE sale = ?1 AND status = 'SUCCESS'";
    call.db.prepare_cached(sql)?.query_row([sale], |row| Ok(Standing { captured: row.get(0)?, refunded: row.get(1)? }))
}

/// What an order was paid with, each once.
pub(super) fn gateways(call: &Call<'_>, sale: i64) -> Result<Vec<String>> {
    let sql =
        "SELECT gateway FROM payment WHERE sale = ?1 AND kind IN ('SALE', 'CAPTURE') GROUP BY gateway ORDER BY MIN(id)";
    let found: Vec<String> = call.rows(sql, [sale], |row| row.get(0))?;
    // The shop names its gateway of a free order as well.
    Ok(if found.is_empty() { vec![GATEWAY.to_owned()] } else { found })
}

/// A transaction as the API shows it.
pub(super) fn doc(call: &Call<'_>, id: i64) -> Result<Option<Value>> {
    let sql = "SELECT p.sale, p.parent, p.kind, p.status, p.gateway, p.amount, p.created, p.processed, s.currency FROM payment p
        JOIN sale s ON s.id = p.sale WHERE p.id = ?1";
    call.row(sql, [id], |row| {
        Ok(json!({"__typename": "OrderTransaction", "_sale": row.get::<_, i64>(0)?, "_parent": row.get::<_, Option<i64>>(1)?,
            "id": ids::gid("OrderTransaction", id), "kind": row.get::<_, String>(2)?, "status": row.get::<_, String>(3)?,
            "gateway": row.get::<_, String>(4)?, "amountSet": money::bag(row.get(5)?, &row.get::<_, String>(8)?),
            "createdAt": api_time(row.get(6)?), "processedAt": api_time(row.get(7)?), "test": false}))
    })
}

/// A transaction as webhooks carry it: the REST shape.
pub(super) fn transaction(call: &Call<'_>, id: i64) -> Result<Value> {
    let sql = "SELECT p.sale, p.parent, p.kind, p.status, p.gateway, p.amount, p.created, p.processed, s.currency FROM payment p
        JOIN sale s ON s.id = p.sale WHERE p.id = ?1";
    let found = call.row(sql, [id], |row| {
        let word = |at: usize| row.get::<_, String>(at).map(|word| word.to_lowercase());
        Ok(json!({"id": id, "admin_graphql_api_id": ids::gid("OrderTransaction", id), "order_id": row.get::<_, i64>(0)?,
            "parent_id": row.get::<_, Option<i64>>(1)?, "kind": word(2)?, "status": word(3)?, "gateway": row.get::<_, String>(4)?,
            "amount": money::text(row.get(5)?), "currency": row.get::<_, String>(8)?, "created_at": body_time(row.get(6)?),
            "processed_at": body_time(row.get(7)?), "message": null, "authorization": null, "error_code": null, "user_id": null,
            "location_id": null, "device_id": null, "source_name": "web", "test": false}))
    })?;
    Ok(found.unwrap_or_default())
}
