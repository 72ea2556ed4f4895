//! `orderEditBegin`, `orderEditSetQuantity`, `orderEditAddVariant`, `orderEditCommit`: an edit is staged call by call and
//! made at once, or never. Only what is not fulfilled can be edited ("orderEditCommit"). Nobody is refunded by it and nobody
//! charged: what is owed either way the order shows.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::call::Call;
use super::editing::{self, Done};
use super::{docs, due, ids, money, refund};
use crate::books::Result;

/// What is staged.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Staged {
    /// Lines of the order and how many of them there shall be.
    set: Vec<(i64, i64)>,
    /// Variants and how many of each.
    add: Vec<(i64, i64)>,
}

impl Staged {
    fn quantity(&self, line: i64) -> Option<i64> {
        self.set.iter().find(|(known, _)| *known == line).map(|(_, quantity)| *quantity)
    }
}

type Refusal = (&'static str, &'static str);

fn text<'a>(arguments: &'a Map<String, Value>, name: &str) -> &'a str {
    arguments.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn units(arguments: &Map<String, Value>) -> i64 {
    arguments.get("quantity").and_then(Value::as_i64).unwrap_or_default()
}

fn errors((field, message): Refusal) -> Value {
    json!({"calculatedOrder": null, "calculatedLineItem": null, "orderEditSession": null, "order": null,
        "userErrors": [{"field": [field], "message": message}]})
}

/// Has an order had any edits?
pub(super) fn is_edited(call: &Call<'_>, sale: i64) -> Result<bool> {
    let found = call.row("SELECT 1 FROM order_edit WHERE sale = ?1 AND committed = 1 LIMIT 1", [sale], |_| Ok(()))?;
    Ok(found.is_some())
}

/// Writes down that an order was edited by hand.
pub(super) fn by_hand(call: &Call<'_>, sale: i64) -> Result<()> {
    let id = call.next_id("order_edit", ids::ORDER_EDIT)?;
    call.run("INSERT INTO order_edit VALUES (?1, ?2, '{\"set\":[],\"add\":[]}', 1)", (id, sale))?;
    Ok(())
}

/// The order of an edit that is not committed, and what is staged.
pub(super) fn staged(call: &Call<'_>, id: i64) -> Result<Option<(i64, Staged)>> {
    let open = "SELECT sale, staged FROM order_edit WHERE id = ?1 AND committed = 0";
    call.row(open, [id], |row| {
        let text: String = row.get(1)?;
        Ok((row.get(0)?, serde_json::from_str(&text).unwrap_or_default()))
    })
}

/// The edit that is meant: the calculated order's id stands for it, or the session's own.
fn meant(call: &Call<'_>, arguments: &Map<String, Value>) -> Result<Option<(i64, i64, Staged)>> {
    let gid = text(arguments, "id");
    let id = ids::number(gid, "CalculatedOrder").or_else(|| ids::number(gid, "OrderEditSession")).unwrap_or_default();
    Ok(staged(call, id)?.map(|(sale, staged)| (id, sale, staged)))
}

const NO_EDIT: Refusal = ("id", "The calculated order does not exist.");

fn keep(call: &Call<'_>, id: i64, staged: &Staged) -> Result<()> {
    let text = serde_json::to_string(staged).unwrap_or_default();
    call.run("UPDATE order_edit SET staged = ?2 WHERE id = ?1", (id, text))?;
    Ok(())
}

fn calculated(call: &Call<'_>, id: i64, sale: i64) -> Result<Value> {
    let due = due::sum(call, sale)?;
    Ok(json!({"__typename": "CalculatedOrder", "_id": id, "_sale": sale, "id": ids::gid("CalculatedOrder", id),
        "totalOutstandingSet": money::bag(due.outstanding, &call.currency()?)}))
}

fn payload(call: &Call<'_>, (id, sale): (i64, i64), line: &Value) -> Result<Value> {
    let session = json!({"__typename": "OrderEditSession", "id": ids::gid("OrderEditSession", id)});
    Ok(
        json!({"calculatedOrder": calculated(call, id, sale)?, "calculatedLineItem": line, "orderEditSession": session, "userErrors": []}),
    )
}

/// A line of the order as the edit would leave it.
pub(super) fn line(call: &Call<'_>, id: i64, staged: &Staged) -> Result<Option<Value>> {
    let sql = "SELECT l.sale, l.variant, l.sku, l.title, l.price, l.quantity - l.cancelled, s.currency FROM sale_line l
        JOIN sale s ON s.id = l.sale WHERE l.id = ?1";
    let found = call.row(sql, [id], |row| {
        let doc = json!({"__typename": "CalculatedLineItem", "_variant": row.get::<_, Option<i64>>(1)?,
            "id": ids::gid("CalculatedLineItem", id), "sku": row.get::<_, String>(2)?, "title": row.get::<_, String>(3)?,
            "originalUnitPriceSet": money::bag(row.get(4)?, &row.get::<_, String>(6)?)});
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(5)?, doc))
    })?;
    let Some((sale, current, mut doc)) = found else { return Ok(None) };
    let open = refund::line(call, sale, id)?.map_or(0, |line| line.open);
    let quantity = staged.quantity(id).unwrap_or(current);
    if let Some(members) = doc.as_object_mut() {
        members.insert("quantity".to_owned(), quantity.into());
        members.insert("editableQuantityBeforeChanges".to_owned(), open.into());
        let editable = quantity.saturating_sub(current.saturating_sub(open));
        members.insert("editableQuantity".to_owned(), editable.into());
    }
    Ok(Some(doc))
}

pub(super) fn begin(call: &Call<'_>, arguments: &Map<String, Value>) -> Result<Value> {
    let sale = ids::number(text(arguments, "id"), "Order").unwrap_or_default();
    let found =
        call.row("SELECT cancelled IS NOT NULL FROM sale WHERE id = ?1", [sale], |row| row.get::<_, bool>(0))?;
    match found {
        None => return Ok(errors(("id", "The order does not exist."))),
        Some(true) => return Ok(errors(("id", "The order cannot be edited."))),
        Some(false) => {}
    }
    let id = call.next_id("order_edit", ids::ORDER_EDIT)?;
    let text = serde_json::to_string(&Staged::default()).unwrap_or_default();
    call.run("INSERT INTO order_edit VALUES (?1, ?2, ?3, 0)", (id, sale, text))?;
    payload(call, (id, sale), &Value::Null)
}

pub(super) fn set_quantity(call: &Call<'_>, arguments: &Map<String, Value>) -> Result<Value> {
    let Some((id, sale, mut staged)) = meant(call, arguments)? else { return Ok(errors(NO_EDIT)) };
    let line = ids::number(text(arguments, "lineItemId"), "CalculatedLineItem").unwrap_or_default();
    let quantity = units(arguments);
    if refund::line(call, sale, line)?.is_none() {
        return Ok(errors(("lineItemId", "The line item does not exist.")));
    }
    let shown = self::line(call, line, &staged)?.unwrap_or_default();
    let number = |name: &str| shown.get(name).and_then(Value::as_i64).unwrap_or_default();
    if quantity < number("quantity").saturating_sub(number("editableQuantity")) || quantity < 0 {
        return Ok(errors(("quantity", "Quantity cannot be below what is fulfilled.")));
    }
    staged.set.retain(|(known, _)| *known != line);
    staged.set.push((line, quantity));
    keep(call, id, &staged)?;
    let line = self::line(call, line, &staged)?.unwrap_or_default();
    payload(call, (id, sale), &line)
}

pub(super) fn add_variant(call: &Call<'_>, arguments: &Map<String, Value>) -> Result<Value> {
    let Some((id, sale, mut staged)) = meant(call, arguments)? else { return Ok(errors(NO_EDIT)) };
    let variant = ids::number(text(arguments, "variantId"), "ProductVariant").unwrap_or_default();
    let found: Option<(String, String, String)> =
        call.row("SELECT sku, title, price FROM variant WHERE id = ?1", [variant], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let Some((sku, title, price)) = found else { return Ok(errors(("variantId", "Variant does not exist"))) };
    let quantity = units(arguments);
    if quantity < 1 {
        return Ok(errors(("quantity", "Quantity must be greater than 0")));
    }
    let twice = arguments.get("allowDuplicates").and_then(Value::as_bool).unwrap_or(false);
    let there = call.row("SELECT 1 FROM sale_line WHERE sale = ?1 AND variant = ?2", (sale, variant), |_| Ok(()))?;
    if !twice && (there.is_some() || staged.add.iter().any(|(known, _)| *known == variant)) {
        return Ok(errors(("variantId", "The variant is on the order already.")));
    }
    staged.add.push((variant, quantity));
    keep(call, id, &staged)?;
    let price = money::minor(&price).map_or(0, |(price, _)| price);
    // One that is only staged has an id of its own kind.
    let gid = ids::gid("CalculatedLineItem", i64::try_from(staged.add.len()).unwrap_or(1));
    let line = json!({"__typename": "CalculatedLineItem", "_variant": variant, "id": gid, "sku": sku, "title": title,
        "quantity": quantity, "editableQuantity": quantity, "editableQuantityBeforeChanges": 0,
        "originalUnitPriceSet": money::bag(price, &call.currency()?)});
    payload(call, (id, sale), &line)
}

pub(super) fn commit(call: &Call<'_>, arguments: &Map<String, Value>) -> Result<Value> {
    let Some((id, sale, staged)) = meant(call, arguments)? else { return Ok(errors(NO_EDIT)) };
    call.db.execute_batch("SAVEPOINT order_edit")?;
    let refused = apply(call, sale, &staged, arguments)?;
    let undo = if refused.is_some() { "ROLLBACK TO order_edit;" } else { "" };
    call.db.execute_batch(&format!("{undo} RELEASE order_edit"))?;
    if let Some(why) = refused {
        return Ok(errors(("id", why)));
    }
    call.run("UPDATE order_edit SET committed = 1 WHERE id = ?1", [id])?;
    Ok(json!({"order": docs::order(call, sale)?, "successMessages": ["Order updated"], "userErrors": []}))
}

fn apply(call: &Call<'_>, sale: i64, staged: &Staged, arguments: &Map<String, Value>) -> Result<Option<&'static str>> {
    let mut done = Done::default();
    for (line, quantity) in &staged.set {
        if let Some(why) = editing::set(call, sale, (*line, *quantity), &mut done)? {
            return Ok(Some(why));
        }
    }
    for (variant, quantity) in &staged.add {
        let price: String =
            call.db.query_row("SELECT price FROM variant WHERE id = ?1", [variant], |row| row.get(0))?;
        let price = money::minor(&price).map_or(0, |(price, _)| price);
        if let Some(why) = editing::add(call, sale, (*variant, *quantity, price), &mut done)? {
            return Ok(Some(why));
        }
    }
    editing::tell(call, sale, done, Some(text(arguments, "staffNote")))?;
    Ok(None)
}
