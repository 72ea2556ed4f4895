//! What an agent does in the org's own screens: opens a case, moves it on, closes it, throws it away.

use jiff::Timestamp;
use rusqlite::Connection;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Call;
use super::NEWEST_VERSION;
use super::fault::Problem;
use super::knobs::{Knobs, body, refused};
use super::org::{self, Object};
use super::rows::{self, Record};
use super::saving;
use crate::twin::{Answer, Seen};

/// `POST case`: what the customer wants, and who and what it is about, when the agent knows.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Opened {
    subject: String,
    description: Option<String>,
    origin: Option<String>,
    priority: Option<String>,
    reason: Option<String>,
    contact_mesh_id: Option<String>,
    account_mesh_id: Option<String>,
    account_id: Option<String>,
    order_mesh_id: Option<String>,
    /// Looks for a case with this subject first, like an agent who is interrupted and comes back.
    #[serde(default)]
    once: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Moved {
    status: String,
}

/// Does one thing of an agent's. `None`: no agent does that.
pub(super) fn turn(db: &Connection, now: Timestamp, knobs: &Knobs, verb: &str, seen: &Seen) -> Option<Answer> {
    let mut parts = verb.split('/');
    let ("POST", Some("case")) = (seen.method.as_str(), parts.next()) else { return None };
    let place: Vec<&str> = parts.collect();
    let knobs = knobs.for_agents();
    let call = at_the_screen(db, now, &knobs);
    let case = org::object("Case")?;
    let done = saving::atomically(db, || match place.as_slice() {
        [] => body::<Opened>(seen).and_then(|opened| open(&call, case, opened)).map(|opened| (201, opened)),
        [id, "close"] => to(&call, case, id, "Closed").map(|moved| (200, moved)),
        [id, "status"] => {
            body::<Moved>(seen).and_then(|moved| to(&call, case, id, &moved.status)).map(|moved| (200, moved))
        }
        [id, "delete"] => {
            let held = rows::live(db, case, id)?;
            saving::delete(&call, case, id).map(|()| (200, held))
        }
        _ => Err(Problem::missing()),
    });
    Some(match done {
        Ok((status, case)) => Answer::json(
            status,
            &json!({"id": case.id, "case_number": case.text("CaseNumber"), "status": case.text("Status")}),
        ),
        Err(problem) => refused(&problem),
    })
}

/// A call of somebody who sits at the org's own screens.
pub(super) fn at_the_screen<'a>(db: &'a Connection, now: Timestamp, knobs: &'a Knobs) -> Call<'a> {
    Call { db, now, knobs, version: NEWEST_VERSION, session: "", user: "", allow_save: true, daily_requests: 0 }
}

fn open(call: &Call<'_>, case: &'static Object, opened: Opened) -> Result<Record, Problem> {
    if opened.once
        && let Some(known) = about(call.db, &opened.subject)?
    {
        return rows::live(call.db, case, &known);
    }
    let key = |key: String| json!({"Mesh_Id__c": key});
    let members = [
        ("Subject", Some(Value::from(opened.subject))),
        ("Description", opened.description.map(Value::from)),
        ("Origin", opened.origin.map(Value::from)),
        ("Priority", opened.priority.map(Value::from)),
        ("Reason", opened.reason.map(Value::from)),
        ("Contact", opened.contact_mesh_id.map(key)),
        ("Account", opened.account_mesh_id.map(key)),
        ("AccountId", opened.account_id.map(Value::from)),
        ("Order_Ref__r", opened.order_mesh_id.map(key)),
    ];
    let body: Map<String, Value> =
        members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    saving::create(call, case, &body)
}

/// The oldest case with a subject.
fn about(db: &Connection, subject: &str) -> Result<Option<String>, Problem> {
    let mut find = db.prepare_cached(
        "SELECT id FROM record WHERE object = 'Case' AND deleted = 0 AND json_extract(body, '$.Subject') = ?1
         ORDER BY number LIMIT 1",
    )?;
    let mut found = find.query_map([subject], |row| row.get(0))?;
    Ok(found.next().transpose()?)
}

fn to(call: &Call<'_>, case: &'static Object, id: &str, status: &str) -> Result<Record, Problem> {
    let change = Map::from_iter([("Status".to_owned(), Value::from(status))]);
    saving::update(call, case, id, &change)
}
