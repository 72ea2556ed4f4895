//! The operator's verbs of the shop: sell, cancel, edit, address, pay, refund, return, settle, ledger, customer, webhooks and their pace, redeliver,
//! resend, progress, plan.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::call::Call;
use super::cancelling::{self, Wish};
use super::payment::Tender;
use super::sale::{self, Sold, Terms};
use super::{docs, editing, office, outbox, people, tally};
use crate::books::Result;
use crate::orderbook::Order;
use crate::twin::{Answer, Seen};

/// Topics an app's configuration subscribes to unless told otherwise. `inventory_levels/update` fires for every line
/// of every sale and `order_transactions/create` for every payment: they have to be asked for.
const TOPICS: [&str; 12] = [
    "orders/create",
    "orders/updated",
    "orders/edited",
    "orders/cancelled",
    "orders/fulfilled",
    "orders/partially_fulfilled",
    "refunds/create",
    "returns/request",
    "returns/approve",
    "returns/decline",
    "customers/create",
    "customers/update",
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sell {
    orders: Vec<Order>,
    /// By order name: what it was paid with, in parts; the rest, or all of it, with the shop's own gateway.
    #[serde(default)]
    tenders: BTreeMap<String, Vec<Tender>>,
    /// By order name: code of the location where the customer collects it.
    #[serde(default)]
    pickups: BTreeMap<String, String>,
    /// Names of orders of which nothing is paid yet.
    #[serde(default)]
    unpaid: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cancel {
    order: String,
    #[serde(default = "customer")]
    reason: String,
    /// Gives back all that was paid and is not given back yet.
    #[serde(default)]
    refund: bool,
    #[serde(default = "yes")]
    restock: bool,
}

fn yes() -> bool {
    true
}

fn customer() -> String {
    "CUSTOMER".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Webhooks {
    url: Option<String>,
    secret: Option<String>,
    topics: Option<Vec<String>>,
    name: Option<String>,
    duplicates_per_mille: Option<u32>,
    reorder_per_mille: Option<u32>,
    rate_per_second: Option<u64>,
    senders: Option<u64>,
    retry_gap_ms: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resend {
    order: String,
    topic: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    restore_rate: Option<u32>,
    concurrent: Option<u32>,
    /// The next transactions of refunds are pending until `settle`.
    pend_refunds: Option<u32>,
    /// The next transactions of refunds fail.
    fail_refunds: Option<u32>,
    /// So many looks pass before the next cancellation's job is done.
    slow_jobs: Option<u32>,
    /// The jobs of the next cancellations fail.
    fail_jobs: Option<u32>,
    /// The next fulfilment orders cannot be moved.
    unmovable: Option<u32>,
}

/// Turns one verb; `None` when there is no such verb.
pub(super) fn turn(call: &Call<'_>, verb: &str, seen: &Seen) -> Result<Option<Answer>> {
    let read_order = || seen.parameter("order").unwrap_or_default();
    Ok(Some(match (seen.method.as_str(), verb) {
        ("POST", "sell") => read(seen, |given| sell(call, &given))?,
        ("POST", "cancel") => read(seen, |given: Cancel| {
            let Some(sale) = call.row("SELECT id FROM sale WHERE name = ?1", [&given.order], |row| row.get(0))? else {
                return Ok(refused(409, "there is no order of that name"));
            };
            let wish = Wish { reason: &given.reason, restock: given.restock, refund: given.refund };
            Ok(match cancelling::cancel(call, sale, wish)? {
                Ok(()) => Answer::json(200, &json!({"cancelled": given.order})),
                Err(why) => refused(409, &why),
            })
        })?,
        ("POST", "edit") => read(seen, |given| editing::edit(call, &given))?,
        ("POST", "pay") => read(seen, |given| office::pay(call, &given))?,
        ("POST", "address") => read(seen, |given| editing::deliver_to(call, &given))?,
        ("POST", "refund") => read(seen, |given| office::refund(call, &given))?,
        ("POST", "return") => read(seen, |given| office::returned(call, &given))?,
        ("POST", "settle") => read(seen, |given| office::settle(call, &given))?,
        ("POST", "customer") => read(seen, |given| people::change(call, &given))?,
        ("GET", "ledger") => office::ledger(call)?,
        ("POST", "webhooks") => read(seen, |given| webhooks(call, &given))?,
        ("GET", "webhooks") => Answer::json(200, &shown(call)?),
        ("POST", "redeliver") => {
            let due = call.run("UPDATE delivery SET due = ?1 WHERE state = 'pending'", [call.millis()])?;
            let revived = call.run(
                "UPDATE delivery SET state = 'pending', attempts = 0, due = ?1 WHERE state = 'given_up'",
                [call.millis()],
            )?;
            Answer::json(200, &json!({"due": due, "revived": revived}))
        }
        ("POST", "resend") => read(seen, |given| resend(call, &given))?,
        ("GET", "resend") => Answer::json(200, &deliveries(call, &read_order())?),
        ("GET", "body") => posted(call, &read_order(), &seen.parameter("topic").unwrap_or_default())?,
        ("GET", "orders") => match call.row("SELECT id FROM sale WHERE name = ?1", [read_order()], |row| row.get(0))? {
            Some(id) => Answer::json(200, &docs::order(call, id)?.unwrap_or_default()),
            None => refused(404, "there is no order of that name"),
        },
        ("GET", "progress") => {
            let orders: i64 = call.db.query_row("SELECT COUNT(*) FROM sale", [], |row| row.get(0))?;
            let webhooks = tally::webhooks(call.db)?;
            let idle = webhooks.get("pending").and_then(Value::as_i64) == Some(0);
            Answer::json(200, &json!({"orders": orders, "webhooks": webhooks, "idle": idle}))
        }
        ("POST", "plan") => read(seen, |given: Plan| {
            if let Some(rate) = given.restore_rate {
                call.set("restore_rate", &rate.to_string())?;
                call.run("UPDATE bucket SET available_milli = -1", [])?;
            }
            let times = [
                ("concurrent", given.concurrent),
                ("pend_refunds", given.pend_refunds),
                ("fail_refunds", given.fail_refunds),
                ("slow_jobs", given.slow_jobs),
                ("fail_jobs", given.fail_jobs),
                ("unmovable", given.unmovable),
            ];
            for (name, times) in times {
                if let Some(times) = times {
                    call.set(name, &times.to_string())?;
                }
            }
            Ok(Answer::json(200, &json!({"done": "plan"})))
        })?,
        _ => return Ok(None),
    }))
}

fn read<T: for<'de> Deserialize<'de>>(seen: &Seen, work: impl FnOnce(T) -> Result<Answer>) -> Result<Answer> {
    match serde_json::from_slice(&seen.body) {
        Ok(given) => work(given),
        Err(err) => Ok(refused(400, &err.to_string())),
    }
}

fn refused(status: u16, why: &str) -> Answer {
    Answer::json(status, &json!({"error": why}))
}

fn sell(call: &Call<'_>, given: &Sell) -> Result<Answer> {
    let (mut accepted, mut known, mut refused, mut rounded) = (0_u64, 0_u64, Vec::new(), Vec::new());
    for order in &given.orders {
        let tenders = given.tenders.get(&order.name).map(Vec::as_slice).unwrap_or_default();
        let pickup = given.pickups.get(&order.name).map(String::as_str);
        let unpaid = given.unpaid.contains(&order.name);
        match sale::sell(call, order, &Terms { tenders, pickup, unpaid }, &mut rounded)? {
            Sold::Accepted => accepted = accepted.saturating_add(1),
            Sold::Known => known = known.saturating_add(1),
            Sold::Refused(why) => refused.push(json!({"name": order.name, "why": why})),
        }
    }
    Ok(Answer::json(200, &json!({"accepted": accepted, "known": known, "refused": refused, "rounded": rounded})))
}

fn webhooks(call: &Call<'_>, given: &Webhooks) -> Result<Answer> {
    if given.retry_gap_ms.is_some_and(|gap| gap < 1) || given.senders == Some(0) {
        return Ok(refused(400, "retry_gap_ms and senders are at least 1"));
    }
    let settings = [
        ("secret", given.secret.clone()),
        ("duplicates_per_mille", given.duplicates_per_mille.map(|rate| rate.to_string())),
        ("reorder_per_mille", given.reorder_per_mille.map(|rate| rate.to_string())),
        ("rate_per_second", given.rate_per_second.map(|rate| rate.to_string())),
        ("senders", given.senders.map(|senders| senders.to_string())),
        ("retry_gap_ms", given.retry_gap_ms.map(|gap| gap.to_string())),
    ];
    for (name, value) in settings {
        if let Some(value) = value {
            call.set(name, &value)?;
        }
    }
    if let Some(url) = &given.url {
        call.run("DELETE FROM subscription WHERE by_api = 0", [])?;
        let topics = given.topics.clone().unwrap_or_else(|| TOPICS.map(str::to_owned).to_vec());
        for topic in &topics {
            outbox::subscribe(call, topic, url, given.name.as_deref(), false)?;
        }
    }
    Ok(Answer::json(200, &shown(call)?))
}

fn shown(call: &Call<'_>) -> Result<Value> {
    let subscriptions = call.rows("SELECT topic, url, by_api FROM subscription ORDER BY id", [], |row| {
        Ok(json!({"topic": row.get::<_, String>(0)?, "url": row.get::<_, String>(1)?, "by_api": row.get::<_, bool>(2)?}))
    })?;
    let setting =
        |name: &str| Ok::<_, rusqlite::Error>(call.setting(name)?.and_then(|value| value.parse::<i64>().ok()));
    Ok(json!({"subscriptions": subscriptions, "duplicates_per_mille": setting("duplicates_per_mille")?.unwrap_or(0),
        "reorder_per_mille": setting("reorder_per_mille")?.unwrap_or(0), "rate_per_second": setting("rate_per_second")?,
        "senders": setting("senders")?.unwrap_or_else(|| i64::try_from(call.config.senders).unwrap_or(1)),
        "retry_gap_ms": setting("retry_gap_ms")?.unwrap_or(super::sender::FIRST_GAP)}))
}

fn resend(call: &Call<'_>, given: &Resend) -> Result<Answer> {
    let ids: Vec<i64> = call.rows(
        "SELECT d.id FROM delivery d JOIN sale s ON s.id = d.sale WHERE s.name = ?1 AND d.duplicate = 0 AND (?2 IS NULL OR d.topic = ?2) ORDER BY d.id",
        (&given.order, &given.topic),
        |row| row.get(0),
    )?;
    for id in &ids {
        outbox::again(call, *id, call.millis())?;
    }
    Ok(if ids.is_empty() {
        refused(404, "no webhook of that order and topic was ever written")
    } else {
        Answer::json(200, &json!({"resent": ids.len()}))
    })
}

/// The newest body of that order and topic, byte for byte as it was or will be sent.
fn posted(call: &Call<'_>, order: &str, topic: &str) -> Result<Answer> {
    let sql = "SELECT d.body FROM delivery d JOIN sale s ON s.id = d.sale WHERE s.name = ?1 AND d.topic = ?2 ORDER BY d.id DESC LIMIT 1";
    let packed: Option<Vec<u8>> = call.row(sql, (order, topic), |row| row.get(0))?;
    Ok(match packed {
        Some(packed) => {
            let body = outbox::unpack(&packed).into();
            Answer { body, ..Answer::empty(200) }.header("Content-Type", "application/json")
        }
        None => refused(404, "no webhook of that order and topic was ever written"),
    })
}

fn deliveries(call: &Call<'_>, order: &str) -> Result<Value> {
    let found = call.rows(
        "SELECT d.topic, d.webhook, d.event, d.state, d.attempts, d.status, d.duplicate, d.late, d.triggered FROM delivery d
         JOIN sale s ON s.id = d.sale WHERE s.name = ?1 ORDER BY d.id",
        [order],
        |row| {
            Ok(json!({"topic": row.get::<_, String>(0)?, "webhook_id": row.get::<_, String>(1)?, "event_id": row.get::<_, String>(2)?,
                "state": row.get::<_, String>(3)?, "attempts": row.get::<_, i64>(4)?, "status": row.get::<_, Option<u16>>(5)?,
                "duplicate": row.get::<_, bool>(6)?, "reordered": row.get::<_, bool>(7)?, "triggered_at": row.get::<_, String>(8)?}))
        },
    )?;
    Ok(json!({"order": order, "deliveries": found}))
}
