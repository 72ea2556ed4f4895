//! What a column takes: each value checked against its column's type and brought to the spelling it is kept in.

use std::str::FromStr as _;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Map, Number, Value};

use super::Call;
use super::fault::Problem;
use super::ids;
use super::org::{self, Field, Kind, Object};
use super::rows;

/// Checks every member of a record's body. Null means cleared; unknown members are errors.
pub(super) fn accept(
    call: &Call<'_>,
    object: &Object,
    given: &Map<String, Value>,
    creating: bool,
) -> Result<Map<String, Value>, Problem> {
    let mut change = Map::new();
    for (name, value) in given {
        if name.eq_ignore_ascii_case("attributes") {
            continue;
        }
        if name.eq_ignore_ascii_case("Id") {
            return Err(
                Problem::bad("INVALID_FIELD", "The Id field should not be specified in the sobject data.").on("Id")
            );
        }
        let Some(field) = call.column(object, name) else {
            let (field, id) = by_parent_key(call, object, name, value)?;
            writable(field, creating)?;
            change.insert(field.name.to_owned(), Value::from(id));
            continue;
        };
        writable(field, creating)?;
        let kept = if value.is_null() { Value::Null } else { keep(call, field, value)? };
        if kept.is_null() && field.required {
            return Err(required(&[field.name]));
        }
        change.insert(field.name.to_owned(), kept);
    }
    if creating {
        let absent: Vec<&str> = object
            .fields
            .iter()
            .filter(|field| field.required && !change.contains_key(field.name))
            .map(|field| field.name)
            .collect();
        if !absent.is_empty() {
            return Err(required(&absent));
        }
    }
    Ok(change)
}

/// A decimal behind a JSON number or a numeric text.
pub(super) fn decimal(value: &Value) -> Option<Decimal> {
    let text = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    Decimal::from_str(&text).or_else(|_| Decimal::from_scientific(&text)).ok()
}

/// A decimal as the service writes a double: never without a point.
pub(super) fn double(value: Decimal) -> Value {
    let plain = value.normalize();
    let text = if plain.scale() == 0 { format!("{plain}.0") } else { plain.to_string() };
    serde_json::from_str::<Number>(&text).map_or(Value::Null, Value::Number)
}

/// A moment in any spelling a request may use.
pub(super) fn moment(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

fn required(fields: &[&str]) -> Problem {
    let mut problem =
        Problem::bad("REQUIRED_FIELD_MISSING", format!("Required fields are missing: [{}]", fields.join(", ")));
    problem.fields = fields.iter().map(|&field| field.to_owned()).collect();
    problem
}

fn writable(field: &Field, creating: bool) -> Result<(), Problem> {
    if if creating { field.createable } else { field.updateable } {
        return Ok(());
    }
    Err(Problem::bad(
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        format!(
            "Unable to create/update fields: {}. Please check the security settings of this field and verify that it is read/write for your profile or permission set.",
            field.name
        ),
    )
    .on(field.name))
}

/// `"Account": {"Mesh_Id__c": "A-1"}` as the reference column and the parent's id.
fn by_parent_key(
    call: &Call<'_>,
    object: &Object,
    name: &str,
    value: &Value,
) -> Result<(&'static Field, String), Problem> {
    let Some((field, parent)) = call.way(object, name).and_then(|field| Some((field, parent_of(field)?))) else {
        return Err(Problem::no_column(name, object.name));
    };
    let unreadable = || Problem::unreadable(parent.name, value);
    let members = value.as_object().ok_or_else(unreadable)?;
    let mut keys = members.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("attributes"));
    let (Some((key, wanted)), None) = (keys.next(), keys.next()) else { return Err(unreadable()) };
    let Some(column) = call.column(parent, key) else { return Err(Problem::no_column(key, parent.name)) };
    let wanted = wanted.as_str().ok_or_else(unreadable)?;
    if !column.external {
        return Err(Problem::bad(
            "INVALID_FIELD",
            format!("{} is not an External ID or indexed field in {}", column.name, parent.name),
        ));
    }
    let mut found = rows::having(call.db, parent, column, wanted)?.into_iter();
    match (found.next(), found.next()) {
        (Some(id), None) => Ok((field, id)),
        (Some(_), Some(_)) => Err(Problem::bad(
            "DUPLICATE_EXTERNAL_ID",
            format!("{}: more than one record found for external id field: [{wanted}]", column.name),
        )),
        (None, _) => Err(Problem::bad(
            "INVALID_FIELD",
            format!(
                "Foreign key external ID: {} not found for field {} in entity {}",
                wanted.to_lowercase(),
                column.name,
                parent.name
            ),
        )),
    }
}

fn parent_of(field: &Field) -> Option<&'static Object> {
    if let Kind::Reference(parent, _) = field.kind { org::object(parent) } else { None }
}

fn keep(call: &Call<'_>, field: &Field, value: &Value) -> Result<Value, Problem> {
    match field.kind {
        Kind::Text(most) | Kind::LongText(most) => text(field, value, most),
        Kind::Phone => text(field, value, 40),
        Kind::Url => text(field, value, 255),
        Kind::Email => email(field, value),
        Kind::Picklist(listed, restricted) => {
            let kept = text(field, value, 255)?;
            if restricted && kept.as_str().is_none_or(|chosen| !listed.contains(&chosen)) {
                return Err(Problem::bad(
                    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                    format!(
                        "{}: bad value for restricted picklist field: {}",
                        field.name,
                        kept.as_str().unwrap_or_default()
                    ),
                )
                .on(field.name));
            }
            Ok(kept)
        }
        Kind::Boolean => match value.as_bool().or_else(|| value.as_str().and_then(|text| text.parse().ok())) {
            Some(kept) => Ok(Value::Bool(kept)),
            None => Err(Problem::unreadable("boolean", value)),
        },
        Kind::Integer => {
            let given = decimal(value).ok_or_else(|| Problem::unreadable("int", value))?;
            i32::try_from(given.round()).map(Value::from).map_err(|_| outside(field))
        }
        Kind::Number(digits, scale) | Kind::Currency(digits, scale) => {
            let given = decimal(value).ok_or_else(|| Problem::unreadable("double", value))?;
            let kept = given.round_dp_with_strategy(scale, RoundingStrategy::MidpointAwayFromZero);
            let whole = kept.trunc().abs().to_string();
            let room = usize::try_from(digits.saturating_sub(scale)).unwrap_or_default();
            if whole != "0" && whole.len() > room { Err(outside(field)) } else { Ok(double(kept)) }
        }
        Kind::Date => match value.as_str().and_then(|text| text.parse::<Date>().ok()) {
            Some(date) => Ok(Value::from(date.to_string())),
            None => Err(Problem::unreadable("date", value)),
        },
        Kind::DateTime => match value.as_str().and_then(moment) {
            Some(at) => Ok(Value::from(rows::stamp(at.as_millisecond()))),
            None => Err(Problem::unreadable("datetime", value)),
        },
        Kind::Reference(parent, _) => reference(call, field, parent, value),
        Kind::Id | Kind::AutoNumber(..) | Kind::Address(_) | Kind::PersonName => {
            Err(Problem::no_column(field.name, ""))
        }
    }
}

fn text(field: &Field, value: &Value, most: usize) -> Result<Value, Problem> {
    let Some(given) = value.as_str() else { return Err(Problem::unreadable("string", value)) };
    let given = given.trim();
    if given.chars().count() > most {
        let shown: String = given.chars().take(255).collect();
        return Err(Problem::bad(
            "STRING_TOO_LONG",
            format!("{}: data value too large: {shown} (max length={most})", field.name),
        )
        .on(field.name));
    }
    Ok(if given.is_empty() { Value::Null } else { Value::from(given) })
}

fn email(field: &Field, value: &Value) -> Result<Value, Problem> {
    let kept = text(field, value, 80)?;
    let Some(given) = kept.as_str() else { return Ok(kept) };
    let sound = given.split_once('@').is_some_and(|(local, host)| {
        !local.is_empty()
            && !host.contains('@')
            && host
                .split_once('.')
                .is_some_and(|(name, rest)| !name.is_empty() && !rest.is_empty() && !rest.ends_with('.'))
    }) && !given.chars().any(|c| c.is_whitespace() || c == ',' || c == ';');
    if !sound {
        return Err(Problem::bad("INVALID_EMAIL_ADDRESS", format!("{}: invalid email address: {given}", field.name))
            .on(field.name));
    }
    Ok(Value::from(given.to_lowercase()))
}

fn outside(field: &Field) -> Problem {
    Problem::bad("NUMBER_OUTSIDE_VALID_RANGE", format!("{}: value outside of valid range", field.name)).on(field.name)
}

fn reference(call: &Call<'_>, field: &Field, parent: &str, value: &Value) -> Result<Value, Problem> {
    let Some(given) = value.as_str() else { return Err(Problem::unreadable("reference", value)) };
    if given.is_empty() {
        return Ok(Value::Null);
    }
    let Some(id) = ids::canonical(given) else {
        return Err(
            Problem::bad("MALFORMED_ID", format!("{}: id value of incorrect type: {given}", field.name)).on(field.name)
        );
    };
    match rows::get(call.db, &id)? {
        Some(found) if found.object.name != parent => Err(Problem::bad(
            "FIELD_INTEGRITY_EXCEPTION",
            format!("{}: id value of incorrect type: {given}", field.name),
        )
        .on(field.name)),
        Some(found) if found.deleted => Err(Problem::bad("ENTITY_IS_DELETED", "entity is deleted").on(field.name)),
        Some(_) => Ok(Value::from(id)),
        None => Err(Problem::bad("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id").on(field.name)),
    }
}
