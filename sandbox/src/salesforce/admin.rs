//! What an admin does in the org's own screens: changes any record by hand, throws one away. The rules of the package hold
//! for admins too.

use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::{Map, Value, json};

use super::agent::at_the_screen;
use super::fault::Problem;
use super::knobs::{Knobs, body, refused};
use super::{ids, rows, saving};
use crate::twin::{Answer, Seen};

/// Does one thing of an admin's: `POST record/{id}` with the columns to change, `POST record/{id}/delete`. `None`: no admin
/// does that.
pub(super) fn turn(db: &Connection, now: Timestamp, knobs: &Knobs, verb: &str, seen: &Seen) -> Option<Answer> {
    let place = verb.strip_prefix("record/").filter(|_| seen.method == http::Method::POST)?;
    let (id, verb) = place.split_once('/').unwrap_or((place, ""));
    let knobs = knobs.for_agents();
    let call = at_the_screen(db, now, &knobs);
    let done = saving::atomically(db, || {
        let held = ids::canonical(id).map_or(Ok(None), |id| rows::get(db, &id))?.ok_or_else(Problem::missing)?;
        match verb {
            "" => {
                let change: Map<String, Value> = body(seen)?;
                saving::update(&call, held.object, &held.id, &change).map(|changed| changed.id)
            }
            "delete" => saving::delete(&call, held.object, &held.id).map(|()| held.id),
            _ => Err(Problem::missing()),
        }
    });
    Some(match done {
        Ok(id) => Answer::json(200, &json!({"id": id})),
        Err(problem) => refused(&problem),
    })
}
