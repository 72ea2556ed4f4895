//! Selling: an order of the order book becomes an order of the shop, once per name. Stock is committed, a fulfilment
//! order is opened, webhooks are written.

use serde_json::{Value, json};

use super::call::Call;
use super::payment::{self, Tender};
use super::{body, collection, ids, money, outbox, stock};
use crate::books::Result;
use crate::orderbook::{Line, Order};
use crate::seed::ItemKind;

/// Charges that are the carrier's; the shop shows them as shipping lines.
const SHIPPING_CODES: [&str; 3] = ["POST", "DOT", "C2"];

/// What became of an order.
pub(super) enum Sold {
    Accepted,
    /// It was sold before, with the same content.
    Known,
    Refused(String),
}

/// A line after the shop's rounding.
struct Priced<'a> {
    line: &'a Line,
    price: i64,
    /// Variant and inventory item; a custom line has none.
    goods: Option<(i64, i64)>,
}

/// How an order is sold.
pub(super) struct Terms<'a> {
    /// What it is paid with; the shop's own gateway takes the rest.
    pub(super) tenders: &'a [Tender],
    /// Code of the location where the customer collects it.
    pub(super) pickup: Option<&'a str>,
    /// Nothing of it is paid yet.
    pub(super) unpaid: bool,
}

/// Sells one order; every rounded price is added to the list.
pub(super) fn sell(
    call: &Call<'_>,
    order: &Order,
    &Terms { tenders, pickup, unpaid }: &Terms<'_>,
    rounded: &mut Vec<Value>,
) -> Result<Sold> {
    let digest = digest(order);
    let known = call.row("SELECT digest FROM sale WHERE name = ?1", [&order.name], |row| row.get::<_, String>(0))?;
    if let Some(known) = known {
        let other = "an order of that name was sold with another content".to_owned();
        return Ok(if known == digest { Sold::Known } else { Sold::Refused(other) });
    }
    let location = match pickup {
        Some(code) => call.row("SELECT id FROM location WHERE code = ?1", [code], |row| row.get(0))?,
        None => call.row("SELECT MIN(id) FROM location", [], |row| row.get::<_, Option<i64>>(0))?.flatten(),
    };
    let Some(location) = location else {
        return Ok(Sold::Refused("the shop has no such location; seed it first".to_owned()));
    };
    let (mut shipping, mut lines) = (Vec::new(), Vec::new());
    for line in &order.lines {
        match price(call, order, line, rounded)? {
            Ok(priced) if is_shipping(&priced) => shipping.push(priced),
            Ok(priced) => lines.push(priced),
            Err(why) => return Ok(Sold::Refused(why)),
        }
    }
    if lines.is_empty() && shipping.is_empty() {
        return Ok(Sold::Refused("an order needs a line".to_owned()));
    }
    let customer = match order.customer.as_deref().map(str::parse::<i64>) {
        Some(Ok(id)) if id > 0 => Some(id),
        Some(_) => return Ok(Sold::Refused("a customer's id is a positive number".to_owned())),
        None => None,
    };
    if let Some(why) = short(call, location, &lines)? {
        return Ok(Sold::Refused(why));
    }
    let total = sum(&lines).saturating_add(sum(&shipping));
    let payments = match payment::split(total, tenders) {
        Ok(payments) => payments,
        Err(why) => return Ok(Sold::Refused(why)),
    };
    let id = write(call, order, &digest, customer, (&lines, &shipping))?;
    demand(call, id, location, &lines)?;
    if pickup.is_some() {
        collection::open(call, id)?;
    }
    let told: &[&str] = if unpaid { &["orders/create"] } else { &["orders/create", "orders/paid"] };
    if !unpaid {
        payment::take(call, id, &payments)?;
    }
    outbox::post(call, told, Some(id), || body::order(call, id))?;
    Ok(Sold::Accepted)
}

/// Postage that is charged once. A shipping line has no quantity: what is charged several times is a custom line, or a
/// part of it could not be given back.
fn is_shipping(priced: &Priced<'_>) -> bool {
    priced.goods.is_none() && priced.line.quantity == 1 && SHIPPING_CODES.contains(&priced.line.sku.as_str())
}

fn digest(order: &Order) -> String {
    let text = serde_json::to_string(order).unwrap_or_default();
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn price<'a>(
    call: &Call<'_>,
    order: &Order,
    line: &'a Line,
    rounded: &mut Vec<Value>,
) -> Result<std::result::Result<Priced<'a>, String>> {
    if line.quantity <= 0 {
        return Ok(Err(format!("quantity {} of {} is not positive", line.quantity, line.sku)));
    }
    let (price, was_rounded) = match money::minor(&line.price) {
        Some((price, was_rounded)) if price >= 0 => (price, was_rounded),
        _ => return Ok(Err(format!("price {} of {} is no price", line.price, line.sku))),
    };
    if was_rounded {
        rounded.push(json!({"order": order.name, "sku": line.sku, "quantity": line.quantity, "price": line.price, "rounded": money::text(price)}));
    }
    let goods = match line.kind {
        ItemKind::Charge => None,
        ItemKind::Goods => {
            let found = call.row("SELECT id, item FROM variant WHERE sku = ?1", [&line.sku], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
            if found.is_none() {
                return Ok(Err(format!("the shop has no variant {}", line.sku)));
            }
            found
        }
    };
    Ok(Ok(Priced { line, price, goods }))
}

fn sum(lines: &[Priced<'_>]) -> i64 {
    lines.iter().fold(0_i64, |sum, line| sum.saturating_add(line.price.saturating_mul(line.line.quantity)))
}

/// Why the order cannot be had where overselling is not allowed.
fn short(call: &Call<'_>, location: i64, lines: &[Priced<'_>]) -> Result<Option<String>> {
    let mut wanted = std::collections::BTreeMap::new();
    for (line, (variant, item)) in lines.iter().filter_map(|line| Some((line, line.goods?))) {
        let entry: &mut (i64, i64, &str) = wanted.entry(item).or_insert((variant, 0, line.line.sku.as_str()));
        entry.1 = entry.1.saturating_add(line.line.quantity);
    }
    for (item, (variant, quantity, sku)) in wanted {
        let Some(level) = stock::level(call, item, location)? else {
            return Ok(Some(format!("{sku} is not stocked at the shop's location")));
        };
        let policy: Option<String> =
            call.row("SELECT policy FROM variant WHERE id = ?1", [variant], |row| row.get(0))?;
        if policy.as_deref() == Some("DENY") && level.available() < quantity {
            return Ok(Some(format!("only {} of {sku} are left", level.available())));
        }
    }
    Ok(None)
}

fn write(
    call: &Call<'_>,
    order: &Order,
    digest: &str,
    customer: Option<i64>,
    (lines, shipping): (&[Priced<'_>], &[Priced<'_>]),
) -> Result<i64> {
    let total = sum(lines).saturating_add(sum(shipping));
    let id = call.next_id("sale", ids::ORDER)?;
    let number = id.saturating_sub(ids::ORDER).saturating_add(1);
    let fulfilled = if lines.iter().any(|line| line.goods.is_some()) { "none" } else { "nothing" };
    call.run(
        "INSERT INTO sale(id, name, digest, number, created, processed, updated, currency, total, customer, country, fulfilled)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?5, ?7, ?8, ?9, ?10, ?11)",
        (
            id,
            &order.name,
            digest,
            number,
            call.millis(),
            order.placed_at.as_millisecond(),
            call.currency()?,
            total,
            customer,
            &order.country,
            fulfilled,
        ),
    )?;
    let mut row = call.next_id("sale_line", ids::LINE)?;
    for priced in lines {
        let (variant, item) = priced.goods.unzip();
        call.run(
            "INSERT INTO sale_line(id, sale, variant, item, sku, title, quantity, price, shipped) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)",
            (row, id, variant, item, &priced.line.sku, &priced.line.title, priced.line.quantity, priced.price),
        )?;
        row = row.saturating_add(1);
    }
    let mut row = call.next_id("shipping", ids::SHIPPING)?;
    for priced in shipping {
        call.run(
            "INSERT INTO shipping VALUES (?1, ?2, ?3, ?4, ?5)",
            (row, id, &priced.line.sku, &priced.line.title, priced.price),
        )?;
        row = row.saturating_add(1);
    }
    Ok(id)
}

/// Goods are committed and a fulfilment order asks for them.
fn demand(call: &Call<'_>, sale: i64, location: i64, lines: &[Priced<'_>]) -> Result<()> {
    if lines.iter().all(|line| line.goods.is_none()) {
        return Ok(());
    }
    let id = call.next_id("demand", ids::DEMAND)?;
    call.run("INSERT INTO demand VALUES (?1, ?2, ?3, 'OPEN', ?4, ?4)", (id, sale, location, call.millis()))?;
    let wanted: Vec<(i64, Option<i64>, i64)> = call.rows(
        "SELECT id, item, quantity FROM sale_line WHERE sale = ?1 AND variant IS NOT NULL ORDER BY id",
        [sale],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let mut row = call.next_id("demand_line", ids::DEMAND_LINE)?;
    let mut touched = Vec::new();
    for (line, item, quantity) in wanted {
        call.run("INSERT INTO demand_line VALUES (?1, ?2, ?3, ?4, ?4)", (row, id, line, quantity))?;
        if let Some(item) = item {
            stock::commit(call, item, location, quantity)?;
            touched.push((item, location));
        }
        row = row.saturating_add(1);
    }
    touched.sort_unstable();
    touched.dedup();
    stock::announce(call, &touched)
}
