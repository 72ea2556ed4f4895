//! Editing an order in the admin: lines are taken off, made fewer or more, or added; what was paid too much then goes back at
//! once when staff say so, and what is owed is paid by the customer (`pay`). And another delivery address.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::call::{Call, body_time};
use super::{body, due, ids, money, office, order_edit, outbox, refund, stock};
use crate::books::Result;
use crate::twin::Answer;

/// An edit.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Edit {
    order: String,
    /// Lines by their code, and how many of them there shall be.
    #[serde(default)]
    set: Vec<Set>,
    #[serde(default)]
    add: Vec<Add>,
    /// What was paid too much goes back with it.
    #[serde(default)]
    refund: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    sku: String,
    quantity: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Add {
    sku: String,
    quantity: i64,
    price: String,
}

/// Where an order is delivered.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Address {
    pub(super) name: String,
    pub(super) address1: String,
    pub(super) city: String,
    pub(super) zip: String,
    /// As the shop names it, `United Kingdom`.
    pub(super) country: String,
}

/// Another delivery address of an order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Move {
    order: String,
    address: Address,
}

/// What an edit has done so far.
#[derive(Default)]
pub(super) struct Done {
    additions: Vec<Value>,
    removals: Vec<Value>,
    touched: Vec<(i64, i64)>,
}

fn refused(why: &str) -> Answer {
    Answer::json(409, &json!({"error": why}))
}

/// `edit`: all of it or nothing.
pub(super) fn edit(call: &Call<'_>, given: &Edit) -> Result<Answer> {
    call.db.execute_batch("SAVEPOINT edit")?;
    let answer = edited(call, given)?;
    let undo = if answer.status == 200 { "" } else { "ROLLBACK TO edit;" };
    call.db.execute_batch(&format!("{undo} RELEASE edit"))?;
    Ok(answer)
}

fn edited(call: &Call<'_>, given: &Edit) -> Result<Answer> {
    let open = "SELECT id FROM sale WHERE name = ?1 AND cancelled IS NULL";
    let Some(sale) = call.row(open, [&given.order], |row| row.get::<_, i64>(0))? else {
        return Ok(refused("there is no order of that name that can be edited"));
    };
    let mut done = Done::default();
    for set in &given.set {
        let line: Option<i64> = call.row(
            "SELECT id FROM sale_line WHERE sale = ?1 AND sku = ?2 ORDER BY id LIMIT 1",
            (sale, &set.sku),
            |row| row.get(0),
        )?;
        let Some(line) = line else { return Ok(refused("the order has no line of that code")) };
        if let Some(why) = self::set(call, sale, (line, set.quantity), &mut done)? {
            return Ok(refused(why));
        }
    }
    for added in &given.add {
        let variant: Option<i64> = call.row("SELECT id FROM variant WHERE sku = ?1", [&added.sku], |row| row.get(0))?;
        let Some(variant) = variant else { return Ok(refused("the shop has no variant of that code")) };
        let Some((price, _)) = money::minor(&added.price) else { return Ok(refused("that is no price")) };
        if let Some(why) = add(call, sale, (variant, added.quantity, price), &mut done)? {
            return Ok(refused(why));
        }
    }
    order_edit::by_hand(call, sale)?;
    tell(call, sale, done, None)?;
    let back = if given.refund { office::give_balance_back(call, sale)? } else { Ok(0) };
    let owed = due::sum(call, sale)?.outstanding;
    Ok(match back {
        Ok(back) => {
            let (back, owed) = (money::text(back), money::text(owed));
            Answer::json(200, &json!({"edited": given.order, "refunded": back, "outstanding": owed}))
        }
        Err(why) => refused(&why),
    })
}

/// What follows from an edit that is made, and the webhooks about it. An app's edit names the app.
pub(super) fn tell(call: &Call<'_>, sale: i64, mut done: Done, note_of_app: Option<&str>) -> Result<()> {
    refund::close(call, sale)?;
    call.run("UPDATE sale SET updated = ?2 WHERE id = ?1", (sale, call.millis()))?;
    call.count("orders.edited", 1)?;
    done.touched.sort_unstable();
    done.touched.dedup();
    stock::announce(call, &done.touched)?;
    let app = note_of_app.map(|_| 580_111);
    let told = json!({"order_edit": {"id": call.millis(), "app_id": app, "created_at": body_time(call.millis()),
        "notify_customer": false, "order_id": sale, "reason": "", "staff_note": note_of_app.unwrap_or_default(), "user_id": null,
        "line_items": {"additions": done.additions, "removals": done.removals},
        "discounts": {"line_item": {"additions": [], "removals": []}}, "shipping_lines": {"additions": [], "removals": []}}});
    outbox::post(call, &["orders/edited"], Some(sale), || Ok(told.clone()))?;
    outbox::post(call, &["orders/updated"], Some(sale), || body::order(call, sale))
}

/// `address`: it is delivered elsewhere.
pub(super) fn deliver_to(call: &Call<'_>, given: &Move) -> Result<Answer> {
    let open = "SELECT id FROM sale WHERE name = ?1 AND cancelled IS NULL";
    let Some(sale) = call.row(open, [&given.order], |row| row.get::<_, i64>(0))? else {
        return Ok(refused("there is no order of that name that can be edited"));
    };
    let address = serde_json::to_string(&given.address).unwrap_or_default();
    call.run("INSERT OR REPLACE INTO sale_address VALUES (?1, ?2)", (sale, address))?;
    call.run("UPDATE sale SET updated = ?2 WHERE id = ?1", (sale, call.millis()))?;
    outbox::post(call, &["orders/updated"], Some(sale), || body::order(call, sale))?;
    Ok(Answer::json(200, &json!({"moved": given.order})))
}

/// The address that somebody has given an order since it was sold.
pub(super) fn address(call: &Call<'_>, sale: i64) -> Result<Option<Address>> {
    let found = call.row("SELECT address FROM sale_address WHERE sale = ?1", [sale], |row| row.get::<_, String>(0))?;
    Ok(found.and_then(|text| serde_json::from_str(&text).ok()))
}

/// So many of a line; why not.
pub(super) fn set(
    call: &Call<'_>,
    sale: i64,
    (id, quantity): (i64, i64),
    done: &mut Done,
) -> Result<Option<&'static str>> {
    let found: Option<(i64, i64)> =
        call.row("SELECT quantity - cancelled, price FROM sale_line WHERE sale = ?1 AND id = ?2", (sale, id), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let (Some((current, price)), Some(line)) = (found, refund::line(call, sale, id)?) else {
        return Ok(Some("the order has no such line"));
    };
    let delta = quantity.saturating_sub(current);
    if quantity < 0 || line.open.saturating_add(delta) < 0 {
        return Ok(Some("what has shipped cannot be edited away"));
    }
    if delta < 0 {
        let units = delta.saturating_neg();
        done.touched.extend(refund::take_off(call, id, line.item, units)?);
        done.removals.push(json!({"id": id, "delta": units}));
    } else if delta > 0 {
        let demand = demand(call, sale)?;
        call.run("UPDATE sale_line SET quantity = quantity + ?2 WHERE id = ?1", (id, delta))?;
        call.run("UPDATE sale SET total = total + ?2 WHERE id = ?1", (sale, price.saturating_mul(delta)))?;
        want(call, (demand, id, line.item), delta, done)?;
        done.additions.push(json!({"id": id, "delta": delta}));
    }
    Ok(None)
}

/// A further line of a variant at a price; why not.
pub(super) fn add(
    call: &Call<'_>,
    sale: i64,
    (variant, quantity, price): (i64, i64, i64),
    done: &mut Done,
) -> Result<Option<&'static str>> {
    let found: Option<(i64, String, String)> =
        call.row("SELECT item, sku, title FROM variant WHERE id = ?1", [variant], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let Some((item, sku, title)) = found else { return Ok(Some("the shop has no such variant")) };
    if quantity < 1 {
        return Ok(Some("a line that is added has a quantity"));
    }
    let id = call.next_id("sale_line", ids::LINE)?;
    call.run(
        "INSERT INTO sale_line(id, sale, variant, item, sku, title, quantity, price, shipped) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)",
        (id, sale, variant, item, &sku, &title, quantity, price),
    )?;
    let demand = demand(call, sale)?;
    want(call, (demand, id, Some(item)), quantity, done)?;
    call.run("UPDATE sale SET total = total + ?2 WHERE id = ?1", (sale, price.saturating_mul(quantity)))?;
    done.additions.push(json!({"id": id, "delta": quantity}));
    Ok(None)
}

/// The fulfilment order that takes more: the first open one, or a new one where the first was.
fn demand(call: &Call<'_>, sale: i64) -> Result<i64> {
    let open = "SELECT id FROM demand WHERE sale = ?1 AND status IN ('OPEN', 'IN_PROGRESS') ORDER BY id LIMIT 1";
    if let Some(open) = call.row(open, [sale], |row| row.get(0))? {
        return Ok(open);
    }
    let id = call.next_id("demand", ids::DEMAND)?;
    call.run(
        "INSERT INTO demand SELECT ?1, ?2, COALESCE((SELECT location FROM demand WHERE sale = ?2 ORDER BY id LIMIT 1),
           (SELECT MIN(id) FROM location)), 'OPEN', ?3, ?3",
        (id, sale, call.millis()),
    )?;
    Ok(id)
}

fn want(call: &Call<'_>, (demand, line, item): (i64, i64, Option<i64>), units: i64, done: &mut Done) -> Result<()> {
    let more = call.run(
        "UPDATE demand_line SET total = total + ?3, remaining = remaining + ?3 WHERE demand = ?1 AND line = ?2",
        (demand, line, units),
    )?;
    if more == 0 {
        let row = call.next_id("demand_line", ids::DEMAND_LINE)?;
        call.run("INSERT INTO demand_line VALUES (?1, ?2, ?3, ?4, ?4)", (row, demand, line, units))?;
    }
    if let Some(item) = item {
        let location: i64 =
            call.db.query_row("SELECT location FROM demand WHERE id = ?1", [demand], |row| row.get(0))?;
        stock::commit(call, item, location, units)?;
        done.touched.push((item, location));
    }
    Ok(())
}
