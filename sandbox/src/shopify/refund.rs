//! `refundCreate`: what may be given back, and what a refund does to the order, its goods and its money. Without
//! transactions no money moves. Of the refusals only the one about a line of another order is recorded word for word.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::Value;

use super::call::Call;
use super::payment::{self, Capture};
use super::{body, due, ids, money, outbox, refunded, stock};
use crate::books::Result;

/// A refusal: where and why.
pub(super) type Refused = (Vec<String>, String);

/// What is to be refunded, judged.
pub(super) struct Refund {
    sale: i64,
    note: Option<String>,
    lines: Vec<Part>,
    /// By shipping line.
    postage: Vec<(i64, i64)>,
    money: Vec<(Capture, i64)>,
}

struct Part {
    line: i64,
    item: Option<i64>,
    quantity: i64,
    restock: String,
    location: Option<i64>,
}

/// A line of the order and what is left of it.
pub(super) struct Line {
    pub(super) item: Option<i64>,
    /// Neither refunded nor removed.
    pub(super) refundable: i64,
    /// Not shipped and not removed.
    pub(super) open: i64,
    /// Shipped and not taken back.
    returnable: i64,
}

fn refused(field: &[&str], message: impl Into<String>) -> Refused {
    (field.iter().map(|part| (*part).to_owned()).collect(), message.into())
}

/// Judges an input of the API.
pub(super) fn judge(call: &Call<'_>, input: &Value) -> Result<std::result::Result<Refund, Refused>> {
    let text = |name: &str| input.get(name).and_then(Value::as_str);
    let order = text("orderId").unwrap_or_default();
    let sale = ids::number(order, "Order").unwrap_or_default();
    let currency: Option<String> = call.row("SELECT currency FROM sale WHERE id = ?1", [sale], |row| row.get(0))?;
    let Some(currency) = currency else { return Ok(Err(refused(&["orderId"], "Order does not exist"))) };
    if text("currency").is_some_and(|given| given != currency) {
        return Ok(Err(refused(
            &["currency"],
            format!("Currency must be {currency}, the order's presentment currency"),
        )));
    }
    let lines = match lines(call, sale, list(input, "refundLineItems"))? {
        Ok(lines) => lines,
        Err(refused) => return Ok(Err(refused)),
    };
    let postage = match postage(call, sale, input.get("shipping"))? {
        Ok(postage) => postage,
        Err(refused) => return Ok(Err(refused)),
    };
    let over = input.get("allowOverRefunding").and_then(Value::as_bool).unwrap_or(false);
    let money = match transactions(call, sale, order, list(input, "transactions"), over)? {
        Ok(money) => money,
        Err(refused) => return Ok(Err(refused)),
    };
    if lines.is_empty() && postage.is_empty() && money.is_empty() {
        return Ok(Err(refused(&["refundLineItems"], "A refund needs a line item, shipping or a transaction")));
    }
    Ok(Ok(Refund { sale, note: text("note").map(str::to_owned), lines, postage, money }))
}

fn list<'a>(input: &'a Value, name: &str) -> &'a [Value] {
    input.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A line of the order, if it is one.
pub(super) fn line(call: &Call<'_>, sale: i64, id: i64) -> Result<Option<Line>> {
    let sql = "SELECT item, quantity, shipped, cancelled,
          (SELECT COALESCE(SUM(r.quantity), 0) FROM refund_line r WHERE r.line = l.id AND r.restock <> 'CANCEL'),
          (SELECT COALESCE(SUM(r.quantity), 0) FROM refund_line r WHERE r.line = l.id AND r.restock = 'RETURN')
        FROM sale_line l WHERE l.id = ?1 AND l.sale = ?2";
    call.row(sql, (id, sale), |row| {
        let number = |at: usize| row.get::<_, i64>(at);
        let (quantity, shipped, cancelled) = (number(1)?, number(2)?, number(3)?);
        let left = quantity.saturating_sub(cancelled);
        Ok(Line {
            item: row.get(0)?,
            refundable: left.saturating_sub(number(4)?),
            open: left.saturating_sub(shipped),
            returnable: shipped.saturating_sub(number(5)?),
        })
    })
}

fn lines(call: &Call<'_>, sale: i64, given: &[Value]) -> Result<std::result::Result<Vec<Part>, Refused>> {
    let (mut parts, mut left) = (Vec::new(), BTreeMap::<i64, Line>::new());
    for (at, entry) in given.iter().enumerate() {
        let at = at.to_string();
        let no = |field: &str, message: &str| Ok(Err(refused(&["refundLineItems", &at, field], message)));
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        let id = ids::number(text("lineItemId").unwrap_or_default(), "LineItem").unwrap_or_default();
        let line = match left.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => match line(call, sale, id)? {
                Some(found) => new.insert(found),
                None => return no("lineItemId", "Line item must belong to the order which is being refunded"),
            },
        };
        let quantity = entry.get("quantity").and_then(Value::as_i64).unwrap_or_default();
        if quantity < 1 {
            return no("quantity", "Quantity must be greater than 0");
        }
        if quantity > line.refundable {
            return no("quantity", "Quantity cannot refund more items than were purchased");
        }
        let restock = text("restockType").unwrap_or("NO_RESTOCK");
        let mut anything = i64::MAX;
        let room = match restock {
            "RETURN" => &mut line.returnable,
            "CANCEL" => &mut line.open,
            "NO_RESTOCK" => &mut anything,
            _ => return no("restockType", "Restock type is not accepted when creating a refund"),
        };
        if quantity > *room {
            let what = if restock == "RETURN" { "fulfilled" } else { "unfulfilled" };
            return no("quantity", &format!("Quantity to restock as {restock} must be {what}"));
        }
        *room = room.saturating_sub(quantity);
        line.refundable = line.refundable.saturating_sub(quantity);
        let location = match text("locationId") {
            _ if restock == "NO_RESTOCK" => None,
            None => place(call, sale)?,
            Some(gid) => {
                let id = ids::number(gid, "Location").unwrap_or_default();
                if call.row("SELECT 1 FROM location WHERE id = ?1", [id], |_| Ok(()))?.is_none() {
                    return no("locationId", "Location does not exist");
                }
                Some(id)
            }
        };
        parts.push(Part { line: id, item: line.item, quantity, restock: restock.to_owned(), location });
    }
    Ok(Ok(parts))
}

/// Where an order's goods go back to unless it is said: where they came from.
fn place(call: &Call<'_>, sale: i64) -> Result<Option<i64>> {
    let sql = "SELECT COALESCE((SELECT location FROM demand WHERE sale = ?1 ORDER BY id LIMIT 1), (SELECT MIN(id) FROM location))";
    Ok(call.row(sql, [sale], |row| row.get::<_, Option<i64>>(0))?.flatten())
}

/// What of the postage is given back, over the shipping lines in order.
fn postage(call: &Call<'_>, sale: i64, given: Option<&Value>) -> Result<std::result::Result<Vec<(i64, i64)>, Refused>> {
    let Some(given) = given.filter(|given| !given.is_null()) else { return Ok(Ok(Vec::new())) };
    let left: Vec<(i64, i64)> = call.rows(
        "SELECT id, price - (SELECT COALESCE(SUM(amount), 0) FROM refund_postage p WHERE p.shipping = h.id) FROM shipping h
         WHERE sale = ?1 ORDER BY id",
        [sale],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let full = given.get("fullRefund").and_then(Value::as_bool).unwrap_or(false);
    let asked = given.get("amount").map(decimal);
    let mut wanted = match asked {
        _ if full => left.iter().fold(0_i64, |sum, (_, left)| sum.saturating_add(*left)),
        None => 0,
        Some(Some(amount)) if amount >= 0 => amount,
        Some(_) => return Ok(Err(refused(&["shipping", "amount"], "Amount is invalid"))),
    };
    let mut parts = Vec::new();
    for (id, left) in left {
        let part = left.min(wanted);
        if part > 0 {
            wanted = wanted.saturating_sub(part);
            parts.push((id, part));
        }
    }
    if wanted > 0 {
        let message = "Refund amount for shipping cannot be more than what is left of it";
        return Ok(Err(refused(&["shipping", "amount"], message)));
    }
    Ok(Ok(parts))
}

/// An exact amount in hundredths.
fn decimal(value: &Value) -> Option<i64> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    money::minor(&text).and_then(|(minor, rounded)| (!rounded).then_some(minor))
}

type Money = Vec<(Capture, i64)>;

fn transactions(
    call: &Call<'_>,
    sale: i64,
    order: &str,
    given: &[Value],
    over: bool,
) -> Result<std::result::Result<Money, Refused>> {
    let (mut captures, mut money) = (payment::captures(call, sale)?, Vec::new());
    for (at, entry) in given.iter().enumerate() {
        let at = at.to_string();
        let no = |field: &str, message: &str| Ok(Err(refused(&["transactions", &at, field], message)));
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        if text("orderId") != Some(order) {
            return no("orderId", "Transaction must belong to the order which is being refunded");
        }
        if text("kind") != Some("REFUND") {
            return no("kind", "Kind must be refund");
        }
        let Some(amount) = entry.get("amount").and_then(decimal).filter(|amount| *amount > 0) else {
            return no("amount", "Amount must be greater than 0");
        };
        let parent = text("parentId").map(|gid| ids::number(gid, "OrderTransaction").unwrap_or_default());
        let gateway = text("gateway");
        let found = captures.iter_mut().find(|capture| match parent {
            Some(id) => capture.id == id,
            None => Some(capture.gateway.as_str()) == gateway && capture.left >= amount,
        });
        let Some(capture) = found else { return no("parentId", "Parent transaction does not exist") };
        if Some(capture.gateway.as_str()) != gateway {
            return no("gateway", "Gateway must be that of the parent transaction");
        }
        if amount > capture.left && !over {
            return no("amount", "Refund amount cannot be more than what was paid and is not refunded");
        }
        capture.left = capture.left.saturating_sub(amount);
        money.push((capture.clone(), amount));
    }
    Ok(Ok(money))
}

/// Writes a refund down: goods, money, the order's state, and the webhooks about it. Staff have a number.
pub(super) fn make(call: &Call<'_>, refund: &Refund, staff: Option<i64>) -> Result<i64> {
    let id = call.next_id("refund", ids::REFUND)?;
    let sale = refund.sale;
    let before = due::sum(call, sale)?;
    call.run("INSERT INTO refund VALUES (?1, ?2, ?3, ?4, ?5)", (id, sale, &refund.note, staff, call.millis()))?;
    let mut touched = Vec::new();
    for part in &refund.lines {
        let row = call.next_id("refund_line", ids::REFUND_LINE)?;
        call.run(
            "INSERT INTO refund_line VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (row, id, part.line, part.quantity, &part.restock, part.location),
        )?;
        match (part.restock.as_str(), part.item, part.location) {
            ("RETURN", Some(item), Some(location)) => {
                stock::on_hand(call, item, location, part.quantity)?;
                touched.push((item, location));
            }
            ("CANCEL", ..) => touched.extend(cancel(call, part)?),
            _ => {}
        }
    }
    for (shipping, amount) in &refund.postage {
        let row = call.next_id("refund_postage", ids::REFUND_POSTAGE)?;
        call.run("INSERT INTO refund_postage VALUES (?1, ?2, ?3, ?4)", (row, id, shipping, amount))?;
    }
    for (capture, amount) in &refund.money {
        payment::give(call, sale, id, capture, *amount)?;
    }
    due::adjust(call, (sale, id), before)?;
    if refund.lines.iter().any(|part| part.restock == "CANCEL") {
        close(call, sale)?;
    }
    call.run("UPDATE sale SET updated = ?2 WHERE id = ?1", (sale, call.millis()))?;
    touched.sort_unstable();
    touched.dedup();
    stock::announce(call, &touched)?;
    outbox::post(call, &["refunds/create"], Some(sale), || refunded::body(call, id))?;
    outbox::post(call, &["orders/updated"], Some(sale), || body::order(call, sale))?;
    Ok(id)
}

fn cancel(call: &Call<'_>, part: &Part) -> Result<Vec<(i64, i64)>> {
    take_off(call, part.line, part.item, part.quantity)
}

/// Units that will not be shipped leave the fulfilment orders and can be sold again. Answers whose stock has changed.
pub(super) fn take_off(call: &Call<'_>, line: i64, item: Option<i64>, quantity: i64) -> Result<Vec<(i64, i64)>> {
    call.run("UPDATE sale_line SET cancelled = cancelled + ?2 WHERE id = ?1", (line, quantity))?;
    let wanted: Vec<(i64, i64, i64)> = call.rows(
        "SELECT n.id, d.location, n.remaining FROM demand_line n JOIN demand d ON d.id = n.demand
         WHERE n.line = ?1 AND n.remaining > 0 AND d.status <> 'CANCELLED' ORDER BY n.id",
        [line],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let (mut left, mut touched) = (quantity, Vec::new());
    for (id, location, remaining) in wanted {
        let units = remaining.min(left);
        left = left.saturating_sub(units);
        call.run("UPDATE demand_line SET remaining = remaining - ?2, total = total - ?2 WHERE id = ?1", (id, units))?;
        if let Some(item) = item.filter(|_| units > 0) {
            stock::commit(call, item, location, units.saturating_neg())?;
            touched.push((item, location));
        }
    }
    Ok(touched)
}

/// Fulfilment orders of which nothing is left are over, and so may be the order's shipping.
pub(super) fn close(call: &Call<'_>, sale: i64) -> Result<()> {
    call.run(
        "UPDATE demand SET updated = ?2, status = CASE WHEN (SELECT SUM(total) FROM demand_line n WHERE n.demand = demand.id) = 0
           THEN 'CANCELLED' ELSE 'CLOSED' END
         WHERE sale = ?1 AND status IN ('OPEN', 'IN_PROGRESS') AND (SELECT SUM(remaining) FROM demand_line n WHERE n.demand = demand.id) = 0",
        (sale, call.millis()),
    )?;
    call.run(
        "UPDATE sale SET fulfilled = CASE fulfilled WHEN 'none' THEN 'restocked' ELSE 'full' END WHERE id = ?1
           AND fulfilled IN ('none', 'partial') AND NOT EXISTS (SELECT 1 FROM demand d JOIN demand_line n ON n.demand = d.id
             WHERE d.sale = ?1 AND d.status <> 'CANCELLED' AND n.remaining > 0)",
        [sale],
    )?;
    Ok(())
}
