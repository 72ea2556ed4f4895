//! SuiteQL, run by SQLite over the views of the same names ("Executing SuiteQL Queries Through REST Web Services").

mod dates;
mod rewrite;

use rusqlite::types::{Value as Cell, ValueRef};
use serde_json::{Map, Value, json};

pub(super) use dates::install;

use super::{
    desk::Desk,
    fault::{At, Fault},
    render, wire,
};
use crate::twin::{Answer, Seen};

const MOST_ROWS: usize = 100_000;

/// Answers `POST /query/v1/suiteql`.
pub(super) fn run(desk: &Desk<'_>, request: &Seen) -> Result<Answer, Fault> {
    if request.method != http::Method::POST {
        return Err(Fault::verb());
    }
    if !wire::header(request, "prefer").split(',').any(|part| part.trim().eq_ignore_ascii_case("transient")) {
        let detail = "The required request header 'Prefer' is missing or its value is not 'transient'.";
        return Err(Fault { at: At::Header("Prefer"), ..Fault::new(400, "INVALID_HEADER", detail) });
    }
    let (limit, offset) = wire::page(request)?;
    let body: Value = serde_json::from_slice(&request.body)
        .map_err(|_| Fault::content("", "Invalid content in the request body."))?;
    let query = body.get("q").and_then(Value::as_str).ok_or_else(|| bad("The query is missing."))?;
    let params = match body.get("params") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(params)) => params.iter().map(cell).collect(),
        Some(_) => return Err(Fault::content("params", "params must be an array.")),
    };
    let sql = rewrite::sql(query).map_err(|cause| bad(&cause))?;
    let (items, total) = rows(desk, &sql, params, limit, offset)?;
    let base = format!("{}/services/rest/query/v1/suiteql", desk.base);
    Ok(wire::typed(200, "collection", &render::page(&base, items, limit, offset, total)))
}

/// The page's rows and how many rows there are in all.
fn rows(
    desk: &Desk<'_>,
    sql: &str,
    params: Vec<Cell>,
    limit: usize,
    offset: usize,
) -> Result<(Vec<Value>, usize), Fault> {
    let mut statement = desk.db.prepare_cached(sql).map_err(|err| bad(&err.to_string()))?;
    if !statement.readonly() {
        return Err(bad("Only SELECT is allowed."));
    }
    if statement.parameter_count() != params.len() {
        return Err(bad(&format!("{} parameters expected, {} given.", statement.parameter_count(), params.len())));
    }
    let keys: Vec<Option<String>> =
        statement.column_names().enumerate().map(|(place, name)| rewrite::key(place, name)).collect();
    let mut found = statement.query(rusqlite::params_from_iter(params)).map_err(|err| bad(&err.to_string()))?;
    let (mut items, mut total) = (Vec::new(), 0);
    while let Some(row) = found.next().map_err(|err| bad(&err.to_string()))? {
        if total >= offset && items.len() < limit {
            let mut item = Map::new();
            item.insert("links".to_owned(), json!([]));
            for (place, key) in keys.iter().enumerate() {
                if let (Some(key), Some(text)) = (key, text(row.get_ref(place)?)) {
                    item.insert(key.clone(), json!(text));
                }
            }
            items.push(Value::Object(item));
        }
        total += 1;
        if total >= MOST_ROWS {
            break;
        }
    }
    Ok((items, total))
}

/// Every value is a string; null has none.
fn text(value: ValueRef<'_>) -> Option<String> {
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(whole) => Some(whole.to_string()),
        ValueRef::Real(real) => {
            // Views divide exact integers; six places give them back exactly.
            let text = format!("{real:.6}");
            let text = text.trim_end_matches('0').trim_end_matches('.');
            Some(if text == "-0" { "0".to_owned() } else { text.to_owned() })
        }
        ValueRef::Text(text) => Some(dates::in_user_format(&String::from_utf8_lossy(text))),
        ValueRef::Blob(_) => None,
    }
}

fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(flag) => Cell::Text(if *flag { "T" } else { "F" }.to_owned()),
        Value::Number(number) => number.as_i64().map_or_else(|| Cell::Text(number.to_string()), Cell::Integer),
        Value::String(text) => Cell::Text(text.clone()),
        Value::Array(_) | Value::Object(_) => Cell::Text(value.to_string()),
    }
}

fn bad(cause: &str) -> Fault {
    Fault::parameter(
        "q",
        format!("Invalid search query. Detailed unprocessed description follows. Search error occurred: {cause}"),
    )
}
