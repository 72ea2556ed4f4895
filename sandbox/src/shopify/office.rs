//! What the shop's staff and customers do by hand: refunds made in the admin, returns asked for or opened, and what
//! became of refunds that were pending.

use serde::Deserialize;
use serde_json::{Value, json};

use super::call::Call;
use super::payment::{self, Capture};
use super::rma::Wish;
use super::{due, ids, money, refund, rma};
use crate::books::Result;
use crate::twin::Answer;

/// The number of the member of staff who makes refunds in the admin.
const STAFF: i64 = 799_407_056;

/// A line by its number or by its code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    line: Option<i64>,
    sku: Option<String>,
    quantity: i64,
    #[serde(default = "other")]
    reason: String,
    #[serde(default)]
    note: String,
}

fn other() -> String {
    "other".to_owned()
}

/// A refund in the admin.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Refund {
    order: String,
    #[serde(default)]
    lines: Vec<Named>,
    /// What is given back; what lines and postage come to unless it is said. `0` moves no money.
    amount: Option<String>,
    /// What of it is postage.
    shipping: Option<String>,
    /// Puts the goods back: fulfilled ones as returned, the others as cancelled.
    #[serde(default)]
    restock: bool,
    note: Option<String>,
}

/// A return.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Return {
    order: String,
    lines: Vec<Named>,
    /// Opened by staff instead of asked for by the customer.
    #[serde(default)]
    staff: bool,
}

/// What became of pending refunds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settle {
    order: String,
    success: bool,
}

/// A payment of what is owed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Paid {
    order: String,
}

fn refused(status: u16, why: &str) -> Answer {
    Answer::json(status, &json!({"error": why}))
}

fn sale(call: &Call<'_>, name: &str) -> Result<Option<i64>> {
    call.row("SELECT id FROM sale WHERE name = ?1", [name], |row| row.get(0))
}

/// `refund`.
pub(super) fn refund(call: &Call<'_>, given: &Refund) -> Result<Answer> {
    let Some(sale) = sale(call, &given.order)? else { return Ok(refused(404, "there is no order of that name")) };
    let (mut lines, mut sum) = (Vec::new(), 0_i64);
    for named in &given.lines {
        let parts = match parts(call, sale, named)? {
            Ok(parts) => parts,
            Err(why) => return Ok(refused(409, &why)),
        };
        for (line, quantity) in parts {
            let price: i64 =
                call.db.query_row("SELECT price FROM sale_line WHERE id = ?1", [line], |row| row.get(0))?;
            sum = sum.saturating_add(price.saturating_mul(quantity));
            let open = refund::line(call, sale, line)?.map_or(0, |line| line.open);
            let cancelled = if given.restock { open.min(quantity) } else { 0 };
            let rest = if given.restock { "RETURN" } else { "NO_RESTOCK" };
            for (kind, units) in [("CANCEL", cancelled), (rest, quantity.saturating_sub(cancelled))] {
                if units > 0 {
                    lines.push(
                        json!({"lineItemId": ids::gid("LineItem", line), "quantity": units, "restockType": kind}),
                    );
                }
            }
        }
    }
    let amount = |text: &Option<String>| text.as_deref().map(|text| money::minor(text).map_or(-1, |(minor, _)| minor));
    let postage = amount(&given.shipping);
    let wanted = amount(&given.amount).unwrap_or_else(|| sum.saturating_add(postage.unwrap_or(0)));
    if wanted < 0 || postage.is_some_and(|postage| postage < 0) {
        return Ok(refused(400, "amount and shipping are amounts such as 12.30"));
    }
    let order = ids::gid("Order", sale);
    let input = json!({"orderId": order, "note": given.note, "refundLineItems": lines,
        "shipping": given.shipping.as_ref().map(|amount| json!({"amount": amount})),
        "transactions": tenders(&order, payment::captures(call, sale)?, wanted)});
    Ok(match refund::judge(call, &input)? {
        Ok(judged) => {
            let id = refund::make(call, &judged, Some(STAFF))?;
            Answer::json(200, &json!({"refund": id, "amount": money::text(wanted)}))
        }
        Err((field, message)) => refused(409, &format!("{}: {message}", field.join("."))),
    })
}

/// Gives back all that was paid and is not given back yet, with every line that is left; says why it cannot.
pub(super) fn give_all_back(call: &Call<'_>, sale: i64, restock: bool) -> Result<std::result::Result<(), String>> {
    let ids: Vec<i64> = call.rows("SELECT id FROM sale_line WHERE sale = ?1 ORDER BY id", [sale], |row| row.get(0))?;
    let mut lines = Vec::new();
    for id in ids {
        let Some(line) = refund::line(call, sale, id)?.filter(|line| line.refundable > 0) else { continue };
        let kind = if restock && line.item.is_some() { "CANCEL" } else { "NO_RESTOCK" };
        let units = if kind == "CANCEL" { line.open.min(line.refundable) } else { line.refundable };
        if units > 0 {
            lines.push(json!({"lineItemId": ids::gid("LineItem", id), "quantity": units, "restockType": kind}));
        }
    }
    let captures = payment::captures(call, sale)?;
    let left = captures.iter().fold(0_i64, |sum, capture| sum.saturating_add(capture.left));
    let order = ids::gid("Order", sale);
    let money = tenders(&order, captures, left);
    if money.is_empty() {
        return Ok(Ok(()));
    }
    let input = json!({"orderId": order, "note": null, "refundLineItems": lines, "shipping": {"fullRefund": true},
        "transactions": money});
    Ok(match refund::judge(call, &input)? {
        Ok(judged) => refund::make(call, &judged, Some(STAFF)).map(|_| Ok(()))?,
        Err((field, message)) => Err(format!("{}: {message}", field.join("."))),
    })
}

/// The oldest tender first. What is more than was paid stays with the last one, which the shop then refuses.
fn tenders(order: &str, captures: Vec<Capture>, amount: i64) -> Vec<Value> {
    let (mut left, mut money) = (amount, Vec::new());
    let last = captures.len().saturating_sub(1);
    for (at, capture) in captures.into_iter().enumerate() {
        let part = if at == last { left } else { capture.left.min(left) };
        if part > 0 {
            left = left.saturating_sub(part);
            money
                .push(json!({"orderId": order, "parentId": ids::gid("OrderTransaction", capture.id), "kind": "REFUND",
                "gateway": capture.gateway, "amount": money::text(part)}));
        }
    }
    money
}

/// Which lines are meant; a code may stand on several.
fn parts(call: &Call<'_>, sale: i64, named: &Named) -> Result<std::result::Result<Vec<(i64, i64)>, String>> {
    let sku = match (named.line, &named.sku) {
        (Some(line), _) => return Ok(Ok(vec![(line, named.quantity)])),
        (None, Some(sku)) => sku,
        (None, None) => return Ok(Err("a line is named by line or sku".to_owned())),
    };
    let lines: Vec<i64> =
        call.rows("SELECT id FROM sale_line WHERE sale = ?1 AND sku = ?2 ORDER BY id", (sale, sku), |row| row.get(0))?;
    let (mut left, mut parts) = (named.quantity, Vec::new());
    for line in lines {
        let units = refund::line(call, sale, line)?.map_or(0, |line| line.refundable).min(left);
        if units > 0 {
            left = left.saturating_sub(units);
            parts.push((line, units));
        }
    }
    Ok(if left == 0 && named.quantity > 0 {
        Ok(parts)
    } else {
        Err(format!("less than {} of {sku} are left", named.quantity))
    })
}

/// `pay`: the customer pays what is owed.
pub(super) fn pay(call: &Call<'_>, given: &Paid) -> Result<Answer> {
    let Some(sale) = sale(call, &given.order)? else { return Ok(refused(404, "there is no order of that name")) };
    Ok(match payment::settle_due(call, sale)? {
        Some(amount) => Answer::json(200, &json!({"paid": money::text(amount)})),
        None => refused(409, "nothing is owed for that order"),
    })
}

/// Gives back what was paid for an order beyond what it comes to now; answers how much.
pub(super) fn give_balance_back(call: &Call<'_>, sale: i64) -> Result<std::result::Result<i64, String>> {
    let over = due::sum(call, sale)?.outstanding.saturating_neg();
    if over <= 0 {
        return Ok(Ok(0));
    }
    let order = ids::gid("Order", sale);
    let input =
        json!({"orderId": order, "note": null, "transactions": tenders(&order, payment::captures(call, sale)?, over)});
    Ok(match refund::judge(call, &input)? {
        Ok(judged) => refund::make(call, &judged, Some(STAFF)).map(|_| Ok(over))?,
        Err((field, message)) => Err(format!("{}: {message}", field.join("."))),
    })
}

/// `return`.
pub(super) fn returned(call: &Call<'_>, given: &Return) -> Result<Answer> {
    let Some(sale) = sale(call, &given.order)? else { return Ok(refused(404, "there is no order of that name")) };
    let mut wishes = Vec::new();
    for named in &given.lines {
        match parts(call, sale, named)? {
            Ok(parts) => wishes.extend(parts.into_iter().map(|(line, quantity)| Wish {
                line,
                quantity,
                reason: named.reason.clone(),
                note: named.note.clone(),
            })),
            Err(why) => return Ok(refused(409, &why)),
        }
    }
    Ok(match rma::open(call, sale, &wishes, given.staff)? {
        Ok(id) => Answer::json(200, &json!({"return": id})),
        Err(why) => refused(409, &why),
    })
}

/// `settle`.
pub(super) fn settle(call: &Call<'_>, given: &Settle) -> Result<Answer> {
    let Some(sale) = sale(call, &given.order)? else { return Ok(refused(404, "there is no order of that name")) };
    let settled = payment::settle(call, sale, if given.success { "SUCCESS" } else { "FAILURE" })?;
    Ok(if settled == 0 {
        refused(409, "no refund of that order is pending")
    } else {
        Answer::json(200, &json!({"settled": settled}))
    })
}

/// What came in and went back, order by order; orders without money are left out.
pub(super) fn ledger(call: &Call<'_>) -> Result<Answer> {
    let sql = "SELECT s.name, SUM(CASE WHEN p.kind IN ('SALE', 'CAPTURE') THEN p.amount ELSE 0 END),
          SUM(CASE WHEN p.kind = 'REFUND' THEN p.amount ELSE 0 END)
        FROM payment p JOIN sale s ON s.id = p.sale WHERE p.status = 'SUCCESS' GROUP BY p.sale ORDER BY p.sale";
    let orders = call.rows(sql, [], |row| {
        Ok(json!({"order": row.get::<_, String>(0)?, "captured": money::text(row.get(1)?), "refunded": money::text(row.get(2)?)}))
    })?;
    Ok(Answer::json(200, &json!({"orders": orders})))
}
