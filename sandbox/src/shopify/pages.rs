//! Pages of connections, and the search syntax that narrows them ("Shopify API search syntax").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rusqlite::params_from_iter;
use rusqlite::types::Value as Sql;
use serde_json::{Map, Value, json};

use super::call::{Call, Problem};
use super::plan::Node;
use crate::books::Result;

/// Most things on one page, as everywhere in the Admin API.
const LARGEST_PAGE: i64 = 250;

/// How a search term's value is read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reading {
    Time,
    Number,
    Text,
    /// `open`, `closed`, `cancelled`, `any` or `not_closed`.
    Status,
}

/// Where a connection's things come from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source {
    pub(super) table: &'static str,
    pub(super) id: &'static str,
    /// The column the page is sorted by.
    pub(super) key: &'static str,
    /// Fields that a search may name.
    pub(super) fields: &'static [(&'static str, &'static str, Reading)],
}

impl Source {
    pub(super) const fn of(table: &'static str) -> Source {
        Source { table, id: "id", key: "id", fields: &[] }
    }
}

/// One condition in SQL.
pub(super) type Condition = (String, Vec<Sql>);

/// A page of things; `doc` makes the document of one.
pub(super) fn page(
    call: &Call<'_>,
    node: &Node,
    source: Source,
    mut conditions: Vec<Condition>,
    searches: &mut Vec<Value>,
    doc: impl Fn(i64) -> Result<Option<Value>>,
) -> std::result::Result<Value, Problem> {
    let bad = |message: &str| Problem::new("BAD_REQUEST", message);
    let first = node.arguments.get("first").and_then(Value::as_i64);
    let first = first.ok_or_else(|| bad("you must provide one of first or last"))?;
    if first > LARGEST_PAGE {
        return Err(bad(&format!("first cannot exceed {LARGEST_PAGE}")));
    }
    if first < 0 {
        return Err(bad("first must not be negative"));
    }
    if let Some(query) = node.arguments.get("query").and_then(Value::as_str) {
        conditions.extend(search(node, source, query, searches));
    }
    let reverse = node.arguments.get("reverse").and_then(Value::as_bool).unwrap_or(false);
    let (beyond, order) = if reverse { ("<", "DESC") } else { (">", "ASC") };
    let (key, id) = (source.key, source.id);
    let after = node.arguments.get("after").and_then(Value::as_str);
    if let Some(after) = after {
        let (after_key, after_id) = place(after).ok_or_else(|| bad("Invalid cursor for current pagination sort."))?;
        conditions.push((format!("({key}, {id}) {beyond} (?, ?)"), vec![after_key, Sql::Integer(after_id)]));
    }
    let mut filter: Vec<&str> = conditions.iter().map(|(sql, _)| sql.as_str()).collect();
    filter.push("1");
    let sql = format!(
        "SELECT {key}, {id} FROM {} WHERE {} ORDER BY {key} {order}, {id} {order} LIMIT {}",
        source.table,
        filter.join(" AND "),
        first.saturating_add(1)
    );
    let values = conditions.iter().flat_map(|(_, values)| values.clone());
    let mut found: Vec<(Sql, i64)> = call.rows(&sql, params_from_iter(values), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let wanted = usize::try_from(first).unwrap_or(0);
    let more = found.len() > wanted;
    found.truncate(wanted);
    let mut edges = Vec::new();
    for (key, id) in found {
        if let Some(doc) = doc(id)? {
            edges.push((cursor(&key, id), doc));
        }
    }
    Ok(connection(edges, more, after.is_some()))
}

fn connection(edges: Vec<(String, Value)>, more: bool, before: bool) -> Value {
    let cursor = |edge: Option<&(String, Value)>| edge.map_or(Value::Null, |(cursor, _)| cursor.as_str().into());
    let info = json!({"hasNextPage": more, "hasPreviousPage": before, "startCursor": cursor(edges.first()),
        "endCursor": cursor(edges.last())});
    let nodes: Vec<Value> = edges.iter().map(|(_, doc)| doc.clone()).collect();
    let edges: Vec<Value> = edges.into_iter().map(|(cursor, doc)| json!({"cursor": cursor, "node": doc})).collect();
    json!({"nodes": nodes, "edges": edges, "pageInfo": info})
}

fn cursor(key: &Sql, id: i64) -> String {
    let key = match key {
        Sql::Integer(number) => json!(number),
        Sql::Text(text) => json!(text),
        Sql::Null | Sql::Real(_) | Sql::Blob(_) => Value::Null,
    };
    let mut last = Map::new();
    last.insert("last_id".to_owned(), id.into());
    last.insert("last_value".to_owned(), key);
    STANDARD.encode(Value::Object(last).to_string())
}

fn place(cursor: &str) -> Option<(Sql, i64)> {
    let last: Value = serde_json::from_slice(&STANDARD.decode(cursor).ok()?).ok()?;
    let id = last.get("last_id")?.as_i64()?;
    let key = last.get("last_value")?;
    let key = match (key.as_i64(), key.as_str()) {
        (Some(number), _) => Sql::Integer(number),
        (None, Some(text)) => Sql::Text(text.to_owned()),
        (None, None) => return None,
    };
    Some((key, id))
}

/// The conditions of a search; terms that say nothing to the shop are left out and noted, as the vendor does.
fn search(node: &Node, source: Source, query: &str, searches: &mut Vec<Value>) -> Vec<Condition> {
    let mut conditions = Vec::new();
    let mut warnings = Vec::new();
    for term in terms(query) {
        if term == "AND" {
            continue;
        }
        let Some((name, value)) = term.split_once(':') else {
            warnings.push(
                json!({"field": "default", "message": format!("The twin does not search for the bare word {term}")}),
            );
            continue;
        };
        let Some((_, column, reading)) = source.fields.iter().find(|(field, ..)| *field == name) else {
            warnings.push(
                json!({"field": name, "message": "Invalid search field for this query.", "code": "invalid_field"}),
            );
            continue;
        };
        match condition(column, *reading, value) {
            Some(condition) => conditions.push(condition),
            None => warnings.push(json!({"field": name, "message": format!("Input `{value}` is not an accepted value."), "code": "invalid_value"})),
        }
    }
    if !warnings.is_empty() {
        searches.push(json!({"path": [node.key], "query": query, "warnings": warnings}));
    }
    conditions
}

fn condition(column: &str, reading: Reading, value: &str) -> Option<Condition> {
    if let Reading::Status = reading {
        let sql = match value {
            "any" => "1",
            "open" => "(closed IS NULL AND cancelled IS NULL)",
            "closed" => "closed IS NOT NULL",
            "cancelled" => "cancelled IS NOT NULL",
            "not_closed" => "closed IS NULL",
            _ => return None,
        };
        return Some((sql.to_owned(), Vec::new()));
    }
    let operators = [">=", "<=", ">", "<"];
    let (operator, value) =
        operators.iter().find_map(|operator| Some((*operator, value.strip_prefix(operator)?))).unwrap_or(("=", value));
    let value = value.trim_matches(['\'', '"']);
    let value = match reading {
        Reading::Time => Sql::Integer(value.parse::<Timestamp>().ok()?.as_millisecond()),
        Reading::Number => Sql::Integer(value.parse().ok()?),
        Reading::Text => Sql::Text(value.to_owned()),
        Reading::Status => return None,
    };
    Some((format!("{column} {operator} ?"), vec![value]))
}

/// Words of a search; quotes hold one together.
fn terms(query: &str) -> Vec<String> {
    let (mut terms, mut term, mut quote) = (Vec::new(), String::new(), None);
    for letter in query.chars() {
        match quote {
            Some(open) if open == letter => {
                quote = None;
                term.push(letter);
            }
            None if letter == '\'' || letter == '"' => {
                quote = Some(letter);
                term.push(letter);
            }
            None if letter.is_whitespace() => terms.push(std::mem::take(&mut term)),
            _ => term.push(letter),
        }
    }
    terms.push(term);
    terms.retain(|term| !term.is_empty());
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_time_is_one_term_and_an_operator() {
        let found = terms("updated_at:>='2026-11-23T00:00:00Z' AND status:any");
        assert_eq!(found, ["updated_at:>='2026-11-23T00:00:00Z'", "AND", "status:any"]);
        let (sql, values) = condition("updated", Reading::Time, ">='2026-11-23T00:00:00Z'").unwrap();
        assert_eq!((sql.as_str(), values), ("updated >= ?", vec![Sql::Integer(1_795_392_000_000)]));
    }

    #[test]
    fn a_cursor_leads_back_to_its_place() {
        assert_eq!(place(&cursor(&Sql::Integer(7), 9)), Some((Sql::Integer(7), 9)));
        assert_eq!(place("bm90IGEgY3Vyc29y"), None);
    }
}
