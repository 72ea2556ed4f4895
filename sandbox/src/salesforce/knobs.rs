//! What the sandbox's operator may turn: the org's settings, and things that go wrong in it.
//!
//! Knobs live as long as the process; records, tokens and apps live in the books.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use rusqlite::Connection;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::auth::{self, App};
use super::fault::Problem;
use super::{ids, limits, org, rows, service};
use crate::twin::{Answer, Seen};

/// The knobs as they stand.
#[derive(Debug, Clone, Default)]
pub(super) struct Knobs {
    /// Objects with a fuzzy duplicate rule; true when it only alerts.
    pub(super) duplicate_rules: HashMap<String, bool>,
    /// `Object.Field` keys whose uniqueness an admin took away.
    pub(super) shared_keys: HashSet<String>,
    /// `Object.Field` columns, and whole objects, the integration's user may not see: as if the package lacked them.
    pub(super) hidden: HashSet<String>,
    /// Stale tokens are answered as JWT-style ones are.
    pub(super) jwt_tokens: bool,
    /// Where the org lives since its migration.
    pub(super) moved_to: Option<String>,
    /// The feature that brings `ReturnOrder`, when one is on.
    pub(super) returns: Option<Returns>,
    locks: Arc<AtomicU64>,
}

impl Knobs {
    /// The same org for its agents, who see every column and meet no lock.
    pub(super) fn for_agents(&self) -> Knobs {
        Knobs { returns: self.returns, ..Knobs::default() }
    }

    /// Whether this write meets a locked parent.
    pub(super) fn take_lock(&self) -> bool {
        self.locks.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }
}

/// What may bring `ReturnOrder` and its lines to an org.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Returns {
    /// Field Service.
    FieldService,
    /// Order Management, under which returns begin in an activated status.
    OrderManagement,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Features {
    returns: Option<Returns>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Status {
    label: String,
    closed: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Late {
    id: String,
    seconds: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Times {
    times: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DuplicateRule {
    object: String,
    /// True: the rule alerts and a caller may save anyway. Absent: no rule.
    allow_save: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Column {
    field: String,
    on: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Style {
    jwt: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Move {
    instance_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Merge {
    winner: String,
    loser: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Copy {
    object: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Used {
    calls: i64,
}

/// Turns one knob. `None`: there is no such verb.
pub(super) fn turn(knobs: &mut Knobs, db: &Connection, verb: &str, seen: &Seen, now: Timestamp) -> Option<Answer> {
    let done = match (seen.method.as_str(), verb) {
        ("POST", "apps") => body::<App>(seen).and_then(|app| Ok(auth::register(db, &app)?)),
        ("POST", "locks") => body::<Times>(seen).map(|given| knobs.locks.store(given.times, Ordering::SeqCst)),
        ("POST", "duplicate-rule") => body::<DuplicateRule>(seen).map(|given| {
            knobs.duplicate_rules.remove(&given.object);
            if let Some(allow_save) = given.allow_save {
                knobs.duplicate_rules.insert(given.object, allow_save);
            }
        }),
        ("POST", "shared-key") => body::<Column>(seen).map(|given| switch(&mut knobs.shared_keys, given)),
        ("POST", "hide") => body::<Column>(seen).map(|given| switch(&mut knobs.hidden, given)),
        ("POST", "tokens") => body::<Style>(seen).map(|given| knobs.jwt_tokens = given.jwt),
        ("POST", "move") => body::<Move>(seen).map(|given| knobs.moved_to = given.instance_url),
        ("POST", "usage") => body::<Used>(seen).and_then(|given| Ok(limits::count(db, now, given.calls).map(drop)?)),
        ("POST", "features") => body::<Features>(seen).map(|given| knobs.returns = given.returns),
        ("POST", "case-status") => {
            body::<Status>(seen).and_then(|given| service::add_status(db, &given.label, given.closed, now))
        }
        ("POST", "late") => body::<Late>(seen).and_then(|given| late(db, &given, now)),
        ("POST", "copy") => body::<Copy>(seen).and_then(|given| copy(db, &given, now)),
        ("POST", "merge") => body::<Merge>(seen).and_then(|given| merge(db, &given, now)),
        ("GET", "records") => return Some(records(db, seen).unwrap_or_else(|problem| refused(&problem))),
        _ => return None,
    };
    Some(match done {
        Ok(()) => Answer::json(200, &json!({"done": verb})),
        Err(problem) => refused(&problem),
    })
}

fn switch(set: &mut HashSet<String>, column: Column) {
    if column.on {
        set.insert(column.field);
    } else {
        set.remove(&column.field);
    }
}

pub(super) fn body<T: for<'de> Deserialize<'de>>(seen: &Seen) -> Result<T, Problem> {
    serde_json::from_slice(&seen.body).map_err(|err| Problem::bad("BAD_CONTROL", err.to_string()))
}

pub(super) fn refused(problem: &Problem) -> Answer {
    Answer::json(problem.status, &problem.rest())
}

/// An agent merges two records: the loser goes, its children move.
fn merge(db: &Connection, given: &Merge, now: Timestamp) -> Result<(), Problem> {
    let record = |id: &str| ids::canonical(id).map_or(Ok(None), |id| rows::get(db, &id));
    let (Some(winner), Some(mut loser)) = (record(&given.winner)?, record(&given.loser)?) else {
        return Err(Problem::missing());
    };
    if winner.object.name != loser.object.name || winner.deleted || loser.deleted || winner.id == loser.id {
        return Err(Problem::bad("BAD_CONTROL", "winner and loser must be two living records of one object"));
    }
    for (_, child, by) in winner.object.children {
        let Some((child, by)) = org::object(child).and_then(|child| Some((child, child.column(by)?))) else { continue };
        for id in rows::having(db, child, by, &loser.id)? {
            if let Some(mut moved) = rows::get(db, &id)? {
                moved.body.insert(by.name.to_owned(), Value::from(winner.id.as_str()));
                moved.modified = now.as_millisecond();
                rows::save(db, &moved)?;
            }
        }
    }
    loser.body.insert("MasterRecordId".to_owned(), Value::from(winner.id));
    loser.deleted = true;
    loser.modified = now.as_millisecond();
    rows::save(db, &loser)
}

/// A careless import doubles every record of an object, keys and all.
fn copy(db: &Connection, given: &Copy, now: Timestamp) -> Result<(), Problem> {
    let object = org::object(&given.object).ok_or_else(Problem::missing)?;
    for record in rows::all(db, object, false)? {
        rows::insert(db, object, record.body, now)?;
    }
    Ok(())
}

/// A record whose change became visible this much later than its stamp says.
fn late(db: &Connection, given: &Late, now: Timestamp) -> Result<(), Problem> {
    let record = ids::canonical(&given.id).map_or(Ok(None), |id| rows::get(db, &id))?;
    let mut record = record.ok_or_else(Problem::missing)?;
    record.modified = now.as_millisecond().saturating_sub(given.seconds.saturating_mul(1000));
    rows::save(db, &record)
}

/// `GET records?object=Order_Context__c`: the living records as kept, for assertions.
fn records(db: &Connection, seen: &Seen) -> Result<Answer, Problem> {
    let name = super::parameters(&seen.query).into_iter().find(|(name, _)| name == "object").map(|(_, value)| value);
    let object = name.as_deref().and_then(org::object).ok_or_else(Problem::missing)?;
    let all: Vec<Value> = rows::all(db, object, false)?
        .into_iter()
        .map(|record| {
            let mut body = Map::new();
            body.insert("Id".to_owned(), Value::from(record.id));
            body.extend(record.body);
            Value::Object(body)
        })
        .collect();
    Ok(Answer::json(200, &json!({"records": all})))
}
