//! Queries over the books: checked against the org first, then filtered, sorted and handed out in pages.

mod filter;

use rusqlite::{OptionalExtension as _, params};
use serde_json::{Map, Value, json};

use super::Call;
use super::fault::Problem;
use super::ids;
use super::org::{self, Object};
use super::rest::{Ask, Reply};
use super::rows::{self, Record};
use super::soql::{self, Column, Query};
use filter::{Target, compare, holds, narrowed, since};

/// Tables of open cursors.
pub(super) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS cursor (
  locator TEXT PRIMARY KEY, session TEXT NOT NULL, query TEXT NOT NULL, ids TEXT NOT NULL, page INTEGER NOT NULL,
  opened INTEGER NOT NULL) WITHOUT ROWID;
";

/// Results and locators live two days.
const CURSOR_LIFE_MS: i64 = 2 * 24 * 3_600_000;
const LONGEST: usize = 100_000;

/// The first page of a query's answer.
pub(super) fn first_page(call: &Call<'_>, ask: &Ask<'_>, with_deleted: bool) -> Result<Reply, Problem> {
    let text = ask.parameter("q").ok_or_else(|| Problem::bad("MALFORMED_QUERY", "Missing required parameter q"))?;
    if text.len() > LONGEST {
        return Err(Problem::bad("MALFORMED_QUERY", "SOQL statements cannot be longer than 100000 characters."));
    }
    let query = soql::parse(text)?;
    let object = call
        .object(&query.from)
        .ok_or_else(|| Problem::bad("INVALID_TYPE", format!("sObject type '{}' is not supported.", query.from)))?;
    let plan = Plan::make(call, object, &query)?;
    let found = plan.find(call, None, with_deleted)?;
    match query.columns.first() {
        Some(Column::CountAll) => return Ok(Reply::ok(json!({"totalSize": found.len(), "done": true, "records": []}))),
        Some(Column::Count(_, alias)) => {
            let mut row = json!({"attributes": {"type": "AggregateResult"}});
            super::put(&mut row, alias.as_deref().unwrap_or("expr0"), Value::from(found.len()));
            return Ok(Reply::ok(json!({"totalSize": 1, "done": true, "records": [row]})));
        }
        Some(Column::Path(_) | Column::Children(_)) | None => {}
    }
    let page = batch_size(ask);
    let records = found.iter().take(page).map(|record| plan.render(call, record)).collect::<Result<Vec<_>, _>>()?;
    if found.len() <= page {
        return Ok(Reply::ok(json!({"totalSize": found.len(), "done": true, "records": records})));
    }
    let ids: Vec<&str> = found.iter().map(|record| record.id.as_str()).collect();
    let opened: i64 = call.db.prepare_cached("SELECT count(*) + 1 FROM cursor")?.query_row([], |row| row.get(0))?;
    let locator = ids::make("0r8", opened);
    call.db
        .prepare_cached(
            "INSERT INTO cursor (locator, session, query, ids, page, opened) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            locator,
            call.session,
            text,
            ids.join(","),
            i64::try_from(page).unwrap_or(2000),
            call.now.as_millisecond()
        ])?;
    Ok(Reply::ok(json!({
        "totalSize": found.len(), "done": false, "nextRecordsUrl": next_url(call, &locator, page), "records": records,
    })))
}

/// A further page, under any version's path.
pub(super) fn next_page(call: &Call<'_>, given: &str) -> Result<Reply, Problem> {
    let lost = || Problem::bad("INVALID_QUERY_LOCATOR", "invalid query locator");
    let (locator, offset) = given.rsplit_once('-').ok_or_else(lost)?;
    let offset: usize = offset.parse().map_err(|_| lost())?;
    let oldest = call.now.as_millisecond().saturating_sub(CURSOR_LIFE_MS);
    let (text, ids, page): (String, String, i64) = call
        .db
        .prepare_cached("SELECT query, ids, page FROM cursor WHERE locator = ?1 AND session = ?2 AND opened >= ?3")?
        .query_row(params![locator, call.session, oldest], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?
        .ok_or_else(lost)?;
    let page = usize::try_from(page).map_err(|_| lost())?;
    let query = soql::parse(&text)?;
    let plan = Plan::make(call, call.object(&query.from).ok_or_else(lost)?, &query)?;
    let ids: Vec<&str> = ids.split(',').collect();
    let due = ids.get(offset..).ok_or_else(lost)?;
    let mut records = Vec::new();
    for id in due.iter().take(page) {
        if let Some(record) = rows::get(call.db, id)? {
            records.push(plan.render(call, &record)?);
        }
    }
    let mut body = json!({"totalSize": ids.len(), "done": due.len() <= page, "records": records});
    if due.len() > page {
        super::put(&mut body, "nextRecordsUrl", Value::from(next_url(call, locator, offset + page)));
    }
    Ok(Reply::ok(body))
}

fn next_url(call: &Call<'_>, locator: &str, offset: usize) -> String {
    format!("/services/data/v{}.0/query/{locator}-{offset}", call.version)
}

/// The hint of the reader, brought between 200 and 2000.
fn batch_size(ask: &Ask<'_>) -> usize {
    let hint = ask.header("sforce-query-options").and_then(|options| {
        options.split(',').find_map(|option| option.trim().strip_prefix("batchSize="))?.trim().parse().ok()
    });
    hint.unwrap_or(2000_usize).clamp(200, 2000)
}

/// A query whose every name was found in the org.
struct Plan {
    object: &'static Object,
    columns: Vec<Shown>,
    condition: Option<filter::Bound>,
    order: Vec<(Target, bool, bool)>,
    limit: Option<usize>,
    offset: usize,
}

enum Shown {
    Value(Target),
    Children { name: &'static str, by: &'static org::Field, plan: Plan },
}

impl Plan {
    fn make(call: &Call<'_>, object: &'static Object, query: &Query) -> Result<Plan, Problem> {
        let find = |path: &[String]| {
            let own = path.first().is_some_and(|first| {
                path.len() > 1
                    && (query.alias.as_deref().is_some_and(|alias| alias.eq_ignore_ascii_case(first))
                        || query.from.eq_ignore_ascii_case(first))
            });
            Target::find(call, object, path.get(usize::from(own)..).unwrap_or_default())
        };
        let mut columns = Vec::new();
        for column in &query.columns {
            match column {
                Column::Path(path) => columns.push(Shown::Value(find(path)?)),
                Column::Count(path, _) => drop(find(path)?),
                Column::CountAll => {}
                Column::Children(inner) => {
                    let known = object.children.iter().find(|(name, ..)| name.eq_ignore_ascii_case(&inner.from));
                    let child = known.and_then(|(name, child, by)| {
                        let child = call.object(child)?;
                        Some((*name, child, child.column(by)?))
                    });
                    let (name, child, by) = child.ok_or_else(|| {
                        Problem::bad(
                            "INVALID_TYPE",
                            format!("Didn't understand relationship '{}' in FROM part of query call.", inner.from),
                        )
                    })?;
                    columns.push(Shown::Children { name, by, plan: Plan::make(call, child, inner)? });
                }
            }
        }
        let condition = query.condition.as_ref().map(|condition| filter::bind(call, condition, &find)).transpose()?;
        let mut order = Vec::new();
        for key in &query.order {
            let target = find(&key.path)?;
            order.push((target.filterable()?, key.descending, key.nulls_last));
        }
        Ok(Plan { object, columns, condition, order, limit: query.limit, offset: query.offset })
    }

    /// Records that match, sorted and cut; children of one parent only when one is given.
    fn find(
        &self,
        call: &Call<'_>,
        parent: Option<(&'static org::Field, &str)>,
        with_deleted: bool,
    ) -> Result<Vec<Record>, Problem> {
        let narrow = match parent {
            Some((by, id)) => Some(rows::having(call.db, self.object, by, id)?),
            None if with_deleted => None,
            None => {
                self.condition.as_ref().map(|condition| narrowed(call, self.object, condition)).transpose()?.flatten()
            }
        };
        let candidates = match narrow {
            Some(ids) => {
                ids.iter().filter_map(|id| rows::get(call.db, id).transpose()).collect::<Result<Vec<_>, _>>()?
            }
            None => match self.condition.as_ref().and_then(since) {
                Some(since) => rows::since(call.db, self.object, since, with_deleted)?,
                None => rows::all(call.db, self.object, with_deleted)?,
            },
        };
        let mut found = Vec::new();
        for record in candidates {
            if (with_deleted || !record.deleted)
                && self.condition.as_ref().map_or(Ok(true), |condition| holds(call, &record, condition))?
            {
                let keys = self
                    .order
                    .iter()
                    .map(|(target, ..)| target.comparable(call, &record))
                    .collect::<Result<Vec<_>, _>>()?;
                found.push((keys, record));
            }
        }
        found.sort_by(|(left, _), (right, _)| {
            let mut sides = left.iter().zip(right).zip(&self.order);
            sides
                .find_map(|((left, right), (_, descending, nulls_last))| {
                    let order = compare(left, right, *descending, *nulls_last);
                    order.is_ne().then_some(order)
                })
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        Ok(found
            .into_iter()
            .skip(self.offset)
            .take(self.limit.unwrap_or(usize::MAX))
            .map(|(_, record)| record)
            .collect())
    }

    fn render(&self, call: &Call<'_>, record: &Record) -> Result<Value, Problem> {
        let mut row = Map::new();
        row.insert("attributes".to_owned(), call.attributes(record));
        for column in &self.columns {
            match column {
                Shown::Value(target) => target.place(call, record, &mut row)?,
                Shown::Children { name, by, plan } => {
                    let children = plan.find(call, Some((by, &record.id)), false)?;
                    let shown = children.iter().map(|child| plan.render(call, child)).collect::<Result<Vec<_>, _>>()?;
                    let value = if shown.is_empty() {
                        Value::Null
                    } else {
                        json!({"totalSize": shown.len(), "done": true, "records": shown})
                    };
                    row.insert((*name).to_owned(), value);
                }
            }
        }
        Ok(Value::Object(row))
    }
}
