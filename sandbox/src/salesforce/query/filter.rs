//! Columns a query speaks of, and whether a record meets its conditions.

use std::cmp::Ordering;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::super::Call;
use super::super::fault::Problem;
use super::super::org::{self, Field, Kind, Object};
use super::super::rows::{self, Record};
use super::super::soql::{Condition, Literal, Operator};
use super::super::{ids, values};

/// Seconds.
const DAY: i64 = 86_400;

/// A column, maybe of a parent.
#[derive(Debug, Clone)]
pub(super) struct Target {
    ways: Vec<&'static Field>,
    field: &'static Field,
}

/// A value that can be compared; `None` is null.
pub(super) type Comparable = Option<Scalar>;

/// What a column's values compare as.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scalar {
    Bool(bool),
    Number(Decimal),
    /// Milliseconds.
    Moment(i64),
    Text(String),
}

/// A condition whose names and literals fit the org.
#[derive(Debug)]
pub(super) enum Bound {
    And(Vec<Bound>),
    Or(Vec<Bound>),
    Not(Box<Bound>),
    Compare(Target, Operator, Comparable),
    In(Target, bool, Vec<Comparable>),
}

impl Target {
    /// Finds a dotted name from an object on.
    pub(super) fn find(call: &Call<'_>, object: &'static Object, path: &[String]) -> Result<Target, Problem> {
        let Some((last, parents)) = path.split_last() else {
            return Err(Problem::bad("MALFORMED_QUERY", "missing field name"));
        };
        let mut ways = Vec::new();
        let mut at = object;
        for name in parents {
            let lost = || {
                Problem::bad(
                    "INVALID_FIELD",
                    format!(
                        "Didn't understand relationship '{name}' in field path. If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship name."
                    ),
                )
            };
            let way = call.way(at, name).ok_or_else(lost)?;
            let Kind::Reference(parent, _) = way.kind else { return Err(lost()) };
            at = org::object(parent).ok_or_else(lost)?;
            ways.push(way);
        }
        let field = call.column(at, last).ok_or_else(|| {
            Problem::bad(
                "INVALID_FIELD",
                format!("No such column '{last}' on entity '{}'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names.", at.name),
            )
        })?;
        Ok(Target { ways, field })
    }

    /// The target, if the service can filter and sort by it.
    pub(super) fn filterable(self) -> Result<Target, Problem> {
        if matches!(self.field.kind, Kind::LongText(_) | Kind::Address(_)) {
            return Err(Problem::bad(
                "INVALID_FIELD",
                format!("field '{}' can not be filtered in a query call", self.field.name),
            ));
        }
        Ok(self)
    }

    /// Puts the value where the answer shows it: parents are objects of their own.
    pub(super) fn place(&self, call: &Call<'_>, record: &Record, row: &mut Map<String, Value>) -> Result<(), Problem> {
        let Some((way, rest)) = self.ways.split_first() else {
            row.insert(self.field.name.to_owned(), record.value(self.field, call.user));
            return Ok(());
        };
        let name = way.relationship().unwrap_or_default();
        let Some(parent) = parent(call, record, way)? else {
            row.insert(name.to_owned(), Value::Null);
            return Ok(());
        };
        let below = row.entry(name).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(below) = below {
            below.entry("attributes").or_insert_with(|| call.attributes(&parent));
            Target { ways: rest.to_vec(), field: self.field }.place(call, &parent, below)?;
        }
        Ok(())
    }

    /// The value as it compares.
    pub(super) fn comparable(&self, call: &Call<'_>, record: &Record) -> Result<Comparable, Problem> {
        let Some((way, rest)) = self.ways.split_first() else {
            return Ok(scalar(self.field, &record.value(self.field, call.user)));
        };
        match parent(call, record, way)? {
            Some(parent) => Target { ways: rest.to_vec(), field: self.field }.comparable(call, &parent),
            None => Ok(None),
        }
    }
}

/// Checks a condition's names and literals.
pub(super) fn bind(
    call: &Call<'_>,
    condition: &Condition,
    find: &impl Fn(&[String]) -> Result<Target, Problem>,
) -> Result<Bound, Problem> {
    let every = |all: &[Condition]| all.iter().map(|one| bind(call, one, find)).collect::<Result<Vec<_>, _>>();
    Ok(match condition {
        Condition::And(all) => Bound::And(every(all)?),
        Condition::Or(all) => Bound::Or(every(all)?),
        Condition::Not(inner) => Bound::Not(Box::new(bind(call, inner, find)?)),
        Condition::Compare(path, operator, literal) => {
            let target = find(path)?.filterable()?;
            if *operator == Operator::Like && !matches!(literal_of(call, target.field, literal)?, Some(Scalar::Text(_)))
            {
                return Err(Problem::bad("INVALID_QUERY_FILTER_OPERATOR", "invalid operator on field of this type"));
            }
            if matches!(literal, Literal::Today | Literal::LastDays(_)) {
                return within(call, target, *operator, literal);
            }
            let value = literal_of(call, target.field, literal)?;
            Bound::Compare(target, *operator, value)
        }
        Condition::In(path, negated, literals) => {
            let target = find(path)?.filterable()?;
            let values = literals
                .iter()
                .map(|literal| literal_of(call, target.field, literal))
                .collect::<Result<Vec<_>, _>>()?;
            Bound::In(target, *negated, values)
        }
    })
}

/// A date literal is a span of days: `=` means within it, the others look at its first moment.
fn within(call: &Call<'_>, target: Target, operator: Operator, span: &Literal) -> Result<Bound, Problem> {
    let start = literal_of(call, target.field, span)?;
    match operator {
        Operator::Equal => {
            let (last, end) = match literal_of(call, target.field, &Literal::Today)? {
                Some(Scalar::Moment(midnight)) => {
                    (Operator::Less, Some(Scalar::Moment(midnight.saturating_add(86_400_000))))
                }
                today => (Operator::LessOrEqual, today),
            };
            Ok(Bound::And(vec![
                Bound::Compare(target.clone(), Operator::GreaterOrEqual, start),
                Bound::Compare(target, last, end),
            ]))
        }
        Operator::GreaterOrEqual | Operator::Less => Ok(Bound::Compare(target, operator, start)),
        Operator::NotEqual | Operator::LessOrEqual | Operator::Greater | Operator::Like => {
            Err(Problem::bad("MALFORMED_QUERY", "this org's grammar compares date literals by =, >= and < only"))
        }
    }
}

/// Ids an index gives for the condition, when one does.
pub(super) fn narrowed(call: &Call<'_>, object: &Object, condition: &Bound) -> Result<Option<Vec<String>>, Problem> {
    let wanted: (&Target, Vec<&Comparable>) = match condition {
        Bound::And(all) => {
            for one in all {
                if let Some(ids) = narrowed(call, object, one)? {
                    return Ok(Some(ids));
                }
            }
            return Ok(None);
        }
        Bound::Compare(target, Operator::Equal, value) => (target, vec![value]),
        Bound::In(target, false, values) => (target, values.iter().collect()),
        Bound::Or(_) | Bound::Not(_) | Bound::Compare(..) | Bound::In(..) => return Ok(None),
    };
    let (target, wanted) = wanted;
    if let [way] = target.ways.as_slice() {
        return below(call, object, way, target.field, &wanted);
    }
    let exact = target.field.unique || matches!(target.field.kind, Kind::Reference(..) | Kind::Id);
    if !target.ways.is_empty() || !exact || !(target.field.kind == Kind::Id || rows::is_indexed(target.field)) {
        return Ok(None);
    }
    let mut found = Vec::new();
    for value in wanted {
        let Some(Scalar::Text(value)) = value else { return Ok(None) };
        if target.field.kind == Kind::Id {
            found.push(value.clone());
        } else {
            found.extend(rows::having(call.db, object, target.field, value)?);
        }
    }
    found.sort();
    found.dedup();
    // An id of another object's record is no row of this one.
    found.retain(|id| id.starts_with(object.prefix));
    Ok(Some(found))
}

/// Ids of the records whose parent carries one of the values, when an index knows both.
fn below(
    call: &Call<'_>,
    object: &Object,
    way: &Field,
    key: &Field,
    wanted: &[&Comparable],
) -> Result<Option<Vec<String>>, Problem> {
    let Kind::Reference(parent, _) = way.kind else { return Ok(None) };
    let Some(parent) = org::object(parent).filter(|_| key.unique && rows::is_indexed(way)) else { return Ok(None) };
    let mut found = Vec::new();
    for value in wanted {
        let Some(Scalar::Text(value)) = value else { return Ok(None) };
        for id in rows::having(call.db, parent, key, value)? {
            found.extend(rows::having(call.db, object, way, &id)?);
        }
    }
    found.sort();
    found.dedup();
    Ok(Some(found))
}

/// The moment before whose second no record can meet the condition, for readers that follow changes.
pub(super) fn since(condition: &Bound) -> Option<i64> {
    match condition {
        Bound::And(all) => all.iter().filter_map(since).max(),
        Bound::Compare(
            target,
            Operator::Equal | Operator::Greater | Operator::GreaterOrEqual,
            Some(Scalar::Moment(at)),
        ) if target.ways.is_empty() && matches!(target.field.name, "SystemModstamp" | "LastModifiedDate") => Some(*at),
        Bound::Or(_) | Bound::Not(_) | Bound::Compare(..) | Bound::In(..) => None,
    }
}

/// Whether a record meets a condition.
pub(super) fn holds(call: &Call<'_>, record: &Record, condition: &Bound) -> Result<bool, Problem> {
    Ok(match condition {
        Bound::And(all) => {
            for one in all {
                if !holds(call, record, one)? {
                    return Ok(false);
                }
            }
            true
        }
        Bound::Or(all) => {
            for one in all {
                if holds(call, record, one)? {
                    return Ok(true);
                }
            }
            false
        }
        Bound::Not(inner) => !holds(call, record, inner)?,
        Bound::In(target, negated, values) => values.contains(&target.comparable(call, record)?) != *negated,
        Bound::Compare(target, operator, wanted) => {
            let held = target.comparable(call, record)?;
            let ordered = |meets: fn(Ordering) -> bool| held.is_some() && wanted.is_some() && meets(held.cmp(wanted));
            match operator {
                Operator::Equal => held == *wanted,
                Operator::NotEqual => held != *wanted,
                Operator::Less => ordered(Ordering::is_lt),
                Operator::LessOrEqual => ordered(Ordering::is_le),
                Operator::Greater => ordered(Ordering::is_gt),
                Operator::GreaterOrEqual => ordered(Ordering::is_ge),
                Operator::Like => match (&held, wanted) {
                    (Some(Scalar::Text(held)), Some(Scalar::Text(pattern))) => {
                        like(&held.to_lowercase(), &pattern.to_lowercase())
                    }
                    _ => false,
                },
            }
        }
    })
}

/// Sorts two values; nulls come first unless asked otherwise, whatever the direction.
pub(super) fn compare(left: &Comparable, right: &Comparable, descending: bool, nulls_last: bool) -> Ordering {
    match (left, right) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => {
            if nulls_last {
                Ordering::Greater
            } else {
                Ordering::Less
            }
        }
        (Some(_), None) => {
            if nulls_last {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        }
        (Some(left), Some(right)) => {
            if descending {
                right.cmp(left)
            } else {
                left.cmp(right)
            }
        }
    }
}

fn parent(call: &Call<'_>, record: &Record, way: &Field) -> Result<Option<Record>, Problem> {
    match record.value(way, call.user).as_str() {
        Some(id) => rows::get(call.db, id),
        None => Ok(None),
    }
}

fn scalar(field: &Field, value: &Value) -> Comparable {
    match value {
        Value::Null | Value::Array(_) | Value::Object(_) => None,
        Value::Bool(value) => Some(Scalar::Bool(*value)),
        Value::Number(_) => values::decimal(value).map(Scalar::Number),
        Value::String(text) if field.kind == Kind::DateTime => {
            values::moment(text).map(|at| Scalar::Moment(at.as_millisecond()))
        }
        Value::String(text) => Some(Scalar::Text(folded(field, text))),
    }
}

/// Texts compare without regard to case, except ids and case-sensitive keys.
fn folded(field: &Field, text: &str) -> String {
    if field.unique || matches!(field.kind, Kind::Id | Kind::Reference(..) | Kind::Date) {
        text.to_owned()
    } else {
        text.to_lowercase()
    }
}

fn literal_of(call: &Call<'_>, field: &Field, literal: &Literal) -> Result<Comparable, Problem> {
    let wrong = |kind: &str| {
        Err(Problem::bad(
            "INVALID_FIELD",
            format!("value of filter criterion for field '{}' must be of type {kind}", field.name),
        ))
    };
    if *literal == Literal::Null {
        return Ok(None);
    }
    match field.kind {
        Kind::Id | Kind::Reference(..) => match literal {
            Literal::Text(text) => match ids::canonical(text) {
                Some(id) => Ok(Some(Scalar::Text(id))),
                None => Err(Problem::bad("INVALID_QUERY_FILTER_OPERATOR", format!("invalid ID field: {text}"))),
            },
            Literal::Null
            | Literal::Bool(_)
            | Literal::Number(_)
            | Literal::Moment(_)
            | Literal::Day(_)
            | Literal::Today
            | Literal::LastDays(_) => wrong("string and should be enclosed in quotes"),
        },
        Kind::Boolean => {
            if let Literal::Bool(value) = literal {
                Ok(Some(Scalar::Bool(*value)))
            } else {
                wrong("boolean and should not be enclosed in quotes")
            }
        }
        Kind::Integer | Kind::Number(..) | Kind::Currency(..) => {
            if let Literal::Number(value) = literal {
                Ok(Some(Scalar::Number(*value)))
            } else {
                wrong("double and should not be enclosed in quotes")
            }
        }
        Kind::DateTime => match moment(call, literal) {
            Some(at) => Ok(Some(Scalar::Moment(at.as_millisecond()))),
            None => wrong("dateTime and should not be enclosed in quotes"),
        },
        Kind::Date => match literal {
            Literal::Day(day) => Ok(Some(Scalar::Text(day.to_string()))),
            Literal::Today | Literal::LastDays(_) => {
                let day = moment(call, literal).map(|at| TimeZone::UTC.to_datetime(at).date().to_string());
                Ok(day.map(Scalar::Text))
            }
            Literal::Null | Literal::Bool(_) | Literal::Text(_) | Literal::Number(_) | Literal::Moment(_) => {
                wrong("date and should not be enclosed in quotes")
            }
        },
        Kind::Text(_)
        | Kind::LongText(_)
        | Kind::Email
        | Kind::Phone
        | Kind::Url
        | Kind::Picklist(..)
        | Kind::AutoNumber(..)
        | Kind::PersonName => {
            if let Literal::Text(text) = literal {
                Ok(Some(Scalar::Text(folded(field, text))))
            } else {
                wrong("string and should be enclosed in quotes")
            }
        }
        Kind::Address(_) => wrong("address"),
    }
}

/// A literal as a moment: days begin at midnight UTC, this org's time zone.
fn moment(call: &Call<'_>, literal: &Literal) -> Option<Timestamp> {
    let midnight = |back: i64| {
        let day = call.now.as_second().div_euclid(DAY).checked_sub(back)?;
        Timestamp::from_second(day.checked_mul(DAY)?).ok()
    };
    match literal {
        Literal::Moment(at) => Some(*at),
        Literal::Today => midnight(0),
        Literal::LastDays(days) => midnight(*days),
        Literal::Null | Literal::Bool(_) | Literal::Text(_) | Literal::Number(_) | Literal::Day(_) => None,
    }
}

fn like(text: &str, pattern: &str) -> bool {
    let mut letters = pattern.chars();
    match letters.next() {
        None => text.is_empty(),
        Some('%') => {
            let rest = letters.as_str();
            text.char_indices()
                .map(|(at, _)| at)
                .chain([text.len()])
                .any(|at| text.get(at..).is_some_and(|tail| like(tail, rest)))
        }
        Some(one) => {
            let mut given = text.chars();
            given.next().is_some_and(|letter| (one == '_' || letter == one) && like(given.as_str(), letters.as_str()))
        }
    }
}
