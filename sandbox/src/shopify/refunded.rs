//! Refunds that were made, as the API shows them and as webhooks carry them.

use serde_json::{Value, json};

use super::call::{Call, api_time, body_time};
use super::{ids, money, payment};
use crate::books::Result;

/// A refund of the API.
pub(super) fn doc(call: &Call<'_>, id: i64) -> Result<Option<Value>> {
    let sql = "SELECT r.sale, r.note, r.created, s.currency,
          (SELECT COALESCE(SUM(amount), 0) FROM payment p WHERE p.refund = r.id AND p.status = 'SUCCESS')
        FROM refund r JOIN sale s ON s.id = r.sale WHERE r.id = ?1";
    call.row(sql, [id], |row| {
        let created = api_time(row.get(2)?);
        Ok(json!({"__typename": "Refund", "_id": id, "_sale": row.get::<_, i64>(0)?, "id": ids::gid("Refund", id),
            "legacyResourceId": id.to_string(), "note": row.get::<_, Option<String>>(1)?, "createdAt": created, "processedAt": created,
            "updatedAt": created, "return": null, "totalRefundedSet": money::bag(row.get(4)?, &row.get::<_, String>(3)?)}))
    })
}

/// A line of it.
pub(super) fn line(call: &Call<'_>, id: i64) -> Result<Option<Value>> {
    let sql = "SELECT r.line, r.quantity, r.restock, r.location, l.price, s.currency FROM refund_line r
        JOIN sale_line l ON l.id = r.line JOIN sale s ON s.id = l.sale WHERE r.id = ?1";
    call.row(sql, [id], |row| {
        let (quantity, restock): (i64, String) = (row.get(1)?, row.get(2)?);
        let (price, currency): (i64, String) = (row.get(4)?, row.get(5)?);
        Ok(json!({"__typename": "RefundLineItem", "_line": row.get::<_, i64>(0)?, "_location": row.get::<_, Option<i64>>(3)?,
            "id": ids::gid("RefundLineItem", id), "quantity": quantity, "restocked": restock != "NO_RESTOCK", "restockType": restock,
            "priceSet": money::bag(price, &currency), "subtotalSet": money::bag(price.saturating_mul(quantity), &currency),
            "totalTaxSet": money::bag(0, &currency)}))
    })
}

/// What went back beyond, or less than, what its lines and postage come to.
pub(super) fn adjustment(call: &Call<'_>, id: i64) -> Result<Option<Value>> {
    let sql = "SELECT a.amount, s.currency FROM refund_adjustment a JOIN refund r ON r.id = a.refund JOIN sale s ON s.id = r.sale WHERE a.id = ?1";
    call.row(sql, [id], |row| {
        let currency: String = row.get(1)?;
        Ok(json!({"__typename": "OrderAdjustment", "id": ids::gid("OrderAdjustment", id), "reason": "REFUND_DISCREPANCY",
            "amountSet": money::bag(row.get::<_, i64>(0)?.saturating_neg(), &currency), "taxAmountSet": money::bag(0, &currency)}))
    })
}

/// Postage that was given back.
pub(super) fn postage(call: &Call<'_>, id: i64) -> Result<Option<Value>> {
    let sql = "SELECT p.shipping, p.amount, s.currency FROM refund_postage p JOIN refund r ON r.id = p.refund
        JOIN sale s ON s.id = r.sale WHERE p.id = ?1";
    call.row(sql, [id], |row| {
        let currency: String = row.get(2)?;
        Ok(json!({"__typename": "RefundShippingLine", "_shipping": row.get::<_, i64>(0)?, "id": ids::gid("RefundShippingLine", id),
            "subtotalAmountSet": money::bag(row.get(1)?, &currency), "taxAmountSet": money::bag(0, &currency)}))
    })
}

/// The body of `refunds/create`: the members of section 4.7. The twin knows no duties.
pub(super) fn body(call: &Call<'_>, id: i64) -> Result<Value> {
    let sql = "SELECT r.sale, r.note, r.staff, r.created, s.currency FROM refund r JOIN sale s ON s.id = r.sale WHERE r.id = ?1";
    let head = call.row(sql, [id], |row| {
        let at = body_time(row.get(3)?);
        let currency: String = row.get(4)?;
        let head = json!({"id": id, "admin_graphql_api_id": ids::gid("Refund", id), "order_id": row.get::<_, i64>(0)?, "created_at": at,
            "processed_at": at, "note": row.get::<_, Option<String>>(1)?, "user_id": row.get::<_, Option<i64>>(2)?,
            "total_duties_set": money::set(0, &currency), "duties": [], "return": null});
        Ok((head, currency))
    })?;
    let Some((mut head, currency)) = head else { return Ok(Value::Null) };
    let lines = lines(call, id, &currency)?;
    let restock = lines.iter().any(|line| line.get("restock_type").is_some_and(|kind| kind != "no_restock"));
    let money: Vec<i64> = call.rows("SELECT id FROM payment WHERE refund = ?1 ORDER BY id", [id], |row| row.get(0))?;
    let money: Vec<Value> = money.into_iter().map(|id| payment::transaction(call, id)).collect::<Result<_>>()?;
    let adjustments = call.rows("SELECT id, amount FROM refund_adjustment WHERE refund = ?1 ORDER BY id", [id], |row| {
        Ok(json!({"id": row.get::<_, i64>(0)?, "refund_id": id, "order_id": head.get("order_id"), "kind": "refund_discrepancy",
            "reason": "Refund discrepancy", "amount": money::text(row.get::<_, i64>(1)?.saturating_neg()), "tax_amount": "0.00"}))
    })?;
    let postage = call.rows(
        "SELECT p.id, p.shipping, p.amount, h.code, h.title, h.price FROM refund_postage p JOIN shipping h ON h.id = p.shipping
         WHERE p.refund = ?1 ORDER BY p.id",
        [id],
        |row| {
            Ok(json!({"id": row.get::<_, i64>(0)?, "subtotal_amount_set": money::set(row.get(2)?, &currency),
                "tax_amount_set": money::set(0, &currency), "shipping_line": {"id": row.get::<_, i64>(1)?, "code": row.get::<_, String>(3)?,
                "title": row.get::<_, String>(4)?, "price": money::text(row.get(5)?)}}))
        },
    )?;
    if let Some(head) = head.as_object_mut() {
        head.insert("restock".to_owned(), restock.into());
        head.insert("order_adjustments".to_owned(), Value::Array(adjustments));
        head.insert("refund_line_items".to_owned(), Value::Array(lines));
        head.insert("refund_shipping_lines".to_owned(), Value::Array(postage));
        head.insert("transactions".to_owned(), Value::Array(money));
    }
    Ok(head)
}

fn lines(call: &Call<'_>, id: i64, currency: &str) -> Result<Vec<Value>> {
    let sql = "SELECT r.id, r.line, r.quantity, r.restock, r.location, l.price, l.sku, l.title, l.variant, l.quantity FROM refund_line r
        JOIN sale_line l ON l.id = r.line WHERE r.refund = ?1 ORDER BY r.id";
    call.rows(sql, [id], |row| {
        let (line, quantity, price): (i64, i64, i64) = (row.get(1)?, row.get(2)?, row.get(5)?);
        let subtotal = price.saturating_mul(quantity);
        Ok(json!({"id": row.get::<_, i64>(0)?, "line_item_id": line, "quantity": quantity,
            "restock_type": row.get::<_, String>(3)?.to_lowercase(), "location_id": row.get::<_, Option<i64>>(4)?,
            "subtotal": money::text(subtotal), "total_tax": "0.00", "subtotal_set": money::set(subtotal, currency),
            "total_tax_set": money::set(0, currency),
            "line_item": {"id": line, "admin_graphql_api_id": ids::gid("LineItem", line), "sku": row.get::<_, String>(6)?,
                "title": row.get::<_, String>(7)?, "variant_id": row.get::<_, Option<i64>>(8)?, "quantity": row.get::<_, i64>(9)?,
                "price": money::text(price), "price_set": money::set(price, currency)}}))
    })
}

/// The refunds of an order as its own body lists them.
pub(super) fn of_order(call: &Call<'_>, sale: i64) -> Result<Vec<Value>> {
    let ids: Vec<i64> = call.rows("SELECT id FROM refund WHERE sale = ?1 ORDER BY id", [sale], |row| row.get(0))?;
    ids.into_iter().map(|id| body(call, id)).collect()
}
