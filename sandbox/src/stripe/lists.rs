//! Lists, newest first, with cursors ("Pagination"), and objects in place of their ids ("Expanding responses").

use rusqlite::types::Value as Sql;
use serde_json::{Value, json};

use super::call::{Call, put, text};
use super::events;
use super::fault::{Done, Refusal};
use super::params::Params;
use crate::books::Result;

/// "30 days" of events.
const EVENTS_KEPT: i64 = 30 * 86_400;
/// Members that hold the id of another object, and its kind.
const EXPANDABLE: [(&str, &str); 4] = [
    ("latest_charge", "charge"),
    ("charge", "charge"),
    ("payment_intent", "payment_intent"),
    ("balance_transaction", "balance_transaction"),
];

/// A page of rows before it is shown.
struct Page {
    rows: Vec<(i64, String)>,
    has_more: bool,
}

/// `GET /v1/charges` and the like.
pub(super) fn objects(call: &Call<'_>, kind: &'static str, url: &str, params: &Params) -> Done {
    let hangs = ["charge", "payment_intent"];
    let mut known = vec!["created", "ending_before", "expand", "limit", "starting_after"];
    if ["refund", "dispute"].contains(&kind) {
        known.extend(hangs);
    } else if kind == "charge" {
        known.push("payment_intent");
    } else if kind == "payment_intent" {
        known.push("customer");
    }
    params.known(&known)?;
    let (mut filter, mut values) = ("kind = ?".to_owned(), vec![Sql::from(kind.to_owned())]);
    for (name, column) in [("charge", "charge"), ("payment_intent", "intent")] {
        if let Some(id) = params.text(name) {
            filter.push_str(&format!(" AND {column} = ?"));
            values.push(Sql::from(id.to_owned()));
        }
    }
    if let Some(customer) = params.text("customer") {
        filter.push_str(" AND json_extract(body, '$.customer') = ?");
        values.push(Sql::from(customer.to_owned()));
    }
    created(params, "created / 1000", &mut filter, &mut values)?;
    let page = page(call, "object", params, &filter, &values)?;
    let data = page.rows.iter().filter_map(|(_, body)| serde_json::from_str(body).ok()).collect::<Vec<Value>>();
    Ok(shown(url, data, page.has_more))
}

/// `GET /v1/events`.
pub(super) fn events(call: &Call<'_>, params: &Params) -> Done {
    params.known(&["created", "ending_before", "expand", "limit", "starting_after", "type", "types"])?;
    let types = params.list("types");
    if types.len() > 20 || (!types.is_empty() && params.text("type").is_some()) {
        let message = "You may pass up to 20 names in types, or type, but not both.";
        return Err(Refusal::parameter("parameter_invalid_enum", "types", message).into());
    }
    let since = call.seconds().saturating_sub(EVENTS_KEPT);
    let (mut filter, mut values) = ("created >= ?".to_owned(), vec![Sql::from(since)]);
    if let Some(kind) = params.text("type") {
        // "or group of events using * as a wildcard"
        filter.push_str(" AND type GLOB ?");
        values.push(Sql::from(kind.to_owned()));
    }
    if !types.is_empty() {
        filter.push_str(&format!(" AND type IN ({})", vec!["?"; types.len()].join(", ")));
        values.extend(types.iter().map(|kind| Sql::from((*kind).to_owned())));
    }
    created(params, "created", &mut filter, &mut values)?;
    let page = page(call, "event", params, &filter, &values)?;
    let data = page.rows.iter().map(|(seq, body)| events::shown(call, *seq, body)).collect::<Result<Vec<Value>>>()?;
    Ok(shown("/v1/events", data, page.has_more))
}

/// `GET /v1/events/{id}`.
pub(super) fn event(call: &Call<'_>, id: &str) -> Done {
    let sql = "SELECT seq, body FROM event WHERE id = ?1 AND created >= ?2";
    let since = call.seconds().saturating_sub(EVENTS_KEPT);
    let mut found = call.db.prepare_cached(sql)?;
    let mut rows = found.query((id, since))?;
    match rows.next()? {
        Some(row) => Ok(events::shown(call, row.get(0)?, &row.get::<_, String>(1)?)?),
        None => Err(Refusal::missing("event", id, "id", true).into()),
    }
}

fn created(
    params: &Params,
    column: &str,
    filter: &mut String,
    values: &mut Vec<Sql>,
) -> std::result::Result<(), Refusal> {
    for (name, sign) in
        [("created[gt]", ">"), ("created[gte]", ">="), ("created[lt]", "<"), ("created[lte]", "<="), ("created", "=")]
    {
        if let Some(bound) = params.integer(name)? {
            filter.push_str(&format!(" AND {column} {sign} ?"));
            values.push(Sql::from(bound));
        }
    }
    Ok(())
}

/// How many a page holds.
pub(super) fn limit(params: &Params) -> std::result::Result<i64, Refusal> {
    let limit = params.integer("limit")?.unwrap_or(10);
    if (1..=100).contains(&limit) {
        return Ok(limit);
    }
    Err(Refusal::parameter("parameter_invalid_integer", "limit", "This value must be between 1 and 100."))
}

fn page(call: &Call<'_>, table: &str, params: &Params, filter: &str, values: &[Sql]) -> Done<Page> {
    let limit = limit(params)?;
    let (older, newer) = (params.text("starting_after"), params.text("ending_before"));
    let at = |name: &str, id: &str| -> Done<i64> {
        let sql = format!("SELECT seq FROM {table} WHERE id = ?1");
        let mut found = call.db.prepare_cached(&sql)?;
        let mut rows = found.query([id])?;
        let row = rows.next()?.map(|row| row.get(0)).transpose()?;
        row.ok_or_else(|| Refusal::missing(table, id, name, false).into())
    };
    let (bound, order) = match (older, newer) {
        (Some(_), Some(_)) => {
            let message = "You may pass starting_after or ending_before, but not both.";
            return Err(Refusal::parameter("parameter_invalid_enum", "ending_before", message).into());
        }
        (Some(id), None) => (format!("seq < {}", at("starting_after", id)?), "DESC"),
        (None, Some(id)) => (format!("seq > {}", at("ending_before", id)?), "ASC"),
        (None, None) => ("1".to_owned(), "DESC"),
    };
    let more = limit.saturating_add(1);
    let sql = format!("SELECT seq, body FROM {table} WHERE {filter} AND {bound} ORDER BY seq {order} LIMIT {more}");
    let mut found = call.db.prepare_cached(&sql)?;
    let rows = found.query_map(rusqlite::params_from_iter(values), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut rows: Vec<(i64, String)> = rows.collect::<Result<_>>()?;
    let most = usize::try_from(limit).unwrap_or(100);
    let has_more = rows.len() > most;
    rows.truncate(most);
    if newer.is_some() {
        rows.reverse();
    }
    Ok(Page { rows, has_more })
}

fn shown(url: &str, data: Vec<Value>, has_more: bool) -> Value {
    json!({"object": "list", "data": data, "has_more": has_more, "url": url})
}

/// Objects in place of their ids, as `expand[]` asks.
pub(super) fn expand(call: &Call<'_>, mut answer: Value, params: &Params) -> Done {
    for path in params.list("expand") {
        let (listed, member) = match path.strip_prefix("data.") {
            Some(member) => (true, member),
            None => (false, path),
        };
        let Some((member, kind)) = EXPANDABLE.into_iter().find(|(name, _)| *name == member) else {
            let message = format!("This property cannot be expanded ({path}).");
            return Err(Refusal::parameter("parameter_invalid_enum", "expand", message).into());
        };
        let ones: Vec<&mut Value> = match answer.get_mut("data").and_then(Value::as_array_mut) {
            Some(all) if listed => all.iter_mut().collect(),
            _ if listed => Vec::new(),
            _ => vec![&mut answer],
        };
        for one in ones {
            let id = text(one, member).to_owned();
            if let Some(object) = call.load(kind, &id)? {
                put(one, Value::Object([(member.to_owned(), object)].into_iter().collect()));
            }
        }
    }
    Ok(answer)
}
