//! `fulfillmentCreate`: goods leave against fulfilment orders of one order and one location.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::call::Call;
use super::{body, docs, ids, outbox, stock};
use crate::books::Result;

/// Most lines of one fulfilment order in one call (schema text).
const MOST_LINES: usize = 512;

/// What is to be shipped of one fulfilment order's line.
struct Part {
    demand_line: i64,
    line: i64,
    item: Option<i64>,
    quantity: i64,
}

struct Demand {
    id: i64,
    sale: i64,
    location: i64,
}

fn refused(field: &[&str], message: impl Into<String>) -> Value {
    json!({"fulfillment": null, "userErrors": [{"field": field, "message": message.into()}]})
}

/// Makes one fulfilment of everything named. Calling twice ships twice, as far as there is something left.
pub(super) fn create(call: &Call<'_>, input: &Value) -> Result<Value> {
    let groups =
        input.get("lineItemsByFulfillmentOrder").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let (mut demands, mut parts): (Vec<Demand>, Vec<Part>) = (Vec::new(), Vec::new());
    for group in groups {
        let gid = group.get("fulfillmentOrderId").and_then(Value::as_str).unwrap_or_default();
        let id = ids::number(gid, "FulfillmentOrder").unwrap_or_default();
        let found = call.row("SELECT sale, location, status FROM demand WHERE id = ?1", [id], |row| {
            Ok((Demand { id, sale: row.get(0)?, location: row.get(1)? }, row.get::<_, String>(2)?))
        })?;
        let Some((demand, status)) = found else {
            return Ok(refused(&["fulfillment"], "Fulfillment order does not exist."));
        };
        if status != "OPEN" && status != "IN_PROGRESS" {
            let message = format!("Fulfillment order {id} has an unfulfillable status= {}.", status.to_lowercase());
            return Ok(refused(&["fulfillment"], message));
        }
        if let Some(first) = demands.first() {
            if first.sale != demand.sale {
                return Ok(refused(&["fulfillment"], "All fulfillment orders must belong to the same order."));
            }
            if first.location != demand.location {
                return Ok(refused(&["fulfillment"], "All fulfillment orders must be assigned to the same location."));
            }
            if demands.iter().any(|known| known.id == id) {
                return Ok(refused(&["fulfillment"], "Each fulfillment order may be named once."));
            }
        }
        let named = group.get("fulfillmentOrderLineItems").and_then(Value::as_array).filter(|lines| !lines.is_empty());
        if named.is_some_and(|lines| lines.len() > MOST_LINES) {
            return Ok(refused(&["fulfillment"], format!("At most {MOST_LINES} line items can be fulfilled at once.")));
        }
        match chosen(call, id, named)? {
            Ok(chosen) => parts.extend(chosen),
            Err(message) => return Ok(refused(&["fulfillment"], message)),
        }
        demands.push(demand);
    }
    match demands.first() {
        Some(first) if !parts.is_empty() => {
            let parcel = ship(call, first.sale, first.location, &parts, input.get("trackingInfo"))?;
            for demand in &demands {
                close(call, demand.id)?;
            }
            finish(call, first.sale, &parts, first.location)?;
            Ok(json!({"fulfillment": docs::parcel(call, parcel)?, "userErrors": []}))
        }
        _ => Ok(refused(&["fulfillment"], "There is nothing to fulfill.")),
    }
}

type Chosen = std::result::Result<Vec<Part>, &'static str>;

/// The lines named, or everything that is left.
fn chosen(call: &Call<'_>, demand: i64, named: Option<&Vec<Value>>) -> Result<Chosen> {
    let left: Vec<Part> = call.rows(
        "SELECT d.id, d.line, l.item, d.remaining FROM demand_line d JOIN sale_line l ON l.id = d.line WHERE d.demand = ?1 ORDER BY d.id",
        [demand],
        |row| Ok(Part { demand_line: row.get(0)?, line: row.get(1)?, item: row.get(2)?, quantity: row.get(3)? }),
    )?;
    let Some(named) = named else {
        return Ok(Ok(left.into_iter().filter(|part| part.quantity > 0).collect()));
    };
    let mut left: HashMap<i64, Part> = left.into_iter().map(|part| (part.demand_line, part)).collect();
    let mut chosen = Vec::new();
    for line in named {
        let gid = line.get("id").and_then(Value::as_str).unwrap_or_default();
        let id = ids::number(gid, "FulfillmentOrderLineItem").unwrap_or_default();
        // A line named twice is gone at its second turn.
        let Some(part) = left.remove(&id) else { return Ok(Err("Fulfillment order line item does not exist.")) };
        let quantity = line.get("quantity").and_then(Value::as_i64).unwrap_or_default();
        if quantity <= 0 || quantity > part.quantity {
            return Ok(Err("Invalid fulfillment order line item quantity requested."));
        }
        chosen.push(Part { quantity, ..part });
    }
    Ok(Ok(chosen))
}

fn ship(call: &Call<'_>, sale: i64, location: i64, parts: &[Part], tracking: Option<&Value>) -> Result<i64> {
    let id = call.next_id("parcel", ids::PARCEL)?;
    let name: String = call.db.query_row(
        "SELECT name || '-F' || (1 + (SELECT COUNT(*) FROM parcel WHERE sale = ?1)) FROM sale WHERE id = ?1",
        [sale],
        |row| row.get(0),
    )?;
    let text = |name: &str| tracking.and_then(|given| given.get(name)).and_then(Value::as_str).unwrap_or_default();
    let (company, shown) = (text("company"), numbers(tracking));
    call.run(
        "INSERT INTO parcel VALUES (?1, ?2, ?3, ?4, 'SUCCESS', ?5, ?6, ?7, ?8)",
        (id, sale, name, location, call.millis(), Value::Array(shown.1).to_string(), company, shown.0),
    )?;
    let mut row = call.next_id("parcel_line", ids::PARCEL_LINE)?;
    for part in parts {
        call.run("INSERT INTO parcel_line VALUES (?1, ?2, ?3, ?4)", (row, id, part.line, part.quantity))?;
        call.run("UPDATE demand_line SET remaining = remaining - ?2 WHERE id = ?1", (part.demand_line, part.quantity))?;
        call.run("UPDATE sale_line SET shipped = shipped + ?2 WHERE id = ?1", (part.line, part.quantity))?;
        if let Some(item) = part.item {
            stock::ship(call, item, location, part.quantity)?;
        }
        row = row.saturating_add(1);
    }
    Ok(id)
}

/// All tracking numbers in one text, and `trackingInfo` as the API shows it.
fn numbers(tracking: Option<&Value>) -> (String, Vec<Value>) {
    let Some(tracking) = tracking.filter(|given| !given.is_null()) else { return (String::new(), Vec::new()) };
    let many = |one: &str, all: &str| -> Vec<String> {
        let listed = tracking.get(all).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let single = tracking.get(one).into_iter();
        single.chain(listed).filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (numbers, urls) = (many("number", "numbers"), many("url", "urls"));
    let count = numbers.len().max(urls.len()).max(1);
    let shown = (0..count)
        .map(|at| json!({"company": tracking.get("company"), "number": numbers.get(at), "url": urls.get(at)}))
        .collect();
    (numbers.join(","), shown)
}

fn close(call: &Call<'_>, demand: i64) -> Result<()> {
    call.run(
        "UPDATE demand SET updated = ?2, status = CASE
           WHEN (SELECT SUM(remaining) FROM demand_line WHERE demand = ?1) = 0 THEN 'CLOSED' ELSE 'IN_PROGRESS' END WHERE id = ?1",
        (demand, call.millis()),
    )?;
    Ok(())
}

/// The order's own state, and the webhooks about it.
fn finish(call: &Call<'_>, sale: i64, parts: &[Part], location: i64) -> Result<()> {
    let left: i64 = call.db.prepare_cached(
        "SELECT COALESCE(SUM(l.remaining), 0) FROM demand_line l JOIN demand d ON d.id = l.demand WHERE d.sale = ?1 AND d.status <> 'CANCELLED'",
    )?.query_row([sale], |row| row.get(0))?;
    let (state, topic) =
        if left == 0 { ("full", "orders/fulfilled") } else { ("partial", "orders/partially_fulfilled") };
    call.run("UPDATE sale SET fulfilled = ?2, updated = ?3 WHERE id = ?1", (sale, state, call.millis()))?;
    let mut touched: Vec<(i64, i64)> = parts.iter().filter_map(|part| Some((part.item?, location))).collect();
    touched.sort_unstable();
    touched.dedup();
    stock::announce(call, &touched)?;
    outbox::post(call, &[topic, "orders/updated"], Some(sale), || body::order(call, sale))
}
