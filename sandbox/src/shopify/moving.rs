//! `fulfillmentOrderMove`: another location fulfils what is left of a fulfilment order, or some of it ("How re-assigning
//! line items affects fulfillment orders"). All of one of which nothing is fulfilled moves as it is; anything else moves
//! into a new one, and an active one at the destination goes on in the new one as well.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::call::Call;
use super::{collection, docs, ids, stock};
use crate::books::Result;

/// A line of a fulfilment order.
struct Line {
    id: i64,
    line: i64,
    item: Option<i64>,
    total: i64,
    remaining: i64,
}

fn refused(code: Option<&str>, message: &str) -> Value {
    let error = json!({"field": ["id"], "message": message, "code": code});
    json!({"movedFulfillmentOrder": null, "originalFulfillmentOrder": null, "remainingFulfillmentOrder": null, "userErrors": [error]})
}

/// Carries the mutation out.
pub(super) fn relocate(call: &Call<'_>, arguments: &Map<String, Value>) -> Result<Value> {
    let number = |name: &str, kind: &str| {
        arguments.get(name).and_then(Value::as_str).and_then(|gid| ids::number(gid, kind)).unwrap_or_default()
    };
    let (id, to) = (number("id", "FulfillmentOrder"), number("newLocationId", "Location"));
    let found: Option<(i64, i64, String)> =
        call.row("SELECT sale, location, status FROM demand WHERE id = ?1", [id], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let Some((sale, from, status)) = found else { return Ok(refused(None, "Fulfillment order does not exist.")) };
    if status != "OPEN" && status != "IN_PROGRESS" {
        return Ok(refused(None, "The fulfillment order is closed."));
    }
    if call.planned("unmovable")? {
        let code = "CANNOT_MOVE_FULFILLMENT_ORDER_WITH_REPORTED_PROGRESS";
        return Ok(refused(Some(code), "Cannot move a fulfillment order that has progress reported."));
    }
    if call.row("SELECT 1 FROM location WHERE id = ?1", [to], |_| Ok(()))?.is_none() {
        return Ok(refused(None, "The location does not exist."));
    }
    let lines = lines(call, id)?;
    let named = arguments.get("fulfillmentOrderLineItems").and_then(Value::as_array).filter(|named| !named.is_empty());
    let units = match named {
        None => lines.iter().filter(|line| line.remaining > 0).map(|line| (line.id, line.remaining)).collect(),
        Some(named) => match chosen(&lines, named) {
            Some(units) => units,
            None => return Ok(refused(None, "Invalid fulfillment order line item quantity requested.")),
        },
    };
    if to == from || units.is_empty() {
        return Ok(refused(None, "The fulfillment order is assigned to that location already."));
    }
    for line in lines.iter().filter(|line| units.contains_key(&line.id)) {
        if let Some(item) = line.item
            && stock::level(call, item, to)?.is_none()
        {
            return Ok(refused(None, "The destination location doesn't stock the requested inventory item."));
        }
    }
    let mut touched = Vec::new();
    for line in &lines {
        let (Some(item), Some(moved)) = (line.item, units.get(&line.id)) else { continue };
        stock::commit(call, item, from, moved.saturating_neg())?;
        stock::commit(call, item, to, *moved)?;
        touched.extend([(item, from), (item, to)]);
    }
    let moved = place(call, (sale, id, to), &lines, &units)?;
    call.count("fulfillment_orders.moved", 1)?;
    call.run("UPDATE sale SET updated = ?2 WHERE id = ?1", (sale, call.millis()))?;
    touched.sort_unstable();
    touched.dedup();
    stock::announce(call, &touched)?;
    Ok(json!({"movedFulfillmentOrder": docs::demand(call, moved)?, "originalFulfillmentOrder": docs::demand(call, id)?,
        "remainingFulfillmentOrder": null, "userErrors": []}))
}

fn lines(call: &Call<'_>, demand: i64) -> Result<Vec<Line>> {
    call.rows(
        "SELECT d.id, d.line, l.item, d.total, d.remaining FROM demand_line d JOIN sale_line l ON l.id = d.line WHERE d.demand = ?1 ORDER BY d.id",
        [demand],
        |row| Ok(Line { id: row.get(0)?, line: row.get(1)?, item: row.get(2)?, total: row.get(3)?, remaining: row.get(4)? }),
    )
}

/// The units named, by line of the fulfilment order; none when one is not there or not left.
fn chosen(lines: &[Line], named: &[Value]) -> Option<BTreeMap<i64, i64>> {
    let mut units = BTreeMap::new();
    for given in named {
        let id = ids::number(given.get("id")?.as_str()?, "FulfillmentOrderLineItem")?;
        let quantity = given.get("quantity")?.as_i64()?;
        let line = lines.iter().find(|line| line.id == id)?;
        if quantity < 1 || quantity > line.remaining || units.insert(id, quantity).is_some() {
            return None;
        }
    }
    Some(units)
}

/// Writes the move down; answers the fulfilment order that has the units now.
fn place(
    call: &Call<'_>,
    (sale, from, to): (i64, i64, i64),
    lines: &[Line],
    units: &BTreeMap<i64, i64>,
) -> Result<i64> {
    let active: Vec<i64> = call.rows(
        "SELECT id FROM demand WHERE sale = ?1 AND location = ?2 AND id <> ?3 AND status IN ('OPEN', 'IN_PROGRESS') ORDER BY id",
        (sale, to, from),
        |row| row.get(0),
    )?;
    let whole = lines.iter().all(|line| line.total == line.remaining && units.get(&line.id) == Some(&line.total));
    if whole && active.is_empty() {
        call.run("UPDATE demand SET location = ?2, updated = ?3 WHERE id = ?1", (from, to, call.millis()))?;
        return Ok(from);
    }
    let new = call.next_id("demand", ids::DEMAND)?;
    call.run("INSERT INTO demand VALUES (?1, ?2, ?3, 'OPEN', ?4, ?4)", (new, sale, to, call.millis()))?;
    collection::follow(call, from, new)?;
    let mut moved = BTreeMap::<i64, i64>::new();
    for line in lines {
        let left = units.get(&line.id).copied().unwrap_or(0);
        leave(call, line, left, &mut moved)?;
    }
    close(call, from)?;
    for other in active {
        for line in self::lines(call, other)? {
            leave(call, &line, line.remaining, &mut moved)?;
        }
        close(call, other)?;
    }
    let mut row = call.next_id("demand_line", ids::DEMAND_LINE)?;
    for (line, units) in moved {
        call.run("INSERT INTO demand_line VALUES (?1, ?2, ?3, ?4, ?4)", (row, new, line, units))?;
        row = row.saturating_add(1);
    }
    Ok(new)
}

fn leave(call: &Call<'_>, line: &Line, units: i64, moved: &mut BTreeMap<i64, i64>) -> Result<()> {
    if units > 0 {
        call.run(
            "UPDATE demand_line SET total = total - ?2, remaining = remaining - ?2 WHERE id = ?1",
            (line.id, units),
        )?;
        let sum = moved.entry(line.line).or_default();
        *sum = sum.saturating_add(units);
    }
    Ok(())
}

fn close(call: &Call<'_>, demand: i64) -> Result<()> {
    call.run(
        "UPDATE demand SET updated = ?2, status = CASE WHEN (SELECT SUM(remaining) FROM demand_line WHERE demand = ?1) = 0
           THEN 'CLOSED' ELSE status END WHERE id = ?1",
        (demand, call.millis()),
    )?;
    Ok(())
}
