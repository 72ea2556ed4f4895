//! `GET /v1/payment_intents/search` ("Search", "Search query language"): of the language the clauses that name a value, joined
//! by AND. The index lags: what changed a moment ago is not found yet, or found by what it was.

use rusqlite::types::Value as Sql;
use serde_json::{Value, json};

use super::call::Call;
use super::fault::{Done, Refusal};
use super::lists::limit;
use super::params::Params;
use crate::books::Result;

/// An index that an operator holds up lags by so many milliseconds.
const HELD_UP: i64 = 3_600_000;

pub(super) fn intents(call: &Call<'_>, params: &Params, held_up: bool) -> Done {
    params.known(&["expand", "limit", "page", "query"])?;
    let most = limit(params)?;
    let offset = params.integer("page")?.unwrap_or(0).max(0);
    let query = params.required("query")?;
    let (mut filter, mut values) = ("kind = 'payment_intent' AND updated <= ?".to_owned(), Vec::new());
    let lag = if held_up { HELD_UP } else { call.config.search_lag_seconds.saturating_mul(1000) };
    values.push(Sql::from(call.millis().saturating_sub(lag)));
    for clause in query.split(" AND ") {
        let (member, value) = read(clause.trim())?;
        filter.push_str(" AND json_extract(body, ?) = ?");
        values.extend([Sql::from(member), Sql::from(value)]);
    }
    let more = most.saturating_add(1);
    let sql = format!("SELECT body FROM object WHERE {filter} ORDER BY seq DESC LIMIT {more} OFFSET {offset}");
    let mut found = call.db.prepare_cached(&sql)?;
    let rows = found.query_map(rusqlite::params_from_iter(&values), |row| row.get::<_, String>(0))?;
    let rows = rows.collect::<Result<Vec<_>>>()?;
    let page = usize::try_from(most).unwrap_or(100);
    let data: Vec<Value> = rows.iter().take(page).filter_map(|body| serde_json::from_str(body).ok()).collect();
    let has_more = rows.len() > page;
    let next = has_more.then(|| offset.saturating_add(most).to_string());
    Ok(json!({"object": "search_result", "data": data, "has_more": has_more, "next_page": next,
        "url": "/v1/payment_intents/search"}))
}

/// Where a clause looks and for what: `metadata["key"]:"value"`, `status:"succeeded"`, `currency:"gbp"`.
fn read(clause: &str) -> std::result::Result<(String, String), Refusal> {
    let bad = || {
        let message = format!("We were unable to parse your search query, or this sandbox does not know: {clause}");
        Refusal::parameter("parameter_invalid_string_blank", "query", message)
    };
    let quoted = |text: &str| {
        let quote = text.chars().next().filter(|quote| ['"', '\''].contains(quote))?;
        let inside = text.strip_prefix(quote)?.strip_suffix(quote)?;
        (!inside.contains(['"', '\'', '\\'])).then(|| inside.to_owned())
    };
    let (member, value) = clause.split_once(':').ok_or_else(bad)?;
    // A key may hold a colon between its quotes.
    let (member, value) = match clause.split_once("]:") {
        Some((member, value)) if member.starts_with("metadata[") => (member, value),
        _ => (member, value),
    };
    let value = quoted(value).ok_or_else(bad)?;
    if let Some(key) = member.strip_prefix("metadata[") {
        let key = quoted(key.trim_end_matches(']')).ok_or_else(bad)?;
        return Ok((format!("$.metadata.\"{key}\""), value));
    }
    match member {
        "status" | "currency" => Ok((format!("$.{member}"), value)),
        _ => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_name_a_member_and_a_value() {
        let two = |member: &str, value: &str| Ok((member.to_owned(), value.to_owned()));
        assert_eq!(read(r#"metadata["weft_ref"]:"O-1:2""#), two("$.metadata.\"weft_ref\"", "O-1:2"));
        assert_eq!(read("metadata['order_id']:'6735'"), two("$.metadata.\"order_id\"", "6735"));
        assert_eq!(read("status:'succeeded'"), two("$.status", "succeeded"));
        for wrong in ["", "amount>5", "metadata[x]:'y'", "status:succeeded", "colour:'red'", "status:'a\"b'"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
