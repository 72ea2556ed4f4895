//! Values that enter: literals and variables, held to the type the schema wants there.

use std::collections::BTreeMap;

use graphql_parser::query::Value as Literal;
use serde_json::{Map, Value};

use super::schema::{Input, Kind, Schema, Shape};

/// A literal with its variables filled in; `None` when it is a variable nobody gave.
pub(super) fn fill(given: &Literal<'_, String>, variables: &Map<String, Value>) -> Option<Value> {
    Some(match given {
        Literal::Variable(name) => return variables.get(name).cloned(),
        Literal::Int(number) => number.as_i64().into(),
        Literal::Float(number) => number.to_string().parse().map_or(Value::Null, Value::Number),
        Literal::String(text) | Literal::Enum(text) => text.clone().into(),
        Literal::Boolean(flag) => (*flag).into(),
        Literal::Null => Value::Null,
        Literal::List(list) => list.iter().map(|one| fill(one, variables).unwrap_or_default()).collect(),
        Literal::Object(map) => {
            map.iter().filter_map(|(key, value)| Some((key.clone(), fill(value, variables)?))).collect()
        }
    })
}

/// The names of the variables in a literal.
pub(super) fn names<'a>(given: &'a Literal<'_, String>, into: &mut Vec<&'a str>) {
    match given {
        Literal::Variable(name) => into.push(name),
        Literal::List(list) => list.iter().for_each(|one| names(one, into)),
        Literal::Object(map) => map.values().for_each(|one| names(one, into)),
        Literal::Int(_)
        | Literal::Float(_)
        | Literal::String(_)
        | Literal::Boolean(_)
        | Literal::Null
        | Literal::Enum(_) => {}
    }
}

impl Schema {
    /// The value as the type wants it, or what is wrong with it.
    pub(super) fn coerce(&self, value: &Value, shape: &Shape) -> Result<Value, String> {
        match shape {
            Shape::Required(_) if value.is_null() => Err("Expected value to not be null".to_owned()),
            Shape::Required(inner) => self.coerce(value, inner),
            _ if value.is_null() => Ok(Value::Null),
            Shape::List(inner) => match value {
                Value::Array(list) => list.iter().map(|one| self.coerce(one, inner)).collect(),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                    Ok(Value::Array(vec![self.coerce(value, inner)?]))
                }
            },
            Shape::Named(name) => match self.kind(name) {
                Some(Kind::Scalar) => scalar(name, value),
                Some(Kind::Enum(words)) => match value.as_str() {
                    Some(word) if words.contains(word) => Ok(value.clone()),
                    _ => Err(format!(
                        "Expected {value} to be one of: {}",
                        words.iter().cloned().collect::<Vec<_>>().join(", ")
                    )),
                },
                Some(Kind::Input(fields)) => self.object(name, fields, value).map(Value::Object),
                Some(Kind::Object { .. }) | None => Err(format!("{name} isn't a defined input type")),
            },
        }
    }

    fn object(
        &self,
        name: &str,
        fields: &BTreeMap<String, Input>,
        value: &Value,
    ) -> Result<Map<String, Value>, String> {
        let given = value.as_object().ok_or_else(|| format!("Expected {value} to be a key-value object."))?;
        if let Some(unknown) = given.keys().find(|key| !fields.contains_key(*key)) {
            return Err(format!("Field is not defined on {name}: {unknown}"));
        }
        self.arguments(fields, given).map_err(|(field, what)| format!("{field}: {what}"))
    }

    /// Arguments with their defaults; what is not given and has no default stays absent.
    pub(super) fn arguments(
        &self,
        fields: &BTreeMap<String, Input>,
        given: &Map<String, Value>,
    ) -> Result<Map<String, Value>, (String, String)> {
        let mut taken = Map::new();
        for (name, input) in fields {
            let value = match (given.get(name), &input.default) {
                (Some(value), _) => self.coerce(value, &input.shape).map_err(|what| (name.clone(), what))?,
                (None, Some(default)) => default.clone(),
                (None, None) if input.shape.required() => {
                    return Err((name.clone(), "Expected value to not be null".to_owned()));
                }
                (None, None) => continue,
            };
            taken.insert(name.clone(), value);
        }
        Ok(taken)
    }
}

fn scalar(name: &str, value: &Value) -> Result<Value, String> {
    let refused = || Err(format!("Could not coerce value {value} to {name}"));
    match (name, value) {
        ("Int", Value::Number(number)) => match number.as_i64().map(i32::try_from) {
            Some(Ok(_)) => Ok(value.clone()),
            _ => refused(),
        },
        ("ID", Value::Number(number)) if number.is_i64() || number.is_u64() => Ok(number.to_string().into()),
        ("Float" | "Decimal" | "Money", Value::Number(_)) | ("Boolean", Value::Bool(_)) => Ok(value.clone()),
        ("Int" | "Boolean", _) => refused(),
        (_, Value::String(_)) => Ok(value.clone()),
        _ => refused(),
    }
}
