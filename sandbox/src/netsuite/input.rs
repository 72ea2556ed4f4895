//! What a request body says, checked field by field against the record's fields.

use serde_json::{Map, Value, json};

use super::{
    desk::Desk,
    fault::Fault,
    fields::{ADDRESS, Field, Kind, Shape},
    wire,
};

/// A body whose names are canonical and whose values are in stored form; `null` asks to clear.
#[derive(Debug, Default)]
pub(super) struct Input {
    pub(super) set: Map<String, Value>,
    /// Property names the record does not have.
    pub(super) unknown: Vec<String>,
}

/// Reads a body. References must point at something; unknown names are collected, not refused.
pub(super) fn read(desk: &Desk<'_>, kind: Kind, body: &[u8]) -> Result<Input, Fault> {
    let body: Value = if body.is_empty() {
        json!({})
    } else {
        serde_json::from_slice(body).map_err(|_| Fault::content("", "Invalid content in the request body."))?
    };
    let Value::Object(body) = body else {
        return Err(Fault::content("", "The request body must be a JSON object."));
    };
    let mut unknown = Vec::new();
    let set = object(desk, kind.fields(), &body, "", &mut unknown)?;
    Ok(Input { set, unknown })
}

fn object(
    desk: &Desk<'_>,
    fields: &'static [Field],
    body: &Map<String, Value>,
    path: &str,
    unknown: &mut Vec<String>,
) -> Result<Map<String, Value>, Fault> {
    let mut set = Map::new();
    for (name, value) in body {
        let here = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let Some(field) = fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)) else {
            let custom = desk.config.custom_fields.iter().find(|custom| custom.eq_ignore_ascii_case(name));
            match custom {
                Some(custom) => {
                    set.insert(custom.clone(), value.clone());
                }
                None if ["links", "id", "refname"].contains(&name.to_lowercase().as_str()) => {}
                None => unknown.push(here),
            }
            continue;
        };
        if value.is_null() {
            set.insert(field.name.to_owned(), Value::Null);
            continue;
        }
        let wrong = || Fault::value(&here, &shown(value), field.name);
        let clean = match field.shape {
            Shape::Computed => continue,
            Shape::Text => match value {
                Value::String(_) => value.clone(),
                Value::Number(number) => json!(number.to_string()),
                Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return Err(wrong()),
            },
            Shape::Flag => value.as_bool().map(Value::Bool).ok_or_else(wrong)?,
            Shape::Number => match value {
                Value::Number(_) => wire::decimal(value).map(wire::number).ok_or_else(wrong)?,
                Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                    return Err(wrong());
                }
            },
            Shape::Date => {
                let text = value.as_str().and_then(|text| text.get(..10)).ok_or_else(wrong)?;
                text.parse::<jiff::civil::Date>().map_err(|_| wrong())?;
                json!(text)
            }
            Shape::Ref(target) => json!(reference(desk, target, value)?.ok_or_else(wrong)?.to_string()),
            Shape::Choice(choices) => {
                let id = identifier(value);
                let known = choices.iter().find(|(letter, _)| id.as_deref() == Some(*letter)).ok_or_else(wrong)?;
                json!(known.0)
            }
            Shape::Address => {
                let inner = value.as_object().ok_or_else(wrong)?;
                Value::Object(object(desk, ADDRESS, inner, &here, unknown)?)
            }
            Shape::Lines(line_fields) => {
                let items = value.get("items").and_then(Value::as_array).ok_or_else(wrong)?;
                let mut lines = Vec::with_capacity(items.len());
                for (place, line) in items.iter().enumerate() {
                    let at = format!("{here}.items[{place}]");
                    let line = line.as_object().ok_or_else(|| Fault::content(&at, "A line must be an object."))?;
                    lines.push(Value::Object(object(desk, line_fields, line, &at, unknown)?));
                }
                Value::Array(lines)
            }
        };
        set.insert(field.name.to_owned(), clean);
    }
    Ok(set)
}

/// `{"id": ..}`, a bare id, or nothing.
fn identifier(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Object(inner) => inner.get("id").filter(|id| !id.is_object()).and_then(identifier),
        Value::Null | Value::Bool(_) | Value::Array(_) => None,
    }
}

/// Finds what a reference points at.
fn reference(desk: &Desk<'_>, target: &str, value: &Value) -> Result<Option<i64>, Fault> {
    let kinds: &[Kind] = match target {
        "item" => &[Kind::InventoryItem, Kind::NonInventorySaleItem, Kind::KitItem],
        "customer" => &[Kind::Customer],
        "salesOrder" => &[Kind::SalesOrder],
        "invoice" => &[Kind::Invoice],
        "returnAuthorization" => &[Kind::ReturnAuthorization],
        "creditMemo" => &[Kind::CreditMemo],
        "customerDeposit" => &[Kind::CustomerDeposit],
        "location" => &[Kind::Location],
        _ => &[],
    };
    if let Some(external) = value.get("externalId").and_then(Value::as_str) {
        for kind in kinds {
            if let Some((id, holder)) = desk.holder(*kind, external)?
                && holder == kind.name()
            {
                return Ok(Some(id));
            }
        }
        return Ok(None);
    }
    let Some(text) = identifier(value) else { return Ok(None) };
    if kinds.is_empty() {
        return desk.row(
            "SELECT id FROM ns_list WHERE kind = ?1 AND (code = ?2 OR CAST(id AS TEXT) = ?2)",
            (target, &text),
            |row| row.get(0),
        );
    }
    let Ok(id) = text.parse::<i64>() else { return Ok(None) };
    let holder: Option<String> = desk.row("SELECT kind FROM ns_record WHERE id = ?1", [id], |row| row.get(0))?;
    Ok(holder.filter(|holder| kinds.iter().any(|kind| kind.name() == holder)).map(|_| id))
}

/// What the error text shows of a value.
fn shown(value: &Value) -> String {
    identifier(value)
        .or_else(|| value.get("externalId").and_then(Value::as_str).map(str::to_owned))
        .unwrap_or_else(|| value.to_string())
}

/// Merges checked fields into a stored body. Sublists kept in the body follow "Updating a Sublist": lines with a known
/// `internalId` change that line, others are added, and `replace` lets only the sent lines remain.
pub(super) fn merge(body: &mut Map<String, Value>, set: Map<String, Value>, replace: &[String]) {
    for (name, value) in set {
        match value {
            Value::Null => {
                body.remove(&name);
            }
            Value::Array(lines) => {
                let replaced = replace.iter().any(|named| named.eq_ignore_ascii_case(&name));
                let mut kept = match body.remove(&name) {
                    Some(Value::Array(kept)) => kept,
                    _ => Vec::new(),
                };
                let mut touched = Vec::new();
                let mut next = kept.iter().filter_map(number_of).max().unwrap_or(0);
                for line in lines {
                    let known = line
                        .get("internalId")
                        .and_then(|id| kept.iter().position(|old| old.get("internalId") == Some(id)));
                    match (known.and_then(|place| kept.get_mut(place)), line) {
                        (Some(Value::Object(old)), Value::Object(new)) => {
                            touched.push(number_of(&Value::Object(old.clone())));
                            old.extend(new);
                        }
                        (_, mut line) => {
                            next = next.saturating_add(1);
                            if let Value::Object(line) = &mut line {
                                line.insert("internalId".to_owned(), json!(next.to_string()));
                            }
                            touched.push(Some(next));
                            kept.push(line);
                        }
                    }
                }
                if replaced {
                    kept.retain(|line| touched.contains(&number_of(line)));
                }
                body.insert(name, Value::Array(kept));
            }
            Value::Object(new) => {
                let mut whole = match body.remove(&name) {
                    Some(Value::Object(old)) => old,
                    _ => Map::new(),
                };
                whole.extend(new);
                // `null` clears a field of a subrecord as it clears one of the body.
                whole.retain(|_, value| !value.is_null());
                body.insert(name, Value::Object(whole));
            }
            scalar @ (Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                body.insert(name, scalar);
            }
        }
    }
}

fn number_of(line: &Value) -> Option<i64> {
    line.get("internalId").and_then(Value::as_str).and_then(|id| id.parse().ok())
}
