//! Records in the books: one row each, values kept in the spelling the service answers with.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row as SqlRow, params};
use serde_json::{Map, Value};

use super::fault::Problem;
use super::ids;
use super::org::{self, Field, Kind, Object};

/// Tables of the records.
pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS record (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, object TEXT NOT NULL, body TEXT NOT NULL,
  created INTEGER NOT NULL, modified INTEGER NOT NULL, deleted INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS record_object ON record(object, deleted, number);
CREATE INDEX IF NOT EXISTS record_modified ON record(object, modified);
CREATE TABLE IF NOT EXISTS indexed (
  object TEXT NOT NULL, field TEXT NOT NULL, value TEXT NOT NULL, id TEXT NOT NULL,
  PRIMARY KEY (object, field, value, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS indexed_id ON indexed(id);
CREATE TABLE IF NOT EXISTS auto_number (object TEXT PRIMARY KEY, given INTEGER NOT NULL) WITHOUT ROWID;
";

const COLUMNS: &str = "id, object, body, created, modified, deleted";

/// One record.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) id: String,
    pub(super) object: &'static Object,
    pub(super) body: Map<String, Value>,
    pub(super) created: i64,
    pub(super) modified: i64,
    pub(super) deleted: bool,
}

impl Record {
    /// The value of a column as the service spells it; null when it has none.
    pub(super) fn value(&self, field: &Field, user: &str) -> Value {
        match field.name {
            "Id" => Value::from(self.id.as_str()),
            "IsDeleted" => Value::from(self.deleted),
            "CreatedDate" => Value::from(stamp(self.created)),
            "LastModifiedDate" | "SystemModstamp" => Value::from(stamp(self.modified)),
            "OwnerId" | "CreatedById" | "LastModifiedById" => Value::from(user),
            name => match field.kind {
                Kind::Address(prefix) => self.address(prefix),
                Kind::PersonName => self.person(),
                Kind::Boolean => self.body.get(name).cloned().unwrap_or(Value::Bool(false)),
                Kind::Id
                | Kind::Text(_)
                | Kind::LongText(_)
                | Kind::Email
                | Kind::Phone
                | Kind::Url
                | Kind::Picklist(..)
                | Kind::Integer
                | Kind::Number(..)
                | Kind::Currency(..)
                | Kind::Date
                | Kind::DateTime
                | Kind::Reference(..)
                | Kind::AutoNumber(..) => self.body.get(name).cloned().unwrap_or(Value::Null),
            },
        }
    }

    /// A stored text value, empty when absent.
    pub(super) fn text(&self, name: &str) -> &str {
        self.body.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    fn address(&self, prefix: &str) -> Value {
        let part = |name: &str| self.body.get(&format!("{prefix}{name}")).cloned().unwrap_or(Value::Null);
        let parts = [
            ("city", part("City")),
            ("country", part("Country")),
            ("geocodeAccuracy", Value::Null),
            ("latitude", Value::Null),
            ("longitude", Value::Null),
            ("postalCode", part("PostalCode")),
            ("state", part("State")),
            ("street", part("Street")),
        ];
        if parts.iter().all(|(_, value)| value.is_null()) {
            return Value::Null;
        }
        Value::Object(parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    fn person(&self) -> Value {
        let names = [self.text("FirstName"), self.text("LastName")];
        Value::from(names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" "))
    }
}

/// Milliseconds as the service writes a dateTime: always whole seconds, always UTC.
pub(super) fn stamp(millis: i64) -> String {
    Timestamp::from_millisecond(millis).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string()
}

/// A record by its 18-character id, deleted or not.
pub(super) fn get(db: &Connection, id: &str) -> Result<Option<Record>, Problem> {
    let mut find = db.prepare_cached(&format!("SELECT {COLUMNS} FROM record WHERE id = ?1"))?;
    Ok(find.query_row([id], read).optional()?.flatten())
}

/// The living record of an object under any spelling of its id.
pub(super) fn live(db: &Connection, object: &Object, id: &str) -> Result<Record, Problem> {
    let Some(id) = ids::canonical(id) else {
        return Err(Problem::new(
            404,
            "NOT_FOUND",
            "Provided external ID field does not exist or is not accessible: Id",
        ));
    };
    match get(db, &id)? {
        Some(record) if record.object.name != object.name => Err(Problem::missing()),
        Some(record) if record.deleted => Err(Problem::deleted()),
        Some(record) => Ok(record),
        None => Err(Problem::missing()),
    }
}

/// Ids of living records that carry this value in an indexed column, oldest first.
pub(super) fn having(db: &Connection, object: &Object, field: &Field, value: &str) -> Result<Vec<String>, Problem> {
    let mut find =
        db.prepare_cached("SELECT id FROM indexed WHERE object = ?1 AND field = ?2 AND value = ?3 ORDER BY id")?;
    let found = find.query_map(params![object.name, field.name, value], |row| row.get(0))?;
    Ok(found.collect::<rusqlite::Result<Vec<String>>>()?)
}

/// Every record of an object, oldest first.
pub(super) fn all(db: &Connection, object: &Object, with_deleted: bool) -> Result<Vec<Record>, Problem> {
    let mut find = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM record WHERE object = ?1 AND (deleted = 0 OR ?2) ORDER BY number"
    ))?;
    let found = find.query_map(params![object.name, with_deleted], read)?;
    Ok(found.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// Every record of an object that changed at or after a moment in milliseconds, oldest first.
pub(super) fn since(db: &Connection, object: &Object, from: i64, with_deleted: bool) -> Result<Vec<Record>, Problem> {
    let mut find = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM record WHERE object = ?1 AND modified >= ?2 AND (deleted = 0 OR ?3) ORDER BY number"
    ))?;
    let found = find.query_map(params![object.name, from, with_deleted], read)?;
    Ok(found.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// Records changed or deleted within [from, until], in milliseconds.
pub(super) fn changed(
    db: &Connection,
    object: &Object,
    from: i64,
    until: i64,
    deleted: bool,
) -> Result<Vec<Record>, Problem> {
    let mut find = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM record WHERE object = ?1 AND modified BETWEEN ?2 AND ?3 AND deleted = ?4 ORDER BY modified, number"
    ))?;
    let found = find.query_map(params![object.name, from, until, deleted], read)?;
    Ok(found.collect::<rusqlite::Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// Adds a record and gives its id.
pub(super) fn insert(
    db: &Connection,
    object: &'static Object,
    body: Map<String, Value>,
    now: Timestamp,
) -> Result<Record, Problem> {
    let number: i64 =
        db.prepare_cached("SELECT coalesce(max(number), 0) + 1 FROM record")?.query_row([], |row| row.get(0))?;
    let mut record = Record {
        id: ids::make(object.prefix, number),
        object,
        body,
        created: now.as_millisecond(),
        modified: now.as_millisecond(),
        deleted: false,
    };
    for field in object.fields {
        if let Kind::AutoNumber(prefix, digits) = field.kind {
            let given = next_number(db, object)?;
            record.body.insert(field.name.to_owned(), Value::from(format!("{prefix}{given:0digits$}")));
        }
    }
    db.prepare_cached(
        "INSERT INTO record (number, id, object, body, created, modified) VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
    )?
    .execute(params![number, record.id, object.name, spelt(&record.body), record.created])?;
    index(db, &record)?;
    Ok(record)
}

/// Writes a changed record back.
pub(super) fn save(db: &Connection, record: &Record) -> Result<(), Problem> {
    db.prepare_cached("UPDATE record SET body = ?2, modified = ?3, deleted = ?4 WHERE id = ?1")?.execute(params![
        record.id,
        spelt(&record.body),
        record.modified,
        record.deleted
    ])?;
    db.prepare_cached("DELETE FROM indexed WHERE id = ?1")?.execute([&record.id])?;
    if !record.deleted {
        index(db, record)?;
    }
    Ok(())
}

/// Whether `having` answers for this column.
pub(super) fn is_indexed(field: &Field) -> bool {
    field.external || (matches!(field.kind, Kind::Reference(..)) && field.createable)
}

fn index(db: &Connection, record: &Record) -> Result<(), Problem> {
    for field in record.object.fields.iter().filter(|field| is_indexed(field)) {
        if let Some(value) = record.body.get(field.name).and_then(Value::as_str) {
            db.prepare_cached("INSERT OR IGNORE INTO indexed (object, field, value, id) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![record.object.name, field.name, value, record.id])?;
        }
    }
    Ok(())
}

fn next_number(db: &Connection, object: &Object) -> Result<i64, Problem> {
    let mut next = db.prepare_cached(
        "INSERT INTO auto_number (object, given) VALUES (?1, 1)
         ON CONFLICT (object) DO UPDATE SET given = given + 1 RETURNING given",
    )?;
    Ok(next.query_row([object.name], |row| row.get(0))?)
}

fn read(row: &SqlRow<'_>) -> rusqlite::Result<Option<Record>> {
    let name: String = row.get(1)?;
    let body: String = row.get(2)?;
    // A row of an object this build does not know any more is left alone.
    let Some(object) = org::object(&name) else { return Ok(None) };
    let body = serde_json::from_str(&body).map_err(|err| rusqlite::Error::ToSqlConversionFailure(Box::new(err)))?;
    Ok(Some(Record {
        id: row.get(0)?,
        object,
        body,
        created: row.get(3)?,
        modified: row.get(4)?,
        deleted: row.get(5)?,
    }))
}

fn spelt(body: &Map<String, Value>) -> String {
    serde_json::to_string(body).unwrap_or_default()
}
