//! Saving records: create, update, upsert, delete, with everything the org checks on the way.

use rusqlite::Connection;
use serde_json::{Map, Value};

use super::Call;
use super::fault::Problem;
use super::org::{self, Field, Kind, Object, Rule};
use super::rows::{self, Record};
use super::{duplicates, orders, service, values};

/// What an upsert did.
pub(super) enum Upserted {
    Created(Record),
    Updated(Record),
    /// Several records carry the value; nothing was written.
    Several(Vec<String>),
}

/// Runs work that leaves nothing behind when it fails.
pub(super) fn atomically<T>(db: &Connection, work: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
    db.execute_batch("SAVEPOINT step")?;
    let done = work();
    if done.is_err() {
        db.execute_batch("ROLLBACK TO step")?;
    }
    db.execute_batch("RELEASE step")?;
    done
}

/// Adds a record.
pub(super) fn create(call: &Call<'_>, object: &'static Object, given: &Map<String, Value>) -> Result<Record, Problem> {
    writable(object, &http::Method::POST)?;
    let change = values::accept(call, object, given, true)?;
    let mut body: Map<String, Value> = change.into_iter().filter(|(_, value)| !value.is_null()).collect();
    unlocked(call, object, &body, None)?;
    orders::before_create(call, object, &body)?;
    service::before_create(call, object, &mut body)?;
    unique(call, object, &body, None)?;
    duplicates::check(call, object, &body, None)?;
    let mut record = rows::insert(call.db, object, body, call.now)?;
    orders::after_save(call, &mut record)?;
    service::after_save(call, &mut record)?;
    Ok(record)
}

/// Changes a record.
pub(super) fn update(
    call: &Call<'_>,
    object: &'static Object,
    id: &str,
    given: &Map<String, Value>,
) -> Result<Record, Problem> {
    writable(object, &http::Method::PATCH)?;
    let mut record = rows::live(call.db, object, id)?;
    let change = values::accept(call, object, given, false)?;
    unlocked(call, object, &record.body, Some(&record.id))?;
    orders::before_update(call, &record, &change)?;
    for rule in object.rules {
        match rule {
            Rule::VersionNeverFalls => version_never_falls(&record, &change)?,
            Rule::DetailBy(_) | Rule::Setup | Rule::ReturnsFeature => {}
        }
    }
    for (name, value) in change {
        if value.is_null() {
            record.body.remove(&name);
        } else {
            record.body.insert(name, value);
        }
    }
    unique(call, object, &record.body, Some(&record.id))?;
    duplicates::check(call, object, &record.body, Some(&record.id))?;
    record.modified = call.now.as_millisecond();
    rows::save(call.db, &record)?;
    orders::after_save(call, &mut record)?;
    service::after_save(call, &mut record)?;
    Ok(record)
}

/// Creates or changes the record that carries an external id.
pub(super) fn upsert(
    call: &Call<'_>,
    object: &'static Object,
    key: &'static Field,
    value: &str,
    given: &Map<String, Value>,
    update_only: bool,
) -> Result<Upserted, Problem> {
    if given.keys().any(|name| name.eq_ignore_ascii_case(key.name)) {
        return Err(Problem::bad(
            "INVALID_FIELD",
            format!("The {} field should not be specified in the sobject data.", key.name),
        )
        .on(key.name));
    }
    let found = rows::having(call.db, object, key, value)?;
    match found.as_slice() {
        [] if update_only => Err(Problem::missing()),
        [] => {
            let mut body = given.clone();
            body.insert(key.name.to_owned(), Value::from(value));
            create(call, object, &body).map(Upserted::Created)
        }
        [id] => update(call, object, id, given).map(Upserted::Updated),
        _ => Ok(Upserted::Several(found)),
    }
}

/// Puts a record into the recycle bin.
pub(super) fn delete(call: &Call<'_>, object: &'static Object, id: &str) -> Result<(), Problem> {
    writable(object, &http::Method::DELETE)?;
    let mut record = rows::live(call.db, object, id)?;
    orders::before_delete(call, &record)?;
    record.deleted = true;
    record.modified = call.now.as_millisecond();
    rows::save(call.db, &record)?;
    orders::after_save(call, &mut record)?;
    for (_, child, by) in object.children {
        let Some((child, by)) = org::object(child).and_then(|child| Some((child, child.column(by)?))) else { continue };
        if child.goes_with(by.name) {
            for detail in rows::having(call.db, child, by, &record.id)? {
                delete(call, child, &detail)?;
            }
        }
    }
    Ok(())
}

/// Objects of Setup support describe, query and retrieve only (Object Reference, "CaseStatus").
fn writable(object: &Object, method: &http::Method) -> Result<(), Problem> {
    if object.writable() { Ok(()) } else { Err(Problem::method(method)) }
}

/// The external-id column a path names.
pub(super) fn key_column(call: &Call<'_>, object: &Object, name: &str) -> Result<&'static Field, Problem> {
    call.column(object, name).filter(|field| field.external).ok_or_else(|| {
        Problem::new(
            404,
            "NOT_FOUND",
            format!("Provided external ID field does not exist or is not accessible: {name}"),
        )
    })
}

/// Whether the org refuses a second record with the same value.
pub(super) fn is_unique(call: &Call<'_>, object: &Object, field: &Field) -> bool {
    field.unique && !call.knobs.shared_keys.contains(&format!("{}.{}", object.name, field.name))
}

fn unique(call: &Call<'_>, object: &Object, body: &Map<String, Value>, but: Option<&str>) -> Result<(), Problem> {
    for field in object.fields.iter().filter(|field| is_unique(call, object, field)) {
        let Some(value) = body.get(field.name).and_then(Value::as_str) else { continue };
        if let Some(other) = rows::having(call.db, object, field, value)?.iter().find(|id| Some(id.as_str()) != but) {
            return Err(Problem::bad(
                "DUPLICATE_VALUE",
                format!("duplicate value found: {} duplicates value on record with id: {other}", field.name),
            ));
        }
    }
    Ok(())
}

/// The package's validation rule; its message is the package's, as every validation rule's is its author's.
fn version_never_falls(record: &Record, change: &Map<String, Value>) -> Result<(), Problem> {
    const COLUMN: &str = "Mesh_Version__c";
    let (Some(held), Some(given)) = (record.body.get(COLUMN), change.get(COLUMN)) else { return Ok(()) };
    // A cleared number counts as zero in a formula.
    let held = values::decimal(held).unwrap_or_default();
    if values::decimal(given).unwrap_or_default() < held {
        return Err(Problem::bad(
            "FIELD_CUSTOM_VALIDATION_EXCEPTION",
            format!("MESH_VERSION_STALE: version {held} is already here"),
        )
        .on(COLUMN));
    }
    Ok(())
}

/// The lock knob: a write below a parent finds the parent's row taken; one of an object without parents, its own.
fn unlocked(call: &Call<'_>, object: &Object, body: &Map<String, Value>, own: Option<&str>) -> Result<(), Problem> {
    let mut parents = object.fields.iter().filter(|field| matches!(field.kind, Kind::Reference(..))).peekable();
    let row = match parents.peek() {
        Some(_) => parents.find_map(|field| body.get(field.name).and_then(Value::as_str)),
        None => own,
    };
    match row {
        Some(row) if call.knobs.take_lock() => Err(Problem::bad(
            "UNABLE_TO_LOCK_ROW",
            format!("unable to obtain exclusive access to this record or 1 records: {row}"),
        )),
        _ => Ok(()),
    }
}
