//! One request's view of the books: a database transaction, the time and the account's settings.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Params, Row};
use serde_json::{Map, Value};

use super::{config::Config, fault::Fault, fields::Kind};

/// Everything a rule may look at.
pub(super) struct Desk<'a> {
    pub(super) db: &'a Connection,
    pub(super) now: Timestamp,
    pub(super) config: &'a Config,
    /// The public address that links start with.
    pub(super) base: &'a str,
}

/// A record as stored.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) id: i64,
    pub(super) kind: Kind,
    pub(super) external_id: Option<String>,
    pub(super) created: String,
    pub(super) modified: String,
    pub(super) body: Map<String, Value>,
}

impl Desk<'_> {
    /// Now, as the books write a date-time.
    pub(super) fn stamp(&self) -> String {
        self.now.strftime("%Y-%m-%d %H:%M:%S#").to_string()
    }

    /// Today, as the wire writes a date.
    pub(super) fn today(&self) -> String {
        self.now.strftime("%Y-%m-%d").to_string()
    }

    /// Runs a cached statement.
    pub(super) fn run(&self, sql: &str, params: impl Params) -> Result<usize, Fault> {
        Ok(self.db.prepare_cached(sql)?.execute(params)?)
    }

    /// The first row, if any.
    pub(super) fn row<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Fault> {
        Ok(self.db.prepare_cached(sql)?.query_row(params, read).optional()?)
    }

    /// All rows.
    pub(super) fn rows<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Fault> {
        let mut statement = self.db.prepare_cached(sql)?;
        let rows = statement.query_map(params, read)?.collect::<rusqlite::Result<Vec<T>>>()?;
        Ok(rows)
    }

    /// The record of this kind and id.
    pub(super) fn record(&self, kind: Kind, id: i64) -> Result<Option<Record>, Fault> {
        self.row(
            "SELECT id, externalid, created, modified, body FROM ns_record WHERE id = ?1 AND kind = ?2",
            (id, kind.name()),
            |row| {
                let body: String = row.get(4)?;
                Ok(Record {
                    id: row.get(0)?,
                    kind,
                    external_id: row.get(1)?,
                    created: row.get(2)?,
                    modified: row.get(3)?,
                    body: serde_json::from_str(&body).unwrap_or_default(),
                })
            },
        )
    }

    /// Who holds this external id in the family of this kind: id and kind name.
    pub(super) fn holder(&self, kind: Kind, external_id: &str) -> Result<Option<(i64, String)>, Fault> {
        self.row(
            "SELECT id, kind FROM ns_record WHERE family = ?1 AND externalid = ?2",
            (kind.family(), external_id),
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    }

    /// Saves a new record and gives it its id.
    pub(super) fn insert(
        &self,
        kind: Kind,
        external_id: Option<&str>,
        body: &Map<String, Value>,
    ) -> Result<Record, Fault> {
        if let Some(external_id) = external_id
            && self.holder(kind, external_id)?.is_some()
        {
            return Err(Fault::duplicate());
        }
        let stamp = self.stamp();
        self.run(
            "INSERT INTO ns_record(kind, family, externalid, created, modified, body) VALUES (?1, ?2, ?3, ?4, ?4, ?5)",
            (kind.name(), kind.family(), external_id, &stamp, Value::Object(body.clone()).to_string()),
        )?;
        Ok(Record {
            id: self.db.last_insert_rowid(),
            kind,
            external_id: external_id.map(str::to_owned),
            created: stamp.clone(),
            modified: stamp,
            body: body.clone(),
        })
    }

    /// Saves a changed record; it counts as modified now.
    pub(super) fn update(&self, record: &Record) -> Result<(), Fault> {
        if let Some(external_id) = &record.external_id
            && self.holder(record.kind, external_id)?.is_some_and(|(id, _)| id != record.id)
        {
            return Err(Fault::duplicate());
        }
        self.run(
            "UPDATE ns_record SET externalid = ?2, modified = ?3, body = ?4 WHERE id = ?1",
            (record.id, &record.external_id, self.stamp(), Value::Object(record.body.clone()).to_string()),
        )?;
        Ok(())
    }

    /// Marks a record and its transaction as modified now.
    pub(super) fn touch(&self, id: i64) -> Result<(), Fault> {
        let stamp = self.stamp();
        self.run("UPDATE ns_record SET modified = ?2 WHERE id = ?1", (id, &stamp))?;
        self.run("UPDATE ns_tran SET modified = ?2 WHERE id = ?1", (id, &stamp))?;
        Ok(())
    }

    /// The display name of what a reference points at.
    pub(super) fn display(&self, kind: &str, id: i64) -> Result<Option<String>, Fault> {
        let name = self.row(
            "SELECT COALESCE(json_extract(body,'$.entityId'), json_extract(body,'$.itemId'), json_extract(body,'$.name')) FROM ns_record WHERE id = ?1",
            [id],
            |row| row.get::<_, Option<String>>(0),
        )?;
        if let Some(Some(name)) = name {
            return Ok(Some(name));
        }
        if let Some(number) = self.row("SELECT tranid FROM ns_tran WHERE id = ?1", [id], |row| row.get(0))? {
            return Ok(Some(number));
        }
        self.row("SELECT name FROM ns_list WHERE kind = ?1 AND id = ?2", (kind, id), |row| row.get(0))
    }
}
