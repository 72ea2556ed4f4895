//! Collections: up to 200 records a call, answered one by one, in order. REST API Developer Guide, "sObject Collections".

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::fault::Problem;
use super::org::{self, Object};
use super::rest::{Ask, Reply, object};
use super::saving::{self, Upserted, atomically};
use super::{Call, ids, rows};

const MOST: usize = 200;
const MOST_READ: usize = 2000;
const MOST_RUNS: usize = 10;

type Step<'a> = Box<dyn FnOnce() -> Result<Value, Problem> + 'a>;

/// Answers `/composite/sobjects` and what lies below it.
pub(super) fn run(call: &Call<'_>, ask: &Ask<'_>, rest: &[&str]) -> Result<Reply, Problem> {
    match (ask.method.as_str(), rest) {
        ("POST", []) => {
            let records = records(ask)?;
            few_runs(records)?;
            every(
                call,
                ask,
                records.iter().map(|record| {
                    step(move || {
                        let (object, body) = typed(call, record)?;
                        let made = saving::create(call, object, &body)?;
                        Ok(json!({"id": made.id, "success": true, "errors": []}))
                    })
                }),
            )
        }
        ("PATCH", []) => {
            let records = records(ask)?;
            few_runs(records)?;
            every(
                call,
                ask,
                records.iter().map(|record| {
                    step(move || {
                        let (object, mut body) = typed(call, record)?;
                        let id = take(&mut body, "id")
                            .ok_or_else(|| Problem::bad("MISSING_ARGUMENT", "Id not specified in an update call"))?;
                        let id = id.as_str().unwrap_or_default();
                        let saved = saving::update(call, object, id, &body)?;
                        Ok(json!({"id": saved.id, "success": true, "errors": []}))
                    })
                }),
            )
        }
        ("PATCH", [name, key]) => {
            let object = object(call, name)?;
            let key = saving::key_column(call, object, key)?;
            let records = records(ask)?;
            let mut seen: HashMap<&str, usize> = HashMap::new();
            for value in records.iter().filter_map(|record| member(record, key.name)?.as_str()) {
                *seen.entry(value).or_default() += 1;
            }
            let seen = &seen;
            every(
                call,
                ask,
                records.iter().map(|record| {
                    step(move || {
                        let (typed, mut body) = typed(call, record)?;
                        if typed.name != object.name {
                            return Err(Problem::bad(
                                "INVALID_TYPE",
                                format!("expected records of type {}", object.name),
                            ));
                        }
                        let value = take(&mut body, key.name);
                        let value = value.as_ref().and_then(Value::as_str).filter(|value| !value.is_empty());
                        let value = value
                            .ok_or_else(|| Problem::bad("MISSING_ARGUMENT", format!("{} not specified", key.name)))?;
                        if seen.get(value).is_some_and(|times| *times > 1) {
                            return Err(Problem::bad(
                                "DUPLICATE_VALUE",
                                format!("Duplicate external id specified: {value}"),
                            )
                            .on(key.name));
                        }
                        match saving::upsert(call, object, key, value, &body, false)? {
                            Upserted::Created(record) => {
                                Ok(json!({"id": record.id, "success": true, "errors": [], "created": true}))
                            }
                            Upserted::Updated(record) => {
                                Ok(json!({"id": record.id, "success": true, "errors": [], "created": false}))
                            }
                            Upserted::Several(_) => Err(Problem::bad(
                                "DUPLICATE_EXTERNAL_ID",
                                format!("{}: more than one record found for external id field: [{value}]", key.name),
                            )),
                        }
                    })
                }),
            )
        }
        ("GET", [name]) => {
            let list = |parameter: &str| {
                ask.parameter(parameter)
                    .unwrap_or_default()
                    .split(',')
                    .filter(|part| !part.is_empty())
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            retrieve(call, object(call, name)?, &list("ids"), &list("fields"))
        }
        ("POST", [name]) => {
            let body = ask.record()?;
            let list = |member: &str| -> Vec<String> {
                body.get(member)
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .filter_map(|part| part.as_str().map(str::to_owned))
                    .collect()
            };
            retrieve(call, object(call, name)?, &list("ids"), &list("fields"))
        }
        ("DELETE", []) => {
            let ids: Vec<&str> =
                ask.parameter("ids").unwrap_or_default().split(',').filter(|id| !id.is_empty()).collect();
            sized(ids.len(), MOST)?;
            every(
                call,
                ask,
                ids.into_iter().map(|id| {
                    step(move || {
                        let malformed = || Problem::bad("MALFORMED_ID", format!("malformed id {id}"));
                        let id = ids::canonical(id).ok_or_else(malformed)?;
                        let object = org::every().find(|object| id.starts_with(object.prefix)).ok_or_else(malformed)?;
                        saving::delete(call, object, &id)?;
                        Ok(json!({"id": id, "success": true, "errors": []}))
                    })
                }),
            )
        }
        (_, [] | [_] | [_, _]) => Err(Problem::method(&ask.method)),
        _ => Err(Problem::missing()),
    }
}

fn step<'a>(work: impl FnOnce() -> Result<Value, Problem> + 'a) -> Step<'a> {
    Box::new(work)
}

/// Runs the steps one by one; with `allOrNone` one failure undoes them all.
fn every<'a>(call: &Call<'_>, ask: &Ask<'_>, steps: impl Iterator<Item = Step<'a>>) -> Result<Reply, Problem> {
    let flag = ask.body.as_ref().and_then(|body| body.get("allOrNone")).and_then(Value::as_bool);
    let all_or_none = flag.unwrap_or(ask.parameter("allOrNone") == Some("true"));
    call.db.execute_batch("SAVEPOINT collection")?;
    let done: Vec<Result<Value, Problem>> = steps.map(|step| atomically(call.db, step)).collect();
    let undone = all_or_none && done.iter().any(Result::is_err);
    if undone {
        call.db.execute_batch("ROLLBACK TO collection")?;
    }
    call.db.execute_batch("RELEASE collection")?;
    let innocent = || {
        Problem::bad(
            "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "Record rolled back because not all records were valid and the request was using AllOrNone header",
        )
        .collected()
    };
    let answers = done.into_iter().map(|one| match one {
        Ok(_) if undone => innocent(),
        Ok(value) => value,
        Err(problem) => problem.collected(),
    });
    Ok(Reply::ok(Value::Array(answers.collect())))
}

fn retrieve(call: &Call<'_>, object: &'static Object, ids: &[String], fields: &[String]) -> Result<Reply, Problem> {
    sized(ids.len(), MOST_READ)?;
    let mut columns = Vec::new();
    for name in fields {
        columns.push(call.column(object, name).ok_or_else(|| Problem::no_column(name, object.name))?);
    }
    if columns.is_empty() {
        return Err(Problem::bad("MISSING_ARGUMENT", "fields"));
    }
    let mut found = Vec::new();
    for id in ids {
        let record = ids::canonical(id).map(|id| rows::get(call.db, &id)).transpose()?.flatten();
        found.push(match record.filter(|record| !record.deleted && record.object.name == object.name) {
            Some(record) => {
                let mut row = Map::new();
                row.insert("attributes".to_owned(), call.attributes(&record));
                row.extend(columns.iter().map(|field| (field.name.to_owned(), record.value(field, call.user))));
                Value::Object(row)
            }
            None => Value::Null,
        });
    }
    Ok(Reply::ok(Value::Array(found)))
}

fn records<'a>(ask: &'a Ask<'_>) -> Result<&'a Vec<Value>, Problem> {
    let records = ask.record()?.get("records").and_then(Value::as_array);
    let records = records.ok_or_else(|| Problem::bad("JSON_PARSER_ERROR", "Missing or invalid member: records"))?;
    sized(records.len(), MOST)?;
    Ok(records)
}

fn sized(count: usize, most: usize) -> Result<(), Problem> {
    if (1..=most).contains(&count) {
        return Ok(());
    }
    Err(Problem::bad(
        "EXCEEDED_MAX_SIZE_REQUEST",
        format!("record limit reached. cannot submit more than {most} records in one request"),
    ))
}

fn few_runs(records: &[Value]) -> Result<(), Problem> {
    let types: Vec<Option<&str>> = records.iter().map(type_of).collect();
    let runs = 1 + types.windows(2).filter(|pair| pair.first() != pair.last()).count();
    if runs > MOST_RUNS {
        return Err(Problem::bad(
            "LIMIT_EXCEEDED",
            format!("Cannot have more than {MOST_RUNS} chunks in a single operation."),
        ));
    }
    Ok(())
}

fn type_of(record: &Value) -> Option<&str> {
    record.get("attributes")?.get("type")?.as_str()
}

fn typed(call: &Call<'_>, record: &Value) -> Result<(&'static Object, Map<String, Value>), Problem> {
    let name = type_of(record).ok_or_else(|| Problem::bad("INVALID_INPUT", "missing attributes.type"))?;
    let object = call
        .object(name)
        .ok_or_else(|| Problem::bad("INVALID_TYPE", format!("sObject type '{name}' is not supported.")))?;
    let body = record.as_object().ok_or_else(|| Problem::unreadable("sobject", record))?;
    Ok((object, body.clone()))
}

fn member<'a>(record: &'a Value, name: &str) -> Option<&'a Value> {
    record.as_object()?.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn take(body: &mut Map<String, Value>, name: &str) -> Option<Value> {
    let spelt = body.keys().find(|given| given.eq_ignore_ascii_case(name))?.clone();
    body.remove(&spelt)
}
